"""Tables and arrays as CSV, .npy and JSON: a run of each version of pandas, compared by that version."""

import errno
import json
import os
import pathlib
import subprocess
import sys

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
    """S400, S401, S402, S403: every artifact with tables or arrays, in each form, is what its own pandas and numpy make
    of it; a column of an unknown type is named and the others are intact."""
    told = oracle(tables_root, tables_runs, label, tables)
    wanted = {"tables1": "1.", "tables2": "2."}.get(label, "3.")
    assert told["pandas"].startswith(wanted)
    assert not told["problems"], "\n".join(told["problems"])
    assert len(told["compared"]) > 100
    assert ("arrow.csv" in told["compared"]) == (label == "tables3-arrow")
