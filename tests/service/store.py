"""The tables of a metadata service in memory: rows as Metaflow's service gives them, in the orders that
its pages and lists have. Behaviour follows services/data of Netflix/metaflow-service 2.5.1 with the
cursors and filters of 2026."""

import bisect
import json
import time

INACTIVE_SECONDS = 360
WAIT_SECONDS = 10
INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1


class DatabaseError(Exception):
    """What Postgres refuses: answered as 500 with a JSON string."""


def now_ms():
    return int(round(time.time() * 1000))


class Ordered:
    """Rows ascending by a key, for pages that go down from a cursor."""

    def __init__(self, key):
        self.key, self.keys, self.rows = key, [], []

    def add(self, row):
        key = self.key(row)
        at = len(self.keys) if not self.keys or key > self.keys[-1] else bisect.bisect_left(self.keys, key)
        self.keys.insert(at, key)
        self.rows.insert(at, row)

    def remove(self, row):
        at = bisect.bisect_left(self.keys, self.key(row))
        del self.keys[at], self.rows[at]

    def page(self, before, limit, keep=None, from_ms=None):
        """At most limit + 1 rows below the cursor `before`, descending; stops where ts < from_ms."""
        found = []
        at = bisect.bisect_left(self.keys, before) if before is not None else len(self.keys)
        while at > 0 and (limit < 0 or len(found) <= limit):
            at -= 1
            if from_ms is not None and self.keys[at][0] < from_ms:
                break
            if keep is None or keep(self.rows[at]):
                found.append(self.rows[at])
        return found


class Flow:
    __slots__ = ("flow_id", "user_name", "ts_epoch", "tags", "system_tags", "runs", "by_number", "by_id")

    def __init__(self, flow_id, user_name, tags, system_tags, ts_epoch=None):
        self.flow_id, self.user_name, self.tags, self.system_tags = flow_id, user_name, tags, system_tags
        self.ts_epoch = ts_epoch or now_ms()
        self.runs = Ordered(lambda r: (r.ts_epoch, r.run_number))
        self.by_number, self.by_id = {}, {}

    def row(self):
        return {"flow_id": self.flow_id, "user_name": self.user_name, "ts_epoch": self.ts_epoch,
                "tags": self.tags, "system_tags": self.system_tags}


class Run:
    __slots__ = ("flow_id", "run_number", "run_id", "user_name", "ts_epoch", "last_heartbeat_ts", "tags",
                 "system_tags", "steps", "artifacts", "records", "sorted_artifacts", "end_records")

    def __init__(self, flow_id, run_number, run_id, user_name, tags, system_tags, ts_epoch=None, beat=None):
        self.flow_id, self.run_number, self.run_id, self.user_name = flow_id, run_number, run_id, user_name
        self.tags, self.system_tags = tags, system_tags
        self.ts_epoch, self.last_heartbeat_ts = ts_epoch or now_ms(), beat
        self.steps = self.artifacts = self.records = self.sorted_artifacts = self.end_records = None

    @property
    def exposed(self):
        return self.run_number if self.run_id is None else self.run_id

    @property
    def user(self):
        return self.user_name if "user:%s" % self.user_name in (self.system_tags or ()) else None

    @property
    def status(self):
        """As the service derives it: from records of a step that is called `end`, and the heartbeat."""
        newest = {}
        for record in self.end_records or ():
            if record.field_name in ("attempt_ok", "attempt"):
                old = newest.get(record.field_name)
                if old is None or record.ts_epoch >= old.ts_epoch:
                    newest[record.field_name] = record
        done = newest.get("attempt_ok")
        if done is not None:
            good = str(done.value).lower() in ("true", "t", "1", "yes", "on")
            begun = newest.get("attempt")
            if not good and begun is not None and done.ts_epoch < begun.ts_epoch:
                return "running"
            return "completed" if good else "failed"
        beat = self.last_heartbeat_ts
        return "running" if beat is not None and abs(time.time() - beat) <= INACTIVE_SECONDS else "failed"

    def row(self, with_status=False):
        body = {"flow_id": self.flow_id, "run_number": self.exposed, "user_name": self.user_name,
                "ts_epoch": self.ts_epoch, "tags": self.tags, "system_tags": self.system_tags,
                "last_heartbeat_ts": self.last_heartbeat_ts}
        if with_status:
            body["status"] = self.status
        if self.user is not None:
            body["user"] = self.user
        return body


