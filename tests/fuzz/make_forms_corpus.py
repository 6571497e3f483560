"""Writes the seeds of fuzz_forms: small pickles of tables and arrays whose cells and elements are written in different
ways. Run with a Python that has pandas: make_forms_corpus.py [FOLDER]"""
import collections
import datetime
import decimal
import hashlib
import pathlib
import pickle
import sys

import numpy as np
import pandas as pd


def objects(*values):
    made = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        made[i] = value
    return pd.Series(made)


SEEDS = [
    objects([1, {"a": (2.5, None)}], {1}, frozenset(), collections.Counter("ab"), collections.deque([1], 3)),
    objects(datetime.datetime(2024, 1, 2), [datetime.date(2024, 1, 2), datetime.timedelta(1)], decimal.Decimal("1.1")),
    objects(np.arange(3) / 7, [np.arange(12, dtype="f4").reshape(3, 4)], np.array(["a"]), np.float32(1), pd.NaT, pd.NA),
    objects(pd.Timestamp("2024-01-02", tz="UTC"), [pd.Timestamp("2024-01-02"), pd.Timedelta("1D")], np.array(True)),
    pd.DataFrame({"a": [1.5, None], "b": ["x,y", 'q"']}, index=pd.MultiIndex.from_tuples([(1, "p"), (2, None)])),
    pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", None)], names=["n", None])),
    pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a.1"]), pd.Index([1, 2], name="i"), pd.RangeIndex(10**6),
    pd.Series(pd.array([1, None], dtype="Int64")), pd.Series(["a", None]), pd.Series([pd.DataFrame({"x": [1]})]),
    np.array(["a", None, [1]], dtype=object), np.zeros(2, dtype=[("a", [("b", "i1"), ("c", ">f4", (2,))]), ("é", "M8[ns]")]),
    np.zeros(1, dtype={"names": ["x", "y"], "formats": ["i4", "i2"], "offsets": [2, 0]}), np.float32(0.1),
    np.array([(1, "x")], dtype=[("n", "i4"), ("o", "O")]), np.ma.masked_array([1, 2], mask=[0, 1]),
    np.array([["a", "b"]], dtype=np.dtypes.StringDType()), np.array(5, ">i4"), np.zeros((0, 2)),
]

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus" / "fuzz_forms")
folder.mkdir(parents=True, exist_ok=True)
for seed in SEEDS:
    data = pickle.dumps(seed, 4)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
