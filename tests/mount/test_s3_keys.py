"""Where a mount gets its credentials, that it keeps them fresh under load, and that nobody sees them."""

import json
import pathlib
import re
import subprocess
import threading
import time

import pytest
import s3faults
import s3ing
from s3faults import refusal
from s3ing import ACCESS, SECRET, aws_files, credential_process
from test_s3_requests import everything, task_of
from test_s3_tree import command_line

ANY = [".*"]
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
KEYS = "aws_access_key_id = %s\naws_secret_access_key = %s\n" % (ACCESS, SECRET)


@pytest.fixture
def summary(s3_runs):
    return s3_runs["hello"] + "/.end/summary"


@pytest.fixture
def checked(s3, s3_root, tmp_path):
    """`metaflowfs --check` with an environment, waited for: what it says. No secret is in it."""
    def check(env, url=None, args=(), **more):
        (tmp_path / "work").mkdir(exist_ok=True)
        done = command_line("--check", *args, s3=s3, s3_root=s3_root, workdir=tmp_path / "work", env=dict(
            env, **({"METAFLOW_S3_ENDPOINT_URL": url} if url else {})), **more)
        assert not seen_in(done.stdout + done.stderr), done
        return done
    return check


def seen_in(text, *more):
    """What of our secrets is in a text."""
    return [s for s in (SECRET, "must-never-show", "must=never-show", *more) if s in text]


def sources(tmp_path, metadata):
    """{name: (environment, what --check says of it)}"""
    imds = {**NO_KEYS, "AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}
    ecs = {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.url + "/ecs",
           "AWS_CONTAINER_AUTHORIZATION_TOKEN": metadata.token_wanted}
    (tmp_path / "ecs-token").write_text(metadata.token_wanted)
    ecs_file = {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.url + "/ecs",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "ecs-token")}
    process = credential_process(tmp_path / "process")
    return {
        "environment": ({}, "environment"),
        "default": (aws_files(tmp_path / "a", credentials="[default]\n" + KEYS), "default"),
        "profile": ({**aws_files(tmp_path / "b", credentials="[dev]\n" + KEYS), "AWS_PROFILE": "dev"}, "dev"),
        "config-file": ({**aws_files(tmp_path / "c", config="[profile dev]\n" + KEYS), "AWS_PROFILE": "dev"}, "dev"),
        "process": ({**aws_files(tmp_path / "d", config="[profile made]\ncredential_process = %s\n" % process),
                     "AWS_PROFILE": "made"}, "credential_process"),
        "container": (ecs, "container"),
        "container-file": (ecs_file, "container"),
        "instance": (imds, "role-of-tests"),
    }


@pytest.fixture
def metadata():
    fake = s3ing.Metadata()
    yield fake
    fake.stop()


@pytest.mark.parametrize("name", ["environment", "default", "profile", "config-file", "process", "container",
                                  "container-file", "instance"])
def test_sources_of_credentials(checked, s3_mounter, s3, summary, metadata, tmp_path, name):
    """S220: keys are found in the environment, AWS's files, a profile's program, the container's and the instance's
    place; `--check` names the source and no key."""
    env, word = sources(tmp_path, metadata)[name]
    done = checked(env)
    assert done.returncode == 0 and word in done.stdout, done
    assert s3ing.ROOT in done.stdout and ACCESS not in done.stdout, done
    mount = s3_mounter(s3, env=env)
    assert mount.read(summary).startswith(b"{")


def test_no_credentials(checked, tmp_path):
    """S221: where there are none, `--check` says what was looked at, and exits with 4."""
    done = checked({**aws_files(tmp_path / "none")})
    assert done.returncode == 4, done
    for word in ("AWS_ACCESS_KEY_ID", "credentials"):
        assert word in done.stdout + done.stderr, done


