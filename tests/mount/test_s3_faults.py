"""An S3 that fails: what passes is tried again and nobody sees it; what lasts is the reader's error, with a cause."""

import errno
import hashlib
import json
import os
import re
import time

import pytest
import s3faults
import s3ing
from mounting import is_mounted
from s3faults import only, refusal
from test_s3_requests import task_of
from test_s3_tree import command_line

QUICK = {"METAFLOW_S3_RETRY_COUNT": "2"}
ANY = [".*"]


def sha1_of(path):
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def digests(mount, run):
    return {os.path.relpath(os.path.join(folder, name), mount.path): sha1_of(os.path.join(folder, name))
            for folder, _, names in os.walk(mount / run) for name in names}


@pytest.fixture(scope="module")
def clean(shared_s3_mounter, s3, s3_runs):
    """{path: SHA-1} of some runs, read with nothing in the way."""
    mount = shared_s3_mounter(s3)
    return {label: digests(mount, s3_runs[label]) for label in ("values", "s3", "retry", "many")}


@pytest.fixture(scope="module")
def mnt_of_s3(shared_s3_mounter, s3):
    return shared_s3_mounter(s3)


@pytest.mark.parametrize("seed", [1, 2])
def test_one_request_of_twenty_fails(faults, s3_mounter, s3_runs, clean, seed):
    """S190: with one of twenty requests failing (500, 503, resets, cuts, wrong lengths) every byte is the same."""
    faults.rule = s3faults.one_in(20, seed)
    mount = s3_mounter(faults)
    for label, want in clean.items():
        assert digests(mount, s3_runs[label]) == want, label
    assert len([r for r in faults.log() if r.fault]) >= 10
    assert mount.errors() == ""


@pytest.mark.parametrize("fault", [{"reset": 3 << 20}, {"cut": 5 << 20}, {"short": 1000}, {"reset": 0},
                                   refusal(500, "InternalError"), refusal(503, "SlowDown")],
                         ids=["reset", "cut", "short", "no-answer", "500", "503"])
def test_a_part_fails_once(faults, s3_mounter, s3_runs, clean, fault):
    """S190: each part of a large object that fails once is asked for again, and little twice."""
    failed = set()

    def rule(request):
        what = (request.key, request.range)
        if request.kind != "blob" or what in failed or len(failed) >= 6:
            return None
        failed.add(what)
        return fault
    mount = s3_mounter(faults)
    path = mount / task_of(mount, s3_runs["s3"]) / "text"
    size = os.stat(path).st_size
    faults.rule = rule
    faults.log(clear=True)
    assert sha1_of(path) == clean["s3"][os.path.relpath(path, mount.path)]
    assert failed
    if "answer" not in fault:
        assert faults.log().of("blob").sent() < 1.1 * size + 8 * 1e6, faults.log()


ONCE = {"garbled": {"garble": True}, "error-in-200": {"answer": (200, {}, s3faults.error_body("InternalError"))},
        "foreign-range": {"answer": (206, {"Content-Range": "bytes 7-9/10"}, b"abc")},
        "no-range": {"answer": (206, {}, b"abc")}, "html": {"answer": (200, {}, b"<html>please log in</html>")},
        "empty": {"answer": (200, {}, b"")}}


@pytest.mark.parametrize("fault", ONCE.values(), ids=ONCE)
def test_one_wrong_answer_is_asked_for_again(faults, s3_mounter, s3_runs, mnt_of_s3, clean, fault):
    """S190: of what is asked for, a task's files, listings and objects, each first answer may be wrong: what nobody was
    shown is asked for once more."""
    seen = set()

    def rule(request):
        what = (request.method, request.key, request.range, tuple(sorted(map(str, request.query.items()))))
        if what in seen or request.method == "HEAD":
            return None
        seen.add(what)
        return fault
    mount = s3_mounter(faults)
    os.listdir(mount.path)
    faults.rule = rule
    task = task_of(mount, s3_runs["values"], "texts")
    for name in (".json/bytearray_large.json", ".json/str_mebibyte.json"):  # rendered from the whole
        assert mount.read("%s/%s" % (task, name)) == mnt_of_s3.read("%s/%s" % (task, name))
    for label in ("many", "retry") if "garble" in fault else ("many", "retry", "values"):
        assert digests(mount, s3_runs[label]) == clean[label]
    assert len([r for r in faults.log() if r.fault]) >= 10
    assert mount.errors() == ""


