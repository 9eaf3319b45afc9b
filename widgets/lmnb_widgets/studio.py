"""The Studio: a run, live in the cell. State and conversion are here; the browser draws and reports gestures; the run
decides.

Every gesture is one call of a method of the run (`gestures.py`). A thread of the panel sends what changed; it sleeps until
there is something to do, and never prints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import traitlets
from IPython.display import display

import lmnb
from lmnb_widgets import frontend, gestures, outputs, run_traces, wire
from lmnb_widgets.cells import of_cell
from lmnb_widgets.examples import example_page
from lmnb_widgets.frame import ENDED, framed
from lmnb_widgets.outputs import freeze
from lmnb_widgets.pane import pane
from lmnb_widgets.pending import waiting
from lmnb_widgets.widget import Calls, Widget

DELTAS = 0.1
SNAPSHOTS = 0.5
REST = 100
"""After a message a panel rests for so many times the processor time that it took: watching takes 1 % from a run for
deltas and 1 % for snapshots, however long the run is."""
A_ROW = 1e-4
"""Seconds of rest for each candidate: lists and curves of ten thousand are drawn anew once a second. What somebody did is
shown at once."""

QUESTIONS: Calls = {
    "pane": pane,
    "example-rows": lambda run, a: example_page(run, a["candidate"], a["against"], a["only"], a["offset"]),
    "pending": lambda run, a: waiting(run, a["id"]),
    **run_traces.QUESTIONS,
}


class StudioWidget(Widget):
    """One panel of a run. `on_end` is called from a thread of the panel when the run has ended, whenever it changes after
    that, and when it goes on. The panel stays open until its place is known to be gone.
    """

    questions = QUESTIONS
    commands: ClassVar[Calls] = {**gestures.COMMANDS, **run_traces.COMMANDS, "branch": lambda run, a: branch(run, a)}

    view = traitlets.Unicode("studio").tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Any, *, mount: str = "", on_end: Callable[[], None] = lambda: None) -> None:
        self._run, self._on_end = run, on_end
        self._known = _told(run)
        self._over = self._known["state"] in ENDED
        self._wake, self._sending = threading.Event(), threading.Lock()
        self._hurry = threading.Event()  # somebody waits to see what was done
        self._late = False  # the trait is behind what the deltas said
        self._trait_due = time.monotonic()
        super().__init__(run, snapshot=wire.fit(wire.head(self._known)), mount=mount)
        self._unsubscribe = run.subscribe(self._wake.set)
        self._wake.set()
        threading.Thread(target=self._send_changes, name="lmnb-studio", daemon=True).start()

    def __repr__(self) -> str:
        return f"Studio({self._run!r})"

    def close(self) -> None:
        if not self._closed.is_set():
            self._unsubscribe()
            super().close()
            self._wake.set()
            self._hurry.set()
            outputs.forget(self._run, self)

    # to the browser

    def _send_changes(self) -> None:
        while True:
            watched = self._late and self._viewers
            self._wake.wait(max(0.0, self._trait_due - time.monotonic()) if watched else None)
            if self._closed.is_set():
                return
            self._wake.clear()
            self._hurry.clear()
            if not self._viewers and self._run.state not in ENDED:
                self._late = True  # nobody looks: whoever comes is given the whole
                self._closed.wait(DELTAS)
                continue
            started = time.thread_time()
            with self._sending:
                changed = self._send_delta()
                spent = time.thread_time() - started
                over = self._known["state"] in ENDED
                ending, self._over = (over and changed) or over != self._over, over
                if ending or (self._late and self._viewers and time.monotonic() >= self._trait_due):
                    self._send_trait()
            if ending:
                self._on_end()
            self._closed.wait(DELTAS)
            if changed:
                self._hurry.wait(max(spent * REST, len(self._known["candidates"]) * A_ROW) - DELTAS)

    def _send_delta(self) -> bool:
        new = _told(self._run)
        if new["seq"] == self._known["seq"]:
            return False
        message = wire.delta(self._known, new)
        self._known, self._late = new, True
        if self._viewers:
            self.send(wire.fit(message or self._whole()))
        return True

    def _send_trait(self) -> None:
        started, self._late = time.thread_time(), False
        self.snapshot = wire.fit(wire.head(self._known))
        self._trait_due = time.monotonic() + max(SNAPSHOTS, (time.thread_time() - started) * REST)

    def _whole(self) -> dict[str, Any]:
        return {"type": "snapshot", "snapshot": wire.head(self._known)}

    # from the browser

    def _looked_at(self) -> None:
        self._wake.set()
        self._hurry.set()

    def _answer(self, message: dict[str, Any], reply: str, name: Any, known: Calls) -> dict[str, Any]:
        answer = super()._answer(message, reply, name, known)
        if reply == "done":
            self._hurry.set()
        return answer

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "resend":
            with self._sending:
                self._known, self._late = _told(self._run), True
                self.send(wire.fit(self._whole()) | {"id": message.get("id")})
        elif kind == "get" and message.get("what") == "candidates":
            with self._sending:  # rows by the page must not be overtaken by a delta that has newer ones
                self.send(self._answer(message, "got", "candidates", {"candidates": self._page}))
        else:
            super()._receive(widget, message, buffers)

    def _page(self, run: Any, a: dict[str, Any]) -> dict[str, Any]:
        rows, offset = self._known["candidates"], int(a.get("offset", 0))
        return {"total": len(rows), "rows": rows[offset : offset + wire.ROWS]}


def show(run: Any) -> None:
    """Show the run in this cell: its static report as it stands, over which the panel lies while the kernel lives and the cell does not
    run again. What shows a run from before its end is the report alone once it is finished. Where panels come only as outputs of their
    own, that is what a run in progress gets, until the report replaces it.
    """
    over = run.state in ENDED or not run.snapshot()["live"]
    if not frontend.answers():
        outputs.remember(run, frontend.say(run, outputs.report(run)))
        if not over:
            outputs.freeze_at_end(run)
        return
    place = frontend.token() if over or frontend.mounts() else ""
    widget = of_cell(StudioWidget(run, mount=place, on_end=lambda: freeze(run)))
    handle = frontend.publish(run, outputs.report(run), place) if place else display(widget, display_id=True)
    outputs.remember(run, handle, widget, place if over else "")
    if not over and run.state in ENDED:  # meanwhile, when nobody could know of this output
        freeze(run)


def _told(run: Any) -> dict[str, Any]:
    return framed(wire.bounded(run.snapshot()))


def branch(run: Any, a: dict[str, Any]) -> dict[str, Any]:
    """A branch of the run with its limits or other ones, and its panel below that of the run, where the front end can show
    it there.
    """
    limits = {kind: spent["limit"] for kind, spent in run.snapshot()["budget"].items()}
    budget = lmnb.Budget(**{**limits, **a["budget"]}) if a.get("budget") else None
    made = run.branch(at=a.get("at"), budget=budget, paused=bool(a.get("paused")))
    shown = False
    if frontend.answers() and frontend.mounts():
        widget = StudioWidget(made, mount=frontend.token(), on_end=lambda: freeze(made))
        shown = outputs.add(run, made, widget)
        if not shown:
            widget.close()
        elif made.state in ENDED:
            freeze(made)
    where = "is below" if shown else f"lies in {made.path}"
    return {"said": f"The branch {made.name} {where}; in Python it is run.branches[-1]."}
