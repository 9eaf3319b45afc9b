"""How far a run has come, and why it ended where it did, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.counts import counted
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.candidate import Candidate

REASONS = 2  # that are named
LONGEST = 160  # characters of one


@dataclass(frozen=True)
class Progress:
    """How many candidates there are, a person's like any other: `made` so far, `scored` on all examples, `done` with for now, and `total`
    when the search is through; None where nobody knows.
    """

    made: int
    scored: int
    done: int
    total: int | None


def progress(rows: Sequence[Mapping[str, Any]], planned: int | None, *, finished: bool = False) -> Progress:
    """Of the rows of a snapshot; `planned` is how many the search itself will make.

    >>> scored = {"done": 8, "total": 8, "status": "scored", "human": False}
    >>> progress([scored, scored | {"human": True}, scored | {"done": 3, "status": "evaluating"}], planned=4)
    Progress(made=3, scored=2, done=2, total=5)
    """
    done = sum(row["status"] in ("scored", "partial", "unscored", "dropped") for row in rows)
    scored = sum(0 < row["total"] == row["done"] for row in rows)
    if finished:  # a search that came to the same candidate twice has made fewer than it planned
        return Progress(len(rows), scored, done, done)
    total = None if planned is None else max(len(rows), planned + sum(row["human"] for row in rows))
    return Progress(len(rows), scored, done, total)


def ahead(archive: Archive, result: Candidate | None) -> Entry | None:
    """The feasible candidate that a part of the examples puts before the run's result, which is fully scored: of several the one that has gained
    most on those examples. None where there is none, and where a person chose the result. It is not the result itself, as nobody knows
    yet how it does on the others.
    """
    held = archive.entries.get("" if result is None else result.id)
    if held is None or not archive.complete(held.candidate.id) or held.candidate.id == archive.state.accepted:
        return None

    def gain(entry: Entry) -> float:
        return math.fsum(each.value - held.results[index].value for index, each in entry.results.items())

    partly = [entry for entry in archive.feasible() if 0 < len(entry.results) < archive.size]
    best = max(partly, key=gain, default=None)
    return best if best is not None and gain(best) > 0 else None


def ahead_words(entry: Entry, archive: Archive, result: Candidate) -> str:
    """What to say of it to whoever is given the result."""
    held, n = archive.entries[result.id], len(entry.results)
    return (
        f"the result is #{held.number} with {archive.score(result.id):.1f} % on all {counted(archive.size, 'example')}, and #{entry.number} "
        f"has {100 * entry.total / n:.1f} % on the {n} that it came to"
    )


def ended_words(snapshot: Mapping[str, Any]) -> str:
    """Why the run of a snapshot ended, and who was ahead of its result by then."""
    return ": ".join(snapshot[key] for key in ("ended", "ahead") if snapshot.get(key))


def refused_words(reasons: Sequence[str], made: int, total: int | None) -> str | None:
    """What to say of a search that ended while everything it proposed was refused, each for one of `reasons`; None where nothing was.

    >>> refused_words(["answer.instructions has lost the locked text 'briefly'"] * 24, 3, 9)
    "ended after 3 of 9 candidates: the last 24 proposals were all refused: answer.instructions has lost the locked text 'briefly'"
    """
    if not reasons:
        return None
    found = Counter(
        reason if len(reason) <= LONGEST else f"{reason[: LONGEST - 1]}…" for reason in reasons
    ).most_common()
    named = [f"{reason} ({n})" if len(found) > 1 else reason for reason, n in found[:REASONS]]
    named += [f"{len(found) - REASONS} more reasons"] if len(found) > REASONS else []
    last = "the last proposal was" if len(reasons) == 1 else f"the last {len(reasons):,} proposals were all"
    return f"ended after {far_words(made, total)}: {last} refused: {'; '.join(named)}"


def far_words(number: int, total: int | None) -> str:
    """How far a search came."""
    return counted(number, "candidate") if total is None else f"{number} of {counted(total, 'candidate')}"
