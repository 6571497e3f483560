"""The forms of docs/SEMANTICS.md, written a second time, in Python and on Python objects: what a value's
file holds. Nothing of metaflowfs is used here."""

import base64
import collections
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import uuid

TEXT = {"str", "bytes", "bytearray"}
LINE = {
    "int", "bool", "NoneType", "float", "complex", "range", "datetime.datetime", "datetime.date",
    "datetime.time", "datetime.timedelta", "decimal.Decimal", "fractions.Fraction", "uuid.UUID",
    "pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib.WindowsPath", "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath", "pathlib._local.PurePosixPath",
    "pandas._libs.tslibs.timestamps.Timestamp", "pandas.Timestamp",
}
JSON = {"list", "tuple", "set", "frozenset", "dict", "collections.OrderedDict", "collections.defaultdict",
        "collections.Counter", "collections.deque", "collections.ChainMap", "collections.UserDict",
        "collections.UserList"}
# numpy writes scalars of these types as text as the line form does.
NUMPY_LINE = ("numpy.float", "numpy.int", "numpy.uint", "numpy.bool", "numpy.str", "numpy.bytes",
              "numpy.complex", "numpy.datetime64", "numpy.timedelta64", "numpy.longdouble")


def class_of(recorded_type):
    """"collections.OrderedDict" of "<class 'collections.OrderedDict'>"; "" where it is no class."""
    return recorded_type[8:-2] if recorded_type.startswith("<class '") else ""


def form_of(recorded_type):
    """text, line, json, included or stored: by the recorded type alone."""
    name = class_of(recorded_type)
    if name in TEXT:
        return "text"
    if name in LINE or name.startswith(NUMPY_LINE):
        return "line"
    if name in JSON:
        return "json"
    if name == "metaflow.includefile.IncludedFile":
        return "included"
    return "stored"


def text_of(value):
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)


def float_text(value):
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def line_of(value):
    """The text of a scalar, without the final newline."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if type(value) is float:
        return float_text(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


SCALARS = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction,
           uuid.UUID, complex, range, pathlib.PurePath)


class Reference:
    """Equal to any {"__ref__": path}: a value that contains itself."""

    def matches(self, got):
        return isinstance(got, dict) and list(got) == ["__ref__"] and isinstance(got["__ref__"], str)


class AsFloat32:
    """Equal to a number that is this one at its own width."""

    def __init__(self, value):
        self.value = value

    def matches(self, got):
        return type(got) is float and type(self.value)(got) == self.value


def class_name(value):
    """The class as the pickle names it: that of a flow's script stands in `__main__`."""
    cls = type(value)
    return "%s.%s" % ("__main__" if cls.__module__.endswith("_flow") else cls.__module__, cls.__qualname__)


def to_json(value, above=()):
    """What json.loads of the file must give."""
    import numpy
    import pandas

    if id(value) in above:
        return Reference()
    deeper = (*above, id(value))
    if isinstance(value, enum.Enum):
        return {"__class__": class_name(value), "value": to_json(value.value, deeper)}
    if isinstance(value, numpy.generic):
        if isinstance(value, (numpy.float32, numpy.float16)):
            return AsFloat32(value) if math.isfinite(value) else to_json(float(value))
        if isinstance(value, (numpy.datetime64, numpy.timedelta64)):
            return str(value)
        return to_json(value.item())
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"__float__": float_text(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"__bytes__": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, SCALARS):
        return line_of(value)
    if isinstance(value, (list, tuple, collections.deque)):
        return [to_json(v, deeper) for v in value]
    if isinstance(value, (set, frozenset)):
        return [to_json(v, deeper) for v in sorted(value)]
    if isinstance(value, numpy.ndarray):
        return [to_json(v, deeper) for v in value] if value.ndim else to_json(value[()])
    if isinstance(value, pandas.Index):
        return entries(value, deeper)
    if isinstance(value, pandas.Series):
        return {"name": to_json(value.name), "index": entries(value.index, deeper), "data": cells(value.array, deeper)}
    if isinstance(value, pandas.DataFrame):
        columns = [cells(value.iloc[:, i].array, deeper) for i in range(value.shape[1])]
        rows = [list(row) for row in zip(*columns)] if columns else [[] for _ in range(len(value))]
        return {"columns": entries(value.columns, deeper), "index": entries(value.index, deeper), "data": rows}
    if isinstance(value, (collections.ChainMap, collections.UserDict)):
        value = dict(value)
    if isinstance(value, collections.UserList):
        return to_json(value.data, deeper)
    if isinstance(value, dict):
        keys = [k if isinstance(k, str) else repr(k) for k in value]
        if len(set(keys)) < len(keys):
            return {"__items__": [[to_json(k, deeper), to_json(v, deeper)] for k, v in value.items()]}
        return {k: to_json(v, deeper) for k, v in zip(keys, value.values())}
    if isinstance(value, (numpy.dtype, pandas.api.extensions.ExtensionDtype)):
        return str(value)
    if isinstance(value, BaseException):
        attributes = {k: to_json(v, deeper) for k, v in vars(value).items()}
        return {"__class__": class_name(value), "args": [to_json(v, deeper) for v in value.args], **attributes}
    return {"__class__": class_name(value), **{k: to_json(v, deeper) for k, v in vars(value).items()}}


