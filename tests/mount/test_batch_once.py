"""A job is never submitted twice and never lost: through crashes, lost answers, throttling, two mounts, and saves."""

import concurrent.futures
import errno
import os
import pty
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

import batching
import make
import s3ing
from batching import BROKEN, THROTTLED, Held, comes, job, part, part_or_none, refused, save
from mounting import is_mounted
from servicing import free_port

NOT = "not submitted"


def crash(mount):
    """kill -9 of the daemon; whoever waited for it gets an error."""
    mount.end(signal.SIGKILL)
    if is_mounted(mount.path):
        subprocess.run(["fusermount3", "-u", "-z", str(mount.path)])
    for left in (mount.workdir / "temp").glob("metaflow.s3.*"):
        shutil.rmtree(left)


def record_of(state, name):
    """The journal's file of a job."""
    found = list(state.glob("metaflowfs/jobs/*/%s.json" % name))
    assert len(found) == 1, found
    return found[0]


def age(state, name, seconds=120):
    """Makes the journal believe that a job was sent so much earlier: what was not found meanwhile is lost for good."""
    path = record_of(state, name)
    text = re.sub(r'("sent_ms": *)(\d+)', lambda m: m.group(1) + str(int(m.group(2)) - seconds * 1000), path.read_text())
    new = path.with_name("new")
    new.write_text(text)
    new.chmod(0o600)
    new.rename(path)


def saving(mount, name, text):
    """Saves in a thread; what came of it: an errno, or 0."""
    result = concurrent.futures.Future()

    def run():
        try:
            save(mount, name, text)
            result.set_result(0)
        except OSError as error:
            result.set_result(error.errno)

    threading.Thread(target=run, daemon=True).start()
    return result


def once(*faults):
    """A rule of (op, fault) pairs, each for the first call of that op that is left."""
    left, lock = list(faults), threading.Lock()

    def rule(call):
        with lock:
            for pair in left:
                if pair[0] == call.op:
                    left.remove(pair)
                    return pair[1]
        return None

    return rule


# (the call that stands still when the daemon is killed, whether moto carried it out, what becomes of it then)
STEPS = [("describejobqueues", "hold", "drop"), ("describejobdefinitions", "hold", "drop"),
         ("registerjobdefinition", "hold", "drop"), ("registerjobdefinition", "after", "drop"),
         ("submitjob", "hold", "drop"), ("submitjob", "hold", "go"), ("submitjob", "after", "drop")]


@pytest.mark.parametrize("op, where, then", STEPS)
def test_killed_at_every_step(batch_mounter, cloud, tmp_path, op, where, then):
    """S271: after a kill -9 between any two steps and a remount, the job exists exactly once, or its directory says
    that it was not submitted; saving it again makes it exactly once."""
    held = Held()
    text = job(["echo", op], batch={"image": "killed-%s-%s-%s:1" % (op, where, then)})
    cloud.rule = once((op, {where: held}))
    mount = batch_mounter(cloud, state=tmp_path)
    result = saving(mount, "crashed", text)
    held.wait()
    crash(mount)
    assert result.result(30) != 0
    getattr(held, then)()
    if then == "go":
        make.wait_for(lambda: cloud.submitted(), "the request that was under way")
    exists = bool(cloud.jobs)
    assert exists == (op == "submitjob" and (where, then) != ("hold", "drop"))
    again = batch_mounter(cloud, state=tmp_path)
    if exists:
        comes(again, "crashed", "status", "RUNNABLE")
        assert part(again, "crashed", "id") == next(iter(cloud.jobs))
    elif op == "submitjob":
        comes(again, "crashed", "status", "unknown")
        age(tmp_path, "crashed")
        comes(again, "crashed", "status", NOT)
    else:
        comes(again, "crashed", "status", NOT)
        assert part(again, "crashed", "error")
    assert again.read(".batch/crashed.json").decode() == text
    save(again, "crashed", text)
    comes(again, "crashed", "status", "RUNNABLE")
    assert len(cloud.submitted()) == len(cloud.jobs) == 1, cloud.log()


def test_killed_after_the_answer(batch_mounter, cloud, tmp_path):
    """S271: what was accepted is known after a kill -9, and not asked for again."""
    mount = batch_mounter(cloud, state=tmp_path)
    save(mount, "done", job())
    crash(mount)
    shutil.rmtree(mount.workdir / ".cache", ignore_errors=True)
    again = batch_mounter(cloud, state=tmp_path)
    assert part(again, "done", "id") == next(iter(cloud.jobs))
    save(again, "done", job())
    assert len(cloud.submitted()) == 1


