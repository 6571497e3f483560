"""What reaches AWS Batch when a job file is saved in `.batch`."""

import errno
import json
import os
import subprocess

import pytest

import batching
from batching import comes, environment, job, part, refused, requirements, save
from s3ing import ACCESS, BIN, SECRET, s3_env

MEMORY = {"memory": 100000}


@pytest.fixture(scope="module")
def mount(shared_batch_mounter, shared_cloud):
    return shared_batch_mounter(shared_cloud, env={
        "METAFLOW_ECS_FARGATE_EXECUTION_ROLE": batching.EXECUTION_ROLE})


def sent(cloud, mount, name, text):
    """The body of the one SubmitJob that saving a job file makes."""
    calls = cloud.calls_of(lambda: save(mount, name, text))
    assert len(calls.carried_out()) == 1, calls
    return calls.carried_out()[0].body


def container_of(cloud, submission):
    return cloud.definition_of(submission)["containerProperties"]


def no_submission(cloud, what):
    calls = cloud.calls_of(what)
    assert not calls.of("submitjob", "registerjobdefinition"), calls


def problems(mount, name):
    return part(mount, name, "error")


def run_as_container(submission, folder):
    """Runs what was sent as its container would, with the keys that the container's role gives."""
    env = dict(environment(submission), PATH="%s:%s" % (BIN, os.environ["PATH"]), HOME=str(folder),
               AWS_ACCESS_KEY_ID=ACCESS, AWS_SECRET_ACCESS_KEY=SECRET, AWS_EC2_METADATA_DISABLED="true")
    return subprocess.run(submission["containerOverrides"]["command"], cwd=folder, env=env, text=True,
                          capture_output=True)


@pytest.mark.threads
def test_a_job_file_is_a_job(mount, shared_cloud):
    """S243: command, requirements, time-out, image, role, queue and environment are what the file says."""
    text = job(["python", "train.py", "--tmp", "{tempdir}"], resources={"cpu": 8, "memory": 100000},
               batch={"gpu": 2, "image": "my/image:7", "queue": "q-spot"}, timeout={"hours": 2},
               environment={"vars": {"HF_HOME": "{tempdir}/hf", "EMPTY": ""}})
    body = sent(shared_cloud, mount, "train", text)
    assert body["jobQueue"] == "q-spot"
    assert body["containerOverrides"]["command"] == ["python", "train.py", "--tmp", "."]
    assert requirements(body) == {"VCPU": "8", "GPU": "2", "MEMORY": "100000"}
    assert body["timeout"] == {"attemptDurationSeconds": 7200}
    assert body["parameters"] == {"metaflow.user": "tester"}
    assert body["jobName"].startswith("tester-train-") and "retryStrategy" not in body
    env = environment(body)
    assert env["HF_HOME"] == "./hf" and env["EMPTY"] == "" and env["METAFLOW_USER"] == "tester"
    assert env["AWS_DEFAULT_REGION"] == "us-east-1" and env["METAFLOW_RUNTIME_ENVIRONMENT"] == "aws-batch"
    assert "METAFLOW_TEMPDIR" not in env and not any(n.startswith("METAFLOW_CODE") for n in env)
    container = container_of(shared_cloud, body)
    assert (container["image"], container["jobRoleArn"]) == ("my/image:7", batching.ROLE)
    assert part(mount, "train", "id") in shared_cloud.jobs


@pytest.mark.parametrize("name, keys, size, path, variable, tempdir", [
    ("half", {"resources": MEMORY, "batch": {"use_tmpfs": True}}, 50000, "/metaflow_temp", "/metaflow_temp", None),
    ("size", {"batch": {"memory": 100000, "tmpfs_size": 100000}}, 100000, "/metaflow_temp", "/metaflow_temp", None),
    ("path", {"resources": MEMORY, "batch": {"tmpfs_size": 10000, "tmpfs_path": "/data", "tmpfs_tempdir": False}},
     10000, "/data", None, "/data"),
    ("larger", {"resources": {"memory": 2000}, "batch": {"memory": 8193, "use_tmpfs": True}},
     4096, "/metaflow_temp", "/metaflow_temp", None),
    ("default", {"batch": {"use_tmpfs": True}}, 2048, "/metaflow_temp", "/metaflow_temp", None),
    ("own", {"batch": {"use_tmpfs": True}, "environment": {"vars": {"METAFLOW_TEMPDIR": "/mine"}}},
     2048, "/metaflow_temp", "/mine", "/metaflow_temp"),
    ("none", {"batch": {"tmpfs_path": "/data", "memory": 100000}}, None, None, None, "."),
    ("off", {"batch": {"use_tmpfs": False, "tmpfs_tempdir": True}}, None, None, None, "."),
])
def test_tmpfs(mount, shared_cloud, name, keys, size, path, variable, tempdir):
    """S244: when a tmpfs is mounted, how large, where, and who is told."""
    keys = dict(keys, environment={"vars": dict(keys.get("environment", {}).get("vars", {}), T="{tempdir}/t")})
    body = sent(shared_cloud, mount, "tmpfs-" + name, job(["ls", "{tempdir}"], **keys))
    tmpfs = container_of(shared_cloud, body)["linuxParameters"].get("tmpfs")
    want = [{"containerPath": path, "size": size, "mountOptions": ["defaults"]}] if size else None
    assert tmpfs == want
    assert environment(body).get("METAFLOW_TEMPDIR") == variable
    told = tempdir or variable
    assert body["containerOverrides"]["command"] == ["ls", told] and environment(body)["T"] == told + "/t"
    assert part(mount, "tmpfs-" + name, "tempdir") == told


