"""What all figures share: a plotly figure with a static form, its colours, marks and words.

A figure shows itself as plotly's own data (JupyterLab and Notebook draw that) and, for all others, as a static drawing
of about ten kilobytes. Plotly's usual HTML holds its whole library, five megabytes a figure, or loads it.
"""

from __future__ import annotations

import json
import textwrap
from html import escape, unescape
from typing import Any

import plotly.graph_objects as go

from lmnb.html import Html, el, root, visible
from lmnb.optimize.curve import CURVE_CSS
from lmnb.optimize.curve import partly as partly

INK, ACCENT, GOOD, BAD, YOURS = "#7d8798", "#5b7cfa", "#2e9e6b", "#d9534a", "#c58a17"  # readable on white and on black
LINE = "rgba(125,135,152,.25)"
MAX_HOVER = 240
MARKERS: dict[str, dict[str, Any]] = {
    "candidate": {"color": INK, "size": 8},
    "partly scored": {"color": INK, "size": 8, "symbol": "cross-thin-open", "line": {"width": 1.5}},
    "dropped": {"color": INK, "size": 8, "symbol": "circle-open"},
    "yours": {"color": YOURS, "size": 12, "symbol": "diamond-open", "line": {"width": 2}},
}
"""How a candidate is drawn, whatever the figure."""
SIGNS = {"best": "★ the best", "yours": "◇ yours", "dropped": "○ dropped", "partly scored": "+ partly scored"}


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
        return f"Figure({unescape(self.layout.title.text or '').replace('<br>', ' ')!r})"


def shown(value: object, limit: int = MAX_HOVER) -> str:
    """Text for plotly, which reads some HTML in every label: nothing in it is markup or a formula; lines are broken."""
    whole = visible(value)
    whole = whole if len(whole) <= limit else whole[: limit - 1] + "…"
    lines = [line for part in whole.splitlines() for line in (textwrap.wrap(part, 70) or [""])]
    return "<br>".join(escape(line, quote=False).replace("$", "&#36;") for line in lines)


def framed(words: str, drawing: Html, css: str = CURVE_CSS) -> Html:
    """The static form: a drawing over its caption."""
    chart = el("div", {"class": "lm-chart"}, drawing)
    return root("plot", chart, el("div", {"class": "lm-muted lm-caption lm-num"}, words), css=css + _CSS)


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


def by_candidate(figure: Figure, low: float, high: float, note: str = "") -> None:
    """The x axis of candidates in order of creation: whole numbers, also where there are few. The `note` stands beside its name."""
    few: dict[str, Any] = {"dtick": 1} if high - low <= 12 else {}
    figure.update_xaxes(title_text=f"candidate{note}", range=[low, high], tickformat=",d", showgrid=False, **few)


_CSS = """
.lmnb .lm-caption{padding:6px 14px 8px;font-size:12px}
"""
