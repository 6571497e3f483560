"""`log` of jobs whose streams are long, change, fail or are gone."""

import errno
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import batching
from batching import comes, job, save

REFUSED = (403, "AccessDeniedException", "not authorized to perform: logs:GetLogEvents")
GONE = (400, "ResourceNotFoundException", "The specified log stream does not exist.")
LINES = 500  # of a page


def in_pages(stream, pages, delay, fails_from=None):
    """A rule that gives a stream in so many pages, each after `delay` seconds; from one on they may be refused."""

    def rule(call):
        if call.op != "getlogevents" or call.body["logStreamName"] != stream:
            return None
        page = int(call.body.get("nextToken") or 0)
        if fails_from is not None and page >= fails_from:
            return {"answer": REFUSED}
        lines = range(page * LINES, min(page + 1, pages) * LINES)
        return {"delay": delay, "reply": {
            "events": [{"timestamp": 1, "message": "line %06d %s" % (n, "x" * 50)} for n in lines],
            "nextForwardToken": str(min(page + 1, pages)), "nextBackwardToken": "b"}}

    return rule


def text_of(pages):
    return "".join("line %06d %s\n" % (n, "x" * 50) for n in range(pages * LINES)).encode()


def ended(mount, cloud, name, pages, delay, fails_from=None):
    """The log of a new job that ended, as `in_pages` gives it."""
    save(mount, name, job(["echo", name]))
    found = cloud.set("-%s-" % name, "SUCCEEDED")
    found["stoppedAt"] -= 100000
    cloud.rule = in_pages(found["container"]["logStreamName"], pages, delay, fails_from)
    comes(mount, name, "status", "SUCCEEDED")
    return mount / (".batch/%s/log" % name)


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, timeout=60)


@pytest.mark.threads
def test_a_long_log_is_read_whole(batch_mounter, cloud):
    """S554: a log that takes long to fetch is read whole by whoever reads to its end, or goes by its size."""
    mount = batch_mounter(cloud)
    log = ended(mount, cloud, "long", 44, 0.25)
    want = text_of(44)
    line = len(want) // (44 * LINES)
    readers = {"cat %s": want, "tail -n 1 %s": want[-line:], "tail -c 9000 %s": want[-9000:],
               "dd status=none bs=70000 if=%s": want, "wc -c < %s": b"%d\n" % len(want)}
    begun = {words: subprocess.Popen(words % log, shell=True, stdout=subprocess.PIPE) for words in readers}
    with ThreadPoolExecutor() as pool:
        seen = dict(zip(begun, pool.map(lambda reader: reader.communicate(timeout=60)[0], begun.values())))
    assert seen == readers
    assert not any(reader.returncode for reader in begun.values())


@pytest.mark.threads
def test_the_beginning_of_a_long_log(batch_mounter, cloud):
    """S554: its beginning can be read while the rest is fetched; a reader that waits can be ended, and others do not
    wait with it; a size that was counted is the true one."""
    mount = batch_mounter(cloud)
    log = ended(mount, cloud, "long", 40, 0.25)
    begun = time.monotonic()
    assert run("head", "-n", "1", log).stdout == text_of(1)[:len(text_of(1)) // LINES]
    assert time.monotonic() - begun < 8
    with subprocess.Popen(["cat", str(log)], stdout=subprocess.DEVNULL) as reader:
        time.sleep(0.5)
        begun = time.monotonic()
        os.stat(log)
        assert time.monotonic() - begun < 1.5
        reader.terminate()
        reader.wait(2)
    assert run("wc", "-c", log).stdout.split()[0] == b"%d" % len(text_of(40))
    assert os.stat(log).st_size == len(text_of(40)) and mount.read(".batch/long/log") == text_of(40)


@pytest.mark.threads
def test_a_page_that_is_refused(batch_mounter, cloud):
    """S555: where a page of a log cannot be had, reading to its end fails with the reason's errno, and
    `.metaflowfs/errors` has the cause; what was fetched before can be read."""
    mount = batch_mounter(cloud)
    log = ended(mount, cloud, "refused", 3, 0, fails_from=2)
    seen = run("cat", log)
    assert seen.returncode == 1 and os.strerror(errno.EACCES).encode() in seen.stderr
    assert "not authorized to perform: logs:GetLogEvents" in mount.read(".metaflowfs/errors").decode()
    assert run("head", "-n", LINES, log).stdout == text_of(1)


@pytest.mark.threads
def test_logs_count_in_the_staging_area(batch_mounter, cloud):
    """S555: what of a log does not fit into `--staging-size` is ENOSPC, with a cause; what came before can be read."""
    mount = batch_mounter(cloud, args=["--staging-size", "100K"])
    log = ended(mount, cloud, "large", 6, 0)
    seen = run("cat", log)
    assert seen.returncode == 1 and os.strerror(errno.ENOSPC).encode() in seen.stderr
    assert "raise --staging-size" in mount.read(".metaflowfs/errors").decode()
    assert run("head", "-n", LINES, log).stdout == text_of(1)


@pytest.mark.threads
def test_following_a_job_that_is_tried_again(batch_mounter, cloud, batch_moto):
    """S556: `tail -f` of a job that is tried again prints the new try's log from its beginning."""
    mount = batch_mounter(cloud)
    save(mount, "again", job(["echo"], retry={"times": 2}))
    found = cloud.set("-again-", "RUNNING")
    first = found["container"]["logStreamName"]
    batch_moto.log(first, ["first try, line %d" % n for n in range(5)])
    comes(mount, "again", "status", "RUNNING")
    with subprocess.Popen(["timeout", "60", "tail", "-n", "+1", "-f", str(mount / ".batch/again/log")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        try:
            assert [tail.stdout.readline() for _ in range(5)] == ["first try, line %d\n" % n for n in range(5)]
            batch_moto.log(first + "-2", ["second try, line %d" % n for n in range(30)])
            with cloud.lock:
                found["attempts"].append({"container": {"exitCode": 1, "logStreamName": first},
                                          "startedAt": found["startedAt"], "stoppedAt": batching.now_ms()})
                found["container"]["logStreamName"] = first + "-2"
            assert [tail.stdout.readline() for _ in range(30)] == ["second try, line %d\n" % n for n in range(30)]
        finally:
            tail.terminate()
        assert "file truncated" in tail.stderr.read()


@pytest.mark.threads
def test_a_stream_that_is_gone(batch_mounter, cloud):
    """S557: the log of a job that ended, and whose stream is not in CloudWatch any more, is ENODATA, and
    `.metaflowfs/errors` says which stream is gone."""
    mount = batch_mounter(cloud)
    log = ended(mount, cloud, "gone", 1, 0)
    stream = cloud.find("-gone-")["container"]["logStreamName"]
    cloud.rule = lambda call: {"answer": GONE} if call.op == "getlogevents" else None
    with pytest.raises(OSError) as failed:
        mount.read(".batch/gone/log")
    assert failed.value.errno == errno.ENODATA, log
    assert stream in mount.read(".metaflowfs/errors").decode()
