"""Metadata services for the tests: the double of Metaflow's own, metaflow-local-service, and toxiproxy
between them and a mount. Each runs until its owner closes it."""

import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time

import make

SERVICE = pathlib.Path(__file__).resolve().parent.parent / "service"
PYTHON = os.environ.get("METAFLOWFS_TEST_PYTHON", sys.executable)


def free_port():
    """A port for a server that is about to start. It is below those that the kernel gives to connections, and found by
    chance, so that nobody takes it meanwhile: no connection, and hardly another process that runs tests."""
    for port in random.SystemRandom().sample(range(10_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port between 10,000 and 32,000")


def wait_for_port(port, process, what):
    def answers():
        if process.poll() is not None:
            raise RuntimeError("%s ended with %d" % (what, process.returncode))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    make.wait_for(answers, what, 60)


class Double:
    """The process of tests/service/double.py; its data are shared by all its ports."""

    def __init__(self, load=None):
        argv = [sys.executable, str(SERVICE / "double.py")]
        if load is not None:
            argv += ["--load", str(load)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = json.loads(self.process.stdout.readline())["control"]
        self.lock = threading.Lock()
        self.control = socket.create_connection(("127.0.0.1", port)).makefile("rw")

    def do(self, what, **args):
        with self.lock:
            self.control.write(json.dumps(dict(args, do=what)) + "\n")
            self.control.flush()
            answer = json.loads(self.control.readline())
        assert "error" not in answer, answer["error"]
        return answer

    def open(self, **abilities):
        return Service(self, self.do("open", **abilities)["port"], abilities.get("prefix", ""))

    def make(self, what, **args):
        return self.do("make", kind=what, **args)

    def touch(self, flow, run=None, **members):
        return self.do("touch", flow=flow, run=run, **members)

    def stop(self):
        self.control.close()
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Requests(list):
    """Requests as they arrived; shown one a line."""

    def paths(self):
        return [r["path"] + ("?" + r["query"] if r["query"] else "") for r in self]

    def matching(self, pattern):
        return Requests(r for r in self if re.search(pattern, r["path"] + "?" + r["query"]))

    def __repr__(self):
        return "%d requests:\n%s" % (len(self), "\n".join(
            "%s %s %d" % (r["method"], p, r["status"]) for r, p in zip(self, self.paths())))


class Service:
    """One port of a double, with its own abilities, log and faults."""

    def __init__(self, double, port, prefix=""):
        self.double, self.port = double, port
        self.url = "http://127.0.0.1:%d%s" % (port, prefix)

    def log(self, clear=False):
        return Requests(self.double.do("log", id=self.port, clear=clear)["log"])

    def requests_of(self, what):
        """The requests that arrived while `what()` ran; pings of the breaker aside."""
        self.log(clear=True)
        what()
        return Requests(r for r in self.log(clear=True) if not r["path"].endswith("/ping"))

    def faults(self, *faults):
        self.double.do("faults", id=self.port, faults=list(faults))

    def well(self):
        self.faults()

    def drop(self):
        self.double.do("drop", id=self.port)

    def down(self):
        self.double.do("close", id=self.port)

    def up(self):
        self.double.do("reopen", id=self.port)

    def env(self, **more):
        """What makes metaflowfs and Metaflow use it."""
        return service_env(self.url, **more)


def service_env(url, **more):
    return dict({"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": url}, **more)


class LocalService:
    """metaflow-local-service over root/.metaflow."""

    CODE = ("import sys, uvicorn; from metaflow_local_service.server import create_app; "
            "uvicorn.run(create_app(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]), log_level='error')")

    def __init__(self, root):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.process = subprocess.Popen([PYTHON, "-c", self.CODE, str(root), str(self.port)],
                                        env=make.metaflow_env(root), stdin=subprocess.DEVNULL)
        wait_for_port(self.port, self.process, "metaflow-local-service")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Toxiproxy:
    """A proxy in front of a port, and what goes wrong on it: add("latency", latency=100, stream="upstream")."""

    def __init__(self, port):
        self.api, self.port = free_port(), free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        server = pathlib.Path(PYTHON).parent / "toxiproxy-server"
        self.process = subprocess.Popen([str(server), "-port", str(self.api)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.api, self.process, "toxiproxy")
        self.ask("POST", "/proxies", {"name": "p", "listen": "127.0.0.1:%d" % self.port,
                                      "upstream": "127.0.0.1:%d" % port})

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, text

    def add(self, kind, stream="downstream", **attributes):
        self.ask("POST", "/proxies/p/toxics", {"name": kind + "-" + stream, "type": kind, "stream": stream,
                                               "attributes": attributes})

    def remove(self, kind, stream="downstream"):
        self.ask("DELETE", "/proxies/p/toxics/%s-%s" % (kind, stream))

    def enabled(self, yes):
        self.ask("POST", "/proxies/p", {"enabled": yes})

    def stop(self):
        self.process.kill()
        self.process.wait()


def make_service_data(out):
    """Runs flows against a double once: out/service/root is their datastore, out/service/rows.json what the
    service then knows; returns {label: pathspec}."""
    out = pathlib.Path(out).resolve() / "service"
    return make.once(out, ("root", "killed-gates"), lambda: _service_data(out))


def _service_data(out):
    double = Double()
    env, root = double.open().env(), out / "root"
    (root / ".metaflow").mkdir(parents=True, exist_ok=True)
    runs = {}

    def run(label, file, *args, **more):
        runs[label] = make.run_flow(root, file, *args, **dict(env, **more))

    def first():
        run("hello", "hello")
        run("hello-tags", "hello", "--tag", "nightly", "--tag", "with space", "--tag", "slash/ed", "--tag", ".dotted")
        run("hello-other-user", "hello", USER="somebody")
        run("named", "named")
        run("card", "card")
        run("switch", "switch")

    def second():
        run("foreach", "foreach")
        origin = runs["foreach"].split("/")[1]
        run("foreach-resumed", "foreach", "join_outer", "--origin-run-id", origin, command="resume")
        run("params", "params")

    def third():
        run("fail", "fail", expect=1)
        run("fail-end", "fail", expect=1, FAIL_FLOW_PASS="1", FAIL_FLOW_END="1")
        run("retry", "retry")
        run("branch", "branch")
        runs["killed"] = killed(root, out / "killed-gates", env)

    threads = []
    problems = []
    for part in (first, second, third):
        def job(part=part):
            try:
                part()
            except Exception as e:  # raised below, in the test's thread
                problems.append(e)
        threads.append(threading.Thread(target=job))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if problems:
        double.stop()
        raise problems[0]
    double.do("dump", path=str(out / "rows.json"))
    double.stop()
    return runs


def killed(root, gates, env):
    process, pathspec = make.start_live(root, gates, **env)
    os.killpg(process.pid, 9)
    process.wait()
    return pathspec


CLIENT = """
import json, sys
from metaflow import *
import metaflow
metaflow.namespace(None)
%s
print(json.dumps(answer()))
"""


def in_client(url, root, code, **env):
    """What `answer()`, defined by `code`, returns with Metaflow's client in a process of its own."""
    done = subprocess.run([PYTHON, "-c", CLIENT % code], env=make.metaflow_env(root, **service_env(url), **env),
                          cwd=root, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def timed(most, what=""):
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= most, "%s took %.2f s, not at most %.2f" % (what, took, most)
