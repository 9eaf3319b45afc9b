"""The report of an evaluation, or a comparison of two: rows by the page, sorted and filtered by the report itself.

A saved notebook keeps the static form; while the kernel lives the panel lies over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from lmnb import Comparison, Report
from lmnb_widgets import frontend, listing, wire
from lmnb_widgets.parts import Part, el, pairs, plural
from lmnb_widgets.span_pane import looked_at
from lmnb_widgets.widget import Calls, Widget

OFFERED = 20
KINDS = [
    ("failed", "Failed", True),
    ("wrong", "Wrong", True),
    ("right", "Right", True),
    ("checked", "Failed checks", False),
    ("suspect", "Suspect labels", False),
    ("fixed", "▲ Fixed", False),
    ("broken", "▼ Broken", False),
    ("unchanged", "Unchanged", False),
]
HELP = [
    ("↑ ↓", "previous, next row, once one has the focus"),
    ("Enter", "open the row: its fields, and what was called for it"),
    ("0 … 8", "all, failed, wrong, right, ... rows: the order in which they stand above"),
    ("Esc", "close the row"),
]
_SIGNS = {"fixed": ("▲ fixed", "up"), "broken": ("▼ broken", "down")}
_LOOKS = {"fixed": "kept", "broken": "rejected"}

Json = dict[str, Any]


class Reading:
    """A report, and the others that it can be compared with, by number."""

    def __init__(self, report: Report, against: Report | None = None) -> None:
        self.report = report
        self.others = {} if against is None else {id(against): against}
        self.against = None if against is None else id(against)
        self.others |= {id(one): one for one in report.comparable(OFFERED) if one.rows}

    def head(self) -> Json:
        known = self.report.snapshot()
        lie = known["distribution"]
        many = plural(known["rows"], "example")
        if known["interrupted"]:
            many = f"{known['rows']:,} of {plural(known['total'], 'example')}, interrupted"
        metric = f"metric {known['metric']}" if known["metric"] else ""
        facts = [
            f"95 % interval {known['low']:.1f} … {known['high']:.1f}",
            many,
            metric,
        ]
        facts += [f"{known['seconds']:.1f} s" if known["seconds"] else ""]
        return listing.head(
            known["program"] or "Evaluate",
            el("b.score.num", f"{known['score']:.1f} %"),
            el(".muted.num", " · ".join(filter(None, facts))),
            None if lie["plain"] else _bars(lie),
            state="stopped" if known["interrupted"] else "finished",
            kind="example",
            kinds=KINDS,
            sort="worst",
            others=[(key, f"{one.program or 'Evaluate'} · {one.score:.1f} %") for key, one in self.others.items()],
            against=self.against,
            help=HELP,
        )

    def rows(self, a: Mapping[str, Any]) -> Json:
        other = self._other(a)
        asked = {"only": a.get("only") or None, "search": a.get("search", ""), **listing.order(a.get("sort", "worst"))}
        page = self.report.page(**asked, against=other, offset=int(a.get("offset", 0)), limit=listing.MOST)
        return {
            "total": page["total"],
            "counts": {"": len(self.report), **page["counts"]},
            "note": "" if other is None else self.report.compare(other).words(),
            "columns": _columns(other is not None),
            "rows": [
                listing.line(row["index"], _cells(row, other is not None), listing.told(_facts(row)))
                for row in page["rows"]
            ],
        }

    def row(self, a: Mapping[str, Any]) -> Json:
        """One row whole: its fields, and the trace of what was called for it."""
        index, other = a["row"], self._other(a)
        known = self.report.row(index, against=other)
        change = known["change"]
        tag = None if change is None else el(f".tag.{_LOOKS.get(change, '')}", change)
        return listing.opened(f"Row {index}", pairs(_facts(known), "m"), tag=tag, trace=self.trace(index) is not None)

    def trace(self, index: int) -> Any:
        """What was called for a row."""
        return next(row.trace for row in self.report.rows if row.index == index)

    def _other(self, a: Mapping[str, Any]) -> Report | None:
        return None if a.get("against") is None else self.others[a["against"]]


class ReportWidget(Widget):
    """A panel of a report. The trait has what the head says; rows and traces are sent when they are looked at."""

    questions: ClassVar[Calls] = {
        "rows": lambda reading, a: reading.rows(a),
        "row": lambda reading, a: reading.row(a),
        **looked_at(lambda reading, a: reading.trace(a["row"])),
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
    mount = frontend.token()
    ReportWidget(*reports, mount=mount)  # the kernel's registry of widgets holds it
    frontend.publish(thing, html, mount)


def _bars(lie: Json) -> Part:
    """How scores lie, and the same in words."""
    words = f"scores from {lie['low']:g} to {lie['high']:g}: {', '.join(map(str, lie['counts']))} in ten equal steps"
    bars = (el("i", w=f"{28 * count / max(lie['counts']):.3g}px") for count in lie["counts"])
    return el(".bars", *bars, role="img", aria_label=words, title=words)


def _columns(compared: bool) -> list[tuple[str, str, str]]:
    wide = "minmax(0, 1fr)"
    before = [("before", "before", wide)] if compared else []
    last = ("change", "change", "72px") if compared else ("seconds", "time", "58px")
    first = [("index", "#", "44px"), ("input", "input", "minmax(0, 2fr)"), ("expected", "expected", wide), *before]
    return [*first, ("predicted", "predicted", wide), ("score", "score", "54px"), last]


def _cells(row: Json, compared: bool) -> list[listing.Cell]:
    failed = row["error"] is not None
    said = listing.short(row["error"]) if failed else joined_with_checks(row)
    look = "err" if failed else "wrong" if row["score"] < 0.5 else ""
    time = "" if row["seconds"] is None else f"{row['seconds']:.2f} s"
    return [
        (str(row["index"]), "muted num"),
        (listing.joined(row["inputs"]), ""),
        (listing.joined(row["labels"]) + (" (suspect)" if row["suspect"] else ""), "muted"),
        *([(listing.joined(row["before"]), "muted")] if compared else []),
        (said, look),
        ("failed" if failed else f"{row['score']:.3g}", f"num {look}"),
        _SIGNS.get(row["change"], (row["change"] or "", "muted")) if compared else (time, "muted num"),
    ]


def joined_with_checks(row: Json) -> str:
    """What was predicted, and which checks failed meanwhile."""
    return listing.short(" · ".join([listing.joined(row["outputs"]), *(check["text"] for check in row["checks"])]))


def _facts(row: Json) -> list[tuple[str, str]]:
    parts = (("inputs", ""), ("labels", " (expected)"), ("before", " (before)"), ("outputs", " (predicted)"))
    facts = [(f"{name}{what}", text) for part, what in parts for name, text in (row[part] or {}).items()]
    more = [("error", row["error"]), ("feedback", row["feedback"]), ("suspect label", row["suspect"])]
    return facts + [(name, text) for name, text in more if text] + [("check", check["text"]) for check in row["checks"]]
