"""Metaflow's client and the mount, side by side: every name, value, log, tag, state and relation."""

import hashlib
import json
import os
import pickle
import re
import subprocess
from datetime import datetime, timezone

import json_rules
import make
import pytest

LABELS = ["hello", "hello-tags", "hello-other-user", "hello-package", "named", "fail", "fail-resumed",
          "fail-end", "fail-again", "foreach", "foreach-resumed", "card", "card-resumed", "params",
          "params-given", "big", "switch", "switch-long", "retry", "killed", "values", "branch"]
OLD = ["pickle-v2", "raw", "no-sidecar", "full-location", "no-info", "legacy-logs"]


def tasks_of(run):
    return [task for step in run for task in step]


def rel(obj):
    return obj.pathspec


def meta_of(mnt, pathspec):
    return json.loads(mnt.read(pathspec + "/.meta"))


def utc_ms(text):
    assert text.endswith("Z"), text
    return round(datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc).timestamp() * 1000)


def client_ms(naive):
    return round(naive.timestamp() * 1000)


def data_json(root, task, attempt):
    path = root / ".metaflow" / task.pathspec / ("%d.data.json" % attempt)
    return json.loads(path.read_text())


def loaded(artifact):
    """(value, None), or (None, reason) when the client cannot load it."""
    try:
        return artifact.data, None
    except Exception as error:  # whatever unpickling may raise
        return None, str(error)


def compare_artifact(mnt, where, artifact, info, problems):
    stored = mnt.read(where + "/.pickle/" + artifact.id)
    sha = hashlib.sha1(stored).hexdigest()
    if sha != artifact.sha:
        problems.append("%s: .pickle has SHA-1 %s, not %s" % (artifact.pathspec, sha, artifact.sha))
    value, reason = loaded(artifact)
    if reason is not None:
        problems.append("%s: the client cannot load it: %s" % (artifact.pathspec, reason))
        return
    path = mnt / where / artifact.id
    got = path.read_bytes()
    if path.stat().st_size != len(got):
        problems.append("%s: st_size is not the length after open" % artifact.pathspec)
    wrong = json_rules.check(value, info.get("type", "object"), got, stored)
    if wrong:
        problems.append("%s: %s" % (artifact.pathspec, wrong))
    elif json_rules.form_of(info.get("type", "")) == "stored":
        assert type(pickle.loads(got)) is type(value)


@pytest.mark.threads
def test_root_lists_the_flows(client, mnt):
    """S1: the root lists exactly the flows of Metaflow()."""
    assert sorted(mnt.names()) == sorted(f.id for f in client.Metaflow())


def test_flows_list_their_runs(client, mnt):
    """S1, S2: a flow lists the client's runs; `ls -t` gives them in the client's order."""
    for flow in client.Metaflow():
        ids = [run.id for run in flow]
        assert sorted(mnt.names(flow.id)) == sorted(ids)
        by_time = subprocess.run(["ls", "-t", mnt / flow.id], capture_output=True, text=True, check=True)
        assert by_time.stdout.split() == ids


def test_listing_is_newest_first(mnt, client):
    """S2: an unsorted listing of runs gives the newest ids first."""
    ids = [n for n in mnt.names("HelloFlow")]
    assert ids == sorted(ids, key=int, reverse=True)


@pytest.mark.parametrize("label", LABELS)
def test_names_of_a_run(client, mnt, runs, label):
    """S1, S3: steps, tasks and artifacts are the client's; what it hides is found by its name."""
    run = client.Run(runs[label])
    assert sorted(mnt.names(rel(run))) == sorted(step.id for step in run)
    assert sorted(mnt.names(rel(run))) == sorted(run._ipython_key_completions_())
    assert (mnt / rel(run) / "_parameters").is_dir()
    for step in run:
        assert sorted(mnt.names(rel(step))) == sorted(task.id for task in step)
        for task in step:
            visible = [artifact.id for artifact in task]
            assert sorted(mnt.names(rel(task))) == sorted(visible)
            hidden = sorted(mnt.names(rel(task) + "/.internal"))
            assert all(n.startswith("_") and n in task for n in hidden)
            for name in hidden:
                assert (mnt / rel(task) / name).is_file()


