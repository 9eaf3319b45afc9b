"""The answer that most of several predictions give. Wang et al. 2022, arXiv 2203.11171 (self-consistency)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lmnb.errors import InputError
from lmnb.evaluate.metrics import normalize_text
from lmnb.prediction import Completions, Prediction


def majority(
    predictions: Prediction | Completions | Iterable[Any],
    normalize: Callable[[Any], Any] | None = normalize_text,
    field: str | None = None,
    weights: Sequence[float] | None = None,
) -> Prediction:
    """The first of the predictions whose `field` (default: the last one) says what most say; ties go to the earlier.

    `predictions` is a list, a prediction of several completions, or its completions. Values are compared as `normalize`
    leaves them (None: as they are); a value that it makes empty has no vote, unless all are. With `weights`, one a
    prediction, the value with the highest sum of them wins.

    >>> import lmnb
    >>> lmnb.majority([lmnb.Prediction(answer="4"), lmnb.Prediction(answer="four"), lmnb.Prediction(answer="Four!")])
    Prediction(answer='four')
    """
    given = predictions.completions if isinstance(predictions, Prediction) else predictions
    rows = [given[at] for at in range(len(given))] if isinstance(given, Completions) else list(given or ())
    if not rows:
        raise InputError("there is no prediction, so no majority.")
    name = field if field is not None else list(rows[-1].keys())[-1]
    if weights is not None and len(weights) != len(rows):
        raise InputError(f"there are {len(weights)} weights for {len(rows)} predictions. Give one for each.")
    votes: dict[str, list[float]] = {}
    keys = []
    for at, row in enumerate(rows):
        value = normalize(row[name]) if normalize is not None else row[name]
        keys.append(repr(value) if value not in (None, "") else None)
        if keys[-1] is not None:
            votes.setdefault(keys[-1], []).append(1.0 if weights is None else weights[at])
    sums = {key: math.fsum(given) for key, given in votes.items()}  # the same in any order
    most = max(sums.values(), default=0.0)
    at = next((at for at, key in enumerate(keys) if key is not None and sums[key] == most), 0)
    row = rows[at]
    return row if isinstance(row, Prediction) else Prediction(dict(row))
