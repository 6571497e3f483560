"""What AWS, or the journal's disk, refuses while a job is saved: what is said of it, and what may follow."""

import contextlib
import errno
import os
import subprocess

import pytest

from batching import BROKEN, Held, comes, job, part, part_or_none, refused, save
from test_batch_once import NOT, age, once, saving

NO_LIST = (403, "AccessDeniedException", "User x is not authorized to perform: batch:ListJobs")
NO_SUBMIT = (403, "AccessDeniedException", "User x is not authorized to perform: batch:SubmitJob")


def denying(**answers):
    return lambda call: {"answer": answers[call.op]} if call.op in answers else None


def test_refused_and_saved_again_without_list_jobs(batch_mounter, cloud, tmp_path):
    """S551: where each try was refused the same text is sent again, also by who may not list jobs; the next generation
    counts what existed."""
    mount = batch_mounter(cloud, state=tmp_path)
    cloud.rule = denying(submitjob=NO_SUBMIT, listjobs=NO_LIST)
    assert refused(mount, "again", job(["x"])) == errno.EACCES
    assert part(mount, "again", "status") == NOT and "batch:SubmitJob" in part(mount, "again", "error")
    mount.end()
    cloud.rule = denying(listjobs=NO_LIST)
    mount = batch_mounter(cloud, state=tmp_path)
    assert "batch:SubmitJob" in part(mount, "again", "error")
    save(mount, "again", job(["x"]))
    comes(mount, "again", "status", "RUNNABLE")
    assert len(cloud.submitted()) == 1 and not os.listdir(mount / ".batch/again/attempts")
    assert part_or_none(mount, "again", "error") is None


def test_a_look_that_is_refused(batch_mounter, cloud, tmp_path):
    """S551: of a job that may exist `reason` says why it cannot be looked for, also after a remount; others do not wait
    for it."""
    mount = batch_mounter(cloud, state=tmp_path)
    cloud.rule = denying(submitjob=BROKEN["answer"], listjobs=NO_LIST)
    saves = [saving(mount, name, job([name])) for name in ("lost", "lost2")]
    assert [s.result(60) for s in saves] == [errno.ETIMEDOUT] * 2
    assert part(mount, "lost", "status") == "unknown"
    assert "could not be looked for" in part(mount, "lost", "reason")
    mount.end()
    for name in ("lost", "lost2"):
        age(tmp_path, name, -3600)  # a listing that lacks them settles nothing, however long the test takes
    mount = batch_mounter(cloud, state=tmp_path)
    for name in ("lost", "lost2"):
        comes(mount, name, "reason", lambda text: text is not None and "batch:ListJobs" in text)
    cloud.rule = None
    comes(mount, "lost", "reason", lambda text: text is not None and "batch:ListJobs" not in text)
    assert part(mount, "lost", "status") == "unknown" and not cloud.jobs


@pytest.fixture
def small(tmp_path):
    """A folder on a disk of its own, which has 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a tmpfs")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "metaflowfs-test", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x")
            file.write(b"x" * 4095)


def test_a_journal_that_is_full_in_the_middle(batch_mounter, cloud, small):
    """S552: where the journal cannot take why a job was not submitted, `error` has it all the same."""
    mount = batch_mounter(cloud, state=small)
    for n, (op, code) in enumerate((("describejobqueues", errno.ENOSPC), ("submitjob", errno.EACCES))):
        held, name = Held(), "full%d" % n
        cloud.rule = once((op, dict({"hold": held}, **({"answer": NO_SUBMIT} if op == "submitjob" else {}))))
        result = saving(mount, name, job(["x"], batch={"memory": 1000 + n}))
        held.wait()
        fill(small)
        held.go()
        assert result.result(30) == code
        why = {errno.ENOSPC: "No space left", errno.EACCES: "batch:SubmitJob"}[code]
        assert why in part(mount, name, "error") and "see .batch/%s/error" % name in mount.errors()
        (small / "filler").unlink()


def test_a_name_that_ends_in_a_tilde(batch_mounter, cloud, tmp_path):
    """S553: a job may be called NAME~, as an editor's backup is, and is there as others are."""
    mount = batch_mounter(cloud, state=tmp_path)
    save(mount, "bar~", job(["x"]))
    comes(mount, "bar~", "status", "RUNNABLE")
    assert {"bar~", "bar~.json"} <= set(mount.names(".batch"))
    mount.end()
    mount = batch_mounter(cloud, state=tmp_path)
    comes(mount, "bar~", "status", "RUNNABLE")
    (mount / ".batch/bar~/ctl").write_text("kill\n")
    comes(mount, "bar~", "status", "FAILED")
    assert not [n for n in ("bar.json~", "foo~", "foo.json~") if os.path.exists(mount / ".batch" / n)]
