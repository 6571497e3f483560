"""The directories of jobs in `.batch`: states, reasons, logs, attempts, killing, and Metaflow's own jobs."""

import errno
import json
import os
import pathlib
import stat
import subprocess
import sys
import time

import pytest

import batching
import make
from batching import comes, job, part, part_or_none, save

HOUR = 3600 * 1000


@pytest.fixture
def linked(tmp_path, batch_root, batch_run):
    """A root of its own with the run whose task start/1 ran on Batch, and that task."""
    import shutil

    root = tmp_path / "linked"
    shutil.copytree(batch_root / ".metaflow", root / ".metaflow", symlinks=True)
    return root, batch_run + "/start/1"


@pytest.mark.threads
def test_what_a_job_has(batch_mounter, cloud):
    """S259: a job's directory has its job, request, id, state and tempdir; the file reads back as it was saved;
    modes are private."""
    mount = batch_mounter(cloud)
    text = job(["a", "{tempdir}"], batch={"use_tmpfs": True, "image": "parts:1"})
    save(mount, "train", text)
    assert set(mount.names(".batch")) >= {"train", "train.json"}
    names = set(mount.names(".batch/train"))
    assert {"job", "request", "id", "status", "tempdir", "ctl"} <= names, names
    assert not names & {"error", "exit_code"}, names
    assert mount.read(".batch/train.json").decode() == text == mount.read(".batch/train/job").decode()
    assert part(mount, "train", "id") == next(iter(cloud.jobs))
    comes(mount, "train", "status", "RUNNABLE")
    assert part(mount, "train", "tempdir") == "/metaflow_temp"
    request = json.loads(part(mount, "train", "request"))
    assert request["submission"]["jobName"] == cloud.submission()["jobName"]
    modes = {n: stat.S_IMODE(os.stat(mount / ".batch" / n).st_mode)
             for n in ("", "train", "train.json", "train/status", "train/ctl", "train/request")}
    assert modes == {"": 0o700, "train": 0o700, "train.json": 0o600, "train/status": 0o400, "train/ctl": 0o200,
                     "train/request": 0o400}
    os.unlink(mount / ".batch/train.json")
    assert "train.json" not in mount.names(".batch") and part(mount, "train", "status") == "RUNNABLE"


def test_states_and_their_times(batch_mounter, cloud):
    """S260: status is Batch's, and `ls -l` shows when it came about, by Batch's own clock."""
    mount = batch_mounter(cloud)
    for name in ("waits", "runs", "ended", "failed"):
        save(mount, name, job(["echo", name]))
    begun = batching.now_ms() - 5 * HOUR
    for name in ("waits", "runs", "ended", "failed"):
        cloud.find("-%s-" % name)["createdAt"] = begun
    cloud.set("-runs-", "RUNNING", startedAt=begun + HOUR)
    cloud.set("-ended-", "SUCCEEDED", startedAt=begun + HOUR, stoppedAt=begun + 2 * HOUR)
    cloud.set("-failed-", "FAILED", exit_code=3, startedAt=begun + HOUR, stoppedAt=begun + 3 * HOUR)
    for name, status, hours in (("waits", "RUNNABLE", 0), ("runs", "RUNNING", 1), ("ended", "SUCCEEDED", 2),
                                ("failed", "FAILED", 3)):
        comes(mount, name, "status", status)
        for path in (".batch/" + name, ".batch/%s/status" % name):
            want = (begun + hours * HOUR) // 1000
            make.wait_for(lambda: int(os.stat(mount / path).st_mtime) == want, "the time of " + path, 20)
    assert part(mount, "ended", "exit_code") == "0" and part(mount, "failed", "exit_code") == "3"
    assert part_or_none(mount, "runs", "exit_code") is None
    order = subprocess.run(["ls", "-t", str(mount / ".batch")], capture_output=True, text=True, check=True).stdout
    assert [n for n in order.split() if not n.endswith(".json")] == ["failed", "ended", "runs", "waits"]


