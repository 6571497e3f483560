"""CSV, .npy and JSON of values by the test tool, against Python, pandas and numpy of this venv: what stands in cells,
numbers at their limits, every type of numpy; and hostile input."""

import array
import collections
import datetime
import decimal
import fractions
import io
import json
import os
import pathlib
import pickle
import random
import resource
import struct
import subprocess
import time
import uuid

import json_rules
import numpy as np
import pandas as pd
import pytest

BUILD = os.environ.get("METAFLOWFS_BUILD")
TOOL = pathlib.Path(BUILD or ".").resolve() / "tests" / "pickle_dump"
CSV, NPY, JSON = b"c", b"p", b"j"


def ask(requests):
    """requests: (form, pickle). A list of (whether it was written, bytes)."""
    message = b"".join(form + struct.pack("<I", len(data)) + data for form, data in requests)
    done = subprocess.run([TOOL], input=message, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    answers, at = [], 0
    for _ in requests:
        (size,) = struct.unpack_from("<I", done.stdout, at + 1)
        answers.append((done.stdout[at:at + 1] == b"=", done.stdout[at + 5:at + 5 + size]))
        at += 5 + size
    return answers


def written(form, values, protocol=4):
    answers = ask([(form, pickle.dumps(value, protocol)) for value in values])
    for value, (ok, text) in zip(values, answers):
        assert ok, (value, text)
    return [text for _, text in answers]


def check_csv(frames):
    for frame, got in zip(frames, written(CSV, frames)):
        want = frame.to_csv().encode("utf-8", "surrogatepass")
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        assert got == want, "%r, not %r" % (got[max(0, at - 60):at + 200], want[max(0, at - 60):at + 200])


def objects(*values):
    made = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        made[i] = value
    return pd.Series(made)


def test_python_values_in_cells():
    """S400: a cell that holds a value of Python or numpy is its str(), containers the repr() of what is in them."""
    now, day = datetime.datetime(2024, 2, 29, 13, 5, 7, 120), datetime.date(2024, 2, 29)
    loop = [1]
    loop.append(loop)
    check_csv([
        objects([1, "a", None, 2.5, True, b"x"], (1,), (), [], {}, {"a": [1, {"b": (2, 3)}]}, {1}, set(), frozenset({1}),
                frozenset(), "it's", 'q"', b"it's", 2**70, 1 + 2j, range(3), slice(1, None, 2), bytearray(b"ab"), int, loop),
        objects(now, [now, now.replace(microsecond=0, second=0), day, datetime.time(1, 2), datetime.time(1, 2, 3, 4)], day,
                datetime.timedelta(1, 2, 3), [datetime.timedelta(1, 2, 3), datetime.timedelta(0), datetime.timedelta(-1)]),
        objects(decimal.Decimal("1.10"), [decimal.Decimal("1.10"), uuid.UUID(int=5), fractions.Fraction(1, 3)],
                uuid.UUID(int=5), fractions.Fraction(1, 3), decimal.Decimal("NaN"), pathlib.PurePosixPath("/a"),
                [pathlib.PurePosixPath("/a")], collections.defaultdict(list, {"k": [1]}), collections.Counter("abracadabra"),
                collections.deque([1, 2], maxlen=5), collections.deque([1]), collections.Counter()),
        objects([np.float32(.1), np.float64(.5), np.int64(3), np.True_, np.str_("x"), np.bytes_(b"x"), np.complex64(2j),
                 np.datetime64("2020-01-01"), np.timedelta64(5, "D"), np.complex128(1 + 2j), np.longdouble(.5)],
                np.datetime64("2020-01-01"), np.datetime64("NaT"), np.str_("y"), np.bool_(False), np.float32(.1)),
        objects(pd.Timestamp("2020-01-01"), pd.Timedelta("1D"), pd.NaT, pd.NA, [
            pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01 01:02:03.5", tz="UTC"), pd.Timedelta("1D"), pd.NaT, pd.NA]),
        objects(list(range(20000)), "x" * 100000, 'y,"' * 50000, {"k": "z" * 70000}, ["a"]),
        pd.DataFrame({"": ["", "x"]}, index=["", ""]), pd.DataFrame({"a": ["\ud800x"]}, dtype=object),
    ])


def test_arrays_in_cells():
    """S400: an array of numpy in a cell is its str(), in a container its repr(), with numpy's defaults."""
    rng = np.random.default_rng(20260101)
    arrays = []
    for kind in ("f8", "f4", "f2"):
        for size, scale in ((1, 1), (5, 1e-3), (30, 1e3), (999, 1), (1001, 1e-6), (30, 1e10)):
            with np.errstate(over="ignore"):
                arrays.append((rng.normal(size=size) * scale).astype(kind))
        arrays += [np.array(v, kind) for v in ([0, 0], [np.nan, 1.5, np.inf, -np.inf], [-0.0, 1], [], [1e4, .1], [1 / 3])]
    arrays += [rng.integers(0, 100, 30).astype(kind) for kind in "bBhHiIl?"]
    arrays += [rng.random((3, 40)), rng.integers(0, 9, (40, 50)), np.asfortranarray(rng.random((3, 4))), rng.random((11,) * 3),
               np.zeros((0, 3)), np.array([["a", "日本"]]), np.array([b"a", b"bc"]), np.arange(10, dtype=">i4"), np.array(1 / 3), np.array(True),
               np.array(["a", None, 1.5, b"x", datetime.date(2024, 2, 29)] * 8, dtype=object), np.array([], dtype=object),
               np.array([["a", "it's"], [1, True]], dtype=object), np.array(["2024-02-29", "NaT"], "M8[D]"),
               np.array(["2024-02-29T01:02:03"] * 3, "M8[ns]"), np.array(["2024-02-29"], ">M8[25s]")]
    for _ in range(100):
        size = int(rng.integers(1, 20))
        scale = 10.0 ** rng.integers(-6, 9, size if rng.random() < .3 else 1)
        arrays.append((np.round(rng.normal(size=size), int(rng.integers(0, 12))) * scale).astype(rng.choice(["f8", "f4"])))
    check_csv([objects(array, [array]) for array in arrays])


def test_numbers_at_their_limits():
    """S400: floats are the shortest decimals that read back, in every width."""
    rng = np.random.default_rng(20260102)
    doubles = np.concatenate([
        rng.integers(0, 2**64, 20000, dtype=np.uint64).view("f8"), 2.0 ** np.arange(-1074, 1024), 10.0 ** np.arange(-323, 309),
        np.nextafter(2.0 ** np.arange(-1074, 1024), 0), np.round(rng.random(2000) * 1000, 2), np.arange(100) * 5e-324,
        rng.integers(0, 2**63, 2000).astype("f8"), [0.0, -0.0, 1e16, 9999999999999998.0, 1e-4, 9.999e-5, np.inf, -np.inf]])
    floats = np.concatenate([rng.integers(0, 2**32, 20000, dtype=np.uint32).view("f4"), (2.0 ** np.arange(-149, 128)).astype("f4")])
    halves = np.arange(65536, dtype=np.uint16).view("f2")
    check_csv([pd.DataFrame(a[~np.isnan(a)]) for a in (doubles, floats, halves, doubles[:500].astype("g"))])
    check_csv([pd.DataFrame({k: np.array([0, 1, 100], k) for k in "bBhHiIlLqQ?FDG"})])
    check_csv([pd.DataFrame([[-2**63, 2**63 - 1]]), pd.DataFrame(np.array([2**64 - 1], "u8"))])


def test_headers():
    """S400: labels, names and several levels of both."""
    levels = pd.MultiIndex.from_tuples([("a", 1.5), ("b", np.nan)], names=["l1", None])
    rows = pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])
    stamps = pd.MultiIndex.from_product([pd.to_datetime(["2020-01-01"]), [True, False]])
    grid = [[1, 2], [3, 4]]
    check_csv([
        pd.DataFrame(grid, columns=levels, index=rows), pd.DataFrame(grid, columns=levels, index=rows.set_names([0, "q"])),
        pd.DataFrame(grid, columns=stamps), pd.DataFrame(grid, columns=pd.MultiIndex.from_tuples([(1, 2), (3, None)])),
        pd.DataFrame(grid, columns=pd.to_datetime(["2020-01-01", "2021-02-03"])), pd.DataFrame(grid, columns=[None, 1.5]),
        pd.DataFrame(grid, columns=pd.Index([(1, 2), b"x"], tupleize_cols=False)), pd.DataFrame(grid, columns=["a", "a"]),
        pd.DataFrame({"a": [1]}, index=pd.Index([1], name=0)), pd.DataFrame(index=[1, 2]), pd.DataFrame(columns=["a"]),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(0.5, "x"), (np.nan, None)])),
        pd.DataFrame(grid, columns=pd.MultiIndex.from_arrays([pd.array([1, None], dtype="Int64"), pd.to_timedelta(["1D", None])])),
    ])


