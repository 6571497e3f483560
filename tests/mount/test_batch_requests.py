"""Job definitions and submissions, compared with what Metaflow's own code sends for the same attributes
(batch_oracle.py, tests/tools/batch_request.c). Nothing is mounted."""

import json
import pathlib
import random
import re
import subprocess

import pytest

import batch_oracle
from batch_oracle import CODE, FLOW, QUEUES, RUN
from mounting import build_dir
from servicing import PYTHON

HERE = pathlib.Path(__file__).resolve().parent
ROLE = "arn:aws:iam::123456789012:role/metaflow-s3-role"
BASE = {"METAFLOW_USER": "golden", "METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": ROLE,
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://mfbucket/metaflow", "METAFLOW_DEFAULT_METADATA": "service",
        "METAFLOW_S3_ENDPOINT_URL": "http://s3.test:9000"}
EXECUTION = {"METAFLOW_ECS_FARGATE_EXECUTION_ROLE": "arn:aws:iam::123456789012:role/metaflow-fargate-exec"}
CONFIGS = {
    "least": BASE,
    "fargate": dict(BASE, **EXECUTION),
    "image": dict(BASE, **EXECUTION, METAFLOW_BATCH_CONTAINER_IMAGE="team/image:1", METAFLOW_BATCH_EMIT_TAGS="1",
                  METAFLOW_BATCH_CONTAINER_REGISTRY="registry.test//", METAFLOW_USER="jos\u00e9 +x!",
                  METAFLOW_BATCH_DEFAULT_TAGS='{"team": "ml", "cost": "a b"}', METAFLOW_SERVICE_URL="http://mf.test",
                  METAFLOW_SERVICE_HEADERS='{"a": "b\u00e9"}', METAFLOW_SERVICE_INTERNAL_URL="http://inside.test",
                  METAFLOW_S3_SERVER_SIDE_ENCRYPTION="AES256"),
    "tags not emitted": dict(BASE, METAFLOW_BATCH_DEFAULT_TAGS='{"team": "ml", "cost": "a b"}'),
    "default image": dict(BASE, METAFLOW_DEFAULT_CONTAINER_IMAGE="localhost:5000/image@sha256:0a",
                          METAFLOW_DEFAULT_CONTAINER_REGISTRY="r", METAFLOW_BATCH_EMIT_TAGS="true",
                          METAFLOW_ECS_S3_ACCESS_IAM_ROLE="it's \"a\" role\\\u00e9\u00a0\u200b"),
}
STEP_ONLY = {"METAFLOW_FLOW_FILENAME", "METAFLOW_RUN_ID", "METAFLOW_INPUT_PATHS_0"}  # belong to a task


def settings_of(config):
    """What the mount takes from a configuration: the work of fs/, done for the names that are used here."""
    get = lambda name: config.get("METAFLOW_" + name)  # noqa: E731
    root = get("DATASTORE_SYSROOT_S3")
    first = [("METAFLOW_USER", get("USER")), ("METAFLOW_SERVICE_URL", get("SERVICE_INTERNAL_URL") or get("SERVICE_URL")),
             ("METAFLOW_SERVICE_HEADERS", json.dumps(json.loads(get("SERVICE_HEADERS") or "{}"))),
             ("METAFLOW_DATASTORE_SYSROOT_S3", root), ("METAFLOW_DATATOOLS_S3ROOT", root + "/data"),
             ("METAFLOW_DEFAULT_DATASTORE", "s3"), ("METAFLOW_DEFAULT_METADATA", get("DEFAULT_METADATA")),
             ("METAFLOW_CARD_S3ROOT", root + "/mf.cards"), ("METAFLOW_OTEL_SERVICE_NAME", "metaflow"),
             ("METAFLOW_RUNTIME_ENVIRONMENT", "aws-batch")]
    last = [("METAFLOW_S3_SERVER_SIDE_ENCRYPTION", get("S3_SERVER_SIDE_ENCRYPTION")),
            ("METAFLOW_S3_ENDPOINT_URL", get("S3_ENDPOINT_URL"))]
    return {"user": get("USER"), "region": "us-east-1",
            "image": get("BATCH_CONTAINER_IMAGE") or get("DEFAULT_CONTAINER_IMAGE"),
            "registry": get("BATCH_CONTAINER_REGISTRY") or get("DEFAULT_CONTAINER_REGISTRY"),
            "iam_role": get("ECS_S3_ACCESS_IAM_ROLE"), "execution_role": get("ECS_FARGATE_EXECUTION_ROLE"),
            "emit_tags": get("BATCH_EMIT_TAGS") is not None,
            "default_tags": list(json.loads(get("BATCH_DEFAULT_TAGS") or "{}").items()),
            "env_first": [p for p in first if p[1] is not None], "env_last": [p for p in last if p[1] is not None]}


