"""The stored runs: a table to sort and filter, any two of them side by side, any of them opened in its Studio.

A saved notebook keeps the static form; while the kernel lives the panel lies over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

import lmnb
from lmnb_widgets import frontend, listing, wire
from lmnb_widgets.cells import of_cell
from lmnb_widgets.parts import Part, act, diff, el, field, form, pairs, plural
from lmnb_widgets.studio import StudioWidget
from lmnb_widgets.widget import Calls, Widget

OFFERED = 200
COLUMNS = [
    ("name", "name", "minmax(90px, 1.4fr)"),
    ("optimizer", "optimizer", "minmax(0, 2fr)"),
    ("program", "program", "minmax(0, 1fr)"),
    ("state", "state", "minmax(58px, .8fr)"),
    ("candidates", "made", "44px"),
    ("best", "best", "46px"),
    ("expected", "expected", "58px"),
    ("check", "check", "46px"),
    ("calls", "calls", "54px"),
    ("usd", "cost", "60px"),
    ("created", "created", "124px"),
]
KINDS = [("finished", "Finished", True), ("running", "Running", False), ("other", "Other", False)]
HELP = [
    ("↑ ↓", "previous, next run, once one has the focus"),
    ("Enter", "choose the run: open it, or set it beside another"),
    ("0 … 3", "all, finished, running, other runs"),
    ("Esc", "close what is open"),
]

Json = dict[str, Any]


class Shelf:
    """The runs as the panel asks for them."""

    def __init__(self, runs: Any) -> None:
        self.runs = runs
        self._studios: list[StudioWidget] = []

    def head(self) -> Json:
        return listing.head(
            "Runs",
            el(".muted.num", f"{len(self.runs):,} stored"),
            kind="run",
            kinds=KINDS,
            sort="-created",
            help=HELP,
        )

    def rows(self, a: Mapping[str, Any]) -> Json:
        only, words = a.get("only") or "", str(a.get("search", "")).strip().casefold()
        asked, offset = listing.order(a.get("sort", "-created")), int(a.get("offset", 0))
        matching = [row for row in self.runs if not words or words in " ".join(map(str, row.values())).casefold()]
        chosen = [row for row in matching if not only or _kind(row) == only]
        key = asked["sort"]
        with_value = [row for row in chosen if row[key] is not None]  # what is missing comes last either way
        with_value.sort(key=lambda row: (isinstance(row[key], str), row[key]), reverse=asked["descending"])
        chosen = [*with_value, *(row for row in chosen if row[key] is None)]
        counts = {kind: sum(_kind(row) == kind for row in matching) for kind, *_ in KINDS}
        return {
            "total": len(chosen),
            "counts": {"": len(matching), **counts},
            "note": "",
            "columns": COLUMNS,
            "rows": [
                listing.line(row["name"], _cells(row), _title(row)) for row in chosen[offset : offset + listing.MOST]
            ],
        }

    def row(self, a: Mapping[str, Any]) -> Json:
        """The run that is chosen: what can be done with it, and its facts."""
        row, name = next(row for row in self.runs if row["name"] == a["row"]), a["row"]
        facts = [
            (fact, row[fact])
            for fact in ("optimizer", "program", "state", "path", "seed", "decisions", "tokens", "seconds")
        ]
        others = [(other, other) for other in (row["name"] for row in self.runs) if other != name][:OFFERED]
        asked = [field("other", label="beside", as_=[("", "choose another run"), *others])]
        compare = {"id": name, "args": {"one": name}, "save": "Compare", "look": "reason", "always": True}
        return listing.opened(
            name,
            el("div.row", act("open", "Open in its Studio", args={"run": name})),
            form("compare", asked, **compare) if others else None,
            pairs((fact, str(value)) for fact, value in facts if value is not None),
        )

    def open(self, name: str) -> Json:
        """The Studio of a run, as a model that the browser draws; those at which no view looks any more are closed."""
        run = self._whole(name)
        left = [one for one in self._studios if not one.viewers]
        self._studios = [one for one in self._studios if one.viewers]
        for one in left:
            one.close()
        self._studios.append(StudioWidget(run))
        return {"model": self._studios[-1].model_id}

    def close(self) -> None:
        """Close the Studios that are open."""
        for one in self._studios:
            one.close()

    def compare(self, one: str, other: str) -> Json:
        """Two runs side by side, as parts."""
        return {"found": both(self._whole(one).compare(self._whole(other)).to_dict())}

    def _whole(self, name: str) -> Any:
        """The run of that name; InputError where its folder is damaged, as the table says, or has been damaged since."""
        state = next((str(row["state"]) for row in self.runs if row["name"] == name), "")
        if not state.startswith("unreadable"):
            try:
                run = self.runs.open(name)
                run.snapshot()
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                if isinstance(error, lmnb.LmnbError):
                    raise
                state = f"unreadable: {type(error).__name__}: {error}"
            else:
                return run
        raise lmnb.InputError(f"the run {name!r} is damaged, so it can be neither opened nor compared ({state}).")


def both(known: Json) -> Part:
    """A comparison: what it comes to, facts of the two, texts that differ, and what only one of them has."""
    demos = [
        f"{d['slot']}: of its demos {d['both']:,} in both, {d['mine']:,} only here, {d['theirs']:,} only there"
        for d in known["demos"]
    ]
    decided = [
        f"Decided in {name} only: {text}"
        for name, texts in zip(known["names"], known["decisions"], strict=True)
        for text in texts
    ]
    rows = [("", *known["names"]), *known["facts"]]
    facts = [
        el("tr.muted" if mine == other else "tr", el("th", title, scope="row"), el("td", mine), el("td", other))
        for title, mine, other in rows
    ]
    texts = [el("", el("h4", text["slot"]), diff(text["before"], text["after"])) for text in known["texts"]]
    notes = (el("p.num", note) for note in (f"{plural(known['common'], 'candidate')} in both", *demos, *decided))
    return el("", el("p.num", known["words"]), el("table.both.num", el("tbody", *facts)), *texts, *notes)


class RunsWidget(Widget):
    """A panel of `lmnb.runs()`. Opening a run makes its Studio, which the panel draws inside of itself."""

    questions: ClassVar[Calls] = {"rows": lambda shelf, a: shelf.rows(a), "row": lambda shelf, a: shelf.row(a)}
    # both read a whole journal, so neither is a question: those are answered in the kernel's own thread
    commands: ClassVar[Calls] = {
        "compare": lambda shelf, a: shelf.compare(a["one"], a["other"]),
        "open": lambda shelf, a: shelf.open(a["run"]),
    }

    view = traitlets.Unicode("runs").tag(sync=True)
    head = traitlets.Dict().tag(sync=True)

    def __init__(self, runs: Any, *, mount: str = "") -> None:
        shelf = Shelf(runs)
        self._runs = runs
        super().__init__(shelf, head=wire.fit(shelf.head()), mount=mount)

    def close(self) -> None:
        self._about.close()
        super().close()

    def __repr__(self) -> str:
        return f"RunsPanel({len(self._runs)})"


def show(runs: Any) -> None:
    """Show the table."""
    html = runs._repr_html_()
    if not runs or not frontend.answers():
        frontend.say(runs, html)
        return
    mount = frontend.token()
    of_cell(RunsWidget(runs, mount=mount))  # the kernel's registry of widgets holds it
    frontend.publish(runs, html, mount)


def _kind(row: Json) -> str:
    return row["state"] if row["state"] in ("finished", "running") else "other"


def _cells(row: Json) -> list[listing.Cell]:
    return [
        (listing.short(_text(name, row[name])), "" if name in ("name", "state") else "num muted")
        for name, *_ in COLUMNS
    ]


def _title(row: Json) -> str:
    return listing.told((name, row[name]) for name, *_ in COLUMNS if row[name] is not None)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "created":
        return str(value)[:16].replace("T", " ")
    if name == "usd":
        return f"${value:,.2f}" if value == 0 or value >= 0.1 else f"${value:.2g}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
