"""The code package of a run as files: what Metaflow's client extracts, and packages that nobody should trust."""

import concurrent.futures
import errno
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tarfile
import unicodedata

import make
import pytest
from mounting import run_metaflowfs
from servicing import PYTHON

FLOW = "HelloFlow"


def decoded(name):
    return re.sub("%([0-9A-F]{2})", lambda m: chr(int(m.group(1), 16)), name)


def files_of(top, mounted=False):
    """{path: (bytes, executable, mtime in s)} of the files below a directory, {path: None} of directories."""
    found = {}
    for folder, dirs, names in os.walk(top):
        for name in [*dirs, *names]:
            path = pathlib.Path(folder, name)
            key = os.path.relpath(path, top)
            key = "/".join(map(decoded, key.split("/"))) if mounted else key
            info = path.lstat()
            assert stat.S_ISDIR(info.st_mode) == (name in dirs)
            found[key] = None if name in dirs else (path.read_bytes(), bool(info.st_mode & 0o100), int(info.st_mtime))
    return found


def extracted(client, record):
    """The same of what the client's code.extract() leaves."""
    with client.client.core.MetaflowCode(FLOW, json.dumps(record)).extract() as folder:
        return files_of(folder)


class Package:
    """A copy of a run that has a package, with another package in its place."""

    def __init__(self, root, run, records=None):
        self.root, self.run = root, run
        self.records = records
        if records is None:
            self.records = list((root / ".metaflow" / run).rglob("sysmeta_code-package_*.json"))
            assert self.records

    def put(self, package, metadata={"version": 0, "archive_format": "tgz", "mfcontent_version": 1}):
        sha = hashlib.sha1(package).hexdigest()
        blob = self.root / ".metaflow" / self.run.split("/")[0] / "data" / sha[:2] / sha
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(package)
        pathlib.Path(str(blob) + "_meta").write_text('{"cas_raw": true, "cas_version": 1}')
        record = {"ds_type": "local", "sha": sha, "location": str(blob)}
        if metadata is not None:
            record["metadata"] = json.dumps(metadata)
        self.record(json.dumps(record))
        return record

    def record(self, text):
        for path in self.records:
            doc = json.loads(path.read_text())
            doc["value"] = text
            path.write_text(json.dumps(doc))


@pytest.fixture
def own(writable_root, runs):
    return Package(writable_root("hello-package"), runs["hello-package"])


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """A package that Metaflow made of a flow with directories and an executable file."""
    folder = tmp_path_factory.mktemp("flow")
    for path, text in {"flow.py": "from metaflow import FlowSpec, step\n\nclass NestedFlow(FlowSpec):\n    @step\n"
                                  "    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n"
                                  "        pass\n\nif __name__ == '__main__':\n    NestedFlow()\n",
                       "lib/__init__.py": "", "lib/deep/er/module.py": "x = 1\n" * 500,
                       "run.sh": "#!/bin/sh\necho ran\n",
                       "lib/%s.py" % unicodedata.normalize("NFD", "é"): "e\n", "a%b c.py": "odd\n"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "run.sh").chmod(0o755)
    subprocess.run([PYTHON, "flow.py", "--no-pylint", "--package-suffixes", ".py,.sh", "package", "save", "job.tgz"],
                   cwd=folder, check=True, capture_output=True, env=dict(os.environ, METAFLOW_HOME=str(folder)))
    return (folder / "job.tgz").read_bytes()


