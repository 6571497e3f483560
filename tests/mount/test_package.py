"""The Debian package: made by cpack of a release build, installed and purged in a root of its own, and used there."""

import gzip
import os
import pathlib
import re
import subprocess

import pytest
from mounting import build_dir

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.bounds  # of a release build, which is what is packed
WANTED = {
    "usr/bin/metaflowfs", "usr/sbin/mount.metaflowfs", "usr/sbin/mount.fuse.metaflowfs",
    "usr/share/man/man1/metaflowfs.1.gz", "usr/share/man/man8/mount.metaflowfs.8.gz",
    "usr/share/bash-completion/completions/metaflowfs", "usr/share/zsh/vendor-completions/_metaflowfs",
    "usr/share/fish/vendor_completions.d/metaflowfs.fish", "usr/lib/systemd/user/metaflowfs@.service",
    "usr/share/doc/metaflowfs/copyright", "usr/share/doc/metaflowfs/changelog.Debian.gz",
    *("usr/share/doc/metaflowfs/examples/" + name.name for name in (ROOT / "packaging/examples").iterdir()),
}


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, done
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    run("cpack", "-G", "DEB", "--config", build_dir() / "CPackConfig.cmake", "-B", folder, cwd=build_dir())
    (file,) = folder.glob("*.deb")
    return file


@pytest.fixture
def root(tmp_path):
    """A function that runs dpkg on a root without any package."""
    place = tmp_path / "root"
    for name in ("info", "updates"):
        (place / "var/lib/dpkg" / name).mkdir(parents=True)
    (place / "var/lib/dpkg/status").write_text("")

    def dpkg(*args):
        run("dpkg", "--root", place, "--log", "/dev/null", "--force-depends", "--force-not-root", "--force-bad-path",
            *args, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        return place

    return dpkg


def everything(place):
    own = re.compile(r"var/lib/dpkg/(status|available|lock|triggers|info/format|diversions|statoverride)")
    return {str(p.relative_to(place)) for p in place.rglob("*") if not own.search(str(p))}


def test_what_is_in_it(package):
    """S520: the package has the program, the man page, completions, units and examples, owned by root, and nothing
    else; it depends on what it is linked with and on fuse3, and has no scripts."""
    assert re.fullmatch(r"metaflowfs_\d+\.\d+\.\d+-\d+_\w+\.deb", package.name)
    rows = [line.split(None, 5) for line in run("dpkg-deb", "-c", package).splitlines()]
    files = {}
    for mode, owner, _, _, _, name in rows:
        assert owner == "root/root"
        files[name.split(" -> ")[0][2:].rstrip("/")] = mode
    assert {name for name, mode in files.items() if mode[0] != "d"} == WANTED
    for name, mode in files.items():
        want = {"d": "drwxr-xr-x", "l": "lrwxrwxrwx"}.get(mode[0], "-rwxr-xr-x" if "bin/" in name else "-rw-r--r--")
        assert mode == want, name
    fields = dict(re.findall(r"^ ?([A-Z][\w-]*): (.*)$", run("dpkg-deb", "-f", package), re.M))
    depends = {re.match(r"\S+", d).group() for d in fields["Depends"].split(", ")}
    assert {"fuse3", "libfuse3-3", "libcurl4", "liblmdb0", "libisal2"} <= depends
    assert fields["Recommends"] == "ca-certificates" and fields["Package"] == "metaflowfs"
    listed = set(run("sh", "-c", "dpkg-deb --ctrl-tarfile %s | tar t" % package).split())
    assert listed == {"./control", "./md5sums"}


def test_installed_used_and_purged(package, root):
    """S521: installed, the program runs, the man page is the whole one and completions load; purged, nothing is
    left."""
    before = everything(root("--audit"))
    place = root("-i", package)
    assert WANTED <= everything(place)
    assert "metaflowfs" in run(place / "usr/bin/metaflowfs", "--version")
    page = gzip.decompress((place / "usr/share/man/man8/mount.metaflowfs.8.gz").read_bytes())
    assert page == (ROOT / "docs/metaflowfs.1").read_bytes()
    env = {"PATH": "%s/usr/bin:/usr/bin:/bin" % place, "HOME": str(place), "LC_ALL": "C.UTF-8"}
    assert "usage" not in run(place / "usr/sbin/mount.metaflowfs", "none", "/mnt", "-f")
    bash = ". %s; complete -p metaflowfs" % (place / "usr/share/bash-completion/completions/metaflowfs")
    assert "_metaflowfs" in run("bash", "--norc", "-c", bash, env=env)
    zsh = "fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[metaflowfs]"
    assert run("zsh", "-f", "-c", zsh % (place / "usr/share/zsh/vendor-completions"), env=env) == "_metaflowfs\n"
    fish = "source %s; complete -C 'metaflowfs --namesp'"
    assert "--namespace\t" in run("fish", "-c", fish % (place / "usr/share/fish/vendor_completions.d/metaflowfs.fish"),
                                  env=env)
    for left in (place / ".config", place / ".local", place / ".cache"):  # fish's own
        run("rm", "-rf", left)
    root("--purge", "metaflowfs")
    assert everything(place) == before
