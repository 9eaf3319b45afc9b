"""The prompt of a candidate as parts: its texts as what they changed, who wrote each sentence, what is fixed of them, and its demos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb_widgets.parts import Part, act, as_text, diff, el, field, form, go, pairs, reason, several

COLUMNS = 3
CLIP = 160
MOST = 300
"""So many demos of a predictor are listed: a prompt of thousands is one message, too."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """A candidate that is looked at: what `run.detail` tells of it, whether it can be decided about, the name of the form that is open, and
    the words for what its texts are shown against, None where that is itself.
    """

    detail: Json
    live: bool
    open: str = ""
    before: str | None = None


def prompt(of: Shown, origins: Sequence[Json] | None) -> Part:
    """Every text and every demo; `origins` are those of `run.provenance`, where they are wanted."""
    where = go("Where from", "small", more={"pressed": origins is not None, "title": WHERE}, where=origins is None)
    told = origins or ()
    sections = [
        el(
            "section.predictor",
            *_text(of, _instruction(part), told, where if n == 0 else None),
            el(
                "div.slot-head",
                el("h4", "Demos in this prompt"),
                _pin(of, f"{part['path']}.demos", "demos" in part["pinned"]),
            ),
            demo_table(of, part),
            _origins(told, f"{part['path']}.demos"),
        )
        for n, part in enumerate(of.detail["predictors"])
    ]
    described = [part for text in of.detail.get("texts") or () for part in _text(of, _description(text), told)]
    return el("div", *sections, el("section.predictor", el("h4", "Descriptions"), *described) if described else None)


WHERE = "Who wrote each sentence and demo"


def _instruction(part: Json) -> Json:
    return {
        "slot": f"{part['path']}.instructions",
        "name": f"{part['path']} · instruction",
        "text": part["instructions"],
        "before": part["before"],
        "locked": part["locked"],
        "pinned": "instructions" in part["pinned"],
    }


def _description(text: Json) -> Json:
    return {**text, "name": f"{text['slot']} · description"}


def _text(of: Shown, text: Json, origins: Sequence[Json], first: Part = None) -> list[Part]:
    """One text of the prompt, and what can be done with it. Words that are selected in it are locked at once."""
    slot, said, before = text["slot"], text["text"] or "", text["before"] or ""
    beside = "" if of.before is None else f", as in {of.before}" if said == before else f", against {of.before}"
    lock = act("lock", "Lock", id=slot, look="small", opens=True, title="Fix the selected words, or write them here")
    words = field("text", label="words to lock", placeholder="words of this text, as they stand", lines=(1, 8))
    return [
        el(
            "div.slot-head",
            el(".diff-head", text["name"], beside),
            first,
            lock if of.live else None,
            _pin(of, slot, text["pinned"]),
        ),
        el("div.words", diff(said if of.before is None else before, said)),
        form("lock", [words], id=slot, args={"slot": slot}, save="Lock these words") if of.live else None,
        *(_locked(of, slot, span) for span in text["locked"]),
        _origins(origins, slot),
    ]


def _locked(of: Shown, slot: str, span: str) -> Part:
    free = act("unlock", "Unlock", id=span, args={"slot": slot, "text": span}, look="small") if of.live else None
    return el("p.row.muted", el("span", "locked: “", span, "”"), free, data_kind="lock", data_id=span)


def _pin(of: Shown, slot: str, pinned: bool) -> Part:
    """Fixes a slot to this candidate's value, for every candidate to come."""
    if not of.live:
        return el(".tag", "pinned") if pinned else None
    if pinned:
        return act("unpin", "Unpin", id=slot, args={"slot": slot}, look="small", pressed=True)
    what = {"slot": slot, "candidate": of.detail["id"]}
    return act(
        "pin", "Pin", id=slot, args=what, look="small", pressed=False, title="Candidates with another value are out"
    )


def _origins(origins: Sequence[Json], slot: str) -> Part:
    rows = [
        el(
            "li",
            el("span", each["text"]),
            el(
                "span",
                el(".tag.human", "you") if each["by"] == "person" else el(".tag", each["by"]),
                " ",
                go(f"#{each['candidate']}", number=each["candidate"]),
                " ",
                el(".muted", each["how"]),
            ),
            data_kind="origin",
            data_id=n,
        )
        for n, each in enumerate(each for each in origins if each["slot"] == slot)
    ]
    return el("ol.decisions", *rows, aria_label="Where it comes from") if rows else None


