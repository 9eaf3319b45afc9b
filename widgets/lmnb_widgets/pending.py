"""What waits at a gate of a run, as parts: what is new of it, and the answers that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lmnb_widgets.frame import edits
from lmnb_widgets.pane import name_of
from lmnb_widgets.parts import Part, act, diff, el, field, form, go, pairs, plural, reason, several
from lmnb_widgets.prompt import Shown, demo_table

Json = Mapping[str, Any]


def waiting(run: Any, ident: str) -> dict[str, Part]:
    """The item of that id: the buttons that answer, and what is asked about. LookupError where it waits no longer."""
    snapshot = run.snapshot()
    item = next((one for one in snapshot["pending"] if one["id"] == ident), None)
    if item is None:
        raise LookupError(f"{ident!r} waits no longer")
    return {"actions": _actions(item), "body": _body(run, snapshot, item)}


def _actions(item: Json) -> Part:
    ident, edit = item["id"], edits(item)
    what = {"args": {"candidate": ident}, "title": "Let it go on"}
    return several(
        act("accept", "Accept", id=ident, look="good", shortcut="A", **what),
        act("reject", "Reject", id=ident, look="bad", shortcut="X", opens=True),
        act(edit, "Edit", id=ident, shortcut="E", opens=True),
    )


def _body(run: Any, snapshot: Json, item: Json) -> Part:
    ident, kind, values = item["id"], item["kind"], item["values"]
    into, args = ("fields", {"demo": ident}) if kind == "demo" else ("slot", {"candidate": ident})
    rows = {row["id"]: row for row in snapshot["candidates"]} if kind == "candidate" else {}
    row = rows.get(ident)
    shown = _candidate(run, snapshot, row, rows) if row else [pairs(values.items(), "m")]
    return several(
        el("div.muted", item["label"], *([" · ", go(f"show #{row['number']}", candidate=ident)] if row else [])),
        reason("reject", f"this {kind}", id=ident, args={"candidate": ident}),
        form(
            edits(item),
            [field(name, text, into=into) for name, text in values.items()],
            id=ident,
            args=args,
            save="Save and let it go on",
        ),
        *shown,
    )


def _candidate(run: Any, snapshot: Json, row: Json, rows: Mapping[str, Json]) -> Iterator[Part]:
    """What a candidate has that the one it comes from has not, else the first one."""
    parent = rows.get(next((one for one in reversed(row["parents"]) if one in rows), snapshot["baseline"]))
    detail = run.detail(row["id"], against=parent and parent["id"])
    former = run.detail(parent["id"])["predictors"] if parent else []
    beside = name_of(snapshot, parent)
    texts = [(f"{part['path']} · instruction", part["before"], part["instructions"]) for part in detail["predictors"]]
    texts += [(f"{one['slot']} · description", one["before"], one["text"]) for one in detail.get("texts") or ()]
    changed = [(name, before or "", after or "") for name, before, after in texts if (before or "") != (after or "")]
    for name, before, after in changed:
        yield el("div.diff-head", f"{name}, against {beside}")
        yield diff(before, after)
    known = {demo["id"] for part in former for demo in part["demos"]}
    held = sum(len(part["demos"]) for part in detail["predictors"])
    new = 0
    for part in detail["predictors"]:
        demos = [demo for demo in part["demos"] if demo["id"] not in known]
        new += len(demos)
        if demos:
            where = f" · {part['path']}" if len(detail["predictors"]) > 1 else ""
            yield el("h4", f"{plural(len(demos), 'new demo')}{where}")
            yield demo_table(Shown(detail, False), {**part, "demos": demos})
    if held > new:
        yield el("p.muted", f"{plural(held - new, 'demo')} as in {beside}")
    if not changed and not held:
        yield el("p.muted", f"No text and no demo that {beside} has not.")