def test_credentials_that_cannot_be_had(checked, tmp_path):
    """S221: `--check` says so of credentials that were asked for in vain, and why."""
    config = "[default]\ncredential_process = sh -c 'exit 3'\n"
    for name, text in (("none", ""), ("process", config)):
        done = checked({**aws_files(tmp_path / name, config=text)})
        lines = [line.split(None, 1) for line in done.stdout.splitlines() if line.startswith("credentials ")]
        assert done.returncode == 4 and lines == [["credentials", "cannot be had"]], done


def test_wrong_credentials(checked, tmp_path):
    """S221: keys that S3 refuses are told with its code, not with the keys."""
    done = checked({"AWS_ACCESS_KEY_ID": "NOSUCHKEYOFOURS", "AWS_SECRET_ACCESS_KEY": SECRET})
    assert done.returncode == 4 and "InvalidAccessKeyId" in done.stdout + done.stderr, done
    done = checked({"AWS_SECRET_ACCESS_KEY": "wrong-secret-must-never-show"})
    assert done.returncode == 4 and "SignatureDoesNotMatch" in done.stdout + done.stderr, done


def test_profile_as_an_option(s3_mounter, s3, summary, tmp_path):
    """S220: `--profile` wins over AWS_PROFILE."""
    env = aws_files(tmp_path / "p", credentials="[good]\n" + KEYS)
    mount = s3_mounter(s3, env={**env, "AWS_PROFILE": "nobody"}, args=["--profile", "good"])
    assert mount.read(summary).startswith(b"{")


@pytest.fixture
def public(s3):
    """The bucket may be read by everybody while the test runs."""
    everybody = {"Effect": "Allow", "Principal": "*"}
    policy = {"Statement": [dict(everybody, Action=["s3:GetObject"], Resource="arn:aws:s3:::mf-test/*"),
                            dict(everybody, Action=["s3:ListBucket"], Resource="arn:aws:s3:::mf-test")]}
    s3.client.put_bucket_policy(Bucket=s3ing.BUCKET, Policy=json.dumps(policy))
    yield
    s3.client.delete_bucket_policy(Bucket=s3ing.BUCKET)


def test_an_anonymous_bucket(public, faults, s3_mounter, summary, tmp_path):
    """S222: `--no-sign-request` reads a public bucket with no credentials at all."""
    mount = s3_mounter(faults, env=aws_files(tmp_path / "none"), args=["--no-sign-request"])
    assert mount.read(summary).startswith(b"{")
    assert all("authorization" not in r.headers for r in faults.log())


@pytest.fixture
def tokens(s3):
    """A proxy that takes session tokens, which versitygw has none of."""
    proxy = s3faults.FaultProxy(s3.port, keys=(ACCESS, SECRET))
    yield proxy
    proxy.stop()


def test_a_rotated_token_under_load(tokens, s3_mounter, s3_runs, tmp_path):
    """S223: when S3 refuses a token as expired, new keys are asked for once, and no reader sees it."""
    process = credential_process(tmp_path / "p")
    token, calls = tmp_path / "p" / "token", tmp_path / "p" / "calls"
    token.write_text("token-0-must-never-show")
    env = {**aws_files(tmp_path / "f", config="[default]\ncredential_process = %s\n" % process)}

    def rule(request):
        return None if request.token == token.read_text() else refusal(403, "ExpiredToken")
    tokens.rule = rule
    mount = s3_mounter(tokens, env=env)
    problems, done = [], threading.Event()

    def read():
        try:
            everything(mount, s3_runs["many"])
            everything(mount, s3_runs["s3"])
        except OSError as error:
            problems.append(error)
    readers = [threading.Thread(target=read) for _ in range(3)]

    def rotate():
        for n in range(1, 9):
            if done.wait(0.25):
                return
            token.write_text("token-%d-must-never-show" % n)
    rotating = threading.Thread(target=rotate)
    for thread in [*readers, rotating]:
        thread.start()
    for thread in readers:
        thread.join()
    done.set()
    rotating.join()
    assert not problems, (problems, mount.errors())
    seen = {r.token for r in tokens.log()}
    assert len(seen) >= 3, seen
    # Once for each token; once more where it was replaced while it was being asked for.
    assert len(calls.read_text()) <= 2 * len(seen) + 1, (calls.read_text(), seen)
    assert not seen_in(mount.log() + mount.errors())


