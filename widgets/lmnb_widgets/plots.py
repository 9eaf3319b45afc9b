"""Plotly figures of a run, as pure functions of what the run tells: its scores, and what became of each example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from lmnb import InputError
from lmnb.html import Html, el, join
from lmnb.optimize.curve import CURVE_CSS, MANY, curve, drawn, partly, staircase
from lmnb_widgets.chart import CHART_CSS, text
from lmnb_widgets.figure import ACCENT, BAD, GOOD, INK, MARKERS, SIGNS, Figure, by_candidate, framed, shown, styled
from lmnb_widgets.thinning import note, thinned

PAGE = 500
Json = Mapping[str, Any]


def plot_scores(run: Any) -> Figure:
    """Every candidate's score in order of creation, and the best so far with its 95 % interval.

    Dropped candidates are hollow, those scored on some examples only a cross, what a person made is a diamond. Of more than a
    thousand those are drawn that can be seen apart. InputError while nothing is scored.

    >>> import lmnb
    >>> data = [lmnb.Example(question="1 + 1", answer="2").with_inputs("question")] * 3
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "2"}))
    >>> run = lmnb.BootstrapFewShot(lmnb.evaluate.exact_match("answer")).start(program, trainset=data, valset=data, run_dir=None)
    >>> _ = run.wait()
    >>> run.plot_scores()
    Figure('BootstrapFewShot on Predict')
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
    kinds = {kind: [row for row in rows if _kind_of(row, firsts) == kind] for kind in _POINTS}
    kept = thinned(kinds, lambda row: (row["number"], row["score"]))
    figure = Figure(static=_static_scores(snapshot, [kind for kind, found in kinds.items() if found]))
    if steps:
        figure.add_trace(_band(steps, edges))
        figure.add_trace(_stairs(steps, edges))
    for kind, marker in _POINTS.items():
        if kept[kind]:
            figure.add_trace(_points(kind, kept[kind], marker))
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
    by_candidate(figure, numbers[0] - 0.5, end, note(sum(map(len, kept.values())), len(rows)))
    figure.update_yaxes(title_text=f"score on {snapshot['evalset']['size']} examples, %")
    return figure


