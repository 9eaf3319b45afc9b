"""Which of very many marks a figure draws: as many as can be seen apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

MOST = 1_000  # marks of a figure
_SHAPE = 3  # times as wide as high

T = TypeVar("T")


def thinned(
    kinds: Mapping[str, Sequence[T]], at: Callable[[T], tuple[float, float]], most: int = MOST
) -> dict[str, list[T]]:
    """At most `most` of the marks of all `kinds`, in their order. A kind of few stays whole; of one of many each place of a grid
    keeps its highest, over a grid that is as fine as the number allows.

    >>> many = [(x, x % 7) for x in range(5_000)]
    >>> kept = thinned({"candidate": many, "yours": [(8, 3), (90, 6)]}, lambda mark: mark, most=100)
    >>> len(kept["yours"]), 60 < len(kept["candidate"]) <= 98
    (2, True)
    """
    share = _share([len(marks) for marks in kinds.values()], most)
    return {kind: _sparse(marks, at, share) for kind, marks in kinds.items()}


def note(drawn: int, of: int) -> str:
    """What a figure says where it leaves marks out; nothing where it draws all.

    >>> note(1_000, 10_000), note(12, 12)
    (' · 9,000 of 10,000 left out where marks lie close', '')
    """
    return f" · {of - drawn:,} of {of:,} left out where marks lie close" if drawn < of else ""


def _share(counts: Sequence[int], most: int) -> int:
    """How many of one kind may stay, so that all together are at most `most`."""
    left, kinds = most, len(counts)
    for count in sorted(counts):
        if count * kinds > left:
            return left // kinds
        left, kinds = left - count, kinds - 1
    return most


def _sparse(marks: Sequence[T], at: Callable[[T], tuple[float, float]], most: int) -> list[T]:
    if len(marks) <= most:
        return list(marks)
    places = [at(mark) for mark in marks]
    (left, bottom), (right, top) = (tuple(map(edge, zip(*places, strict=True))) for edge in (min, max))
    wide, high = (right - left) or 1.0, (top - bottom) or 1.0
    lines = most  # more than fit, and from there on coarser and coarser
    while True:
        highest: dict[tuple[int, int], int] = {}
        for n, (x, y) in enumerate(places):
            cell = int((x - left) / wide * lines * _SHAPE), int((y - bottom) / high * lines)
            if cell not in highest or places[highest[cell]][1] < y:
                highest[cell] = n
        if len(highest) <= most or lines == 1:
            return [marks[n] for n in sorted(highest.values())][:most]
        lines = max(1, int(lines * 0.85))