def test_keys_that_are_deleted(s3, s3_mounter, s3_runs, tmp_path):
    """S223: when a user's keys are deleted and AWS's file has new ones, these are taken."""
    s3.add_user("OLDKEYOFAUSER", "old-must-never-show")
    s3.add_user("NEWKEYOFAUSER", "new-must-never-show")
    keys = "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
    env = aws_files(tmp_path / "f", credentials=keys % ("OLDKEYOFAUSER", "old-must-never-show"))
    mount = s3_mounter(s3, env=env)
    try:
        task = task_of(mount, s3_runs["hello"])
        assert mount.read(task + "/message") == b"hello, world"
        aws_files(tmp_path / "f", credentials=keys % ("NEWKEYOFAUSER", "new-must-never-show"))
        s3.delete_user("OLDKEYOFAUSER")
        assert len(mount.read(task_of(mount, s3_runs["many"], "work") + "/noise")) == 200
        assert not seen_in(mount.log() + mount.errors())
    finally:
        s3.delete_user("NEWKEYOFAUSER")


def test_keys_are_renewed_ahead(s3, s3_mounter, s3_runs, tmp_path):
    """S224: keys that are about to expire are asked for anew before they do."""
    process = credential_process(tmp_path / "p")
    calls = tmp_path / "p" / "calls"
    (tmp_path / "p" / "lasts").write_text("4")  # so short a life is renewed when half of it is over
    env = aws_files(tmp_path / "f", config="[default]\ncredential_process = %s\n" % process)
    mount = s3_mounter(s3, env=env, args=["--fetch-ahead", "0"])
    (tmp_path / "p" / "lasts").write_text("7200")
    run = s3_runs["many"]
    began = time.monotonic()
    for task in mount.names(run + "/work"):
        mount.read("%s/work/%s/noise" % (run, task))
        if len(calls.read_text()) > 1:
            break
        time.sleep(0.05)
    assert 1 < time.monotonic() - began < 3.9
    everything(mount, s3_runs["hello"])
    assert len(calls.read_text()) == 2


@pytest.fixture(scope="module")
def moto(s3, s3_runs):
    """moto with the objects of "hello", a role that may read them, and a user who may take that role alone; requests
    must be signed by someone who may."""
    server = s3ing.Moto()
    flow = s3_runs["hello"].split("/")[0]
    server.client.create_bucket(Bucket=s3ing.BUCKET)
    for prefix in (s3_runs["hello"], flow + "/data"):
        s3ing.copy_bucket(s3.client, server.client, "metaflow/" + prefix)
    server.arn, server.keys = server.role("reader"), server.user("nobody")
    server.demand()
    yield server
    server.stop()


