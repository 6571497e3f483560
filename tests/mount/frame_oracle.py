"""Pickles of tables, made by the pandas and numpy that this Python finds, and what these say of them: a JSON object a
line. Run by test_frame_diff.py, once for each version; nothing of metaflowfs is used here."""

import base64
import datetime
import decimal
import io
import json
import math
import pickle
import random
import sys
import warnings

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
MAJOR = int(pd.__version__.split(".")[0])
NAT = -(2**63)


class Frame(pd.DataFrame):
    """A class of another library that keeps a DataFrame's state, as GeoDataFrame does."""

    _metadata = ["more"]
    more = "of its own"


class Column(pd.Series):
    pass


class Made:
    """Pickles as the call of a function."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


class New:
    """Pickles as an object of a class with a state, whatever its class does today."""

    def __init__(self, cls, state):
        self.cls, self.state = cls, state


class Pickler(pickle._Pickler):
    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, New):
            return super().save(obj, save_persistent_id)
        if id(obj) in self.memo:
            return self.write(self.get(self.memo[id(obj)][0]))
        self.save(obj.cls)
        self.save(())
        self.write(pickle.NEWOBJ)
        self.memoize(obj)
        self.save(obj.state)
        self.write(pickle.BUILD)


class Older:
    """A table with what an earlier pandas wrote of it."""

    def __init__(self, table, made):
        self.table, self.made = table, made


def dumps(value, protocol):
    if not isinstance(value, Older):
        return pickle.dumps(value, protocol)
    out = io.BytesIO()
    Pickler(out, protocol).dump(value.made)
    return out.getvalue()


def block_manager_of_1_2(table):
    """As pandas 0.14.1 to 1.2 have it: states instead of calls, plain arrays of dates in blocks, `_data`."""
    from pandas.core.internals.managers import BlockManager

    blocks = [{"values": b.values if not hasattr(b.values, "_ndarray") or b.values.dtype.kind not in "Mm" or
               not isinstance(b.values.dtype, np.dtype) else b.values._ndarray, "mgr_locs": b.mgr_locs.indexer}
              for b in table._mgr.blocks]
    axes = list(table._mgr.axes)
    state = (axes, [b["values"] for b in blocks], [axes[0][b["mgr_locs"]] for b in blocks],
             {"0.14.1": {"axes": axes, "blocks": blocks}})
    made = New(pd.DataFrame, {"_data": New(BlockManager, state), "_typ": "dataframe", "_metadata": []})
    assert pickle.loads(dumps(Older(table, made), 4)).equals(table)
    return Older(table, made)


def dates_of_1_2(series):
    """Arrays of dates as objects with a dict."""
    from pandas.core.internals.managers import SingleBlockManager

    array = series._values
    values = New(type(array), {"_data": array._ndarray, "_dtype": array.dtype, "_freq": None})
    blocks = [{"values": values, "mgr_locs": slice(0, len(series), 1)}]
    axes = [series.index]
    state = (axes, [values], axes, {"0.14.1": {"axes": axes, "blocks": blocks}})
    return Older(series, New(pd.Series, {"_data": New(SingleBlockManager, state), "_typ": "series",
                                         "_metadata": ["name"], "name": series.name}))


def older():
    from pandas.core.indexes import base, datetimes

    yield "blocks of 1.2", block_manager_of_1_2(pd.DataFrame({0: [1, 2], 1: [0.5, 1.5], 2: [3, 4], 3: [None, "x"]}))
    yield "blocks of dates of 1.2", block_manager_of_1_2(pd.DataFrame(
        {0: dates("2020-01-01", "2020-01-02T03"), 1: dates("2020-01-01", "NaT"), 2: [1, 2]}))
    yield "no blocks of 1.2", block_manager_of_1_2(pd.DataFrame(index=pd.RangeIndex(3), columns=labels()))
    yield "dates of 1.2", dates_of_1_2(pd.Series(dates("2020-01-01", "2020-01-02T03")))
    yield "spans of 1.2", dates_of_1_2(pd.Series(np.array([1, 10**9], "m8[ns]"), name="s"))
    index = pd.MultiIndex.from_arrays([[1, 2], labels("a", None)], names=["x", None])
    yield "levels of 0.23", Older(index, Made(base._new_Index, pd.MultiIndex, {
        "levels": list(index.levels), "labels": list(index.codes), "names": list(index.names), "sortorder": None}))
    index = pd.DatetimeIndex(dates("2020-01-01", "2020-01-02T03"), name="d")
    yield "dates in an Index of 0.25", Older(index, Made(datetimes._new_DatetimeIndex, pd.DatetimeIndex, {
        "data": index._values._ndarray, "freq": None, "tz": None, "name": "d"}))
    for cls, more in ((pd.DatetimeIndex, {"tz": datetime.timezone.utc}), (pd.PeriodIndex, {"freq": "D"})):
        data = index._values._ndarray if more.get("tz") else index._values._ndarray.view("i8")
        yield "an Index that says more in 0.23: " + cls.__name__, Older(index.tz_localize("UTC"), Made(
            datetimes._new_DatetimeIndex, cls, dict(more, data=data, name="d")))
    with pd.option_context("mode.data_manager", "array"):
        yield "a manager of arrays", pd.DataFrame([[1, 1.5, "x"], [2, 2.5, None]], columns=labels(*"abc")).astype({"b": "f4"})
        yield "a single array", pd.Series([1, 2], name="a", index=[5, 6])
        yield "no arrays", pd.DataFrame(index=[1])


def json_of(v):
    """A Python value by the JSON rules."""
    if isinstance(v, np.generic):
        v = v.item()
    if isinstance(v, float) and not math.isfinite(v):
        return {"__float__": "NaN" if math.isnan(v) else "Infinity" if v > 0 else "-Infinity"}
    if isinstance(v, (list, tuple)):
        return [json_of(x) for x in v]
    if isinstance(v, dict):
        return {k: json_of(x) for k, x in v.items()}
    if isinstance(v, bytes):
        return {"__bytes__": base64.b64encode(v).decode()}
    if isinstance(v, (datetime.date, datetime.time)):
        return v.isoformat()
    return str(v) if isinstance(v, decimal.Decimal) else v


def raw_dates(array, mask):
    """What a column's dates are made of: the caller's pandas writes them as CSV."""
    if mask is not None:
        array = np.where(mask, np.array(NAT, "i8").view(array.dtype.newbyteorder("=")), array)
    return {"unit": array.dtype.newbyteorder("=").str.replace("<", ""), "values": array.astype("i8").tolist()}


def numpy_column(a, mask=None):
    a = np.asarray(a)
    kind = a.dtype.kind
    column = {"dtype": str(a.dtype), "npy": None, "csv": None}
    if kind == "O":
        cells = [["value", json_of(v)] for v in a]
    else:
        cells = [["element", str(v)] for v in a]
        column["npy"] = ("" if a.dtype.isnative else ">") + a.dtype.kind + str(a.dtype.itemsize)
        if kind in "Mm":
            column["csv"] = raw_dates(a, mask)
    if mask is not None and any(mask):
        cells = [["na", None] if m else c for c, m in zip(cells, mask)]
        column["npy"] = None
    return dict(column, cells=cells)


def column_of(series_or_index):
    dtype = series_or_index.dtype
    if isinstance(dtype, np.dtype):
        return numpy_column(series_or_index.values)
    text = None
    if "str" in str(dtype):
        text = [None if pd.isna(v) else v for v in series_or_index]
    elif isinstance(dtype, pd.DatetimeTZDtype):
        text = [v.isoformat() for v in series_or_index]
    return {"extension": str(dtype), "len": len(series_or_index), "text": text}


def levels_of(index):
    if not isinstance(index, pd.MultiIndex):
        return [column_of(index)]
    columns = []
    for level, codes in zip(index.levels, index.codes):
        whole, codes = column_of(level), [int(c) for c in codes]
        if "cells" in whole:
            whole["cells"] = [whole["cells"][c] if c >= 0 else ["na", None] for c in codes]
            if -1 in codes:
                whole["npy"] = None
            if whole["csv"]:
                whole["csv"]["codes"] = codes
        else:
            whole = {"extension": whole["extension"], "len": len(codes),
                     "text": whole["text"] and [whole["text"][c] if c >= 0 else None for c in codes]}
        columns.append(whole)
    return columns


def is_plain(index):
    return type(index) is pd.RangeIndex and (index.start, index.step, index.name) == (0, 1, None)


def names_of(index):
    return [json_of(n) for n in index.names]


def fixed_labels(values):
    return [{"dtype": None, "npy": None, "csv": None, "cells": values}]


def label_cells(name):
    """The labels of a table's only column, by its name: a cell of each level."""
    if name is None:
        return [fixed_labels([["element", "0"]])[0]]
    parts = name if isinstance(name, tuple) else (name,)
    return [fixed_labels([["value", json_of(p)]])[0] for p in parts]


