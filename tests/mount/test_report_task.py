"""TASK/.report.html: what it tells of a task, and the previews of artifacts, against Metaflow, pandas and numpy."""

import base64
import csv
import datetime
import io
import json
import re
import threading
import zlib

import make
import numpy
import pandas
import pytest
from browsing import Browser
from paging import read_page

import pictures_flow


@pytest.fixture(scope="module")
def pictures(data_dir, shared_mounter):
    """(mount, "PicturesFlow/run") of a mount of PicturesFlow alone."""
    run = make.make_pictures(data_dir)["pictures"]
    return shared_mounter(data_dir / "pictures" / "root"), run


@pytest.fixture(scope="module")
def start_page(pictures):
    mount, run = pictures
    return read_page(mount, run + "/start/1/.report.html")


@pytest.fixture(scope="module")
def values():
    return pictures_flow.values()


def sections(page):
    """{name of artifact: its section}, each once."""
    found = {}
    for section in page.all("section", "artifact"):
        name = section.one("h3").one("a").text()
        assert name not in found
        found[name] = section
    return found


def links_of(page):
    return [a.attrs["href"] for a in page.all("a")]


def facts(page):
    names, values = ([e.text() for e in page.one("dl", "facts").all(tag)] for tag in ("dt", "dd"))
    assert len(names) == len(set(names)) == len(values)
    return dict(zip(names, values))


def clock(moment):
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def preview(page, name):
    return sections(page)[name].one("div", "preview")


def notes(element):
    return [p.text() for p in element.all("p", "note")]


# --- what it tells of a task ----------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["values", "fail", "fail-resumed", "retry", "card", "card-resumed", "foreach",
                                   "params-given", "named", "killed"])
def test_pages_of_all_tasks(mnt, runs, client, label):
    """S485, S487: each task's page is well-formed, its links lead to files, every visible artifact is named once."""
    for step in client.Run(runs[label]):
        for task in step:
            page = read_page(mnt, task.pathspec + "/.report.html")
            shown = sections(page)
            assert sorted(shown) == sorted(a.id for a in task), task.pathspec
            meta = json.loads(mnt.read(task.pathspec + "/.meta"))["artifacts"]
            for name, section in shown.items():
                recorded = meta[name]["type"]
                assert section.one("h3").one("code").text() == re.sub(r"^<class '(.*)'>$", r"\1", recorded)
                links = [a.attrs["href"].split("/")[0] for a in section.all("a")][1:]
                table = re.fullmatch(r"<class '(numpy\.ndarray|pandas\..*(DataFrame|Series|Index))'>", recorded)
                scalar = re.match(r"<class 'numpy\.(?!ndarray)", recorded)
                assert links == [".json", *[".csv"] * bool(table), *[".npy"] * bool(table or scalar), ".pickle"], name
                assert not section.all("p", "trouble"), name


@pytest.mark.parametrize("label", ["foreach", "retry", "fail", "hello-package", "card-resumed"])
def test_facts(mnt, runs, client, label):
    """S486: state, times, relatives, index, origin, user and versions are the client's."""
    for step in client.Run(runs[label]):
        for task in step:
            page = read_page(mnt, task.pathspec + "/.report.html")
            told, meta = facts(page), json.loads(mnt.read(task.pathspec + "/.meta"))
            assert page.one("h1").one("span", "status").text() == meta["status"]
            assert told["pathspec"] == task.pathspec
            assert told["created"] == clock(task.created_at)
            if task.finished:
                assert told["ended"] == clock(task.finished_at) and told["duration"]
            for name, tasks in (("parents", task.parent_tasks), ("children", task.child_tasks)):
                want = sorted("/".join(t.pathspec.split("/")[2:]) for t in tasks)
                assert sorted(told[name].split(", ")) == (want or ["none"]), name
            assert told.get("index") == (None if task.index is None else str(task.index)) or "." in told["index"]
            resumed = "origin-task-id" in task.metadata_dict
            assert told.get("resumed from") == (task.origin_pathspec if resumed else None)
            assert told.get("foreach") == task.metadata_dict.get("foreach-execution-path")
            assert told["Python"] == task.metadata_dict["python_version"]
            assert told["Metaflow"] == task.metadata_dict["metaflow_version"]
            assert ("user:" + told["user"]) in task.system_tags
            assert ("code" in told) == (task.code is not None)
            assert ("error" in told) == (task.finished and not task.successful)
            table = page.one("table", "metadata").rows()
            want = {k: v if isinstance(v, str) else json.dumps(v) for k, v in task.metadata_dict.items()}
            assert {k: v.replace(" ", "") for k, v in table} == {k: v.replace(" ", "") for k, v in want.items()}


