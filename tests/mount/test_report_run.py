"""RUN/.report.html, RUN/.graph.svg and RUN/.timeline.svg: what they say is what the client says."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import make
import pytest
from browsing import Browser
from pages import Page, check_links, drawing, table, titled, words
from test_client_equality import encoded
from test_live import client_at

ALL = ("hello", "hello-tags", "foreach", "branch", "switch", "switch-long", "retry", "fail", "fail-resumed", "fail-end",
       "params-given", "card-resumed", "killed")
FALSE_KEY = "2473d4676d5b2aba674167293142f8031ada401b"  # SHA-1 of the pickle of False
TRUE_KEY = "868436778cb011a1c6230bc12534683ab0b7f1c3"


def report(mount, run):
    return Page(mount.read(run + "/.report.html"))


def utc(when):
    """The client's local time, as the page writes times."""
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def state(task):
    """By the client: done, failed, or neither (local metadata cannot tell whether it still runs)."""
    if task.finished:
        return "done"
    ended = task.metadata_dict.get("attempt_ok") == "False" or task.finished_at
    return "failed" if ended else "unknown"


def steps_of(page):
    return {words(row[0]): row for row in table(page.section("steps"))}


def graph_info(client, run):
    return client.Run(run)["_parameters"].task["_graph_info"].data


@pytest.mark.parametrize("label", ALL)
def test_facts_of_a_run(mnt, client, runs, label):
    """S470, S471, S478: one page of HTML without script; its times, tags, origin, steps and states are the client's,
    and each of its links leads to something in the mount."""
    run = client.Run(runs[label])
    page = report(mnt, runs[label])
    facts = page.facts()
    assert not page.all("script") and "javascript:" not in page.text and "http" not in re.sub(
        r'http-equiv|"http://www.w3.org/2000/svg"', "", page.text)
    status = json.loads(mnt.read(runs[label] + "/.meta"))["status"]
    assert words(page.one("h1")) == "%s %s" % (run.id, status)
    assert page.one("h1").find("span").get("class") == "status " + status
    assert (status == "done") == run.finished
    assert words(facts["Created"]) == utc(run.created_at)
    assert ("Finished" in facts) == (run.finished_at is not None)
    if run.finished_at:
        assert words(facts["Finished"]) == utc(run.finished_at)
    for name, tags in (("Tags", run.user_tags), ("System tags", run.system_tags)):
        shown = [words(e) for e in facts[name].iter("li")] if name in facts else []
        assert sorted(shown) == sorted(tags)
    origin = run.origin_pathspec
    assert (words(facts["Resumed from"]) if "Resumed from" in facts else None) == (
        None if origin is None or origin.endswith("/None") else origin)
    rows = steps_of(page)
    assert set(rows) == {s.id for s in run} | set(graph_info(client, runs[label])["steps"])
    resumed = origin is not None and not origin.endswith("/None")
    assert ("taken from the earlier run" in page.text) == resumed
    if resumed:  # its first tasks begin when they are copied, in any order
        assert [name for name in rows if name in run] == [
            name for name in graph_info(client, runs[label])["steps"] if name in run]
    for step in run:
        states = [state(t) for t in step]
        row = rows[step.id]
        assert int(words(row[1])) == len(states)
        shown = {e.text for e in row[2].iter("span")}
        assert shown == set(states), step
        assert row[3].find("time").get("title") == utc(min(t.created_at for t in step))
    for name in set(rows) - {s.id for s in run}:
        assert [words(cell) for cell in rows[name][1:3]] == ["0", "not started"]
    assert check_links(mnt, runs[label], page) > 6