def want_of(v):
    if isinstance(v, pd.DataFrame):
        return {"kind": "dataframe", "rows": len(v), "plain": is_plain(v.index), "name": None,
                "columns": [column_of(v.iloc[:, i]) for i in range(v.shape[1])], "index": levels_of(v.index),
                "index_names": names_of(v.index), "labels": levels_of(v.columns), "label_names": names_of(v.columns)}
    if isinstance(v, pd.Series):
        return {"kind": "series", "rows": len(v), "plain": is_plain(v.index), "name": json_of(v.name),
                "columns": [column_of(v)], "index": levels_of(v.index), "index_names": names_of(v.index),
                "labels": label_cells(v.name), "label_names": [None] * len(label_cells(v.name))}
    rows = pd.RangeIndex(len(v))
    want = {"rows": len(v), "plain": True, "name": None, "index": levels_of(rows), "index_names": [None],
            "label_names": [None]}
    if isinstance(v, pd.MultiIndex):
        labels = [["element", str(i)] if n is None else ["value", json_of(n)] for i, n in enumerate(v.names)]
        return dict(want, kind="index", columns=levels_of(v), labels=fixed_labels(labels))
    if isinstance(v, pd.Index):
        return dict(want, kind="index", name=json_of(v.name), columns=levels_of(v), labels=label_cells(v.name),
                    label_names=[None] * len(label_cells(v.name)))
    return dict(want, kind="array", **array_want(v))


