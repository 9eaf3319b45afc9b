"""Racing: a candidate that cannot win any more is not asked on (after Maron and Moore 1994, and Birattari et al. 2002)."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from statistics import fmean
from typing import Any

from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Effect, Report
from lmnb.optimize.search import evaluate, rollouts
from lmnb.optimize.task import Task

BLOCKS = 10  # a candidate is looked at after each tenth of the examples ...
SMALLEST = 8  # ... and after no fewer than these
DOUBT = 2.0  # standard errors by which it may trail and still go on


class Race:
    """Scores candidates against the best so far. Examples come in one seeded order for all, so that two candidates are compared on
    the same ones; a candidate is stopped at the edge of a block, whatever order the replies came in.

    `saved` counts the program runs that were not needed. With `racing=False`, or another objective than the mean, everyone is asked to the end.
    """

    def __init__(self, task: Task, *, racing: bool = True) -> None:
        self.task = task
        self.racing = racing
        self.saved = 0
        self._order = list(range(len(task.examples())))
        task.rng("race").shuffle(self._order)
        self._lost: list[tuple[Candidate, Candidate]] = []

    def score(self, candidate: Candidate) -> Generator[list[Effect], list[Any], float | None]:
        """The candidate's score in per cent; None where it was dropped, or stopped because it cannot win."""
        task, leader = self.task, self.task.leader()
        if (
            not (self.racing and task.archive.objective == "mean")
            or leader is None
            or leader == candidate
            or task.evalset is None
        ):
            return (yield from evaluate(candidate, task))
        rival = task.scores(leader)
        differences: list[float] = []
        for block in _blocks(self._order):
            results = yield from rollouts(candidate, task.evalset, block)
            if results is None:
                return None
            differences += [result.value - rival[index] for index, result in zip(block, results, strict=True)]
            left = len(self._order) - len(differences)
            if left and is_lost(differences, len(self._order)):
                self.saved += left
                self._lost.append((candidate, leader))
                behind = -100 * fmean(differences)
                yield [
                    Report(
                        f"{candidate.label}: stopped after {len(differences)} of {len(self._order)} examples, {behind:.1f} points behind "
                        f"{leader.label} on them; {self.saved} program runs saved so far"
                    )
                ]
                return None
        return task.score(candidate)

    def second_chances(self) -> Generator[list[Effect], list[Any], None]:
        """Go on with those that lost against a candidate which the person has ruled out since."""
        while True:
            feasible = set(self.task.feasible())
            again = [one for one, rival in self._lost if one in feasible and rival not in feasible]
            if not again:
                return
            self._lost = [(one, rival) for one, rival in self._lost if one not in again]
            for candidate in again:
                yield from self.score(candidate)


def is_lost(differences: Sequence[float], total: int) -> bool:
    """Whether a candidate's mean over `total` examples will stay below its rival's, by the paired differences on the first of them.

    The mean over all is predicted from those seen, with the finite population's correction: what is left to see can move it by
    `DOUBT` standard errors at most. The variance is drawn towards that of a coin, so that a few equal differences prove little.

    >>> is_lost([-1.0] * 8, 100), is_lost([-1.0, 0.0, 0.0, 0.0], 100), is_lost([-1.0, -1.0, 1.0] * 3, 100)
    (True, False, False)
    """
    seen, mean = len(differences), fmean(differences)
    scale = max(map(abs, differences))
    spread = math.fsum((one - mean) ** 2 for one in differences) + 2 * (scale / 2) ** 2
    error = math.sqrt(spread / (seen + 1) * (1 / seen - 1 / total))
    return mean + DOUBT * error < 0


def _blocks(order: Sequence[int]) -> list[Sequence[int]]:
    size = max(SMALLEST, math.ceil(len(order) / BLOCKS))
    return [order[start : start + size] for start in range(0, len(order), size)]
