"""Which candidate was made of which: all of a run's candidates as one tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.html import Html, el, heading, join, shorten

MAX_ROWS = 300
DEEPEST = 12  # steps that are drawn; deeper ones stand at the last

Json = Mapping[str, Any]


def lineage(rows: Sequence[Json]) -> list[tuple[Json, int]]:
    """The rows of `run.snapshot()["candidates"]` as a tree in the order in which it is drawn, with depths: each below the youngest of
    its parents.

    >>> family = ["a", "ba", "ca", "db", "ebc"]
    >>> rows = [{"id": name, "number": n, "parents": parents} for n, (name, *parents) in enumerate(family)]
    >>> [(row["id"], depth) for row, depth in lineage(rows)]
    [('a', 0), ('b', 1), ('d', 2), ('c', 1), ('e', 2)]
    """
    known = {row["id"]: row for row in rows}
    children: dict[str | None, list[Json]] = {}
    for row in rows:
        older = [known[name] for name in row["parents"] if name in known and known[name]["number"] < row["number"]]
        parent = max(older, key=lambda each: each["number"], default=None)
        children.setdefault(None if parent is None else parent["id"], []).append(row)
    found: list[tuple[Json, int]] = []
    waiting = [(row, 0) for row in reversed(children.get(None, ()))]
    while waiting:
        row, depth = waiting.pop()
        found.append((row, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(row["id"], ()))]
    return found


def lineage_part(snapshot: Json) -> Html:
    """The tree as part of a report."""
    tree = lineage(snapshot["candidates"])
    more = f"{len(tree) - MAX_ROWS:,} more: run.to_pandas()" if len(tree) > MAX_ROWS else None
    return join(
        [
            heading(f"Lineage of {len(tree):,} candidates", level=4),
            el("ul", {"class": "lm-lineage lm-num"}, *(_row(row, depth, snapshot) for row, depth in tree[:MAX_ROWS])),
            el("div", {"class": "lm-muted lm-more"}, more) if more else None,
        ]
    )


def _row(row: Json, depth: int, snapshot: Json) -> Html:
    number, dropped = f"#{row['number']}", row["status"] == "dropped"
    return el(
        "li",
        {"style": f"padding-left:{min(depth, DEEPEST) * 18}px", "data-kind": "candidate", "data-id": row["id"]},
        "★ " if row["id"] == snapshot["best"] else None,
        el("s", None, number) if dropped else number,
        " ",
        shorten(row["label"], 120),
        "" if row["score"] is None else f" · {row['score']:.1f}",
        el("span", {"class": "lm-muted"}, " dropped: ", shorten(row["reason"] or "by you", 120)) if dropped else None,
    )
