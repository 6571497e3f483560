"""Parameters of every type, included files (text, CRLF, binary, by default and by option), a Config."""

import os

from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, project, step

HERE = os.path.dirname(os.path.abspath(__file__))


@project(name="params_project")
class ParamsFlow(FlowSpec):
    text = Parameter("text", default="a default")
    count = Parameter("count", type=int, default=3)
    ratio = Parameter("ratio", type=float, default=0.25)
    flag = Parameter("flag", type=bool, default=True)
    table = Parameter("table", type=JSONType, default='{"k": [1, 2]}')
    dashed = Parameter("dashed-name", default="dash")
    nothing = Parameter("nothing", default=None)
    separated = Parameter("separated", separator=",", default="a,b,c")
    doc = IncludeFile("doc", default=os.path.join(HERE, "included.txt"))
    crlf = IncludeFile("crlf", default=os.path.join(HERE, "included-crlf.txt"))
    blob = IncludeFile("blob", is_text=False, default=os.path.join(HERE, "included.bin"))
    absent = IncludeFile("absent", required=False)
    config = Config("config", default_value='{"depth": {"x": 1}, "list": [1, 2]}')

    @step
    def start(self):
        print("text is", self.text)
        self.doc_length = len(self.doc)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParamsFlow()
