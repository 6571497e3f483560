"""The mount of runs whose artifacts are in S3, and Metaflow's client of the same S3, side by side."""

import hashlib
import json
import os
import pathlib
import subprocess

import json_rules
import make
import pytest
import s3ing
import servicing
import test_client_equality as equality
from mounting import run_metaflowfs
from test_client_equality import rel, tasks_of
from test_service_tree import compare

COMPARED = ["hello", "values", "retry", "card", "params"]


@pytest.fixture(scope="module")
def mnt(shared_s3_mounter, s3):
    return shared_s3_mounter(s3, settle="900")


@pytest.fixture(scope="module")
def as_local(s3, tmp_path_factory):
    """The S3's objects as a directory with a `.metaflow` in it: what the mount's bytes are compared with."""
    root = tmp_path_factory.mktemp("as-local")
    (root / ".metaflow").symlink_to(s3.path_of("metaflow"))
    return root


@pytest.fixture(scope="module")
def over_s3(client, s3, s3_root, main_root):
    """Metaflow's client of the runs in S3."""
    from metaflow import metaflow_config

    env = s3ing.s3_env(s3.url)
    before = dict(metaflow_config.DATATOOLS_CLIENT_PARAMS)
    keys = {k: v for k, v in env.items() if k.startswith("AWS_")}
    os.environ.update(keys)
    metaflow_config.DATATOOLS_CLIENT_PARAMS["endpoint_url"] = s3.url
    client.metadata("local@%s" % s3_root)
    client.namespace(None)
    yield client
    client.metadata("local@%s" % main_root)
    metaflow_config.DATATOOLS_CLIENT_PARAMS.clear()
    metaflow_config.DATATOOLS_CLIENT_PARAMS.update(before)
    for key in keys:
        del os.environ[key]


@pytest.mark.threads
@pytest.mark.parametrize("label", COMPARED)
def test_a_run_in_s3(over_s3, mnt, s3_runs, as_local, label):
    """S170: names, values, stored bytes, logs, attempts, states and relations of a run are the client's."""
    compare(over_s3, mnt, s3_runs, as_local, label)


def test_flows_of_a_root_in_s3(over_s3, mnt):
    """S170: flows, their runs, latest runs, days and tags are the client's."""
    equality.test_root_lists_the_flows(over_s3, mnt)
    equality.test_flows_list_their_runs(over_s3, mnt)
    equality.test_latest_runs(over_s3, mnt)
    equality.test_runs_by_day(over_s3, mnt)


def test_large_artifacts(over_s3, mnt, s3_runs):
    """S170: so are artifacts that come in parts: bytes, text and an array, natural form and stored bytes."""
    task = over_s3.Run(s3_runs["s3"])["start"].task
    for name, form in (("blob", bytes), ("text", str.encode), ("plain", str.encode)):
        got, value = mnt.read("%s/%s" % (rel(task), name)), form(task[name].data)
        assert hashlib.sha1(got).digest() == hashlib.sha1(value).digest(), name
        assert os.stat(mnt / rel(task) / name).st_size == len(value), name
    for name in ("blob", "text", "array"):
        stored = mnt.read("%s/.pickle/%s" % (rel(task), name))
        assert hashlib.sha1(stored).hexdigest() == task[name].sha, name


def test_a_foreach_in_s3(over_s3, mnt, s3_runs):
    """S170: every task of a large foreach has the client's values under its index."""
    step = over_s3.Run(s3_runs["many"])["work"]
    tasks = {t.index: t for t in step}
    assert sorted(tasks) == list(range(s3ing.MANY))
    assert set(mnt.names(rel(step) + "/.index")) == {str(i) for i in tasks}
    for index in (0, 1, 17, s3ing.MANY - 1):
        where = "%s/.index/%d" % (rel(step), index)
        assert os.path.samefile(mnt / where, mnt / rel(tasks[index]))
        assert mnt.read(where + "/x") == tasks[index]["x"].data.encode() == b"item %d\n" % index
        assert mnt.read(where + "/noise") == tasks[index]["noise"].data


def test_json_in_s3(mnt, over_s3, s3_runs):
    """S171: .json/<name>.json is made from bytes in S3 as from local ones."""
    for step in ("containers", "scalars", "arrays"):
        task = over_s3.Run(s3_runs["values"])[step].task
        names = mnt.names(rel(task))
        assert sorted(mnt.names(rel(task) + "/.json")) == sorted(n + ".json" for n in names)
        for name in names:
            text = mnt.read("%s/.json/%s.json" % (rel(task), name))
            json.loads(text)
            if json_rules.form_of(str(type(task[name].data))) == "json":
                assert text == mnt.read("%s/%s" % (rel(task), name)), name


def test_included_files_in_s3(mnt, s3_runs):
    """S171: an included file at an s3:// URL is byte for byte what was included."""
    for name, file in (("doc", "included.txt"), ("crlf", "included-crlf.txt"), ("blob", "included.bin")):
        want = (make.FLOWS / file).read_bytes()
        assert mnt.read("%s/.parameters/%s" % (s3_runs["params"], name)) == want
        assert mnt.read("%s/.end/%s" % (s3_runs["params"], name)) == want


