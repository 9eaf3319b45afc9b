"""The score curve of a run as a drawing: every candidate a point, the best so far a staircase with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from lmnb.html import Html, el

WIDTH, HEIGHT = 1030, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 45, 1015, 16, 130
LETTER = 6.8  # wide, about, where it is bold
YOURS = 34  # wide
MANY = 300  # candidates; more are drawn as a cloud of dots


class Step(NamedTuple):
    """A candidate that was the best so far from its place on: `x` counts drawn candidates."""

    x: int
    row: Mapping[str, Any]


def drawn(candidates: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The candidates that have a score, whole or in part, in order of creation."""
    return [row for row in candidates if row["score"] is not None]


def staircase(rows: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Where the best so far changes. A candidate that was dropped or is not finished is never the best."""
    steps: list[Step] = []
    for x, row in enumerate(rows):
        if row["status"] == "scored" and (not steps or row["score"] > steps[-1].row["score"]):
            steps.append(Step(x, row))
    return steps


def partly(row: Mapping[str, Any]) -> bool:
    """Whether a candidate's score is of some examples only; one that was dropped is marked as that."""
    return row["score"] is not None and row["status"] in ("partial", "evaluating")


def curve(candidates: Sequence[Mapping[str, Any]], best: str | None = None) -> Html | None:
    """The drawing (SVG) of a snapshot's candidates; None where nothing is scored yet. `best` is the id to be named."""
    rows = drawn(candidates)
    if not rows:
        return None
    steps = staircase(rows)
    low, high, ticks = _scale(rows, [step.row for step in steps])
    gap = min(60.0, (_RIGHT - _LEFT) / max(1, len(rows) - 1))

    def at_x(place: float) -> float:
        return round(_LEFT + gap * place, 1)

    def at_y(score: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (score - low) / (high - low), 1)

    end = at_x(len(rows) - 1) + min(gap, _RIGHT + 10 - at_x(len(rows) - 1))
    edges = [*(at_x(step.x) for step in steps), end]
    firsts = {step.row["id"] for step in steps}
    many = len(rows) > MANY
    named = next((x for x, row in enumerate(rows) if row["id"] == best), None)
    return el(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class": "lm-curve", "role": "img", "aria-label": _said(rows, steps)},
        *(_grid(tick, at_y(tick)) for tick in ticks),
        _band(steps, edges, at_y),
        _line(steps, edges, at_y),
        *(_dots(rows, firsts, at_x, at_y) if many else ()),
        *(
            _point(row, at_x(x), at_y(row["score"]), row["id"] in firsts, row["id"] == best)
            for x, row in enumerate(rows)
            if not many or row["id"] == best
        ),
        _yours(rows, at_x, at_y, named),
        None if named is None else _name(rows[named], at_x(named), at_y(rows[named]["score"])),
        _label(at_x(0), 146, "baseline" if rows[0]["origin"] == "baseline" else f"#{rows[0]['number']}", "start"),
        _label(at_x(len(rows) - 1), 146, f"candidate {rows[-1]['number']}", "end") if len(rows) > 4 else None,
    )


def _scale(rows: Sequence[Mapping[str, Any]], best: Sequence[Mapping[str, Any]]) -> tuple[float, float, list[float]]:
    """The lowest and highest value drawn, and round values for lines: the smallest step that gives at most four."""
    values = [row["score"] for row in rows]
    values += [bound for row in best for bound in (row["low"], row["high"]) if bound is not None]
    low, high = min(values), max(values)
    margin = max(1.0, (high - low) * 0.06)
    low, high = max(min(0.0, low), low - margin), min(max(100.0, high), high + margin)
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, math.inf) if (high - low) / s <= 4 or s == math.inf)
    first = math.ceil(low / step) * step
    return low, high, [first + step * i for i in range(5) if first + step * i <= high]


