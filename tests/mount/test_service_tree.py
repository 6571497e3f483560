"""The mount of a metadata service and Metaflow's client of the same service, side by side: with cursors,
filters and bulk lists, without, and over metaflow-local-service."""

import json
import os
import pathlib

import pytest
import servicing
import test_client_equality as equality
from test_client_equality import encoded, meta_of, rel, tasks_of

MODES = {"newest": {}, "no-paging": {"paging": False}, "no-bulk": {"bulk": False},
         "oldest": {"paging": False, "bulk": False}, "prefix": {"prefix": "/meta/data"}}
EVERY = ["hello", "hello-tags", "hello-other-user", "named", "card", "switch", "foreach", "foreach-resumed", "params",
         "fail", "fail-end", "retry", "branch", "killed"]
SOME = ["hello-tags", "foreach-resumed", "fail", "retry"]
CASES = [("newest", label) for label in EVERY] + [(m, label) for m in ("no-paging", "no-bulk", "oldest")
                                                  for label in SOME] + [("prefix", "hello")]
LOCAL = ["hello-tags", "foreach", "fail", "fail-resumed", "retry", "named"]


@pytest.fixture
def over(client, main_root):
    """A function that turns the client to a service."""
    def turn(url):
        client.metadata("service@" + url)
        client.namespace(None)
        return client
    yield turn
    client.metadata("local@%s" % main_root)
    client.namespace(None)


@pytest.fixture(scope="module")
def mounts(double, shared_service_mounter):
    """mounts(mode): (service, mount), made at the first use."""
    made = {}

    def get(mode):
        if mode not in made:
            service = double.open(**MODES[mode])
            made[mode] = service, shared_service_mounter(service, ttl="2", settle="900")
        return made[mode]
    return get


@pytest.fixture(scope="module")
def local(main_root, shared_service_mounter, tmp_path_factory):
    """(URL, mount) of metaflow-local-service over the data of all flows."""
    service = servicing.LocalService(main_root)
    yield service.url, shared_service_mounter(service.url, root=main_root)
    service.stop()


def compare(client, mount, runs, root, label):
    for check in (equality.test_names_of_a_run, equality.test_hidden_artifacts_have_their_bytes,
                  equality.test_meta_of_a_run, equality.test_meta_of_tasks, equality.test_attempts_of_tasks,
                  equality.test_relations_of_tasks):
        check(client, mount, runs, label)
    for check in (equality.test_values_of_a_run, equality.test_logs_of_a_run):
        check(client, mount, runs, root, label)
    run = client.Run(runs[label])
    assert set(mount.names(rel(run) + "/.tags")) == {encoded(t) for t in run.tags}
    end = run.end_task
    assert os.path.lexists(mount / rel(run) / ".end") is (end is not None)
    if end is not None:
        assert os.path.samefile(mount / rel(run) / ".end", mount / rel(end))


@pytest.mark.threads
@pytest.mark.parametrize("mode, label", CASES)
def test_a_run_over_a_service(over, mounts, service_runs, service_root, mode, label):
    """S120, S121: names, values, logs, tags, states and relations of a run are the client's of the same service."""
    service, mount = mounts(mode)
    compare(over(service.url), mount, service_runs, service_root, label)


@pytest.mark.parametrize("label", LOCAL)
def test_a_run_over_metaflow_local_service(client, local, runs, main_root, label):
    """S121: so they are over metaflow-local-service, which has neither cursors nor bulk lists. (It has no single
    artifacts either, which the client asks for: the client is of the data that it serves.)"""
    _, mount = local
    compare(client, mount, runs, main_root, label)


@pytest.mark.parametrize("mode", ["newest", "no-paging", "no-bulk"])
def test_flows_over_a_service(over, mounts, service_runs, mode):
    """S120: flows, runs, latest runs, days, tags, failed and running runs are the client's."""
    service, mount = mounts(mode)
    client = over(service.url)
    equality.test_root_lists_the_flows(client, mount)
    equality.test_flows_list_their_runs(client, mount)
    equality.test_latest_runs(client, mount)
    equality.test_runs_by_day(client, mount)
    equality.test_tags_of_flows_and_runs(client, mount)
    equality.test_flow_meta(client, mount)
    for label in service_runs:
        if label not in ("killed", "fail", "fail-end"):
            assert meta_of(mount, service_runs[label])["status"] == "done", label
    assert meta_of(mount, service_runs["killed"])["status"] in ("running", "stale")
    failed = {service_runs[label].split("/")[1] for label in ("fail", "fail-end")}
    for label in ("fail", "fail-end"):  # its heart may have stopped a moment ago only
        assert meta_of(mount, service_runs[label])["status"] in ("failed", "running")
    assert set(mount.names("FailFlow/.failed")) | set(mount.names("FailFlow/.running")) == failed
    assert mount.names("HelloFlow/.failed") == [] and mount.names("HelloFlow/.running") == []