def test_hidden_artifacts_are_folded(mnt, runs, client):
    """S487: artifacts whose names begin with _ are in a folded list with their types and sizes, without previews."""
    task = client.Run(runs["hello"])["start"].task
    page = read_page(mnt, task.pathspec + "/.report.html")
    rows = page.one("table", "hidden").rows()
    meta = mnt.names(task.pathspec + "/.internal")
    assert [r[0] for r in rows] == sorted(meta)
    assert all(re.fullmatch(r"\d+ bytes?|[\d.]+ KiB", r[2]) for r in rows)
    assert [d.one("summary").text() for d in page.all("details") if d.all("table", "hidden")] == [
        "Hidden artifacts (%d)" % len(rows)]


def test_attempts(mnt, runs, client):
    """S485, S486: each attempt has a page of its own; the task's page links to them with their states."""
    task = client.Run(runs["retry"])["flaky"].task
    page = read_page(mnt, task.pathspec + "/.report.html")
    assert facts(page)["attempts"] == "0 failed, 1 failed, 2 done"
    for n in range(3):
        path = "%s/.attempts/%d" % (task.pathspec, n)
        one = read_page(mnt, path + "/.report.html")
        assert one.one("h1").one("span", "status").text() == json.loads(mnt.read(path + "/.meta"))["status"]
        assert sorted(sections(one)) == sorted(mnt.names(path))
        assert one.one("pre", "log").text() == "\n" + mnt.read(path + "/.log").decode()
    assert "metadata" not in facts(page)


def test_exceptions(mnt, runs, client):
    """S495: the page of a failed task has its exception's text, that of a task without one has none."""
    shown = {}
    for task in client.Run(runs["fail"])["work"]:
        page = read_page(mnt, task.pathspec + "/.report.html")
        shown[task.index] = [e.text() for e in page.all("pre", "exception")]
        assert shown[task.index] == ([] if task.exception is None else ["\n" + str(task.exception)])
    assert "item 1 is bad" in shown[1][0] and shown[0] == []


def test_cards(mnt, runs, client):
    """S495: cards are linked by their files."""
    for step in client.Run(runs["card"]):
        path = step.task.pathspec
        page = read_page(mnt, path + "/.report.html")
        cards = sorted(link for link in links_of(page) if link.startswith(".cards/"))
        names = mnt.names(path + "/.cards")
        assert cards == sorted(".cards/" + n for n in names if re.search(r"-[0-9a-f-]{20,}\.html$|-\w+\.html$", n) and
                               n.count("-") == max(m.count("-") for m in names))


def test_the_end_of_the_log(pictures):
    """S495: the last 200 lines of the log, without colours, with links to all of it."""
    mount, run = pictures
    task = run + "/end/" + mount.names(run + "/end")[0]
    page = read_page(mount, task + "/.report.html")
    lines = mount.read(task + "/.log").decode().splitlines()
    assert len(lines) == 500 and "\x1b" in lines[-1]
    want = [re.sub("\x1b\\[\\d*m", "", line) for line in lines[-200:]]
    assert page.one("pre", "log").text().splitlines()[1:] == want
    assert ".log" in links_of(page)


# --- tables ---------------------------------------------------------------------------------------------------