@pytest.mark.parametrize("label", LABELS)
def test_values_of_a_run(client, mnt, runs, main_root, label):
    """S10, S11, S12, S13, S14, S15, S16: each artifact has its natural form; .pickle its stored bytes."""
    problems = []
    for task in tasks_of(client.Run(runs[label])):
        artifacts = list(task)
        if not artifacts:
            continue
        info = data_json(main_root, task, artifacts[0]._object["attempt_id"])["info"]
        every = mnt.names(rel(task)) + mnt.names(rel(task) + "/.internal")
        assert sorted(mnt.names(rel(task) + "/.pickle")) == sorted(every)
        for artifact in artifacts:
            compare_artifact(mnt, rel(task), artifact, info[artifact.id], problems)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("label", LABELS)
def test_hidden_artifacts_have_their_bytes(client, mnt, runs, label):
    """S3: .internal holds the artifacts that the client hides, and a direct look-up the same."""
    for task in tasks_of(client.Run(runs[label])):
        for name in mnt.names(rel(task) + "/.internal"):
            same = mnt.read(rel(task) + "/.internal/" + name)
            assert same == mnt.read(rel(task) + "/" + name)
            stored = mnt.read(rel(task) + "/.pickle/" + name)
            assert hashlib.sha1(stored).hexdigest() == task[name].sha
        if "_task_ok" in task:
            assert json.loads(mnt.read(rel(task) + "/_task_ok")) is task["_task_ok"].data


@pytest.mark.parametrize("label", OLD)
def test_old_layouts(client, mounter, old_roots, runs, label):
    """S17: artifacts in every encoding, framing and location that Metaflow has written are read."""
    mount = mounter(old_roots / label)
    problems = []
    assert mount.names() == ["HelloFlow"]
    for task in tasks_of(client.Run(runs["old-" + label])):
        artifacts = list(task)
        assert sorted(mount.names(rel(task))) == sorted(a.id for a in artifacts)
        for artifact in artifacts:
            stored = mount.read(rel(task) + "/.pickle/" + artifact.id)
            assert pickle.loads(stored) == artifact.data
            got = mount.read(rel(task) + "/" + artifact.id)
            kind = str(type(artifact.data)) if label != "no-info" else "object"
            wrong = json_rules.check(artifact.data, kind, got, stored)
            if wrong:
                problems.append("%s: %s" % (artifact.pathspec, wrong))
        assert mount.read(rel(task) + "/.stdout").decode().rstrip("\n") == task.stdout.rstrip("\n")
    assert not problems, "\n".join(problems)


def test_moved_data_is_its_own(client, mounter, tmp_path, writable_root, runs):
    """S18: a `.metaflow` that was moved reads its own data, logs, included files and cards."""
    own = writable_root("hello", "params", "card")
    # The recorded paths lead to the place it was copied from: make the copy differ from it.
    run = client.Run(runs["params"])
    task = run["start"].task
    sha = task["text"].sha
    blob = own / ".metaflow" / "ParamsFlow" / "data" / sha[:2] / sha
    blob.write_bytes(b"broken")
    mount = mounter(own, expect_errors=[".*"])
    assert mount.read(rel(task) + "/doc").decode() == task["doc"].data
    with pytest.raises(OSError):
        mount.read(rel(task) + "/text")
    hello = client.Run(runs["hello"])["start"].task
    log = own / ".metaflow" / rel(hello) / "0.runtime_stdout.log"
    log.write_bytes(log.read_bytes().replace(b"hello", b"HELLO"))
    assert mount.read(rel(hello) + "/.stdout").startswith(b"HELLO")
    card = client.Run(runs["card"])["start"].task
    own_card = next((own / ".metaflow" / "mf.cards").rglob("%s/cards/*.html" % card.id))
    own_card.write_bytes(b"own card")
    assert mount.read("%s/.cards/%s" % (rel(card), own_card.name)) == b"own card"


