"""A conditional branch, and a step that goes back to itself until it is satisfied."""

from metaflow import FlowSpec, Parameter, step


class SwitchFlow(FlowSpec):
    kind = Parameter("kind", default="short")

    @step
    def start(self):
        self.rounds = 0
        self.next({"short": self.short, "long": self.loop}, condition="kind")

    @step
    def short(self):
        self.way = "short"
        self.next(self.end)

    @step
    def loop(self):
        self.rounds += 1
        self.again = "yes" if self.rounds < 3 else "no"
        self.next({"yes": self.loop, "no": self.long}, condition="again")

    @step
    def long(self):
        self.way = "long"
        self.next(self.end)

    @step
    def end(self):
        self.done = self.way


if __name__ == "__main__":
    SwitchFlow()
