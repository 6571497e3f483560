"""What the tree asks an S3, counted where it arrives. The budgets are DESIGN's: at most two requests a task, nothing
twice, nothing for what is not read."""

import os
import shutil
import subprocess
import threading
import time

import pytest
import s3faults
import s3ing
from test_service_budget import walk


def task_of(mount, run, step="start"):
    return "%s/%s/%s" % (run, step, mount.names("%s/%s" % (run, step))[0])


def everything(mount, where):
    """Reads every artifact that is listed below."""
    for folder, _, names in os.walk(mount / where):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                while file.read(1 << 20):
                    pass


def settled(mount, run):
    """Until the run is known to be settled (--settle-after 1)."""
    walk(mount, run)
    time.sleep(1.2)


def test_walking_a_run(faults, s3_mounter, s3_runs):
    """S180: the sizes of a run's artifacts are one request a task and its logs one listing; nothing the second time,
    nor after a remount."""
    run = s3_runs["many"]
    mount = s3_mounter(faults)
    log = faults.requests_of(lambda: walk(mount, run))
    tasks = s3ing.MANY + 3
    assert len(log.of("list")) <= 8, log.of("list")  # the bucket, a task alone, then the run by pages of 1,000 keys
    sizes = log.of("small", "head").key("data.json")
    assert len(sizes) <= tasks, log
    assert len(log) <= 2 * tasks + 8, log  # a task's log, which is read, besides; an empty one is none
    again = faults.requests_of(lambda: walk(mount, run))
    assert not again, again


def test_a_run_again_after_a_remount(faults, s3_mounter, s3_runs, tmp_path):
    """S181: what was read of a finished run is read again without a request, also after a remount: sizes and small
    artifacts."""
    run = s3_runs["many"]
    mount = s3_mounter(faults, cache=tmp_path / "cache")
    settled(mount, run)
    where = ["%s/work/%s/%s" % (run, t, n) for t in mount.names(run + "/work") for n in ("x", "noise", "name")]
    first = {w: mount.read(w) for w in where}
    mount.end()
    mount = s3_mounter(faults, cache=tmp_path / "cache")

    def again():
        for folder, _, names in os.walk(mount / run):
            for name in names:
                os.stat(os.path.join(folder, name))
        assert {w: mount.read(w) for w in where} == first
    log = faults.requests_of(again)
    assert not log, log


def test_looking_downloads_no_artifact(faults, s3_mounter, s3_runs):
    """S182: `ls -l`, `find` and `stat` download no artifact."""
    mount = s3_mounter(faults)
    for label in ("s3", "values"):
        where = s3_runs[label]

        def look():
            subprocess.run(["ls", "-lR", mount / where], stdout=subprocess.DEVNULL, check=True)
            subprocess.run(["find", mount / where, "-size", "+1k"], stdout=subprocess.DEVNULL, check=True)
            subprocess.run("stat %s/*/*/*" % (mount / where), shell=True, stdout=subprocess.DEVNULL, check=True)
        log = faults.requests_of(look)
        assert not log.of("blob"), log.of("blob")
        assert log.sent() < 200_000, log


def test_one_small_artifact(faults, s3_mounter, s3_runs):
    """S183: a small artifact is one request, none again; `True`, `None`, small numbers and `[]` are none."""
    mount = s3_mounter(faults)
    task = task_of(mount, s3_runs["many"], "work")
    os.stat(mount / task / "x")
    log = faults.requests_of(lambda: mount.read(task + "/x"))
    assert len(log.of("blob")) == 1 and len(log) == 1, log
    log = faults.requests_of(lambda: (mount.read(task + "/x"), mount.read(task + "/_task_ok")))
    assert not log, log


