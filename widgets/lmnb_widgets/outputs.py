"""The outputs that show a run, and how each becomes its static report when the run ends."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from IPython.display import DisplayHandle

from lmnb_widgets import frontend
from lmnb_widgets.widget import Widget

ENDED = {"stopped", "cancelled", "finished", "failed"}


@dataclass(frozen=True)
class _View:
    """An output that shows a run: a static report or a panel, under a display id. `mount` is the panel's place that the
    report stays at the end.
    """

    handle: DisplayHandle
    widget: Any = None
    mount: str = ""


_views: weakref.WeakKeyDictionary[Any, list[_View]] = weakref.WeakKeyDictionary()
_freezing = threading.Lock()


def report(run: Any) -> str:
    """The static form. That of a run in progress says of which moment it is, as it may be what a file keeps."""
    html, snapshot = run._repr_html_(), run.snapshot()
    if snapshot["state"] in ENDED or not snapshot["live"]:
        return html
    moment = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"<p>The run was in progress when this report was made, at {moment}.</p>{html}"


def remember(run: Any, handle: DisplayHandle | None, widget: Widget | None = None, mount: str = "") -> None:
    """From now on the output counts as one of the run's."""
    if handle is not None:
        _views.setdefault(run, []).append(_View(handle, widget, mount))


def forget(run: Any, widget: Widget) -> None:
    """A closed panel holds its run; its output needs no more than the report."""
    with _freezing:
        views = _views.get(run, [])
        views[:] = [replace(view, widget=None) if view.widget is widget else view for view in views]


def freeze_at_end(run: Any) -> None:
    """Freeze the run's outputs when it ends, where no panel does so."""
    threading.Thread(target=_wait_and_freeze, args=(run,), name="lmnb-studio", daemon=True).start()


def _wait_and_freeze(run: Any) -> None:
    changed = threading.Event()
    unsubscribe = run.subscribe(changed.set)
    while run.state not in ENDED:
        changed.wait()
        changed.clear()
    unsubscribe()
    freeze(run)


def freeze(run: Any) -> None:
    """Bring every output that shows the run to its static report, in place. A panel does so when its run ends;
    `run.wait()` does it again from the cell's own thread, since what is published after its cell ended is not saved
    where no front end listens.
    """
    with _freezing:
        views = _views.get(run, [])
        html = report(run) if views else ""
        for place, view in enumerate(views):
            static = frontend.static(run, html, view.mount)
            view.handle.update(static, raw=True)
            if view.widget is None:
                continue
            if view.widget.mount:
                view.widget.report = static
            else:
                view.widget.close()
                views[place] = replace(view, widget=None)
