"""The command line: options, messages, exit codes, signals, `ls` and `cat` without a mount."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import make
import pytest
from mounting import binary, daemon_env, is_mounted, run_metaflowfs

CODES = {}


@pytest.fixture
def cli(tmp_path, main_root):
    def run(*args, **more):
        more.setdefault("root", main_root)
        return run_metaflowfs(*args, workdir=tmp_path, **more)

    yield run
    if is_mounted(tmp_path / "m"):  # by a test that failed
        subprocess.run(["fusermount3", "-u", "-z", tmp_path / "m"], check=False)


def refused(done, name, *words):
    """A failure with its own exit code, and a sentence with these words."""
    assert done.returncode not in (0, 99) and done.returncode > 0, done
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert len(done.stderr.strip().splitlines()) <= 6
    CODES[name] = done.returncode


def test_version(cli):
    """S90: --version tells the version."""
    done = cli("--version")
    assert done.returncode == 0 and re.search(r"metaflowfs \d+\.\d+\.\d+", done.stdout)


def test_help_and_man_page(cli):
    """S90: --help has every option; the man page has them too, and no others."""
    done = cli("--help")
    assert done.returncode == 0
    page = (pathlib.Path(__file__).resolve().parents[2] / "docs/metaflowfs.1").read_text().replace("\\-", "-")
    options = set(re.findall(r"--[a-z][a-z-]+", done.stdout))
    assert {"--datastore-root", "--namespace", "--ttl", "--stale-after", "--log-file", "--log-level", "--check",
            "--version", "--help", "--fault"} <= options
    assert options == set(re.findall(r"--[a-z][a-z-]+", page))


def test_no_data(cli, tmp_path):
    """S91: without a .metaflow it says where it looked and names --datastore-root."""
    (tmp_path / "m").mkdir()
    refused(cli(str(tmp_path / "m"), cwd=tmp_path), "no data", ".metaflow", "--datastore-root")
    refused(cli("--datastore-root", str(tmp_path / "none"), str(tmp_path / "m")), "no data", "none")


def test_mountpoint_is_missing(cli, tmp_path, main_root):
    """S91: a mountpoint that is not there, is no directory or is not given."""
    args = ("--datastore-root", str(main_root))
    refused(cli(*args, str(tmp_path / "missing")), "mountpoint", "missing", "mkdir")
    (tmp_path / "file").write_text("")
    refused(cli(*args, str(tmp_path / "file")), "mountpoint", "file")
    refused(cli(*args), "usage")


def test_mountpoint_is_busy(cli, mounter, main_root):
    """S91: a mountpoint where metaflowfs is mounted already."""
    mount = mounter(main_root)
    done = cli("--datastore-root", str(main_root), str(mount.path))
    refused(done, "busy", "fusermount3 -u %s" % mount.path)


def test_killed_daemon_leaves_nothing(mounter, main_root):
    """S95: a daemon that is killed leaves no stale mount behind."""
    mount = mounter(main_root)
    mount.ended = True
    mount.process.kill()
    mount.process.wait()
    make.wait_for(lambda: not is_mounted(mount.path), "unmount", 10)
    for left in (mount.workdir / "temp").glob("metaflow.s3.*"):
        shutil.rmtree(left)


def test_mountpoint_is_stale(cli, tmp_path, main_root):
    """S91: "Transport endpoint is not connected" names the line that helps."""
    point = tmp_path / "stale"
    point.mkdir()
    process = subprocess.Popen([binary(), "-f", "--no-auto-unmount", "--datastore-root", str(main_root), str(point)],
                               cwd=tmp_path,
                               env=make.metaflow_env(main_root), stderr=subprocess.DEVNULL)
    make.wait_for(lambda: is_mounted(point), "mount")
    process.kill()
    process.wait()
    try:
        with pytest.raises(OSError):
            os.listdir(point)
        done = cli("--datastore-root", str(main_root), str(point))
        refused(done, "stale", "fusermount3 -u %s" % point)
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(point)], check=True)


def test_no_dev_fuse(tmp_path, main_root):
    """S91: without /dev/fuse it says so. (The device is hidden in a mount namespace of the test's own.)"""
    (tmp_path / "m").mkdir()
    script = "mount -t tmpfs none /dev && exec %s -f --datastore-root %s %s" % (binary(), main_root, tmp_path / "m")
    done = subprocess.run(["unshare", "--mount", "--user", "--map-root-user", "sh", "-c", script],
                          capture_output=True, text=True, timeout=60, env=make.metaflow_env(main_root))
    refused(done, "no fuse", "/dev/fuse")


def test_unreadable_datastore(cli, tmp_path):
    """S91: a datastore that cannot be read."""
    root = tmp_path / "closed" / ".metaflow"
    root.mkdir(parents=True)
    (tmp_path / "m").mkdir()
    command = [binary(), "--datastore-root", str(tmp_path / "closed"), str(tmp_path / "m")]
    if os.getuid() == 0:
        os.chown(root, 65534, 65534)
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search",
                   "--inh-caps=-dac_override,-dac_read_search", *command]
    root.chmod(0)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env=make.metaflow_env(tmp_path))
    root.chmod(0o700)
    refused(done, "unreadable", ".metaflow", "ermission")
    assert not is_mounted(tmp_path / "m")