def test_fifty_readers_of_one_artifact(faults, s3_mounter, s3_runs):
    """S184: an artifact that fifty programs read at once is fetched once."""
    mount = s3_mounter(faults)
    path = mount / task_of(mount, s3_runs["s3"]) / "text"
    size = os.stat(path).st_size
    faults.log(clear=True)
    readers = [subprocess.Popen(["sha1sum", path], stdout=subprocess.PIPE) for _ in range(50)]
    sums = {r.communicate(timeout=120)[0] for r in readers}
    assert len(sums) == 1
    blobs = faults.log().of("blob")
    assert 0.5 * size < blobs.sent() < 1.02 * size, (size, blobs)
    assert len({r.range for r in blobs}) == len(blobs), blobs


def cat_all(mount, run, name):
    return subprocess.run("cat %s/work/*/%s" % (mount / run, name), shell=True, stdout=subprocess.PIPE,
                          check=True).stdout


def test_reading_the_same_name_of_all_tasks(faults, s3_mounter, s3_runs):
    """S185: `cat */x` over a foreach has many requests under way at once, each made once."""
    mount = s3_mounter(faults)
    faults.latency = 0.03
    faults.log(clear=True)
    text = cat_all(mount, s3_runs["many"], "x")
    assert sorted(text.splitlines()) == sorted(b"item %d" % i for i in range(s3ing.MANY))
    log = faults.log()
    assert log.of("blob").most_at_once() > 8, log.of("blob").most_at_once()
    assert log.of("small").key("data.json").most_at_once() > 8, log.of("small").most_at_once()
    keys = [r.key for r in log.of("blob")]
    assert len(keys) == len(set(keys)), log
    assert len(keys) <= s3ing.MANY + 40, len(keys)


