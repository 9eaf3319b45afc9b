"""The trace viewer: one trace, or a list of calls. A saved notebook keeps the static form; while the kernel lives the
viewer lies over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import traitlets

from lmnb_widgets import frontend, wire
from lmnb_widgets.widget import Calls, Widget

PREVIEW = 200


class TracesWidget(Widget):
    """A viewer of `traces`. The trait `traces` has a head of each; a trace itself is sent when it is looked at."""

    questions: ClassVar[Calls] = {"trace": lambda traces, a: traces[a["index"]].to_dict(media=False)}

    view = traitlets.Unicode("traces").tag(sync=True)
    traces = traitlets.List().tag(sync=True)

    def __init__(self, traces: Sequence[Any], *, mount: str = "") -> None:
        self._all = list(traces)
        super().__init__(self._all, traces=wire.fit([_head(trace) for trace in self._all]), mount=mount)

    def __repr__(self) -> str:
        return f"Traces({len(self._all)})"


def show(trace: Any) -> None:
    """Show one trace."""
    _show(trace, [trace])


def show_history(history: Any) -> None:
    """Show a list of calls, oldest first (`lmnb.history(n)`), or any list of traces."""
    _show(history, history.traces() if hasattr(history, "traces") else list(history))


def _show(thing: Any, traces: Sequence[Any]) -> None:
    html = thing._repr_html_() if hasattr(thing, "_repr_html_") else "".join(trace._repr_html_() for trace in traces)
    if not traces or not frontend.answers():
        frontend.say(thing, html)
        return
    mount = frontend.token()
    TracesWidget(traces, mount=mount)  # the kernel's registry of widgets holds it
    frontend.publish(thing, html, mount)


def _head(trace: Any) -> dict[str, Any]:
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
        "name": whole["name"],
        "label": top["label"],
        "seconds": whole["seconds"],
        "tokens": whole["tokens"],
        "time": datetime.fromtimestamp(started).strftime("%H:%M:%S") if started else None,
        "status": top["status"],
        "preview": str(preview)[:PREVIEW],
    }
