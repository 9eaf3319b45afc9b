"""A signature as static HTML."""

from __future__ import annotations

from typing import Any

from lmnb.html import Html, el, heading, root, table_of
from lmnb.types.words import kind_text


def signature_card(signature: Any) -> Html:
    """The card that a signature shows in a notebook: instructions, then its fields."""
    names = el("span", {"class": "lm-muted"}, signature.signature)
    return root(
        "signature", el("div", {"class": "lm-top"}, heading(signature.__name__), names), signature_body(signature)
    )


def signature_body(signature: Any) -> Html:
    """Instructions and fields, without a frame."""
    return el(
        "div",
        {"class": "lm-pane"},
        el("pre", {"class": "lm-box"}, signature.instructions),
        table_of(["", "field", "type", "description"], map(_row, signature.fields.values())),
    )


def _row(field: Any) -> Html:
    return el(
        "tr",
        None,
        el("td", {"class": "lm-muted lm-tight"}, "input" if field.is_input else "output"),
        el("td", {"class": "lm-tight"}, el("code", None, field.name)),
        el("td", None, kind_text(field)),
        el("td", None, field.desc or "–"),
    )