def npy_arrays():
    for kind in "?bBhHiIlLefdgFDG":
        yield np.array([0, 1, 2], kind)
    rng = np.random.default_rng(20260103)
    yield from (np.arange(6, dtype=">i4").reshape(2, 3), np.asfortranarray(rng.random((3, 4))), rng.random((2, 3, 4)),
                np.array(5.), np.array([]), np.zeros((0, 3)), np.array(["a", "bcd"]), np.array([b"a", b"bcd"]),
                np.array(["2020-01-01"], "M8[25s]"), np.array([1], "m8"), np.array(["2020-01-01"], ">M8[ns]"), np.zeros(3, "V5"),
                np.array(["a", "bcd"], ">U3"), np.array([(1, "x", [1, 2])], dtype=[("p", "i4"), ("q", "U3"), ("s", "f8", (2,))]),
                np.zeros(2, dtype=[("a", [("b", "i1"), ("c", ">f4", (2, 3))]), ("é", "M8[ns]")]),
                np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8"), ("c", "i2")], align=True)),
                np.zeros(1, dtype=[("日本", "i4")]), np.zeros(1, dtype=[("field%d" % i, "i4") for i in range(3000)]),
                np.zeros(3, dtype=[]), np.arange(100000), np.rec.fromarrays([[1, 2], ["a", "b"]], names="n,t"))
    yield from (np.float64(.5), np.float32(.1), np.int8(3), np.bool_(1), np.str_("ab"), np.bytes_(b"x"), np.complex64(1),
                np.datetime64("2020-01-01"), np.void(b"abc"))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_npy_is_what_numpy_saves(protocol):
    """S402: of arrays and scalars without objects it is the very file that numpy.save writes."""
    values = list(npy_arrays())
    for value, got in zip(values, written(NPY, values, protocol)):
        want = io.BytesIO()
        np.save(want, value, allow_pickle=False)
        assert got == want.getvalue(), (value, got[:300], want.getvalue()[:300])


