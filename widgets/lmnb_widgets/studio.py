"""The Studio: a run, live in the cell. State and conversion are here; the browser draws and reports gestures; the run
decides.

Every gesture is one call of a method of the run. Messages from the browser only enqueue: two threads a panel do the
rest, one makes the calls in order, the other sends what changed. Both sleep until there is something to do, and neither
prints.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from lmnb_widgets import frontend, wire

ENDED = {"stopped", "cancelled", "finished", "failed"}
DELTAS = 0.1
SNAPSHOTS = 0.5

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
    "trace": lambda run, a: run.trace(a["candidate"], a["example"]).to_dict(),
}


class StudioWidget(anywidget.AnyWidget):
    """One panel of a run. `on_end` is called from a thread of the panel when the run has ended, and whenever it changes
    after that.
    """

    _esm = frontend.BUNDLE
    view = traitlets.Unicode("studio").tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    mount = traitlets.Unicode("").tag(sync=True)

    def __init__(self, run: Any, *, mount: str = "", on_end: Callable[[], None] = lambda: None) -> None:
        self._run, self._on_end = run, on_end
        self._known = run.snapshot()
        self._over = self._known["state"] in ENDED
        self._wake, self._closed = threading.Event(), threading.Event()
        self._sending = threading.Lock()
        self._commands: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
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
        elif kind == "bye":
            self._viewers.discard(str(message.get("view")))
        elif kind == "resend":
            with self._sending:
                self._known, self._late = self._run.snapshot(), True
                self.send(wire.fit(self._whole()))
        elif kind == "command":
            self._commands.put(message)
        elif kind == "get" and message.get("what") == "candidates":
            with self._sending:  # rows by the page must not be overtaken by a delta that has newer ones
                self._answer(message, "got", "candidates", {"candidates": self._page})
        elif kind == "get":
            self._answer(message, "got", message.get("what"), QUESTIONS)

    def _obey(self) -> None:
        # a decision waits for the run's next effect boundary, so it must not hold up the kernel
        while (message := self._commands.get()) is not None:
            self._answer(message, "done", message.get("action"), COMMANDS)

    def _answer(self, message: dict[str, Any], reply: str, name: Any, known: Calls) -> None:
        value, problem = None, None
        try:
            if name not in known:
                raise ValueError(f"no such request: {name!r}; there are {', '.join(known)}")
            value = known[name](self._run, message.get("args") or {})
            value = wire.fit(value) if reply == "got" or isinstance(value, dict) else None
        except Exception as error:  # noqa: BLE001 - the boundary to the browser: it is shown there, beside the button
            problem = f"{type(error).__name__}: {error}"
        answer = {"type": reply, "id": message.get("id"), "error": problem}
        self.send(answer | ({"ok": problem is None, "result": value} if reply == "done" else {"value": value}))

    def _page(self, run: Any, a: dict[str, Any]) -> dict[str, Any]:
        rows, offset = self._known["candidates"], int(a.get("offset", 0))
        return {"total": len(rows), "rows": rows[offset : offset + wire.ROWS]}


@dataclass(frozen=True)
class _View:
    """An output that shows a run: a live panel under a display id, or a static report that is a panel's place
    (`mount`).
    """

    handle: DisplayHandle
    widget: StudioWidget | None = None
    mount: str = ""


_views: weakref.WeakKeyDictionary[Any, list[_View]] = weakref.WeakKeyDictionary()
_freezing = threading.Lock()


def show(run: Any) -> None:
    """Show the run in this cell. While it runs the panel is the output, until the end replaces it by the static report.
    A run that has ended is shown as its static report, over which the panel lies while the kernel lives.
    """
    over = run.state in ENDED or not run.snapshot()["live"]
    if not frontend.answers():
        _remember(run, frontend.say(run, run._repr_html_()))
        if not over:
            threading.Thread(target=_freeze_at_end, args=(run,), name="lmnb-studio", daemon=True).start()
    elif over:
        name = frontend.token()
        widget = StudioWidget(run, mount=name, on_end=lambda: freeze(run))
        _remember(run, frontend.publish(run, run._repr_html_(), name), widget, name)
    else:
        widget = StudioWidget(run, on_end=lambda: freeze(run))
        _remember(run, display(widget, display_id=True), widget)


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


def freeze(run: Any) -> None:
    """Bring every output that shows the run to its static report, in place. A panel does so when its run ends;
    `run.wait()` does it again from the cell's own thread, since what is published after its cell ended is not saved
    where no front end listens.
    """
    with _freezing:
        views = _views.get(run, [])
        html = run._repr_html_() if views else ""
        for place, view in enumerate(views):
            view.handle.update(frontend.static(run, html, view.mount), raw=True)
            if view.widget is not None and not view.mount:
                view.widget.close()
                views[place] = replace(view, widget=None)
