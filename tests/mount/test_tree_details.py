"""Attributes of the tree: extended attributes, times, inode numbers, links; and the tools that use them."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest


def walk_inodes(mount, *roots):
    found = {}
    for root in roots:
        for folder, folders, files in os.walk(mount / root):
            for name in folders + files:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, mount.path)] = os.lstat(path).st_ino
    return found


def test_inode_numbers_are_stable(mounter, main_root, runs):
    """S54: inode numbers are the same in another mount of the same data, whatever was looked at before."""
    first = mounter(main_root)
    numbers = walk_inodes(first, "HelloFlow", "ForeachFlow")
    second = mounter(main_root)
    second.names("ForeachFlow")
    assert walk_inodes(second, "ForeachFlow", "HelloFlow") == numbers
    assert len(set(numbers.values())) == len(numbers)
    assert not set(numbers.values()) & {0, 1} and max(numbers.values()) < 2**63
    listed = {e.name: e.inode() for e in os.scandir(first / "HelloFlow")}
    assert listed == {name: os.lstat(first / "HelloFlow" / name).st_ino for name in listed}


@pytest.mark.parametrize("label", ["hello", "foreach", "fail", "retry"])
def test_extended_attributes_repeat_meta(mnt, runs, client, label):
    """S55: user.metaflow.* of a run, step and task repeat .meta; other names are ENODATA."""
    run = client.Run(runs[label])
    for obj in [run, *run, *[t for s in run for t in s]]:
        path = mnt / obj.pathspec
        meta = json.loads((path / ".meta").read_text())
        names = [n for n in os.listxattr(path) if n.startswith("user.metaflow.")]
        assert "user.metaflow.id" in names and "user.metaflow.pathspec" in names
        assert {n[len("user.metaflow."):] for n in names} == set(meta) - {"artifacts", "metadata_dict"}
        for name in names:
            value = meta[name[len("user.metaflow."):]]
            text = os.getxattr(path, name).decode()
            assert text == value if isinstance(value, str) else json.loads(text) == value, name
        if len(obj.pathspec.split("/")) != 3:
            assert os.getxattr(path, "user.metaflow.status").decode() == meta["status"]
    with pytest.raises(OSError) as caught:
        os.getxattr(mnt / runs[label], "user.metaflow.nothing")
    assert caught.value.errno == 61  # ENODATA
    with pytest.raises(OSError):
        os.setxattr(mnt / runs[label], "user.metaflow.x", b"1")


def test_extended_attributes_of_attempts(mnt, runs, client):
    """S55: those of an attempt repeat its own .meta."""
    task = next(iter(client.Run(runs["retry"])["start"]))
    for attempt in mnt.names(task.pathspec + "/.attempts"):
        path = mnt / task.pathspec / ".attempts" / attempt
        meta = json.loads((path / ".meta").read_text())
        got = {n[len("user.metaflow."):]: os.getxattr(path, n).decode() for n in os.listxattr(path)}
        assert set(got) == set(meta) - {"artifacts", "metadata_dict"}
        for name, text in got.items():
            assert text == meta[name] if isinstance(meta[name], str) else json.loads(text) == meta[name], name


def test_extended_attributes_of_artifacts(mnt, runs, client):
    """S55: an artifact has its type, sha, size and encoding as extended attributes."""
    task = client.Run(runs["hello"])["start"].task
    done = subprocess.run(["getfattr", "-d", "-m", "user.metaflow", mnt / task.pathspec / "numbers"],
                          capture_output=True, text=True, check=True)
    got = dict(re.findall(r'user\.metaflow\.(\w+)="(.*)"', done.stdout))
    meta = json.loads(mnt.read(task.pathspec + "/.meta"))["artifacts"]["numbers"]
    assert got["sha"] == task["numbers"].sha == meta["sha"]
    assert got["type"] == meta["type"] == "<class 'list'>"


def test_times(mnt, runs, client):
    """S56: a run's time is its creation, a task's the record of its end, a flow's its newest run's."""
    for flow in ("HelloFlow", "ForeachFlow", "FailFlow"):
        newest = max(client.Flow(flow), key=lambda run: int(run.id)).created_at.timestamp()
        assert abs(os.stat(mnt / flow).st_mtime - newest) < 0.002
        for run in client.Flow(flow):
            assert abs(os.stat(mnt / run.pathspec).st_mtime - run.created_at.timestamp()) < 0.002
            for step in run:
                for task in step:
                    done = task.finished_at or task.created_at
                    assert abs(os.stat(mnt / task.pathspec).st_mtime - done.timestamp()) < 0.002, task.pathspec


def test_time_of_a_flow(writable_root, mounter, runs):
    """S56: a flow's time moves when a newer run is known, and not while it is only looked at."""
    root = writable_root("hello")
    mount = mounter(root, args=["--ttl", "1"])
    first = os.stat(mount / "HelloFlow").st_mtime
    mount.names("HelloFlow/.by-date")
    time.sleep(1.1)
    assert os.stat(mount / "HelloFlow").st_mtime == first
    new = root / ".metaflow" / "HelloFlow" / str(time.time_ns() // 1000)
    shutil.copytree(root / ".metaflow" / runs["hello"], new)
    doc = json.loads((new / "_meta/_self.json").read_text())
    doc.update(run_number=new.name, ts_epoch=time.time_ns() // 1000000)
    (new / "_meta/_self.json").write_text(json.dumps(doc))
    os.stat(mount / "HelloFlow" / new.name)
    time.sleep(1.1)
    assert abs(os.stat(mount / "HelloFlow").st_mtime - doc["ts_epoch"] / 1000) < 0.002


def test_links_are_relative_and_lead_somewhere(mnt):
    """S57: every link but .metaflowfs/tempdir is relative, stays in the mount and has a target."""
    places = []
    for flow in mnt.names():
        places += ["%s/.failed" % flow, "%s/.running" % flow]
        places += ["%s/.by-date/%s" % (flow, d) for d in mnt.names(flow + "/.by-date")]
        places += ["%s/.tags/%s" % (flow, t) for t in mnt.names(flow + "/.tags")]
    seen = 0
    for place in places:
        for name in mnt.names(place):
            target = os.readlink(mnt / place / name)
            assert not target.startswith("/")
            assert os.path.realpath(mnt / place / name).startswith(str(mnt.path))
            assert (mnt / place / name).exists()
            seen += 1
    assert seen > 20


def test_jq(mnt, runs):
    """S58: jq reads JSON artifacts and .meta."""
    path = mnt / runs["hello"] / "end/2/summary"
    done = subprocess.run(["jq", "-r", ".message", path], capture_output=True, text=True, check=True)
    assert done.stdout == "hello, world\n"
    done = subprocess.run("jq -r .status %s/*/.meta | sort | uniq -c" % (mnt / "HelloFlow"), shell=True,
                          capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(mnt.names("HelloFlow"))), "done"]


def test_find_newer(mnt, runs, client, tmp_path):
    """S58: find -newer and find -newermt select runs by their time."""
    order = [run.id for run in client.Flow("HelloFlow")]
    done = subprocess.run(["find", mnt / "HelloFlow", "-mindepth", "1", "-maxdepth", "1", "-newer",
                           mnt / "HelloFlow" / order[-1]], capture_output=True, text=True, check=True)
    assert {os.path.basename(line) for line in done.stdout.split()} == set(order[:-1])


def test_shell_pipelines(mnt, runs, client):
    """S58: sort, cut, head, tail, paste and a loop over tasks read artifacts as text."""
    step = mnt / runs["foreach"] / "work"
    done = subprocess.run("cat %s/*/value | sort -n | tail -1" % step, shell=True, capture_output=True, check=True)
    assert done.stdout == b"110\n"
    done = subprocess.run("for i in 0 1 11; do cat %s/.index/$i/name_of_item; echo; done" % step, shell=True,
                          capture_output=True, check=True)
    assert done.stdout.decode().split("\n") == ["ITEM 0", "ITEM 1", "ITEM 11", ""]
    done = subprocess.run("grep -l 'ITEM 7' %s/*/name_of_item | wc -l" % step, shell=True, capture_output=True)
    assert done.stdout.strip() == b"1"


def test_numpy_and_pandas_load_stored_bytes(mnt, runs, client):
    """S16: what has no natural form is its pickle, which Python's pickle loads straight from the mount."""
    import pickle

    task = client.Run(runs["values"])["arrays"].task
    with open(mnt / task.pathspec / "frame", "rb") as file:
        assert pickle.load(file).equals(task["frame"].data)
    with open(mnt / runs["big"] / "start/1/array", "rb") as file:
        assert (pickle.load(file) == client.Run(runs["big"])["start"].task["array"].data).all()


def test_json_forms(mnt, runs, client):
    """S19: .json/<name>.json is every artifact by the JSON rules; what cannot be shown says so, value by value."""
    import json_rules

    problems = []
    for step in client.Run(runs["values"]):
        task = step.task
        names = mnt.names(task.pathspec + "/.json")
        assert sorted(names) == sorted(a.id + ".json" for a in task)
        if step.id not in ("start", "containers", "texts"):
            continue
        for artifact in task:
            if artifact.id in ("chain",) or artifact.id.startswith("long_name"):
                continue
            got = json.loads(mnt.read("%s/.json/%s.json" % (task.pathspec, artifact.id)))
            if not json_rules.same(json_rules.to_json(artifact.data), got):
                problems.append("%s: %.200s" % (artifact.id, got))
    assert not problems, "\n".join(problems)


def test_statfs(mnt):
    """S59: df works, and says that nothing is free."""
    info = os.statvfs(mnt.path)
    assert info.f_bavail == 0 and info.f_namemax == 255
    subprocess.run(["df", mnt.path], check=True, capture_output=True)
