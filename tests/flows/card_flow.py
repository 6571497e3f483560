"""Cards: the default one, one with an id, a step with two of a type."""

from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown


class CardFlow(FlowSpec):
    @card
    @step
    def start(self):
        self.x = 1
        self.next(self.middle)

    @card(type="blank", id="first")
    @card(type="blank", id="second")
    @step
    def middle(self):
        current.card["first"].append(Markdown("# First"))
        current.card["second"].append(Markdown("# Second"))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CardFlow()
