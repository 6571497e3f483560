"""The start of a job that has a run's code: the command that is submitted is run as a container would run it, with a
real code package out of a real S3. Nothing is mounted."""

import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

import s3ing
from servicing import PYTHON
from test_batch_requests import BASE, Ours, settings_of

FLOW = '''
from metaflow import FlowSpec, step
import helper

class CodeFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    CodeFlow()
'''
# What a job sees: where its modules come from, and its words.
LOOK = ("import json, os, sys, helper, metaflow; print(json.dumps({'cwd': os.getcwd(), 'words': sys.argv[1:], "
        "'helper': helper.__file__, 'metaflow': metaflow.__file__, 'path': os.environ['PYTHONPATH'], "
        "'root': os.environ['METAFLOW_EXTRACTED_ROOT'], 'files': sorted(os.listdir('.'))}))")
METADATA = '{"version": 0, "archive_format": "tgz", "mfcontent_version": %d}'


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A code package as Metaflow makes it."""
    folder = tmp_path_factory.mktemp("flow")
    (folder / "flow.py").write_text(FLOW)
    (folder / "helper.py").write_text("ANSWER = 42\n")
    subprocess.run([PYTHON, "flow.py", "package", "save", "job.tgz"], cwd=folder, check=True, capture_output=True,
                   env=dict(os.environ, METAFLOW_HOME=str(folder)))
    return (folder / "job.tgz").read_bytes()


def flat(package):
    """The same content as packages had it before they had a layout of their own."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(package)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        for member in old.getmembers():
            data = old.extractfile(member)
            member.name = member.name.removeprefix(".mf_code/").replace(".mf_meta/", "")
            new.addfile(member, data)
    return out.getvalue()


@pytest.fixture(scope="module")
def objects(tmp_path_factory, package):
    versity = s3ing.Versity(tmp_path_factory.mktemp("versity"))
    for key, data in (("root/CodeFlow/data/it's a $(key)", package), ("root/flat", flat(package))):
        versity.client.put_object(Bucket=s3ing.BUCKET, Key=key, Body=data)
    yield versity
    versity.stop()


@pytest.fixture
def bench(tmp_path, objects):
    """Runs a job's command in a folder of its own: bench(code, words, env)."""
    tool, bin_dir = Ours(), tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "python").symlink_to(pathlib.Path(PYTHON))
    (bin_dir / "sleep").write_text("#!/bin/sh\necho slept $1\n")
    (bin_dir / "sleep").chmod(0o755)

    def run(key, metadata, words, **env):
        config = dict(BASE, METAFLOW_S3_ENDPOINT_URL=objects.url)
        code = {"flow": "CodeFlow", "run": "1", "url": "s3://%s/%s" % (s3ing.BUCKET, key), "sha": "5e", "ds": "s3",
                "metadata": metadata, "python_version": "3.11"}
        made = tool.ask({"text": json.dumps({"command": words}), "platform": "EC2", "settings": settings_of(config),
                         "code": code})
        over = made["submit"]["containerOverrides"]
        work = tmp_path / "work"
        work.mkdir()
        variables = dict({e["name"]: e["value"] for e in over["environment"]}, PATH="%s:/usr/bin:/bin" % bin_dir,
                         AWS_ACCESS_KEY_ID=s3ing.ACCESS, AWS_SECRET_ACCESS_KEY=s3ing.SECRET, LC_ALL="C.UTF-8",
                         METAFLOW_SKIP_INSTALL_DEPENDENCIES="1", AWS_EC2_METADATA_DISABLED="true", HOME=str(tmp_path))
        variables.update(env)
        return subprocess.run(over["command"], cwd=work, env={k: v for k, v in variables.items() if v is not None},
                              capture_output=True, text=True, timeout=120), work

    yield run
    tool.process.stdin.close()
    tool.process.wait(30)


WORDS = ["a b", "", "$HOME", "it's \"so\"", "*", "\\n", "-c", "\u00e9"]


