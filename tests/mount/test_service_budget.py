"""What the tree asks a metadata service, counted where it arrives. The budgets are DESIGN's: a finished run that
was seen once costs nothing any more."""

import json
import os
import subprocess
import time
import urllib.request

import pytest
from test_client_equality import meta_of

PROBES = [".git", ".hidden", "autorun.inf", "desktop.ini", "Thumbs.db", ".Trash", ".Trash-1000", ".DS_Store", ".hg",
          ".svn", ".envrc", ".directory", "folder.jpg"]


def walk(mount, where, tags=False):
    """Everything below `where`: names, sizes, logs, end; with `tags` each .meta too, which has states and tags."""
    files = 0
    for folder, directories, names in os.walk(mount / where):
        for name in names:
            os.stat(os.path.join(folder, name))
            files += 1
        for name in directories:
            path = os.path.join(folder, name)
            depth = len(os.path.relpath(path, mount.path).split("/"))
            for log in (".stdout", ".stderr", ".log") if depth == 4 else ():
                with open(os.path.join(path, log), "rb") as file:
                    file.read()
            if tags:
                with open(os.path.join(path, ".meta"), "rb") as file:
                    file.read()
    os.path.exists(mount / where / ".end")
    mount.names(where + "/.failed")
    if tags:
        mount.read(where + "/.meta")
    return files


def tasks_below(mount, where):
    return [(step, task) for step in [*mount.names(where), "_parameters"] for task in mount.names(where + "/" + step)]


def settle(mount, where):
    """Until the run is known to be settled (--settle-after 1)."""
    time.sleep(1.2)
    walk(mount, where)
    time.sleep(1.2)


def test_a_direct_look_up(double, service_mounter, service_runs):
    """S130: going to FLOW/RUN is the look-ups of the flow and the run, never a list."""
    service = double.open()
    mount = service_mounter(service, cache=None)
    service.log(clear=True)
    log = service.requests_of(lambda: os.stat(mount / service_runs["foreach"]))
    assert len(log) <= 2 and not log.matching(r"/runs\?|/flows\?|/steps"), log
    task = service_runs["retry"] + "/start"
    log = service.requests_of(lambda: os.stat(mount / task))
    assert len(log) <= 3 and not log.matching(r"/runs\?|/flows\?|/tasks\?"), log


def test_the_mount_itself(double, service_mounter):
    """S130: mounting asks for one page of flows and nothing else."""
    service = double.open()
    service_mounter(service)
    assert len(service.log()) <= 2 and not service.log().matching("/runs"), service.log()


@pytest.mark.parametrize("label", ["foreach", "branch", "card", "retry", "params"])
@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "one-by-one"])
def test_a_walk_of_a_run(double, service_mounter, service_runs, label, bulk):
    """S131: a walk of a run with states, logs and sizes is steps + 8 requests; tasks + steps + 8 without bulk lists."""
    service, run = double.open(bulk=bulk), service_runs[label]
    mount = service_mounter(service, settle="900", ttl="30")
    log = service.requests_of(lambda: walk(mount, run, tags=True))
    steps = len(mount.names(run)) + 1
    pages = len(log.matching("_cursor="))
    tasks = 0 if bulk else len(tasks_below(mount, run))
    # What has no bulk list is asked of each task twice, for artifacts and for records; the budget names tasks once.
    assert len(log) - pages <= steps + 8 + 2 * tasks, log
    assert not log.matching(r"artifacts/|/flows/[^/]*/runs\?"), log


@pytest.mark.parametrize("label", ["foreach", "named", "retry"])
def test_a_finished_run_again(double, service_mounter, service_runs, label):
    """S132: a finished run that was walked once is walked again for nothing, also after a remount; its tags are one
    request for the run's row."""
    service, run = double.open(), service_runs[label]
    mount = service_mounter(service)
    files = walk(mount, run)
    settle(mount, run)
    log = service.requests_of(lambda: walk(mount, run))
    assert not log, log
    cache = mount.args[mount.args.index("--cache-dir") + 1]
    mount.end()
    again = service_mounter(service, cache=cache)
    found = []
    log = service.requests_of(lambda: found.append(walk(again, run)))
    assert not log and found == [files], log
    log = service.requests_of(lambda: again.names(run + "/.tags"))
    assert len(log) <= 1 and not log.matching("/steps|/tasks|/runs\\?"), log
    time.sleep(1.2)
    log = service.requests_of(lambda: again.names(run + "/.tags"))
    assert len(log) == 1 and log[0]["path"] == "/flows/%s/runs/%s" % tuple(run.split("/")), log
    time.sleep(1.2)
    log = service.requests_of(lambda: meta_of(again, run))
    assert len(log) == 1, log


def test_a_run_again_without_bulk_lists(double, service_mounter, service_runs):
    """S132: so it is over a service that has neither bulk lists nor cursors."""
    service, run = double.open(bulk=False, paging=False), service_runs["foreach"]
    mount = service_mounter(service)
    walk(mount, run)
    settle(mount, run)
    log = service.requests_of(lambda: walk(mount, run))
    assert not log, log


