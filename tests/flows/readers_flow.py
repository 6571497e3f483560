"""Files whose sizes are not known until they are read: `big_<n>` is smaller than its recorded size,
`small_<n>` larger; each reader of the tests gets a fresh one of both."""

from metaflow import FlowSpec, step

COUNT = 32


class ReadersFlow(FlowSpec):
    @step
    def start(self):
        for n in range(COUNT):
            setattr(self, "big_%02d" % n, [0.5] * 6000 + [n])
            setattr(self, "small_%02d" % n, [n] + list(range(6000)))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ReadersFlow()