@pytest.mark.parametrize("label", LABELS)
def test_logs_of_a_run(client, mnt, runs, main_root, label):
    """S20, S21: .stdout and .stderr are the client's text, .log both, .logs/ the raw parts."""
    for task in tasks_of(client.Run(runs[label])):
        assert mnt.read(rel(task) + "/.stdout").decode() == task.stdout
        assert mnt.read(rel(task) + "/.stderr").decode() == task.stderr
        both = mnt.read(rel(task) + "/.log").decode().splitlines()
        if task.stdout.strip() or task.stderr.strip():
            assert sorted(both) == sorted(task.stdout.splitlines() + task.stderr.splitlines())
        folder = main_root / ".metaflow" / rel(task)
        raw = sorted(p.name for p in folder.glob("%d.*.log" % task.current_attempt))
        assert sorted(mnt.names(rel(task) + "/.logs")) == raw
        for name in raw:
            assert mnt.read(rel(task) + "/.logs/" + name) == (folder / name).read_bytes()


def code_matches(code, meta):
    if code is None:
        return meta.get("code") is None
    return json.loads(code._code_metadata if hasattr(code, "_code_metadata") else "{}").get("sha", "") in str(meta["code"])


@pytest.mark.parametrize("label", LABELS)
def test_meta_of_a_run(client, mnt, runs, label):
    """S30, S31: .meta of a run, step and task are the client's properties of the same names."""
    run = client.Run(runs[label])
    for obj in [run, *run, *tasks_of(run)]:
        meta = meta_of(mnt, rel(obj))
        assert meta["id"] == obj.id
        assert meta["pathspec"] == obj.pathspec
        assert meta["parent"] == obj.parent.pathspec
        assert utc_ms(meta["created_at"]) == client_ms(obj.created_at)
        assert sorted(meta["tags"]) == sorted(obj.tags)
        assert sorted(meta["user_tags"]) == sorted(obj.user_tags)
        assert sorted(meta["system_tags"]) == sorted(obj.system_tags)
        origin = obj.origin_pathspec
        if origin is None or origin.endswith("/None") or "/None/" in origin:
            assert not meta.get("origin_pathspec")
        else:
            assert meta["origin_pathspec"] == origin
        if len(obj.pathspec.split("/")) != 3:  # a run or task
            assert meta["finished"] is bool(obj.finished)
            assert meta["successful"] is bool(obj.successful)
        try:
            finished = obj.finished_at
        except ValueError:  # a step without tasks
            finished = None
        got = meta.get("finished_at")
        assert (utc_ms(got) if got else None) == (client_ms(finished) if finished else None), rel(obj)


@pytest.mark.parametrize("label", LABELS)
def test_meta_of_tasks(client, mnt, runs, label):
    """S31, S32: a task's attempt, index, exception, metadata and artifacts stand in its .meta."""
    for task in tasks_of(client.Run(runs[label])):
        meta = meta_of(mnt, rel(task))
        assert meta["current_attempt"] == task.current_attempt
        assert meta.get("index") == task.index
        assert meta["metadata_dict"] == task.metadata_dict
        assert sorted(meta["artifacts"]) == sorted(a.id for a in task)
        for artifact in task:
            row = meta["artifacts"][artifact.id]
            assert row["sha"] == artifact.sha
            assert utc_ms(row["created_at"]) == client_ms(artifact.created_at)
            assert row["encoding"] == artifact._object["content_type"]
        error = task.exception
        if error is None:
            assert not meta.get("exception")
        else:
            assert error.type.rsplit(".", 1)[-1] in meta["exception"] and str(error.exception) in meta["exception"]
            assert "Traceback" not in error.stacktrace or error.stacktrace.strip() in meta["exception"]


