"""Which cell a panel was shown by: when the cell runs again its output goes, and the panel with it."""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

from IPython.core.getipython import get_ipython

Kept = TypeVar("Kept")
_shown: dict[str, list[weakref.ref[Any]]] = {}


def of_cell(widget: Kept) -> Kept:
    """The widget itself, which is closed when the cell that runs now runs again. Where cells have no names it stays open."""
    shell = get_ipython()
    parent = getattr(getattr(shell, "kernel", None), "get_parent", dict)() or {}
    cell = parent.get("metadata", {}).get("cellId")
    if shell is not None and cell:
        if _close not in shell.events.callbacks["pre_run_cell"]:
            shell.events.register("pre_run_cell", _close)
        _shown.setdefault(cell, []).append(weakref.ref(widget))
    return widget


def _close(info: Any) -> None:
    for ref in _shown.pop(getattr(info, "cell_id", None) or "", []):
        widget = ref()
        if widget is not None:
            widget.close()
