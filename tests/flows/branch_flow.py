"""Static branches, one of them with a branch and a foreach inside, and their joins; a parallel step."""

from metaflow import FlowSpec, step


class BranchFlow(FlowSpec):
    @step
    def start(self):
        self.common = "same"
        self.next(self.left, self.right)

    @step
    def left(self):
        self.side = "left"
        self.next(self.left_a, self.left_b)

    @step
    def left_a(self):
        self.part = "a"
        self.next(self.left_join)

    @step
    def left_b(self):
        self.part = "b"
        self.next(self.left_join)

    @step
    def left_join(self, inputs):
        self.parts = [i.part for i in inputs]
        self.merge_artifacts(inputs, include=["common"])
        self.next(self.join)

    @step
    def right(self):
        self.side = "right"
        self.things = ["p", "q", "r"]
        self.next(self.each, foreach="things")

    @step
    def each(self):
        self.parts = [self.input]
        self.next(self.each_join)

    @step
    def each_join(self, inputs):
        self.parts = [p for i in inputs for p in i.parts]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.parts = [p for i in inputs for p in i.parts]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchFlow()
