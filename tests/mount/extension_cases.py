"""Series of every extension type that the pandas on sys.path has, as pickles, beside what this pandas says of them.
Run as a program with that pandas first on PYTHONPATH; standard output is a pickle of plain values: a dict of
    series: [(name, [pickles], dtype, json cells, csv cells, type in to_records())]
    scalars: [(name, recorded type, [pickles], what the JSON rules make of it)]
    dtypes: [(name, [pickles], str())]
    narrow: [(name, pickle, the text of its first cell)]: narrow floats in lists are their own width, in structs Python's
A json cell is what the JSON rules make of the value, None where it is missing; a csv cell is the field of to_csv(), None
for all where this pandas cannot write it; the type is "" where to_records() has objects or makes other numbers, None
where it is not asked for."""
import csv
import datetime
import decimal
import io
import math
import pickle
import sys
import warnings
import zoneinfo

import numpy as np
import pandas as pd

try:
    import pyarrow as pa
except ImportError:
    pa = None

warnings.simplefilter("ignore")
MAJOR = int(pd.__version__.split(".")[0])
NA = pd.NA
STAMPS = ["2020-01-01", "2020-07-01 12:34:56", None, "1999-12-31 23:59:59.123456", "1965-05-05 01:02:03.000000001"]


def dates(*texts):
    return pd.DatetimeIndex([pd.Timestamp(t) for t in texts])


def json_cell(x):
    if isinstance(x, (list, tuple, np.ndarray)):
        return [json_cell(y) for y in x]
    if isinstance(x, dict):
        return {k: json_cell(v) for k, v in x.items()}
    if x is None or x is NA:
        return None
    if isinstance(x, (datetime.datetime, datetime.date, datetime.time)) and x is not pd.NaT:
        return x.isoformat()
    if isinstance(x, (float, np.floating)) and math.isnan(x):
        return "nan"
    if isinstance(x, (bool, np.bool_, str, bytes)):
        return x if isinstance(x, (str, bytes)) else bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    return float(x) if isinstance(x, (float, np.floating)) else str(x)


def zones():
    yield "utc", "UTC"
    yield "berlin", "Europe/Berlin"
    yield "south", "America/Sao_Paulo"
    yield "half", "Asia/Kolkata"
    yield "zoneinfo", zoneinfo.ZoneInfo("Australia/Sydney")
    yield "fixed", datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))
    yield "named", datetime.timezone(datetime.timedelta(hours=2), "X")
    try:
        import dateutil.tz
    except ImportError:
        return
    yield "dateutil", dateutil.tz.gettz("Europe/Berlin")
    yield "tzoffset", dateutil.tz.tzoffset(None, 3600)
    yield "tzutc", dateutil.tz.tzutc()
    if MAJOR < 3:
        import pytz
        yield "pytz", pytz.timezone("Africa/Monrovia")
        yield "pytz fixed", pytz.FixedOffset(90)


def times():
    for name, tz in zones():
        yield f"times {name}", lambda tz=tz: pd.Series(dates(*STAMPS).tz_localize(tz))
        yield f"early and late {name}", lambda tz=tz: pd.Series(dates("1890-01-01", "1916-06-01", "1950-06-01", "2037-12-31", "2100-07-01", "2200-01-01").tz_localize("UTC").tz_convert(tz))
        yield f"changes {name}", lambda tz=tz: pd.Series(pd.date_range("2021-01-01", periods=800, freq="11h", tz="UTC").tz_convert(tz))
        yield f"changes by rule {name}", lambda tz=tz: pd.Series(pd.date_range("2050-03-26", periods=40, freq="h", tz="UTC").append(pd.date_range("2050-10-01", periods=800, freq="h", tz="UTC")).tz_convert(tz))
    if MAJOR > 1:
        for unit in ("s", "ms", "us"):
            yield f"times {unit}", lambda unit=unit: pd.Series(dates("2020-01-01", "2021-07-01 12:00").tz_localize("UTC").as_unit(unit))
    yield "days in a zone", lambda: pd.Series(pd.date_range("2020", periods=3, tz="UTC"))


FREQS = ["Y", "Q", "Q-FEB", "Q-NOV", "M", "W", "W-TUE", "W-SAT", "D", "B", "h", "min", "s", "ms", "us", "ns"]
FREQS += ["Y-JUN", "2M", "3Q-JAN", "15min"] if MAJOR > 1 else ["A-JUN", "2M", "3Q-JAN", "15min"]


