"""Fails in the midst of a foreach unless FAIL_FLOW_PASS is set; with FAIL_FLOW_END it fails in `end`."""

import os

from metaflow import FlowSpec, step


class FailFlow(FlowSpec):
    @step
    def start(self):
        print("start speaks")
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.number = self.input
        print("work on", self.input)
        if self.input == 1 and not os.environ.get("FAIL_FLOW_PASS"):
            raise ArithmeticError("item 1 is bad")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.numbers = sorted(i.number for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        self.ended = True
        if os.environ.get("FAIL_FLOW_END"):
            raise KeyError("the end fails")


if __name__ == "__main__":
    FailFlow()
