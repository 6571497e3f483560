"""`credential_process` at a terminal: it may ask there, and ends with the command that began it."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest
import s3ing
from mounting import binary, daemon_env
from s3ing import ACCESS, SECRET, aws_files

KEYS = '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}' % (ACCESS, SECRET)


@pytest.fixture
def environment(s3, s3_root, tmp_path):
    """A function of a shell script: the environment in which `credential_process` is that script."""
    (tmp_path / "temp").mkdir()

    def make(script):
        (tmp_path / "keys.sh").write_text(script)
        more = s3ing.s3_env(s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root), XDG_CACHE_HOME=str(tmp_path / "xdg"))
        more.update(aws_files(tmp_path / "aws", config="[default]\ncredential_process = sh %s/keys.sh\n" % tmp_path))
        return daemon_env(s3_root, tmp_path, **more)
    return make


class AtTerminal:
    """`metaflowfs ARGS` in the foreground of a terminal of its own."""

    def __init__(self, *args, env, cwd):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(binary(), [binary(), *args], env)
        self.said = b""

    def read_until(self, what):
        """Until it has said that (None: until it has ended), for 60 s."""
        deadline = time.monotonic() + 60
        while what is None or what not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.terminal], [], [], 0.5)[0]:
                try:
                    piece = os.read(self.terminal, 4096)
                except OSError:  # nobody has it open any more
                    piece = b""
                if not piece:
                    assert what is None, self.said
                    return
                self.said += piece

    def type(self, text):
        os.write(self.terminal, text)

    def ended(self):
        """Its exit code; -N when signal N ended it."""
        self.read_until(None)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def wait_for_pid(path):
    deadline = time.monotonic() + 60
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(path.read_text())


def is_gone_soon(pid):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with open("/proc/%d/stat" % pid) as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_it_asks_at_the_terminal(environment, s3_runs, s3_root):
    """S547: at a terminal `credential_process` may ask the person there."""
    env = environment("printf 'code: ' >/dev/tty; read -r code </dev/tty; [ \"$code\" = 12345 ] && echo '%s'\n" % KEYS)
    command = AtTerminal("cat", s3_runs["hello"] + "/.end/summary", env=env, cwd=s3_root)
    command.read_until(b"code: ")
    command.type(b"12345\n")
    assert command.ended() == 0, command.said
    assert b"hello, world" in command.said


@pytest.mark.parametrize("args", [["--check"], ["ls", "RUN/.end"], ["cat", "RUN/.end/summary"]], ids=lambda a: a[0])
def test_ctrl_c_ends_it(environment, s3_runs, s3_root, tmp_path, args):
    """S548: Ctrl-C ends it, and what it waits for, with the command that waits for it."""
    env = environment("echo $$ >%s/pid; sh -c 'echo $$ >%s/began; exec sleep 1003'; true\n" % (tmp_path, tmp_path))
    command = AtTerminal(*(a.replace("RUN", s3_runs["hello"]) for a in args), env=env, cwd=s3_root)
    pids = [wait_for_pid(tmp_path / "pid"), wait_for_pid(tmp_path / "began")]
    command.type(b"\x03")
    assert command.ended() != 0
    assert all(map(is_gone_soon, pids)), command.said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_command(environment, s3_runs, s3_root, tmp_path, how):
    """S548: so it does where there is no terminal and the command alone is ended, however that is."""
    env = environment("echo $$ >%s/pid; exec sleep 1003\n" % tmp_path)
    command = subprocess.Popen([binary(), "cat", s3_runs["hello"] + "/.end/summary"], env=env, cwd=s3_root,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    pid = wait_for_pid(tmp_path / "pid")
    command.send_signal(how)
    assert command.wait(60) != 0
    assert is_gone_soon(pid)
