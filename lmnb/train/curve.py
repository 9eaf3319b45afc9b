"""The curve of accuracy against the number of demos, as a plotly figure: a function of the scores and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.optional import need


def figure(series: Mapping[str, Mapping[int, float]]) -> Any:
    """A line a series, each from number of demos to per cent right."""
    graph = need("plotly.graph_objects", "plots", "drawing the curve of accuracy by demos")
    made = graph.Figure()
    for name, points in series.items():
        made.add_scatter(x=list(points), y=list(points.values()), name=name, mode="lines+markers")
    demos = sorted({count for points in series.values() for count in points})
    made.update_xaxes(title="demos in the prompt", tickvals=demos)
    made.update_yaxes(title="right, %", range=[0, 100])
    made.update_layout(title="lmnb/tiny: accuracy against number of demos", template="plotly_white")
    return made
