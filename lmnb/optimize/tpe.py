"""A tree-structured Parzen estimator over categories whose number may grow while it is used (Bergstra et al. 2011; the kernel is that of
Optuna's multivariate sampler).

Pure functions of observations and a random generator: nothing is kept between two calls.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

Choice = tuple[int, ...]  # one category for each dimension
Options = Sequence[Sequence[int]]  # the categories that are open, by dimension

GOOD, MOST = 10, 25  # one in how many observations counts as good, and how many at most
DRAWS = 24  # from what is good, of which the most promising is taken


@dataclass(frozen=True)
class Observation:
    """A choice with its score, higher is better. `weight` says how much it is known by: the number of its examples."""

    choice: Choice
    score: float
    weight: float = 1.0


def suggest(
    observations: Sequence[Observation], options: Options, rng: Random, *, taken: Collection[Choice] = frozenset()
) -> Choice | None:
    """The choice to try next: among draws from what is good, the one that is most likely good rather than not. Never one of `taken`;
    None where there is no other.

    >>> seen = [Observation((0,), 40.0, 20), Observation((1,), 90.0, 20), Observation((2,), 35.0, 20)]
    >>> suggest(seen, [[0, 1, 2]], Random(0)), suggest(seen, [[0, 1, 2]], Random(0), taken={(0,), (1,), (2,)})
    ((1,), None)
    """
    good, other = split(observations)
    scale = sum(each.weight for each in observations) / max(1, len(observations)) or 1.0
    likely, unlikely = Mixture(good, options, scale), Mixture(other, options, scale)
    drawn = {choice for _ in range(DRAWS) if (choice := likely.draw(rng)) not in taken}
    if not drawn:  # what is good has been tried: take what is most like it
        drawn = {choice for _ in range(DRAWS) if (choice := free(options, rng, taken)) is not None}
    return max(sorted(drawn), key=lambda choice: likely.log(choice) - unlikely.log(choice), default=None)


def free(options: Options, rng: Random, taken: Collection[Choice] = frozenset()) -> Choice | None:
    """A choice at random that is not `taken`; None where there is none."""
    count = math.prod(map(len, options))
    start = rng.randrange(count) if count else 0
    for step in range(min(count, len(taken) + 1)):
        choice = _ranked(options, (start + step) % count)
        if choice not in taken:
            return choice
    return None


def split(observations: Sequence[Observation]) -> tuple[list[Observation], list[Observation]]:
    """The best tenth, rounded up, and the rest; of equal scores the earlier counts as better."""
    ranked = sorted(observations, key=lambda each: -each.score)
    size = min(MOST, -(-len(ranked) // GOOD))
    return ranked[:size], ranked[size:]


class Mixture:
    """A density over the choices of `options`: a product kernel around each observation, and the uniform one as a prior.

    An observation weighs its `weight` over `scale`, the prior 1.
    """

    def __init__(self, observations: Sequence[Observation], options: Options, scale: float = 1.0) -> None:
        self._options = options
        self._centres = [each.choice for each in observations]
        self._weights = [*(each.weight / scale for each in observations), 1.0]
        self._bounds = list(accumulate(self._weights))
        self._blur = 1 / (len(observations) + 1)

    def draw(self, rng: Random) -> Choice:
        [number] = rng.choices(range(len(self._weights)), cum_weights=self._bounds)
        centre = self._centres[number] if number < len(self._centres) else None
        return tuple(
            centre[j] if centre is not None and rng.random() < self._sharp(centre[j], open_) else rng.choice(open_)
            for j, open_ in enumerate(self._options)
        )

    def log(self, choice: Choice) -> float:
        """The log density."""
        prior = math.prod(1 / len(open_) for open_ in self._options)
        densities = [*(self._kernel(centre, choice) for centre in self._centres), prior]
        return math.log(math.fsum(w * d for w, d in zip(self._weights, densities, strict=True)) / self._bounds[-1])

    def _kernel(self, centre: Choice, choice: Choice) -> float:
        density = 1.0
        for j, open_ in enumerate(self._options):
            sharp = self._sharp(centre[j], open_)
            density *= sharp * (choice[j] == centre[j]) + (1 - sharp) / len(open_)
        return density

    def _sharp(self, category: int, open_: Sequence[int]) -> float:
        """How much of a kernel lies on its own category, beside what is spread over all; nothing where that is not open any more."""
        return 1 / (1 + len(open_) * self._blur) if category in open_ else 0.0


def _ranked(options: Options, rank: int) -> Choice:
    """The choice with this number in a fixed order of all."""
    return tuple(reversed(list(_digits(options, rank))))


def _digits(options: Options, rank: int) -> Iterator[int]:
    for open_ in reversed(options):
        rank, digit = divmod(rank, len(open_))
        yield open_[digit]
