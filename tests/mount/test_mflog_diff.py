"""The merge of logs, compared with Metaflow's own on generated files (tests/tools/log_merge.c)."""

import random
import subprocess

import pytest
from metaflow.mflog.mflog import decorate, merge_logs, set_should_persist

from mounting import build_dir

TIMES = [b"2026-01-02T03:04:05.%06d" % n for n in (0, 1, 2, 500000, 999999)]
ODD_TIMES = [b"2026-01-02T03:04:05.1", b"2024-02-29T00:00:00.000000", b"2026-02-29T00:00:00.000000",
             b"2026-1-2T3:4:5.6", b"2026-01-02t03:04:05.000001", b"2026-01- 2T03:04:05.1", b"2026-01-  2T03:04:05.1",
             b"3000-01-01T00:00:00.000001", b"2999-12-31T23:59:59.999999", b"9999-12-31T23:59:59.999999",
             b"0000-01-01T00:00:00.0", b"0001-01-01T00:00:00.0", b"2026-00-01T00:00:00.0", b"2026-01-32T00:00:00.0",
             b"2026-01-00T00:00:00.0", b"2026-04-31T00:00:00.0", b"1900-02-29T00:00:00.0", b"2000-02-29T00:00:00.0",
             b"2026-01-02T24:00:00.0", b"2026-01-02T00:60:00.0", b"2026-01-02T00:00:60.0", b"2026-01-02T00:00:61.0",
             b"2026-01-02T00:00:00.1234567", b"2026-01-02T00:00:00.", b"2026-01-02T00:00:00", b"26-01-02T00:00:00.0",
             b"2026-01-02T00:00:00.0Z", b"2026-01-02T000:00:00.0", b"2026-001-02T00:00:00.0", b"", b"Z", b"Z|",
             b"2026-01-02T00:00:00.0\xff", b"2026-01-02T00:00:00.+1", b" 2026-01-02T00:00:00.0",
             b"2026-01-02T00:00:00. 1", b"2026-01-02T-1:00:00.0", b"2026-01-02T 1:00:00.0", b"20260-01-02T0:0:0.0"]
FIELDS = [b"runtime", b"task", b"a", b"b", b"", b"|", b"]", b"a|b", b"x]", b"Z|", b"\xff\xfe", b" ", b"\r", b"\0"]
MESSAGES = [b"", b"hello", b"a", b"b", b"\r", b"with ] and | and [MFLOG|0|", b"\xff\xfe\x00", "é水".encode(), b" ",
            b"[MFLOG|0|2026-01-02T03:04:05.000000Z|x|y]nested", b"x" * 3000]
LOOSE = [b"plain", b"", b"[MFLOG", b"[![MFLOG|0|", b"[MFLOG|1|2026-01-02T03:04:05.000000Z|s|i]x", b"\xff", b"zzz", b"[!",
         b" [MFLOG|0|2026-01-02T03:04:05.000000Z|s|i]x", b"[!![MFLOG|0|2026-01-02T03:04:05.000000Z|s|i]x", b"\r"]


def make_line(rnd, odd):
    kind = rnd.random()
    if kind < 0.1 or (odd and kind < 0.3):
        line = rnd.choice(LOOSE)
    else:
        time = rnd.choice(ODD_TIMES if odd and rnd.random() < 0.5 else TIMES)
        source = rnd.choice(FIELDS if odd else FIELDS[:2])
        ident = rnd.choice(FIELDS if odd else FIELDS[2:4])
        line = b"[MFLOG|0|%sZ|%s|%s]%s" % (time, source, ident, rnd.choice(MESSAGES))
    if odd and rnd.random() < 0.1:
        line = line[:rnd.randrange(len(line) + 1)]
    if odd and rnd.random() < 0.15:
        line = set_should_persist(line)
    return line + b"\n"


def make_part(rnd, odd):
    lines = [make_line(rnd, odd) for _ in range(rnd.choice([0, 0, 1, 2, 5, 12]))]
    if rnd.random() < 0.5:
        lines.sort()
    part = b"".join(lines)
    return part[:-1] if rnd.random() < 0.3 else part


def expected(parts):
    """What Task.stdout joins, in bytes; None where Python cannot compare a marked line with another."""
    try:
        return b"".join(line.msg + b"\n" for line in merge_logs(parts))
    except TypeError:
        return None


def merged(tmp_path, parts, *options):
    files = []
    for i, part in enumerate(parts):
        files.append(tmp_path / ("part%d" % i))
        files[-1].write_bytes(part)
    tool = build_dir() / "tests" / "log_merge"
    return subprocess.run([tool, *options, *files], check=True, capture_output=True).stdout


@pytest.mark.parametrize("odd", [False, True], ids=["ordinary", "odd"])
def test_merge_is_metaflows(tmp_path, odd):
    rnd = random.Random(20 + odd)
    compared = 0
    for _ in range(250):
        parts = [make_part(rnd, odd) for _ in range(rnd.choice([1, 2, 2, 4]))]
        want, got = expected(parts), merged(tmp_path, parts)
        if want is None:
            assert got  # it has an order all the same
            continue
        assert got == want, parts
        compared += 1
    assert compared > 150


def test_every_odd_line_alone(tmp_path):
    """One merge of all: each line's message tells whether it was taken as structured."""
    lines = [b"[MFLOG|0|%sZ|%s|%s]%s\n" % (time, field, ident, b"end")
             for time in TIMES + ODD_TIMES for field in FIELDS for ident in FIELDS]
    lines += [line + b"\n" for line in LOOSE]
    for line in lines[::7]:
        lines += [line[:n] + b"\n" for n in range(0, len(line), 5)]
    part = b"".join(lines)
    assert merged(tmp_path, [part]) == expected([part])


def test_lines_that_metaflow_writes(tmp_path):
    lines = [decorate("task", "line %d\n" % i) for i in range(200)]
    part = b"".join(lines)
    assert merged(tmp_path, [part]) == expected([part])
    assert merged(tmp_path, [part], "-l") == expected([part])
