"""Figures of what a run costs: score against cost with its front, and where the budget went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import plotly.graph_objects as go

from lmnb import InputError
from lmnb.html import Html, duration, money
from lmnb_widgets.chart import CHART_CSS, Chart, spread
from lmnb_widgets.figure import ACCENT, INK, MARKERS, YOURS, Figure, by_candidate, framed, shown, styled
from lmnb_widgets.thinning import note, thinned

KINDS = ("calls", "tokens", "usd", "seconds")
_LOOKS = (
    ("on the front", True, {"color": ACCENT, "size": 12, "symbol": "diamond"}),
    ("better and no dearer exists", False, {"color": INK, "size": 8}),
)


def plot_pareto(run: Any, by: str | None = None) -> Figure:
    """Every fully scored candidate's score against its cost for one example, and the front: none is better and no dearer.

    `by` is "calls", "tokens", "usd", "seconds" or "characters" of the prompt. InputError while nothing is scored.

    >>> import lmnb
    >>> data = [lmnb.Example(question="1 + 1", answer="2").with_inputs("question")] * 3
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "2"}))
    >>> run = lmnb.BootstrapFewShot(lmnb.evaluate.exact_match("answer")).start(program, trainset=data, valset=data, run_dir=None)
    >>> _ = run.wait()
    >>> run.plot_pareto("characters")
    Figure('Score against characters of the prompt: 1 of 2 on the front')
    """
    front = run.front(by)
    if not front:
        raise InputError("there is nothing to plot yet: no candidate is scored. Wait with run.until('candidate').")
    cost, words = _writer(front.by), _cost_words(front.by)
    best = front.best
    kept = thinned(
        {name: [row for row in front if row.on_front is on] for name, on, _ in _LOOKS},
        lambda row: (row.cost, row.score),
    )
    title = f"Score against {words}: {len(best):,} of {len(front):,} on the front"
    left_out = note(sum(map(len, kept.values())), len(front))
    stairs = _stairs([(row.cost, row.score) for row in best])
    figure = Figure(
        static=_static_pareto(title + left_out, [row for rows in kept.values() for row in rows], stairs, cost, words)
    )
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in stairs],
            y=[y for _, y in stairs],
            mode="lines",
            name="front",
            line={"color": ACCENT, "width": 2},
            hoverinfo="skip",
        )
    )
    for name, _, marker in _LOOKS:
        rows = kept[name]
        if rows:
            figure.add_trace(
                go.Scatter(
                    x=[row.cost for row in rows],
                    y=[row.score for row in rows],
                    mode="markers",
                    name=name,
                    marker=marker,
                    hovertext=[
                        f"<b>#{row.number}</b> · {row.score:.1f} % at {shown(cost(row.cost))}<br>{shown(row.label)}"
                        for row in rows
                    ],
                    hoverinfo="text",
                )
            )
    styled(figure, title, height=360)
    figure.update_xaxes(title_text=words + left_out, rangemode="tozero")
    figure.update_yaxes(title_text="score, %")
    return figure


def plot_budget(run: Any, by: str = "calls") -> Figure:
    """What scoring the candidates took, summed up in order of creation, the whole that was spent, and the limit.

    `by` is "calls", "tokens", "usd" or "seconds". InputError while nothing is spent.

    >>> import lmnb
    >>> data = [lmnb.Example(question="1 + 1", answer="2").with_inputs("question")] * 3
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "2"}))
    >>> run = lmnb.BootstrapFewShot(lmnb.evaluate.exact_match("answer")).start(program, trainset=data, valset=data, run_dir=None)
    >>> _ = run.wait()
    >>> run.plot_budget()
    Figure('9 calls: 6 scoring, 3 bootstraps etc.')
    """
    if by not in KINDS:
        raise InputError(f"plot_budget(by={by!r}) is not known; write one of {', '.join(map(repr, KINDS))}")
    spending = run.spending()
    rows = [row for row in spending["candidates"] if row[by]]
    if not rows:
        raise InputError(
            f"there is nothing to plot yet: no {by} were spent on a candidate. Wait with run.until('candidate')."
        )
    sums = [*zip(rows, accumulate(row[by] for row in rows), strict=True)]
    apart = {
        "candidate": [one for one in sums if not one[0]["human"]],
        "yours": [one for one in sums if one[0]["human"]],
    }
    kept = thinned(apart, lambda one: (one[0]["number"], one[1]))
    some = sorted((one for ones in kept.values() for one in ones), key=lambda one: one[0]["number"])
    # the seconds of rollouts that ran side by side are more than the clock's: there is no whole to set them against
    whole = None if by == "seconds" else spending["spent"].get(by)
    limit = None if by == "seconds" else spending["limits"].get(by)
    write = _writer(by)
    scoring = sums[-1][1]
    title = _budget_words(by, scoring, len(rows), spending["proposals"][by], whole, limit)
    left_out = note(len(some), len(rows))
    start, end = rows[0]["number"] - 0.5, rows[-1]["number"] + 0.5
    points = _stairs([(start, 0.0), *((row["number"], total) for row, total in some), (end, scoring)])
    figure = Figure(static=_static_budget(title + left_out, some, points, whole, limit, by, write))
    lines = {"mode": "lines", "hoverinfo": "skip"}
    xs, ys = [x for x, _ in points], [y for _, y in points]
    figure.add_trace(go.Scatter(x=xs, y=ys, name="scoring candidates", line={"color": ACCENT, "width": 2}, **lines))
    for name, marker in (
        ("candidate", MARKERS["candidate"]),
        ("yours", MARKERS["yours"]),
    ):
        if kept[name]:
            figure.add_trace(
                go.Scatter(
                    x=[row["number"] for row, _ in kept[name]],
                    y=[total for _, total in kept[name]],
                    mode="markers",
                    name=name,
                    marker=marker,
                    hovertext=[
                        f"{_row_words(row, by, write)}<br>{shown(write(total))} so far" for row, total in kept[name]
                    ],
                    hoverinfo="text",
                )
            )
    if whole:
        figure.add_trace(
            go.Scatter(
                x=[end],
                y=[whole],
                mode="markers",
                name="spent in all",
                marker={"color": ACCENT, "size": 13, "symbol": "star"},
                hovertext=[shown(write(whole))],
                hoverinfo="text",
            )
        )
    if limit is not None:
        ends = {"x": [start, end], "y": [limit, limit]}
        figure.add_trace(go.Scatter(**ends, name="limit", line={"color": YOURS, "width": 1.5, "dash": "dash"}, **lines))
    styled(figure, title, height=340)
    by_candidate(figure, start, end + 0.5, left_out)
    figure.update_yaxes(title_text="US dollars" if by == "usd" else by, rangemode="tozero")
    return figure


def _writer(by: str) -> Callable[[float], str]:
    if by in ("usd", "seconds"):
        return money if by == "usd" else duration
    return lambda value: f"{value:,.1f} {by}" if value % 1 else f"{value:,.0f} {by}"


def _cost_words(by: str) -> str:
    return "characters of the prompt" if by == "characters" else f"{'US dollars' if by == 'usd' else by} an example"


def _stairs(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of a line that keeps its height up to the next point."""
    corners = [corner for left, right in pairwise(points) for corner in (left, (right[0], left[1]))]
    return [*corners, points[-1]]