@pytest.mark.parametrize("label", ALL)
def test_graph_of_a_run(mnt, client, runs, label):
    """S471: the graph has a box for each step with its tasks' states, hollow where none has started, and the lines of
    the flow's graph; it is the same in the page and in its file."""
    info = graph_info(client, runs[label])
    run = client.Run(runs[label])
    root = drawing(mnt.read(runs[label] + "/.graph.svg"))
    assert root.find("title").text == "Steps of run " + runs[label] and root.find("style") is not None
    lines = titled(root, "path", "edge")
    assert set(lines) == {"%s → %s" % (s, to) for s, node in info["steps"].items() for to in node["next"]}
    boxes = {k.split(":")[0]: (k, e[0]) for k, e in titled(root, "g", "step").items()}
    assert set(boxes) == set(info["steps"])
    for name, (title, box) in boxes.items():
        tasks = list(run[name]) if name in {s.id for s in run} else []
        states = [state(t) for t in tasks]
        worst = next((s for s in ("failed", "unknown", "done") if s in states), "none")
        assert box.get("class") == "step " + worst
        if len(states) > 1:
            for word in set(states):
                assert "%d %s" % (states.count(word), word) in title
        role = info["steps"][name]["type"]
        assert ("foreach over" in title) == (role == "split-foreach")
        assert ("switch on" in title) == (role == "split-switch")
        assert ("; join" in title) == (role == "join")
    many = {name for name in boxes if name in {s.id for s in run} and len(list(run[name])) > 1}
    many |= {to for node in info["steps"].values() if node["type"] == "split-foreach" for to in node["next"]}
    assert {n for n, (_, box) in boxes.items() if any(e.get("class") == "card" for e in box.iter("rect"))} == many
    inline = report(mnt, runs[label]).one("svg", "graph")
    assert [e.get("d") for e in inline.iter("path")] == [e.get("d") for e in root.iter("path")]


def test_cases_and_loops(mnt, runs):
    """S471: the lines of a switch have their case; a step that goes back to itself has a line to itself."""
    root = drawing(mnt.read(runs["switch-long"] + "/.graph.svg"))
    labels = {e.text for e in root.iter("text") if e.get("class") == "label"}
    assert labels == {"short", "long", "yes", "no"}
    assert "loop → loop" in titled(root, "path", "edge")
    unused = {k for k, e in titled(root, "path", "edge").items() if "unused" in e[0].get("class")}
    assert unused == {"start → short", "short → end"}


@pytest.mark.parametrize("label", ["retry", "foreach", "fail", "killed"])
def test_timeline_of_a_run(mnt, client, runs, label):
    """S472: each attempt of each task is a bar, as long as it was, in its state's colour; one whose end is not known
    says so. It is the same in the page and in its file."""
    root = drawing(mnt.read(runs[label] + "/.timeline.svg"))
    bars = {}
    for title, found in titled(root, "rect", "bar").items():
        task, attempt = re.match(r"(\w+/\d+)(?:, attempt (\d+))?: ", title).groups()
        bars[task, int(attempt or 0)] = found[0]
    tasks = [t for s in client.Run(runs[label]) for t in s]
    wanted = {}
    for task in tasks:
        name = "%s/%s" % (task.parent.id, task.id)
        numbers = sorted({int(m.value) for m in task.metadata if m.name == "attempt"}) or [0]
        ok = {int(m.value) for m in task.metadata if m.name == "attempt-done"}
        for n in numbers:
            last = n == numbers[-1]
            wanted[name, n] = state(task) if last else "failed"
            assert last or n not in ok or client.Task(task.pathspec, attempt=n).exception is not None
    assert {k: b.get("class").split()[1] for k, b in bars.items()} == wanted
    assert {k for k, b in bars.items() if "open" in b.get("class").split()} == {
        k for k, v in wanted.items() if v == "unknown"}
    ended = [t for t in tasks if t.finished_at]
    if len(ended) > 1:
        def box(task):
            mine = [b for (name, _), b in bars.items() if name == "%s/%s" % (task.parent.id, task.id)]
            return (min(float(b.get("x")) for b in mine),
                    max(float(b.get("x")) + float(b.get("width")) for b in mine))

        begin = min(t.created_at for t in tasks)
        end = max(t.finished_at for t in ended)
        left, right = min(box(t)[0] for t in ended), max(box(t)[1] for t in ended)
        for task in ended:
            x0, x1 = box(task)
            assert x0 == pytest.approx(left + (task.created_at - begin) / (end - begin) * (right - left), abs=3)
            assert x1 == pytest.approx(left + (task.finished_at - begin) / (end - begin) * (right - left), abs=4)
    inline = report(mnt, runs[label]).one("svg", "timeline")
    assert len(list(inline.iter("rect"))) == len(list(root.iter("rect")))


