"""Start and end steps under other names."""

from metaflow import FlowSpec, step


class NamedFlow(FlowSpec):
    @step(start=True)
    def begin(self):
        self.x = "from begin"
        self.next(self.finish)

    @step(end=True)
    def finish(self):
        self.y = "at the finish"


if __name__ == "__main__":
    NamedFlow()