def plot_flips(run: Any, a: Any = None, b: Any = None) -> Figure:
    """Every example as a mark: fixed, broken, still right or still wrong, candidate `a` against candidate `b`.

    By default the best against the first. A line begins with the example whose number stands before it. InputError while
    nothing is scored.

    >>> import lmnb
    >>> data = [lmnb.Example(question="1 + 1", answer="2").with_inputs("question")] * 3
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "2"}))
    >>> run = lmnb.BootstrapFewShot(lmnb.evaluate.exact_match("answer")).start(program, trainset=data, valset=data, run_dir=None)
    >>> _ = run.wait()
    >>> [(trace.name, len(trace.x)) for trace in run.plot_flips(1, 0).data]
    [('3 still right', 3)]
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
    columns = 10 * max(2, min(6, math.ceil(math.sqrt(len(rows) * 12) / 10)))
    found = {kind: [(n, row) for n, row in enumerate(rows) if _kind(row) == kind] for kind in _KINDS}
    found = {kind: marks for kind, marks in found.items() if marks}
    firsts = [row["index"] for row in rows[::columns]]
    figure = Figure(static=_static_flips(title, found, columns, firsts))
    for kind, marks in found.items():
        colour, symbol, size, _ = _KINDS[kind]
        figure.add_trace(
            go.Scatter(
                x=[n % columns for n, _ in marks],
                y=[n // columns for n, _ in marks],
                mode="markers",
                name=f"{len(marks)} {kind}",
                marker={"color": colour, "symbol": symbol, "size": size},
                hovertext=[_example_words(row, kind) for _, row in marks],
                hoverinfo="text",
            )
        )
    styled(figure, title, height=130 + 22 * len(firsts))
    figure.update_xaxes(visible=False, range=[-0.75, columns - 0.25])
    ticks = {"tickvals": [*range(len(firsts))], "ticktext": [*map(str, firsts)]}
    figure.update_yaxes(
        title_text="example", range=[len(firsts) - 0.25, -0.75], showgrid=False, showline=False, **ticks
    )
    return figure


# -- scores

_POINTS: Mapping[str, dict[str, Any]] = {
    "candidate": MARKERS["candidate"],
    "partly scored": MARKERS["partly scored"],
    "new best": {"color": ACCENT, "size": 11},
    "dropped": MARKERS["dropped"],
    "yours": MARKERS["yours"],
}


def _kind_of(row: Json, firsts: set[str]) -> str:
    if row["human"]:
        return "yours"
    if row["status"] == "dropped":
        return "dropped"
    return "new best" if row["id"] in firsts else "partly scored" if partly(row) else "candidate"


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


def _static_scores(snapshot: Json, kinds: Sequence[str]) -> Html:
    signs = "".join(f" · {SIGNS[kind]}" for kind in kinds if kind in SIGNS)
    if signs and len(drawn(snapshot["candidates"])) > MANY:
        signs = " · small dots: dropped or partly scored; big ones: yours"
    words = f"{snapshot['optimizer']} on {snapshot['program']}: score of each candidate, in per cent{signs}"
    return framed(words, curve(snapshot["candidates"], snapshot["best"]) or join([]))


# -- flips

_KINDS = {  # colour, symbol and size of plotly's mark, and the sign of the static one in its caption
    "fixed": (GOOD, "triangle-up", 13, "▲"),
    "broken": (BAD, "triangle-down", 13, "▼"),
    "still right": ("rgba(125,135,152,.4)", "square", 9, "■"),
    "still wrong": (INK, "x-thin-open", 8, "×"),
    "right": ("rgba(125,135,152,.4)", "square", 9, "■"),  # where there is nothing to compare with
    "wrong": (INK, "x-thin-open", 8, "×"),
    "failed": (BAD, "square-x-open", 10, "⊠"),
}
_CELL, _MARGIN, _TITLED = 16, 40, 1_000  # pixels; from so many examples on a mark has no words of its own


def _kind(row: Json) -> str:
    if row["error"] is not None:
        return "failed"
    if row["change"] in ("fixed", "broken"):
        return row["change"]
    right = "right" if (row["score"] or 0) >= 0.5 else "wrong"
    return right if row["change"] is None else f"still {right}"


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


def _static_flips(
    title: str, found: Mapping[str, Sequence[tuple[int, Json]]], columns: int, firsts: Sequence[int]
) -> Html:
    words = f"{title} · " + ", ".join(f"{_KINDS[kind][3]} {len(marks)} {kind}" for kind, marks in found.items())
    wide, high = _MARGIN + columns * _CELL, len(firsts) * _CELL
    titled = sum(map(len, found.values())) <= _TITLED
    numbers = [text(_MARGIN - 6, n * _CELL + 12, first, "end") for n, first in enumerate(firsts)]
    shapes = [shape for kind, marks in found.items() for shape in _shapes(kind, marks, columns, titled)]
    box = {"viewBox": f"0 0 {wide} {high}", "width": wide, "height": high, "class": "lm-xy lm-flips"}
    drawing = el("svg", {**box, "role": "img", "aria-label": words}, *numbers, *shapes)
    return framed(words, drawing, CURVE_CSS + CHART_CSS + _CSS)


def _shapes(kind: str, marks: Sequence[tuple[int, Json]], columns: int, titled: bool) -> list[Html]:
    look = {"class": f"lm-{kind.removeprefix('still ')}"}
    places = [f"M{_MARGIN + n % columns * _CELL} {n // columns * _CELL}{_SHAPES[look['class']]}" for n, _ in marks]
    if not titled:
        return [el("path", {"d": "".join(places), **look})]
    told = [el("title", None, f"example {row['index']}: {kind}") for _, row in marks]
    return [el("path", {"d": place, **look}, words) for place, words in zip(places, told, strict=True)]


_SHAPES = {
    "lm-fixed": "m2 13l6-11l6 11z",
    "lm-broken": "m2 3l6 11l6-11z",
    "lm-right": "m4 4h8v8h-8z",
    "lm-wrong": "m4 4l8 8m0-8l-8 8",
    "lm-failed": "m3 3h10v10h-10zl10 10m0-10l-10 10",
}
_CSS = """
.lmnb svg.lm-flips{width:auto;max-width:100%;min-width:0;margin:8px 0}
.lmnb .lm-flips .lm-fixed{fill:var(--lm-good)}
.lmnb .lm-flips .lm-broken{fill:var(--lm-bad)}
.lmnb .lm-flips .lm-right{fill:color-mix(in srgb,var(--lm-ink2) 40%,var(--lm-bg))}
.lmnb .lm-flips .lm-wrong{stroke:var(--lm-ink2);stroke-width:1.2}
.lmnb .lm-flips .lm-failed{fill:none;stroke:var(--lm-bad);stroke-width:1.5}
"""