@pytest.mark.parametrize("label", ["fail", "fail-end", "retry"])
def test_failures(mnt, client, runs, label):
    """S473: each failed task is told with the exception that the client gives, and the end of its log."""
    page = report(mnt, runs[label])
    failed = {"%s/%s" % (t.parent.id, t.id): t for s in client.Run(runs[label]) for t in s if state(t) == "failed"}
    section = page.section("failures")
    assert (section is not None) == bool(failed) == ("#failures" in page.links())
    shown = {words(e.find("summary/a")): e for e in section.iter("details")} if failed else {}
    assert set(shown) == set(failed)
    for name, task in failed.items():
        exception, log = shown[name].findall("pre")
        assert words(exception) == str(task.exception).strip()
        lines = mnt.read("%s/.log" % task.pathspec).decode().strip("\n").split("\n")
        kept = log.text.strip("\n").split("\n")
        assert lines[-len(kept):] == kept and len(log.text.encode()) <= 4096
        assert len(kept) >= min(len(lines), 20)


def test_parameters(mnt, client, runs):
    """S470: the parameters are the client's, each by the text of its file; files are linked."""
    for label in ("params", "params-given"):
        page = report(mnt, runs[label])
        info = graph_info(client, runs[label])
        rows = {words(r[0]): r for r in table(page.section("parameters"))}
        assert set(rows) == {p["name"] for p in info["parameters"]} == set(mnt.names(runs[label] + "/.parameters"))
        for name, row in rows.items():
            text = mnt.read("%s/.parameters/%s" % (runs[label], encoded(name))).decode("utf-8", "replace")
            value = row[1].find("code")
            if value is None or text == "":
                assert words(row[1]) in ("the file", "empty")
            else:
                assert value.text == text.rstrip("\n")
            assert row[0].find("a").get("href") == ".parameters/" + name
    assert report(mnt, runs["branch"]).section("parameters") is None


# --- hostile texts ----------------------------------------------------------------------------------------

