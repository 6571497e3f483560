"""Tables (client/frame.h) against pandas and numpy themselves: pickles made by each version that is installed, read
by tests/tools/frame_dump.c and compared with what that version says of them; and hostile ones."""

import base64
import json
import os
import pathlib
import pickle
import random
import struct
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mounting import build_dir

HERE = pathlib.Path(__file__).parent
NAT = -(2**63)
# Folders of .venv-test for PYTHONPATH; "" is the newest pandas without Arrow.
VERSIONS = ["lib-pandas1", "lib-pandas2", "", "lib-arrow"]


def dump(datas):
    message = b"".join(struct.pack("<I", len(d)) + d for d in datas)
    done = subprocess.run([build_dir() / "tests/frame_dump"], input=message, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    lines = done.stdout.splitlines()
    assert len(lines) == len(datas)
    return [json.loads(line) for line in lines]


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
            if want["text"] and cells[0][0] != "unsupported":
                assert [c[1] for c in cells] == want["text"], where
            continue
        cells = want["cells"]
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
