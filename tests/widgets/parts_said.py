"""What parts say, for tests: their words, and the controls among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def texts(part: Any) -> list[str]:
    """Every text that is drawn, in order; those of forms are not."""
    if not isinstance(part, list):
        return [] if part is None else [str(part)]
    return [] if part[0].startswith("form") else [text for inner in part[2:] for text in texts(inner)]


def parts(part: Any, look: str) -> Iterator[Any]:
    """Every part of that look: "act", "form", "ins"."""
    if isinstance(part, list):
        if part[0].partition(".")[0] == look:
            yield part
        for inner in part[2:]:
            yield from parts(inner, look)


def actions(part: Any) -> list[tuple[str, Any]]:
    """The buttons, by their words and what they are given."""
    return [(one[2], one[1]) for one in parts(part, "act")]


def fields(part: Any, action: str) -> dict[str, str]:
    """The fields of the form of an action, and what stands in them."""
    (form,) = (one[1] for one in parts(part, "form") if one[1]["action"] == action)
    return {field["name"]: field["text"] for field in form["fields"]}
