"""What waits at a gate of a run, as parts: what is new of it, and the answers that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lmnb_widgets.frame import edits
from lmnb_widgets.parts import Part, act, diff, el, field, form, go, pairs, plural, reason, several

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
    accept = act(
        "accept", "Accept", id=ident, args={"candidate": ident}, look="good", shortcut="A", title="Let it go on"
    )
    refuse = act("reject", "Reject", id=ident, look="bad", shortcut="X", opens=True)
    return several(accept, refuse, act(edit, "Edit", id=ident, shortcut="E", opens=True))


def _body(run: Any, snapshot: Json, item: Json) -> Part:
    ident, kind, edit = item["id"], item["kind"], edits(item)
    numbers = {row["id"]: row["number"] for row in snapshot["candidates"]} if kind == "candidate" else {}
    what = [item["label"]] + [f" · {item['slot']}"] * bool(item["slot"])
    if ident in numbers:
        what += [" · ", go(f"show #{numbers[ident]}", candidate=ident)]
    into, args = ("fields", {"demo": ident}) if kind == "demo" else ("slot", {"candidate": ident})
    texts = [field(name, text, into=into) for name, text in item["values"].items()]
    shown = _candidate(run, ident, numbers) if ident in numbers else [pairs(item["values"].items(), "m")]
    return several(
        el("div.muted", *what),
        reason("reject", f"this {kind}", id=ident, args={"candidate": ident}),
        form(edit, texts, id=ident, args=args, save="Save and let it go on"),
        *shown,
    )


def _candidate(run: Any, ident: str, numbers: Mapping[str, int]) -> Iterator[Part]:
    """What a candidate has that its parent has not."""
    detail = run.detail(ident)
    parent = next((one for one in reversed(detail["row"]["parents"]) if one in numbers), None)
    detail, former = (run.detail(ident, against=parent), run.detail(parent)) if parent else (detail, None)
    against = f"#{numbers[parent]}" if parent else "the program as it came"
    known = {demo["id"] for part in former["predictors"] for demo in part["demos"]} if former else set()
    texts = [(part["path"], part["before"], part["instructions"]) for part in detail["predictors"]]
    texts += [(text["slot"], text["before"], text["text"]) for text in detail.get("texts") or ()]
    changed = [(name, before or "", after or "") for name, before, after in texts if (before or "") != (after or "")]
    for name, before, after in changed:
        yield el("div.diff-head", f"{name} · against {against}")
        yield diff(before, after)
    held = [(part["path"], demo) for part in detail["predictors"] for demo in part["demos"]]
    new = [(path, demo) for path, demo in held if demo["id"] not in known]
    if new:
        yield el("h4", f"New demos {len(new)}")
    for path, demo in new:
        where = f"{path} · " if len(detail["predictors"]) > 1 else ""
        yield el("div", el("span.muted", f"{where}#{demo['number']} · {demo['origin']}"), pairs(demo["fields"].items()))
    if len(held) > len(new):
        yield el("p.muted", f"{plural(len(held) - len(new), 'demo')} as in {against}")
    if not changed and not new:
        yield el("p.muted", f"No text and no demo that {against} has not.")
