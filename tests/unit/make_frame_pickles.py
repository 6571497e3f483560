"""Writes frame_pickles.inc: small pickles of tables with what pandas says of them, a line a column:
"DTYPE: CELL|CELL", first as JSON has the cells, then behind " / " as to_csv() has them where that differs. A missing
cell is "-". Run with the newest pandas: make_frame_pickles.py"""
import pathlib
import pickle
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mount"))
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

import frame_oracle as oracle  # noqa: E402

LABELS = oracle.labels


def line(column):
    def joined(cells):
        return "|".join("-" if c[0] == "na" else str(c[1]) for c in cells)

    text = "%s: %s" % (column["dtype"], joined(column["cells"]))
    if column["csv"]:
        unit = column["csv"]["unit"]
        dates = pd.Series(np.array(column["csv"]["values"], "i8").view(unit))
        lines = dates.to_csv(index=False, header=False).split("\n")[:-1]
        cells = ["-" if t == '""' else t for t in lines]
        text += " / " + "|".join(cells[c] if c >= 0 else "-" for c in column["csv"].get("codes", range(len(cells))))
    return text


def tables():
    dates = oracle.dates("2020-01-01", "1969-12-31", "NaT", unit="s")
    times = oracle.dates("2020-01-01T01:02:03.004", "0999-12-31T23:59:59", "NaT", unit="ms")
    spans = np.array([1, -86400 * 10**9, oracle.NAT], "m8[ns]")
    mixed = pd.DataFrame({"i": [1, -2, 3], "f": [0.1, float("nan"), 1e300], "d": dates, "j": [4, 5, 6], "t": times, "s": spans})
    mixed.columns = LABELS(*mixed.columns)
    yield "mixed", mixed
    levels = pd.MultiIndex.from_arrays([[1, None, 3], dates], names=["n", None])
    yield "levels", pd.DataFrame({0: [1, 2, 3]}, index=levels)
    yield "series", pd.Series([True, False], name=("a", 1), index=pd.RangeIndex(4, 8, 2, name="k"))
    yield "index", pd.DatetimeIndex(oracle.dates("2020-01-01", "2020-01-01T12"), name="when")
    yield "fortran", np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3))
    yield "records", np.array([(1, "x"), (2, "yz")], [("a", "i4"), ("b", "U2")])
    yield "masked", np.ma.array([1.5, 2.5], mask=[1, 0])
    yield "empty", pd.DataFrame()


def text_of(want):
    lines = ["%s %d %s" % (want["kind"], want["rows"], "plain" if want["plain"] else "chosen")]
    for part in ("columns", "index", "labels"):
        lines += ["%s %s" % (part, line(dict(c, dtype=c["dtype"] or "object"))) for c in want[part]]
    return "".join(text + "\n" for text in lines)


def main():
    out = ["// Written by tests/unit/make_frame_pickles.py with pandas %s and numpy %s.\n" % (pd.__version__, np.__version__)]
    rows = []
    for name, value in tables():
        data = pickle.dumps(value, 4)
        out.append("static const unsigned char pickle_%s[] = {\n" % name)
        out += ["    %s,\n" % ", ".join("0x%02x" % b for b in data[i : i + 19]) for i in range(0, len(data), 19)]
        out.append("};\n")
        text = text_of(oracle.want_of(value)).splitlines()
        rows.append('    {"%s", pickle_%s, sizeof pickle_%s,\n%s},\n' % (
            name, name, name, "\n".join('     "%s\\n"' % t.replace("\\", "\\\\").replace('"', '\\"') for t in text)))
    out.append("static const struct { const char *name; const unsigned char *data; size_t len; const char *want; } "
               "pickles[] = {\n" + "".join(rows) + "};\n")
    (HERE / "frame_pickles.inc").write_text("".join(out))


if __name__ == "__main__":
    main()
