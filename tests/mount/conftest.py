"""Fixtures of the mount tests: real Metaflow data, and mounts of it that are watched to their end.

METAFLOWFS_BUILD      the build folder whose metaflowfs is tested (required)
METAFLOWFS_TEST_DATA  where made data is kept and taken from; without it a folder of this session

Several processes may run the tests (pytest -n 2 --dist loadfile; they need METAFLOWFS_TEST_DATA): a file's tests run in
one of them, in their order. They share the data, which is made once, and nothing else.
"""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
sys.path[:0] = [str(HERE), str(HERE.parent / "data"), str(HERE.parent / "flows")]
for name in [n for n in os.environ if n.startswith(("METAFLOW_", "AWS_"))]:
    del os.environ[name]
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell's background job, and programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.update(USER="tester", LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")

import batching  # noqa: E402
import make  # noqa: E402
import s3faults  # noqa: E402
import s3ing  # noqa: E402
import servicing  # noqa: E402
from mounting import Mount, build_dir, sanitizer  # noqa: E402


# A file's tests run in one process. These take long for the number of their tests: whoever got one last would be waited
# for.
LONG = ("test_service_scale.py", "test_creds_diff.py", "test_mflog_diff.py", "test_bad_input.py", "test_service_tree.py",
        "test_s3_faults.py", "test_batch_once.py", "test_batch_poll.py", "test_service_faults.py", "test_s3_requests.py", "test_service_cache.py", "test_s3_start.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)  # within both sorts the order stays


def pytest_configure(config):
    config.addinivalue_line("markers", "bounds: has promised times or sizes; run on a release build")
    config.addinivalue_line("markers", "threads: worth a run under the thread sanitizer")


def pytest_sessionstart(session):
    binary = build_dir() / "metaflowfs"
    if not session.config.option.collectonly and not binary.exists():
        raise pytest.UsageError("no %s: set METAFLOWFS_BUILD to a build folder" % binary)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    kept = os.environ.get("METAFLOWFS_TEST_DATA")
    assert kept or WORKER is None, "several processes share METAFLOWFS_TEST_DATA, which is not set"
    return pathlib.Path(kept) if kept else tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def runs(data_dir):
    """{label: "Flow/run"} of every run that was made."""
    return make.make(data_dir)


@pytest.fixture(scope="session")
def main_root(data_dir, runs):
    """The directory that contains the `.metaflow` with all flows. Never written to by a test."""
    return data_dir / "main"


@pytest.fixture(scope="session")
def tables_runs(data_dir):
    """{label: "TablesFlow/run"} of the runs with tables, one for each version of pandas."""
    return make.make_tables(data_dir)


@pytest.fixture(scope="session")
def tables_root(data_dir, tables_runs):
    """The directory that contains the `.metaflow` of tables_runs. Never written to by a test."""
    return data_dir / "tables" / "root"


@pytest.fixture(scope="session")
def old_roots(data_dir, runs):
    return data_dir / "old"


def _factory(tmp_path_factory):
    mounts = []

    def start(root, **options):
        mount = Mount(root, tmp_path_factory.mktemp("mount"), **options)
        mounts.append(mount)
        mount.start()
        return mount

    def finish():
        problems = [p for m in reversed(mounts) for p in m.finish()]
        assert not problems, "\n".join(problems)

    return start, finish


@pytest.fixture
def mounter(tmp_path_factory):
    """Mounts for one test: mounter(root, args=[...], env={...}, expect_errors=[regex, ...])."""
    start, finish = _factory(tmp_path_factory)
    yield start
    finish()


@pytest.fixture(scope="module")
def shared_mounter(tmp_path_factory):
    start, finish = _factory(tmp_path_factory)
    yield start
    finish()


@pytest.fixture(scope="module")
def mnt(shared_mounter, main_root):
    """A mount of all flows, shared by the tests of a module, which only read."""
    return shared_mounter(main_root)


class Forgetful(dict):
    def __setitem__(self, key, value):
        pass


@pytest.fixture(scope="session")
def client(main_root):
    """Metaflow's client on the same data, with the flows' classes where their pickles expect them."""
    os.environ.update(METAFLOW_DATASTORE_SYSROOT_LOCAL=str(main_root),
                      METAFLOW_HOME=str(main_root / "home"))
    import metaflow
    import values_flow
    from metaflow.packaging_sys import MetaflowCodeContent

    # The client remembers a package's layout by the id() of an archive, which the next archive may have, too.
    MetaflowCodeContent._cached_mfcontent_info = Forgetful()
    main = sys.modules["__main__"]
    for name in ("Point", "Color", "Config", "Custom", "Slotted"):
        if not hasattr(main, name):
            setattr(main, name, getattr(values_flow, name))
    metaflow.namespace(None)
    metaflow.metadata("local@%s" % main_root)
    return metaflow


@pytest.fixture
def writable_root(tmp_path, main_root, runs):
    """A function that copies flows into a `.metaflow` of the test's own: writable_root("hello", ...)."""
    import shutil

    def copy(*labels):
        root = tmp_path / "own"
        for flow in {runs[label].split("/")[0] for label in labels}:
            shutil.copytree(main_root / ".metaflow" / flow, root / ".metaflow" / flow,
                            symlinks=True, dirs_exist_ok=True)
        for name in ("data", "mf.cards"):
            source = main_root / ".metaflow" / name
            if source.exists():
                shutil.copytree(source, root / ".metaflow" / name, dirs_exist_ok=True)
        return root

    return copy


@pytest.fixture
def slow_build():
    """Factor by which times may be longer than on a release build."""
    return {"": 1, "address": 4, "thread": 15}[sanitizer()]


@pytest.fixture(scope="session")
def service_runs(data_dir):
    """{label: "Flow/run"} of the runs that were made against the double of a metadata service."""
    return servicing.make_service_data(data_dir)


@pytest.fixture(scope="session")
def service_root(data_dir, service_runs):
    """The datastore of service_runs. Its `.metaflow` has no metadata."""
    return data_dir / "service" / "root"


@pytest.fixture(scope="module")
def double(data_dir, service_runs):
    """The double of a metadata service with service_runs; a module's tests share what they write to it."""
    double = servicing.Double(load=data_dir / "service" / "rows.json")
    yield double
    double.stop()


@pytest.fixture
def service(double):
    """A port of the double with a log and faults of its own."""
    return double.open()


def _service_mounts(start, tmp_path_factory, root):
    def mount(service, args=(), cache=None, env=None, ttl="1", settle="1", **options):
        url = service if isinstance(service, str) else service.url
        where = [] if "--no-cache" in args else ["--cache-dir", str(cache or tmp_path_factory.mktemp("cache"))]
        everything = servicing.service_env(url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(options.pop("root", root)))
        return start(root, cwd=str(root), env=dict(everything, **(env or {})), **options,
                     args=[*where, "--ttl", ttl, "--settle-after", settle, *args])
    return mount


@pytest.fixture
def service_mounter(mounter, tmp_path_factory, service_root):
    """Mounts of services for one test: service_mounter(service or URL, args=[...], cache=DIR)."""
    return _service_mounts(mounter, tmp_path_factory, service_root)


@pytest.fixture(scope="module")
def shared_service_mounter(shared_mounter, tmp_path_factory, service_root):
    return _service_mounts(shared_mounter, tmp_path_factory, service_root)


@pytest.fixture
def toxiproxy(service):
    proxy = servicing.Toxiproxy(service.port)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def s3_runs(data_dir):
    """{label: "Flow/run"} of the runs whose artifacts are in S3."""
    return s3ing.make_s3_data(data_dir)


@pytest.fixture(scope="session")
def s3_root(data_dir, s3_runs):
    """The directory with the `.metaflow` that has the metadata of s3_runs. Never written to by a test."""
    return data_dir / "s3" / "root"


@pytest.fixture(scope="session")
def s3_folder(data_dir, s3_runs, tmp_path_factory):
    """What the S3 with s3_runs holds: a folder of this process alone, as its tests write into it."""
    made = data_dir / "s3" / "server"
    if WORKER is None:
        return made
    own = tmp_path_factory.mktemp("s3") / "server"
    subprocess.run(["cp", "-a", str(made), str(own)], check=True)  # with the attributes that hold objects' metadata
    return own


@pytest.fixture(scope="session")
def s3(s3_folder):
    """The S3 with s3_runs. A test that writes to it writes below a prefix or bucket of its own."""
    server = s3ing.Versity(s3_folder)
    yield server
    server.stop()


@pytest.fixture
def faults(s3):
    """A proxy before it that counts and spoils."""
    proxy = s3faults.FaultProxy(s3.port)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def shared_faults(s3):
    proxy = s3faults.FaultProxy(s3.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def toxi(s3):
    """toxiproxy before it: a slow link."""
    proxy = s3ing.Toxi(s3.port)
    yield proxy
    proxy.stop()


def _s3_mounts(start, tmp_path_factory, root):
    def mount(where, args=(), cache=None, env=None, ttl="1", settle="1", **options):
        url = where if isinstance(where, str) else where.url
        kept = [] if "--no-cache" in args else ["--cache-dir", str(cache or tmp_path_factory.mktemp("cache"))]
        at = options.pop("root", root)
        everything = s3ing.s3_env(url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(at))
        return start(at, cwd=str(at), env=dict(everything, **(env or {})), **options,
                     args=[*kept, "--ttl", ttl, "--settle-after", settle, *args])
    return mount


@pytest.fixture
def s3_mounter(mounter, tmp_path_factory, s3_root):
    """Mounts of S3 for one test: s3_mounter(server, proxy or URL, args=[...], cache=DIR, env={...})."""
    return _s3_mounts(mounter, tmp_path_factory, s3_root)


@pytest.fixture(scope="module")
def shared_s3_mounter(shared_mounter, tmp_path_factory, s3_root):
    return _s3_mounts(shared_mounter, tmp_path_factory, s3_root)


@pytest.fixture(scope="session")
def batch_moto():
    """moto's Batch and CloudWatch Logs; definitions that a test registers stay."""
    server = batching.BatchMoto()
    yield server
    server.stop()


@pytest.fixture
def cloud(batch_moto):
    """A proxy before it, with jobs of its own. What AWS would not have taken fails the test."""
    proxy = batching.Cloud(batch_moto)
    yield proxy
    proxy.stop()
    assert not proxy.wrong, "\n".join(proxy.wrong)


@pytest.fixture(scope="module")
def shared_cloud(batch_moto):
    proxy = batching.Cloud(batch_moto)
    yield proxy
    proxy.stop()
    assert not proxy.wrong, "\n".join(proxy.wrong)


@pytest.fixture(scope="session")
def batch_run(data_dir):
    """A run "Flow/run" whose artifacts and code package are in S3."""
    return batching.make_batch_data(data_dir)


@pytest.fixture(scope="session")
def batch_root(data_dir, batch_run):
    """The directory with the `.metaflow` that has its metadata. Never written to by a test."""
    return data_dir / "batch" / "root"


@pytest.fixture(scope="session")
def batch_s3(data_dir, batch_run, tmp_path_factory):
    """The S3 that has them, in a copy of this process alone."""
    own = tmp_path_factory.mktemp("batch") / "server"
    subprocess.run(["cp", "-a", str(data_dir / "batch" / "server"), str(own)], check=True)
    server = s3ing.Versity(own)
    yield server
    server.stop()


def _batch_mounts(start, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")  # the same for all: journals belong to where the flows are
    (empty / ".metaflow").mkdir()

    def mount(cloud, env=None, state=None, root=None, **options):
        where = cloud if isinstance(cloud, str) else cloud.url
        kept = state or tmp_path_factory.mktemp("state")
        everything = batching.batch_env(where, XDG_STATE_HOME=str(kept))
        return start(root or empty, env=dict(everything, **(env or {})), **options)
    return mount


@pytest.fixture
def batch_mounter(mounter, tmp_path_factory):
    """Mounts that submit: batch_mounter(cloud or URL, env={...}, state=DIR of journals, root=DIR, args=[...]); without
    a root there are no flows."""
    return _batch_mounts(mounter, tmp_path_factory)


@pytest.fixture(scope="module")
def shared_batch_mounter(shared_mounter, tmp_path_factory):
    return _batch_mounts(shared_mounter, tmp_path_factory)