def test_cards_in_s3(mnt, over_s3, s3_runs, s3):
    """S172: cards are found in S3, in today's layout and in that before June 2022."""
    flow, run = s3_runs["card"].split("/")
    seen = {}
    for task in tasks_of(over_s3.Run(s3_runs["card"])):
        step, number = rel(task).split("/")[2:]
        for place in ("steps/%s/tasks/%s" % (step, number), "tasks/%s" % number):
            cards = s3.path_of("metaflow/mf.cards/%s/runs/%s/%s/cards" % (flow, run, place))
            for card in cards.glob("*.html"):
                assert card.name in mnt.names(rel(task) + "/.cards")
                assert mnt.read("%s/.cards/%s" % (rel(task), card.name)) == card.read_bytes()
                seen[place.split("/")[0], step] = True
    assert {s for layout, s in seen if layout == "steps"} == {"start", "middle"}
    assert {s for layout, s in seen if layout == "tasks"} == {"end"}


def test_names_with_a_service_bytes_in_s3(s3, s3_mounter, data_dir, s3_runs, over_s3):
    """S173: names come from a metadata service and bytes from S3 where both are configured."""
    double = servicing.Double(load=data_dir / "s3" / "rows.json")
    try:
        service = double.open()
        mount = s3_mounter(s3, env=servicing.service_env(service.url))
        assert mount.names() == ["HelloFlow"]
        where = s3_runs["service"]
        task = "%s/start/%s" % (where, mount.names(where + "/start")[0])
        assert mount.read(task + "/message") == b"hello, world"
        assert json.loads(mount.read(task + "/numbers")) == [1, 2, 3]
        assert b"hello from start" in mount.read(task + "/.stdout")
        sha = json.loads(mount.read(task + "/.meta"))["artifacts"]["numbers"]["sha"]
        assert hashlib.sha1(mount.read(task + "/.pickle/numbers")).hexdigest() == sha
        mount.end()
    finally:
        double.stop()


def command_line(*args, s3, s3_root, workdir, **more):
    env = s3ing.s3_env(s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root), XDG_CACHE_HOME=str(workdir / "xdg"))
    env.update(more.pop("env", {}))
    return run_metaflowfs(*args, root=s3_root, workdir=workdir, cwd=s3_root, env=env, **more)


def test_the_command_line_over_s3(s3, s3_root, s3_runs, tmp_path, mnt):
    """S174: `metaflowfs ls`, `cat` and `get` read S3 with no mount; what `get` leaves is what the mount shows."""
    run = s3_runs["hello"]
    done = command_line("ls", run, s3=s3, s3_root=s3_root, workdir=tmp_path)
    assert sorted(done.stdout.split()) == ["end", "start"], done
    done = command_line("cat", run + "/.end/summary", s3=s3, s3_root=s3_root, workdir=tmp_path)
    assert json.loads(done.stdout) == {"message": "hello, world", "total": 6}
    done = command_line("get", s3_runs["many"] + "/work", str(tmp_path / "out"), s3=s3, s3_root=s3_root,
                        workdir=tmp_path)
    assert done.returncode == 0, done
    tasks = mnt.names(s3_runs["many"] + "/work")
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")) == sorted(tasks)
    for task in tasks[::20]:
        for name in ("x", "noise"):
            assert (tmp_path / "out" / task / name).read_bytes() == mnt.read("%s/work/%s/%s" % (
                s3_runs["many"], task, name))


def test_a_large_get(s3, s3_root, s3_runs, tmp_path, mnt):
    """S174: `get` of one large artifact gives its bytes."""
    where = "%s/start/%s/blob" % (s3_runs["s3"], mnt.names(s3_runs["s3"] + "/start")[0])
    done = command_line("get", where, str(tmp_path / "blob"), s3=s3, s3_root=s3_root, workdir=tmp_path)
    assert done.returncode == 0, done
    assert subprocess.run(["cmp", tmp_path / "blob", mnt / where]).returncode == 0


def test_the_root_as_an_option(s3, s3_mounter, s3_runs, s3_root):
    """S175: `--datastore-root s3://bucket/prefix` is the same as the configuration's."""
    mount = s3_mounter(s3, args=["--datastore-root", s3ing.ROOT],
                       env={"METAFLOW_DATASTORE_SYSROOT_S3": None, "METAFLOW_DEFAULT_DATASTORE": None})
    assert mount.read(s3_runs["hello"] + "/.end/summary").startswith(b"{")
    assert pathlib.Path(s3_root).exists()


def test_nothing_is_written_to_s3(s3, mnt, s3_runs):
    """S176: reading leaves the bucket and the `.metaflow` as they were."""
    before = {p: p.stat().st_mtime_ns for p in s3.path_of("metaflow").rglob("*")}
    for step in mnt.names(s3_runs["hello"]):
        for task in mnt.names("%s/%s" % (s3_runs["hello"], step)):
            for name in mnt.names("%s/%s/%s" % (s3_runs["hello"], step, task)):
                mnt.read("%s/%s/%s/%s" % (s3_runs["hello"], step, task, name))
    assert {p: p.stat().st_mtime_ns for p in s3.path_of("metaflow").rglob("*")} == before
