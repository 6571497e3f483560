"""pandas' extension arrays and scalars against pandas itself: pickles of every version that is installed, with and
without Arrow, and hostile ones."""
import base64
import dataclasses
import datetime
import ipaddress
import json
import os
import pathlib
import pickle
import random
import struct
import subprocess
import sys
import zoneinfo

import numpy as np
import pandas as pd
import pytest

from mounting import build_dir
from test_frame_diff import dump_lines

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERSIONS = {"pandas 1": ["lib-pandas1", "lib-arrow"], "pandas 2": ["lib-pandas2", "lib-arrow"], "pandas 3": ["lib-arrow"], "no arrow": []}
SEED = 20260101
UNITS = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}

# Names that pandas had before it had those of now.
OLD_FREQUENCIES = {"A-DEC": "Y-DEC", "A-JUN": "Y-JUN", "H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "15T": "15min"}


@pytest.fixture(scope="module", params=VERSIONS)
def cases(request):
    paths = [str(ROOT / ".venv-test" / name) for name in VERSIONS[request.param]]
    env = dict(os.environ, PYTHONPATH=":".join(paths))
    done = subprocess.run([sys.executable, HERE / "extension_cases.py"], env=env, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return request.param, pickle.loads(done.stdout)


def dump(datas):
    """What is told of each pickled table; of one that is refused the line as it is."""
    return [{"error": line} if line.startswith(b'{"error"') else json.loads(line) for line in dump_lines(datas)]


def render(requests):
    """What tests/tools/pickle_dump.c shows of each (recorded type, or None for JSON, and pickle)."""
    message = b""
    for kind, data in requests:
        message += b"j" if kind is None else b"n" + struct.pack("<I", len(kind)) + kind.encode()
        message += struct.pack("<I", len(data)) + data
    done = subprocess.run([build_dir() / "tests/pickle_dump"], input=message, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    at, out = 0, done.stdout
    for _ in requests:
        n = struct.unpack_from("<I", out, at + 1)[0]
        yield out[at:at + 1] == b"=", out[at + 5:at + 5 + n].decode("utf-8", "surrogatepass")
        at += 5 + n


def tagged(x):
    """A value as the JSON rules have it inside a container."""
    if isinstance(x, bytes):
        return {"__bytes__": base64.b64encode(x).decode()}
    if isinstance(x, list):
        return [tagged(y) for y in x]
    return {k: tagged(v) for k, v in x.items()} if isinstance(x, dict) else x


def same_json(cell, want):
    kind, got = cell
    if kind == "na":
        return want is None or want == "nan" or want == "NaT"
    if kind == "text":
        return got == want
    if kind == "value":
        return got == tagged(want)
    if want is None:
        return got in ("nan", "NaT")
    if isinstance(want, str) and " days" in want:  # numpy's elements are numpy's str()
        return np.timedelta64(int(got.split()[0]), UNITS[got.split()[1]]) == pd.Timedelta(want).to_numpy()
    if isinstance(want, str) and want != "nan":
        return np.datetime64(got) == np.datetime64(want)
    if isinstance(want, float):  # narrow ones are written at their own width
        return float(got) == want or np.float32(got) == np.float32(want) or np.float16(got) == np.float16(want)
    return got == str(want)


def csv_field(cell):
    kind, got = cell
    if kind == "na" or (kind == "element" and got in ("nan", "NaT")):
        return ""
    if kind == "value":
        return str(base64.b64decode(got["__bytes__"])) if isinstance(got, dict) and "__bytes__" in got else got
    return got


def without_tags(x):
    return [without_tags(y) for y in x] if isinstance(x, list) else "nan" if x == {"__float__": "NaN"} else x


def csv_is_newest(version, name):
    """Whether this pandas writes what the newest does."""
    if version == "pandas 1" and "duration" in name:
        return False
    if version in ("pandas 1", "pandas 2") and name.startswith(("times ", "category spans")):  # later: one form for a whole column
        return False
    if version == "pandas 2" and name.startswith(("arrow float", "arrow half")):
        return False
    return True


def newest_dtype(dtype):
    if dtype.startswith("period["):
        return "period[%s]" % OLD_FREQUENCIES.get(dtype[7:-1], dtype[7:-1])
    return dtype


def test_columns(cases):
    """S370, S371: every extension type, as each version pickles it, by three protocols."""
    version, found = cases
    rows = [(case, data) for case in found["series"] for data in case[1]]
    assert len(rows) > 300
    for ((name, _, dtype, cells, fields, record), _), got in zip(rows, dump([data for _, data in rows])):
        where = version, name
        assert "error" not in got, (where, got)
        column, = got["columns"]
        assert column["dtype"] == newest_dtype(dtype), where
        if record is not None and name not in ("category unused times", "sparse int8"):  # "M", and made wider
            assert (column["npy"] or "") == record, where
        assert len(column["json"]) == len(column["csv"]) == len(cells), where
        if not (version == "pandas 1" and "duration" in name):
            for cell, want in zip(column["json"], cells):
                assert same_json(cell, want), (where, cell, want)
        if fields is not None and csv_is_newest(version, name):
            got = [csv_field(cell) for cell in column["csv"]]
            if name.startswith("nested"):
                got = [without_tags(cell[1]) for cell in column["csv"]]
            assert got == fields and list(map(repr, got)) == list(map(repr, fields)), where


def test_scalars(cases):
    """S372: Timestamps, spans, periods, intervals, offsets and what is missing, alone and inside of values."""
    version, found = cases
    rows = [(case, data) for case in found["scalars"] for data in case[2]]
    assert len(rows) > 300
    for ((name, _, _, want), _), (ok, text) in zip(rows, render([(None, data) for _, data in rows])):
        assert ok and json.loads(text) == want, (version, name, text)
    rows = [row for row in rows if row[0][1]]
    lines = render([(case[1], data) for case, data in rows])
    for ((name, _, _, want), _), (ok, text) in zip(rows, lines):
        assert ok and text == ("null" if want is None else want) + "\n", (version, name, text)


def test_dtypes(cases):
    """S565: the dtype of every extension type, as each version pickles it, is its str()."""
    version, found = cases
    rows = [(case, data) for case in found["dtypes"] for data in case[1]]
    assert len(rows) > 100
    for ((name, _, want), _), (ok, text) in zip(rows, render([(None, data) for _, data in rows])):
        assert ok and json.loads(text) == newest_dtype(want), (version, name, text)


def test_narrow_floats_in_lists(cases):
    """S568: a float32 or float16 in a list of Arrow is written at its own width, as in a column; in a struct as Python has it."""
    version, found = cases
    assert len(found["narrow"]) == (0 if version == "no arrow" else 7)
    for (name, _, want), (ok, text) in zip(found["narrow"], render([(None, data) for _, data, _ in found["narrow"]])):
        cell = json.loads(text, parse_float=str)["data"][0]
        assert ok and cell == json.loads(want, parse_float=str), (version, name, text)


@pytest.mark.parametrize("version", ["1.1.5", "1.3.5"])
def test_old_layouts(version):
    """S370, S372: objects with dicts, of pandas before 1.3, and what was before _unpickle_block."""
    rows = json.loads((HERE / "extension_old.json").read_text())[version]
    series = [row for row in rows if row[0] == "series"]
    for (_, name, _, dtype, cells, fields), got in zip(series, dump([base64.b64decode(row[2]) for row in series])):
        assert "error" not in got, (name, got)
        column, = got["columns"]
        assert dtype is None or column["dtype"] == newest_dtype(dtype), name
        assert all(same_json(cell, want) for cell, want in zip(column["json"], cells)), (name, column["json"], cells)
        if not name.startswith("times"):
            assert [csv_field(cell) for cell in column["csv"]] == fields, name
    single = [row for row in rows if row[0] == "scalar"]
    for (_, name, _, _, want, _), (ok, text) in zip(single, render([(None, base64.b64decode(row[2])) for row in single])):
        assert ok and json.loads(text) == want, (name, text)
    assert len(series) > 15 and len(single) > 5


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: int
    b: str


OTHERS = [ipaddress.ip_address("192.0.2.255"), ipaddress.ip_address("::ffff:1"), ipaddress.ip_address(0), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("10.0.0.1/8"),
          ipaddress.ip_network("2001:db8::/32"), datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=-5)), datetime.timezone(datetime.timedelta(0), "X"), zoneinfo.ZoneInfo("Asia/Tokyo")]


def test_other_libraries():
    """S374: scalars of ipaddress and zoneinfo, and dataclasses whose pickles have no names."""
    rows = [(x, pickle.dumps(x, protocol)) for x in OTHERS for protocol in (2, 4, 5)]
    for (x, _), (ok, text) in zip(rows, render([(None, data) for _, data in rows])):
        assert ok and json.loads(text) == str(x), text
    for (x, _), (ok, text) in zip(rows, render([(str(type(x)), data) for x, data in rows])):
        assert ok and text == str(x) + "\n", text
    made = [pickle.dumps([Frozen(1, "x")], protocol) for protocol in (2, 4, 5)]
    for ok, text in render([(None, data) for data in made]):
        assert ok and json.loads(text) == [{"__class__": "%s.Frozen" % __name__, "__state__": [1, "x"]}], text


# --- Hostile pickles ---


class G:
    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    def __init__(self, function, *args, state=None, new=False):
        self.function, self.args, self.state, self.new = function, args, state, new


def put(x):
    """The opcodes of a value, also of calls of functions that are not there."""
    if isinstance(x, G):
        return put(x.module) + put(x.name) + b"\x93"
    if isinstance(x, Call):
        made = put(x.function) + put(tuple(x.args)) + (b"\x81" if x.new else b"R")
        return made + (put(x.state) + b"b" if x.state is not None else b"")
    if isinstance(x, tuple):
        return b"(" + b"".join(map(put, x)) + b"t"
    if isinstance(x, list):
        return b"](" + b"".join(map(put, x)) + b"e"
    if isinstance(x, dict):
        return b"}(" + b"".join(put(k) + put(v) for k, v in x.items()) + b"u"
    return pickle.dumps(x, 4)[2:-1]


def index_of(array):
    return b"\x80\x04" + put(Call(G("pandas.core.indexes.base", "_new_Index"), G("pandas", "Index"), {"data": array, "name": None})) + b"."


def nd(a):
    return Call(G("numpy._core.numeric", "_frombuffer"), a.tobytes(), a.dtype, a.shape, "C")


def backed(name, dtype, data):
    return Call(G("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"), G("pandas.arrays", name), 1, None, state=(dtype, data, {}))


def arrow(t, length, buffers, offset=0, children=(), dictionary=None):
    return Call(G("pyarrow.lib", "_restore_array"), (t, length, 0, offset, [None if b is None else Call(G("pyarrow.lib", "py_buffer"), b) for b in buffers], list(children), dictionary))


def alias(name):
    return Call(G("pyarrow.lib", "type_for_alias"), name)


def parts(call):
    return call.args[0]


def lists(inner, offsets, length):
    item = Call(G("pyarrow.lib", "field"), "item", parts(inner)[0], True, None)
    return arrow(Call(G("pyarrow.lib", "list_"), item), length, [None, np.array(offsets, "i4").tobytes()], children=[parts(inner)])


def category(codes, categories):
    index = Call(G("pandas.core.indexes.base", "_new_Index"), G("pandas", "Index"), {"data": nd(categories), "name": None})
    return backed("Categorical", Call(G("pandas", "CategoricalDtype"), state={"categories": index, "ordered": False}, new=True), nd(codes))


def masked(data, mask):
    return Call(G("pandas.arrays", "IntegerArray"), state={"_data": nd(data), "_mask": nd(mask)}, new=True)


def sparse(length, rows, values, lengths=None):
    kind = "IntIndex" if lengths is None else "BlockIndex"
    at = Call(G("pandas._libs.sparse", kind), length, nd(np.array(rows, "i4")), *([] if lengths is None else [nd(np.array(lengths, "i4"))]))
    return Call(G("pandas.arrays", "SparseArray"), new=True, state={"_sparse_index": at, "_sparse_values": nd(np.array(values)), "_dtype": Call(G("pandas", "SparseDtype"), new=True, state={"_dtype": np.dtype("i8"), "_fill_value": 0})})


def periods(freq, ordinals):
    return backed("PeriodArray", Call(G("pandas", "PeriodDtype"), "period[%s]" % freq), nd(np.array(ordinals, "i8")))


def times(unit, tz, ticks):
    return backed("DatetimeArray", Call(G("pandas", "DatetimeTZDtype"), state={"unit": unit, "tz": tz}, new=True), nd(np.array(ticks, "i8").view("M8[%s]" % unit)))


INT64, MIN64, MAX64 = alias("int64"), -2**63, 2**63 - 1
TEXT = alias("string")


def offsets(*values):
    return np.array(values, "i4").tobytes()


def bomb(levels, fan):
    """Lists of lists, each of which holds the same child many times over."""
    inner = arrow(alias("int8"), fan, [None, bytes(fan)])
    for _ in range(levels):
        inner = lists(inner, [0, fan] * fan, fan)
    return inner


def deep(levels):
    inner = arrow(alias("int8"), 1, [None, b"a"])
    for _ in range(levels):
        inner = lists(inner, [0, 1], 1)
    return inner


UNKNOWN_ZONE = Call(G("zoneinfo", "ZoneInfo._unpickle"), "Mars/Olympus", True)

# What is shown of each cell: a text, None for a missing one, or ... for one that is not supported. The whole is ... where
# no cell is.
HOSTILE = {
    "code out of range": (category(np.array([0, 2, -1, -2, 1], "i1"), np.array(["a", "b"])), ["a", ..., None, ..., "b"]),
    "code of a date out of range": (category(np.array([0, 2, -1, -2], "i1"), np.array([0, 1], "M8[ns]")), [str(np.datetime64(0, "ns")), ..., None, ...]),
    "codes that are no numbers": (category(np.array(["x"]), np.array(["a"])), ...),
    "masks that are short": (masked(np.arange(3), np.zeros(2, bool)), ...),
    "masks of numbers": (masked(np.arange(3), np.zeros(3, "i8")), ...),
    "masked dates": (masked(np.arange(3).view("M8[ns]"), np.zeros(3, bool)), ...),
    "sparse rows behind the end": (sparse(3, [0, 3], [1, 2]), ...),
    "sparse rows before the start": (sparse(3, [-1, 2], [1, 2]), ...),
    "sparse rows not in order": (sparse(3, [2, 1], [1, 2]), ...),
    "sparse rows twice": (sparse(3, [1, 1], [1, 2]), ...),
    "sparse without values": (sparse(3, [1, 2], [1]), ...),
    "sparse blocks": (sparse(6, [1, 4], [1, 2, 3], [2, 1]), ["0", "1", "2", "0", "3", "0"]),
    "sparse blocks that overlap": (sparse(6, [1, 2], [1, 2, 3], [2, 1]), ...),
    "sparse blocks that are long": (sparse(6, [1], [1, 2, 3], [2**31 - 1]), ...),
    "sparse and negative": (sparse(-1, [], []), ...),
    "periods far away": (periods("Y", [MAX64, MIN64 + 1, MIN64]), None),
    "weeks far away": (periods("W", [MAX64, MIN64 + 1]), None),
    "business days far away": (periods("B", [MAX64, MIN64 + 1]), None),
    "nanoseconds far away": (periods("ns", [MAX64, MIN64 + 1]), None),
    "no frequency": (periods("x", [1]), ...),
    "an anchor that is none": (periods("Q-XXX", [1]), ...),
    "many of a frequency": (periods("99999999999999999999M", [1]), ...),
    "times far away": (times("s", Call(G("pytz", "_p"), "Europe/Berlin", 3180, 0, "LMT"), [MAX64, MIN64 + 1, MIN64]), None),
    "a zone that is not known": (times("us", UNKNOWN_ZONE, [0]), ["1970-01-01T00:00:00+00:00[Mars/Olympus]"]),
    "a zone out of its folder": (times("us", Call(G("pytz", "_p"), "../../../etc/passwd"), [0]), ["1970-01-01T00:00:00+00:00[../../../etc/passwd]"]),
    "a zone that is no zone": (times("us", 7, [0]), ["1970-01-01T00:00:00+00:00[int]"]),
    "a unit of months": (backed("DatetimeArray", Call(G("pandas", "DatetimeTZDtype"), state={"tz": "UTC"}, new=True), nd(np.array([1], "M8[M]"))), ...),
    "elements missing": (arrow(INT64, 3, [None, bytes(16)]), ...),
    "no buffer": (arrow(INT64, 3, [None, None]), ...),
    "no buffers": (arrow(INT64, 3, []), ...),
    "a length that overflows": (arrow(INT64, 2**61 + 1, [None, bytes(16)]), ...),
    "a negative length": (arrow(INT64, -1, [None, bytes(16)]), ...),
    "an offset that overflows": (arrow(INT64, 2, [None, bytes(16)], offset=MAX64), ...),
    "an offset behind the end": (arrow(INT64, 2, [None, bytes(16)], offset=1), ...),
    "a bitmap that is short": (arrow(INT64, 9, [b"\xff", bytes(72)]), ...),
    "a bitmap": (arrow(INT64, 3, [b"\x05", bytes(24)]), ["0", None, "0"]),
    "texts that go back": (arrow(TEXT, 2, [None, offsets(0, 2, 1), b"ab"]), ["ab", ...]),
    "texts behind the end": (arrow(TEXT, 2, [None, offsets(0, 1, 9), b"ab"]), ["a", ...]),
    "texts before the start": (arrow(TEXT, 2, [None, offsets(-1, 1, 2), b"ab"]), [..., "b"]),
    "texts without offsets": (arrow(TEXT, 2, [None, offsets(0, 1), b"ab"]), ...),
    "texts without text": (arrow(TEXT, 1, [None, offsets(0, 1), None]), [...]),
    "texts that are none": (arrow(TEXT, 3, [None, offsets(0, 1, 2, 3), b"a\xffb"]), ["a", ..., "b"]),
    "views into nowhere": (arrow(alias("string_view"), 3, [None, struct.pack("<i12siiiiiiii", 1, b"x", 13, 0, 7, 0, 13, 0, 0, 1), b"y" * 13]), ["x", ..., ...]),
    "views that are long": (arrow(alias("string_view"), 1, [None, struct.pack("<iiii", -1, 0, 0, 0)]), [...]),
    "half of a view": (arrow(alias("string_view"), 1, [None, bytes(15)]), ...),
    "an index behind the dictionary": (arrow(Call(G("pyarrow.lib", "dictionary"), alias("int8"), TEXT, False), 3, [None, b"\x00\x01\xff"], dictionary=parts(arrow(TEXT, 1, [None, offsets(0, 1), b"a"]))), ["a", ..., ...]),
    "no dictionary": (arrow(Call(G("pyarrow.lib", "dictionary"), alias("int8"), TEXT, False), 1, [None, b"\x00"]), ...),
    "a dictionary of floats' indices": (arrow(Call(G("pyarrow.lib", "dictionary"), alias("double"), TEXT, False), 1, [None, bytes(8)], dictionary=parts(arrow(TEXT, 1, [None, offsets(0, 1), b"a"]))), ...),
    "lists behind the child": (lists(arrow(alias("int8"), 2, [None, b"ab"]), [0, 2, 3], 2), [[97, 98], ...]),
    "lists that go back": (lists(arrow(alias("int8"), 2, [None, b"ab"]), [2, 0], 1), [...]),
    "lists without a child": (arrow(Call(G("pyarrow.lib", "list_"), alias("int8")), 1, [None, offsets(0, 1)]), ...),
    "fixed lists behind the child": (arrow(Call(G("pyarrow.lib", "list_"), alias("int8"), 2), 2, [None], children=[parts(arrow(alias("int8"), 3, [None, b"abc"]))]), ...),
    "empty lists without end": (Call(G("pyarrow.lib", "chunked_array"), [arrow(Call(G("pyarrow.lib", "list_"), alias("int8"), 0), 2**62, [None], children=[parts(arrow(alias("int8"), 1, [b"\x00", b"a"]))]), 7], INT64), ...),
    "lists that share a child": (Call(G("pyarrow.lib", "chunked_array"), [lists(arrow(alias("int8"), 10**5, [b"\xff" * 12500, bytes(10**5)]), [0, 10**5] * 10**5, 2 * 10**5 - 1), 7], INT64), ...),
    "structs behind the child": (arrow(Call(G("pyarrow.lib", "struct"), [Call(G("pyarrow.lib", "field"), "a", alias("int8"), True, None)]), 2, [None], children=[parts(arrow(alias("int8"), 1, [None, b"a"]))]), ...),
    "structs without fields": (arrow(Call(G("pyarrow.lib", "struct"), []), 1, [None], children=[parts(arrow(alias("int8"), 1, [None, b"a"]))]), ...),
    "a map of no pairs": (arrow(Call(G("pyarrow.lib", "map_"), alias("int8"), alias("int8")), 1, [None, offsets(0, 1)], children=[parts(arrow(alias("int8"), 1, [None, b"a"]))]), ...),
    "a list in itself many times": (bomb(8, 30), [...] * 30),
    "lists in lists": (deep(40), ...),
    "a type that is none": (arrow(alias("float128"), 1, [None, bytes(16)]), ...),
    "a union": (arrow(Call(G("pyarrow.lib", "union"), [], "sparse", [0]), 1, [None, b"\x00"]), ...),
    "chunks of two types": (Call(G("pyarrow.lib", "chunked_array"), [arrow(INT64, 1, [None, bytes(8)]), arrow(TEXT, 1, [None, offsets(0, 1), b"a"])], INT64), ["0", "a"]),
    "chunks that are none": (Call(G("pyarrow.lib", "chunked_array"), [7], INT64), ...),
    "chunks of all lengths": (Call(G("pyarrow.lib", "chunked_array"), [arrow(alias("null"), MAX64, [None])] * 3, alias("null")), ...),
    "decimals": (arrow(Call(G("pyarrow.lib", "decimal128"), 38, 2), 1, [None, b"\xff" * 16]), ["-0.01"]),
    "decimals without end": (arrow(Call(G("pyarrow.lib", "decimal128"), 38, MAX64), 1, [None, b"\xff" * 16]), ...),
    "a time of no day": (arrow(alias("time64[us]"), 2, [None, np.array([86400 * 10**6, -1]).tobytes()]), [..., ...]),
    "dates far away": (arrow(alias("date64[ms]"), 2, [None, np.array([MAX64, MIN64]).tobytes()]), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name):
    """S373: lengths, codes, offsets, bitmaps and types that cannot be."""
    array, want = HOSTILE[name]
    got, = dump([index_of(array)])
    cells = [cell for column in got.get("columns", []) for cell in column["json"]]
    fields = [cell for column in got.get("columns", []) for cell in column["csv"]]
    assert [cell[0] == "unsupported" for cell in cells] == [cell[0] == "unsupported" for cell in fields], got
    if want is ...:
        assert "error" in got or all(cell[0] == "unsupported" for cell in cells), got
    elif want is None:
        assert cells and [cell[0] for cell in cells] == ["text", "text", "na"][:len(cells)], got
    else:
        assert [... if cell[0] == "unsupported" else cell[1] for cell in cells] == want, got


def test_changed_bytes(cases):
    """S373: pickles of every type with bytes that are not theirs."""
    r = random.Random(SEED)
    datas = []
    for name, made, *_ in cases[1]["series"]:
        if name.startswith("changes"):
            continue
        for _ in range(12):
            bad = bytearray(r.choice(made))
            for _ in range(r.choice([1, 1, 2, 5])):
                bad[r.randrange(len(bad))] = r.randrange(256)
            datas.append(bytes(bad))
    dump(datas)
