"""A program as static HTML: its predictors with instructions, fields and demos."""

from __future__ import annotations

from typing import Any

from lmnb.adapters.values import plain
from lmnb.data_uri import without_data
from lmnb.html import Html, el, heading, root, shorten
from lmnb.types.card import signature_body

SHOWN = 16  # demos of one predictor


def program_card(program: Any) -> Html:
    """The card that a program shows in a notebook."""
    named = program.named_predictors()
    count = f"{len(named)} predictor{'s' * (len(named) != 1)}"
    top = el("div", {"class": "lm-top"}, heading(type(program).__name__), el("span", {"class": "lm-muted"}, count))
    return root("program", top, *(_predictor(name, predictor, opened=len(named) == 1) for name, predictor in named))


def _predictor(name: str, predictor: Any, *, opened: bool) -> Html:
    count = len(predictor.demos)
    summary = el(
        "summary",
        {"class": "lm-top"},
        el("code", None, name),
        el("span", {"class": "lm-muted"}, predictor.signature.signature),
        el("span", {"class": "lm-tag"}, f"{count} demo{'s' * (count != 1)}"),
        None if predictor.lm is None else el("span", {"class": "lm-tag"}, predictor.lm.model),
    )
    return el(
        "details", {"open": opened}, summary, signature_body(predictor.signature), _demos(predictor) if count else None
    )


def _demos(predictor: Any) -> Html:
    names = list(predictor.signature.fields)
    head = el("tr", None, *(el("th", {"scope": "col"}, name) for name in names))
    rows = (
        el(
            "tr",
            None,
            *(el("td", None, shorten(without_data(plain(demo[name])), 300) if name in demo else "–") for name in names),
        )
        for demo in predictor.demos[:SHOWN]
    )
    left = len(predictor.demos) - SHOWN
    more = el("div", {"class": "lm-muted"}, f"… {left} more demos") if left > 0 else None
    table = el("table", {"class": "lm-table"}, el("thead", None, head), el("tbody", None, *rows))
    return el("div", {"class": "lm-pane"}, heading("Demos", level=4), table, more)
