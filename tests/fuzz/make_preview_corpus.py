"""Writes the seeds of fuzz_preview: the small values of tests/flows/pictures_flow.py, pickled. Run with the Python of the
tests: make_preview_corpus.py [FOLDER]"""
import hashlib
import pathlib
import pickle
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flows"))

import pictures_flow  # noqa: E402


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus" / "fuzz_preview"
    folder.mkdir(parents=True, exist_ok=True)
    for value in pictures_flow.values().values():
        data = pickle.dumps(value, 4)
        if len(data) <= 2500:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


main()
