"""mount(8) and its helper mount.metaflowfs, in a mount namespace of the test's own that has it in /sbin; and what the
examples of packaging/ say to systemd."""

import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys

import pytest
from mounting import binary, daemon_env, is_mounted, run_metaflowfs

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
# /sbin has the helper alone there, and /dev/fuse the mode that it has on most machines.
NAMESPACE = """set -e
mkdir own; mount -t tmpfs none own
mount -t tmpfs none "$(readlink -f /sbin)"
ln -s "$PROGRAM" /sbin/mount.metaflowfs; ln -s "$PROGRAM" /sbin/mount.fuse.metaflowfs
if mknod -m 666 own/fuse c 10 229 2>own/no; then mount --bind own/fuse /dev/fuse; fi
set +e
"""


@pytest.fixture
def namespace(tmp_path, main_root):
    (tmp_path / "m").mkdir()
    (tmp_path / "temp").mkdir()
    tmp_path.chmod(0o755)

    def run(script, **env):
        rights = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        full = daemon_env(main_root, tmp_path, PROGRAM=binary(), ROOT=str(main_root), **env)
        done = subprocess.run(["unshare", "--mount", *rights, "sh", "-c", NAMESPACE + script], cwd=tmp_path, env=full,
                              capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
        assert not list(tmp_path.glob("sanitizer.*")), done
        return done

    return run


def test_mount_and_fstab(namespace, main_root):
    """S510: `mount -t metaflowfs` and a line of fstab mount a datastore, or the configured one, and return when the
    root can be listed; what fstab adds for others is no option of ours; umount ends it."""
    done = namespace("""
        mount -t metaflowfs -o ro,noatime,dots=list,nofail,_netdev,x-systemd.automount "$ROOT" m || exit
        ls m; findmnt -n -o FSTYPE,OPTIONS m; umount m || exit; ls m
        echo "none $PWD/m fuse.metaflowfs user,noauto,env.METAFLOW_DATASTORE_SYSROOT_LOCAL=$ROOT 0 0" >fstab
        mount -T fstab m || exit
        ls m; findmnt -n -o FSTYPE,OPTIONS m; umount m""")
    assert done.returncode == 0 and done.stderr == "", done
    lines = done.stdout.split("\n")
    options = [i for i, line in enumerate(lines) if line.startswith("fuse.metaflowfs ")]
    flows = sorted(p.name for p in (main_root / ".metaflow").iterdir() if p.name.endswith("Flow"))
    assert sorted(lines[:options[0]]) == sorted([*flows])
    assert lines[options[0] + 1:options[1]] == lines[:options[0]]
    assert {"ro", "noatime"} <= set(re.split("[ ,]+", lines[options[0]]))
    assert {"rw", "nodev", "nosuid", "noexec"} <= set(re.split("[ ,]+", lines[options[1]]))


def test_who_mounts(namespace, main_root, tmp_path):
    """S511: with setuid= or user= root mounts as that user, with its home and without root's credentials."""
    if os.getuid() != 0:
        done = namespace('mount -t metaflowfs -o setuid=65534 "$ROOT" m')
        assert done.returncode == 32 and "cannot become user" in done.stderr
        return
    done = namespace("""
        mount -t tmpfs -o mode=755 none /mnt; mkdir -p /mnt/m /mnt/temp /mnt/data/.metaflow
        cp -r "$ROOT/.metaflow/HelloFlow" /mnt/data/.metaflow; chown -R nobody /mnt/m /mnt/temp /mnt/data
        mkdir -p /mnt/home/.metaflowconfig
        sed 's#^\\(nobody:.*:\\)[^:]*\\(:[^:]*\\)$#\\1/mnt/home\\2#' /etc/passwd >own/passwd
        echo '{"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/mnt/data"}' >/mnt/home/.metaflowconfig/config.json
        mount --bind own/passwd /etc/passwd
        for option in setuid=nobody setuid=65534 user=nobody; do
            case $option in user=*) mount=/sbin/mount.metaflowfs;; *) mount="mount -t metaflowfs";; esac
            $mount none /mnt/m -o $option,env.METAFLOW_TEMPDIR=/mnt/temp || exit
            findmnt -n -o OPTIONS /mnt/m
            for p in /proc/[0-9]*; do
                if [ "$(readlink $p/exe)" = "$(readlink -f "$PROGRAM")" ] && grep -q /mnt/m $p/cmdline; then
                    grep -E 'Uid|Gid' $p/status
                    setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "ls /mnt/m; cat /mnt/m/.metaflowfs/config"
                fi
            done
            umount /mnt/m
        done""", METAFLOW_SERVICE_URL="http://of-root", HOME="/root")
    assert done.returncode == 0 and "HelloFlow" in done.stdout, done
    assert done.stdout.count("user_id=65534") == 3
    assert "/mnt/temp" in done.stdout and "of-root" not in done.stdout
    assert re.findall(r"[UG]id:\s+(\d+)\s+(\d+)", done.stdout) == [("65534", "65534")] * 6


def test_what_is_wrong_with_a_line(namespace):
    """S512: an option that is none is named, -s leaves it out, and mount's exit codes are 1 and 32."""
    done = namespace("""
        try() { mount -t metaflowfs "$@" m; echo "= $?" >&2; }
        try -o nonsense "$ROOT"; try -o ttl=soon "$ROOT"; try -o remount "$ROOT"; try -o env.x "$ROOT"
        try -o setuid=nobody-at-all "$ROOT"; try /nowhere/at/all
        try -s -f -o nonsense "$ROOT"
        /sbin/mount.metaflowfs "$ROOT"; echo "= $?" >&2
        /sbin/mount.metaflowfs "$ROOT" m -o; echo "= $?" >&2
        /sbin/mount.metaflowfs "$ROOT" m -x; echo "= $?" >&2
        ls m""")
    parts = re.split(r"= (\d+)\n", done.stderr)
    said, codes = parts[0::2], [int(c) for c in parts[1::2]]
    assert codes == [1, 1, 1, 1, 32, 32, 0, 1, 1, 1] and done.stdout == ""
    for text, word in zip(said, ("nonsense", "ttl", "unmount it", "env.x", "nobody-at-all", "/nowhere", "",
                                 "MOUNTPOINT", "-o", "-x")):
        assert word in text and bool(text) == bool(word)


def test_fstab_in_a_line(tmp_path, main_root):
    """S512: the arguments come in mount's order and in any other, lists with escaped commas."""
    (tmp_path / "m").mkdir()
    (tmp_path / "temp").mkdir()
    helper = tmp_path / "mount.metaflowfs"
    helper.symlink_to(binary())
    env = daemon_env(main_root, tmp_path)
    log = tmp_path / "a,b"
    where = "env.METAFLOW_DATASTORE_SYSROOT_LOCAL=%s" % main_root
    for argv in (["none", "m", "-o", r"log-file=%s/a\,b,%s" % (tmp_path, where)],
                 ["-vno", "rw,log_level=info,log-file=%s/a\\,b" % tmp_path, main_root, "m", "-t", "metaflowfs"]):
        done = subprocess.run([helper, *argv], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        try:
            assert "HelloFlow" in os.listdir(tmp_path / "m") and log.exists()
        finally:
            subprocess.run(["fusermount3", "-u", tmp_path / "m"], check=True)
    assert "m, by " in done.stderr


def unit(file, mountpoint):
    """{key: [values]} of a unit of packaging/, for the instance of a mountpoint."""
    found = {}
    for line in (PACKAGING / file).read_text().splitlines():
        if line and line[0] not in "#[":
            key, value = line.split("=", 1)
            value = value.replace("%f", str(mountpoint)).replace("/srv/metaflow", str(mountpoint))
            found.setdefault(key, []).append(value.lstrip("-"))
    return found


@pytest.mark.parametrize("file", ["metaflowfs@.service", "examples/metaflowfs.service"])
def test_units_of_systemd(tmp_path, main_root, file):
    """S513: a service manager is told when the mount can be read, and when it ends; the units start and stop one."""
    point = tmp_path / "m"
    (tmp_path / "temp").mkdir()
    lines = unit(file, point)
    assert lines["Type"] == ["notify"] and lines["WorkingDirectory"] == ["~"]
    start = shlex.split(lines["ExecStart"][0])
    if file.startswith("examples"):
        point.mkdir()
        if os.getuid() != 0:  # /etc/fuse.conf has to allow it
            start = [word.replace("ro,allow_other", "ro") for word in start]
    for command in lines.get("ExecStartPre", []):
        subprocess.run(shlex.split(command), check=True)
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.settimeout(60)
    assert start[0] == "metaflowfs"
    env = daemon_env(main_root, tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"))
    process = subprocess.Popen([binary(), *start[1:]], cwd=main_root, env=env, stdin=subprocess.DEVNULL)
    try:
        assert told.recv(100) == b"READY=1"
        assert "HelloFlow" in os.listdir(point)
        reload = lines["ExecReload"][0].replace("$MAINPID", str(process.pid))
        subprocess.run(shlex.split(reload), check=True)
        subprocess.run(shlex.split(lines["ExecStop"][0]), check=True)
        assert told.recv(100) == b"STOPPING=1" and process.wait(60) == 0 and not is_mounted(point)
        told.setblocking(False)
        with pytest.raises(BlockingIOError):
            told.recv(100)
    finally:
        process.kill()
        told.close()
    assert not list(tmp_path.glob("sanitizer.*"))


def test_a_mount_that_cannot_be_is_never_ready(tmp_path):
    """S513: nothing is told of a mount that could not be made."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        done = run_metaflowfs("-f", str(tmp_path / "nowhere"), workdir=tmp_path, cwd=tmp_path,
                              env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        codes = unit("metaflowfs@.service", "")["RestartPreventExitStatus"][0].split()
        assert str(done.returncode) in codes
        with pytest.raises(BlockingIOError):
            told.recv(100, socket.MSG_DONTWAIT)


def test_the_lines_of_the_example_of_fstab(tmp_path):
    """S510: every line of the example for fstab is one that the helper takes."""
    helper = tmp_path / "mount.metaflowfs"
    helper.symlink_to(binary())
    lines = [line.split() for line in (PACKAGING / "examples/fstab").read_text().splitlines()
             if line and not line.startswith("#")]
    assert len(lines) > 3
    for source, point, kind, options, *_ in lines:
        assert kind == "metaflowfs"
        options = options.replace("setuid=alice", "setuid=nobody")
        done = subprocess.run([helper, source, point, "-f", "-o", options], capture_output=True, text=True, timeout=60)
        assert done.returncode == (0 if os.getuid() == 0 or "setuid" not in options else 32), done


def test_a_device_that_is_mounted_already(namespace):
    """S514: with /dev/fd/N as mountpoint the caller's open and mounted /dev/fuse is served, and by nobody unmounted."""
    script = """import ctypes, os, subprocess, sys
fd = os.open("/dev/fuse", os.O_RDWR)
data = "fd=%d,rootmode=40000,user_id=%d,group_id=%d,default_permissions" % (fd, os.getuid(), os.getgid())
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"mine", b"m", b"fuse.metaflowfs", 6, data.encode()):
    sys.exit(os.strerror(ctypes.get_errno()))
argv = [os.environ["PROGRAM"], "--datastore-root", os.environ["ROOT"]]
daemon = subprocess.Popen([*argv, "-f", "/dev/fd/%d" % fd], pass_fds=[fd])
os.close(fd)
print(sorted(os.listdir("m")), flush=True)
subprocess.run(["umount", "m"], check=True)
print(daemon.wait(60), os.listdir("m"), flush=True)
for bad in ("/dev/fd/0", "/dev/fd/99", "/dev/fd/x", "/dev/fd/99999999999"):
    done = subprocess.run([*argv, bad], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(done.returncode, bad in done.stderr)
"""
    done = namespace("exec %s -c %s" % (shlex.quote(sys.executable), shlex.quote(script)))
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert "HelloFlow" in lines[0] and lines[1:] == ["0 []"] + ["6 True"] * 4
