"""A run that a test leads: each task waits until a file of its name is in $LIVE_FLOW_GATES."""

import os
import sys
import time

from metaflow import FlowSpec, current, retry, step


def gate(name):
    path = os.path.join(os.environ["LIVE_FLOW_GATES"], name)
    deadline = time.time() + 120
    open(path + ".waiting", "w").close()
    while not os.path.exists(path):
        if time.time() > deadline:
            sys.exit("no gate " + name)
        time.sleep(0.02)


class LiveFlow(FlowSpec):
    @step
    def start(self):
        self.first = "first"
        gate("start")
        print("start is through")
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        self.attempt = current.retry_count
        print("work", self.input, "attempt", current.retry_count)
        gate("work-%d-%d" % (self.input, current.retry_count))
        if self.input == 1 and current.retry_count == 0:
            raise RuntimeError("once more")
        self.next(self.join)

    @step
    def join(self, inputs):
        gate("join")
        self.attempts = sorted(i.attempt for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        gate("end")
        self.last = "last"


if __name__ == "__main__":
    LiveFlow()