ENDS = {
    "oom": (137, "Essential container in task exited", "OutOfMemoryError: Container killed due to memory usage",
            ["Essential container in task exited", "OutOfMemoryError", "137", "out of memory"]),
    "killed": (137, "Essential container in task exited", None, ["137", "killed"]),
    "segv": (139, "Essential container in task exited", None, ["139", "segmentation fault"]),
    "plain": (1, "Essential container in task exited", None, ["Essential container in task exited", "1"]),
    "spot": (None, "Host EC2 (instance i-0123) terminated.", None, ["Host EC2 (instance i-0123) terminated"]),
    "pull": (None, "Task failed to start", "CannotPullContainerError: pull image manifest has been retried",
             ["Task failed to start", "CannotPullContainerError"]),
}


def test_reasons_in_words(batch_mounter, cloud):
    """S261: `reason` has Batch's reason, the container's, and what an exit code means."""
    ids = {name: cloud.metaflow_job("HelloFlow/7/%s/1" % name, "FAILED", exit_code=code, reason=why,
                                    container_reason=container)
           for name, (code, why, container, _) in ENDS.items()}
    waiting = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement is too high"
    ids["stuck"] = cloud.metaflow_job("HelloFlow/7/stuck/1", "RUNNABLE", reason=waiting)
    mount = batch_mounter(cloud)
    names = mount.names(".batch")
    for name, (code, _, _, words) in ENDS.items():
        job_name = "tester-HelloFlow-7-%s-1-0" % name
        assert job_name in names
        reason = part(mount, job_name, "reason")
        assert all(word.lower() in reason.lower() for word in words), (name, reason)
        assert part_or_none(mount, job_name, "exit_code") == (str(code) if code is not None else None)
        assert part(mount, job_name, "id") == ids[name]
    assert waiting in part(mount, "tester-HelloFlow-7-stuck-1-0", "reason")


@pytest.mark.threads
def test_logs(batch_mounter, cloud, batch_moto):
    """S262: `log` is the job's stream in CloudWatch; `tail -f` follows it; before a job starts it is empty."""
    mount = batch_mounter(cloud)
    save(mount, "talks", job(["echo"]))
    assert mount.read(".batch/talks/log") == b"" and os.stat(mount / ".batch/talks/log").st_size == 0
    stream = cloud.set("-talks-", "RUNNING")["container"]["logStreamName"]
    first = ["line %d" % n for n in range(12000)] + ["an ümlaut", " ", "  spaces  "]
    batch_moto.log(stream, first)
    comes(mount, "talks", "status", "RUNNING")
    want = "".join(line + "\n" for line in first).encode()
    make.wait_for(lambda: mount.read(".batch/talks/log") == want, "the log")
    tail = subprocess.Popen(["tail", "-n", "1", "-f", str(mount / ".batch/talks/log")], text=True,
                            stdout=subprocess.PIPE)
    try:
        assert tail.stdout.readline() == "  spaces  \n"
        batch_moto.log(stream, ["said later"])
        assert tail.stdout.readline() == "said later\n"
    finally:
        tail.kill()
        tail.wait()
    cloud.set("-talks-", "SUCCEEDED")
    comes(mount, "talks", "status", "SUCCEEDED")
    assert mount.read(".batch/talks/log") == want + b"said later\n"
    assert os.stat(mount / ".batch/talks/log").st_size == len(want) + len("said later\n")