def test_npy_of_text_and_objects():
    """S402: objects, variable strings and fields in another order than in memory."""
    swapped = np.zeros(2, dtype={"names": ["x", "y"], "formats": ["i4", "i2"], "offsets": [2, 0]})
    swapped["x"], swapped["y"] = [1, 2], [3, 4]
    mixed = ["a", None, 1, 2.5, [1, "é"], {"k": (1, 2)}, datetime.date(2020, 1, 1), "日本語", float("nan"), "é" * 40000,
             {"k": "é" * 40000}]
    texts = [v if isinstance(v, str) else json.dumps(json_rules.to_json(v), ensure_ascii=False).strip('"') for v in mixed]
    strings = np.array([["a", "ünï", ""]], dtype=np.dtypes.StringDType())
    cases = [(swapped, np.array([(1, 3), (2, 4)], dtype=[("x", "i4"), ("y", "i2")])),
             (objects(*mixed).to_numpy(), np.array(texts)), (np.array([], dtype=object), np.array([], "U1")),
             (np.array([["a", "bb"], [None, "c"]], dtype=object), np.array([["a", "bb"], ["null", "c"]])),
             (np.ma.masked_array([[1], [2]], mask=[[0], [1]]), np.array([[1], [np.nan]])),
             (strings, np.array([["a", "ünï", ""]])), (pd.Series(["a", "bb"]), np.array(["a", "bb"])),
             (pd.array([1, None], dtype="Int64").to_numpy(float, na_value=np.nan), np.array([1, np.nan]))]
    for (value, want), got in zip(cases, written(NPY, [value for value, _ in cases])):
        got = np.load(io.BytesIO(got), allow_pickle=False)
        assert got.dtype == want.dtype and got.tobytes() == want.tobytes(), (value, got)


