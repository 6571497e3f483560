#!/usr/bin/env python3
"""The benchmarks of docs/BENCHMARKS.md; started by bench/run. Each figure is measured beside what it is
compared with, in turns, in the same run: the ratio is the median of the pairs' ratios, with its 95 %
confidence interval (bootstrap). Needs root for dropping kernel caches; works without, and says so."""

import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "mount"), str(ROOT / "tests" / "data")]
os.environ.setdefault("METAFLOWFS_BUILD", str(ROOT / "build" / "release"))
for name in [n for n in os.environ if n.startswith(("METAFLOW_", "AWS_"))]:
    del os.environ[name]

import batch  # noqa: E402
import forms  # noqa: E402
import make  # noqa: E402
import s3  # noqa: E402
import service  # noqa: E402
from mounting import Mount, binary, daemon_env, is_mounted  # noqa: E402
from test_scale import copies  # noqa: E402

WORK = pathlib.Path(tempfile.mkdtemp(prefix="metaflowfs-bench-", dir=os.environ.get("BENCH_DIR", "/dev/shm")))
ENTRIES = 10_000
NAMES = int(os.environ.get("BENCH_NAMES", "1000000"))


def interval(values):
    picks = sorted(statistics.median(random.choices(values, k=len(values))) for _ in range(2000))
    return picks[50], picks[1949]


def report(name, ours, theirs, unit, budget, invert=False):
    """One line: both medians, the ratio of the pairs and the budget. invert: larger is better."""
    ratios = [t / o if not invert else o / t for o, t in zip(ours, theirs)]
    low, high = interval(ratios)
    print("%-46s %10.4g %-6s beside %10.4g %-6s ratio %6.2f [%.2f, %.2f]   budget %s" % (
        name, statistics.median(ours), unit, statistics.median(theirs), unit, statistics.median(ratios),
        low, high, budget), flush=True)


def drop_caches():
    try:
        subprocess.run("sync; echo 3 > /proc/sys/vm/drop_caches", shell=True, check=True, stderr=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        print("cannot drop the kernel's caches: cold figures are warm ones")


def timed(*argv, **more):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **more)
    return time.perf_counter() - begin


def mounted(root, name, **more):
    folder = WORK / name
    folder.mkdir()
    mount = Mount(root, folder, **more)
    mount.start()
    return mount


def ended(mount):
    problems = mount.finish()
    if problems:
        print("\n".join(problems))
    shutil.rmtree(mount.workdir)


COLD_CLIENT = """
import sys
from metaflow import Metaflow, Flow, Run, namespace
namespace(None)
flow, run, step, task, name = sys.argv[1].split("/")
[f.id for f in Metaflow()]
[r.id for r in Flow(flow)]
[s.id for s in Run(flow + "/" + run)]
print(Run(flow + "/" + run)[step][task][name].data)
"""


def cold(rounds=15):
    """Mount, list flows, runs, steps, read one small artifact; the same by the client in a new Python."""
    root = WORK / "cold"
    root.mkdir()
    for _ in range(3):
        run = make.run_flow(root, "hello")
    task = "/start/1"
    ours, theirs = [], []
    for n in range(rounds):
        folder = WORK / ("m%d" % n)
        folder.mkdir()
        (folder / "temp").mkdir()
        point = folder / "mnt"
        point.mkdir()
        env = daemon_env(root, folder)
        begin = time.perf_counter()
        subprocess.run([binary(), "--datastore-root", str(root), str(point)], env=env, cwd=folder, check=True)
        os.listdir(point)
        os.listdir(point / "HelloFlow")
        os.listdir(point / run)
        assert (point / (run + task) / "message").read_bytes() == b"hello, world"
        ours.append(time.perf_counter() - begin)
        subprocess.run(["fusermount3", "-u", str(point)], check=True)
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", COLD_CLIENT, run + task + "/message"], check=True,
                              env=make.metaflow_env(root), capture_output=True, text=True)
        theirs.append(time.perf_counter() - begin)
        assert done.stdout == "hello, world\n"
    report("cold start (s)", ours, theirs, "s", "10 x faster than the client")


FLOW_1G = """
import os
from metaflow import FlowSpec, step
class GiantFlow(FlowSpec):
    @step
    def start(self):
        self.data = os.urandom(1 << 20) * 1024
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    GiantFlow()
"""


def passthrough_ll():
    """libfuse's own example, built from the source that libfuse3-dev brings."""
    source = pathlib.Path("/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c")
    if not source.exists():
        return None
    target = WORK / "passthrough_ll"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, text=True, check=True)
    done = subprocess.run(["gcc", "-O2", "-w", str(source), "-o", str(target), *flags.stdout.split()],
                          cwd=source.parent)
    return target if done.returncode == 0 else None


