"""What a list in a panel is told: a head, pages of short cells, and the whole of the row that is open. The browser draws.

`Head` of `src/report/listing.tsx` and `Lines` of `src/kit/table.tsx` are the other half of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lmnb_widgets.parts import Part, el, go

MOST = 200
"""So many rows travel in one message."""

SHORT = 160
"""Characters of a cell."""

Cell = tuple[str, str]


def short(value: object, most: int = SHORT) -> str:
    """A text as one line that fits a cell."""
    flat = re.sub(r"\s+", " ", str(value)[: 4 * most]).strip()
    return flat if len(flat) <= most else f"{flat[:most]}…"


def joined(fields: Mapping[str, Any] | None) -> str:
    """The values of some fields as a cell."""
    return short(" · ".join(map(str, (fields or {}).values())))


def head(title: str, *said: Part, **more: Any) -> dict[str, Any]:
    """What stands above the rows; what is not given is empty."""
    shown = el("", el("b", title), *said)
    return {"state": "finished", "others": [], "against": None, "title": title, "said": shown, **more}


def opened(title: str, *parts: Part, tag: Part = None, trace: bool = False) -> dict[str, Any]:
    """The row that is open, and whether the trace of what was called for it can be asked for."""
    close = go("Close", "small.row-end")
    return {"said": el("", el("div.row", el("h3", title), tag, close), *parts), "trace": trace}


def line(ident: int | str, cells: Sequence[Cell], title: str) -> dict[str, Any]:
    """A row: its cells, each a text and its look, and what it says in full when the mouse rests on it."""
    return {"id": ident, "cells": cells, "title": title[:2_000]}


def told(facts: Iterable[tuple[str, Any]]) -> str:
    """Names and texts, one a line."""
    return "\n".join(f"{name}: {short(text, 400)}" for name, text in facts)


def order(sort: str) -> dict[str, Any]:
    """The order that a head asks for, "-score", as `sort` and `descending`."""
    return {"sort": sort.removeprefix("-"), "descending": sort.startswith("-")}