def array_want(v):
    if "StringDType" in str(v.dtype):
        lines = [v] if v.ndim == 1 else list(v.T)
        columns = [{"dtype": "StringDType()", "npy": None, "csv": None,
                    "cells": [["text", x] if isinstance(x, str) else ["na", None] for x in a]} for a in lines]
        return {"columns": columns, "labels": levels_of(pd.RangeIndex(len(columns)))}
    mask = np.ma.getmaskarray(v) if isinstance(v, np.ma.MaskedArray) else None
    a = np.asarray(v)
    if a.dtype.names:
        columns = [numpy_column(a[n], None if mask is None else mask[n]) for n in a.dtype.names]
        if a.dtype.hasobject:  # pickled as tuples of objects
            columns = [dict(c, npy=None, cells=[["value", json_of(x)] for x in a[n]]) for c, n in zip(columns, a.dtype.names)]
        return {"columns": columns, "labels": [numpy_column(np.array(a.dtype.names, object))]}
    lines, masks = ([a], [mask]) if a.ndim == 1 else (a.T, [None] * a.shape[1] if mask is None else mask.T)
    columns = [numpy_column(line, m) for line, m in zip(lines, masks)]
    if mask is not None and mask.any() and a.dtype.kind in "iu":  # DataFrame() makes floats of the whole array
        for c in columns:
            c["floats"] = [[kind, x and str(float(x))] for kind, x in c["cells"]]
    return {"columns": columns,
            "labels": levels_of(pd.RangeIndex(len(lines)))}


# --- What there is to read ---


