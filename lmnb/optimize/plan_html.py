"""The static form of a forecast: a small table with words."""

from __future__ import annotations

from collections.abc import Sequence

from lmnb.html import el, root, table_of


def plan_html(title: str, rows: Sequence[tuple[str, str, str]], notes: Sequence[str]) -> str:
    """HTML of a forecast's rows: what, how much, and a word on it."""
    lines = [
        el(
            "tr",
            None,
            el("td", {"class": "lm-tight"}, what),
            el("td", {"class": "lm-tight"}, el("strong", None, amount)),
            el("td", {"class": "lm-muted"}, words),
        )
        for what, amount, words in rows
    ]
    return root(
        "plan",
        el("div", {"class": "lm-top"}, el("strong", None, "Forecast"), el("span", {"class": "lm-muted"}, title)),
        el(
            "div",
            {"class": "lm-pane"},
            table_of(("", "from – to", ""), lines, "lm-table lm-num"),
            *(el("div", {"class": "lm-warn"}, note) for note in notes),
        ),
    )
