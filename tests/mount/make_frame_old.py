"""Writes what frame_old.json has of one version of pandas: pickles that it made, and what it said of them, as
frame_oracle.py has them. These versions need a Python that is no longer maintained, and are not installed for tests.
PYTHONPATH=FOLDER/OF/PANDAS python3.8 make_frame_old.py, once a version: prints a JSON object for it."""
import base64
import json
import pickle

import numpy as np
import pandas as pd

import frame_oracle as oracle


def tables():
    dates = oracle.dates
    when = pd.DatetimeIndex(dates("2020-01-01", "2020-01-02"), name="when")
    yield "mixed", pd.DataFrame({"a": [1, 2], "b": [0.5, float("nan")], "c": ["x", None], "d": [3, 4], "e": [True, False],
                                 "f": dates("2020-01-01", "2020-01-02T03"), "g": np.array([1, 2], "m8[ns]"), "h": dates("NaT", "2020-01-02")})
    yield "places are an array", pd.DataFrame({i: [1, 2] if i in (0, 1, 4, 6) else [0.5, 1.5] for i in range(8)}).copy()
    yield "same labels", pd.DataFrame([[1, 2.5]], columns=["a", "a"])
    yield "nothing", pd.DataFrame()
    yield "no columns", pd.DataFrame(index=[3, 4])
    yield "an index of dates", pd.DataFrame({0: [1, 2]}, index=when)
    yield "labels are dates", pd.DataFrame([[1, 2]], columns=when)
    yield "levels", pd.DataFrame({0: range(4)}, index=pd.MultiIndex.from_product([["u", "v"], [1, 2]], names=["x", None]))
    yield "a Series", pd.Series([1, 2], name=("a", 1), index=["x", "y"])
    yield "dates", pd.Series(dates("2020-01-01", "NaT"), name="d")
    yield "zones", pd.DataFrame({i: pd.date_range("2020", periods=2, tz="UTC") for i in range(2)})
    yield "categories", pd.DataFrame({0: pd.Categorical(["x", "y"]), 1: [1, 2]})
    yield "floats in an Index", pd.Index([0.5, 6], name="k")
    yield "spans in an Index", pd.TimedeltaIndex(np.array([1, 10**9], "m8[ns]"))
    yield "levels of an Index", pd.MultiIndex.from_arrays([[1, 2], ["a", None]])


def main():
    rows = [[name, base64.b64encode(pickle.dumps(value, 4)).decode(), oracle.want_of(value)] for name, value in tables()]
    print(json.dumps({pd.__version__: rows}))


if __name__ == "__main__":
    main()
