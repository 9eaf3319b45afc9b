"""The static form of a figure with two axes: a small drawing with lines at round values, made by the core's escaping builder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lmnb.html import Html, el

WIDTH, HEIGHT = 1030, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 1014, 28, 212


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on the pixels from `start` to `end`; `whole` ones are counted, so nothing lies between two."""

    low: float
    high: float
    start: float
    end: float
    whole: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return round(self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low), 1)

    def ticks(self) -> list[float]:
        """Round values: the smallest step of 1, 2 or 5 times a power of ten that gives at most five."""
        unit = 10.0 ** math.floor(math.log10((self.high - self.low) / 5))
        step = next(unit * n for n in (1, 2, 5, 10) if (self.high - self.low) / (unit * n) <= 5)
        step = max(1.0, step) if self.whole else step
        first = math.ceil(self.low / step - 1e-9)
        return [round(step * n, 10) for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def spread(values: Sequence[float], *, least: float | None = None) -> tuple[float, float]:
    """A range around the values with some air; `least` is in it."""
    known = [*values, *([] if least is None else [least])]
    low, high = min(known), max(known)
    air = (high - low) * 0.06 or max(1e-9, abs(high) * 0.06, 0.5 if high == 0 else 0.0)
    return (low if least is not None and low >= least else low - air), high + air


class Chart:
    """Collects the marks of a drawing over a grid; `x` and `y` place them. `whole` says that x counts something."""

    def __init__(
        self,
        xs: tuple[float, float],
        ys: tuple[float, float],
        *,
        x_words: str,
        y_words: str,
        whole: bool = False,
        x_text: Callable[[float], str] = "{:,g}".format,
        y_text: Callable[[float], str] = "{:,g}".format,
    ) -> None:
        self.x, self.y = Axis(*xs, _LEFT, _RIGHT, whole), Axis(*ys, _BOTTOM, _TOP)
        self.marks: list[Html] = []
        for tick in self.y.ticks():
            line = {"x1": _LEFT, "y1": self.y.at(tick), "x2": _RIGHT, "y2": self.y.at(tick), "class": "lm-grid"}
            self.marks += [el("line", line), text(_LEFT - 6, self.y.at(tick) + 4, y_text(tick), "end")]
        self.marks += [text(self.x.at(tick), _BOTTOM + 16, x_text(tick), "middle") for tick in self.x.ticks()]
        self.marks += [text(_RIGHT, HEIGHT - 6, x_words, "end"), text(4, HEIGHT - 6, y_words, "start")]

    def line(self, points: Sequence[tuple[float, float]], look: str) -> None:
        """A line through the points."""
        path = "L".join(f"{self.x.at(x)} {self.y.at(y)}" for x, y in points)
        self.marks.append(el("path", {"d": f"M{path}", "class": f"lm-line {look}"}))

    def mark(self, shape: str, x: float, y: float, told: object, look: str = "", size: float = 5) -> None:
        """A mark, "circle", "diamond", "star" or "plus", whose title tells about it."""
        left, top, title = self.x.at(x), self.y.at(y), el("title", None, told)
        look = f"lm-mark {look}".rstrip()
        if shape == "circle":
            self.marks.append(el("circle", {"cx": left, "cy": top, "r": size, "class": look}, title))
            return
        if shape == "plus":
            arms = f"M{round(left - size, 1)} {top}h{2 * size}M{left} {round(top - size, 1)}v{2 * size}"
            self.marks.append(el("path", {"d": arms, "class": look}, title))
            return
        turns = 10 if shape == "star" else 4
        radii = [size * 1.5 if turn % 2 == 0 or shape == "diamond" else size * 0.6 for turn in range(turns)]
        angles = [math.tau * turn / turns - math.pi / 2 for turn in range(turns)]
        corners = [
            f"{left + r * math.cos(a):.1f} {top + r * math.sin(a):.1f}" for r, a in zip(radii, angles, strict=True)
        ]
        self.marks.append(el("path", {"d": f"M{'L'.join(corners)}Z", "class": look}, title))

    def words(self, x: float, y: float, said: str, look: str = "lm-name") -> None:
        """A word beside a place, on the side where there is room."""
        left, end = self.x.at(x), self.x.at(x) > WIDTH * 0.75
        top = self.y.at(y)
        self.marks.append(text(left - 9 if end else left + 9, top - 9, said, "end" if end else "start", look))

    def drawing(self, said: str) -> Html:
        """The whole as SVG; `said` is what a screen reader says of it."""
        box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class": "lm-xy"}
        return el("svg", {**box, "role": "img", "aria-label": said}, *self.marks)


def text(x: float, y: float, words: object, anchor: str, look: str = "lm-label") -> Html:
    """Words in a drawing."""
    return el("text", {"x": x, "y": y, "text-anchor": anchor, "class": look}, words)


CHART_CSS = """
.lmnb svg.lm-xy{display:block;width:100%;min-width:560px;height:auto;max-width:none}
.lmnb .lm-xy text{font:11px var(--lm-ui);fill:var(--lm-ink2);font-variant-numeric:tabular-nums}
.lmnb .lm-xy text.lm-name{fill:var(--lm-ink);font-weight:600;paint-order:stroke;stroke:var(--lm-bg);stroke-width:3px}
.lmnb .lm-xy .lm-grid{stroke:var(--lm-line)}
.lmnb .lm-xy .lm-line{fill:none;stroke:color-mix(in srgb,var(--lm-ink2) 45%,var(--lm-bg));stroke-width:1.2}
.lmnb .lm-xy .lm-line.lm-strong{stroke:var(--lm-accent);stroke-width:2}
.lmnb .lm-xy .lm-line.lm-limit{stroke:var(--lm-warn);stroke-width:1.5;stroke-dasharray:6 4}
.lmnb .lm-xy .lm-mark{fill:var(--lm-ink2)}
.lmnb .lm-xy .lm-mark.lm-strong{fill:var(--lm-accent)}
.lmnb .lm-xy .lm-mark.lm-hollow{fill:var(--lm-bg);stroke:var(--lm-ink2);stroke-width:1.3}
.lmnb .lm-xy .lm-mark.lm-partly{stroke:var(--lm-ink2);stroke-width:1.4}
.lmnb .lm-xy .lm-mark.lm-yours{fill:var(--lm-bg);stroke:var(--lm-warn);stroke-width:1.8}
"""
