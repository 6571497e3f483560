"""One array of 64 MiB, and a text of 8 MiB."""

import numpy
from metaflow import FlowSpec, step


class BigFlow(FlowSpec):
    @step
    def start(self):
        self.array = numpy.random.default_rng(7).integers(0, 1000, 8 << 20, dtype="i8")
        self.text = "".join("line %07d\n" % i for i in range((8 << 20) // 13))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BigFlow()
