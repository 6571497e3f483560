"""What a task's page shows in ways of its own: images, tables, arrays, large artifacts, and text that would be markup.

values() makes the same values wherever it is called, so that a test knows what a page has to show of them."""

import struct
import zlib

import numpy
import pandas
from metaflow import FlowSpec, step

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


def png(width, height, rgb):
    """A PNG of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(rgb) * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Celsius(pandas.api.extensions.ExtensionArray):
    """An extension type that nobody but this file knows."""

    def __init__(self, degrees):
        self.degrees = list(degrees)

    @classmethod
    def _from_sequence(cls, scalars, dtype=None, copy=False):
        return cls(scalars)

    dtype = property(lambda self: CelsiusType())
    nbytes = property(lambda self: 8 * len(self.degrees))

    def __len__(self):
        return len(self.degrees)

    def __getitem__(self, i):
        return self.degrees[i] if isinstance(i, int) else Celsius(list(numpy.array(self.degrees)[i]))

    def isna(self):
        return numpy.zeros(len(self), bool)

    def take(self, indices, allow_fill=False, fill_value=None):
        return Celsius([self.degrees[i] for i in indices])

    def copy(self):
        return Celsius(self.degrees)

    @classmethod
    def _concat_same_type(cls, parts):
        return cls([d for p in parts for d in p.degrees])


class CelsiusType(pandas.api.extensions.ExtensionDtype):
    name, type = "celsius", float

    @classmethod
    def construct_array_type(cls):
        return Celsius


def images():
    red = png(40, 30, (200, 30, 30))
    return {
        "png": red,
        "png_bytearray": bytearray(png(8, 8, (0, 0, 255))),
        "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9",
        "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\x00\x00\x00\x00\xff!\xf9\x04\x01\n\x00\x01\x00,\x00\x00\x00\x00"
               b"\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
        "webp": b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00",
        "png_broken": b"\x89PNG\r\n\x1a\n" + b"<script>broken</script>" * 3,
        "png_too_large": red + b"\0" * (1 << 20),
        "riff_sound": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00",
    }


def texts():
    return {
        "evil_text": EVIL,
        "evil_bytes": EVIL.encode(),
        "evil_list": [EVIL, {EVIL: EVIL}],
        "svg_text": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(3)'/>",
        "svg_bytes": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(3)'/>",
        "many_lines": "".join("line %d\n" % i for i in range(1000)),
        "one_line": "grün " * 4000,
        "no_bytes": b"",
        "control": "a\x00b\x1b[31mred\x1b[0m\x08\ud800",
        "long_list": list(range(5000)),
        "huge_int": 7**3000,
        "a_class": Celsius,
    }


def tables():
    rows = 100
    wide = pandas.DataFrame({"c%d" % i: numpy.arange(rows) * i for i in range(30)})
    mixed = pandas.DataFrame({
        "ints": numpy.arange(rows, dtype="i4"), "floats": numpy.arange(rows) / 8,
        "texts": ["t%d" % i for i in range(rows)],
        "times": pandas.date_range("2024-02-28", periods=rows, freq="h"), "bools": numpy.arange(rows) % 3 == 0,
        "cats": pandas.Categorical(["x", "y"] * 50), "objects": pandas.Series([(1, "a"), None] * 50, dtype=object),
    })
    return {
        "table_wide": wide,
        "table_mixed": mixed,
        "table_evil": pandas.DataFrame({EVIL: [EVIL], "plain": [1]}, index=[EVIL]),
        "table_unknown": pandas.DataFrame({"before": [1, 2, 3], "bad": Celsius([20.5, 21.5, 22.5]),
                                           "after": ["x", "y", "z"]}),
        "table_empty": pandas.DataFrame({"a": [], "b": []}),
        "table_levels": pandas.DataFrame([[1, 2], [3, 4]],
                                         columns=pandas.MultiIndex.from_tuples([("u", "v"), ("u", "w")]),
                                         index=pandas.MultiIndex.from_tuples([("p", 1), ("q", 2)], names=["k", "n"])),
        "a_series": pandas.Series([1.5, 2.5, 4.0], index=["p", "q", "r"], name="s"),
        "an_index": pandas.Index(["i", "j"], name="letters"),
    }


def arrays():
    some = numpy.random.default_rng(7)
    return {
        "floats": numpy.concatenate([some.normal(3, 2, 997), [numpy.nan, numpy.nan, numpy.inf]]),
        "float32": some.normal(0, 1, (10, 20, 5)).astype("f4"),
        "float16": numpy.arange(50, dtype="f2") / 4,
        "ints": some.integers(-500, 500, (40, 25)),
        "uint64": numpy.array([0, 1, 2**64 - 1], dtype="u8"),
        "big_endian": numpy.arange(100, dtype=">i4"),
        "fortran": numpy.asfortranarray(numpy.arange(600.0).reshape(20, 30)),
        "bools": numpy.arange(30) % 3 == 0,
        "times": numpy.array(["2024-01-01", "NaT", "2024-03-01", "2024-01-02"], dtype="M8[D]"),
        "spans": numpy.array([5, 7, -3], dtype="m8[s]"),
        "edges": numpy.concatenate([e := numpy.linspace(-0.3, 0.9, 21), numpy.nextafter(e[1:], -9)]),
        "constant": numpy.full(7, 2.5),
        "nans": numpy.full(5, numpy.nan),
        "empty": numpy.zeros((0, 3)),
        "complexes": numpy.array([1 + 2j, 3]),
        "words": numpy.array(["alpha", EVIL]),
        "structured": numpy.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")]),
        "no_dimension": numpy.array(42),
        "large": (numpy.arange(6_000_000) % 251).astype("u1"),
        "huge_range": numpy.array([-1.7e308, 1.7e308]),
        "picture": numpy.stack([numpy.add.outer(range(20), range(30)) * k for k in (1, 2, 4)], -1).astype("u1"),
        "picture_fortran": numpy.asfortranarray((numpy.add.outer(range(16), range(24)) * 5).astype("u1")),
    }


def values():
    """{name: value} of every artifact of the first step but those that are only large."""
    return {**images(), **texts(), **tables(), **arrays()}


class PicturesFlow(FlowSpec):
    @step
    def start(self):
        for name, value in values().items():
            setattr(self, name, value)
        self.next(self.heavy)

    @step
    def heavy(self):
        self.too_large = bytes(17 << 20)
        for i in range(6):  # more than a page shows
            setattr(self, "image_%d" % i, png(4, 4, (i, i, i)) + bytes(900 << 10))
        for i in range(6):  # more than a page reads
            setattr(self, "part_%d" % i, bytes([i]) * (12 << 20))
        self.zz_small = "after the budget is used up"
        self.next(self.end)

    @step
    def end(self):
        for i in range(500):
            print("line %d" % i, "\x1b[31mred\x1b[0m <b>not bold</b>")


if __name__ == "__main__":
    PicturesFlow()