@pytest.mark.parametrize("label", LABELS)
def test_attempts_of_tasks(client, mnt, runs, label):
    """S33: .attempts/<n> has the artifacts and logs of each attempt, as the client's attempt=n."""
    for task in tasks_of(client.Run(runs[label])):
        started = {m.value for m in task.metadata if m.type == "attempt"} or {"0"}
        listed = mnt.names(rel(task) + "/.attempts")
        assert sorted(listed) == sorted(started), rel(task)
        for n in listed:
            one = client.Task(rel(task), attempt=int(n))
            where = "%s/.attempts/%s" % (rel(task), n)
            assert sorted(mnt.names(where)) == sorted(a.id for a in one)
            assert mnt.read(where + "/.stdout").decode() == one.stdout
            assert mnt.read(where + "/.stderr").decode() == one.stderr
            for artifact in one:
                stored = mnt.read("%s/.pickle/%s" % (where, artifact.id))
                assert hashlib.sha1(stored).hexdigest() == artifact.sha
            for name in (".attempts", ".parents", ".children"):
                assert not os.path.lexists(mnt / where / name)


@pytest.mark.parametrize("label", LABELS)
def test_relations_of_tasks(client, mnt, runs, label):
    """S34: .parents/ and .children/ link to the client's parent and child tasks."""
    for task in tasks_of(client.Run(runs[label])):
        for name, tasks in ((".parents", "parent_tasks"), (".children", "child_tasks")):
            want = {}
            try:
                others = list(getattr(task, tasks))
            except KeyError:  # no _graph_info: no attempt of the task is done
                others = []
            for other in others:
                step, number = other.pathspec.split("/")[2:]
                want["%s.%s" % (step, number)] = other.pathspec
            assert sorted(mnt.names(rel(task) + "/" + name)) == sorted(want), (rel(task), name)
            for link, target in want.items():
                path = mnt / rel(task) / name / link
                assert not os.readlink(path).startswith("/")
                assert os.path.samefile(path, mnt / target)


@pytest.mark.parametrize("label", ["foreach", "foreach-resumed", "branch", "retry", "fail"])
def test_index_of_steps(client, mnt, runs, label):
    """S35: .index/<n> links to the task of that foreach index, `2.0` when nested."""
    for step in client.Run(runs[label]):
        want = {}
        for task in step:
            if task.index is not None:
                frames = task["_foreach_stack"].data
                want[".".join(str(f.index) for f in frames)] = task.id
        names = mnt.names(rel(step) + "/.index")
        assert sorted(names) == sorted(want), rel(step)
        for name in names:
            assert os.readlink(mnt / rel(step) / ".index" / name) == "../" + want[name]


def test_parameters_of_runs(client, mnt, runs):
    """S36: .parameters/ holds the run's parameters with the values that the client gives."""
    for label in ("hello-tags", "params", "params-given", "switch-long", "foreach"):
        run = client.Run(runs[label])
        task = run["_parameters"].task
        info = run["start"].task["_graph_info"].data
        want = {p["name"]: p for p in info["parameters"]}
        names = mnt.names(rel(run) + "/.parameters")
        assert sorted(names) == sorted(p.replace("-", "_") for p in want) or sorted(names) == sorted(
            a.id for a in task if a.id != "name"), label
        for name in names:
            stored = mnt.read("%s/_parameters/%s/.pickle/%s" % (rel(run), task.id, name))
            kind = str(type(pickle.loads(stored)))
            wrong = json_rules.check(task[name].data, kind, mnt.read(rel(run) + "/.parameters/" + name), stored)
            assert wrong is None, (name, wrong)


def test_included_files_are_their_own_bytes(mnt, runs, main_root):
    """S15: an included file, text with CRLF and binary alike, is byte for byte what was included."""
    flows = make.FLOWS
    for name, file in (("doc", "included.txt"), ("crlf", "included-crlf.txt"), ("blob", "included.bin")):
        want = (flows / file).read_bytes()
        assert mnt.read("%s/.parameters/%s" % (runs["params"], name)) == want
        assert mnt.read("%s/.end/%s" % (runs["params"], name)) == want
    assert mnt.read(runs["params-given"] + "/.end/doc") == (flows / "included-crlf.txt").read_bytes()
    assert mnt.read(runs["params-given"] + "/.end/blob") == b"another file: \xfc\r\n"


