"""The rows of tables' forms: CSV and .npy of a 64 MiB array of floats and of a frame of 1,000,000 rows, through a fresh
mount, in turns with a fresh Python that gets the same artifact by Metaflow's client and writes it by pandas or numpy.
BENCH_ROUNDS is how often, BENCH_FORM_ROWS how many rows."""

import os
import shutil
import subprocess
import sys
import time

import make
from mounting import Mount, binary, daemon_env

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
ROWS = int(os.environ.get("BENCH_FORM_ROWS", "1000000"))

FLOW = """
import numpy, pandas
from metaflow import FlowSpec, step
class FormsFlow(FlowSpec):
    @step
    def start(self):
        rng, n = numpy.random.default_rng(1), ROWS
        self.array = rng.random(8 << 20)
        self.frame = pandas.DataFrame({
            "id": numpy.arange(n), "x": rng.random(n), "price": numpy.round(rng.random(n) * 1000, 2),
            "f4": rng.random(n).astype("f4"), "flag": rng.random(n) < 0.5,
            "day": pandas.to_datetime("2020-01-01") + pandas.to_timedelta(rng.integers(0, 1000, n), "D"),
            "name": ["name%d" % (i % 5000) for i in range(n)],
            "colour": pandas.Categorical(rng.choice(["red", "green", "blue"], n))})
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    FormsFlow()
"""

CLIENT = """
import sys
from metaflow import Task, namespace
namespace(None)
import numpy, pandas
value = Task(sys.argv[1])[sys.argv[2]].data
if sys.argv[3] == "csv":
    pandas.DataFrame(value).to_csv(sys.argv[4])
elif sys.argv[3] == "json":
    value.to_json(sys.argv[4], orient="split", date_format="iso")
elif isinstance(value, pandas.DataFrame):
    with open(sys.argv[4], "wb") as file:
        numpy.save(file, value.to_records())
else:
    with open(sys.argv[4], "wb") as file:
        numpy.save(file, value)
"""


def made(work):
    root, script = work / "forms", work / "forms_flow.py"
    root.mkdir()
    script.write_text(FLOW.replace("ROWS", str(ROWS)))
    subprocess.run([sys.executable, str(script), "--no-pylint", "run", "--run-id-file", str(work / "forms-run")], check=True,
                   cwd=root, env=make.metaflow_env(root), stdout=subprocess.DEVNULL)
    return root, "FormsFlow/%s/start/1" % (work / "forms-run").read_text().strip()


def by_mount(work, root, path, to):
    """Mount, open, and copy."""
    folder = work / "forms-mount"
    folder.mkdir()
    begin = time.perf_counter()
    mount = Mount(root, folder)
    mount.start()
    shutil.copyfile(mount / path, to)
    took = time.perf_counter() - begin
    problems = mount.finish()
    assert not problems, problems
    shutil.rmtree(folder)
    return took


def by_cat(work, root, path, to):
    folder = work / "forms-cat"
    folder.mkdir()
    (folder / "temp").mkdir()
    begin = time.perf_counter()
    with open(to, "wb") as file:
        subprocess.run([binary(), "cat", "--datastore-root", str(root), path], check=True, stdout=file, cwd=folder,
                       env=daemon_env(root, folder))
    took = time.perf_counter() - begin
    shutil.rmtree(folder)
    return took


def run(work, report):
    root, task = made(work)
    ours, theirs = work / "form-ours", work / "form-theirs"
    for name, what in (("array", "64 MiB of floats"), ("frame", "%s rows, 8 columns" % format(ROWS, ","))):
        for form in ("csv", "npy", "json") if name == "frame" else ("csv", "npy"):
            path = "%s/.%s/%s.%s" % (task, form, name, form)
            mounted, catted, client = [], [], []
            for _ in range(ROUNDS):
                mounted.append(by_mount(work, root, path, ours))
                catted.append(by_cat(work, root, path, ours))
                begin = time.perf_counter()
                subprocess.run([sys.executable, "-W", "ignore", "-c", CLIENT, task, name, form, str(theirs)], check=True,
                               env=make.metaflow_env(root), cwd=root)
                client.append(time.perf_counter() - begin)
                if form == "csv":
                    assert ours.read_bytes() == theirs.read_bytes()
            report("%s of %s, mounted (s)" % (form, what), mounted, client, "s", "faster than the client")
            report("%s of %s, cat (s)" % (form, what), catted, client, "s", "faster than the client")
