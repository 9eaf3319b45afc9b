"""What the faces of a report see: its rows as JSON-able data, sorted, filtered and by the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical
from lmnb.data_uri import without_data
from lmnb.errors import InputError
from lmnb.nearest import did_you_mean

SHOWN = 2_000  # characters of one value on a page
RIGHT = 0.5

Json = dict[str, Any]

_ONLY: Mapping[str, Callable[[Json], bool]] = {
    "failed": lambda row: row["error"] is not None,
    "wrong": lambda row: row["error"] is None and row["score"] < RIGHT,
    "right": lambda row: row["error"] is None and row["score"] >= RIGHT,
    "checked": lambda row: bool(row["checks"]),
    "suspect": lambda row: row["suspect"] is not None,
    "fixed": lambda row: row["change"] == "fixed",
    "broken": lambda row: row["change"] == "broken",
    "unchanged": lambda row: row["change"] == "unchanged",
}
_SORTS: Mapping[str, Callable[[Json], Any]] = {
    "worst": lambda row: (row["error"] is None, row["score"] or 0.0),
    "index": lambda row: row["index"],
    "input": lambda row: _words(row["inputs"]),
    "expected": lambda row: _words(row["labels"]),
    "predicted": lambda row: _words(row["outputs"]),
    "score": lambda row: (row["score"] is not None, row["score"] or 0.0),
    "change": lambda row: ("broken", "fixed", "unchanged", None).index(row["change"]),
    "seconds": lambda row: row["seconds"] or 0.0,
}


def row_dict(row: Any) -> Json:
    """A row as JSON-able data, values as texts."""
    marked = row.example.input_keys is not None
    return {
        "index": row.index,
        "inputs": texts((row.example.inputs() if marked else row.example).toDict()),
        "labels": texts(row.example.labels().toDict() if marked else {}),
        "outputs": texts(outputs_of(row.prediction)),
        "score": row.score,
        "error": row.error,
        "feedback": row.feedback,
        "seconds": row.seconds,
        "checks": [check.to_dict() for check in row.checks],
    }


def outputs_of(prediction: Any) -> Mapping[str, Any]:
    """The fields of whatever a program gave."""
    if prediction is None:
        return {}
    return prediction.toDict() if hasattr(prediction, "toDict") else {"prediction": prediction}


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as people read them, pictures and the like by kind and size."""
    return {name: without_data(value if isinstance(value, str) else canonical(value)) for name, value in values.items()}


def viewed(report: Any, against: Any = None) -> list[Json]:
    """Every row with its change against another report, and why its label is suspect."""
    suspects = report.suspects(*([] if against is None else [against]))
    change, before = {}, {}
    if against is not None:
        found = report.compare(against)
        change = {n: kind for kind in ("fixed", "broken", "unchanged") for n in getattr(found, kind)}
        before = {row.index: row for row in against.rows}
    rows = []
    for row in report.rows:
        other = before.get(row.index) if row.index in change else None
        rows.append(
            row_dict(row)
            | {
                "suspect": suspects.get(row.index),
                "has_trace": row.trace is not None,
                "change": change.get(row.index),
                "before": None if other is None else texts(outputs_of(other.prediction)),
                "before_score": None if other is None else other.score,
            }
        )
    return rows


def page(
    rows: Sequence[Json], *, sort: str, descending: bool, only: str | None, search: str, offset: int, limit: int
) -> Json:
    """A page of viewed rows, and how many of each kind there are in all."""
    for name, value, known in (("sort", sort, _SORTS), ("only", only, _ONLY)):
        if value is not None and value not in known:
            hint = did_you_mean(str(value), known, "")
            raise InputError(
                f"{name}={value!r} is not known; write one of {', '.join(map(repr, known))}. {hint}".rstrip()
            )
    words = str(search).strip().casefold()
    chosen = [row for row in rows if (only is None or _ONLY[only](row)) and (not words or words in _all_words(row))]
    chosen.sort(key=lambda row: row["index"])
    chosen.sort(key=_SORTS[sort], reverse=descending)
    return {
        "total": len(chosen),
        "counts": {name: sum(map(test, rows)) for name, test in _ONLY.items()},
        "rows": [_cut(row) for row in chosen[max(0, offset) : max(0, offset) + limit]],
    }


def distribution(scores: Sequence[float]) -> Json:
    """How scores lie: `counts` of ten equal steps from `low` to `high`; `plain` where they are all 0 or 1."""
    low, high = min(0.0, *scores), max(1.0, *scores)
    counts = [0] * 10
    for score in scores:
        counts[min(9, int(10 * (score - low) / (high - low)))] += 1
    return {"low": low, "high": high, "counts": counts, "plain": set(scores) <= {0.0, 1.0}}


def _words(fields: Mapping[str, str]) -> str:
    return " ".join(fields.values()).casefold()


def _all_words(row: Json) -> str:
    fields = (_words(row[part] or {}) for part in ("inputs", "labels", "outputs", "before"))
    checks = " ".join(check["text"] for check in row["checks"])
    return "\n".join([*fields, *(str(row[part] or "").casefold() for part in ("error", "feedback")), checks.casefold()])


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= SHOWN else value[:SHOWN] + "…"
    return {key: _cut(one) for key, one in value.items()} if isinstance(value, dict) else value
