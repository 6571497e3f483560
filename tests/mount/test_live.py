"""A run that another process writes is seen as it grows, within the time-to-live and with no remount."""

import contextlib
import json
import os
import pathlib
import subprocess
import time

import make
import pytest

TTL = 1.0
SLACK = 1.5


@contextlib.contextmanager
def client_at(client, root, back):
    client.metadata("local@%s" % root)
    client.namespace(None)
    try:
        yield client
    finally:
        client.metadata("local@%s" % back)


def soon(what, name, slow_build):
    """Waits until what() holds: within the TTL, with some slack for the build."""
    make.wait_for(what, name, TTL + SLACK * slow_build)


@pytest.fixture
def live(tmp_path, main_root, runs, mounter):
    """(mount, root, gates, function that starts the run): HelloFlow is there from the start."""
    import shutil

    root, gates = tmp_path / "live", tmp_path / "gates"
    shutil.copytree(main_root / ".metaflow" / "HelloFlow", root / ".metaflow" / "HelloFlow")
    mount = mounter(root, args=["--ttl", str(int(TTL))])
    started = []

    def start():
        process, pathspec = make.start_live(root, gates)
        started.append(process)
        return process, pathspec

    yield mount, root, gates, start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()


def opened(gates, name):
    (gates / name).touch()


def agree(mount, client, run):
    """Mount and client say the same of every task: names, state, logs."""
    for step in client.Run(run):
        for task in step:
            meta = json.loads(mount.read(task.pathspec + "/.meta"))
            same = (sorted(mount.names(task.pathspec)) == sorted(a.id for a in task)
                    and meta["finished"] == task.finished and meta["successful"] == task.successful
                    and meta["current_attempt"] == task.current_attempt
                    and mount.read(task.pathspec + "/.stdout").decode() == task.stdout)
            if not same:
                return False
    return sorted(mount.names(run)) == sorted(s.id for s in client.Run(run))


@pytest.mark.threads
def test_a_run_is_seen_as_it_grows(live, client, main_root, slow_build):
    """S60, S61, S62: flow, run, steps, tasks, artifacts, states and logs of a running flow appear within
    the TTL, also where a look-up had found nothing before; the client says the same at each stage."""
    mount, root, gates, start = live
    assert mount.names() == ["HelloFlow"]
    assert not (mount / "LiveFlow").exists()
    process, run = start()
    soon(lambda: (mount / run).is_dir(), "the run in the mount", slow_build)
    with client_at(client, root, main_root):
        soon(lambda: "LiveFlow" in mount.names(), "the flow in the listing", slow_build)
        first = run + "/start/1"
        soon(lambda: (mount / first).is_dir(), "the first task", slow_build)
        assert mount.names(first) == []
        assert not (mount / first / "first").exists()
        assert json.loads(mount.read(first + "/.meta"))["status"] in ("unknown", "running")
        assert run.split("/")[1] in mount.names("LiveFlow/.running")
        assert os.readlink(mount / "LiveFlow" / ".latest") == run.split("/")[1]
        assert not os.path.lexists(mount / "LiveFlow" / ".latest-successful")
        opened(gates, "start")
        soon(lambda: (mount / first / "first").exists(), "the first artifact", slow_build)
        assert mount.read(first + "/first") == b"first"
        soon(lambda: b"start is through" in mount.read(first + "/.stdout"), "the log", slow_build)
        soon(lambda: json.loads(mount.read(first + "/.meta"))["status"] == "done", "done", slow_build)
        soon(lambda: len(mount.names(run + "/work")) == 2, "the foreach", slow_build)
        opened(gates, "work-0-0")
        opened(gates, "work-1-0")
        make.wait_for((gates / "work-1-1.waiting").exists, "the second attempt", 30)
        soon(lambda: agree(mount, client, run), "agreement in the retry", slow_build)
        opened(gates, "work-1-1")
        make.wait_for((gates / "join.waiting").exists, "the join", 30)
        soon(lambda: agree(mount, client, run), "agreement after the foreach", slow_build)
        for name in ("join", "end"):
            opened(gates, name)
        assert process.wait(60) == 0
        soon(lambda: agree(mount, client, run), "agreement at the end", slow_build)
        soon(lambda: json.loads(mount.read(run + "/.meta"))["status"] == "done", "done", slow_build)
        assert os.readlink(mount / "LiveFlow" / ".latest-successful") == run.split("/")[1]
        assert mount.read(run + "/.end/last") == b"last"
        assert mount.names("LiveFlow/.running") == []


def decorate(text):
    from metaflow.mflog import mflog

    return b"".join(mflog.decorate("task", line + b"\n") for line in text.splitlines())


def rewrite(path, data):
    """As a remote task uploads its log: the whole file anew."""
    temporary = path.with_name("tmp" + path.name)
    temporary.write_bytes(data)
    temporary.rename(path)


