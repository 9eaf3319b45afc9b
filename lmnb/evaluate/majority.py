"""The answer that most of several predictions give. Wang et al. 2022, arXiv 2203.11171 (self-consistency)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lmnb.errors import InputError
from lmnb.evaluate.metrics import normalize_text
from lmnb.prediction import Completions, Prediction


def majority(
    predictions: Prediction | Completions | Iterable[Any],
    normalize: Callable[[Any], Any] | None = normalize_text,
    field: str | None = None,
) -> Prediction:
    """The first of the predictions whose `field` (default: the last one) says what most say; ties go to the earlier.

    `predictions` is a list, a prediction of several completions, or its completions. Values are compared as `normalize`
    leaves them (None: as they are); a value that it makes empty has no vote, unless all are.

    >>> majority([Prediction(answer="4"), Prediction(answer="four"), Prediction(answer="Four!")])
    Prediction(answer='four')
    """
    given = predictions.completions if isinstance(predictions, Prediction) else predictions
    rows = [given[at] for at in range(len(given))] if isinstance(given, Completions) else list(given or ())
    if not rows:
        raise InputError("there is no prediction, so no majority.")
    name = field if field is not None else list(rows[-1].keys())[-1]
    votes: dict[str, int] = {}
    keys = []
    for row in rows:
        value = normalize(row[name]) if normalize is not None else row[name]
        keys.append(repr(value) if value not in (None, "") else None)
        if keys[-1] is not None:
            votes[keys[-1]] = votes.get(keys[-1], 0) + 1
    most = max(votes.values(), default=0)
    at = next((at for at, key in enumerate(keys) if key is not None and votes[key] == most), 0)
    row = rows[at]
    return row if isinstance(row, Prediction) else Prediction(dict(row))
