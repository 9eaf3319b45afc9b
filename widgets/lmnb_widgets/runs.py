"""The stored runs: a table to sort and filter, two of them side by side, any of them opened in its Studio.

A saved notebook keeps the static form; while the kernel lives the panel lies over it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from lmnb_widgets import frontend, wire
from lmnb_widgets.studio import StudioWidget
from lmnb_widgets.widget import Calls, Widget


class RunsWidget(Widget):
    """A panel of `lmnb.runs()`. Opening a run makes its Studio, which the panel draws inside of itself."""

    # both read a whole journal, so neither is a question: those are answered in the kernel's own thread
    commands: ClassVar[Calls] = {
        "compare": lambda runs, a: runs.compare(a["one"], a["other"]).to_dict(),
        "open": lambda runs, a: {"model": StudioWidget(runs.open(a["run"])).model_id},
    }

    view = traitlets.Unicode("runs").tag(sync=True)
    rows = traitlets.List().tag(sync=True)

    def __init__(self, runs: Any, *, mount: str = "") -> None:
        self._runs = runs
        super().__init__(runs, rows=wire.fit([{**row, "created": str(row["created"])} for row in runs]), mount=mount)

    def __repr__(self) -> str:
        return f"RunsPanel({len(self._runs)})"


def show(runs: Any) -> None:
    """Show the table."""
    html = runs._repr_html_()
    if not runs or not frontend.answers():
        frontend.say(runs, html)
        return
    mount = frontend.token()
    RunsWidget(runs, mount=mount)  # the kernel's registry of widgets holds it
    frontend.publish(runs, html, mount)
