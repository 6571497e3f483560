"""Many runs and many tasks: listings read none of them, and memory stays within its budget."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

RUNS = 100_000
TASKS = 10_000


def copies(source_file, target_dirs):
    """Puts a hard link of the file (a new copy each 1,000) as _meta/_self.json below each directory."""
    copy = None
    for n, folder in enumerate(target_dirs):
        os.mkdir(folder)
        os.mkdir(folder + "/_meta")
        target = folder + "/_meta/_self.json"
        if n % 1000 == 0:
            shutil.copyfile(source_file, target)
            copy = target
        else:
            os.link(copy, target)


@pytest.fixture(scope="module")
def many(tmp_path_factory, main_root, runs):
    """A flow with 100,000 runs, and a step with 10,000 tasks in its one real run: made from real ones."""
    # In memory where that is possible: to remove so many directories from a disk takes minutes.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path_factory.mktemp("many")
    root = pathlib.Path(tempfile.mkdtemp(prefix="metaflowfs-many-", dir=place))
    flow, run = runs["hello"].split("/")
    target = root / ".metaflow" / "HelloFlow"
    target.mkdir(parents=True)
    shutil.copytree(main_root / ".metaflow" / flow / "_meta", target / "_meta")
    shutil.copytree(main_root / ".metaflow" / flow / "data", target / "data")
    shutil.copytree(main_root / ".metaflow" / flow / run, target / run)
    copies(target / run / "_meta/_self.json", ("%s/%d" % (target, 10**15 + n) for n in range(RUNS)))
    copies(target / run / "start/1/_meta/_self.json", ("%s/%s/start/%d" % (target, run, 10 + n) for n in range(TASKS)))
    yield root
    subprocess.run(["rm", "-rf", root], check=True)


def count(command, path):
    done = subprocess.run("%s %s | wc -l" % (command, path), shell=True, capture_output=True, check=True, timeout=300)
    return int(done.stdout)


@pytest.mark.bounds
def test_a_hundred_thousand_runs(many, mounter, runs):
    """S101: 100,000 runs are listed without reading them, newest first, in some seconds."""
    mount = mounter(many)
    mount.names()
    files = mount.stat("metaflowfs_metadata_files_read_total")
    begin = time.monotonic()
    names = mount.names("HelloFlow")
    took = time.monotonic() - begin
    assert len(names) == RUNS + 1
    assert mount.stat("metaflowfs_metadata_files_read_total") - files < 100
    assert names[0] == runs["hello"].split("/")[1] and names[1:] == sorted(names[1:], reverse=True)
    assert took < 5, took
    begin = time.monotonic()
    assert mount.read(runs["hello"] + "/start/1/message") == b"hello, world"
    assert time.monotonic() - begin < 0.5
    assert mount.read("HelloFlow/%d/.meta" % (10**15 + 7))


@pytest.mark.bounds
def test_ten_thousand_tasks(many, mounter, runs):
    """S101: a step of 10,000 tasks is listed, and `ls -lU` of it ends."""
    mount = mounter(many)
    path = mount / runs["hello"] / "start"
    assert count("ls -U", path) == TASKS + 1
    begin = time.monotonic()
    assert count("ls -lU", path) == TASKS + 2
    assert time.monotonic() - begin < 20


def quiet_sizes(mount, path, walks):
    """RssAnon after each of some walks, once the answers to the last requests are let go of."""
    sizes = []
    for _ in range(walks):
        count("find", path)
        time.sleep(0.2)
        sizes.append(mount.rss_anon())
    return sizes


@pytest.mark.bounds
def test_memory(many, mounter, runs):
    """S102: RssAnon stays within 16 MiB after 100 requests, and a listing of 100,000 names adds less than 2 MiB (of
    1,000,000: 8); `ls -lU` of 10,000 entries costs 128 bytes for each besides what is remembered of them, 6 MiB at
    most; walking them again and again leaves it flat."""
    mount = mounter(many)
    for n in range(100):
        mount.read("HelloFlow/%d/.meta" % (10**15 + n))
    idle = mount.rss_anon()
    assert idle < 16 << 20, idle
    count("ls -U", mount / "HelloFlow")
    listed = mount.rss_anon()
    assert listed - idle < 2 << 20, (idle, listed)
    step = mount / runs["hello"] / "start"
    count("ls -lU", step)
    looked = mount.rss_anon()
    nodes, node_bytes = mount.stat("metaflowfs_nodes"), mount.stat("metaflowfs_nodes_bytes")
    assert nodes > TASKS and node_bytes < 128 * (nodes + 4096), (nodes, node_bytes)  # nodes are made 4,096 at a time
    sizes = quiet_sizes(mount, step, 10)
    print(json.dumps({"idle": idle, "listed": listed, "looked": looked, "walked": sizes}))
    # 12 MB more for 100,000 more nodes are no leak: somebody else walked through this mount meanwhile.
    assert mount.stat("metaflowfs_nodes") < nodes + 1000, "something else than this test looked into the mount"
    # Beside nodes and what is remembered: threads, buffers, and what the allocator has spare.
    assert max(looked, *sizes) - listed < 128 * TASKS + (6 << 20) + (4 << 20), (listed, looked, sizes)
    # What leaked but 40 bytes for each task of a walk would be 2.4 MB more after five walks.
    assert min(sizes[7:]) - min(sizes[2:5]) < 1 << 20, sizes


@pytest.mark.bounds
def test_find_twice_is_flat(mounter, main_root):
    """S102: walking all flows again and again does not grow the daemon."""
    mount = mounter(main_root)
    sizes = quiet_sizes(mount, mount.path, 8)
    print(json.dumps({"walked": sizes}))
    assert min(sizes[5:]) - min(sizes[1:4]) < 512 << 10, sizes


def test_a_long_listing_that_changes(mounter, tmp_path, main_root, runs):
    """S103: a listing that is read slowly while runs appear neither repeats nor skips a name."""
    flow, run = runs["hello"].split("/")
    target = tmp_path / "own/.metaflow/HelloFlow"
    target.mkdir(parents=True)
    shutil.copytree(main_root / ".metaflow" / flow / "_meta", target / "_meta")
    shutil.copytree(main_root / ".metaflow" / flow / run, target / run)
    copies(target / run / "_meta/_self.json", ("%s/%d" % (target, 10**15 + n) for n in range(3000)))
    mount = mounter(tmp_path / "own", args=["--ttl", "1"])
    with os.scandir(mount / "HelloFlow") as entries:
        seen = [next(entries).name for _ in range(50)]
        copies(target / run / "_meta/_self.json", ("%s/%d" % (target, 2 * 10**15 + n) for n in range(500)))
        time.sleep(1.2)
        mount.names("HelloFlow")
        seen += [e.name for e in entries]
    assert len(seen) == len(set(seen))
    assert {str(10**15 + n) for n in range(3000)} <= set(seen)
