"""Demos that a prompt leaves out, or shows without a field whose name is misspelt: said once, by a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any

from lmnb.example import Example
from lmnb.spans import open_span
from lmnb.trace import path_of

NEAR = 0.7  # how alike two names are, from 0 to 1, for one to be taken as the other misspelt
MOST = 10_000  # demos that are remembered as told
LISTED, LONGEST = 12, 60  # names in a warning, and characters of one
_told: set[tuple[str, int]] = set()
_quiet: ContextVar[bool] = ContextVar("lmnb_misfits_quiet", default=False)


@contextmanager
def being_written() -> Iterator[None]:
    """While demos are being typed, nothing is said of what they lack so far."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def misspelt(demo: Iterable[str], inputs: Collection[str], outputs: Collection[str]) -> dict[str, str]:
    """What stands in a demo under a name that is no field of the predictor, by the name of the field that it seems to be."""
    names, found = list(demo), dict[str, str]()
    strange = [name for name in names if isinstance(name, str) and name not in inputs and name not in outputs]
    for field in (*inputs, *outputs):
        near = [] if field in names else get_close_matches(field, strange, n=1, cutoff=NEAR)
        if near:
            strange.remove(near[0])
            found[field] = near[0]
    return found


def misfit(demo: Iterable[str], inputs: Collection[str], outputs: Collection[str]) -> str | None:
    """What becomes of a demo in the prompt of a predictor with these fields, and what to write; None where it has them all, or only
    lacks one that nothing in it seems to be meant for.

    >>> misfit({"qestion": "2 + 2?", "answer": "4"}, ["question"], ["answer"])
    "is left out of the prompt, for it has no 'question'. Rename 'qestion' to 'question'."
    >>> misfit({"question": "2 + 2?", "answer": "4"}, ["question"], ["reasoning", "answer"])
    """
    names, meant = list(demo), misspelt(demo, inputs, outputs)
    renames = f"Rename {', '.join(f'{given!r} to {field!r}' for field, given in meant.items())}."
    lacking = lacked(names, inputs, outputs)
    if lacking:
        has = renames if meant else f"It has: {listed(names) or 'no field'}."
        return f"is left out of the prompt, for it has no {' and no '.join(map(repr, lacking))}. {has}"
    return f"is shown without {', '.join(map(repr, meant))}. {renames}" if meant else None


def lacked(demo: Iterable[str], inputs: Collection[str], outputs: Collection[str]) -> Collection[str]:
    """The fields for whose lack a prompt leaves a demo out: all of the inputs, or all of the outputs."""
    names = list(demo)
    return next((fields for fields in (inputs, outputs) if fields and not any(field in names for field in fields)), ())


def listed(names: Sequence[object]) -> str:
    """Names in words, which a table of data may have many of.

    >>> listed(["question", "answer"]), listed(range(1000))
    ("'question', 'answer'", '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 988 more')
    """
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(_cut, names[:LISTED])) + more


def _cut(name: object) -> str:
    text = repr(name)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def tell(what: str, number: int, demo: Mapping[str, Any], predictor: str) -> None:
    """Warn, once for each demo and predictor, of a misfit."""
    key = (predictor, hash(Example(demo)))
    if key in _told or _quiet.get():
        return
    if len(_told) >= MOST:
        _told.clear()
    _told.add(key)
    warnings.warn(f"demo {number} of {predictor!r} {what}", stacklevel=level_outside())


def called(otherwise: str) -> str:
    """The name of the predictor that is being called, in its program."""
    item = open_span()
    return path_of(item) if item is not None and item.kind == "predict" else otherwise


def tell_all(predictors: Iterable[tuple[str, Any]]) -> None:
    """Warn of each demo of these predictors, by name, that does not fit it."""
    for name, predictor in predictors:
        fields = predictor.signature
        for number, demo in enumerate(predictor.demos):
            what = misfit(demo, fields.input_fields, fields.output_fields)
            if what is not None:
                tell(what, number, demo, name)


def level_outside() -> int:
    """The `stacklevel` of a warning by the caller that shows the line of whoever uses lmnb."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("lmnb."):
        frame, level = frame.f_back, level + 1
    return level
