"""The tasks of the bench of optimizers: what the embedded model can do, made anew for each seed from words that it never saw.

Left out, because the model cannot do them (its card: chance, or nearly nothing right): two hops without a reasoning field,
records as JSON, judging, and the choice of tools.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import lmnb
from lmnb.train.episodes import FAMILIES
from lmnb.train.episodes.arithmetic import story
from lmnb.train.episodes.extraction import row
from lmnb.train.episodes.routing import example

WRONG = 0.1  # the share of training labels of the routing tasks that are wrong
TEAMS = "otter", "falcon", "maple"


@dataclass(frozen=True)
class Problem:
    """A task of one seed: the program before it is tuned, and examples for training, selection and the last check."""

    program: Any
    train: list[Any]
    val: list[Any]
    test: list[Any]


@dataclass(frozen=True)
class Task:
    """`make(rng, count)` gives a program and so many examples, of which the first `wrong` share (of the training part) is mislabelled.
    `demos` says whether prompts have room for them; `null` that there is nothing to gain, so that a claim is a false one.
    """

    name: str
    about: str
    make: Callable[[random.Random, int], tuple[Any, list[Any]]]
    seeds: int = 3
    demos: bool = True
    wrong: float = 0.0
    null: bool = False

    def problem(self, seed: int, train: int, val: int, test: int) -> Problem:
        """The task of one seed; no other seed shares its words."""
        rng = random.Random(f"{self.name}/{seed}")
        program, rows = self.make(rng, train + val + test)
        learned = rows[:train]
        if self.wrong:
            labels = sorted({each.team for each in rows})
            for at in rng.sample(range(train), round(self.wrong * train)):
                others = [label for label in labels if label != learned[at].team]
                learned[at] = learned[at].copy(team=rng.choice(others))
        return Problem(program, learned, rows[train : train + val], rows[train + val :])


def right(gold: Any, prediction: Any, trace: Any = None) -> Any:
    """Whether the answer is exactly right; else the feedback says what it is."""
    name = "team" if "team" in gold else "answer"
    correct = str(prediction[name]) == str(gold[name])
    return lmnb.Score(correct, feedback="" if correct else f"The {name} is {gold[name]}.")


def _tickets(rng: random.Random, count: int, **fixed: Any) -> tuple[Any, list[Any]]:
    """A routing task of the embedded model's generator, held-out side: its signature and messages with their labels."""
    given = {
        "classes": 3,
        "demos": 0,
        "reasoning": False,
        "noise": 0.0,
        "instruction": "bad",
        "fields": ("ticket", "team"),
    }
    task = FAMILIES["routing"](rng, True, **{**given, **fixed})
    made = [example(rng, task, True) for _ in range(count)]
    return task.signature, [lmnb.Example(**inputs, **outputs).with_inputs("ticket") for inputs, outputs in made]


def _opaque(rng: random.Random, count: int) -> tuple[Any, list[Any]]:
    signature, rows = _tickets(rng, count, kind="topic", literal=False)
    return lmnb.Predict(signature), rows


def _named(rng: random.Random, count: int) -> tuple[Any, list[Any]]:
    signature, rows = _tickets(rng, count, kind="natural", literal=True, instruction="good")
    return lmnb.Predict(signature), rows


def _coins(rng: random.Random, count: int) -> tuple[Any, list[Any]]:
    _, rows = _tickets(rng, count, kind="topic", literal=False)
    drawn = [
        team for _ in range(0, count, len(TEAMS)) for team in rng.sample(TEAMS, len(TEAMS))
    ]  # balanced in each split
    signature = lmnb.Signature(
        {"ticket": (str, lmnb.InputField()), "team": (Literal[TEAMS], lmnb.OutputField())},  # type: ignore[valid-type]
        "Look at the ticket and write its team.",
    )
    return lmnb.Predict(signature), [each.copy(team=team) for each, team in zip(rows, drawn, strict=False)]


def _sums(rng: random.Random, count: int) -> tuple[Any, list[Any]]:
    rows = []
    for _ in range(count):
        question, steps, total = story(rng, True, 3)
        rows.append(lmnb.Example(question=question, reasoning=steps, answer=total).with_inputs("question"))
    return lmnb.ChainOfThought(lmnb.Signature("question -> answer: int", "Work out the number.")), rows


def _hops(rng: random.Random, count: int) -> tuple[Any, list[Any]]:
    rows = []
    for _ in range(count):
        facts, values, _ = row(rng, True, 2, 4, True, 2)
        rows.append(lmnb.Example(context=" ".join(facts), **values).with_inputs("context", "question"))
    signature = lmnb.Signature("context, question -> answer", "Use the context to answer the question.")
    return lmnb.ChainOfThought(signature), rows


TASKS = {
    task.name: task
    for task in (
        Task(
            "routing by demos",
            "three teams whose names say nothing, an instruction that does not explain them; 10 % of the training labels are wrong",
            _opaque,
            wrong=WRONG,
        ),
        Task(
            "routing by instruction",
            "the same kind of task, and prompts have no room for demos: what is gained is by the instruction alone",
            _opaque,
            demos=False,
            wrong=WRONG,
        ),
        Task(
            "saturated",
            "teams named by their topics, as a Literal type, and an instruction that says so: the model can do it untuned",
            _named,
            null=True,
        ),
        Task("impossible", "the team of a ticket was drawn by lot: nothing can be learned", _coins, null=True),
        Task("arithmetic", "sums of three steps, with a reasoning field", _sums, seeds=1),
        Task("two hops", "an answer that takes two facts of a context, with a reasoning field", _hops, seeds=1),
    )
}
