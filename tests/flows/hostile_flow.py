"""Texts that a page must show and a browser must not obey: in a parameter, a log and an exception. The step `bad`
fails; `cards` would come after it."""

import sys

from metaflow import FlowSpec, Parameter, step

SCRIPT = "<script>alert('%s')</script>"


class HostileFlow(FlowSpec):
    text = Parameter("text", default=SCRIPT % "parameter")
    long = Parameter("long", default="&lt;" + "x" * 5000)
    odd = Parameter("odd", default="\u202e\x1b[31m\x00\x0c\ufffe</td></table>")

    @step
    def start(self):
        self.next(self.bad)

    @step
    def bad(self):
        for n in range(50):
            print("line", n)
        print(SCRIPT % "log", "\x1b[31mred\x1b[0m</pre>")
        sys.stdout.flush()
        sys.stdout.buffer.write(b"bytes \xff\xfe\x01 end\n")
        sys.stdout.flush()
        raise ValueError("</pre>" + SCRIPT % "exception")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileFlow()