def test_one_long_text_in_npy():
    """S566: one long text makes its whole column wide: more than there is room for is told before the first byte."""
    texts = ["a" * 5000] + ["b"] * 10000
    said = "limit: %%s is 5,000 characters wide in each of %s %s, 0.2 GB in all; %s has it shorter, and metaflowfs cat writes it as it is"
    rows, items, entries = (said % part for part in (("10,001", "rows", ".csv/"), ("10,001", "elements", ".json/"), ("20,002", "elements", ".json/")))
    grid = np.array([texts, texts[1:] + ["c"]], dtype=object).T
    cases = [(pd.DataFrame({"n": range(10001), "t": texts, "u": "x"}), rows % "column t"), (pd.Series(texts), items % "the text"),
             (np.array(texts, dtype=object), items % "the array's text"), (grid, (entries % "the array's text").replace("0.2", "0.4")),
             (pd.MultiIndex.from_arrays([texts, range(10001)]), (rows % "an entry").replace("5,000", "5,007"))]
    for (value, want), (ok, got) in zip(cases, ask([(NPY, pickle.dumps(value)) for value, _ in cases])):
        assert not ok and got.decode() == want, got
    within = pd.DataFrame({"n": range(1001), "t": texts[:1001]})
    assert np.load(io.BytesIO(written(NPY, [within])[0]))["t"].tolist() == texts[:1001]


def nested_records():
    yield [("a", "i4"), ("b", "f8")], [(1, 2.0), (3, .1)]
    yield [("a", "f4"), ("b", "f2"), ("c", "U3"), ("d", "?"), ("e", "S4"), ("f", "c8"), ("g", "c16")], [(1, .1, "é'\"", True, b"a\0b", 1 + 2j, 1.5)]
    yield [(c, "f8") for c in "abcdef"], [(np.nan, np.inf, -0.0, 1e20, 1e-7, 1e16)]
    yield [("a", "u8"), ("b", ">i2"), ("c", "u1"), ("d", "g"), ("e", "V3")], [(2**63, -5, 200, .5, b"xyz")]
    yield [("a", "M8[ns]"), ("b", "M8[us]"), ("c", ">M8[s]"), ("d", "M8[M]"), ("e", "M8[D]"), ("f", "M8[Y]"), ("g", "M8[2h]"), ("h", "M8[W]")], [
        ("2020-01-01", "2020-02-29T01:02:03.000004", "1969-12-31T23:59:00", "2020-05", "1600-03-01", "1969", "2020-01-01T02", "2020-01-02"),
        ("NaT", "2020-02-29T01:02:03", "NaT", "1969-11", "NaT", "12345", "NaT", "-3000-01-01"), ("NaT", 2**62, 2**62, 2**62, -2**62, 2**62, 2**62, 2**62)]
    yield [("a", "m8[D]"), ("b", "m8[us]"), ("c", "m8[s]"), ("d", "m8[M]"), ("e", "m8[ns]"), ("f", "m8[25ms]")], [
        (10**7, -1, 86401, 5, 10, 3), ("NaT", 0, -86400, 5, 10, 2**62), (2**62, 2**62, 2**62, 2**62, 2**62, -2**62)]


def test_nested_records():
    """S567: in a table of a structured array, a field that has fields itself is the tuple that pandas has there."""
    frames = [np.array([(row, i) for i, row in enumerate(rows)], dtype=[("p", fields), ("q", "i4")]) for fields, rows in nested_records()]
    for array, got in zip(frames, written(CSV, frames)):
        assert got.decode() == pd.DataFrame(array).to_csv(), array
    deeper = np.array([((1, ("a,",)), 2)], dtype=[("p", [("x", "i1"), ("y", [("z", "U2")])]), ("q", "i2")])  # which pandas cannot write
    arrays = np.array([(([1, 2],), 1)], dtype=[("p", [("a", "f8", (2,))]), ("q", "i4")])
    assert written(CSV, [deeper, arrays]) == [b',p,q\n0,"%s",2\n' % str(deeper["p"][0].item()).encode(), b",p,q\n0,UnsupportedType : numpy.void,1\n"]


