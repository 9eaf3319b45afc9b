"""Rollouts of one batch by example: which examples have most to teach, and whether they show or tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lmnb.optimize.effects import Result


@dataclass(frozen=True)
class Bucket:
    """The rollouts of one training example, best first; `low` and `high` are the 10th and 90th percentile of the whole batch's scores, `floor`
    and `ceiling` its extremes.
    """

    index: int
    results: Sequence[Result]
    floor: float
    low: float
    high: float
    ceiling: float

    @property
    def best(self) -> Result:
        return self.results[0]

    @property
    def worst(self) -> Result:
        return self.results[-1]

    @property
    def rank(self) -> tuple[float, float, float]:
        """How much there is to learn: the spread, then the best, then how far it stands out."""
        scores = [result.value for result in self.results]
        return scores[0] - scores[-1], scores[0], scores[0] - sum(scores) / len(scores)

    @property
    def shows(self) -> bool:
        """Whether the best is worth showing: above the lowest tenth of the batch, or the best there is where nearly all are as good."""
        good = self.best.value > self.low or self.floor < self.best.value == self.ceiling
        return good and self.best.error is None

    @property
    def tells(self) -> bool:
        """Whether best and worst tell something by their difference."""
        bad = self.worst.value < self.high or self.worst.value == self.floor
        return self.best.value > self.worst.value and self.shows and bad


def ranked(rollouts: Sequence[tuple[int, Result]]) -> list[Bucket]:
    """A bucket for each example, those with most to learn from first."""
    if not rollouts:
        return []
    scores = [result.value for _, result in rollouts]
    edges = min(scores), percentile(scores, 0.1), percentile(scores, 0.9), max(scores)
    of: dict[int, list[Result]] = {}
    for index, result in rollouts:
        of.setdefault(index, []).append(result)
    buckets = [Bucket(index, sorted(mine, key=lambda each: -each.value), *edges) for index, mine in of.items()]
    useful = [bucket for bucket in buckets if bucket.shows or bucket.tells]
    return sorted(useful, key=lambda bucket: bucket.rank, reverse=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, interpolated.

    >>> percentile([0.0, 1.0, 2.0, 3.0], 0.5)
    1.5
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