class Ours:
    def __init__(self):
        self.process = subprocess.Popen([build_dir() / "tests" / "batch_request"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def request(self, case, config, code=True):
        job = {"command": ["true"]}
        job.update({k: case[k] for k in ("resources", "environment", "timeout") if case.get(k) is not None})
        job["batch"] = dict({"queue": QUEUES[case["platform"]]}, **case["batch"])
        record = dict(CODE, flow=FLOW, run=RUN, python_version="3.11")
        return self.ask({"text": json.dumps(job), "platform": case["platform"], "settings": settings_of(config),
                         "code": record if code else None})


@pytest.fixture(scope="module")
def ours():
    tool = Ours()
    yield tool
    tool.process.stdin.close()
    assert tool.process.wait(30) == 0


@pytest.fixture(scope="module")
def oracle():
    started = {}

    def ask(name, case):
        if name not in started:
            started[name] = batch_oracle.Oracle(CONFIGS[name], PYTHON)
        return started[name].ask(case)

    yield ask
    for process in started.values():
        process.close()


# --- the cases that differ on purpose ----------------------------------------------------------------------

FARGATE_PAIRS = {0.25: [512, 1024, 2048], 0.5: range(1024, 4097, 1024), 1: range(2048, 8193, 1024),
                 2: range(4096, 16385, 1024), 4: range(8192, 30721, 1024), 8: range(16384, 61441, 4096),
                 16: range(32768, 122881, 8192)}


def larger(case, key, default):
    """The value that holds of @resources and @batch."""
    resources = case.get("resources")
    given = [case["batch"].get(key)]
    if resources is not None:
        given.append(resources.get(key, {"cpu": 1, "memory": 4096}.get(key)))
    return max((v for v in given if v is not None), default=default)


def listed(value):
    return [value] if isinstance(value, str) else value or []


def refused_here(case):
    """Why a job file is refused although Metaflow sends the same attributes; None when it is not."""
    batch, memory = case["batch"], larger(case, "memory", 4096)
    if case["platform"].startswith("FARGATE"):
        if memory not in FARGATE_PAIRS.get(larger(case, "cpu", 1), []):
            return "AWS refuses pairs of cpu and memory that Fargate does not have"
        for key in ("shared_memory", "max_swap", "swappiness"):
            if larger(case, key, None) is not None:
                return "Metaflow drops what Fargate does not have without a word"
        if larger(case, "gpu", 0) > 0 or batch.get("privileged") or batch.get("host_volumes"):
            return "AWS refuses GPUs, privileges and folders of the host on Fargate"
        if batch.get("efa"):
            return "AWS refuses devices on Fargate"
        if batch.get("log_driver") not in (None, "awslogs", "splunk"):
            return "AWS refuses other log drivers on Fargate"
    elif not re.fullmatch("[1-9][0-9]*", "%g" % larger(case, "cpu", 1)) or memory < 4:
        return "AWS refuses fractions of a vCPU on EC2, and less than 4 MiB"
    size = batch.get("tmpfs_size")
    if (size is not None and not 0 < size <= memory) or (size is None and batch.get("use_tmpfs") and memory < 2):
        return "a tmpfs of no size, or one that is larger than the memory that it is part of, cannot work"
    if batch.get("ephemeral_storage") is not None and not 21 <= batch["ephemeral_storage"] <= 200:
        return "AWS accepts 21 to 200"
    return None


def accepted_here(case):
    """Why a job file is accepted although Metaflow refuses the same attributes; None when it is not."""
    if case["batch"].get("swappiness") == 100:
        return "AWS, and Metaflow's documentation, accept 100"
    if any(v.startswith(("$.", "$$.")) for v in ((case.get("environment") or {}).get("vars") or {}).values()):
        return "the path syntax of Step Functions has no meaning here"
    return None


def expected_environment(theirs):
    """What is sent for Metaflow's environment: without what belongs to a task; and a name once, in its first place
    with its last value, since two of a name are no environment."""
    merged = {}
    for variable in theirs:
        assert set(variable) == {"name", "value"}
        if variable["name"] not in STEP_ONLY:
            merged[variable["name"]] = variable["value"]
    return [{"name": name, "value": value} for name, value in merged.items()]


def expected_tags(theirs, case):
    """Metaflow's tags without those of a task and of its version; what the file gives also where
    METAFLOW_BATCH_EMIT_TAGS is not set, which Metaflow would drop."""
    tags = {k: v for k, v in (theirs or {}).items() if k not in ("metaflow.step_name", "metaflow.version")}
    if theirs is None:
        tags = case["batch"].get("aws_batch_tags")
    return tags or None


def compare(ours, oracle, name, case):
    config = CONFIGS[name]
    theirs, mine = oracle(name, case), ours.request(case, config)
    if "error" in theirs:
        assert "problems" in mine or accepted_here(case) is not None, (case, theirs)
        return "refused"
    reason = refused_here(case)
    if reason is not None:
        assert "problems" in mine, (reason, case, mine)
        return reason
    assert "problems" not in mine, (case, mine)
    assert mine["preimage"] == theirs["preimage"]
    assert mine["register"] == theirs["register"]
    a, b = mine["submit"], theirs["submit"]
    assert a["containerOverrides"]["resourceRequirements"] == b["containerOverrides"]["resourceRequirements"]
    assert a["containerOverrides"]["environment"] == expected_environment(b["containerOverrides"]["environment"]), case
    for key in ("timeout", "jobQueue", "jobDefinition"):
        assert a[key] == b[key], key
    assert a["parameters"] == {k: v for k, v in b["parameters"].items()
                               if k in ("metaflow.flow_name", "metaflow.run_id", "metaflow.user")}
    assert a.get("tags") == expected_tags(b.get("tags"), case)
    assert not {"retryStrategy", "dependsOn", "propagateTags"} & set(a) and set(a["containerOverrides"]) == {
        "command", "resourceRequirements", "environment"}
    return "equal"


# --- cases -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("case", json.loads((HERE / "batch_cases.json").read_text()).items(), ids=lambda c: c[0])
def test_recorded_requests_are_made_again(ours, case):
    """S284: What a run of Metaflow 2.19.39 against a Batch API sent."""
    case = case[1]
    mine = ours.request(case, dict(CONFIGS["fargate"], METAFLOW_DEFAULT_METADATA="local"))
    assert "problems" not in mine, mine
    over = mine["submit"]["containerOverrides"]
    assert (mine["name"], mine["preimage"]) == (case["name"], case["preimage"])
    assert over["resourceRequirements"] == case["sent"]["resourceRequirements"]
    assert mine["submit"]["timeout"] == case["sent"]["timeout"]
    assert [e["name"] for e in over["environment"]] == [n for n in case["sent"]["environment"] if n not in STEP_ONLY]


def maybe(rnd, likely, *values):
    return rnd.choice(values) if rnd.random() < likely else None


def some_case(rnd):
    platform = rnd.choice(list(QUEUES))
    fargate = platform.startswith("FARGATE")
    rare = 0.03 if fargate else 0.25
    batch = {
        "cpu": maybe(rnd, 0.5, 1, 2, 3, 96, 0.5, 1.5, 16, 999999, 123456.5, 100000),
        "memory": maybe(rnd, 0.6, 3, 4, 4096, 4097, 100000, 123456789, 8192, 512),
        "gpu": maybe(rnd, rare, 0, 1, 8),
        "image": maybe(rnd, 0.5, "python", "a/b:c", "x.y/z", "host:5000/a/b@sha256:00", "a.b", "a:b/c", ".a/b", "/a.b/c"),
        "iam_role": maybe(rnd, 0.2, "arn:\u00e9'\"\\", "role/\U0001f600\U000e0001", "it's"),
        "execution_role": maybe(rnd, 0.2, "arn:aws:iam::1:role/x", "\u00ad\ufeff"),
        "shared_memory": maybe(rnd, rare, 1, 64, 123456),
        "max_swap": maybe(rnd, rare, 0, 128),
        "swappiness": maybe(rnd, rare, 0, 60, 99, 1, 30, 2, 100),
        "aws_batch_tags": maybe(rnd, 0.3, {}, {"team": "x", "app": "mine"}, {"a b+": "c/d@e"}),
        "use_tmpfs": maybe(rnd, rare, True, True, False),
        "tmpfs_tempdir": maybe(rnd, 0.2, True, False),
        "tmpfs_size": maybe(rnd, rare, 1, 512, 512, 256, 1, 512, 10000, 0, -5),
        "tmpfs_path": maybe(rnd, 0.2, "/data", "/a b/c", "/\u00e9'\"\u2028", "/x\\y", *["/tmp/t"] * 4, "relative"),
        "inferentia": maybe(rnd, rare, 1, 2, 16),
        "trainium": maybe(rnd, 0.03, 1, 2),
        "efa": maybe(rnd, rare, 0, 1, 2),
        "host_volumes": maybe(rnd, rare, "/a", ["/b", "/c.d/e:/f"], ["/g:/h/i"], []),
        "efs_volumes": maybe(rnd, 0.25, "fs-1", ["fs-2", "fs-3:/efs"], []),
        "ephemeral_storage": maybe(rnd, 0.3 if fargate else 0.03, 21, 100, 200, 30, 40, 5),
        "log_driver": maybe(rnd, 0.3, "awslogs", "splunk", "fluentd" if not fargate else "awslogs"),
        "log_options": maybe(rnd, 0.3, "a:b", ["a:b:c", "d:\u00e9'\u0001", "a:again"], ["e:"], []),
        "privileged": maybe(rnd, rare, True, False),
    }
    case = {"platform": platform, "batch": {k: v for k, v in batch.items() if v is not None}}
    if batch["log_options"] and batch["log_driver"] is None and rnd.random() < 0.95:
        case["batch"]["log_driver"] = "awslogs"
    if rnd.random() < 0.4:
        resources = {"cpu": maybe(rnd, 0.5, 2, 0.25, 3.5, 4, 5), "memory": maybe(rnd, 0.5, 4097, 8193, 16000),
                     "gpu": maybe(rnd, rare, 0, 2), "shared_memory": maybe(rnd, rare / 2, 32, 100), "disk": maybe(rnd, 0.2, 9)}
        case["resources"] = {k: v for k, v in resources.items() if v is not None}
    if rnd.random() < 0.4:
        names = rnd.sample(["A", "METAFLOW_TEMPDIR", "METAFLOW_USER", "b_c", "\u00e9"], rnd.choice([0, 1, 2, 3]))
        case["environment"] = {"vars": {n: rnd.choice(["", "x y", "\u00e9\"'\n", "$HOME"] * 5 + ["$.x"]) for n in names}}
    if rnd.random() < 0.4:
        case["timeout"] = rnd.choice([{"seconds": 60}, {"hours": 1, "minutes": 2, "seconds": 3}, {"minutes": 90}] * 4 +
                                     [{"seconds": 59}, {}])
    if fargate and rnd.random() < 0.85:
        cpu = rnd.choice(list(FARGATE_PAIRS))
        case["batch"].update(cpu=cpu, memory=rnd.choice(list(FARGATE_PAIRS[cpu])))
        case.pop("resources", None)
        for key in ("use_tmpfs", "tmpfs_size", "inferentia", "trainium"):
            case["batch"].pop(key, None)
    return case


@pytest.mark.parametrize("name", CONFIGS)
def test_random_attributes_are_sent_as_metaflow_sends_them(ours, oracle, name):
    """S284: Hundreds of sets of attributes, on every platform."""
    rnd, outcomes = random.Random("requests of " + name), []
    for _ in range(150):
        case = some_case(rnd)
        outcomes.append(compare(ours, oracle, name, case))
    assert outcomes.count("equal") > 40, outcomes


@pytest.mark.parametrize("batch", [
    {"memory": 100000, "use_tmpfs": True},
    {"memory": 100000, "tmpfs_size": 100000},
    {"memory": 100000, "tmpfs_size": 10000, "tmpfs_path": "/data", "tmpfs_tempdir": False},
    {"memory": 4097, "use_tmpfs": True},
    {"tmpfs_path": "/data", "tmpfs_tempdir": False},
    {"use_tmpfs": False, "tmpfs_size": 7},
    {"privileged": True, "efa": 2, "inferentia": 2, "use_tmpfs": True, "shared_memory": 9, "swappiness": 0,
     "max_swap": 0, "host_volumes": ["/a.b/c"], "efs_volumes": "fs-1:/x", "log_driver": "fluentd"},
    {"efa": 1, "use_tmpfs": True},
    {"trainium": 3},
], ids=str)
def test_chosen_attributes_are_sent_as_metaflow_sends_them(ours, oracle, batch):
    """S284, S244: Each rule of tmpfs and devices by itself."""
    for platform in ("EC2", "SPOT"):
        assert compare(ours, oracle, "least", {"platform": platform, "batch": batch}) == "equal"


@pytest.mark.parametrize("batch", [{"use_tmpfs": True}, {"tmpfs_size": 100}])
@pytest.mark.parametrize("platform", ["FARGATE", "FARGATE_SPOT"])
def test_tmpfs_on_fargate_is_refused_with_metaflows_sentence(ours, oracle, platform, batch):
    """S246: Metaflow itself ends with a KeyError where only the size is given."""
    case = {"platform": platform, "batch": batch}
    assert "error" in oracle("fargate", case)
    assert "tmpfs is not available for Fargate compute resources" in ours.request(case, CONFIGS["fargate"])["problems"]


def test_without_code_there_is_no_run(ours):
    """S251, S256: Nothing of a run is sent, and none chooses an image."""
    case = {"platform": "EC2", "batch": {}}
    mine = ours.request(case, CONFIGS["image"], code=False)["submit"]
    assert mine["parameters"] == {"metaflow.user": "jos\u00e9 +x!"}
    assert mine["tags"] == {"app": "metaflow", "metaflow.user": "jos +x", "team": "ml", "cost": "a b"}
    assert mine["containerOverrides"]["command"] == ["true"]
    assert not [e for e in mine["containerOverrides"]["environment"] if e["name"].startswith("METAFLOW_CODE")]
    assert "batch.image: no image is named" in ours.request(case, BASE, code=False)["problems"]


def test_tags_of_the_configuration(ours, oracle):
    """S562: METAFLOW_BATCH_DEFAULT_TAGS are sent where Metaflow sends them, with METAFLOW_BATCH_EMIT_TAGS alone."""
    case, defaults = {"platform": "EC2", "batch": {}}, {"team": "ml", "cost": "a b"}
    assert json.loads(CONFIGS["tags not emitted"]["METAFLOW_BATCH_DEFAULT_TAGS"]) == defaults
    for name, sent in (("tags not emitted", None), ("image", defaults)):
        theirs, mine = oracle(name, case)["submit"].get("tags"), ours.request(case, CONFIGS[name])["submit"].get("tags")
        assert (theirs is None) == (mine is None) == (sent is None), (theirs, mine)
        assert sent is None or (sent.items() <= theirs.items() and sent.items() <= mine.items())


@pytest.mark.parametrize("case", [{"batch": {"swappiness": 100}}, {"environment": {"vars": {"A": "$.x"}}}], ids=str)
def test_what_metaflow_refuses_and_aws_accepts(ours, oracle, case):
    """S290: Both are sent as they are."""
    case = {"platform": "EC2", "batch": {}, **case}
    assert accepted_here(case) and "error" in oracle("least", case)
    mine = ours.request(case, BASE)
    assert "problems" not in mine
    variables = mine["submit"]["containerOverrides"]["environment"]
    assert [v["value"] for v in variables if v["name"] == "A"] == list(case.get("environment", {}).get("vars", {}).values())


def test_no_neurons_are_no_devices(ours):
    """S290: Metaflow makes an empty list of devices of inferentia=0, and another definition."""
    asked = {"platform": "EC2", "batch": {"inferentia": 0}}
    assert ours.request(asked, BASE)["name"] == ours.request({"platform": "EC2", "batch": {}}, BASE)["name"]


# --- parts -------------------------------------------------------------------------------------------------

def test_texts_are_shown_as_python_shows_them(ours):
    """S284: The text whose hash names a definition is Python's."""
    rnd = random.Random("repr")
    texts = ["".join(map(chr, range(a, min(a + 4096, 0x110000)))) for a in range(1, 0x110000, 4096)
             if not 0xd000 <= a <= 0xdfff]
    texts += ["".join(map(chr, range(0xd001, 0xd800))), "".join(map(chr, range(0xe000, 0xe001)))]
    alphabet = "a'\"\\\n\r\t\x00\x01\x7f\x80\xa0\xad\xe9\u0378\u200b\u2028\ud7a4\ue000\ufeff\uffff\U0001f600\U000e0001"
    texts += ["".join(rnd.choice(alphabet) for _ in range(rnd.randrange(12))) for _ in range(2000)]
    answers = subprocess.run([PYTHON, "-c", "import json, sys\nprint(json.dumps([repr(t) for t in json.load(sys.stdin)]))"],
                             input=json.dumps(texts), capture_output=True, text=True, check=True).stdout
    for text, expected in zip(texts, json.loads(answers)):
        assert ours.ask({"repr": text})["repr"] == expected


def test_registries_of_images_are_found_as_metaflow_finds_them(ours):
    """S284: By the same expression."""
    rnd = random.Random("registries")
    images = ["".join(rnd.choice("ab/:.@/") for _ in range(rnd.randrange(12))) for _ in range(4000)]
    images += ["python", "python:3.11", "a/b", "a.b/c", "localhost/x", "localhost:5000/x", "a@sha256:0/1", "\u00e9.x/y"]
    script = ("import json, sys\nfrom metaflow.plugins.aws.aws_utils import get_docker_registry\n"
              "print(json.dumps([bool(get_docker_registry(i)) for i in json.load(sys.stdin)]))")
    answers = subprocess.run([PYTHON, "-c", script], input=json.dumps(images), capture_output=True, text=True,
                             check=True).stdout
    for image, expected in zip(images, json.loads(answers)):
        assert ours.ask({"image": image})["registry"] is expected, image