def shown_table(page, name):
    table = preview(page, name).one("table", "data")
    rows = table.rows()
    body = [r for r in rows[2:] if len(r) == len(rows[0])]
    return rows[0], rows[1], body


def same_cell(got, want, value):
    if isinstance(value, tuple):
        return got == json.dumps(list(value))
    return got == want or (want == "" and got in ("nan", "NaN", "NaT", "NA", "None"))


def test_tables(start_page, values):
    """S488: first and last rows of a DataFrame as to_csv() writes them, with shape and dtypes."""
    frame = values["table_mixed"]
    head, dtypes, body = shown_table(start_page, "table_mixed")
    assert head == ["", *frame.columns] and dtypes == ["", *map(str, frame.dtypes)]
    assert notes(preview(start_page, "table_mixed"))[0] == "%d rows × %d columns" % frame.shape
    want = list(csv.reader(io.StringIO(frame.to_csv())))[1:]
    rows = [*range(10), *range(95, 100)]
    assert len(body) == len(rows)
    for got, row in zip(body, rows):
        for i, cell in enumerate(got):
            assert same_cell(cell, want[row][i], frame.iloc[row, i - 1] if i else None), (row, i, cell)
    assert "85 more rows" in preview(start_page, "table_mixed").text()


def test_wide_tables(start_page, values):
    """S488: at most 20 columns are shown, the rest is counted."""
    frame = values["table_wide"]
    head, _, body = shown_table(start_page, "table_wide")
    columns = [*range(15), *range(25, 30)]
    names = ["c%d" % i for i in columns]
    assert head == ["", *names[:15], "…", *names[15:]]
    assert body[3] == ["3", *(str(frame.iloc[3, i]) for i in columns[:15]), "…",
                       *(str(frame.iloc[3, i]) for i in columns[15:])]
    assert "10 columns" in notes(preview(start_page, "table_wide"))[-1]


def test_a_column_that_cannot_be_read(start_page):
    """S488: the cells of a column of unknown type name the type, and the other columns are there."""
    head, _, body = shown_table(start_page, "table_unknown")
    assert head == ["", "before", "bad", "after"]
    assert [r[1] for r in body] == ["1", "2", "3"] and [r[3] for r in body] == ["x", "y", "z"]
    assert all(re.fullmatch(r"UnsupportedType : (__main__\.Celsius|celsius)", r[2]) for r in body)


def test_other_tables(start_page, values):
    """S488: a Series, an Index, a table without rows and one with levels."""
    head, dtypes, body = shown_table(start_page, "a_series")
    assert (head, dtypes) == (["", "s"], ["", "float64"]) and body == [["p", "1.5"], ["q", "2.5"], ["r", "4.0"]]
    assert [r[-1] for r in shown_table(start_page, "an_index")[2]] == ["i", "j"]
    assert shown_table(start_page, "table_empty")[2] == []
    rows = preview(start_page, "table_levels").one("table", "data").rows()
    assert rows[0][-2:] == ["u", "u"] and rows[1] == ["k", "n", "v", "w"]
    assert rows[-2:] == [["p", "1", "1", "2"], ["q", "2", "3", "4"]]


# --- arrays ---------------------------------------------------------------------------------------------------


def numeric_arrays():
    return sorted(n for n, a in pictures_flow.arrays().items() if a.dtype.kind in "iufmM" and a.size and a.ndim)


