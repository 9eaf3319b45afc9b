"""What the right side of the Studio says of a candidate: its title and what can be done with it, facts, forms, tabs, and the tab
that is open. All of it comes of `run.snapshot()` and `run.detail(candidate)`.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from typing import Any

from lmnb_widgets import decided, gestures, prompt, steer, wire
from lmnb_widgets.frame import asks
from lmnb_widgets.parts import Part, act, el, go, plural, several

CHOICES = 120
"""So many candidates are offered to be compared with."""

Json = Mapping[str, Any]


def pane(run: Any, a: Mapping[str, Any]) -> dict[str, Any]:
    """The pane of `a["candidate"]`, if there is one yet, and the foot. Of `a`: `against` is another candidate, `tab` the tab that is
    open, `open` the name of the form that is, `where` and `all` ask for the origins of the prompt and for all decisions.
    """
    snapshot = wire.bounded(run.snapshot())
    name, tab = a.get("candidate"), a.get("tab")
    told = {"id": name, "tab": tab, "over": steer.over(snapshot), "foot": decided.foot(snapshot, bool(a.get("all")))}
    told["help"] = gestures.KEYS
    if name is None:
        return told
    other = None if a.get("against") == name else a.get("against")
    detail = run.detail(name, against=other)
    told["tabs"] = _tabs(snapshot, detail)
    told |= {
        "title": title(snapshot, detail),
        "facts": facts(snapshot, detail),
        "choices": choices(snapshot, name, other),
    }
    forms = steer.forms(snapshot, detail) if snapshot["live"] else ()
    told["forms"] = several(_dropped(run, snapshot, detail), *forms)
    shown = prompt.Shown(detail, snapshot["live"], str(a.get("open") or ""), _before(snapshot, name, other))
    if tab == "lineage":
        told["own"] = [each["id"] for each in detail["lineage"]]
    elif tab == "demos":
        told["body"] = prompt.all_demos(shown)
    elif tab == "prompt":
        where = bool(a.get("where"))
        told["body"] = prompt.prompt(shown, run.provenance(name).to_dicts() if where else None)
    return told


def title(snapshot: Json, detail: Json) -> Part:
    """Its number, its gain, what it is to the run, and the buttons."""
    row, gain, name = detail["row"], detail["gain"], detail["id"]
    accepted = snapshot["accepted"] == name
    yours = re.match(r"your \w+", row["label"])
    return el(
        "div.title",
        el("h3", f"Candidate {row['number']}"),
        el(f".num.{'down' if gain['mean'] < 0 else 'up'}", f"{signed(gain['mean'])} over {_over(snapshot, gain)}")
        if gain
        else None,
        el(".tag.human", yours[0] if yours else "your edit") if row["human"] else None,
        el(".tag.kept", "accepted") if accepted else None,
        el(".tag", "best") if snapshot["best"] == name else None,
        _actions(snapshot, row, accepted) if snapshot["live"] else None,
    )


def _actions(snapshot: Json, row: Json, accepted: bool) -> Part:
    """While something waits for an answer, or soon will, the keys and the large buttons are about that: these are small, and say which
    candidate they mean. One that waits itself is answered there.
    """
    asked, waits = asks(snapshot), any(one["id"] == row["id"] for one in snapshot["pending"])
    name, dropped, (a, x, e) = row["id"], row["status"] == "dropped", (None,) * 3 if asked else "AXE"
    which, size = (f" #{row['number']}", ".small") if asked else ("", "")
    take: Json = {"args": {"candidate": name}, "pressed": accepted, "disabled": dropped, "shortcut": a}
    drop: Json = {"id": name, "opens": True, "disabled": dropped, "shortcut": x}
    made: Json = {"id": name, "opens": True, "look": size[1:]}
    answers = (
        act("accept", f"Accept{which}", look=f"good{size}", title="Take this candidate as the run's result", **take),
        act("reject", f"Reject{which}", look=f"bad{size}", title="It can never win; undo brings it back", **drop),
        act("edit", f"Edit{which}", shortcut=e, title="Rewrite its texts: a new candidate, evaluated next", **made),
    )
    branch = act("branch", "Branch", shortcut="B", title="A new run from here; this one stays as it is", **made)
    return el(".actions", *(() if waits else answers), branch)


def facts(snapshot: Json, detail: Json) -> Part:
    """What is known of its score, in a line."""
    row, gain, best = detail["row"], detail["gain"], snapshot["best"]
    said = {
        "waiting": ["waiting to be evaluated"],
        "evaluating": ["being evaluated"],
        "partial": [f"{row['done']} of {row['total']} examples answered"],
        "unscored": ["no score: accept it or give a validation set"],
    }.get(row["status"], [])
    if gain:
        said.append(f"95% CI {signed(gain['low'])} … {signed(gain['high'])}")
        said.append(f"{gain['fixed']} fixed, {gain['broken']} broken of {gain['n']}")
    elif row["score"] is not None and row["done"] >= row["total"]:
        margin = "" if row["low"] is None else f" (95% CI {row['low']:.1f} … {row['high']:.1f})"
        came = ", the program as it came" if row["id"] == snapshot["baseline"] else ""
        said.append(f"{row['score']:.1f}%{margin} of {plural(row['total'], 'example')}{came}")
    if detail.get("expected") is not None:
        said.append(f"{detail['expected']:.1f} expected on new data")
    if check := detail.get("check"):
        said.append(f"{check['score']:.1f}% of {check['n']} held out ({signed(check['gain'])})")
    if low := detail.get("worst"):
        said.append(f"worst group {low['group']!r}: {low['score']:.1f}% of {plural(low['n'], 'example')}")
    if detail.get("tokens") is not None:
        said.append(f"{detail['tokens']:,.0f} tokens a call")
    said += [f"{path} asks {weights}" for path, weights in (detail.get("weights") or {}).items()]
    leads = best is not None and best != detail["id"]
    more = go(f"show the best, #{row_of(snapshot, best)['number']}", number=None) if leads else None
    return several(" · ".join(said), " · " if said and more else None, more)


def choices(snapshot: Json, name: str, other: str | None) -> list[tuple[str, str]]:
    """What it can be shown against, in order of creation: the first, the best and the best others; not ten thousand. The
    baseline is shown against nothing until another is chosen.
    """
    rows = snapshot["candidates"]
    first = {snapshot["baseline"], snapshot["best"], other}
    scored = (row for row in rows if row["score"] is not None)
    best = {row["id"] for row in heapq.nlargest(CHOICES, scored, key=lambda row: row["score"])}
    found = [row for row in rows if row["id"] in first or row["id"] in best]
    others = [(row["id"], name_of(snapshot, row)) for row in found if row["id"] != name]
    return [("", "nothing"), *others] if others and name == snapshot["baseline"] else others


def name_of(snapshot: Json, row: Json | None) -> str:
    """What a candidate is called beside others."""
    if row is None:
        return "nothing"
    if row["id"] == snapshot["baseline"]:
        return "the baseline"
    return f"#{row['number']}{', the best' if row['id'] == snapshot['best'] else ''}"


def row_of(snapshot: Json, name: str | None) -> Any:
    """The row of a candidate."""
    return next((row for row in snapshot["candidates"] if row["id"] == name), None)


def signed(value: float) -> str:
    """A change in points.

    >>> signed(7), signed(-0.44)
    ('+7.0', '−0.4')
    """
    return f"{value:+.1f}".replace("-", "−")


def _before(snapshot: Json, name: str, other: str | None) -> str | None:
    """What its texts are shown against, in words; None where that is itself."""
    against = other or snapshot["baseline"]
    return None if against == name else name_of(snapshot, row_of(snapshot, against))


def _over(snapshot: Json, gain: Json) -> str:
    first = row_of(snapshot, snapshot["baseline"])
    return "the baseline" if first and first["number"] == gain["against"] else f"#{gain['against']}"


def _tabs(snapshot: Json, detail: Json) -> list[dict[str, Any]]:
    counts = {
        "demos": sum(len(part["demos"]) for part in detail["predictors"]),
        "examples": detail["row"]["total"] or (snapshot["evalset"] or {}).get("size") or None,
    }
    names = ("prompt", "demos", "examples", "traces", "lineage")
    return [{"id": name, "name": name.capitalize(), "count": counts.get(name)} for name in names]


def _dropped(run: Any, snapshot: Json, detail: Json) -> Part:
    """Why it cannot win, and the decision that can be taken back: its own reject, or that of a demo which it holds."""
    row = detail["row"]
    if row["status"] != "dropped":
        return None
    standing = {each["id"] for each in snapshot["decisions"] if not each["undone"]}
    own = [
        each.id
        for each in run.decisions
        if each.kind == "reject" and each.data.get("candidate") == row["id"] and each.id in standing
    ]
    demos = (demo for part in detail["predictors"] for demo in part["demos"])
    own = own[-1:] or [demo["decision"] for demo in demos if demo["status"] == "rejected"]
    undo = (
        act("undo", "Undo", id=row["id"], args={"decision": own[0]}, look="small") if own and snapshot["live"] else None
    )
    why = f"Dropped: {row['reason']}. " if row["reason"] else "Dropped. "
    return el("div.notice.drop", el("span", why, el(".muted", "It cannot win.")), undo)
