"""What can go wrong with an answer, on demand. A fault is a dict:

match   regex searched in "METHOD /path?query"; the first fault that matches is the one
skip    so many matching requests go well before
times   so many requests are hit, then it is over; without it, all
delay   seconds before the answer's headers (alone or with any of the following)
status  this status, with `headers` and `body`, in place of the answer
set     {field: value} written into each row of the answer (or those of `rows`, a list of indexes)
append  rows that are added to the answer's list
body    the answer's body is this text
act     hang        nothing is ever sent
        hang-body   headers and half of the body, then nothing
        reset       headers and half of the body, then RST
        truncate    Content-Length tells more than is sent, then the connection is closed
        close       the connection is closed before anything is sent
        garbage     bytes that are no HTTP
        endless     rows without end
        huge-row    one row with a string of `size` bytes (100 MB)
"""

import asyncio
import json
import re
import socket
import struct


class Fault:
    def __init__(self, conf):
        self.conf, self.hits = conf, 0
        self.pattern = re.compile(conf["match"])

    def hit(self, line):
        if not self.pattern.search(line):
            return False
        self.hits += 1
        skip, times = self.conf.get("skip", 0), self.conf.get("times")
        return self.hits > skip and (times is None or self.hits <= skip + times)


def find(faults, line):
    return next((f.conf for f in faults if f.hit(line)), None)


def changed(conf, status, headers, body):
    """The answer with what the fault changes in it."""
    if "status" in conf:
        return conf["status"], dict(headers, **conf.get("headers", {})), conf.get("body", "{}").encode()
    if "set" in conf or "append" in conf:
        value = json.loads(body)
        rows = value if isinstance(value, list) else [value]
        for n, row in enumerate(rows):
            if isinstance(row, dict) and n in conf.get("rows", range(len(rows))):
                row.update(conf.get("set", {}))
        if isinstance(value, list):
            value += conf.get("append", [])
        body = json.dumps(value).encode()
    if "body" in conf:
        body = conf["body"].encode()
    return status, dict(headers, **conf.get("headers", {})), body


def abort(writer):
    """Closes with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def act(conf, writer, head, body):
    """Sends what `act` says instead of the answer; returns bytes sent, after which the connection ends."""
    what, sent = conf["act"], 0
    if what == "hang":
        await asyncio.sleep(3600)
    elif what == "garbage":
        writer.write(b"\x00\xff garbage that is no HTTP\r\n\r\n" * 8)
    elif what in ("reset", "truncate", "hang-body"):
        length = len(body) + (1000 if what == "truncate" else 0)
        part = body if what == "truncate" else body[: len(body) // 2]
        writer.write(head(length) + part)
        sent = len(part)
        await writer.drain()
        await asyncio.sleep(3600 if what == "hang-body" else 0.05)
        if what == "reset":
            abort(writer)
    elif what in ("endless", "huge-row"):
        size = conf.get("size", 100 << 20 if what == "huge-row" else 1 << 40)
        start, end = (b'[{"flow_id": "', b'"}]') if what == "huge-row" else (b"[", b"{}]")
        writer.write(head(size + len(start) + len(end)) + start)
        block = b"x" * 65536 if what == "huge-row" else body.strip(b"[]") + b", "
        while sent < size:
            piece = block[: size - sent]
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
        writer.write(end)
    return sent
