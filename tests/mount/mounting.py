"""One mount of metaflowfs, started, watched and ended by the tests."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import make


def build_dir():
    return pathlib.Path(os.environ.get("METAFLOWFS_BUILD", "build")).resolve()


def binary():
    return str(build_dir() / "metaflowfs")


def sanitizer():
    """"address", "thread" or "": what the tested build was made with."""
    cache = build_dir() / "CMakeCache.txt"
    text = cache.read_text() if cache.exists() else ""
    found = re.search(r"^METAFLOWFS_SANITIZE:\w+=(\w*)", text, re.M)
    return found.group(1) if found else ""


def is_mounted(path):
    path = str(path)
    with open("/proc/self/mountinfo") as mounts:
        return any(line.split()[4].encode().decode("unicode_escape") == path for line in mounts)


def daemon_env(root, workdir, **more):
    """The environment of metaflowfs in a test: only root's Metaflow, sanitizers with reports in files."""
    env = make.metaflow_env(root)
    del env["METAFLOW_DATASTORE_SYSROOT_LOCAL"]
    reports = str(workdir / "sanitizer")
    env.update(
        HOME=str(workdir), METAFLOW_HOME=str(workdir / "home"), METAFLOW_TEMPDIR=str(workdir / "temp"),
        AWS_EC2_METADATA_DISABLED="true",  # a test asks no machine for credentials but those it starts
        ASAN_OPTIONS="log_path=%s:detect_leaks=1:detect_stack_use_after_return=0:exitcode=99" % reports,
        UBSAN_OPTIONS="log_path=%s:print_stacktrace=1:exitcode=99" % reports,
        TSAN_OPTIONS="log_path=%s:second_deadlock_stack=1:history_size=4:exitcode=99" % reports,
    )
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