def periods():
    for freq in FREQS:
        yield f"period {freq}", lambda freq=freq: pd.Series(pd.PeriodIndex(["2020-01-01", "1969-12-31", None, "1960-02-29", "2021-12-31 23:59:58.123456"], freq=freq))


def intervals():
    for closed in ("left", "right", "both", "neither"):
        yield f"interval {closed}", lambda closed=closed: pd.Series(pd.interval_range(0, 4, closed=closed))
    yield "interval floats", lambda: pd.Series(pd.IntervalIndex.from_breaks([-0.5, 1e-9, 0.1, 1e20]))
    yield "interval missing", lambda: pd.Series(pd.arrays.IntervalArray([pd.Interval(0, 1), None, pd.Interval(2, 3.5)]))
    yield "interval spans", lambda: pd.Series(pd.IntervalIndex.from_breaks(pd.to_timedelta(["0s", "1s", "2D"])))
    if MAJOR > 1:
        yield "interval times", lambda: pd.Series(pd.IntervalIndex.from_breaks(pd.date_range("2020", periods=3, freq="12h")))
        yield "interval zones", lambda: pd.Series(pd.IntervalIndex.from_breaks(pd.date_range("2020", periods=3, tz="Europe/Berlin")))


def categories():
    yield "category text", lambda: pd.Series(["b", "a", None, "é", "a"], dtype="category")
    yield "category numbers", lambda: pd.Series([2, 1, 2], dtype="category")
    yield "category floats", lambda: pd.Series([2.5, None, 0.1], dtype="category")
    yield "category ordered", lambda: pd.Series(pd.Categorical(["lo", "hi"], ["lo", "mid", "hi"], ordered=True))
    yield "category empty", lambda: pd.Series(pd.Categorical([None, None]))
    yield "category range", lambda: pd.Series(pd.Categorical.from_codes([2, 0, -1], pd.RangeIndex(3)))
    yield "category bool", lambda: pd.Series([True, False, None], dtype="category")
    yield "category days", lambda: pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-02"])).astype("category")
    yield "category unused times", lambda: pd.Series(pd.Categorical(dates("2020-01-01", "2020-01-02"), dates("2020-01-01", "2020-01-02", "2020-01-03 01:00")))
    yield "category unused zones", lambda: pd.Series(pd.Categorical.from_codes([1, -1, 1], dates("2020-01-01 00:00:00.001", "2020-01-02 12:00").tz_localize("Asia/Tokyo")))
    yield "category spans", lambda: pd.Series(pd.Categorical.from_codes([0, -1, 1], pd.to_timedelta(["1D", "2D", "1s"])))
    yield "category zones", lambda: pd.Series(pd.to_datetime(["2020-01-01 01:00", None]).tz_localize("Asia/Tokyo")).astype("category")
    yield "category periods", lambda: pd.Series(pd.period_range("2020", periods=3, freq="M")).astype("category")
    yield "category intervals", lambda: pd.cut(pd.Series([1, 5, 9, None]), 3)
    yield "category many", lambda: pd.Series(range(300)).astype("category")
    yield "category Int64", lambda: pd.Series(pd.array([3, None, 1], dtype="Int64")).astype("category")


def masked():
    for t in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"):
        yield f"{t} missing", lambda t=t: pd.Series([1, None, np.iinfo(t.lower()).max], dtype=t)
        yield f"{t} whole", lambda t=t: pd.Series([np.iinfo(t.lower()).min, 5], dtype=t)
    for t in ("Float32", "Float64"):
        yield t, lambda t=t: pd.Series([0.1, None, 1e300 if t == "Float64" else 1e30, -2.5], dtype=t)
    yield "boolean", lambda: pd.Series([True, None, False], dtype="boolean")
    yield "boolean whole", lambda: pd.Series([True, False], dtype="boolean")


def strings():
    text = ["a", None, "", "é\U0001f600", 'say "x", y', "line\nbreak"]
    yield "string", lambda: pd.Series(text, dtype="string[python]")
    if MAJOR > 1:
        yield "str", lambda: pd.Series(text, dtype=pd.StringDtype("python", na_value=np.nan))
    if pa:
        yield "string arrow", lambda: pd.Series(text, dtype="string[pyarrow]")
        if MAJOR > 1:
            yield "str arrow", lambda: pd.Series(text, dtype=pd.StringDtype("pyarrow", na_value=np.nan))
        yield "string chunks", lambda: pd.concat([pd.Series(text, dtype="string[pyarrow]")] * 3, ignore_index=True)[4:15]


