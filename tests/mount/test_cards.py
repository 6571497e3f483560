"""Cards while they change: of a task that runs, of one that was tried again, in S3, and names that are no cards'."""

import os
import signal
import subprocess
import sys
import uuid

import make
import pytest
import s3ing
from test_client_equality import rel

FLOW = '''
import os, pathlib, time
from metaflow import FlowSpec, card, current, retry, step
from metaflow.cards import Markdown

def gate(name):
    (pathlib.Path(os.environ["GATES"]) / (name + ".waiting")).touch()
    while not (pathlib.Path(os.environ["GATES"]) / name).exists():
        current.card.refresh()
        time.sleep(0.1)

class ShowFlow(FlowSpec):
    @card(type="blank", id="live", refresh_interval=1)
    @step
    def start(self):
        current.card.append(Markdown("# one"))
        gate("first")
        current.card.append(Markdown("# two " + "more " * 1000))
        self.next(self.again)

    @card(type="blank")
    @retry(times=1, minutes_between_retries=0)
    @step
    def again(self):
        current.card.append(Markdown("# attempt %d" % current.retry_count))
        if current.retry_count == 0:
            gate("again")
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    ShowFlow()
'''


def soon(what, name, seconds=60):
    make.wait_for(what, name, seconds)


@pytest.fixture
def at_root(client, main_root):
    """Metaflow's client of another root, for a while."""
    def of(root):
        client.metadata("local@%s" % root)
        return client

    yield of
    client.metadata("local@%s" % main_root)


def compare(client, mount, pathspec):
    """The mount's cards of a task are the client's; {file: html}."""
    from metaflow.cards import get_cards

    found = {os.path.basename(c.path): c.get() for c in get_cards(client.Task(pathspec))}
    where = mount / pathspec / ".cards"
    assert {n for n in os.listdir(where) if not (where / n).is_symlink()} == set(found)
    for name, text in found.items():
        assert (where / name).read_text() == text
        assert (where / name).stat().st_size == len(text.encode())
    return found


def test_cards_of_a_running_flow(at_root, mounter, tmp_path):
    """S457: A card that is made while its task runs, again and again, and cards of each attempt."""
    root, gates = tmp_path / "root", tmp_path / "gates"
    for folder in (root / ".metaflow", gates):
        folder.mkdir(parents=True)
    (tmp_path / "flow.py").write_text(FLOW)
    run = subprocess.Popen(
        [sys.executable, str(tmp_path / "flow.py"), "--no-pylint", "run", "--run-id-file", str(gates / "id")],
        cwd=root, env=make.metaflow_env(root, GATES=str(gates)), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        mount = mounter(root, args=["--ttl", "0.2"])
        soon(lambda: (gates / "first.waiting").exists(), "the first card")
        client = at_root(root)
        start = client.Run("ShowFlow/" + (gates / "id").read_text())["start"].task
        cards = mount / rel(start) / ".cards"
        link = cards / "blank-live.html"
        soon(lambda: cards.is_dir() and link.exists(), "the link to the card")
        first = link.read_bytes()
        assert set(os.listdir(cards)) == {os.readlink(link), link.name}
        reader = open(link, "rb")  # what is open stays what it was
        head = reader.read(1000)
        (gates / "first").touch()
        soon(lambda: (gates / "again.waiting").exists(), "the next task")
        soon(lambda: link.read_bytes() != first, "the card's new text")
        assert head + reader.read() == first
        reader.close()
        again = client.Run("ShowFlow/" + (gates / "id").read_text())["again"].task
        soon(lambda: mount.names(rel(again) + "/.cards"), "the first attempt's card")
        (gates / "again").touch()
        assert run.wait(120) == 0
    finally:
        run.kill()
        run.wait()
    soon(lambda: len(mount.names(rel(again) + "/.cards")) == 3, "the second attempt's card")
    os.kill(mount.pid, signal.SIGHUP)  # everything is looked at anew
    assert len(compare(client, mount, rel(start))) == 1
    every = compare(client, mount, rel(again))
    of_attempts = [set(mount.names("%s/.attempts/%d/.cards" % (rel(again), n))) for n in (0, 1)]
    assert of_attempts[0] | of_attempts[1] == {*every, "blank.html"}
    assert of_attempts[0] & of_attempts[1] == {"blank.html"} and len(every) == 2
    newest = os.readlink(mount / rel(again) / ".cards" / "blank.html")
    assert newest in of_attempts[1]


def test_cards_that_change_in_s3(s3, s3_mounter, s3_runs):
    """S457: The same in S3, in both layouts; names that are no card's are left out."""
    mount = s3_mounter(s3, settle="100000000")  # as if the task still ran
    run = s3_runs["hello"]
    task = "%s/end/%s" % (run, mount.names(run + "/end")[0])
    flow, number, step, one = task.split("/")
    new = "metaflow/mf.cards/%s/runs/%s/steps/%s/tasks/%s/cards/" % (flow, number, step, one)
    old = "metaflow/mf.cards/%s/runs/%s/tasks/%s/cards/" % (flow, number, one)
    cards, name = mount / task / ".cards", "blank-mine-%s.html" % uuid.uuid4().hex
    keys = []

    def put(key, data):
        keys.append(key)
        s3.client.put_object(Bucket=s3ing.BUCKET, Key=key, Body=data)

    def shows(text):
        return lambda: (cards / name).exists() and (cards / name).read_bytes() == text

    try:
        assert os.listdir(cards) == []
        put(old + name, b"old place")
        soon(shows(b"old place"), "a card in the old layout")
        put(new + name, b"new place")
        soon(shows(b"new place"), "a card in the new layout")
        with open(cards / "blank-mine.html", "rb") as reader:
            assert reader.read(3) == b"new"
            put(new + name, b"x" * 300000)
            soon(shows(b"x" * 300000), "a longer card")
            assert reader.read() == b" place"
        put(new + name, b"short")
        soon(shows(b"short"), "a shorter card")
        for odd in ("a-b-c-d.html", "plain.html", "tmpq3x", "blank-%s.txt" % uuid.uuid4().hex, "-.html", ".html"):
            put(new + odd, b"odd")
        put(new + "blank-mine.html", b"a card of the type blank whose uuid is mine")
        soon(lambda: len(os.listdir(cards)) > 2, "more names")
        # A stored name goes before a link of that name.
        assert sorted(os.listdir(cards)) == sorted([name, "blank-mine.html", "blank.html"])
        assert not (cards / "blank-mine.html").is_symlink()
        assert os.readlink(cards / "blank.html") == "blank-mine.html"
    finally:
        for key in set(keys):
            s3.client.delete_object(Bucket=s3ing.BUCKET, Key=key)