TAGS = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(2)>", "a&amp;b", "]]>", "\u202eevil", "\x01\x0c"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """(root, run): HostileFlow, with a step and a task whose names are markup, and tags that are."""
    root = tmp_path_factory.mktemp("hostile")
    run = make.run_flow(root, "hostile", expect=1)
    folder = root / ".metaflow" / run
    self_json = folder / "_meta" / "_self.json"
    known = json.loads(self_json.read_text())
    known["tags"] = TAGS + ["\ud800"]
    known["system_tags"] = [t for t in known["system_tags"] if not t.startswith("user:")] + ["user:<u>&me</u>"]
    self_json.write_text(json.dumps(known))
    odd = folder / "<svg onload=alert(3)>&\"'"
    shutil.copytree(folder / "start", odd)
    os.rename(next(p for p in odd.iterdir() if p.name.isdigit()), odd / "<i>7")
    return root, run


@pytest.fixture(scope="module")
def hostile_mount(shared_mounter, hostile):
    return shared_mounter(hostile[0], expect_errors=[".*"])


def test_hostile_text_is_text(hostile_mount, hostile, client, main_root):
    """S474: tags, names, parameters, exceptions and logs stand in the page and the drawings as they are, whatever
    markup, control characters or bytes they have."""
    root, run = hostile
    page = report(hostile_mount, run)
    for name in ("graph", "timeline"):
        drawing(hostile_mount.read("%s/.%s.svg" % (run, name)))
    facts = page.facts()
    shown = {words(e) for e in facts["Tags"].iter("li")}
    assert shown >= set(TAGS[:5]) and "\ufffd\ufffd" in shown
    assert words(facts["User"]) == "<u>&me</u>"
    with client_at(client, root, main_root):
        values = {name: getattr(client.Run(run)["_parameters"].task.data, name) for name in ("text", "odd")}
        exception = str(client.Run(run)["bad"].task.exception)
    rows = {words(r[0]): r[1] for r in table(page.section("parameters"))}
    assert words(rows["text"]) == values["text"]
    assert rows["odd"].find("code").text == re.sub("[\0\x0c\x1b\ufffe]", "\ufffd", values["odd"])
    assert words(rows["long"]).endswith("… all of it") and len(words(rows["long"])) < 500
    details = {words(e.find("summary/a")): e for e in page.section("failures").iter("details")}
    pres = next(e for name, e in details.items() if name.startswith("bad/")).findall("pre")
    assert words(pres[0]) == exception.strip()
    assert "red</pre>" in pres[1].text and "bytes \ufffd\ufffd\ufffd end" in pres[1].text
    assert "<svg onload=alert(3)>&\"'" in steps_of(page)
    assert not page.all("script") and not page.all("i") and not page.all("img")
    assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe]", page.text)
    assert check_links(hostile_mount, run, page) > 6


# --- many tasks -------------------------------------------------------------------------------------------

def write_tasks(folder, count, begin_ms):
    """Puts tasks into the run at `folder` as Metaflow's local metadata has them: a step `work` of `count` tasks, 100 at
    a time, of which each seventh failed. Returns how many did."""
    start = next(p for p in (folder / "start").iterdir() if p.name.isdigit()) / "_meta"
    own = json.loads((start / "_self.json").read_text())
    ok = json.loads((start / "0_artifact__task_ok.json").read_text())
    done = json.loads(next(start.glob("sysmeta_attempt-done_*")).read_text())
    ok_record = json.loads(next(start.glob("sysmeta_attempt_ok_*")).read_text())
    shutil.copytree(folder / "start" / "_meta", folder / "work" / "_meta")
    step = json.loads((folder / "work/_meta/_self.json").read_text())
    (folder / "work/_meta/_self.json").write_text(json.dumps(dict(step, step_name="work", ts_epoch=begin_ms)))
    for n in range(count):
        common = {"step_name": "work", "task_id": str(10 + n)}
        created, ended = begin_ms + n // 100 * 60000, begin_ms + n // 100 * 60000 + 20000 + n * 7919 % 100000
        meta = folder / "work" / str(10 + n) / "_meta"
        os.makedirs(meta)
        failed = n % 7 == 3
        (meta / "_self.json").write_text(json.dumps(dict(own, **common, ts_epoch=created)))
        (meta / "0_artifact__task_ok.json").write_text(
            json.dumps(dict(ok, **common, ts_epoch=ended, sha=FALSE_KEY if failed else TRUE_KEY)))
        (meta / ("sysmeta_attempt-done_%d.json" % ended)).write_text(json.dumps(dict(done, **common, ts_epoch=ended)))
        if failed:
            (meta / ("sysmeta_attempt_ok_%d.json" % ended)).write_text(
                json.dumps(dict(ok_record, **common, ts_epoch=ended, value="False")))
    return len(range(3, count, 7))


@pytest.fixture(scope="module")
def many(main_root, runs):
    """(root, run, failed): a run with 5,000 tasks in one step."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = pathlib.Path(tempfile.mkdtemp(prefix="metaflowfs-report-", dir=place))
    flow, number = runs["hello"].split("/")
    target = root / ".metaflow" / flow
    target.mkdir(parents=True)
    for name in ("_meta", "data", number):
        shutil.copytree(main_root / ".metaflow" / flow / name, target / name)
    failed = write_tasks(target / number, 5000, int(number) // 1000 + 200)
    yield root, runs["hello"], failed
    subprocess.run(["rm", "-rf", root], check=True)


@pytest.fixture(scope="module")
def many_mount(shared_mounter, many):
    return shared_mounter(many[0])


def test_many_tasks(many_mount, many):
    """S473, S475: a run of 5,000 tasks has a page below 5 MB, a timeline of at most 2,000 elements, its steps as
    counts; 20 failed tasks are told in full, the others as links."""
    _, run, failed = many
    data = many_mount.read(run + "/.report.html")
    assert len(data) < 5 << 20
    page = Page(data)
    row = steps_of(page)["work"]
    assert words(row[1]) == "5000" and words(row[2]).split() == [
        str(failed), "failed", str(5000 - failed), "done"]
    assert len(page.all("details")) == 20
    links = {link for link in page.links() if link.startswith("work/") and link.endswith(".report.html")}
    assert len(links) >= failed
    root = drawing(many_mount.read(run + "/.timeline.svg"))
    assert len(list(root.iter())) <= 2000
    assert "work: 5000 tasks, at most " in {e.text[:26] for e in root.iter("title")}


@pytest.mark.bounds
def test_many_tasks_take_seconds(many_mount, many, slow_build):
    """S475: that page is made in 2 s, warm."""
    _, run, _ = many
    many_mount.read(run + "/.report.html")
    took = []
    for _ in range(3):
        begin = time.monotonic()
        many_mount.read(run + "/.report.html")
        took.append(time.monotonic() - begin)
    assert min(took) < 2 * slow_build, took


@pytest.mark.threads
def test_tasks_are_not_waited_for_one_by_one(double, service_mounter, service_runs):
    """S481: where a service is asked for each task, the page does not wait for one before it asks for the next."""
    service, run = double.open(bulk=False, paging=False), service_runs["foreach"]
    mount = service_mounter(service, ttl="60")
    records = r"/steps/work/tasks/\d+/artifacts"
    service.faults({"match": records, "delay": 10, "skip": 1, "times": 1})  # the first one is asked for the step's time
    service.log(clear=True)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        page = pool.submit(report, mount, run)
        make.wait_for(lambda: len(service.log().matching(records)) == 12, "the other tasks' requests", 9)
        assert not page.done()
    assert words(steps_of(page.result())["work"][1]) == "12"


# --- a run that goes on -----------------------------------------------------------------------------------

def test_a_live_run(tmp_path, mounter):
    """S476, S480: while a run goes on its page and drawings follow it: what has not started is hollow, a task at work
    has an open bar, an attempt that failed stands before the next one. Its size is told as enough, whatever it was."""
    root, gates = tmp_path / "live", tmp_path / "gates"
    process, run = make.start_live(root, gates)
    try:
        mount = mounter(root, args=["--ttl", "0"])

        def boxes():
            found = titled(drawing(mount.read(run + "/.graph.svg")), "g", "step")
            return {k.split(":")[0]: e[0].get("class") for k, e in found.items()}

        make.wait_for(lambda: (gates / "start.waiting").exists(), "start", 60)
        small = len(mount.read(run + "/.report.html"))
        assert boxes() == {"start": "step unknown", "work": "step none", "join": "step none", "end": "step none"}
        page = report(mount, run)
        assert "heartbeat" in words(page.one("header")) and words(steps_of(page)["start"][2]) == "unknown"
        assert check_links(mount, run, page) > 3
        (gates / "start").touch()
        make.wait_for(lambda: (gates / "work-1-0.waiting").exists(), "work", 60)
        make.wait_for(lambda: boxes()["start"] == "step done", "start is done", 30)
        (gates / "work-1-0").touch()
        make.wait_for(lambda: (gates / "work-1-1.waiting").exists(), "the second attempt", 60)

        def bars():
            found = titled(drawing(mount.read(run + "/.timeline.svg")), "rect", "bar")
            return sorted(e[0].get("class") for k, e in found.items() if k.startswith("work/") and "attempt" in k)

        make.wait_for(lambda: bars() == ["bar failed", "bar unknown open"], "both attempts", 30)
        told = (mount / run / ".report.html").stat().st_size  # to one who opens it next
        assert told > len(mount.read(run + "/.report.html")) > small
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# --- what cannot be read ----------------------------------------------------------------------------------

def test_what_cannot_be_read_is_told(writable_root, mounter, client, main_root, runs):
    """S477: a graph, parameter, exception or log that cannot be read is told in its place, and the rest is shown; only
    a run that does not exist has no page."""
    root = writable_root("params", "fail")
    store = root / ".metaflow"
    with client_at(client, root, main_root):
        text = client.Run(runs["params"])["_parameters"].task["text"].sha
        graph = client.Run(runs["fail"])["_parameters"].task["_graph_info"].sha
        bad = next(t for t in client.Run(runs["fail"])["work"] if not t.finished)
        exception, where = bad["_exception"].sha, bad.pathspec
    for flow, sha in (("ParamsFlow", text), ("FailFlow", graph), ("FailFlow", exception)):
        blob = store / flow / "data" / sha[:2] / sha
        os.remove(blob)
        blob.write_bytes(b"no blob")
    log = store / where / "0.runtime_stderr.log"
    os.remove(log)
    log.symlink_to("/etc/hostname")  # leads out of the datastore
    mount = mounter(root, expect_errors=[".*"])
    page = report(mount, runs["params"])
    rows = {words(r[0]): words(r[1]) for r in table(page.section("parameters"))}
    assert rows["text"].startswith("cannot be read: ") and rows["count"] == "3"
    page = report(mount, runs["fail"])
    troubles = [words(e) for e in page.all("p", "trouble")]
    assert len(troubles) == 3, troubles
    for said, sha in (("The graph is not known", graph), ("Its exception cannot be read", exception),
                      ("Its log cannot be read", "")):
        assert any(t.startswith(said) and sha in t for t in troubles), (said, troubles)
    root_svg = drawing(mount.read(runs["fail"] + "/.graph.svg"))
    assert [e.text for e in root_svg.iter("text") if e.get("class") == "label"] == [
        "The graph is not known: steps in order of time"]
    assert [e.find("title").text.split(":")[0] for e in root_svg.iter("g")] == ["start", "work"]
    with pytest.raises(FileNotFoundError):
        mount.read("FailFlow/1/.report.html")


# --- from a metadata service ------------------------------------------------------------------------------

@pytest.mark.parametrize("label", ["foreach", "retry", "fail"])
def test_a_run_of_a_service(double, service_mounter, service_runs, label):
    """S475: of a metadata service the page asks no more than a walk of the run does, and nothing again of what it has
    seen."""
    service, run = double.open(), service_runs[label]
    mount = service_mounter(service, settle="900", ttl="30")
    log = service.requests_of(lambda: mount.read(run + "/.report.html"))
    page = report(mount, run)
    assert len(log) <= len(mount.names(run)) + 1 + 8, log
    assert words(page.one("h1").find("span")) == json.loads(mount.read(run + "/.meta"))["status"]
    assert {name for name, row in steps_of(page).items() if words(row[1]) != "0"} == set(mount.names(run))
    log = service.requests_of(lambda: [mount.read("%s/.%s" % (run, name)) for name in ("report.html", "graph.svg")])
    assert len(log) == 0, log


def test_programs_that_believe_the_first_size(mounter, main_root, runs):
    """S480: wc, which looks at several files before it opens the first, counts what they have."""
    mount = mounter(main_root)
    names = [runs[label] + "/" + name for label in ("hello", "foreach") for name in (".report.html", ".graph.svg")]
    told = subprocess.run(["wc", "-c", *names], cwd=mount.path, check=True, capture_output=True, text=True).stdout
    assert [int(line.split()[0]) for line in told.splitlines()[:-1]] == [len(mount.read(name)) for name in names]


# --- in a browser -----------------------------------------------------------------------------------------

def test_in_a_browser(tmp_path, mounter, main_root, runs, hostile_mount, hostile, many_mount, many):
    """S474, S479, S480: Chromium shows the page without a script, a request, an error or a dialog, no wider than a
    phone, light or dark by the reader's scheme, with hostile texts as texts; and all of it when it is the first that
    opens it, although it believes the size from before."""
    browser = Browser(tmp_path / "profile")
    try:
        new = mounter(main_root)
        for name in (".report.html", ".timeline.svg"):
            browser.open("file://%s" % (new / runs["foreach"] / name))
            shown = browser.value("document.getElementsByTagName('rect').length")
            assert shown == new.read(runs["foreach"] + "/" + name).count(b"<rect") > 29
        colours = []
        for mount, run, width, dark in ((many_mount, many[1], 390, False), (hostile_mount, hostile[1], 1280, True),
                                        (hostile_mount, hostile[1], 390, False)):
            browser.open("file://%s" % (mount / run / ".report.html"), width=width, height=844, dark=dark)
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.log == [] and len(browser.requests) == 1
            assert "Page.javascriptDialogOpening" not in browser.events
            assert browser.value("document.scripts.length") == 0
            colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
        assert colours[0] == colours[2] != colours[1]
        text = browser.value("document.body.innerText")
        for shown in TAGS[:4] + ["<script>alert('parameter')</script>", "<script>alert('log')</script>",
                                 "<script>alert('exception')</script>"]:
            assert shown in text, shown
        for name in ("graph", "timeline"):
            browser.open("file://%s" % (hostile_mount / hostile[1] / (".%s.svg" % name)))
            assert browser.log == [] and len(browser.requests) == 1
            assert browser.value("document.documentElement.tagName") == "svg"
    finally:
        browser.close()