def test_assumed_roles(moto, s3_mounter, summary, tmp_path, checked):
    """S225: a profile with `role_arn` assumes that role with STS, by the keys of its source profile."""
    files = aws_files(
        tmp_path / "f", config="[profile work]\nrole_arn = %s\nsource_profile = base\nregion = us-east-1\n" % moto.arn,
        credentials="[base]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % moto.keys)
    env = {**files, "AWS_PROFILE": "work", "AWS_ENDPOINT_URL_STS": moto.url}
    done = checked(env, moto.url)
    assert done.returncode == 0 and "role/reader" in done.stdout and moto.keys[0] not in done.stdout, done
    mount = s3_mounter(moto.url, env=env)
    assert mount.read(summary).startswith(b"{")
    base = {**files, "AWS_PROFILE": "base", "AWS_ENDPOINT_URL_STS": moto.url}
    done = checked(base, moto.url)
    assert done.returncode == 4 and "AccessDenied" in done.stdout + done.stderr, done


def test_web_identity(moto, s3_mounter, summary, tmp_path, checked):
    """S226: a token of a web identity (as in a pod) is changed for a role's keys with STS."""
    (tmp_path / "token").write_text("web-identity-token-must-never-show")
    env = {**aws_files(tmp_path / "none"), "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
           "AWS_ROLE_ARN": moto.arn, "AWS_ROLE_SESSION_NAME": "tests", "AWS_ENDPOINT_URL_STS": moto.url}
    moto.demand(1)  # the token's exchange is not signed, which moto does not know
    done = checked(env, moto.url)
    assert done.returncode == 0 and "web identity" in done.stdout, done
    moto.demand(1)
    mount = s3_mounter(moto.url, env=env)
    assert mount.read(summary).startswith(b"{")
    assert not seen_in(mount.log())


def test_an_instance_is_asked_once(s3, s3_mounter, s3_runs, metadata, tmp_path):
    """S227: the instance is asked with IMDSv2, and not again while its keys are good."""
    env = sources(tmp_path, metadata)["instance"][0]
    mount = s3_mounter(s3, env=env)
    everything(mount, s3_runs["hello"])
    everything(mount, s3_runs["retry"])
    assert [m for m, _ in metadata.requests] == ["PUT", "GET", "GET"], metadata.requests


def test_no_instance(checked, tmp_path):
    """S227: on a machine that is no instance nobody waits for one longer than a second or two."""
    env = {**aws_files(tmp_path / "none"), "AWS_EC2_METADATA_DISABLED": None,
           "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    begin = time.monotonic()
    assert checked(env).returncode == 4
    assert time.monotonic() - begin < 5


def test_no_secret_is_told(tokens, s3_mounter, s3_runs, summary, tmp_path):
    """S228: no secret, token or signature is in the log (at level debug), .metaflowfs, an error or the cache."""
    process = credential_process(tmp_path / "p")
    (tmp_path / "p" / "token").write_text("session-token-must-never-show")
    env = aws_files(tmp_path / "f", config="[default]\ncredential_process = %s\n" % process)
    mount = s3_mounter(tokens, env={**env, "METAFLOW_S3_RETRY_COUNT": "1"}, cache=tmp_path / "cache",
                       log_level="debug", expect_errors=ANY)
    everything(mount, s3_runs["hello"])
    for fault in (refusal(403, "AccessDenied"), refusal(403, "SignatureDoesNotMatch"), {"garble": True}, {"cut": 3}):
        tokens.rule = lambda r, fault=fault: fault
        with pytest.raises(OSError):
            mount.read(task_of(mount, s3_runs["values"]) + "/str_mebibyte")
        tokens.rule = None
    signatures = {re.search("Signature=([0-9a-f]{64})", r.headers["authorization"]).group(1) for r in tokens.log()}
    assert signatures
    texts = [mount.log(), mount.output()] + [mount.read(".metaflowfs/" + n).decode() for n in (
        "status", "stats", "errors", "config", "version")]
    texts += [p.read_bytes().decode("latin-1") for p in pathlib.Path(tmp_path / "cache").rglob("*") if p.is_file()]
    for text in texts:
        assert not seen_in(text, *signatures), seen_in(text)
    assert ACCESS not in mount.log()
    assert SECRET.encode() not in pathlib.Path("/proc/%d/cmdline" % mount.pid).read_bytes()
    assert subprocess.run(["grep", "-c", "credential_process", mount / ".metaflowfs" / "status"],
                          stdout=subprocess.DEVNULL).returncode == 0


def test_status_names_the_source(s3, s3_mounter, summary):
    """S228: `.metaflowfs/status` and `config` name root, endpoint, region and source of the keys."""
    mount = s3_mounter(s3)
    mount.read(summary)
    status = mount.read(".metaflowfs/status").decode()
    for word in (s3ing.ROOT, s3.url, "us-east-1", "environment"):
        assert word in status + mount.read(".metaflowfs/config").decode(), status
