"""The first notebook's program and optimizer, at a place that can be imported.

`lmnb demo` runs them, and `lmnb resume` finds the code of the run again.
"""

from __future__ import annotations

from typing import Any

from lmnb.example import Example
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch
from lmnb.prediction import Prediction
from lmnb.signature import InputField, OutputField, Signature


class RouteTicket(Signature):
    """Route the ticket to the right team."""

    ticket: str = InputField()
    team: str = OutputField()


class TicketRouter(Module):
    """One prediction: a support ticket to the name of a team."""

    def __init__(self) -> None:
        super().__init__()
        self.route = Predict(RouteTicket)

    def forward(self, ticket: str) -> Prediction:
        return self.route(ticket=ticket)


def right_team(example: Example, prediction: Prediction, trace: Any = None) -> bool:
    """The metric: the team is the one in the data, letter for letter."""
    return prediction.team == example.team


def optimizer(candidates: int = 10) -> BootstrapFewShotWithRandomSearch:
    """Random search over sets of up to eight demos, four of them bootstrapped: more crowd the small model's context."""
    return BootstrapFewShotWithRandomSearch(
        metric=right_team,
        max_bootstrapped_demos=4,
        max_labeled_demos=8,
        num_candidate_programs=candidates,
    )