def _grid(tick: float, y: float) -> Html:
    line = el("line", {"x1": 40, "y1": y, "x2": 1020, "y2": y, "class": "lm-grid"})
    return el("g", None, line, _label(34, y + 4, f"{tick:g}%", "end"))


def _band(steps: Sequence[Step], edges: Sequence[float], at_y: Any) -> Html | None:
    boxes = [
        f"M{left} {at_y(step.row['low'])}V{at_y(step.row['high'])}H{round(right, 1)}V{at_y(step.row['low'])}Z"
        for step, (left, right) in zip(steps, pairwise(edges), strict=True)
        if step.row["low"] is not None and step.row["high"] is not None
    ]
    return el("path", {"d": "".join(boxes), "class": "lm-band"}) if boxes else None


def _line(steps: Sequence[Step], edges: Sequence[float], at_y: Any) -> Html | None:
    if not steps:
        return None
    path = f"M{edges[0]} {at_y(steps[0].row['score'])}"
    for step, (left, right) in zip(steps, pairwise(edges), strict=True):
        path += f" H{left} V{at_y(step.row['score'])} H{round(right, 1)}"
    return el("path", {"d": path, "class": "lm-best"})


def _dots(rows: Sequence[Mapping[str, Any]], firsts: set[str], at_x: Any, at_y: Any) -> list[Html]:
    """A cloud of points as one path of each kind, each place once: thousands of circles would outweigh the rest."""
    places: dict[str, dict[str, None]] = {
        "lm-dropped": {},
        "lm-partly": {},
        "lm-point": {},
        "lm-first": {},
        "lm-human": {},
    }
    for x, row in enumerate(rows):
        look = "lm-human" if row["human"] else "lm-first" if row["id"] in firsts else "lm-point"
        look = "lm-dropped" if look == "lm-point" and row["status"] == "dropped" else look
        look = "lm-partly" if look == "lm-point" and partly(row) else look
        places[look][f"M{at_x(x):.0f} {at_y(row['score']):.0f}h0"] = None
    return [el("path", {"d": "".join(marks), "class": f"lm-dots {look}"}) for look, marks in places.items() if marks]


def _point(row: Mapping[str, Any], x: float, y: float, first: bool, best: bool) -> Html:
    part = f" · {row['done']} of {row['total']} examples" if partly(row) else ""
    told = el("title", None, f"#{row['number']} · {row['score']:.1f} % · {row['reason'] or row['label']}{part}")
    if row["human"]:
        r = 6
        return el("path", {"d": f"M{x - r} {y} L{x} {y - r} L{x + r} {y} L{x} {y + r} Z", "class": "lm-human"}, told)
    look = "lm-point"
    if partly(row):
        return el("path", {"d": f"M{x - 4:g} {y}h8M{x} {y - 4:g}v8", "class": "lm-partly"}, told)
    if row["status"] == "dropped":
        look += " lm-dropped"
    elif first:
        look += " lm-first"
    return el("circle", {"cx": x, "cy": y, "r": 6 if best else 5 if first else 4, "class": look}, told)


def _yours(rows: Sequence[Mapping[str, Any]], at_x: Any, at_y: Any, named: int | None) -> Html | None:
    """A word at the last point made by the person; more would overlap, and the diamonds speak for themselves. It keeps clear of the
    best one's name, and where it cannot it goes unsaid.
    """
    place = next((x for x in reversed(range(len(rows))) if rows[x]["human"]), None)
    if place is None or place == named:
        return None
    x, y = at_x(place), at_y(rows[place]["score"])
    taken = None if named is None else _named_at(rows[named], at_x(named), at_y(rows[named]["score"]))
    for top in (y - 6, y + 16):
        for left, anchor in ((x + 10, "start"), (x - 10, "end")):
            box = (left if anchor == "start" else left - YOURS, top)
            inside = _LEFT <= box[0] <= WIDTH - YOURS and _TOP - 4 <= top <= _BOTTOM - 3
            apart = (
                taken is None or box[0] > taken[0] + taken[2] or box[0] + YOURS < taken[0] or abs(top - taken[1]) > 12
            )
            if inside and apart:
                return _label(left, top, "yours", anchor, "lm-yours")
    return None


