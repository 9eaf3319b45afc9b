"""The acceptance table: its rows, the bars that they are held to, and its forms as text, as JSON data and in the model's card."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lmnb.train.episodes import FAMILIES
from lmnb.train.lexicon import VERSION

COUNT = 500
SAMPLE = 120  # episodes of a sampled row
SAMPLED = (
    "routing, 3 labels, 8 demos",
    "routing, good instruction, 0 demos",
    "arithmetic, 1 step, reasoning",
    "formatting, 4 demos",
)
DEMOS = (0, 1, 2, 4, 8, 12)
_ROUTING = {"kind": "topic", "classes": 3, "reasoning": False, "literal": False, "noise": 0.0}
_BAD = {**_ROUTING, "instruction": "bad"}
# any value of the asked kind is right in 25 %; a link more or less decides
_FACTS = {"people": 4, "links": 2, "demos": 0}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a family with some of its choices fixed."""

    name: str
    family: str
    fixed: dict[str, Any] = field(default_factory=dict)
    barred: bool = True  # whether an acceptance bar speaks of it; the others are reported only
    short: bool = True  # labels of one or two tokens only


def _demos(count: int) -> str:
    return "1 demo" if count == 1 else f"{count} demos"


def _bar(value: float, bar: float | None) -> str:
    if bar is None:
        return "| reported"
    return f"{bar:.0f} | {'met' if value >= bar else '**missed**'}"


ROWS = [
    *(Row(f"routing, 3 labels, {_demos(k)}", "routing", {**_BAD, "demos": k}) for k in DEMOS),
    Row("routing, good instruction, 0 demos", "routing", {**_ROUTING, "instruction": "good", "demos": 0}),
    Row("routing, 3 labels of any length, 8 demos", "routing", {**_BAD, "demos": 8}, barred=False, short=False),
    Row("routing, 5 labels, 12 demos", "routing", {**_BAD, "classes": 5, "demos": 12}, barred=False),
    Row(
        "routing, Literal type with labels that name the topic, 0 demos",
        "routing",
        {**_BAD, "kind": "natural", "literal": True, "demos": 0},
        barred=False,
    ),
    Row("arithmetic, 3 steps, direct", "arithmetic", {"steps": 3, "reasoning": False, "demos": 0}),
    Row("arithmetic, 3 steps, reasoning", "arithmetic", {"steps": 3, "reasoning": True, "demos": 0}),
    Row("arithmetic, 1 step, direct", "arithmetic", {"steps": 1, "reasoning": False, "demos": 0}),
    Row("arithmetic, 1 step, reasoning", "arithmetic", {"steps": 1, "reasoning": True, "demos": 0}),
    Row("extraction, 1 hop", "extraction", {**_FACTS, "hops": 1, "reasoning": False}),
    Row("extraction, 2 hops", "extraction", {**_FACTS, "hops": 2, "reasoning": False}),
    Row("extraction, 2 hops, reasoning", "extraction", {**_FACTS, "hops": 2, "reasoning": True}),
    Row("formatting, 0 demos", "formatting", {"instruction": "vague", "demos": 0}),
    Row("formatting, 4 demos", "formatting", {"instruction": "vague", "demos": 4}),
    Row("formatting, told by the instruction, 0 demos", "formatting", {"instruction": "clear", "demos": 0}),
    Row("tool choice, 0 demos", "tools", {"demos": 0}, barred=False),
    Row("search query, 0 demos", "search", {"demos": 0}, barred=False),
    Row("judging, yes or no, 0 demos", "judging", {"demos": 0, "near": True}, barred=False),
    Row("records as JSON", "json", {"make": FAMILIES["record"]}, barred=False),
]
PROPOSING = "proposing an instruction"
PROPOSED = ("routing by the bad instruction", "routing by the proposed instruction")


def _lines(table: Table) -> list[str]:
    return [f"| {name} | {score:.1f} | {table.parses.get(name, 0):.1f} |" for name, score in table.scores.items()]


