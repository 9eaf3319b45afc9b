"""The trace viewer: one trace, or a list of calls. A saved notebook keeps the static form; while the kernel lives the
viewer lies over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from lmnb_widgets import frontend, wire
from lmnb_widgets.call_acts import CallActs
from lmnb_widgets.cells import of_cell
from lmnb_widgets.held import Held
from lmnb_widgets.span_acts import FILE
from lmnb_widgets.span_pane import looked_at
from lmnb_widgets.widget import Calls, Widget


class TracesWidget(Widget):
    """A viewer of `traces`. The trait `traces` has a head of each; a trace itself is sent when it is looked at. With a
    `history` that is live, calls that are made meanwhile are added.
    """

    questions: ClassVar[Calls] = {
        **looked_at(lambda one, a: one.held.at(a["index"])),
        "span": lambda one, a: one.acts.span(a["index"], a["span"]),
        "heads": lambda one, a: one.held.heads(a["after"]),
    }
    commands: ClassVar[Calls] = {
        "rerun": lambda one, a: one.acts.rerun(a["index"], a["span"], a),
        "keep-as-demo": lambda one, a: one.acts.keep(a["index"], a["span"], a.get("fields") or {}),
        "undo": lambda one, a: one.acts.unkeep(a.get("index"), a.get("span")),
        "export": lambda one, a: one.acts.add(a["index"], a["span"], a.get("fields") or {}, a.get(FILE)),
    }

    view = traitlets.Unicode("traces").tag(sync=True)
    traces = traitlets.List().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)

    def __init__(self, traces: Sequence[Any], *, mount: str = "", history: Any = None) -> None:
        self.held = Held(traces, history)
        self.acts = CallActs(self.held)
        heads = wire.fit(self.held.heads()["heads"])
        super().__init__(self, traces=heads, live=history is not None, mount=mount)

    def __repr__(self) -> str:
        return f"Traces({len(self.held)})"

    def close(self) -> None:
        self.held.rest()
        super().close()

    def _looked_at(self) -> None:
        self.held.watch(self.send)

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        super()._receive(widget, message, buffers)
        if not self._viewers:
            self.held.rest()


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
    of_cell(TracesWidget(traces, mount=mount, history=history))  # the kernel's registry of widgets holds it
    frontend.publish(thing, html, mount)
