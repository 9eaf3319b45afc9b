"""How far work is: a bar on a terminal, a line that renews itself in a cell, nothing when not asked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Show = Callable[[int, float | None, int], None]


@contextmanager
def progress(total: int, what: str, shown: bool) -> Iterator[Show]:
    """A function of (examples done, mean score so far, failures so far)."""
    if not shown:
        yield lambda done, mean, failed: None
    elif (display := _notebook_display()) is not None:
        yield _cell_line(display, total, what)
    else:
        with _bar() as bar:
            task = bar.add_task(what, total=total, so_far="")
            yield lambda done, mean, failed: bar.update(task, completed=done, so_far=_so_far(mean, failed))


def watched() -> bool:
    """Whether someone sees it: a notebook or a terminal, and no work inside other work."""
    if threading.current_thread() is not threading.main_thread():
        return False
    return _notebook_display() is not None or sys.stderr.isatty()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[so_far]}"),
        TimeRemainingColumn(),
        console=console,
    )


def _so_far(mean: float | None, failed: int) -> str:
    parts = [] if mean is None else [f"{100 * mean:.1f} %"]
    return " · ".join(parts + ([f"{failed} failed"] if failed else []))


def _notebook_display() -> Callable[..., Any] | None:
    if "ipykernel" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    return display if shell is not None and hasattr(shell, "kernel") else None


def _cell_line(display: Callable[..., Any], total: int, what: str) -> Show:
    handle, last = None, ""

    def show(done: int, mean: float | None, failed: int) -> None:
        nonlocal handle, last
        filled = 24 * done // total
        parts = [f"{what} {'█' * filled}{'░' * (24 - filled)} {done}/{total}", _so_far(mean, failed)]
        line = "  ".join(part for part in parts if part)
        if line == last:
            return
        last, data = line, {"text/plain": line}
        if handle is None:
            handle = display(data, raw=True, display_id=True)
        else:
            handle.update(data, raw=True)

    return show
