"""The best of many scores, where equal scores keep the order of the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmnb.optional import need

if TYPE_CHECKING:
    import numpy as np


def best(scores: np.ndarray, k: int, extra: str) -> np.ndarray:
    """The places of the `k` highest scores, the highest first, and of equal ones the first first. No full sort.

    >>> import numpy
    >>> best(numpy.array([1.0, 3.0, 2.0, 3.0, 2.0]), 3, "retrieve")
    array([1, 3, 2])
    """
    numpy = need("numpy", extra, "ranking")
    if k < len(scores):
        least = numpy.partition(scores, len(scores) - k)[len(scores) - k]
        places = numpy.flatnonzero(scores >= least)
    else:
        places = numpy.arange(len(scores))
    return places[numpy.argsort(-scores[places], kind="stable")][:k]
