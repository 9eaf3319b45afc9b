"""What the widgets share: the bundle, and by whom a message counts as sent."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import anywidget
import traitlets

from lmnb_widgets import frontend


class Widget(anywidget.AnyWidget):
    """A model with a view of the bundle. `mount` names the place in static HTML over which it draws itself, if any.

    Whatever it sends, from whichever thread, counts as sent by the cell that made it. ipykernel routes what the browser
    says on a comm to where the comm's last message came from; from a thread or a handler that may be a subshell that is
    gone with the page before, and then the panel is deaf.
    """

    _esm = frontend.BUNDLE
    view = traitlets.Unicode().tag(sync=True)
    mount = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._cell = copy_context()
        super().__init__(**traits)

    def send(self, content: Any, buffers: Any = None) -> None:
        self._cell.copy().run(super().send, content, buffers)

    def send_state(self, key: Any = None) -> None:
        self._cell.copy().run(super().send_state, key)
