"""Many kinds of values: every type that metaflowfs has a natural form for, at the sizes where the
form or its length changes, and types that it has none for."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid

import numpy
import pandas
from metaflow import FlowSpec, step

Point = collections.namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = "red"
    BLUE = 2


@dataclasses.dataclass
class Config:
    name: str
    sizes: list
    inner: dict


class Custom:
    def __init__(self):
        self.answer = 42
        self.text = "plain state"


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1
        self.b = [2, 3]


def text_of(n):
    return ("0123456789abcdef" * (n // 16 + 1))[:n]


class ValuesFlow(FlowSpec):
    class_constant = "a constant of the class"

    @step
    def start(self):
        self.int_zero = 0
        self.int_small = 7
        self.int_255 = 255
        self.int_256 = 256
        self.int_65535 = 65535
        self.int_65536 = 65536
        self.int_large = 2**31 - 1
        self.int_64 = 2**63
        self.int_negative = -1
        self.int_negative_large = -(2**40)
        self.int_huge = 3**2000
        self.int_negative_huge = -(7**1500)
        self.bool_true = True
        self.bool_false = False
        self.nothing = None
        self.float_tenth = 0.1
        self.float_zero = 0.0
        self.float_negative_zero = -0.0
        self.float_integral = 2.0
        self.float_small = 1e-05
        self.float_large = 1e16
        self.float_huge = 1.7976931348623157e308
        self.float_tiny = 5e-324
        self.float_nan = float("nan")
        self.float_inf = float("inf")
        self.float_ninf = float("-inf")
        self.next(self.texts)

    @step
    def texts(self):
        self.str_empty = ""
        self.str_ascii = "hello"
        self.str_newline = "two\nlines\n"
        self.str_unicode = "grün 日本語 \U0001f600 \u0000 \t end"
        self.str_crlf = "a\r\nb\r\n"
        for n in (1, 255, 256, 257, 300, 65526, 65527, 65531, 65535, 65536, 65540, 65544, 65545):
            setattr(self, "str_%d" % n, text_of(n))
            setattr(self, "bytes_%d" % n, text_of(n).encode())
        self.str_mebibyte = text_of(1 << 20)
        self.str_unicode_long = "äöü日" * 20000
        self.bytes_empty = b""
        self.bytes_all = bytes(range(256))
        self.bytes_mebibyte = bytes(range(256)) * 4096
        self.bytearray_empty = bytearray()
        self.bytearray_small = bytearray(b"abc\x00\xff")
        self.bytearray_large = bytearray(bytes(range(256)) * 400)
        self.größe = "a name that is not ASCII"
        setattr(self, "long_name_" + "x" * 190, "a long name")
        self._hidden = "the client does not list it"
        self.next(self.containers)

    @step
    def containers(self):
        self.list_empty = []
        self.tuple_empty = ()
        self.dict_empty = {}
        self.set_empty = set()
        self.frozenset_empty = frozenset()
        self.list_mixed = [1, 2.5, "three", None, True, b"four", [5, [6]], {"seven": 7}]
        self.list_long = list(range(20000))
        self.list_floats = [0.1, 1e-07, 1e22, float("nan"), float("inf"), float("-inf"), -0.0]
        self.list_big_text = ["x", text_of(70000), "y"]
        self.list_huge_ints = [3**200, -(2**64), 2**63 - 1]
        self.list_shared = [[1]] * 3
        self.list_self = [1, 2]
        self.list_self.append(self.list_self)
        self.dict_self = {"name": "loop"}
        self.dict_self["me"] = {"deeper": self.dict_self}
        self.tuple_nested = (1, ("two", (3.0,)), None)
        self.set_ints = {3, 1, 2}
        self.set_texts = {"b", "a", "c"}
        self.frozenset_ints = frozenset({10, 9})
        self.set_mixed = {"only"}
        self.dict_plain = {"b": 1, "a": [1, 2], "c": {"d": None}}
        self.dict_keys = {1: "int", 2.5: "float", (1, 2): "tuple", None: "none", True and b"k": "bytes"}
        self.dict_keys_meet = {1: "int", "1": "text"}
        self.dict_unicode = {"ключ": "значение", "quote\"": "back\\slash", "ctl\x01": "\x7f\u2028"}
        self.ordered = collections.OrderedDict([("z", 1), ("a", 2)])
        self.default = collections.defaultdict(list, {"k": [1]})
        self.counter = collections.Counter("abracadabra")
        self.deque = collections.deque([1, 2, 3], maxlen=5)
        self.named = Point(1, y=[2])
        self.chain = collections.ChainMap({"a": 1}, {"b": 2})
        self.user_dict = collections.UserDict({"k": [1]})
        self.user_list = collections.UserList([1, "two"])
        deep = "bottom"
        for _ in range(60):
            deep = [deep]
        self.list_deep = deep
        self.list_of_scalars = [
            datetime.datetime(2024, 2, 29, 1, 2, 3, 4),
            datetime.date(2024, 2, 29),
            decimal.Decimal("1.10"),
            fractions.Fraction(1, 3),
            uuid.UUID(int=5),
            1 + 2j,
            range(3),
            Color.RED,
            numpy.float32(0.1),
            numpy.int64(5),
            Point(1, 2),
            bytearray(b"ab"),
        ]
        self.next(self.scalars)

    @step
    def scalars(self):
        utc = datetime.timezone.utc
        east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        self.datetime_naive = datetime.datetime(2024, 2, 29, 13, 5, 7)
        self.datetime_micro = datetime.datetime(1999, 12, 31, 23, 59, 59, 999999)
        self.datetime_utc = datetime.datetime(2024, 2, 29, 13, 5, 7, tzinfo=utc)
        self.datetime_east = datetime.datetime(2024, 2, 29, 13, 5, 7, 120, tzinfo=east)
        self.datetime_fold = datetime.datetime(2024, 10, 27, 2, 30, fold=1)
        self.date = datetime.date(2024, 2, 29)
        self.time_naive = datetime.time(1, 2, 3)
        self.time_tz = datetime.time(1, 2, 3, 4, tzinfo=east)
        self.timedelta = datetime.timedelta(days=1, seconds=2, microseconds=3)
        self.timedelta_negative = datetime.timedelta(seconds=-1)
        self.timedelta_days = datetime.timedelta(days=-3)
        self.decimal = decimal.Decimal("3.1400")
        self.decimal_nan = decimal.Decimal("NaN")
        self.fraction = fractions.Fraction(-22, 7)
        self.uuid = uuid.UUID("12345678-1234-5678-1234-567812345678")
        self.complex = complex(1.5, -2)
        self.complex_imaginary = 3j
        self.range = range(0, 10, 3)
        self.range_plain = range(5)
        self.path_pure = pathlib.PurePosixPath("/a/b/c.txt")
        self.path = pathlib.Path("rel/x")
        self.enum_text = Color.RED
        self.enum_int = Color.BLUE
        self.dataclass = Config("n", [1, 2], {"k": "v"})
        self.custom = Custom()
        self.slotted = Slotted()
        self.builtin_function = len
        self.a_class = Custom
        self.exception = ValueError("a stored error")
        self.slice = slice(1, None, 2)
        self.next(self.arrays)

    @step
    def arrays(self):
        self.np_float64 = numpy.float64(0.1)
        self.np_float32 = numpy.float32(0.1)
        self.np_float16 = numpy.float16(0.1)
        self.np_int8 = numpy.int8(-8)
        self.np_int64 = numpy.int64(2**40)
        self.np_uint64 = numpy.uint64(2**64 - 1)
        self.np_bool = numpy.bool_(True)
        self.np_str = numpy.str_("numpy text")
        self.np_bytes = numpy.bytes_(b"numpy bytes")
        self.np_complex = numpy.complex128(1 + 2j)
        self.np_datetime = numpy.datetime64("2024-02-29T01:02:03", "s")
        self.np_timedelta = numpy.timedelta64(5, "D")
        self.np_nan = numpy.float64("nan")
        self.array_1d = numpy.arange(10)
        self.array_2d = numpy.arange(12, dtype="f4").reshape(3, 4)
        self.array_empty = numpy.array([])
        self.array_objects = numpy.array(["a", None, {"b": 1}], dtype=object)
        self.array_large = numpy.zeros((1000, 100))
        self.frame = pandas.DataFrame(
            {"a": [1, 2, 3], "b": [0.5, None, 2.5], "c": ["x", "y", None],
             "d": pandas.date_range("2024-01-01", periods=3)}
        )
        self.frame_categories = pandas.DataFrame({"cat": pandas.Categorical(["u", "v", "u"])})
        self.series = pandas.Series([1.5, 2.5], name="s", index=["p", "q"])
        self.pandas_index = pandas.Index(["i", "j"])
        self.timestamp = pandas.Timestamp("2024-02-29T01:02:03Z")
        self.dict_of_arrays = {"a": numpy.arange(3), "f": pandas.DataFrame({"z": [1]})}
        self.next(self.end)

    @step
    def end(self):
        self.last = "end"
        print("values are written")


if __name__ == "__main__":
    ValuesFlow()
