"""The rows of a metadata service: the walk of a run and the listing of many runs, beside Metaflow's client and
beside the same requests made one after another. Against the double of tests/service, or the service at
BENCH_SERVICE_URL, which must have a flow BENCH_LIST_FLOW (ScaleFlow) of many runs and one BENCH_WALK_FLOW
(ForeachFlow) with a finished run, whose artifacts are below BENCH_SERVICE_ROOT."""

import http.client
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from mounting import Mount
from servicing import Double, service_env

RUNS = int(os.environ.get("BENCH_RUNS", "100000"))
FLOWS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "flows"

WALK = """
import sys
from metaflow import Run, namespace
namespace(None)
run = Run(sys.argv[1])
for step in run:
    for task in step:
        task.finished, [a.id for a in task]
run.successful
"""
LIST = """
import sys
from metaflow import Flow, namespace
namespace(None)
print(sum(1 for _ in Flow(sys.argv[1])))
"""


def seconds(*argv, **more):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **more)
    return time.perf_counter() - begin


class Bench:
    def __init__(self, work):
        self.work, self.url, self.service = work, os.environ.get("BENCH_SERVICE_URL"), None
        self.walk_flow = os.environ.get("BENCH_WALK_FLOW", "ForeachFlow")
        self.list_flow = os.environ.get("BENCH_LIST_FLOW", "ScaleFlow")
        self.root = pathlib.Path(os.environ.get("BENCH_SERVICE_ROOT", str(work)))
        if self.url is None:
            self.double = Double()
            self.service = self.double.open()
            self.url = self.service.url
            self.double.make("runs", name=self.list_flow, count=RUNS)
        self.env = dict(service_env(self.url), METAFLOW_DATASTORE_SYSROOT_LOCAL=str(self.root))
        if self.service is not None:
            subprocess.run([sys.executable, str(FLOWS / "foreach_flow.py"), "run"], check=True, cwd=work,
                           env=dict(os.environ, USER="tester", **self.env), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

    def requests(self, what):
        """What it returned, and how many requests the service saw meanwhile (None for one that we cannot ask)."""
        if self.service is None:
            return what(), None
        self.service.log(clear=True)
        answer = what()
        return answer, len(self.service.log(clear=True))

    def mount(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        mount = Mount(self.root, folder, ["--cache-dir", str(self.work / "cache"), "--settle-after", "1"],
                      env=self.env, cwd=str(self.work))
        mount.start()
        return mount

    def client(self, script, argument):
        env = dict(os.environ, USER="tester", **self.env)
        return seconds(sys.executable, "-c", script, argument, env=env, cwd=self.work)


def row(name, took, requests, note=""):
    print("%-46s %8.3f s   %5s requests   %s" % (name, took, "?" if requests is None else requests, note), flush=True)


def walk(bench):
    mount = bench.mount()
    run = os.listdir(mount / bench.walk_flow)[0]
    at = "%s/%s" % (bench.walk_flow, run)
    steps, tasks = os.listdir(mount / at), 0
    tasks = sum(len(os.listdir(mount / at / step)) for step in steps)
    mount.finish()
    subprocess.run(["rm", "-rf", str(bench.work / "cache")], check=True)
    took, n = bench.requests(lambda: bench.client(WALK, at))
    row("walk of %d steps, %d tasks: the client" % (len(steps), tasks), took, n, "in a new Python")
    mount = bench.mount()
    path = str(mount / at)
    took, n = bench.requests(lambda: seconds(
        "sh", "-c", "find %s -ls && cat %s/.meta && stat %s/*/*/.stdout" % (path, path, path)))
    row("  cold, with states, logs and sizes", took, n, "budget %d requests" % (len(steps) + 8))
    time.sleep(3)
    took, n = bench.requests(lambda: seconds("find", path, "-ls"))
    row("  warm", took, n, "budget 0")
    mount.finish()
    mount = bench.mount()
    took, n = bench.requests(lambda: seconds("find", str(mount / at), "-ls"))
    row("  after a remount", took, n, "budget 0")
    mount.finish()


def all_pages(bench):
    """The requests of a listing and nothing else, on one connection: (time to the first page, to all)."""
    url = urllib.parse.urlsplit(bench.url)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    cursor, first, begin = None, None, time.perf_counter()
    while first is None or cursor:
        query = "?_limit=500" + ("&_cursor=" + urllib.parse.quote(cursor, safe="") if cursor else "")
        connection.request("GET", "%s/flows/%s/runs%s" % (url.path, bench.list_flow, query))
        answer = connection.getresponse()
        answer.read()
        cursor = answer.headers.get("X-Next-Cursor")
        first = first or time.perf_counter() - begin
    return first, time.perf_counter() - begin


def first_entry(path):
    begin = time.perf_counter()
    with subprocess.Popen(["ls", "-U1", path], stdout=subprocess.PIPE, bufsize=0) as ls:
        ls.stdout.read(1)
        took = time.perf_counter() - begin
        ls.stdout.read()
    return took


def listing(bench):
    first, everything, ours_first, ours = [], [], [], []
    for n in range(3):
        pages = all_pages(bench)
        first.append(pages[0])
        everything.append(pages[1])
        subprocess.run(["rm", "-rf", str(bench.work / "cache")], check=True)
        mount = bench.mount()
        path = str(mount / bench.list_flow)
        took, asked = bench.requests(lambda path=path: seconds("ls", "-U", path))
        ours.append(took)
        if n < 2:
            mount.finish()
    row("listing: the same requests alone", statistics.median(everything), None)
    row("  cold, all", statistics.median(ours), asked, "ratio %.2f, budget 1.2" % (
        statistics.median(o / e for o, e in zip(ours, everything))))
    time.sleep(3)
    took, asked = bench.requests(lambda: seconds("ls", "-U", path))
    row("  refreshed", took, asked, "budget 1 request")
    took, asked = bench.requests(lambda: seconds("ls", "-U", path))
    row("  warm", took, asked, "budget 0.3 s")
    mount.finish()
    for n in range(3):
        subprocess.run(["rm", "-rf", str(bench.work / "cache")], check=True)
        mount = bench.mount()
        ours_first.append(first_entry(str(mount / bench.list_flow)))
        mount.finish()
    row("  first name of ls -U", statistics.median(ours_first), None,
        "one page takes %.3f s" % statistics.median(first))
    took, asked = bench.requests(lambda: bench.client(LIST, bench.list_flow))
    row("  the client", took, asked, "in a new Python")


def run(work):
    bench = Bench(work)
    walk(bench)
    listing(bench)
