"""Signals that reach a program while it saves a job: which of them end the save."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

import make
from batching import Held, comes, job, part
from test_batch_once import NOT, once

# A program that catches a signal and writes a job file; what came of it is its exit code.
WRITES = """
import os, signal, sys
for number in (signal.SIGWINCH, signal.SIGALRM, signal.SIGCHLD, signal.SIGURG, signal.SIGIO, signal.SIGINT):
    signal.signal(number, lambda *_: None)
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
code = 0
try:
    os.write(fd, sys.argv[2].encode())
    os.close(fd)
except OSError as error:
    code = error.errno
os._exit(code)
"""


def has_pending(pid, number):
    """Whether a signal waits for a process that is in a call."""
    masks = re.findall(r"(?:SigPnd|ShdPnd):\s*([0-9a-f]+)", pathlib.Path("/proc/%d/status" % pid).read_text())
    return any(int(mask, 16) & 1 << (number - 1) for mask in masks)


def pend(pid, number):
    make.wait_for(lambda: has_pending(pid, number), "the signal")
    time.sleep(0.3)  # what it may do


def resize(process, held):
    """Another size of the terminal for a process whose call has come to the cloud."""
    held.wait()
    process.send_signal(signal.SIGWINCH)
    pend(process.pid, signal.SIGWINCH)


def held_at(cloud, op):
    held = Held()
    cloud.rule = once((op, {"hold": held}))
    return held


@pytest.mark.parametrize("op", ["describejobqueues", "submitjob"])
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_a_child_that_ends(batch_mounter, cloud, tmp_path, shell, op):
    """S550: a child of a shell that ends while its echo writes or closes a job file ends no save."""
    held, ends = held_at(cloud, op), tmp_path / "ends"
    mount = batch_mounter(cloud)
    script = "(while ! [ -e %s ]; do sleep 0.05; done) & echo '%s' > .batch/child.json || exit 9; wait" % (
        ends, job(["x"]))
    process = subprocess.Popen([shell, "-c", script], cwd=mount.path, stderr=subprocess.PIPE, text=True)
    held.wait()
    ends.touch()
    pend(process.pid, signal.SIGCHLD)
    held.go()
    assert (process.wait(30), process.stderr.read()) == (0, "")
    comes(mount, "child", "status", "RUNNABLE")
    assert len(cloud.submitted()) == 1 and not mount.errors()


@pytest.mark.parametrize("number", [signal.SIGWINCH, signal.SIGALRM, signal.SIGURG, signal.SIGIO], ids=lambda n: n.name)
def test_signals_that_end_no_program(batch_mounter, cloud, number):
    """S550: neither does a signal that a program handles and goes on after."""
    held = held_at(cloud, "describejobqueues")
    mount = batch_mounter(cloud)
    process = subprocess.Popen([sys.executable, "-c", WRITES, ".batch/on.json", job(["x"])], cwd=mount.path)
    held.wait()
    process.send_signal(number)
    pend(process.pid, number)
    held.go()
    assert process.wait(30) == 0
    comes(mount, "on", "status", "RUNNABLE")
    assert len(cloud.submitted()) == 1 and not mount.errors()


def test_a_rename_and_a_kill(batch_mounter, cloud, tmp_path):
    """S550: nor does it end a rename that submits, or a write to ctl."""
    held = held_at(cloud, "submitjob")
    mount = batch_mounter(cloud)
    (mount / ".batch/scratch").write_text(job(["x"]))
    catch = "import os, signal, sys; signal.signal(signal.SIGWINCH, lambda *_: None); "
    moves = subprocess.Popen([sys.executable, "-c", catch + "os.rename('.batch/scratch', '.batch/moved.json')"],
                             cwd=mount.path)
    resize(moves, held)
    held.go()
    assert moves.wait(30) == 0
    comes(mount, "moved", "status", "RUNNABLE")
    held = held_at(cloud, "terminatejob")
    kills = subprocess.Popen([sys.executable, "-c", catch + "f = os.open('.batch/moved/ctl', os.O_WRONLY); "
                              "sys.exit(os.write(f, b'kill') != 4)"], cwd=mount.path)
    resize(kills, held)
    held.go()
    assert kills.wait(30) == 0
    comes(mount, "moved", "status", "FAILED")


@pytest.mark.parametrize("op", ["describejobqueues", "submitjob"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_an_end_after_another_signal(batch_mounter, cloud, number, op):
    """S550: Ctrl-C, caught or not, and what else ends a program free it at once, also after a signal that did not;
    errors has what became of the save."""
    held = held_at(cloud, op)
    mount = batch_mounter(cloud)
    process = subprocess.Popen([sys.executable, "-c", WRITES, ".batch/end.json", job(["x"])], cwd=mount.path)
    resize(process, held)
    begin = time.monotonic()
    process.send_signal(number)
    assert process.wait(20) != 0
    assert time.monotonic() - begin < 2
    held.drop()
    make.wait_for(lambda: "end.json" in mount.errors(), "error")
    is_sent = op == "submitjob"
    why = "AWS did not answer whether it exists" if is_sent else "interrupted by a signal"
    assert why in mount.errors() and why in part(mount, "end", "error")
    comes(mount, "end", "status", "unknown" if is_sent else NOT)
    assert not cloud.jobs and len(cloud.log().of("submitjob")) == is_sent


@pytest.mark.bounds
def test_an_interrupt_after_a_child_frees_within_100_ms(batch_mounter, cloud):
    """S550: Ctrl-C frees a save within 100 ms, whatever signal came before."""
    times = []
    for _ in range(5):
        held = held_at(cloud, "describejobqueues")
        mount = batch_mounter(cloud)
        process = subprocess.Popen([sys.executable, "-c", WRITES, ".batch/end.json", job(["x"])], cwd=mount.path)
        resize(process, held)
        begin = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.wait(20)
        times.append(time.monotonic() - begin)
        held.drop()
    assert sorted(times)[2] < 0.1, times
