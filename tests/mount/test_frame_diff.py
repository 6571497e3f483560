"""Tables (client/frame.h) against pandas and numpy themselves: pickles made by each version that is installed, read
by tests/tools/frame_dump.c and compared with what that version says of them; and hostile ones."""

import base64
import functools
import json
import os
import pathlib
import random
import struct
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas._libs import internals
from pandas.core.indexes import base
from pandas.core.internals import managers

import frame_oracle
from mounting import build_dir

HERE = pathlib.Path(__file__).parent
NAT = -(2**63)
# Folders of .venv-test for PYTHONPATH; "" is the newest pandas without Arrow.
VERSIONS = ["lib-pandas1", "lib-pandas2", "", "lib-arrow"]


def dump_lines(datas):
    """What tests/tools/frame_dump.c tells of each pickled table: a line of JSON."""
    message = b"".join(struct.pack("<I", len(d)) + d for d in datas)
    done = subprocess.run([build_dir() / "tests/frame_dump"], input=message, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    lines = done.stdout.splitlines()
    assert len(lines) == len(datas)
    return lines


def dump(datas):
    return [json.loads(line) for line in dump_lines(datas)]


@functools.cache
def oracle(version):
    """[(name, pickle, what pandas says)]"""
    folder = HERE.parent.parent / ".venv-test" / version
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if version:
        assert folder.is_dir(), "scripts/install-deps makes %s" % folder
        env["PYTHONPATH"] = str(folder)
    done = subprocess.run([sys.executable, HERE / "frame_oracle.py"], env=env, capture_output=True, timeout=300, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["name"], base64.b64decode(data), row["want"]) for row in rows for data in row["pickles"]]


def csv_texts(dates):
    """What to_csv() of this pandas writes of a column's dates or spans; None where it has nothing to write."""
    unit = dates["unit"]
    column = np.array(dates["values"], "i8").view(unit if unit.endswith("]") else unit + "[ns]")
    with_unit = pd.Series(column if unit.endswith("]") else column.astype(unit))
    lines = with_unit.to_csv(index=False, header=False).split("\n")[:-1]
    texts = [None if line in ("", '""') else line for line in lines]
    return [texts[c] if c >= 0 else None for c in dates["codes"]] if "codes" in dates else texts


def same_cells(dtype, want, got):
    if dtype not in ("float16", "float32", "complex64"):
        return got == want
    number = np.dtype(dtype).type  # numpy 1 and 2 write large ones with and without an exponent
    return len(got) == len(want) and all(
        w == g or (w[0] == g[0] == "element" and number(complex(w[1]) if dtype[0] == "c" else w[1]) ==
                   number(complex(g[1]) if dtype[0] == "c" else g[1])) for w, g in zip(want, got))


def check_column(where, want, got):
    for style in ("json", "csv"):
        if "extension" in want:
            cells = got[style]
            assert len(cells) == want["len"], where
            if "says more in 0.23" in where:
                assert cells[0][0] == "unsupported", where
            elif want["text"] and style == "json":
                assert [c[1] for c in cells] == want["text"], where
            continue
        cells = want.get("floats", want["cells"]) if style == "csv" else want["cells"]
        if style == "csv" and want["csv"]:
            cells = [["na", None] if t is None else ["text", t] for t in csv_texts(want["csv"])]
        assert same_cells(want["dtype"], cells, got[style]), "%s, %s: %s, not %s" % (where, style, got[style], cells)
        assert want["dtype"] in (None, got["dtype"]), where
        assert want["npy"] == got["npy"] or want["dtype"] is None, where


def check(name, want, got):
    assert "error" not in got, (name, got)
    for key in ("kind", "rows", "plain", "name", "index_names", "label_names"):
        assert got[key] == want[key], (name, key)
    for key in ("columns", "index", "labels"):
        assert len(got[key]) == len(want[key]), (name, key)
        for i, (w, g) in enumerate(zip(want[key], got[key])):
            check_column("%s: %s %d" % (name, key, i), w, g)