def test_tail_follows_a_growing_log(live, slow_build, client):
    """S63: a log that is rewritten longer grows under `tail -f`, each line once."""
    mount, root, gates, start = live
    _, run = start()
    soon(lambda: (mount / run / "start/1").is_dir(), "the task", slow_build)
    log = root / ".metaflow" / run / "start/1/0.task_stdout.log"
    data = decorate(b"line 1")
    rewrite(log, data)
    soon(lambda: mount.read(run + "/start/1/.stdout") == b"line 1\n", "the first line", slow_build)
    tail = subprocess.Popen(["tail", "-n", "+1", "-s", "0.2", "-f", mount / run / "start/1/.stdout"],
                            stdout=subprocess.PIPE)
    try:
        lines = []
        os.set_blocking(tail.stdout.fileno(), False)

        def has(want):
            chunk = tail.stdout.read()
            if chunk:
                lines.append(chunk)
            return b"".join(lines) == want

        want = b"line 1\n"
        soon(lambda: has(want), "the first line in tail", slow_build)
        for n in range(2, 5):
            line = b"line %d" % n + (b" " + b"x" * 9000 if n == 3 else b"")
            data += decorate(line)
            want += line + b"\n"
            rewrite(log, data)
            soon(lambda: has(want), "line %d in tail" % n, slow_build)
    finally:
        tail.kill()
        tail.wait()


def test_temporary_files_are_never_objects(writable_root, mounter, runs, client, slow_build):
    """S64: Metaflow's temporary files and a half-written latest_run are no objects."""
    root = writable_root("hello")
    mount = mounter(root, args=["--ttl", "1"])
    base, run = root / ".metaflow", runs["hello"]
    before = {f: sorted(mount.names(f)) for f in ("", "HelloFlow", run, run + "/start", run + "/start/1")}
    latest = os.readlink(mount / "HelloFlow" / ".latest")
    for folder in ("", "HelloFlow", run, run + "/start", run + "/start/1"):
        (base / folder / "tmpq1w2e3r4").write_text("{")
        (base / folder / "_meta").mkdir(exist_ok=True)
        (base / folder / "_meta" / "tmpa1b2c3d4").write_text('{"half":')
    (base / "HelloFlow" / "latest_run").write_text("17")
    (base / "HelloFlow" / "12345").mkdir()  # a run whose _self.json is not there yet
    (base / "HelloFlow" / "12345" / "_meta").mkdir()
    time.sleep(TTL + 0.2)
    for folder, names in before.items():
        assert sorted(mount.names(folder)) == names
        assert not (mount / folder / "tmpq1w2e3r4").exists()
    assert not (mount / "HelloFlow" / "12345").exists()
    assert os.readlink(mount / "HelloFlow" / ".latest") == latest


def test_a_new_root_entry_and_a_removed_run(writable_root, mounter, runs, slow_build, main_root):
    """S60: a flow that appears, and a run that somebody removed, are seen within the TTL."""
    import shutil

    root = writable_root("hello")
    mount = mounter(root, args=["--ttl", "1"])
    gone = runs["hello-tags"].split("/")[1]
    assert gone in mount.names("HelloFlow") and not (mount / "NamedFlow").exists()
    shutil.copytree(main_root / ".metaflow" / "NamedFlow", root / ".metaflow" / "NamedFlow")
    shutil.rmtree(root / ".metaflow" / "HelloFlow" / gone)
    soon(lambda: gone not in mount.names("HelloFlow"), "the removal in the listing", slow_build)
    soon(lambda: not (mount / "HelloFlow" / gone).exists(), "the removal", slow_build)
    soon(lambda: sorted(mount.names()) == ["HelloFlow", "NamedFlow"], "the new flow", slow_build)
    assert (mount / "NamedFlow").is_dir()


def test_refresh(writable_root, mounter, runs, main_root):
    """S65: a path written to .metaflowfs/refresh is looked at anew at once, whatever the TTL."""
    import shutil

    root = writable_root("hello")
    mount = mounter(root, args=["--ttl", "300"])
    assert "NamedFlow" not in mount.names() and not (mount / "NamedFlow").exists()
    shutil.copytree(main_root / ".metaflow" / "NamedFlow", root / ".metaflow" / "NamedFlow")
    pathlib.Path(mount / ".metaflowfs/refresh").write_text("/\n")
    make.wait_for(lambda: "NamedFlow" in mount.names(), "the flow in the listing", 2)
    make.wait_for(lambda: (mount / "NamedFlow").is_dir(), "the flow", 2)


def test_sighup(writable_root, mounter, runs, main_root):
    """S65: SIGHUP has everything looked at anew."""
    import shutil
    import signal

    root = writable_root("hello")
    mount = mounter(root, args=["--ttl", "300"])
    assert "NamedFlow" not in mount.names() and not (mount / "NamedFlow").exists()
    shutil.copytree(main_root / ".metaflow" / "NamedFlow", root / ".metaflow" / "NamedFlow")
    os.kill(mount.pid, signal.SIGHUP)
    make.wait_for(lambda: "NamedFlow" in mount.names() and (mount / "NamedFlow").is_dir(), "the flow", 3)