@pytest.mark.parametrize("key, value", [
    ("tmpfs_size", 0), ("tmpfs_size", -5), ("tmpfs_size", 10000.7), ("tmpfs_size", "10000"), ("tmpfs_size", True),
    ("tmpfs_size", 4097), ("tmpfs_path", "data"), ("tmpfs_path", "/"), ("tmpfs_path", ""), ("use_tmpfs", "yes"),
    ("use_tmpfs", 1), ("tmpfs_tempdir", "false")])
def test_tmpfs_that_cannot_be(mount, shared_cloud, key, value):
    """S245: a size, a path or a switch that cannot be is refused by the name of its key, and nothing is sent."""
    name = "bad-" + key
    no_submission(shared_cloud, lambda: refused(mount, name, job(batch={key: value})) == errno.EINVAL)
    assert "batch." + key in problems(mount, name)
    assert part(mount, name, "status") == "not submitted"


def test_fargate(mount, shared_cloud):
    """S246: on Fargate the definition is Fargate's; tmpfs is refused there with Metaflow's sentence, other pairs of
    cpu and memory with those that there are."""
    keys = {"queue": "q-fargate", "cpu": 1, "memory": 2048}
    for name, more in (("use", {"use_tmpfs": True}), ("size", {"tmpfs_size": 100})):
        text = job(batch=dict(keys, **more))
        no_submission(shared_cloud, lambda: refused(mount, "f-" + name, text) == errno.EINVAL)
        assert "tmpfs is not available for Fargate compute resources" in problems(mount, "f-" + name)
    assert refused(mount, "f-pair", job(batch=dict(keys, memory=100000))) == errno.EINVAL
    assert "memory" in problems(mount, "f-pair")
    for queue in ("q-fargate", "q-fargate-spot"):
        body = sent(shared_cloud, mount, queue, job(batch=dict(keys, queue=queue, ephemeral_storage=50)))
        definition = shared_cloud.definition_of(body)
        assert definition["platformCapabilities"] == ["FARGATE"]
        assert definition["containerProperties"]["executionRoleArn"] == batching.EXECUTION_ROLE
        assert requirements(body) == {"VCPU": "1", "MEMORY": "2048"}
    assert refused(mount, "no-fargate", job(batch={"ephemeral_storage": 50})) == errno.EINVAL
    assert "ephemeral_storage" in problems(mount, "no-fargate")


def test_definitions_are_used_again(batch_mounter, cloud):
    """S247: one definition serves all jobs of the same attributes, also those of other mounts."""
    text = job(batch={"shared_memory": 64, "image": "again:1", "log_driver": "awslogs",
                      "log_options": ["awslogs-group:mine"], "host_volumes": ["/scratch"], "privileged": True})
    first, second = batch_mounter(cloud), batch_mounter(cloud)
    save(first, "one", text)
    assert len(cloud.log().of("registerjobdefinition")) == 1
    calls = cloud.calls_of(lambda: save(first, "two", text))
    assert [c.op for c in calls if c.op != "describejobs"] == ["submitjob"], "asks what it knows"
    calls = cloud.calls_of(lambda: save(second, "three", text))
    assert not calls.of("registerjobdefinition") and len(calls.carried_out()) == 1
    assert len({j["jobDefinition"] for j in cloud.jobs.values()}) == 1
    container = container_of(cloud, calls.carried_out()[0].body)
    assert container["linuxParameters"]["sharedMemorySize"] == 64 and container["privileged"] is True
    assert container["logConfiguration"] == {"logDriver": "awslogs", "options": {"awslogs-group": "mine"}}


