"""The static HTML form of a review: how far it is, and its items with what was said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.evaluate.report_html import values
from lmnb.html import Html, el, heading, join, root, shorten, table_of

MAX_ROWS = 50
SAID = {
    "keep": "kept",
    "reject": "rejected",
    "edit": "edited",
    "preferred": "preferred",
    "tie": "tie",
    "skip": "skipped",
}
_LOOK = {"keep": " lm-good", "reject": " lm-bad", "edit": " lm-warn"}


def review_html(snapshot: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """HTML of `Review.snapshot()` and its items: at most 50, those with an answer first."""
    ordered = sorted(rows, key=lambda row: row["verdict"] is None)
    shown = ordered[:MAX_ROWS]
    sides = max((len(row["outputs"]) for row in shown), default=1)
    expected = any(row["labels"] for row in shown)
    names = ["#", "input", *(["expected"] if expected else []), *(["A", "B"] if sides == 2 else ["output"]), "answer"]
    more = f"{len(rows) - len(shown):,} more items: review.to_pandas()" if len(rows) > len(shown) else None
    return root(
        "review",
        _head(snapshot),
        *(el("div", {"class": "lm-pane lm-bad"}, shorten(problem, 300)) for problem in snapshot["problems"]),
        el(
            "div",
            {"class": "lm-pane"},
            heading("Items, the answered first", level=4),
            table_of(names, [_row(row, sides, expected) for row in shown], "lm-table lm-num"),
            el("div", {"class": "lm-muted"}, more) if more else None,
        )
        if shown
        else el("div", {"class": "lm-pane lm-muted"}, "There is nothing to review."),
        state=snapshot["state"],
    )


def _head(snapshot: Mapping[str, Any]) -> Html:
    counts = " · ".join(f"{n:,} {SAID[verdict]}" for verdict, n in snapshot["counts"].items())
    where = f"answers in {snapshot['path']}" if snapshot["path"] else "the answers are not saved"
    facts = " · ".join(filter(None, [f"{snapshot['done']:,} of {snapshot['total']:,} reviewed", counts, where]))
    return el(
        "div",
        {"class": "lm-top lm-num"},
        el("strong", None, shorten(snapshot["name"], 200)),
        " ",
        el("span", {"class": "lm-muted"}, shorten(facts, 600)),
    )


def _row(row: Mapping[str, Any], sides: int, expected: bool) -> Html:
    verdict = row["verdict"]
    tag = el("span", {"class": f"lm-tag{_LOOK.get(verdict, '')}"}, SAID.get(verdict, verdict)) if verdict else "–"
    outputs = [el("td", None, values(fields)) for fields in row["outputs"]]
    return el(
        "tr",
        {"data-kind": row["kind"] if row["kind"] == "demo" else "example", "data-id": row["id"]},
        el("td", {"class": "lm-tight"}, row["place"]),
        el("td", None, values(row["inputs"])),
        el("td", {"class": "lm-muted"}, values(row["labels"])) if expected else None,
        *outputs,
        *(el("td", None, "") for _ in range(sides - len(outputs))),
        el(
            "td",
            None,
            join([tag, el("div", {"class": "lm-muted"}, shorten(row["reason"], 300)) if row["reason"] else None]),
        ),
    )