@pytest.mark.threads
def test_a_log_is_followed_from_the_start(batch_mounter, cloud, batch_moto):
    """S262: `tail -f` of a job that waits prints what the job says once it runs, and stays quiet for one that never
    ran; what was not submitted has no `log`."""
    mount = batch_mounter(cloud)
    save(mount, "early", job(["echo"]))
    save(mount, "never", job(["false"]))
    comes(mount, "early", "status", "RUNNABLE")
    tail = subprocess.Popen(["tail", "-f", str(mount / ".batch/early/log")], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    try:
        time.sleep(3)
        assert tail.poll() is None
        stream = cloud.set("-early-", "RUNNING")["container"]["logStreamName"]
        batch_moto.log(stream, ["it runs", "and talks"])
        begun = time.monotonic()
        assert tail.stdout.readline() == "it runs\n" and tail.stdout.readline() == "and talks\n"
        assert time.monotonic() - begun < 30
        batch_moto.log(stream, ["said later"])
        assert tail.stdout.readline() == "said later\n"
    finally:
        tail.kill()
        assert tail.communicate()[1] == ""
    cloud.set("-never-", "FAILED", "Host EC2 terminated")
    comes(mount, "never", "status", "FAILED")
    assert mount.read(".batch/never/log") == b"" and os.stat(mount / ".batch/never/log").st_size == 0
    save(mount, "dry", job(dry_run=True))
    assert not os.path.exists(mount / ".batch/dry/log")


def test_a_log_group_of_ones_own(batch_mounter, cloud, batch_moto):
    """S262: the log is that of the group which the job's log options name."""
    mount = batch_mounter(cloud)
    save(mount, "grouped", job(batch={"log_driver": "awslogs", "log_options": ["awslogs-group:/my/group"]}))
    stream = cloud.set("-grouped-", "RUNNING")["container"]["logStreamName"]
    batch_moto.log(stream, ["in my group"], "/my/group")
    comes(mount, "grouped", "status", "RUNNING")
    make.wait_for(lambda: mount.read(".batch/grouped/log") == b"in my group\n", "the log")


def test_attempts(batch_mounter, cloud, batch_moto):
    """S263: `attempts/` has the tries of Batch's retry strategy, and former generations of the file."""
    mount = batch_mounter(cloud)
    save(mount, "again", job(["one"], retry={"times": 1}))
    told = cloud.find("-again-")
    first_id = told["jobId"]
    tries = [{"container": {"exitCode": code, "reason": why, "logStreamName": "again/%d/%s" % (n, first_id)},
              "startedAt": batching.now_ms() - 9000 + n, "stoppedAt": batching.now_ms() - 5000 + n,
              "statusReason": "Essential container in task exited"}
             for n, (code, why) in enumerate([(139, ""), (5, "")])]
    for n in range(2):
        batch_moto.log("again/%d/%s" % (n, first_id), ["try %d" % n])
    cloud.set("-again-", "FAILED", "Essential container in task exited", exit_code=5, attempts=tries)
    comes(mount, "again", "status", "FAILED")
    assert sorted(mount.names(".batch/again/attempts")) == ["1.1", "1.2"]
    assert "segmentation fault" in part(mount, "again/attempts/1.1", "reason").lower()
    assert [part(mount, "again/attempts/1.%d" % n, "exit_code") for n in (1, 2)] == ["139", "5"]
    make.wait_for(lambda: part_or_none(mount, "again/attempts/1.1", "log") == "try 0", "the log of a try")
    save(mount, "again", job(["two"]))
    comes(mount, "again", "status", "RUNNABLE")
    assert part(mount, "again", "id") != first_id
    assert part(mount, "again/attempts/1", "status") == "FAILED" and part(mount, "again/attempts/1", "id") == first_id
    assert json.loads(part(mount, "again/attempts/1", "job"))["command"] == ["one"]
    assert [part(mount, i, "status") for i in (first_id, part(mount, "again", "id"))] == ["FAILED", "RUNNABLE"]


def test_killing(batch_mounter, cloud):
    """S264: `kill` in `ctl` terminates the job, ours or Metaflow's; of one that ended, and every other word, is
    refused."""
    theirs = cloud.metaflow_job("HelloFlow/8/start/1", "RUNNABLE")
    mount = batch_mounter(cloud)
    save(mount, "long", job(["sleep", "inf"]))
    cloud.set("-long-", "RUNNING")
    their_name = "tester-HelloFlow-8-start-1-0"
    assert their_name in mount.names(".batch")
    for name, word in (("long", "stop"), ("long", "kill it"), (their_name, "")):
        with pytest.raises(OSError) as caught:
            (mount / (".batch/%s/ctl" % name)).write_text(word + "\n")
        assert caught.value.errno == errno.EINVAL
    assert not cloud.log().of("terminatejob")
    for name in ("long", their_name):
        subprocess.run(["sh", "-c", 'echo kill > "$1"', "sh", str(mount / (".batch/%s/ctl" % name))], check=True)
    killed = [c.body["jobId"] for c in cloud.log().of("terminatejob")]
    assert killed == [part(mount, "long", "id"), theirs]
    for name in ("long", their_name):
        comes(mount, name, "status", "FAILED")
        with pytest.raises(OSError):
            (mount / (".batch/%s/ctl" % name)).write_text("kill\n")
    assert len(cloud.log().of("terminatejob")) == 2
    assert "kill" in part(mount, "long", "reason").lower() or "terminat" in part(mount, "long", "reason").lower()


def test_jobs_of_metaflow(batch_mounter, cloud):
    """S265: jobs that Metaflow submitted for the same user are listed under their names, of every queue and state; no
    others, and none can be saved over."""
    for n, status in enumerate(batching.LIVE + ("SUCCEEDED", "FAILED")):
        cloud.metaflow_job("AFlow/1/step%d/1" % n, status, queue=sorted(batching.KINDS)[n % 4], age_s=1000 - n)
    cloud.metaflow_job("AFlow/1/other/1", user="somebody")
    cloud.metaflow_job("AFlow/1/longer/1", user="tester-too")
    mount = batch_mounter(cloud)
    assert sorted(mount.names(".batch")) == ["tester-AFlow-1-step%d-1-0" % n for n in range(7)]
    for n, status in enumerate(batching.LIVE + ("SUCCEEDED", "FAILED")):
        assert part(mount, "tester-AFlow-1-step%d-1-0" % n, "status") == status
    have = set(mount.names(".batch/tester-AFlow-1-step0-1-0"))
    assert not have & {"job", "request", "error"} and "ctl" in have, have
    late = cloud.metaflow_job("AFlow/1/late/1", "RUNNING", age_s=0)
    make.wait_for(lambda: "tester-AFlow-1-late-1-0" in mount.names(".batch"), "a later job", 70)
    assert part(mount, "tester-AFlow-1-late-1-0", "id") == late


def test_from_a_task_to_its_job_and_back(batch_mounter, cloud, linked, batch_s3):
    """S266: TASK/.batch leads to the job that ran the task, and the job to its task; also to one that Batch lists no
    more, by its id."""
    root, task = linked
    job_id = cloud.metaflow_job(task, "SUCCEEDED")
    batching.ran_on_batch(root, task, job_id)
    mount = batch_mounter(cloud, root=root, env=batching.s3ing.s3_env(batch_s3.url))
    job_dir = mount / task / ".batch"
    assert job_dir.is_symlink() and not os.readlink(job_dir).startswith("/")
    assert (job_dir / "status").read_text() == "SUCCEEDED\n" and (job_dir / "id").read_text().strip() == job_id
    back = [p for p in job_dir.resolve().iterdir() if p.is_symlink()]
    assert [p.resolve() for p in back] == [pathlib.Path(mount / task)], back
    assert (back[0] / "message").read_bytes() == b"hello, world"
    assert not os.path.lexists(mount / task.replace("start/1", "end") / ".batch")
    end = next(p for p in (mount / task).parent.parent.joinpath("end").iterdir())
    assert not os.path.exists(end / ".batch")


PROBE = """
import os, sys
os.setgid(65534); os.setuid(65534)
for path in sys.argv[1:]:
    try:
        print(len(os.listdir(path)) if os.path.isdir(path) else len(open(path).read()))
    except OSError as error:
        print(os.strerror(error.errno))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_other_users(batch_mounter, cloud, batch_root):
    """S267: with allow_other `.batch` stays the mounting user's alone, unless -o batch_allow_other."""
    def probe(mount):
        os.chmod(mount.workdir, 0o755)
        for parent in list(mount.workdir.parents)[:4]:
            if parent.stat().st_mode & 0o005 != 0o005 and str(parent) not in ("/", "/tmp"):
                os.chmod(parent, parent.stat().st_mode | 0o055)
        paths = [mount.path, mount / ".batch", mount / ".batch/train.json", mount / ".batch/train/request"]
        done = subprocess.run([sys.executable, "-c", PROBE, *map(str, paths)], capture_output=True, text=True, cwd="/")
        return done.stdout.splitlines()

    mount = batch_mounter(cloud, args=["-o", "allow_other"])
    save(mount, "train", job())
    assert probe(mount) == ["0"] + ["Permission denied"] * 3
    opened = batch_mounter(cloud, args=["-o", "allow_other,batch_allow_other"])
    save(opened, "train", job())
    assert probe(opened)[1:3] == ["2", str(len(job()))]


def test_no_secret_is_told(batch_mounter, cloud):
    """S268: values of headers and of names that sound secret, and passwords in URLs, are not in `request`, the log or `.metaflowfs`."""
    secret = {"API_KEY": "sk-value-1", "DB_PASSWORD": "pw-value-2", "HF_TOKEN": "tk-value-3", "MY_SECRET": "se-value-4",
              "PGPASSWD": "pd-value-6", "SSH_PASSPHRASE": "pp-value-7", "GOOGLE_CREDENTIALS": "cr-value-8",
              "AUTHORIZATION": "au-value-9", "GITHUB_PAT": "pa-value-10"}
    url = "postgres://me:ur-value-11@host/db"
    mount = batch_mounter(cloud, log_level="debug", env={
        "METAFLOW_SERVICE_HEADERS": json.dumps({"x-api-key": "hd-value-5"}), "METAFLOW_DEBUG_X": "1"})
    save(mount, "quiet", job(environment={"vars": dict(secret, PLAIN="is-shown", DB=url)}))
    assert batching.environment(cloud.submission()).items() >= dict(secret, DB=url).items(), "the job gets them"
    request = part(mount, "quiet", "request")
    assert "is-shown" in request and "***" in request and "API_KEY" in request
    assert "postgres://***@host/db" in request
    told = [mount.read(".metaflowfs/" + n).decode() for n in ("config", "status", "errors", "stats")]
    told += [request, mount.log()]
    for value in [*secret.values(), "hd-value-5", "ur-value-11", batching.s3ing.SECRET]:
        assert not any(value in text for text in told), value


def test_mounts_without_batch(batch_mounter, cloud):
    """S269: --no-batch, and -o ro, take `.batch` away."""
    for args in (["--no-batch"], ["-o", "ro"]):
        mount = batch_mounter(cloud, args=args)
        assert not os.path.lexists(mount / ".batch")
    assert not cloud.log()


def test_without_credentials_or_region(batch_mounter, cloud, tmp_path):
    """S270: with no credentials or region `.batch` is empty at once, and a save fails soon and says why."""
    nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": str(tmp_path),
              "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent"}
    for env, word in ((nobody, "credentials"), ({"AWS_DEFAULT_REGION": None, "HOME": str(tmp_path)}, "region")):
        mount = batch_mounter(cloud, env=env)
        assert mount.names(".batch") == []
        with pytest.raises(OSError):
            save(mount, "never", job())
        assert word in part(mount, "never", "error").lower()
        assert part(mount, "never", "status") == "not submitted"
        assert word in mount.read(".metaflowfs/status").decode().lower()
    assert not cloud.log()


def test_a_job_id_that_batch_does_not_know_yet(batch_mounter, cloud):
    """S560: a job id that Batch does not know is asked for once in three seconds, and found once Batch knows it."""
    mount, job_id = batch_mounter(cloud), "0a0a0a0a-1111-4222-8333-444444444444"
    mount.names(".batch")
    cloud.log(clear=True)
    begin = time.monotonic()
    for _ in range(3):
        assert part_or_none(mount, job_id, "status") is None
    most = 1 + int((time.monotonic() - begin) / 3)
    assert len([c for c in cloud.log().of("describejobs") if job_id in c.body["jobs"]]) <= most
    arn = "arn:aws:batch:%s:%s:job/%s" % (batching.REGION, batching.ACCOUNT, job_id)
    with cloud.lock:
        cloud.jobs[job_id] = cloud.begun({"jobId": job_id, "jobArn": arn},
                                         {"jobName": "nightly", "jobQueue": "q-ec2", "jobDefinition": "d:1"})
    comes(mount, job_id, "status", "RUNNABLE", 30)
