"""Tables and arrays of many kinds, for each version of pandas and numpy that runs it."""

import datetime
import decimal

import numpy
import pandas
from metaflow import FlowSpec, step
from pandas.api.extensions import ExtensionArray, ExtensionDtype


class Custom:
    def __init__(self, answer=42):
        self.answer = answer


class OwnDtype(ExtensionDtype):
    name = "own"
    type = int

    @classmethod
    def construct_array_type(cls):
        return OwnArray


class OwnArray(ExtensionArray):
    """A column of a type that nobody else knows."""

    def __init__(self, data):
        self._hidden = numpy.asarray(data)

    @classmethod
    def _from_sequence(cls, scalars, dtype=None, copy=False):
        return cls(scalars)

    dtype = OwnDtype()
    nbytes = 8

    def __len__(self):
        return len(self._hidden)

    def __getitem__(self, item):
        got = self._hidden[item]
        return OwnArray(got) if isinstance(got, numpy.ndarray) else got

    def isna(self):
        return numpy.zeros(len(self), dtype=bool)

    def take(self, indices, allow_fill=False, fill_value=None):
        return OwnArray(self._hidden.take(indices))

    def copy(self):
        return OwnArray(self._hidden.copy())


def numbers():
    nan, inf = float("nan"), float("inf")
    return pandas.DataFrame({
        "int8": numpy.array([-128, 0, 127, 1], "i1"), "uint64": numpy.array([2**64 - 1, 0, 1, 2], "u8"),
        "float64": [0.1, nan, -inf, 1e22], "float32": numpy.array([0.1, nan, inf, 1e-5], "f4"),
        "big_endian": numpy.array([1.5, -2, 3, 0.25], ">f8"), "bool": [True, False, True, True],
        "complex128": [1 + 2j, 0.5j, complex(nan, 1), -1],
    })


def texts():
    return pandas.DataFrame({
        "text": ["plain", "a,b", 'quote " and\nline', "", None, "grün 日本語 \U0001f600"],
        "mixed": [1, "two", None, [1, "a", {"k": (2.5, None)}], b"by'tes", {"d": datetime.date(2024, 2, 29)}],
        "decimals": [decimal.Decimal("1.10"), None, decimal.Decimal("-3"), decimal.Decimal("0"), None,
                     decimal.Decimal("1E+3")],
    })


def dates():
    days = pandas.to_datetime(["2024-02-29", None, "1999-12-31"])
    # Fractions of times with zones, and of spans, have had columns of one width since pandas 3 only.
    fraction = ".25" if pandas.__version__ >= "3" else ""
    times = pandas.DatetimeIndex([pandas.Timestamp("2024-02-29 01:02:03" + fraction), pandas.NaT, pandas.Timestamp(0)])
    return pandas.DataFrame({
        "day": days, "time": times, "zone": times.tz_localize("UTC").tz_convert("Europe/Berlin"),
        "span": pandas.to_timedelta(["1 days", None, "-01:02:03" + fraction]),
        "period": pandas.period_range("2024-01", periods=3, freq="M"), "interval": pandas.interval_range(0, 3),
    })


def nullables():
    return pandas.DataFrame({
        "Int64": pandas.array([1, None, -3], dtype="Int64"), "Float64": pandas.array([0.5, None, 1], dtype="Float64"),
        "boolean": pandas.array([True, None, False], dtype="boolean"),
        "string": pandas.array(["x", None, 'q"'], dtype="string"), "whole": pandas.array([1, 2, 3], dtype="Int32"),
        "category": pandas.Categorical(["u", None, "v,w"]), "codes": pandas.Categorical([3, 1, 3]),
        "sparse": pandas.arrays.SparseArray([0.0, 2.5, 0.0]),
    })


def levels():
    rows = pandas.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["letter", None])
    columns = pandas.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", None)], names=[None, "n"])
    return pandas.DataFrame([[1, 2.5, "s"], [3, 4.5, "t"], [5, 6.5, None]], index=rows, columns=columns)


