"""Iterated bootstrap: the best program of each round is the teacher of the next (DSPy, arXiv 2310.03714, section 4: a compiled program teaches)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.interval import Interval
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task


class IteratedBootstrapFewShot(BootstrapFewShot):
    """`BootstrapFewShot` `rounds` times over: the teacher of a round is the best candidate so far, which solves examples that the
    first teacher did not.

    The first round takes the training examples in order, later ones shuffle them. Candidates are scored on the `valset`; without one, up to
    20 training examples are cross-fitted, and of more a third is held out for it. The best of all rounds
    wins, and so does a person's edit where it is better.
    The teacher's LM and the `teacher_settings` stay; only its prompts become those of the best. One compile does what
    `BootstrapFewShot(...).compile(student, teacher=former, ...)` does for each round, in one run with one budget.

    Budget: each round costs between `max_bootstrapped_demos` and T · `max_rounds` program runs of the teacher and V for the score, so the
    whole at most (rounds + 1) · V + rounds · T · max_rounds, with T training and V validation examples.

    >>> import lmnb
    >>> data = [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)).with_inputs("question") for n in range(9)]
    >>> def exact(example, made, trace=None):
    ...     return made.answer == example.answer
    >>> add = lambda messages, **_: {"answer": str(int(messages[-1]["content"].split()[5]) + 1)}
    >>> optimizer = lmnb.IteratedBootstrapFewShot(exact, rounds=2)
    >>> with lmnb.context(lm=lmnb.FakeLM(add)):
    ...     run = optimizer.start(lmnb.Predict("question -> answer"), trainset=data, run_dir=None)
    ...     tuned = run.wait()
    >>> [candidate.label for candidate in run.candidates]
    ['baseline', 'round 1: 4 bootstrapped + 5 labelled demos', 'round 2: 4 bootstrapped + 5 labelled demos']
    """

    needs_evalset = True

    def __init__(
        self,
        metric: Callable[..., Any],
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        rounds: int = 3,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            max_rounds=max_rounds,
            max_errors=max_errors,
        )
        self.rounds = whole_number("rounds", rounds, "how many bootstraps follow each other")

    def planned(self, **_: Any) -> int:
        return 1 + self.rounds

    def counts(self, task: Task, **_: Any) -> Counts:
        V, one = len(task.examples()), bootstraps(task, self.max_bootstrapped_demos, self.max_rounds)
        new = self.rounds > 0 and is_new(task, self.max_labeled_demos)
        runs = Interval(one.low if self.rounds else 0, self.rounds * (one.high or 0))
        more = len(task.trainset) * self.max_rounds
        return Counts(Interval(V + new * V, (1 + self.rounds) * V), runs, demos=self.most_demos, more_runs=more)

    def search(self, task: Task) -> Search:
        _check_teacher(task)
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        teacher: Candidate | None = (
            None  # of the first round: the one that was given, or the program with labelled demos
        )
        for number in range(1, self.rounds + 1):
            order = list(range(len(task.trainset)))
            if number > 1:
                task.rng("round", number).shuffle(order)
            made = yield from self.bootstrapped(task, order, self.max_bootstrapped_demos, teacher=teacher)
            parent = task.baseline if teacher is None else teacher
            candidate = yield from gate(
                made.child_of(parent, origin="bootstrapped", label=f"round {number}: {made.label}")
            )
            if candidate is not None:
                yield from evaluate(candidate, task)
            best = task.leader()
            teacher = teacher if best is None or best == task.baseline else best


def _check_teacher(task: Task) -> None:
    held = task.baseline if task.teacher is None else task.teacher
    for predictor in task.predictors:
        if f"{predictor.path}.demos" not in held.values:
            raise InputError(
                f"the teacher has no predictor {predictor.path!r}, so the best of a round cannot take its place. Compile with "
                "BootstrapFewShot and this teacher, and give what comes of it as the teacher here."
            )
