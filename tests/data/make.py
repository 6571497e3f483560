#!/usr/bin/env python3
"""Makes the data of the mount tests by running the flows of tests/flows with the Metaflow of this
Python: `make.py OUT` leaves OUT/main/.metaflow, OUT/old/.metaflow (old layouts, see old_layouts.py),
OUT/runs.json (label -> pathspec of the run) and OUT/complete. Runs nothing when OUT/complete is there.
"""

import concurrent.futures
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
FLOWS = HERE.parent / "flows"
sys.path.insert(0, str(HERE))


def metaflow_env(root, **more):
    """The environment of a flow or client that uses root/.metaflow and nothing of this machine."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("METAFLOW_")}
    env.update(
        USER="tester",
        HOME=str(root),
        METAFLOW_HOME=str(pathlib.Path(root) / "home"),
        METAFLOW_DATASTORE_SYSROOT_LOCAL=str(root),
        PYTHONDONTWRITEBYTECODE="1",
        LC_ALL="C.UTF-8",
    )
    env.update(more)
    return env


def flow_name(file):
    return "".join(part.capitalize() for part in file.split("_")) + "Flow"


def run_flow(root, file, *args, command="run", top=(), expect=0, **env):
    """Runs tests/flows/<file>_flow.py; returns the pathspec of its run."""
    root.mkdir(parents=True, exist_ok=True)
    script = FLOWS / (file + "_flow.py")
    id_file = root / ("id-%s-%s" % (file, time.monotonic_ns()))
    cmd = [sys.executable, str(script), *top, "--no-pylint", command, *args, "--run-id-file", str(id_file)]
    done = subprocess.run(
        cmd, cwd=root, env=metaflow_env(root, **env), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    if (done.returncode != 0) != (expect != 0):
        raise RuntimeError("%s ended with %d:\n%s" % (" ".join(cmd), done.returncode, done.stdout))
    pathspec = "%s/%s" % (flow_name(file), id_file.read_text().strip())
    id_file.unlink()
    return pathspec


def start_live(root, gates, **env):
    """Starts LiveFlow, in a process group of its own; its tasks wait for files in `gates`."""
    root.mkdir(parents=True, exist_ok=True)
    gates.mkdir(parents=True, exist_ok=True)
    id_file = gates / "run-id"
    process = subprocess.Popen(
        [sys.executable, str(FLOWS / "live_flow.py"), "--no-pylint", "run", "--run-id-file", str(id_file)],
        cwd=root, env=metaflow_env(root, LIVE_FLOW_GATES=str(gates), **env), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: (gates / "start.waiting").exists(), "LiveFlow's first task")
    return process, "LiveFlow/" + id_file.read_text().strip()


def wait_for(what, name, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("no " + name)
        time.sleep(0.02)


def killed_run(root, gates):
    process, pathspec = start_live(root, gates)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return pathspec


def make_main(root):
    runs = {}
    other = root.parent / "other.txt"
    root.mkdir(parents=True, exist_ok=True)
    other.write_bytes("another file: \u00fc\r\n".encode("latin-1"))

    def hellos():
        runs["hello"] = run_flow(root, "hello")
        runs["hello-tags"] = run_flow(root, "hello", "--tag", "nightly", "--tag", "with space",
                                      "--tag", "slash/ed", "--tag", ".dotted", "--greeting", "salve")
        runs["hello-other-user"] = run_flow(root, "hello", USER="somebody")
        runs["hello-package"] = run_flow(root, "hello", METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE="1")
        runs["named"] = run_flow(root, "named")

    def fails():
        runs["fail"] = run_flow(root, "fail", expect=1)
        runs["fail-resumed"] = run_flow(root, "fail", command="resume", FAIL_FLOW_PASS="1")
        runs["fail-end"] = run_flow(root, "fail", expect=1, FAIL_FLOW_PASS="1", FAIL_FLOW_END="1")
        runs["fail-again"] = run_flow(root, "fail", expect=1)

    def foreachs():
        runs["foreach"] = run_flow(root, "foreach")
        origin = runs["foreach"].split("/")[1]
        runs["foreach-resumed"] = run_flow(root, "foreach", "join_outer", "--origin-run-id", origin,
                                           command="resume")

    def cards():
        runs["card"] = run_flow(root, "card")
        origin = runs["card"].split("/")[1]
        runs["card-resumed"] = run_flow(root, "card", "end", "--origin-run-id", origin, command="resume")

    def others():
        runs["params"] = run_flow(root, "params")
        runs["params-given"] = run_flow(root, "params", "--text", "", "--count", "-7", "--flag", "no",
                                        "--nothing", "something", "--doc", str(HERE / "../flows/included-crlf.txt"),
                                        "--blob", str(other))
        runs["big"] = run_flow(root, "big")

    def rest():
        runs["switch"] = run_flow(root, "switch")
        runs["switch-long"] = run_flow(root, "switch", "--kind", "long")
        runs["retry"] = run_flow(root, "retry")
        runs["killed"] = killed_run(root, root.parent / "killed-gates")

    def values():
        runs["values"] = run_flow(root, "values")
        runs["branch"] = run_flow(root, "branch")
        runs["readers"] = run_flow(root, "readers")

    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for job in [pool.submit(j) for j in (foreachs, hellos, values, fails, cards, rest, others)]:
            job.result()
    return runs


def once(out, parts, made):
    """What made() returned that left `parts` in the folder `out`: {label: pathspec}. Of several processes that ask at
    the same time one makes it and the others wait; what somebody left half made is made anew."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (out / "complete").exists():
            return json.loads((out / "runs.json").read_text())
        for part in parts:
            shutil.rmtree(out / part, ignore_errors=True)
        runs = made()
        (out / "runs.json").write_text(json.dumps(runs, indent=1, sort_keys=True))
        (out / "complete").touch()
        return runs


def make(out):
    """Makes what is missing below `out` and returns {label: pathspec}."""
    out = pathlib.Path(out).resolve()

    def made():
        from old_layouts import make_old

        runs = make_main(out / "main")
        return dict(runs, **make_old(out / "main", out / "old", runs))

    return once(out, ("main", "old"), made)


def make_pictures(out):
    """PicturesFlow in a root of its own, OUT/pictures/root, as its artifacts are many and large: {"pictures": pathspec}."""
    own = pathlib.Path(out).resolve() / "pictures"
    return once(own, ("root",), lambda: {"pictures": run_flow(own / "root", "pictures")})


# Labels of the runs of TablesFlow, and the folders beside this Python's that have its pandas (scripts/install-deps).
TABLES = {"tables1": ["lib-pandas1"], "tables2": ["lib-pandas2"], "tables3": [], "tables3-arrow": ["lib-arrow"]}


def tables_path(label):
    """PYTHONPATH of a run of TablesFlow."""
    return os.pathsep.join(str(pathlib.Path(sys.prefix) / folder) for folder in TABLES[label])


def make_tables(out):
    """The runs of TablesFlow below out/tables, which nobody makes who does not look at them: {label: pathspec}."""
    out = pathlib.Path(out).resolve() / "tables"

    def made():
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            jobs = {label: pool.submit(run_flow, out / "root", "tables", PYTHONPATH=tables_path(label)) for label in TABLES}
            return {label: job.result() for label, job in jobs.items()}

    return once(out, ("root",), made)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make.py OUT")
    for label, pathspec in sorted(make(sys.argv[1]).items()):
        print("%-20s %s" % (label, pathspec))
