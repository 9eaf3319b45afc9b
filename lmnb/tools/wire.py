"""Values as JSON, and back. Both ends of the Deno sandbox have this file: plain JSON stands for itself, and every other value is an
object of one key, which names its kind.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_EXACT = 2**53  # whole numbers beyond it are written in hexadecimal: decimal digits are limited, and slow


def _clock_text(value: Any) -> list[Any]:
    return [value.isoformat(), value.fold]


def _clock(kind: Any, text: str, fold: int) -> Any:
    return kind.fromisoformat(text).replace(fold=fold)


_KINDS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    bytes: (lambda value: base64.b64encode(value).decode(), base64.b64decode),
    complex: (lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    Decimal: (str, Decimal),
    datetime.date: (datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.datetime: (_clock_text, lambda parts: _clock(datetime.datetime, *parts)),
    datetime.time: (_clock_text, lambda parts: _clock(datetime.time, *parts)),
    datetime.timedelta: (
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda parts: datetime.timedelta(*parts),
    ),
}
SCALARS = frozenset({type(None), bool, int, float, str, *_KINDS})


def encode(value: Any) -> Any:
    """A value of `SCALARS`, list, tuple, set, frozenset and dict in terms of JSON; TypeError for any other type.

    >>> encode({"a": (1, b"x")})
    {'dict': [['a', {'tuple': [1, {'bytes': 'eA=='}]}]]}
    """
    kind = type(value)
    if kind is int:
        return value if -_EXACT < value < _EXACT else {"int": hex(value)}
    if kind in _KINDS:
        return {kind.__name__: _KINDS[kind][0](value)}
    if kind in SCALARS:
        return value
    if kind is list:
        return [encode(item) for item in value]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(item) for item in value]}
    if kind is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    raise TypeError(f"a {kind.__name__} does not cross the border of the sandbox")


def decode(value: Any) -> Any:
    """What `encode` was given. For what it never writes: ValueError, TypeError, KeyError, ArithmeticError or RecursionError.

    >>> decode(encode({"a": (1, b"x")}))
    {'a': (1, b'x')}
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    return _READ[kind](held)


def hashable(value: Any) -> Any:
    """`value` as a key of a dict or a member of a set: its repr where it cannot be one."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "tuple": lambda items: tuple(map(decode, items)),
    "set": lambda items: set(map(decode, items)),
    "frozenset": lambda items: frozenset(map(decode, items)),
    "dict": lambda pairs: {decode(key): decode(item) for key, item in pairs},
    **{kind.__name__: read for kind, (_, read) in _KINDS.items()},
}
