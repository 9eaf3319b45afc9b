"""What stands around the candidates in a Studio: the state of the run, what it has spent, what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lmnb.html import duration, money
from lmnb_widgets.parts import Part, act, clock, el, several

Json = Mapping[str, Any]

ENDED = {"stopped", "cancelled", "finished", "failed"}
WORDS = {"pausing": "Pausing…", "waiting": "Waiting for you", "stopping": "Stopping…"}
AS_IT_IS = (
    *("seq", "run", "state", "live", "progress", "best", "accepted", "baseline"),
    *("candidates", "decisions", "decisions_total"),
)
"""Of `run.snapshot()` the panel is told this as it is; the rest in its words."""
NEAR = 0.9
"""From this share of a limit on its bar warns."""


def framed(snapshot: Json) -> dict[str, Any]:
    """`run.snapshot()` as a panel is told it: with its header and notices as parts, and what the keys P and S do: a command, or with a
    colon behind it the form that they open. It says what there is instead of a candidate where there is none, and of what waits for an
    answer only the names (`pending.py` tells of one), and whether the keys are for that alone.
    """
    buttons = list(_buttons(snapshot))
    keys = {
        one["shortcut"].lower(): one["action"] + (":" if one.get("opens") else "")
        for _, one, *_ in buttons
        if "shortcut" in one and not one.get("disabled")
    }
    return {
        **{key: snapshot[key] for key in AS_IT_IS if key in snapshot},
        "words": state_words(snapshot),
        "header": _header(snapshot, buttons),
        "notices": several(*_notices(snapshot)),
        "countdown": _countdown(snapshot),
        "empty": None if snapshot["candidates"] else _empty(snapshot),
        "keys": keys,
        "top": _top(snapshot),
        "asks": asks(snapshot),
        "pending": [
            {"id": one["id"], "what": one["kind"].capitalize(), "edit": edits(one)} for one in snapshot["pending"]
        ],
    }


def state_words(snapshot: Json) -> str:
    """The state as people say it.

    >>> state_words({"state": "waiting", "held": True})
    'Waiting for you · held'
    """
    state = snapshot["state"]
    return f"{WORDS.get(state, state.capitalize())}{' · held' if _held(snapshot) else ''}"


def goes_on(snapshot: Json) -> bool:
    """Whether the run has ended and can be resumed: its panel stays one."""
    return bool(snapshot["state"] in ENDED - {"finished"} and snapshot["live"] and snapshot["run"]["path"])


def asks(snapshot: Json) -> bool:
    """Whether the panel's answers are for what waits: something does, or the run works on to the next that will."""
    works = snapshot["state"] in ("running", "pausing", "waiting")
    return bool(snapshot["pending"] or (snapshot["review"].get("asks") and works))


def edits(item: Json) -> str:
    """The command that edits what waits."""
    return "edit-demo" if item["kind"] == "demo" else "edit"


def _held(snapshot: Json) -> bool:
    """A pause in which the run has come to a gate: what waits there does not go on by itself, nor the run after the answer."""
    return bool(snapshot.get("held"))


def _header(snapshot: Json, buttons: list[Part]) -> Part:
    state, progress = snapshot["state"], snapshot["progress"]
    label = f" · {progress['label']}" if progress and progress["total"] > 0 and not snapshot.get("ended") else ""
    primary = "" if any(one[0] == "act.lead" for one in buttons) else "primary"
    return several(
        el(f"span.state.{state}", el("span.dot"), state_words(snapshot), role="status"),
        el(
            "span.what",
            el("b", snapshot["optimizer"]),
            el("span.muted", " on "),
            snapshot["program"],
            el("span.muted.num", label + ("" if snapshot["live"] else " · view only")),
        ),
        el("span.meters.num", *_meters(snapshot)),
        el("span.buttons", *buttons, act("export", "Export…", look=primary, opens=True, title="Save the program")),
    )


