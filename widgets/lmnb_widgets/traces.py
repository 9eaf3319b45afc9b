"""The trace viewer: one trace, or a list of calls. A saved notebook keeps the static form; while the kernel lives the
viewer lies over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

import lmnb
from lmnb_widgets import frontend, wire
from lmnb_widgets.held import Held
from lmnb_widgets.widget import Calls, Widget


class TracesWidget(Widget):
    """A viewer of `traces`. The trait `traces` has a head of each; a trace itself is sent when it is looked at. With a
    `history` that is live, calls that are made meanwhile are added.
    """

    questions: ClassVar[Calls] = {
        "trace": lambda one, a: _whole(one.held.at(a["index"])),
        "heads": lambda one, a: one.held.heads(a["after"]),
    }
    commands: ClassVar[Calls] = {
        "rerun": lambda one, a: {"trace": _whole(_again(one.held.at(a["index"]), a["span"], **a["changes"]))},
        "keep-as-demo": lambda one, a: one.keep(one.held.at(a["index"]), a["span"], a.get("fields") or {}),
        "undo": lambda one, a: one.unkeep(),
        "export": lambda one, a: _added(a["path"], one.held.at(a["index"]), a["span"], a.get("fields") or {}),
    }

    view = traitlets.Unicode("traces").tag(sync=True)
    traces = traitlets.List().tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)

    def __init__(self, traces: Sequence[Any], *, mount: str = "", history: Any = None) -> None:
        self.held = Held(traces, history)
        self._kept: list[tuple[Any, Any]] = []
        heads = wire.fit(self.held.heads()["heads"])
        super().__init__(self, traces=heads, live=history is not None, mount=mount)

    def __repr__(self) -> str:
        return f"Traces({len(self.held)})"

    def close(self) -> None:
        self.held.rest()
        super().close()

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

    def _looked_at(self) -> None:
        self.held.watch(self.send)

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        super()._receive(widget, message, buffers)
        if not self._viewers:
            self.held.rest()


def _whole(trace: Any) -> dict[str, Any]:
    """A trace, and whether its program is there, to be asked again and to keep demos."""
    return {**trace.to_dict(media=False), "live": any(item.module is not None for _, item in trace.spans())}


def _again(trace: Any, span: int, *, model: str = "", temperature: str = "", **changes: Any) -> Any:
    """The call made again. A model that a person typed is asked, a model that the trace names is not. Messages that were
    edited come by number and role, such as "1 system"; the others are sent as they were.
    """
    if edited := changes.get("messages"):
        texts = {int(name.partition(" ")[0]) - 1: text for name, text in edited.items()}
        messages = enumerate(trace.find(span).data["messages"])
        changes["messages"] = [{**message, "content": texts.get(n, message["content"])} for n, message in messages]
    if model:
        changes["lm"] = lmnb.LM(model.strip())
    if temperature:
        changes["temperature"] = float(temperature)
    return lmnb.rerun(trace, span, **changes)


def _added(path: str, trace: Any, span: int, fields: dict[str, Any]) -> dict[str, Any]:
    """The call as an example in a file; a field that was emptied is left out."""
    example = trace.to_example(span, **fields)
    gone = [name for name, value in example.items() if value == ""]
    return {"path": str(lmnb.append_jsonl(path, example.without(*gone)))}


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
