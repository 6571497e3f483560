"""The service's filters on lists of runs and tasks: `field`, `field:op` and `_tags:op`, with commas for OR
(services/data/filter_grammar.py, services/metadata_service/api/run.py and task.py)."""

import json
import operator
import re

from store import DatabaseError, INT_MAX

RUN_FIELDS = ("flow_id", "run_number", "run_id", "user_name", "ts_epoch", "last_heartbeat_ts", "tags",
              "system_tags", "user", "status")
TASK_FIELDS = ("task_id", "task_name", "user_name", "ts_epoch", "last_heartbeat_ts")
STATUSES = ("running", "completed", "failed")
MILLISECONDS = ("ts_epoch", "last_heartbeat_ts")
NUMBERS = ("run_number", "task_id", *MILLISECONDS)
COMPARE = {"eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
           "ge": operator.ge}
LIKE = {"co": "%%%s%%", "sw": "%s%%", "ew": "%%%s", "li": "%s"}


def split(key):
    field, _, op = key.partition(":")
    return field, op or "eq"


def problem(query, fields):
    """The text of the 400 that a query deserves, or None."""
    for key, value in query:
        field, op = split(key)
        if key.startswith("_") or field not in fields:
            continue
        if op not in COMPARE and op not in LIKE and op != "is":
            return "unsupported operator '%s' for field '%s'" % (op, field)
        for v in value.split(","):
            if v == "null":
                continue
            if field == "status" and v not in STATUSES:
                return "unsupported status filter: %s" % v
            if field in MILLISECONDS and not re.fullmatch(r"\s*[+-]?\d[\d_]*\s*", v):
                return "invalid %s: expected integer epoch milliseconds, got '%s'" % (field, v)
    return None


def ilike(pattern):
    parts = [".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern]
    return re.compile("".join(parts), re.I | re.S).fullmatch


def one(field, op, value):
    if value == "null":
        return lambda row: getattr(row, field) is None
    if field in ("tags", "system_tags"):
        raise DatabaseError("invalid input syntax for type json")
    if op == "is":
        raise DatabaseError("syntax error")
    if op in LIKE:
        if field in NUMBERS:
            raise DatabaseError("operator does not exist: ~~*")
        match = ilike(LIKE[op] % value)
        return lambda row: getattr(row, field) is not None and match(str(getattr(row, field))) is not None
    if field in NUMBERS:
        try:
            value = int(value)
        except ValueError:
            raise DatabaseError("invalid input syntax for type integer") from None
        if field not in MILLISECONDS and abs(value) > INT_MAX:
            raise DatabaseError("value out of range for type integer")
    compare = COMPARE[op]
    return lambda row: getattr(row, field) is not None and compare(getattr(row, field), value)


def tags(op, value):
    wanted = value.split(",")
    some = any if op in ("any", "likeany") else all
    if op in ("likeany", "likeall"):
        def like(row):
            text = json.dumps(row.tags) + json.dumps(row.system_tags)
            return some(t in text for t in wanted)
        return like
    return lambda row: some(t in (row.tags or ()) or t in (row.system_tags or ()) for t in wanted)


def parse(query, fields, with_tags):
    """(predicate or None, lower bound of ts_epoch or None, status is asked)"""
    conditions, from_ms, status = [], None, False
    for key, value in query:
        field, op = split(key)
        if field == "_tags" and with_tags:
            conditions.append(tags(key.partition(":")[2], value))
        if key.startswith("_") or field not in fields:
            continue
        status = status or field == "status"
        if field == "ts_epoch" and op in ("ge", "gt") and "," not in value and value != "null":
            from_ms = max(from_ms or 0, int(value))
        choices = [one(field, op, v) for v in value.split(",")]
        conditions.append(lambda row, choices=choices: any(c(row) for c in choices))
    if not conditions:
        return None, None, status
    return lambda row: all(c(row) for c in conditions), from_ms, status
