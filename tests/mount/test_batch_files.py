"""The files of .batch, written by the programs that people write files with. Nothing is sent: --batch-dry-run."""

import errno
import json
import os
import pathlib
import pty
import shutil
import stat
import subprocess
import time

import pytest

GOOD = '{"command": ["true"],\n "resources": {"cpu": 2}}\n'
OTHER = '{"command": ["false"]}\n'
BAD = '{"command": ["true"], "cpus": 2}\n'
ENV = {"METAFLOW_BATCH_JOB_QUEUE": "q", "METAFLOW_BATCH_CONTAINER_IMAGE": "python:3.11",
       "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": "arn:aws:iam::123456789012:role/r", "AWS_DEFAULT_REGION": "us-east-1"}


def start(mounter, tmp_path, args=(), env=None):
    root = tmp_path / "root"
    (root / ".metaflow").mkdir(parents=True, exist_ok=True)
    return mounter(root, args=["--batch-dry-run", *args], env=dict(ENV, **(env or {})))


@pytest.fixture
def mount(mounter, tmp_path):
    return start(mounter, tmp_path)


@pytest.fixture
def batch(mount):
    return mount.path / ".batch"


@pytest.fixture
def files(tmp_path):
    """Paths of a good job file, another one, and one that is refused."""
    paths = {}
    for name, text in (("good", GOOD), ("other", OTHER), ("bad", BAD)):
        paths[name] = tmp_path / (name + ".json")
        paths[name].write_text(text)
    return paths


def run(command, **options):
    return subprocess.run(command, text=True, capture_output=True, timeout=60, **options)


def status(batch, name):
    return (batch / name / "status").read_text().strip()


def submitted(batch, name):
    """The command of the job that was made, dry."""
    assert status(batch, name) == "dry run"
    return json.loads((batch / name / "request").read_text())["submission"]["containerOverrides"]["command"]


def error(batch, name):
    return (batch / name / "error").read_text()


