"""How far a run has come, and why it ended where it did, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.counts import counted

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
