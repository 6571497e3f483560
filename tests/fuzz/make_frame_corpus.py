"""Writes the seeds of fuzz_frame: small pickles of tables of every kind, as the pandas that this Python finds makes
them. Run once for each version: PYTHONPATH=.venv-test/lib-pandas1 make_frame_corpus.py FOLDER. The corpus has those
that libFuzzer keeps of them: fuzz_frame -merge=1 corpus/fuzz_frame FOLDER"""
import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "mount"))
import numpy as np  # noqa: E402

import extension_cases  # noqa: E402
import frame_oracle  # noqa: E402

# One of many that are alike; what else there is says little that is new.
LESS = ("random", "two dates columns", "1 dimension", "every third", "in Fortran's order", "2 dimensions")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, (name, value) in enumerate(frame_oracle.cases()):
        if name.startswith(LESS) and i % 9 or " of dates in " in name and i % 8:
            continue
        if isinstance(value, np.ndarray) and frame_oracle.MAJOR == 2:  # the same numpy as the newest pandas has
            continue
        data = frame_oracle.dumps(value, 5 if i % 5 == 0 else 4)
        if len(data) < 1600:
            (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
    for _, made, *_ in extension_cases.series():
        for data in made[1:]:
            if len(data) < 1300:
                (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


if __name__ == "__main__":
    main()