def cells(array, above=()):
    """A column's values: an array of pandas."""
    import numpy
    import pandas

    if type(array).__name__ in ("NumpyExtensionArray", "PandasArray"):
        array = array.to_numpy()
    dtype = array.dtype
    if str(dtype) == "own":  # of tables_flow.py: nobody else knows it
        return ["UnsupportedType : __main__.OwnArray"] * len(array)
    if (isinstance(dtype, numpy.dtype) and dtype.kind in "Mm") or isinstance(dtype, pandas.DatetimeTZDtype):
        values = pandas.Series(array)  # whose values are pandas' own also where the array is numpy's
        return [None if v is pandas.NaT else v.isoformat() if hasattr(v, "isoformat") and dtype.kind == "M" else str(v) for v in values]
    if isinstance(dtype, (pandas.PeriodDtype, pandas.IntervalDtype)):
        return [None if pandas.isna(v) else str(v) for v in array]
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = cells(array.categories.array, above)
        return [None if code < 0 else categories[code] for code in array.codes]
    values = numpy.asarray(array) if isinstance(dtype, numpy.dtype) else numpy.asarray(array, dtype=object)
    if dtype == object or isinstance(dtype, numpy.dtype):
        return [to_json(v, above) for v in values]
    missing = array.isna()
    return [None if na and not isinstance(dtype, pandas.SparseDtype) else to_json(v, above) for v, na in zip(values, missing)]


def entries(index, above=()):
    """The values of an index, arrays where it has several levels."""
    if index.nlevels == 1:
        return cells(index.array, above)
    levels = []
    for n in range(index.nlevels):
        of_level = cells(index.levels[n].array, above)
        levels.append([None if code < 0 else of_level[code] for code in index.codes[n]])
    return [list(entry) for entry in zip(*levels)]


def same(want, got):
    """Equality that tells 1, 1.0 and True apart, and the order of keys."""
    if hasattr(want, "matches"):
        return want.matches(got)
    if type(want) is not type(got):
        return False
    if isinstance(want, dict):
        return list(want) == list(got) and all(same(want[k], got[k]) for k in want)
    if isinstance(want, list):
        return len(want) == len(got) and all(map(same, want, got))
    return repr(want) == repr(got) if isinstance(want, float) else want == got


def check(value, recorded_type, got, stored):
    """None when the bytes `got` are the value's natural form; else what is wrong."""
    form = form_of(recorded_type)
    if form == "stored":
        return None if got == stored else "not its stored bytes"
    if form == "included" and isinstance(value, str):
        # The file's own bytes; what the client gives of a text has LF for CRLF and CR.
        want = text_of(value)
        return None if got.replace(b"\r\n", b"\n").replace(b"\r", b"\n") == want else "included text differs"
    if form in ("text", "included"):
        want = text_of(value)
        return None if got == want else "text differs: %r, not %r" % (got[:80], want[:80])
    if form == "line":
        want = (line_of(value) + "\n").encode()
        return None if got == want else "line differs: %r, not %r" % (got[:80], want[:80])
    if not got.endswith(b"\n") or got.endswith(b"\n\n"):
        return "JSON without one final newline"
    want = to_json(value)
    try:
        parsed = json.loads(got)
    except ValueError as error:
        return "no JSON: %s: %r" % (error, got[:200])
    return None if same(want, parsed) else "JSON differs: %.300s, not %.300s" % (parsed, want)
