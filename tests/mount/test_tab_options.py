"""Tab behind `metaflowfs` in interactive shells, with no mount: options, and paths of the tree."""

import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

import make
import pytest
import s3ing
from mounting import binary, build_dir, daemon_env
from test_completion import SHELLS, Terminal

FILES = pathlib.Path(__file__).resolve().parents[2] / "completions"


def ask(root, workdir, *words, env=None):
    """(mode, {word: meaning}) of `metaflowfs __complete`."""
    (workdir / "temp").mkdir(exist_ok=True)
    full = daemon_env(root, workdir, **(env or {}))
    done = subprocess.run([binary(), "__complete", *words], env=full, cwd=root, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and not list(workdir.glob("sanitizer.*")), done
    mode, *lines = done.stdout.splitlines()
    return mode, dict(line.split("\t", 1) for line in lines)


def test_every_option_is_offered(tmp_path):
    """S500: Tab offers every option of --help, with what it means, and no other; so it does for the subcommands."""
    texts = {name: subprocess.run([binary(), *name.split(), "--help"], capture_output=True, text=True,
                                  timeout=60).stdout for name in ("", "ls", "cat", "get")}
    own = {name: set(re.findall(r"^ +(--[a-z-]+)", texts[name], re.M)) for name in ("ls", "cat", "get")}
    assert own["get"] and "[-l]" in texts["ls"]
    rows = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", texts[""].split("\nOf metaflowfs get")[0], re.M))
    letters = set(re.findall(r"^ +(-\w)\b", texts[""], re.M))
    assert {"--datastore-root", "--fault", "--help"} <= rows and {"-f", "-o"} <= letters
    mode, offered = ask(tmp_path, tmp_path, "--", "-")
    assert mode == "words" and set(offered) == rows | letters and all(offered.values())
    for name in own:
        mode, offered = ask(tmp_path, tmp_path, "--", name, "-")
        own_letters = set(re.findall(r"\[(-\w)\]", texts[name].splitlines()[0 if name == "ls" else 1]))
        assert {w for w in offered if w not in rows | letters} == own[name] | own_letters
        assert {"--datastore-root", "--namespace", "--profile", "--help"} <= set(offered) and "--uid" not in offered
    mode, offered = ask(tmp_path, tmp_path, "--", "-o", "")
    assert mode == "words"
    assert {w.rstrip("=") for w in offered if offered[w]} == {
        r[2:] for r in rows} - {"help", "version", "check"}


def test_values(tmp_path):
    """S500: values that are known are offered, and else directories or files where one is wanted."""
    assert ask(tmp_path, tmp_path, "--", "--log-level", "w") == ("words", {"warn": ""})
    assert ask(tmp_path, tmp_path, "--", "--log-level=w") == ("words", {"--log-level=warn": ""})
    assert ask(tmp_path, tmp_path, "--", "-f", "-o", "ro,dots=l") == ("words", {"ro,dots=list": ""})
    assert ask(tmp_path, tmp_path, "--", "-fo", "ro,dots=l") == ("words", {"ro,dots=list": ""})
    assert set(ask(tmp_path, tmp_path, "--", "-oro,allow-r")[1]) == {"-oro,allow-root"}
    assert ask(tmp_path, tmp_path, "--", "ls", "--cache-dir", "")[0] == "dirs"
    assert ask(tmp_path, tmp_path, "--", "--log-file=")[0] == "files"
    assert ask(tmp_path, tmp_path, "--", "get", "--jobs", "") == ("words", {})
    assert ask(tmp_path, tmp_path, "--", "get", "HelloFlow", "") == ("dirs", {})
    assert set(ask(tmp_path, tmp_path, "--", "")[1]) == {"ls", "cat", "get"}
    assert ask(tmp_path, tmp_path, "metaflowfs ls HelloFlow > ", ":=")[0] == "files"


def test_artifacts_in_s3(s3, s3_root, s3_runs, tmp_path):
    """S501, S502: where artifacts are in S3 all names are offered; while it does not answer all but theirs."""
    run = s3_runs["params"]
    (task,) = [p for p in (s3_root / ".metaflow" / run / "start").iterdir() if p.name.isdigit()]
    artifacts = {p.name.split("_artifact_")[1].removesuffix(".json") for p in task.glob("_meta/*_artifact_*.json")}

    def names(url, path):
        env = dict(s3ing.s3_env(url), METAFLOW_DATASTORE_SYSROOT_LOCAL=str(s3_root))
        mode, offered = ask(s3_root, tmp_path, "--", "cat", "--no-cache", path, env=env)
        assert mode == "paths" and all(w.startswith(path) for w in offered)
        return {w.removeprefix(path).strip("/") for w in offered}

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        for url in (s3.url, "http://127.0.0.1:%d" % silent.getsockname()[1]):
            assert task.name in names(url, run + "/start/")
            begun = time.monotonic()
            offered = names(url, "%s/start/%s/" % (run, task.name))
            assert offered == ({n for n in artifacts if not n.startswith("_")} if url == s3.url else set())
            assert time.monotonic() - begun < 20


def test_a_silent_service_is_given_up(tmp_path):
    """S502: where a service does not answer Tab offers nothing, says nothing, and does not wait for it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        env = {"METAFLOW_DEFAULT_METADATA": "service",
               "METAFLOW_SERVICE_URL": "http://127.0.0.1:%d" % silent.getsockname()[1]}
        begun = time.monotonic()
        assert ask(tmp_path, tmp_path, "--", "ls", "--no-cache", "--service-timeout", "600", "Hel",
                   env=env) == ("paths", {})
        assert time.monotonic() - begun < 20  # it is asked for 600 s
        silent.settimeout(1)
        silent.accept()[0].close()
    assert ask(tmp_path, tmp_path, "--", "ls", "--nonsense", "Hel") == ("paths", {})


@pytest.fixture(params=list(SHELLS))
def shell(request, tmp_path, main_root, runs, monkeypatch):
    """A terminal in a directory without data, with the completion installed as the shell finds it."""
    assert shutil.which(request.param), "%s is not installed" % request.param
    monkeypatch.setenv("PATH", "%s:/usr/bin:/bin" % build_dir())
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    (home / ".config/fish/completions").mkdir(parents=True)
    shutil.copy(FILES / "metaflowfs.fish", home / ".config/fish/completions")
    (home / ".zshenv").write_text("fpath=(%s $fpath)\n" % FILES)
    (cwd / "places" / "a b").mkdir(parents=True)
    (cwd / "places" / "data").symlink_to(main_root)
    terminal = Terminal(tmp_path, request.param, cwd)
    terminal.shell = request.param
    if request.param == "bash":
        terminal.type(". %s" % (FILES / "metaflowfs.bash"))
        terminal.key("Enter")
    terminal.fresh_prompt()
    yield terminal
    terminal.close()


def tab(terminal, typed, want):
    """Types, presses Tab, and waits for `want` at the end of the screen."""
    terminal.type(typed)
    terminal.wait(lambda text: text.endswith(typed.rstrip()), "typed text")
    terminal.key("Tab")
    terminal.wait(lambda text: text.rstrip().endswith(want), want)


def test_tab_in_shells(shell, client, runs):
    """S500, S501: in bash, zsh and fish: options and their values, directories, and the tree's names with slashes,
    dot names when they are begun, all quoted as the shell needs them; options on the line are heeded."""
    run = runs["hello-tags"].split("/")[1]
    tab(shell, "metaflowfs cat --datastore-r", "--datastore-root")
    tab(shell, "places/da", "places/data/")
    tab(shell, " Hello", " HelloFlow/")
    tab(shell, ".tag", "HelloFlow/.tags/")
    tab(shell, "wi", r"HelloFlow/.tags/with\ space/")
    tab(shell, "", r"with\ space/%s/" % run)
    tab(shell, "st", run + "/start/")
    tab(shell, "", "/start/1/")
    tab(shell, "gr", "/start/1/greeting")
    shell.key("Enter")
    shell.wait(lambda text: "salve" in text.splitlines()[-1] or "\nsalve" in text, "the artifact")
    shell.fresh_prompt()
    tab(shell, "metaflowfs ls --datastore-root=places/da", "=places/data/")
    tab(shell, " HelloFlow/.tags/user:t", "/.tags/user:tester/" if shell.shell != "fish" else "user:tester/")
    shell.fresh_prompt()
    tab(shell, "metaflowfs --log-level=de", "--log-level=debug")
    tab(shell, "-o ro,allow-ro", "debug -o ro,allow-root")
    tab(shell, "places/a", r"-root places/a\ b/")
    shell.fresh_prompt()
    text = listed(shell, "metaflowfs ls --datastore-root places/data HelloFlow/%s/" % run)
    assert {"start", "end"} <= set(re.split(r"[\s/]+", text))


@pytest.mark.parametrize("typed", ["evil", r"evil\`ran\`/"])
def test_tab_runs_nothing(shell, runs, writable_root, tmp_path, typed):
    """S501: a tag that the shell would run is quoted, or not offered, so that Enter behind Tab runs nothing of it."""
    root = writable_root("hello-tags")
    add = [sys.executable, make.FLOWS / "hello_flow.py", "tag", "add", "--run-id", runs["hello-tags"].split("/")[1]]
    done = subprocess.run([*add, "evil`ran`"], cwd=root, env=make.metaflow_env(root), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "cwd" / "own").symlink_to(root)
    shell.type("function ran; touch ran; end" if shell.shell == "fish" else "ran() { touch ran; }")
    shell.key("Enter")
    shell.fresh_prompt()
    tab(shell, "metaflowfs ls --datastore-root own HelloFlow/.tags/user:t", "user:tester/")  # so Tab is answered here
    shell.fresh_prompt()
    shell.type("metaflowfs ls --datastore-root own HelloFlow/.tags/" + typed)
    shell.wait(lambda text: text.rstrip().endswith(typed[-4:]), "typed text")
    shell.key("Tab")
    if shell.shell == "bash":  # it offers nothing, and so shows nothing
        time.sleep(3)
    else:
        shell.wait(lambda text: not text.rstrip().endswith("/.tags/" + typed), "what Tab did")
    shell.key("Enter")
    shell.wait(lambda text: text.rstrip().endswith("%"), "the next prompt")
    assert not (tmp_path / "cwd" / "ran").exists()


def listed(shell, typed):
    shell.type(typed)
    shell.wait(lambda text: text.endswith(typed), "typed text")
    shell.key("Tab")
    shell.key("Tab")
    return shell.wait(lambda text: "start" in text and "end" in text, "the steps")
