"""What is worth fetching in parts: a numpy array, bytes and text that do not compress, and text that does, each of a
size that the environment tells in MiB; small artifacts beside them."""

import base64
import os
import random

import numpy
from metaflow import FlowSpec, step


def size(name, default):
    return int(os.environ.get("S3_FLOW_" + name, default)) << 20


def noise(count, seed):
    """Bytes that do not compress."""
    source = random.Random(seed)
    return b"".join(source.randbytes(min(1 << 24, count - at)) for at in range(0, count, 1 << 24))


class S3Flow(FlowSpec):
    @step
    def start(self):
        self.array = numpy.random.default_rng(7).standard_normal(size("ARRAY", 64) // 8)
        self.blob = noise(size("BLOB", 96), 7)
        self.text = base64.b64encode(noise(size("TEXT", 24) // 4 * 3, 8)).decode()
        self.plain = ("a line that compresses well\n" * 40000) * max(size("PLAIN", 16) >> 20, 1)
        self.table = {"rows": [[n, n * 0.5, str(n)] for n in range(1000)]}
        self.note = "small"
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    S3Flow()
