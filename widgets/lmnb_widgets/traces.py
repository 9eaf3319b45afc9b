"""The trace viewer: one trace, or a list of calls. A saved notebook keeps the static form; while the kernel lives the
viewer lies over it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, ClassVar

import traitlets

import lmnb
from lmnb_widgets import frontend, wire
from lmnb_widgets.widget import Calls, Widget

PREVIEW = 200
KEPT = 2_000
"""So many traces a viewer of new calls holds, and so many heads travel in a message."""
PAUSE = 0.1
LATE = 20  # heads that are sent again: whether a reply parsed is known a moment after it came


class TracesWidget(Widget):
    """A viewer of `traces`. The trait `traces` has a head of each; a trace itself is sent when it is looked at. With a
    `history` that is live, new calls are told while a view looks, in at most ten messages a second.
    """

    questions: ClassVar[Calls] = {
        "trace": lambda one, a: one.whole(one.at(a["index"])),
        "heads": lambda one, a: one.heads(a["after"]),
    }
    commands: ClassVar[Calls] = {
        "rerun": lambda one, a: {"trace": one.whole(one.rerun(**a))},
        "keep-as-demo": lambda one, a: one.keep(one.at(a["index"]), a["span"], a.get("fields") or {}),
        "undo": lambda one, a: one.unkeep(),
        "export": lambda one, a: {
            "path": str(lmnb.append_jsonl(a["path"], one.at(a["index"]).to_example(a["span"], **a.get("fields") or {})))
        },
    }

    view = traitlets.Unicode("traces").tag(sync=True)
    traces = traitlets.List().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)

    def __init__(self, traces: Sequence[Any], *, mount: str = "", history: Any = None) -> None:
        self._held = dict(enumerate(traces[-KEPT:] if history is not None else traces))
        self._next = len(self._held)
        self._told = self._next
        self._history, self._unsubscribe = history, lambda: None
        self._wake, self._counting = threading.Event(), threading.Lock()
        self._kept: list[tuple[Any, Any]] = []
        heads = wire.fit([_head(n, trace) for n, trace in self._held.items()])
        super().__init__(self, traces=heads, live=history is not None, mount=mount)

    def __repr__(self) -> str:
        return f"Traces({len(self._held)})"

    def close(self) -> None:
        self._unsubscribe()
        super().close()
        self._wake.set()

    # what the browser asks

    def at(self, index: int) -> Any:
        if index not in self._held:
            raise IndexError(f"call {index} is no longer held; the last {KEPT:,} are")
        return self._held[index]

    def whole(self, trace: Any) -> dict[str, Any]:
        """A trace, and whether its program is there to be asked again and to keep demos."""
        return {**trace.to_dict(media=False), "live": any(item.module is not None for _, item in trace.spans())}

    def heads(self, after: int) -> dict[str, Any]:
        """The heads of the calls after that one, and the number of the oldest that is held."""
        with self._counting:
            self._catch_up()
            held = [(n, trace) for n, trace in self._held.items() if n > after]
            return {"heads": [_head(n, trace) for n, trace in held], "first": next(iter(self._held), 0)}

    def rerun(self, index: int, span: int, model: str = "", **changes: Any) -> Any:
        """`lmnb.rerun` with what was typed; a model that was typed is asked."""
        if model:
            changes["lm"] = lmnb.LM(model)
        return lmnb.rerun(self.at(index), span, **changes)

    def keep(self, trace: Any, span: int, fields: dict[str, Any]) -> dict[str, Any]:
        """Add the call to the demos of the predictor that made it."""
        predictor = trace.find(span).module
        if not hasattr(predictor, "demos"):
            raise lmnb.InputError("the predictor that made this call is not there; add the call to a data set instead")
        demo = trace.to_example(span, **fields).with_origin("human")
        predictor.demos = [*predictor.demos, demo]
        self._kept.append((predictor, demo))
        return {"demos": len(predictor.demos)}

    def unkeep(self) -> dict[str, Any]:
        """Take the demo that was kept last away again."""
        if not self._kept:
            raise lmnb.InputError("no demo was kept here")
        predictor, kept = self._kept.pop()
        predictor.demos = [demo for demo in predictor.demos if demo is not kept]
        return {"demos": len(predictor.demos)}

    # new calls

    def _looked_at(self) -> None:
        if self._history is not None and len(self._viewers) == 1:
            self._unsubscribe()
            self._unsubscribe = self._history.subscribe(lambda entry: self._wake.set())
            threading.Thread(target=self._send_calls, args=(self._wake,), name="lmnb-history", daemon=True).start()
            self._wake.set()

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        super()._receive(widget, message, buffers)
        if self._history is not None and not self._viewers and not self._closed.is_set():  # nobody looks
            self._unsubscribe()
            self._wake.set()
            self._wake = threading.Event()

    def _send_calls(self, wake: threading.Event) -> None:
        again = False
        while True:
            wake.wait(1.0 if again else None)
            again = wake.is_set()
            wake.clear()
            if self._closed.is_set() or wake is not self._wake:
                return
            started = time.monotonic()
            self.send({"type": "calls", **wire.fit(self.heads(self._told - 1 - LATE))})
            self._told = self._next
            # to describe many calls takes a while: at most a fifth of the time goes into it
            self._closed.wait(max(PAUSE, 4 * (time.monotonic() - started)))

    def _catch_up(self) -> None:
        if self._history is None:
            return
        last = self._held[self._next - 1].root if self._held else None
        new = takewhile(lambda trace: trace.root is not last, reversed(lmnb.history().traces()))
        for trace in reversed(list(new)):
            self._held[self._next] = trace
            self._next += 1
        while len(self._held) > KEPT:
            del self._held[next(iter(self._held))]


def show(trace: Any) -> None:
    """Show one trace."""
    _show(trace, [trace])


def show_history(history: Any) -> None:
    """Show a list of calls, oldest first (`lmnb.history(n)`), or any list of traces; that of all calls goes on."""
    traces = history.traces() if hasattr(history, "traces") else list(history)
    _show(history, traces, history if getattr(history, "live", False) else None)


def _show(thing: Any, traces: Sequence[Any], history: Any = None) -> None:
    html = thing._repr_html_() if hasattr(thing, "_repr_html_") else "".join(trace._repr_html_() for trace in traces)
    if not (traces or history is not None) or not frontend.answers():
        frontend.say(thing, html)
        return
    mount = frontend.token()
    TracesWidget(traces, mount=mount, history=history)  # the kernel's registry of widgets holds it
    frontend.publish(thing, html, mount)


def _head(number: int, trace: Any) -> dict[str, Any]:
    """What a list says of a trace."""
    whole = trace.to_dict(media=False)
    top = whole["spans"][0]
    if top["kind"] == "lm":
        messages = top.get("messages") or [{"content": ""}]
        preview = top.get("response") or messages[-1]["content"]
    else:
        preview = " · ".join(top["inputs"].values())
    started = getattr(getattr(trace, "root", None), "started", None)
    return {
        "id": number,
        "name": whole["name"],
        "label": top["label"],
        "seconds": whole["seconds"],
        "tokens": whole["tokens"],
        "time": datetime.fromtimestamp(started).strftime("%H:%M:%S") if started else None,
        "status": top["status"],
        "preview": str(preview)[:PREVIEW],
    }
