"""A part of the tests of a large matrix, for the gate: which ones is fixed by a seed, and every value of every factor still occurs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence


def sample(rows: Sequence[frozenset[Hashable]], share: float, seed: int = 0) -> set[int]:
    """The numbers of the rows that are kept: `share` of them, or more where it takes more to see every value once. Each row is the set of
    its values; those that are seldom among the kept ones go first.

    >>> rows = [frozenset({("test", test), ("optimizer", optimizer)}) for test in "abc" for optimizer in "vwxyz"]
    >>> len(rows), len(sample(rows, 0.4)), len(sample(rows, 0.01))
    (15, 6, 5)
    """
    left = list(range(len(rows)))
    random.Random(seed).shuffle(left)
    seen: Counter[Hashable] = Counter()
    missing, kept = frozenset().union(*rows), set()
    while left and (missing or len(kept) < share * len(rows)):
        best = min(left, key=lambda at: (-len(rows[at] & missing), sum(seen[value] for value in rows[at])))
        left.remove(best)
        kept.add(best)
        missing -= rows[best]
        seen.update(rows[best])
    return kept
