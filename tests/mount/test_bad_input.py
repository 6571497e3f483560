"""What is broken gives one clear error for that one file, with its cause, and everything beside it works."""

import errno
import gzip
import hashlib
import json
import os
import pathlib
import pickle
import subprocess
import time

import pytest

ANY = [".*"]


def flow_of(root, runs, label="hello"):
    flow, run = runs[label].split("/")
    return root / ".metaflow" / flow, run


def artifact_blob(root, pathspec, name):
    """(path of the blob, path of the artifact's record)"""
    record = root / ".metaflow" / pathspec / "_meta" / ("0_artifact_%s.json" % name)
    sha = json.loads(record.read_text())["sha"]
    return root / ".metaflow" / pathspec.split("/")[0] / "data" / sha[:2] / sha, record


def fails(mount, path, *numbers):
    """Reading fails with one of these errnos, twice, and .metaflowfs/errors has the path and a cause."""
    for _ in range(2):
        with pytest.raises(OSError) as caught:
            mount.read(path)
        assert caught.value.errno in numbers, caught.value
    lines = [line for line in mount.errors().splitlines() if path in line]
    assert lines, "no cause for %s in:\n%s" % (path, mount.errors())
    return lines[-1]


def beside_works(mount, runs):
    other = runs["hello-tags"]
    assert mount.read(other + "/start/1/message") == b"salve, world"
    assert json.loads(mount.read(runs["hello"] + "/end/2/summary"))["total"] == 6
    assert sorted(mount.names(other)) == ["end", "start"]


@pytest.fixture
def broken(writable_root, mounter, runs, main_root):
    """(root, function that mounts it)"""
    root = writable_root("hello")
    for path in (root / ".metaflow" / "HelloFlow").glob("*/*/*/_meta/*.json"):  # not to be found at its origin
        path.write_text(path.read_text().replace(str(main_root), str(root)))
    return root, lambda **options: mounter(root, expect_errors=ANY, **options)


def test_blob_is_gone(broken, runs):
    """S80: an artifact whose blob is gone fails alone, with the key in the cause."""
    root, mount = broken
    blob, _ = artifact_blob(root, runs["hello"] + "/start/1", "numbers")
    blob.unlink()
    mount = mount()
    assert blob.name in fails(mount, runs["hello"] + "/start/1/numbers", errno.EIO, errno.ENOENT)
    assert mount.read(runs["hello"] + "/start/1/greeting") == b"hello"
    beside_works(mount, runs)


def damage_flip(data):
    raw = bytearray(gzip.decompress(data))
    raw[-2] ^= 1
    return gzip.compress(bytes(raw))


