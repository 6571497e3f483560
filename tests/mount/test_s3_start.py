"""S3 as a mount or a copy begins: what is checked, what is shown without it, what is copied from it."""

import json
import os
import re
import subprocess

import pytest
from mounting import is_mounted, run_metaflowfs
from s3ing import ACCESS, SECRET, s3_env
from servicing import PYTHON
from test_get import files, ok


def test_a_tempdir_that_cannot_be_written(s3, s3_root, tmp_path):
    """S540: a mount of S3 is refused, and by --check too, where METAFLOW_TEMPDIR cannot be written."""
    env = s3_env(s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root), METAFLOW_TEMPDIR="/proc")
    (tmp_path / "m").mkdir()
    for args in (["--check"], [str(tmp_path / "m")]):
        done = run_metaflowfs("--no-cache", *args, root=s3_root, workdir=tmp_path, env=env)
        said = done.stdout + done.stderr
        assert done.returncode == 3 and "ready\n" not in said, done
        assert "no temporary file can be made in /proc" in said and "set METAFLOW_TEMPDIR" in said, done
    assert not is_mounted(tmp_path / "m")


@pytest.fixture
def s3_get(tmp_path, s3, s3_root, s3_runs):
    """get(PATHSPEC, DIR, ..., url=, env=) of the artifacts in S3, with no mount."""

    def run(*args, url=None, env=None, **more):
        everything = s3_env(url or s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root), METAFLOW_S3_RETRY_COUNT="2")
        return run_metaflowfs("get", *map(str, args), root=s3_root, workdir=tmp_path, env=dict(everything, **(env or {})),
                              **more)

    return run


def test_a_start_without_the_network(s3, toxi, s3_mounter, s3_runs, tmp_path):
    """S240: with a cache a mount begins while S3 is away: it says so, and shows what it has; without one it ends."""
    task = s3_runs["hello"] + "/start/1"
    cache = tmp_path / "cache"
    mount = s3_mounter(toxi, cache=cache)
    want = mount.read(task + "/message")
    sizes = {name: os.stat(mount / task / name).st_size for name in mount.names(task)}
    assert mount.end() == 0
    toxi.enabled(False)
    mount = s3_mounter(toxi, cache=cache, env={"METAFLOW_S3_RETRY_COUNT": "1"}, expect_errors=[".*"])
    assert "is not there" in mount.log() and "s3://mf-test/metaflow" in mount.log()
    assert mount.read(task + "/message") == want
    assert {name: os.stat(mount / task / name).st_size for name in mount.names(task)} == sizes
    (tmp_path / "m").mkdir()
    done = run_metaflowfs("--no-cache", str(tmp_path / "m"), root=mount.root, workdir=tmp_path,
                          env=s3_env(toxi.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(mount.root),
                                     METAFLOW_S3_RETRY_COUNT="1"))
    assert done.returncode == 4 and toxi.url.split("//")[1] in done.stderr and not is_mounted(tmp_path / "m")


@pytest.mark.threads
def test_copies_from_s3(s3_get, s3_mounter, s3, s3_runs, tmp_path):
    """S241: `metaflowfs get` of S3 leaves what the mount shows, goes on where it was, and fetches little at a time."""
    mount = s3_mounter(s3)
    for label in ("values", "many"):
        want = files(mount / s3_runs[label])
        text = ok(s3_get("--jobs", "64", s3_runs[label], tmp_path / label))
        assert files(tmp_path / label) == want
        assert text.startswith("%d files, " % len(want))
        assert ok(s3_get(s3_runs[label], tmp_path / label)).endswith(", %d were there already\n" % len(want))
    # Staging that holds one of the large objects at a time: they wait for each other.
    want = files(mount / s3_runs["s3"])
    large = max(map(len, want.values()))
    ok(s3_get("--staging-size", str(large + (1 << 20)), s3_runs["s3"], tmp_path / "large"))
    assert files(tmp_path / "large") == want


def test_copies_without_s3(s3_get, s3_runs, tmp_path):
    """S242: a copy from an S3 that is not there, or lets nobody in, ends soon with few lines and exit code 4."""
    done = s3_get(s3_runs["many"], tmp_path / "a", url="http://127.0.0.1:1")
    assert done.returncode == 4 and len(done.stderr.splitlines()) <= 9 and "127.0.0.1:1" in done.stderr
    done = s3_get(s3_runs["many"], tmp_path / "b", env={"AWS_SECRET_ACCESS_KEY": "not-the-secret"})
    assert done.returncode == 4 and len(done.stderr.splitlines()) <= 9, done.stderr
    assert re.search("SignatureDoesNotMatch|AccessDenied", done.stderr) and "not-the-secret" not in done.stderr


def client_reads(task, env, s3_root):
    """The artifact `message` of a task, by Metaflow's client in a process of its own."""
    code = "import metaflow; metaflow.namespace(None); print(metaflow.Task(%r)['message'].data)" % task
    done = subprocess.run([PYTHON, "-c", code], env=dict(os.environ, METAFLOW_DEFAULT_METADATA="local", **env),
                          cwd=s3_root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def test_parameters_of_the_client_of_s3(s3, s3_mounter, s3_root, s3_runs, tmp_path):
    """S535: endpoint, region and keys of METAFLOW_DATATOOLS_CLIENT_PARAMS count, as for the client, and are not told."""
    params = {"endpoint_url": s3.url, "region_name": "us-east-1", "aws_access_key_id": ACCESS,
              "aws_secret_access_key": SECRET, "config": {"retries": {"mode": "standard"}}}
    env = s3_env("http://127.0.0.1:1", access="NOBODY", secret="nothing", AWS_DEFAULT_REGION="eu-west-1",
                 METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root), METAFLOW_DATATOOLS_CLIENT_PARAMS=json.dumps(params))
    task = "%s/start/1" % s3_runs["hello"]
    assert client_reads(task, env, s3_root)
    done = run_metaflowfs("--check", root=s3_root, workdir=tmp_path, env=env)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert s3.url in text and "region us-east-1" in text and "config.retries" in text
    assert re.search("credentials +METAFLOW_DATATOOLS_CLIENT_PARAMS", text)
    assert ACCESS not in text and SECRET not in text
    mount = s3_mounter("http://127.0.0.1:1", env=env)
    assert mount.read(task + "/message").decode().rstrip("\n") == client_reads(task, env, s3_root)
    shown = mount.read(".metaflowfs/config").decode() + mount.read(".metaflowfs/status").decode()
    assert ACCESS not in shown and SECRET not in shown and s3.url in shown
    done = run_metaflowfs("--check", root=s3_root, workdir=tmp_path,
                          env=dict(env, METAFLOW_DATATOOLS_CLIENT_PARAMS='{"profile_name": "x"}'))
    assert done.returncode == 3 and "profile_name is no parameter" in done.stdout
