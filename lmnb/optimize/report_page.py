"""What the whole report of a run has beside its best candidate: the prompt and demos of the others, folded, up to a size to send by mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.html import Html, el, heading, shorten
from lmnb.optimize.report_pane import candidate_pane

MAX_OTHERS = 40
MAX_SIZE = 2_000_000  # characters of this part

Json = Mapping[str, Any]


def others_part(snapshot: Json, details: Iterable[Json]) -> Html | None:
    """`run.detail(...)` of further candidates, each folded under its number, score and label; how many are left out is said."""
    parts: list[Html] = []
    size = 0
    for detail in details:
        part = _folded(snapshot, detail)
        if len(parts) == MAX_OTHERS or size + len(part) > MAX_SIZE:
            break
        parts.append(part)
        size += len(part)
    if not parts:
        return None
    left = len(snapshot["candidates"]) - 1 - len(parts)
    return el(
        "div",
        {"class": "lm-pane"},
        heading(f"The other candidates {len(parts) + left:,}", level=4),
        *parts,
        el("div", {"class": "lm-muted lm-more"}, f"{left:,} more: run.detail(number)") if left > 0 else None,
    )


def _folded(snapshot: Json, detail: Json) -> Html:
    row = detail["row"]
    facts = [
        f"#{row['number']}",
        "–" if row["score"] is None else f"{row['score']:.1f} %",
        row["reason"] or row["label"],
    ]
    summary = el("summary", {"class": "lm-num"}, shorten(" · ".join(facts), 300))
    return el(
        "details",
        {"data-kind": "candidate", "data-id": detail["id"]},
        summary,
        candidate_pane(snapshot, detail, None, rows=None),
    )