def test_end_of_runs(client, mnt, runs):
    """S37: RUN/.end links to the end task, also where the end step has another name."""
    for label in LABELS:
        run = client.Run(runs[label])
        end = run.end_task
        path = mnt / rel(run) / ".end"
        if end is None:
            assert not os.path.lexists(path)
        else:
            assert os.path.samefile(path, mnt / rel(end))
            assert not os.readlink(path).startswith("/")


def test_latest_runs(client, mnt):
    """S40: .latest and .latest-successful are the client's latest_run and latest_successful_run."""
    for flow in client.Metaflow():
        for name, run in ((".latest", flow.latest_run), (".latest-successful", flow.latest_successful_run)):
            if run is None:
                assert not os.path.lexists(mnt / flow.id / name)
            else:
                assert os.readlink(mnt / flow.id / name) == run.id


STATUS = {"fail": "failed", "fail-again": "failed", "fail-end": "failed", "killed": "unknown"}


def test_status_of_runs(mnt, runs, client):
    """S41, S42: each run has its status, and .failed/ and .running/ list the runs in such a state."""
    for label in LABELS:
        assert meta_of(mnt, runs[label])["status"] == STATUS.get(label, "done"), label
    for flow in client.Metaflow():
        here = {label: p.split("/")[1] for label, p in runs.items() if p.split("/")[0] == flow.id}
        failed = {r for label, r in here.items() if STATUS.get(label) == "failed"}
        running = {r for label, r in here.items() if STATUS.get(label) == "unknown"}
        assert set(mnt.names(flow.id + "/.failed")) == failed
        assert set(mnt.names(flow.id + "/.running")) == running
        for name in failed:
            assert os.readlink(mnt / flow.id / ".failed" / name) == "../" + name


def test_failed_tasks_of_runs(client, mnt, runs):
    """S43: RUN/.failed links to the tasks that failed; a handled error is none."""
    for label in LABELS:
        want = set()
        for task in tasks_of(client.Run(runs[label])):
            if meta_of(mnt, rel(task))["status"] in ("failed", "stale"):
                want.add("%s.%s" % tuple(rel(task).split("/")[2:]))
        names = set(mnt.names(runs[label] + "/.failed"))
        assert names == want
        if label in ("fail", "fail-again"):
            assert any(n.startswith("work.") for n in names)
        elif label == "fail-end":
            assert {n.split(".")[0] for n in names} == {"end"}
        else:
            assert not names, label


def test_caught_errors_are_done(client, mnt, runs):
    """S41: a task whose error @catch handled is done, and not successful."""
    task = client.Run(runs["retry"])["caught"].task
    meta = meta_of(mnt, rel(task))
    assert (meta["status"], meta["finished"], meta["successful"]) == ("done", True, False)


def test_runs_by_day(client, mnt):
    """S44: .by-date/<UTC day> links to the runs that were created on it."""
    for flow in client.Metaflow():
        want = {}
        for run in flow:
            day = datetime.fromtimestamp(client_ms(run.created_at) / 1000, timezone.utc).strftime("%Y-%m-%d")
            want.setdefault(day, set()).add(run.id)
        assert set(mnt.names(flow.id + "/.by-date")) == set(want)
        for day, ids in want.items():
            assert set(mnt.names("%s/.by-date/%s" % (flow.id, day))) == ids
            for run in ids:
                path = mnt / flow.id / ".by-date" / day / run
                assert os.path.samefile(path, mnt / flow.id / run)
        assert not os.path.lexists(mnt / flow.id / ".by-date" / "1999-01-01")