def sparse():
    make = pd.arrays.SparseArray
    yield "sparse ints", lambda: pd.Series(make([0, 0, 1, 2, 0]))
    yield "sparse floats", lambda: pd.Series(make([np.nan, 1.5, np.nan, np.nan, 0.1]))
    yield "sparse fill", lambda: pd.Series(make([7.5, 1.0, 7.5, 7.5], fill_value=7.5))
    yield "sparse bool", lambda: pd.Series(make([False, True, True, False]))
    yield "sparse blocks", lambda: pd.Series(make([0, 0, 1, 2, 0, 3, 0, 0, 4, 5], kind="block", fill_value=0))
    yield "sparse all", lambda: pd.Series(make([0, 0, 0], fill_value=0))
    yield "sparse int8", lambda: pd.Series(make(np.array([1, -1, 0, 0], "i1")))


def arrow_cases():
    dt = datetime
    when = [dt.datetime(2020, 1, 1), None, dt.datetime(1960, 7, 1, 12, 34, 56, 123000)]
    big = decimal.Decimal
    yield "bool", [True, None, False] * 5, pa.bool_()
    yield "bool whole", [True, False], pa.bool_()
    for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        yield str(t), [1, None, np.iinfo(str(t)).max], t
    yield "half", np.array([0.1, 5], "f2"), pa.float16()
    yield "float", [0.1, None, 1.5], pa.float32()
    yield "double", [0.1, None, 1e300, float("nan")], pa.float64()
    yield "decimal", [big("1.50"), None, big("-0.01"), big("12345678.90")], pa.decimal128(12, 2)
    yield "decimal small", [big("0.00000001"), big("-12"), big("0")], pa.decimal128(30, 8)
    yield "decimal negative", [big("1200"), big("-100")], pa.decimal128(10, -2)
    yield "decimal256", [big("1" * 40 + ".5"), big("-0.5")], pa.decimal256(60, 1)
    yield "string", ["a", None, "é", ""], pa.string()
    yield "large_string", ["a", None, "é"], pa.large_string()
    yield "string_view", ["a", None, "more than twelve bytes of text", "x" * 13], pa.string_view()
    yield "binary", [b"a\xff", None, b""], pa.binary()
    yield "binary view", [b"a\xff" * 20, None, b""], pa.binary_view()
    yield "fixed", [b"ab", None], pa.binary(2)
    yield "date32", [dt.date(2020, 1, 1), None, dt.date(1890, 2, 3)], pa.date32()
    yield "date64", [dt.date(2020, 1, 1), None], pa.date64()
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "UTC", "Europe/Berlin", "+05:30"):
            at = when if unit != "s" else when[:2]
            yield f"timestamp {unit} {zone}", at, pa.timestamp(unit, zone)
        yield f"duration {unit}", [1, None, -86400 * 3], pa.duration(unit)
    yield "time32 s", [dt.time(1, 2, 3), None], pa.time32("s")
    yield "time32 ms", [dt.time(1, 2, 3, 4000), None], pa.time32("ms")
    yield "time64", [dt.time(1, 2, 3, 5), None, dt.time(23, 59, 59)], pa.time64("us")
    yield "time64 ns", [3723000001000, None], pa.time64("ns")
    yield "null", [None, None], pa.null()


