"""Many rows without running anything: flows of 100,000 runs, steps of 10,000 tasks, runs that failed. The
artifacts' bytes are those of Python's pickle; they are written below `root` when it is given."""

import gzip
import hashlib
import os
import pickle

from store import now_ms

SYSTEM_TAGS = ["user:tester", "metaflow_version:2.19.39", "python_version:3.11.7", "runtime:dev"]
ENCODING = "pickle-v4"


class Values:
    """Shas of values, whose blobs are written when there is a root."""

    def __init__(self, flow, root):
        self.flow, self.root, self.known = flow, root, {}
        self.location = ":root:%s/.metaflow" % (root or "/nonexistent")

    def sha(self, value):
        if value not in self.known:
            data = pickle.dumps(value, 4)
            sha = self.known[value] = hashlib.sha1(data).hexdigest()
            if self.root:
                path = os.path.join(self.root, ".metaflow", self.flow, "data", sha[:2], sha)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as out:
                    out.write(gzip.compress(data, 3))
        return self.known[value]


def flow_of(store, name):
    return store.flow(name) or store.add_flow(name, "tester", ts_epoch=now_ms() - 10**9)


def add_runs(store, name, count, last_ms=None):
    """`count` runs without steps, a second apart."""
    flow, last = flow_of(store, name), last_ms or now_ms() - 3600 * 1000
    for n in range(count):
        store.add_run(flow, "tester", [], SYSTEM_TAGS, ts_epoch=last - (count - n) * 1000)


def add_attempt(store, task, values, ts, good=True, artifacts=(), wrote_end=True):
    """One attempt of a task with its records and artifacts; returns the time of its last."""
    tags = ["attempt_id:0"]
    for field, value, kind in (("attempt", "0", "attempt"), ("origin-run-id", "None", "origin-run-id"),
                               ("ds-type", "local", "ds-type"), ("ds-root", values.location[6:], "ds-root")):
        store.add_record(task, {"field_name": field, "value": value, "type": kind, "user_name": "tester",
                                "tags": tags}, ts)
    rows = {"name": values.flow, "_success": good, **dict(artifacts)}
    if good:
        rows["_task_ok"] = True
    for name, value in rows.items():
        store.add_artifact(task, {"name": name, "location": values.location, "ds_type": "local",
                                  "sha": values.sha(value), "type": "metaflow.artifact", "content_type": ENCODING,
                                  "user_name": "tester", "attempt_id": 0}, ts + 1)
    for field, value, kind in (("attempt-done", "0", "attempt-done"),
                               ("attempt_ok", str(good), "internal_attempt_status")):
        store.add_record(task, {"field_name": field, "value": value, "type": kind, "user_name": "tester",
                                "tags": tags}, ts + 2)
    return ts + 2


def add_run(store, name, values, ts, good, end):
    """A run of `start` and `end` (or another end step); one that failed, failed in start."""
    run = store.add_run(flow_of(store, name), "tester", [], SYSTEM_TAGS, ts_epoch=ts)
    parameters = store.add_task(store.add_step(run, "_parameters", "tester", ts), "tester", ts_epoch=ts)
    for field, value in (("start_step", "start"), ("end_step", end)):
        store.add_record(parameters, {"field_name": field, "value": value, "type": "graph_structure",
                                      "user_name": "tester", "tags": []}, ts)
    add_attempt(store, parameters, values, ts)
    for n, step in enumerate(["start", end] if good else ["start"]):
        at = ts + 10 * n + 5
        task = store.add_task(store.add_step(run, step, "tester", at), "tester", ts_epoch=at)
        add_attempt(store, task, values, at, good)
    return run


def add_failed(store, name, failed, good=3, end="end", root=None):
    """`good` runs, and `failed` newer ones that failed; an hour ago, a second apart."""
    values, last = Values(name, root), now_ms() - 3600 * 1000
    for n in range(good + failed):
        add_run(store, name, values, last - (good + failed - n) * 1000, n < good, end)


def add_tasks(store, name, tasks, artifacts, root=None):
    """A run that is done whose step `work` has `tasks` tasks of `artifacts` artifacts each."""
    values, ts = Values(name, root), now_ms() - 24 * 3600 * 1000
    run = add_run(store, name, values, ts, True, "end")
    step = store.add_step(run, "work", "tester", ts + 7)
    given = [("a%d" % n, n) for n in range(max(artifacts - 3, 0))]
    for n in range(tasks):
        task = store.add_task(step, "tester", ts_epoch=ts + 1000 + n)
        add_attempt(store, task, values, ts + 1000 + n, True, given)
    return run
