"""What a review says: how far a judge and the person agree, and which of two programs the person prefers, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.errors import InputError
from lmnb.evaluate.metrics import call_of
from lmnb.evaluate.review_file import Answer
from lmnb.evaluate.review_items import ReviewItem
from lmnb.evaluate.score import as_score
from lmnb.evaluate.statistics import mean_interval, wilson
from lmnb.prediction import Prediction

RIGHT = 0.5  # from here on a score counts as right


@dataclass(frozen=True)
class Agreement:
    """`share` of the `n` items on which both said the same, its 95 % interval from `low` to `high`, and Cohen's kappa (Cohen 1960): 1 for the
    same in all, 0 for what chance would give; None where one of the two always says the same. `disagreed` has the ids of the others.
    """

    n: int
    share: float
    low: float
    high: float
    kappa: float | None
    disagreed: tuple[str, ...]

    def __repr__(self) -> str:
        kappa = "no kappa: one side never changes" if self.kappa is None else f"kappa {self.kappa:.2f}"
        return f"Agreement({100 * self.share:.1f} % of {self.n}, 95 % {100 * self.low:.1f} … {100 * self.high:.1f}, {kappa})"


@dataclass(frozen=True)
class Preference:
    """Of `n` pairs the person preferred the `first` output, the `second` or none (`ties`). `share` is that of the first, a tie counting half,
    with its 95 % interval from `low` to `high`: where it holds 0.5, the difference may be chance.
    """

    n: int
    first: int
    second: int
    ties: int
    share: float
    low: float
    high: float


def preference(judged: Sequence[tuple[ReviewItem, Answer]]) -> Preference:
    """The preference between the outputs of the pairs that a person has answered."""
    choices = [answer.choice for item, answer in judged if item.kind == "pair" and answer.verdict != "skip"]
    if not choices:
        raise InputError("no pair has an answer yet. Review pairs of outputs, say those of report.compare(other).")
    values = [0.5 if choice is None else 1.0 - choice for choice in choices]
    low, high = mean_interval(values)
    counts = (choices.count(0), choices.count(1), choices.count(None))
    return Preference(len(choices), *counts, sum(values) / len(values), low, high)


def agreement(judged: Sequence[tuple[ReviewItem, Answer]], judge: Callable[..., Any] | None) -> Agreement:
    """The agreement about items that a person has answered. Demos, skipped items and those without a score are left out."""
    said = []
    for item, answer in judged:
        person = _person(item, answer)
        if person is None:
            continue
        scores = item.scores if judge is None else [_score(judge, item, outputs) for outputs in item.outputs]
        if None not in scores:
            said.append((item.id, person, _verdict([float(score or 0.0) for score in scores])))
    if not said:
        raise InputError(
            "there is no judged output that a judge has a score for. Review outputs or pairs, and give the judge, "
            "review.agreement(metric), or review a report, whose rows have scores."
        )
    n = len(said)
    same = sum(person == other for _, person, other in said)
    low, high = wilson(same, n)
    away = tuple(name for name, person, other in said if person != other)
    return Agreement(n, same / n, low, high, _kappa([(person, other) for _, person, other in said]), away)


def _person(item: ReviewItem, answer: Answer) -> str | None:
    if item.kind == "demo" or answer.verdict == "skip":
        return None
    if item.kind == "output":
        return "right" if answer.verdict == "keep" else "wrong"
    return "tie" if answer.choice is None else str(answer.choice)


def _verdict(scores: Sequence[float]) -> str:
    if len(scores) == 1:
        return "right" if scores[0] >= RIGHT else "wrong"
    return "tie" if scores[0] == scores[1] else str(int(scores[1] > scores[0]))


def _score(judge: Callable[..., Any], item: ReviewItem, outputs: Any) -> float:
    return as_score(call_of(judge)(item.example, Prediction(**outputs), None)).value


def _kappa(said: Sequence[tuple[str, str]]) -> float | None:
    n = len(said)
    left, right = (Counter(side) for side in zip(*said, strict=True))
    if len(left) == 1 or len(right) == 1:
        return None
    chance = sum(left[verdict] * right[verdict] for verdict in left) / n**2
    return (sum(a == b for a, b in said) / n - chance) / (1 - chance)
