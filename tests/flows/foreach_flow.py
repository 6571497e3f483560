"""A foreach of twelve (so that index 1 and 10, 11 stand side by side) and a nested foreach."""

from metaflow import FlowSpec, step


class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["item %d" % i for i in range(12)]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.name_of_item = self.input.upper()
        self.value = self.index * 10
        print("working on", self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(i.value for i in inputs)
        self.next(self.split)

    @step
    def split(self):
        self.outer = ["x", "y"]
        self.next(self.level_one, foreach="outer")

    @step
    def level_one(self):
        self.inner = [1, 2]
        self.next(self.level_two, foreach="inner")

    @step
    def level_two(self):
        self.pair = "%s%d" % (self.foreach_stack()[0][2], self.input)
        self.next(self.after)

    @step
    def after(self):
        self.pair_again = self.pair * 2
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.pairs = sorted(i.pair for i in inputs)
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.all_pairs = sorted(p for i in inputs for p in i.pairs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachFlow()