def labels(*names):
    """Labels of Python objects in every version: pandas 3 makes an array of its own of texts."""
    return pd.Index(list(names), dtype=object)


def dates(*texts, unit="ns"):
    return np.array(texts, "M8[%s]" % unit)


def frames():
    three = {"i": [1, -2, 3], "f": [0.1, float("nan"), 1e300], "b": [True, False, True]}
    mixed = pd.DataFrame([[1, 1.5, "x", True, None], [2, float("inf"), "y", False, "z"]], columns=labels(*"abcde"))
    yield "mixed", mixed
    yield "labels that are texts", pd.DataFrame(three)
    yield "many types", pd.DataFrame({n: np.arange(3).astype(n) for n in (
        "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16", "?")})
    yield "half", pd.DataFrame({0: np.array([0.1, 65504, float("nan")], "f2")})
    yield "interleaved", pd.DataFrame([[i * 10 + (k + 0.5 if k % 3 == 1 else k) for k in range(7)] for i in range(4)],
                                      columns=labels(*"abcdefg"))
    yield "places are an array", pd.DataFrame({i: [1, 2] if i in (0, 1, 4, 6) else [0.5, 1.5] for i in range(8)}).copy()
    wide = pd.DataFrame({i: [i] for i in range(5)})
    wide[2] = 0.5
    yield "a column that was set", wide
    wide = wide.copy()
    wide.insert(1, "new", [[1, {"a": (2, None)}]])
    yield "a column that was put between", wide
    yield "same labels", pd.DataFrame([[1, 2.5, 3]], columns=labels("a", "a", "b"))
    yield "labels of any kind", pd.DataFrame([range(7)], columns=labels(1, "1", 1.5, None, ("t", 2), True, datetime.date(2020, 1, 2)))
    yield "labels are numbers", pd.DataFrame(np.arange(4).reshape(2, 2), columns=[3, -1])
    yield "labels are floats", pd.DataFrame([[1, 2]], columns=[0.1, float("nan")])
    yield "labels are dates", pd.DataFrame([[1, 2]], columns=pd.DatetimeIndex(dates("2020-01-01", "2020-01-02")))
    yield "labels of two levels", pd.DataFrame([[1, 2, 3]], columns=pd.MultiIndex.from_arrays(
        [[1, 1, 2], [0.5, 1.5, 0.5]], names=["x", None]))
    yield "labels with a name", pd.DataFrame([[1, 2]], columns=pd.RangeIndex(2, name=("n", 1)))
    yield "nothing", pd.DataFrame()
    yield "no columns", pd.DataFrame(index=[3, 4])
    yield "no rows", pd.DataFrame({0: np.zeros(0), 1: np.zeros(0, "i4"), 2: np.zeros(0, "M8[ns]"), 3: np.zeros(0, object)})
    yield "one cell", pd.DataFrame([[1]])
    yield "rows in another order", pd.DataFrame({0: [1, 2, 3]}, index=[5, 3, 4]).sort_index()
    yield "rows with a name", pd.DataFrame({0: [1]}, index=pd.Index([7], name="k"))
    yield "every second row", pd.DataFrame({0: range(9), 1: 0.5})[1::2]
    yield "rows turned round", pd.DataFrame({0: range(5), 1: 0.5})[::-1]
    yield "transposed", pd.DataFrame(np.arange(12.0).reshape(3, 4)).T
    yield "transposed objects", pd.DataFrame([["a", 1, None], [2.5, (1,), "b"]], dtype=object).T
    yield "from an array that Fortran has", pd.DataFrame(np.asfortranarray(np.arange(6).reshape(2, 3)))
    yield "columns turned round", pd.DataFrame({i: [i, i * 2] for i in range(4)}).iloc[:, ::-1]
    yield "another byte order", pd.DataFrame(np.arange(4, dtype=">i4").reshape(2, 2))
    yield "two levels of rows", pd.DataFrame({0: range(4)}, index=pd.MultiIndex.from_product([[3, 4], [0.5, 1.5]], names=["a", "b"]))
    yield "levels with nothing", pd.DataFrame({0: range(3)}, index=pd.MultiIndex.from_arrays(
        [[1, None, 2], dates("2020-01-01", "NaT", "2020-01-01T01"), labels("x", "y", None)]))
    yield "levels not used", pd.DataFrame({0: range(4)}, index=pd.MultiIndex.from_product(
        [dates("2020-01-01T00:00:01", "2020-01-02"), labels("u", 2)])).iloc[2:]
    yield "a class of its own", Frame({0: [1, 2], 1: [0.5, None]})
    yield "attributes", pd.DataFrame({0: [1]}).assign()
    yield "with zones", pd.DataFrame({i: pd.date_range("2020", periods=3, tz="UTC") + pd.Timedelta(i, "h") for i in range(3)})
    yield "with zones, one block", pd.DataFrame({i: pd.date_range("2020", periods=3, tz="UTC") for i in range(3)}).copy().T.T
    moments = pd.date_range("2020", periods=6, tz="UTC")._data.reshape(3, 2)
    yield "with zones, in Fortran's order", pd.DataFrame(moments)
    yield "extensions", pd.DataFrame({0: pd.array([1, None], "Int64"), 1: pd.Categorical(["a", "b"]), 2: pd.array(["x", None], "string"),
                                      3: pd.period_range("2020", periods=2, freq="M"), 4: pd.interval_range(0, 2),
                                      5: pd.arrays.SparseArray([0, 1])})


