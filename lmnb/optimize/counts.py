"""What a search asks for, counted before it runs: program runs and proposals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from lmnb.optimize.effects import Bought, Gate, Inbox, Propose, Result, Rollout
from lmnb.optimize.interval import NONE, Interval, exactly
from lmnb.optimize.search import Search
from lmnb.optimize.task import Task


@dataclass(frozen=True)
class Counts:
    """Program runs (one program on one example, with one call of the metric) of the student and of the teacher, and requests to proposers. The
    lower ends are those of a run in which everything goes well, the upper ends hold for every run in which nobody decides anything.

    `demos` is the most that a predictor shows, `shown` how many examples stand in the prompt of one proposal: prompts grow with both. One
    decision of a person may add `more_runs` and `more_proposals`, beside scoring what they made. `trainings` fit weights.
    """

    student: Interval
    teacher: Interval = NONE
    proposals: Interval = NONE
    demos: int = 0
    shown: int = 10
    more_runs: float = 0
    more_proposals: float = 0
    trainings: Interval = NONE


def counts_of(optimizer: Any, task: Task, options: Mapping[str, Any]) -> Counts | None:
    """The counts of an optimizer's search with these options; those that are not given are as its `search` has them."""
    own, taken = (signature(call).parameters for call in (optimizer.search, optimizer.counts))
    every = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    usual = {name: each.default for name, each in own.items() if each.default is not each.empty}
    return optimizer.counts(
        task, **{name: value for name, value in usual.items() if every or name in taken} | dict(options)
    )


def bootstraps(task: Task, wanted: int, rounds: int) -> Interval:
    """The teacher's runs of one bootstrap of so many demos: one a success, each training example in every round at most."""
    size = len(task.trainset)
    return Interval(min(wanted, size), size * rounds) if wanted > 0 else NONE


def is_new(task: Task, labelled: int) -> bool:
    """Whether a candidate filled up with so many labelled demos is sure to be another one than the program as it is."""
    bare = not any(True for _ in task.baseline.demos())
    return bare and labelled > 0 and has_labels(task)


def has_labels(task: Task) -> bool:
    """Whether some predictor can show a training example as it is."""
    return any(part.labelled(example) is not None for part in task.predictors for example in task.trainset)


def asked(search: Search, demos: int = 0) -> Counts:
    """What a search asks for whose requests do not depend on what comes back: it is run dry, on results of no worth."""
    keys: dict[str, Any] = {}
    results: list[Any] | None = None
    while True:
        try:
            batch = next(search) if results is None else search.send(results)
        except StopIteration:
            break
        keys |= {effect.key(): effect for effect in batch if isinstance(effect, Bought)}
        results = [_dry(effect) for effect in batch]
    runs = [effect.role for effect in keys.values() if isinstance(effect, Rollout)]
    proposals = sum(isinstance(effect, Propose) for effect in keys.values())
    return Counts(exactly(runs.count("student")), exactly(runs.count("teacher")), exactly(proposals), demos)


def _dry(effect: Any) -> Any:
    if isinstance(effect, Bought):
        return Result(0.0)
    return effect.value if isinstance(effect, Gate) else [] if isinstance(effect, Inbox) else None
