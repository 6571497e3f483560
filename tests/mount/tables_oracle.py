"""What pandas and numpy say of the artifacts of TablesFlow, beside the files that a mount gives of them. Run with the
PYTHONPATH of the version that made them: `tables_oracle.py ROOT PATHSPEC MOUNTED-TASK` prints JSON: the names that were
compared, and each difference."""

import io
import json
import pathlib
import pickle
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "flows"), str(HERE.parent / "data")]

import json_rules  # noqa: E402
import make  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
import tables_flow  # noqa: E402

for name in ("Custom", "OwnArray", "OwnDtype"):
    setattr(sys.modules["__main__"], name, getattr(tables_flow, name))


TABLES = (pandas.DataFrame, pandas.Series, pandas.Index, numpy.ndarray)
NO_FRAME = {"array_aligned", "array_masked"}  # pandas makes no DataFrame of it, or one of floats


def shown(frame):
    """The frame with the texts that stand for what cannot be shown."""
    frame = frame.copy()
    for name in frame.columns:
        if str(frame[name].dtype) == "own":
            frame[name] = "UnsupportedType : __main__.OwnArray"
        elif frame[name].dtype == object:
            frame[name] = frame[name].map(lambda v: "UnsupportedType : __main__.Custom" if isinstance(v, tables_flow.Custom) else v)
    return frame


def csv_of(value):
    if isinstance(value, numpy.ndarray):
        value = pandas.DataFrame(value)
    elif isinstance(value, pandas.Index):
        value = value.to_frame(index=False)
    elif isinstance(value, pandas.DataFrame) and "own" in map(str, value.dtypes):
        value = shown(value)
    return value.to_csv().encode("utf-8", "surrogatepass")


def text_of(value):
    """A value as fixed-width text."""
    if isinstance(value, str):
        return value
    got = json_rules.to_json(value)
    return got if isinstance(got, str) else json.dumps(got, ensure_ascii=False)


def texts(array):
    """An array of objects as one of text; `array` may be one of pandas, which knows what is missing."""
    if not isinstance(array, numpy.ndarray):
        of_json = json_rules.cells(array)
        return numpy.array([v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in of_json], dtype=str)
    flat = [text_of(v) for v in array.ravel()]
    return numpy.array(flat, dtype=str).reshape(array.shape)


def npy_of(value):
    if isinstance(value, pandas.MultiIndex):
        return texts(numpy.array([json.dumps(e) for e in json_rules.entries(value)], dtype=object))
    if isinstance(value, (pandas.Series, pandas.Index)):
        if str(value.dtype).startswith(("Int", "UInt", "Float")):  # pandas 1 makes objects where some are missing
            return value.to_numpy(float if value.hasnans else value.dtype.numpy_dtype, na_value=float("nan"))
        array = numpy.asarray(value)
        return texts(value.array) if array.dtype == object or str(value.dtype) == "own" else array
    if isinstance(value, pandas.DataFrame):
        return records_of(value)
    if isinstance(value, numpy.ma.MaskedArray):
        return value.astype(float).filled(numpy.nan)
    array = numpy.asarray(value)
    return texts(array) if array.dtype == object else array


def records_of(frame):
    levels = [frame.index.get_level_values(n) for n in range(frame.index.nlevels)]
    names = ["index"] if frame.index.names == [None] else [
        "level_%d" % n if name is None else str(name) for n, name in enumerate(frame.index.names)]
    for label in frame.columns:
        name, n = str(label), 1
        while name in names or (n > 1 and name in map(str, frame.columns)):
            name, n = "%s.%d" % (label, n), n + 1
        names.append(name)
    columns = [*levels, *(frame.iloc[:, i] for i in range(frame.shape[1]))]
    arrays = [npy_of(c.get_level_values(0)) if isinstance(c, pandas.MultiIndex) else npy_of(c) for c in columns]
    made = numpy.zeros(len(frame), dtype=[(name, a.dtype) for name, a in zip(names, arrays)])
    for name, a in zip(names, arrays):
        made[name] = a
    return made


def equal_arrays(want, got):
    """In the other byte order, too: unpickled arrays have this machine's."""
    if want.dtype.newbyteorder("=") != got.dtype.newbyteorder("=") or want.shape != got.shape:
        return False
    if want.dtype.names:
        return all(equal_arrays(want[name], got[name]) for name in want.dtype.names)
    return want.tobytes() == got.tobytes() or numpy.array_equal(want, got, equal_nan=want.dtype.kind in "fcMm")


def compare(task, name, value, problems):
    done = []
    folders = {"csv": csv_of, "npy": npy_of}
    if not isinstance(value, (numpy.ma.MaskedArray, numpy.recarray)):  # of which json_rules.py knows nothing
        folders["json"] = json_rules.to_json
    for form, expected in folders.items():
        path = task / ("." + form) / ("%s.%s" % (name, form))
        if not path.exists() or (form == "csv" and (getattr(value, "ndim", 1) not in (1, 2) or name in NO_FRAME)):
            continue
        got, want = path.read_bytes(), expected(value)
        if form == "npy":
            got = numpy.load(io.BytesIO(got), allow_pickle=False, max_header_size=1 << 20)
            same = equal_arrays(want, got)
        elif form == "json":
            got = json.loads(got)
            same = json_rules.same(want, got)
        else:
            same = want == got
        done.append("%s.%s" % (name, form))
        if not same:
            problems.append("%s.%s: %.700r, not %.700r" % (name, form, got, want))
        if len(path.read_bytes()) != path.stat().st_size:
            problems.append("%s.%s: another size than its bytes" % (name, form))
    return done


def main():
    root, pathspec, task = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    import os

    os.environ.update(make.metaflow_env(pathlib.Path(root)))
    import metaflow

    metaflow.namespace(None)
    metaflow.metadata("local@%s" % root)
    compared, problems, names = [], [], {"csv": [], "npy": []}
    for artifact in metaflow.Task(pathspec):
        value = artifact.data
        names["csv"] += [artifact.id] * isinstance(value, TABLES)
        names["npy"] += [artifact.id] * isinstance(value, (*TABLES, numpy.generic))
        if artifact.id != "huge":
            compared += compare(task, artifact.id, value, problems)
    print(json.dumps({"pandas": pandas.__version__, "compared": compared, "problems": problems, "names": names}))


if __name__ == "__main__":
    main()
