"""What a Studio's gestures do: each is one call of a method of the run. What a mapping says under `said`, the panel says when it is done."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmnb_widgets.widget import Calls

KEYS = (
    ("A", "accept the candidate"),
    ("X", "reject it; then 1 to 6 gives the reason, Enter none"),
    ("E", "edit its texts"),
    ("B", "branch: a new run from here"),
    ("I", "add an instruction or a demo"),
    ("P", "pause, resume"),
    ("S", "step: on to the next finished candidate"),
    ("⌫ R", "undo the last decision, redo"),
    ("↑ ↓ Space", "previous, next candidate"),
    ("← →", "tabs"),
    ("Esc", "close what is open"),
    ("A X E", "while something waits for you: accept, reject, edit it; Space skips it"),
)
"""What each key does: the sheet that `?` shows."""

ENDINGS = {"json": ".json", "python": ".py"}


def _then(words: str, call: Callable[[Any, dict[str, Any]], Any]) -> Callable[[Any, dict[str, Any]], Any]:
    """The same, and what there is to say of it."""

    def said(run: Any, a: dict[str, Any]) -> dict[str, str]:
        call(run, a)
        return {"said": words}

    return said


def _accept(run: Any, a: dict[str, Any]) -> dict[str, str] | None:
    """What is accepted already is not decided again."""
    snapshot, name = run.snapshot(), a["candidate"]
    if snapshot["accepted"] == name and all(item["id"] != name for item in snapshot["pending"]):
        return {"said": "It is the accepted one already."}
    run.accept(name)
    return None


def _export(run: Any, a: dict[str, Any]) -> dict[str, str]:
    kind, name = a.get("format", "json"), a["path"].strip()
    snapshot = run.snapshot()
    what = "accepted" if snapshot["accepted"] else "best"
    row = next((row for row in snapshot["candidates"] if row["id"] == snapshot[what]), None)
    number = "" if row is None else f" {row['number']}"
    path = run.export(name if Path(name).suffix else name + ENDINGS.get(kind, ""), format=kind)
    return {"said": f"Saved as {Path(path).resolve()}: candidate{number}, the {what} one."}


def _lock(run: Any, a: dict[str, Any]) -> dict[str, str] | None:
    """What a script is warned of, the panel says: a warning of a panel's thread would stand on the kernel's own output."""
    warnings.filterwarnings("ignore", category=UserWarning, module=re.escape(__name__))
    run.lock(a["slot"], a["text"])
    made = [each for each in run.decisions if each.kind == "lock" and each.data.get("slot") == a["slot"]]
    text = made[-1].text if made else ""
    return {"said": f"{text[:1].upper()}{text[1:]}."} if "dropped" in text.rpartition("”")[2] else None


COMMANDS: Calls = {
    "pause": lambda run, a: run.pause(),
    "resume": lambda run, a: run.resume(),
    "step": lambda run, a: run.step(),
    "stop": lambda run, a: run.stop(),
    "cancel": lambda run, a: run.cancel(),
    "accept": _accept,
    "reject": lambda run, a: run.reject(a["candidate"], reason=a.get("reason")),
    "edit": _then("Saved. It is evaluated next.", lambda run, a: run.edit(a["candidate"], a["slot"], a.get("text"))),
    "keep-demo": lambda run, a: run.keep_demo(a["demo"]),
    "reject-demo": lambda run, a: run.reject_demo(a["demo"], reason=a.get("reason")),
    "edit-demo": lambda run, a: run.edit_demo(a["demo"], a["fields"], candidate=a.get("candidate")),
    "inject": _then("Added. It is evaluated next.", lambda run, a: run.inject(**a)),
    "pin": lambda run, a: run.pin(a["slot"], a["candidate"]),
    "unpin": lambda run, a: run.unpin(a["slot"]),
    "lock": _lock,
    "unlock": lambda run, a: run.unlock(a["slot"], a.get("text")),
    "raise-budget": lambda run, a: run.raise_budget(**a),
    "undo": lambda run, a: run.undo(a.get("decision")),
    "redo": lambda run, a: run.redo(),
    "export": _export,
}
