"""Signatures of generated requests, compared with botocore's own (tests/tools/sign_dump.c)."""

import datetime
import json
import random
import subprocess
import urllib.parse

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mounting import build_dir

PARTS = ["a", "B", "0", " ", "+", "/", "//", "%", "%2F", "~", "-", "_", ".", "..", "=", "&", "?", "#", "é", "水", "*", "'",
         "(", ")", "!", "$", ",", ";", ":", "@", "[", "]", "\\", "|", "\n", "\x7f", "\U0001f600", "flow/1/start/2/0.json"]
HEADERS = ["Range: bytes=0-9", "If-Match: \"abc\"", "X-Amz-Meta-B:  two   blanks ", "x-amz-meta-a: 1",
           "Content-Type: text/plain"]
WHEN = datetime.datetime(2026, 2, 3, 4, 5, 6)


def words(rnd, most):
    return "".join(rnd.choice(PARTS) for _ in range(rnd.randrange(most + 1)))


def make_request(rnd):
    is_s3 = rnd.random() < 0.7
    query = [(words(rnd, 3) or "q", words(rnd, 3)) for _ in range(rnd.choice([0, 0, 1, 2, 5]))]
    if is_s3 and query and rnd.random() < 0.5:
        query = [("list-type", "2"), ("prefix", words(rnd, 6)), ("delimiter", "/"),
                 ("continuation-token", words(rnd, 9))]
    return {
        "method": rnd.choice(["GET", "HEAD", "PUT", "POST"]),
        "host": rnd.choice(["bucket.s3.eu-west-1.amazonaws.com", "localhost:9000", "s3.amazonaws.com", "127.0.0.1:80"]),
        "path": "/" + urllib.parse.quote(words(rnd, 8), safe="/~"),
        "query": "&".join("%s=%s" % (urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
                          for k, v in query),
        "headers": rnd.sample(HEADERS, rnd.randrange(len(HEADERS))),
        "payload": rnd.choice(["", "body", "Action=AssumeRole&x=é"]),
        "region": rnd.choice(["us-east-1", "eu-west-1"]),
        "service": "s3" if is_s3 else rnd.choice(["sts", "batch"]),
        "is_s3": is_s3,
        "time_ms": int(WHEN.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000) + 999,
        "access_key": "AKIDEXAMPLE",
        "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "token": rnd.choice([None, "token/with+signs=="]),
    }


def botocore_signs(rq):
    url = "http://%s%s%s%s" % (rq["host"], rq["path"], "?" if rq["query"] else "", rq["query"])
    headers = dict(line.split(": ", 1) for line in rq["headers"])
    request = AWSRequest(method=rq["method"], url=url, headers=headers, data=rq["payload"].encode())
    signer = botocore.auth.S3SigV4Auth if rq["is_s3"] else botocore.auth.SigV4Auth
    keys = Credentials(rq["access_key"], rq["secret_key"], rq["token"])
    signer(keys, rq["service"], rq["region"]).add_auth(request)
    return request.headers["Authorization"], request.headers.get("X-Amz-Content-SHA256", "-")


@pytest.mark.parametrize("seed", range(4))
def test_signatures_are_botocores(seed, monkeypatch):
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: WHEN)
    rnd = random.Random(seed)
    requests = [make_request(rnd) for _ in range(300)]
    requests = [rq | {"host": rq["host"].removesuffix(":80")} for rq in requests]
    out = subprocess.run([build_dir() / "tests/sign_dump"], input="".join(json.dumps(rq) + "\n" for rq in requests),
                         capture_output=True, check=True, text=True).stdout
    ours = [tuple(line.split("\t")) for line in out.splitlines()]
    assert len(ours) == len(requests)
    for rq, mine in zip(requests, ours):
        assert mine == botocore_signs(rq), rq