def flat(package):
    """The same content as packages had it before they had a layout of their own."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(package)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        for one in old.getmembers():
            data = old.extractfile(one)
            one.name = one.name.removeprefix(".mf_code/").replace(".mf_meta/", "")
            if one.name not in (".mf_install", "DIST_INFO"):
                new.addfile(one, data)
    return out.getvalue()


def code_of(mount, own):
    return mount / own.run / ".code"


def test_code_of_a_run(client, mnt, runs):
    """S450, S451: A run that Metaflow stored a package of."""
    run = client.Run(runs["hello-package"])
    top = mnt / run.pathspec
    with run.code.extract() as folder:
        want = files_of(folder)
    assert "hello_flow.py" in want and ".mf_meta/INFO" in want
    for name, value in want.items():  # before anything is opened
        if value is not None:
            assert (top / ".code" / name.replace(".mf", "%2Emf")).stat().st_size == len(value[0])
    assert files_of(top / ".code", mounted=True) == want
    stored = run.code._code_obj.getvalue()
    assert (top / ".code.tgz").stat().st_size == len(stored)
    assert (top / ".code.tgz").read_bytes() == stored
    with tarfile.open(top / ".code.tgz") as archive:
        assert archive.getnames() == run.code.tarball.getnames()


def test_a_run_without_code(mounter, main_root, runs):
    """S452: Nothing is there, also where dot names are listed."""
    mount = mounter(main_root, args=["-o", "dots=list"])
    for name in (".code", ".code.tgz", ".code/flow.py"):
        with pytest.raises(FileNotFoundError):
            os.stat(mount / runs["hello"] / name)
    assert not {".code", ".code.tgz"} & set(mount.names(runs["hello"]))
    assert {".code", ".code.tgz"} <= set(mount.names(runs["hello-package"]))
    assert {".meta", ".help", "hello_flow.py"} <= set(mount.names(runs["hello-package"] + "/.code"))


@pytest.mark.parametrize("layout", ["v1", "v0", "v0 without metadata", "pax", "gnu", "plain tar"])
def test_layouts(client, mounter, own, nested, layout):
    """S450: Both layouts, with nested directories, an executable file and odd names."""
    package = nested if layout == "v1" else flat(nested)
    if layout != "v1":
        package = rewritten(package if layout.startswith("v0") else nested, layout)
    metadata = None if layout == "v0 without metadata" else {"version": 0, "archive_format": "tgz"}
    record = own.put(package, metadata)
    if layout == "plain tar":  # which the client does not read: as what is in it
        want = extracted(client, own.put(nested))
        own.record(json.dumps(dict(record)))
    else:
        want = extracted(client, record)
    assert want["run.sh"][1] and not want["flow.py"][1] and "lib/deep/er/module.py" in want
    assert ("metaflow/__init__.py" in want) == layout.startswith("v0")
    mount = mounter(own.root)
    assert files_of(code_of(mount, own), mounted=True) == want
    assert subprocess.run([code_of(mount, own) / "run.sh"], capture_output=True).stdout == b"ran\n"
    assert mount.read(own.run + "/.code.tgz") == package


def rewritten(package, layout):
    """The same members but most of Metaflow's own, written by tarfile in another format."""
    out = io.BytesIO()
    kind = tarfile.GNU_FORMAT if layout == "gnu" else tarfile.PAX_FORMAT
    with tarfile.open(fileobj=io.BytesIO(package)) as old:
        with tarfile.open(fileobj=out, mode="w" if layout == "plain tar" else "w:gz", format=kind) as new:
            for one in old.getmembers():
                if one.name.endswith("metaflow/__init__.py") or "metaflow/" not in one.name:
                    new.addfile(one, old.extractfile(one))
    return out.getvalue()