@pytest.mark.parametrize("name", numeric_arrays())
def test_summaries(start_page, values, name):
    """S489: shape, dtype, min, max, mean and missing values are numpy's, and so is the histogram."""
    array, seen = values[name], preview(start_page, name)
    assert notes(seen)[0] == "array of %s, shape %s" % (array.dtype, array.shape)
    told = dict(s.text().split(" ", 1) for s in seen.one("p", "stats").all("span"))
    time = array.dtype.kind in "mM"
    missing = numpy.isnat(array) if time else numpy.isnan(array)
    if array.dtype.kind in "fmM":
        assert told["NaT" if time else "NaN"] == str(missing.sum())
    if missing.all():
        assert "min" not in told and not seen.all("svg")
        return
    looked = array.ravel()[::2] if array.size > 4 << 20 else array
    there = looked[~numpy.isnan(looked)]
    assert told["min"] == str(there.min()) and told["max"] == str(there.max())
    if not time:
        assert float(told["mean"]) == pytest.approx(float(numpy.nanmean(looked.astype("f8"))), rel=1e-5)
    finite = there.astype("i8" if time else array.dtype).astype("f8")
    finite = finite[numpy.isfinite(finite)]
    counts = [int(r.attrs["data-n"]) for r in seen.all("rect")]
    if finite.min() == finite.max() or not numpy.isfinite(finite.max() - finite.min()):
        assert counts == []
        return
    assert sum(counts) == finite.size
    assert counts == list(numpy.histogram(finite, bins=len(counts))[0])
    assert ("sampled" in seen.text()) == (looked is not array)


def test_other_arrays(start_page, values):
    """S489: arrays that have no numbers to sum up: their shape, and the elements of those with few dimensions."""
    for name in ("complexes", "words", "bools", "empty", "no_dimension"):
        array = values[name]
        assert notes(preview(start_page, name))[0] == "array of %s, shape %s" % (array.dtype, array.shape)
    told = dict(s.text().split(" ") for s in preview(start_page, "bools").one("p", "stats").all("span"))
    assert told == {"True": str(values["bools"].sum()), "False": str((~values["bools"]).sum())}
    assert preview(start_page, "no_dimension").one("pre").text().strip() == "42"
    assert preview(start_page, "words").one("pre").text() == "\n" + ", ".join(values["words"])
    ends = [str(x) for x in values["big_endian"]]
    assert preview(start_page, "big_endian").one("pre").text() == "\n" + ", ".join([*ends[:10], "…", *ends[-5:]])
    assert [r[1:] for r in shown_elements(start_page, "structured")] == [["1", "2.5"], ["3", "4.5"]]
    assert shown_elements(start_page, "fortran")[1][1:16] == [str(x) for x in values["fortran"][1][:15]]


def shown_elements(page, name):
    rows = preview(page, name).one("table", "data").rows()
    return [r for r in rows[1:] if len(r) == len(rows[0])]


# --- images -----------------------------------------------------------------------------------------------------


def test_images(start_page, values):
    """S490: bytes that begin as PNG, JPEG, GIF or WebP are shown as they are; what only looks so a little is not."""
    types = {"png": "png", "png_bytearray": "png", "jpeg": "jpeg", "gif": "gif", "webp": "webp"}
    for name, kind in types.items():
        source = preview(start_page, name).one("img").attrs["src"]
        head, data = source.split(",")
        assert head == "data:image/%s;base64" % kind and base64.b64decode(data) == bytes(values[name])
    for name in ("png_broken", "riff_sound", "svg_bytes", "svg_text", "png_too_large"):
        assert not preview(start_page, name).all("img"), name
    assert "1 MiB" in notes(preview(start_page, "png_too_large"))[0]


@pytest.mark.parametrize("name", ["picture", "picture_fortran"])
def test_arrays_that_are_pictures(start_page, values, name):
    """S490: an array of bytes of the shape of a picture is drawn."""
    png = base64.b64decode(preview(start_page, name).one("img").attrs["src"].split(",")[1])
    chunks, at = {}, 8
    while at < len(png):
        size = int.from_bytes(png[at:at + 4], "big")
        kind, data = png[at + 4:at + 8], png[at + 8:at + 8 + size]
        assert int.from_bytes(png[at + 8 + size:at + 12 + size], "big") == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + size
    array = values[name]
    channels = array.shape[2] if array.ndim == 3 else 1
    size = array.shape[1].to_bytes(4, "big") + array.shape[0].to_bytes(4, "big")
    assert chunks[b"IHDR"] == size + bytes([8, {1: 0, 3: 2}[channels], 0, 0, 0])
    rows = zlib.decompress(chunks[b"IDAT"])
    step = array.shape[1] * channels + 1
    assert rows[::step] == bytes(array.shape[0])
    assert b"".join(rows[i + 1:i + step] for i in range(0, len(rows), step)) == array.tobytes()


