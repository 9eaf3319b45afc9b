"""Why a run ended where it did, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lmnb.counts import counted

REASONS = 2  # that are named
LONGEST = 160  # characters of one


def refused_words(reasons: Sequence[str], made: int, planned: int | None) -> str | None:
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
    return f"ended after {far_words(made, planned)}: {last} refused: {'; '.join(named)}"


def far_words(made: int, planned: int | None) -> str:
    """How far a search came."""
    return (
        counted(made, "candidate")
        if planned is None or planned < made
        else f"{made} of {counted(planned, 'candidate')}"
    )