def staged(rounds=7):
    """Reading 1 GiB that is staged on tmpfs, cold in the kernel, beside passthrough_ll over tmpfs."""
    root = WORK / "staged"
    root.mkdir()
    script = WORK / "giant_flow.py"
    script.write_text(FLOW_1G)
    subprocess.run([sys.executable, str(script), "--no-pylint", "run"], check=True, cwd=root,
                   env=make.metaflow_env(root), stdout=subprocess.DEVNULL)
    peer = passthrough_ll()
    if peer is None:
        print("staged read: no passthrough_ll source (install libfuse3-dev with its documentation); left out")
        return
    mount = mounted(root, "staged-mount")
    flow = mount / "GiantFlow"
    path = next(flow.glob("*/start/*/data"))
    begin = time.perf_counter()
    size = os.stat(path).st_size
    timed("dd", "if=%s" % path, "of=/dev/null", "bs=1M", "status=none")
    print("staged read: the first read, with inflating and SHA-1, took %.2f s" % (time.perf_counter() - begin))
    tmpfs, point = WORK / "tmpfs", WORK / "peer"
    tmpfs.mkdir()
    point.mkdir()
    shutil.copyfile(path, tmpfs / "data")
    process = subprocess.Popen([str(peer), "-f", "-o", "source=%s,cache=always" % tmpfs, str(point)])
    make.wait_for(lambda: is_mounted(point), "passthrough_ll")
    ours, theirs, again = [], [], []
    for _ in range(rounds):
        for file, times in ((path, ours), (point / "data", theirs)):
            drop_caches()
            times.append(size / timed("dd", "if=%s" % file, "of=/dev/null", "bs=1M", "status=none") / 1e9)
            if file == path:
                read = mount.stats()["metaflowfs_read_bytes_total"]
                timed("dd", "if=%s" % path, "of=/dev/null", "bs=1M", "status=none")
                again.append(mount.stats()["metaflowfs_read_bytes_total"] - read)
    report("1 GiB from staging, cold in the kernel (GB/s)", ours, theirs, "GB/s", "2.0 x passthrough_ll",
           invert=True)
    # What is counted is the text of `.metaflowfs/stats` itself.
    print("%-46s %10d bytes asked of the daemon%25s budget 0 (but for stats)" % ("the same again", max(again), ""))
    process.terminate()
    process.wait()
    ended(mount)


def real_root(name):
    root = WORK / name
    run = make.run_flow(root, "hello")
    return root, root / ".metaflow" / run, run


def listing(rounds=9):
    """`ls -lU` of 10,000 entries, first and second, beside tmpfs itself."""
    root, folder, run = real_root("listing")
    target = root / ".metaflow" / "HelloFlow"
    copies(folder / "_meta/_self.json", ("%s/%d" % (target, 10**15 + n) for n in range(ENTRIES - 1)))
    plain = WORK / "plain"
    plain.mkdir()
    for n in range(ENTRIES):
        (plain / str(10**15 + n)).mkdir()
    first, second, base_first, base_second = [], [], [], []
    for n in range(rounds):
        mount = mounted(root, "listing-mount")
        path = mount / "HelloFlow"
        drop_caches()
        first.append(timed("ls", "-lU", str(path)))
        second.append(timed("ls", "-lU", str(path)))
        drop_caches()
        base_first.append(timed("ls", "-lU", str(plain)))
        base_second.append(timed("ls", "-lU", str(plain)))
        ended(mount)
    slower = [f / b for f, b in zip(first, base_first)], [s / b for s, b in zip(second, base_second)]
    for name, ours, theirs, ratios in (("first", first, base_first, slower[0]), ("second", second, base_second, slower[1])):
        low, high = interval(ratios)
        print("%-46s %10.4g %-6s beside %10.4g %-6s ratio %6.2f [%.2f, %.2f]   budget %s" % (
            "ls -lU of 10,000 entries, %s (s)" % name, statistics.median(ours), "s", statistics.median(theirs), "s",
            statistics.median(ratios), low, high, "1.5 x tmpfs"))


def memory():
    """RssAnon: idle after 100 requests, after names alone, after attributes, after the kernel forgot."""
    root, folder, run = real_root("memory")
    target = root / ".metaflow" / "HelloFlow"
    copies(folder / "_meta/_self.json", ("%s/%d" % (target, 10**15 + n) for n in range(NAMES)))
    mount = mounted(root, "memory-mount")
    for n in range(100):
        mount.read("HelloFlow/%d/.meta" % (10**15 + n))
    idle = mount.rss_anon()
    print("%-46s %10.2f MiB%44s budget 16 MiB" % ("memory, idle after 100 requests", idle / 2**20, ""))
    subprocess.run("ls -U %s | wc -l" % (mount / "HelloFlow"), shell=True, check=True, stdout=subprocess.DEVNULL)
    names = mount.rss_anon()
    print("%-46s %+10.2f MiB%44s budget +8 MiB" % ("memory, after ls -U of %s names" % format(NAMES, ","),
                                                   (names - idle) / 2**20, ""))
    begin = time.perf_counter()
    subprocess.run("ls -lU %s | wc -l" % (mount / "HelloFlow"), shell=True, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - begin
    long, nodes = mount.rss_anon(), mount.stat("metaflowfs_nodes")
    print("%-46s %10.1f bytes a node (%d nodes, %.0f s)%13s budget 128" % (
        "memory, after ls -lU of them", (long - names) / max(nodes, 1), nodes, took, ""))
    drop_caches()
    time.sleep(3)
    print("%-46s %+10.2f MiB%44s budget given back" % ("memory, after the kernel forgot",
                                                       (mount.rss_anon() - names) / 2**20, ""))
    ended(mount)


def main():
    parts = {"cold": cold, "staged": staged, "listing": listing, "memory": memory,
             "service": lambda: service.run(WORK), "s3": lambda: s3.run(WORK, report),
             "batch": lambda: batch.run(WORK, report), "forms": lambda: forms.run(WORK, report)}
    chosen = sys.argv[1:] or list(parts)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print("%s, %d cores, Linux %s" % (cpu.group(1) if cpu else os.uname().machine, os.cpu_count(), os.uname().release))
    try:
        for part in chosen:
            if part not in parts:
                sys.exit("usage: bench/run [%s ...]" % "|".join(parts))
            parts[part]()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


main()