WRITERS = {
    "cp": "cp {src} {dst}", "cat": "cat {src} > {dst}", "tee": "tee {dst} < {src} > /dev/null",
    "mv": "cp {src} {src}.2; mv {src}.2 {dst}", "install": "install -m 644 {src} {dst}",
    "rsync": "rsync {src} {dst}", "rsync-a": "rsync -a --inplace {src} {dst}", "cp-p": "cp -p {src} {dst}",
    "cp-reflink": "cp --reflink=auto {src} {dst}", "dd": "dd if={src} of={dst} bs=7 status=none",
    "dd-1": "dd if={src} of={dst} bs=1 status=none", "curl": "curl -sS -o {dst} file://{src}",
    "group": "{{ cat {src}; echo; }} > {dst}",
    "pieces": "{{ head -c 10 {src}; tail -c +11 {src}; }} 2>/dev/null > {dst}",
    "append": "head -c 10 {src} > {dst}; tail -c +11 {src} >> {dst}",
    "tmp": "cp {src} {dir}/.tmp1; mv {dir}/.tmp1 {dst}",
    "python": "python3 -c 'import shutil; shutil.copyfile(\"{src}\", \"{dst}\")'",
    "perl": "perl -pe 1 {src} > {dst}", "printf": "printf '%s\\n' \"$(cat {src})\" > {dst}",
    "cp-remove": "cp --remove-destination {src} {dst}",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_programs_that_write(batch, files, writer):
    """S320: each way to write a file submits the job once it is whole, and what was written reads back."""
    for name, want in (("good", ["true"]), ("other", ["false"]), ("good", ["true"])):
        done = run(["bash", "-c", WRITERS[writer].format(src=files[name], dst=batch / "x.json", dir=batch)])
        assert done.returncode == 0 and (not done.stderr or writer in ("append", "pieces")), done
        assert submitted(batch, "x") == want
        assert (batch / "x.json").read_text().strip() == files[name].read_text().strip()
    assert sorted(os.listdir(batch)) == ["x", "x.json"]


REFUSED = [w for w in WRITERS if w not in ("append", "pieces", "printf", "perl", "cat", "group")] + ["sed"]


@pytest.mark.parametrize("writer", REFUSED)
def test_programs_see_a_refusal(batch, files, writer):
    """S321: a program that copies a refused job file fails, and `error` says why."""
    command = WRITERS.get(writer, "cp {src} {dir}/y; sed -i s/cpus/cpuz/ {dir}/y; mv {dir}/y {dst}")
    done = run(["bash", "-c", command.format(src=files["bad"], dst=batch / "x.json", dir=batch)])
    assert done.returncode != 0 and done.stderr, done
    assert "cpu" in error(batch, "x") and "request" not in os.listdir(batch / "x")


def test_mv_that_is_refused_loses_nothing(batch, files):
    """S322: the source of a refused rename stays, and what had the name before stays too."""
    run(["cp", files["good"], batch / "x.json"])
    run(["cp", files["bad"], batch / "scratch"])
    assert run(["mv", batch / "scratch", batch / "x.json"]).returncode != 0
    assert (batch / "scratch").read_text() == BAD and (batch / "x.json").read_text() == GOOD
    with pytest.raises(OSError) as refusal:
        os.rename(batch / "scratch", batch / "y.json")
    assert refusal.value.errno == errno.EINVAL
    (batch / "scratch").write_text(OTHER)
    os.rename(batch / "scratch", batch / "y.json")
    assert submitted(batch, "y") == ["false"] and submitted(batch, "x") == ["true"]
    assert sorted(os.listdir(batch)) == ["x", "x.json", "y", "y.json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_a_shells_own_echo_shows_a_refusal(mount, batch, shell):
    """S323: what can be no job file is refused by the write, which every shell shows."""
    for n, text in enumerate(("{bad", '{"command": ["true"], "cpus": 2}', "[1]", "hello", '{"command": 5}')):
        done = run([shell, "-c", "echo '%s' > %s/s%d.json" % (text, batch, n)])
        assert done.returncode != 0 and done.stderr, (text, done)
        assert error(batch, "s%d" % n)
        assert (batch / ("s%d.json" % n)).read_text() == text + "\n", "kept, to be mended"
    done = run([shell, "-c", "echo '%s' > %s/ok.json" % (OTHER.strip(), batch)])
    assert (done.returncode, done.stderr) == (0, "")
    assert submitted(batch, "ok") == ["false"]
    assert "see .batch/s0/error" in mount.errors()


def test_a_file_in_the_way_of_the_directory(mount, batch, files):
    """S346: a scratch file that is called like the job's directory is in the way until it is gone: nothing is sent."""
    run(["cp", files["good"], batch / "x"])
    for command in ("cp {src} {dir}/x.json", "echo '{text}' > {dir}/x.json", "cp {src} {dir}/t; mv {dir}/t {dir}/x.json"):
        done = run(["bash", "-c", command.format(src=files["good"], dir=batch, text=OTHER.strip())])
        assert done.returncode != 0 and done.stderr, done
        assert (batch / "x").read_text() == GOOD
    assert "rm .batch/x, then save x.json again" in mount.errors()
    os.unlink(batch / "x")
    run(["cp", files["good"], batch / "x.json"])
    assert submitted(batch, "x") == ["true"]
    run(["cp", files["good"], batch / "y"])
    os.rename(batch / "y", batch / "y.json")
    assert submitted(batch, "y") == ["true"]


def test_a_submitted_file_that_is_renamed(mount, batch, files):
    """S347: the file of a submitted job is not renamed to another job file, which would be a second job."""
    run(["cp", files["good"], batch / "x.json"])
    done = run(["mv", batch / "x.json", batch / "y.json"])
    assert done.returncode != 0 and "not permitted" in done.stderr, done
    assert "cp it there" in mount.errors()
    assert sorted(os.listdir(batch)) == ["x", "x.json"] and (batch / "x.json").read_text() == GOOD
    run(["cp", batch / "x.json", batch / "y.json"])
    assert submitted(batch, "y") == ["true"]
    os.rename(batch / "x.json", batch / "x.txt")
    assert sorted(os.listdir(batch)) == ["x", "x.txt", "y", "y.json"]


def test_names_that_do_not_submit(batch, files):
    """S348: names with a dot or ~ in front, or without .json, are scratch."""
    names = [".x.json", "~x.json", "~$x.json", "x.json~", "x.txt"]
    for name in names:
        run(["cp", files["good"], batch / name])
        assert (batch / name).read_text() == GOOD
    assert not [n for n in os.listdir(batch) if (batch / n).is_dir()]


def test_half_of_a_file(batch):
    """S324: a file that is not whole fails its close with line and column, is kept, and can be gone on with."""
    with pytest.raises(OSError) as refusal:
        (batch / "x.json").write_text('{"command":\n  ["true"]')
    assert refusal.value.errno == errno.EINVAL
    assert "line 2" in error(batch, "x")
    with open(batch / "x.json", "a") as f:
        f.write("}\n")
    assert submitted(batch, "x") == ["true"]
    assert "error" not in os.listdir(batch / "x")


def test_nothing_is_nothing(batch):
    """S325: an empty file is no job: touch, `: > f` and truncate make and keep one."""
    for command in ("touch {0}", ": > {0}", "truncate -s 0 {0}", "cp /dev/null {0}", "printf ' \\n' > {0}"):
        done = run(["bash", "-c", command.format(batch / "x.json")])
        assert done.returncode == 0, done
        assert os.listdir(batch) == ["x.json"]


def test_descriptors(batch):
    """S326: one save submits once, whoever closes what; text behind a submitted one is refused, white space is not."""
    fd = os.open(batch / "x.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with pytest.raises(FileExistsError):
        os.open(batch / "x.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    copy = os.dup(fd)
    os.write(fd, GOOD.encode())
    os.close(copy)
    before = (batch / "x" / "request").stat().st_mtime_ns
    assert submitted(batch, "x") == ["true"]
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    os.write(fd, b" \n")
    with pytest.raises(OSError) as refusal:
        os.write(fd, b"{")
    assert refusal.value.errno == errno.EBUSY
    os.fsync(fd)
    os.close(fd)
    assert (batch / "x" / "request").stat().st_mtime_ns == before
    assert (batch / "x.json").read_text() == GOOD + " \n"


def test_written_over_in_place(batch):
    """S327: writes at any place, truncation and appending do what they do elsewhere."""
    (batch / "x.json").write_text('{"command": ["true"], "resources": {"cpu": 4}}')
    with open(batch / "x.json", "r+") as f:
        f.write(OTHER)
        f.truncate()
    assert submitted(batch, "x") == ["false"] and (batch / "x.json").read_text() == OTHER
    with open(batch / "scratch", "wb") as f:
        f.seek(10)
        f.write(b"end")
        f.flush()
        assert os.fstat(f.fileno()).st_size == 13
    assert (batch / "scratch").read_bytes() == b"\0" * 10 + b"end"
    os.truncate(batch / "scratch", 11)
    with open(batch / "scratch", "ab") as f:
        f.write(b"more")
    assert (batch / "scratch").read_bytes() == b"\0" * 10 + b"emore"
    assert (batch / "scratch").stat().st_size == 15


def test_limits(batch):
    """S328: a job file has at most 256 KiB, another file 1 MiB, and there are at most 256 of them."""
    with pytest.raises(OSError) as refusal:
        (batch / "x.json").write_text(" " * 300000)
    assert refusal.value.errno == errno.EINVAL
    (batch / "scratch").write_bytes(b"x" * (1 << 20))
    with pytest.raises(OSError) as refusal:
        (batch / "scratch").write_bytes(b"x" * ((1 << 20) + 1))
    assert refusal.value.errno == errno.ENOSPC
    for n in range(254):
        (batch / ("s%d" % n)).touch()
    with pytest.raises(OSError) as refusal:
        (batch / "more").touch()
    assert refusal.value.errno == errno.ENOSPC
    assert len([n for n in os.listdir(batch) if n != "x"]) == 256
    run(["bash", "-c", "rm %s/s*" % batch])
    (batch / "more").touch()


def test_what_is_not_for_files(mount, batch, files):
    """S329: links, directories and names in a job's directory cannot be made; nothing but the file goes with rm."""
    run(["cp", files["good"], batch / "x.json"])
    for what, number in (
            (lambda: os.symlink("a", batch / "b"), errno.EPERM),
            (lambda: os.link(batch / "x.json", batch / "y.json"), errno.EPERM),
            (lambda: os.mkdir(batch / "d"), errno.EROFS),
            (lambda: os.rmdir(batch / "x"), errno.EROFS),
            (lambda: (batch / "x" / "new").touch(), errno.EROFS),
            (lambda: os.unlink(batch / "x" / "status"), errno.EROFS),
            (lambda: os.rename(batch / "x.json", batch / "x" / "y"), errno.EROFS),
            (lambda: os.rename(batch / "x", batch / "z"), errno.EROFS),
            (lambda: (batch / "x.json.json").touch(), errno.EINVAL),
            (lambda: (batch / "x" / "status").write_text("x"), errno.EROFS)):
        with pytest.raises(OSError) as refusal:
            what()
        assert refusal.value.errno == number, repr(refusal.value)
    os.unlink(batch / "x.json")
    assert os.listdir(batch) == ["x"] and submitted(batch, "x") == ["true"]


def test_modes_and_times(batch, files):
    """S330: all of it is the mounting user's alone, sizes are exact, and times those of the files."""
    old = time.time() - 5000
    os.utime(files["good"], (old, old))
    run(["cp", "-p", files["good"], batch / "x.json"])
    modes = {p: stat.S_IMODE(os.lstat(batch / p).st_mode) for p in
             (".", "x.json", "x", "x/attempts", "x/status", "x/request", "x/ctl")}
    assert modes == {".": 0o700, "x.json": 0o600, "x": 0o700, "x/attempts": 0o700, "x/status": 0o400,
                     "x/request": 0o400, "x/ctl": 0o200}
    assert abs((batch / "x.json").stat().st_mtime - old) < 0.01
    for part in os.listdir(batch / "x"):
        path = batch / "x" / part
        if path.is_file() and part != "ctl":
            assert path.stat().st_size == len(path.read_bytes()), part
    os.chmod(batch / "x.json", 0o644)
    os.chown(batch / "x.json", os.getuid(), os.getgid())
    assert stat.S_IMODE((batch / "x.json").stat().st_mode) == 0o600


def test_help(mount, batch):
    """S331: .batch/.help is the manual, its example a job file; README and .help of the root name .batch."""
    text = (batch / ".help").read_text()
    begin = text.index('{ "command"')
    example = json.loads(text[begin:text.index("\n\n", begin)])
    example.pop("code"), example.pop("depends_on")
    (batch / "example.json").write_text(json.dumps(example))
    assert submitted(batch, "example")[-1] == "/metaflow_temp"
    assert "error" in text and "ctl" in (batch / "example" / ".help").read_text()
    assert ".batch" in mount.read(".help").decode() and ".batch" in mount.read(".metaflowfs/README").decode()
    assert ".batch" not in mount.names()


def test_ctl(mount, batch, files):
    """S332: ctl understands kill, and says so; what never lived cannot be killed."""
    run(["cp", files["good"], batch / "x.json"])
    for word in ("stop", "kill now", ""):
        done = run(["bash", "-c", "printf '%s' > %s/x/ctl" % (word or " ", batch)])
        assert done.returncode != 0
    assert "echo kill > .batch/x/ctl" in mount.errors()
    assert run(["bash", "-c", "echo kill > %s/x/ctl" % batch]).returncode != 0


def test_options(mounter, tmp_path):
    """S333: --no-batch and -o ro mean that there is none of it, and say so."""
    for n, args in enumerate((["--no-batch"], ["-o", "ro"])):
        mount = start(mounter, tmp_path / str(n), args=args)
        assert not (mount.path / ".batch").exists()
        assert ".batch" not in mount.read(".help").decode()
        assert "none (-o ro or --no-batch)" in mount.read(".metaflowfs/status").decode()


def test_nothing_is_made_before_somebody_looks(mounter, tmp_path):
    """S334: a mount that nobody uses for jobs has no journal; without region and keys .batch is empty at once."""
    empty = {name: None for name in os.environ if name.startswith("AWS_")}
    mount = start(mounter, tmp_path, env=dict(empty, AWS_DEFAULT_REGION=None, AWS_EC2_METADATA_DISABLED="true"))
    mount.names()
    mount.read(".metaflowfs/status")
    state = mount.workdir / ".local" / "state"
    assert not state.exists()
    begin = time.monotonic()
    assert os.listdir(mount.path / ".batch") == []
    assert time.monotonic() - begin < 2
    assert "region" in mount.read(".metaflowfs/status").decode()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("allowed", [False, True])
def test_another_user(mounter, tmp_path, files, allowed):
    """S335: with allow_other, others may look at everything but .batch, unless they are let in."""
    args = ["-o", "allow_other" + (",batch_allow_other" if allowed else "")]
    mount = start(mounter, tmp_path, args=args)
    (mount.path / ".batch" / "x.json").write_text(GOOD)
    for folder in (mount.path.parent, *mount.path.parent.parents):
        if str(folder) != "/" and not os.stat(folder).st_mode & 0o001:
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
    commands = ("ls .batch", "cat .batch/x.json", "cat .batch/x/status", "echo ' ' > .batch/y.json")
    for command in commands:
        done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", command],
                   cwd=mount.path)
        assert (done.returncode == 0) == allowed, done


# --- editors --------------------------------------------------------------------------------------


def in_terminal(command, keys, timeout=30):
    """Runs an editor with a terminal of its own and types: (pause in seconds, text) one after another."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execvp(command[0], command)
    try:
        for pause, text in keys:
            time.sleep(pause)
            os.write(fd, text.encode())
        output, end = b"", time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                break
            if not piece:
                break
            output += piece
        return os.waitpid(pid, 0)[1], output.decode(errors="replace")
    finally:
        os.close(fd)


VIM = ["vim", "-u", "NONE", "-i", "NONE", "-n", "-es", "-c"]


@pytest.mark.parametrize("options", ["", "set backup", "set backupcopy=yes", "set backupcopy=no", "set nowritebackup"])
def test_vim(batch, files, options):
    """S336: vim writes a new job, saves it again, and sees E512 for one that is refused, which loses nothing."""
    def edit(keys):
        return run([*VIM[:-1], *(["-c", options] if options else []), "-c", keys, "-c", "wq!", str(batch / "x.json")])

    (batch / "x.json").write_text(GOOD)
    assert edit("%s/true/false/").returncode == 0
    assert submitted(batch, "x") == ["false"]
    assert edit("%s/cpu/cpus/").returncode != 0
    assert "cpus" in error(batch, "x")
    assert "false" in (batch / "x.json").read_text() or "false" in (batch / "x.json~").read_text()
    assert edit("%s/cpus/cpu/e").returncode == 0
    assert submitted(batch, "x") == ["false"]
    assert set(os.listdir(batch)) <= {"x", "x.json", "x.json~"}


def test_vim_with_a_swap_file(batch):
    """S336: the same with a swap file beside the job file."""
    done = run(["vim", "-u", "NONE", "-i", "NONE", "-es", "-c", "call setline(1, '%s')" % OTHER.strip(), "-c", "wq",
                str(batch / "new.json")])
    assert done.returncode == 0, done
    assert submitted(batch, "new") == ["false"]
    assert sorted(os.listdir(batch)) == ["new", "new.json"]


@pytest.mark.skipif(not shutil.which("nano"), reason="nano is not installed")
def test_nano(batch):
    """S336: nano saves, and says that a refused file could not be saved."""
    (batch / "x.json").write_text(GOOD)
    in_terminal(["nano", "-I", str(batch / "x.json")], [(1, " "), (0.5, "\x0f"), (0.5, "\r"), (1, "\x18")])
    assert (batch / "x.json").read_text() == " " + GOOD
    assert submitted(batch, "x") == ["true"]
    assert set(os.listdir(batch)) <= {"x", "x.json"}


@pytest.mark.skipif(not shutil.which("emacs"), reason="emacs is not installed")
def test_emacs(batch):
    """S336: emacs saves with backup and auto-save files; a refusal is an error there."""
    (batch / "x.json").write_text(GOOD)

    def edit(what, old, new):
        return run(["emacs", "-Q", "--batch", str(batch / "x.json"), "--eval",
                    '(progn (goto-char 1) (while (search-forward "%s" nil t) (replace-match "%s")) (do-auto-save)'
                    ' (save-buffer))' % (old, new)])

    done = edit("x", "true", "false")
    assert done.returncode == 0, done
    assert submitted(batch, "x") == ["false"]
    done = edit("x", "cpu", "cpus")
    assert done.returncode != 0 and "cpus" in error(batch, "x"), done
    assert edit("x", "cpus", "cpu").returncode == 0
    assert submitted(batch, "x") == ["false"]


@pytest.mark.threads
def test_many_at_once(batch):
    """S337: many writers of many files do not meet."""
    script = "\n".join("(for k in 1 2 3; do echo '%s' > %s/j%d.json; cat %s/j%d.json > /dev/null; ls %s > /dev/null; "
                       "done) &" % (OTHER.strip(), batch, n, batch, n, batch) for n in range(20))
    done = run(["bash", "-c", script + "\nwait"])
    assert (done.returncode, done.stderr) == (0, "")
    assert len(os.listdir(batch)) == 40
    for n in range(20):
        assert submitted(batch, "j%d" % n) == ["false"]


def test_a_remount_has_what_was_saved(mounter, tmp_path):
    """S338: files that were only written are gone with the mount, and no job is made by mounting."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = start(mounter, tmp_path, env=env)
    (first.path / ".batch" / "scratch").write_text("x")
    first.end()
    second = start(mounter, tmp_path, env=env)
    assert "scratch" not in os.listdir(second.path / ".batch")
    assert pathlib.Path(second.path / ".batch").stat().st_mode & 0o777 == 0o700