def test_reading_one_name_after_another(faults, s3_mounter, s3_runs):
    """S185: so has each pass behind the first: for another artifact, the logs and `.meta`, in one command or more."""
    mount = s3_mounter(faults)
    run = s3_runs["many"]
    cat_all(mount, run, "x")
    faults.latency = 0.03
    for name, kind in (("noise", "blob"), (".log", "small"), (".meta", "blob")):
        log = faults.requests_of(lambda name=name: cat_all(mount, run, name)).of(kind)
        assert log.most_at_once() > 8, (name, log.most_at_once())
        assert len({(r.key, r.range) for r in log}) == len(log), (name, log)
    mount = s3_mounter(faults)
    log = faults.requests_of(lambda: cat_all(mount, run, "x %s/work/*/noise" % (mount / run)))
    assert s3faults.Requests(log.of("blob")[-s3ing.MANY // 2:]).most_at_once() > 8, log


@pytest.mark.parametrize("name, kind", [(".attempts/0/x", "blob"), (".logs/*", "small"), (".attempts/0/.meta", "blob"),
                                        (".attempts/0/.logs/*", "small")])
def test_reading_attempts_and_raw_logs(faults, s3_mounter, s3_runs, name, kind):
    """S533: so has reading one attempt's files, or the raw logs, of one task after another."""
    mount = s3_mounter(faults)
    faults.latency = 0.03
    log = faults.requests_of(lambda: cat_all(mount, s3_runs["many"], name))
    assert len(log.of(kind)) >= s3ing.MANY - 10
    assert log.of(kind).most_at_once() > 8, log.of(kind).most_at_once()
    assert len({(r.key, r.range) for r in log.of(kind)}) == len(log.of(kind)), log


def test_reading_two_names_of_each_task(faults, s3_mounter, s3_runs):
    """S185: so has reading `.meta` and an artifact of one task before the next."""
    mount = s3_mounter(faults)
    faults.latency = 0.03
    loop = "for t in %s/work/*; do cat $t/.meta $t/x; done" % (mount / s3_runs["many"])
    begun = time.monotonic()
    log = faults.requests_of(lambda: subprocess.run(loop, shell=True, stdout=subprocess.DEVNULL, check=True))
    took = time.monotonic() - begun
    assert took < s3ing.MANY * faults.latency, took  # one request of each task, one behind the other
    assert len({(r.key, r.range) for r in log.of("blob")}) == len(log.of("blob")), log


def test_reading_the_files_of_a_task(faults, s3_mounter, s3_runs):
    """S185: so has reading the files of one task in their order."""
    mount = s3_mounter(faults)
    task = task_of(mount, s3_runs["values"], "containers")
    names = sorted(mount.names(task))
    faults.latency = 0.03
    faults.log(clear=True)
    subprocess.run(["cat", *(mount / task / n for n in names)], stdout=subprocess.DEVNULL, check=True)
    blobs = faults.log().of("blob")
    assert blobs.most_at_once() > 4, (blobs.most_at_once(), blobs)
    assert len({(r.key, r.range) for r in blobs}) == len(blobs), sorted(map(repr, blobs))


def attributes_of(paths):
    """What `getfattr -d` gives of each."""
    return {p: {n: os.getxattr(p, n) for n in os.listxattr(p)} for p in paths}


def test_names_of_attributes_cost_nothing(faults, s3_mounter, s3_runs):
    """S530: the names of a task's extended attributes, and its status, are no request to the datastore."""
    mount = s3_mounter(faults)
    step = mount / s3_runs["many"] / "work"
    paths = [step / t for t in os.listdir(step)]
    log = faults.requests_of(lambda: [os.listxattr(p) for p in paths])
    assert not log, log
    log = faults.requests_of(lambda: [os.getxattr(p, "user.metaflow.status") for p in paths])
    assert not log, log


def test_reading_the_attributes_of_all_tasks(faults, s3_mounter, s3_runs):
    """S530: extended attributes of one task after another are made ready ahead, each request made once."""
    mount = s3_mounter(faults)
    step = mount / s3_runs["many"] / "work"
    paths = [step / t for t in sorted(os.listdir(step))]
    faults.latency = 0.03
    found = {}
    log = faults.requests_of(lambda: found.update(attributes_of(paths)))
    assert log.of("blob").most_at_once() > 8, log.of("blob").most_at_once()
    assert len({(r.key, r.range) for r in log}) == len(log), log
    assert sorted(int(f["user.metaflow.index"]) for f in found.values()) == list(range(s3ing.MANY))


def test_the_index_of_a_foreach(faults, s3_mounter, s3_runs):
    """S531: `.index` of a foreach asks for many tasks' places at once, each once."""
    mount = s3_mounter(faults)
    index = s3_runs["many"] + "/work/.index"
    faults.latency = 0.03
    names = []
    log = faults.requests_of(lambda: names.extend(mount.names(index)))
    assert sorted(names, key=int) == [str(i) for i in range(s3ing.MANY)]
    assert log.of("blob").most_at_once() > 8, log.of("blob").most_at_once()
    assert len({(r.key, r.range) for r in log}) == len(log), log


def test_a_wrong_guess_stops(faults, s3_mounter, s3_runs):
    """S186: when the reader turns elsewhere, fetching ahead ends: what it had fetched in vain is little."""
    mount = s3_mounter(faults)
    run = s3_runs["many"]
    tasks = sorted(mount.names(run + "/work"), key=int)
    faults.latency = 0.02
    faults.log(clear=True)
    for task in tasks[:12]:
        mount.read("%s/work/%s/x" % (run, task))
    mount.read(task_of(mount, s3_runs["hello"]) + "/message")
    time.sleep(1.0)
    log = faults.log(clear=True).of("blob")
    assert len(log) < 12 + 140, len(log)
    time.sleep(0.5)
    assert not faults.log().of("blob"), faults.log()


def test_few_tasks_are_few_requests(faults, s3_mounter, s3_runs):
    """S532: who reads eight tasks has not many more fetched; each is counted once."""
    mount = s3_mounter(faults)
    step = s3_runs["many"] + "/work"
    tasks = sorted(mount.names(step), key=int)[1:9]
    faults.latency = 0.02
    faults.log(clear=True)
    for task in tasks:
        subprocess.run(["cat", mount / step / task / "x"], stdout=subprocess.DEVNULL, check=True)
    made, before = mount.stat("metaflowfs_ahead_tasks_total"), -1
    while made != before:
        time.sleep(0.5)
        made, before = mount.stat("metaflowfs_ahead_tasks_total"), made
    right = mount.stat("metaflowfs_ahead_right_total")
    log = faults.log()
    assert len(log) < 2 * 32, log
    assert 4 <= right <= len(tasks) and right <= made < 32, (made, right)


def test_random_tasks_are_not_guessed(faults, s3_mounter, s3_runs):
    """S186: reading tasks in no order fetches nothing else for long."""
    import random

    mount = s3_mounter(faults)
    run = s3_runs["many"]
    tasks = mount.names(run + "/work")
    random.Random(3).shuffle(tasks)
    faults.log(clear=True)
    for task in tasks[:30]:
        mount.read("%s/work/%s/noise" % (run, task))
    assert len(faults.log().of("blob")) < 90, len(faults.log().of("blob"))


@pytest.fixture
def own_logs(s3, s3_runs, s3_root, tmp_path):
    """A run in a bucket of its own, whose logs the test may grow: (root, S3 root, key of start's stdout)."""
    bucket = "mf-grow"
    s3ing.copy_bucket(s3.client, s3.client, "metaflow/" + s3_runs["hello"], target_bucket=bucket)
    root = tmp_path / "own"
    shutil.copytree(s3_root / ".metaflow" / "HelloFlow", root / ".metaflow" / "HelloFlow")
    for file in root.rglob("*.json"):
        text = file.read_text()
        if "s3://mf-test" in text:
            file.write_text(text.replace("s3://mf-test", "s3://" + bucket))
    yield root, "s3://%s/metaflow" % bucket, "metaflow/%s/start/1/0.runtime_stdout.log" % s3_runs["hello"]


def test_a_growing_log(own_logs, s3, faults, s3_mounter, s3_runs):
    """S187: of a log that grew only what is new is fetched."""
    root, s3_url, key = own_logs
    bucket = s3_url.split("/")[2]
    line = "[MFLOG|0|2026-01-01T00:00:%02d.%06dZ|runtime|00000000-0000-0000-0000-000000000000]line %d\n"
    text = "".join(line % (n % 60, n, n) for n in range(10_000))
    s3.client.put_object(Bucket=bucket, Key=key, Body=text.encode())
    mount = s3_mounter(faults, root=root, env={"METAFLOW_DATASTORE_SYSROOT_S3": s3_url}, settle="86400")
    log = s3_runs["hello"] + "/start/1/.logs/0.runtime_stdout.log"
    assert mount.read(log) == text.encode()
    for turn in range(3):
        text += "".join(line % (n % 60, n, n) for n in range(10_000 + 10 * turn, 10_010 + 10 * turn))
        s3.client.put_object(Bucket=bucket, Key=key, Body=text.encode())
        time.sleep(1.3)
        requests = faults.requests_of(lambda: mount.read(log))
        assert mount.read(log) == text.encode()
        assert 0 < requests.key("runtime_stdout").sent() < 20_000, requests


def test_requests_are_counted(faults, s3_mounter, s3_runs):
    """S188: `.metaflowfs/stats` counts requests to S3 as they arrive there."""
    mount = s3_mounter(faults)
    mount.names(s3_runs["hello"])
    faults.log(clear=True)
    before = s3_requests(mount)
    mount.read(task_of(mount, s3_runs["hello"]) + "/message")
    mount.read(task_of(mount, s3_runs["hello"]) + "/.stdout")
    assert s3_requests(mount) - before == len(faults.log()), (mount.stats(), faults.log())


def s3_requests(mount):
    return mount.stat("metaflowfs_s3_(gets|heads|lists)_total")


@pytest.mark.threads
def test_readers_of_everything_at_once(faults, s3_mounter, s3_runs):
    """S189: many readers of many things at once, some of them failing, get what is there."""
    mount = s3_mounter(faults)
    faults.rule = s3faults.one_in(20, seed=5)
    problems = []

    def read(label):
        try:
            everything(mount, s3_runs[label])
        except OSError as error:
            problems.append((label, error))
    threads = [threading.Thread(target=read, args=(label,)) for label in ("hello", "many", "many", "retry", "values")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, (problems, mount.errors())
