"""The configuration, compared with Metaflow's own in generated surroundings (tests/tools/config_dump.c)."""

import json
import os
import random
import subprocess
import sys

import pytest

from mounting import build_dir

# What Metaflow makes of each case, all cases in one process: the modules that read the configuration
# when they are imported are imported anew.
ORACLE = r"""
import importlib, json, os, sys
import metaflow.metaflow_config_funcs as funcs, metaflow.metaflow_config as config
import metaflow.plugins.datastores.local_storage as local
from metaflow.util import get_username
names, cases = json.load(sys.stdin)
for case in cases:
    os.environ.clear()
    os.environ.update(case["env"])
    os.chdir(case["cwd"])
    try:
        for module in (funcs, config, local):
            importlib.reload(module)
        # A relative METAFLOW_DATASTORE_SYSROOT_LOCAL counts from here.
        root = local.LocalStorage.get_datastore_root_from_config(print, create_on_absent=False)
        if root is not None:
            root = os.path.abspath(root) if os.path.isdir(root) else None
        answer = {name: getattr(config, name) for name in names}
        answer.update(root=root, user=get_username())
    except Exception as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    print(json.dumps(answer))
"""

TEXTS = ["", "x", "local", "/abs/path", "a b", "é水", "~/x", "s3://bucket/prefix", "s3://bucket/prefix/"]
INTS = ["5", " 12 ", "1_000", "-3", "+4", "007", "-0", "x", "", "1.5", "1__0", "0x10", "123456789012345678901234567890"]
BOOLS = ["0", "false", "FALSE", "", "1", "true", "no", "00", " false"]
DICTS = ["{}", '{"a": 1, "b": [true, null, 0.1]}', '{"endpoint_url": "mine", "x-api-key": "old"}', "[]", "x", "", "null",
         ' {"é": "\\u00e9"} ', '{"a": 1, "a": 2}']
KINDS = {
    "DEFAULT_METADATA": TEXTS, "DEFAULT_DATASTORE": TEXTS, "DEFAULT_ENVIRONMENT": TEXTS, "USER": TEXTS + ["root"],
    "DATASTORE_SYSROOT_LOCAL": None, "DATASTORE_SYSROOT_S3": TEXTS, "DATASTORE_SYSROOT_AZURE": TEXTS,
    "DATASTORE_SYSROOT_GS": TEXTS, "CLIENT_CACHE_PATH": TEXTS, "CLIENT_CACHE_MAX_SIZE": INTS,
    "CLIENT_CACHE_MAX_FLOWDATASTORE_COUNT": INTS[:6], "CLIENT_CACHE_MAX_TASKDATASTORE_COUNT": INTS,
    "S3_ENDPOINT_URL": TEXTS, "S3_VERIFY_CERTIFICATE": TEXTS, "S3_SERVER_SIDE_ENCRYPTION": TEXTS,
    "S3_RETRY_COUNT": INTS, "S3_WORKER_COUNT": INTS, "S3_TRANSIENT_RETRY_COUNT": INTS,
    "S3_LOG_TRANSIENT_RETRIES": BOOLS, "S3_CLIENT_RETRY_CONFIG": DICTS, "DATATOOLS_SUFFIX": TEXTS,
    "DATATOOLS_S3ROOT": TEXTS, "DATATOOLS_LOCALROOT": TEXTS, "TEMPDIR": TEXTS, "DATATOOLS_CLIENT_PARAMS": DICTS,
    "DATATOOLS_SESSION_VARS": DICTS, "ARTIFACT_LOCALROOT": TEXTS, "CARD_LOCALROOT": TEXTS, "CARD_S3ROOT": TEXTS,
    "SERVICE_URL": TEXTS, "SERVICE_RETRY_COUNT": INTS, "SERVICE_AUTH_KEY": TEXTS, "SERVICE_HEADERS": DICTS,
    "SERVICE_VERSION_CHECK": BOOLS, "SERVICE_INTERNAL_URL": TEXTS, "DEFAULT_CONTAINER_IMAGE": TEXTS,
    "DEFAULT_CONTAINER_REGISTRY": TEXTS, "CONTACT_INFO": DICTS, "ECS_S3_ACCESS_IAM_ROLE": TEXTS,
    "ECS_FARGATE_EXECUTION_ROLE": TEXTS, "BATCH_JOB_QUEUE": TEXTS, "BATCH_CONTAINER_IMAGE": TEXTS,
    "BATCH_CONTAINER_REGISTRY": TEXTS, "BATCH_EMIT_TAGS": BOOLS, "BATCH_DEFAULT_TAGS": DICTS,
    "DEFAULT_SECRETS_BACKEND_TYPE": TEXTS, "AWS_SECRETS_MANAGER_DEFAULT_REGION": TEXTS, "CONDA_PACKAGE_S3ROOT": TEXTS,
    "CONDA_PACKAGE_AZUREROOT": TEXTS, "CONDA_PACKAGE_GSROOT": TEXTS, "CONDA_DEPENDENCY_RESOLVER": TEXTS,
    "CONDA_USE_FAST_INIT": BOOLS, "DEBUG_SUBCOMMAND": BOOLS, "DEBUG_SIDECAR": BOOLS, "DEBUG_S3CLIENT": BOOLS,
    "DEBUG_TRACING": BOOLS, "DEBUG_STUBGEN": BOOLS, "DEBUG_USERCONF": BOOLS, "DEBUG_CONDA": BOOLS,
    "DEBUG_PACKAGE": BOOLS, "OTEL_ENDPOINT": TEXTS, "OTEL_SERVICE_NAME": TEXTS,
}
NAMES = sorted(KINDS)
# Values of a file that are no strings.
FILE_VALUES = {id(INTS): [3, True, 2.9, -2.9, []], id(BOOLS): [True, False, 1], id(DICTS): [{}, {"a": [1]}, 1]}


