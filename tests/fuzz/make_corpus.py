"""Writes the seeds of fuzz_pickle: small real pickles of every kind of value that renderers know, at every
protocol that Python can write. Run with a Python that has numpy: make_corpus.py [FOLDER]"""
import collections
import datetime
import decimal
import enum
import fractions
import hashlib
import pathlib
import pickle
import sys
import uuid
import zoneinfo

import numpy as np


class Color(enum.Enum):
    RED = 1


class Plain:
    def __init__(self):
        self.number, self.items = 1, [1, {2: 3}]


class Slots:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, (2,)


class Numbers(list):
    pass


Point = collections.namedtuple("Point", "x y")


def values():
    me = [1]
    me.append({"me": me})
    utc = datetime.timezone.utc
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    text = "é\u20ac\U0001f600\n\\u0041\ud800"
    yield None, True, 0, -1, 255, 65536, 2**31, -(2**63), 2**64, -(2**2050), 0.1, -1e300, float("nan")
    yield "", "abc", text, b"", b"\x00\xff'", bytearray(b"xyz"), "x" * 300
    yield [], (), {}, set(), frozenset(), [1, [2, [3]]], (1, 2, 3, 4), {1, 2.5, 3}, {"a", "b"}, frozenset({(1, 2)})
    yield {"a": 1, 1: 2, (1, "x"): 3, None: 4, 1.5: 5, b"k": 6}, {1: "a", "1": "b"}
    yield me, Plain(), Slots(), Numbers([1, 2]), Point(1, 2), Color.RED, Plain, ValueError("x")
    yield (datetime.datetime(2020, 2, 29, 1, 2, 3, 4, utc), datetime.datetime(2020, 7, 1, tzinfo=berlin),
           datetime.date(1999, 12, 31), datetime.time(1, 2, 3, tzinfo=utc), datetime.timedelta(-1, 5, 7))
    yield (decimal.Decimal("1.50"), fractions.Fraction(1, 3), uuid.UUID(int=2**127), 1 + 2j, range(1, 9, 2),
           slice(1, None), pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("C:/x"))
    yield (collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("aab"),
           collections.deque([1, 2], 3), collections.ChainMap({1: 2}, {1: 3, 4: 5}), collections.UserDict(a=1),
           collections.UserList([1]))
    yield (np.float32(0.1), np.float16(0.1), np.longdouble("0.1"), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True),
           np.str_("é"), np.bytes_(b"a"), np.complex64(1 + 2j), np.datetime64(1, "ns"), np.timedelta64(5, "D"))
    yield np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(4.0).reshape(2, 2)), np.array(["a", "bc"])
    yield (np.array([(1, [2, 3])], [("a", ">i4"), ("b", "f8", 2)]), np.array([1, None, "x"], object),
           np.zeros((2, 0)), np.array(5))


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus/fuzz_pickle")
    folder.mkdir(parents=True, exist_ok=True)
    for group in values():
        for value in (*group, group):
            for protocol in range(6):
                for pickler in (pickle.dumps, pickle._dumps):
                    try:
                        data = pickler(value, protocol)
                    except Exception:  # not every value has a pickle at every protocol
                        continue
                    if len(data) < 6000:
                        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