@pytest.mark.parametrize("version", VERSIONS)
def test_as_pandas_has_them(version):
    """S360, S361, S362, S363: DataFrames, Series, indexes and arrays of each version."""
    cases = oracle(version)
    assert len(cases) > 300
    for (name, _, want), got in zip(cases, dump([data for _, data, _ in cases])):
        check(name, want, got)


OLD = json.loads((HERE / "frame_old.json").read_text())


@pytest.mark.parametrize("version", OLD)
def test_as_earlier_pandas_had_them(version):
    """S360, S361: pickles of versions that nobody installs any more (make_frame_old.py)."""
    for (name, _, want), got in zip(OLD[version], dump([base64.b64decode(data) for _, data, _ in OLD[version]])):
        check(name, want, got)


# --- Tables that do not fit together ---


def made(*blocks, axes=None):
    """A DataFrame of such blocks, (array, places), whether they fit or not."""
    axes = axes if axes is not None else [pd.RangeIndex(3), pd.RangeIndex(2)]
    blocks = tuple(frame_oracle.Made(internals._unpickle_block, array, places, 2) for array, places in blocks)
    manager = frame_oracle.Made(managers.BlockManager, blocks, axes)
    return frame_oracle.New(pd.DataFrame, {"_mgr": manager, "_typ": "dataframe", "_metadata": []})


def pickled(value):
    return frame_oracle.dumps(frame_oracle.Older(None, value), 4)


def index_of(cls, **state):
    return frame_oracle.Made(base._new_Index, cls, state)


ONES, TENS = np.ones((1, 2)), np.arange(10, 14, dtype="i4").reshape(2, 2)
LEVELS = dict(sortorder=None, names=[None])


@pytest.mark.parametrize("value, kind", [
    (made((ONES, slice(0, 1)), (TENS, slice(0, 2))), "corrupt"),
    (made((ONES, slice(3, 4))), "corrupt"),
    (made((ONES, slice(-1, 0))), "corrupt"),
    (made((TENS, np.array([0, 7]))), "corrupt"),
    (made((TENS, np.array([0.5, 1]))), "corrupt"),
    (made((TENS, "places")), "corrupt"),
    (made((TENS, slice(0, 2, 0))), "corrupt"),
    (made((ONES, slice(0, 2**62))), "corrupt"),
    (made(axes=[]), "corrupt"),
    (made(axes=[pd.RangeIndex(3), 5]), "corrupt"),
    (made(axes=[5, pd.RangeIndex(2)]), None),
    (made(axes=[pd.RangeIndex(2**60), pd.RangeIndex(2)]), "limit"),
    (made(axes=[index_of(pd.RangeIndex, start=-2**63, stop=2**63 - 1, step=1, name=None), pd.RangeIndex(2)]), None),
    (made(axes=[index_of(pd.RangeIndex, start=0, stop=9, step=0, name=None), pd.RangeIndex(2)]), None),
    (frame_oracle.New(pd.DataFrame, {"_typ": "dataframe"}), "no-form"),
    (frame_oracle.New(pd.DataFrame, {"_mgr": 1}), "no-form"),
    (frame_oracle.New(pd.DataFrame, {"_mgr": frame_oracle.New(managers.BlockManager, ([], [], []))}), "no-form"),
    (frame_oracle.New(pd.Series, {"_mgr": pd.DataFrame([[1]])._mgr}), "corrupt"),
    (frame_oracle.New(pd.DataFrame, {"_mgr": pd.Series([1])._mgr}), "corrupt"),
    (index_of(pd.MultiIndex, levels=[pd.RangeIndex(2)], codes=[], **LEVELS), "corrupt"),
    (index_of(pd.MultiIndex, levels=[], codes=[], **LEVELS), "corrupt"),
    (index_of(pd.Index, name=None), "corrupt"),
    (index_of(pd.Index, data=5, name=None), "corrupt"),
    (np.zeros((2, 2, 2)), "no-form"), (np.array(5), "no-form"), (5, "no-form"), ("text", "no-form"), ([1], "no-form"),
    (np.zeros((1, 2**20 + 1), "?"), "limit"),
])
def test_what_does_not_fit(value, kind):
    """S364: blocks and axes that contradict each other are an error that says what is wrong."""
    got = dump([pickled(value)])[0]
    assert got.get("error") == kind, got
    assert kind is None or len(got["cause"]) > 20