def encoded(tag):
    """A tag as a file name: `/`, `%`, control characters and a leading dot percent-encoded."""
    text = re.sub(r"[/%\x00-\x1f\x7f]", lambda m: "%%%02X" % ord(m.group()), tag)
    return "%2E" + text[1:] if text.startswith(".") else text


def test_tags_of_flows_and_runs(client, mnt):
    """S45: FLOW/.tags/<tag>/ links to the runs with that tag, RUN/.tags/ has a directory a tag."""
    for flow in client.Metaflow():
        want = {}
        for run in flow:
            for tag in run.tags:
                want.setdefault(encoded(tag), set()).add(run.id)
            assert set(mnt.names(rel(run) + "/.tags")) == {encoded(t) for t in run.tags}
        assert set(mnt.names(flow.id + "/.tags")) == set(want)
        for tag, ids in want.items():
            assert set(mnt.names("%s/.tags/%s" % (flow.id, tag))) == ids
            for run in ids:
                assert os.path.samefile(mnt / flow.id / ".tags" / tag / run, mnt / flow.id / run)


@pytest.mark.parametrize("label", ["card", "card-resumed"])
def test_cards(client, mnt, runs, main_root, label):
    """S46: .cards/ has each card under its stored name, and a link to the newest of its kind."""
    from metaflow.cards import get_cards
    from metaflow.plugins.cards.exception import CardNotPresentException

    cards = main_root / ".metaflow" / "mf.cards"
    seen = 0
    for task in tasks_of(client.Run(runs[label])):
        origin = task.origin_pathspec
        where = origin if origin and "/None" not in origin else rel(task)
        flow, run, step, number = where.split("/")
        files = {p.name: p for p in (cards / flow / "runs" / run / "steps" / step / "tasks" / number
                                     / "cards").glob("*.html")}
        try:
            assert len(get_cards(task)) == len(files)
        except CardNotPresentException:
            assert not files
        names = mnt.names(rel(task) + "/.cards")
        kinds = {re.sub(r"-[0-9a-f]{32}\.html$", ".html", n): n for n in files}
        assert sorted(names) == sorted([*files, *kinds])
        for name, path in files.items():
            assert mnt.read("%s/.cards/%s" % (rel(task), name)) == path.read_bytes()
            seen += 1
        for name, target in kinds.items():
            assert os.readlink(mnt / rel(task) / ".cards" / name) == target
    assert seen == 3


def test_old_cards(client, mounter, old_roots, runs):
    """S46: cards of the layout before June 2022 are found."""
    mount = mounter(old_roots / "old-cards")
    task = client.Run(runs["card"])["middle"].task
    assert len(mount.names(rel(task) + "/.cards")) == 4


def test_namespace(client, mounter, main_root, runs):
    """S47: --namespace shows the runs that carry it as a tag, and the flows that have one."""
    mount = mounter(main_root, args=["--namespace", "user:somebody"])
    assert mount.names() == ["HelloFlow"]
    assert mount.names("HelloFlow") == [runs["hello-other-user"].split("/")[1]]
    assert not (mount / runs["hello"]).exists()
    assert os.readlink(mount / "HelloFlow" / ".latest") == runs["hello-other-user"].split("/")[1]


def test_flow_meta(client, mnt):
    """S30: .meta of a flow has its id, pathspec and time."""
    for flow in client.Metaflow():
        meta = meta_of(mnt, flow.id)
        assert (meta["id"], meta["pathspec"]) == (flow.id, flow.id)
        assert utc_ms(meta["created_at"]) == client_ms(flow.created_at)


def test_code_in_meta(client, mnt, runs):
    """S32: .meta names the code package of a run and a task that has one."""
    for label in ("hello-package", "hello"):
        run = client.Run(runs[label])
        for obj in [run, *tasks_of(run)]:
            code = obj.code
            meta = meta_of(mnt, rel(obj))
            if code is None:
                assert not meta.get("code")
            else:
                assert os.path.basename(code._path) in json.dumps(meta["code"])
