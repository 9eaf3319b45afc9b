"""The static form below a panel follows what it is about: a notebook's file holds it as it is when the notebook is saved, not as it was
first shown. Runs have ends instead (`outputs.py`).
"""

from __future__ import annotations

import threading
from typing import Any

from lmnb_widgets import frontend
from lmnb_widgets.marimo_output import in_marimo
from lmnb_widgets.widget import Widget

PAUSE = 1.0
"""Seconds that changes are collected for: the output is published once for all of them."""


class Following:
    """Called after each change of `thing`, it brings `handle`, the output that is the place of `widget`, to the static form of then.

    What a browser that loaded its page again does not take from the kernel by display id, it finds in the widget's trait `report`.
    marimo draws a widget anew with its output, so there only what is said at once counts.
    """

    def __init__(self, widget: Widget, thing: Any, handle: Any) -> None:
        self._widget, self._thing, self._handle = widget, thing, handle
        self._waiting: threading.Timer | None = None
        self._lock = threading.Lock()
        self._changes = 0
        self._published = 0  # what was drawn meanwhile of an earlier moment is late

    def __call__(self, *, at_once: bool = False) -> None:
        """The thing has changed."""
        if self._handle is None:
            return
        with self._lock:
            self._changes += 1
        if at_once:
            self._publish()
            return
        with self._lock:
            if self._waiting is None and not in_marimo():
                self._waiting = threading.Timer(PAUSE, self._widget.inside, (self._publish,))
                self._waiting.daemon = True
                self._waiting.start()

    def _publish(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
            moment = self._changes
        if waiting is not None:
            waiting.cancel()
        if self._widget.closed:
            return
        bundle = frontend.static(self._thing, self._thing._repr_html_(), self._widget.mount)
        with self._lock:
            if moment < self._published:
                return
            self._published = moment
            self._handle.update(bundle, raw=True)
            self._widget.report = bundle
