"""What the notebooks of these tests run on: a small program, a model that takes its time, and a count of what was asked.

This file is copied beside the notebooks; they say `from bench import *`.
"""

from __future__ import annotations

import hashlib
import re
import time

import lmnb

__all__ = ["asked", "lmnb", "pace", "start", "tickets", "time"]

TEAMS = ("otter", "falcon", "maple")
asked: list[float] = []  # when each request was dispatched
_pace = [0.02]


def pace(seconds):
    """How long the model takes for a reply from now on."""
    _pace[0] = seconds


def _reply(messages, **options):
    asked.append(time.time())
    time.sleep(_pace[0])
    ticket = re.search(r"ticket (\d+)", messages[-1]["content"])
    number = int(ticket.group(1)) if ticket else 0
    text = "".join(message["content"] for message in messages)
    luck = int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10
    demos = sum(message["role"] == "assistant" for message in messages)
    return {"team": TEAMS[number % 3] if luck < min(9, 2 + 2 * demos) else "none"}


class Route(lmnb.Signature):
    """Route the ticket to the right team."""

    ticket: str = lmnb.InputField()
    team: str = lmnb.OutputField()


class Router(lmnb.Module):
    """One prediction."""

    def __init__(self):
        super().__init__()
        self.route = lmnb.Predict(Route)

    def forward(self, ticket):
        return self.route(ticket=ticket)


def right(example, prediction, trace=None):
    """The metric."""
    return example.team == prediction.team


def tickets(first, last):
    return [
        lmnb.Example(ticket=f"This is ticket {i}, please help.", team=TEAMS[i % 3]).with_inputs("ticket")
        for i in range(first, last)
    ]


def start(candidates=4, **options):
    """A search of `candidates` + 3 candidates on twelve tickets, three demos each."""
    lmnb.configure(lm=lmnb.FakeLM(_reply))
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(
        metric=right, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=candidates
    )
    return optimizer.start(Router(), trainset=tickets(0, 12), valset=tickets(100, 112), num_threads=4, **options)
