"""The smallest flow: what the README shows."""

from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    greeting = Parameter("greeting", default="hello")

    @step
    def start(self):
        print(self.greeting, "from start")
        self.message = self.greeting + ", world"
        self.numbers = [1, 2, 3]
        self.next(self.end)

    @step
    def end(self):
        self.summary = {"message": self.message, "total": sum(self.numbers)}


if __name__ == "__main__":
    HelloFlow()