@pytest.mark.threads
@pytest.mark.parametrize("faults", [
    [{"cut": "after"}], [{"spoil": BROKEN["answer"]}], [THROTTLED, THROTTLED], [THROTTLED, {"spoil": BROKEN["answer"]}]],
    ids=["lost", "500 and done", "429", "429 and 500"])
def test_answers_that_are_lost(batch_mounter, cloud, faults):
    """S272: after a lost answer, a 500 or a 429 the job exists once."""
    mount = batch_mounter(cloud)
    cloud.rule = once(*[("submitjob", f) for f in faults])
    save(mount, "lossy", job(["echo", "once"]))
    comes(mount, "lossy", "status", "RUNNABLE")
    assert len(cloud.submitted()) == len(cloud.jobs) == 1, cloud.log()
    assert part(mount, "lossy", "id") == next(iter(cloud.jobs))


def test_interrupted_while_it_is_written(batch_mounter, cloud):
    """S323: a write that waits for AWS can be interrupted, and the close behind it submits nothing."""
    held = Held()
    cloud.rule = once(("describejobqueues", {"hold": held}))
    mount = batch_mounter(cloud)
    process = subprocess.Popen(["bash", "-c", "echo '%s' > .batch/late.json; sleep 60" % job(["x"])], cwd=mount.path,
                               start_new_session=True)
    held.wait()
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    assert time.monotonic() - begin < 2
    held.drop()
    assert part(mount, "late", "status") == NOT and not cloud.log().of("submitjob"), cloud.log()
    cloud.rule = None
    save(mount, "late", job(["x"]))
    assert len(cloud.submitted()) == 1


@pytest.mark.parametrize("shell", [["bash", "--norc", "-i"], ["zsh", "-f", "-i"], ["dash", "-i"]], ids=lambda s: s[0])
def test_interrupted_at_a_prompt(batch_mounter, cloud, shell):
    """S323: Ctrl-C at a shell's prompt, which writes once more what it could not write, submits nothing either."""
    held = Held()
    cloud.rule = once(("describejobqueues", {"hold": held}))
    mount = batch_mounter(cloud)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(mount.path)
        os.execvp(shell[0], shell)
    time.sleep(1)
    os.write(terminal, b"echo '{\"command\": [\"x\"]}' > .batch/late.json; sleep 60\n")
    held.wait()
    os.write(terminal, b"\x03")
    time.sleep(0.5)
    held.drop()
    os.write(terminal, b"touch .batch/ended\n")
    make.wait_for(lambda: (mount / ".batch/ended").exists(), "the prompt")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert part(mount, "late", "status") == NOT and not cloud.log().of("submitjob"), cloud.log()


def test_a_file_that_was_renamed_and_a_remount(batch_mounter, cloud, tmp_path):
    """S347: a job file that was renamed away does not come back with the next mount; one that came back does."""
    mount = batch_mounter(cloud, state=tmp_path)
    for name in ("away", "back", "other"):
        save(mount, name, job([name]))
        os.rename(mount / (".batch/%s.json" % name), mount / (".batch/%s.json~" % name))
    os.rename(mount / ".batch/back.json~", mount / ".batch/back.json")
    assert refused(mount, "other", job(["text"])) == errno.EBUSY
    with pytest.raises(OSError) as second:
        os.rename(mount / ".batch/back.json", mount / ".batch/second.json")
    assert second.value.errno == errno.EPERM
    assert len(cloud.submitted()) == 3
    mount.end()
    again = batch_mounter(cloud, state=tmp_path)
    names = again.names(".batch")
    assert set(names) >= {"away", "back", "other", "back.json", "other.json"} and "away.json" not in names, names
    save(again, "away", job(["away"]))
    assert "away.json" in again.names(".batch") and len(cloud.submitted()) == 3


def test_a_500_that_did_nothing(batch_mounter, cloud, tmp_path):
    """S272: a 500 leaves open whether there is a job: nothing is sent again before a minute's listings lack it, and
    then a save makes it once."""
    mount = batch_mounter(cloud, state=tmp_path)
    cloud.rule = once(*[("submitjob", f) for f in (BROKEN, THROTTLED, {"cut": "after"})])
    assert refused(mount, "failed", job()) == errno.ETIMEDOUT
    assert part(mount, "failed", "status") == "unknown" and "status 500" in part(mount, "failed", "error")
    assert len(cloud.log().of("submitjob")) == 1, cloud.log()
    age(tmp_path, "failed")
    comes(mount, "failed", "status", NOT)
    assert "no such job" in part(mount, "failed", "error")
    save(mount, "failed", job())
    comes(mount, "failed", "status", "RUNNABLE")
    assert len(cloud.submitted()) == len(cloud.jobs) == 1, cloud.log()


