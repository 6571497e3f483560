"""Retries (the first two attempts fail, one after it wrote artifacts, one by dying), and @catch."""

import os
import sys

from metaflow import FlowSpec, catch, current, retry, step


class RetryFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.flaky, self.caught)

    @retry(times=3, minutes_between_retries=0)
    @step
    def flaky(self):
        self.seen_attempt = current.retry_count
        print("attempt", current.retry_count)
        print("warning of attempt", current.retry_count, file=sys.stderr)
        if current.retry_count == 0:
            self.only_first = "written by the attempt that raised"
            raise RuntimeError("the first attempt fails")
        if current.retry_count == 1:
            sys.stdout.flush()
            os._exit(3)
        self.next(self.join)

    @catch(var="problem")
    @retry(times=1, minutes_between_retries=0)
    @step
    def caught(self):
        self.before = "before the error"
        raise ValueError("always fails: grün")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.problems = [str(getattr(i, "problem", None)) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryFlow()
