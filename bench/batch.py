"""The rows of AWS Batch: from a job file's close to an accepted SubmitJob, in turns with Metaflow's own ways to submit,
and the requests that many live jobs cost. Batch is moto behind the recording proxy of the tests.
BENCH_ROUNDS is how often, BENCH_BATCH_JOBS how many jobs live, BENCH_BATCH_SECONDS how long each minute is."""

import os
import pathlib
import subprocess
import sys
import time

import batching
import make
import s3ing
from mounting import Mount

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
JOBS = int(os.environ.get("BENCH_BATCH_JOBS", "1000"))
MINUTE = int(os.environ.get("BENCH_BATCH_SECONDS", "60"))
NULL = subprocess.DEVNULL
PACKAGE = ("{}", "0" * 40, "s3://mf-test/metaflow/HelloFlow/data/00/" + "0" * 40)
TASK = {"run_id": "7", "task_id": "1", "retry_count": "0"}

# The classes of `batch step` without its command line: what it costs when the Python that does it is there already.
IN_PROCESS = """
import sys, time
from metaflow.plugins.aws.batch.batch import Batch
from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
from metaflow.metaflow_environment import MetaflowEnvironment
attrs = {"metaflow.flow_name": "HelloFlow", "metaflow.run_id": "7", "metaflow.step_name": "start",
         "metaflow.task_id": "1", "metaflow.retry_count": "0", "metaflow.user": "tester", "metaflow.version": "2"}
spec = {"flow_name": "HelloFlow", "step_name": "start", "run_id": "7", "task_id": "1", "retry_count": "0"}
print("ready", flush=True)
for line in sys.stdin:
    batch = Batch(LocalMetadataProvider, MetaflowEnvironment(None))
    job = batch.create_job("start", "python step", spec, "{}", "0" * 40, "s3://b/k", "s3", "python:3.11", "q-ec2",
                           iam_role=ROLE, cpu="1", gpu="0", memory="4096", run_time_limit=432000, attrs=attrs,
                           tmpfs_path="/metaflow_temp", tmpfs_tempdir=True, efa=0)
    job.execute()
    print("done", flush=True)
""".replace("ROLE", repr(batching.ROLE))


class World:
    def __init__(self, work):
        self.root = work / "batch"
        (self.root / ".metaflow").mkdir(parents=True)
        self.server, self.moto = s3ing.Versity(work / "batch-s3"), batching.BatchMoto()
        self.cloud = batching.Cloud(self.moto, checks=False)
        self.env = dict(s3ing.s3_env(self.server.url), **batching.batch_env(self.cloud.url))
        self.mounts = 0

    def mount(self, cloud=None):
        self.mounts += 1
        folder = self.root / ("m%d" % self.mounts)
        folder.mkdir()
        env = dict(self.env, XDG_STATE_HOME=str(folder / "state"), **(batching.batch_env(cloud.url) if cloud else {}))
        mount = Mount(self.root, folder, env=env, args=["--no-cache"])
        mount.start()
        return mount

    def accepted(self, begin):
        """Seconds from `begin` until SubmitJob was answered; waits for it."""
        make.wait_for(lambda: [c for c in self.cloud.submitted() if c.answered], "SubmitJob")
        return self.cloud.log(clear=True).carried_out()[0].answered - begin

    def stop(self):
        self.cloud.stop()
        self.moto.stop()
        self.server.stop()


def ours(world, mount, name):
    """From the writer's first call to a close that says the job was accepted."""
    text = batching.job(["python", "train.py"])
    begin = time.monotonic()
    batching.save(mount, name, text)
    took = time.monotonic() - begin
    assert len(world.cloud.log(clear=True).carried_out()) == 1
    return took


def step_argv():
    flow = pathlib.Path(make.FLOWS) / "hello_flow.py"
    options = {"run-id": "7", "task-id": "1", "input-paths": "7/_parameters/0", "cpu": "1", "gpu": "0",
               "memory": "4096", "image": batching.IMAGE, "queue": "q-ec2", "iam-role": batching.ROLE,
               "tmpfs-path": "/metaflow_temp"}
    return [sys.executable, str(flow), "--quiet", "--no-pylint", "--datastore", "s3", "batch", "step", "start",
            *PACKAGE, *[w for k, v in options.items() for w in ("--" + k, v)]]


