"""Parts read as a browser draws them: what is in them, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def parts_in(part: Any) -> Iterator[Any]:
    """An element and all in it."""
    if isinstance(part, list) and part and isinstance(part[0], str):
        yield part
        for one in part[2:]:
            yield from parts_in(one)


def forms_in(part: Any) -> Iterator[dict[str, Any]]:
    """What the forms of a part ask for."""
    return (one[1] for one in parts_in(part) if one[0].startswith("form"))


def words_in(part: Any) -> str:
    """The text of a part."""
    if isinstance(part, list):
        return "".join(words_in(one) for one in part[2:])
    return "" if part is None else str(part)