def test_json_of_nested_tables():
    """S403: tables stand in values, and values in tables; a table within itself is a reference."""
    inner = pd.DataFrame({"a": objects([1, {"k": [1, float("nan")]}], pd.Series([[1]], name="s"))})
    values = [[inner, 3], {"t": inner}, pd.Series([inner, None]), pd.MultiIndex.from_tuples([(1, "x")]), pd.Index([1, 2])]
    for value, got in zip(values, written(JSON, values)):
        assert json_rules.same(json_rules.to_json(value), json.loads(got)), got
    arrays = [np.array([["a", "ünï"]], dtype=np.dtypes.StringDType()), np.ma.masked_array([1, 2], mask=[0, 1]),
              np.ma.masked_array([[1.5], [2]], mask=[[0], [1]])]
    for array, got in zip(arrays, written(JSON, arrays)):
        assert json.loads(got) == array.tolist(), got
    loop = [1]
    loop.append(objects(loop))
    (got,) = written(JSON, [loop])
    assert json.loads(got)[1]["data"] == [{"__ref__": "$"}]


def test_arrays_of_pandas_by_themselves():
    """S400, S402, S403: a categorical, an array of nullable numbers, ... is a table of one column, as a Series of it."""
    arrays = [pd.Categorical(["a", None, "b"]), pd.array([1, None, 3]), pd.array(["x", None], dtype="string"),
              pd.date_range("2024-02-29", periods=2, tz="UTC").array, pd.arrays.SparseArray([0, 1, 0]),
              pd.period_range("2024-01", periods=2, freq="M").array, pd.arrays.IntervalArray.from_breaks([0, 1, 2])]
    tables = [pd.Series(array) for array in arrays]
    assert written(CSV, arrays) == [table.to_csv().encode() for table in tables] == written(CSV, tables)
    assert written(NPY, arrays) == written(NPY, tables)
    for got, table in zip(written(JSON, arrays), written(JSON, tables)):
        assert json.loads(got) == json.loads(table)["data"]


def test_large_integers():
    """S569: integers are exact, up to 256 KiB; a larger one is named by its type in JSON, and has no line."""
    rng = random.Random(20260105)
    numbers = [2**(32 * n) + d for n in (1, 31, 32, 33, 63, 64, 65, 128, 200, 256, 300, 440) for d in (-1, 0, 1)]
    numbers += [rng.getrandbits(rng.randrange(64, 14000)) for _ in range(200)] + [10**n - d for n in range(0, 4200, 111) for d in (0, 1)]
    numbers += [-n for n in numbers]
    for number, got in zip(numbers, written(JSON, numbers)):
        assert got == b"%d\n" % number
    zeros = b"0" * 599999
    assert written(JSON, [10**600000 + 7, -10**600000, [1, 2**(8 * 2**18), 2]]) == [
        b"1%s7\n" % zeros, b"-10%s\n" % zeros, b'[\n  1,\n  "UnsupportedType : builtins.int",\n  2\n]\n']


def test_keys_without_a_text():
    """S564: a key whose literal is longer than 1 MiB is named by its type, and hides nothing else."""
    keys = {"int": 2**(8 * 2**14), "tuple": tuple(range(200000)), "frozenset": frozenset(range(200000)), "bytes": bytes(2**20), "str": None}
    for name, key in keys.items():
        value = {key: 1, "other": [2], 3: 4} if key else {"x" * 2**21: 1, "other": [2], 3: 4}
        first = "UnsupportedType : builtins." + name if key else "x" * 2**21
        want = [(first, 1), ("other", [2]), ("3", 4)]
        for shown in (value, collections.ChainMap(value)):
            (got,) = written(JSON, [shown])
            assert list(json.loads(got).items()) == want, (name, got[:200])
    one, two = (*range(200000), 1), (*range(200000), 2)
    for shown in ({one: 1, "a": 2, two: 3}, collections.ChainMap({two: 3}, {one: 1, "a": 2})):
        (got,) = written(JSON, [shown])
        assert json.loads(got) == {"__items__": [[list(one), 1], ["a", 2], [list(two), 3]]}
    (got,) = written(JSON, [{one: [shared := [1], {"r": shared}], "a": objects(7)}])
    assert json.loads(got)["a"] == json_rules.to_json(objects(7)) and len(json.loads(got)) == 2


