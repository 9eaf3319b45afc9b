"""The pool of candidates that a search chooses parents from: the best of each example, not only the best on average (GEPA, section 3.3)."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.task import Task


@dataclass(frozen=True)
class Pool:
    """Candidates with their scores by example of the evaluation set; all have all of them. `order` are their numbers, the best by the
    run's objective first; without it the best mean is.

    >>> a, b, c = (Candidate({"self.instructions": text}) for text in "abc")
    >>> pool = Pool((a, b, c), ((1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0)))
    >>> pool.fronts()
    [(0,), (1, 2), (0, 2)]
    >>> pool.survivors()
    {0: 2, 2: 2}
    """

    candidates: tuple[Candidate, ...]
    scores: tuple[tuple[float, ...], ...]
    order: tuple[int, ...] = ()

    @classmethod
    def of(cls, archive: Archive) -> Pool:
        """Every candidate that is allowed and fully scored by now, whoever made it, in order of creation."""
        whole = archive.scored()
        scores = (tuple(entry.results[index].value for index in range(archive.size)) for entry in whole)
        places = {id(entry): place for place, entry in enumerate(whole)}
        order = (places[id(entry)] for entry in archive.ranked())
        return cls(tuple(entry.candidate for entry in whole), tuple(scores), tuple(order))

    @cached_property
    def ranks(self) -> Mapping[int, int]:
        """The rank of each candidate, 0 for the best; the earlier one is better on a tie."""
        by_mean = sorted(range(len(self.candidates)), key=lambda number: (-self.totals[number], number))
        return {number: rank for rank, number in enumerate(self.order or by_mean)}

    @cached_property
    def totals(self) -> tuple[float, ...]:
        """The sum of each candidate's scores, the same in any order: equals are equal."""
        return tuple(math.fsum(scores) for scores in self.scores)

    def mean(self, number: int) -> float:
        """The mean score of a candidate."""
        return self.totals[number] / len(self.scores[number])

    def best(self) -> int:
        """The candidate that is the best by the objective."""
        return min(self.ranks, key=lambda number: self.ranks[number])

    def fronts(self) -> list[tuple[int, ...]]:
        """For each example the candidates that do best on it."""
        rows = ((row, max(row)) for row in zip(*self.scores, strict=True))
        return [tuple(number for number, score in enumerate(row) if score == top) for row, top in rows]

    def survivors(self) -> dict[int, int]:
        """The candidates that are left of the fronts, with the number of fronts that each stands in. Dropped, the worst first, is
        who is beside another survivor in every front it stands in.
        """
        fronts = self.fronts()
        left = [len(front) for front in fronts]  # survivors in it
        places: dict[int, list[int]] = defaultdict(list)
        for place, front in enumerate(fronts):
            for number in front:
                places[number].append(place)
        for number in sorted(places, key=lambda each: -self.ranks[each]):
            if all(left[place] > 1 for place in places[number]):
                for place in places.pop(number):
                    left[place] -= 1
        return {number: len(places[number]) for number in sorted(places)}

    def drawn(self, rng: random.Random) -> int:
        """A survivor, the likelier the more fronts it stands in."""
        survivors = self.survivors()
        return rng.choices(list(survivors), list(survivors.values()))[0]


class Minibatches:
    """Training examples in shuffled epochs: the least used ones first."""

    def __init__(self, task: Task, seed: int) -> None:
        self._task = task
        self._seed = seed
        self._used = [0] * len(task.trainset)
        self._orders: dict[int, list[int]] = {}

    def next(self, size: int, without: Sequence[int] = ()) -> list[int]:
        """The indices of the next examples, none of `without` if others are left."""
        indices = [index for index in range(len(self._used)) if index not in without] or list(range(len(self._used)))
        batch = sorted(indices, key=lambda index: (self._used[index], self._rank(self._used[index], index)))[:size]
        for index in batch:
            self._used[index] += 1
        return batch

    def _rank(self, epoch: int, index: int) -> int:
        if epoch not in self._orders:
            self._orders[epoch] = list(range(len(self._used)))
            self._task.rng("epoch", self._seed, epoch).shuffle(self._orders[epoch])
        return self._orders[epoch][index]
