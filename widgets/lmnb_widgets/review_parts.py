"""What the panel of a review shows: the progress, the item with its answers and their forms, and which key presses what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb import Review
from lmnb_widgets.parts import Part, act, el, field, form, pairs, reason

SAID = {
    "keep": "kept",
    "reject": "rejected",
    "edit": "edited",
    "skip": "skipped",
    "preferred": "preferred",
    "tie": "tie",
}
HELP = [
    ("A", "keep; of a pair: A is better"),
    ("B T", "of a pair: B is better, a tie"),
    ("X", "reject; then a number gives the reason, Enter none"),
    ("1 … 9", "reject at once, with that reason"),
    ("E", "edit"),
    ("Space", "skip"),
    ("⌫", "undo the last answer"),
    ("← →", "previous, next item"),
    ("Esc", "close what is open"),
]
SINGLE = {"a": "accept", "x": "reject", "e": "edit", " ": "skip"}
PAIR = {"a": "answer:A", "b": "answer:B", "t": "answer:tie", " ": "skip"}
MOVES = {"Backspace": "undo", "ArrowLeft": "go:-1", "ArrowRight": "go:1"}
_LOOKS = {"keep": "kept", "reject": "rejected", "edit": "human"}

Json = dict[str, Any]


def seen(review: Review) -> Json:
    """A review as parts. `keys` names by key the button that it presses: its action, and its id where that matters."""
    known = review.snapshot()
    item = known["item"]
    pair = item is not None and item["kind"] == "pair"
    return {
        "changes": known["changes"],
        "state": known["state"],
        "id": None if item is None else item["id"],
        "reasons": [] if item is None or pair else known["reasons"],
        "keys": {**({} if item is None else PAIR if pair else SINGLE), **MOVES},
        "help": HELP,
        "head": _head(known),
        "done": el("i.progress", w=f"{100 * known['done'] / max(known['total'], 1):.4g}%"),
        "item": el("", _problems(known["problems"]), _over(known) if item is None else _item(item, known["reasons"])),
    }


def _head(known: Json) -> Part:
    counts = [f"{n:,} {SAID[verdict]}" for verdict, n in known["counts"].items()]
    facts = " · ".join([*counts, known["path"] or "the answers are not saved"])
    progress = f"{known['done']:,} of {known['total']:,} reviewed"
    at = known["total"] if known["item"] is None else known["item"]["place"]
    return el(
        "",
        el(f".state.{known['state']}", el(".dot"), progress, role="status"),
        el(".what", el("b", known["name"]), " ", el(".muted.num", facts)),
        el(
            ".buttons.row-end",
            _step("Previous item", "‹", -1, at, known["total"]),
            _step("Next item", "›", 1, at, known["total"]),
            act("undo", "Undo", shortcut="Backspace", disabled=not known["done"]),
        ),
    )


def _step(title: str, sign: str, by: int, at: int, total: int) -> Part:
    words = {"title": title, "aria-label": title}
    return act("go", sign, id=by, args={"item": at + by}, look="small", disabled=not 0 <= at + by < total, **words)


def _problems(lines: list[str]) -> Part:
    said = f"Lines of the file that count for nothing: {'; '.join(lines)}"
    return el("div.notice.bad", said, role="alert") if lines else None


def _over(known: Json) -> Part:
    said = f"All {known['total']:,} are reviewed. review.kept(), review.rejected() and review.to_pandas() have the answers."
    return el("p.empty", said)


def _item(item: Json, reasons: list[str]) -> Part:
    key, pair, verdict = item["id"], item["kind"] == "pair", item["verdict"]
    said = SAID.get(verdict, f"{verdict} is better") + (f": {item['reason']}" if item["reason"] else "")
    about = {"item": key}
    return el(
        "section",
        el(
            "div.row",
            el("h3", f"Item {item['place'] + 1:,} ", el(".muted", item["kind"])),
            None if verdict is None else el(f".tag.{_LOOKS.get(verdict, '')}", said),
        ),
        pairs(_given(item), "m"),
        _sides(item["outputs"]) if pair else None,
        el(
            "div.row.answers",
            *(_preferences(about) if pair else _verdicts(key, about)),
            act("skip", "Skip", args=about, shortcut="Space"),
            act("trace", "Trace", id=key, opens=True, look="row-end") if item["has_trace"] else None,
        ),
        reason("reject", "it", id=key, args=about, reasons=reasons),
        _edit(item, about),
        aria_label=f"Item {item['place'] + 1}",
        data_kind="demo" if item["kind"] == "demo" else "example",
        data_id=key,
    )


def _given(item: Json) -> list[tuple[str, str]]:
    """All there is to see of an item, but for the sides of a pair."""
    shown: list[tuple[Mapping[str, str], str]] = [(item["inputs"], ""), (item["labels"], " (expected)")]
    if item["kind"] != "pair":
        shown.append((item["outputs"][0], " (output)" if item["kind"] == "output" else ""))
    return [(f"{name}{what}", text) for values, what in shown for name, text in values.items()]


def _sides(outputs: list[Mapping[str, str]]) -> Part:
    both = zip("AB", outputs, strict=True)
    return el("div.sides", *(el("div", el("h4", side), pairs(fields.items(), "m")) for side, fields in both))


def _preferences(about: Json) -> list[Part]:
    answers = (("A is better", "A", "A"), ("B is better", "B", "B"), ("Tie", "T", "tie"))
    return [
        act("answer", words, id=side, args={**about, "verdict": side}, shortcut=key) for words, key, side in answers
    ]


def _verdicts(key: str, about: Json) -> list[Part]:
    return [
        act("accept", "Keep", args=about, look="good", shortcut="A"),
        act("reject", "Reject", id=key, opens=True, look="bad", shortcut="X"),
        act("edit", "Edit", id=key, opens=True, shortcut="E"),
    ]


def _edit(item: Json, about: Json) -> Part:
    """A form of what an edit may change."""
    known = {**item["inputs"], **item["outputs"][0]}
    asked = [field(name, known[name], into="fields") for name in item["editable"]]
    return form("edit", asked, id=item["id"], args=about, save="Save and keep")