def _row_words(row: Mapping[str, Any], by: str, write: Callable[[float], str]) -> str:
    score = "" if row["score"] is None else f" · {row['score']:.1f} %"
    return f"<b>#{row['number']}</b>{score} · {shown(write(row[by]))}<br>{shown(row['label'])}"


def _budget_words(
    by: str, scoring: float, count: int, proposals: float, whole: float | None, limit: float | None
) -> str:
    """Where it went, in a line."""
    unit = f" {by}" if by in ("calls", "tokens") else ""
    write = "{:,.0f}".format if unit else _writer(by)
    if whole is None:
        return f"{write(scoring)} of work on {count:,} candidate{'s' * (count != 1)}"
    head = f"{write(whole)}{unit}" if limit is None else f"{write(whole)} of {write(limit)}{unit}"
    rest = whole - scoring - proposals
    parts = ((scoring, "scoring"), (proposals, "proposing"), (rest, "bootstraps etc."))
    return f"{head}: {', '.join(f'{write(value)} {what}' for value, what in parts if value > 1e-9)}"


def _static_pareto(
    title: str, front: Sequence[Any], stairs: Sequence[tuple[float, float]], cost: Callable[[float], str], words: str
) -> Html:
    chart = Chart(
        spread([row.cost for row in front], least=0.0),
        spread([row.score for row in front]),
        x_words=words,
        y_words="score, %",
    )
    chart.line(stairs, "lm-strong")
    for row in front:
        told = f"#{row.number} · {row.score:.1f} % at {cost(row.cost)} · {row.label}"
        shape, look = ("diamond", "lm-strong") if row.on_front else ("circle", "")
        chart.mark(shape, row.cost, row.score, told, look)
    top = max((row for row in front if row.on_front), key=lambda row: row.score)
    chart.words(top.cost, top.score, f"#{top.number} · {top.score:.1f} %")
    return framed(f"{title} · ◆ on the front", chart.drawing(title), CHART_CSS)


def _static_budget(
    title: str,
    sums: Sequence[tuple[Mapping[str, Any], float]],
    points: Sequence[tuple[float, float]],
    whole: float | None,
    limit: float | None,
    by: str,
    write: Callable[[float], str],
) -> Html:
    known = [value for value in (whole, limit) if value is not None]
    chart = Chart(
        (points[0][0], points[-1][0] + 0.5),
        spread([*(total for _, total in sums), *known], least=0.0),
        x_words="candidate",
        y_words=by,
        whole=True,
    )
    chart.line(points, "lm-strong")
    for row, total in sums:
        told = f"#{row['number']} · {write(row[by])} · {write(total)} so far · {row['label']}"
        shape, look = ("diamond", "lm-yours") if row["human"] else ("circle", "")
        chart.mark(shape, row["number"], total, told, look, 4)
    if limit is not None:
        chart.line([(points[0][0], limit), (points[-1][0] + 0.5, limit)], "lm-limit")
        chart.words(points[0][0], limit, f"limit {write(limit)}", "lm-label")
    if whole:
        chart.mark("star", points[-1][0], whole, f"{write(whole)} in all", "lm-strong")
    legend = " · ★ spent in all" if whole else ""
    return framed(f"{title}{legend}", chart.drawing(title), CHART_CSS)
