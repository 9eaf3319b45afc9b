"""What to expect of each candidate on new examples: its score, shrunken for the luck of having been picked as the best of many.

Candidates are scored on the same examples, so an example's difficulty says nothing about which of them is better: it is taken
out first (the pairing), and what is left of the spread between candidates is compared with its noise (empirical Bayes: Efron
and Morris 1975, as `lmnb.evaluate.statistics.shrink` does it). The best of 19 equal programs shows a gain of 13 points on 50
examples by its score, and none by this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lmnb.evaluate.statistics import shrink
from lmnb.optimize.archive import Archive, Entry

CROWD = 3  # so many candidates beside the baseline, and it is kept apart from them
SMALLEST = 8  # on fewer examples a share is drawn towards one half, and a candidate that was stopped early tells nothing of the others


class Estimates:
    """The shrunken estimates of an archive's candidates in per cent; made anew when it has changed.

    The baseline was not picked, so its own score stands, and it tells nothing of how the others differ: a poor start would make
    their luck look like a difference. Only beside fewer than three others it is one of the candidates.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._seen = -1
        self._found: dict[str, float] = {}
        self._crowd = _Crowd(archive.size)

    def all(self) -> dict[str, float]:
        """The estimates of the fully scored candidates by id, of one moment."""
        if self._seen != self._archive.changes:
            self._seen = self._archive.changes
            self._found = self._cautious(self._estimates())
        return self._found

    def _cautious(self, estimates: dict[str, float]) -> dict[str, float]:
        """Estimates from very few scores as if there were two more, a success and a failure (Laplace's rule of succession: the posterior
        mean of a share under a uniform prior). For scores that are not 0 or 1 alone there is no such prior.
        """
        size = self._archive.size
        if size >= SMALLEST or not self._is_share():
            return estimates
        return {name: (size * each + 100) / (size + 2) for name, each in estimates.items()}

    def _is_share(self) -> bool:
        entries = list(self._archive.entries.values())
        return all(result.value in (0.0, 1.0) for entry in entries for result in list(entry.results.values()))

    def _estimates(self) -> dict[str, float]:
        archive = self._archive
        entries = list(archive.entries.values())
        whole = [entry for entry in entries if 0 < archive.size == len(entry.results)]
        others = [entry for entry in whole if not _is_baseline(entry)]
        begun = [
            entry for entry in entries if SMALLEST <= len(entry.results) < archive.size and not _is_baseline(entry)
        ]
        if len(others) < 2 or len(others) + len(begun) < CROWD:
            return _Crowd(archive.size).of(whole, [])
        own = {entry.candidate.id: 100 * entry.total / archive.size for entry in whole if _is_baseline(entry)}
        return own | self._crowd.of(others, begun)


class _Crowd:
    """Sums over candidates that are scored on all `size` examples; each is added once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._means: dict[str, float] = {}
        self._of_examples = [0.0] * size
        self._squares = 0.0

    def of(self, whole: Sequence[Entry], begun: Sequence[Entry]) -> dict[str, float]:
        """The estimates of those that are scored on all examples; those scored on some help to tell how much candidates differ."""
        for entry in whole:
            if entry.candidate.id not in self._means:
                self._add(entry)
        if len(self._means) < 2 or self._size < 2:
            return {name: 100 * mean for name, mean in self._means.items()}
        count, size = len(self._means), self._size
        middle = math.fsum(self._means.values()) / count
        difficulty = [total / count for total in self._of_examples]
        # what is left of the scores' variance without that between candidates and that between examples
        left = (
            self._squares
            - size * math.fsum(mean * mean for mean in self._means.values())
            - count * math.fsum(each * each for each in difficulty)
            + count * size * middle * middle
        )
        noise = max(0.0, left) / ((count - 1) * (size - 1))
        partial = [
            middle + (entry.total - math.fsum(map(difficulty.__getitem__, list(entry.results)))) / len(entry.results)
            for entry in begun
        ]
        means = [*self._means.values(), *partial]
        ns = [size] * count + [len(entry.results) for entry in begun]
        shrunken = shrink(means, ns, [noise] * len(means))
        return {name: 100 * estimate for name, estimate in zip(self._means, shrunken, strict=False)}

    def _add(self, entry: Entry) -> None:
        for index, result in entry.results.items():
            self._of_examples[index] += result.value
            self._squares += result.value**2
        self._means[entry.candidate.id] = entry.total / self._size


def _is_baseline(entry: Entry) -> bool:
    return entry.number == 0 and entry.candidate.origin == "baseline"
