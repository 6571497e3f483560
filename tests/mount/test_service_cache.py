"""What a mount keeps of a metadata service: where, for how long, shared and through kills; tags through the service."""

import errno
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

import make
import pytest
from mounting import binary, daemon_env, run_metaflowfs
from servicing import in_client, service_env
from test_client_equality import encoded, meta_of
from test_service_faults import error_of, mount_refresh, read_all


def relative(mount, content):
    return {p[len(str(mount.path)):]: v for p, v in content.items()}


def test_no_cache(service, service_mounter, service_runs, tmp_path):
    """S150: with --no-cache nothing stays on disk, and a mount starts anew."""
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    mount = service_mounter(service, args=["--no-cache"], env=env)
    read_all(mount, service_runs["hello"])
    assert not any(p.is_file() for p in tmp_path.rglob("*"))
    mount.end()
    again = service_mounter(service, args=["--no-cache"], env=env)
    assert service.requests_of(lambda: read_all(again, service_runs["hello"]))


def test_where_it_is_kept(service, service_mounter, service_runs, tmp_path):
    """S150: --cache-dir, or below XDG_CACHE_HOME, private to its owner."""
    cache = tmp_path / "cache"
    mount = service_mounter(service, cache=cache)
    read_all(mount, service_runs["hello"])
    mount.end()
    kept = [p for p in cache.rglob("*") if p.is_file()]
    assert kept and cache.stat().st_mode & 0o077 == 0
    assert all(p.stat().st_mode & 0o077 == 0 for p in kept)


