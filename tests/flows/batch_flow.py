"""A step for each way of asking AWS Batch; none does anything."""

import metaflow
from batch_cases import CASES
from metaflow import FlowSpec, step


def decorated(name):
    def decorate(function):
        for decorator, attributes in CASES[name].items():
            function = getattr(metaflow, decorator)(**attributes)(function)
        return function

    return decorate


class BatchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.plain, self.half, self.size, self.rich, self.fargate)

    @decorated("plain")
    @step
    def plain(self):
        self.next(self.join)

    @decorated("half")
    @step
    def half(self):
        self.next(self.join)

    @decorated("size")
    @step
    def size(self):
        self.next(self.join)

    @decorated("rich")
    @step
    def rich(self):
        self.next(self.join)

    @decorated("fargate")
    @step
    def fargate(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BatchFlow()
