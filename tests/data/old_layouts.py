"""Turns copies of real runs into the layouts that older versions of Metaflow wrote. Only what those
versions wrote otherwise is rewritten, from the real objects, the way they wrote it:

  pickle-v2       artifacts pickled with protocol 2 and encoding `gzip+pickle-v2` (before Metaflow 2.0)
  raw             blobs stored uncompressed beside a sidecar {"cas_raw": true, "cas_version": 1}
  no-sidecar      blobs whose sidecar is gone (read as gzip)
  full-location   `location` is the URL of the blob itself, not `:root:` and the sysroot
  no-info         data.json without `info`'s type and size, and without `encoding`
  legacy-logs     `0.stdout.log`, found through metadata `log_location_stdout`
  old-cards       cards below runs/R/tasks/T instead of runs/R/steps/S/tasks/T
"""

import gzip
import hashlib
import json
import pathlib
import pickle
import shutil

LABELS = ("pickle-v2", "raw", "no-sidecar", "full-location", "no-info", "legacy-logs")


def blob_path(root, flow, sha):
    return root / flow / "data" / sha[:2] / sha


def read_blob(root, flow, sha):
    path = blob_path(root, flow, sha)
    side = pathlib.Path(str(path) + "_meta")
    raw = side.exists() and json.loads(side.read_text()).get("cas_raw")
    return path.read_bytes() if raw else gzip.decompress(path.read_bytes())


def write_blob(root, flow, data, raw=False, sidecar=True):
    sha = hashlib.sha1(data).hexdigest()
    path = blob_path(root, flow, sha)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if raw else gzip.compress(data, 3))
    side = pathlib.Path(str(path) + "_meta")
    if sidecar:
        side.write_text(json.dumps({"cas_raw": raw, "cas_version": 1}))
    else:
        side.unlink(missing_ok=True)
    return sha


def rewrite(path, change):
    doc = json.loads(path.read_text())
    change(doc)
    path.write_text(json.dumps(doc))


def tasks_of(run_dir):
    return [d for d in sorted(run_dir.glob("*/*")) if d.name != "_meta" and (d / "_meta").is_dir()]


def records_of(task_dir):
    return sorted((task_dir / "_meta").glob("*_artifact_*.json"))


def each_artifact(task_dir, change_record, change_data=None):
    for record in records_of(task_dir):
        rewrite(record, change_record)
    if change_data:
        for data in task_dir.glob("*.data.json"):
            rewrite(data, change_data)


def to_pickle_v2(root, flow, run_dir):
    done = {}

    def key(sha):
        if sha not in done:
            value = pickle.loads(read_blob(root, flow, sha))
            done[sha] = write_blob(root, flow, pickle.dumps(value, protocol=2), sidecar=False)
        return done[sha]

    def record(doc):
        doc["sha"] = key(doc["sha"])
        doc["content_type"] = "gzip+pickle-v2"

    def data(doc):
        doc["objects"] = {name: key(sha) for name, sha in doc["objects"].items()}
        for name, info in doc["info"].items():
            info["encoding"] = "gzip+pickle-v2"
            info["size"] = len(read_blob(root, flow, doc["objects"][name]))
            info.pop("serializer_info", None)

    for task in tasks_of(run_dir):
        each_artifact(task, record, data)


def to_raw(root, flow, run_dir):
    for task in tasks_of(run_dir):
        for record in records_of(task):
            sha = json.loads(record.read_text())["sha"]
            write_blob(root, flow, read_blob(root, flow, sha), raw=True)


def to_no_sidecar(root, flow, run_dir):
    for task in tasks_of(run_dir):
        for record in records_of(task):
            sha = json.loads(record.read_text())["sha"]
            write_blob(root, flow, read_blob(root, flow, sha), sidecar=False)


def to_full_location(root, flow, run_dir):
    def record(doc):
        doc["location"] = str(blob_path(root, flow, doc["sha"]))

    for task in tasks_of(run_dir):
        each_artifact(task, record)


def to_no_info(root, flow, run_dir):
    def data(doc):
        doc["info"] = {name: {} for name in doc["info"]}

    def record(doc):
        doc["content_type"] = "gzip+pickle-v4"

    for task in tasks_of(run_dir):
        each_artifact(task, record, data)


def to_legacy_logs(root, flow, run_dir):
    for task in tasks_of(run_dir):
        meta = task / "_meta"
        base = json.loads((meta / "_self.json").read_text())
        for stream in ("stdout", "stderr"):
            new = task / ("0.runtime_%s.log" % stream)
            if not new.exists():
                continue
            messages = [line.split(b"]", 1)[1] for line in new.read_bytes().splitlines() if b"]" in line]
            old = task / ("0.%s.log" % stream)
            old.write_bytes(b"".join(m + b"\n" for m in messages))
            new.unlink()
            field = "log_location_" + stream
            value = json.dumps({"ds_type": "local", "location": str(old), "attempt": 0})
            (meta / ("sysmeta_%s_%d.json" % (field, base["ts_epoch"] + 1))).write_text(json.dumps({
                "flow_id": base["flow_id"], "run_number": base["run_number"],
                "step_name": base["step_name"], "task_id": base["task_id"],
                "field_name": field, "type": field, "value": value, "tags": ["attempt_id:0"],
                "user_name": base.get("user_name"), "ts_epoch": base["ts_epoch"] + 1}))


CHANGES = {
    "pickle-v2": to_pickle_v2, "raw": to_raw, "no-sidecar": to_no_sidecar,
    "full-location": to_full_location, "no-info": to_no_info, "legacy-logs": to_legacy_logs,
}


def own_copy(main, old, label, pathspec):
    """Copies flow F with one run to flow F in its own root old/<label>/.metaflow, pointing at it."""
    flow, run = pathspec.split("/")
    source, target = main / ".metaflow" / flow, old / label / ".metaflow" / flow
    shutil.copytree(source / run, target / run)
    shutil.copytree(source / "data", target / "data")
    shutil.copytree(source / "_meta", target / "_meta")
    for path in (target / run).rglob("*.json"):
        path.write_text(path.read_text().replace(str(main), str(old / label)))
    return old / label / ".metaflow", flow, target / run


def make_old(main, old, runs):
    """Makes old/<label>/.metaflow for each layout; returns {"old-<label>": pathspec}."""
    made = {}
    for label in LABELS:
        root, flow, run_dir = own_copy(main, old, label, runs["hello"])
        CHANGES[label](root, flow, run_dir)
        made["old-" + label] = runs["hello"]
    root, flow, run_dir = own_copy(main, old, "old-cards", runs["card"])
    cards, run = root / "mf.cards" / flow / "runs" / run_dir.name, run_dir.name
    source = main / ".metaflow" / "mf.cards" / flow / "runs" / run / "steps"
    for task in source.glob("*/tasks/*"):
        shutil.copytree(task, cards / "tasks" / task.name)
    made["old-old-cards"] = runs["card"]
    return made
