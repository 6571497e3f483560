"""Chromium without a window, led over its own pipe (the DevTools protocol): pages as people see them."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

WAIT = 90  # a loaded machine starts it slowly


def chromium():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "no chromium: apt-get install chromium"
    return found


class Browser:
    """One page at a time; `log` has what the page's console and the browser said of it, `requests` the URLs that it
    asked for."""

    def __init__(self, folder):
        read_end, self.to = os.pipe()
        self.source, write_end = os.pipe()
        command = [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                   "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=%s" % folder, "about:blank"]
        # The program reads commands from descriptor 3 and answers on 4.
        script = 'exec 3<&%d 4>&%d; exec "$@"' % (read_end, write_end)
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command], pass_fds=(read_end, write_end), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=str(folder)))
        os.close(read_end)
        os.close(write_end)
        self.left, self.number, self.session = b"", 0, None
        self.log, self.requests, self.events, self.loaded = [], [], [], set()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def _read(self):
        """The next message."""
        deadline = time.monotonic() + WAIT
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.source], [], [], max(0, deadline - time.monotonic()))
            assert ready, "chromium does not answer"
            got = os.read(self.source, 1 << 20)
            assert got, "chromium ended with %r" % self.process.poll()
            self.left += got
        message, self.left = self.left.split(b"\0", 1)
        return json.loads(message)

    def _see(self, message):
        self.events.append(message.get("method"))
        what, about = message.get("method"), message.get("params", {})
        if what == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif what == "Page.lifecycleEvent" and about["name"] == "load":
            self.loaded.add(about["loaderId"])
        elif what in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.log.append(json.dumps(about))

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._see(answer)

    def open(self, url, width=1280, height=900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.log, self.requests, self.events = [], [], []
        answer = self.call("Page.navigate", url=str(url))
        assert "errorText" not in answer, answer
        while answer["loaderId"] not in self.loaded:
            self._see(self._read())

    def value(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, path, whole=False):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as out:
            out.write(base64.b64decode(shot["data"]))

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (AssertionError, OSError):
            pass
        try:
            self.process.wait(WAIT)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.to)
            os.close(self.source)
