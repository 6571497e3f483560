"""Tables and arrays as CSV, .npy and JSON: a run of each version of pandas, compared by that version."""

import errno
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import make
import mounting
import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def tables(shared_mounter, tables_root):
    return shared_mounter(tables_root)


def start_of(runs, label):
    return runs[label] + "/start/1"


def oracle(root, runs, label, mount):
    env = dict(os.environ, PYTHONPATH=make.tables_path(label), PYTHONWARNINGS="ignore")
    done = subprocess.run([sys.executable, str(HERE / "tables_oracle.py"), str(root), start_of(runs, label),
                           str(mount.path / start_of(runs, label))], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("label", sorted(make.TABLES))
def test_forms_are_what_pandas_says(tables, tables_root, tables_runs, label):
    """S400, S402, S403, S404: every artifact with tables or arrays, in each form, is what its own pandas and numpy make
    of it; a column of an unknown type is named and the others are intact."""
    told = oracle(tables_root, tables_runs, label, tables)
    wanted = {"tables1": "1.", "tables2": "2."}.get(label, "3.")
    assert told["pandas"].startswith(wanted)
    assert not told["problems"], "\n".join(told["problems"])
    assert len(told["compared"]) > 100
    assert ("arrow.csv" in told["compared"]) == (label == "tables3-arrow")
    for form, names in told["names"].items():
        listed = tables.names(start_of(tables_runs, label) + "/." + form)
        assert sorted(listed) == sorted("%s.%s" % (name, form) for name in names)


def test_values_without_such_a_form(tables, tables_runs):
    """S404: a value that has no such form fails its open with ENOTSUP, and the cause is told; a name that is no table or
    array is not there."""
    task = start_of(tables_runs, "tables3")
    for name, cause in (("array_3d", "3 dimensions"), ("array_0d", "0 dimensions")):
        with pytest.raises(OSError) as error:
            tables.read("%s/.csv/%s.csv" % (task, name))
        assert error.value.errno == errno.ENOTSUP
        lines = [line for line in tables.errors().splitlines() if "/.csv/%s.csv" % name in line]
        assert lines and cause in lines[-1], lines
    for name in (".csv/not_a_table.csv", ".npy/not_a_table.npy", ".csv/scalar_float32.csv"):
        assert not (tables / task / name).exists(), name
    assert json.loads(tables.read(task + "/.json/not_a_table.json")) == [1, 2, 3]


def test_duckdb_reads_the_csv(tables, tables_runs):
    """S401: DuckDB reads a CSV as the table that the JSON has."""
    import duckdb

    task = tables / start_of(tables_runs, "tables3")
    for name in ("long", "named_index", "same_names"):
        table = json.loads((task / ".json" / (name + ".json")).read_text())
        rows = duckdb.sql("SELECT * FROM read_csv('%s', header = true)" % (task / ".csv" / (name + ".csv"))).fetchall()
        want = [(index, *row) for index, row in zip(table["index"], table["data"])]
        assert [tuple(row) for row in rows] == want, name


def test_r_reads_the_csv(tables, tables_runs):
    """S401: R reads a CSV as the table that the JSON has."""
    task = tables / start_of(tables_runs, "tables3")
    table = json.loads((task / ".json" / "long.json").read_text())
    script = "d <- read.csv('%s', row.names = 1); for (c in names(d)) cat(c, class(d[[c]]), " \
             "paste(format(d[[c]], digits = 17, trim = TRUE), collapse = ' '), '\\n')" % (task / ".csv" / "long.csv")
    told = subprocess.run(["Rscript", "--vanilla", "-e", script], check=True, capture_output=True, text=True).stdout
    for line, name, kind, column in zip(told.splitlines(), table["columns"], ("integer", "numeric", "character"),
                                        zip(*table["data"])):
        words = line.split()
        assert words[:2] == [name, kind]
        assert [type(want)(got) for got, want in zip(words[2:], column)] == list(column)


def test_a_second_open_costs_nothing(mounter, tables_root, tables_runs):
    """S405: a form is rendered once; later opens read what was staged, and the size is exact."""
    mount = mounter(tables_root)
    path = start_of(tables_runs, "tables3") + "/.csv/long.csv"
    first = mount.read(path)
    made = mount.stat("metaflowfs_staging_produced_total")
    assert mount.read(path) == first and os.stat(mount / path).st_size == len(first)
    assert mount.stat("metaflowfs_staging_produced_total") == made


def test_an_interrupted_open_stops_it(mounter, tables_root, tables_runs):
    """S406: rendering ends when nobody waits for it any more."""
    mount = mounter(tables_root)
    for form in ("csv", "npy", "json"):
        before = mount.stat("metaflowfs_staging_cancelled_total")
        reader = subprocess.Popen(["cat", "%s/%s/.%s/huge.%s" % (mount.path, start_of(tables_runs, "tables3"), form, form)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        make.wait_for(lambda: mount.stat("metaflowfs_staging_file_bytes") > 100_000 or reader.poll() is not None, "the first bytes")
        assert reader.poll() is None
        reader.send_signal(signal.SIGINT)
        assert reader.wait(20) == -signal.SIGINT
        make.wait_for(lambda: mount.stat("metaflowfs_staging_cancelled_total") > before, "the end of the rendering", 20)


@pytest.mark.parametrize("form, first", [("csv", b",0"), ("json", b"["), ("npy", b"\x93NUMPY\x01")])
def test_cat_writes_while_it_renders(tables_root, tables_runs, tmp_path, form, first):
    """S407: `metaflowfs cat` of a form writes it as it is rendered, and stages nothing but the artifact."""
    (tmp_path / "temp").mkdir()
    path = "%s/.%s/huge.%s" % (start_of(tables_runs, "tables3"), form, form)
    cat = subprocess.Popen([mounting.binary(), "cat", "--datastore-root", str(tables_root), path], stdout=subprocess.PIPE,
                           env=mounting.daemon_env(tables_root, tmp_path), cwd=tmp_path)
    got = cat.stdout.read(4 << 20)
    assert got.startswith(first) and len(got) == 4 << 20
    sizes = []
    for link in pathlib.Path("/proc/%d/fd" % cat.pid).iterdir():
        if str(tmp_path / "temp") in os.readlink(link):
            sizes.append(os.stat(link).st_size)
    cat.stdout.close()
    cat.wait(30)
    assert sum(sizes) < 65536, sizes


@pytest.mark.bounds
def test_rendering_takes_little_memory(mounter, main_root, runs):
    """S405: the memory for the forms of a 64 MiB array does not grow with it."""
    mount = mounter(main_root)
    idle = mount.rss_anon()
    for form in ("csv", "npy", "json"):
        path = "%s/%s/start/1/.%s/array.%s" % (mount.path, runs["big"], form, form)
        reader = subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL)
        most = 0
        while reader.poll() is None:
            most = max(most, mount.rss_anon())
            time.sleep(0.01)
        assert reader.returncode == 0 and most < idle + (16 << 20), (form, most)


@pytest.mark.bounds
def test_containers_give_their_memory_back(mounter, tmp_path):
    """S483: many large containers at once do not take the memory of all of them, and what they took is given back."""
    run = make.run_flow(tmp_path / "data", "dicts")
    mount = mounter(tmp_path / "data")
    task = mount / run / "start" / "1"
    paths = sorted(task.glob("dict_*"))
    assert len(paths) == 8
    idle = mount.rss_anon()
    readers = [subprocess.Popen(["cat", path], stdout=subprocess.DEVNULL) for path in paths]
    assert [reader.wait(120) for reader in readers] == [0] * 8
    make.wait_for(lambda: mount.rss_anon() < idle + (16 << 20), "its memory back", 20)
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path("/proc/%d/status" % mount.pid).read_text()).group(1)) << 10
    assert peak < 448 << 20, peak


def test_forms_through_s3(s3_mounter, s3, s3_runs, mounter, main_root, runs):
    """S400, S402, S403: forms of artifacts in S3 are those of the same artifacts in a local datastore."""
    far, near = s3_mounter(s3), mounter(main_root)
    for name in (".csv/frame.csv", ".npy/frame.npy", ".json/frame.json", ".npy/array_2d.npy", ".csv/series.csv"):
        got = far.read("%s/arrays/5/%s" % (s3_runs["values"], name))
        assert got and got == near.read("%s/arrays/5/%s" % (runs["values"], name)), name
