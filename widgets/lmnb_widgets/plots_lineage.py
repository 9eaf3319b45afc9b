"""The figure of a run's lineage: which candidate was made from which, and what it scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lmnb import InputError
from lmnb.html import Html
from lmnb_widgets.chart import CHART_CSS, Chart, spread
from lmnb_widgets.figure import ACCENT, LINE, MARKERS, SIGNS, Figure, by_candidate, framed, partly, shown, styled
from lmnb_widgets.thinning import note, thinned

Json = Mapping[str, Any]
_LOOKS = {
    "best": ("star", "lm-strong", {"color": ACCENT, "size": 15, "symbol": "star"}),
    "led to the best": ("circle", "lm-strong", {"color": ACCENT, "size": 10}),
    "yours": ("diamond", "lm-yours", MARKERS["yours"]),
    "dropped": ("circle", "lm-hollow", MARKERS["dropped"]),
    "partly scored": ("plus", "lm-partly", MARKERS["partly scored"]),
    "candidate": ("circle", "", MARKERS["candidate"]),
}


def plot_lineage(run: Any) -> Figure:
    """Every scored candidate in order of creation, joined to those that it was made from; the way to the best stands out.

    What was dropped is hollow, what is scored on some examples only a cross, what a person made a diamond, the best a star. Of more
    than a thousand those are drawn that can be seen apart, each joined to the nearest that it comes from. InputError while nothing
    is scored.

    >>> import lmnb
    >>> data = [lmnb.Example(question="1 + 1", answer="2").with_inputs("question")] * 3
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "2"}))
    >>> run = lmnb.BootstrapFewShot(lmnb.evaluate.exact_match("answer")).start(program, trainset=data, valset=data, run_dir=None)
    >>> _ = run.wait()
    >>> run.plot_lineage()
    Figure('Lineage of 2 candidates')
    """
    snapshot = run.snapshot()
    scored = [row for row in snapshot["candidates"] if row["score"] is not None]
    if not scored:
        raise InputError("there is nothing to plot yet: no candidate is scored. Wait with run.until('candidate').")
    by_id = {row["id"]: row for row in scored}
    way = _ancestors(by_id, snapshot["best"])
    kinds = {row["id"]: _kind(row, snapshot["best"], way) for row in scored}
    apart = {kind: [row for row in scored if kinds[row["id"]] == kind] for kind in _LOOKS}
    kept = thinned(apart, lambda row: (row["number"], row["score"]))
    rows = sorted((row for found in kept.values() for row in found), key=lambda row: row["number"])
    title = f"Lineage of {len(scored):,} candidate{'s' * (len(scored) != 1)}"
    title += f", {len(way):,} led to the best" if len(way) > 1 else ""
    left_out = note(len(rows), len(scored))
    edges = _edges(rows, by_id)
    figure = Figure(static=_static_lineage(title + left_out, rows, edges, kinds, way))
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
        chosen = kept[kind]
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
    by_candidate(figure, rows[0]["number"] - 0.5, rows[-1]["number"] + 0.5, left_out)
    figure.update_yaxes(title_text="score, %", range=spread([row["score"] for row in rows]))
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


def _edges(rows: Sequence[Json], by_id: Mapping[str, Json]) -> list[tuple[Json, Json]]:
    """Each row with the parents that it was made from; in the place of one that is not drawn stands the nearest of its line that is."""
    drawn = {row["id"]: row for row in rows}
    nearest: dict[str, Json | None] = dict(drawn)

    def found(name: str) -> Json | None:
        passed: list[str] = []
        while name not in nearest:
            passed.append(name)
            nearest[name] = None  # a circle ends here
            older = [parent for parent in by_id[name]["parents"] if parent in by_id]
            if not older:
                break
            name = older[0]
        end = nearest[name]
        nearest.update(dict.fromkeys(passed, end))
        return end

    edges = [(found(parent), row) for row in rows for parent in dict.fromkeys(row["parents"]) if parent in by_id]
    return [(parent, row) for parent, row in edges if parent is not None and parent is not row]


def _on_way(edge: tuple[Json, Json], way: set[str]) -> bool:
    return edge[0]["id"] in way and edge[1]["id"] in way


def _kind(row: Json, best: str | None, way: set[str]) -> str:
    if row["id"] == best:
        return "best"
    if row["human"]:
        return "yours"
    if row["status"] == "dropped":
        return "dropped"
    return "led to the best" if row["id"] in way else "partly scored" if partly(row) else "candidate"


def _words(row: Json, by_id: Mapping[str, Json]) -> str:
    parents = ", ".join(f"#{by_id[parent]['number']}" for parent in row["parents"] if parent in by_id)
    lines = [f"<b>#{row['number']}</b> · {row['score']:.1f} %", shown(row["label"])]
    lines += [f"from {parents}"] if parents else []
    lines += [f"dropped: {shown(row['reason'])}"] if row["reason"] else []
    lines += [f"{row['done']} of {row['total']} examples"] if partly(row) else []
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
        whole=True,
    )
    for parent, child in sorted(edges, key=lambda edge: _on_way(edge, way)):
        ends = [(parent["number"], parent["score"]), (child["number"], child["score"])]
        chart.line(ends, "lm-strong" if _on_way((parent, child), way) else "")
    for row in sorted(rows, key=lambda row: kinds[row["id"]] == "best"):
        shape, look, _ = _LOOKS[kinds[row["id"]]]
        part = f" · {row['done']} of {row['total']} examples" if partly(row) else ""
        told = f"#{row['number']} · {row['score']:.1f} % · {row['reason'] or row['label']}{part}"
        chart.mark(shape, row["number"], row["score"], told, look)
        if kinds[row["id"]] == "best":
            chart.words(row["number"], row["score"], f"#{row['number']} · {row['score']:.1f} %")
    legend = "".join(f" · {SIGNS[kind]}" for kind in _LOOKS if kind in SIGNS and kind in kinds.values())
    return framed(f"{title}{legend}", chart.drawing(title), CHART_CSS)