def step_process(world):
    return subprocess.Popen(step_argv(), cwd=world.root, env=make.metaflow_env(world.root, **world.env), stdin=NULL,
                            stdout=NULL, stderr=NULL, start_new_session=True)


def by_step(world):
    """Metaflow's process for one task, from its start to the accepted SubmitJob."""
    begin = time.monotonic()
    process = step_process(world)
    took = world.accepted(begin)
    process.kill()
    process.wait()
    return took


class InProcess:
    """Metaflow's classes in a Python that is there already."""

    def __init__(self, world):
        self.world = world
        self.process = subprocess.Popen([sys.executable, "-c", IN_PROCESS], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, cwd=world.root, stderr=NULL,
                                        env=make.metaflow_env(world.root, **world.env))
        assert self.process.stdout.readline() == "ready\n"

    def submit(self):
        begin = time.monotonic()
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        took = self.world.accepted(begin)
        assert self.process.stdout.readline() == "done\n"
        self.world.cloud.log(clear=True)
        return took

    def stop(self):
        self.process.kill()
        self.process.wait()


def submissions(world, report):
    mount, metaflow = world.mount(), InProcess(world)
    ours(world, mount, "first")
    metaflow.submit()
    rows = {"Metaflow's `batch step` (s)": by_step, "the same, its Python started (s)": lambda _: metaflow.submit()}
    for n, (label, theirs) in enumerate(rows.items()):
        pairs = [(ours(world, mount, "job-%d-%d" % (n, i)), theirs(world)) for i in range(ROUNDS)]
        report("close to accepted; " + label, [a for a, _ in pairs], [b for _, b in pairs], "s", "-")
    assert not mount.finish()
    firsts = []
    for _ in range(ROUNDS):
        mount = world.mount()
        firsts.append((ours(world, mount, "first"), by_step(world)))
        mount.finish()
    report("a mount's first; Metaflow's `batch step` (s)", [a for a, _ in firsts], [b for _, b in firsts], "s", "-")
    metaflow.stop()


def requests(world):
    """Calls of a minute with many live jobs: while somebody looks, and with nothing changing for a while."""
    cloud = batching.Cloud(world.moto, checks=False)
    for n in range(JOBS):
        cloud.metaflow_job("HelloFlow/7/start/%d" % n, age_s=n)
    mount = world.mount(cloud)
    for what in ("the first", "the second", "the third"):
        cloud.log(clear=True)
        end = time.monotonic() + MINUTE
        while time.monotonic() < end:
            subprocess.run(["ls", "-l", str(mount / ".batch")], stdout=NULL, check=True)
            time.sleep(5)
        calls = cloud.log()
        print("%-46s %10d calls (%d DescribeJobs, %d ListJobs)" % (
            "%d live jobs, watched: %s %d s" % (JOBS, what, MINUTE), len(calls), len(calls.of("describejobs")),
            len(calls.of("listjobs"))), flush=True)
    mount.finish()
    cloud.stop()


def metaflow_requests(world, seconds=20):
    world.cloud.log(clear=True)
    world.cloud.new = "RUNNING"
    process = step_process(world)
    try:
        make.wait_for(lambda: world.cloud.submitted(), "SubmitJob")
        world.cloud.log(clear=True)
        time.sleep(seconds)
        calls = world.cloud.log().of("describejobs")
    finally:
        process.kill()
        process.wait()
        world.cloud.new = "RUNNABLE"
    print("%-46s %10.1f calls a minute, one job; %.0f for %d" % (
        "Metaflow's `batch step`, a running job", len(calls) * 60 / seconds, len(calls) * 60 / seconds * JOBS, JOBS),
        flush=True)


def run(work, report):
    world = World(work)
    try:
        submissions(world, report)
        metaflow_requests(world)
        requests(world)
    finally:
        world.stop()