@pytest.mark.parametrize("fault, seconds", [({"cut": "after"}, 4), ({"spoil": BROKEN["answer"]}, 14),
                                            ({"spoil": (503, "ServiceUnavailable", "made by the test")}, 45)],
                         ids=["lost", "500", "503"])
def test_a_listing_that_lags(batch_mounter, cloud, fault, seconds):
    """S272: ListJobs that does not show the job yet leads to no second one."""
    mount = batch_mounter(cloud)
    until = time.monotonic() + seconds
    lost = once(("submitjob", fault))

    def rule(call):
        if call.op == "listjobs" and time.monotonic() < until:
            return {"reply": {"jobSummaryList": []}}
        return lost(call)

    cloud.rule = rule
    result = saving(mount, "lagging", job()).result(60)
    assert result == (errno.ETIMEDOUT if seconds > 30 else 0)
    if result != 0:
        assert part(mount, "lagging", "status") == "unknown"
        comes(mount, "lagging", "status", "RUNNABLE")
    save(mount, "lagging", job())
    assert len(cloud.submitted()) == 1, cloud.log()


def test_a_batch_that_refuses_or_is_away(batch_mounter, cloud, tmp_path):
    """S273: throttling, an unreachable Batch, cut connections and no answers fail the close within 30 s, with a cause
    that says whether anything was sent; nothing hangs, and a later save submits once."""
    def rule(call):
        if call.op == "submitjob":
            if "-throttled-" in call.body["jobName"]:
                return THROTTLED
            if "-silent-" in call.body["jobName"]:
                return {"hold": silent}
            if "-cut-" in call.body["jobName"]:
                return {"cut": "before"}
        return None

    silent = Held()
    cloud.rule = rule
    mount = batch_mounter(cloud, state=tmp_path)
    away = batch_mounter("http://127.0.0.1:%d" % free_port())
    begin = time.monotonic()
    throttled, unreachable = saving(mount, "throttled", job()), saving(away, "away", job())
    waits, cut = saving(mount, "silent", job()), saving(mount, "cut", job())
    assert throttled.result(60) == errno.EAGAIN
    assert unreachable.result(60) in (errno.EHOSTDOWN, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ECONNREFUSED)
    assert (waits.result(60), cut.result(60)) == (errno.ETIMEDOUT, errno.ETIMEDOUT)
    assert time.monotonic() - begin < 38
    assert part(mount, "throttled", "status") == NOT and part(away, "away", "status") == NOT
    assert part(mount, "silent", "status") == part(mount, "cut", "status") == "unknown"
    assert "too many" in part(mount, "throttled", "error").lower()
    assert "127.0.0.1" in part(away, "away", "error")
    cloud.rule = None
    silent.drop()
    for name in ("silent", "cut"):
        age(tmp_path, name)
    for name in ("throttled", "silent", "cut"):
        save(mount, name, job())
        comes(mount, name, "status", "RUNNABLE")
    assert len(cloud.submitted()) == len(cloud.jobs) == 3


@pytest.mark.parametrize("op", ["describejobqueues", "registerjobdefinition"])
def test_throttled_before_it_is_sent(batch_mounter, cloud, op):
    """S273: what fails before SubmitJob names the call that failed, and says that nothing was sent."""
    mount = batch_mounter(cloud)
    cloud.rule = lambda c: THROTTLED if c.op == op else None
    assert refused(mount, "early", job(["echo", op], batch={"image": "early-%s:1" % op})) == errno.EAGAIN
    assert op in part(mount, "early", "error").lower() and "nothing was sent" in part(mount, "early", "error")
    assert part(mount, "early", "status") == NOT and not cloud.log().of("submitjob")