def test_a_definition_that_is_gone(batch_mounter, cloud, batch_moto):
    """S247: a known definition that was deregistered meanwhile is registered anew."""
    mount = batch_mounter(cloud)
    text = job(batch={"image": "gone:1"})
    save(mount, "one", text)
    arn = cloud.submission()["jobDefinition"]
    batch_moto.batch.deregister_job_definition(jobDefinition=arn)

    def rule(call):
        if call.op == "submitjob" and call.body["jobDefinition"] == arn:
            return {"answer": (400, "ClientException", "JobDefinition %s is not ACTIVE" % arn)}
        return None

    cloud.rule = rule
    save(mount, "two", text)
    assert len(cloud.submitted()) == 2 and cloud.submitted()[1].body["jobDefinition"] != arn


def test_code(batch_mounter, cloud, batch_root, batch_run, batch_s3, tmp_path):
    """S248: with `code` the container fetches and unpacks the run's package before the command, as Metaflow's own
    do: what was sent is run here."""
    mount = batch_mounter(cloud, root=batch_root, cwd=str(batch_root), args=["--no-cache"],
                          env=s3_env(batch_s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(batch_root),
                                     METAFLOW_BATCH_CONTAINER_IMAGE=None))
    script = "import os, hello_flow; print(hello_flow.HelloFlow.__name__, os.environ['WORD'], os.environ['A'])"
    save(mount, "coded", job(["python", "-c", script], code=batch_run,
                             environment={"vars": {"WORD": "it's \"q\" $HOME", "A": "{tempdir}"}}))
    body = cloud.submission()
    env = environment(body)
    flow, run = batch_run.split("/")
    package = json.loads(mount.read("%s/%s/.meta" % (flow, run)))["code"]
    assert env["METAFLOW_CODE_SHA"] in env["METAFLOW_CODE_URL"] and env["METAFLOW_CODE_DS"] == "s3"
    assert env["METAFLOW_CODE_URL"].startswith("s3://mf-test/metaflow/HelloFlow/data/"), package
    assert json.loads(env["METAFLOW_CODE_METADATA"])["archive_format"] == "tgz"
    assert body["parameters"] == {"metaflow.user": "tester", "metaflow.flow_name": flow, "metaflow.run_id": run}
    assert cloud.definition_of(body)["containerProperties"]["image"] == "python:3.11", "the run's Python"
    done = run_as_container(body, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "HelloFlow it's \"q\" $HOME ."
    for name, code in (("no-run", flow + "/1"), ("no-flow", "NoFlow/1"), ("shape", "HelloFlow")):
        no_submission(cloud, lambda: refused(mount, name, job(code=code)) == errno.EINVAL)
        assert "code" in problems(mount, name)


def test_exit_codes_come_through_the_bootstrap(batch_mounter, cloud, batch_root, batch_run, batch_s3, tmp_path):
    """S248: the container ends with the command's exit code."""
    mount = batch_mounter(cloud, root=batch_root, cwd=str(batch_root), args=["--no-cache"],
                          env=s3_env(batch_s3.url, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(batch_root)))
    save(mount, "ends", job("ls hello_flow.py && exit 7", code=batch_run))
    body = cloud.submission()
    done = run_as_container(body, tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (7, ["hello_flow.py"]), done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
def test_a_shells_own_echo_shows_what_has_to_be_asked_for(mount, shared_cloud, shell):
    """S323: what the configuration, the queue, `code` or `depends_on` have against a job file fails the write, too."""
    def echo(name, text):
        return subprocess.run([shell, "-c", "echo '%s' > %s/.batch/%s.json" % (text, mount.path, name)], text=True,
                              capture_output=True, timeout=60)

    late = {"tmpfs": ({"batch": {"queue": "q-fargate", "execution_role": "r", "use_tmpfs": True}}, "tmpfs"),
            "queue": ({"batch": {"queue": "q-none"}}, "q-none"), "code": ({"code": "NoFlow/1"}, "NoFlow"),
            "depends": ({"depends_on": ["never"]}, "never")}
    for what, (keys, word) in late.items():
        name, done = "%s-%s" % (shell, what), []
        no_submission(shared_cloud, lambda: done.append(echo(name, json.dumps(dict(keys, command=["x"])))))
        assert done[0].returncode != 0 and done[0].stderr, (what, done)
        assert word in problems(mount, name) and part(mount, name, "status") == "not submitted"
        assert "see .batch/%s/error" % name in mount.errors()
    done = echo(shell + "-ok", json.dumps({"command": ["x"]}))
    assert (done.returncode, done.stderr) == (0, "")
    assert part(mount, shell + "-ok", "id") in shared_cloud.jobs


def test_a_save_asks_once(batch_mounter, cloud):
    """S323: what the write asked of AWS is not asked again by the close; nothing is sent before the close."""
    mount = batch_mounter(cloud)
    with open(mount / ".batch/asks.json", "w") as file:
        file.write(job())
        file.flush()
        assert not cloud.log().of("submitjob", "registerjobdefinition"), cloud.log()
        assert part(mount, "asks", "status") == "not submitted"
    for op in ("describejobqueues", "describecomputeenvironments", "describejobdefinitions", "submitjob"):
        assert len([c for c in cloud.log().of(op) if op != "describejobqueues" or "jobQueues" in c.body]) == 1, op


def test_depends_on(mount, shared_cloud):
    """S249: `depends_on` takes names in `.batch` and job ids; a name that is none is refused."""
    for name in ("prepare", "fetch"):
        save(mount, name, job(["echo", name]))
    ids = [part(mount, n, "id") for n in ("prepare", "fetch")]
    body = sent(shared_cloud, mount, "after", job(depends_on=["prepare", ids[1]]))
    assert body["dependsOn"] == [{"jobId": i} for i in ids]
    no_submission(shared_cloud, lambda: refused(mount, "before", job(depends_on=["never"])) == errno.EINVAL)
    assert "depends_on" in problems(mount, "before") and "never" in problems(mount, "before")


def test_retry_and_timeout(mount, shared_cloud):
    """S250: `retry` is Batch's retry strategy, as Metaflow's Step Functions have it; `timeout` adds up its units."""
    body = sent(shared_cloud, mount, "retry", job(retry={"times": 1}, timeout={"minutes": 1, "seconds": 30}))
    assert body["retryStrategy"] == {"attempts": 2} and body["timeout"] == {"attemptDurationSeconds": 90}
    body = sent(shared_cloud, mount, "retry-default", job(retry={}))
    assert body["retryStrategy"] == {"attempts": 4} and body["timeout"] == {"attemptDurationSeconds": 432000}
    for keys in ({"retry": {"times": 5}}, {"retry": {"minutes_between_retries": 2}}, {"timeout": {"seconds": 59}}):
        assert refused(mount, "bad-retry", job(**keys)) == errno.EINVAL
        assert next(iter(keys)) in problems(mount, "bad-retry")


def test_tags(batch_mounter, cloud):
    """S251: tags of the file are always sent, Metaflow's own where METAFLOW_BATCH_EMIT_TAGS says so."""
    text = job(batch={"aws_batch_tags": {"team": "ml", "note": "a=b"}})
    save(batch_mounter(cloud), "plain", text)
    assert cloud.submission()["tags"] == {"team": "ml", "note": "a=b"}
    cloud.log(clear=True)
    save(batch_mounter(cloud, env={"METAFLOW_BATCH_EMIT_TAGS": "1"}), "emitted", text)
    tags = cloud.submission()["tags"]
    assert tags.pop("app") == "metaflow" and tags.pop("metaflow.user") == "tester"
    assert tags.items() >= {"team": "ml", "note": "a=b"}.items()


def test_everything_wrong_is_told_at_once(mount, shared_cloud):
    """S252: unknown keys, wrong types and impossible values are refused together, each by its name with what is
    accepted, and nothing is sent."""
    text = job(["x", 7], comand=["x"], batch={"cpus": 2, "memory": "lots", "gpu": -1, "swappiness": 101, "image": ""},
               resources={"cpu": 0}, environment={"vars": {"A B": 1}}, timeout={"days": 1}, retry={"times": "3"},
               name="no/name", depends_on="prepare", dry_run="yes", num_parallel=2)
    no_submission(shared_cloud, lambda: refused(mount, "wrong", text) == errno.EINVAL)
    told = problems(mount, "wrong")
    for key in ("comand", "command", "batch.cpus", "batch.memory", "batch.gpu", "batch.swappiness", "batch.image",
                "resources.cpu", "environment.vars", "timeout.days", "retry.times", "depends_on", "dry_run",
                "num_parallel"):
        assert any(key in line for line in told.splitlines()), (key, told)
    assert part(mount, "wrong", "status") == "not submitted"


def test_text_that_is_no_json(mount, shared_cloud):
    """S253: of text that is no JSON line and column are told."""
    assert refused(mount, "broken", '{\n  "command": ["a"],\n  "batch": {"cpu": 2,}\n}\n') == errno.EINVAL
    told = problems(mount, "broken")
    assert "line 3" in told and "column" in told, told
    assert refused(mount, "half", '{"command": ["a"], ') == errno.EINVAL
    save(mount, "half", job(["was", "whole"]))
    comes(mount, "half", "status", "RUNNABLE")


@pytest.mark.parametrize("name, text", [
    ("deep", '{"command": ' + "[" * 100000), ("long", '{"command": ["' + "a" * 300000 + '"]}'), ("nul", "\0" * 64),
    ("bytes", "\udcff\udcfe{}"), ("list", "[1, 2]"), ("null", "null"),
    ("twice", '{"command": ["a"], "command": ["b"]}'),
    ("many", '{"command": ["a"], "environment": {"vars": {%s}}}' % ", ".join('"V%d": "x"' % n for n in range(9000))),
    ("surrogate", '{"command": ["\\ud800"]}'), ("zero", '{"command": ["a\\u0000b"]}'),
    ("number", '{"command": ["a"], "batch": {"cpu": 1e999}}'),
    ("huge", '{"command": ["a"], "batch": {"memory": 1e30}}')])
def test_hostile_files(mount, shared_cloud, name, text):
    """S254: hostile text is refused with a cause, and nothing is sent."""
    def write():
        try:
            with open(mount / (".batch/%s.json" % name), "wb") as file:
                file.write(text.encode(errors="surrogateescape"))
        except OSError as error:
            assert error.errno in (errno.EINVAL, errno.EFBIG), error
        else:
            raise AssertionError("it was accepted")

    no_submission(shared_cloud, write)
    assert problems(mount, name)


def test_the_queue(batch_mounter, cloud):
    """S255: without a queue the first active one is taken, as Metaflow does; one that is none is refused with those
    that there are."""
    mount = batch_mounter(cloud, env={"METAFLOW_BATCH_JOB_QUEUE": None})
    save(mount, "anywhere", job())
    assert cloud.submission()["jobQueue"].endswith("q-ec2")
    assert refused(mount, "nowhere", job(batch={"queue": "q-none"})) == errno.EINVAL
    told = problems(mount, "nowhere")
    assert "q-none" in told and "q-spot" in told


def test_no_image_no_role(batch_mounter, cloud):
    """S256: without an image or a role the variables that would give them are named, before anything is sent."""
    mount = batch_mounter(cloud, env={"METAFLOW_BATCH_CONTAINER_IMAGE": None, "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": None})
    no_submission(cloud, lambda: refused(mount, "bare", job()) == errno.EINVAL)
    told = problems(mount, "bare")
    assert "METAFLOW_BATCH_CONTAINER_IMAGE" in told and "METAFLOW_ECS_S3_ACCESS_IAM_ROLE" in told


def test_dry_runs(batch_mounter, cloud):
    """S257: a dry run, of the file or of the mount, shows the request and sends nothing."""
    text = job(["a", "{tempdir}"], batch={"use_tmpfs": True, "image": "dry:1"})
    mounts = [(batch_mounter(cloud), dict(json.loads(text), dry_run=True)),
              (batch_mounter(cloud, args=["--batch-dry-run"]), json.loads(text))]
    for mount, whole in mounts:
        save(mount, "dry", json.dumps(whole))
        request = json.loads(part(mount, "dry", "request"))
        assert request["submission"]["containerOverrides"]["command"] == ["a", "/metaflow_temp"]
        assert request["definition"]["containerProperties"]["image"] == "dry:1"
        assert "dry run" in part(mount, "dry", "status")
    assert not cloud.log().of("submitjob", "registerjobdefinition"), cloud.log()
    save(mounts[0][0], "dry", text)
    assert len(cloud.submitted()) == 1, "a dry run stands in the way of the real one"


def test_the_names_of_jobs(mount, shared_cloud):
    """S258: a job's name is what Batch takes, whatever the file is called."""
    for name in ("plain", "a b", "ümlaut", "x" * 200, "tom's"):
        body = sent(shared_cloud, mount, name, job(["echo", "n"]))
        assert part(mount, name, "id") in shared_cloud.jobs and len(body["jobName"]) <= 128
        assert all(c.isascii() and (c.isalnum() or c in "_-") for c in body["jobName"]), body["jobName"]
    body = sent(shared_cloud, mount, "named", job(name="other"))
    assert body["jobName"].startswith("tester-other-")
    twin = sent(shared_cloud, mount, "named-too", job(name="other"))
    assert twin["jobName"] != body["jobName"] and twin["jobName"].startswith("tester-other-")