@pytest.mark.parametrize("label", ["foreach", "fail-resumed"])
def test_which_package_a_run_has(client, mounter, writable_root, main_root, runs, nested, label):
    """S450: That of the newest step whose newest task has one, as the client's Run.code; a resumed task has its
    origin's."""
    run = runs[label]
    root = writable_root(label)
    origin = runs["fail"] if label == "fail-resumed" else run
    steps = "start" if label == "fail-resumed" else "[a-z]*"
    tasks = sorted((root / ".metaflow" / origin).glob(steps + "/*/_meta/_self.json"))[-12:]
    own, seen = Package(root, run, []), set()
    packages = [own.put(tgz([member("INFO", b'{"script": "a.py"}'), member("a.py", b"%d" % n)]))
                for n in range(len(tasks))]
    mount = mounter(root, args=["--ttl", "0", "--settle-after", "100000000"])
    try:
        client.metadata("local@%s" % root)
        for path, package in zip(tasks, packages):
            record = dict(json.loads(path.read_text()), field_name="code-package", type="code-package",
                          value=json.dumps(package), tags=["attempt_id:0"])
            (path.parent / "sysmeta_code-package_1.json").write_text(json.dumps(record))
            code = client.Run(run).code
            have = mount.read(run + "/.code/a.py") if (mount / run / ".code").exists() else None
            assert have == (code and code.flowspec)
            seen.add(have)
        assert seen - {None} and len(seen) > (label == "foreach")
    finally:
        client.metadata("local@%s" % main_root)


@pytest.mark.threads
def test_one_pass_for_all_files(mounter, own, nested, tmp_path):
    """S454: Many readers at once unpack the package once, and a copy after that costs nothing."""
    package = flat(nested)
    own.put(package)
    mount = mounter(own.root)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        want = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    assert len(want) > 400
    top = code_of(mount, own)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # before anything was looked at
        paths = {n: top / n.replace("%", "%25") for n in want}
        assert dict(zip(want, pool.map(lambda n: paths[n].read_bytes(), want))) == want
    made = mount.stat("metaflowfs_staging_produced_total")
    assert made <= 4  # the archive, its files, and what else is read of the run
    subprocess.run(["cp", "-r", top, tmp_path / "copy"], check=True)
    assert mount.stat("metaflowfs_staging_produced_total") == made


def test_directories_are_found_again(mounter, own, nested):
    """S450: What the kernel forgets, and what was made stale, is found by its names."""
    own.put(nested)
    mount = mounter(own.root)
    deep = code_of(mount, own) / "lib" / "deep" / "er"
    want = (deep / "module.py").read_bytes()
    numbers = [p.stat().st_ino for p in (deep, deep / "module.py")]
    folder = os.open(deep, os.O_RDONLY)
    try:
        os.kill(mount.pid, signal.SIGHUP)
        make.wait_for(lambda: "SIGHUP" in mount.log() or "forgot" in mount.log(), "word of SIGHUP", 30)
        assert os.listdir(folder) == ["module.py"]
        with open(os.open("module.py", os.O_RDONLY, dir_fd=folder), "rb") as file:
            assert file.read() == want
    finally:
        os.close(folder)
    other = mounter(own.root)
    again = code_of(other, own) / "lib" / "deep" / "er"
    assert [p.stat().st_ino for p in (again, again / "module.py")] == numbers


