"""The forms of the Studio: what a person writes to steer a run, each one call of a method of the run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lmnb_widgets.parts import Field, Part, el, field, form, go, reason, several

KINDS = {"instruction": "a new instruction", "demo": "a new demo"}
NEXT = "It is evaluated next. Ctrl+Enter saves, Esc leaves."
FORMATS = (("json", "JSON program"), ("python", "Python module"))

Json = Mapping[str, Any]


def over(snapshot: Json) -> Part:
    """The forms about the run as a whole."""
    more = _more(snapshot)
    limits = [{**each, "text": f"{more.get(each['name'], each['text'])}"} for each in _limits(snapshot)]
    ended = more and snapshot["state"] == "stopped"
    raising = {
        "args": more,
        "save": "Raise and resume" if ended else "Raise",
        "hint": "A number above the limit; none leaves it as it is.",
        "look": "export",
        "label": "Raise the budget",
        "free": True,
    }
    budget = form("raise-budget", limits, **raising) if snapshot["live"] else None
    name = file_name(snapshot["program"])
    fields = [field("format", "json", label=f"Save the {_result(snapshot)} candidate as a", as_=FORMATS)]
    fields.append(field("path", name, label="to", as_="line"))
    hint = "A name without an ending gets .json or .py."
    saving = {"args": {"path": name}, "save": "Save", "look": "export", "label": "Export the program", "free": True}
    return several(budget, form("export", fields, hint=hint, **saving))


def forms(snapshot: Json, detail: Json) -> list[Part]:
    """The forms about a candidate."""
    name, number = detail["id"], detail["number"]
    rejecting = reason("reject", f"candidate {number}", id=name, args={"candidate": name})
    return [rejecting, _edit(detail), _branch(snapshot, name, number), *_inject(detail)]


def _edit(detail: Json) -> Part:
    """Every text of it: those that are changed make one new candidate."""
    texts = {f"{part['path']}.instructions": part["instructions"] for part in detail["predictors"]}
    texts |= {each["slot"]: each["text"] for each in detail.get("texts") or ()}
    fields = [field(slot, text, into="slot", lines=(1 if n else 4, 14)) for n, (slot, text) in enumerate(texts.items())]
    save, name = "Save as a new candidate", detail["id"]
    return form("edit", fields, id=name, args={"candidate": name}, save=save, look="edit", hint=NEXT)


def _branch(snapshot: Json, name: str, number: int) -> Part:
    """A second run in a folder of its own; what this one has bought costs it nothing."""
    starts = [("", "where the run stands"), (name, f"just before #{number} came")]
    limits = [{**each, "into": "budget"} for each in _limits(snapshot)]
    fields = [
        field("at", label="from", as_=starts),
        *limits,
        field("paused", "false", label="begin paused", as_="check"),
    ]
    hint = "A new run in a folder of its own; this one stays as it is."
    return form("branch", fields, id=name, save="Branch", look="reason", label="Branch", hint=hint, free=True)


def _inject(detail: Json) -> Iterable[Part]:
    """An instruction or a demo from the person's own head: a child of what one looks at, or else of the best."""
    dropped, parts = detail["row"]["status"] == "dropped", detail["predictors"]
    to = "the best" if dropped else f"#{detail['number']}"
    args = {} if dropped else {"parent": detail["id"]}
    several = len(parts) > 1
    asks = "Say what the call does, as you would to a colleague."
    slots = [
        field(
            f"{part['path']}.instructions",
            label=f"New instruction of {part['path']}" if several else "New instruction",
            into="instructions",
            lines=(1 if several else 4, 14),
            placeholder=asks,
        )
        for part in parts
    ]
    names = dict.fromkeys(name for part in parts for name in (*part["inputs"], *part["outputs"]))
    fit = "; ".join(f"{part['path']}: {', '.join((*part['inputs'], *part['outputs']))}" for part in parts)
    fields = [field(name, into="demo") for name in names]
    for kind, these, save, hint, look in (
        ("instruction", slots, "Add as a candidate", NEXT, "edit"),
        ("demo", fields, "Add demo", f"Fill in the fields of one predictor. {fit}" if several else NEXT, "fields"),
    ):
        head = el("div.row", el("b", f"Add to {to}"), *(_kind(each, each == kind) for each in KINDS))
        yield form("inject", these, id=kind, args=args, save=save, hint=hint, look=look, head=head)


def _kind(kind: str, chosen: bool) -> Part:
    return go(KINDS[kind], "chip", more={"pressed": chosen}, open=f"inject:{kind}")


def _limits(snapshot: Json) -> list[Field]:
    """A number for each limit of the run."""
    limits = {kind: spent["limit"] for kind, spent in snapshot["budget"].items()}
    return [field(kind, f"{limit:.15g}", as_="number") for kind, limit in limits.items() if limit is not None]


def _more(snapshot: Json) -> dict[str, float]:
    """For each limit that is spent a higher one, twice as much or more; what stopped the run may have left a little of it."""
    used = {kind: (one["spent"], one["limit"]) for kind, one in snapshot["budget"].items() if one["limit"]}
    full = [kind for kind, (spent, limit) in used.items() if spent >= limit]
    if not full:
        full = [kind for kind in used if kind == snapshot.get("short_of")]
    return {kind: _round(used[kind][1] * max(2, math.floor(used[kind][0] / used[kind][1]) + 1)) for kind in full}


def _round(number: float) -> float:
    return int(number) if number == int(number) else float(f"{number:.12g}")


def _result(snapshot: Json) -> str:
    return "accepted" if snapshot["accepted"] else "best"


def file_name(program: str) -> str:
    """A name that Python can import.

    >>> file_name("TicketRouter"), file_name("2 hops")
    ('ticket_router', 'program_2_hops')
    """
    snake = re.sub(r"\W+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", program)).lower()
    return snake if re.match(r"[^\d]", snake) else f"program_{snake}"