# --- texts, bytes, containers, numbers ------------------------------------------------------------------------


def hex_dump(element):
    return bytes.fromhex("".join(line[6:53] for line in element.one("pre", "hex").text()[1:].splitlines()))


def test_texts_and_bytes(start_page, values):
    """S491: a text by its first lines, bytes by their length and in hex, cut where they are long."""
    def text(name):
        return preview(start_page, name).one("pre").text()[1:]

    assert text("many_lines") == "".join("line %d\n" % i for i in range(20))
    assert notes(preview(start_page, "many_lines")) == ["cut: the first 150 of %d bytes" % len(values["many_lines"])]
    assert values["one_line"].startswith(text("one_line")) and len(text("one_line").encode()) in range(4000, 4097)
    assert text("evil_text") == pictures_flow.EVIL and not notes(preview(start_page, "evil_text"))
    assert notes(preview(start_page, "no_bytes")) == ["0 bytes"]
    evil = preview(start_page, "evil_bytes")
    assert notes(evil) == ["%d bytes" % len(values["evil_bytes"])]
    assert hex_dump(evil) == values["evil_bytes"]


def test_containers_and_scalars(mnt, runs, client):
    """S491: numbers, dates and other scalars are their line, containers the beginning of their JSON."""
    run = client.Run(runs["values"])
    for step in ("start", "scalars", "containers", "arrays"):
        task = run[step].task
        page = read_page(mnt, task.pathspec + "/.report.html")
        for name, section in sections(page).items():
            lines, texts = section.all("pre", "line"), section.all("pre", "json")
            for pre in lines:
                natural = mnt.read("%s/%s" % (task.pathspec, name))
                if natural[:1] != b"\x80":  # no pickle
                    assert pre.text()[1:] == natural.decode().rstrip("\n")[:4096], name
            for pre in texts:
                whole = mnt.read("%s/.json/%s.json" % (task.pathspec, name)).decode()
                begin = pre.text()[1:]
                whole = whole.replace("\x7f", "\ufffd")  # HTML has no such character
                short = re.sub(r"\n *", "", re.sub(r",\n *", ", ", whole))
                if len(short.encode()) <= 100:
                    assert begin == short and not notes(section), name
                else:
                    assert whole.startswith(begin), name
                    assert ("cut: the beginning of its JSON" in notes(section)) == (whole != begin), name
            form = section.one("h3").one("code").text()
            if form in ("int", "float", "bool", "NoneType", "datetime.datetime", "decimal.Decimal", "numpy.float32"):
                assert len(lines) == 1, name
            if form in ("list", "dict", "tuple", "set"):
                assert len(texts) == 1, name


def test_types_without_a_form(start_page, mnt, runs, client):
    """S491: what has no form says UnsupportedType and the type."""
    assert preview(start_page, "a_class").one("p", "bad").text() == "UnsupportedType : __main__.Celsius"
    task = client.Run(runs["values"])["scalars"].task
    page = read_page(mnt, task.pathspec + "/.report.html")
    want = json.loads(mnt.read(task.pathspec + "/.json/builtin_function.json"))
    assert preview(page, "builtin_function").one("p", "bad").text() == want


def test_included_files(mnt, runs, client):
    """S491: an included file is shown by its content."""
    task = client.Run(runs["params-given"])["start"].task
    page = read_page(mnt, task.pathspec + "/.report.html")
    want = task["doc"].data.splitlines()[:20]
    assert preview(page, "doc").one("pre").text()[1:].splitlines() == want
    assert hex_dump(preview(page, "blob")) == task["blob"].data[:128]


