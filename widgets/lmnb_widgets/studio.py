"""The Studio: a run, live in the cell. State and conversion are here; the browser draws and reports gestures; the run
decides.

Every gesture is one call of a method of the run. Messages from the browser only enqueue: two threads a panel do the
rest, one makes the calls in order, the other sends what changed. Both sleep until there is something to do, and neither
prints. The browser repeats a request that is not answered: a command is carried out once, its answer may be sent again.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from queue import SimpleQueue
from typing import Any

import traitlets
from IPython.display import DisplayHandle, display

from lmnb_widgets import frontend, wire
from lmnb_widgets.widget import Widget

ENDED = {"stopped", "cancelled", "finished", "failed"}
DELTAS = 0.1
SNAPSHOTS = 0.5
REMEMBERED = 1_000
"""So many commands are known by their id, lest one is carried out twice."""

Calls = Mapping[str, Callable[[Any, dict[str, Any]], Any]]

COMMANDS: Calls = {
    "pause": lambda run, a: run.pause(),
    "resume": lambda run, a: run.resume(),
    "step": lambda run, a: run.step(),
    "stop": lambda run, a: run.stop(),
    "cancel": lambda run, a: run.cancel(),
    "accept": lambda run, a: run.accept(a["candidate"]),
    "reject": lambda run, a: run.reject(a["candidate"], reason=a.get("reason")),
    "edit": lambda run, a: run.edit(a["candidate"], a["slot"], a["text"]),
    "keep-demo": lambda run, a: run.keep_demo(a["demo"]),
    "reject-demo": lambda run, a: run.reject_demo(a["demo"], reason=a.get("reason")),
    "edit-demo": lambda run, a: run.edit_demo(a["demo"], a["fields"], candidate=a.get("candidate")),
    "inject": lambda run, a: run.inject(instructions=a.get("instructions"), demo=a.get("demo")),
    "undo": lambda run, a: run.undo(a.get("decision")),
    "redo": lambda run, a: run.redo(),
    "export": lambda run, a: {"path": str(run.export(a["path"], format=a.get("format", "json")))},
}

QUESTIONS: Calls = {
    "detail": lambda run, a: run.detail(a["candidate"], against=a.get("against")),
    "examples": lambda run, a: run.examples(
        a["candidate"],
        against=a.get("against"),
        offset=a.get("offset", 0),
        limit=a.get("limit", 200),
        only=a.get("only"),
    ),
    "trace": lambda run, a: run.trace(a["candidate"], a["example"]).to_dict(media=False),
}


class StudioWidget(Widget):
    """One panel of a run. `on_end` is called from a thread of the panel when the run has ended, and whenever it changes
    after that. `report` is the static form that was published last for the panel's place, whole as in the output: a
    front end that forgot the output's display id still gets it, and the panel stays open until its place is known to be gone.
    """

    view = traitlets.Unicode("studio").tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    report = traitlets.Dict().tag(sync=True)

    def __init__(self, run: Any, *, mount: str = "", on_end: Callable[[], None] = lambda: None) -> None:
        self._run, self._on_end = run, on_end
        self._known = run.snapshot()
        self._over = self._known["state"] in ENDED
        self._wake, self._closed = threading.Event(), threading.Event()
        self._sending = threading.Lock()
        self._commands: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._answers: dict[Any, dict[str, Any] | None] = {}  # by the id of the command; None while it is carried out
        self._viewers: set[str] = set()
        self._late = False  # the trait is behind what the deltas said
        self._trait_at = time.monotonic()
        super().__init__(snapshot=wire.fit(wire.head(self._known)), mount=mount)
        self.on_msg(self._receive)
        self._unsubscribe = run.subscribe(self._wake.set)
        self._wake.set()
        for job in (self._send_changes, self._obey):
            threading.Thread(target=job, name="lmnb-studio", daemon=True).start()

    def __repr__(self) -> str:
        return f"Studio({self._run!r})"

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._wake.set()
            self._commands.put(None)
            self._unsubscribe()
            super().close()

    # to the browser

    def _send_changes(self) -> None:
        while True:
            watched = self._late and self._viewers
            self._wake.wait(max(0.0, self._trait_at + SNAPSHOTS - time.monotonic()) if watched else None)
            if self._closed.is_set():
                return
            self._wake.clear()
            started = time.monotonic()
            with self._sending:
                changed = self._send_delta()
                over = self._known["state"] in ENDED
                ending, self._over = over and (changed or not self._over), over
                if ending or (self._late and self._viewers and time.monotonic() - self._trait_at >= SNAPSHOTS):
                    self._send_trait()
            if ending:
                self._on_end()
            # a snapshot of a long run takes long to make: at most a fifth of the time goes into it
            self._closed.wait(max(DELTAS, 4 * (time.monotonic() - started)))

    def _send_delta(self) -> bool:
        new = self._run.snapshot()
        if new["seq"] == self._known["seq"]:
            return False
        message = wire.delta(self._known, new)
        self._known, self._late = new, True
        if self._viewers:
            self.send(wire.fit(message or self._whole()))
        return True

    def _send_trait(self) -> None:
        self._trait_at, self._late = time.monotonic(), False
        self.snapshot = wire.fit(wire.head(self._known))

    def _whole(self) -> dict[str, Any]:
        return {"type": "snapshot", "snapshot": wire.head(self._known)}

    # from the browser

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == "hello":
            self._viewers.add(str(message.get("view")))
            self._wake.set()
            self.send({"type": "got", "id": message.get("id"), "error": None, "value": None})
        elif kind == "bye":
            self._viewers.discard(str(message.get("view")))
        elif kind == "gone":
            self.close()
            _forget(self._run, self)
        elif kind == "resend":
            with self._sending:
                self._known, self._late = self._run.snapshot(), True
                self.send(wire.fit(self._whole()) | {"id": message.get("id")})
        elif kind == "command":
            self._enqueue(message)
        elif kind == "get" and message.get("what") == "candidates":
            with self._sending:  # rows by the page must not be overtaken by a delta that has newer ones
                self.send(self._answer(message, "got", "candidates", {"candidates": self._page}))
        elif kind == "get":
            self.send(self._answer(message, "got", message.get("what"), QUESTIONS))

    def _enqueue(self, command: dict[str, Any]) -> None:
        ident = command.get("id")
        if ident is not None and ident in self._answers:
            self.send(self._answers[ident] or {"type": "working", "id": ident})
            return
        self._answers[ident] = None
        if len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._commands.put(command)

    def _obey(self) -> None:
        # a decision waits for the run's next effect boundary, so it must not hold up the kernel
        while (message := self._commands.get()) is not None:
            answer = self._answer(message, "done", message.get("action"), COMMANDS)
            self._answers[message.get("id")] = answer  # before it is sent: it may be asked for again at once
            self.send(answer)

    def _answer(self, message: dict[str, Any], reply: str, name: Any, known: Calls) -> dict[str, Any]:
        value, problem = None, None
        try:
            if name not in known:
                raise ValueError(f"no such request: {name!r}; there are {', '.join(known)}")
            value = known[name](self._run, message.get("args") or {})
            value = wire.fit(value) if reply == "got" or isinstance(value, dict) else None
        except Exception as error:  # noqa: BLE001 - the boundary to the browser: it is shown there, beside the button
            problem = wire.fit(f"{type(error).__name__}: {error}")
        answer = {"type": reply, "id": message.get("id"), "error": problem}
        return answer | ({"ok": problem is None, "result": value} if reply == "done" else {"value": value})

    def _page(self, run: Any, a: dict[str, Any]) -> dict[str, Any]:
        rows, offset = self._known["candidates"], int(a.get("offset", 0))
        return {"total": len(rows), "rows": rows[offset : offset + wire.ROWS]}


@dataclass(frozen=True)
class _View:
    """An output that shows a run: a static report or a panel, under a display id. `mount` is the panel's place that the
    report stays at the end.
    """

    handle: DisplayHandle
    widget: StudioWidget | None = None
    mount: str = ""


_views: weakref.WeakKeyDictionary[Any, list[_View]] = weakref.WeakKeyDictionary()
_freezing = threading.Lock()


def show(run: Any) -> None:
    """Show the run in this cell: its static report as it stands, over which the panel lies while the kernel lives. What
    shows a run from before its end is the report alone at the end. Where panels come only as outputs of their own, that
    is what a run in progress gets, until the report replaces it.
    """
    over = run.state in ENDED or not run.snapshot()["live"]
    if not frontend.answers():
        _remember(run, frontend.say(run, _report(run)))
        if not over:
            threading.Thread(target=_freeze_at_end, args=(run,), name="lmnb-studio", daemon=True).start()
        return
    place = frontend.token() if over or frontend.mounts() else ""
    widget = StudioWidget(run, mount=place, on_end=lambda: freeze(run))
    handle = frontend.publish(run, _report(run), place) if place else display(widget, display_id=True)
    _remember(run, handle, widget, place if over else "")
    if not over and run.state in ENDED:  # meanwhile, when nobody could know of this output
        freeze(run)


def _report(run: Any) -> str:
    """The static form. That of a run in progress says of which moment it is, as it may be what a file keeps."""
    html, snapshot = run._repr_html_(), run.snapshot()
    if snapshot["state"] in ENDED or not snapshot["live"]:
        return html
    moment = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"<p>The run was in progress when this report was made, at {moment}.</p>{html}"


def _remember(run: Any, handle: DisplayHandle | None, widget: StudioWidget | None = None, mount: str = "") -> None:
    if handle is not None:
        _views.setdefault(run, []).append(_View(handle, widget, mount))


def _freeze_at_end(run: Any) -> None:
    changed = threading.Event()
    unsubscribe = run.subscribe(changed.set)
    while run.state not in ENDED:
        changed.wait()
        changed.clear()
    unsubscribe()
    freeze(run)


def _forget(run: Any, widget: StudioWidget) -> None:
    """A closed panel holds its run; its output needs no more than the report."""
    with _freezing:
        views = _views.get(run, [])
        views[:] = [replace(view, widget=None) if view.widget is widget else view for view in views]


def freeze(run: Any) -> None:
    """Bring every output that shows the run to its static report, in place. A panel does so when its run ends;
    `run.wait()` does it again from the cell's own thread, since what is published after its cell ended is not saved
    where no front end listens.
    """
    with _freezing:
        views = _views.get(run, [])
        html = _report(run) if views else ""
        for place, view in enumerate(views):
            report = frontend.static(run, html, view.mount)
            view.handle.update(report, raw=True)
            if view.widget is None:
                continue
            if view.widget.mount:
                view.widget.report = report
            else:
                view.widget.close()
                views[place] = replace(view, widget=None)
