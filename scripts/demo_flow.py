"""A small flow whose run scripts/demo shows: a parameter, a foreach, artifacts of several kinds."""

from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    greeting = Parameter("greeting", default="Hello", help="the word to greet with")

    @step
    def start(self):
        self.cities = ["Oslo", "Lima", "Tokyo"]
        print("greeting %d cities" % len(self.cities))
        self.next(self.greet, foreach="cities")

    @step
    def greet(self):
        self.message = "%s, %s!" % (self.greeting, self.input)
        self.letters = {letter: self.input.count(letter) for letter in sorted(set(self.input))}
        print(self.message)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.messages = [task.message for task in inputs]
        self.lengths = {task.input: len(task.message) for task in inputs}
        self.mean_length = sum(self.lengths.values()) / len(self.lengths)
        self.next(self.end)

    @step
    def end(self):
        self.report = "\n".join(self.messages) + "\n"
        print("done")


if __name__ == "__main__":
    HelloFlow()
