"""The figure of a run's lineage: which candidate was made from which, and what it scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lmnb import InputError
from lmnb.html import Html, el
from lmnb_widgets.chart import CHART_CSS, Chart, spread
from lmnb_widgets.plots import ACCENT, INK, LINE, YOURS, Figure, framed, shown, styled

Json = Mapping[str, Any]
_LOOKS = {
    "best": ("star", "lm-strong", {"color": ACCENT, "size": 15, "symbol": "star"}),
    "led to the best": ("circle", "lm-strong", {"color": ACCENT, "size": 10}),
    "yours": ("diamond", "lm-yours", {"color": YOURS, "size": 12, "symbol": "diamond-open", "line": {"width": 2}}),
    "dropped": ("circle", "lm-hollow", {"color": INK, "size": 9, "symbol": "circle-open"}),
    "candidate": ("circle", "", {"color": INK, "size": 8}),
}


def plot_lineage(run: Any) -> Figure:
    """Every scored candidate in order of creation, joined to those that it was made from; the way to the best stands out.

    What was dropped is hollow, what a person made a diamond, the best a star. InputError while nothing is scored.
    """
    snapshot = run.snapshot()
    rows = [row for row in snapshot["candidates"] if row["score"] is not None]
    if not rows:
        raise InputError("there is nothing to plot yet: no candidate is scored. Wait with run.until('candidate').")
    by_id = {row["id"]: row for row in rows}
    way = _ancestors(by_id, snapshot["best"])
    title = f"Lineage of {len(rows)} candidates" + (f", {len(way)} led to the best" if len(way) > 1 else "")
    edges = [(by_id[parent], row) for row in rows for parent in row["parents"] if parent in by_id]
    kinds = {row["id"]: _kind(row, snapshot["best"], way) for row in rows}
    figure = Figure(static=_static_lineage(title, rows, edges, kinds, way))
    for name, strong, line in (
        ("made from", False, {"color": LINE, "width": 1}),
        ("way to the best", True, {"color": ACCENT, "width": 2}),
    ):
        chosen = [edge for edge in edges if _on_way(edge, way) is strong]
        if chosen:
            xs = [x for parent, child in chosen for x in (parent["number"], child["number"], None)]
            ys = [y for parent, child in chosen for y in (parent["score"], child["score"], None)]
            figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", name=name, line=line, hoverinfo="skip"))
    for kind, (_, _, marker) in reversed(_LOOKS.items()):
        chosen = [row for row in rows if kinds[row["id"]] == kind]
        if chosen:
            figure.add_trace(
                go.Scatter(
                    x=[row["number"] for row in chosen],
                    y=[row["score"] for row in chosen],
                    mode="markers",
                    name=kind,
                    marker=marker,
                    hovertext=[_words(row, by_id) for row in chosen],
                    hoverinfo="text",
                )
            )
    styled(figure, title, height=380)
    figure.update_xaxes(title_text="candidate", showgrid=False)
    figure.update_yaxes(title_text="score, %")
    return figure


def _ancestors(by_id: Mapping[str, Json], best: str | None) -> set[str]:
    """The best candidate and all that it comes from."""
    found: set[str] = set()
    waiting = [best]
    while waiting:
        name = waiting.pop()
        if name is not None and name in by_id and name not in found:
            found.add(name)
            waiting += by_id[name]["parents"]
    return found


def _on_way(edge: tuple[Json, Json], way: set[str]) -> bool:
    return edge[0]["id"] in way and edge[1]["id"] in way


def _kind(row: Json, best: str | None, way: set[str]) -> str:
    if row["id"] == best:
        return "best"
    if row["human"]:
        return "yours"
    if row["status"] == "dropped":
        return "dropped"
    return "led to the best" if row["id"] in way else "candidate"


def _words(row: Json, by_id: Mapping[str, Json]) -> str:
    parents = ", ".join(f"#{by_id[parent]['number']}" for parent in row["parents"] if parent in by_id)
    lines = [f"<b>#{row['number']}</b> · {row['score']:.1f} %", shown(row["label"])]
    lines += [f"from {parents}"] if parents else []
    lines += [f"dropped: {shown(row['reason'])}"] if row["reason"] else []
    return "<br>".join(lines)


def _static_lineage(
    title: str, rows: Sequence[Json], edges: Sequence[tuple[Json, Json]], kinds: Mapping[str, str], way: set[str]
) -> Html:
    numbers = [row["number"] for row in rows]
    chart = Chart(
        (min(numbers) - 0.5, max(numbers) + 0.5),
        spread([row["score"] for row in rows]),
        x_words="candidate",
        y_words="score, %",
    )
    for parent, child in sorted(edges, key=lambda edge: _on_way(edge, way)):
        ends = [(parent["number"], parent["score"]), (child["number"], child["score"])]
        chart.line(ends, "lm-strong" if _on_way((parent, child), way) else "")
    for row in sorted(rows, key=lambda row: kinds[row["id"]] == "best"):
        shape, look, _ = _LOOKS[kinds[row["id"]]]
        told = f"#{row['number']} · {row['score']:.1f} % · {row['reason'] or row['label']}"
        chart.mark(shape, row["number"], row["score"], told, look)
        if kinds[row["id"]] == "best":
            chart.words(row["number"], row["score"], f"#{row['number']} · {row['score']:.1f} %")
    signs = {"best": "★ the best", "yours": "◇ yours", "dropped": "○ dropped"}
    legend = "".join(f" · {words}" for kind, words in signs.items() if kind in kinds.values())
    return framed(f"{title}{legend}", el("div", {"class": "lm-chart"}, chart.drawing(title)), CHART_CSS)
