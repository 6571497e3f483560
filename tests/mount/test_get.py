"""`metaflowfs get`: what a mount shows, copied to files without a mount."""

import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import termios
import time

import make
import pytest
from mounting import binary, daemon_env, run_metaflowfs
from test_bad_input import artifact_blob, damage_flip

STATE = ".metaflowfs-get"


@pytest.fixture
def get(tmp_path, main_root):
    """get(PATHSPEC, DIR, ...) over the data of all flows, or over root=."""

    def run(*args, root=main_root, **more):
        return run_metaflowfs("get", "--datastore-root", str(root), *map(str, args), root=root, workdir=tmp_path, **more)

    return run


def start(tmp_path, *args, root, **more):
    """The same, but not waited for."""
    (tmp_path / "temp").mkdir(exist_ok=True)
    more.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([binary(), "get", "--datastore-root", str(root), *map(str, args)], cwd=tmp_path,
                            env=daemon_env(root, tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more)


def files(top):
    """{path below top: bytes} but for the state."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if name != STATE:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, top)] = file.read()
    return found


def parts(top):
    return [p for p in files(top) if "metaflowfs-part" in p]


def ok(done):
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


@pytest.mark.threads
def test_everything_is_what_cp_leaves(get, mnt, tmp_path):
    """S200: what it leaves is what `cp -r` of the mount leaves, byte for byte, with the times that the mount shows."""
    subprocess.run(["cp", "-r", "%s/." % mnt.path, str(tmp_path / "cp")], check=True)
    (tmp_path / "got").mkdir()
    text = ok(get("/", tmp_path / "got"))
    want, got = files(tmp_path / "cp"), files(tmp_path / "got")
    assert sorted(want) == sorted(got)
    assert [p for p in want if want[p] != got[p]] == []
    assert re.fullmatch(r"%d files, 1\d\d\.\d MiB in \d+\.\d s \(\d+ MB/s\)\n" % len(want), text), text
    for path in list(want)[::7]:
        assert abs((mnt / path).stat().st_mtime - (tmp_path / "got" / path).stat().st_mtime) < 0.01, path


def test_where_it_goes(get, mnt, runs, tmp_path):
    """S200: a DIR that exists gets the copy under its name, one that does not becomes it; dot names are followed."""
    run = runs["hello"]
    want = files(mnt / run)
    assert len(want) == 9
    ok(get(run, tmp_path / "new"))
    assert files(tmp_path / "new") == want
    (tmp_path / "old").mkdir()
    ok(get(run + "/", tmp_path / "old"))
    assert files(tmp_path / "old" / run.split("/")[1]) == want
    latest = os.readlink(mnt / "HelloFlow/.latest")
    ok(get("HelloFlow/.latest", tmp_path / "old"))
    assert files(tmp_path / "old" / latest) == files(mnt / "HelloFlow" / latest)
    ok(get(run + "/.end", tmp_path / "end"))
    assert files(tmp_path / "end") == files(mnt / run / "end/2")
    ok(get(run + "/start/1/message", tmp_path / "one"))
    assert (tmp_path / "one").read_bytes() == mnt.read(run + "/start/1/message")
    ok(get(run + "/start/1/message", tmp_path / "old"))
    assert (tmp_path / "old" / "message").read_bytes() == mnt.read(run + "/start/1/message")
    ok(get(run + "/.parameters", tmp_path / "parameters"))
    assert files(tmp_path / "parameters") == files(mnt / run / ".parameters")
    assert ", 1 link was left out" in ok(get(run + "/start/1/.children", tmp_path / "links"))
    assert files(tmp_path / "links") == {}


def test_raw_and_logs(get, mnt, runs, tmp_path):
    """S201: --raw gives the stored bytes, --logs the logs beside the artifacts."""
    run = runs["hello"]
    ok(get("--raw", "--logs", run, tmp_path / "out"))
    got = files(tmp_path / "out")
    for task in ("start/1", "end/2"):
        for name in mnt.names(run + "/" + task):
            assert got.pop("%s/%s" % (task, name)) == mnt.read("%s/%s/.pickle/%s" % (run, task, name))
        for name in (".stdout", ".stderr"):
            assert got.pop("%s/%s" % (task, name)) == mnt.read("%s/%s/%s" % (run, task, name))
    assert got == {}
    ok(get("--raw", run + "/start/1/numbers", tmp_path / "one"))
    assert (tmp_path / "one").read_bytes() == mnt.read(run + "/start/1/.pickle/numbers")


@pytest.mark.threads
def test_goes_on_after_a_kill(get, mnt, runs, main_root, tmp_path):
    """S202: a copy that was killed goes on where it was: what is complete is not read again."""
    run, out = runs["foreach"], tmp_path / "out"
    process = start(tmp_path, "--jobs", "2", "--fault", "read:delay=40@/data/", run, out, root=main_root)
    make.wait_for(lambda: out.exists() and len(files(out)) > 20, "files")
    process.kill()
    process.communicate()
    before = {p: (out / p).stat() for p in files(out) if p not in parts(out)}
    want = files(mnt / run)
    assert 20 <= len(before) < len(want)
    there = int(re.search(r", (\d+) were there", ok(get(run, out))).group(1))
    assert len(before) - 2 <= there <= len(before)
    assert files(out) == want
    again = [p for p, st in before.items() if (out / p).stat().st_ino != st.st_ino]
    assert len(again) <= 2
    # All of it is there: not one blob is read.
    text = ok(get("--fault", "read:fail=io@/data/", run, out))
    assert text.startswith("0 files, 0 B ") and text.endswith(", %d were there already\n" % len(want))


def test_copies_again_what_changed(get, mnt, runs, tmp_path):
    """S202: what is not as it was left, or as the tree has it now, is copied again."""
    run, out = runs["hello"], tmp_path / "out"
    ok(get(run, out))
    (out / "start/1/message").write_text("short")  # another size
    (out / "start/1/name").unlink()
    os.utime(out / "start/1/numbers", (1, 1))  # another time
    state = out / STATE
    lines = state.read_text().splitlines(True)
    state.write_text("".join(re.sub("^done .", "done 0" if line[5] != "0" else "done 1", line)
                             if line.endswith(" end/2/summary\n") else line for line in lines))
    assert ", 5 were there already" in ok(get(run, out))
    assert files(out) == files(mnt / run)
    # Without the state nobody knows whose files these are.
    state.unlink()
    assert get(run, tmp_path / "out").returncode == 0  # into out/RUN, as cp -r would
    assert files(out / run.split("/")[1]) == files(mnt / run)


def test_other_files_are_left_alone(get, mnt, runs, tmp_path):
    """S203: a file that no copy made is refused, and the rest copied; --overwrite replaces it."""
    run = runs["hello"]
    name = run.split("/")[1]
    mine = tmp_path / "out" / name / "start/1/message"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    done = get(run, tmp_path / "out")
    assert done.returncode == 1 and done.stdout.startswith("8 files")
    first, last = done.stderr.splitlines()
    assert "start/1/message" in first and "--overwrite" in first and "1 of 9 failed" in last
    assert mine.read_text() == "mine"
    ok(get("--overwrite", run, tmp_path / "out"))
    assert files(tmp_path / "out" / name) == files(mnt / run)
    (tmp_path / "one").write_text("mine")
    done = get(run + "/start/1/message", tmp_path / "one")
    assert done.returncode == 1 and (tmp_path / "one").read_text() == "mine"
    ok(get("--overwrite", run + "/start/1/message", tmp_path / "one"))
    assert (tmp_path / "one").read_text() == "hello, world"
    # Another run under the same name would be mixed with this one.
    ok(get(run + "/start/1", tmp_path / "tasks"))
    done = get(runs["hello-tags"] + "/start", tmp_path / "one")
    assert done.returncode == 1 and "is no directory" in done.stderr
    (tmp_path / "both").mkdir()
    ok(get(run + "/start/1", tmp_path / "both"))
    done = get(runs["hello-tags"] + "/start/1", tmp_path / "both")
    assert done.returncode == 1 and run + "/start/1" in done.stderr and len(done.stderr.splitlines()) == 1


def test_bad_artifacts_fail_alone(get, writable_root, runs, main_root, tmp_path):
    """S204: what cannot be read is told with its cause; the rest is copied, and the exit code is 1."""
    root = writable_root("hello")
    for path in (root / ".metaflow" / "HelloFlow").glob("*/*/*/_meta/*.json"):  # not to be found at its origin
        path.write_text(path.read_text().replace(str(main_root), str(root)))
    run, out = runs["hello"], tmp_path / "out"
    blob, _ = artifact_blob(root, run + "/start/1", "numbers")
    whole = blob.read_bytes()
    blob.write_bytes(damage_flip(whole))
    done = get(run, out, root=root)
    assert done.returncode == 1
    *bad, last = done.stderr.splitlines()
    assert all("SHA-1" in line and "/numbers: " in line for line in bad) and 1 <= len(bad) <= 2
    assert re.search(r"\b%d of 9 failed" % len(bad), last)
    got = files(out)
    assert len(got) == 9 - len(bad) and got["start/1/greeting"] == b"hello" and not parts(out)
    blob.write_bytes(whole)
    assert ", %d were there already" % len(got) in ok(get(run, out, root=root))
    assert len(files(out)) == 9


def test_a_full_file_system(main_root, runs, tmp_path):
    """S204: a file system that is full ends it with one sentence, and with no half a file."""
    full = tmp_path / "full"
    full.mkdir()
    script = "mount -t tmpfs -o size=3m none %s && %s get --datastore-root %s %s %s; echo $?; find %s" % (
        full, binary(), main_root, runs["big"], full / "out", full)
    (tmp_path / "temp").mkdir()
    done = subprocess.run(["unshare", "--mount", "--user", "--map-root-user", "sh", "-c", script],
                          capture_output=True, text=True, timeout=60, env=daemon_env(main_root, tmp_path))
    assert done.stdout.splitlines()[0] == "1", done
    assert "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "metaflowfs-part" not in done.stdout and STATE in done.stdout


def test_a_copy_that_could_not_begin(main_root, runs, tmp_path):
    """S542: a copy that a full file system ended before its first file goes on where it was."""
    full = tmp_path / "full"
    full.mkdir()
    command = "%s get --datastore-root %s %s %s/out" % (binary(), main_root, runs["hello"], full)
    script = ("mount -t tmpfs -o size=1m none %s; dd if=/dev/zero of=%s/fill bs=4k 2>/dev/null; %s; echo $?; "
              "rm %s/fill; %s; echo $?; find %s" % (full, full, command, full, command, full))
    (tmp_path / "temp").mkdir()
    done = subprocess.run(["unshare", "--mount", "--user", "--map-root-user", "sh", "-c", script],
                          capture_output=True, text=True, timeout=60, env=daemon_env(main_root, tmp_path))
    lines = done.stdout.splitlines()
    assert lines[0] == "1" and "No space left on device" in done.stderr, done
    assert lines[2] == "0", done
    assert "%s/out/start/1/message" % full in lines, done


@pytest.mark.parametrize("beside", [None, "notes"])
def test_a_copy_that_was_killed_at_once(get, runs, tmp_path, beside):
    """S542: so does one that was killed then; where anything else is in the directory, the copy is a new one in it."""
    out = tmp_path / "out"
    out.mkdir()
    (out / STATE).touch()
    if beside:
        (out / beside).touch()
    ok(get(runs["hello"], out))
    assert (out / "start").exists() == (beside is None)
    assert (out / runs["hello"].split("/")[1] / "start").exists() == (beside is not None)


def few_files(limit):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def test_few_open_files(get, runs, mnt, tmp_path):
    """S543: where fewer files can be open than would be, fewer are copied at once, and all of them."""
    out = tmp_path / "out"
    assert ok(get("--jobs", "64", runs["foreach"], out, preexec_fn=few_files(48)))
    assert files(out) == files(mnt / runs["foreach"])


def test_what_fails_for_good_is_told(get, runs, tables_runs, tables_root, tmp_path):
    """S543: what the same command cannot copy either is not said to be tried again."""
    done = get(tables_runs["tables3"] + "/start/1/.csv", tmp_path / "forms", root=tables_root)
    assert done.returncode == 1
    assert re.search(r"(\d+) of \d+ failed, and will again: each has its cause above$", done.stderr.strip()), done
    out = tmp_path / "out"
    (out / "start" / "1").mkdir(parents=True)
    (out / STATE).write_text("metaflowfs-get 1 %s\n" % runs["hello"])
    (out / "start" / "1" / "message").write_text("in the way")
    done = get(runs["hello"], out)
    assert done.returncode == 1 and "1 of" in done.stderr and "will again" in done.stderr, done


@pytest.mark.parametrize("names, said", [(["start"], "1 directory failed"), (["start", "end"], "2 directories failed")])
def test_failed_directories_are_counted(get, runs, tmp_path, names, said):
    """S543: a directory that failed is counted as one, and not as a file."""
    out = tmp_path / "out"
    out.mkdir()
    (out / STATE).write_text("metaflowfs-get 1 %s\n" % runs["hello"])
    for name in names:
        (out / name).write_text("in the way")
    done = get(runs["hello"], out)
    assert done.returncode == 1 and said + ": the same command tries again" in done.stderr, done
    for name in names:
        (out / name).unlink()
    ok(get(runs["hello"], out))


@pytest.mark.threads
def test_ctrl_c(get, mnt, runs, main_root, tmp_path, slow_build):
    """S205: SIGINT stops it at once, with exit code 130, and leaves what the next one goes on with."""
    run, out = runs["foreach"], tmp_path / "out"
    process = start(tmp_path, "--fault", "read:hang@/data/", run, out, root=main_root, text=True)
    make.wait_for(lambda: (out / STATE).exists() and any(out.glob("*/*")), "a directory")
    time.sleep(0.2)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    took = time.monotonic() - begin
    assert process.returncode == 130 and len(said.splitlines()) == 1 and "goes on" in said
    assert took < 0.15 * slow_build, took
    assert not parts(out)
    ok(get(run, out))
    assert files(out) == files(mnt / run)


def test_two_at_once(get, runs, main_root, tmp_path):
    """S202: two copies into one directory at once are refused."""
    out = tmp_path / "out"
    process = start(tmp_path, "--fault", "read:hang@/data/", runs["hello"], out, root=main_root)
    make.wait_for(lambda: (out / STATE).exists() and (out / STATE).stat().st_size, "the state")
    done = get(runs["hello"], out)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert done.returncode == 1 and "another metaflowfs get" in done.stderr


@pytest.mark.threads
def test_many_at_once(get, runs, tmp_path, slow_build):
    """S206: slow storage is read by many at once."""
    begin = time.monotonic()
    text = ok(get("--fault", "read:delay=100@/data/", "--jobs", "64", runs["foreach"], tmp_path / "out"))
    took = time.monotonic() - begin
    count = int(text.split()[0])
    assert count > 100
    assert took < count * 0.1 / 4 * max(1, slow_build / 4), took


def run_on_terminal(tmp_path, root, columns, *args):
    """(exit code, what the terminal got, stdout)"""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start(tmp_path, *args, root=root, stderr=side)
    os.close(side)
    shown = b""
    while True:
        try:
            data = os.read(main, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    out = process.stdout.read().decode()
    os.close(main)
    return process.wait(60), shown.decode(), out


def screen(text, columns):
    """What is left on a terminal's lines, and every state that a line had."""
    lines, seen, column = [""], [], 0
    for char in text:
        if char == "\r":
            seen.append(lines[-1])
            column = 0
        elif char == "\n":
            lines.append("")
            column = 0
        else:
            assert char.isprintable(), repr(char)
            lines[-1] = lines[-1][:column].ljust(column) + char + lines[-1][column + 1:]
            column += 1
            assert column <= 2000
    return [line.rstrip() for line in lines], [s.rstrip() for s in seen]


def test_progress_on_a_terminal(get, runs, main_root, tmp_path):
    """S207: on a terminal there is one line of progress, as wide as the terminal, which is taken away at the end."""
    args = ("--jobs", "2", "--fault", "read:delay=60@/data/", runs["foreach"])
    code, shown, out = run_on_terminal(tmp_path, main_root, 70, *args, tmp_path / "out")
    assert code == 0 and re.match(r"\d+ files, ", out)
    left, seen = screen(shown, 70)
    assert left == [""]
    drawn = [s for s in seen if "%" in s]
    assert len(drawn) >= 3 and all(len(s) < 70 for s in seen)
    assert any(s.startswith("[") and " files" in s for s in drawn)
    code, shown, out = run_on_terminal(tmp_path, main_root, 70, "--quiet", *args, tmp_path / "quiet")
    assert (code, shown, out) == (0, "", "")
    # A failure is a line of its own, whole.
    code, shown, out = run_on_terminal(tmp_path, main_root, 70, *args, "--fault", "read:delay=30@/data/;read:rate=9@/data/",
                                       tmp_path / "bad")
    left, _ = screen(shown, 70)
    assert code == 1 and left[-1] == "" and len(left) > 2
    assert all(line.startswith("metaflowfs: ") for line in left[:-1]) and "failed" in left[-2]


def test_names_stay_inside(get, writable_root, runs, tmp_path):
    """S208: no name of the metadata, and no link in DIR, leads the copy out of it."""
    root = writable_root("hello")
    run, out = runs["hello"], tmp_path / "a" / "b" / "out"
    out.parent.mkdir(parents=True)
    _, record = artifact_blob(root, run + "/start/1", "numbers")
    data = root / ".metaflow" / run / "start/1/0.data.json"
    names = ["../../../../escaped", "/tmp/metaflowfs-escaped", "..", ".", STATE, ".stdout", "x" * 255, "new\nline", "é"]
    held = json.loads(data.read_text())
    for i, name in enumerate(names):
        row = json.loads(record.read_text())
        row["name"] = name
        record.with_name("0_artifact_h%d.json" % i).write_text(json.dumps(row))
        for part in held.values():
            if isinstance(part, dict) and "numbers" in part:
                part[name] = part["numbers"]
    data.write_text(json.dumps(held))
    ok(get("--logs", run, out, root=root))
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["out"] and not os.path.exists("/tmp/metaflowfs-escaped")
    listed = run_metaflowfs("ls", "--datastore-root", str(root), run + "/start/1", root=root, workdir=tmp_path)
    assert sorted(os.listdir(out / "start/1")) == sorted([*listed.stdout.split("\n")[:-1], ".stdout", ".stderr"])
    assert len(listed.stdout.split("\n")) > len(names)
    # A link where a directory belongs is not followed.
    other, outside = tmp_path / "other", tmp_path / "outside"
    outside.mkdir()
    ok(get(run + "/end", other, root=root))
    shutil.rmtree(other / "2")
    (other / "2").symlink_to(outside)
    done = get(run + "/end", other, root=root)
    assert done.returncode == 1 and not os.listdir(outside)


def test_what_is_wrong(get, runs, tmp_path, main_root):
    """S91: wrong usage, a path that is not there, a DIR that cannot be made."""
    for args in ([], ["HelloFlow"], ["a", "b", "c"], ["--jobs", "0", "a", "b"], ["--jobs", "many", "a", "b"], ["a", ""],
                 ["", "a"], ["--jobs"], ["--raw=1", "a", "b"], ["--nonsense", "a", "b"]):
        done = get(*args)
        assert done.returncode == 2 and "usage: metaflowfs get" in done.stderr, args
    assert "usage: metaflowfs get" in ok(get("--help"))
    for args, word in ((["Nowhere", "x"], "Nowhere"), ([runs["hello"] + "/start/1/nothing", "x"], "nothing"),
                       ([runs["hello"], "not/there"], "not/there"), ([runs["hello"], "/proc/x"], "/proc/x")):
        done = get(*args)
        assert done.returncode == 1 and word in done.stderr and len(done.stderr.splitlines()) == 1, done
    assert not (tmp_path / "x").exists()