def noted(error):
    error.add_note("of a test")
    return error


def test_exceptions_and_system_records():
    """S14: an exception has its args beside what was set on it; the records of time, os and their kin are arrays."""
    values = [ValueError("bad", 3), KeyError(("a", 1)), FileNotFoundError(2, "No such file"), StopIteration(),
              [RuntimeError({"k": [float("nan")]}), ZeroDivisionError("division by zero")], noted(TypeError(None)),
              pd.errors.ParserError("line 3"), ExceptionGroup("two", [OSError(5, "I/O"), UserWarning("w")]),
              time.gmtime(0), os.stat("/")[:3], os.terminal_size((80, 24)), resource.getrusage(resource.RUSAGE_SELF)]
    for protocol in (4, 5):
        for value, got in zip(values, written(JSON, values, protocol)):
            assert json_rules.same(json_rules.to_json(value), json.loads(got)), (value, got)


class Coded(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.code = 7


def test_what_a_class_was_called_with():
    """S14: the arguments stand beside the state, of exceptions of every name."""
    (got,) = written(JSON, [Coded("boom")])
    assert json.loads(got) == {"__class__": __name__ + ".Coded", "args": ["boom"], "code": 7}


def dates_and_spans():
    dates, spans = pd.to_datetime(["2020-01-01", None, "2020-02-29 01:02:03.5"], format="ISO8601"), pd.to_timedelta(["1D", None, "1h"])
    for values in (dates, spans, dates.as_unit("s"), spans.as_unit("ns")):
        yield from (values, values.array, pd.Series(values), pd.Series(values).unique(), pd.DataFrame({"a": values}),
                    pd.Series([1, 2, 3], index=values))
        yield pd.Categorical(values)
        yield pd.DataFrame({"a": [1, 2, 3]}, index=pd.MultiIndex.from_arrays([values, ["x", None, "y"]]))
    yield from (dates.tz_localize("Europe/Paris"), pd.DataFrame({"a": dates.tz_localize("UTC")}),
                pd.period_range("2020-01", periods=2, freq="M").insert(1, pd.NaT))


def test_dates_and_spans_of_pandas():
    """S372, S403: in every table of pandas, and arrays by themselves, dates and spans are what these are by themselves,
    and missing ones null."""
    values = list(dates_and_spans())
    for value, got in zip(values, written(JSON, values)):
        value = pd.Index(value) if isinstance(value, pd.api.extensions.ExtensionArray) else value
        assert json_rules.same(json_rules.to_json(value), json.loads(got)), (value, got)
    assert json.loads(written(JSON, [pd.to_timedelta(["1h", None])])[0]) == ["0 days 01:00:00", None]
    assert json.loads(written(JSON, [np.array(["2020-01-01T00", "NaT"], "M8[ns]")])[0])[0] == "2020-01-01T00:00:00.000000000"


def test_dates_and_spans_in_npy():
    """S402: dates and spans stay dates and spans, NaT where they are missing."""
    values = [v for v in dates_and_spans() if not isinstance(getattr(v, "dtype", None), (pd.DatetimeTZDtype, pd.PeriodDtype))]
    for value, got in zip(values, written(NPY, values)):
        got = np.load(io.BytesIO(got), allow_pickle=False)
        if isinstance(value, pd.DataFrame):
            want = value.to_records()
            for name in want.dtype.names:
                if want.dtype[name].kind in "Mm" or name == "level_0":
                    assert got[name].dtype.kind in "Mm" and np.array_equal(got[name], want[name].astype(got[name].dtype),
                                                                           equal_nan=True), (value, got)
        elif isinstance(value, pd.Series) and value.dtype == int:
            assert np.array_equal(got, value)
        else:
            want = np.asarray(value)
            assert got.dtype == want.dtype and np.array_equal(got, want, equal_nan=True), (value, got)


def test_masked_arrays():
    """S400, S402: whole numbers of which some are masked are floats in CSV as in pandas; in .npy NaN or NaT stands for
    what is masked, also where all is."""
    arrays = [np.ma.array([1, 2, 3], mask=[0, 1, 0]), np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]),
              np.ma.array([1, 2], mask=[0, 0]), np.ma.array(np.array([1, 2], "u1"), mask=[0, 1]),
              np.ma.array([2**60 + 1, 2], mask=[0, 1]), np.ma.array([.5, 2], mask=[0, 1])]
    for array, got in zip(arrays, written(CSV, arrays)):
        assert got.decode() == pd.DataFrame(array).to_csv(), (array, got)
    cases = [(np.ma.array([1, 2], mask=[1, 1]), np.array([np.nan, np.nan])),
             (np.ma.array([.5, 2], mask=[1, 1]), np.array([np.nan, np.nan])),
             (np.ma.array([1, 2], mask=[0, 1]), np.array([1, np.nan])),
             (np.ma.array(np.array(["2020-01-01", "2020-01-02"], ">M8[D]"), mask=[0, 1]), np.array(["2020-01-01", "NaT"], ">M8[D]")),
             (np.ma.array(np.array([[1, 2], [3, 4]], "m8[s]"), mask=[[0, 1], [0, 0]]), np.array([[1, "NaT"], [3, 4]], "m8[s]"))]
    for (array, want), got in zip(cases, written(NPY, [array for array, _ in cases])):
        got = np.load(io.BytesIO(got), allow_pickle=False)
        assert got.dtype == want.dtype and np.array_equal(got, want, equal_nan=True), (array, got)


