"""The routes of Metaflow's metadata service 2.5.1 with the paging and filters of 2026, over a Store. Each
answer is (status, headers, body as bytes)."""

import base64
import binascii
import json
import re
import time

import filters
from store import WAIT_SECONDS, DatabaseError, Store

VERSION = "2.5.1"
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
OURS = dict(TEXT, METADATA_SERVICE_VERSION=VERSION)
MOST, USUAL = 500, 50


class Answer(Exception):
    """An answer that is not the usual one."""

    def __init__(self, status, body, headers=OURS):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def dumps(value):
    return json.dumps(value).encode()


def rows_of(found):
    return b"[" + b", ".join(dumps(r.row()) for r in found) + b"]"


def encode_cursor(keys):
    return base64.b64encode(dumps(keys)).decode()


def decode_cursor(text, *names):
    try:
        keys = json.loads(base64.b64decode(text).decode())
        return tuple(str(keys[n]) if n in ("name", "flow_id") else int(keys[n]) for n in names)
    except (binascii.Error, UnicodeDecodeError, ValueError, KeyError):
        raise Answer(400, "Invalid cursor") from None


class Api:
    """One service; `paging` and `bulk` tell whether it has cursors with filters, and bulk lists."""

    def __init__(self, store, paging=True, bulk=True):
        self.store, self.paging, self.bulk = store, paging, bulk
        part = r"([^/{}]+)"
        run = "/flows/%s/runs/%s" % (part, part)
        step = run + "/steps/" + part
        task = step + "/tasks/" + part
        routes = [
            ("GET", "/ping", self.ping), ("GET", "/version", self.version), ("GET", "/healthcheck", self.healthcheck),
            ("GET", "/flows", self.flows), ("GET", "/flows/" + part, self.flow),
            ("POST", "/flows/" + part, self.make_flow), ("GET", "/flows/%s/runs" % part, self.runs),
            ("GET", run, self.run), ("POST", "/flows/%s/run" % part, self.make_run),
            ("POST", run + "/heartbeat", self.run_beat), ("PATCH", run + "/tag/mutate", self.mutate),
            ("GET", run + "/steps", self.steps), ("GET", step, self.step), ("POST", step + "/step", self.make_step),
            ("GET", step + "/tasks", self.tasks), ("GET", step + "/filtered_tasks", self.filtered_tasks),
            ("GET", task, self.task), ("POST", step + "/task", self.make_task),
            ("POST", task + "/heartbeat", self.task_beat), ("GET", task + "/metadata", self.task_records),
            ("GET", run + "/metadata", self.run_records), ("POST", task + "/metadata", self.make_records),
            ("GET", task + "/artifacts", self.task_artifacts), ("GET", step + "/artifacts", self.step_artifacts),
            ("GET", run + "/artifacts", self.run_artifacts),
            ("GET", task + "/artifacts/" + part, self.artifact),
            ("GET", task + "/artifacts/" + part + "/attempt/" + part, self.artifact_of_attempt),
            ("GET", task + "/attempt/" + part + "/artifacts", self.attempt_artifacts),
            ("POST", task + "/artifact", self.make_artifacts),
        ]
        bulk_only = (self.run_records, self.run_artifacts, self.step_artifacts)
        self.routes = [(m, re.compile(p), fn) for m, p, fn in routes if bulk or fn not in bulk_only]

    def answer(self, method, path, query, body, unquote):
        """path is as it was sent; query a list of pairs; body the parsed JSON or None."""
        allowed = []
        for verb, pattern, fn in self.routes:
            match = pattern.fullmatch(path)
            if match and verb == method:
                return self.call(fn, [unquote(g) for g in match.groups()], query, body)
            if match:
                allowed.append(verb)
        if allowed:
            return 405, dict(TEXT, Allow=",".join(sorted(allowed))), b"405: Method Not Allowed"
        return 404, TEXT, b"404: Not Found"

    @staticmethod
    def call(fn, parts, query, body):
        try:
            made = fn(*parts, query, body) if fn.__name__.startswith("make_") or fn.__name__ == "mutate" \
                else fn(*parts, query)
            return made if isinstance(made, tuple) else (200, OURS, made)
        except Answer as a:
            return a.status, a.headers, dumps(a.body)
        except DatabaseError as e:
            diag = {"message_primary": str(e), "severity": "ERROR"}
            return 500, OURS, dumps(json.dumps({"err_msg": {"pgerror": "ERROR:  %s" % e, "pgcode": "22003",
                                                            "diag": diag}}))
        except Exception as e:  # what the service answers to anything else
            return 500, OURS, dumps({"traceback": repr(e), "detail": str(e), "status": 500,
                                     "title": "Internal Server Error", "type": "about:blank"})

    # -- pages -------------------------------------------------------------------------------------------

    def wants(self, query):
        """(a page is asked for, limit, cursor)"""
        found = dict(query)
        cursor, limit = found.get("_cursor"), found.get("_limit")
        if not self.paging or (cursor is None and limit is None):
            return False, USUAL, None
        return True, min(int(limit), MOST) if limit else USUAL, cursor or None

    def page(self, ordered, query, names, key, keep=None, from_ms=None, row=lambda r: r.row()):
        _, limit, cursor = self.wants(query)
        before = decode_cursor(cursor, *names) if cursor else None
        found = ordered.page(before, limit, keep, from_ms) if ordered is not None else []
        headers = dict(OURS, **{"X-Limit": str(limit)})
        more, found = len(found) > limit, found[:limit]
        if more and found:
            headers["X-Next-Cursor"] = encode_cursor(dict(zip(names, key(found[-1]))))
        return 200, headers, b"[" + b", ".join(dumps(row(r)) for r in found) + b"]"

    @staticmethod
    def object(found, **how):
        if found is None:
            raise Answer(404, {})
        return dumps(found.row(**how))

    # -- GET ---------------------------------------------------------------------------------------------

    @staticmethod
    def ping(_):
        return 200, OURS, b"pong"

    @staticmethod
    def version(_):
        return 200, TEXT, VERSION.encode()

    @staticmethod
    def healthcheck(_):
        return 200, dict(OURS, **{"Content-Type": "application/json"}), dumps(json.dumps({"status": "UP"}))

    def flows(self, query):
        if not self.wants(query)[0]:
            return rows_of(self.store.by_flow.values())
        return self.page(self.store.flows, query, ("ts_epoch", "flow_id"), lambda f: (f.ts_epoch, f.flow_id))

    def flow(self, flow, _):
        return self.object(self.store.flow(flow))

    def runs(self, flow, query):
        found = self.store.flow(flow)
        if self.paging and filters.problem(query, filters.RUN_FIELDS):
            raise Answer(400, filters.problem(query, filters.RUN_FIELDS))
        keep, from_ms, status = filters.parse(query if self.paging else (), filters.RUN_FIELDS, True)
        if not self.wants(query)[0] and keep is None:
            return rows_of(found.by_number.values() if found else ())
        return self.page(found and found.runs, query, ("ts_epoch", "run_number"),
                         lambda r: (r.ts_epoch, r.run_number), keep, from_ms, lambda r: r.row(status))

    def run(self, flow, run, _):
        return self.object(self.store.run(flow, run))

    def steps(self, flow, run, _):
        found = self.store.run(flow, run)
        return rows_of(found.steps.values() if found and found.steps else ())

    def step(self, flow, run, step, _):
        return self.object(self.store.step(flow, run, step))

    def tasks(self, flow, run, step, query):
        found = self.store.step(flow, run, step)
        if self.paging and filters.problem(query, filters.TASK_FIELDS):
            raise Answer(400, filters.problem(query, filters.TASK_FIELDS))
        keep, from_ms, _ = filters.parse(query if self.paging else (), filters.TASK_FIELDS, False)
        if not self.wants(query)[0] and keep is None:
            return rows_of(reversed(found.tasks.rows) if found else ())
        return self.page(found and found.tasks, query, ("ts_epoch", "task_id"), lambda t: (t.ts_epoch, t.task_id),
                         keep, from_ms)

    def task(self, flow, run, step, task, _):
        return self.object(self.store.task(flow, run, step, task))

    def filtered_tasks(self, flow, run, step, query):
        asked, found = dict(query), self.store.step(flow, run, step)
        field, pattern = asked.get("metadata_field_name"), asked.get("pattern")
        names = []
        for task in sorted(found.by_number.values(), key=lambda t: t.task_id) if found else ():
            if any((not field or r.field_name == field) and (not pattern or re.search(pattern, r.value or ""))
                   for r in (task.records.rows if task.records else ())):
                names.append("%s/%s/%s/%s" % (flow, found.run.exposed, step, task.exposed))
        return dumps(names)

    def records(self, scope, query):
        ordered = scope.records if scope is not None else None
        if not self.wants(query)[0]:
            return rows_of(reversed(ordered.rows) if ordered else ())
        return self.page(ordered, query, ("ts_epoch", "id"), lambda r: (r.ts_epoch, r.id))

    def task_records(self, flow, run, step, task, query):
        return self.records(self.store.task(flow, run, step, task), query)

    def run_records(self, flow, run, query):
        return self.records(self.store.run(flow, run), query)

    def artifacts(self, scope, query):
        if not self.wants(query)[0]:
            return rows_of(Store.latest_attempts(scope.artifacts or ()) if scope is not None else ())
        return self.page(Store.distinct(scope) if scope is not None else None, query, ("ts_epoch", "task_id", "name"),
                         lambda a: (a.ts_epoch, a.task.task_id, a.name))

    def task_artifacts(self, flow, run, step, task, query):
        return self.artifacts(self.store.task(flow, run, step, task), query)

    def step_artifacts(self, flow, run, step, query):
        return self.artifacts(self.store.step(flow, run, step), query)

    def run_artifacts(self, flow, run, query):
        return self.artifacts(self.store.run(flow, run), query)

    def attempt_artifacts(self, flow, run, step, task, attempt, _):
        found = self.store.task(flow, run, step, task)
        return 200, TEXT, rows_of(a for a in (found.artifacts if found else ()) if a.attempt_id == int(attempt))

    def artifact_of_attempt(self, flow, run, step, task, name, attempt, _):
        found = self.store.task(flow, run, step, task)
        return self.object(next((a for a in (found.artifacts if found else ())
                                 if a.name == name and a.attempt_id == int(attempt)), None))

    def artifact(self, flow, run, step, task, name, query):
        found = self.store.task(flow, run, step, task)
        owners = [a.attempt_id for a in (found.artifacts if found else ()) if a.name == "name"]
        return self.artifact_of_attempt(flow, run, step, task, name, max(owners, default=0), query)

    # -- POST and PATCH: what Metaflow writes --------------------------------------------------------------

    def make_flow(self, flow, _, body):
        if self.store.flow(flow) is not None:
            raise Answer(409, json.dumps({"err_msg": "duplicate key value"}))
        return dumps(self.store.add_flow(flow, body.get("user_name"), body.get("tags"), body.get("system_tags")).row())

    def make_run(self, flow, _, body):
        run_id = body.get("run_number")
        if run_id and run_id.isnumeric():
            raise ValueError("provided run_id may not be a numeric")
        found = self.store.flow(flow)
        if found is None:
            raise Answer(404, json.dumps({"err_msg": "foreign key"}))
        if run_id is not None and run_id in found.by_id:
            raise Answer(409, json.dumps({"err_msg": "duplicate key value"}))
        return dumps(self.store.add_run(found, body.get("user_name"), body.get("tags"), body.get("system_tags"),
                                        run_id, beat=int(time.time())).row())

    def make_step(self, flow, run, step, _, body):
        found = self.store.run(flow, run)
        if self.store.step(flow, run, step) is not None:
            raise Answer(409, json.dumps({"err_msg": "duplicate key value"}))
        return dumps(self.store.add_step(found, step, body.get("user_name", "")).row())

    def make_task(self, flow, run, step, _, body):
        name, found = body.get("task_id"), self.store.step(flow, run, step)
        if name and name.isnumeric():
            raise Answer(400, {"message": "provided task_name may not be a numeric"}, TEXT)
        if name is not None and name in found.by_name:
            raise Answer(409, json.dumps({"err_msg": "duplicate key value"}))
        beat = int(time.time())
        found.run.last_heartbeat_ts = beat
        return dumps(self.store.add_task(found, body.get("user_name"), name, beat=beat).row())

    def make_records(self, flow, run, step, task, _, body):
        found, made = self.store.task(flow, run, step, task), 0
        if found is None:
            raise Answer(400, {"message": "need to register run_id and task_id first"}, TEXT)
        for datum in body:
            try:
                self.store.add_record(found, datum)
                made += 1
            except DatabaseError:
                pass
        return 200, TEXT, dumps({"metadata_created": made})

    def make_artifacts(self, flow, run, step, task, _, body):
        found = self.store.task(flow, run, step, task)
        if found is None:
            raise Answer(400, {"message": "need to register run_id and task_id first"}, TEXT)
        for datum in body:
            self.store.add_artifact(found, datum)
        return 200, TEXT, dumps({"artifacts_created": len(body)})

    @staticmethod
    def beat(found):
        now, status = int(time.time()), 404
        if found is not None and (found.last_heartbeat_ts is None or found.last_heartbeat_ts <= now - WAIT_SECONDS):
            found.last_heartbeat_ts, status = now, 200
        return status, OURS, dumps(json.dumps({"wait_time_in_seconds": WAIT_SECONDS}))

    def run_beat(self, flow, run, _):
        return self.beat(self.store.run(flow, run))

    def task_beat(self, flow, run, step, task, _):
        self.beat(self.store.run(flow, run))
        return self.beat(self.store.task(flow, run, step, task))

    def mutate(self, flow, run, _, body):
        add, remove = body.get("tags_to_add", []), body.get("tags_to_remove", [])
        for name, tags in (("tags_to_add", add), ("tags_to_remove", remove)):
            if not isinstance(tags, list):
                raise Answer(400, "%s must be a list" % name)
        if not all(isinstance(t, str) for t in add + remove):
            raise Answer(400, "All tag values must be strings")
        found = self.store.run(flow, run)
        if found is None:
            raise Answer(404, {})
        old, system = set(found.tags or ()), set(found.system_tags or ())
        if set(remove) & system:
            raise Answer(422, "Cannot remove tags that are existing system tags %s" % (set(remove) & system))
        new = (old - set(remove)) | (set(add) - system)
        if new != old:
            found.tags = list(new)
        return dumps({"tags": list(new)})
