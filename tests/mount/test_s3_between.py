"""What stands before an S3 and changes its answers: a cache, a gateway or another make of server."""

import errno
import os

import pytest
import s3faults
from test_s3_faults import sha1_of
from test_s3_requests import task_of

MODIFIED = "Thu, 05 Nov 2026 10:00:00 GMT"


@pytest.fixture
def stored(s3_folder):
    """The bytes of what a request asks for, as they are stored."""
    def read(request):
        with open(os.path.join(s3_folder, "objects", request.bucket, request.key), "rb") as file:
            return file.read()
    return read


@pytest.fixture
def large(s3, shared_s3_mounter, s3_runs):
    """A function of a mount: the path of an artifact in several parts, and its SHA-1."""
    mount = shared_s3_mounter(s3)
    name = task_of(mount, s3_runs["s3"]) + "/text"
    digest = sha1_of(mount / name)
    return lambda mount: (mount / name, digest)


def part_of(request, body, etag, modified=MODIFIED):
    """An answer to the range that is asked for; 412 to an If-Match that a weak ETag is compared with (RFC 9110, 13.1.1)."""
    if "if-match" in request.headers and etag.startswith("W/"):
        return s3faults.refusal(412, "PreconditionFailed")
    first, last = request.range
    last = min(last, len(body) - 1) if last >= 0 else len(body) - 1
    return {"answer": (206, {"Content-Range": "bytes %d-%d/%d" % (first, last, len(body)), "ETag": etag,
                             "Last-Modified": modified}, body[first:last + 1])}


def test_weak_tags(faults, s3_mounter, large, stored):
    """S545: an object in parts whose ETag is weak is read, with no If-Match."""
    mount = s3_mounter(faults)
    path, digest = large(mount)
    faults.rule = lambda r: part_of(r, stored(r), 'W/"1"') if r.kind == "blob" else None
    faults.log(clear=True)
    assert sha1_of(path) == digest
    parts = faults.log().of("blob")
    assert len(parts) > 1 and not any("if-match" in r.headers for r in parts), parts
    assert mount.errors() == ""


@pytest.mark.parametrize("etag, modified", [('W/"2"', MODIFIED), ('W/"1"', "Thu, 05 Nov 2026 10:00:01 GMT")],
                         ids=["tag", "time"])
def test_another_version_with_a_weak_tag(faults, s3_mounter, large, stored, etag, modified):
    """S545: that such an object changes between its parts is noticed, by tag or time."""
    mount = s3_mounter(faults, expect_errors=[".*"])
    path, _ = large(mount)

    def rule(request):
        if request.kind != "blob":
            return None
        changed = request.range[0] > 0
        return part_of(request, stored(request), etag if changed else 'W/"1"', modified if changed else MODIFIED)
    faults.rule = rule
    with pytest.raises(OSError) as raised:
        sha1_of(path)
    assert raised.value.errno in (errno.EBUSY, errno.EIO)
    assert "it was replaced by another version while it was read" in mount.errors()
    faults.rule = None


def whole_of(request, body, etag='"1"'):
    """What a server that knows no ranges answers."""
    return {"answer": (200, {"ETag": etag, "Last-Modified": MODIFIED}, body)}


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"'], ids=["strong", "weak"])
def test_no_ranges(faults, s3_mounter, large, stored, etag):
    """S546: from a server, or a proxy, that knows no ranges an object of any size is read: with one request."""
    mount = s3_mounter(faults)
    path, digest = large(mount)
    faults.rule = lambda r: whole_of(r, stored(r), etag) if r.kind == "blob" else None
    faults.log(clear=True)
    assert sha1_of(path) == digest
    assert len(faults.log().of("blob")) == 1, faults.log()
    assert mount.errors() == ""


def test_no_ranges_after_a_while(faults, s3_mounter, large, stored):
    """S546: also when it is asked for a later part of the object that the answer is the whole."""
    mount = s3_mounter(faults)
    path, digest = large(mount)

    def rule(request):
        if request.kind != "blob":
            return None
        return whole_of(request, stored(request)) if request.range[0] > 0 else part_of(request, stored(request), '"1"')
    faults.rule = rule
    assert sha1_of(path) == digest
    assert mount.errors() == ""


def test_a_page_in_the_place_of_a_part(faults, s3_mounter, large):
    """S546: a whole answer that is not the object's is no part of it, and is asked for once more."""
    mount = s3_mounter(faults)
    path, digest = large(mount)
    wrong = []

    def rule(request):
        if request.kind != "blob" or request.range[0] == 0 or len(wrong) > 2:
            return None
        wrong.append(request)
        return {"answer": (200, {"Content-Type": "text/html"}, b"<html>please log in</html>")}
    faults.rule = rule
    assert sha1_of(path) == digest
    assert wrong and mount.errors() == ""