DAMAGE = {
    "other bytes": damage_flip,
    "cut short": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "no gzip": lambda data: b"plainly no gzip data",
    "more": lambda data: data + b"trailing garbage",
    "two members": lambda data: data + gzip.compress(b"x"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_blob_is_corrupt(broken, runs, name):
    """S81: an artifact whose bytes do not match their key is EIO, and is never shown."""
    root, mount = broken
    blob, _ = artifact_blob(root, runs["hello"] + "/start/1", "message")
    blob.write_bytes(DAMAGE[name](blob.read_bytes()))
    mount = mount()
    fails(mount, runs["hello"] + "/start/1/message", errno.EIO)
    fails(mount, runs["hello"] + "/start/1/.pickle/message", errno.EIO)
    assert json.loads(mount.read(runs["hello"] + "/start/1/numbers")) == [1, 2, 3]
    beside_works(mount, runs)


def test_blob_is_mended(broken, runs):
    """S81: what was read of a large artifact that is corrupt is not read again when it has been mended."""
    root, mount = broken
    task = root / ".metaflow" / runs["hello"] / "start/1"
    text = pickle.dumps("%08x" * (1 << 18) % tuple(range(1 << 18)), protocol=4)
    _, record = artifact_blob(root, runs["hello"] + "/start/1", "message")
    sha = hashlib.sha1(text).hexdigest()
    record.write_text(json.dumps({**json.loads(record.read_text()), "sha": sha}))
    data = json.loads((task / "0.data.json").read_text())
    data["info"]["message"]["size"] = len(text)
    (task / "0.data.json").write_text(json.dumps(data))
    blob = root / ".metaflow" / runs["hello"].split("/")[0] / "data" / sha[:2] / sha
    blob.parent.mkdir(exist_ok=True)
    pathlib.Path(str(blob) + "_meta").write_text('{"cas_raw": false, "cas_version": 1}')
    wrong = text[:5000] + b"#" + text[5001:]
    blob.write_bytes(gzip.compress(wrong))
    mount = mount()
    fails(mount, runs["hello"] + "/start/1/message", errno.EIO)
    blob.write_bytes(gzip.compress(text))
    for _ in range(2):
        assert mount.read(runs["hello"] + "/start/1/message") == pickle.loads(text).encode()


BAD_JSON = [b"", b"{", b"[]", b"null", b'{"ts_epoch": "soon"}', b"\xff\xfe\x00", b'{"a":1}{"b":2}',
            b'{"ts_epoch": 1e400}', b"[" * 100000, b'{"tags": {"a": 1}, "ts_epoch": -1, "system_tags": 7}']


def test_malformed_runs(broken, runs):
    """S82: a run whose _self.json is malformed fails alone; listings and other runs work."""
    root, mount = broken
    flow, _ = flow_of(root, runs)
    for n, text in enumerate(BAD_JSON):
        folder = flow / str(100 + n) / "_meta"
        folder.mkdir(parents=True)
        (folder / "_self.json").write_bytes(text)
    mount = mount()
    names = mount.names("HelloFlow")
    assert runs["hello"].split("/")[1] in names
    for n in range(len(BAD_JSON)):
        path = "HelloFlow/%d/.meta" % (100 + n)
        try:
            json.loads(mount.read(path))
        except OSError as error:
            assert error.errno in (errno.EIO, errno.ENOENT)
    subprocess.run(["ls", "-l", mount / "HelloFlow"], check=False, capture_output=True)
    assert mount.names("HelloFlow/.by-date")
    assert os.path.lexists(mount / "HelloFlow" / ".latest")
    beside_works(mount, runs)


@pytest.mark.parametrize("text", BAD_JSON[:6])
def test_malformed_task_files(broken, runs, text):
    """S82: malformed data.json, artifact records and metadata records spoil no other task."""
    root, mount = broken
    task = root / ".metaflow" / runs["hello"] / "start/1"
    (task / "0.data.json").write_bytes(text)
    (task / "_meta" / "0_artifact_numbers.json").write_bytes(text)
    (task / "_meta" / "sysmeta_garbage_1.json").write_bytes(text)
    mount = mount()
    for name in ("numbers", "message", ".meta", ".stdout", ".log", ".attempts/0/message"):
        try:
            mount.read(runs["hello"] + "/start/1/" + name)
        except OSError as error:
            assert error.errno in (errno.EIO, errno.ENOENT), name
    assert mount.read(runs["hello"] + "/end/2/.meta")
    beside_works(mount, runs)


def test_missing_files(broken, runs):
    """S83: what a task lacks is missing or empty, and nothing else."""
    root, mount = broken
    task = root / ".metaflow" / runs["hello"] / "start/1"
    for path in [*task.glob("*.log"), task / "0.data.json", *task.glob("_meta/sysmeta_attempt*")]:
        path.unlink()
    (root / ".metaflow" / runs["hello-package"] / "end" / "_meta" / "_self.json").unlink()
    mount = mount()
    mount.names(runs["hello"] + "/start/1")
    mount.read(runs["hello"] + "/start/1/.stdout")
    mount.read(runs["hello"] + "/start/1/.meta")
    assert mount.names(runs["hello-package"]) == ["start"]
    beside_works(mount, runs)


def test_links_that_lead_out(broken, runs, tmp_path):
    """S84: links in the datastore that lead out of it are refused, as a blob, a record or a directory."""
    root, mount = broken
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text('{"ts_epoch": 1, "secret": "kept"}')
    (secret / "_meta").mkdir()
    (secret / "_meta" / "_self.json").write_text('{"ts_epoch": 1, "flow_id": "x", "tags": ["kept"]}')
    base = root / ".metaflow"
    blob, _ = artifact_blob(root, runs["hello"] + "/start/1", "message")
    blob.unlink()
    blob.symlink_to(secret / "file")
    (base / "HelloFlow" / "777").symlink_to(secret)
    (base / runs["hello"] / "start" / "99").symlink_to(secret)
    log = base / runs["hello"] / "start/1/0.runtime_stdout.log"
    log.unlink()
    log.symlink_to(secret / "file")
    mount = mount()
    fails(mount, runs["hello"] + "/start/1/message", errno.EACCES, errno.EIO)
    for path in ("HelloFlow/777/.meta", runs["hello"] + "/start/99/.meta", runs["hello"] + "/start/1/.stdout"):
        try:
            assert b"kept" not in mount.read(path), path
        except OSError as error:
            assert error.errno in (errno.EACCES, errno.ENOENT, errno.EIO)
    beside_works(mount, runs)


def test_a_linked_datastore(mounter, writable_root, runs, tmp_path):
    """S84: a `.metaflow` that is a link itself is followed."""
    root = writable_root("hello")
    other = tmp_path / "linked"
    other.mkdir()
    (other / ".metaflow").symlink_to(root / ".metaflow")
    mount = mounter(other)
    assert mount.read(runs["hello"] + "/start/1/message") == b"hello, world"


def test_what_is_no_file(broken, runs):
    """S85: a pipe, a directory or a device where a file should be is an error, and never waited for."""
    root, mount = broken
    base, task = root / ".metaflow", root / ".metaflow" / runs["hello"] / "start/1"
    blob, record = artifact_blob(root, runs["hello"] + "/start/1", "message")
    blob.unlink()
    os.mkfifo(blob)
    record = task / "_meta" / "0_artifact_numbers.json"
    record.unlink()
    os.mkfifo(record)
    log = task / "0.runtime_stdout.log"
    log.unlink()
    os.mkfifo(log)
    (base / "HelloFlow" / "5" / "_meta" / "_self.json").mkdir(parents=True)
    (base / "HelloFlow" / "6" / "_meta").mkdir(parents=True)
    os.mkfifo(base / "HelloFlow" / "6" / "_meta" / "_self.json")
    mount = mount()
    begin = time.monotonic()
    for path in (runs["hello"] + "/start/1/message", runs["hello"] + "/start/1/numbers", "HelloFlow/5/.meta",
                 "HelloFlow/6/.meta", runs["hello"] + "/start/1/.stdout"):
        try:
            mount.read(path)
        except OSError as error:
            assert error.errno != errno.ETIMEDOUT, path
    assert time.monotonic() - begin < 10
    beside_works(mount, runs)


def test_unreadable_directories(broken, runs):
    """S86: what the daemon may not read is EACCES; everything else works."""
    root, mount = broken
    run = root / ".metaflow" / runs["hello"]
    step = run / "start"
    blob, _ = artifact_blob(root, runs["hello-tags"] + "/start/1", "numbers")
    blob, _ = artifact_blob(root, runs["hello-tags"] + "/start/1", "greeting")
    command = []
    if os.getuid() == 0:  # root reads everything: a daemon without that right, and files of somebody else
        for path in (step, blob):
            os.chown(path, 65534, 65534)
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search",
                   "--inh-caps=-dac_override,-dac_read_search"]
    step.chmod(0)
    blob.chmod(0)
    try:
        mount = mount(command=command)
        with pytest.raises(PermissionError):
            mount.names(runs["hello"] + "/start")
        fails(mount, runs["hello-tags"] + "/start/1/greeting", errno.EACCES)
        assert mount.names("HelloFlow")
        assert "end" in mount.names(runs["hello"])
        beside_works(mount, runs)
    finally:
        step.chmod(0o755)


ODD = ["with space", "per%cent", "new\nline", "ünï", "a:b", "-rf", "x" * 200, "tab\t", "quote'\"", "back\\slash",
       "$(touch x)", "*", "argo-hello-x7d2f"]


def test_odd_names(broken, runs):
    """S87: ids with odd characters are listed encoded, found again, and lead to their object."""
    root, mount = broken
    flow, run = flow_of(root, runs)
    text = json.loads((flow / run / "_meta" / "_self.json").read_text())
    odd = [os.fsencode(name) for name in ODD] + [b"\xff\xfe not UTF-8"]
    for name in odd:
        folder = os.path.join(os.fsencode(flow), name, b"_meta")
        os.makedirs(folder)
        with open(os.path.join(folder, b"_self.json"), "w") as file:
            json.dump({**text, "run_number": os.fsdecode(name)} if b"\xff" not in name else text, file)
    os.makedirs(flow / ".dotted" / "_meta")
    (flow / ".dotted" / "_meta" / "_self.json").write_text(json.dumps(text))
    mount = mount()
    names = os.listdir(os.fsencode(mount.path / "HelloFlow"))
    assert len(names) == len(set(names)) == len(odd) + len([r for r in runs if r.startswith("hello")])
    for name in names:
        assert b"\n" not in name and not name.startswith(b".")
        name.decode("utf-8")
        path = os.path.join(os.fsencode(mount.path / "HelloFlow"), name)
        os.stat(path)
        os.listdir(path)
        with open(path + b"/.meta", "rb") as file:
            json.loads(file.read())
    assert b"with space" in names and b"per%25cent" in names and b"new%0Aline" in names
    assert not os.path.exists(mount.path / "HelloFlow" / "new%0aline")  # one name, one file name
    beside_works(mount, runs)


def hostile():
    """{name: pickle} that must end in an error, or in something small."""
    mark = b"\x80\x04"
    return {
        "bomb": mark + b"]\x94" + b"".join(b"]\x94(" + b"h\x00" * 10 + b"e" for _ in range(12)) + b".",
        "laughs": mark + b"(]\x94" + b"".join(b"](h%ch%ch%ch%ch%ce\x94" % ((i,) * 5) for i in range(60)) + b"l.",
        "huge length": mark + b"\x8d" + (2**62).to_bytes(8, "little") + b"x.",
        "huge bytes": mark + b"\x8e" + (2**40).to_bytes(8, "little") + b"x.",
        "huge long": b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
        "huge memo": mark + b"Nr\xff\xff\xff\xff.",
        "deep": mark + b"]" * 300000 + b"a" * 299999 + b".",
        "cut": pickle.dumps(list(range(1000)), 4)[:-5],
        "no stop": mark + b"]",
        "empty": b"",
        "underflow": mark + b"a.",
        "unknown opcode": mark + b"\xfe.",
        "call": b"cos\nsystem\n(S'touch /tmp/metaflowfs-pickle-ran'\ntR.",
        "trailing": pickle.dumps([1], 4) + b"garbage",
        "dup": mark + b"]" + b"2" * 1000000 + b".",
        "persistent": b"Pid\n.",
    }


@pytest.fixture(scope="module")
def hostile_mount(shared_mounter, tmp_path_factory, main_root, runs):
    import shutil

    root = tmp_path_factory.mktemp("hostile")
    flow, run = runs["hello"].split("/")
    shutil.copytree(main_root / ".metaflow" / flow, root / ".metaflow" / flow)
    task = root / ".metaflow" / flow / run / "start" / "1"
    data = json.loads((task / "0.data.json").read_text())
    record = json.loads((task / "_meta" / "0_artifact_numbers.json").read_text())
    for name, text in hostile().items():
        sha = hashlib.sha1(text).hexdigest()
        blob = root / ".metaflow" / flow / "data" / sha[:2] / sha
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(gzip.compress(text))
        pathlib.Path(str(blob) + "_meta").write_text('{"cas_raw": false, "cas_version": 1}')
        for kind in ("list", "str", "int", "dict"):
            key = "%s_%s" % (name.replace(" ", "_"), kind)
            data["objects"][key] = sha
            data["info"][key] = {"size": len(text), "type": "<class '%s'>" % kind, "encoding": "pickle-v4"}
            (task / "_meta" / ("0_artifact_%s.json" % key)).write_text(json.dumps({**record, "name": key, "sha": sha}))
    (task / "0.data.json").write_text(json.dumps(data))
    return shared_mounter(root, expect_errors=ANY)


@pytest.mark.parametrize("kind", ["list", "str", "int", "dict"])
@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_pickles(hostile_mount, runs, name, kind):
    """S88: a hostile pickle ends in an error or something small, soon, in bounded memory; it runs nothing,
    its stored bytes are still there, and the mount lives on."""
    begin = time.monotonic()
    path = "%s/start/1/%s_%s" % (runs["hello"], name.replace(" ", "_"), kind)
    for where in (path, "%s/start/1/.json/%s.json" % (runs["hello"], path.rsplit("/", 1)[1])):
        try:
            with open(hostile_mount / where, "rb") as file:
                total = 0
                while chunk := file.read(1 << 20):
                    total += len(chunk)
                    assert total < 1 << 28, "%s goes on" % where
        except OSError as error:
            assert error.errno in (errno.EIO, errno.ENOTSUP, errno.ENOSPC, errno.ENOMEM, errno.ETIMEDOUT, errno.EFBIG)
    assert time.monotonic() - begin < 30
    assert hostile_mount.rss_anon() < 1 << 30
    assert not os.path.exists("/tmp/metaflowfs-pickle-ran")
    stored = hostile_mount.read("%s/start/1/.pickle/%s_%s" % (runs["hello"], name.replace(" ", "_"), kind))
    assert stored == hostile()[name]
    assert hostile_mount.read(runs["hello"] + "/end/2/message") == b"hello, world"