def test_what_batch_refuses(batch_mounter, cloud):
    """S274: a refusal of Batch's fails the save with Batch's words, is not repeated, and other text may follow."""
    mount = batch_mounter(cloud)
    cloud.rule = lambda c: {"answer": (400, "ClientException", "words of Batch")} if c.op == "submitjob" else None
    assert refused(mount, "no", job(["a"])) == errno.EINVAL
    assert len(cloud.log().of("submitjob")) == 1
    assert part(mount, "no", "status") == NOT and "words of Batch" in part(mount, "no", "error")
    cloud.rule = lambda c: {"answer": (403, "AccessDeniedException", "not for you")} if c.op == "submitjob" else None
    assert refused(mount, "no", job(["b"])) == errno.EACCES
    assert "not for you" in part(mount, "no", "error")
    cloud.rule = None
    save(mount, "no", job(["c"]))
    assert cloud.submission()["containerOverrides"]["command"] == ["c"]
    assert part_or_none(mount, "no", "error") is None


def test_saving_again(batch_mounter, cloud):
    """S275: the same content while the job lives is a no-op, other content is refused, and a save after its end is the
    next generation."""
    mount = batch_mounter(cloud)
    save(mount, "again", job(["one"]))
    first = part(mount, "again", "id")
    assert not cloud.calls_of(lambda: save(mount, "again", job(["one"]))).of("submitjob")
    assert refused(mount, "again", job(["two"])) == errno.EBUSY
    assert mount.read(".batch/again/job").decode() == job(["one"]) and part(mount, "again", "id") == first
    cloud.set(first, "SUCCEEDED")
    comes(mount, "again", "status", "SUCCEEDED")
    save(mount, "again", job(["one"]))
    second = part(mount, "again", "id")
    assert second != first and part(mount, "again/attempts/1", "id") == first
    cloud.set(second, "FAILED", exit_code=1)
    comes(mount, "again", "status", "FAILED")
    save(mount, "again", job(["two"]))
    assert [part(mount, "again/attempts/%d" % n, "id") for n in (1, 2)] == [first, second]
    assert len({j["jobName"] for j in cloud.jobs.values()}) == len(cloud.jobs) == 3


def test_saving_again_when_nobody_can_be_asked(batch_mounter, cloud, tmp_path):
    """S275: a job that may have ended is not taken to live: the save fails, and says that nothing was sent; once Batch
    answers again, it is the next generation."""
    mount = batch_mounter(cloud, state=tmp_path)
    for name in ("throttled", "away"):
        save(mount, name, job(["echo", name]))
        cloud.set("-%s-" % name, "RUNNING")
        comes(mount, name, "status", "RUNNING")
    cloud.rule = lambda c: THROTTLED if c.op == "describejobs" else None
    cloud.set("-throttled-", "SUCCEEDED")
    assert refused(mount, "throttled", job(["echo", "throttled"])) == errno.EAGAIN
    for words in ("nothing was sent", "could not be asked", "too many"):
        assert words in part(mount, "throttled", "error").lower()
    assert refused(mount, "throttled", job(["echo", "otherwise"])) == errno.EBUSY
    assert " lives" not in part(mount, "throttled", "error")
    assert mount.end() == 0
    cloud.rule = lambda c: {"cut": "before"}
    cloud.set("-away-", "FAILED", exit_code=1)
    again = batch_mounter(cloud, state=tmp_path)
    with pytest.raises(OSError):
        save(again, "away", job(["echo", "away"]))
    assert "nothing was sent" in part(again, "away", "error")
    assert len(cloud.submitted()) == 2, cloud.log()
    cloud.rule = None
    for name in ("throttled", "away"):
        save(again, name, job(["echo", name]))
        assert part(again, name + "/attempts/1", "id") != part(again, name, "id")
    assert len(cloud.submitted()) == 4 and part_or_none(again, "away", "error") is None


@pytest.mark.threads
def test_two_mounts(batch_mounter, cloud, tmp_path):
    """S276: two mounts that share their journals submit once what both save, and see each other's jobs."""
    one, two = batch_mounter(cloud, state=tmp_path), batch_mounter(cloud, state=tmp_path)
    held = Held()
    cloud.rule = once(("submitjob", {"hold": held}))
    first = saving(one, "both", job(["same"]))
    held.wait()
    second = saving(two, "both", job(["same"]))
    time.sleep(0.3)
    assert not second.done()
    held.go()
    assert (first.result(30), second.result(30)) == (0, 0)
    results = [saving(m, "many-%d" % n, job(["echo", str(n)])) for n in range(4) for m in (one, two) for _ in range(2)]
    assert [r.result(60) for r in results] == [0] * 16
    assert len(cloud.submitted()) == len(cloud.jobs) == 5, cloud.log()
    comes(two, "both", "id", part(one, "both", "id"))
    assert refused(two, "both", job(["other"])) == errno.EBUSY
    save(one, "late", job(["late"]))
    make.wait_for(lambda: {"late", "late.json"} <= set(two.names(".batch")), "the other mount's job")
    assert two.read(".batch/late.json").decode() == job(["late"])


