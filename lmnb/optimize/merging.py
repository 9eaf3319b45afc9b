"""Merging two candidates of one ancestor: what each of them changed, in one program (GEPA, appendix F)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from lmnb.optimize.candidate import Candidate
from lmnb.optimize.pareto import Pool
from lmnb.optimize.task import Task

SUBSAMPLE = 5  # examples on which a merged candidate is tried first


@dataclass(frozen=True)
class Pair:
    """Two candidates of a pool, by number, and an ancestor of both that is better than neither."""

    first: int
    second: int
    ancestor: int


def pairs(pool: Pool, task: Task) -> list[Pair]:
    """The pairs that can be merged: of the survivors of the fronts, neither an ancestor of the other, and some slot was changed in
    one of the two alone.
    """
    found = []
    numbers = {candidate.id: number for number, candidate in enumerate(pool.candidates)}
    lineage = {number: _ancestors(task, pool.candidates[number]) for number in pool.survivors()}
    for first, second in combinations(lineage, 2):
        one, other = pool.candidates[first], pool.candidates[second]
        if one.id in lineage[second] or other.id in lineage[first]:
            continue
        for name in sorted(lineage[first] & lineage[second] & numbers.keys(), key=lambda each: numbers[each]):
            ancestor = numbers[name]
            better = pool.mean(ancestor) <= min(pool.mean(first), pool.mean(second))
            if better and any(_one_sided(pool.candidates[ancestor], one, other)):
                found.append(Pair(first, second, ancestor))
    return found


def drawn(found: list[Pair], pool: Pool, rng: random.Random) -> Pair:
    """One of the pairs, the likelier the better its ancestor."""
    weights = [pool.mean(pair.ancestor) for pair in found]
    return rng.choices(found, weights if min(weights) >= 0 and sum(weights) > 0 else None)[0]


def merged(pair: Pair, pool: Pool, rng: random.Random) -> Candidate:
    """The child: in each slot the value that was changed; where both changed it, that of the better candidate."""
    ancestor, one, other = (pool.candidates[number] for number in (pair.ancestor, pair.first, pair.second))
    lead = pool.mean(pair.first) - pool.mean(pair.second)
    values = {}
    for slot in one.values:
        kept_one = one.content(slot) == ancestor.content(slot)
        kept_other = other.content(slot) == ancestor.content(slot)
        if kept_one == kept_other:
            source = one if lead > 0 or (lead == 0 and rng.random() < 0.5) else other
        else:
            source = other if kept_one else one
        values[slot] = source.values[slot]
    return Candidate(values).child_of(one, other, origin="merged", label="merged")


def subsample(pair: Pair, pool: Pool, rng: random.Random) -> list[int]:
    """Examples of the evaluation set: two where the first is better, two where the second is, the rest from where they tie."""
    gaps = [a - b for a, b in zip(pool.scores[pair.first], pool.scores[pair.second], strict=True)]
    kinds = [[index for index, gap in enumerate(gaps) if test(gap)] for test in (_above, _below, _level)]
    shares = (2, 2, SUBSAMPLE)
    chosen = [i for kind, share in zip(kinds, shares, strict=True) for i in rng.sample(kind, min(share, len(kind)))]
    rest = [index for index in range(len(gaps)) if index not in chosen]
    chosen = [*chosen[:SUBSAMPLE], *rng.sample(rest, min(len(rest), max(0, SUBSAMPLE - len(chosen))))]
    return sorted(chosen)


def _above(gap: float) -> bool:
    return gap > 0


def _below(gap: float) -> bool:
    return gap < 0


def _level(gap: float) -> bool:
    return gap == 0


def _one_sided(ancestor: Candidate, one: Candidate, other: Candidate) -> Iterator[bool]:
    for slot in ancestor.values:
        start, left, right = ancestor.content(slot), one.content(slot), other.content(slot)
        yield (left == start) != (right == start)


def _ancestors(task: Task, candidate: Candidate) -> set[str]:
    found: set[str] = set()
    waiting = list(candidate.parents)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            entry = task.archive.entries.get(name)
            waiting += entry.candidate.parents if entry is not None else ()
    return found
