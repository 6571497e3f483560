"""What programs that copy whole directories do to .batch, and what mounts that share their journals see of each other."""

import errno
import os
import shutil
import subprocess
import tarfile

import pytest

import make
from batching import comes, job, part, part_or_none, save

NAMES = ("first", "second")


@pytest.fixture
def jobs(tmp_path):
    """A folder with two job files, written long ago."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    for n, name in enumerate(NAMES):
        (folder / (name + ".json")).write_text(job(["echo", name]))
        os.utime(folder / (name + ".json"), (1500000000 + n, 1500000000 + n))
    os.utime(folder, (1400000000, 1400000000))
    return folder


def run(*command):
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, timeout=120)


def rsync(jobs, mount):
    done = run("rsync", "-a", "%s/" % jobs, "%s/" % (mount / ".batch"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [(), ("--inplace",)])
def test_rsync_after_a_remount(batch_mounter, cloud, tmp_path, jobs, options):
    """S558: the time that a program sets for a job's file is the file's after a remount, and in other mounts: rsync
    copies nothing again, and no job runs twice."""
    state = tmp_path / "state"
    state.mkdir()
    mount, other = batch_mounter(cloud, state=state), batch_mounter(cloud, state=state)
    assert other.names(".batch") == []
    rsync(jobs, mount)
    assert len(cloud.submitted()) == 2
    for name in NAMES:
        cloud.set("-%s-" % name, "SUCCEEDED")
        comes(mount, name, "status", "SUCCEEDED")
        comes(other, name, "status", "SUCCEEDED")
    rsync(jobs, mount)
    make.wait_for(lambda: (other / ".batch/second.json").stat().st_mtime == 1500000001, "the time in the other mount")
    rsync(jobs, other)
    assert mount.end() == 0
    again = batch_mounter(cloud, state=state)
    assert [(again / (".batch/%s.json" % n)).stat().st_mtime for n in NAMES] == [1500000000, 1500000001]
    rsync(jobs, again)
    assert len(cloud.submitted()) == 2, cloud.log()
    (jobs / "first.json").write_text(job(["echo", "changed"]))
    rsync(jobs, again)
    assert len(cloud.submitted()) == 3


def test_a_time_that_was_written_over(batch_mounter, cloud, tmp_path, jobs):
    """S558: until the file is written again, also with the same text: that is not forgotten by a remount."""
    state = tmp_path / "state"
    state.mkdir()
    mount = batch_mounter(cloud, state=state)
    for option, is_old in (("-p", True), ("-f", False)):
        assert run("cp", option, jobs / "first.json", mount / ".batch/first.json").returncode == 0
        assert ((mount / ".batch/first.json").stat().st_mtime == 1500000000) == is_old
    assert mount.end() == 0
    again = batch_mounter(cloud, state=state)
    assert (again / ".batch/first.json").stat().st_mtime > 1600000000
    assert len(cloud.submitted()) == 1


def untar(jobs, batch):
    with tarfile.open(jobs.parent / "jobs.tar", "w") as tar:
        tar.add(jobs, ".")
    return run("tar", "-x", "-f", jobs.parent / "jobs.tar", "-C", batch)


COPIES = {
    "rsync": lambda jobs, batch: run("rsync", "-a", "%s/" % jobs, "%s/" % batch),
    "cp": lambda jobs, batch: run("cp", "-a", "%s/." % jobs, batch),
    "copytree": lambda jobs, batch: shutil.copytree(jobs, batch, dirs_exist_ok=True),
    "tar": untar,
}


@pytest.mark.parametrize("program", COPIES)
def test_copies_of_a_directory(batch_mounter, cloud, jobs, program):
    """S559: programs that copy a directory into .batch, and set its mode, times and owner, do not fail because of
    those, which have no effect."""
    mount = batch_mounter(cloud)
    before = (mount / ".batch").stat()
    done = COPIES[program](jobs, mount / ".batch")
    assert getattr(done, "returncode", 0) == 0, done
    assert {part(mount, name, "status") for name in NAMES} == {"RUNNABLE"}
    assert len(cloud.submitted()) == 2
    after = (mount / ".batch").stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    if os.getuid() == 0:
        with pytest.raises(OSError) as refusal:
            os.chown(mount / ".batch", 12345, -1)
        assert refusal.value.errno == errno.EPERM


def test_a_dry_run_and_the_job_of_another_mount(batch_mounter, cloud, tmp_path):
    """S561: a dry run does not hide the job that another mount makes of the file later, which can be killed here; and
    in a mount of dry runs alone a job that seems to live does not keep other text out."""
    one, two = batch_mounter(cloud, state=tmp_path), batch_mounter(cloud, state=tmp_path)
    save(one, "both", job(["x"], dry_run=True))
    assert part(one, "both", "status") == "dry run"
    save(two, "both", job(["x"]))
    comes(one, "both", "id", part(two, "both", "id"))
    comes(one, "both", "status", "RUNNABLE")
    make.wait_for(lambda: one.names(".batch") and one.read(".batch/both.json").decode() == job(["x"]), "the other text")
    (one / ".batch/both/ctl").write_text("kill\n")
    comes(two, "both", "status", "FAILED")
    save(two, "other", job(["y"]))
    assert (one.end(), two.end()) == (0, 0)
    cloud.set("-other-", "SUCCEEDED")
    dry = batch_mounter(cloud, state=tmp_path, args=["--batch-dry-run"])
    save(dry, "other", job(["z"]))
    assert part(dry, "other", "status") == "dry run" and part_or_none(dry, "other", "error") is None
    assert part(dry, "other/attempts/1", "status") == "SUBMITTED"
    assert len(cloud.submitted()) == 2
