"""The rows of S3: a 64 MiB array, a 1 GiB object and 2,000 small artifacts, read cold through a mount and, in turns, by
what else reads S3: over loopback as it is, and over a link of 30 ms with 90 MB/s a connection (toxiproxy).
BENCH_S3_MIB is the large object's size, BENCH_S3_TASKS how many small ones there are, BENCH_ROUNDS how often.
BENCH_S3_PARTS (of loopback, link, small; all by default) picks some. What is not installed is left out, and said:
s5cmd, rclone, s3fs, mount-s3, igzip."""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import make
import s3ing
from mounting import Mount, is_mounted

MIB = int(os.environ.get("BENCH_S3_MIB", "1024"))
TASKS = int(os.environ.get("BENCH_S3_TASKS", "2000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
PARTS = os.environ.get("BENCH_S3_PARTS", "loopback,link,small").split(",")
NULL = subprocess.DEVNULL
NO_AHEAD = ["--fetch-ahead", "0"]
SEEN = itertools.count()

CLIENT = """
import sys
from metaflow import Task, namespace
namespace(None)
path, name = sys.argv[1].rsplit("/", 1)
print(len(Task(path)[name].data))
"""
DATATOOLS = """
import sys
from metaflow import S3
with S3(s3root=sys.argv[1], tmproot=sys.argv[2]) as s3:
    print(s3.get(sys.argv[3]).size)
"""
DATATOOLS_MANY = """
import sys
from metaflow import S3
with S3(s3root=sys.argv[1], tmproot=sys.argv[2]) as s3:
    print(sum(o.size for o in s3.get_many(open(sys.argv[3]).read().split())))
"""


class World:
    """An S3 on tmpfs with the runs, and a slow link to it."""

    def __init__(self, work):
        self.work, self.root = work, work / "root"
        (self.root / ".metaflow").mkdir(parents=True)
        self.server = s3ing.Versity(work / "server")
        self.link = s3ing.Toxi(self.server.port)
        self.link.link(latency=15, rate=90_000)
        self.env = s3ing.s3_env(self.server.url)

    def make(self):
        begin = time.perf_counter()
        if set(PARTS) & {"loopback", "link"}:
            run = make.run_flow(self.root, "s3", **self.env, S3_FLOW_BLOB=str(MIB), METAFLOW_S3_WORKER_COUNT="2")
            self.task = run + "/start/1"
            data = json.loads(self.server.path_of("metaflow/%s/0.data.json" % self.task).read_text())
            self.keys = {n: self.key("S3Flow", sha) for n, sha in data["objects"].items()}
            self.sizes = {n: self.server.path_of(k).stat().st_size for n, k in self.keys.items()}
        if "small" in PARTS:
            done = subprocess.run([sys.executable, str(pathlib.Path(make.HERE) / "many.py"), str(TASKS)], text=True,
                                  cwd=self.root, env=make.metaflow_env(self.root, **self.env), capture_output=True,
                                  check=True)
            self.many = done.stdout.split()[-1]
            work = self.server.path_of("metaflow/%s/work" % self.many)
            self.small = [self.key("ManyFlow", json.loads((t / "0.data.json").read_text())["objects"]["x"])
                          for t in work.iterdir()]
        print("data: %.0f s" % (time.perf_counter() - begin), flush=True)

    @staticmethod
    def key(flow, sha):
        return "metaflow/%s/data/%s/%s" % (flow, sha[:2], sha)

    def folder(self):
        folder = self.work / ("f%d" % next(SEEN))
        folder.mkdir()
        return folder

    def url(self, slow):
        return self.link.url if slow else self.server.url

    def presigned(self, key, slow):
        return s3ing.boto("s3", self.url(slow)).generate_presigned_url(
            "get_object", Params={"Bucket": s3ing.BUCKET, "Key": key}, ExpiresIn=3600)

    def stop(self):
        self.link.stop()
        self.server.stop()


def seconds(*argv, **more):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=NULL, stderr=NULL, **more)
    return time.perf_counter() - begin


@contextlib.contextmanager
def ours(world, slow, args=()):
    """A fresh mount with nothing kept."""
    mount = Mount(world.root, world.folder(), cwd=str(world.root), args=["--no-cache", *args],
                  env=s3ing.s3_env(world.url(slow), METAFLOW_DATASTORE_SYSROOT_LOCAL=str(world.root)))
    mount.start()
    try:
        yield mount
    finally:
        for problem in mount.finish():
            print(problem)
        shutil.rmtree(mount.workdir)


def through_the_mount(world, name, slow):
    with ours(world, slow) as mount:
        os.stat(mount / world.task / name)
        return seconds("cat", str(mount / world.task / name))


def python(world, slow, code, *args):
    folder = world.folder()
    env = make.metaflow_env(world.root, **s3ing.s3_env(world.url(slow)), METAFLOW_CLIENT_CACHE_PATH=str(folder))
    took = seconds(sys.executable, "-c", code, *(str(folder) if a is ... else a for a in args), env=env,
                   cwd=world.root)
    shutil.rmtree(folder)
    return took


def client(world, name, slow):
    return python(world, slow, CLIENT, world.task + "/" + name)


def datatools(world, name, slow):
    return python(world, slow, DATATOOLS, "s3://" + s3ing.BUCKET, ..., world.keys[name])


def s5cmd_env():
    return dict(os.environ, AWS_ACCESS_KEY_ID=s3ing.ACCESS, AWS_SECRET_ACCESS_KEY=s3ing.SECRET, AWS_REGION="us-east-1")


def s5cmd(world, name, slow, setting=()):
    target = world.work / "s5cmd-out"
    took = seconds(shutil.which("s5cmd"), "--endpoint-url", world.url(slow), "cp", *setting,
                   "s3://%s/%s" % (s3ing.BUCKET, world.keys[name]), str(target), env=s5cmd_env())
    target.unlink()
    return took


def best_s5cmd(world, name, slow):
    """The arguments of `s5cmd cp` that are fastest for this object."""
    settings = [("--concurrency", str(c), "--part-size", str(p)) for c in (5, 16, 32) for p in (8, 16, 50)]
    return min(settings, key=lambda s: min(s5cmd(world, name, slow, s) for _ in range(2)))


@contextlib.contextmanager
def plain_mount(world, tool, slow):
    """A mount of the bucket by another program; its mountpoint."""
    folder = world.folder()
    point, env = folder / "mnt", s5cmd_env()
    point.mkdir()
    (folder / "keys").write_text("%s:%s\n" % (s3ing.ACCESS, s3ing.SECRET))
    (folder / "keys").chmod(0o600)
    (folder / "rclone.conf").write_text(
        "[s]\ntype = s3\nprovider = Other\nendpoint = %s\naccess_key_id = %s\nsecret_access_key = %s\n" % (
            world.url(slow), s3ing.ACCESS, s3ing.SECRET))
    argv = {
        "rclone": ["rclone", "--config", str(folder / "rclone.conf"), "mount", "s:" + s3ing.BUCKET, str(point)],
        "s3fs": ["s3fs", s3ing.BUCKET, str(point), "-f", "-o", "url=%s,use_path_request_style,passwd_file=%s" % (
            world.url(slow), folder / "keys")],
        "mount-s3": ["mount-s3", s3ing.BUCKET, str(point), "--foreground", "--endpoint-url", world.url(slow),
                     "--force-path-style"],
    }[tool]
    process = subprocess.Popen(argv, stdout=NULL, stderr=NULL, env=env)
    try:
        make.wait_for(lambda: is_mounted(point) or process.poll() is not None, tool)
        yield point
    finally:
        subprocess.run(["fusermount3", "-u", str(point)], stderr=NULL)
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def by_plain_mount(world, name, slow, tool):
    with plain_mount(world, tool, slow) as point:
        return seconds("cat", str(point / world.keys[name]))


def curl_ranges(world, name, slow, parts=16):
    """So many curls at once, each with its part of the object."""
    size, url = world.sizes[name], world.presigned(world.keys[name], slow)
    step = -(-size // parts)
    jobs = "".join("%d-%d\n" % (a, min(a + step, size) - 1) for a in range(0, size, step))
    begin = time.perf_counter()
    subprocess.run(["xargs", "-P", str(parts), "-I", "{}", "curl", "-sf", "-o", "/dev/null", "-r", "{}", url],
                   input=jobs, text=True, check=True)
    return time.perf_counter() - begin


def curl_igzip(world, name, slow):
    """One connection and inflating, without a check: what one core can do at most."""
    return seconds("bash", "-c", "set -o pipefail; curl -sf '%s' | igzip -dc" % world.presigned(world.keys[name], slow))


def in_turns(report, label, rounds, mine, theirs, budget):
    try:
        pairs = [(mine(), theirs()) for _ in range(rounds)]
    except (subprocess.CalledProcessError, TimeoutError) as error:
        print("%s: failed: %.200s" % (label, error), flush=True)
        return
    report(label, [a for a, _ in pairs], [b for _, b in pairs], "s", budget)


def peers(world, name, slow, large):
    """[(label, function, rounds, budget)] of what there is."""
    rows, faster = [], "1 (faster)" if slow else "-"
    if shutil.which("igzip") and not slow:
        rows.append(("curl | igzip -dc", lambda: curl_igzip(world, name, slow), ROUNDS,
                     "-" if large else "0.87 (1.15 x its time)"))
    rows.append(("16 x curl -r, not inflated", lambda: curl_ranges(world, name, slow), ROUNDS, "-"))
    rows.append(("Metaflow's client", lambda: client(world, name, slow), min(ROUNDS, 3), faster))
    rows.append(("metaflow.S3", lambda: datatools(world, name, slow), min(ROUNDS, 3), faster))
    if shutil.which("s5cmd"):
        rows.append(("s5cmd cp", lambda: s5cmd(world, name, slow), ROUNDS, faster))
        if large and slow:
            best = best_s5cmd(world, name, slow)
            rows.append(("s5cmd cp " + " ".join(best), lambda: s5cmd(world, name, slow, best), ROUNDS,
                         "0.91 (1.1 x its time)"))
    for tool in ("rclone", "s3fs", "mount-s3"):
        if shutil.which(tool):
            rows.append((tool + " mount, not inflated", lambda tool=tool: by_plain_mount(world, name, slow, tool),
                         min(ROUNDS, 3), faster))
        else:
            print("%s is not installed: left out" % tool)
    return rows


def objects(world, report, slow):
    where = "30 ms, 90 MB/s a connection" if slow else "loopback"
    for name, what in (("array", "64 MiB array"), ("blob", "%d MiB bytes" % MIB)):
        print("%s, %s; beside:" % (what, where))
        for label, theirs, rounds, budget in peers(world, name, slow, name == "blob"):
            in_turns(report, "  " + label + " (s)", rounds, lambda: through_the_mount(world, name, slow), theirs,
                     budget)


def cat_small(world, args=()):
    with ours(world, True, args) as mount:
        step = str(mount / world.many / "work")
        return seconds("sh", "-c", "cat %s/*/x" % step)


def small_by_datatools(world):
    listed = world.work / "keys"
    listed.write_text("\n".join(world.small))
    return python(world, True, DATATOOLS_MANY, "s3://" + s3ing.BUCKET, ..., str(listed))


def small_by_s5cmd(world):
    target, commands = world.folder(), world.work / "commands"
    commands.write_text("".join("cp s3://%s/%s %s/%d\n" % (s3ing.BUCKET, k, target, n)
                                for n, k in enumerate(world.small)))
    took = seconds(shutil.which("s5cmd"), "--endpoint-url", world.link.url, "run", str(commands), env=s5cmd_env())
    shutil.rmtree(target)
    return took


def small_by_plain_mount(world, tool, some):
    """As many times as long as `some` of the objects take."""
    with plain_mount(world, tool, True) as point:
        return seconds("cat", *(str(point / k) for k in world.small[:some])) * TASKS / some


def small(world, report):
    print("%d small artifacts, `cat */x`, 30 ms, 90 MB/s a connection; beside:" % TASKS)
    in_turns(report, "  metaflow.S3.get_many (s)", min(ROUNDS, 3), lambda: cat_small(world),
             lambda: small_by_datatools(world), "1 (as fast)")
    if shutil.which("s5cmd"):
        in_turns(report, "  s5cmd run, a cp each (s)", ROUNDS, lambda: cat_small(world), lambda: small_by_s5cmd(world),
                 "1 (as fast)")
    in_turns(report, "  the same, nothing fetched ahead (s)", 1, lambda: cat_small(world),
             lambda: cat_small(world, NO_AHEAD), "50")
    for tool in ("rclone", "s3fs", "mount-s3"):
        if shutil.which(tool):
            in_turns(report, "  %s mount (s; 50 of them, scaled)" % tool, 1, lambda: cat_small(world),
                     lambda tool=tool: small_by_plain_mount(world, tool, min(50, TASKS)), "50")


def run(work, report):
    os.environ["PATH"] = str(s3ing.BIN) + os.pathsep + os.environ["PATH"]
    world = World(work)
    try:
        world.make()
        if "loopback" in PARTS:
            objects(world, report, slow=False)
        if "link" in PARTS:
            objects(world, report, slow=True)
        if "small" in PARTS:
            small(world, report)
    finally:
        world.stop()
