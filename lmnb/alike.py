"""Whether two values are the same, where some of them are arrays or tables, which answer `==` by another array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.example import Example


def alike(one: Any, other: Any) -> bool:
    """Whether both are equal, arrays and tables by their shape and content. What cannot say so is not.

    >>> import numpy
    >>> alike({"x": numpy.arange(3)}, {"x": numpy.arange(3)}), alike(numpy.arange(3), numpy.arange(4))
    (True, False)
    """
    if one is other:
        return True
    try:
        return bool(one == other)
    except RecursionError:  # it holds itself, or is nested too deeply
        return False
    except Exception:  # noqa: BLE001  an array somewhere within, or a class of the user's
        pass
    if type(one) is not type(other):
        return False
    if isinstance(one, (Example, Mapping)):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return _equal(one, other)


def _equal(one: Any, other: Any) -> bool:
    try:
        if hasattr(one, "equals"):  # a table or a column
            return bool(one.equals(other))
        return one.shape == other.shape and bool((one == other).all())
    except Exception:  # noqa: BLE001  whatever a class of the user's raises there
        return False