CASES = [
    ("a missing key", refusal(404, "NoSuchKey"), (errno.EIO, errno.ENOENT), "gone: there is no"),
    ("refused", refusal(403, "AccessDenied"), (errno.EACCES,), "AccessDenied"),
    ("archived", refusal(403, "InvalidObjectState", StorageClass="GLACIER"), (errno.ENODATA,), "(?i)archive"),
    ("slow down", refusal(503, "SlowDown"), (errno.EAGAIN,), "SlowDown"),
    ("server error", refusal(500, "InternalError"), (errno.EIO,), "InternalError"),
    ("no text", {"answer": (500, {}, b"\0garbage<")}, (errno.EIO,), "500"),
    ("always cut", {"cut": 5}, (errno.EIO, errno.EHOSTDOWN), "(?i)cut|short|closed|end|incomplete|bytes"),
    ("wrong content", {"garble": True}, (errno.EIO,), "(?i)sha-1|checksum|damaged|gzip|corrupt|inflate"),
    ("a page instead", {"answer": (200, {"Content-Type": "text/html"}, b"<html>please log in</html>")}, (errno.EIO,),
     "(?i)sha-1|gzip|damaged|inflate|corrupt"),
]


@pytest.mark.threads
@pytest.mark.parametrize("what, fault, numbers, cause", CASES, ids=[c[0].replace(" ", "-") for c in CASES])
def test_what_does_not_pass(faults, s3_mounter, s3_runs, what, fault, numbers, cause):
    """S191: each failure that lasts is its errno and a cause that names the object; other artifacts are not harmed, and
    it is read when the failure is over."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY)
    task = task_of(mount, s3_runs["many"], "work")
    os.stat(mount / task / "noise")
    faults.rule = only("/data/", fault, kind="blob")
    with pytest.raises(OSError) as raised:
        mount.read(task + "/noise")
    assert raised.value.errno in numbers, raised.value
    line = mount.errors().splitlines()[-1]
    assert re.search(cause, line) and "ManyFlow/data" in line, line
    faults.rule = None
    assert len(mount.read(task + "/noise")) == 200
    other = task_of(mount, s3_runs["values"], "scalars")
    assert mount.read(other + "/decimal") == b"3.1400\n"


def test_wrong_content_is_never_shown(faults, s3_mounter, s3_runs):
    """S192: of wrong content no reader gets the end: neither of a small artifact nor of one in parts, which is fetched
    anew when it is opened again."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY)
    task = task_of(mount, s3_runs["s3"])
    for name, after in (("text", 1), ("note", 0), (".pickle/array", 1), ("plain", 0)):
        faults.rule = lambda r, after=after: {"garble": True} if r.kind == "blob" and r.range[0] >= after else None
        with pytest.raises(OSError) as raised:
            sha1_of(mount / task / name)
        assert raised.value.errno == errno.EIO, (name, raised.value)
    faults.rule = None
    assert mount.read(task + "/note") == b"small"
    stored = hashlib.sha1(mount.read(task + "/.pickle/text")).hexdigest()
    assert stored == json.loads(mount.read(task + "/.meta"))["artifacts"]["text"]["sha"]


@pytest.mark.threads
def test_wrong_content_is_not_kept(faults, s3_mounter, s3_runs, clean):
    """S192: what was read of wrong content is not read again, neither by who opens it anew nor by who has it open; what
    was right is, with no request and no read."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY)
    path = mount / task_of(mount, s3_runs["s3"]) / "blob"
    faults.rule = lambda r: {"garble": True} if r.kind == "blob" else None
    with open(path, "rb", buffering=0) as other:
        assert len(other.read(1 << 20)) > 0
        with pytest.raises(OSError) as raised:
            sha1_of(path)
        assert raised.value.errno == errno.EIO
        deadline = time.monotonic() + 10
        with pytest.raises(OSError) as raised:
            while time.monotonic() < deadline:
                os.pread(other.fileno(), 1 << 20, 0)
                time.sleep(0.05)
        assert raised.value.errno == errno.EIO
    faults.rule = None
    for _ in range(2):  # the kernel may still be dropping pages during the first
        assert sha1_of(path) == clean["s3"][os.path.relpath(path, mount.path)]
    reads = mount.stat('metaflowfs_requests_total{op="read"}')
    assert faults.requests_of(lambda: sha1_of(path)) == []
    # of .metaflowfs/stats itself
    assert mount.stat('metaflowfs_requests_total{op="read"}') - reads < 5


def test_the_beginning_of_wrong_content_is_not_kept(faults, s3_mounter, s3_runs, clean):
    """S192: who reads the beginning of an object that is wrong, and leaves, leaves nothing to the next reader."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY)
    path = mount / task_of(mount, s3_runs["s3"]) / "blob"
    faults.rule = lambda r: {"garble": True, "rate": 16 << 20} if r.kind == "blob" else None
    with open(path, "rb") as file:
        wrong = file.read(2_000_000)
    faults.rule = None
    deadline = time.monotonic() + 10
    while not all(r.ended for r in faults.log()) and time.monotonic() < deadline:
        time.sleep(0.05)
    with open(path, "rb") as file:
        assert file.read(2_000_000) != wrong
    assert sha1_of(path) == clean["s3"][os.path.relpath(path, mount.path)]


