"""A phrase with names in braces: which names it holds, and where it stands in a text."""

from __future__ import annotations

import re
from functools import cache
from string import Formatter

from lmnb.errors import InputError

_NAMES = r"(?:`\w+`(?:, `\w+`)*)?"
_FILLED = {  # what a name stands for in signatures
    "inputs": _NAMES,
    "outputs": _NAMES,
    "submit": r"\w+(?:\([^()\n]*\))?",
    "library": r".+",
    "name": r"\w+",
}


def names_of(name: str, phrase: str) -> set[str]:
    """The names in the braces of a phrase. InputError for anything else there; `name` is what the phrase is called.

    >>> sorted(names_of("missing", "{what} {name} is missing."))
    ['name', 'what']
    """
    try:
        parts = list(Formatter().parse(phrase))
    except ValueError as error:
        raise InputError(f"the phrase {name!r} is {phrase!r}: {error}") from None
    names = {found for _, found, _, _ in parts if found is not None}
    if any(form or conversion for _, _, form, conversion in parts) or not all(map(str.isidentifier, names)):
        raise InputError(f"the phrase {name!r} is {phrase!r}; in its braces stands a name and nothing else.")
    return names


@cache
def standing(phrase: str) -> re.Pattern[str]:
    """What finds a phrase that stands on lines of its own, with its names filled in.

    >>> standing("When you know {outputs}, call {submit}.").search("Answer.\\nWhen you know `a`, `b`, call submit.")["outputs"]
    '`a`, `b`'
    """
    parts = Formatter().parse(phrase)
    said = (re.escape(text) + (f"(?P<{name}>{_FILLED[name]})" if name else "") for text, name, _, _ in parts)
    return re.compile(f"^{''.join(said)}$", re.MULTILINE)
