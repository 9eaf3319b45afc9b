"""The report of an evaluation, or a comparison of two: rows by the page, sorted and filtered by the report itself.

A saved notebook keeps the static form; while the kernel lives the panel lies over it.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from lmnb import Comparison, InputError, Report
from lmnb_widgets import frontend, wire
from lmnb_widgets.widget import Calls, Widget

MOST = 200
"""So many rows travel in one message."""

OFFERED = 20
_shown: list[weakref.ref[Report]] = []  # what was shown in this kernel, the latest last: others can be compared with it


class Reading:
    """A report with the others that it can be compared with, by number."""

    def __init__(self, report: Report, against: Report | None = None) -> None:
        self.report = report
        self.others: dict[int, Report] = {} if against is None else {id(against): against}
        self.against = None if against is None else id(against)
        self._rows = {row.index: row for row in report.rows}

    def head(self) -> dict[str, Any]:
        """The report without its rows, and what it can be compared with."""
        for one in (ref() for ref in _shown):
            if one is not None and one is not self.report and id(one) not in self.others and _alike(self.report, one):
                self.others[id(one)] = one
        others = [{"id": key, "name": _name(other)} for key, other in list(self.others.items())[-OFFERED:]]
        return {**self.report.snapshot(), "others": others, "against": self.against}

    def page(self, a: Mapping[str, Any]) -> dict[str, Any]:
        """A page of rows, and the comparison that it is part of."""
        other = self._other(a)
        asked = {
            name: a[name] for name in ("sort", "descending", "only", "search", "offset") if a.get(name) is not None
        }
        page = self.report.page(**asked, against=other, limit=min(MOST, int(a.get("limit", MOST))))
        return page | {"comparison": None if other is None else repr(self.report.compare(other))}

    def trace(self, a: Mapping[str, Any]) -> dict[str, Any]:
        """The trace of a row: what was called for it."""
        row = self._rows.get(a["index"])
        if row is None or row.trace is None:
            raise InputError(f"row {a['index']!r} has no trace")
        return row.trace.to_dict(media=False)

    def _other(self, a: Mapping[str, Any]) -> Report | None:
        return None if a.get("against") is None else self.others[a["against"]]


class ReportWidget(Widget):
    """A panel of a report. The trait has what the head says; rows and traces are sent when they are looked at."""

    questions: ClassVar[Calls] = {
        "head": lambda reading, a: reading.head(),
        "rows": lambda reading, a: reading.page(a),
        "trace": lambda reading, a: reading.trace(a),
    }

    view = traitlets.Unicode("report").tag(sync=True)
    head = traitlets.Dict().tag(sync=True)

    def __init__(self, report: Report, against: Report | None = None, *, mount: str = "") -> None:
        self._report = report
        reading = Reading(report, against)
        super().__init__(reading, head=wire.fit(reading.head()), mount=mount)

    def __repr__(self) -> str:
        return f"ReportPanel({self._report!r})"


def show(thing: Report | Comparison) -> None:
    """Show a report, or the later one of a comparison beside the other."""
    reports = thing.reports if isinstance(thing, Comparison) else (thing, None)
    html = thing._repr_html_()
    if reports is None or not reports[0].rows or not frontend.answers():
        frontend.say(thing, html)
        return
    _shown[:] = [ref for ref in _shown if ref() not in (None, *reports)]
    _shown.extend(weakref.ref(one) for one in reversed(reports) if one is not None)
    mount = frontend.token()
    ReportWidget(*reports, mount=mount)  # the kernel's registry of widgets holds it
    frontend.publish(thing, html, mount)


def _alike(report: Report, other: Report) -> bool:
    """Whether the two were made from the same examples."""
    try:
        report.compare(other)
    except InputError:
        return False
    return True


def _name(report: Report) -> str:
    return f"{report.program or 'Evaluate'} · {report.score:.1f} %"
