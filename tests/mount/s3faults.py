"""A proxy between a mount and an S3 that counts what is asked for and makes what a network or an S3 can do wrong: by
rules in Python, decided request by request.

A rule is a function of a Request that returns None, for nothing wrong, or some of
    answer=(status, {header: value}, body)  this instead of asking the S3
    delay=SECONDS    before anything is sent to the S3
    hold=(N, event)  N bytes of the body, the rest when the threading.Event is set
    rate=N           N bytes of the body a second
    cut=N            N bytes of the body, then the end of the connection
    reset=N          N bytes of the body, then a reset
    short=N          N bytes less than there are, in a message that is well formed but for its Content-Range
    garble=True      other bytes, as many as there are
"""

import asyncio
import concurrent.futures
import hashlib
import re
import socket
import threading
import time
import urllib.parse

PIECE = 256 << 10


class Request:
    """One request as it arrived; times are those of time.monotonic()."""

    def __init__(self, method, target, headers):
        path, _, query = target.partition("?")
        self.method, self.target, self.headers = method, target, headers
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.bucket, _, self.key = urllib.parse.unquote(path).lstrip("/").partition("/")
        self.started, self.ended, self.status, self.sent, self.fault = time.monotonic(), None, None, 0, None
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        self.range = (int(found.group(1)), int(found.group(2) or -1)) if found else None
        found = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
        self.access = found.group(1) if found else None
        self.token = headers.get("x-amz-security-token")

    @property
    def kind(self):
        """"list", "head", "blob" (content-addressed), "small" (a task's file), "card" or "other"."""
        if self.method == "HEAD":
            return "head"
        if self.method != "GET":
            return "other"
        if not self.key:
            return "list"
        if re.search(r"/data/[0-9a-f]{2}/[0-9a-f]{40}$", self.key):
            return "blob"
        if "/mf.cards/" in self.key:
            return "card"
        return "small"

    def __repr__(self):
        return "%s %s/%s%s%s -> %s, %d bytes%s" % (
            self.method, self.bucket, self.key, " [%d-%d]" % self.range if self.range else "",
            " %s" % self.query if self.query else "", self.status, self.sent, ", %s" % self.fault if self.fault else "")


class Requests(list):
    """Requests as they arrived; shown one a line."""

    def of(self, *kinds):
        return Requests(r for r in self if r.kind in kinds)

    def key(self, part):
        return Requests(r for r in self if part in r.key)

    def sent(self):
        return sum(r.sent for r in self)

    def most_at_once(self):
        """How many were under way at the same time, at most."""
        now = time.monotonic()
        steps = sorted([(r.started, 1) for r in self] + [(r.ended or now, -1) for r in self])
        most = under_way = 0
        for _, step in steps:
            under_way += step
            most = max(most, under_way)
        return most

    def __repr__(self):
        return "%d requests:\n%s" % (len(self), "\n".join(map(repr, self)))


