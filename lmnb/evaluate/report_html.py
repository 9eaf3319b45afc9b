"""The static HTML form of an evaluation: the score with its interval, how scores lie, the rows with failures first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.evaluate.report_view import distribution
from lmnb.html import Html, duration, el, heading, join, root, shorten, table_of
from lmnb.trace_html import check_counts, check_lines

MAX_ROWS = 50
MAX_TEXT = 400


def report_html(report: Mapping[str, Any]) -> str:
    """HTML of `Report.to_dict()` data: at most 50 rows, errors first, then the lowest scores."""
    rows = sorted(report["rows"], key=lambda row: (row["error"] is None, row["score"] or 0.0))
    return root(
        "report",
        _head(report),
        el("div", {"class": "lm-pane"}, _distribution(rows, report["failure_score"]), _table(rows)) if rows else None,
        css=_CSS,
    )


def _head(report: Mapping[str, Any]) -> Html:
    done, total, failed = len(report["rows"]), report["total"], report["failed"]
    many = f"{done:,} of {total:,} examples (interrupted)" if report["interrupted"] else f"{done:,} examples"
    facts = [many, f"metric {report['metric']}" if report["metric"] else "", duration(report["seconds"])]
    facts += check_counts(report["rows"])
    score = None
    if report["score"] is not None:
        interval = f" 95 % interval {report['low']:.1f} … {report['high']:.1f}"
        score = join([el("strong", {"class": "lm-score"}, f"{report['score']:.1f} %"), el("span", None, interval), " "])
    counted = f"{failed:,} failed, counted as {report['failure_score']:g}"
    return el(
        "div",
        {"class": "lm-top lm-num"},
        el("strong", None, report["program"] or "Evaluate"),
        " ",
        score,
        el("span", {"class": "lm-muted"}, " · ".join(fact for fact in facts if fact)),
        join([" ", el("span", {"class": "lm-tag lm-bad"}, counted)]) if failed else None,
    )


def _distribution(rows: Sequence[Mapping[str, Any]], failure_score: float) -> Html | None:
    """Ten columns from the lowest to the highest score; for scores of two values a line of words says all."""
    lie = distribution([failure_score if row["score"] is None else row["score"] for row in rows])
    low, high, counts = lie["low"], lie["high"], lie["counts"]
    if lie["plain"]:
        return el("div", {"class": "lm-muted lm-num"}, f"{counts[9]:,} right, {counts[0]:,} wrong")
    highest = max(counts)
    heights = [36 * n / highest for n in counts]
    bars = [
        el("rect", {"x": 2 + 24 * i, "y": f"{40 - height:.1f}", "width": 20, "height": f"{height:.1f}", "rx": 2})
        for i, height in enumerate(heights)
    ]
    words = f"scores from {low:g} to {high:g}: {', '.join(map(str, counts))} in ten equal steps"
    return el(
        "div",
        {"class": "lm-muted lm-num lm-spread"},
        f"{low:g} ",
        el("svg", {"viewBox": "0 0 244 42", "width": 244, "height": 42, "role": "img", "aria-label": words}, *bars),
        f" {high:g}",
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> Html:
    shown = rows[:MAX_ROWS]
    feedback = any(row["feedback"] for row in shown)
    names = ["#", "input", "expected", "predicted", "score", *(["feedback"] if feedback else []), "time"]
    more = f"{len(rows) - len(shown):,} more rows: report.rows, report.to_pandas()" if len(rows) > len(shown) else ""
    return join(
        [
            heading("Rows, failures and lowest scores first", level=4),
            table_of(names, [_row(row, feedback) for row in shown], "lm-table lm-num"),
            el("div", {"class": "lm-muted lm-more"}, more) if more else None,
        ]
    )


def _row(row: Mapping[str, Any], feedback: bool) -> Html:
    if row["error"] is None:
        good = (row["score"] or 0.0) >= 0.5
        mark = el("span", {"class": "lm-good" if good else "lm-bad"}, f"{row['score']:g}")
        predicted = join([values(row["outputs"]), *check_lines(row.get("checks"))])
    else:
        mark = el("span", {"class": "lm-tag lm-bad"}, "failed")
        error = el("div", {"class": "lm-bad"}, shorten(row["error"], MAX_TEXT))
        predicted = join([values(row["outputs"]), error, *check_lines(row.get("checks"))])
    return el(
        "tr",
        {"data-kind": "example", "data-id": row["index"]},
        el("td", {"class": "lm-tight"}, row["index"]),
        el("td", None, values(row["inputs"])),
        el("td", None, values(row["labels"]), _suspect(row.get("suspect"))),
        el("td", None, predicted),
        el("td", None, mark),
        el("td", None, shorten(row["feedback"] or "", MAX_TEXT)) if feedback else None,
        el("td", {"class": "lm-tight lm-muted"}, duration(row["seconds"])),
    )


def _suspect(why: str | None) -> Html | None:
    return None if why is None else el("div", {"class": "lm-warn"}, f"suspect label: {why}")


def comparison_html(words: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """HTML of a comparison of two reports: what it says in words, then at most 50 rows that changed, those that got worse first."""
    told = [row for kind in ("broken", "fixed") for row in rows if row["change"] == kind]
    head = el("strong", None, " against ".join(names) or "Comparison")
    more = f"{len(told) - MAX_ROWS:,} more rows: comparison.fixed, comparison.broken" if len(told) > MAX_ROWS else None
    table = table_of(["#", "input", "expected", "before", "now", ""], map(_changed, told[:MAX_ROWS]), "lm-table lm-num")
    return root(
        "report",
        el("div", {"class": "lm-top lm-num"}, head, " ", el("span", {"class": "lm-muted"}, words)),
        el("div", {"class": "lm-pane"}, table, el("div", {"class": "lm-muted lm-more"}, more) if more else None)
        if told
        else None,
        css=_CSS,
    )


def _changed(row: Mapping[str, Any]) -> Html:
    now = shorten(row["error"], MAX_TEXT) if row["error"] is not None else values(row["outputs"])
    mark = el("span", {"class": f"lm-tag {'lm-good' if row['change'] == 'fixed' else 'lm-bad'}"}, row["change"])
    return el(
        "tr",
        {"data-kind": "example", "data-id": row["index"]},
        el("td", {"class": "lm-tight"}, row["index"]),
        *(el("td", None, values(row[part] or {})) for part in ("inputs", "labels", "before")),
        el("td", None, now),
        el("td", {"class": "lm-tight"}, mark),
    )


def values(fields: Mapping[str, Any]) -> Html:
    """Fields for a table's cell: one alone without its name."""
    if len(fields) == 1:
        return shorten(next(iter(fields.values())), MAX_TEXT)
    lines = [
        el("div", None, el("span", {"class": "lm-muted"}, f"{name}: "), shorten(value, MAX_TEXT))
        for name, value in fields.items()
    ]
    return join(lines)


_CSS = """
.lmnb .lm-score{font-size:15px}
.lmnb .lm-spread{display:flex;align-items:flex-end;gap:8px}
.lmnb .lm-spread svg{fill:var(--lm-accent)}
.lmnb .lm-more{padding-top:8px}
"""
