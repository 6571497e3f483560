"""S3 for the tests: versitygw over a directory, moto's STS, IAM and S3, and the fakes of places where a machine finds
its credentials. Each runs until its owner stops it. s3faults.py is the proxy between them and a mount."""

import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

import make
from servicing import PYTHON, Double, Toxiproxy, free_port, wait_for_port

MANY = 200  # tasks of the run "many"
BUCKET = "mf-test"
ROOT = "s3://mf-test/metaflow"
ACCESS, SECRET = "TESTACCESSKEY7Q", "test/secret+that/must=never-show"
SECOND_ACCESS, SECOND_SECRET = "SECONDACCESSKEY", "second/secret+that/must=never-show"
BIN = pathlib.Path(PYTHON).parent


def s3_env(url, access=ACCESS, secret=SECRET, root=ROOT, **more):
    """What makes metaflowfs and Metaflow keep artifacts at `root` of the S3 at `url`. None takes a variable away."""
    return dict({"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_DATASTORE_SYSROOT_S3": root,
                 "METAFLOW_S3_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret,
                 "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}, **more)


def boto(service, url, access=ACCESS, secret=SECRET, token=None, region="us-east-1"):
    import boto3
    from botocore.config import Config

    return boto3.client(service, endpoint_url=url, aws_access_key_id=access, aws_secret_access_key=secret,
                        aws_session_token=token, region_name=region,
                        config=Config(signature_version="s3v4", s3={"addressing_style": "path"},
                                      retries={"max_attempts": 2}))


class Server:
    """A process that listens on a port of its own."""

    def __init__(self, argv, what, **more):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, **more)
        wait_for_port(self.port, self.process, what)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Versity(Server):
    """versitygw over folder/objects. Users live in folder/users: the root user and those that add_user makes."""

    def __init__(self, folder, region="us-east-1"):
        self.folder = pathlib.Path(folder)
        self.objects, users = self.folder / "objects", self.folder / "users"
        for path in (self.objects, users):
            path.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        env = dict(os.environ, ROOT_ACCESS_KEY_ID=ACCESS, ROOT_SECRET_ACCESS_KEY=SECRET)
        super().__init__([str(BIN / "versitygw"), "--port", "127.0.0.1:%d" % self.port, "--keep-alive", "--quiet",
                          "--region", region, "--iam-dir", str(users), "--iam-cache-disable",
                          "posix", str(self.objects)], "versitygw", env=env, cwd=self.folder)
        self.client = boto("s3", self.url, region=region)
        with contextlib.suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=BUCKET)

    def admin(self, *args):
        done = subprocess.run([str(BIN / "versitygw"), "admin", "--access", ACCESS, "--secret", SECRET,
                               "--endpoint-url", self.url, *args], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def add_user(self, access, secret):
        self.admin("create-user", "--access", access, "--secret", secret, "--role", "admin")

    def delete_user(self, access):
        self.admin("delete-user", "--access", access)

    def path_of(self, key, bucket=BUCKET):
        """The file that holds an object."""
        return self.objects / bucket / key


class Moto(Server):
    """moto's server: STS and IAM, and an S3 that asks for their signatures once `demand()` was called."""

    def __init__(self):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        super().__init__([PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], "moto")
        self.client = boto("s3", self.url)

    def demand(self, free_requests=0):
        """From now on requests must be signed by someone who may, after so many more that need not be."""
        request = urllib.request.Request(self.url + "/moto-api/reset-auth", data=str(free_requests).encode(),
                                         headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=10).read()

    def role(self, name):
        """A role that may read every bucket; its ARN."""
        iam = boto("iam", self.url)
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
                                                         "Action": "sts:AssumeRole"}]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(allow("s3:*")))
        return arn

    def user(self, name):
        """(access key, secret) of a user who may assume roles and nothing else."""
        iam = boto("iam", self.url)
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=json.dumps(allow("sts:*")))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]