def test_damaged_caches(service, service_mounter, service_runs, tmp_path):
    """S151: a cache that is damaged, truncated or foreign is set aside; the mount works."""
    cache = tmp_path / "cache"
    first = service_mounter(service, cache=cache)
    want = relative(first, read_all(first, service_runs["hello"]))
    first.end()
    for damage in (lambda d: d[:1000], lambda d: b"x" * len(d), lambda d: b"", lambda d: d[: len(d) // 2]):
        for path in [p for p in cache.rglob("*.mdb") if "bad-" not in str(p) and "lock" not in p.name]:
            path.write_bytes(damage(path.read_bytes()))
        mount = service_mounter(service, cache=cache, expect_errors=["cache"])
        assert relative(mount, read_all(mount, service_runs["hello"])) == want
        mount.end()


def test_a_full_file_system(service, service_root, service_runs, tmp_path):
    """S544: with METAFLOW_TEMPDIR or the cache's directory on a full file system the cache is elsewhere, or nothing is
    kept."""
    full = tmp_path / "full"
    full.mkdir()
    (tmp_path / "temp").mkdir()
    where = service_env(service.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(service_root))
    command = "%s ls %s" % (binary(), service_runs["hello"])
    script = ("mount -t tmpfs -o size=1m,mode=0700 none %s; dd if=/dev/zero of=%s/fill bs=4k 2>/dev/null; "
              "METAFLOW_TEMPDIR=%s %s --no-cache && %s --cache-dir %s/cache" %
              (full, full, full, command, command, full))
    done = subprocess.run(["unshare", "--mount", "--user", "--map-root-user", "sh", "-c", script],
                          env=daemon_env(service_root, tmp_path, **where), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split().count("start") == 2, done


@pytest.mark.bounds  # of the release build: a sanitizer takes terabytes of addresses
@pytest.mark.parametrize("args", [[], ["--no-cache"], ["--cache-size", "100T"]])
def test_little_address_space(service, service_root, service_runs, tmp_path, args):
    """S544: where the address space is limited the cache is smaller."""
    limit = 3000000 * 1024
    env = service_env(service.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(service_root))
    where = [] if "--no-cache" in args else ["--cache-dir", str(tmp_path / "cache")]
    done = run_metaflowfs("ls", *args, *where, service_runs["hello"], root=service_root, workdir=tmp_path, env=env,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert done.returncode == 0 and "start" in done.stdout.split(), done


@pytest.mark.threads
def test_two_mounts_share(service, service_mounter, service_runs, tmp_path):
    """S152: two mounts share a cache: what one read costs the other nothing; killing one does not harm the other."""
    cache, run = tmp_path / "cache", service_runs["foreach"]
    first = service_mounter(service, cache=cache)
    want = relative(first, read_all(first, run))
    for _ in range(2):
        time.sleep(1.2)
        read_all(first, run)
    second = service_mounter(service, cache=cache)
    reads = []

    def walk():
        for folder, _, names in os.walk(second / run):
            reads.extend(os.lstat(os.path.join(folder, n)) for n in names)

    log = service.requests_of(walk)
    assert reads and not log, log
    stop = threading.Event()
    problems = []

    def load():
        while not stop.is_set():
            try:
                mount_refresh(second, "")
                assert relative(second, read_all(second, run)) == want
            except Exception as e:  # told below
                problems.append(e)
                return

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(0.5)
    first.end(signal.SIGKILL, may_stay=True)
    time.sleep(1.5)
    stop.set()
    thread.join()
    assert not problems, problems
    third = service_mounter(service, cache=cache)
    assert relative(third, read_all(third, run)) == want


def test_killed_twenty_times(service, service_mounter, service_runs, tmp_path):
    """S153: killed twenty times under load, the cache opens and is right each time."""
    cache, labels = tmp_path / "cache", ["foreach", "branch", "params", "hello-tags", "retry"]
    reference = service_mounter(service, args=["--no-cache"])
    want = {label: relative(reference, read_all(reference, service_runs[label])) for label in labels}
    for n in range(20):
        mount = service_mounter(service, cache=cache, ttl="0")
        load = [subprocess.Popen(["find", mount / service_runs[label], "-type", "f"], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for label in labels]
        if n % 4:
            mount_refresh(mount, service_runs[labels[n % 5]])
        time.sleep(0.02 * (n % 8))
        mount.end(signal.SIGKILL, may_stay=True)
        for process in load:
            process.wait(30)
    mount = service_mounter(service, cache=cache)
    for label in labels:
        assert relative(mount, read_all(mount, service_runs[label])) == want[label], label
    assert mount.stat("metaflowfs_cache_set_aside_total") == 0


def test_refresh_and_sighup(double, service, service_mounter, service_runs):
    """S154: a path written to .metaflowfs/refresh is asked for anew, so is everything after SIGHUP."""
    run = service_runs["branch"]
    mount = service_mounter(service, ttl="3600", settle="1")
    read_all(mount, run)
    assert not service.requests_of(lambda: read_all(mount, run)).matching("/steps")
    mount_refresh(mount, run)
    log = service.requests_of(lambda: read_all(mount, run))
    assert log.matching("/steps") and all(run.split("/")[0] in p for p in log.paths()), log
    assert not service.requests_of(lambda: mount.names(run))
    os.kill(mount.pid, signal.SIGHUP)
    make.wait_for(lambda: service.requests_of(lambda: (mount.names(), mount.names(run))), "requests after SIGHUP", 5)


def test_new_runs_cost_what_is_new(double, service, service_mounter):
    """S155: a listing that was read before asks one request for what is new, and shows it within the time-to-live."""
    double.make("runs", name="GrowingFlow", count=1200)
    mount = service_mounter(service)
    assert len(mount.names("GrowingFlow")) == 1200
    made = double.touch("GrowingFlow", new=True)["run"]
    time.sleep(1.2)
    found = []
    log = service.requests_of(lambda: found.append(mount.names("GrowingFlow")))
    assert str(made) in found[0] and len(found[0]) == 1201
    assert len(log.matching(r"/runs\?")) == 1 and len(log) <= 2, log


def test_tags_change_within_the_time_to_live(double, service, service_mounter, service_runs):
    """S156: a tag that somebody adds shows within the time-to-live, also on a run that is finished and settled."""
    run = service_runs["branch"]
    flow, number = run.split("/")
    mount = service_mounter(service)
    for _ in range(3):
        read_all(mount, run)
        assert "late" not in mount.names(run + "/.tags")
        time.sleep(1.1)
    double.touch(flow, number, tags=["late"])
    make.wait_for(lambda: "late" in mount.names(run + "/.tags"), "the tag", 6)
    make.wait_for(lambda: number in names_of(mount, flow + "/.tags/late"), "the run below its tag", 6)
    assert "late" in meta_of(mount, run)["tags"]
    double.touch(flow, number, tags=[])
    make.wait_for(lambda: "late" not in mount.names(run + "/.tags"), "the tag's end", 6)
    make.wait_for(lambda: number not in names_of(mount, flow + "/.tags/late"), "the run's end below its tag", 6)


def names_of(mount, path):
    try:
        return mount.names(path)
    except FileNotFoundError:
        return []


CLIENTS_TAGS = """
def answer():
    run = Run(%r)
    return [sorted(run.user_tags), run.finished, run.successful]
"""


def test_mkdir_and_rmdir_of_tags(service, service_mounter, service_runs, service_root):
    """S157: mkdir and rmdir in RUN/.tags go through the service's tag mutation; the client sees them."""
    run = service_runs["switch"]
    mount = service_mounter(service)
    tags = mount / run / ".tags"
    names = ["good", "with space", "slash/ed", "ünï"]
    for tag in names:
        os.mkdir(tags / encoded(tag))
        assert encoded(tag) in os.listdir(tags)
    assert in_client(service.url, service_root, CLIENTS_TAGS % run)[0] == sorted(names)
    assert error_of(os.mkdir, tags / "good") == errno.EEXIST
    system = next(n for n in os.listdir(tags) if n.startswith("user:"))
    assert error_of(os.rmdir, tags / system) == errno.EPERM
    assert error_of(os.rmdir, tags / "nobody") == errno.ENOENT
    for tag in names:
        os.rmdir(tags / encoded(tag))
        assert encoded(tag) not in os.listdir(tags)
    assert in_client(service.url, service_root, CLIENTS_TAGS % run)[0] == []
    flow = run.split("/")[0]
    assert os.readlink(mount / flow / ".latest") == run.split("/")[1]


def test_tags_that_a_service_refuses(service, service_mounter, service_runs):
    """S157: what the service refuses is the writer's error, with the service's words; -o ro writes nothing."""
    run = service_runs["switch"]
    mount = service_mounter(service, expect_errors=[".*"], env={"METAFLOW_SERVICE_RETRY_COUNT": "1"})
    os.stat(mount / run / ".tags")
    for status, want in ((403, errno.EACCES), (422, (errno.EINVAL, errno.EPERM)), (500, errno.EIO)):
        service.faults({"match": "PATCH", "status": status, "body": '"the whales say no"'})
        assert error_of(os.mkdir, mount / run / ".tags" / "x") in (want if isinstance(want, tuple) else (want,))
    service.well()
    assert "x" not in mount.names(run + "/.tags")
    still = service_mounter(service, args=["-o", "ro"])
    log = service.requests_of(lambda: error_of(os.mkdir, still / run / ".tags" / "x"))
    assert not [r for r in log if r["method"] != "GET"]


def test_namespace_over_a_service(service, service_mounter, service_runs):
    """S158: --namespace shows the runs that carry it as a tag, and the flows that have one."""
    mount = service_mounter(service, args=["--namespace", "user:somebody"])
    flow, run = service_runs["hello-other-user"].split("/")
    assert mount.names() == [flow] and mount.names(flow) == [run]
    assert os.readlink(mount / flow / ".latest") == run
    assert not (mount / service_runs["hello"]).exists() and not (mount / service_runs["card"]).exists()


def test_a_live_run(service, service_mounter, service_root, tmp_path, slow_build):
    """S159: a run is seen as it grows: tasks, states, artifacts and logs as they come."""
    mount = service_mounter(service)
    gates = tmp_path / "gates"
    process, run = make.start_live(service_root, gates, **service.env())
    try:
        make.wait_for(lambda: "start" in names_of(mount, run), "the run", 10)
        assert meta_of(mount, run)["status"] == "running"
        assert run.split("/")[1] in mount.names(run.split("/")[0] + "/.running")
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            for waiting in gates.glob("*.waiting"):
                waiting.with_suffix("").touch()
                pathlib.Path(str(waiting)[: -len(".waiting")] + ".go").touch()
            names_of(mount, run)
            time.sleep(0.1)
        assert process.poll() == 0
        make.wait_for(lambda: meta_of(mount, run)["status"] == "done", "the end of the run", 5 + slow_build)
        assert os.path.exists(mount / run / ".end")
    finally:
        process.kill()
        process.wait()
