"""Dot names are found and never listed: tools that walk see Metaflow's names, once and alone."""

import glob
import os
import re
import subprocess

import pytest

FLOWS = ("HelloFlow", "ForeachFlow", "RetryFlow", "CardFlow")


@pytest.fixture(scope="module")
def mnt(shared_mounter, data_dir, runs, tmp_path_factory, main_root):
    root = tmp_path_factory.mktemp("few")
    (root / ".metaflow").mkdir()
    for name in (*FLOWS, "mf.cards"):
        (root / ".metaflow" / name).symlink_to(main_root / ".metaflow" / name)
    # Links that lead out of the datastore are refused, so bind the data by hard links instead.
    for name in (*FLOWS, "mf.cards"):
        (root / ".metaflow" / name).unlink()
        subprocess.run(["cp", "-al", main_root / ".metaflow" / name, root / ".metaflow"], check=True)
    return shared_mounter(root)


@pytest.fixture(scope="module")
def artifacts(mnt, client):
    """How many artifacts the client lists in all flows of this mount."""
    return sum(len(list(task)) for flow in FLOWS for run in client.Flow(flow) for step in run for task in step)


def dot_names(mnt, where):
    return re.findall(r"^  (\.\S+)", mnt.read(where + "/.help").decode(), re.M)


def some_paths(client):
    run = client.Flow("RetryFlow").latest_run
    task = run["flaky"].task.pathspec
    step = task.rsplit("/", 1)[0]
    return ["", "RetryFlow", run.pathspec, step, task]


def test_no_listing_has_a_dot_name(mnt):
    """S4: no directory of the tree lists a name that begins with a dot."""
    seen = 0
    for folder, folders, files in os.walk(mnt.path):
        assert not [n for n in folders + files if n.startswith(".")], folder
        seen += len(files)
    assert seen > 100
    listed = subprocess.run(["ls", "-A", mnt.path], capture_output=True, text=True, check=True)
    assert "." not in {line[0] for line in listed.stdout.split()}


def test_look_up_finds_every_dot_name(mnt, client):
    """S5: each name that .help tells is found; .help and .meta are in every directory."""
    for where in some_paths(client):
        names = dot_names(mnt, where)
        assert ".help" in names and ".meta" in names
        for name in names:
            path = mnt / where / name
            if name in (".end", ".latest-successful", ".cards", ".code", ".code.tgz") or (name == ".batch" and where):
                continue  # links that may have no target here, and what only some tasks have
            assert os.path.lexists(path), path


def test_dots_in_the_parents_of_nothing(mnt):
    """S5: dot names that the tree does not have are missing, also those that programs probe for."""
    for name in (".git", ".Trash", ".DS_Store", ".hidden", "autorun.inf", ".nothing"):
        for where in ("", "HelloFlow"):
            assert not os.path.lexists(mnt / where / name)


def test_dots_can_be_listed(mounter, mnt, main_root, client):
    """S6: -o dots=list lists every dot name that .help tells."""
    mount = mounter(main_root, args=["-o", "dots=list"])
    for where in some_paths(client):
        told = set(dot_names(mnt, where))
        listed = {n for n in mount.names(where) if n.startswith(".")}
        assert listed - told == set()
        assert {".help", ".meta"} <= listed


def test_a_dot_directory_lists_what_is_in_it(mnt, client):
    """S5: `ls .json` lists the artifacts; cd and globs work inside."""
    task = client.Flow("RetryFlow").latest_run["flaky"].task
    names = sorted(a.id + ".json" for a in task)
    inside = mnt / task.pathspec / ".json"
    assert sorted(os.listdir(inside)) == names
    done = subprocess.run(["bash", "-c", "cd %s && echo *" % inside], capture_output=True, text=True)
    assert done.stdout.split() == names


WALKERS = {
    "grep": ("grep -rs 'no such text' {mnt}; true", 1),
    "tar": ("tar -C {mnt} -cf - . | cat >/dev/null", 1),
    "cp": ("cp -a {mnt}/. {out}", 1),
    "rsync": ("rsync -a {mnt}/ {out}/", 1),
    "find-exec": ("find {mnt} -type f -exec cat {{}} + >/dev/null", 1),
    "wc-glob": ("wc -c {mnt}/*/*/*/*/* >/dev/null", 1),
    "du": ("du -s {mnt} >/dev/null", 0),
    "find": ("find {mnt} >/dev/null", 0),
    "ls": ("ls -lR {mnt} >/dev/null", 0),
    "rm": ("! rm -rf {mnt}/HelloFlow {mnt}/CardFlow", 0),
}


@pytest.mark.parametrize("tool", WALKERS)
def test_walkers_touch_each_artifact_once(mnt, artifacts, tool, tmp_path):
    """S4, S7: a walk opens each artifact exactly once, or not at all, and nothing that is computed."""
    command, times = WALKERS[tool]
    before = mnt.opens()
    subprocess.run(["bash", "-c", command.format(mnt=mnt.path, out=tmp_path)], check=True, timeout=120,
                   stderr=subprocess.DEVNULL)
    after = mnt.opens()
    assert after["artifact"] - before["artifact"] == times * artifacts
    assert after["computed"] == before["computed"]
    if tool in ("cp", "rsync"):
        copied = [f for _, _, files in os.walk(tmp_path) for f in files]
        assert len(copied) == artifacts


def test_rm_is_refused(mnt, client):
    """S8: rm, rmdir, mkdir, touch, mv and chmod in the tree are refused, and nothing is lost."""
    run = client.Flow("HelloFlow").latest_run.pathspec
    artifact = run + "/start/" + client.Run(run)["start"].task.id + "/message"
    text = mnt.read(artifact)
    for command in ("rm -f {0}", "rmdir {1}", "mkdir {1}/x", "touch {1}/new", "mv {0} {0}2", "chmod 600 {0}",
                    "echo x > {0}", "truncate -s 0 {0}", "ln -s a {1}/b", "touch {0}"):
        done = subprocess.run(["bash", "-c", command.format(mnt / artifact, mnt / run)], capture_output=True,
                              text=True)
        assert done.returncode != 0, command
        assert "Read-only" in done.stderr or "ermission" in done.stderr, (command, done.stderr)
    assert mnt.read(artifact) == text


GLOBS = {
    "bash": "shopt -s dotglob nullglob; cd {0}; printf '%s\\n' */*/*/*/*",
    "bash-globstar": "shopt -s dotglob globstar; cd {0}; for f in **; do [ -d \"$f\" ] || echo $f; done",
    "zsh": "cd {0}; print -l */*/*/*/*(D)",
    "zsh-recursive": "cd {0}; print -l **/*(D.)",
}


@pytest.mark.parametrize("shell", GLOBS)
def test_globs(mnt, artifacts, shell):
    """S4: globs of bash and zsh, dot names included, match the artifacts alone."""
    done = subprocess.run([shell.split("-")[0], "-c", GLOBS[shell].format(mnt.path)], capture_output=True,
                          text=True, check=True)
    found = [line for line in done.stdout.splitlines() if line]
    assert len(found) == len(set(found)) == artifacts


def test_python_sees_the_same(mnt, artifacts):
    """S4: Python's glob and scandir match the artifacts alone."""
    assert len(glob.glob(str(mnt.path) + "/*/*/*/*/*")) == artifacts
    assert len(glob.glob(str(mnt.path) + "/*/*/*/*/*", include_hidden=True) if "include_hidden"
               in glob.glob.__kwdefaults__ else range(artifacts)) == artifacts
