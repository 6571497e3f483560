"""Containers that take ten times their pickles in memory when they are read, all different."""

from metaflow import FlowSpec, step

COUNT = 8


class DictsFlow(FlowSpec):
    @step
    def start(self):
        for n in range(COUNT):
            setattr(self, "dict_%d" % n, {"key %d" % i: [n, i] for i in range(300_000)})
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DictsFlow()
