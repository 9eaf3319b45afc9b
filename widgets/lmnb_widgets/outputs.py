"""The outputs that show runs, and how each run becomes its static report there when it ends: alone, or below its panel where
that can resume it.

An output shows one run, and below it those that were branched off in its panel.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from IPython.display import DisplayHandle

from lmnb_widgets import frontend
from lmnb_widgets.frame import ENDED, goes_on
from lmnb_widgets.widget import Widget


@dataclass(eq=False)
class _Part:
    """What an output shows of one run: its static form, with the place of its panel where it has one. `stays` is the
    place that the report keeps at the end.
    """

    run: weakref.ref[Any]
    html: str
    words: str
    widget: Any
    mount: str
    stays: str


@dataclass(eq=False)
class _Output:
    """An output, known by its display id."""

    handle: DisplayHandle
    parts: list[_Part]

    def publish(self) -> None:
        bundle = {
            "text/html": "".join(frontend.placed(part.html, part.mount) for part in self.parts),
            "text/plain": "\n".join(part.words for part in self.parts),
        }
        self.handle.update(bundle, raw=True)
        for part in self.parts:
            if part.widget is not None and part.widget.mount:
                part.widget.report = bundle


_outputs: weakref.WeakKeyDictionary[Any, list[_Output]] = weakref.WeakKeyDictionary()
_freezing = threading.RLock()  # a panel that it closes is forgotten


def report(run: Any) -> str:
    """The static form. That of a run in progress says of which moment it is, as it may be what a file keeps."""
    html, snapshot = run._repr_html_(), run.snapshot()
    if snapshot["state"] in ENDED or not snapshot["live"]:
        return html
    moment = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    return f"<p>The run was in progress when this report was made, at {moment}.</p>{html}"


def remember(run: Any, handle: DisplayHandle | None, widget: Widget | None = None, mount: str = "") -> None:
    """From now on the output counts as one of the run's. `mount` is the place of its panel that stays at the end."""
    if handle is not None:
        _outputs.setdefault(run, []).append(_Output(handle, [_part(run, widget, mount)]))


def add(run: Any, branch: Any, widget: Widget) -> bool:
    """Show another run below `run`, in the output where that was shown last; False where there is none that can."""
    with _freezing:
        for output in reversed(_outputs.get(run, [])):
            if any(part.widget is not None and part.widget.mount for part in output.parts):
                output.parts.append(_part(branch, widget, ""))
                _outputs.setdefault(branch, []).append(output)
                output.publish()
                return True
    return False


def _part(run: Any, widget: Widget | None, stays: str) -> _Part:
    return _Part(weakref.ref(run), report(run), repr(run), widget, getattr(widget, "mount", ""), stays)


def forget(run: Any, widget: Widget) -> None:
    """A closed panel holds its run; its output needs no more than the report."""
    with _freezing:
        for part in _parts(run):
            if part.widget is widget:
                part.widget = None


def _parts(run: Any) -> list[_Part]:
    return [part for output in _outputs.get(run, []) for part in output.parts if part.run() is run]


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
    """Bring every output that shows the run to its static report, in place; where the run can be resumed the place stays one,
    and the panel goes on over the report. A panel does so when its run ends, and when that goes on;
    `run.wait()` does it again from the cell's own thread, since what is published after its cell ended is not saved
    where no front end listens.
    """
    with _freezing:
        parts, html = _parts(run), report(run) if _parts(run) else ""
        over = run.state == "finished" or (run.state in ENDED and not goes_on(run.snapshot()))
        for part in parts:
            part.html, part.words = html, repr(run)
            part.mount = part.stays if over else part.mount
        for output in _outputs.get(run, []):
            output.publish()
        for part in parts:
            if run.state in ENDED and part.widget is not None and not part.widget.mount:
                part.widget.close()
                part.widget = None
