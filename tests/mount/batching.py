"""AWS Batch for the tests: moto with queues of every kind, and a proxy before it that records what is asked for, does
what a network or AWS can do wrong, and answers itself for the jobs that moto took (whose jobs end at once).

A rule is a function of a Call that returns None, for nothing wrong, or some of
    answer=(status, code, message)  this error instead of asking moto
    reply=OBJECT     this instead of asking moto
    delay=SECONDS    before anything is sent to moto
    hold=Held()      until the test lets it go, before anything is sent to moto
    cut="before"     the end of the connection instead of asking moto
    cut="after"      the same when moto has answered: the answer is lost
    spoil=(status, code, message)  this error when moto has answered
    after=Held()     until the test lets it go, when moto has answered
"""

import contextlib
import http.client
import http.server
import json
import pathlib
import re
import threading
import time
import urllib.request
import uuid

import make
import s3ing

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = "arn:aws:iam::%s:role/metaflow-s3-role" % ACCOUNT
EXECUTION_ROLE = "arn:aws:iam::%s:role/metaflow-execution-role" % ACCOUNT
IMAGE = "python:3.11"
KINDS = {"q-ec2": "EC2", "q-spot": "SPOT", "q-fargate": "FARGATE", "q-fargate-spot": "FARGATE_SPOT"}
LIVE = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")
LOG_GROUP = "/aws/batch/job"
THROTTLED = {"answer": (429, "TooManyRequestsException", "Too Many Requests")}
BROKEN = {"answer": (500, "ServerException", "made by the test")}


def batch_env(url, **more):
    """What makes metaflowfs and Metaflow submit to the Batch at `url`. None takes a variable away."""
    return dict({"AWS_ENDPOINT_URL_BATCH": url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": url, "AWS_DEFAULT_REGION": REGION,
                 "AWS_ACCESS_KEY_ID": s3ing.ACCESS, "AWS_SECRET_ACCESS_KEY": s3ing.SECRET,
                 "AWS_EC2_METADATA_DISABLED": "true", "METAFLOW_BATCH_JOB_QUEUE": "q-ec2",
                 "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": ROLE, "METAFLOW_BATCH_CONTAINER_IMAGE": IMAGE}, **more)


class BatchMoto(s3ing.Moto):
    """moto with a queue for each platform, and the log group of Batch."""

    def __init__(self):
        super().__init__()
        urllib.request.urlopen(urllib.request.Request(
            self.url + "/moto-api/config", data=json.dumps({"batch": {"use_docker": False}}).encode(),
            headers={"Content-Type": "application/json"}), timeout=10).read()
        self.batch, self.logs = s3ing.boto("batch", self.url), s3ing.boto("logs", self.url)
        iam, ec2 = s3ing.boto("iam", self.url), s3ing.boto("ec2", self.url)
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        roles = {name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
                 for name in ("service", "instance")}
        profile = iam.create_instance_profile(InstanceProfileName="instance")["InstanceProfile"]["Arn"]
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="batch", Description="batch", VpcId=vpc)["GroupId"]
        for queue, kind in KINDS.items():
            resources = {"type": kind, "maxvCpus": 256, "subnets": [subnet], "securityGroupIds": [group]}
            if "FARGATE" not in kind:
                resources.update(minvCpus=0, desiredvCpus=0, instanceRole=profile, instanceTypes=["optimal"])
            if kind == "SPOT":
                resources.update(bidPercentage=100, spotIamFleetRole=roles["service"])
            name = "ce-" + queue
            self.batch.create_compute_environment(computeEnvironmentName=name, type="MANAGED", state="ENABLED",
                                                  computeResources=resources, serviceRole=roles["service"])
            self.batch.create_job_queue(jobQueueName=queue, state="ENABLED", priority=1,
                                        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": name}])
        self.logs.create_log_group(logGroupName=LOG_GROUP)

    def log(self, stream, lines, group=LOG_GROUP):
        """Puts lines into a stream, which is made when it is not there."""
        with contextlib.suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_group(logGroupName=group)
        with contextlib.suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = now_ms()
        for n in range(0, len(lines), 5000):
            self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[
                {"timestamp": now, "message": line} for line in lines[n:n + 5000]])