def some_names(rnd, most):
    return rnd.sample(NAMES, rnd.choice([0, 1, 1, 2, most]))


def value_of(rnd, name, place, wrong):
    if name == "DATASTORE_SYSROOT_LOCAL":
        return rnd.choice(["", ".", "..", str(place), str(place / "p"), "/no/such", "sub", str(place / "p" / ".metaflow")])
    values = KINDS[name]
    if not wrong:  # so that not every case ends in an error
        values = {id(INTS): INTS[:7], id(DICTS): DICTS[:3] + DICTS[7:]}.get(id(values), values)
    return rnd.choice(values)


def file_of(rnd, path, place, wrong):
    content = {}
    for name in some_names(rnd, 8):
        value = value_of(rnd, name, place, wrong)
        if id(KINDS[name]) in FILE_VALUES and rnd.random() < 0.4:
            value = rnd.choice(FILE_VALUES[id(KINDS[name])][:None if wrong else 2])
        content["METAFLOW_" + name] = value
    text = json.dumps(content, ensure_ascii=rnd.random() < 0.5)
    if wrong and rnd.random() < 0.1:
        text = rnd.choice(["", "[]", "{", "5"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_case(rnd, place):
    """A directory tree, a working directory in it and an environment."""
    wrong = rnd.random() < 0.2
    (place / "p" / "sub" / "deep").mkdir(parents=True)
    env = {"HOME": str(place / "home"), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    for name in ("SUDO_USER", "USERNAME", "USER"):
        if rnd.random() < 0.4:
            env[name] = rnd.choice(["root", "", "tester", "other"])
    home = "home/.metaflowconfig"
    if rnd.random() < 0.4:
        home = rnd.choice(["home/alt", "p/sub/rel"])
        env["METAFLOW_HOME"] = "~/alt" if home == "home/alt" else rnd.choice([str(place / home), "rel"])
    if rnd.random() < 0.3:
        env["METAFLOW_PROFILE"] = rnd.choice(["", "dev", "none"])
    for name in ("config.json", "config_dev.json"):
        if rnd.random() < 0.6:
            file_of(rnd, place / home / name, place, wrong)
    for above in ("p", "p/sub"):
        if rnd.random() < 0.4:
            (place / above / ".metaflow").mkdir()
            if rnd.random() < 0.7:
                file_of(rnd, place / above / ".metaflow" / "config.json", place, wrong)
    for name in some_names(rnd, 6):
        env["METAFLOW_" + name] = value_of(rnd, name, place, wrong)
    return {"env": env, "cwd": str(place / rnd.choice(["p", "p/sub", "p/sub/deep"]))}


def same(theirs, ours):
    if theirs is None or ours is None:
        return theirs is ours
    if isinstance(theirs, bool):
        return ours == ("true" if theirs else "false")
    if isinstance(theirs, (dict, list)):
        return json.loads(ours) == theirs
    return ours == str(theirs)


@pytest.mark.parametrize("seed", range(4))
def test_configuration_is_metaflows(seed, tmp_path):
    """Values, types, defaults, what is merged, the local root and the user, in 60 surroundings."""
    rnd = random.Random(seed)
    cases = [make_case(rnd, tmp_path / str(i)) for i in range(60)]
    answers = subprocess.run([sys.executable, "-c", ORACLE], input=json.dumps([NAMES, cases]), text=True,
                             capture_output=True, check=True).stdout.splitlines()
    assert len(answers) == len(cases)
    errors = 0
    for case, line in zip(cases, answers):
        theirs = json.loads(line)
        done = subprocess.run([build_dir() / "tests" / "config_dump", *NAMES], env=case["env"], cwd=case["cwd"],
                              text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        ours = json.loads(done.stdout)
        context = "%s\ntheirs: %s\nours: %s" % (case, line, done.stdout)
        assert ("error" in theirs) == ("error" in ours), context
        if "error" in theirs:
            errors += 1
            continue
        if ours["root"]:
            ours["root"] = os.path.abspath(ours["root"])
        for name in [*NAMES, "root", "user"]:
            assert same(theirs[name], ours[name]), "%s: %r, not %r\n%s" % (name, ours[name], theirs[name], context)
    assert errors < len(cases) / 2
