"""What choosing the best of several programs gains: measured on examples that had no part in the choice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from lmnb.evaluate.statistics import Paired, paired, shrink, variance

FOLDS = 2  # with more, which share examples, equal candidates show a gain too often
WIDER = 0.4  # of the error that is allowed: two halves are not independent either


@dataclass(frozen=True, slots=True)
class Gain:
    """The gain of the best of several candidates over the first: `apparent` on the examples that chose it, `shrunken` as to be expected of it
    (see `shrink`), `held_out` where the choice is made without the examples that it is judged on. `chosen` is the best on all of them.
    """

    chosen: int
    apparent: float
    shrunken: float
    held_out: Paired


def selection_gain(
    scores: Sequence[Sequence[float]], *, folds: int = FOLDS, seed: int = 0, level: float = 0.95
) -> Gain:
    """The gain of choosing the best of `scores` (a row of scores on the same examples for each candidate, the baseline's first).

    The best of many equal candidates looks better than the baseline on the examples that chose it (Stone 1974 and Cawley and Talbot 2010 on
    the bias of selection). So the examples are dealt into `folds`, by `seed`; for each fold the choice is made on the others, and the paired
    differences on the fold are what that choice gained. Their mean and interval are `held_out`: of equal candidates at most one run in twenty
    has an interval above 0, simulated from 20 examples on. A tie goes to the earlier candidate.

    >>> rows = [[0, 0, 0, 0, 1, 1, 0, 0, 1, 0] * 4, [1, 0, 1, 1, 1, 1, 1, 0, 1, 1] * 4]
    >>> gain = selection_gain(rows)
    >>> gain.chosen, round(gain.apparent, 2), round(gain.held_out.mean, 2), gain.held_out.low > 0
    (1, 0.5, 0.5, True)
    """
    n = len(scores[0]) if scores else 0
    if n == 0 or any(len(row) != n for row in scores):
        raise ValueError("selection_gain needs a row of scores for each candidate, all on the same examples")
    order = list(range(n))
    random.Random(seed).shuffle(order)
    after = list(scores[0])
    for fold in range(min(folds, n)):
        held = order[fold::folds]
        rest = sorted(set(order) - set(held))
        chosen = _best(scores, rest)
        for index in held:
            after[index] = scores[chosen][index]
    best, estimates = _best(scores, order), _shrunken(scores)
    return Gain(
        best,
        fmean(scores[best]) - fmean(scores[0]),
        estimates[best] - estimates[0],
        paired(scores[0], after, level=1 - WIDER * (1 - level), seed=seed),
    )


def _best(scores: Sequence[Sequence[float]], indices: Sequence[int]) -> int:
    if not indices:
        return 0
    means = [fmean(row[index] for index in indices) for row in scores]
    return max(range(len(means)), key=lambda at: (round(means[at], 12), -at))


def _shrunken(scores: Sequence[Sequence[float]]) -> list[float]:
    return shrink([fmean(row) for row in scores], [len(row) for row in scores], [variance(row) for row in scores])
