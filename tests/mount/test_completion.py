"""Tab in interactive shells, in a terminal of tmux, offers exactly the client's completion lists."""

import os
import re
import shutil
import subprocess
import time

import pytest

SHELLS = {
    "bash": ("bash --noprofile --norc -i", {}),
    "zsh": ("zsh -i", {".zshrc": "autoload -Uz compinit; compinit -u -D; PS1='%% '\n"
                       "zstyle ':completion:*' accept-exact-dirs true\nsetopt no_auto_menu no_list_beep\n"
                       "LISTMAX=1000\n"}),
    "fish": ("fish -i", {".config/fish/config.fish": "function fish_prompt; echo -n '% '; end\n"
                         "function fish_greeting; end\nset -g fish_autosuggestion_enabled 0\n"}),
}


class Terminal:
    def __init__(self, folder, shell, cwd):
        self.socket = str(folder / "tmux")
        home = folder / "home"
        command, files = SHELLS[shell]
        for name, text in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        home.mkdir(exist_ok=True)
        env = {"HOME": str(home), "ZDOTDIR": str(home), "PATH": os.environ["PATH"], "PS1": "% ",
               "LC_ALL": "C.UTF-8", "TERM": "screen-256color", "INPUTRC": "/nonexistent",
               "XDG_CONFIG_HOME": str(home / ".config"), "XDG_DATA_HOME": str(home / "share")}
        self.run("-f", "/dev/null", "new-session", "-d", "-x", "180", "-y", "200", "-c", str(cwd),
                 "env", "-i", *["%s=%s" % i for i in env.items()], "sh", "-c", "exec " + command)
        self.wait(lambda text: "%" in text, "a prompt")

    def run(self, *argv):
        return subprocess.run(["tmux", "-S", self.socket, *argv], check=True, capture_output=True,
                              text=True, timeout=20).stdout

    def screen(self):
        return self.run("capture-pane", "-p").rstrip()

    def wait(self, what, name):
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            text = self.screen()
            if what(text):
                return text
            time.sleep(0.05)
        raise AssertionError("no %s:\n%s" % (name, self.screen()))

    def settled(self):
        """The screen once it has not changed for a while."""
        last, since = None, time.monotonic()
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            text = self.screen()
            if text != last:
                last, since = text, time.monotonic()
            elif time.monotonic() - since > 0.6:
                return text
            time.sleep(0.05)
        return last

    def type(self, text):
        self.run("send-keys", "-l", "--", text)

    def key(self, *names):
        self.run("send-keys", *names)

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)

    def line(self, text, typed):
        """What stands after `cat ` on the command line now."""
        rows = [row for row in text.splitlines() if "cat " + typed.split("/")[0] in row]
        return rows[-1].split("cat ", 1)[1].strip()

    def fresh_prompt(self):
        """An empty command line at the top of an empty screen. What is typed before the shell reads again would be
        shown twice, by the terminal and by the shell: so each key waits for what the one before it does."""
        self.key("C-c")
        self.settled()
        self.key("C-l")
        self.wait(lambda text: text.strip() == "%", "an empty command line")

    def completions(self, typed):
        """The words that Tab shows, or completes, after `cat ` and `typed`, which ends with a slash."""
        self.fresh_prompt()
        self.type("cat " + typed)
        self.wait(lambda text: text.strip() == "% cat " + typed, "the typed text, alone")
        self.key("Tab")
        text = self.settled()
        line = self.line(text, typed)
        if len(text.splitlines()) == 1:
            if line.endswith("/") and line != typed:
                return {line[len(typed):].rstrip("/")}  # the only one, completed
            self.key("Tab")
            self.key("Tab")
            text = self.settled()
        words = set()
        for row in text.splitlines():
            if "cat " not in row and row.strip() not in ("", "%"):
                words.update(self.name(word, line) for word in row.split())
        return words or ({line[len(typed):]} if line != typed else set())

    @staticmethod
    def name(word, line):
        """The last part of a word that a shell shows; fish cuts what all have in common to "…" and its end."""
        word = word.rstrip("/")
        if word.startswith("\u2026"):
            rest = word[1:]
            common = max(k for k in range(len(rest) + 1) if line.endswith(rest[:k]))
            word = line + rest[common:]
        return word.rsplit("/", 1)[-1]


@pytest.fixture(params=list(SHELLS))
def terminal(request, tmp_path, mnt):
    assert shutil.which(request.param), "%s is not installed" % request.param
    terminal = Terminal(tmp_path, request.param, mnt.workdir)
    terminal.shell = request.param
    yield terminal
    terminal.close()


def test_tab_offers_the_clients_lists(terminal, client, runs):
    """S48: Tab offers the flows, runs, steps, tasks and artifacts that the client's completion lists,
    and nothing else, in bash without inputrc, zsh and fish."""
    run = client.Run(runs["foreach"])
    task = run["start"].task
    levels = [
        ("mnt/", {f.id for f in client.Metaflow()}),
        ("mnt/HelloFlow/", set(client.Flow("HelloFlow")._ipython_key_completions_())),
        ("mnt/%s/" % run.pathspec, set(run._ipython_key_completions_())),
        ("mnt/%s/work/" % run.pathspec, set(run["work"]._ipython_key_completions_())),
        ("mnt/%s/" % task.pathspec, set(task._ipython_key_completions_())),
    ]
    for typed, want in levels:
        assert terminal.completions(typed) == want, typed


def test_tab_completes_a_beginning(terminal, client, runs):
    """S48: the beginning of a name is completed."""
    run = client.Run(runs["named"])
    terminal.fresh_prompt()
    terminal.type("cat mnt/Named")
    terminal.key("Tab")
    time.sleep(0.3)
    terminal.type("")
    text = terminal.settled()
    assert "mnt/NamedFlow/" in text.replace("\n", ""), text
    terminal.key("Tab")
    assert run.id in terminal.settled().replace("\n", "")


def test_tab_inside_a_dot_directory(terminal, client, runs):
    """S49: inside a dot directory Tab offers what it lists (zsh with the line of the README)."""
    task = client.Run(runs["foreach"])["start"].task
    want = {name + ".json" for name in task._ipython_key_completions_()}
    assert terminal.completions("mnt/%s/.json/" % task.pathspec) == want
