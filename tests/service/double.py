#!/usr/bin/env python3
"""A double of Metaflow's metadata service for tests: python3 double.py [--load FILE] [--host ADDRESS]

Prints one line of JSON: {"control": PORT}. Commands are lines of JSON on that port, each answered by one:

open    {paging, bulk, prefix}        a new port of the service, over the same data -> {"id", "port"}
close   {id}                          refuses connections and resets the open ones
reopen  {id}                          listens on its port again
log     {id, clear}                   -> {"log": [{method, path, query, status, ms, bytes, headers}, ...]}
faults  {id, faults}                  what goes wrong from now on (faults.py)
drop    {id}                          resets every open connection
make    {kind, ...}                   rows of synthetic.py: runs, failed, tasks, with its arguments
touch   {flow, run, ...}              sets members of a run's row; with `new` makes another run
dump    {path}                        writes everything to a file that --load takes
"""

import argparse
import asyncio
import gc
import json
import sys
import time
import urllib.parse

import faults
import synthetic
from api import Api
from store import Store

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 409: "Conflict", 422: "Unprocessable Entity", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


async def read_request(reader):
    """(method, target, headers, body) or None at the end of the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return method, target, headers, body


class Port:
    """One port of the service with its own abilities, log and faults."""

    def __init__(self, store, host, paging=True, bulk=True, prefix=""):
        self.api, self.host, self.prefix = Api(store, paging, bulk), host, prefix
        self.log, self.faults, self.writers = [], [], set()
        self.server, self.port = None, 0

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, self.host, self.port, limit=1 << 20, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]

    def drop(self):
        for writer in list(self.writers):
            faults.abort(writer)

    async def close(self):
        if self.server is not None:
            self.server.close()
            self.server = None
        self.drop()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while await self.one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def one(self, reader, writer):
        """Answers one request; whether the connection goes on."""
        method, target, headers, body = await read_request(reader)
        began = time.monotonic()
        path, _, query = target.partition("?")
        entry = {"method": method, "path": path, "query": query, "headers": headers, "status": 0, "ms": 0.0,
                 "bytes": 0, "at": time.time()}
        self.log.append(entry)
        fault = faults.find(self.faults, "%s %s" % (method, target)) or {}
        if "delay" in fault:
            await asyncio.sleep(fault["delay"])
        if fault.get("act") == "close":
            return False
        refused = method != "GET" and "status" in fault  # then nothing is written
        status, sent, data = (0, {}, b"") if refused else self.answer(method, path, query, body)
        status, sent, data = faults.changed(fault, status, sent, data)
        entry.update(status=status, bytes=len(data), ms=(time.monotonic() - began) * 1000)

        def head(length):
            lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status")), "Content-Length: %d" % length]
            lines += ["%s: %s" % pair for pair in sent.items()]
            return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

        if "act" in fault:
            entry["bytes"] = await faults.act(fault, writer, head, data)
            await writer.drain()
            return False
        writer.write(head(len(data)) + (b"" if method == "HEAD" else data))
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def answer(self, method, path, query, body):
        if not path.startswith(self.prefix):
            return 404, {"Content-Type": "text/plain; charset=utf-8"}, b"404: Not Found"
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
        parsed = json.loads(body) if body and method != "GET" else {}
        return self.api.answer(method, path[len(self.prefix):], pairs, parsed, urllib.parse.unquote)


class Control:
    def __init__(self, store, host):
        self.store, self.host, self.ports = store, host, {}

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                try:
                    command = json.loads(line)
                    answer = await self.do(command.pop("do"), command) or {}
                except Exception as e:  # told to the test that asked
                    answer = {"error": repr(e)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def do(self, what, args):
        if what == "open":
            port = Port(self.store, self.host, **args)
            await port.listen()
            self.ports[port.port] = port
            return {"id": port.port, "port": port.port}
        if what == "make":
            kind = args.pop("kind")
            made = getattr(synthetic, "add_" + kind)(self.store, **args)
            gc.collect()
            gc.freeze()  # many rows that stay: not looked at again
            return {"run": made.run_number} if made else {}
        if what == "touch":
            return self.touch(**args)
        if what == "dump":
            return self.store.dump(args["path"])
        port = self.ports[args["id"]]
        if what == "log":
            log = port.log
            if args.get("clear"):
                port.log = []
            return {"log": log}
        if what == "faults":
            port.faults = [faults.Fault(f) for f in args["faults"]]
            return {}
        if what == "drop":
            return port.drop()
        if what == "close":
            return await port.close()
        if what == "reopen":
            return await port.listen()
        raise ValueError(what)

    def touch(self, flow, run=None, new=False, **members):
        """Changes a run's row in place, or makes a run."""
        found = self.store.flow(flow)
        if new:
            row = self.store.add_run(found, "tester", [], synthetic.SYSTEM_TAGS, members.get("run_id"),
                                     members.get("ts_epoch"))
            return {"run": row.run_number}
        row = self.store.run(flow, str(run))
        for name, value in members.items():
            setattr(row, name, value)
        return row.row()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--load")
    options = parser.parse_args()
    store = Store()
    if options.load:
        store.load(options.load)
    control = Control(store, options.host)
    server = await asyncio.start_server(control.serve, "127.0.0.1", 0, limit=1 << 24)
    print(json.dumps({"control": server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)  # ends with whoever started it
    for port in control.ports.values():
        await port.close()


if __name__ == "__main__":
    asyncio.run(main())