def test_completion_on_a_warm_directory(double, service_mounter, service_runs):
    """S133: completing names in a directory that was listed asks nothing, in bash and in a listing."""
    service, run = double.open(), service_runs["foreach"]
    mount = service_mounter(service, ttl="60")
    mount.names(run)
    mount.names(run.split("/")[0])

    def complete():
        script = "compgen -f %s/; compgen -d %s/s; compgen -f %s/" % (mount / run, mount / run,
                                                                      mount / run.split("/")[0])
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert "%s/start" % (mount / run) in done.stdout.splitlines()

    complete()
    log = service.requests_of(complete)
    assert not log, log


def test_probes_ask_nothing(double, service_mounter, service_runs):
    """S134: names that programs look for everywhere are never asked of the service, on any level."""
    service, run = double.open(), service_runs["hello"]
    mount = service_mounter(service)
    mount.names(run + "/start")
    task = run + "/start/" + mount.names(run + "/start")[0]

    def probe():
        for where in ("", run.split("/")[0], run, run + "/start", task):
            for name in PROBES:
                assert not os.path.lexists(mount / where / name) or name == ".hidden"

    def within():
        log = service.requests_of(probe)
        # The directories of the paths may be asked for anew; nothing is for the names.
        assert not [p for p in log.paths() for name in PROBES if name in p], log
        return log

    within()
    assert not service.requests_of(lambda: [os.path.lexists(mount / n) for n in PROBES])


@pytest.fixture(scope="module")
def failed(double):
    double.make("failed", name="OftenFlow", failed=1000, good=3)
    double.make("failed", name="NamedOftenFlow", failed=60, good=2, end="finish")
    return double


def good_of(double, flow):
    service = double.open(paging=False)
    with urllib.request.urlopen(service.url + "/flows/%s/runs" % flow) as answer:
        return sorted(r["run_number"] for r in json.load(answer))


def test_latest_successful_over_failed_runs(failed, service_mounter):
    """S135: .latest-successful over 1,000 failed runs is a handful of requests, and the client's run."""
    service = failed.open()
    mount = service_mounter(service)
    found = []
    log = service.requests_of(lambda: found.append(os.readlink(mount / "OftenFlow" / ".latest-successful")))
    assert found == [str(good_of(failed, "OftenFlow")[2])]
    assert len(log) <= 16 and len({p.split("/")[4] for p in log.matching("/runs/").paths()}) <= 4, log


def test_latest_successful_with_another_end_step(failed, service_mounter):
    """S136: it is right for flows whose end step has another name, which the service's own status does not know."""
    service = failed.open()
    mount = service_mounter(service)
    assert os.readlink(mount / "NamedOftenFlow" / ".latest-successful") == str(good_of(failed, "NamedOftenFlow")[1])


def test_latest_of_a_flow(failed, service_mounter):
    """S135: .latest is one page of runs at most."""
    service = failed.open()
    mount = service_mounter(service)
    log = service.requests_of(lambda: os.readlink(mount / "OftenFlow" / ".latest"))
    assert len(log) <= 2, log


def test_days_and_tags_ask_for_theirs(double, service_mounter, service_runs):
    """S137: .by-date/DAY and .tags/TAG ask for the runs of that day or tag alone."""
    double.make("runs", name="DailyFlow", count=3000, last_ms=1700000000000)
    double.touch("DailyFlow", good_of(double, "DailyFlow")[1500], tags=["rare"])
    service = double.open()
    mount = service_mounter(service)
    found = []
    log = service.requests_of(lambda: found.append(mount.names("DailyFlow/.by-date/2023-11-14")))
    assert len(found[0]) == 3000
    assert all("ts_epoch" in p for p in log.matching(r"/runs\?").paths()), log
    log = service.requests_of(lambda: found.append(os.path.lexists(mount / "DailyFlow/.by-date/2023-11-16")))
    assert found[1] is False and all("ts_epoch" in p for p in log.matching(r"/runs\?").paths()), log
    log = service.requests_of(lambda: found.append(mount.names("DailyFlow/.tags/rare")))
    assert found[-1] == [str(good_of(double, "DailyFlow")[1500])]
    assert len(log) <= 3 and all("_tags" in p for p in log.matching(r"/runs\?").paths()), log


def test_numbers_in_stats(double, service_mounter, service_runs):
    """S138: .metaflowfs/stats counts what was asked, cold and warm, as the service does."""
    service, run = double.open(), service_runs["branch"]
    mount = service_mounter(service, ttl="60", settle="900")
    walk(mount, run)
    cold = mount.stat("metaflowfs_service_requests_total")
    assert cold == len(service.log())
    walk(mount, run)
    assert mount.stat("metaflowfs_service_requests_total") == cold
    assert mount.stat("metaflowfs_cache_hits_total") > 0 and mount.stat("metaflowfs_cache_writes_total") > 0
    assert mount.stat("metaflowfs_http_connections_opened_total") <= 16


def test_one_request_for_many_readers(double, service_mounter, service_runs):
    """S139: however many readers want a thing at once, it is asked for once."""
    service, run = double.open(), service_runs["foreach"]
    mount = service_mounter(service)
    os.stat(mount / run)
    service.faults({"match": "/steps", "delay": 0.5})
    processes = []

    def many():
        for _ in range(20):
            processes.append(subprocess.Popen(["ls", mount / run], stdout=subprocess.DEVNULL))
        assert [p.wait() for p in processes] == [0] * 20

    log = service.requests_of(many)
    service.well()
    assert len(log.matching(r"/steps\?$")) == 1, log
