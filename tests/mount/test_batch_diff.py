"""Metaflow's own @batch beside job files of the same attributes: both before the same AWS Batch."""

import make
import pytest
from batch_cases import CASES

import batching
import s3ing
from batching import environment, job, save

SETTINGS = {"METAFLOW_ECS_FARGATE_EXECUTION_ROLE": batching.EXECUTION_ROLE, "METAFLOW_BATCH_EMIT_TAGS": "1",
            "METAFLOW_DEBUG_S3CLIENT": "1", "METAFLOW_SERVICE_HEADERS": '{"x-api-key": "k"}'}
# What a job file's container has under Metaflow's names; the rest belongs to a step.
SHARED = ("AWS_DEFAULT_REGION", "METAFLOW_USER", "METAFLOW_SERVICE_", "METAFLOW_DATASTORE_", "METAFLOW_DATATOOLS_",
          "METAFLOW_DEFAULT_", "METAFLOW_CARD_", "METAFLOW_RUNTIME_", "METAFLOW_DEBUG_", "METAFLOW_OTEL_",
          "METAFLOW_TEMPDIR", "METAFLOW_S3_", "METAFLOW_CONDA_", "ONE", "TWO")


@pytest.fixture(scope="module")
def theirs(shared_cloud, batch_s3, tmp_path_factory):
    """{step: Metaflow's SubmitJob} of BatchFlow, whose jobs fail at once."""
    shared_cloud.new = "FAILED"
    env = dict(s3ing.s3_env(batch_s3.url), **batching.batch_env(shared_cloud.url, **SETTINGS))
    make.run_flow(tmp_path_factory.mktemp("theirs"), "batch", "--max-workers", "5", expect=1, **env)
    shared_cloud.new = "RUNNABLE"
    found = {c.body["parameters"]["metaflow.step_name"]: c.body for c in shared_cloud.submitted()}
    assert set(found) == set(CASES), shared_cloud.log()
    return found


@pytest.fixture(scope="module")
def mount(shared_batch_mounter, shared_cloud, batch_s3, theirs):
    return shared_batch_mounter(shared_cloud, env=dict(s3ing.s3_env(batch_s3.url), **SETTINGS))


@pytest.mark.parametrize("step", sorted(CASES))
def test_the_same_as_metaflow(mount, shared_cloud, theirs, step):
    """S284: for the same attributes job file and decorators use one job definition, and resource requirements,
    time-out, tags and named environment of their submissions are the same."""
    their = theirs[step]
    calls = shared_cloud.calls_of(lambda: save(mount, step, job(**CASES[step])))
    assert not calls.of("registerjobdefinition"), calls
    ours = calls.carried_out()[0].body
    assert ours["jobDefinition"] == their["jobDefinition"]
    assert ours["jobQueue"] == their["jobQueue"]
    assert ours["containerOverrides"]["resourceRequirements"] == their["containerOverrides"]["resourceRequirements"]
    assert ours["timeout"] == their["timeout"]
    steps_own = ("metaflow.flow_name", "metaflow.run_id", "metaflow.step_name", "metaflow.version")
    assert ours["tags"] == {k: v for k, v in their["tags"].items() if k not in steps_own}
    have, want = environment(ours), environment(their)
    for name in sorted(set(have) | set(want)):
        if name.startswith(SHARED):
            assert have.get(name) == want.get(name), name
    assert ours["parameters"]["metaflow.user"] == their["parameters"]["metaflow.user"]