def test_bad_options(cli, tmp_path, main_root):
    """S91: an unknown option, value or -o option is named."""
    (tmp_path / "m").mkdir()
    args = ("--datastore-root", str(main_root))
    for bad in (["--nonsense"], ["--ttl", "soon"], ["--ttl", "-1"], ["-o", "nonsense"], ["--log-level", "loud"],
                ["-o", "dots=none"], ["-o", "uid=x"], ["--cache-size", "lots"], ["--service-timeout", "0"], ["--fault", "what"], ["--stale-after", ""]):
        done = cli(*args, *bad, str(tmp_path / "m"))
        refused(done, "usage", (bad[-1] or bad[0]).split("=")[0].lstrip("-"))
        assert not is_mounted(tmp_path / "m")


@pytest.mark.parametrize("word,meant", [("lss", "metaflowfs ls"), ("cta", None), ("gett", "metaflowfs get"),
                                        ("mount", "SOURCE] MOUNTPOINT"), ("umount", "fusermount3 -u MOUNTPOINT"),
                                        ("help", "metaflowfs --help"), ("mnt", None)])
def test_a_word_that_is_no_subcommand(cli, tmp_path, main_root, word, meant):
    """S91: a first word that is neither a subcommand nor there is told what was probably meant."""
    done = cli(word, "HelloFlow", cwd=tmp_path)
    assert ("did you mean" in done.stderr) is (meant is not None), done.stderr
    if meant:
        refused(done, "usage", '"%s"' % word, meant)
        (tmp_path / word).mkdir()
        assert "did you mean" not in cli(word, cwd=tmp_path, root=tmp_path / "none").stderr  # it may be a mountpoint