def now_ms():
    return int(time.time() * 1000)


class Held:
    """A request that stands still in the proxy until go() or drop()."""

    def __init__(self):
        self.arrived, self.free, self.dropped = threading.Event(), threading.Event(), False

    def wait(self, seconds=30):
        assert self.arrived.wait(seconds), "no request came to be held"

    def go(self):
        self.free.set()

    def drop(self):
        self.dropped = True
        self.free.set()


class Call:
    """One request as it arrived: `op` is the last part of its path ("submitjob") or its target ("getlogevents")."""

    def __init__(self, path, headers, body):
        target = headers.get("X-Amz-Target", "")
        self.op = (target.split(".")[-1] if target else path.rsplit("/", 1)[-1]).lower()
        self.path, self.headers, self.at = path, dict(headers), time.monotonic()
        self.raw, self.body = body, json.loads(body or b"{}")
        found = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", headers.get("Authorization", ""))
        self.access, self.region, self.service = found.groups() if found else (None, None, None)
        self.status, self.answer, self.fault, self.answered = None, None, None, None

    def __repr__(self):
        return "%s %.300s -> %s%s" % (self.op, self.body, self.status, ", %s" % self.fault if self.fault else "")


class Calls(list):
    """Calls as they arrived; shown one a line."""

    def of(self, *ops):
        return Calls(c for c in self if c.op in ops)

    def carried_out(self, op="submitjob"):
        """Those that moto carried out, whether or not their answer arrived."""
        return Calls(c for c in self if c.op == op and c.answer is not None and c.status == 200)

    def __repr__(self):
        return "%d calls:\n%s" % (len(self), "\n".join(map(repr, self)))