# --- limits, hostile values, what is missing ----------------------------------------------------------------------


def test_many_images(pictures):
    """S490, S492: a page has 4 MiB of images and is smaller than 8 MiB."""
    mount, run = pictures
    page = read_page(mount, run + "/heavy/2/.report.html")
    shown = [bool(preview(page, "image_%d" % i).all("img")) for i in range(6)]
    assert shown == [True] * 4 + [False] * 2
    assert "4 MiB" in notes(preview(page, "image_4"))[0]
    assert 4 << 20 < len(mount.read(run + "/heavy/2/.report.html")) < 8 << 20


def test_limits(pictures):
    """S492: an artifact over 16 MiB is not read for the page, and the page reads 64 MiB in all."""
    mount, run = pictures
    page = read_page(mount, run + "/heavy/2/.report.html")
    assert notes(preview(page, "too_large")) == ["17.0 MiB. No preview: it is read for this page up to 16 MiB. "
                                                 "Open it by its name."]
    shown = [bool(preview(page, "part_%d" % i).all("pre")) for i in range(6)]
    assert shown[:4] == [True] * 4 and not shown[5]
    assert "64 MiB" in notes(preview(page, "part_5"))[0]
    assert preview(page, "zz_small").one("pre").text()[1:] == "after the budget is used up"


def test_hostile_values(pictures, start_page, values):
    """S493: what would be markup is text wherever it stands: in texts, keys, labels, cells and logs."""
    mount, run = pictures
    evil = pictures_flow.EVIL
    source = mount.read(run + "/start/1/.report.html").decode()
    assert "<script" not in source and "onerror=alert" in source and not re.search(r"<[^>]*\bonerror", source)
    assert json.loads(preview(start_page, "evil_list").one("pre").text()) == values["evil_list"]
    head, _, body = shown_table(start_page, "table_evil")
    assert head == ["", evil, "plain"] and body == [[evil, evil, "1"]]
    assert preview(start_page, "control").one("pre").text()[1] == "a"
    policy = [m.attrs["content"] for m in start_page.all("meta") if "http-equiv" in m.attrs]
    assert policy and policy[0].startswith("default-src 'none'")


def test_a_blob_that_is_missing(mounter, writable_root, runs, client):
    """S494: an artifact that cannot be read says why in its place, and the others are there."""
    root = writable_root("hello")
    for path in (root / ".metaflow" / "HelloFlow").glob("*/*/*/_meta/*.json"):  # not to be found at its origin
        path.write_text(re.sub(r'(?<=[":])/[^":]*/\.metaflow', str(root / ".metaflow"), path.read_text()))
    task = client.Run(runs["hello"])["start"].task
    names = sorted(a.id for a in task)
    gone = next(a for a in task if a.id == "numbers")
    flow = root / ".metaflow" / "HelloFlow"
    (flow / "data" / gone.sha[:2] / gone.sha).unlink()
    record = root / ".metaflow" / task.pathspec / "_meta" / "0_artifact_message.json"
    record.write_text(record.read_text().replace('"content_type": "pickle-v4"', '"content_type": "arrow-v1"'))
    mount = mounter(root, expect_errors=[gone.sha])
    page = read_page(mount, task.pathspec + "/.report.html")
    assert sorted(sections(page)) == names
    trouble = {n: [p.text() for p in s.all("p", "bad")] for n, s in sections(page).items()}
    assert [n for n, t in trouble.items() if t] == ["numbers"]
    assert trouble["numbers"][0].startswith("Cannot be read: ") and gone.sha in trouble["numbers"][0]
    told = preview(page, "message")  # written by another serializer, as its record has it now
    assert "arrow-v1" in notes(told)[0]
    assert hex_dump(told) == mount.read(task.pathspec + "/.pickle/message")