def _buttons(snapshot: Json) -> Iterator[Part]:
    """What can be done with the run as it stands."""
    state = snapshot["state"]
    if not snapshot["live"] or state == "finished":
        return
    if state in ENDED:
        if goes_on(snapshot) and snapshot.get("short_of"):  # resumed as it is, it would stop at once again
            words, title = "Raise the budget and resume…", "Its budget is spent; it goes on as soon as there is more"
            yield act("raise-budget", words, look="lead", opens=True, shortcut="P", title=title)
        elif goes_on(snapshot):
            yield act("resume", "Resume", shortcut="P", title="Go on from where the run stopped")
        return
    stopping = (state == "stopping") or None
    if state in ("paused", "pausing") or _held(snapshot):
        yield act("resume", "Resume", look="lead", shortcut="P")
    else:
        yield act("pause", "Pause", shortcut="P", disabled=stopping)
    title = "Go on to the next finished candidate, then pause"
    yield act("step", "Step", shortcut="S", title=title, disabled=stopping)
    if not stopping:
        yield act("stop", "Stop", title="End the run and keep the best candidate")
    yield act("cancel", "Cancel", title="Stop, and drop the calls in flight")


def _meters(snapshot: Json) -> Iterator[Part]:
    budget, state = snapshot["budget"], snapshot["state"]
    raised = snapshot["live"] and state != "finished"
    for kind, unit in (("calls", "calls"), ("tokens", "tokens"), ("usd", "")):
        used = budget.get(kind) or {"spent": 0, "limit": None}
        spent, limit = used["spent"], used["limit"]
        if limit is None and (kind == "tokens" or (kind == "usd" and not spent)):
            continue
        write = money if kind == "usd" else "{:,.0f}".format
        of = (unit or "spent") if limit is None else f"/ {write(limit)} {unit}"
        yield _meter(write(spent), of, spent, limit, raised)
    elapsed, left = snapshot["elapsed"] or 0.0, snapshot.get("eta")
    ticks = state in ("running", "waiting")
    if left is not None and state not in ENDED:
        yield _meter(clock(left, -ticks), "left", elapsed, elapsed + left, False)
        return
    limit = (budget.get("seconds") or {}).get("limit")
    yield _meter(
        clock(elapsed, int(ticks)), "elapsed" if limit is None else f"/ {duration(limit)}", elapsed, limit, raised
    )


def _meter(amount: Part, of: str, spent: float, limit: float | None, raised: bool) -> Part:
    said = [el("b", amount), " ", el("span.muted", of.strip())]
    if limit is None:
        return el("span.meter", el("span", *said))
    share = min(1.0, spent / limit) if limit else 1.0
    title = "Raise the budget"
    words = act("raise-budget", el("span", *said), opens=True, title=title) if raised else el("span", *said)
    return el("span.meter", words, el("i.near" if share >= NEAR else "i", w=f"{100 * share:.1f}%"))


def _countdown(snapshot: Json) -> Part:
    """When what waits goes on by itself."""
    timeout, left = (snapshot["review"][key] for key in ("timeout", "left"))
    if _held(snapshot):
        return el("span.muted", f"the {'countdown' if timeout else 'run'} is held: resume to let it go on")
    return None if left is None else el("span.muted", "goes on by itself in ", clock(left, -1), "; pause holds it")


def _notices(snapshot: Json) -> Iterator[Part]:
    if snapshot.get("error"):
        yield el("div.notice.bad.run-error", el("span", snapshot["error"]), role="alert")
    elif snapshot.get("ended"):
        yield el("div.notice", el("span", f"{snapshot['ended'][:1].upper()}{snapshot['ended'][1:]}."), role="status")


def _top(snapshot: Json) -> str:
    """What the best candidate's row says beside its own words; what to expect of it is said of the candidate that is shown."""
    check = snapshot.get("check")
    return f" · {check['score']:.1f} held out" if check else ""


def _empty(snapshot: Json) -> Part:
    """Instead of a candidate, where there is none."""
    state = snapshot["state"]
    if state in ENDED:
        return el("b", "The run ended before there was a candidate.")
    if state == "waiting":
        return el("b", "The first candidate waits for your answer.")
    if state == "paused":
        return el("b", "No candidate yet: step or resume to make the first.")
    soon = el("p", "Its score, prompt and traces appear here as they come.")
    return several(el("b", "The first candidate is being made."), soon)