class FaultProxy:
    """In front of a port; runs in a thread of the test until stop(). `rule` and `latency` (seconds, of each request)
    may be set at any time. With keys=(access key, secret) requests are signed anew with these, and without a session
    token: for an S3 that has none."""

    def __init__(self, port, keys=None):
        self.upstream, self.rule, self.latency, self.keys = port, None, 0.0, keys
        self.seen, self.lock = Requests(), threading.Lock()
        self.waiters = concurrent.futures.ThreadPoolExecutor(64)
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        assert started.wait(10)
        self.url = "http://127.0.0.1:%d" % self.port

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 20,
                                                                   backlog=512))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.waiters.shutdown(wait=False, cancel_futures=True)

    def log(self, clear=False):
        with self.lock:
            seen = Requests(self.seen)
            if clear:
                self.seen.clear()
        return seen

    def requests_of(self, what):
        """The requests that arrived while `what()` ran."""
        self.log(clear=True)
        what()
        return self.log(clear=True)

    def well(self):
        self.rule, self.latency = None, 0.0

    async def _connection(self, reader, writer):
        upstream = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request, raw = self._begun(head)
                try:
                    upstream = await self._serve(request, raw, reader, writer, upstream)
                finally:
                    request.ended = time.monotonic()
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, upstream[1] if upstream else None):
                if one is not None:
                    one.close()

    def _begun(self, head):
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (l.partition(":") for l in lines[1:] if l)}
        request = Request(method, target, headers)
        with self.lock:
            self.seen.append(request)
        return request, head

    async def _serve(self, request, head, reader, writer, upstream):
        body = await reader.readexactly(int(request.headers.get("content-length", 0)))
        fault = (self.rule and self.rule(request)) or {}
        request.fault = ",".join(k for k in fault) or None
        wait = self.latency + fault.get("delay", 0)
        if wait:
            await asyncio.sleep(wait)
        if "answer" in fault:
            await self._canned(request, writer, *fault["answer"])
            return upstream
        if upstream is None:
            upstream = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 20)
        upstream[1].write((self._signed_anew(request) if self.keys else head) + body)
        answer = await upstream[0].readuntil(b"\r\n\r\n")
        request.status = int(answer.split(b" ", 2)[1])
        found = re.search(rb"\r\nContent-Length: *(\d+)", answer, re.I)
        length = int(found.group(1)) if found else 0
        if request.method == "HEAD":
            writer.write(answer)
            await writer.drain()
            return upstream
        if found is None and b"chunked" in answer.lower():
            await self._chunked(request, answer, upstream[0], writer)
            return upstream
        if "short" in fault:
            left = max(length - fault["short"], 0)
            answer = re.sub(rb"(\r\nContent-Length: *)\d+", b"\\g<1>%d" % left, answer, flags=re.I)
            fault = dict(fault, stop=left)
        writer.write(answer)
        await self._body(request, fault, length, upstream[0], writer)
        return upstream

    def _signed_anew(self, request):
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        kept = {k: v for k, v in request.headers.items() if k in ("host", "range", "if-match", "x-amz-content-sha256")}
        signed = AWSRequest(request.method, "http://%s%s" % (kept["host"], request.target), headers=kept)
        signed.context["payload_signing_enabled"] = False
        S3SigV4Auth(Credentials(*self.keys), "s3", "us-east-1").add_auth(signed)
        lines = "".join("%s: %s\r\n" % item for item in signed.headers.items())
        return ("%s %s HTTP/1.1\r\n%s\r\n" % (request.method, request.target, lines)).encode()

    async def _canned(self, request, writer, status, headers, body):
        request.status, request.sent = status, len(body)
        lines = "".join("%s: %s\r\n" % item for item in headers.items())
        head = "HTTP/1.1 %d Made\r\n%sContent-Length: %d\r\n\r\n" % (status, lines, len(body))
        writer.write(head.encode() + (b"" if request.method == "HEAD" else body))
        await writer.drain()

    async def _chunked(self, request, answer, source, writer):
        writer.write(answer)
        while True:
            line = await source.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            piece = await source.readexactly(size + 2)
            request.sent += size  # first: who gets the bytes may ask at once how many there were
            writer.write(line + piece)
            await writer.drain()
            if size == 0:
                return

    async def _body(self, request, fault, length, source, writer):
        limits = [fault[k] for k in ("cut", "reset") if isinstance(fault.get(k), int)]
        stop = min([length, fault.get("stop", length), *limits])
        hold = fault.get("hold")
        left, step = length, min(PIECE, max(fault.get("rate", PIECE) // 10, 1))
        while left > 0:
            want = min(step, left)
            if hold is not None and request.sent < hold[0]:
                want = min(want, hold[0] - request.sent)
            elif hold is not None:
                await self.loop.run_in_executor(self.waiters, hold[1].wait)
                hold = None
            piece = await source.readexactly(want)
            left -= want
            if "garble" in fault:
                piece = bytes(b ^ 0x55 for b in piece[-64:]) if want <= 64 else piece[:-64] + bytes(
                    b ^ 0x55 for b in piece[-64:])
            piece = piece[:max(stop - request.sent, 0)]
            if piece:
                request.sent += len(piece)  # first, as above
                writer.write(piece)
                await writer.drain()
            if request.sent >= stop and ("cut" in fault or "reset" in fault):
                if "reset" in fault:
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    writer.transport.abort()
                raise EOFError
            if "rate" in fault:
                await asyncio.sleep(len(piece) / fault["rate"])
        await writer.drain()


def error_body(code, message="made by the test", **more):
    """S3's XML of an error."""
    rest = "".join("<%s>%s</%s>" % (k, v, k) for k, v in more.items())
    return ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message>%s"
            "<RequestId>REQ-OF-TEST</RequestId></Error>" % (code, message, rest)).encode()


def refusal(status, code, headers=None, **more):
    """answer=... of an S3 error."""
    return {"answer": (status, dict({"Content-Type": "application/xml", "x-amz-request-id": "REQ-OF-TEST"},
                                    **(headers or {})), error_body(code, **more))}


def one_in(n, seed):
    """A rule: one of n requests fails, in one of the ways that pass. Which ones is told by the seed, the key, its
    range and how often that was asked for, so that a run can be made again. (A whole object in a message that is well
    formed and too short is wrong content, which does not pass.)"""
    tries = {}

    def rule(request):
        what = (request.method, request.key, request.range, request.query.get("prefix"))
        tries[what] = tries.get(what, 0) + 1
        digest = hashlib.sha256(repr((seed, what, tries[what])).encode()).digest()
        if int.from_bytes(digest[:4], "big") % n:
            return None
        short = {"short": 1 + digest[5]} if request.range else {"cut": 0}
        return [refusal(500, "InternalError"), refusal(503, "SlowDown"), {"reset": digest[5] * 3},
                {"cut": digest[5] * 99}, short, refusal(503, "ServiceUnavailable"), {"reset": 0}][digest[4] % 7]
    return rule


def only(part, fault, kind=None):
    """A rule: what has `part` in its key (and is of the kind) goes wrong so."""
    return lambda r: fault if part in r.key and kind in (None, r.kind) else None
