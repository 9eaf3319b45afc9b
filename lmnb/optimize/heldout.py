"""What a check on held-out examples gives: two programs on examples that neither trained nor selected anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from lmnb.counts import counted
from lmnb.evaluate.statistics import mean_interval, paired
from lmnb.html import Html, el, heading, join, root


@dataclass(frozen=True)
class HeldOutCheck:
    """The score of the program before (`baseline`) and after (`score`) in per cent, the paired `gain` with its 95 % interval `low` to
    `high` in points, and how many of the `n` examples were fixed and broken. `expected` is what the run had led to expect.

    `looks` counts the candidates that were checked on these examples so far: each look picks a little, so the first is the honest one.
    `candidate` is an id, `number` its number in the run.
    """

    candidate: str
    number: int
    n: int
    baseline: float
    score: float
    score_low: float
    score_high: float
    gain: float
    low: float
    high: float
    fixed: int
    broken: int
    errors: int
    expected: float | None
    looks: int
    data: str
    usage: Mapping[str, float]

    @property
    def verdict(self) -> str:
        """What the interval of the gain says, in words."""
        if self.low > 0:
            return "better than before"
        return "worse than before" if self.high < 0 else "no difference shown"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `HeldOutCheck.from_dict` reads it back."""
        return asdict(self) | {"usage": dict(self.usage)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__})

    def __repr__(self) -> str:
        return (
            f"HeldOutCheck(#{self.number}: {self.baseline:.1f} → {self.score:.1f} %, {self.gain:+.1f} points, "
            f"95 % {self.low:+.1f} … {self.high:+.1f} on {counted(self.n, 'example')}: {self.verdict})"
        )

    def _repr_html_(self) -> str:
        return root("report", el("div", {"class": "lm-pane"}, check_part(self.to_dict())))


def checked(before: Sequence[float], after: Sequence[float], **known: Any) -> HeldOutCheck:
    """The check that these scores of the same examples make.

    >>> known = dict(candidate="c", number=3, errors=0, expected=None, looks=1, data="d", usage={})
    >>> checked([0.0] * 60 + [1.0] * 40, [1.0] * 90 + [0.0] * 10, **known)
    HeldOutCheck(#3: 40.0 → 90.0 %, +50.0 points, 95 % +35.8 … +62.3 on 100 examples: better than before)
    """
    change, interval = paired(before, after), mean_interval(after)
    n = len(after)
    return HeldOutCheck(
        n=n,
        baseline=100 * sum(before) / n,
        score=100 * sum(after) / n,
        score_low=100 * interval[0],
        score_high=100 * interval[1],
        gain=100 * change.mean,
        low=100 * change.low,
        high=100 * change.high,
        fixed=len(change.fixed),
        broken=len(change.broken),
        **known,
    )


def check_words(check: Mapping[str, Any]) -> str:
    """A check as one line, for a card."""
    look = "" if check["looks"] < 2 else f", look {check['looks']} at them"
    return (
        f"{check['score']:.1f} % of {check['n']} held-out examples{look}; {check['gain']:+.1f} points over the program before, "
        f"95 % interval {check['low']:+.1f} … {check['high']:+.1f}"
    )


def check_part(check: Mapping[str, Any]) -> Html:
    """A check as part of a report."""
    mood = "lm-good" if check["low"] > 0 else "lm-bad" if check["high"] < 0 else "lm-muted"
    verdict = HeldOutCheck.from_dict(check).verdict
    facts = [
        f"{check['baseline']:.1f} → {check['score']:.1f} % of {check['n']:,} examples",
        f"95 % interval of the gain {check['low']:+.1f} … {check['high']:+.1f}",
        f"{check['fixed']} fixed, {check['broken']} broken",
        *([f"{check['expected']:.0f} were expected"] if check["expected"] is not None else []),
        *([f"{check['errors']} failed"] if check["errors"] else []),
        *([f"look {check['looks']} at these examples"] if check["looks"] > 1 else []),
    ]
    return join(
        [
            heading("Held-out check", level=4),
            el(
                "div",
                {"class": "lm-num"},
                el("strong", {"class": mood}, f"#{check['number']} {check['gain']:+.1f} points: {verdict}"),
                " ",
                el("span", {"class": "lm-muted"}, " · ".join(facts)),
            ),
        ]
    )
