"""A number that is known between two ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`; `high` None: no upper end is known.

    >>> import lmnb
    >>> lmnb.Interval(2, 4) + lmnb.Interval(1, 1), lmnb.Interval(2, 4) * lmnb.Interval(0, 10), lmnb.Interval(1, None) * 3
    (Interval(low=3, high=5), Interval(low=0, high=40), Interval(low=3, high=None))
    >>> str(lmnb.Interval(3, 3)), str(lmnb.Interval(1_000, 2_500)), str(lmnb.Interval(3, None))
    ('3', '1,000 to 2,500', '3 or more')
    """

    low: float
    high: float | None

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def __add__(self, other: Interval) -> Interval:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Interval(self.low + other.low, high)

    def __mul__(self, other: Interval | float) -> Interval:
        by = other if isinstance(other, Interval) else Interval(other, other)
        if 0 in (self.high, by.high):
            return NONE
        high = None if self.high is None or by.high is None else self.high * by.high
        return Interval(self.low * by.low, high)

    def told(self, write: str = "{:,.0f}") -> str:
        """The interval in words, each end written as the format says."""
        if self.high is None:
            return f"{write.format(self.low)} or more"
        return write.format(self.low) if self.exact else f"{write.format(self.low)} to {write.format(self.high)}"

    def __str__(self) -> str:
        return self.told()


NONE = Interval(0, 0)


def exactly(number: float) -> Interval:
    return Interval(number, number)


def up_to(number: float) -> Interval:
    return Interval(0, number)


def total(intervals: Iterable[Interval]) -> Interval:
    """The sum."""
    return sum(intervals, NONE)


def widest(intervals: Iterable[Interval]) -> Interval:
    """From the lowest end to the highest one: what one of them is, whichever. `NONE` for none.

    >>> widest([Interval(1, 2), Interval(3, 5)])
    Interval(low=1, high=5)
    """
    found = list(intervals)
    if not found:
        return NONE
    highs = [each.high for each in found if each.high is not None]
    return Interval(min(each.low for each in found), max(highs) if len(highs) == len(found) else None)
