"""Plotly figures of a run, as pure functions of what the run tells.

A figure shows itself as plotly's own data (JupyterLab and Notebook draw that) and, for all others, as a static drawing
of about ten kilobytes. Plotly's usual HTML holds its whole library, five megabytes a figure, or loads it.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape, unescape
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from lmnb import InputError
from lmnb.html import Html, el, root, visible
from lmnb.optimize.curve import CURVE_CSS, curve, drawn, staircase

INK, ACCENT, GOOD, BAD, YOURS = "#7d8798", "#5b7cfa", "#2e9e6b", "#d9534a", "#c58a17"  # readable on white and on black
LINE = "rgba(125,135,152,.25)"
PAGE = 500
MAX_HOVER = 240
Json = Mapping[str, Any]


class Figure(go.Figure):
    """A plotly figure that also has a static form, as it was made, for places where plotly does not run."""

    def __init__(self, *args: Any, static: Html | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._static = static

    # plotly's own takes its renderer's word alone, and that vanishes outside of JupyterLab
    _ipython_display_ = None  # type: ignore[assignment]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, Any]:
        bundle = {"application/vnd.plotly.v1+json": json.loads(self.to_json() or "{}"), "text/plain": repr(self)}
        return bundle if self._static is None else {**bundle, "text/html": str(self._static)}

    def _repr_html_(self) -> str | None:
        return None if self._static is None else str(self._static)

    def __repr__(self) -> str:
        return f"Figure({unescape(self.layout.title.text or '')!r})"


def plot_scores(run: Any) -> Figure:
    """Every candidate's score in order of creation, and the best so far with its 95 % interval.

    Dropped candidates are hollow, what a person made is a diamond. InputError while nothing is scored.
    """
    snapshot = run.snapshot()
    rows = drawn(snapshot["candidates"])
    if not rows:
        raise InputError("there is nothing to plot yet: no candidate is scored. Wait with run.until('candidate').")
    steps = staircase(rows)
    numbers = [row["number"] for row in rows]
    end = numbers[-1] + max(0.5, len(numbers) / 20)
    edges = [*(step.row["number"] for step in steps), end]
    firsts = {step.row["id"] for step in steps}
    figure = Figure(static=_static_scores(snapshot))
    if steps:
        figure.add_trace(_band(steps, edges))
        figure.add_trace(_stairs(steps, edges))
    for name, wanted, marker in _POINTS:
        chosen = [row for row in rows if wanted(row, row["id"] in firsts)]
        if chosen:
            figure.add_trace(_points(name, chosen, marker))
    best = next((row for row in rows if row["id"] == snapshot["best"]), None)
    if best is not None:
        figure.add_annotation(
            x=best["number"],
            y=best["score"],
            text=_best_words(best, snapshot.get("expected")),
            yshift=16,
            showarrow=False,
        )
    styled(figure, f"{snapshot['optimizer']} on {snapshot['program']}", height=360)
    figure.update_xaxes(title_text="candidate", range=[numbers[0] - 0.5, end], showgrid=False)
    figure.update_yaxes(title_text=f"score on {snapshot['evalset']['size']} examples, %")
    return figure


def plot_flips(run: Any, a: Any = None, b: Any = None) -> Figure:
    """Every example as a mark: fixed, broken, right or wrong under both, candidate `a` against candidate `b`.

    By default the best against the first. InputError while nothing is scored.
    """
    candidate = run.snapshot()["best"] if a is None else a
    if candidate is None:
        raise InputError("there is nothing to plot yet: no candidate is scored. Wait with run.until('candidate').")
    detail = run.detail(candidate, b)
    rows = _all_examples(run, candidate, b)
    if not rows:
        raise InputError(f"candidate {detail['number']} has no scored examples yet. Wait with run.until('candidate').")
    gain = detail.get("gain")
    title = f"Candidate {detail['number']}" + (
        f" against {gain['against']}: {gain['mean']:+.1f} points" if gain else ""
    )
    columns = max(20, min(60, math.ceil(math.sqrt(len(rows) * 12))))
    placed = [(i % columns, i // columns, row) for i, row in enumerate(rows)]
    height = math.ceil(len(rows) / columns)
    figure = Figure(static=_static_flips(title, placed, columns, height))
    for kind, colour, symbol, size in _KINDS:
        chosen = [(x, y, row) for x, y, row in placed if _kind(row) == kind]
        if chosen:
            figure.add_trace(
                go.Scatter(
                    x=[x for x, _, _ in chosen],
                    y=[y for _, y, _ in chosen],
                    mode="markers",
                    name=f"{kind} {len(chosen)}",
                    marker={"color": colour, "symbol": symbol, "size": size},
                    hovertext=[_example_words(row, kind) for _, _, row in chosen],
                    hoverinfo="text",
                )
            )
    styled(figure, title, height=130 + 22 * height)
    figure.update_xaxes(visible=False, range=[-1, columns])
    figure.update_yaxes(visible=False, range=[height - 0.25, -0.75])
    return figure


def shown(value: object, limit: int = MAX_HOVER) -> str:
    """Text for plotly, which reads some HTML in every label: nothing in it is markup or a formula; lines are broken."""
    whole = visible(value)
    whole = whole if len(whole) <= limit else whole[: limit - 1] + "…"
    lines = [line for part in whole.splitlines() for line in (textwrap.wrap(part, 70) or [""])]
    return "<br>".join(escape(line, quote=False).replace("$", "&#36;") for line in lines)


# -- scores

_Wanted = Callable[[Json, bool], bool]
_POINTS: Sequence[tuple[str, _Wanted, dict[str, Any]]] = (
    (
        "candidate",
        lambda row, new: not row["human"] and not new and row["status"] != "dropped",
        {"color": INK, "size": 8},
    ),
    ("new best", lambda row, new: not row["human"] and new, {"color": ACCENT, "size": 11}),
    (
        "dropped",
        lambda row, new: not row["human"] and row["status"] == "dropped",
        {"color": INK, "size": 8, "symbol": "circle-open"},
    ),
    (
        "yours",
        lambda row, new: row["human"],
        {"color": YOURS, "size": 12, "symbol": "diamond-open", "line": {"width": 2}},
    ),
)


def _points(name: str, rows: Sequence[Json], marker: Json) -> go.Scatter:
    return go.Scatter(
        x=[row["number"] for row in rows],
        y=[row["score"] for row in rows],
        mode="markers",
        name=name,
        marker=marker,
        hovertext=[_candidate_words(row) for row in rows],
        hoverinfo="text",
    )


def _band(steps: Sequence[Any], edges: Sequence[float]) -> go.Scatter:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for step, (left, right) in zip(steps, pairwise(edges), strict=True):
        low, high = step.row["low"], step.row["high"]
        if low is not None and high is not None:
            xs += [left, right, right, left, left, None]
            ys += [low, low, high, high, low, None]
    band = {"fill": "toself", "fillcolor": "rgba(91,124,250,.13)", "line": {"width": 0}, "mode": "lines"}
    return go.Scatter(x=xs, y=ys, name="95 % interval", hoverinfo="skip", **band)


def _stairs(steps: Sequence[Any], edges: Sequence[float]) -> go.Scatter:
    xs = [x for left, right in pairwise(edges) for x in (left, right)]
    ys = [step.row["score"] for step in steps for _ in range(2)]
    return go.Scatter(
        x=xs, y=ys, mode="lines", name="best so far", line={"color": ACCENT, "width": 2}, hoverinfo="skip"
    )


def _best_words(row: Json, expected: float | None) -> str:
    spread = "" if row["low"] is None else f" ± {(row['high'] - row['low']) / 2:.1f}"
    new = "" if expected is None else f", {expected:.1f} expected on new data"
    return f"<b>#{row['number']} · {row['score']:.1f} %{spread}</b>{new}"


def _candidate_words(row: Json) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:.1f} … {row['high']:.1f})"
    lines = [f"<b>#{row['number']}</b> · {row['score']:.1f} %{interval}", shown(row["label"])]
    if row["reason"]:
        lines.append(f"dropped: {shown(row['reason'])}")
    if row["done"] < row["total"]:
        lines.append(f"{row['done']} of {row['total']} examples")
    return "<br>".join(lines)


def _static_scores(snapshot: Json) -> Html:
    drawing = curve(snapshot["candidates"], snapshot["best"])
    words = f"{snapshot['optimizer']} on {snapshot['program']}: score of each candidate, in per cent"
    return framed(words, el("div", {"class": "lm-chart"}, drawing))


# -- flips

_KINDS = (
    ("fixed", GOOD, "triangle-up", 13),
    ("broken", BAD, "triangle-down", 13),
    ("right", "rgba(125,135,152,.4)", "square", 9),
    ("wrong", INK, "x-thin-open", 8),
    ("failed", BAD, "x", 10),
)


def _kind(row: Json) -> str:
    if row["error"] is not None:
        return "failed"
    if row["change"] in ("fixed", "broken"):
        return row["change"]
    return "right" if (row["score"] or 0) >= 0.5 else "wrong"


def _all_examples(run: Any, candidate: Any, against: Any) -> list[Json]:
    rows: list[Json] = []
    while True:
        page = run.examples(candidate, against, offset=len(rows), limit=PAGE)
        rows += page["rows"]
        if len(rows) >= page["total"] or not page["rows"]:
            return rows


def _example_words(row: Json, kind: str) -> str:
    lines = [f"<b>example {row['index']}</b> · {kind}"]
    lines += [f"{shown(name, 40)}: {shown(value)}" for name, value in row["inputs"].items()]
    lines += [f"{shown(name, 40)} (label): {shown(value)}" for name, value in row["labels"].items()]
    lines += [f"{shown(name, 40)} (answer): {shown(value)}" for name, value in (row["outputs"] or {}).items()]
    if row["error"]:
        lines.append(shown(row["error"]))
    return "<br>".join(lines)


def _static_flips(title: str, placed: Sequence[tuple[int, int, Json]], columns: int, height: int) -> Html:
    counts = {kind: sum(_kind(row) == kind for _, _, row in placed) for kind, *_ in _KINDS}
    words = f"{title} · " + ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    marks = (_mark(x, y, row) for x, y, row in placed)
    size = {"viewBox": f"0 0 {columns * 16} {height * 16}", "width": columns * 16, "height": height * 16}
    drawing = el("svg", {**size, "class": "lm-flips", "role": "img", "aria-label": words}, *marks)
    return framed(words, el("div", {"class": "lm-chart"}, drawing))


def _mark(x: int, y: int, row: Json) -> Html:
    kind, left, top = _kind(row), 16 * x, 16 * y
    told = el("title", None, f"example {row['index']}: {kind}")
    shape = {
        "fixed": f"M{left + 2} {top + 13}L{left + 8} {top + 2}L{left + 14} {top + 13}Z",
        "broken": f"M{left + 2} {top + 3}L{left + 8} {top + 14}L{left + 14} {top + 3}Z",
        "right": f"M{left + 4} {top + 4}h8v8h-8Z",
    }.get(kind, f"M{left + 4} {top + 4}l8 8M{left + 12} {top + 4}l-8 8")
    return el("path", {"d": shape, "class": f"lm-{kind}"}, told)


# -- what both share


def framed(words: str, drawing: Html, css: str = CURVE_CSS) -> Html:
    """The static form: a drawing over its caption."""
    return root("plot", drawing, el("div", {"class": "lm-muted lm-caption lm-num"}, words), css=css + _CSS)


def styled(figure: Figure, title: str, *, height: int) -> None:
    """Title, fonts, colours and margins of all figures."""
    figure.update_layout(
        template=go.layout.Template(),  # the default one weighs more than the data
        title={
            "text": shown(title),
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 10, "l": 8},
            "font": {"size": 15},
        },
        font={"family": "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif", "size": 12, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 16, "t": 72, "b": 44},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        hoverlabel={"align": "left"},
        height=height,
    )
    figure.update_xaxes(gridcolor=LINE, linecolor=LINE, zeroline=False)
    figure.update_yaxes(gridcolor=LINE, linecolor=LINE, zeroline=False)


_CSS = """
.lmnb .lm-caption{padding:6px 14px 8px;font-size:12px}
.lmnb svg.lm-flips{display:block;height:auto;max-width:100%;margin:8px 0}
.lmnb .lm-flips .lm-fixed{fill:var(--lm-good)}
.lmnb .lm-flips .lm-broken{fill:var(--lm-bad)}
.lmnb .lm-flips .lm-right{fill:color-mix(in srgb,var(--lm-ink2) 40%,var(--lm-bg))}
.lmnb .lm-flips .lm-wrong{stroke:var(--lm-ink2);stroke-width:1.2}
.lmnb .lm-flips .lm-failed{stroke:var(--lm-bad);stroke-width:2}
"""
