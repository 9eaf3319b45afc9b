"""Outputs of marimo. It asks what to show for an object (`_display_`), knows no display ids, and draws a widget in a
shadow root of its own.

So an output has both: the static form, which is what a session file and an exported page keep, and beside it the
widget, which covers the static form while a kernel answers it (`src/cover.ts`). marimo is not imported: its cells have.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

_asked: ContextVar[list[Output] | None] = ContextVar("asked", default=None)


def in_marimo() -> bool:
    """Whether a cell of marimo is at work."""
    return "marimo" in sys.modules and sys.modules["marimo"].running_in_notebook()


def displayed(show: Callable[[Any], Any], thing: Any) -> Any:
    """What `show(thing)` shows, as an object for marimo to display."""
    outputs: list[Output] = []
    before = _asked.set(outputs)
    try:
        show(thing)
    finally:
        _asked.reset(before)
    return outputs[0]


def put(html: str, widget: Any = None) -> Output:
    """Show the static form and its widget: as the value that marimo asked for, else below what the cell shows so far."""
    output, asked = Output(html, widget), _asked.get()
    if asked is None:
        sys.modules["marimo"].output.append(output)
    else:
        asked.append(output)
    return output


class Output:
    """A static form, and the widget that covers it. `update` replaces both, as a display id would, where nothing else is
    in the output of the cell; the browser says whether that is so. Else the widget stays and shows the end.
    """

    def __init__(self, html: str, widget: Any = None) -> None:
        self._html, self._widget, self._marimo = html, widget, sys.modules["marimo"]
        self._element = "" if widget is None else self._marimo.ui.anywidget(widget).text
        self._alone = self._due = False
        self._starting = threading.Lock()
        self._thread: Any = self._marimo.Thread(target=self._replace, daemon=True)
        if widget is not None:
            widget.on_msg(self._receive)

    def _mime_(self) -> tuple[str, str]:
        return "text/html", f'<div class="lmnb-place"><div class="lmnb-static">{self._html}</div>{self._element}</div>'

    def update(self, report: dict[str, str], raw: bool = True) -> None:
        """Bring the output to the report; one that is the widget's place keeps the widget."""
        self._html, self._due = report["text/html"], True
        self._start()

    def _receive(self, widget: Any, message: Any, buffers: Any) -> None:
        if isinstance(message, dict) and message.get("type") == "alone":
            self._alone = True
            self._start()

    def _start(self) -> None:
        with self._starting:
            if not (self._alone and self._due and self._thread is not None):
                return
            thread, self._thread, self._due = self._thread, None, False
        thread.start()

    def _replace(self) -> None:
        if self._marimo.current_thread().should_exit:  # the cell shows something else by now
            return
        if self._widget.mount in self._html:
            self._thread = self._marimo.Thread(
                target=self._replace, daemon=True
            )  # it belongs to the cell, as this one does
        else:
            self._element = ""
        self._marimo.output.replace(self)
        if self._element:
            self._start()
        else:
            self._widget._handle_custom_msg({"type": "gone"}, [])
