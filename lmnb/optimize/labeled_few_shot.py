"""LabeledFewShot: training examples as demos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmnb.counts import whole_number
from lmnb.optimize.counts import Counts, asked
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.search import Search, evaluate, gate, labelled
from lmnb.optimize.task import Task


class LabeledFewShot(Optimizer):
    """Gives every predictor `k` training examples as demos.

    Makes no LM call, unless a `metric` and a `valset` are given: then the program before and after is scored, and the
    better one wins.

    >>> import lmnb
    >>> trainset = [lmnb.Example(question="2 + 2?", answer="4").with_inputs("question")]
    >>> tuned = lmnb.LabeledFewShot(k=1).compile(lmnb.Predict("question -> answer"), trainset=trainset, run_dir=None)
    >>> tuned.demos[0].answer
    '4'
    """

    learns_demos_only = True

    def __init__(self, k: int = 16, metric: Callable[..., Any] | None = None) -> None:
        super().__init__(metric=metric)
        self.k = whole_number("k", k, "how many demos a predictor has", least=0)

    @property
    def draws_labelled(self) -> bool:
        return self.k > 0

    def counts(self, task: Task, **options: Any) -> Counts:
        return asked(self.search(task, **options), self.k)

    def search(self, task: Task, *, sample: bool = True) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        proposed = yield from labelled(task, self.k, sample=sample)
        candidate = yield from gate(proposed)
        if candidate is not None:
            yield from evaluate(candidate, task)
