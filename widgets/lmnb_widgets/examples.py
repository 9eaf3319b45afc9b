"""The examples of a run's evaluation set as one candidate answered them, beside another: what a list in the Studio is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb_widgets.listing import MOST, joined, line, short, told

Json = Mapping[str, Any]

KINDS = {"": "All", "fixed": "Fixed", "broken": "Broken", "same": "Same", "error": "Errors"}
SIGNS = {"fixed": "▲ fixed", "broken": "▼ broken", "same": "same"}


def example_page(run: Any, candidate: str, against: str | None, only: str, offset: int) -> dict[str, Any]:
    """So many examples as travel in one message, from `offset`: of those that were fixed, broken, left the same or failed, or
    all with `only` "".
    """
    page = run.examples(candidate, against=against, offset=offset, limit=MOST, only=only or None)
    other = next((row["number"] for row in run.snapshot()["candidates"] if row["id"] == against), None)
    columns = [
        ("index", "#", "34px"),
        ("input", "input", "minmax(0, 2.6fr)"),
        ("expected", "expected", "minmax(0, 1fr)"),
        ("answer", "answer", "minmax(0, 1fr)"),
        ("change", "" if other is None else f"against #{other}", "minmax(68px, 92px)"),
    ]
    return {
        "total": page["total"],
        "kinds": [(key, words, page["counts"].get(key)) for key, words in KINDS.items()],
        "columns": columns,
        "rows": [_line(row) for row in page["rows"]],
    }


def _line(row: Json) -> dict[str, Any]:
    error, change = row["error"], row["change"]
    answer = short(error) if error else joined(_answers(row)) or "…"
    checks = "".join(
        f" · {check['text']}{' (holds by now)' if check['holds'] else ''}" for check in row.get("checks") or ()
    )
    cells = [
        (str(row["index"]), "muted num"),
        (joined(row["inputs"]), ""),
        (joined(row["labels"]), "muted"),
        (answer + short(checks), "err" if error else "wrong" if row["score"] == 0 else ""),
        ("error", "change broken") if error else (SIGNS.get(change, ""), f"change {change or ''}"),
    ]
    fields = told([*row["inputs"].items(), *(row["outputs"] or {}).items()])
    title = fields if row["seconds"] is None else f"{fields}\n{row['seconds']:.2f} s"
    return {**line(row["index"], cells, title), "opens": row["has_trace"]}


def _answers(row: Json) -> Json:
    """The outputs that have an expected value, if any has."""
    given = row["outputs"] or {}
    return {name: text for name, text in given.items() if name in row["labels"]} or given