def all_demos(of: Shown) -> Part:
    """The demos of every predictor, with all their fields."""
    parts = of.detail["predictors"]
    add = act("inject", "+ Add a demo", id="demo", opens=True) if of.live else None
    tables = (
        el("section", el("h4", part["path"]) if len(parts) > 1 else None, demo_table(of, part, full=True))
        for part in parts
    )
    return el("div", el("div.row.filters", add) if add else None, *tables)


def demo_table(of: Shown, predictor: Json, *, full: bool = False) -> Part:
    """A demo a row: with all its fields, or with those that say most."""
    if not predictor["demos"]:
        return el("p.muted.none", "This prompt shows no demonstrations.")
    columns = ["fields"] if full else _columns(predictor)
    heads = [el("th", name) for name in ("#", *columns, "from")]
    demos = predictor["demos"]
    rows = [row for demo in demos[:MOST] for row in _demo(of, predictor, demo, columns, full)]
    head = el("thead", el("tr", *heads, el("th", el(".sr", "actions"))))
    more = f"the first {MOST} of {len(demos):,} demos; run.demos has the others" if len(demos) > MOST else None
    return several(el("table.demos.num", head, el("tbody", *rows)), el("p.muted.none", more) if more else None)


def _columns(predictor: Json) -> list[str]:
    """Those that fit: the first input and the last outputs say most."""
    inputs, outputs = predictor["inputs"], predictor["outputs"]
    names = [*inputs, *outputs]
    return names if len(names) <= COLUMNS else [*inputs[:1], *outputs[1 - COLUMNS :]]


def _demo(of: Shown, predictor: Json, demo: Json, columns: Sequence[str], full: bool) -> list[Part]:
    name, status, fields = demo["id"], demo["status"], demo["fields"]
    names = [each for each in dict.fromkeys([*predictor["inputs"], *predictor["outputs"], *fields]) if each in fields]
    every = pairs((each, fields[each]) for each in names)
    first, *rest = (line(fields.get(each, "")) for each in columns)
    cells = [every] if full else [el("details", el("summary.clip", first or "…"), every)]
    words = {"kept": "kept by you", "rejected": "rejected by you"}.get(status)
    words = words or ("yours" if demo["origin"] == "human" else demo["origin"])
    row = el(
        f"tr.{status}" if status else "tr",
        el("td", demo["number"]),
        el("td.wide", *cells),
        *(el("td", el(".clip", text)) for text in rest),
        el("td", el(f".tag.{status}" if status else ".tag", words)),
        el("td.act", *(_buttons(demo) if of.live else ())),
        data_kind="demo",
        data_id=name,
    )
    opened = _form(of, demo, names)
    return [row, el("tr.under", el("td"), el("td", opened, colspan=len(columns) + 2))] if opened else [row]


def _buttons(demo: Json) -> list[Part]:
    name = demo["id"]
    if demo["status"]:
        return [act("undo", "Undo", id=name, args={"decision": demo["decision"]})]
    keep = act("keep-demo", "Keep", id=name, args={"demo": name})
    return [
        keep,
        " ",
        act("reject-demo", "Reject", id=name, opens=True),
        " ",
        act("edit-demo", "Edit", id=name, opens=True),
    ]


def _form(of: Shown, demo: Json, names: Sequence[str]) -> Part:
    """The form of a demo that is open: not all of them travel."""
    name, what = demo["id"], {"demo": demo["id"]}
    if of.live and of.open == f"reject-demo:{name}":
        return reason("reject-demo", f"demo {demo['number']}", id=name, args=what)
    if of.live and of.open == f"edit-demo:{name}":
        fields = [field(each, demo["fields"][each], into="fields") for each in names]
        return form("edit-demo", fields, id=name, args={**what, "candidate": of.detail["id"]}, save="Save demo")
    return None


def line(text: object) -> str:
    """The beginning of a text in one line."""
    flat = " ".join(as_text(text)[: CLIP * 4].split())
    return f"{flat[:CLIP]}…" if len(flat) > CLIP else flat
