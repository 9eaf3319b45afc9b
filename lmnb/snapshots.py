"""Values as they are now: what a trace keeps of a call, whatever the program does with its lists and dicts afterwards."""

from __future__ import annotations

import copy
import datetime
import enum
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import PurePath
from types import FunctionType
from typing import Any
from uuid import UUID

_FIXED = frozenset({str, int, float, bool, type(None), bytes, complex})
_VALUES = (
    *_FIXED,
    enum.Enum,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    Decimal,
    PurePath,
    UUID,
    FunctionType,
    type,
)


def snapshot(value: Any, leaf: Callable[[Any], Any] | None = None) -> Any:
    """`value` with new lists, dicts, tuples and sets, in depth; anything else is shared, or what `leaf` makes of it. Never raises:
    what cannot be walked is shared whole.

    >>> context = ["one"]
    >>> before = snapshot({"context": context})
    >>> context += ["two"]
    >>> before
    {'context': ['one']}
    """
    try:
        return _copied(value, {}, leaf)
    except Exception:  # noqa: BLE001  another thread changes it, it is too deep: a trace must not end a program
        return value


def owned(value: Any) -> Any:
    """A `snapshot` with copies of its objects too; one that cannot be copied (it holds a lock) is shared."""
    return snapshot(value, _own)


def plain(values: Mapping[str, Any]) -> bool:
    """Whether all values are texts and numbers: there is nothing to copy."""
    return _FIXED.issuperset(map(type, values.values()))


def fixed(value: Any) -> bool:
    """Whether a `snapshot` of `value` stays as it is: no object in it can be changed."""
    found: list[bool] = []
    snapshot(value, lambda each: found.append(_unchanging(each)))
    return all(found)


def _copied(value: Any, memo: dict[int, Any], leaf: Callable[[Any], Any] | None) -> Any:
    kind = type(value)
    if kind in _FIXED:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is dict:
        if _FIXED.issuperset(map(type, value.values())):
            return dict(value)
        made = memo[id(value)] = {}
        for key, item in value.items():
            made[key] = _copied(item, memo, leaf)
        return made
    if kind is list:
        if _FIXED.issuperset(map(type, value)):
            return value[:]
        made = memo[id(value)] = []
        made.extend([_copied(item, memo, leaf) for item in value])
        return made
    if kind is tuple:
        return tuple([_copied(item, memo, leaf) for item in value])
    if kind is set:
        return {_copied(item, memo, leaf) for item in value}
    return value if leaf is None else leaf(value)


def _own(value: Any) -> Any:
    if _unchanging(value):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  whatever a class of the user's raises there
        return value


def _unchanging(value: Any) -> bool:
    return isinstance(value, _VALUES) or bool(getattr(type(value), "model_config", {}).get("frozen"))