@pytest.mark.parametrize("key, layout, modules", [
    ("root/CodeFlow/data/it's a $(key)", METADATA % 1, ".mf_code"),
    ("root/flat", METADATA % 0, ""),
    ("root/flat", None, ""),
    ("root/flat", "{}", ""),
])
def test_the_command_runs_in_the_unpacked_package(bench, key, layout, modules):
    """S248: Words arrive as they are; the package's modules are found."""
    done, work = bench(key, layout, ["python", "-c", LOOK] + WORDS, PYTHONPATH="/before")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == ["Setting up task environment.", "Downloading code package...", "Code package downloaded.",
                         "Task is starting."]
    seen = json.loads(lines[4])
    root = work / "metaflow"
    code = root / modules if modules else root
    assert seen["cwd"] == seen["root"] == str(root)
    assert seen["words"] == WORDS
    assert seen["helper"] == str(root / "helper.py") and "flow.py" in seen["files"]
    assert seen["metaflow"] == str(code / "metaflow" / "__init__.py")
    assert seen["path"] == "%s:/before" % code


def test_a_job_ends_as_its_command_does(bench):
    """S248: Also by a signal."""
    done, _ = bench("root/flat", None, ["sh", "-c", "kill -9 $$"])
    assert done.returncode == -9
    assert "set -e" not in done.stderr


def test_a_command_that_is_not_there(bench):
    """S248: 127, and its name."""
    done, _ = bench("root/flat", None, ["no-such-program"])
    assert done.returncode == 127 and "no-such-program" in done.stderr


def test_a_package_that_is_not_there_ends_the_job(bench):
    """S248: After six tries."""
    done, _ = bench("root/gone", None, ["echo", "never"])
    assert done.returncode == 1
    assert done.stdout.splitlines() == (["Setting up task environment."] +
                                        ["Downloading code package...", "slept 10"] * 6 +
                                        ["Failed to download code package from s3://%s/root/gone after 6 tries. "
                                         "Exiting..." % s3ing.BUCKET])


def test_what_is_not_an_archive_ends_the_job(bench, objects):
    """S248: Nothing is run."""
    objects.client.put_object(Bucket=s3ing.BUCKET, Key="root/broken", Body=b"no archive")
    done, _ = bench("root/broken", None, ["echo", "never"])
    assert done.returncode != 0 and "never" not in done.stdout


def test_dependencies_are_installed_unless_told_otherwise(bench, tmp_path):
    """S248: METAFLOW_SKIP_INSTALL_DEPENDENCIES."""
    recorder = tmp_path / "recorded"
    recorder.mkdir()
    (recorder / "python").write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    (recorder / "python").chmod(0o755)
    done, _ = bench("root/flat", None, ["echo", "never"], PATH="%s:/usr/bin:/bin" % recorder,
                    METAFLOW_SKIP_INSTALL_DEPENDENCIES=None)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1:] == ["-m pip install -qqq --no-compile --no-cache-dir "
                                            "--disable-pip-version-check boto3 requests"]


def test_metaflow_means_the_same_variables(bench):
    """S248: PYTHONPATH and METAFLOW_EXTRACTED_ROOT as Metaflow's own commands export them."""
    script = ("import json, sys\nfrom metaflow.metaflow_environment import MetaflowEnvironment\n"
              "print(json.dumps(MetaflowEnvironment(None).get_package_commands('s3://b/k', 's3', sys.argv[1])))")
    for version in (0, 1):
        asked = subprocess.run([PYTHON, "-c", script, METADATA % version], capture_output=True, text=True, check=True)
        commands = json.loads(asked.stdout)
        assert [c for c in commands if c.startswith("export ")] == [
            "export PYTHONPATH=$(pwd)%s:$(printenv PYTHONPATH)" % ("/.mf_code" if version else ""),
            "export METAFLOW_EXTRACTED_ROOT=$(pwd)"]
        assert [c for c in commands if "tar " in c] == ["TAR_OPTIONS='--warning=no-timestamp' tar -xzf job.tar -C ."]
