"""With a store that answers slowly or never, only those wait who asked for what it holds up."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import make
import pytest


def ids(runs, *labels):
    return [runs[label].split("/")[1] for label in labels]


def held(mounter, root, tmp_path, rules, **options):
    """A mount whose `rules` hang ({hold} is the file) until release() is called."""
    hold = tmp_path / "hold"
    hold.touch()
    mount = mounter(root, args=["--fault", rules.format(hold=hold)], **options)
    return mount, lambda: hold.unlink(missing_ok=True)


def quickly(what, seconds=1.0):
    """what()'s result, which must come within the time."""
    result = []
    thread = threading.Thread(target=lambda: result.append(what()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "no answer within %.1f s" % seconds
    return result[0]


def waits(process, seconds=0.3):
    time.sleep(seconds)
    return process.poll() is None


def ended(process, seconds):
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


def spawn(*argv):
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def task_path(runs):
    return runs["readers"] + "/start/1"


@pytest.mark.threads
def test_other_paths_answer_at_once(mounter, main_root, runs, tmp_path, task_path, slow_build):
    """S70: while one artifact's bytes hang, everything else is read at once."""
    mount, release = held(mounter, main_root, tmp_path, "read:hang={hold}@ReadersFlow/data")
    blocked = spawn("cat", mount / task_path / "small_00")
    try:
        assert waits(blocked)
        quickly(lambda: mount.names(), slow_build)
        quickly(lambda: mount.names(task_path), slow_build)
        quickly(lambda: mount.read(runs["hello"] + "/start/1/message"), slow_build)
        quickly(lambda: os.stat(mount / task_path / "small_00"), slow_build)
        quickly(lambda: os.stat(mount / task_path / "small_01"), slow_build)
        quickly(lambda: mount.read(".metaflowfs/status"), slow_build)
        release()
        assert ended(blocked, 10) and blocked.returncode == 0
    finally:
        release()
        blocked.kill()
        blocked.wait()


def test_look_ups_of_one_directory(mounter, main_root, runs, tmp_path, slow_build):
    """S71: while a look-up in a directory hangs, a second one in it can be killed, and the directory
    can be listed and looked up in."""
    first, second, free = ids(runs, "hello", "hello-tags", "hello-package")
    mount, release = held(mounter, main_root, tmp_path,
                          "get:hang={hold}@HelloFlow/%s;get:hang={hold}@HelloFlow/%s" % (first, second))
    processes = [spawn("stat", mount / "HelloFlow" / run) for run in (first, second)]
    try:
        assert all(waits(p) for p in processes)
        processes[1].send_signal(signal.SIGKILL)
        assert ended(processes[1], 1.0 * slow_build)
        assert free in quickly(lambda: mount.names("HelloFlow"), slow_build)
        assert quickly(lambda: (mount / "HelloFlow" / free).is_dir(), slow_build)
        assert waits(processes[0], 0)
        release()
        assert ended(processes[0], 10) and processes[0].returncode == 0
    finally:
        release()
        for process in processes:
            process.kill()
            process.wait()


def runs_as(process, name, seconds=20):
    """Waits until the process is that program: before its exec a signal is lost, which takes a while on busy cores."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if pathlib.Path("/proc/%d/comm" % process.pid).read_text().strip() == name:
            return
        time.sleep(0.01)


def interrupted(mount, path, *command, limit, expect_running=True):
    """How long after SIGINT the command ended."""
    process = spawn(*command, path)
    try:
        runs_as(process, command[0])
        assert waits(process, 0.5) is expect_running, command
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert ended(process, limit), "%s is not freed" % (command,)
        return time.monotonic() - begin
    finally:
        process.kill()


RULES = {"ls": ("list:hang={hold}@HelloFlow", "HelloFlow"),
         "stat": ("get:hang={hold}@NamedFlow", "NamedFlow"),
         "cat": ("read:hang={hold}@ReadersFlow/data", "ReadersFlow/%s/start/1/small_02"),
         "head": ("read:hang={hold}@BigFlow/data", "BigFlow/%s/start/1/text")}


@pytest.mark.bounds
@pytest.mark.parametrize("command", RULES)
def test_interrupt_frees_within_100_ms(mounter, main_root, runs, tmp_path, command):
    """S72: Ctrl-C frees a program that waits for the mount within 100 ms."""
    rules, path = RULES[command]
    if "%s" in path:
        path = path % ids(runs, "readers" if "Readers" in path else "big")[0]
    mount, release = held(mounter, main_root, tmp_path, rules)
    try:
        times = sorted(interrupted(mount, mount / path, command, limit=2) for _ in range(3))
        assert times[1] < 0.1, times
    finally:
        release()


def test_interrupt_frees(mounter, main_root, runs, tmp_path, slow_build):
    """S72: Ctrl-C frees a program that waits, and what it waited for is dropped."""
    mount, release = held(mounter, main_root, tmp_path,
                          "list:hang={hold}@HelloFlow;read:hang={hold}@ReadersFlow/data")
    try:
        interrupted(mount, mount / "HelloFlow", "ls", limit=slow_build)
        interrupted(mount, mount / runs["readers"] / "start/1/small_03", "cat", limit=slow_build)
        # The request that reads the statistics counts itself.
        make.wait_for(lambda: mount.stat("metaflowfs_waiting_requests") <= 1, "end of the waiting", 5)
    finally:
        release()


BLOCK = """
import os, sys, threading
def read(path):
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, 1 << 16):
        pass
paths = sys.argv[1:]
threads = [threading.Thread(target=read, args=(p,)) for p in paths]
for t in threads: t.start()
for t in threads: t.join()
"""


@pytest.mark.threads
def test_two_hundred_blocked_readers(mounter, main_root, runs, tmp_path, task_path, slow_build):
    """S73: two hundred blocked readers do not stop the next from reading what is in memory; all of them
    are served when the store answers."""
    in_memory = runs["hello"] + "/start/1/message"
    mount, release = held(mounter, main_root, tmp_path,
                          "read:hang={hold}@ReadersFlow/data;read:hang={hold}@BigFlow/data")
    assert mount.read(in_memory) == b"hello, world"
    names = [n for n in mount.names(task_path) if n.startswith(("small_", "big_"))]
    paths = [str(mount / task_path / n) for n in names[:20]] * 10
    readers = subprocess.Popen([sys.executable, "-c", BLOCK, *paths])
    try:
        make.wait_for(lambda: mount.stat("metaflowfs_waiting_requests") > 200, "200 waiting", 30)
        assert quickly(lambda: mount.read(in_memory), slow_build) == b"hello, world"
        assert quickly(lambda: mount.names(runs["hello"]), slow_build)
        assert quickly(lambda: mount.read(runs["hello-tags"] + "/start/1/message"), slow_build)
        release()
        assert ended(readers, 60) and readers.returncode == 0
    finally:
        release()
        readers.kill()
        readers.wait()


def test_blocked_reads_of_bytes(mounter, main_root, runs, tmp_path, slow_build):
    """S73: the same for readers whose file is open already and whose bytes do not come."""
    mount, release = held(mounter, main_root, tmp_path, "read:hang={hold}@BigFlow/data")
    path = str(mount / runs["big"] / "start/1/text")
    readers = subprocess.Popen([sys.executable, "-c", BLOCK, *[path] * 150])
    try:
        make.wait_for(lambda: mount.stat("metaflowfs_waiting_requests") > 1, "waiting", 30)
        assert quickly(lambda: mount.read(runs["hello"] + "/start/1/message"), slow_build)
        readers.send_signal(signal.SIGKILL)
        assert ended(readers, 3 * slow_build)
    finally:
        release()
        readers.kill()
        readers.wait()


def test_no_progress_is_a_time_out(mounter, main_root, runs, tmp_path):
    """S74: a read that gets no new byte for its deadline fails with ETIMEDOUT and a cause."""
    mount, release = held(mounter, main_root, tmp_path, "read:hang={hold}@ReadersFlow/data",
                          expect_errors=[".*"])
    begin = time.monotonic()
    try:
        with pytest.raises(OSError) as caught:
            mount.read(runs["readers"] + "/start/1/small_04")
        assert caught.value.errno == 110  # ETIMEDOUT
        assert 5 < time.monotonic() - begin < 40
        assert "small_04" in mount.errors()
    finally:
        release()


def test_slow_is_not_wrong(mounter, main_root, runs, client):
    """S75: with every call delayed the mount gives the same answers."""
    mount = mounter(main_root, args=["--fault", "any:delay=20"])
    run = runs["branch"]
    assert sorted(mount.names(run)) == sorted(s.id for s in client.Run(run))
    for step in client.Run(run):
        for task in step:
            assert sorted(mount.names(task.pathspec)) == sorted(a.id for a in task)


def test_ends_while_requests_wait(mounter, main_root, runs, tmp_path):
    """S76: SIGTERM ends the daemon cleanly though requests wait for a store that does not answer."""
    mount, release = held(mounter, main_root, tmp_path, "read:hang={hold}@ReadersFlow/data",
                          expect_errors=[".*"])
    blocked = spawn("cat", mount / runs["readers"] / "start/1/small_05")
    try:
        assert waits(blocked)
        assert mount.end() == 0
        assert ended(blocked, 5)
    finally:
        release()
        blocked.kill()
        blocked.wait()


def test_status_of_a_process_in_a_wait(mounter, main_root, runs, tmp_path):
    """S71: a program that waits for the mount is in no uninterruptible sleep."""
    mount, release = held(mounter, main_root, tmp_path, "get:hang={hold}@NamedFlow")
    blocked = spawn("stat", mount / "NamedFlow")
    try:
        assert waits(blocked)
        state = pathlib.Path("/proc/%d/stat" % blocked.pid).read_text().rsplit(")", 1)[1].split()[0]
        assert state in "SD"
        blocked.kill()
        assert ended(blocked, 1)
    finally:
        release()
        blocked.kill()
        blocked.wait()