def nested_cases():
    yield "list", [[1, 2], None, [], [None, 3]], pa.list_(pa.int64())
    yield "list text", [["a", "é"], None], pa.list_(pa.string())
    yield "list of lists", [[[1], []], [[2, 3]], None], pa.list_(pa.list_(pa.int32()))
    yield "large list", [[1.5], None], pa.large_list(pa.float64())
    yield "fixed list", [[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)
    yield "struct", [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}], pa.struct([("a", pa.int64()), ("b", pa.string())])
    yield "struct of list", [{"a": [1]}, {"a": None}], pa.struct([pa.field("a", pa.list_(pa.int8()), nullable=False)])
    yield "map", [[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int64())
    yield "list bool", [[True, None], [False]], pa.list_(pa.bool_())
    yield "list uint64", [[2**64 - 1]], pa.list_(pa.uint64())


def arrow():
    make = pd.arrays.ArrowExtensionArray
    for name, values, t in arrow_cases():
        yield f"arrow {name}", lambda values=values, t=t: pd.Series(make(pa.array(values, t)))
        yield f"arrow {name} sliced", lambda values=values, t=t: pd.Series(make(pa.chunked_array([pa.array(list(values) * 3, t)[2:], pa.array(values, t)[:1], pa.array([], t)])))
    for name, values, t in nested_cases():
        yield f"nested {name}", lambda values=values, t=t: pd.Series(make(pa.array(values, t)))
        yield f"nested {name} sliced", lambda values=values, t=t: pd.Series(make(pa.array(values * 3, t)[1:]))
    yield "arrow dictionary", lambda: pd.Series(make(pa.array(["a", None, "b", "a"]).dictionary_encode()))
    yield "arrow dictionary numbers", lambda: pd.Series(make(pa.array([10, 20, 10]).dictionary_encode()))
    yield "arrow chunks", lambda: pd.Series(make(pa.chunked_array([[1, 2], [], [3], [None, 4]], pa.int64())))


def csv_cells(s):
    """The fields of to_csv(), without quotes."""
    text = s.to_frame("x").to_csv(index=False)
    return [row[0] if row else "" for row in csv.reader(io.StringIO(text))][1:]


def numpy_cells(s):
    """Lists of numbers, bool or text as the arrays that to_csv() writes; None where there are others."""
    cells = [None if x is None or x is NA else x for x in s.array.to_numpy(dtype=object)] if MAJOR > 1 else [()]
    if not all(x is None or isinstance(x, np.ndarray) and (x.dtype != object or all(isinstance(y, str) for y in x)) for x in cells):
        return None
    return [None if x is None else json_cell(x) for x in cells]


def json_cells(s):
    array = getattr(s.array, "_pa_array", getattr(s.array, "_data", None))
    if pa and isinstance(array, pa.ChunkedArray) and pa.types.is_nested(array.type):
        return [json_cell(x) for x in array.to_pylist()]
    return [json_cell(x) for x in s.tolist()]


def record_type(s):
    """kind and size, where no cell is missing and numbers stay what they are; None: older pandas made objects of more."""
    if MAJOR < 3:
        return None
    try:
        t = s.to_frame("x").to_records(index=False).dtype[0]
    except NotImplementedError:  # of Arrow's views
        return ""
    is_whole = isinstance(s.dtype, pd.SparseDtype) or not s.isna().any()
    return t.str[1:] if t.kind in "biuf" and is_whole else ""


def index_of(s):
    """None where an Index would be of another type."""
    try:
        index = pd.Index(s)
    except (TypeError, ValueError, NotImplementedError):
        return None
    return index if index.dtype == s.dtype else None


def series():
    kinds = [times, periods, intervals, categories, masked, strings, sparse] + ([arrow] if pa else [])
    for kind in kinds:
        for name, make in kind():
            s = make().reset_index(drop=True)
            try:
                fields = csv_cells(s)
            except (ValueError, NotImplementedError):  # of Arrow's views, and pandas 1's nested lists
                fields = None
            if name.startswith("nested"):
                fields = numpy_cells(s)
            made = [pickle.dumps(s.to_frame("x"), protocol) for protocol in (2, 4, 5)] + [pickle.dumps(x, 4) for x in (s, index_of(s)) if x is not None]
            yield name, made, str(s.dtype), json_cells(s), fields, record_type(s)


def scalars():
    when = ["2020-01-01", "2020-07-01 12:34:56", "1999-12-31 23:59:59.123456", "1965-05-05 01:02:03.000000001", "1890-01-01", "2100-07-01", "1916-05-01"]
    for t in when:
        yield pd.Timestamp(t)
        for _, tz in zones():
            yield pd.Timestamp(t).tz_localize(tz)
    for t in ("1s", "-1s", "2D", "1D 00:00:01.5", "-1D", "1ns", "1h", "106751D"):
        yield pd.Timedelta(t)
    for freq in FREQS:
        for t in ("2020-01-01", "1960-02-29", "2021-12-31 23:59:58.123456"):
            yield pd.Period(t, freq=freq)
    yield from (pd.Interval(1, 2), pd.Interval(0.5, 2.5, "both"), pd.Interval(np.float32(0.1), 1, "left"), pd.Interval(pd.Timedelta("1s"), pd.Timedelta("2s"), "neither"))
    if MAJOR > 1:
        yield pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021-01-01 01:00"))
        yield from (pd.Timestamp("2020-01-01 12:00").as_unit(u) for u in ("s", "ms", "us", "ns"))
        yield from (pd.Timedelta("36h").as_unit(u) for u in ("s", "ms", "us", "ns"))
    o = pd.offsets
    yield from (o.MonthEnd(), o.MonthEnd(2), o.Hour(-1), o.DateOffset(months=2, days=1), o.BusinessDay(3), o.Week(weekday=2), o.Week(), o.QuarterEnd(), o.YearBegin(-2),
                o.Day(3), o.SemiMonthEnd(), o.CustomBusinessDay(), o.DateOffset(), o.BQuarterBegin(startingMonth=2), o.BYearEnd(), o.Easter(), o.Nano(-5))
    yield from (o.CustomBusinessMonthEnd(3), o.LastWeekOfMonth(weekday=4), o.BusinessMonthBegin())
    yield from (getattr(o, name)(2) for name in ("HalfYearEnd", "HalfYearBegin", "BHalfYearEnd", "BHalfYearBegin") if hasattr(o, name))
    yield from (pd.NaT, pd.NA)


def scalar_cases():
    for x in scalars():
        yield repr(x), str(type(x)), [pickle.dumps(x, protocol) for protocol in (2, 4, 5)], "NaT" if x is pd.NaT else json_cell(x)
    at = [pd.Timestamp(t) for t in ("2020-01-02", "1960-01-01 00:00:00.000000001", "2020-01-01 12:00", "2019-12-31")]
    for items in (at, [t.tz_localize(z) for t, z in zip(at, ("UTC", "Asia/Tokyo", "America/New_York", "UTC"))], [t - at[0] for t in at], [(1, t) for t in at]):
        yield "set", "", [pickle.dumps(set(items), protocol) for protocol in (2, 4, 5)], json_cell(sorted(items))
    yield "masked", "", [pickle.dumps(np.ma.masked)], str(np.ma.masked)


def dtypes():
    for kind in [times, periods, intervals, categories, masked, strings, sparse] + ([arrow] if pa else []):
        for _, make in kind():
            yield make().dtype
    yield from (pd.IntervalDtype(), pd.IntervalDtype("int64"), pd.SparseDtype(bool), pd.SparseDtype("M8[ns]"), pd.SparseDtype("m8[ns]"), pd.SparseDtype("c16"),
                pd.SparseDtype(object, "it's"), pd.SparseDtype("i8", np.int64(3)), pd.SparseDtype("f4", 0.1))
    if pa and MAJOR > 1:
        inner = pa.struct([pa.field("a", pa.int8(), nullable=False), ("b", pa.list_(pa.string()))])
        yield from map(pd.ArrowDtype, (pa.null(), inner, pa.list_(pa.float32(), 3), pa.map_(pa.string(), inner), pa.binary(3), pa.decimal128(10, 2)))


def dtype_cases():
    for dtype in dtypes():
        yield repr(dtype), [pickle.dumps(dtype, protocol) for protocol in (2, 4, 5)], str(dtype)


def narrow_cases():
    single, half = pa.float32(), pa.float16()
    part = np.array([0.1, 2, 1e8, 1e-7, -0.0], "f2")
    yield "list", [[0.1, None, 16777217.0, 1e16, 3.4e38, 1e-45]], pa.list_(single), "[0.1, null, 16777216.0, 1e+16, 3.4e+38, 1e-45]"
    yield "halves", [part[[0, 1, 4]]], pa.list_(half), "[0.1, 2.0, -0.0]"
    yield "not numbers", [[float("nan"), float("-inf")]], pa.list_(single), '[{"__float__": "NaN"}, {"__float__": "-Infinity"}]'
    yield "lists", [[[0.1], [0.3]]], pa.large_list(pa.list_(single, 1)), "[[0.1], [0.3]]"
    yield "doubles", [[0.1, 0.10000000149011612]], pa.list_(pa.float64()), "[0.1, 0.10000000149011612]"
    yield "struct", [{"a": 0.1, "b": [0.1]}], pa.struct([("a", single), ("b", pa.list_(single))]), '{"a": 0.10000000149011612, "b": [0.10000000149011612]}'
    yield "map", [[("a", 0.1)]], pa.map_(pa.string(), single), '[["a", 0.10000000149011612]]'


def narrow():
    for name, values, t, text in narrow_cases():
        yield name, pickle.dumps(pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, t))), 4), text


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps({"series": list(series()), "scalars": list(scalar_cases()), "dtypes": list(dtype_cases()), "narrow": list(narrow()) if pa else []}))
