"""The foot of the Studio: the last decisions in a line, all of them on demand, each with its undo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lmnb_widgets.parts import Part, act, el, go, several

LAST = 3
LASTING = ("undo", "redo", "stop", "cancel", "pass", "raise-budget")
"""What is not undone: ends go by `resume`, and what is bought is bought."""

Json = Mapping[str, Any]


def foot(snapshot: Json, whole: bool) -> Part:
    """The decisions of `run.snapshot()`."""
    live, made = snapshot["live"], snapshot["decisions"]
    total = snapshot.get("decisions_total", len(made))
    whole = whole and bool(made)
    mark = "▾" if whole else "▸"
    switch = go(f"Decisions {total:,} {mark}", more={"expanded": whole}, all=not whole)
    latest = [_decision(each, "span", undo=False) for each in made[-LAST:]]
    none = el(".muted", "None yet. Accept, reject or edit: each one is kept and can be undone.")
    redo = act("redo", "Redo", shortcut="R", look="small") if live and any(each["undone"] for each in made) else None
    let_by = snapshot["pending"] and any(each["kind"] == "pass" and not each["undone"] for each in made)
    able = live and (
        any(map(can_undo, made)) or bool(let_by)
    )  # what was let pass waits again while others still wait beside it
    undo = act("undo", "Undo", look="small", shortcut="Backspace", disabled=not able)
    keys = go("?", "quiet.small", more={"title": "Keys", "aria-label": "Keys"}, keys=True)
    return several(
        el("ol.decisions", *(_decision(each, "li", undo=live) for each in reversed(made))) if whole else None,
        el(
            "div.foot",
            switch if made else el(".muted", "Decisions"),
            None if whole else el(".latest", *(latest or [none])),
            el(".row-end", redo, undo, keys),
        ),
    )


def can_undo(decision: Json) -> bool:
    """Whether a decision stands, and can be taken back."""
    return not decision["undone"] and decision["kind"] not in LASTING


def _decision(each: Json, look: str, *, undo: bool) -> Part:
    """What was done in ink, the reason and what came of it muted."""
    text, number = each["text"], each["id"]
    cut = re.search(r' [“"(]|, ', text)
    at = cut.start() if cut else len(text)
    return el(
        f"{look}.undone" if each["undone"] else look,
        el(".muted.num", each["time"]),
        " ",
        el("span", text[:at], el(".muted", text[at:]) if text[at:] else None),
        el(".tag", "undone") if undo and each["undone"] else None,
        act("undo", "Undo", id=number, args={"decision": number}, look="small") if undo and can_undo(each) else None,
        data_kind="decision",
        data_id=number,
    )
