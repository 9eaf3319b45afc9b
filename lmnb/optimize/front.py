"""Score against cost: the candidates of which none is both better and cheaper (the Pareto front)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from lmnb.errors import InputError
from lmnb.html import Html, duration, el, heading, join, money, root, shorten, table_of
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.objective import characters
from lmnb.optimize.standings import Standings
from lmnb.optional import frame

COSTS = ("calls", "tokens", "usd", "seconds", "characters")


@dataclass(frozen=True)
class Tradeoff:
    """A candidate's score in per cent, what is `expected` on new data, and its `cost`; `on_front` where none is better and no dearer, or
    as good and cheaper.
    """

    number: int
    label: str
    score: float
    expected: float | None
    cost: float
    on_front: bool


class Front(tuple[Tradeoff, ...]):
    """The feasible, fully scored candidates, the cheapest first; shows itself as a table. `by` names the cost."""

    by: str = ""

    @property
    def best(self) -> list[Tradeoff]:
        """The front alone: each is better than all that are cheaper; those that are equal in both stand side by side."""
        return [row for row in self if row.on_front]

    def to_pandas(self) -> Any:
        """One row a candidate."""
        made = frame("Front.to_pandas()", map(asdict, self), Tradeoff.__dataclass_fields__)
        return made.rename(columns={"cost": self.by}).set_index("number")

    def __repr__(self) -> str:
        lines = [
            f"{'*' if row.on_front else ' '} #{row.number} {row.score:.1f} % at {_amount(row.cost, self.by)}  {row.label}"
            for row in self
        ]
        return "\n".join([f"score against {_words(self.by)} (* on the front)", *lines])

    def _repr_html_(self) -> str:
        return root("report", el("div", {"class": "lm-pane"}, front_part(self)))


def front_part(front: Front) -> Html:
    """A front as part of a report."""
    rows = [
        el(
            "tr",
            {"data-kind": "candidate"},
            el("td", {"class": "lm-tight"}, "★ " if row.on_front else "", f"#{row.number}"),
            el("td", {"class": "lm-tight"}, f"{row.score:.1f}"),
            el("td", {"class": "lm-tight"}, "–" if row.expected is None else f"{row.expected:.1f}"),
            el("td", {"class": "lm-tight"}, _amount(row.cost, front.by)),
            el("td", None, shorten(row.label, 120)),
        )
        for row in front
    ]
    names = ["", "score", "expected", _words(front.by), "candidate"]
    title = "Score against cost: ★ none is better and no dearer"
    return join([heading(title, level=4), table_of(names, rows, "lm-table lm-num")])


def costs(entry: Entry) -> dict[str, float]:
    """What a candidate costs for one example, on average over those it was asked; `characters` are those of its texts and demos."""
    results = list(entry.results.values())
    spent = {kind: fmean(result.usage.get(kind, 0) for result in results) if results else 0.0 for kind in COSTS[:3]}
    seconds = fmean(result.seconds for result in results) if results else 0.0
    return {**spent, "seconds": seconds, "characters": float(characters(entry.candidate))}


def front(archive: Archive, standings: Standings, by: str | None) -> Front:
    """The trade-off of the feasible candidates that are fully scored."""
    entries = [entry for entry in archive.feasible() if archive.complete(entry.candidate.id)]
    if by is None:
        paid = [costs(entry) for entry in entries]
        by = next((kind for kind in ("usd", "tokens") if paid and all(each[kind] for each in paid)), "characters")
    if by not in COSTS:
        raise InputError(f"front(by={by!r}) is not known; write one of {', '.join(map(repr, COSTS))}")
    priced = [(costs(entry)[by], standings.of(entry)) for entry in entries]
    priced.sort(key=lambda one: (one[0], -(one[1].score or 0.0), one[1].number))
    made = Front(_rows(priced))
    made.by = by
    return made


def _rows(priced: Sequence[tuple[float, Any]]) -> list[Tradeoff]:
    rows, best, least = [], float("-inf"), 0.0  # the best score so far, and what it costs
    for cost, row in priced:
        twin = (cost, row.score) == (least, best)
        rows.append(Tradeoff(row.number, row.label, row.score, row.expected, cost, row.score > best or twin))
        if row.score > best:
            best, least = row.score, cost
    return rows


def _amount(cost: float, by: str) -> str:
    return (
        money(cost)
        if by == "usd"
        else duration(cost)
        if by == "seconds"
        else f"{cost:,.1f}"
        if by == "calls"
        else f"{cost:,.0f}"
    )


def _words(by: str) -> str:
    return "characters of the prompt" if by == "characters" else f"{by} an example"
