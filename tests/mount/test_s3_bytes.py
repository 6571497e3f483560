"""Large objects of S3 as they arrive: begun early, stopped when nobody wants them, in bounded memory and space."""

import errno
import hashlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

import make
import pytest
from s3faults import only
from test_nothing_hangs import ended, quickly
from test_s3_faults import sha1_of
from test_s3_requests import task_of

ANY = [".*"]
MEBI = 1 << 20


@pytest.fixture(scope="module")
def big(s3, s3_runs, shared_s3_mounter):
    """{name: (path below a mount, SHA-1 of its natural form, size)} of the large artifacts."""
    mount = shared_s3_mounter(s3)
    task = task_of(mount, s3_runs["s3"])
    return {n: ("%s/%s" % (task, n), sha1_of(mount / task / n), os.stat(mount / task / n).st_size)
            for n in ("text", "blob", "array", "plain")}


@pytest.fixture
def held(faults):
    """held(part): from then on of blobs only what lies before `part` bytes arrives, until release()."""
    event = threading.Event()

    def hold(limit):
        def rule(request):
            if request.kind != "blob":
                return None
            begin = request.range[0] if request.range else 0
            return {"hold": (max(limit - begin, 0), event)}
        faults.rule = rule
    hold.release = event.set
    yield hold
    event.set()


def spawn(*argv):
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@pytest.mark.threads
def test_the_first_bytes_come_first(faults, held, s3_mounter, big, slow_build):
    """S210: the first bytes of a text and of bytes are there while the rest is still to come."""
    mount = s3_mounter(faults)
    for name in ("text", "blob"):
        path, sha1, size = big[name]
        os.stat(mount / path)
        held(1 * MEBI)
        begin = quickly(lambda: subprocess.run(["head", "-c", "1000", mount / path], stdout=subprocess.PIPE,
                                               check=True).stdout, 3 * slow_build)
        assert len(begin) == 1000
    held.release()
    assert sha1_of(mount / path) == sha1


@pytest.mark.threads
def test_a_read_waits_for_its_bytes(faults, held, s3_mounter, big):
    """S211: a read beyond what has arrived waits for it and gets the right bytes, also one that was before."""
    mount = s3_mounter(faults)
    path, sha1, size = big["text"]
    os.stat(mount / path)
    held(4 * MEBI)
    fd = os.open(mount / path, os.O_RDONLY)
    try:
        got = {}
        far = threading.Thread(target=lambda: got.update(far=os.pread(fd, 4096, size - 10_000)))
        far.start()
        near = quickly(lambda: os.pread(fd, 4096, 100), 10)
        far.join(0.3)
        assert far.is_alive()
        held.release()
        far.join(60)
        whole = (mount / path).read_bytes()
        assert hashlib.sha1(whole).hexdigest() == sha1
        assert near == whole[100:4196] and got["far"] == whole[size - 10_000:size - 5_904]
    finally:
        held.release()
        os.close(fd)


def test_random_access(faults, s3_mounter, big):
    """S211: reading at random places gives the same bytes, and fetches the object once."""
    import random

    mount = s3_mounter(faults)
    path, sha1, size = big["text"]
    faults.log(clear=True)
    places = random.Random(1)
    with open(mount / path, "rb", buffering=0) as file:
        parts = [(off, os.pread(file.fileno(), 5000, off)) for off in (places.randrange(size) for _ in range(60))]
        whole = (mount / path).read_bytes()
    assert hashlib.sha1(whole).hexdigest() == sha1
    assert all(whole[off:off + 5000] == part for off, part in parts)
    assert faults.log().of("blob").sent() < 1.02 * size


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGINT])
def test_a_reader_that_goes_stops_the_fetch(faults, s3_mounter, big, slow_build, sig):
    """S212: when the last reader of an object goes, fetching it stops within a second."""
    mount = s3_mounter(faults, args=["--fetch-memory", "16M"])
    path, sha1, size = big["blob"]
    os.stat(mount / path)
    faults.rule = only("/data/", {"rate": 2 * MEBI})
    reader = spawn("cat", mount / path)
    reader.stdout.read(2 * MEBI)
    reader.send_signal(sig)
    reader.stdout.close()
    assert ended(reader, 5)
    deadline = time.monotonic() + 1.0 * slow_build
    while not all(r.ended for r in faults.log()) and time.monotonic() < deadline:
        time.sleep(0.05)
    sent = faults.log().of("blob").sent()
    time.sleep(0.5)
    assert faults.log().of("blob").sent() == sent < size / 2, (sent, size)
    assert all(r.ended for r in faults.log()), (sent, faults.log())