def allow(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def copy_bucket(source, target, prefix, bucket=BUCKET, target_bucket=BUCKET):
    """Copies the objects below a prefix from one boto client's bucket to another's, with their user metadata."""
    with contextlib.suppress(target.exceptions.BucketAlreadyOwnedByYou):
        target.create_bucket(Bucket=target_bucket)
    for page in source.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            whole = source.get_object(Bucket=bucket, Key=entry["Key"])
            target.put_object(Bucket=target_bucket, Key=entry["Key"], Body=whole["Body"].read(),
                              Metadata=whole["Metadata"])


class Toxi(Toxiproxy):
    """toxiproxy in front of an S3: what is slow, cut or away between a mount and it."""

    def link(self, latency=15, rate=None):
        """A link with a latency (ms, each way) and a rate (KB/s) that each connection has for itself."""
        for stream in ("upstream", "downstream"):
            self.add("latency", stream=stream, latency=latency)
        if rate is not None:
            self.add("bandwidth", rate=rate)


class Metadata:
    """A machine's own place of credentials: the ECS agent's endpoint and IMDSv2. `keys` is what both hand out;
    `requests` has (method, path) of what was asked."""

    def __init__(self, access=ACCESS, secret=SECRET, token=None, lasts=3600.0):
        self.access, self.secret, self.token, self.lasts = access, secret, token, lasts
        self.requests, self.token_wanted = [], "Bearer ecs-token-that-must-never-show"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self, status, text):
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                outer.requests.append(("PUT", self.path))
                self.answer(200, "imds-token-that-must-never-show")

            def do_GET(self):
                outer.requests.append(("GET", self.path))
                roles = "/latest/meta-data/iam/security-credentials/"
                if self.path == "/ecs":
                    good = self.headers.get("Authorization") == outer.token_wanted
                    self.answer(200 if good else 403, outer.document() if good else "{}")
                elif self.headers.get("X-aws-ec2-metadata-token") != "imds-token-that-must-never-show":
                    self.answer(401, "")
                elif self.path == roles:
                    self.answer(200, "role-of-tests")
                elif self.path == roles + "role-of-tests":
                    self.answer(200, outer.document())
                else:
                    self.answer(404, "")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self):
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lasts))
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": self.access,
                           "SecretAccessKey": self.secret, "Token": self.token or "", "Expiration": ends})

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def credential_process(folder, access=ACCESS, secret=SECRET):
    """A program for `credential_process` that hands out those keys with the session token that folder/token holds,
    if it is there, good for folder/lasts seconds (3,600 when there is no such file), and counts its calls in
    folder/calls; its command. Both files are read at each call."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "keys.py"
    script.write_text("""import json, pathlib, time
folder = pathlib.Path(__file__).parent
with open(folder / "calls", "a") as calls:
    calls.write(".")
lasts = float((folder / "lasts").read_text()) if (folder / "lasts").exists() else 3600
ends = time.strftime("%%Y-%%m-%%dT%%H:%%M:%%SZ", time.gmtime(time.time() + lasts))
token = (folder / "token").read_text() if (folder / "token").exists() else ""
print(json.dumps(dict({"Version": 1, "AccessKeyId": %r, "SecretAccessKey": %r, "Expiration": ends},
                      **({"SessionToken": token} if token else {}))))
""" % (access, secret))
    return "%s %s" % (sys.executable, script)


def aws_files(folder, config="", credentials=""):
    """The environment that makes these two texts AWS's shared files, and nothing else a source of keys."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(config)
    (folder / "credentials").write_text(credentials)
    os.chmod(folder / "credentials", 0o600)
    return {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def make_s3_data(out):
    """Runs flows with their artifacts in S3 once: out/s3/server is what the S3 holds, out/s3/root their local metadata,
    out/s3/rows.json what a metadata service knows of "service", the one run that was made against one; returns
    {label: pathspec}."""
    out = pathlib.Path(out).resolve() / "s3"
    return make.once(out, ("server", "root"), lambda: _s3_data(out))


def _s3_data(out):
    root = out / "root"
    (root / ".metaflow").mkdir(parents=True, exist_ok=True)
    server, double = Versity(out / "server"), Double()
    runs = {}

    def run(label, file, *args, **env):
        runs[label] = make.run_flow(root, file, *args, **dict(s3_env(server.url), METAFLOW_S3_WORKER_COUNT="2", **env))

    def many():
        done = subprocess.run([PYTHON, str(pathlib.Path(make.HERE) / "many.py"), str(MANY)], cwd=root, text=True,
                              env=make.metaflow_env(root, **s3_env(server.url)), capture_output=True)
        assert done.returncode == 0, done.stderr
        runs["many"] = done.stdout.split()[-1]

    def first():
        run("values", "values")
        run("hello", "hello")
        run("params", "params")

    def second():
        run("s3", "s3")
        run("card", "card")
        old_card(server, runs["card"])
        run("service", "hello", **double.open().env())
        double.do("dump", path=str(out / "rows.json"))

    def third():
        many()
        run("retry", "retry")

    try:
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for job in [pool.submit(j) for j in (first, second, third)]:
                job.result()
    finally:
        server.stop()
        double.stop()
    return runs


def old_card(server, run):
    """Gives the run's first task of `end` a card in the layout that was used before June 2022: one of `start`'s."""
    flow, number = run.split("/")
    have = "metaflow/mf.cards/%s/runs/%s/steps/start/tasks/" % (flow, number)
    tasks = server.client.list_objects_v2(Bucket=BUCKET, Prefix=have)["Contents"]
    card = next(o["Key"] for o in tasks if o["Key"].endswith(".html"))
    ends = server.client.list_objects_v2(Bucket=BUCKET, Prefix="metaflow/%s/end/" % run, Delimiter="/")
    task = ends["CommonPrefixes"][0]["Prefix"].rstrip("/").split("/")[-1]
    key = "metaflow/mf.cards/%s/runs/%s/tasks/%s/cards/%s" % (flow, number, task, card.split("/")[-1])
    server.client.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": card})
