"""The programs that a search draws from, with the scores that each has had on training examples."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence

from lmnb.optimize.candidate import Candidate


class Pool:
    """Means and draws over scores of any scale: they are brought to 0 to 1 by the lowest and highest that were seen, unless all lie there.

    >>> pool = Pool()
    >>> good, bad = Candidate({"self.instructions": "good"}), Candidate({"self.instructions": "bad"})
    >>> pool.add(good, [200.0, 100.0])
    >>> pool.add(bad, [0.0])
    >>> pool.mean(good), pool.mean(bad)
    (0.75, 0.0)
    >>> pool.draw(random.Random(0), [good, bad], temperature=0.01, number=3) == [good, good, good]
    True
    """

    def __init__(self) -> None:
        self._scores: dict[str, list[float]] = {}
        self._low, self._high = 0.0, 1.0

    def __contains__(self, candidate: Candidate) -> bool:
        return candidate.id in self._scores

    def add(self, candidate: Candidate, scores: Iterable[float]) -> None:
        """Scores that a candidate had; without any it joins with the mean of all."""
        held = self._scores.setdefault(candidate.id, [])
        held.extend(float(score) for score in scores)
        self._low, self._high = min([self._low, *held]), max([self._high, *held])

    def mean(self, candidate: Candidate) -> float:
        """From 0 to 1."""
        scores = self._scores[candidate.id] or [score for held in self._scores.values() for score in held]
        if not scores:
            return 0.0
        return (math.fsum(scores) / len(scores) - self._low) / (self._high - self._low)

    def best(self, candidates: Sequence[Candidate], number: int) -> list[Candidate]:
        """The `number` (2 at least) with the highest means, earlier ones first among equals; the first candidate is always with them."""
        number = max(2, number)
        ranked = sorted(candidates, key=lambda candidate: -self.mean(candidate))[:number]
        return ranked if candidates[0] in ranked else [*ranked[:-1], candidates[0]]

    def draw(
        self, rng: random.Random, candidates: Sequence[Candidate], temperature: float, number: int = 1
    ) -> list[Candidate]:
        """`number` draws by the softmax of their means; the nearer the temperature is to 0, the likelier the best."""
        means = [self.mean(candidate) for candidate in candidates]
        # the highest is subtracted: no weight overflows, and one of them is 1
        weights = [math.exp((mean - max(means)) / max(temperature, 1e-9)) for mean in means]
        return rng.choices(candidates, weights, k=number)
