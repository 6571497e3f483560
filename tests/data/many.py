#!/usr/bin/env python3
"""Writes a finished run of ManyFlow (tests/flows) with COUNT tasks in its foreach into the datastore and metadata that
the environment tells, by Metaflow's own classes: `many.py COUNT` prints the run's pathspec. Task N of the foreach has
`x`, a text of its own, and `noise`, 200 bytes that do not compress."""

import concurrent.futures
import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flows"))

from metaflow.metaflow_environment import MetaflowEnvironment  # noqa: E402
from metaflow.datastore import FlowDataStore  # noqa: E402
from metaflow.metadata_provider import MetaDatum  # noqa: E402
from metaflow.metaflow_config import DEFAULT_DATASTORE, DEFAULT_METADATA  # noqa: E402
from metaflow.plugins import DATASTORES, METADATA_PROVIDERS  # noqa: E402
from metaflow.task import ForeachFrame  # noqa: E402
from many_flow import ManyFlow  # noqa: E402

LOG = "[MFLOG|0|%sZ|runtime|00000000-0000-0000-0000-%012d]%s\n"


class Writer:
    def __init__(self):
        flow = ManyFlow(use_cli=False)
        provider = next(p for p in METADATA_PROVIDERS if p.TYPE == DEFAULT_METADATA)
        storage = next(d for d in DATASTORES if d.TYPE == DEFAULT_DATASTORE)
        if storage.datastore_root is None:
            storage.datastore_root = storage.get_datastore_root_from_config(lambda *args, **kw: None)
        self.metadata = provider(MetaflowEnvironment(flow), flow, None, None)
        self.metadata.add_sticky_tags(tags=["many"], sys_tags=["user:tester", "date:2026-01-01"])
        self.store = FlowDataStore("ManyFlow", MetaflowEnvironment(None), self.metadata, storage_impl=storage)
        self.run = self.metadata.new_run_id()
        self.lock = threading.Lock()

    def task(self, step, values, log=None, index=None):
        with self.lock:
            task = self.metadata.new_task_id(self.run, step)
        output = self.store.get_task_datastore(self.run, step, task, attempt=0, mode="w")
        output.init_task()
        facts = {"attempt": "0", "origin-run-id": "None", "ds-type": self.store.TYPE,
                 "ds-root": self.store.datastore_root}
        if index is not None:
            facts["foreach-execution-path"] = "work:%d" % index
        if step == "_parameters":
            facts.update(start_step="start", end_step="end")
        else:
            facts["attempt_ok"] = "True"
        self.metadata.register_metadata(self.run, step, task, [
            MetaDatum(field=k, value=v, type=k if k != "attempt_ok" else "internal_attempt_status",
                      tags=["attempt_id:0"]) for k, v in facts.items()])
        output.save_artifacts(iter(values.items()))
        if log is not None:
            now = time.strftime("%Y-%m-%dT%H:%M:%S.000001", time.gmtime())
            output.save_logs("runtime", {"stdout": (LOG % (now, index or 0, log)).encode(), "stderr": b""})
        output.done()


def main(count):
    writer = Writer()
    common = {"name": "ManyFlow", "_task_ok": True, "_success": True}
    writer.task("_parameters", {"name": "ManyFlow"})
    writer.task("start", dict(common, items=list(range(count))), log="start")

    def one(index):
        noise = random.Random(index).randbytes(200)
        frame = ForeachFrame(step="work", var="items", num_splits=count, index=index, value=str(index))
        writer.task("work", dict(common, x="item %d\n" % index, noise=noise, _foreach_stack=[frame]), log="item %d" % index, index=index)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(count)))
    writer.task("join", dict(common), log="join")
    writer.task("end", dict(common), log="end")
    print("ManyFlow/%s" % writer.run)


if __name__ == "__main__":
    main(int(sys.argv[1]))