class Cloud:
    """The proxy, and what it says of jobs: `jobs` is {job id: its object of DescribeJobs}. `rule` may be set at any
    time, `new` is the state of what is submitted from now on. `wrong` has what no AWS would have taken."""

    def __init__(self, moto, keys=(s3ing.ACCESS, s3ing.SECRET), checks=True):
        self.moto, self.keys, self.rule, self.new, self.checks = moto, dict([keys]), None, "RUNNABLE", checks
        self.jobs, self.calls, self.wrong, self.lock = {}, Calls(), [], threading.RLock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                outer.serve(self)

        class Quiet(http.server.ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, request, address):
                pass  # the other side went away, as tests have it

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    # What was asked

    def log(self, clear=False):
        with self.lock:
            seen = Calls(self.calls)
            if clear:
                self.calls.clear()
        return seen

    def calls_of(self, what):
        """The calls that arrived while `what()` ran."""
        self.log(clear=True)
        what()
        return self.log(clear=True)

    def submitted(self):
        """The SubmitJob calls that were carried out."""
        return self.log().carried_out()

    def submission(self):
        """The body of the one SubmitJob that was carried out."""
        calls = self.submitted()
        assert len(calls) == 1, calls
        return calls[0].body

    def definition_of(self, submission):
        """The registered definition that a submission names."""
        arn = submission["jobDefinition"]
        found = self.moto.batch.describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
        assert len(found) == 1, found
        return found[0]

    # What becomes of it

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        call = Call(handler.path, handler.headers, body)
        with self.lock:
            self.calls.append(call)
            rule = self.rule
        self.check(call)
        fault = (rule and rule(call)) or {}
        call.fault = ",".join(fault) or None
        if "delay" in fault:
            time.sleep(fault["delay"])
        if not self.held(fault.get("hold")) or fault.get("cut") == "before":
            return self.cut(handler)
        if "answer" in fault:
            status, code, message = fault["answer"]
            return self.send(handler, call, status, {"__type": code, "message": message}, code)
        if "reply" in fault:
            return self.send(handler, call, 200, fault["reply"])
        status, answer, code = self.carry_out(call, body)
        call.status, call.answer = status, answer
        if not self.held(fault.get("after")) or fault.get("cut") == "after":
            return self.cut(handler)
        if "spoil" in fault:
            status, code, message = fault["spoil"]
            return self.send(handler, call, status, {"__type": code, "message": message}, code, carried=True)
        return self.send(handler, call, status, answer, code)

    def held(self, held):
        """Whether a request goes on."""
        if held is None:
            return True
        held.arrived.set()
        held.free.wait(120)
        return not held.dropped

    def cut(self, handler):
        handler.close_connection = True

    def send(self, handler, call, status, answer, code=None, carried=False):
        body = json.dumps(answer).encode()
        call.status, call.answered = call.status if carried else status, time.monotonic()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if code:
            handler.send_header("x-amzn-ErrorType", code)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def carry_out(self, call, body):
        if call.op == "listjobs":
            return self.list_jobs(call.body)
        with self.lock:
            if call.op == "describejobs":
                known = [self.jobs[i] for i in call.body.get("jobs", []) if i in self.jobs]
                return 200, {"jobs": json.loads(json.dumps(known))}, None
            if call.op == "terminatejob":
                if call.body["jobId"] in self.jobs:
                    self.terminate(call.body["jobId"], call.body["reason"])
                return 200, {}, None
        status, answer, code = self.forward(call, body)
        if call.op == "submitjob" and status == 200:
            with self.lock:
                self.jobs[answer["jobId"]] = self.begun(answer, call.body)
                if self.new not in LIVE:
                    self.set(answer["jobId"], self.new, exit_code=int(self.new == "FAILED"))
        return status, answer, code

    def forward(self, call, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.moto.port, timeout=60)
        try:
            headers = {k: v for k, v in call.headers.items() if k.lower() not in ("connection", "expect")}
            connection.request("POST", call.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        code = answer.headers.get("x-amzn-ErrorType")
        return answer.status, json.loads(text or b"{}"), code

    def check(self, call):
        """Holds a call against AWS's model of it, and its signature against botocore's."""
        if not self.checks:
            return
        problems = [p for p in (model_problems(call), signature_problem(call, self.keys)) if p]
        with self.lock:
            self.wrong += ["%s: %s" % (call.op, p) for p in problems]

    # The jobs

    def begun(self, answer, body):
        now = now_ms()
        overrides = body.get("containerOverrides", {})
        job = {"jobArn": answer["jobArn"], "jobName": body["jobName"], "jobId": answer["jobId"], "status": self.new,
               "jobQueue": "arn:aws:batch:%s:%s:job-queue/%s" % (REGION, ACCOUNT, body["jobQueue"]), "attempts": [],
               "createdAt": now, "dependsOn": body.get("dependsOn", []), "jobDefinition": body["jobDefinition"],
               "parameters": body.get("parameters", {}), "tags": body.get("tags", {}),
               "container": {"environment": overrides.get("environment", []),
                             "resourceRequirements": overrides.get("resourceRequirements", []),
                             "command": overrides.get("command", [])}}
        if self.new not in LIVE[:3]:
            self.start(job)
        return job

    def start(self, job):
        job.setdefault("startedAt", now_ms())
        job["container"].setdefault("logStreamName", "%s/default/%s" % (job["jobName"], job["jobId"]))
        job["container"].setdefault("taskArn", "arn:aws:ecs:%s:%s:task/c/%s" % (REGION, ACCOUNT, job["jobId"]))

    def find(self, job):
        """A job by its id, its name, or a part of its name that no other has."""
        with self.lock:
            if job in self.jobs:
                return self.jobs[job]
            found = [j for j in self.jobs.values() if job in j["jobName"]]
        assert len(found) == 1, (job, [j["jobName"] for j in found])
        return found[0]

    def set(self, job, status, reason=None, container_reason=None, exit_code=None, **more):
        """Puts a job into a state; one that ended ran, unless exit_code and container_reason are both None and it
        FAILED before it started."""
        with self.lock:
            job = self.find(job)
            job["status"] = status
            if status in ("STARTING", "RUNNING", "SUCCEEDED") or exit_code is not None or container_reason:
                self.start(job)
            if reason is not None:
                job["statusReason"] = reason
            if exit_code is None and status == "SUCCEEDED":
                exit_code = 0
            for key, value in (("exitCode", exit_code), ("reason", container_reason)):
                if value is not None:
                    job["container"][key] = value
            if status in ("SUCCEEDED", "FAILED"):
                job["stoppedAt"] = now_ms()
                if "startedAt" in job and "attempts" not in more:
                    job["attempts"].append(self.attempt(job))
            job.update(more)
            return job

    def attempt(self, job):
        container = {k: v for k, v in job["container"].items()
                     if k in ("exitCode", "reason", "logStreamName", "taskArn")}
        return {"container": container, "startedAt": job["startedAt"], "stoppedAt": job["stoppedAt"],
                "statusReason": job.get("statusReason", "")}

    def terminate(self, job_id, reason):
        job = self.jobs[job_id]
        if job["status"] in LIVE:
            self.set(job_id, "FAILED", reason, exit_code=137 if "startedAt" in job else None)

    def metaflow_job(self, task, status="RUNNING", user="tester", queue="q-ec2", attempt=0, age_s=60, **more):
        """A job as Metaflow submits it for a task "Flow/run/step/task"; its id."""
        flow, run, step, number = task.split("/")
        names = {"flow_name": flow, "step_name": step, "run_id": run, "task_id": number, "retry_count": str(attempt),
                 "user": user, "version": "2.19.39"}
        job_id = str(uuid.uuid4())
        body = {"jobName": "%s-%s-%s-%s-%s-%d" % (user, flow, run, step, number, attempt), "jobQueue": queue,
                "jobDefinition": "arn:aws:batch:%s:%s:job-definition/metaflow_x:1" % (REGION, ACCOUNT),
                "parameters": {"metaflow." + k: v for k, v in names.items()}}
        with self.lock:
            arn = "arn:aws:batch:%s:%s:job/%s" % (REGION, ACCOUNT, job_id)
            self.jobs[job_id] = self.begun({"jobId": job_id, "jobArn": arn}, body)
            self.jobs[job_id]["createdAt"] = now_ms() - age_s * 1000
            self.set(job_id, status, **more)
        return job_id

    def list_jobs(self, body):
        """ListJobs: with filters the state does not count, without one it is RUNNING."""
        queue = body.get("jobQueue", "").rsplit("/", 1)[-1]
        if queue not in KINDS:
            code = "ClientException"
            return 400, {"__type": code, "message": "Job queue %s does not exist" % queue}, code
        with self.lock:
            found = [j for j in self.jobs.values() if j["jobQueue"].endswith("/" + queue)]
        filters = body.get("filters")
        if filters:
            for one in filters:
                found = [j for j in found if filtered(j, one["name"], one["values"])]
        else:
            found = [j for j in found if j["status"] == body.get("jobStatus", "RUNNING")]
        found.sort(key=lambda j: -j["createdAt"])
        first, size = int(body.get("nextToken") or 0), min(body.get("maxResults", 100), 1000)
        answer = {"jobSummaryList": [summary(j) for j in found[first:first + size]]}
        if first + size < len(found):
            answer["nextToken"] = str(first + size)
        return 200, answer, None


def filtered(job, name, values):
    if name == "JOB_NAME":
        have = job["jobName"].lower()
        return any(have.startswith(v[:-1].lower()) if v.endswith("*") else have == v.lower() for v in values)
    if name == "AFTER_CREATED_AT":
        return job["createdAt"] > int(values[0])
    if name == "BEFORE_CREATED_AT":
        return job["createdAt"] < int(values[0])
    return any(job["jobDefinition"].endswith(v) for v in values)


def summary(job):
    kept = ("jobArn", "jobId", "jobName", "createdAt", "status", "statusReason", "startedAt", "stoppedAt",
            "jobDefinition")
    container = {k: v for k, v in job["container"].items() if k in ("exitCode", "reason")}
    return dict({k: job[k] for k in kept if k in job}, **({"container": container} if container else {}))


_models = {}


def _model(service):
    import botocore.session

    if service not in _models:
        model = botocore.session.get_session().get_service_model(service)
        _models[service] = {name.lower(): model.operation_model(name) for name in model.operation_names}
    return _models[service]


def model_problems(call):
    """What AWS's own model of a call finds wrong with its body; None for nothing."""
    from botocore.validate import ParamValidator

    service = "logs" if call.op == "getlogevents" else "batch"
    model = _model(service).get(call.op)
    if model is None:
        return "no such operation"
    if call.service != service or call.region != REGION:
        return "signed for %s in %s" % (call.service, call.region)
    report = ParamValidator().validate(call.body, model.input_shape)
    return report.generate_report() if report.has_errors() else None


def signature_problem(call, keys):
    """Whether botocore would have signed it otherwise; None when not."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {k.lower(): v for k, v in call.headers.items()}
    found = re.search(r"SignedHeaders=([^,]+), *Signature=([0-9a-f]+)", headers.get("authorization", ""))
    if not found or call.access not in keys:
        return "not signed by one of those who may"
    signed = {name: headers[name] for name in found.group(1).split(";")}
    request = AWSRequest("POST", "http://%s%s" % (headers["host"], call.path), headers=signed, data=call.raw)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(call.access, keys[call.access]), call.service, call.region)
    request.context["signing"] = {}
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return None if auth.signature(text, request) == found.group(2) else "wrong signature"


# Job files


def job(command=("true",), **keys):
    """A job file's text."""
    whole = dict(keys, command=list(command) if isinstance(command, tuple) else command)
    return json.dumps({k: v for k, v in whole.items() if v is not None}, indent=1) + "\n"


def save(mount, name, text):
    """Writes .batch/NAME.json as `cp` does; raises the OSError of a refusal."""
    with open(mount / (".batch/%s.json" % name), "w") as file:
        file.write(text)


def refused(mount, name, text):
    """The errno with which saving it is refused."""
    try:
        save(mount, name, text)
    except OSError as error:
        return error.errno
    raise AssertionError("it was accepted")


def part(mount, name, what):
    """The text of a file in a job's directory, without its last newline."""
    text = mount.read(".batch/%s/%s" % (name, what)).decode()
    return text[:-1] if text.endswith("\n") else text


def part_or_none(mount, name, what):
    with contextlib.suppress(OSError):
        return part(mount, name, what)
    return None


def comes(mount, name, what, want, seconds=60):
    """Waits until a part of a job is (or, for a function, fulfils) `want`."""
    fits = want if callable(want) else lambda text: text == want
    try:
        make.wait_for(lambda: fits(part_or_none(mount, name, what)), "%s of %s" % (what, name), seconds)
    except TimeoutError:
        raise AssertionError("%s/%s is %r" % (name, what, part_or_none(mount, name, what))) from None


def environment(submission):
    """{name: value} of a submission; no name may be there twice."""
    pairs = submission["containerOverrides"]["environment"]
    assert len({p["name"] for p in pairs}) == len(pairs), pairs
    return {p["name"]: p["value"] for p in pairs}


def requirements(submission):
    return {r["type"]: r["value"] for r in submission["containerOverrides"]["resourceRequirements"]}


def make_batch_data(out):
    """Runs HelloFlow once with its artifacts and its code package in S3: out/batch/server is what the S3 holds,
    out/batch/root the local metadata; returns the run."""
    out = pathlib.Path(out).resolve() / "batch"
    return make.once(out, ("server", "root"), lambda: _batch_data(out))["code"]


def _batch_data(out):
    server = s3ing.Versity(out / "server")
    try:
        return {"code": make.run_flow(out / "root", "hello", **s3ing.s3_env(
            server.url, METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE="1", METAFLOW_S3_WORKER_COUNT="2"))}
    finally:
        server.stop()


def ran_on_batch(root, task, job_id):
    """Gives a task "Flow/run/step/task" below root the metadata that @batch registers in its container."""
    folder = pathlib.Path(root) / ".metaflow" / task / "_meta"
    row = json.loads(next(folder.glob("sysmeta_attempt_ok_*.json")).read_text())
    values = {"aws-batch-job-id": job_id, "aws-batch-job-attempt": "1", "aws-batch-jq-name": "q-ec2"}
    for name, value in values.items():
        row.update(field_name=name, type=name, value=value)
        (folder / ("sysmeta_%s_%d.json" % (name, row["ts_epoch"]))).write_text(json.dumps(row))
