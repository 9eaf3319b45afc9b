"""Values that cross the border of the sandbox: plain data, and no deeper than anything on this side can walk."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lmnb.canonical import jsonable
from lmnb.errors import InterpreterError
from lmnb.tools.wire import hashable

DEEPEST = 100
_SCALARS = (bool, int, float, str, bytes, complex, Decimal, type(None))
_TIMES = (datetime.date, datetime.datetime, datetime.time, datetime.timedelta)


def sent(value: Any, what: str, depth: int = 0) -> Any:
    """`value` as the sandbox takes it: containers and scalars as they are, all else in terms of JSON."""
    if type(value) in _SCALARS or type(value) in _TIMES:
        return value
    _hold(depth, what)
    if isinstance(value, Mapping):
        return {sent(key, what, depth + 1): sent(item, what, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        return kind(sent(item, what, depth + 1) for item in value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):  # a subclass, such as a numpy number or an Enum of texts
            return kind(getattr(value, "value", value))
    if hasattr(value, "tolist"):  # arrays
        return sent(value.tolist(), what, depth + 1)
    try:
        ready = jsonable(value)
    except RecursionError:
        raise _too_deep(what) from None
    return ready["__text__"] if isinstance(ready, dict) and set(ready) == {"__text__"} else ready


def received(value: Any, what: str, depth: int = 0) -> Any:
    """`value` of the sandbox as plain data: an object of a class made there becomes the dict of its attributes, a
    function or type its name.
    """
    if type(value) in _SCALARS or type(value) in _TIMES:
        return value
    _hold(depth, what)
    if type(value) is dict:
        return {
            hashable(received(key, what, depth + 1)): received(item, what, depth + 1) for key, item in value.items()
        }
    if type(value) in (list, tuple):
        return type(value)(received(item, what, depth + 1) for item in value)
    if type(value) in (set, frozenset):
        return type(value)(hashable(received(item, what, depth + 1)) for item in value)
    if isinstance(getattr(value, "attributes", None), dict):
        return received(value.attributes, what, depth + 1)
    return getattr(value, "__name__", None) or getattr(value, "name", None) or str(value)


def _hold(depth: int, what: str) -> None:
    if depth > DEEPEST:
        raise _too_deep(what)


def _too_deep(what: str) -> InterpreterError:
    return InterpreterError(f"{what} is nested deeper than {DEEPEST}. Pass flat data.", kind="ValueError")