def dtypes():
    yield from map(np.dtype, ["?", "i1", "u8", "f2", "g", "c8", "O", "U5", ">U5", "S3", "V7", ">i4", "M8[ns]", "m8[25s]", "M8", ">M8[D]"])
    yield from (pd.CategoricalDtype(["a"]), pd.StringDtype(), pd.StringDtype(na_value=np.nan), pd.PeriodDtype("2Q-FEB"),
                pd.DatetimeTZDtype("us", "Europe/Paris"), pd.DatetimeTZDtype("ns", datetime.timezone.utc),
                pd.BooleanDtype(), *(getattr(pd, n + "Dtype")() for n in ("Int8", "UInt64", "Float32")))


def test_dtypes():
    """S14, S400: the dtypes of numpy and pandas are their str(): `frame.dtypes` is a table of these."""
    types = list(dtypes())
    for value, got in zip(types, written(JSON, types)):
        assert json.loads(got) == str(value)
    frame = pd.DataFrame({"a": [1], "b": [.5], "c": ["x"], "d": pd.to_datetime(["2024-02-29"]), "e": pd.array([None], "Int64"),
                          "f": pd.Categorical(["x"]), "g": [None], "h": pd.to_datetime(["2024-02-29"], utc=True)})
    check_csv([objects(*types), frame.dtypes])
    for protocol in (2, 5):
        (got,) = written(JSON, [frame.dtypes], protocol)
        assert json_rules.same(json_rules.to_json(frame.dtypes), json.loads(got)), got


def dtypes_with_fields():
    inner, aligned = np.dtype([("x", "i1"), ("y", ">f8")]), np.dtype([("c", "i1"), ("d", "f8")], align=True)
    yield from map(np.dtype, [
        [("a", "i4"), ("b", "U3")], ("f4", (2,)), (">f4", (2, 3)), [("a", inner), ("b", "U3", (2,))], [("a", "i1"), ("b", aligned, (2, 3))], [],
        {"names": ["x", "y"], "formats": ["i4", "i2"], "offsets": [2, 0]}, {"names": ["x"], "formats": ["i4"], "offsets": [0], "itemsize": 9},
        [(("title", "a"), "i4")], (np.record, [("a", "i4")]), (np.record, {"names": ["x"], "formats": ["i4"], "offsets": [4], "titles": ["t"]}),
        {"names": ["x", "y"], "formats": ["i4", "f4"], "offsets": [0, 0], "titles": ["t", None]}, (inner, (2,)), [("v", "V0"), ("z", "U0"), ("s", "S0")],
        [("a", "M8[ns]"), ("b", ">m8[25s]"), ("c", "?"), ("d", "V5"), ("e", "S2"), ("f", "g"), ("g", "O"), ("h", "M8"), ("i", ">c8")], [("é", "i4"), ("it's", "i4")]])
    yield from (aligned, np.dtype([("b", "U3", (2,)), ("c", aligned, (2, 3))], align=True), np.dtype([("a", "i1"), ("b", "c16"), ("c", "g")], align=True))
    yield from (np.dtypes.StringDType(), np.dtypes.StringDType(coerce=False), *(np.dtypes.StringDType(na_object=na) for na in (None, np.nan, pd.NA, "it's")),
                np.dtypes.StringDType(na_object=np.nan, coerce=False))