class Mount:
    """`root` contains `.metaflow`. Errors in the log fail the test unless a regex of expect_errors
    matches them; so do a sanitizer's report, an exit code but 0, and a mount that stays."""

    def __init__(self, root, workdir, args=(), env=None, expect_errors=(), foreground=True, cwd=None,
                 command=(), log_level="info"):
        self.root, self.workdir = pathlib.Path(root), pathlib.Path(workdir)
        self.path = self.workdir / "mnt"
        self.log_file = self.workdir / "log"
        self.args, self.foreground, self.cwd = list(args), foreground, cwd
        self.expect_errors = [re.compile(e) for e in expect_errors]
        self.command, self.log_level = list(command), log_level
        self.env = daemon_env(self.root, self.workdir, **(env or {}))
        self.process = None
        self.pid = None
        self.ended = self.may_stay = False

    def argv(self):
        argv = [*self.command, binary()]
        if self.foreground:
            argv.append("-f")
        if self.cwd is None:
            argv += ["--datastore-root", str(self.root)]
        argv += ["--log-file", str(self.log_file), "--log-level", self.log_level]
        return [*argv, *self.args, str(self.path)]

    def start(self):
        self.path.mkdir()
        (self.workdir / "temp").mkdir()
        with open(self.workdir / "output", "wb") as output:
            self.process = subprocess.Popen(
                self.argv(), env=self.env, cwd=self.cwd or str(self.workdir), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)
        if self.foreground:
            self.pid = self.process.pid
            make.wait_for(lambda: is_mounted(self.path) or self.process.poll() is not None, "mount", 60)
            assert is_mounted(self.path), "not mounted:\n" + self.output()
        else:
            assert self.process.wait(60) == 0, self.output()
            assert is_mounted(self.path), "returned before the mount was there"
            self.pid = self._daemon_pid()

    def _daemon_pid(self):
        for proc in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if proc.name.isdigit() and str(self.path).encode() in (proc / "cmdline").read_bytes().split(b"\0"):
                    return int(proc.name)
        raise AssertionError("no daemon of " + str(self.path))

    def output(self):
        return (self.workdir / "output").read_text(errors="replace")

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def __truediv__(self, name):
        return self.path / name

    def read(self, path):
        return (self.path / path.lstrip("/")).read_bytes()

    def names(self, path=""):
        """Names of a directory as readdir gives them."""
        return os.listdir(self.path / path.lstrip("/"))

    def stats(self):
        """`.metaflowfs/stats` as {"name" or 'name{label="x"}': number}."""
        found = {}
        for line in self.read(".metaflowfs/stats").decode().splitlines():
            if line and not line.startswith("#"):
                key, value = line.rsplit(" ", 1)
                found[key] = float(value)
        return found

    def stat(self, name):
        """The sum of a statistic over its labels; name may be a regex."""
        values = [v for k, v in self.stats().items() if re.fullmatch(name + r"(\{.*\})?", k)]
        assert values, "no statistic " + name
        return sum(values)

    def opens(self):
        """How often artifacts, and how often other files but .metaflowfs/*, were opened."""
        kinds = dict(re.findall(r'opens_by_kind_total\{kind="([^"]*)"\} (\d+)', self.read(".metaflowfs/stats").decode()))
        kinds.pop("control-file", None)
        artifact = int(kinds.pop("artifact", 0))
        return {"artifact": artifact, "computed": sum(map(int, kinds.values()))}

    def errors(self):
        return self.read(".metaflowfs/errors").decode()

    def rss_anon(self):
        """Bytes of anonymous memory."""
        status = pathlib.Path("/proc/%d/status" % self.pid).read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    def end(self, sig=signal.SIGTERM, may_stay=False):
        """Ends the daemon with a signal; returns its exit code (0 for one that daemonised and is gone). may_stay: it is
        killed while others use the mount, which fusermount3, who unmounts then, may find to be in use and leave."""
        self.ended, self.may_stay = True, may_stay
        try:
            os.kill(self.pid, sig)
        except ProcessLookupError:
            pass
        if self.foreground:
            return self.process.wait(60)
        make.wait_for(lambda: not os.path.exists("/proc/%d" % self.pid), "end of the daemon", 60)
        return 0

    def finish(self):
        """Ends what is left of it and tells every problem that was seen."""
        problems = []
        if self.process is None:
            return problems
        if not self.ended and self.pid is not None:
            try:
                code = self.end()
                if code != 0:
                    problems.append("%s: exit code %d\n%s" % (self.path, code, self.output()))
            except (subprocess.TimeoutExpired, TimeoutError):
                problems.append("%s: does not end on SIGTERM" % self.path)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
        if is_mounted(self.path):
            if not self.may_stay:
                problems.append("%s: still mounted" % self.path)
            subprocess.run(["fusermount3", "-u", "-z", str(self.path)], check=False)
        return problems + self.reports()

    def reports(self):
        problems = ["%s:\n%s" % (f, f.read_text(errors="replace")[:6000])
                    for f in sorted(self.workdir.glob("sanitizer.*"))]
        for line in self.log().splitlines():
            if re.match(r"\S+ +(ERROR|error)\b", line) and not any(e.search(line) for e in self.expect_errors):
                problems.append("logged: " + line)
        left = list((self.workdir / "temp").glob("metaflow.s3.*"))
        if left:
            problems.append("left in METAFLOW_TEMPDIR: %s" % left)
        return problems


def run_metaflowfs(*args, root=None, workdir=None, env=None, timeout=60, cwd=None, **more):
    """`metaflowfs ARGS`, waited for; stdout and stderr as text."""
    workdir = pathlib.Path(workdir)
    (workdir / "temp").mkdir(exist_ok=True)
    full = daemon_env(root or workdir, workdir, **(env or {}))
    for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        full[key] = full[key].split(":", 1)[1]  # reports on stderr
    more.setdefault("text", True)
    return subprocess.run([binary(), *args], env=full, cwd=cwd or workdir, timeout=timeout,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