@pytest.mark.bounds
def test_interrupt_frees_a_reader(faults, held, s3_mounter, big):
    """S213: Ctrl-C frees a program that waits for S3 within 100 ms."""
    mount = s3_mounter(faults)
    times = []
    for name in ("text", "blob", "array"):
        path = big[name][0]
        os.stat(mount / path)
        held(1 * MEBI)
        reader = spawn("md5sum", mount / path)
        time.sleep(0.4)
        assert reader.poll() is None
        begin = time.monotonic()
        reader.send_signal(signal.SIGINT)
        assert ended(reader, 5)
        times.append(time.monotonic() - begin)
    assert sorted(times)[1] < 0.1, times


@pytest.fixture
def tmpfs():
    """tmpfs(MiB): a new tmpfs of that size, unmounted when the test ends."""
    made = []

    def make(size):
        folder = tempfile.mkdtemp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % size, "metaflowfs-test", folder], check=True)
        made.append(folder)
        return pathlib.Path(folder)
    yield make
    for folder in made:
        subprocess.run(["umount", "-l", folder], check=False)  # the mount that uses it ends later
        os.rmdir(folder)


def test_a_tempdir_that_is_too_small(s3, s3_mounter, big, tmpfs, s3_runs):
    """S214: an artifact that does not fit into METAFLOW_TEMPDIR is ENOSPC with a sentence, when it is opened; the
    others are read."""
    mount = s3_mounter(s3, env={"METAFLOW_TEMPDIR": str(tmpfs(64))}, expect_errors=ANY)
    for name in ("blob", "array"):
        with pytest.raises(OSError) as raised:
            os.close(os.open(mount / big[name][0].replace("/array", "/.pickle/array"), os.O_RDONLY))
        assert raised.value.errno == errno.ENOSPC, raised.value
    line = mount.errors().splitlines()[-1]
    assert "METAFLOW_TEMPDIR" in line or "staging-size" in line, line
    assert sha1_of(mount / big["text"][0]) == big["text"][1]
    assert mount.read(task_of(mount, s3_runs["s3"]) + "/note") == b"small"


def test_what_is_read_is_not_ended_by_what_comes_later(faults, s3_mounter, big, held):
    """S482: an artifact that fits, but not beside those that are being read, is ENOSPC with a sentence when it is
    opened; the others are read to their end, and then it is read."""
    mount = s3_mounter(faults, args=["--staging-size", "110M"], expect_errors=ANY)
    held(8 * MEBI)
    first = spawn("sha1sum", mount / big["blob"][0])
    make.wait_for(lambda: mount.stat("metaflowfs_staging_file_bytes") > 4 * MEBI, "the first bytes")
    with pytest.raises(OSError) as raised:
        mount.read(big["text"][0])
    assert raised.value.errno == errno.ENOSPC, raised.value
    line = mount.errors().splitlines()[-1]
    assert "one after the other" in line and "staging-size" in line, line
    held.release()
    assert first.communicate(timeout=120)[0].split()[0].decode() == big["blob"][1]
    assert sha1_of(mount / big["text"][0]) == big["text"][1]


def test_least_recently_used_goes_first(faults, s3_mounter, big):
    """S215: within --staging-size what was used least recently makes room."""
    mount = s3_mounter(faults, args=["--staging-size", "110M"])

    def fetched(name):
        return faults.requests_of(lambda: sha1_of(mount / big[name][0])).of("blob").sent()
    os.listdir(mount.path)
    assert fetched("text") > 0 and fetched("plain") >= 0 and fetched("text") == 0
    assert fetched("blob") > 90 * MEBI  # 96 MiB: nothing else stays
    assert fetched("blob") == 0 and fetched("text") > 0
    assert mount.stat("metaflowfs_staging_file_bytes") <= 110 * MEBI
    assert sum(f.stat().st_blocks * 512 for f in (mount.workdir / "temp").rglob("*")) < 1 * MEBI


