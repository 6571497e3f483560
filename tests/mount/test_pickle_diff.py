"""The pickle reader and its renderers against Python: random values by both picklers at every protocol,
compared with the JSON rules written once more, in Python, on the live value; and hostile input."""
import collections
import datetime
import decimal
import enum
import fractions
import io
import json
import math
import os
import pathlib
import pickle
import random
import re
import struct
import subprocess
import uuid
import zoneinfo

import pytest

np = pytest.importorskip("numpy")

BUILD = os.environ.get("METAFLOWFS_BUILD")
TOOL = pathlib.Path(BUILD or ".").resolve() / "tests" / "pickle_dump"
pytestmark = pytest.mark.skipif(not BUILD, reason="METAFLOWFS_BUILD names no build directory")

SEED = 20260101


class Color(enum.Enum):
    RED = 1
    TEXT = "t"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Plain:
    def __init__(self, **state):
        self.__dict__.update(state)


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class Numbers(list):
    pass


class Table(dict):
    pass


Point = collections.namedtuple("Point", "x y")


# --- The tool ---


def ask(requests):
    """requests: (recorded type or None for JSON, pickle). Yields (ok, bytes)."""
    message = io.BytesIO()
    for kind, data in requests:
        if kind is None:
            message.write(b"j")
        else:
            message.write(b"n" + struct.pack("<I", len(kind)) + kind.encode())
        message.write(struct.pack("<I", len(data)) + data)
    done = subprocess.run([TOOL], input=message.getvalue(), capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    answers, at = [], 0
    while at < len(done.stdout):
        size = struct.unpack_from("<I", done.stdout, at + 1)[0]
        answers.append((done.stdout[at : at + 1] == b"=", done.stdout[at + 5 : at + 5 + size]))
        at += 5 + size
    assert len(answers) == len(requests)
    return answers


def ask_one(data, kind=None):
    return ask([(kind, data)])[0]


# --- The rules, on live values ---


def unsupported(cls):
    return f"UnsupportedType : {cls.__module__}.{cls.__qualname__}"


def number(text):
    return f"\ue000{text}\ue000"  # stands for the bare text in JSON


def special(x):
    return {"__float__": "NaN" if math.isnan(x) else "-Infinity" if x < 0 else "Infinity"}


def class_name(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


SCALARS = (decimal.Decimal, fractions.Fraction, uuid.UUID, complex, range, datetime.timedelta, pathlib.PurePath)
DATES = (datetime.date, datetime.time)
SORTABLE = [(bool, int, float, np.integer, np.floating), (str,), (bytes,), (tuple,), (datetime.date,), (uuid.UUID,), (datetime.timedelta,)]


def numpy_scalar(v):
    if isinstance(v, np.bool_):
        return bool(v)
    if isinstance(v, np.integer) and not isinstance(v, np.timedelta64):
        return int(v)
    if isinstance(v, np.floating):
        return number(str(v)) if np.isfinite(v) else special(float(v))
    if isinstance(v, np.bytes_):
        return rules(bytes(v))
    if isinstance(v, np.void):
        return [rules(x) for x in v.item()] if v.dtype.names else rules(v.item())
    return str(v)


def numpy_array(v):
    if v.ndim:
        return [numpy_array(x) if isinstance(x, np.ndarray) else rules(x) for x in v]
    return rules(v.item() if v.dtype == object else v[()])


def set_items(v):
    items = list(v)
    for types in SORTABLE:
        if all(isinstance(x, types) for x in items):
            try:
                return sorted(items)
            except TypeError:
                return items
    return items


def literal(v):
    if isinstance(v, enum.Enum):
        return f"{class_name(type(v))}({literal(v.value)})"
    if isinstance(v, tuple):
        return f"({literal(v[0])},)" if len(v) == 1 else f"({', '.join(map(literal, v))})"
    if isinstance(v, frozenset):
        return f"frozenset({{{', '.join(map(literal, set_items(v)))}}})" if v else "frozenset()"
    if isinstance(v, np.generic):
        return repr(v.item())
    if isinstance(v, DATES):
        return repr(v.isoformat())
    if isinstance(v, SCALARS) and not isinstance(v, complex):
        return repr(str(v))
    return repr(v)


def key(k):
    if isinstance(k, enum.Enum):
        return literal(k)
    if isinstance(k, np.str_):
        return str(k)
    if isinstance(k, str):
        return k
    if isinstance(k, DATES):
        return k.isoformat()
    if isinstance(k, SCALARS):
        return str(k)
    return literal(k)


def mapping(v):
    keys = [key(k) for k in v]
    if len(set(keys)) < len(keys):
        return {"__items__": [[rules(k), rules(x)] for k, x in v.items()]}
    return {k: rules(x) for k, x in zip(keys, v.values())}


def instance(v):
    state = dict(getattr(v, "__dict__", {}))
    for name in getattr(v, "__slots__", ()):
        state[name] = getattr(v, name)
    return {"__class__": class_name(type(v)), **{k: rules(x) for k, x in state.items()}}


def rules(v):
    if isinstance(v, enum.Enum):
        return {"__class__": class_name(type(v)), "value": rules(v.value)}
    if isinstance(v, np.ndarray):
        return numpy_array(v)
    if isinstance(v, np.generic):
        return numpy_scalar(v)
    if v is None or isinstance(v, (bool, int, str)):
        return v
    if isinstance(v, float):
        return v if math.isfinite(v) else special(v)
    if isinstance(v, (bytes, bytearray)):
        import base64

        return {"__bytes__": base64.b64encode(v).decode()}
    if isinstance(v, (set, frozenset)):
        return [rules(x) for x in set_items(v)]
    if isinstance(v, (list, tuple, collections.deque, collections.UserList)):
        return [rules(x) for x in v]
    if isinstance(v, collections.ChainMap):
        return mapping(dict(v))
    if isinstance(v, (dict, collections.UserDict)):
        return mapping(v)
    if isinstance(v, DATES):
        return v.isoformat()
    if isinstance(v, SCALARS):
        return str(v)
    if isinstance(v, BaseException):
        return {"__class__": class_name(type(v)), "args": rules(v.args)}
    if isinstance(v, type):
        return unsupported(v)
    return instance(v)


def expected_json(v):
    text = json.dumps(rules(v), indent=2, ensure_ascii=False) + "\n"
    text = re.sub('"\ue000([^\ue000]*)\ue000"', r"\1", text)
    return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", text).encode()


# --- Random values ---


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def text(self):
        r = self.r
        pools = ["abcXYZ _-", "é€ß\x7f\x80ÿ", "\U0001f600\u4e2d\ud7a3\ue123", "\n\r\t\\\"'\x00\x1f/", "\ud800", "\\u0041\\x"]
        n = r.choice([0, 1, 3, 8, 40, r.randrange(300)])
        return "".join(r.choice(pools[0] if r.random() < 0.6 else r.choice(pools)) for _ in range(n))

    def integer(self):
        r = self.r
        bits = r.choice([1, 7, 8, 15, 16, 31, 32, 63, 64, 65, 127, 128, 1000, 2050])
        return r.choice([1, -1]) * (r.getrandbits(bits) if r.random() < 0.5 else (1 << bits) - r.randrange(2))

    def real(self):
        r = self.r
        if r.random() < 0.5:
            return struct.unpack("d", r.randbytes(8))[0]
        return r.choice([0.0, -0.0, 0.1, 1e16, 1e15, 1e-4, 1e-5, 5e-324, 2.0**-44, 1.7976931348623157e308, math.inf,
                         -math.inf, math.nan, 123456789.0, 2.0**53, 2.0**63, r.random(), round(r.uniform(-1e6, 1e6), 2),
                         float(2 ** r.randrange(-1074, 1023)), float(r.randrange(10**6)), 10.0 ** r.randrange(-30, 30)])

    def data(self):
        return self.r.randbytes(self.r.choice([0, 1, 2, 3, 10, 300]))

    def moment(self):
        r = self.r
        zone = r.choice([None, datetime.timezone.utc, datetime.timezone(datetime.timedelta(seconds=r.randrange(-86399, 86400))),
                         datetime.timezone(datetime.timedelta(hours=1, microseconds=7), "odd"),
                         zoneinfo.ZoneInfo(r.choice(["Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata",
                                                     "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin"]))])
        return datetime.datetime(r.choice([1, 1900, 1950, 1999, 2020, 2037, 2060, 9999]), r.randrange(1, 13), r.randrange(1, 29),
                                 r.randrange(24), r.randrange(60), r.randrange(60), r.choice([0, r.randrange(10**6)]),
                                 zone, fold=r.randrange(2))

    def delta(self):
        r = self.r
        return datetime.timedelta(r.choice([0, 1, -1, 2, r.randrange(-999999, 999999)]), r.randrange(86400), r.choice([0, 1, r.randrange(10**6)]))

    def standard(self):
        r = self.r
        return r.choice([
            self.moment, lambda: self.moment().date(), lambda: self.moment().time(), self.delta,
            lambda: datetime.time(1, 2, 3, tzinfo=datetime.timezone.utc),
            lambda: datetime.time(1, 2, 3, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
            lambda: decimal.Decimal(r.choice(["1.50", "-0", "NaN", "Infinity", "1E+20", str(self.integer())])),
            lambda: fractions.Fraction(r.randrange(-99, 99), r.randrange(1, 9)),
            lambda: uuid.UUID(bytes=r.randbytes(16)), lambda: uuid.UUID(int=r.choice([0, 5, 2**63, 2**64 - 1])),
            lambda: complex(self.real(), self.real()), lambda: range(r.randrange(9), r.randrange(99), r.choice([1, 2, -1])),
            lambda: pathlib.PurePosixPath(r.choice(["/a/b", "a", ".", "/", "//x/y", "a/../b"])),
            lambda: pathlib.PureWindowsPath(r.choice(["C:/x/y", "C:x", "//host/share/x", "x"])),
        ])()

    def numpy_scalar(self):
        r = self.r
        kind = r.choice("biufcMmUSV")
        if kind == "b":
            return np.bool_(r.random() < 0.5)
        if kind in "iu":
            t = np.dtype(kind + r.choice("1248")).type
            return t(r.randrange(int(np.iinfo(t).min), int(np.iinfo(t).max) + 1))
        if kind == "f":
            t = r.choice([np.float16, np.float32, np.float64, np.longdouble])
            return self.narrow(t)
        if kind == "c":
            with np.errstate(all="ignore"):
                return r.choice([np.complex64, np.complex128])(complex(self.real(), self.real()))
        if kind == "M":
            unit = r.choice("Y M W D h m s ms us ns ps fs as".split())
            return np.datetime64(r.choice([r.randrange(-(2**62), 2**62) if unit not in "YMWD" else r.randrange(-1900, 10**5), 0, 1, -1]), unit)
        if kind == "m":
            return np.timedelta64(r.randrange(-(10**12), 10**12), r.choice("Y M W D h m s ms us ns ps fs as".split()))
        if kind == "U":
            return np.str_(self.text().replace("\x00", ""))
        if kind == "S":
            return np.bytes_(self.data().rstrip(b"\x00"))
        return np.array([(1, 2.5, "x")], [("a", ">i4"), ("b", "f8"), ("c", "U3")])[0]

    def narrow(self, t):
        with np.errstate(all="ignore"):
            if t in (np.float16, np.float32) and self.r.random() < 0.6:
                size = np.dtype(t).itemsize
                return np.frombuffer(self.r.randbytes(size), t)[0]
            return t(self.real())

    def array(self):
        r = self.r
        shape = tuple(r.randrange(4) for _ in range(r.randrange(4)))
        count = math.prod(shape)
        kind = r.choice(["?", "i1", "<i8", ">u4", "f4", ">f8", "f2", "c8", "U3", "S4", "M8[s]", ">M8[ns]", "m8[D]", "O", "rec", "sub", "V5"])
        if kind == "O":
            a = np.empty(count, object)
            for i in range(count):
                a[i] = self.value(3)
        elif kind == "rec":
            a = np.zeros(count, [("a", ">i2"), ("b", [("x", "f8"), ("y", "U2")])])
            a["a"] = [r.randrange(99) for _ in range(count)]
        elif kind == "sub":
            a = np.zeros(count, [("m", "i4", (2, 2)), ("n", "?")])
            a["m"] = r.randrange(99)
        else:
            a = np.frombuffer(r.randbytes(count * np.dtype(kind).itemsize), np.uint8)
            a = (a % 2).view(kind) if kind == "?" else (a % 100).astype("u4").astype("<U3") if kind == "U3" else a.view(kind)
            a = np.resize(a, count)
        a = a.reshape(shape)
        return np.asfortranarray(a) if r.random() < 0.4 else a

    def hashable(self, depth=0):
        r = self.r
        choices = [self.text, self.integer, lambda: None, lambda: r.random() < 0.5, lambda: r.uniform(-9, 9), self.data,
                   lambda: datetime.date(2020, 1, r.randrange(1, 29)), lambda: Color.RED, lambda: np.int64(r.randrange(99))]
        if depth < 2:
            choices += [lambda: tuple(self.hashable(depth + 1) for _ in range(r.randrange(4))),
                        lambda: frozenset(r.randrange(9) for _ in range(r.randrange(4)))]
        return self.r.choice(choices)()

    def some_set(self):
        r = self.r
        make = r.choice([lambda: r.randrange(-99, 99), self.text, self.data, lambda: (r.randrange(3), r.choice("abc")),
                         lambda: r.choice([1.5, 2, 2**70, -(2**70), 1e300, r.random()]), lambda: datetime.date(2020, 1, r.randrange(1, 29)),
                         self.hashable, lambda: uuid.UUID(bytes=r.randbytes(16)), self.delta,
                         lambda: np.int16(r.randrange(-9, 9)), lambda: np.float32(r.random())])
        return r.choice([set, frozenset])(make() for _ in range(r.randrange(6)))

    def some_dict(self, depth):
        r = self.r
        make = r.choice([self.text, self.text, lambda: r.randrange(99), self.hashable])
        d = {make(): self.value(depth + 1) for _ in range(r.randrange(6))}
        return r.choice([dict, dict, collections.OrderedDict, collections.UserDict, lambda x: collections.defaultdict(list, x),
                         lambda x: collections.ChainMap({"a": 1, 5: 2}, x), lambda x: Table(x, t=1)])(d)

    def some_list(self, depth):
        r = self.r
        n = r.choice([0, 1, 2, 3, 4, 7])
        items = [self.value(depth + 1) for _ in range(n)]
        if n and r.random() < 0.2:
            items.append(items[0])  # shared
        return r.choice([list, list, tuple, collections.deque, collections.UserList])(items)

    def value(self, depth=0):
        r = self.r
        x = r.random()
        if depth < 4 and x < 0.35:
            return self.some_list(depth) if x < 0.18 else self.some_dict(depth)
        return r.choice([
            lambda: None, lambda: r.random() < 0.5, self.integer, self.integer, self.real, self.real, self.text, self.text,
            self.data, lambda: bytearray(self.data()), self.standard, self.standard, self.numpy_scalar, self.some_set,
            self.array, lambda: r.choice([Color.RED, Color.TEXT, Color.PAIR, Level.LOW]), lambda: Point(1, self.text()),
            lambda: Plain(a=self.integer(), b=self.text()), lambda: Slots(1, [2]), lambda: Numbers([1, 2]),
            lambda: collections.Counter(self.text()), lambda: r.choice([int, Color, Plain, ValueError("x")]),
        ])()


def python_dumps(value, protocol):
    out = io.BytesIO()
    pickle._Pickler(out, protocol).dump(value)
    return out.getvalue()


def pickles(value):
    for protocol in range(6):
        for dumps in (pickle.dumps, python_dumps):
            try:
                yield protocol, dumps(value, protocol)
            except Exception:  # some values have no pickle at some protocols
                pass


@pytest.mark.parametrize("part", range(4))
def test_random_values(part):
    maker = Maker(SEED + part)
    cases = []
    for _ in range(600):
        value = maker.value()
        for protocol, data in pickles(value):
            # What it is compared with is what Python itself reads back (sets may be ordered anew).
            try:
                cases.append((protocol, data, pickle.loads(data)))
            except TypeError:  # numpy cannot read its own empty strings
                assert b"numpy" in data
    assert len(cases) > 6000
    for (protocol, data, value), (ok, text) in zip(cases, ask([(None, data) for _, data, _ in cases])):
        want = expected_json(value)
        if ok and text == want:
            continue
        if ok and same_but_order(text, want):
            continue
        pytest.fail(f"protocol {protocol}\nvalue {value!r}\npickle {data!r}\ngot  {text!r}\nwant {want!r}")


def same_but_order(text, want):
    """Sets that cannot be sorted come in the pickle's order, which reading them does not keep."""
    def canonical(x):
        if isinstance(x, dict):
            return json.dumps({k: json.loads(canonical(v)) for k, v in x.items()}, sort_keys=True)
        if isinstance(x, list):
            return json.dumps(sorted(json.dumps(json.loads(canonical(v)), sort_keys=True) for v in x))
        return json.dumps(x)
    return canonical(json.loads(text)) == canonical(json.loads(want))


def natural_text(v):
    if v is None or isinstance(v, bool):
        return json.dumps(v)
    if isinstance(v, np.generic):
        return str(v)
    if isinstance(v, float):
        return repr(v) if math.isfinite(v) else json.dumps(v)
    return v.isoformat() if isinstance(v, DATES) else str(v)


def test_natural_forms():
    maker = Maker(SEED)
    cases = []
    for _ in range(1500):
        make = maker.r.choice([maker.integer, maker.real, maker.standard, maker.numpy_scalar, lambda: None, lambda: True])
        value = make()
        if isinstance(value, np.void):
            continue
        for _, data in pickles(value):
            cases.append((value, data, (natural_text(value) + "\n").encode("utf-8", "surrogatepass")))
    for _ in range(300):
        for value in (maker.text(), maker.data(), bytearray(maker.data())):
            raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
            cases += [(value, data, raw) for _, data in pickles(value)]
    answers = ask([(str(type(value)), data) for value, data, _ in cases])
    for (value, data, want), answer in zip(cases, answers):
        assert answer == (True, want), (value, data)


def test_plain_values_load_equal():
    maker = Maker(SEED + 9)

    def plain(depth):
        r = maker.r
        if depth < 4 and r.random() < 0.5:
            if r.random() < 0.5:
                return [plain(depth + 1) for _ in range(r.randrange(5))]
            return {maker.text(): plain(depth + 1) for _ in range(r.randrange(5))}
        x = r.choice([maker.integer, maker.real, maker.text, lambda: None, lambda: True])()
        return x if not isinstance(x, float) or math.isfinite(x) else 0.0

    values = [plain(0) for _ in range(500)]
    cases = [(value, data) for value in values for _, data in pickles(value)]
    for (value, data), (ok, text) in zip(cases, ask([(None, data) for _, data in cases])):
        assert ok and json.loads(text) == value, data


def test_references():
    a = [1]
    a.append({"x y": a, "b": {"me": a}})
    d = {}
    d["d"] = (d, [d])
    d[1] = d
    o = Plain()
    o.me = [o]
    for value, want in ((a, [1, {"x y": {"__ref__": "$"}, "b": {"me": {"__ref__": "$"}}}]),
                        ({"k": [0, a]}, {"k": [0, [1, {"x y": {"__ref__": "$.k[1]"}, "b": {"me": {"__ref__": "$.k[1]"}}}]]}),
                        (d, {"d": [{"__ref__": "$"}, [{"__ref__": "$"}]], "1": {"__ref__": "$"}}),
                        ({"a b": o}, {"a b": {"__class__": class_name(Plain), "me": [{"__ref__": '$["a b"]'}]}})):
        for _, data in pickles(value):
            ok, text = ask_one(data)
            assert ok and json.loads(text) == want


SAMPLES = [
    {"a": [1, 2.5, None, True, "é\ud800", b"\x00\xff", 2**70], "s": {1, 2}, "t": (1, (2,)), "d": datetime.datetime(2020, 1, 2, 3)},
    [np.arange(6).reshape(2, 3), np.float32(0.1), np.array([(1, "x")], [("a", "i4"), ("b", "U2")]), np.array([1, None], object)],
    [decimal.Decimal("1.5"), uuid.UUID(int=7), Color.RED, Point(1, 2), collections.OrderedDict(a=1), Plain(a=1), pathlib.PurePosixPath("/a")],
]


@pytest.mark.parametrize("protocol", range(6))
def test_truncated(protocol):
    for value in SAMPLES:
        data = pickle.dumps(value, protocol)
        for ok, text in ask([(None, data[:n]) for n in range(len(data))]):
            assert not ok and text.startswith(b"corrupt: "), text


@pytest.mark.parametrize("protocol", range(6))
def test_flipped_bytes(protocol):
    r = random.Random(SEED + protocol)
    requests = []
    for value in SAMPLES:
        data = pickle.dumps(value, protocol)
        for _ in range(1000):
            bad = bytearray(data)
            for _ in range(r.choice([1, 1, 1, 3])):
                bad[r.randrange(len(bad))] = r.randrange(256)
            requests.append((None, bytes(bad)))
    for ok, text in ask(requests):
        if ok:
            json.loads(text)
        else:
            assert text.split(b":")[0] in (b"corrupt", b"limit"), text


@pytest.mark.parametrize("data", [
    b"cos\nsystem\n(S'touch EXECUTED'\ntR.",
    b"cposix\nsystem\n(Vtouch EXECUTED\ntR.",
    b"(S'touch EXECUTED'\nios\nsystem\n.",
    b"(cos\nsystem\nS'touch EXECUTED'\no.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0etouch EXECUTED\x85R.",
    b"\x80\x02c__builtin__\neval\nV__import__('os').system('touch EXECUTED')\n\x85R.",
])
def test_nothing_is_executed(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ok, text = ask_one(data)
    assert ok and re.match(rb'"UnsupportedType : \w+\.\w+"\n|\{\n  "__class__"', text), text
    assert not list(tmp_path.iterdir())


def laughs(levels, fan):
    data = b"\x80\x04]\x94"
    for level in range(levels):
        data += b"](" + b"j" + struct.pack("<I", level)
        data += (b"j" + struct.pack("<I", level)) * (fan - 1) + b"e\x94"
    return data + b"."


@pytest.mark.parametrize("data, outcome", [
    (b"(" * 10**6, b"limit: "),
    (b"]" * 10**6 + b"a" * (10**6 - 1) + b".", b"limit: "),
    (b")" + b"\x85" * 10**6 + b".", b"limit: "),
    (b"}" * 10**5 + b"K\x01" + b"N" * 0 + b".", b"1"),
    (b"\x80\x04Nr\xff\xff\xff\xffj\xff\xff\xff\xff.", b"null\n"),
    (b"Np999999999999999999\ng999999999999999999\n.", b"null\n"),
    (b"Np9999999999999999999\n.", b"corrupt: "),
    (b"".join(b"Nr" + struct.pack("<I", i * 40000 + 7) + b"0" for i in range(1, 100000)) + b"N.", b"null\n"),
    (b"\x80\x04\x8d" + b"\xff" * 8 + b".", b"corrupt: "),
    (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".", b"corrupt: "),
    (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".", b"corrupt: "),
    (b"\x80\x04\x95" + b"\xff" * 8 + b"N.", b"corrupt: "),
    (b"B\xff\xff\xff\xff.", b"corrupt: "),
    (b"\x8b\xff\xff\xff\x7f.", b"corrupt: "),
    (b"L" + b"9" * 300000 + b"L\n.", b"limit: "),
    (b"\x8b" + struct.pack("<I", 300000) + b"\x01" * 300000 + b".", b'"UnsupportedType : builtins.int"\n'),
    (b"\x80\x07N.", b"corrupt: "), (b"\x80\x04\xffN.", b"corrupt: "), (b"", b"corrupt: "), (b".", b"corrupt: "),
    (b"0.", b"corrupt: "), (b"t.", b"corrupt: "), (b"NNR.", b"corrupt: "), (b"]Nb.", b"[]\n"), (b"](NNs.", b"corrupt: "),
    (b"\x80\x04(Q.", b"corrupt: "), (b"NQ.", b'"UnsupportedType : persistent id"\n'), (b"\x82\x05.", b'"UnsupportedType : extension 5"\n'),
    (b"\x97\x98.", b'"UnsupportedType : out-of-band buffer"\n'), (b"I01\n.", b"true\n"), (b"I00\n.", b"false\n"), (b"I-7\n.", b"-7\n"),
    (b"L12L\n.", b"12\n"), (b"Fnan\n.", b'{\n  "__float__": "NaN"\n}\n'), (b"F1e5\n.", b"100000.0\n"), (b"Fx\n.", b"corrupt: "),
    (b"S'a\\x41\\n\\101\\q'\n.", b'"aA\\nA\\\\q"\n'), (b'S"a\'b"\n.', b'"a\'b"\n'), (b"Sabc\n.", b"corrupt: "),
    (b"U\x02\xc3\xa9.", b'{\n  "__bytes__": "w6k="\n}\n'), (b"V\\u20ac\xe9\n.", '"€é"\n'.encode()), (b"V\\u20\n.", b"corrupt: "),
    (b"X\x02\x00\x00\x00\xff\xff.", b"corrupt: "), (b"(c__main__\nPoint\nK\x01o.", b'{\n  "__class__": "__main__.Point",\n  "value": 1\n}\n'),
])
def test_hostile(data, outcome):
    ok, text = ask_one(data)
    assert text.startswith(outcome), text[:300]
    assert ok == (not outcome.endswith(b": "))


def test_billion_laughs():
    ok, text = ask_one(laughs(12, 10))  # ends when the tool's 64 MiB are full
    assert not ok and text.startswith(b"interrupted: ")


def test_big_values():
    text = "x" * (40 << 20)
    assert ask_one(pickle.dumps(text, 4), "<class 'str'>") == (True, text.encode())
    numbers = list(range(200)) * 10000
    ok, shown = ask_one(pickle.dumps(numbers, 4))
    assert ok and json.loads(shown) == numbers