def unsupported():
    frame = pandas.DataFrame({"before": [1, 2], "own": OwnArray([7, 8]), "after": ["x", "y"]})
    frame["objects"] = pandas.Series([Custom(), None], dtype=object)
    return frame


def arrow():
    try:
        import pyarrow
    except ImportError:
        return None
    return pandas.DataFrame({
        "int": pandas.array([1, None, 3], dtype="int64[pyarrow]"), "text": pandas.array(["a", None, "b,c"], dtype="string[pyarrow]"),
        "flag": pandas.array([True, None, False], dtype="bool[pyarrow]"),
        "real": pandas.array([0.5, None, 2.0], dtype="double[pyarrow]"),
        "day": pandas.array([datetime.date(2024, 2, 29), None, datetime.date(1999, 12, 31)],
                            dtype=pandas.ArrowDtype(pyarrow.date32())),
    })


class TablesFlow(FlowSpec):
    @step
    def start(self):
        self.numbers, self.texts, self.dates = numbers(), texts(), dates()
        self.nullables, self.levels, self.unsupported = nullables(), levels(), unsupported()
        if arrow() is not None:
            self.arrow = arrow()
        self.empty = pandas.DataFrame()
        self.no_rows = pandas.DataFrame({"a": numpy.zeros(0), "b": numpy.zeros(0, "i4")})
        self.no_columns = pandas.DataFrame(index=[3, 4])
        self.same_names = pandas.DataFrame([[1, 2, 3]], columns=["a", "a", "a.1"])
        self.named_index = pandas.DataFrame({"v": [1.0, 2.0]}, index=pandas.Index([10, 20], name="key"))
        self.dated_index = pandas.DataFrame({"v": [1, 2]}, index=pandas.to_datetime(["2024-01-01", "2024-01-02"]))
        self.wide = pandas.DataFrame(numpy.arange(3000).reshape(2, 1500))
        self.long = pandas.DataFrame({"i": numpy.arange(20000), "f": numpy.arange(20000) / 7, "s": ["t%d" % i for i in range(20000)]})
        self.series = pandas.Series([1.5, None, 3], index=["p", "q", "r"], name="s")
        self.series_text = pandas.Series(["a", None, "c"])
        self.series_zone = pandas.Series(pandas.date_range("2024-03-30", periods=3, tz="Europe/Berlin"))
        self.index_int, self.index_range = pandas.Index([5, 6], name="i"), pandas.RangeIndex(2, 10, 3)
        self.huge = pandas.RangeIndex(10**12)  # of a few bytes: texts of it have no end
        self.index_text, self.index_dates = pandas.Index(["a", "b"]), pandas.date_range("2024-01-01", periods=3)
        self.index_levels = levels().index
        self.array_1d, self.array_2d = numpy.arange(5) / 3, numpy.arange(6, dtype="i2").reshape(2, 3)
        self.array_3d, self.array_0d = numpy.zeros((2, 2, 2)), numpy.array(7.5)
        self.array_fortran = numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))
        self.array_big_endian = numpy.arange(4, dtype=">i4")
        self.array_objects = numpy.array(["text", None, [1, 2], 3.5], dtype=object)
        self.array_bytes, self.array_unicode = numpy.array([b"a", b"bc"]), numpy.array(["ä", "b,c"])
        self.array_dates = numpy.array(["2024-02-29", "NaT"], dtype="M8[D]")
        self.array_records = numpy.array([(1, "x", 0.5), (2, "yy", 1.5)], dtype=[("n", "i4"), ("t", "U3"), ("f", "f8")])
        self.array_aligned = numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "f8", (2,)), ("c", [("d", "M8[s]")])], align=True))
        self.array_masked = numpy.ma.masked_array([1, 2, 3], mask=[False, True, False])
        self.array_recarray = self.array_records.view(numpy.recarray)
        self.array_empty, self.array_bool = numpy.zeros((0, 3)), numpy.array([True, False])
        self.scalar_float32, self.scalar_text = numpy.float32(0.1), numpy.str_("numpy text")
        self.nested = {"deep": [numbers().head(1), {"series": pandas.Series([[1], "x"])}, 5]}
        self.not_a_table = [1, 2, 3]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TablesFlow()
