"""The S3 client itself (tests/tools/s3_probe.c) beside boto3, of the same S3: odd keys, heads, ranges, listings."""

import os
import re
import subprocess

import pytest
import s3ing
from mounting import build_dir

BUCKET = "client-test"
KEYS = ["a b", "a+b", "ünï/cödé", "日本", "100%", "%41", "%", "x#y", "q?z=1&w", ".dot", "..dots", "d/.hid", "d/e/f", "tilde~",
        "a=b", "quote\"'", "semi;colon", "at@x", "back\\slash", "[br]", "star*", "comma,", "dollar$", "(par)!", "pipe|",
        "<lt>&amp;", "space /lead", "plus+/+", "a:b", "{x}^`", "long/" + "k" * 200]
BIG = os.urandom(1 << 20) * 24


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = s3ing.Versity(tmp_path_factory.mktemp("s3"))
    server.client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        server.client.put_object(Bucket=BUCKET, Key=key, Body=("body of " + key).encode(),
                                 Metadata={"metaflow-user-attributes": '{"cas_raw": false}'})
    server.client.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    server.client.put_object(Bucket=BUCKET, Key="big", Body=BIG)
    yield server
    server.stop()


@pytest.fixture
def probe(server):
    """One call of the client: (exit code, standard output, standard error)."""
    def run(*args, **env):
        everything = dict(os.environ, **s3ing.s3_env(server.url), AWS_ENDPOINT_URL=server.url)
        done = subprocess.run([build_dir() / "tests" / "s3_probe", *map(str, args)], capture_output=True, timeout=60,
                              env=dict(everything, **env))
        return done.returncode, done.stdout, done.stderr.decode()
    return run


def head_of(server, key):
    head = server.client.head_object(Bucket=BUCKET, Key=key)
    return "size %d mtime %d etag %s attributes %s\n" % (
        head["ContentLength"], head["LastModified"].timestamp() * 1000, head["ETag"],
        head["Metadata"].get("metaflow-user-attributes", "-"))


def test_odd_keys(server, probe):
    for key in KEYS:
        assert probe("get", BUCKET, key) == (0, ("body of " + key).encode(), head_of(server, key)), key
        assert probe("head", BUCKET, key) == (0, b"", head_of(server, key)), key


def test_ranges_and_big_objects(server, probe):
    for start, length in [(0, 1), (0, 10), (len(BIG) - 1, None), (len(BIG) - 10, 100), (12345, 2000000), (1, None),
                          (0, None)]:
        args = [start] + ([length] if length else [])
        code, out, told = probe("get", BUCKET, "big", *args)
        assert code == 0 and out == BIG[start:start + length if length else None], (start, length, told)
        assert told == head_of(server, "big")
    code, out, told = probe("fetch", BUCKET, "big")
    assert code == 0 and out == BIG and told == head_of(server, "big")
    assert probe("get", BUCKET, "empty")[:2] == (0, b"")
    assert probe("get", BUCKET, "empty", 0, 10)[:2] == (0, b"")  # what is refused of it is not missing
    code, out, told = probe("get", BUCKET, "big", len(BIG))
    assert out == b"" and "limit: GET s3://client-test/big: InvalidRange" in told


def reference(server, prefix, folders, after):
    more = dict({"Delimiter": "/"} if folders else {}, **({"StartAfter": after} if after else {}))
    entries = []
    for page in server.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix, **more):
        entries += [(c["Key"], "%s\t%d\t%d\t%s" % (c["Key"], c["Size"], c["LastModified"].timestamp(), c["ETag"]))
                    for c in page.get("Contents", [])]
        entries += [(c["Prefix"],) * 2 for c in page.get("CommonPrefixes", [])]
    return [text for _, text in sorted(entries, key=lambda entry: entry[0].encode())]


@pytest.mark.parametrize("prefix, folders, after", [
    ("", False, None), ("", True, None), ("d/", True, None), ("ü", False, None), ("", False, "a+b"), ("", True, "d/"),
    ("plus+", True, None), ("100%", False, None), ("none", False, None), ("many/", False, None),
    ("many/", False, "many/01000")])
def test_listings(server, probe, prefix, folders, after):
    if prefix == "many/" and not server.path_of("many", BUCKET).exists():
        server.path_of("many", BUCKET).mkdir()
        for i in range(2345):
            server.path_of("many/%05d" % i, BUCKET).write_text("x")
    code, out, told = probe("dirs" if folders else "list", BUCKET, prefix, *([after] if after else []))
    seconds = re.sub(r"(\t\d+\t\d+)\d{3}\t", r"\1\t", out.decode())  # boto3 tells no milliseconds
    assert (code, seconds.splitlines()) == (0, reference(server, prefix, folders, after)), told


def test_what_is_refused(probe):
    def fails(words, *args, **env):
        code, out, told = probe(*args, **env)
        assert code != 0 and out == b"" and re.search(words, told), (args, told)
        assert s3ing.SECRET not in told and "wrong-secret" not in told
    fails("not-found: GET s3://client-test/missing: NoSuchKey", "get", BUCKET, "missing")
    fails("not-found: HEAD s3://client-test/missing: status 404", "head", BUCKET, "missing")
    fails("not-found: GET s3://no-bucket/x: NoSuchBucket", "get", "no-bucket", "x")
    fails("not-found: LIST s3://no-bucket/: NoSuchBucket", "list", "no-bucket", "")
    fails("not-found: LIST s3://no-bucket/p: NoSuchBucket", "check", "no-bucket", "p")
    fails("denied: GET .*SignatureDoesNotMatch.*check the credentials", "get", BUCKET, "big",
          AWS_SECRET_ACCESS_KEY="wrong-secret")
    fails("denied: HEAD .*status 403", "head", BUCKET, "big", AWS_SECRET_ACCESS_KEY="wrong-secret")
    fails("denied: GET .*AccessDenied", "get", BUCKET, "big", S3_PROBE_ANONYMOUS="1")
    fails("invalid: .*no name of a bucket", "get", "a/b", "x")
    assert probe("check", BUCKET, "")[0] == 0


def test_another_region_is_learned(server, probe):
    elsewhere = {"AWS_REGION": "eu-west-1"}
    assert probe("get", BUCKET, "a b", **elsewhere)[:2] == (0, b"body of a b")
    assert probe("head", BUCKET, "a b", **elsewhere) == (0, b"", head_of(server, "a b"))
    assert probe("check", BUCKET, "", **elsewhere)[0] == 0