def test_datastores_that_are_not_read(cli, tmp_path, main_root):
    """S91: a configuration for Azure or Google is refused, not half obeyed, with local metadata and with a service."""
    (tmp_path / "m").mkdir()
    for where in ("azure", "gs"):
        for env in ({}, {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": "http://127.0.0.1:1"}):
            env["METAFLOW_DEFAULT_DATASTORE"] = where
            done = cli(str(tmp_path / "m"), env=env, cwd=main_root)
            refused(done, "provider", where, "METAFLOW_DEFAULT_DATASTORE=local")


def test_a_datastore_in_s3_that_cannot_be(cli, tmp_path, main_root):
    """S91: S3 without its root, with one that is none, or with settings that cannot be, is wrong configuration; one
    that nobody answers for is a datastore that cannot be read."""
    (tmp_path / "m").mkdir()
    s3 = {"METAFLOW_DEFAULT_DATASTORE": "s3", "AWS_EC2_METADATA_DISABLED": "true", "METAFLOW_S3_RETRY_COUNT": "1"}
    refused(cli(str(tmp_path / "m"), env=s3, cwd=main_root), "configuration", "METAFLOW_DATASTORE_SYSROOT_S3")
    s3["METAFLOW_DATASTORE_SYSROOT_S3"] = "bucket/metaflow"
    refused(cli(str(tmp_path / "m"), env=s3, cwd=main_root), "configuration", "s3://BUCKET/PREFIX")
    s3["METAFLOW_DATASTORE_SYSROOT_S3"] = "s3://bucket/metaflow"
    for args, more, words in ((["--profile", "nobody"], {}, ["nobody", "--profile"]),
                              ([], {"METAFLOW_S3_VERIFY_CERTIFICATE": "false"}, ["METAFLOW_S3_VERIFY_CERTIFICATE"]),
                              ([], {"AWS_CA_BUNDLE": "/nowhere.pem"}, ["AWS_CA_BUNDLE", "/nowhere.pem"]),
                              (["--endpoint-url", "minio:9000"], {}, ["minio:9000", "--endpoint-url"])):
        refused(cli(*args, str(tmp_path / "m"), env=dict(s3, **more), cwd=main_root), "configuration", *words)
    refused(cli("--path-style", "--virtual-host-style", str(tmp_path / "m"), env=s3, cwd=main_root), "usage", "path-style")
    refused(cli("--max-connections", "0", str(tmp_path / "m"), env=s3, cwd=main_root), "usage", "max-connections")
    s3.update(AWS_ACCESS_KEY_ID="AKIDHUSH", AWS_SECRET_ACCESS_KEY="hush-hush", METAFLOW_S3_ENDPOINT_URL="http://127.0.0.1:1")
    done = cli(str(tmp_path / "m"), env=s3, cwd=main_root)
    refused(done, "unreadable", "127.0.0.1:1")
    assert not is_mounted(tmp_path / "m")
    done = cli("--check", env=s3, cwd=main_root)
    assert done.returncode == CODES["unreadable"] and "s3://bucket/metaflow" in done.stdout
    assert "credentials  environment" in done.stdout and "hush" not in (done.stdout + done.stderr).lower()


def test_a_service_that_is_not_there(cli, tmp_path, main_root):
    """S91: a metadata service that nobody answers for, and of which nothing is known, is told with its URL."""
    (tmp_path / "m").mkdir()
    env = {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": "http://me:hush-hush@127.0.0.1:1/"}
    done = cli(str(tmp_path / "m"), env=env, cwd=main_root)
    refused(done, "service", "http://127.0.0.1:1")
    assert "hush-hush" not in done.stderr and not is_mounted(tmp_path / "m")
    done = cli("ls", env=env, cwd=main_root)
    refused(done, "service", "http://127.0.0.1:1")
    assert "hush-hush" not in done.stderr
    done = cli("--check", env=env, cwd=main_root)
    assert done.returncode == CODES["service"] and "does not answer" in done.stdout
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_service_without_its_url(cli, tmp_path, main_root):
    """S91: service metadata needs a URL that is one; --datastore-root mounts local metadata instead."""
    (tmp_path / "m").mkdir()
    env = {"METAFLOW_DEFAULT_METADATA": "service"}
    refused(cli(str(tmp_path / "m"), env=env, cwd=main_root), "configuration", "METAFLOW_SERVICE_URL", "--datastore-root")
    for url in ("127.0.0.1:8080", "ftp://host", "http://", "http://me:hush-hush@"):
        done = cli(str(tmp_path / "m"), env={**env, "METAFLOW_SERVICE_URL": url}, cwd=main_root)
        refused(done, "configuration", "METAFLOW_SERVICE_URL", "http://HOST:PORT")
        assert "hush-hush" not in done.stderr
    refused(cli(str(tmp_path / "m"), env={**env, "METAFLOW_SERVICE_URL": "http://127.0.0.1:1",
                                          "METAFLOW_SERVICE_HEADERS": '{"x": [1]}'}, cwd=main_root),
            "configuration", "METAFLOW_SERVICE_HEADERS")
    done = cli("ls", "--datastore-root", str(main_root), env=env)
    assert done.returncode == 0 and "HelloFlow" in done.stdout.split()


def test_a_bad_profile(cli, tmp_path, main_root):
    """S91: a profile without its file, and configuration that is no JSON, are refused with the file."""
    (tmp_path / "m").mkdir()
    args = ("--datastore-root", str(main_root), str(tmp_path / "m"))
    refused(cli(*args, env={"METAFLOW_PROFILE": "absent"}), "configuration", "config_absent.json")
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.json").write_text("{not json")
    refused(cli(*args, env={"METAFLOW_HOME": str(home)}), "configuration", "config.json")


def test_exit_codes_are_distinct():
    """S91: each kind of failure has an exit code of its own, the one that --help and the man page tell."""
    want = {"usage": 2, "no data": 3, "configuration": 3, "unreadable": 4, "no fuse": 5, "mountpoint": 6,
            "busy": 6, "stale": 7, "provider": 8, "service": 9}
    assert CODES == want


def test_check(cli, tmp_path, main_root):
    """S92: --check validates and explains, and mounts nothing."""
    (tmp_path / "m").mkdir()
    done = cli("--check", "--datastore-root", str(main_root), str(tmp_path / "m"))
    assert done.returncode == 0, done
    assert str(main_root) in done.stdout and not is_mounted(tmp_path / "m")
    done = cli("--check", "--datastore-root", str(main_root))
    assert done.returncode == 0
    secret = cli("--check", "--datastore-root", str(main_root), env={"METAFLOW_SERVICE_AUTH_KEY": "hush-hush"})
    assert "hush-hush" not in secret.stdout + secret.stderr
    assert cli("--check", cwd=tmp_path).returncode == CODES["no data"]


def test_finds_its_configuration(mounter, tmp_path, writable_root, runs):
    """S93: with no option, .metaflow is found from the current directory upward."""
    root = writable_root("hello")
    deep = root / "a" / "b"
    deep.mkdir(parents=True)
    mount = mounter(root, cwd=str(deep), foreground=False)
    assert mount.names() == ["HelloFlow"]
    assert str(root) in mount.read(".metaflowfs/status").decode() + mount.read(".metaflowfs/config").decode()


def test_environment_wins(mounter, tmp_path, writable_root):
    """S93: METAFLOW_DATASTORE_SYSROOT_LOCAL is obeyed, from the environment and from config.json."""
    root = writable_root("hello")
    mount = mounter(root, cwd=str(tmp_path), env={"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(root)})
    assert mount.names() == ["HelloFlow"]
    home = tmp_path / "cfg"
    home.mkdir()
    (home / "config.json").write_text(json.dumps({"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(root)}))
    mount = mounter(root, cwd=str(tmp_path), env={"METAFLOW_HOME": str(home)})
    assert mount.names() == ["HelloFlow"]


def test_daemon_returns_when_the_root_lists(mounter, main_root):
    """S94: without -f it returns when the root can be listed, and runs on."""
    mount = mounter(main_root, foreground=False)
    assert "HelloFlow" in mount.names()
    assert os.readlink("/proc/%d/cwd" % mount.pid) == "/"
    subprocess.run(["fusermount3", "-u", str(mount.path)], check=True)
    make.wait_for(lambda: not os.path.exists("/proc/%d" % mount.pid), "end of the daemon", 30)
    mount.ended = True


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("foreground", [True, False])
def test_signals_unmount(mounter, main_root, sig, foreground):
    """S95: SIGTERM and SIGINT unmount cleanly with exit code 0."""
    mount = mounter(main_root, foreground=foreground)
    mount.names()
    assert mount.end(sig) == 0
    assert not is_mounted(mount.path)


def test_fstab_options(mounter, main_root):
    """S96: the options that fstab adds are ignored; uid, gid, umask and ro hold."""
    mount = mounter(main_root, args=["-o", "_netdev,nofail,x-systemd.automount,noauto,user,rw",
                                     "-o", "uid=1234,gid=2345,umask=077"])
    info = os.stat(mount / "HelloFlow")
    assert (info.st_uid, info.st_gid, info.st_mode & 0o777) == (1234, 2345, 0o500)
    mount = mounter(main_root, args=["-o", "ro,allow_other"])
    flags = next(row.split()[5] for row in open("/proc/self/mountinfo") if str(mount.path) in row)
    assert "ro" in flags.split(",")
    assert "allow_other" in mount.log() + mount.output()
    with pytest.raises(OSError):
        (mount / ".metaflowfs/refresh").write_text("/")


def test_mode_and_owner(mnt, runs):
    """S97: directories are 0555, files 0444, RUN/.tags 0755, .metaflowfs/refresh 0200; the mounting user's."""
    run = mnt / runs["hello"]
    for path, mode in ((run, 0o555), (run / "start/1/message", 0o444), (run / ".tags", 0o755),
                       (run / ".meta", 0o444), (mnt / ".metaflowfs/refresh", 0o200)):
        info = path.stat()
        assert (info.st_mode & 0o777, info.st_uid, info.st_gid) == (mode, os.getuid(), os.getgid()), path


def test_ls_and_cat_without_a_mount(cli, mnt, runs, main_root, client):
    """S98: `metaflowfs ls|cat PATH` give what the mount gives, with no mount."""
    root = ("--datastore-root", str(main_root))
    run = runs["hello"]
    for path in ("", "HelloFlow", run, run + "/start/1", run + "/start/1/.pickle", "HelloFlow/.latest/start"):
        done = cli("ls", *root, path)
        assert done.returncode == 0, done
        assert sorted(done.stdout.split()) == sorted(mnt.names(path)), path
    for path in (run + "/start/1/message", run + "/start/1/numbers", run + "/start/1/.stdout",
                 run + "/start/1/.pickle/numbers", run + "/.parameters/greeting", "HelloFlow/.latest/.meta",
                 run + "/.end/summary", run + "/.help"):
        done = cli("cat", *root, path, text=False)
        assert done.returncode == 0, done
        assert done.stdout == mnt.read(path), path
    done = cli("cat", *root, runs["big"] + "/start/1/.pickle/array", text=False)
    assert len(done.stdout) > 64 << 20
    for command, path in (("ls", "Nowhere"), ("cat", run + "/start/1/nothing"), ("cat", run)):
        done = cli(command, *root, path)
        assert done.returncode != 0 and path.split("/")[-1] in done.stderr and not done.stdout
    assert cli("ls", *root).stdout.split() == cli("ls", *root, "/").stdout.split()


def test_ls_and_cat_from_the_data(cli, main_root, runs):
    """S98: they find the data as a mount does, and take several paths."""
    done = cli("cat", runs["hello"] + "/start/1/message", runs["hello-tags"] + "/start/1/message", cwd=main_root)
    assert done.stdout == "hello, worldsalve, world"


def test_letters_and_words_of_the_subcommands(cli, runs, main_root):
    """S98: letters may stand together; one that is not known is named; what only a mount has is not there."""
    def said(*args):
        return cli(*args, "--datastore-root", str(main_root))
    run = runs["hello"]
    long = said("ls", "-l", run).stdout
    assert len(long.splitlines()) > 1 and said("ls", "-lfo", "ttl=5", run).stdout == long
    for letters in ("-la", "-al", "-lz"):
        done = said("ls", letters, run)
        assert done.returncode == 2 and "unknown option -%s:" % letters.strip("-l") in done.stderr, done
    for args in (("ls", ".metaflowfs"), ("cat", ".metaflowfs/version"), ("ls", "-l", ".metaflowfs/tempdir")):
        done = said(*args)
        assert done.returncode == 1 and "without a mount" in done.stderr and "--check" in done.stderr, done


def test_cat_into_a_closed_pipe(main_root, runs, tmp_path):
    """S98: `metaflowfs cat` into `head` ends quietly."""
    done = subprocess.run(["bash", "-c", "%s cat --datastore-root %s %s/start/1/text | head -c 10" %
                           (binary(), main_root, runs["big"])], capture_output=True, timeout=60, cwd=tmp_path,
                          env=make.metaflow_env(main_root))
    assert done.stdout == b"line 00000" and b"Sanitizer" not in done.stderr


ENDING = [signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def with_default_signals():
    """For preexec_fn: below nohup, or in a shell's background, tests inherit ignored ones."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("sig", ENDING)
def test_cat_that_is_ended(main_root, runs, tmp_path, sig):
    """S541: a `metaflowfs cat` whose reader goes away, or that a signal ends while it waits for its reader, ends by
    that signal, says nothing and leaves nothing in METAFLOW_TEMPDIR."""
    (tmp_path / "temp").mkdir()
    process = subprocess.Popen([binary(), "cat", "--datastore-root", main_root, runs["big"] + "/start/1/.pickle/array"],
                               env=daemon_env(main_root, tmp_path), cwd=tmp_path, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=with_default_signals)
    assert process.stdout.read(10)
    assert list((tmp_path / "temp").iterdir())
    if sig == signal.SIGPIPE:
        process.stdout.close()
    else:
        process.send_signal(sig)
    assert process.wait(60) == -sig
    assert process.stderr.read() == b""
    assert list((tmp_path / "temp").iterdir()) == []
    process.stdout.close()
    process.stderr.close()


def test_ls_into_a_closed_pipe(main_root, tmp_path):
    """S541: so does an `ls`; where SIGPIPE is ignored it says what failed, and its exit code tells it."""
    argv = [binary(), "ls", "-l", "--datastore-root", str(main_root)]
    for ignored, code in ((False, -signal.SIGPIPE), (True, 1)):
        reader, writer = os.pipe()
        os.close(reader)
        (tmp_path / "temp").mkdir(exist_ok=True)
        done = subprocess.run(argv, env=daemon_env(main_root, tmp_path), cwd=tmp_path, stdin=subprocess.DEVNULL,
                              stdout=writer, stderr=subprocess.PIPE, restore_signals=not ignored, timeout=60)
        os.close(writer)
        assert done.returncode == code and b"Sanitizer" not in done.stderr, done


def test_a_signal_that_is_ignored(main_root, runs, tmp_path):
    """S541: below nohup a SIGHUP does not end it."""
    (tmp_path / "temp").mkdir()
    argv = [binary(), "cat", "--datastore-root", str(main_root), runs["big"] + "/start/1/.pickle/array"]
    process = subprocess.Popen(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *argv], cwd=tmp_path,
                               env=daemon_env(main_root, tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout.read(10)
    process.send_signal(signal.SIGHUP)
    assert len(process.stdout.read()) > 64 << 20
    assert process.wait(60) == 0
    process.stdout.close()


def test_control_files(mnt, main_root, runs):
    """S99: .metaflowfs/ tells what the mount is: README, status, stats, errors, config, version, tempdir."""
    names = set(mnt.names(".metaflowfs"))
    assert {"README", "status", "stats", "errors", "config", "version", "tempdir", "refresh"} <= names
    assert re.search(r"\d+\.\d+\.\d+", mnt.read(".metaflowfs/version").decode())
    readme = mnt.read(".metaflowfs/README").decode()
    for name in (".meta", ".help", ".stdout", ".stderr", ".log", ".logs", ".attempts", ".pickle", ".internal",
                 ".parameters", ".end", ".index", ".latest", ".latest-successful", ".failed", ".running", ".tags",
                 ".by-date", ".parents", ".children", ".cards"):
        assert name in readme, name
    assert str(main_root) in mnt.read(".metaflowfs/config").decode() + mnt.read(".metaflowfs/status").decode()
    tempdir = os.readlink(mnt / ".metaflowfs/tempdir")
    assert os.path.isdir(tempdir) and os.path.basename(tempdir).startswith("metaflow.s3.")
    assert mnt.stat("metaflowfs_requests_total") > 0


def test_secrets_are_redacted(mounter, main_root):
    """S99: neither .metaflowfs/config nor the log shows a secret."""
    mount = mounter(main_root, env={"METAFLOW_SERVICE_AUTH_KEY": "hush-hush",
                                    "METAFLOW_SERVICE_HEADERS": '{"x": "hush-hush"}'}, log_level="debug")
    mount.names()
    assert "hush-hush" not in mount.read(".metaflowfs/config").decode()
    assert "hush-hush" not in mount.log() + mount.output()


def test_missing_names_are_in_no_error_log(mnt):
    """S99: a look-up that finds nothing is no failure."""
    assert not (mnt / "HelloFlow" / "nothing-here").exists()
    assert "nothing-here" not in mnt.errors()


def test_no_tempdir(mounter, cli, main_root, runs, tmp_path):
    """S100: where METAFLOW_TEMPDIR cannot be written, what needs staging fails with a cause and what does
    not works, which the mount warns of and --check tells; one that does not exist is refused at once."""
    mount = mounter(main_root, env={"METAFLOW_TEMPDIR": "/proc"}, expect_errors=[".*"])
    assert "warning" in mount.output() and "set METAFLOW_TEMPDIR" in mount.output()
    assert mount.read(runs["hello"] + "/start/1/message") == b"hello, world"
    with pytest.raises(OSError):
        mount.read(runs["big"] + "/start/1/.pickle/array")
    assert "/proc" in mount.errors() and "set METAFLOW_TEMPDIR to another" in mount.errors()
    assert "free space" not in mount.errors()
    assert mount.read(runs["hello"] + "/start/1/greeting") == b"hello"
    done = cli("--check", "--datastore-root", str(main_root), env={"METAFLOW_TEMPDIR": None}, cwd="/proc")
    assert done.returncode == 0 and re.search("^warning .*/proc.*set METAFLOW_TEMPDIR", done.stdout, re.M), done
    (tmp_path / "m").mkdir()
    done = cli("--datastore-root", str(main_root), str(tmp_path / "m"), env={"METAFLOW_TEMPDIR": "/nowhere"})
    assert done.returncode != 0 and "METAFLOW_TEMPDIR" in done.stderr and "/nowhere" in done.stderr