@dataclass(slots=True)
class Table:
    """By row, in per cent: what was right, and how many replies parsed at once."""

    model: str
    count: int
    scores: dict[str, float] = field(default_factory=dict)
    parses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def parsed(self) -> float:
        """Over the rows that the acceptance bars speak of, zero-shot included."""
        barred = [*(row.name for row in ROWS if row.barred), *PROPOSED, PROPOSING]
        kept = [self.parses[name] for name in barred if name in self.parses]
        return sum(kept) / max(1, len(kept))

    def bars(self) -> list[tuple[str, float, float | None]]:
        """The acceptance bars: name, what was measured, what is asked for on a CPU (None: to be reported). Only
        what was measured.
        """
        s = self.scores

        def minus(one: str, other: str) -> float | None:
            return s[one] - s[other] if one in s and other in s else None

        found = [
            ("routing, 8 demos minus 0", minus("routing, 3 labels, 8 demos", "routing, 3 labels, 0 demos"), 40.0),
            (
                "routing, good minus bad instruction",
                minus("routing, good instruction, 0 demos", "routing, 3 labels, 0 demos"),
                25.0,
            ),
            (
                "arithmetic, reasoning minus direct",
                minus("arithmetic, 3 steps, reasoning", "arithmetic, 3 steps, direct"),
                15.0,
            ),
            ("extraction, 1 hop", s.get("extraction, 1 hop"), 60.0),
            ("extraction, 2 hops", s.get("extraction, 2 hops"), 30.0),
            ("extraction, 2 hops, with a reasoning field", s.get("extraction, 2 hops, reasoning"), None),
            ("formatting, 4 demos minus 0", minus("formatting, 4 demos", "formatting, 0 demos"), 20.0),
            ("proposed minus bad instruction", minus(PROPOSED[1], PROPOSED[0]), None),
            ("replies that parse at once", self.parsed if self.parses else None, 98.0),
        ]
        return [(name, value, bar) for name, value, bar in found if value is not None]

    def __str__(self) -> str:
        lines = [f"{self.model}, n = {self.count} a row, generator version {VERSION}, {self.seconds:.0f} s", ""]
        lines += _lines(self)
        lines += [
            "",
            *(f"| {name} | {value:.1f} | {_bar(value, bar)} |" for name, value, bar in self.bars()),
        ]
        return "\n".join(lines)


def curve(table: Table) -> dict[int, float]:
    """Accuracy by number of demos, from a table."""
    named = {count: f"routing, 3 labels, {_demos(count)}" for count in DEMOS}
    return {count: table.scores[name] for count, name in named.items() if name in table.scores}


def figures(table: Table, by_demos: dict[int, float], sample: Table) -> dict[str, Any]:
    """What is kept beside the weights, as JSON data; `sample` is what a test compares with."""
    curves = {"generated episodes, labels never seen": curve(table), "support tickets of the first notebook": by_demos}
    return {
        "generator": VERSION,
        "count": table.count,
        "scores": {name: round(score, 2) for name, score in table.scores.items()},
        "parses": {name: round(share, 2) for name, share in table.parses.items()},
        "parsed": round(table.parsed, 2),
        "sample": {name: round(score, 2) for name, score in sample.scores.items()},
        "curves": {name: {str(at): round(score, 2) for at, score in points.items()} for name, points in curves.items()},
    }


def written(card: str, table: Table, by_demos: dict[int, float]) -> str:
    """The card's text with its tables between `<!-- name -->` and `<!-- end -->` made anew."""
    bars = [f"| {name} | {value:.1f} | {_bar(value, bar)} |" for name, value, bar in table.bars()]
    counts, scores = " / ".join(map(str, by_demos)), " / ".join(f"{score:.0f}" for score in by_demos.values())
    parts = {
        "bars": ["| | measured | bar | |", "|---|---|---|---|", *bars],
        "scores": ["| row | right, % | parsed at once, % |", "|---|---|---|", *_lines(table)],
        "tickets": [f"| demos {counts} |", "|---|", f"| {scores} |"],
    }
    for name, lines in parts.items():
        before, mark, rest = card.partition(f"<!-- {name} -->\n")
        card = before + mark + "\n".join(lines) + "\n" + rest[rest.index("<!-- end -->") :]
    return card