def test_dtypes_with_fields():
    """S565: dtypes of numpy with fields, of arrays in elements and of variable strings are their str(), too."""
    types = list(dtypes_with_fields())
    for protocol in (2, 4, 5):
        for value, got in zip(types, written(JSON, types, protocol)):
            assert json.loads(got) == str(value), (value, got)
    check_csv([objects(*types)])


def test_long_scalars():
    """S565: a scalar whose text is longer than 1 MiB is named by its type, and hides nothing else."""
    (got,) = written(JSON, [[pathlib.PurePosixPath("x" * 2**21), 1, uuid.UUID(int=5), 2**70]])
    assert json.loads(got) == ["UnsupportedType : pathlib.PurePosixPath", 1, str(uuid.UUID(int=5)), 2**70]


def test_one_scalar_that_is_too_long_for_npy():
    """S565: in .npy, too, it hides nothing else."""
    (got,) = written(NPY, [objects(pathlib.PurePosixPath("x" * (65 << 20)), pathlib.PurePosixPath("b"), 2)])
    assert list(np.load(io.BytesIO(got))) == ['"UnsupportedType : pathlib.PurePosixPath"', "b", "2"]


def test_missing_moments_in_lists():
    """S400: NaT is named with its unit where the numpy that made it does so."""
    check_csv([objects([np.datetime64("NaT", "ns"), np.datetime64("NaT"), np.timedelta64("NaT", "25s"), np.timedelta64("NaT"), np.datetime64("NaT", "3D")])])


def test_arrays_of_the_standard_library():
    """S14: an array.array is an array."""
    arrays = [array.array(code, [0, 1, 127]) for code in "bBhHiIlLqQfd"] + [array.array("d"), array.array("h", [-2])]
    for protocol in (2, 4):
        for want, got in zip(arrays, written(JSON, arrays, protocol)):
            assert json.loads(got) == want.tolist(), want
    swapped = pickle.dumps(array.array("H", [1, 256]), 4).replace(b"K\x02C\x04", b"K\x03C\x04")
    ((ok, got),) = ask([(JSON, swapped)])
    assert ok and json.loads(got) == pickle.loads(swapped).tolist() == [256, 1]


def test_hostile_tables():
    """S408: bytes that were changed in the pickle of a table or array give a form or an error, never a crash."""
    rng = random.Random(20260104)
    frame = pd.DataFrame({"i": [1, 2, 3], "t": ["a", None, "c"], "o": objects([1], np.arange(3), np.float32(1)),
                          "d": pd.date_range("2024-01-01", periods=3), "c": pd.Categorical(["x", "y", "x"])})
    record = np.zeros(2, dtype=[("a", [("b", "i1"), ("c", ">f4", (2, 3))]), ("e", "M8[ns]")])
    seeds = [pickle.dumps(v, 4) for v in (frame, frame.set_index(["i", "t"]), record, np.array(["a", None], dtype=object),
                                          objects(np.arange(2000), [np.ones((3, 4))], {"k": frame}))]
    (fields, rows), *_ = [case for case in nested_records() if case[0][0][1] == "M8[ns]"]
    seeds += [pickle.dumps(v, 4) for v in (list(dtypes_with_fields()), np.array([(row, 1) for row in rows], dtype=[("p", fields), ("q", "i4")]),
                                           {(1, 2**5000): 1, b"x": 2, frozenset([1]): 3})]
    requests = []
    for seed in seeds:
        for _ in range(120):
            data = bytearray(seed)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.choice([0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)])
            requests += [(form, bytes(data)) for form in (CSV, NPY, JSON)]
    answers = ask(requests)
    assert any(ok for ok, _ in answers) and not all(ok for ok, _ in answers)