def test_another_version_in_the_middle(s3, faults, s3_mounter, s3_runs):
    """S193: parts of two versions of an object are never put together: the ranges name the version."""
    mount = s3_mounter(faults)
    task = task_of(mount, s3_runs["s3"])
    faults.log(clear=True)
    mount.read(task + "/text")
    parts = [r for r in faults.log().of("blob") if r.range and r.range[0] > 0]
    assert parts and all(r.headers.get("if-match") for r in parts), parts


WRONG_TEXTS = {"short": {"cut": 20}, "garbled": {"garble": True}, "empty": {"answer": (200, {}, b"")},
               "no-object": {"answer": (200, {}, b"[]")},
               "html": {"answer": (200, {"Content-Type": "text/html"}, b"<html>please log in</html>")},
               "error-in-200": {"answer": (200, {"Content-Type": "application/xml"}, s3faults.error_body("SlowDown"))}}


@pytest.mark.parametrize("fault", [{"reset": 0}, refusal(403, "AccessDenied"), refusal(500, "InternalError"),
                                   refusal(403, "InvalidObjectState"), refusal(412, "PreconditionFailed"),
                                   refusal(416, "InvalidRange"), *WRONG_TEXTS.values()],
                         ids=["reset", "refused", "500", "archived", "412", "416", *WRONG_TEXTS])
