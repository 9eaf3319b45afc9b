"""The fixed/broken matrix of a run: what each candidate changed on each example, against one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.evaluate.report_html import values
from lmnb.example import Example
from lmnb.html import el, heading, root, table_of
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.view import text_of
from lmnb.optional import need

MAX_ROWS = 40
MAX_COLUMNS = 24
_MARKS = {
    1: ("▲", "lm-good", "fixed"),
    -1: ("▼", "lm-bad", "broken"),
    0: ("·", "lm-muted", "the same"),
    None: ("", "", "not asked"),
}


@dataclass(frozen=True)
class Flips:
    """`changes[index][i]` is 1 where candidate `candidates[i]` does better than number `against` on example `index` of the evaluation set,
    -1 where it does worse, 0 where it does the same, None where one of them was not asked.
    """

    against: int
    candidates: tuple[int, ...]
    examples: tuple[Example, ...]
    changes: tuple[tuple[int | None, ...], ...]

    def to_pandas(self) -> Any:
        """One row an example, one column a candidate."""
        pandas = need("pandas", "pandas", "Flips.to_pandas()")
        frame = pandas.DataFrame(list(self.changes), columns=list(self.candidates)).astype("Int8")
        return frame.rename_axis(index="example", columns="candidate")

    def counts(self) -> dict[int, tuple[int, int]]:
        """How many examples each candidate fixed and broke."""
        columns = zip(*self.changes, strict=True) if self.changes else [()] * len(self.candidates)
        return {n: (column.count(1), column.count(-1)) for n, column in zip(self.candidates, columns, strict=True)}

    def __repr__(self) -> str:
        lines = [f"#{number}: {fixed} fixed, {broken} broken" for number, (fixed, broken) in self.counts().items()]
        return "\n".join([f"{len(self.examples)} examples against #{self.against}", *lines])

    def _repr_html_(self) -> str:
        order = sorted(range(len(self.changes)), key=lambda row: (-sum(map(bool, self.changes[row])), row))
        shown, counts = order[:MAX_ROWS], self.counts()
        columns = self.candidates[:MAX_COLUMNS]
        rows = [
            el(
                "tr",
                {"data-kind": "example", "data-id": row},
                el("td", {"class": "lm-tight"}, row),
                el("td", None, values({name: text_of(value) for name, value in self.examples[row].inputs().items()})),
                *(_cell(change) for change in self.changes[row][:MAX_COLUMNS]),
            )
            for row in shown
        ]
        totals = [el("td", {"class": "lm-tight"}, f"+{counts[number][0]} −{counts[number][1]}") for number in columns]
        rows.append(el("tr", None, el("td", None), el("td", None, "all examples"), *totals))
        rest = [f"{len(order) - len(shown):,} more examples"] * (len(order) > len(shown))
        rest += [f"{len(self.candidates) - len(columns):,} more candidates"] * (len(self.candidates) > len(columns))
        more = f"{' and '.join(rest)}: run.flips().to_pandas()" if rest else None
        return root(
            "report",
            el(
                "div",
                {"class": "lm-pane"},
                heading(f"Fixed ▲ and broken ▼ against #{self.against}", level=4),
                table_of(["#", "input", *(f"#{number}" for number in columns)], rows, "lm-table lm-num"),
                el("div", {"class": "lm-muted"}, more) if more else None,
            ),
        )


def _cell(change: int | None) -> Any:
    mark, look, words = _MARKS[change]
    return el("td", {"class": f"lm-tight {look}", "title": words}, mark)


def flips(archive: Archive, dataset: Sequence[Example], against: Entry) -> Flips:
    """The matrix of all candidates that were asked anything, but `against` itself."""
    asked = [entry for entry in archive.entries.values() if entry.results and entry is not against]
    changes = tuple(
        tuple(_change(against, entry, index) for entry in asked) for index in range(len(dataset) if archive.size else 0)
    )
    examples = tuple(dataset[: len(changes)])
    return Flips(against.number, tuple(entry.number for entry in asked), examples, changes)


def _change(before: Entry, after: Entry, index: int) -> int | None:
    if index not in before.results or index not in after.results:
        return None
    a, b = before.results[index].value, after.results[index].value
    return (b > a) - (b < a)