def test_unmounting_kills_nothing(batch_mounter, cloud, tmp_path):
    """S277: a job lives on when the mount ends, and a later mount has it, ended meanwhile or not."""
    mount = batch_mounter(cloud, state=tmp_path)
    for name in ("stays", "ends"):
        save(mount, name, job(["echo", name]))
    assert mount.end() == 0
    assert not cloud.log().of("terminatejob", "canceljob")
    cloud.set("-ends-", "FAILED", "Essential container in task exited", exit_code=139)
    again = batch_mounter(cloud, state=tmp_path)
    comes(again, "ends", "status", "FAILED")
    assert "segmentation fault" in part(again, "ends", "reason").lower()
    comes(again, "stays", "status", "RUNNABLE")
    assert again.read(".batch/stays.json").decode() == job(["echo", "stays"])
    cloud.jobs.clear()
    assert again.end() == 0
    last = batch_mounter(cloud, state=tmp_path)
    assert part(last, "ends", "status") == "FAILED", "what Batch forgot is remembered"
    assert len(cloud.submitted()) == 2


def test_journals_are_private(batch_mounter, cloud, tmp_path):
    """S278: the journal is in XDG_STATE_HOME, for the user alone; one that is damaged is told, and left as it is."""
    mount = batch_mounter(cloud, state=tmp_path)
    save(mount, "kept", job())
    record = record_of(tmp_path, "kept")
    folder = record.parent
    assert (folder.stat().st_mode & 0o777, record.stat().st_mode & 0o777) == (0o700, 0o600)
    mount.end()
    record.write_bytes(b'{"half": ')
    again = batch_mounter(cloud, state=tmp_path, expect_errors=["kept"])
    again.names(".batch")
    with pytest.raises(OSError):
        save(again, "kept", job(["other"]))
    assert record.read_bytes() == b'{"half": ' and len(cloud.submitted()) == 1
    save(again, "fine", job())
    assert len(cloud.submitted()) == 2
    assert os.path.exists(again / ".batch/fine")


def test_saves_that_wait_leave_connections_to_readers(batch_mounter, cloud, batch_root, batch_run, batch_s3):
    """S563: saves that wait for AWS take half of the connections at most, and keep no read of S3 waiting."""
    mount = batch_mounter(cloud, root=batch_root, env=s3ing.s3_env(batch_s3.url), args=["--max-connections", "4"])
    mount.names(".batch")
    held, task = Held(), "%s/start/1" % batch_run
    cloud.rule = lambda c: {"hold": held} if c.op == "submitjob" else None
    saves = [saving(mount, "slow-%d" % n, job(["echo", str(n)])) for n in range(6)]
    try:
        make.wait_for(lambda: len(cloud.log().of("submitjob")) == 2, "the saves that may be sent")
        read = concurrent.futures.ThreadPoolExecutor(1).submit(
            lambda: [mount.read("%s/%s" % (task, name)) for name in ("greeting", "message")])
        assert all(read.result(20)) and not any(s.done() for s in saves)
        assert len(cloud.log().of("submitjob")) == 2
    finally:
        held.go()
    assert [s.result(60) for s in saves] == [0] * 6 and len(cloud.submitted()) == 6


def test_saves_that_wait_leave_connections_to_a_kill(batch_mounter, cloud):
    """S563: nor do they keep a kill, or what became of it, waiting."""
    mount, held = batch_mounter(cloud, args=["--max-connections", "4"]), Held()
    save(mount, "victim", job(["x"]))
    comes(mount, "victim", "status", "RUNNABLE")
    cloud.rule = lambda c: {"hold": held} if c.op == "submitjob" else None
    saves = [saving(mount, "slow-%d" % n, job(["echo", str(n)])) for n in range(4)]
    try:
        make.wait_for(lambda: len(cloud.log().of("submitjob")) == 3, "the saves that may be sent")
        (mount / ".batch/victim/ctl").write_text("kill\n")
        comes(mount, "victim", "status", "FAILED")
        assert not any(s.done() for s in saves) and len(cloud.log().of("submitjob")) == 3
    finally:
        held.go()
    assert [s.result(60) for s in saves] == [0] * 4
