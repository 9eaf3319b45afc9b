"""Where the core finds the notebook's face: entry points of the group `lmnb.views`, looked up when something is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

OPTIONAL = ("lmnb_widgets", "anywidget", "ipywidgets", "IPython", "traitlets", "plotly")


@cache
def find(name: str) -> Callable[..., Any] | None:
    """The view called `name` ("studio", "trace", "history", "plot_scores", ...), or None where none is installed."""
    for entry in entry_points(group="lmnb.views", name=name):
        try:
            return entry.load()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in OPTIONAL:
                return None
            raise
    return None
