"""A metadata service that is down, slow or wrong: what is known stays readable and is marked, the rest fails soon
with its cause, nobody else waits, and it mends itself."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import time

import make
import pytest
from servicing import timed
from test_client_equality import meta_of
from test_nothing_hangs import ended, quickly, spawn, waits

ANY = [r".*"]
SHORT = ["--service-timeout", "2"]
FEW = {"METAFLOW_SERVICE_RETRY_COUNT": "1"}


def error_of(what, *args):
    with pytest.raises(OSError) as caught:
        what(*args)
    return caught.value.errno


def status(mount):
    return mount.read(".metaflowfs/status").decode()


def read_all(mount, run):
    """Everything of a run as {path: bytes or names}."""
    found = {}
    for folder, directories, names in os.walk(mount / run):
        found[folder] = sorted(directories + names)
        for name in names:
            path = os.path.join(folder, name)
            found[path] = pathlib.Path(path).read_bytes()
    return found


@pytest.fixture
def warm(service, service_mounter, service_runs):
    """(service, mount, run that was read, run that was not)"""
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    known = service_runs["foreach"]
    read_all(mount, known)
    time.sleep(1.2)
    read_all(mount, known)
    return service, mount, known, service_runs["params"]


def test_down_and_up_again(warm, slow_build):
    """S140, S141: while nobody answers, what was read is served and marked stale, the rest fails at once with a cause;
    when the service is back, so is everything, by itself."""
    service, mount, known, unknown = warm
    before = read_all(mount, known)
    service.down()
    time.sleep(1.2)
    with timed(6 * slow_build, "a walk without the service"):
        assert read_all(mount, known) == before
    assert error_of(os.listdir, mount / unknown) == errno.EHOSTDOWN
    for _ in range(6):
        error_of(os.stat, mount / "ForeachFlow" / "777")
    with timed(0.5 * slow_build, "a look-up with the breaker open"):
        assert error_of(os.listdir, mount / unknown) == errno.EHOSTDOWN
    assert "stale" in status(mount)
    assert unknown.split("/")[0] in mount.errors() and str(service.port) in mount.errors()
    assert mount.stat("metaflowfs_service_breaker_open") == 1
    service.up()
    make.wait_for(lambda: "start" in names_or_none(mount / unknown), "the service again", 15 * slow_build)
    assert read_all(mount, known) == before and read_all(mount, unknown)
    make.wait_for(lambda: "stale" not in status(mount), "status without stale", 5 * slow_build)


def test_a_mount_without_its_service(service, service_mounter, service_runs, tmp_path, slow_build):
    """S140: what was read before a remount is served though nobody answers."""
    run = service_runs["branch"]
    first = service_mounter(service, cache=tmp_path / "cache")
    read_all(first, run)
    time.sleep(1.2)
    before = {p[len(str(first.path)):]: v for p, v in read_all(first, run).items()}
    time.sleep(1.2)
    read_all(first, run)
    first.end()
    service.down()
    second = service_mounter(service, args=SHORT, env=FEW, cache=tmp_path / "cache", expect_errors=ANY)
    assert {p[len(str(second.path)):]: v for p, v in read_all(second, run).items()} == before
    assert "stale" in status(second)
    service.up()


WRONG = {
    "500": ({"status": 500, "body": '{"detail": "no"}'}, errno.EIO),
    "503": ({"status": 503}, errno.EAGAIN),
    "429": ({"status": 429, "headers": {"Retry-After": "30"}}, errno.EAGAIN),
    "401": ({"status": 401}, errno.EACCES),
    "403": ({"status": 403, "body": "you may not"}, errno.EACCES),
    "reset": ({"act": "reset"}, (errno.EIO, errno.EHOSTDOWN)),
    "close": ({"act": "close"}, (errno.EIO, errno.EHOSTDOWN)),
    "truncate": ({"act": "truncate"}, (errno.EIO, errno.EHOSTDOWN)),
    "garbage": ({"act": "garbage"}, (errno.EIO, errno.EHOSTDOWN)),
    "malformed": ({"body": '[{"flow_id": "ParamsFl'}, errno.EIO),
    "no JSON": ({"body": "<html>welcome</html>"}, errno.EIO),
    "deep": ({"body": "[" * 100000}, errno.EIO),
    "hang": ({"act": "hang"}, errno.ETIMEDOUT),
    "hang-body": ({"act": "hang-body"}, errno.ETIMEDOUT),
    "redirect": ({"status": 302, "headers": {"Location": "file:///etc/passwd"}, "body": ""}, errno.EIO),
}


@pytest.mark.threads
@pytest.mark.parametrize("what", WRONG)
def test_wrong_answers(service, service_mounter, service_runs, what, slow_build):
    """S142: each way in which an answer is wrong has its error and cause, within the deadline; then all is well."""
    fault, want = WRONG[what]
    want = want if isinstance(want, tuple) else (want,)
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    run = service_runs["params"]
    os.stat(mount / run)
    service.faults(dict(fault, match="/runs/[0-9]+/(steps|artifacts|metadata)"))
    with timed((14 if what == "hang-body" else 5) + slow_build, what):
        assert error_of(os.listdir, mount / run) in want
    assert run.split("/")[0] in mount.errors()
    service.well()
    make.wait_for(lambda: "start" in names_or_none(mount / run), "the run again", 20)
    assert read_all(mount, run)


def names_or_none(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def test_retries_as_metaflow_does(service, service_mounter, service_runs):
    """S142: 503 and a lost connection are tried again, so that a service that stumbles is not noticed."""
    mount = service_mounter(service)
    for fault in ({"status": 503}, {"act": "close"}, {"act": "reset"}, {"status": 429, "headers": {"Retry-After": "1"}}):
        service.faults(dict(fault, match="GET", times=1))
        run = service_runs[{503: "hello", 429: "card"}.get(fault.get("status"), "named" if "status" in fault else
                                                           "switch" if fault["act"] == "close" else "params")]
        assert "start" in mount.names(run) or mount.names(run)
    assert mount.errors() == ""


@pytest.mark.parametrize("what", ["huge-row", pytest.param("endless", marks=pytest.mark.bounds)])
def test_gigantic_answers(service, service_mounter, service_runs, what, slow_build):
    """S143: an answer without end, or with a row of 100 MB, is refused in bounded memory."""
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    mount.names(service_runs["hello"])
    before = mount.rss_anon()
    service.faults({"match": "/steps", "act": what})
    with timed(8 * slow_build, what):
        assert error_of(os.listdir, mount / service_runs["params"]) in (errno.EIO, errno.ETIMEDOUT, errno.EFBIG)
    if slow_build == 1:
        assert mount.rss_anon() - before < 48 << 20
    service.well()
    make.wait_for(lambda: "start" in names_or_none(mount / service_runs["params"]), "the run again", 20)


ODD = [None, [], {}, 1.5, True, "", -1, 10**30, "x" * 5000, "../../etc/passwd", "a/b", ".", "..", "new\nline", "nul\0",
       "ünï", " ", "-rf", "%2e%2e"]


@pytest.mark.parametrize("field", ["run_number", "flow_id", "ts_epoch", "user_name", "tags", "system_tags",
                                   "last_heartbeat_ts"])
def test_wrong_types_in_rows(service, service_mounter, service_runs, field):
    """S144: a row with wrong types or an id that is none is left out, or has what it lacks empty; its neighbours are
    not harmed, and no name leads out of the mount."""
    mount = service_mounter(service, ttl="0", args=SHORT, env=FEW, expect_errors=ANY)
    run = service_runs["hello"]
    flow, number = run.split("/")
    good = set(mount.names(flow))
    for value in ODD:
        service.faults({"match": r"/runs(\?|$)", "append": [{**RUN_ROW, "flow_id": flow, field: value}]})
        mount_refresh(mount, flow)
        names = names_or_none(mount / flow)
        assert good <= set(names), (value, names)
        assert all("/" not in n and n not in (".", "..") for n in names)
        for name in set(names) - good:
            for made in (os.path.lexists, os.listdir):
                try:
                    made(mount / flow / name)
                except OSError:
                    pass
        try:
            os.readlink(mount / flow / ".latest")
        except OSError:
            pass
    service.well()
    mount_refresh(mount, "")
    assert set(mount.names(flow)) == good and meta_of(mount, run)["id"] == number


RUN_ROW = {"run_number": 5551, "user_name": "tester", "ts_epoch": 1700000000000, "tags": [], "system_tags": [],
           "last_heartbeat_ts": None}


def mount_refresh(mount, path):
    (mount / ".metaflowfs" / "refresh").write_text("/%s\n" % path)


@pytest.mark.parametrize("kind", ["steps", "tasks", "artifacts", "metadata"])
def test_wrong_rows_below_a_run(service, service_mounter, service_runs, kind, slow_build):
    """S144: so it is for steps, tasks, artifacts and records."""
    fields = {"steps": ["step_name", "run_number"], "tasks": ["task_id", "step_name", "ts_epoch"],
              "artifacts": ["name", "sha", "location", "ds_type", "attempt_id", "task_id", "content_type", "type"],
              "metadata": ["field_name", "value", "type", "tags", "id", "task_id", "ts_epoch"]}[kind]
    run = service_runs["branch"]
    mount = service_mounter(service, ttl="0", args=SHORT, env=FEW, expect_errors=ANY)
    for field in fields:
        service.faults(*[{"match": r"/%s(\?|$)" % kind, "set": {field: value}, "skip": n, "times": 1}
                         for n, value in enumerate(ODD)])
        for _ in range(3):
            mount_refresh(mount, "")
            for folder, directories, names in os.walk(mount / run):
                for name in directories + names:
                    assert "/" not in name and name not in (".", "..")
                    try:
                        os.lstat(os.path.join(folder, name))
                        if name in names:
                            pathlib.Path(folder, name).read_bytes()
                    except OSError:
                        pass
            try:
                mount.read(run + "/.meta")
            except OSError:
                pass
    service.well()
    mount_refresh(mount, "")
    make.wait_for(lambda: "start" in names_or_none(mount / run), "the run again", 20)


def test_hostile_locations(service, service_mounter, service_runs):
    """S144: what a service says of where bytes are leads to no file but an artifact with that key."""
    run = service_runs["branch"]
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    service.faults({"match": "/artifacts", "set": {"location": "/etc/passwd", "sha": "../../../../../../etc/passwd"}})
    step = run + "/start/"
    task = step + mount.names(step)[0]
    for name in [n for n in mount.names(task) if not n.startswith(".")] + [".pickle/name", "_task_ok"]:
        try:
            assert b"root:" not in mount.read(task + "/" + name)
        except OSError:
            pass


def test_a_cursor_without_end(service, service_mounter, service_runs):
    """S145: a service that gives the same page for ever does not keep a listing for ever."""
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    service.faults({"match": r"/tasks\?", "headers": {"X-Next-Cursor": "again"}})
    process = spawn("ls", mount / service_runs["params"] / "start")
    try:
        assert ended(process, 30), "lists for ever"
    finally:
        process.kill()
        process.wait()
    service.well()


RULES = {"ls": r"/steps", "stat": r"/runs/[0-9]+$", "cat": r"/artifacts"}


def hung(service, mount, runs, command):
    """A process that waits for the service."""
    run = runs["params"]
    path = mount / run
    if command == "cat":
        path = mount / run / "start" / mount.names(run + "/start")[0] / ".meta"
    (mount / ".metaflowfs" / "refresh").write_text("/%s\n" % run)
    service.faults({"match": RULES[command], "act": "hang"})
    return spawn(command, path)


@pytest.mark.bounds
@pytest.mark.parametrize("command", RULES)
def test_interrupt_frees_from_a_dead_service(service, service_mounter, service_runs, command):
    """S146: Ctrl-C frees a program that waits for the service within 100 ms."""
    mount = service_mounter(service, expect_errors=ANY)
    times = []
    for _ in range(3):
        process = hung(service, mount, service_runs, command)
        assert waits(process, 0.4)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert ended(process, 2), command
        times.append(time.monotonic() - begin)
        service.well()
    assert sorted(times)[1] < 0.1, times


@pytest.mark.threads
def test_two_hundred_readers_of_a_dead_service(warm, slow_build):
    """S147: with 200 readers blocked on a black hole, what is known answers at once."""
    service, mount, known, unknown = warm
    flow = unknown.split("/")[0]
    service.faults({"match": "ParamsFlow", "act": "hang"})
    processes = [spawn("stat", mount / flow / str(700000 + n)) for n in range(200)]
    try:
        assert sum(waits(p, 0) for p in processes) > 100
        mount.names()  # what is live waits a moment for a newer answer, once
        with timed(1.0 * slow_build, "the root"):
            mount.names()
        with timed(1.0 * slow_build, "a known run"):
            assert "start" in mount.names(known)
        with timed(1.0 * slow_build, "status"):
            status(mount)
        with timed(2.0 * slow_build, "a whole known run"):
            quickly(lambda: read_all(mount, known), 10 * slow_build)
    finally:
        service.well()
        service.drop()
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def test_slow_and_lossy_links(toxiproxy, service, service_mounter, service_runs, slow_build):
    """S148: behind a slow, choppy or lossy link the answers are the same."""
    want = service_mounter(service)
    runs = [service_runs["branch"], service_runs["hello-tags"]]
    expected = [{p[len(str(want.path)):]: v for p, v in read_all(want, r).items()} for r in runs]
    toxics = [("latency", {"latency": 40, "jitter": 20}), ("slicer", {"average_size": 50, "size_variation": 20,
                                                                      "delay": 100}),
              ("bandwidth", {"rate": 200})]
    for kind, attributes in toxics:
        toxiproxy.add(kind, **attributes)
        mount = service_mounter(toxiproxy.url)
        for run, content in zip(runs, expected):
            assert {p[len(str(mount.path)):]: v for p, v in read_all(mount, run).items()} == content, kind
        toxiproxy.remove(kind)


def test_a_black_hole_and_back(toxiproxy, service_mounter, service_runs, slow_build):
    """S141: behind a link that swallows everything requests end at their deadline; it mends itself afterwards."""
    mount = service_mounter(toxiproxy.url, args=SHORT, env=FEW, expect_errors=ANY)
    known, unknown = service_runs["hello"], service_runs["params"]
    before = read_all(mount, known)
    time.sleep(1.2)
    read_all(mount, known)
    toxiproxy.add("timeout", timeout=0)
    with timed(6 * slow_build, "a look-up behind a black hole"):
        assert error_of(os.listdir, mount / unknown) in (errno.ETIMEDOUT, errno.EHOSTDOWN)
    time.sleep(1.2)
    with timed(12 * slow_build, "a known run"):
        assert read_all(mount, known) == before
    toxiproxy.remove("timeout")
    make.wait_for(lambda: "start" in names_or_none(mount / unknown), "the service again", 40)


def test_cut_while_find_runs(toxiproxy, service_mounter, service_runs, slow_build):
    """S141: a find that runs while connections are cut ends, and a second one is complete."""
    mount = service_mounter(toxiproxy.url, args=SHORT, env=FEW, expect_errors=ANY, ttl="0")
    process = subprocess.Popen(["find", mount.path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    toxiproxy.enabled(False)
    time.sleep(0.5)
    process.stdout.read()
    assert ended(process, 60)
    toxiproxy.enabled(True)
    make.wait_for(lambda: not os.path.lexists(mount / "FailFlow/777") and
                  mount.stat("metaflowfs_service_breaker_open") == 0, "the service again", 40)
    done = subprocess.run(["find", mount.path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    for run in service_runs.values():
        assert "%s/%s\n" % (mount.path, run) in done.stdout


def test_ends_while_the_service_hangs(service, service_mounter, service_runs):
    """S147: the daemon ends on SIGTERM though the service answers nobody."""
    mount = service_mounter(service, expect_errors=ANY)
    process = hung(service, mount, service_runs, "ls")
    try:
        assert waits(process, 0.4)
        with timed(20, "the end"):
            assert mount.end() == 0
    finally:
        service.well()
        service.drop()
        process.kill()
        process.wait()


def test_causes_are_in_the_errors(service, service_mounter, service_runs):
    """S142: .metaflowfs/errors names request, status and the service's own words."""
    mount = service_mounter(service, args=SHORT, env=FEW, expect_errors=ANY)
    service.faults({"match": "/steps", "status": 403, "body": json.dumps({"message": "whales only"})})
    assert error_of(os.listdir, mount / service_runs["hello"]) == errno.EACCES
    errors = mount.errors()
    assert "/runs/%s/steps" % service_runs["hello"].split("/")[1] in errors and "403" in errors
