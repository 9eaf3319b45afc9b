"""What an evaluation gives: a row for each example, the score with its interval, and the comparison of two reports."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from itertools import count, islice
from pathlib import Path
from statistics import fmean
from typing import Any
from weakref import WeakValueDictionary

from lmnb.alike import alike
from lmnb.canonical import jsonable
from lmnb.errors import InputError
from lmnb.evaluate.report_html import comparison_html, report_html
from lmnb.evaluate.report_view import distribution, outputs_of, page, row_dict, viewed
from lmnb.evaluate.run_example import Row
from lmnb.evaluate.statistics import mean_interval, paired
from lmnb.evaluate.suspects import suspect_rows
from lmnb.json_file import write_json, write_text
from lmnb.optional import frame
from lmnb.shown import Shown

_made: WeakValueDictionary[int, Report] = WeakValueDictionary()  # all of this process, in the order of their making
_numbers = count()


@dataclass(frozen=True)
class Report(Shown):
    """The rows of an evaluation in the order of the examples, with `.score` (100 × mean) between `.low` and `.high`.

    A failed row counts as `failure_score`. After an interrupt `interrupted` is true and `total` exceeds `len(report)`.

    >>> import lmnb
    >>> devset = [lmnb.Example(question=q, answer="yes").with_inputs("question") for q in ("Is 2 even?", "Is 4 even?")]
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "yes"}, {"answer": "no"}]))
    >>> report = lmnb.Evaluate(devset, lmnb.evaluate.answer_exact_match, num_threads=1)(program)
    >>> report.score, [row.score for row in report.rows]
    (50.0, [1.0, 0.0])
    """

    _view = "report"

    rows: tuple[Row, ...]
    total: int = 0
    failure_score: float = 0.0
    interrupted: bool = False
    seconds: float | None = None
    program: str = ""
    metric: str = ""
    _scores: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scores = tuple(self.failure_score if row.score is None else row.score for row in self.rows)
        object.__setattr__(self, "_scores", scores)
        _made[next(_numbers)] = self

    @property
    def score(self) -> float:
        """100 × the mean, rounded to two digits; nan without rows."""
        return round(100 * fmean(self._scores), 2) if self.rows else float("nan")

    @property
    def low(self) -> float:
        """The lower end of the score's 95 % interval."""
        return self._interval[0]

    @property
    def high(self) -> float:
        """The upper end of the score's 95 % interval."""
        return self._interval[1]

    @cached_property
    def _interval(self) -> tuple[float, float]:
        low, high = mean_interval(self._scores)
        return round(100 * low, 2), round(100 * high, 2)

    @property
    def errors(self) -> tuple[Row, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.error is not None)

    @property
    def results(self) -> list[tuple[Any, Any, float]]:
        """(example, prediction, score) of each row."""
        return [(row.example, row.prediction, score) for row, score in zip(self.rows, self._scores, strict=True)]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]

    def compare(self, other: Report) -> Comparison:
        """This report against `other`, an earlier or simpler program's, on the examples that both hold.

        InputError where the two were made from different examples.
        """
        _check(other)
        mine, theirs = ({row.index: row for row in report.rows} for report in (self, other))
        both = [index for index in mine if index in theirs]
        for index in both:
            if not alike(mine[index].example, theirs[index].example):
                raise InputError(
                    f"the reports cannot be compared: their examples differ, the first at row {index}. "
                    "Evaluate both programs on the same devset in the same order."
                )
        if not both:
            raise InputError("the reports cannot be compared: they have no example in common.")
        change = paired([other._value(theirs[i]) for i in both], [self._value(mine[i]) for i in both])
        return Comparison(
            fixed=tuple(both[i] for i in change.fixed),
            broken=tuple(both[i] for i in change.broken),
            unchanged=tuple(both[i] for i in change.unchanged),
            mean=round(100 * change.mean, 2),
            low=round(100 * change.low, 2),
            high=round(100 * change.high, 2),
            reports=(self, other),
        )

    def comparable(self, limit: int = 20) -> list[Report]:
        """The other reports of this process that were made from the same examples, or from a part of them, at most the last `limit` in the
        order of their making. Only those that something else still holds, such as a variable.

        >>> import lmnb
        >>> data = [lmnb.Example(n=n, double=2 * n).with_inputs("n") for n in range(3)]
        >>> evaluate = lmnb.Evaluate(data, lambda example, made: example.double == made.double)
        >>> first = evaluate(lambda n: lmnb.Prediction(double=n + n))
        >>> second = evaluate(lambda n: lmnb.Prediction(double=n * n))
        >>> second.comparable() == [first], first.comparable() == [second]
        (True, True)
        """
        others = (each for each in reversed(list(_made.values())) if each is not self and self._shares_examples(each))
        return list(islice(others, limit))[::-1]

    def _shares_examples(self, other: Report) -> bool:
        theirs = {row.index: row.example for row in other.rows}
        both = [row for row in self.rows if row.index in theirs]
        return bool(both) and all(alike(row.example, theirs[row.index]) for row in both)

    def suspects(self, *others: Report) -> dict[int, str]:
        """Rows whose label may be wrong, with why: the same inputs stand in another row with another label, or this report and all `others`
        of the same examples, where they are right on half of the rows, give one answer that the metric calls wrong.
        """
        for other in others:
            self.compare(other)
        return suspect_rows((self, *others))

    def page(
        self,
        *,
        sort: str = "worst",
        descending: bool = False,
        only: str | None = None,
        search: str = "",
        against: Report | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> dict[str, Any]:
        """A page of rows as JSON-able data, values as texts, with the number of all such rows (`total`) and of each kind (`counts`).

        `sort` is "worst" (failures, then the lowest scores), "index", "input", "expected", "predicted", "score", "change" or "seconds"; `only`
        is "failed", "wrong", "right", "checked" (a check failed), "suspect", or with another report in `against` "fixed", "broken" or "unchanged".
        """
        rows = self._viewed(against)
        return page(rows, sort=sort, descending=descending, only=only, search=search, offset=offset, limit=limit)

    def row(self, index: int, *, against: Report | None = None) -> dict[str, Any]:
        """The row of the example `index` as on a page, its texts whole. InputError where it has none."""
        found = next((row for row in self._viewed(against) if row["index"] == index), None)
        if found is None:
            raise InputError(f"this report has no row {index!r}")
        return found

    def _viewed(self, against: Report | None) -> list[dict[str, Any]]:
        if against is not None:
            _check(against)
        known = self.__dict__.get("_seen")
        if known is None or known[0] is not against:
            known = self.__dict__["_seen"] = (against, viewed(self, against))
        return known[1]

    def _value(self, row: Row) -> float:
        return self.failure_score if row.score is None else row.score

    def to_pandas(self) -> Any:
        """A DataFrame, one row an example: inputs, labels, what was predicted (`pred_...`), score, feedback, error."""
        made = frame("Report.to_pandas()", [_flat(row) for row in self.rows])
        return made.set_index("index") if len(made) else made

    def save(self, path: str | Path, format: str = "json") -> None:
        """Write the rows as "json" (a list of objects) or "csv": what `to_pandas` shows, the index left out."""
        if format not in ("json", "csv"):
            raise InputError(f"a report has no format {format!r}. Write format='json' or format='csv'.")
        rows = [{name: jsonable(value) for name, value in _flat(row).items() if name != "index"} for row in self.rows]
        if format == "json":
            write_json(path, rows)
            return
        text = StringIO()
        table = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
        table.writeheader()
        table.writerows(rows)
        write_text(path, text.getvalue())

    def __repr__(self) -> str:
        if not self.rows:
            return f"Report(0 of {self.total} examples, interrupted)"
        many = f"{len(self)} of {self.total}" if self.interrupted else f"{len(self)}"
        plural = "s" * (len(self) != 1)
        parts = [f"{self.score:.1f} % of {many} example{plural}", f"95 % {self.low:.1f} … {self.high:.1f}"]
        if self.errors:
            parts.append(f"{len(self.errors)} failed")
        return f"Report({', '.join(parts)}{', interrupted' if self.interrupted else ''})"

    def _repr_html_(self) -> str:
        return report_html(self.to_dict())

    def snapshot(self) -> dict[str, Any]:
        """The report without its rows as JSON-able data, with how the scores lie."""
        known = self.to_dict(rows=False)
        return known | {"rows": len(self.rows), "distribution": distribution(self._scores) if self.rows else None}

    def to_dict(self, *, rows: bool = True) -> dict[str, Any]:
        """The report as JSON-able data, values as text: what its HTML form is made of."""
        suspects = self.suspects() if rows else {}
        return {
            "program": self.program,
            "metric": self.metric,
            "score": self.score if self.rows else None,
            "low": self.low if self.rows else None,
            "high": self.high if self.rows else None,
            "total": self.total,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "failed": len(self.errors),
            "failure_score": self.failure_score,
            "rows": [row_dict(row) | {"suspect": suspects.get(row.index)} for row in self.rows] if rows else [],
        }


@dataclass(frozen=True)
class Comparison(Shown):
    """Two programs on the same examples: row numbers that got better, worse, or stayed; the mean difference in points.

    `low` to `high` is its paired 95 % interval: where it holds 0, the difference may be chance. `reports` are the two, the later one first.
    """

    _view = "report"

    fixed: tuple[int, ...]
    broken: tuple[int, ...]
    unchanged: tuple[int, ...]
    mean: float
    low: float
    high: float
    reports: tuple[Report, Report] | None = field(default=None, repr=False, compare=False)

    def pairs(self) -> list[tuple[Row, Row]]:
        """The rows on which the outputs differ, as (later, earlier): what `lmnb.review(comparison)` puts before a person, blind."""
        if self.reports is None:
            return []
        mine, theirs = ({row.index: row for row in report.rows} for report in self.reports)
        both = [(mine[index], theirs[index]) for index in mine if index in theirs]
        return [
            (a, b)
            for a, b in both
            if None not in (a.prediction, b.prediction) and not alike(a.prediction, b.prediction)
        ]

    def words(self) -> str:
        """What it says, in a line."""
        total = len(self.fixed) + len(self.broken) + len(self.unchanged)
        return (
            f"{self.mean:+.1f} points, 95 % {self.low:+.1f} … {self.high:+.1f}; "
            f"{len(self.fixed)} fixed, {len(self.broken)} broken of {total}"
        )

    def __repr__(self) -> str:
        return f"Comparison({self.words()})"

    def _repr_html_(self) -> str:
        rows = [] if self.reports is None else viewed(*self.reports)
        names = [] if self.reports is None else [report.program or "Evaluate" for report in self.reports]
        return comparison_html(self.words(), names, rows)


def _check(report: Any) -> None:
    if not isinstance(report, Report):
        raise InputError(
            f"a report is compared with a report, not with {report!r}. Write report.compare(evaluate(program))."
        )


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {"index": row.index, **row.example.toDict()}
    flat |= {f"pred_{name}": value for name, value in outputs_of(row.prediction).items()}
    more = {"score": row.score, "feedback": row.feedback, "error": row.error, "seconds": row.seconds}
    # an example may have fields of these names: the outcome's columns keep theirs
    return {**{(f"example_{k}" if k in more else k): v for k, v in flat.items()}, **more}