def _name(row: Mapping[str, Any], x: float, y: float) -> Html:
    left, top, wide = _named_at(row, x, y)
    end = x > WIDTH - 160
    return _label(left + wide if end else left, top, _name_of(row), "end" if end else "start", "lm-name")


def _name_of(row: Mapping[str, Any]) -> str:
    spread = f" ± {(row['high'] - row['low']) / 2:.1f}" if row["high"] is not None and row["low"] is not None else ""
    return f"#{row['number']} · {row['score']:.1f}%{spread}"


def _named_at(row: Mapping[str, Any], x: float, y: float) -> tuple[float, float, float]:
    """Where the best one's name begins, its line, and about how wide it is."""
    wide = LETTER * len(_name_of(row))
    return (x - 10 - wide if x > WIDTH - 160 else x + 10), (y - 7 if y > _TOP + 8 else y + 18), wide


def _label(x: float, y: float, words: str, anchor: str, look: str = "lm-label") -> Html:
    return el("text", {"x": round(x, 1), "y": round(y, 1), "text-anchor": anchor, "class": look}, words)


def _said(rows: Sequence[Mapping[str, Any]], steps: Sequence[Step]) -> str:
    if not steps:
        return f"{len(rows)} candidates, none scored completely"
    first, last = rows[0], steps[-1].row
    return (
        f"{len(rows)} candidates: from {first['score']:.1f} % to {last['score']:.1f} %, the best is #{last['number']}"
    )


CURVE_CSS = """
.lmnb .lm-chart{padding:6px 14px 2px;border-bottom:1px solid var(--lm-line);overflow-x:auto}
.lmnb svg.lm-curve{display:block;width:100%;min-width:560px;height:auto;max-width:none}
.lmnb .lm-curve text{font:11px var(--lm-ui);fill:var(--lm-ink2);font-variant-numeric:tabular-nums}
.lmnb .lm-curve .lm-grid{stroke:var(--lm-line);stroke-width:1}
.lmnb .lm-curve .lm-band{fill:var(--lm-accent);opacity:.11}
.lmnb .lm-curve .lm-best{fill:none;stroke:var(--lm-accent);stroke-width:2}
.lmnb .lm-curve .lm-point{fill:var(--lm-ink2)}
.lmnb .lm-curve .lm-first{fill:var(--lm-accent)}
.lmnb .lm-curve .lm-dropped{fill:var(--lm-bg);stroke:var(--lm-ink2);stroke-width:1.2;opacity:.7}
.lmnb .lm-curve .lm-partly{fill:none;stroke:var(--lm-ink2);stroke-width:1.3}
.lmnb .lm-curve .lm-dots{fill:none;stroke:var(--lm-ink2);stroke-width:4;stroke-linecap:round}
.lmnb .lm-curve .lm-dots.lm-dropped,.lmnb .lm-curve .lm-dots.lm-partly{stroke-width:2}
.lmnb .lm-curve .lm-dots.lm-first{stroke:var(--lm-accent)}
.lmnb .lm-curve .lm-dots.lm-human{stroke:var(--lm-warn);stroke-width:6}
.lmnb .lm-curve .lm-human{fill:var(--lm-bg);stroke:var(--lm-warn);stroke-width:1.8}
.lmnb .lm-curve text.lm-name,.lmnb .lm-curve text.lm-yours{paint-order:stroke;stroke:var(--lm-bg);stroke-width:3px}
.lmnb .lm-curve text.lm-name{fill:var(--lm-ink);font-weight:600}
.lmnb .lm-curve text.lm-yours{fill:var(--lm-warn)}
"""
