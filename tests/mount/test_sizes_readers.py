"""Every reader gets the whole file, and no more, though `stat` said another size before it opened."""

import hashlib
import json
import mmap
import os
import shutil
import subprocess
import time

import pytest
from mounting import run_metaflowfs


def run(*argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=60, **more).stdout


def copied(make_copy):
    def read(path, tmp):
        target = tmp / "copy"
        make_copy(path, target)
        return target.read_bytes()

    return read


def read_mmap(path, tmp):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return bytes(view)


def read_shared_mmap(path, tmp):
    import numpy

    return bytes(numpy.memmap(path, mode="r"))


def read_sendfile(path, tmp):
    target = tmp / "copy"
    with open(path, "rb") as source, open(target, "wb") as sink:
        left, offset = os.fstat(source.fileno()).st_size, 0
        while left > 0:
            sent = os.sendfile(sink.fileno(), source.fileno(), offset, left)
            if sent == 0:
                break
            left, offset = left - sent, offset + sent
    return target.read_bytes()


def read_plain(path, tmp):
    fd, parts = os.open(path, os.O_RDONLY), []
    while part := os.read(fd, 7001):
        parts.append(part)
    os.close(fd)
    return b"".join(parts)


def read_duckdb(path, tmp):
    import duckdb

    return duckdb.sql("select content from read_text('%s')" % path).fetchall()[0][0].encode()


def read_duckdb_json(path, tmp):
    import duckdb

    rows = duckdb.sql("select * from read_json('%s', format='array', records=false)" % path).fetchall()
    return len(rows)


def tar(path, tmp):
    archive = tmp / "a.tar"
    run("tar", "-C", path.parent, "-cf", archive, path.name)
    return run("tar", "-xOf", archive)