def kinds(column):
    return [cell[0] for cell in column["json"]]


def test_one_bad_column_hides_no_other():
    """S364: what cannot be read of a table is named in its own cells."""
    tall = np.zeros((1, 3), "i2")
    got = dump([pickled(made((ONES, slice(1, 2)), (tall, slice(0, 1))))])[0]
    assert [kinds(c) for c in got["columns"]] == [["unsupported"] * 2, ["element"] * 2, ["unsupported"] * 2]
    assert [c["dtype"] for c in got["columns"]] == ["int16", "float64", "missing"]
    got = dump([pickled(made((TENS, slice(0, 3)), axes=[pd.RangeIndex(3), pd.Index([5, 6])]))])[0]
    assert [kinds(c) for c in got["columns"]] == [["unsupported"] * 2] * 3
    assert got["index"][0]["json"] == [["element", "5"], ["element", "6"]]
    got = dump([pickled(made((TENS, slice(1, 2)), (ONES, slice(0, 1))))])[0]
    assert [kinds(c) for c in got["columns"]] == [["element"] * 2, ["unsupported"] * 2, ["unsupported"] * 2]
    got = dump([pickled(made((ONES, slice(1, 2)), (Plain(), slice(0, 1)), (Plain(), slice(2, 3))))])[0]
    assert got["columns"][0]["json"] == [["unsupported", __name__ + ".Plain"]] * 2
    assert kinds(got["columns"][1]) == ["element"] * 2
    # Axes that are none have what the blocks tell of them.
    got = dump([pickled(made((ONES, slice(0, 1)), axes=[Plain(), Plain()]))])[0]
    assert (got["rows"], kinds(got["columns"][0]), kinds(got["index"][0])) == (2, ["element"] * 2, ["unsupported"] * 2)
    assert got["labels"][0]["json"] == [["unsupported", __name__ + ".Plain"]]


class Plain:
    pass


def test_codes_that_name_no_value():
    """S364: a level of an index whose codes are wrong."""
    numbers = pd.Index([7, 8])
    codes = np.array([0, 1, 2, -1, -2, 1], "i1")
    got = dump([pickled(index_of(pd.MultiIndex, levels=[numbers, numbers], codes=[codes, codes[:2]], **LEVELS))])[0]
    assert got["columns"][0]["json"] == [["element", "7"], ["element", "8"], ["unsupported", "int64"], ["na", None],
                                         ["na", None], ["element", "8"]]
    assert got["columns"][0]["npy"] is None
    assert kinds(got["columns"][1]) == ["unsupported"] * 6


def nested(depth):
    index = pd.Index([1, 2])
    for _ in range(depth):
        index = index_of(pd.Index, data=index, name=None)
    return index


def test_what_is_within_itself():
    """S364: indexes in indexes, and one that is its own data, end."""
    short, long = dump([pickled(nested(2)), pickled(nested(40))])
    assert short["columns"][0]["json"] == [["element", "1"], ["element", "2"]]
    assert long["error"] == "corrupt"
    head = b"\x80\x04cpandas.core.indexes.base\n_new_Index\n(cpandas\nIndex\n}\x94tR\x94"
    for key in (b"data", b"left"):
        itself = head + b"h\x00X\x04\x00\x00\x00" + key + b"h\x01s0h\x01."
        assert dump([itself])[0]["error"] == "corrupt"


@pytest.mark.parametrize("version", VERSIONS[:3])
def test_flipped_bytes(version):
    """S364: any bytes."""
    r = random.Random(version)
    datas = []
    for _, data, _ in oracle(version):
        for _ in range(2 if len(data) < 4000 else 0):
            bad = bytearray(data)
            for _ in range(r.choice([1, 1, 1, 3])):
                bad[r.randrange(len(bad))] = r.randrange(256)
            datas.append(bytes(bad))
    for got in dump(datas):
        assert "error" not in got or got["error"] in ("corrupt", "limit", "no-form", "interrupted"), got