def test_forms_do_not_depend_on_the_network(faults, s3_mounter, s3_runs, fault):
    """S199: where a task's data.json cannot be read its artifacts are an error, and never shown in another form."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY)
    task = task_of(mount, s3_runs["many"], "work")
    faults.rule = only("data.json", fault)
    with pytest.raises(OSError):
        mount.read(task + "/noise")
    faults.rule = None
    assert len(mount.read(task + "/noise")) == 200


@pytest.mark.parametrize("fault", [*WRONG_TEXTS.values(), refusal(404, "NoSuchKey")], ids=[*WRONG_TEXTS, "404"])
def test_one_wrong_answer_changes_no_form(faults, s3_mounter, s3_runs, fault):
    """S199: a data.json that came wrong once, or seemed not to be there, is asked for once more, and nobody sees it."""
    mount = s3_mounter(faults, env=QUICK)
    task = task_of(mount, s3_runs["many"], "work")
    wrong = []

    def rule(request):
        if "data.json" not in request.key or request.kind != "small" or request.key in wrong:
            return None
        wrong.append(request.key)
        return fault
    faults.rule = rule
    assert len(mount.read(task + "/noise")) == 200
    assert wrong and mount.errors() == ""


def test_copies_do_not_take_another_form(faults, s3, s3_root, s3_runs, tmp_path, mnt_of_s3):
    """S199: `get` fails for artifacts whose data.json cannot be read, and copies them when it can."""
    task = task_of(mnt_of_s3, s3_runs["many"], "work")
    faults.rule = only("data.json", WRONG_TEXTS["html"])
    done = command_line("get", task, str(tmp_path / "out"), s3=faults, s3_root=s3_root, workdir=tmp_path)
    assert done.returncode == 1 and "data.json" in done.stderr, done
    faults.rule = None
    done = command_line("get", task, str(tmp_path / "out"), s3=faults, s3_root=s3_root, workdir=tmp_path)
    assert done.returncode == 0, done
    assert (tmp_path / "out" / "noise").read_bytes() == mnt_of_s3.read(task + "/noise")


def test_a_missing_data_json_is_asked_for_again(faults, s3_mounter, s3_runs):
    """S199: a data.json that is not there, as in old tasks, leaves artifacts as they are stored; that one is not there
    is not believed for long."""
    mount = s3_mounter(faults, env=QUICK, ttl="0.2")
    task = task_of(mount, s3_runs["many"], "work")
    faults.rule = only("data.json", refusal(404, "NoSuchKey"))
    assert len(mount.read(task + "/noise")) != 200
    faults.rule = None
    time.sleep(0.5)
    assert len(mount.read(task + "/noise")) == 200


def test_away_and_back(faults, s3_mounter, s3_runs, s3):
    """S194: while S3 is away what was read is read, the rest fails with a cause that names it; then all is back."""
    mount = s3_mounter(faults, env=QUICK, expect_errors=ANY, ttl="0.2")
    run = s3_runs["many"]
    tasks = sorted(mount.names(run + "/work"), key=int)
    where = ["%s/work/%s/noise" % (run, t) for t in tasks]
    first = mount.read(where[0])
    faults.rule = lambda r: {"reset": 0}
    time.sleep(0.3)
    assert mount.read(where[0]) == first
    with pytest.raises(OSError) as raised:
        mount.read(where[100])
    assert raised.value.errno in (errno.EHOSTDOWN, errno.EIO, errno.ETIMEDOUT), raised.value
    assert "127.0.0.1:%d" % faults.port in mount.errors() or "mf-test" in mount.errors()
    faults.well()
    assert len(mount.read(where[100])) == 200


@pytest.mark.parametrize("fault, word", [(refusal(404, "NoSuchBucket"), "NoSuchBucket"),
                                         (refusal(403, "AccessDenied"), "AccessDenied")], ids=["none", "refused"])
def test_mounting_without_s3(faults, s3, s3_root, tmp_path, fault, word):
    """S195: with a bucket that is not there or refuses, mounting fails at once with exit code 4 and a sentence."""
    faults.rule = lambda r: fault
    (tmp_path / "m").mkdir()
    done = command_line("-f", str(tmp_path / "m"), s3=faults, s3_root=s3_root, workdir=tmp_path, env=QUICK)
    assert done.returncode == 4 and word in done.stderr, done
    assert s3ing.SECRET not in done.stderr and s3ing.ACCESS not in done.stderr, done
    assert not is_mounted(tmp_path / "m")


def spoil_region(request):
    """What a bucket in another region answers."""
    signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/s3", request.headers.get("authorization", ""))
    return signed and signed.group(1) != "eu-west-1"


@pytest.mark.parametrize("how", ["malformed", "redirect"])
def test_a_bucket_in_another_region(s3_folder, s3_mounter, s3_runs, tmp_path, how):
    """S196, S228: a bucket in another region is found by what S3 answers, once, and is signed for from then on;
    `.metaflowfs/status` names both."""
    server = s3ing.Versity(s3_folder, region="eu-west-1")
    proxy = s3faults.FaultProxy(server.port)
    if how == "redirect":
        proxy.rule = lambda r: refusal(301, "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"},
                                       Endpoint="mf-test.s3.eu-west-1.amazonaws.com") if spoil_region(r) else None
    else:
        proxy.rule = lambda r: refusal(400, "AuthorizationHeaderMalformed", Region="eu-west-1") if spoil_region(
            r) else None
    try:
        mount = s3_mounter(proxy)
        assert mount.read(s3_runs["hello"] + "/.end/summary").startswith(b"{")
        log = proxy.log()
        wrong = [r for r in log if spoil_region(r)]
        assert 1 <= len(wrong) <= 2, log
        shown = "region eu-west-1 (of the bucket; us-east-1 is configured)"
        assert shown in mount.read(".metaflowfs/status").decode(), mount.read(".metaflowfs/status")
        mount.end()
    finally:
        proxy.stop()
        server.stop()


@pytest.mark.parametrize("where", ["http://127.0.0.1:1/maintenance", "http://gone.localhost:1/"])
def test_a_redirect_that_leads_nowhere(faults, s3_mounter, s3_runs, where):
    """S196: a redirect to another port of the endpoint's host, or to a place that is gone, does not stay: what is read
    next is asked of the endpoint."""
    mount = s3_mounter(faults.url.replace("127.0.0.1", "localhost") if "localhost" in where else faults, args=["--no-cache"])
    task = task_of(mount, s3_runs["hello"])
    names = [n for n in mount.names(task) if n != "message"]
    faults.rule = lambda r: {"answer": (307, {"Location": where}, b"")} if r.kind == "blob" else None
    with pytest.raises(OSError):
        mount.read(task + "/message")
    faults.rule = None
    for name in ["message", *names]:
        mount.read("%s/%s" % (task, name))


def test_a_slow_choppy_link(toxi, s3_mounter, s3_runs, clean):
    """S197: pieces of a few bytes, a slow beginning and connections that end after some data give the same bytes."""
    mount = s3_mounter(toxi)
    toxi.add("slicer", average_size=3000, size_variation=2000, delay=20)
    toxi.add("limit_data", bytes=6_000_000)
    path = mount / task_of(mount, s3_runs["s3"]) / "text"
    assert sha1_of(path) == clean["s3"][os.path.relpath(path, mount.path)]


def test_the_mount_ends_while_s3_hangs(faults, s3_mounter, s3_runs):
    """S198: with an S3 that never answers, Ctrl-C and unmounting come through."""
    import subprocess
    import threading

    mount = s3_mounter(faults)
    path = mount / task_of(mount, s3_runs["s3"]) / "array"
    os.stat(path)
    never = threading.Event()
    faults.rule = lambda r: {"hold": (0, never)}
    reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    assert reader.poll() is None
    begin = time.monotonic()
    assert mount.end() == 0
    assert time.monotonic() - begin < 5
    never.set()
    assert reader.wait(10) != 0
    assert not is_mounted(mount.path)