def dated():
    for unit in ("ns",) if MAJOR < 2 else ("s", "ms", "us", "ns"):
        tick = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        day, count = 86400 * tick, random.Random(unit)
        for name, values in {
            "days": [0, day, -day * 400, NAT, day * 20000], "seconds": [tick, day, NAT, -tick],
            "hours": [day // 24, -day // 24], "ticks": [1, -1, NAT, day], "nothing": [NAT, NAT], "empty": [],
            "thousandths": [tick // 1000 or tick, day], "millionths": [tick // 10**6 or tick, day],
            "random": [count.randrange(-(2**33) * tick, 2**33 * tick) for _ in range(20)],
        }.items():
            a = np.array(values, "i8")
            yield "%s of dates in %s" % (name, unit), pd.DataFrame({0: a.view("M8[%s]" % unit), 1: a.view("m8[%s]" % unit)})
            yield "two dates columns in %s of %s" % (unit, name), pd.DataFrame(
                {i: (a + i * (tick if a.size and NAT not in values else 0)).view("M8[%s]" % unit) for i in range(2)}).copy()
        if tick == 1:
            far = [-62135596800, 253402300799, 253402300800, -62135596801, -157002796800, 32503680000 * 40]
            yield "far dates", pd.Series(np.array(far, "M8[s]"))
    yield "an index of dates", pd.Series([1, 2], index=pd.DatetimeIndex(dates("2020-01-01", "2020-01-01T12:30:00.5"), name="when"))
    yield "an index of spans", pd.Series([1, 2], index=pd.TimedeltaIndex(np.array([1, 3600 * 10**9], "m8[ns]")))


def series():
    yield "a Series", pd.Series([1, 2, 3])
    yield "its name", pd.Series([1.5], name="n", index=[9])
    yield "a tuple names it", pd.Series([True, False], name=("a", 1))
    yield "a number names it", pd.Series([0.5], name=0)
    yield "nothing in it", pd.Series([], dtype="f8")
    yield "objects", pd.Series(["a", 1, None, float("nan"), [1, 2], {"a": 1}, b"\xff", decimal.Decimal("1.50"), 2**70], dtype=object)
    yield "a column", pd.DataFrame([[1, 2.5]], columns=labels("a", "b"))["b"]
    yield "a row", pd.DataFrame([[1, 2.5], [3, 4]], columns=labels("a", "b")).iloc[1]
    yield "of a class of its own", Column([1, 2], name="c")
    yield "texts", pd.Series(["x", None, "é"])
    yield "two levels", pd.Series(range(4), index=pd.MultiIndex.from_product([[1, 2], [True, False]]))
    yield "every other", pd.Series(np.arange(10.0))[::3]
    yield "categories", pd.Series(pd.Categorical([1, 2, 1]))


def indexes():
    yield "a range", pd.RangeIndex(5)
    yield "another range", pd.RangeIndex(10, -5, -4, name="r")
    yield "an empty range", pd.RangeIndex(3, 3)
    yield "numbers", pd.Index([3, 1, 2**62])
    yield "unsigned", pd.Index(np.array([2**63 + 1], "u8"), name="u")
    yield "floats", pd.Index([0.5, float("nan")], name=("a", None))
    yield "truths", pd.Index([True, False])
    yield "objects in an Index", labels("a", 1, (2, 3), None)
    yield "texts in an Index", pd.Index(["b", "a"], name="t")
    yield "dates in an Index", pd.DatetimeIndex(dates("2020-01-01", "NaT", "2021-01-01"), name="d")
    yield "dates at a distance", pd.date_range("2020-01-31", periods=3, freq="D")
    yield "spans in an Index", pd.TimedeltaIndex(np.array([10**9, NAT], "m8[ns]"))
    yield "levels", pd.MultiIndex.from_arrays([[1, 2, 1], labels("a", "b", None), dates("2020-01-01", "2020-01-02", "NaT")],
                                              names=["n", None, "d"])
    yield "levels of nothing", pd.MultiIndex.from_arrays([[], []])
    yield "a lone level", pd.MultiIndex.from_arrays([[1, 2]], names=["x"])
    for name, index in {"periods": pd.period_range("2020", periods=2, freq="M"), "intervals": pd.interval_range(0, 3),
                        "categories": pd.CategoricalIndex(["a", "b", "a"]), "zones": pd.date_range("2020", periods=2, tz="UTC"),
                        "intervals of dates": pd.interval_range(pd.Timestamp("2020"), periods=2)}.items():
        yield name + " in an Index", index
        yield name + " as labels", pd.DataFrame(np.zeros((1, len(index))), columns=index)
        yield name + " in a level", pd.MultiIndex.from_arrays([index, range(len(index))])


def arrays():
    r = random.Random(7)
    for code in ("?", "i1", "<i2", ">i4", "u8", "f2", "f4", ">f8", "c8", "c16", "g", "U3", ">U2", "S4", "M8[s]", "M8[D]", ">M8[ms]", "m8[us]"):
        size = np.dtype(code).itemsize
        a = np.frombuffer(bytes(r.randrange(65, 90) for _ in range(12 * size)), np.uint8)
        a = (np.arange(12) % 2).astype("?") if code == "?" else np.arange(12).astype(code) if "U" in code or code == "g" else a.view(code)
        a = a % np.timedelta64(10**12, "us") if code[0] == "m" else a
        if "M8" in code:
            a = np.arange(12).astype(code)
        yield "1 dimension of " + code, a
        yield "2 dimensions of " + code, a.reshape(3, 4)
        yield "in Fortran's order " + code, np.asfortranarray(a.reshape(4, 3))
        yield "every third of " + code, a[::3]
    for unit in ("Y", "M", "W", "D", "h", "m"):
        yield "dates in " + unit, np.array([0, 5, -7, NAT], "M8[%s]" % unit)
        if unit not in "YM":
            yield "spans in " + unit, np.array([0, 5, -7, NAT], "m8[%s]" % unit)
    mess = np.empty(6, object)
    mess[:] = ["a", 1, None, 2.5, [1, [2]], ("t",)]
    yield "objects in an array", mess
    yield "objects in two dimensions", mess.reshape(2, 3)
    yield "objects in Fortran's order", np.asfortranarray(mess.reshape(2, 3))
    for shape in ((0,), (0, 3), (3, 0)):
        yield "an array of %s" % (shape,), np.zeros(shape)
        yield "objects of %s" % (shape,), np.zeros(shape, object)
    record = np.array([(1, 2.5, "x"), (2, -1.0, "yz")], [("a", ">i2"), ("b", "f8"), ("c", "U3")])
    yield "a structured array", record
    yield "a part of its fields", record[["c", "a"]]
    yield "records", record.view(np.recarray)
    yield "records with objects", np.array([(1, "x"), (2, None)], [("a", "i4"), ("o", "O")])
    yield "no records", record[:0]
    yield "a matrix", np.matrix([[1, 2], [3, 4]])
    yield "masked", np.ma.array([1, 2, 3], mask=[0, 1, 0])
    yield "nothing is masked", np.ma.array([1.5, 2.5])
    yield "masked in two dimensions", np.ma.array(np.arange(6).reshape(2, 3), mask=[[0, 1, 0], [1, 0, 0]])
    yield "masked in Fortran's order", np.ma.array(np.asfortranarray(np.arange(6).reshape(2, 3)), mask=[[0, 1, 0], [1, 0, 0]])
    yield "masked objects", np.ma.array(mess[:3], mask=[0, 0, 1])
    for mask in ([1, 0], [0, 1]):
        yield "masked dates, %s" % mask, np.ma.array(dates("2020-01-01", "2021-01-01T01"), mask=mask)
    yield "masked records", np.ma.array(record, mask=[(0, 1, 0), (1, 0, 0)])
    if hasattr(np.dtypes, "StringDType"):
        yield "variable strings", np.array(["a", "é" * 40, ""], np.dtypes.StringDType())
        yield "variable strings with nothing", np.array([["a", None], ["b", "c"]], np.dtypes.StringDType(na_object=None))
        yield "no variable strings", np.array([], np.dtypes.StringDType())


def some_frame(r):
    rows, width = r.choice([0, 1, 2, 7]), r.randrange(8)
    makers = [lambda: np.array([r.randrange(-99, 99) for _ in range(rows)], r.choice(["i8", "i4", "i1"])),
              lambda: np.array([r.uniform(-9, 9) for _ in range(rows)], r.choice(["f8", "f4"])),
              lambda: np.array([r.random() < 0.5 for _ in range(rows)], "?"),
              lambda: np.array([r.randrange(2**40) for _ in range(rows)], "M8[ns]"),
              lambda: np.array([r.choice(["a", 1, None, (1, 2)]) for _ in range(rows)] + [None], object)[:rows]]
    f = pd.DataFrame({i: r.choice(makers)() for i in range(width)}, index=pd.RangeIndex(rows))
    for _ in range(r.randrange(4)):
        step = r.randrange(5)
        if step == 0:
            f = f.copy()
        elif step == 1 and f.shape[1]:
            f = f.iloc[:, sorted(r.sample(range(f.shape[1]), r.randrange(f.shape[1])), reverse=r.random() < 0.5)]
        elif step == 2:
            f.insert(r.randrange(f.shape[1] + 1), "n%d" % r.randrange(10**6), r.choice(makers)()[:len(f)] if len(f) == rows else 1)
        elif step == 3:
            f = f.iloc[::r.choice([1, 2, -1])]
        elif len(f):
            f = f.set_axis([r.randrange(9) for _ in range(len(f))], axis=0)
    return f.set_axis(labels(*f.columns), axis=1)


def cases():
    for make in (frames, dated, series, indexes, arrays) + ((older,) if MAJOR < 3 else ()):
        yield from make()
    r = random.Random(20260101)
    for i in range(120):
        yield "random %d" % i, some_frame(r)


def main():
    for i, (name, value) in enumerate(cases()):
        protocols = (2 + i % 4,) if name.startswith("random") else (4, 2 + i % 2 * 3)
        datas = dict.fromkeys(dumps(value, p) for p in protocols)
        print(json.dumps({"name": name, "pickles": [base64.b64encode(d).decode() for d in datas],
                          "want": want_of(value.table if isinstance(value, Older) else value)}))


if __name__ == "__main__":
    sys.modules["frame_oracle"] = sys.modules["__main__"]
    main()