READERS = {
    "cat": lambda p, t: run("cat", p),
    "cp": copied(lambda p, c: run("cp", p, c)),
    "cp-sparse": copied(lambda p, c: run("cp", "--sparse=always", p, c)),
    "tar": tar,
    "rsync": copied(lambda p, c: run("rsync", p, c)),
    "tail": lambda p, t: run("tail", "-c", "+1", p),
    "tail-end": lambda p, t: run("tail", "-c", "100000000", p),
    "dd": lambda p, t: run("dd", "if=%s" % p, "bs=4096", "status=none"),
    "grep": lambda p, t: run("grep", "", p),
    "gzip": lambda p, t: run("gzip", "-dc", input=run("gzip", "-c", p)),
    "perl": lambda p, t: run("perl", "-0777", "-pe", "1", p),
    "sed": lambda p, t: run("sed", "", p),
    "awk": lambda p, t: run("awk", "{print}", p),
    "head": lambda p, t: run("head", "-c", "100000000", p),
    "xxd": lambda p, t: bytes.fromhex(run("xxd", "-p", p).decode()),
    "python-read": lambda p, t: p.read_bytes(),
    "python-mmap": read_mmap,
    "numpy-memmap": read_shared_mmap,
    "python-shutil": copied(lambda p, c: shutil.copyfile(p, c)),
    "python-sendfile": read_sendfile,
    "python-os-read": read_plain,
    "duckdb-text": read_duckdb,
}
COUNTERS = {
    "wc": (lambda p, t: run("wc", "-c", p).split()[0], lambda d: str(len(d)).encode()),
    "md5sum": (lambda p, t: run("md5sum", p).split()[0], lambda d: hashlib.md5(d).hexdigest().encode()),
    "sort": (lambda p, t: run("sort", p, env={"LC_ALL": "C"}), lambda d: b"".join(sorted(d.splitlines(True)))),
    "jq": (lambda p, t: run("jq", "length", p), lambda d: b"%d\n" % len(json.loads(d))),
    "cmp": (lambda p, t: run("cmp", p, t / "expected"), lambda d: b""),
    "duckdb-json": (read_duckdb_json, lambda d: len(json.loads(d))),
    "split": (lambda p, t: run("split", "-n", "1/2", p), lambda d: d[: len(d) // 2]),
}
ALL = [*READERS, *COUNTERS]


@pytest.fixture(scope="module")
def task(runs, client):
    return client.Run(runs["readers"])["start"].task.pathspec


def expected(main_root, task, name, tmp_path):
    """The file's bytes by another way: `metaflowfs cat`, which has no kernel in it."""
    done = run_metaflowfs("cat", "--datastore-root", str(main_root), "%s/%s" % (task, name),
                          workdir=tmp_path, text=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["big", "small"])
@pytest.mark.parametrize("reader", ALL)
def test_reader(mnt, main_root, task, reader, kind, tmp_path):
    """S50, S51: after `ls -l` showed another size, a reader gets every byte and no more."""
    name = "%s_%02d" % (kind, ALL.index(reader))
    want = expected(main_root, task, name, tmp_path)
    (tmp_path / "expected").write_bytes(want)
    value = json.loads(want)
    number = ALL.index(reader)
    assert value == ([0.5] * 6000 + [number] if kind == "big" else [number] + list(range(6000)))
    run("ls", "-l", mnt / task)
    path = mnt / task / name
    before = path.stat().st_size
    assert before > len(want) if kind == "big" else before < len(want)
    if reader in READERS:
        assert READERS[reader](path, tmp_path) == want
    else:
        read, wanted = COUNTERS[reader]
        assert read(path, tmp_path) == wanted(want)
    after = path.stat()
    assert after.st_size == len(want)
    assert after.st_blocks == (len(want) + 511) // 512


def test_enough_readers():
    """S50: there are at least twenty-one readers, each with a fresh file."""
    from readers_flow import COUNT

    assert 21 <= len(ALL) <= COUNT


def test_sizes_before_open(mnt, client, runs, main_root, tmp_path_factory, shared_mounter):
    """S52: before the first open, text and bytes have their exact size, by the recorded one; what is
    known by its key too; everything else its recorded size, and nothing is 0 that only is unknown."""
    mount = shared_mounter(main_root)
    run_ = client.Run(runs["values"])
    ambiguous = {n for n in range(65545 - 9, 65554 - 9)} | {n for n in range(65545 - 18, 65554 - 18)}
    for task_ in [t for step in run_ for t in step]:
        for artifact in task_:
            size = (mount / task_.pathspec / artifact.id).stat().st_size
            value = artifact.data if "custom" not in artifact.id else None
            if type(value) in (str, bytes):
                length = len(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
                assert size == length or length in ambiguous, artifact.id
            elif value is None or value is True or value is False or (type(value) is int and 0 <= value < 65536):
                assert size == len(json.dumps(value)) + 1 or artifact.id == "custom", artifact.id
            else:
                assert size > 0


def test_ambiguous_sizes_are_exact_after_open(mnt, client, runs):
    """S52: the sizes that cannot be told from the recorded one are exact once the file was opened."""
    task_ = client.Run(runs["values"])["texts"].task
    for n in (65526, 65527, 65531, 65535, 65536, 65540, 65544, 65545):
        for kind in ("str", "bytes"):
            path = mnt / task_.pathspec / ("%s_%d" % (kind, n))
            assert len(path.read_bytes()) == n
            assert path.stat().st_size == n


def test_computed_files_have_a_size(mnt, runs):
    """S52: .meta, .help and logs never show a size of 0 that is only unknown."""
    for name in (".meta", ".help", "start/1/.meta", "start/1/.log"):
        assert (mnt / runs["hello"] / name).stat().st_size > 0


def test_an_open_file_is_not_asked_for_its_size_at_each_read(mounter, writable_root, runs):
    """S51: the bytes of an open artifact stay, so that the kernel asks once a second at most, also when nothing else is
    to be believed for any time."""
    root = writable_root("values")
    for path in (root / ".metaflow" / runs["values"]).rglob("_meta/*.json"):  # made just now: not believed for long
        record = json.loads(path.read_text())
        path.write_text(json.dumps(dict(record, ts_epoch=int(time.time() * 1000))))
    mount = mounter(root, args=["--ttl", "0"])
    path = next((mount / runs["values"] / "texts").glob("*/bytes_65545"))
    with open(path, "rb", buffering=0) as file:
        before = mount.stat('metaflowfs_requests_total{op="getattr"}')
        for _ in range(65545 // 100):
            assert len(file.read(100)) == 100
            time.sleep(.002)
        assert mount.stat('metaflowfs_requests_total{op="getattr"}') - before < 100
        assert os.fstat(file.fileno()).st_size == 65545


def test_a_shrinking_control_file(mnt):
    """S53: .metaflowfs/ files are a snapshot for each open, complete for every reader."""
    for name in ("status", "stats", "config", "README", "version", "errors"):
        path = mnt / ".metaflowfs" / name
        for _ in range(3):
            text = run("cat", path)
            assert text.decode() is not None
            if name in ("README", "config", "version"):
                assert text and read_mmap(path, None) == text
