"""What a wrong name was probably meant to be, as every error says it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The question whether the nearest of the `known` names was meant; `otherwise` where none is near.

    >>> did_you_mean("qestion", ["context", "question"])
    "Did you mean 'question'?"
    >>> did_you_mean("team", ["context", "question"], "It has: context, question.")
    'It has: context, question.'
    """
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else otherwise