def test_old_layouts(old_roots, shared_mounter, runs):
    """S487: where no types and sizes were recorded the page says so, and previews are those of the values."""
    mount = shared_mounter(old_roots / "no-info")
    page = read_page(mount, runs["old-no-info"] + "/start/1/.report.html")
    assert "name" in sections(page)
    assert preview(page, "name").one("pre").text()[1:] == "HelloFlow"
    assert "size not recorded" in sections(page)["name"].one("p", "links").text()


def test_no_such_task(mnt, runs):
    """S485: a task or attempt that does not exist has no page."""
    for path in (runs["hello"] + "/start/99/.report.html", runs["hello"] + "/start/1/.attempts/5/.report.html"):
        with pytest.raises(FileNotFoundError):
            mnt.read(path)


def test_in_a_browser(tmp_path, pictures, values):
    """S485, S490, S493: Chromium shows the page, with its images, without a request, an error or a dialog, no wider than
    a phone, in light and dark."""
    mount, run = pictures
    browser = Browser(tmp_path / "profile")
    try:
        for width, dark in ((390, True), (1280, False)):
            browser.open("file://%s/%s/start/1/.report.html" % (mount.path, run), width=width, height=844, dark=dark)
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.log == [] and "Page.javascriptDialogOpening" not in browser.events
            assert len([u for u in browser.requests if not u.startswith("data:image/")]) == 1
            assert browser.value("document.scripts.length") == 0
        sizes = browser.value("""Object.fromEntries([...document.querySelectorAll("section.artifact")].map(s =>
            [s.querySelector("h3 a").textContent, s.querySelector("img")]).filter(p => p[1]).map(p =>
            [p[0], [p[1].naturalWidth, p[1].naturalHeight]]))""")
        assert sizes.pop("jpeg") == [0, 0]  # it has a beginning and an end
        assert sizes == {"png": [40, 30], "png_bytearray": [8, 8], "gif": [1, 1], "webp": [1, 1],
                         "picture": [30, 20], "picture_fortran": [24, 16]}
        assert pictures_flow.EVIL in browser.value("document.body.innerText")
    finally:
        browser.close()


def test_pages_of_runs_in_s3(s3_mounter, faults, s3_runs):
    """S487, S492: a page of a run in S3 asks for each artifact that it shows once, for several at a time, and for none
    that is too large."""
    mount = s3_mounter(faults)
    faults.latency = 0.03
    for label, step in (("values", "texts"), ("s3", "start")):
        path = "%s/%s" % (s3_runs[label], step)
        path = "%s/%s" % (path, mount.names(path)[0])
        meta = json.loads(mount.read(path + "/.meta"))["artifacts"]
        pages = []
        blobs = faults.requests_of(lambda: pages.append(read_page(mount, path + "/.report.html"))).of("blob")
        assert sorted(sections(pages[0])) == sorted(meta)
        asked = [r.key.split("/")[-1] for r in blobs]
        large = {a["sha"] for a in meta.values() if a["size"] > 16 << 20}
        assert asked and not large & set(asked) and len(asked) == len(set(asked)), blobs
        assert not pages[0].all("p", "bad")
        if label == "values":
            assert blobs.most_at_once() >= 3, blobs
        else:
            assert {n for n, s in sections(pages[0]).items() if "up to 16 MiB" in s.text()} == {
                n for n, a in meta.items() if a["size"] > 16 << 20} != set()


def test_a_store_that_does_not_answer(s3_mounter, faults, s3_runs):
    """S494: an artifact whose bytes do not come is told in its place after a few seconds, and the others are there."""
    mount = s3_mounter(faults)
    path = "%s/texts" % s3_runs["values"]
    path = "%s/%s" % (path, mount.names(path)[0])
    key = json.loads(mount.read(path + "/.meta"))["artifacts"]["bytes_all"]["sha"]
    free = threading.Event()
    faults.rule = lambda request: {"hold": (10, free)} if key in request.key else None
    try:
        page = read_page(mount, path + "/.report.html")
    finally:
        free.set()
    late = [name for name, section in sections(page).items() if "did not come in time" in section.text()]
    assert late == ["bytes_all"] and not page.all("p", "bad")
