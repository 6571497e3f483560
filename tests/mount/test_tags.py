"""mkdir and rmdir in RUN/.tags edit the user tags as Metaflow does."""

import errno
import os

import pytest
from test_client_equality import encoded
from test_live import client_at


@pytest.fixture
def tagged(writable_root, mounter, runs):
    root = writable_root("hello")
    return root, mounter(root, args=["--ttl", "1"]), runs["hello"]


def user_tags(client, root, back, run):
    with client_at(client, root, back):
        return set(client.Run(run).user_tags)


def error_of(what, *args):
    with pytest.raises(OSError) as caught:
        what(*args)
    return caught.value.errno


def test_mkdir_adds_and_rmdir_removes(tagged, client, main_root):
    """S110: mkdir RUN/.tags/x adds the tag, rmdir removes it; the client and the mount show it at once."""
    root, mount, run = tagged
    tags = mount / run / ".tags"
    for tag in ("good", "with space", "slash/ed", "ünï", "per%cent", ".dotted", "50%"):
        name = encoded(tag)
        os.mkdir(tags / name)
        assert user_tags(client, root, main_root, run) == {tag}
        assert name in os.listdir(tags) and (tags / name).is_dir() and os.listdir(tags / name) == []
        os.rmdir(tags / name)
        assert user_tags(client, root, main_root, run) == set()
        assert name not in os.listdir(tags) and not (tags / name).exists()


def test_a_tagged_run_is_the_newest(tagged, client, main_root):
    """S111: tagging rewrites the run as Metaflow does, so that it becomes the client's newest."""
    root, mount, run = tagged
    flow, number = run.split("/")
    assert os.readlink(mount / flow / ".latest") != number
    os.mkdir(mount / run / ".tags" / "look")
    assert os.readlink(mount / flow / ".latest") == number
    assert number in mount.names(flow + "/.tags/look")
    with client_at(client, root, main_root):
        assert client.Flow(flow).latest_run.id == number
        assert client.Run(run, _namespace_check=False).finished


def test_what_is_refused(tagged, client, main_root, runs):
    """S112: a system tag is EPERM, a tag that is there EEXIST, one that is not ENOENT, a file EROFS."""
    root, mount, run = tagged
    tags = mount / run / ".tags"
    system = sorted(os.listdir(tags))[0]
    assert error_of(os.rmdir, tags / system) == errno.EPERM
    assert error_of(os.mkdir, tags / system) in (errno.EEXIST, errno.EPERM)
    os.mkdir(tags / "once")
    assert error_of(os.mkdir, tags / "once") == errno.EEXIST
    assert error_of(os.rmdir, tags / "never") == errno.ENOENT
    assert error_of(lambda: open(tags / "file", "w")) in (errno.EROFS, errno.EPERM, errno.EACCES)
    assert error_of(os.mkdir, tags / "once" / "deeper") in (errno.EROFS, errno.EPERM, errno.EACCES)
    assert error_of(os.rename, tags / "once", tags / "twice") in (errno.EROFS, errno.EPERM, errno.ENOSYS)
    assert error_of(os.mkdir, mount / "HelloFlow" / ".tags" / "x") in (errno.EROFS, errno.EACCES)
    assert user_tags(client, root, main_root, run) == {"once"}


def test_limits_of_tags(tagged, client, main_root):
    """S112: the limit of 50 user tags is Metaflow's, with a cause."""
    root, mount, run = tagged
    for n in range(50):
        os.mkdir(mount / run / ".tags" / ("tag-%02d" % n))
    assert error_of(os.mkdir, mount / run / ".tags" / "one-too-many") == errno.EINVAL
    assert "50" in mount.errors()
    assert len(user_tags(client, root, main_root, run)) == 50


def test_read_only(writable_root, mounter, runs):
    """S113: with -o ro no tag is written."""
    root = writable_root("hello")
    mount = mounter(root, args=["-o", "ro"])
    assert error_of(os.mkdir, mount / runs["hello"] / ".tags" / "x") == errno.EROFS


def test_metaflows_own_tagging_is_seen(tagged, client, main_root):
    """S114: a tag that Metaflow adds is seen within the TTL."""
    import make

    root, mount, run = tagged
    os.listdir(mount / run / ".tags")
    with client_at(client, root, main_root):
        client.Run(run, _namespace_check=False).add_tag("by-metaflow")
    make.wait_for(lambda: "by-metaflow" in os.listdir(mount / run / ".tags"), "the tag", 6)
    make.wait_for(lambda: run.split("/")[1] in mount.names("HelloFlow/.tags/by-metaflow"), "the run", 6)
