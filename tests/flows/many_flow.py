"""A foreach of many small tasks. tests/data/many.py writes its runs, through Metaflow's own datastore and metadata but
in one process: as a flow each task would be a process of its own."""

from metaflow import FlowSpec, step


class ManyFlow(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.x = "item %d\n" % self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ManyFlow()