def test_commands(client, own, nested, tmp_path):
    """S455: ls, cat and get without a mount."""
    record = own.put(nested)
    want = extracted(client, record)

    def ours(command, *words):
        return run_metaflowfs(command, "--datastore-root", str(own.root), *words, root=own.root, workdir=tmp_path)

    listed = ours("ls", own.run + "/.code/lib")
    assert sorted(listed.stdout.split()) == sorted(os.path.basename(p) for p in want if p.count("/") == 1
                                                   and p.startswith("lib/"))
    assert ours("cat", own.run + "/.code/lib/deep/er/module.py").stdout == "x = 1\n" * 500
    done = ours("get", own.run + "/.code", str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    (tmp_path / "copy" / ".metaflowfs-get").unlink()
    assert files_of(tmp_path / "copy", mounted=True) == want
    shutil.rmtree(tmp_path / "copy")
    ours("get", own.run + "/.code", str(tmp_path / "copy"))
    again = ours("get", own.run + "/.code", str(tmp_path / "copy"))
    part = ours("get", own.run + "/.code/lib/deep", str(tmp_path / "part"))
    assert part.returncode == 0 and files_of(tmp_path / "part" / "er").keys() == {"module.py"}
    assert (own.run + "/.code/lib/deep") in (tmp_path / "part" / ".metaflowfs-get").read_text()
    assert again.returncode == 0 and not re.match(r"[1-9]\d* files,", again.stdout), again.stdout + again.stderr


def test_code_in_s3(s3_mounter, batch_s3, batch_root, batch_run):
    """S456: A package in S3."""
    mount = s3_mounter(batch_s3, root=batch_root)
    top = mount / batch_run
    package = (top / ".code.tgz").read_bytes()
    sha = json.loads((top / ".meta").read_text())["code"]["sha"]
    assert hashlib.sha1(package).hexdigest() == sha
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        want = {m.name: archive.extractfile(m).read() for m in archive.getmembers()
                if not m.name.startswith(".mf_code")}
    have = {k: v[0] for k, v in files_of(top / ".code", mounted=True).items() if v is not None}
    assert have == want


def test_a_moved_datastore_has_its_own_code(mounter, own, nested, tmp_path):
    """S456: A package is looked for under the mounted root first, and where it was put only where it is not there."""
    record = own.put(nested)
    elsewhere = tmp_path / "elsewhere"
    own.record(json.dumps(dict(record, location=str(elsewhere / record["sha"][:2] / record["sha"]))))
    mount = mounter(own.root)
    assert (code_of(mount, own) / "run.sh").read_bytes() == b"#!/bin/sh\necho ran\n"
    blob = pathlib.Path(record["location"])
    there = tmp_path / "there" / ".metaflow" / FLOW / "data" / blob.parent.name / blob.name
    there.parent.mkdir(parents=True)
    shutil.move(blob, there)
    own.record(json.dumps(dict(record, location=str(there))))
    mount = mounter(own.root)
    assert (code_of(mount, own) / "run.sh").read_bytes() == b"#!/bin/sh\necho ran\n"
    assert (mount / own.run / ".code.tgz").stat().st_size == len(nested)


# --- packages that nobody should trust --------------------------------------------------------------------

def member(name, data=b"", kind=tarfile.REGTYPE, **more):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(data), 1575360000
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def tgz(members, mode="w:gz", **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, **options) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def hole(size, where):
    return {"GNU.sparse.size": str(size), "GNU.sparse.numblocks": "1", "GNU.sparse.map": where}


def hostile():
    """Members, and what a person sees of them: {path: bytes}."""
    return [
        (member("/etc/passwd", b"1"), None), (member("../up.py", b"2"), None), (member("a/../../up.py", b"3"), None),
        (member(".", kind=tarfile.DIRTYPE), None), (member("./plain.py", b"4"), ("plain.py", b"4")),
        (member("two//slashes.py", b"5"), ("two/slashes.py", b"5")),
        (member("link", kind=tarfile.SYMTYPE, linkname="/etc/passwd"), None),
        (member("hard", kind=tarfile.LNKTYPE, linkname="plain.py"), None),
        (member("null", kind=tarfile.CHRTYPE, devmajor=1, devminor=3), None),
        (member("pipe", kind=tarfile.FIFOTYPE), None), (member("disk", kind=tarfile.BLKTYPE), None),
        (member("through", kind=tarfile.SYMTYPE, linkname="/tmp"), None),
        (member("through/file.py", b"6"), ("through/file.py", b"6")),
        (member("twice.py", b"first"), None), (member("twice.py", b"last"), ("twice.py", b"last")),
        (member("once.py", b"file"), None), (member("once.py", kind=tarfile.SYMTYPE, linkname="/etc"), None),
        (member("both", b"file"), None), (member("both/inner.py", b"7"), ("both/inner.py", b"7")),
        (member("line\nbreak\x1b[1m.py", b"8"), ("line\nbreak\x1b[1m.py", b"8")),
        (member(".hidden.py", b"9"), (".hidden.py", b"9")), (member("%41.py", b"10"), ("%41.py", b"10")),
        (member("e" * 300 + ".py", b"11"), "cut"), (member("empty", kind=tarfile.DIRTYPE), ("empty", None)),
        (member("d" * 280 + "/inner.py", b"12"), "cut"),
        (member("deep/" + "d/" * 22 + "leaf.py", b"13"), ("deep/" + "d/" * 22 + "leaf.py", b"13")),
        (member("sparse", b"abc", pax_headers=hole(200000, "100000,3")),
         ("sparse", bytes(100000) + b"abc" + bytes(99997))),
    ]


def test_hostile_members(mounter, own, tmp_path):
    """S453: What leads out of the archive, and what is no file, is not there; of two members of a name the last is."""
    own.put(tgz([m for m, _ in hostile()]))
    mount = mounter(own.root)
    have = {k: v and v[0] for k, v in files_of(code_of(mount, own), mounted=True).items()}
    cut = {k: have.pop(k) for k in list(have) if re.search(r"~[0-9A-F]{16}|~[0-9a-f]{16}", k)}
    want = dict(seen for _, seen in hostile() if seen not in (None, "cut"))
    want.update(dict.fromkeys(["two", "through", "both", "deep"] + ["deep" + "/d" * n for n in range(1, 23)]))
    assert have == want
    assert sorted(v for v in cut.values() if v is not None) == [b"11", b"12"]
    other = mounter(own.root)  # a cut name is found by one that has not listed it
    for path in [p for p in cut if cut[p] is not None]:
        assert (code_of(other, own) / path).read_bytes() == cut[path]
    with pytest.raises(FileNotFoundError):
        os.stat(code_of(mount, own) / "%2E%2E")
    with pytest.raises(FileNotFoundError):
        os.stat(code_of(mount, own) / "two%2Fslashes.py")


def damaged(nested):
    """Name: package, errno, and a word of the cause."""
    small = tgz([member("a.py", b"a" * 5000)])
    huge = member("sparse", b"", pax_headers=hole(1 << 62, "0,0"))
    negative = bytearray(tgz([member("a.py", b"abc")], mode="w"))
    negative[124:136] = b"\xff" * 11 + b"\xfe"
    check = sum(negative[:148]) + sum(negative[156:512]) + 8 * 32
    negative[148:156] = b"%06o\0 " % check
    return {
        "empty": (b"", errno.EIO, "no tar archive"), "no archive": (b"import os\n" * 100, errno.EIO, "no tar archive"),
        "cut off": (nested[:len(nested) // 2], errno.EIO, "damaged"),
        "cut off early": (nested[:30], errno.EIO, "no tar archive"),
        "spoilt": (gzip.compress(b"a" * 512 + gzip.decompress(small)[512:]), errno.EIO, "no tar archive"),
        "packed twice": (gzip.compress(small), errno.EIO, "more than once"),
        "bzip2": (tgz([member("a.py")], mode="w:bz2"), errno.EIO, "no tar archive"),
        "a negative size": (bytes(negative), errno.EIO, "damaged"),
        "a huge file": (gzip.compress(tgz([member("a.py", b"")], mode="w").replace(
            b"00000000000\x00", b"77777777777\x00", 1)), errno.EIO, "damaged"),
        "a huge hole": (tgz([huge]), errno.EIO, "bytes"),
        "huge holes": (tgz([member("sparse%d" % i, b"", pax_headers=hole(1 << 29, "0,0")) for i in range(3)]),
                       errno.EIO, "bytes"),
        "many members": (tgz([member("f%d" % i) for i in range(33000)]), errno.EIO, "members"),
        "deep": (tgz([member("d/" * 30 + "f")]), errno.EIO, "names"),
        "a long path": (tgz([member("a" * 5000)]), errno.EIO, "bytes"),
        "another layout": (tgz([member(".mf_install", b'{"version": 7}')]), errno.ENOTSUP, "layout"),
        "a bad marker": (tgz([member(".mf_install", b'{"version"')]), errno.EIO, "mf_install"),
    }


NAMES = sorted(damaged(b""))


@pytest.fixture(scope="module")
def bad_mount(shared_mounter, tmp_path_factory, main_root, runs, nested):
    """A mount of a run for each of them."""
    root = tmp_path_factory.mktemp("bad")
    source = main_root / ".metaflow" / runs["hello-package"]
    (root / ".metaflow" / FLOW / "_meta").mkdir(parents=True)
    shutil.copy(main_root / ".metaflow" / FLOW / "_meta" / "_self.json", root / ".metaflow" / FLOW / "_meta")
    packages = damaged(nested)
    for i, name in enumerate(NAMES):
        shutil.copytree(source, root / ".metaflow" / FLOW / str(i + 1))
        Package(root, "%s/%d" % (FLOW, i + 1)).put(packages[name][0])
    return shared_mounter(root, expect_errors=[".*"]), packages


@pytest.mark.parametrize("name", NAMES)
def test_damaged_packages(bad_mount, name):
    """S453: What cannot be read, or unpacks to too much, is an error with a cause; its bytes can be read."""
    mount, packages = bad_mount
    package, number, cause = packages[name]
    run = "%s/%d" % (FLOW, NAMES.index(name) + 1)
    with pytest.raises(OSError) as error:
        mount.names(run + "/.code")
    assert error.value.errno == number
    told = [line for line in mount.errors().splitlines() if run in line]
    assert told and cause in told[-1], told
    assert mount.read(run + "/.code.tgz") == package


def test_bombs(mounter, own, tmp_path):
    """S453: Many bytes out of few end at a limit: nothing fills the disk or the memory."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15)

    def packed(data):  # on its own, so that it can be repeated
        return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)

    info, _ = member("bomb.py")
    info.size = 33 << 24
    bomb = packed(info.tobuf()) + packed(bytes(1 << 24)) * 33
    own.put(b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bomb * 2)
    mount = mounter(own.root, expect_errors=[".*"])
    before = mount.rss_anon()
    with pytest.raises(OSError) as error:
        mount.names(own.run + "/.code")
    assert error.value.errno == errno.EIO
    assert mount.rss_anon() - before < 64 << 20
    assert mount.stat("metaflowfs_staging_file_bytes") < 16 << 20


@pytest.mark.parametrize("text", ["{", "[]", '{"ds_type": "local", "sha": "../../etc", "location": "/"}', '{"sha": 5}'])
def test_bad_records(mounter, own, text):
    """S453: A record that does not tell where the package is spoils .code alone."""
    own.record(text)
    mount = mounter(own.root, expect_errors=[".*"])
    for name in (".code", ".code.tgz"):
        with pytest.raises(OSError) as error:
            os.stat(mount / own.run / name)
        assert error.value.errno == errno.EIO
    assert "code package" in mount.errors()
    assert mount.read(own.run + "/.end/name") == FLOW.encode()


def test_a_package_that_is_gone(mounter, own, nested):
    """S453: Or that is not what its key says."""
    blob = pathlib.Path(own.put(nested)["location"])
    mount = mounter(own.root, expect_errors=[".*"])
    blob.write_bytes(nested + bytes(200000))  # its files could be read; its digest is known at its end alone
    with pytest.raises(OSError) as error:
        mount.names(own.run + "/.code")
    assert error.value.errno == errno.EIO
    for name in (".code/run.sh", ".code.tgz"):
        with pytest.raises(OSError) as error:
            mount.read(own.run + "/" + name)
        assert error.value.errno == errno.EIO
    blob.unlink()
    with pytest.raises(OSError) as error:
        mount.read(own.run + "/.code.tgz")
    assert error.value.errno == errno.EIO
    blob.write_bytes(nested)
    assert mount.read(own.run + "/.code/run.sh") == b"#!/bin/sh\necho ran\n"