class Step:
    __slots__ = ("run", "step_name", "user_name", "ts_epoch", "tasks", "by_number", "by_name", "artifacts",
                 "sorted_artifacts")

    def __init__(self, run, step_name, user_name, ts_epoch=None):
        self.run, self.step_name, self.user_name = run, step_name, user_name
        self.ts_epoch = ts_epoch or now_ms()
        self.tasks = Ordered(lambda t: (t.ts_epoch, t.task_id))
        self.by_number, self.by_name = {}, {}
        self.artifacts, self.sorted_artifacts = [], None

    def row(self):
        return {"flow_id": self.run.flow_id, "run_number": str(self.run.exposed), "step_name": self.step_name,
                "user_name": self.user_name, "ts_epoch": self.ts_epoch, "tags": self.run.tags,
                "system_tags": self.run.system_tags}


class Task:
    __slots__ = ("step", "task_id", "task_name", "user_name", "ts_epoch", "last_heartbeat_ts", "artifacts",
                 "records", "sorted_artifacts")

    def __init__(self, step, task_id, task_name, user_name, ts_epoch=None, beat=None):
        self.step, self.task_id, self.task_name, self.user_name = step, task_id, task_name, user_name
        self.ts_epoch, self.last_heartbeat_ts = ts_epoch or now_ms(), beat
        self.artifacts, self.records, self.sorted_artifacts = [], None, None

    @property
    def exposed(self):
        return self.task_id if self.task_name is None else self.task_name

    def row(self):
        run = self.step.run
        return {"flow_id": run.flow_id, "run_number": run.exposed, "step_name": self.step.step_name,
                "task_id": self.exposed, "user_name": self.user_name, "ts_epoch": self.ts_epoch,
                "tags": run.tags, "system_tags": run.system_tags, "last_heartbeat_ts": self.last_heartbeat_ts}


class Artifact:
    __slots__ = ("task", "name", "location", "ds_type", "sha", "type", "content_type", "user_name",
                 "attempt_id", "ts_epoch")

    def __init__(self, task, name, location, ds_type, sha, type_, content_type, user_name, attempt_id, ts_epoch):
        self.task, self.name, self.location, self.ds_type, self.sha = task, name, location, ds_type, sha
        self.type, self.content_type, self.user_name = type_, content_type, user_name
        self.attempt_id, self.ts_epoch = attempt_id, ts_epoch

    def row(self):
        run = self.task.step.run
        return {"flow_id": run.flow_id, "run_number": run.exposed, "step_name": self.task.step.step_name,
                "task_id": self.task.exposed, "name": self.name, "location": self.location,
                "ds_type": self.ds_type, "sha": self.sha, "type": self.type, "content_type": self.content_type,
                "user_name": self.user_name, "attempt_id": self.attempt_id, "ts_epoch": self.ts_epoch,
                "tags": run.tags, "system_tags": run.system_tags}


class Record:
    __slots__ = ("task", "id", "field_name", "value", "type", "user_name", "ts_epoch", "tags")

    def __init__(self, task, id_, field_name, value, type_, user_name, tags, ts_epoch):
        self.task, self.id, self.field_name, self.value, self.type = task, id_, field_name, value, type_
        self.user_name, self.tags, self.ts_epoch = user_name, tags, ts_epoch

    def row(self):
        run = self.task.step.run
        return {"id": self.id, "flow_id": run.flow_id, "run_number": run.exposed,
                "step_name": self.task.step.step_name, "task_id": self.task.exposed,
                "field_name": self.field_name, "value": self.value, "type": self.type,
                "user_name": self.user_name, "ts_epoch": self.ts_epoch, "tags": self.tags, "system_tags": None}