def test_killed_leaves_no_bytes(faults, s3_mounter, big, tmpfs):
    """S216: a daemon that is killed leaves nothing that takes space in METAFLOW_TEMPDIR, and the next one removes the
    rest."""
    place = tmpfs(512)
    mount = s3_mounter(faults, env={"METAFLOW_TEMPDIR": str(place)})
    sha1_of(mount / big["text"][0])
    reader = spawn("cat", mount / big["blob"][0])
    reader.stdout.read(8 * MEBI)
    mount.end(signal.SIGKILL, may_stay=True)
    reader.kill()
    reader.communicate()
    assert sum(f.stat().st_blocks * 512 for f in place.rglob("*") if f.is_file()) < 64 * 1024
    assert not [f for f in place.rglob("*") if f.is_file() and f.name != ".metaflowfs.lock"]
    deadline = time.monotonic() + 10
    while used(place) > 64 * 1024 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert used(place) <= 64 * 1024, used(place)
    again = s3_mounter(faults, env={"METAFLOW_TEMPDIR": str(place)})
    sha1_of(again / big["text"][0])
    assert again.end() == 0
    assert list(place.iterdir()) == []


def used(place):
    stat = os.statvfs(place)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


@pytest.mark.bounds
def test_memory_while_reading(faults, s3_mounter, big):
    """S217: the memory of reading a large object is bounded by --fetch-memory, not by the object's size."""
    mount = s3_mounter(faults, args=["--fetch-memory", "24M"])
    mount.read(task_note(big))
    before, most, stop = mount.rss_anon(), [0], threading.Event()

    def watch():
        while not stop.wait(0.005):
            most[0] = max(most[0], mount.rss_anon())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for name in ("blob", "array"):
            assert sha1_of(mount / big[name][0]) == big[name][1]
    finally:
        stop.set()
        watcher.join()
    assert most[0] - before < 40 * MEBI, ((most[0] - before) / MEBI)


def task_note(big):
    return big["text"][0][:-len("text")] + "note"


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no tmpfs at /dev/shm")
def test_no_block_is_read_or_written(s3, s3_mounter, big, tmpfs):
    """S218: with METAFLOW_TEMPDIR on a tmpfs reading an object reads and writes no block of a disk."""
    place = tmpfs(400)
    mount = s3_mounter(s3, env={"METAFLOW_TEMPDIR": str(place)}, args=["--no-cache"], log_level="error")
    mount.read(task_note(big))

    def blocks():
        text = pathlib.Path("/proc/%d/io" % mount.pid).read_text()
        return {k: int(v) for k, v in (line.split(": ") for line in text.splitlines()) if k.endswith("_bytes")}
    before = blocks()
    for name in ("blob", "array", "text"):
        assert sha1_of(mount / big[name][0]) == big[name][1]
    after = blocks()
    assert (after["read_bytes"], after["write_bytes"]) == (before["read_bytes"], before["write_bytes"])


def test_parts_come_in_parallel(faults, s3_mounter, big):
    """S219: a large object is fetched in parts, several at once, each byte once and none larger than needed."""
    mount = s3_mounter(faults)
    path, sha1, size = big["blob"]
    os.stat(mount / path)
    faults.latency = 0.03
    faults.rule = only("/data/", {"rate": 20 * MEBI})
    faults.log(clear=True)
    assert sha1_of(mount / path) == sha1
    blobs = faults.log().of("blob")
    assert blobs.most_at_once() >= 4, blobs
    assert blobs.sent() < 1.02 * size, blobs
    ranges = sorted(r.range for r in blobs if r.range)
    assert len(ranges) >= 8 and all(b >= a for (_, a), (b, _) in zip(ranges, ranges[1:])), ranges
