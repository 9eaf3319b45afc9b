"""What a metric gives: a number, a bool, a `Score`, or a prediction with a field `score`; `as_score` reads them all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value (1.0 is full marks), with words for whoever improves the program and single objectives.

    >>> import lmnb
    >>> lmnb.Score(0.5, feedback="the team is right, the date is missing")
    Score(0.5, feedback='the team is right, the date is missing')
    >>> float(lmnb.Score(True))
    1.0
    """

    value: float
    feedback: str | None = None
    objectives: Mapping[str, float] | None = None

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        more = {"feedback": self.feedback, "objectives": self.objectives}
        return f"Score({float(self.value):g}{''.join(f', {k}={v!r}' for k, v in more.items() if v is not None)})"


def as_score(result: Any) -> Score:
    """The `Score` that a metric's result means. InputError for what is no score, and for a number that is not finite.

    >>> as_score(True), as_score(0.25)
    (Score(1), Score(0.25))
    """
    if isinstance(result, Score):
        return Score(_finite(result.value), _words(result.feedback), _objectives(result.objectives))
    if isinstance(result, Example):
        fields = result.toDict()
        if "score" not in fields:
            raise InputError(f"the metric gave {result!r}, which has no field 'score'. {_WANTED}")
        return Score(_finite(fields["score"]), _words(fields.get("feedback")))
    return Score(_finite(result))


_WANTED = "Return a number, a bool, or Score(value, feedback=...)."


def _finite(value: Any) -> float:
    if value is None:
        raise InputError(f"the metric gave None: a return is missing on some path. {_WANTED}")
    # numpy's scalars register as Real, its bool does not but has `.item()`
    if not isinstance(value, Real) and callable(getattr(value, "item", None)) and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if not isinstance(value, Real):
        raise InputError(f"the metric gave {value!r} ({type(value).__name__}), which is no score. {_WANTED}")
    number = float(value)
    if not math.isfinite(number):
        raise InputError(f"the metric gave {number!r}. A score must be finite: decide what such an example is worth.")
    return number


def _words(feedback: Any) -> str | None:
    return feedback if feedback is None or isinstance(feedback, str) else str(feedback)


def _objectives(objectives: Mapping[str, Any] | None) -> dict[str, float] | None:
    return None if objectives is None else {str(name): _finite(value) for name, value in objectives.items()}