def as_text(value):
    """A metadata value as Postgres keeps it in a text column: a JSON list becomes `{a,b}`."""
    if isinstance(value, list):
        quoted = []
        for v in map(as_text, value):
            plain = v != "" and v.upper() != "NULL" and not any(c in '{},"\\' or c.isspace() for c in v)
            quoted.append(v if plain else '"%s"' % v.replace("\\", "\\\\").replace('"', '\\"'))
        return "{%s}" % ",".join(quoted)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        raise DatabaseError("can't adapt type 'dict'")
    return value if value is None or isinstance(value, str) else str(value)


def number(text, most=INT_MAX):
    """An integer of a look-up; what Postgres finds out of range is its error."""
    try:
        value = int(text)
    except ValueError:
        raise DatabaseError("invalid input syntax for type integer") from None
    if abs(value) > most:
        raise DatabaseError("value out of range for type integer")
    return value


class Store:
    def __init__(self):
        self.flows = Ordered(lambda f: (f.ts_epoch, f.flow_id))
        self.by_flow = {}
        self.next_run = self.next_task = self.next_record = 1

    # -- look-ups; None where there is none ---------------------------------------------------------

    def flow(self, flow_id):
        return self.by_flow.get(flow_id)

    def run(self, flow_id, run):
        if run.isnumeric():
            value = number(run)
        flow = self.by_flow.get(flow_id)
        if flow is None:
            return None
        return flow.by_number.get(value) if run.isnumeric() else flow.by_id.get(run)

    def step(self, flow_id, run, step):
        found = self.run(flow_id, run)
        return found.steps.get(step) if found is not None and found.steps else None

    def task(self, flow_id, run, step, task):
        if task.isnumeric():
            value = number(task, LONG_MAX)
        found = self.step(flow_id, run, step)
        if found is None:
            return None
        return found.by_number.get(value) if task.isnumeric() else found.by_name.get(task)

    # -- lists ---------------------------------------------------------------------------------------

    @staticmethod
    def latest_attempts(artifacts):
        """A whole list: rows of each task's highest attempt, attempts descending."""
        newest = {}
        for a in artifacts:
            newest[a.task] = max(a.attempt_id, newest.get(a.task, 0))
        kept = [a for a in artifacts if a.attempt_id == newest[a.task]]
        return sorted(kept, key=lambda a: -a.attempt_id)

    @staticmethod
    def distinct(scope):
        """Pages: the newest row of each (task, name), as the service has it, whatever its attempt."""
        if scope.sorted_artifacts is None:
            newest = {}
            for a in scope.artifacts or ():
                key = (a.task.task_id, a.name)
                if key not in newest or a.ts_epoch >= newest[key].ts_epoch:
                    newest[key] = a
            ordered = Ordered(lambda a: (a.ts_epoch, a.task.task_id, a.name))
            for a in sorted(newest.values(), key=ordered.key):
                ordered.add(a)
            scope.sorted_artifacts = ordered
        return scope.sorted_artifacts

    # -- writes ----------------------------------------------------------------------------------------

    def add_flow(self, flow_id, user_name=None, tags=None, system_tags=None, ts_epoch=None):
        flow = Flow(flow_id, user_name, tags, system_tags, ts_epoch)
        self.by_flow[flow_id] = flow
        self.flows.add(flow)
        return flow

    def add_run(self, flow, user_name, tags, system_tags, run_id=None, ts_epoch=None, beat=None):
        run = Run(flow.flow_id, self.next_run, run_id, user_name, tags, system_tags, ts_epoch, beat)
        self.next_run += 1
        flow.by_number[run.run_number] = run
        if run_id is not None:
            flow.by_id[run_id] = run
        flow.runs.add(run)
        return run

    @staticmethod
    def add_step(run, step_name, user_name, ts_epoch=None):
        if run.steps is None:
            run.steps = {}
        step = run.steps[step_name] = Step(run, step_name, user_name, ts_epoch)
        return step

    def add_task(self, step, user_name, task_name=None, ts_epoch=None, beat=None):
        task = Task(step, self.next_task, task_name, user_name, ts_epoch, beat)
        self.next_task += 1
        step.by_number[task.task_id] = task
        if task_name is not None:
            step.by_name[task_name] = task
        step.tasks.add(task)
        return task

    @staticmethod
    def add_artifact(task, body, ts_epoch=None):
        get = body.get
        artifact = Artifact(task, get("name", " "), get("location", " "), get("ds_type", " "), get("sha", " "),
                            get("type", " "), get("content_type", " "), get("user_name", " "),
                            int(get("attempt_id", 0)), ts_epoch or now_ms())
        step = task.step
        if step.run.artifacts is None:
            step.run.artifacts = []
        for scope in (task, step, step.run):
            scope.artifacts.append(artifact)
            scope.sorted_artifacts = None
        return artifact

    def add_record(self, task, body, ts_epoch=None):
        record = Record(task, self.next_record, body.get("field_name", " "), as_text(body.get("value", " ")),
                        body.get("type", " "), body.get("user_name"), body.get("tags"), ts_epoch or now_ms())
        self.next_record += 1
        run = task.step.run
        for scope in (task, run):
            if scope.records is None:
                scope.records = Ordered(lambda r: (r.ts_epoch, r.id))
            scope.records.add(record)
        if task.step.step_name == "end":
            run.end_records = (run.end_records or []) + [record]
        return record

    # -- a copy on disk ----------------------------------------------------------------------------------

    def dump(self, path):
        """Everything, as JSON that load() takes."""
        flows = []
        for flow in self.flows.rows:
            runs = []
            for run in flow.runs.rows:
                steps = []
                for step in (run.steps or {}).values():
                    tasks = [{"id": t.task_id, "name": t.task_name, "user": t.user_name, "ts": t.ts_epoch,
                              "beat": t.last_heartbeat_ts, "artifacts": [a.row() for a in t.artifacts],
                              "records": [r.row() for r in (t.records.rows if t.records else ())]}
                             for t in step.tasks.rows]
                    steps.append({"name": step.step_name, "user": step.user_name, "ts": step.ts_epoch,
                                  "tasks": tasks})
                runs.append({"number": run.run_number, "id": run.run_id, "user": run.user_name,
                             "ts": run.ts_epoch, "beat": run.last_heartbeat_ts, "tags": run.tags,
                             "system_tags": run.system_tags, "steps": steps})
            flows.append(dict(flow.row(), runs=runs))
        with open(path, "w") as out:
            json.dump({"flows": flows, "next": [self.next_run, self.next_task, self.next_record]}, out)

    def load(self, path):
        with open(path) as file:
            kept = json.load(file)
        for f in kept["flows"]:
            flow = self.add_flow(f["flow_id"], f["user_name"], f["tags"], f["system_tags"], f["ts_epoch"])
            for r in f["runs"]:
                self.next_run = r["number"]
                run = self.add_run(flow, r["user"], r["tags"], r["system_tags"], r["id"], r["ts"], r["beat"])
                for s in r["steps"]:
                    step = self.add_step(run, s["name"], s["user"], s["ts"])
                    for t in s["tasks"]:
                        self.next_task = t["id"]
                        task = self.add_task(step, t["user"], t["name"], t["ts"], t["beat"])
                        for a in t["artifacts"]:
                            self.add_artifact(task, a, a["ts_epoch"])
                        for m in t["records"]:
                            self.next_record = m["id"]
                            self.add_record(task, m, m["ts_epoch"])
        self.next_run, self.next_task, self.next_record = kept["next"]
