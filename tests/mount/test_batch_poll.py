"""One poller asks for all jobs, and reading asks for nothing."""

import os
import time

import pytest

import make
from batching import Held, comes, job, part, save

MANY = 250
POLLS = ("describejobs", "listjobs")


@pytest.fixture(scope="module")
def quiet(shared_batch_mounter, batch_moto):
    """A mount at which nobody looks after its first look, with no job of its own; and when that was."""
    import batching

    cloud = batching.Cloud(batch_moto)
    cloud.metaflow_job("AFlow/1/a/1")
    mount = shared_batch_mounter(cloud)
    assert mount.names(".batch")
    yield cloud, time.monotonic()
    cloud.stop()


def polls(cloud):
    return cloud.log().of(*POLLS)


def test_nobody_looks(quiet, batch_mounter, cloud):
    """S279: a mount that nobody looks at asks Batch for nothing."""
    mount = batch_mounter(cloud)
    mount.names()
    mount.read(".metaflowfs/status")
    time.sleep(2.5)
    assert not cloud.log(), cloud.log()


@pytest.mark.threads
def test_many_jobs(batch_mounter, cloud):
    """S280: so many jobs cost a DescribeJobs for each 100 of them, however much is read."""
    for n in range(MANY):
        cloud.metaflow_job("AFlow/1/step/%d" % n, "RUNNING", age_s=1000 - n)
    mount = batch_mounter(cloud)
    names = mount.names(".batch")
    assert len(names) == MANY
    first = polls(cloud).of("describejobs")
    assert len(first) <= 4 and all(len(c.body["jobs"]) <= 100 for c in first), first
    asked = len(polls(cloud))
    begin = time.monotonic()
    for name in names:
        for what in ("status", "id", "reason"):
            path = mount / ".batch" / name / what
            if os.path.exists(path):
                assert path.read_bytes()
    rounds = (time.monotonic() - begin) / 2 + 1
    more = polls(cloud)[asked:]
    assert len([c for c in more if c.op == "describejobs"]) <= 3 * rounds + 3, more
    cloud.set("-step-7-", "FAILED", exit_code=1)
    comes(mount, "tester-AFlow-1-step-7-0", "status", "FAILED")
    calls = polls(cloud)
    seen = [i for c in calls.of("describejobs") for i in c.body["jobs"]]
    assert len(set(seen)) == MANY


def test_it_slows_down(batch_mounter, cloud):
    """S281: while nothing changes it asks less and less often; a change makes it quick again."""
    mount = batch_mounter(cloud)
    save(mount, "slow", job())
    begin = time.monotonic()
    comes(mount, "slow", "status", "RUNNABLE")
    while time.monotonic() - begin < 18:
        assert part(mount, "slow", "status") == "RUNNABLE"
        time.sleep(0.2)
    times = [c.at for c in cloud.log().of("describejobs")]
    gaps = [b - a for a, b in zip(times, times[1:]) if b - a > 0.5]
    assert 3 <= len(gaps) <= 10, gaps
    assert gaps[-1] > 1.4 * gaps[0] and min(gaps) > 0.9, gaps


def test_throttled_polls(batch_mounter, cloud):
    """S282: throttled or failing polls keep what is known, are made less often, and go on when Batch answers."""
    from batching import THROTTLED

    mount = batch_mounter(cloud)
    save(mount, "kept", job())
    comes(mount, "kept", "status", "RUNNABLE")
    cloud.rule = lambda c: THROTTLED if c.op in POLLS else None
    cloud.log(clear=True)
    begin = time.monotonic()
    while time.monotonic() - begin < 6:
        assert part(mount, "kept", "status") == "RUNNABLE"
        time.sleep(0.1)
    assert len(polls(cloud)) <= 8, polls(cloud)
    cloud.set("-kept-", "SUCCEEDED")
    cloud.rule = None
    comes(mount, "kept", "status", "SUCCEEDED")


def test_a_silent_batch(batch_mounter, cloud):
    """S282: while a poll has no answer, reading has one at once, and unmounting comes through."""
    mount = batch_mounter(cloud)
    save(mount, "known", job())
    comes(mount, "known", "status", "RUNNABLE")
    silent = Held()
    cloud.rule = lambda c: {"hold": silent} if c.op in POLLS else None
    mount.names(".batch")
    silent.wait()
    begin = time.monotonic()
    for _ in range(20):
        assert part(mount, "known", "status") == "RUNNABLE" and "known" in mount.names(".batch")
    assert time.monotonic() - begin < 5
    assert mount.end() == 0
    assert time.monotonic() - begin < 12
    silent.drop()


def test_it_stops(quiet):
    """S283: when nobody looked for a minute and no job of its own lives, it stops."""
    cloud, looked = quiet
    make.wait_for(lambda: time.monotonic() - looked > 66, "the end of a minute", 80)
    calls = cloud.calls_of(lambda: time.sleep(5))
    assert not calls, calls