@pytest.mark.parametrize("label", ["foreach", "branch", "retry", "fail"])
def test_index_and_failed_over_a_service(over, mounts, service_runs, label):
    """S120: foreach indices and failed tasks are the client's too."""
    service, mount = mounts("newest")
    client = over(service.url)
    equality.test_index_of_steps(client, mount, service_runs, label)
    want = {"%s.%s" % tuple(rel(t).split("/")[2:]) for t in tasks_of(client.Run(service_runs[label]))
            if meta_of(mount, rel(t))["status"] == "failed"}
    assert set(mount.names(service_runs[label] + "/.failed")) == want
    assert bool(want) is (label == "fail")


def test_cards_over_a_service(over, mounts, service_runs, service_root):
    """S120: cards are found where the service tells that the datastore is."""
    service, mount = mounts("newest")
    for task in tasks_of(over(service.url).Run(service_runs["card"])):
        flow, run, step, number = rel(task).split("/")
        cards = service_root.joinpath(".metaflow", "mf.cards", flow, "runs", run, "steps", step, "tasks", number, "cards")
        names = {p.name for p in cards.glob("*.html")}
        assert names <= set(mount.names(rel(task) + "/.cards"))
        for name in names:
            assert mount.read("%s/.cards/%s" % (rel(task), name)) == (cards / name).read_bytes()


def test_a_service_without_a_list_of_flows(local, runs):
    """S122: where a service lists no flows, each is found by its name; the root has those that were."""
    _, mount = local
    assert (mount / "HelloFlow").is_dir()
    assert set(mount.names()) <= {p.split("/")[0] for p in runs.values()}
    assert not (mount / "NoSuchFlow").exists()


def test_names_that_are_no_ids(mounts, service_runs):
    """S123: a number that is written differently, is too long or is none finds nothing, and no other run."""
    _, mount = mounts("newest")
    flow, run = service_runs["hello"].split("/")
    for name in ("0" + run, "+" + run, run + " ", "99999999999", "1" * 40, "nonsense", "٣", "%31", "null", run + "\n"):
        assert not os.path.lexists(mount / flow / name), name
    for path in ("start/0999", "start/99999999999", "nostep", "start/x", "start/" + "9" * 30):
        assert not os.path.lexists(mount / flow / run / path), path
    assert mount.errors() == ""


def test_what_is_sent_to_the_service(double, service_mounter, service_runs):
    """S124: SERVICE_AUTH_KEY and SERVICE_HEADERS go with each request, and stand nowhere."""
    service = double.open()
    mount = service_mounter(service, env={"METAFLOW_SERVICE_AUTH_KEY": "hush-hush-key",
                                          "METAFLOW_SERVICE_HEADERS": json.dumps({"x-team": "whales-hush"})})
    log = service.requests_of(lambda: mount.names(service_runs["hello"]))
    assert log
    for request in log:
        assert request["headers"]["x-api-key"] == "hush-hush-key"
        assert request["headers"]["x-team"] == "whales-hush"
    for name in ("status", "stats", "config", "errors"):
        assert b"hush" not in mount.read(".metaflowfs/" + name)
    assert "hush" not in mount.log()


def test_custom_run_ids(double, service_mounter, tmp_path_factory):
    """S125: runs that were registered with an id of their own have it as their name."""
    made = double.touch("HelloFlow", new=True, run_id="argo-hello-x7k2p")
    try:
        service = double.open()
        mount = service_mounter(service)
        assert "argo-hello-x7k2p" in mount.names("HelloFlow")
        assert meta_of(mount, "HelloFlow/argo-hello-x7k2p")["id"] == "argo-hello-x7k2p"
        assert not (mount / "HelloFlow" / "nobody-x7k2p").exists()
    finally:
        assert made["run"]


def test_nothing_but_the_cache_is_written(service_root, mounts, service_runs):
    """S126: the datastore's directory is left as it was."""
    _, mount = mounts("newest")
    before = {p: p.stat().st_mtime_ns for p in pathlib.Path(service_root).rglob("*")}
    mount.names(service_runs["card"])
    assert {p: p.stat().st_mtime_ns for p in pathlib.Path(service_root).rglob("*")} == before
