"""The man page against the program, and by mandoc's rules."""

import pathlib
import re
import subprocess

from mounting import binary

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/metaflowfs.1"


def text():
    return PAGE.read_text().replace("\\-", "-")


def test_the_man_page_is_sound():
    """S522: mandoc finds nothing wrong in the man page, whose version is the program's."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == "", done.stdout
    version = subprocess.run([binary(), "--version"], capture_output=True, text=True, timeout=60).stdout.strip()
    assert '"%s"' % version in text().splitlines()[0]


def test_every_dot_name_is_in_it(mnt):
    """S522: the man page has every name that .metaflowfs/README has, and no others."""
    names = set(re.findall(r"^  (\.[\w.-]+)", (mnt / ".metaflowfs/README").read_text(), re.M))
    assert {".latest-successful", ".stdout", ".npy", ".help"} <= names
    part = text().split("\n.SH NAMES\n")[1].split("\n.SH ")[0]
    tags = re.findall(r"^\.TP\n\.IR? (.*)$", part, re.M)
    told = {word.strip('",').split("/")[0] for tag in tags for word in tag.split() if word.startswith(".")}
    assert told == names


def test_exit_codes(mnt):
    """S522: the man page and --help tell the same exit codes."""
    page = text().split("\n.SH EXIT STATUS\n")[1].split("\n.SH ")[0]
    told = subprocess.run([binary(), "--help"], capture_output=True, text=True, timeout=60).stdout.split("Exit codes:")[1]
    assert set(re.findall(r"^\.B (\d)$", page, re.M)) == set(re.findall(r"\b(\d)\b", told.replace("-", "")))
