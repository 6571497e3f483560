"""What Metaflow itself sends to AWS Batch for given decorators.

Run as a program it reads a case a line and answers a line: {"register": ..., "submit": ..., "preimage": ...} with the
bodies that its own code sent over HTTP, or {"error": "..."}. A case is {"batch": {...}, "resources": {...} or null,
"environment": {...} or null, "timeout": {...} or null, "platform": "EC2"}. Metaflow's configuration is the
environment's. Everything from the decorators' hooks over the options of `batch step` to boto3 is Metaflow's; only
waiting for the job, and the datastore, are left out.
"""

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading

# The code package of every case.
CODE = {"metadata": '{"version": 0, "archive_format": "tgz", "mfcontent_version": 1}', "sha": "5e" + "ab" * 19,
        "url": "s3://mfbucket/metaflow/OracleFlow/data/5e/5e" + "ab" * 19, "ds": "s3"}
FLOW, RUN = "OracleFlow", "1700"
QUEUES = {"EC2": "ec2-queue", "SPOT": "spot-queue", "FARGATE": "fargate-queue", "FARGATE_SPOT": "fargate-spot-queue"}


class Oracle:
    """The program in a process of its own, with a configuration."""

    def __init__(self, config, python=sys.executable):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "AWS_"))}
        env.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_DEFAULT_REGION="us-east-1",
                   AWS_EC2_METADATA_DISABLED="true", METAFLOW_HOME="/nonexistent", PYTHONIOENCODING="utf-8", **config)
        self.process = subprocess.Popen([python, __file__], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8", cwd="/")

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the oracle ended with %s" % self.process.wait()
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


class Recorder(http.server.BaseHTTPRequestHandler):
    """AWS Batch as far as a submission asks it; keeps the bodies that change something."""

    platform, bodies = "EC2", {}
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = self.path.rsplit("/", 1)[1]
        answer = {
            "describejobqueues": {"jobQueues": [{
                "jobQueueName": "q", "jobQueueArn": "q", "state": "ENABLED", "status": "VALID", "priority": 1,
                "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "ce"}]}]},
            "describecomputeenvironments": {"computeEnvironments": [{
                "computeEnvironmentName": "ce", "computeEnvironmentArn": "ce",
                "computeResources": {"type": Recorder.platform, "maxvCpus": 1, "subnets": []}}]},
            "describejobdefinitions": {"jobDefinitions": []},
            "registerjobdefinition": {"jobDefinitionName": body.get("jobDefinitionName", ""), "revision": 1,
                                      "jobDefinitionArn": "arn:" + body.get("jobDefinitionName", "")},
            "submitjob": {"jobId": "id", "jobName": body.get("jobName", "")},
        }[call]
        Recorder.bodies[call] = body
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


class Something:
    """An object with the attributes that are given."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def decorators(case):
    """The step's decorators, after the hooks that run before a task is started."""
    from metaflow.plugins.aws.batch.batch_decorator import BatchDecorator
    from metaflow.plugins.environment_decorator import EnvironmentDecorator
    from metaflow.plugins.resources_decorator import ResourcesDecorator
    from metaflow.plugins.timeout_decorator import TimeoutDecorator

    batch = dict(case["batch"])
    batch.setdefault("queue", QUEUES[case["platform"]])
    given = [(BatchDecorator, batch), (ResourcesDecorator, case.get("resources")),
             (EnvironmentDecorator, case.get("environment")), (TimeoutDecorator, case.get("timeout"))]
    decos = [cls(attributes=attributes) for cls, attributes in given if attributes is not None]
    for deco in decos:
        deco.external_init()
    for deco in decos:
        deco.step_init(None, None, "start", decos, None, Something(TYPE="s3"), None)
    return decos


def options(decos):
    """The command line `batch step ...` that the decorators make of a task, parsed by its own options."""
    from metaflow.plugins.aws.batch.batch_cli import step
    from metaflow.runtime import CLIArgs

    task = Something(entrypoint=[sys.executable], step="start", run_id=RUN, task_id="1", input_paths=[RUN + "/p/0"],
                     split_index=None, retries=0, user_code_retries=0, tags=[], ubf_context=None)
    args = CLIArgs.__new__(CLIArgs)
    args.task, args.entrypoint, args.top_level_options = task, ["python"], {}
    args.default_args()
    decos[0].package_metadata, decos[0].package_sha, decos[0].package_url = CODE["metadata"], CODE["sha"], CODE["url"]
    for deco in decos:
        deco.runtime_step_cli(args, 0, 0, None)
    argv = args.get_args()
    return step, step.make_context("step", argv[argv.index("step") + 1:]).params, args.env


def answer(case, preimages):
    from metaflow.metaflow_environment import MetaflowEnvironment

    Recorder.platform, Recorder.bodies = case["platform"], {}
    decos = decorators(case)
    step, params, env = options(decos)
    place = Something(get_log_location=lambda *a: "s3://bucket/log")
    obj = Something(echo_always=lambda *a, **k: None, environment=MetaflowEnvironment(None),
                    graph={"start": Something(decorators=decos)}, flow=Something(name=FLOW),
                    flow_datastore=Something(TYPE="s3", get_task_datastore=lambda *a, **k: place),
                    metadata=Something(TYPE="service"),
                    monitor=Something(measure=lambda name: contextlib.nullcontext()))
    ctx = Something(obj=obj, parent=Something(parent=Something(params={})))
    step.callback.__wrapped__(ctx, **params)
    register, submit = Recorder.bodies["registerjobdefinition"], Recorder.bodies["submitjob"]
    return {"register": register, "submit": submit, "preimage": preimages[-1]}


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["AWS_ENDPOINT_URL_BATCH"] = "http://127.0.0.1:%d" % server.server_address[1]
    sys.argv = ["oracle_flow.py"]
    out, sys.stdout, sys.stderr = sys.stdout, open(os.devnull, "w"), open(os.devnull, "w")

    import functools
    import hashlib
    import traceback

    import metaflow.plugins.aws.aws_client as aws_client
    from metaflow.plugins.aws.batch import batch, batch_cli, batch_client

    aws_client.get_aws_client = functools.lru_cache(aws_client.get_aws_client)
    batch_client.RunningJob.update = lambda self: self
    batch.Batch.wait = lambda *a, **k: None
    preimages, failures = [], []

    def sha224(data):
        preimages.append(data.decode())
        return hashlib.sha224(data)

    batch_client.hashlib = Something(sha224=sha224)
    batch_cli.traceback = Something(print_exc=lambda: failures.append(traceback.format_exc().splitlines()[-1]))
    for line in sys.stdin:
        failures.clear()
        try:
            result = answer(json.loads(line), preimages)
        except SystemExit:
            result = {"error": failures[-1]}
        except Exception as e:
            result = {"error": "%s: %s" % (type(e).__name__, e)}
        print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
    main()
