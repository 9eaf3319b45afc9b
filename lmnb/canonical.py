"""One JSON text for one value, and its hash: what cache keys, candidate ids and journal records are made of."""

from __future__ import annotations

import datetime
import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

_JSON = frozenset([str, int, float, bool, type(None)])
_LONG = 10**4000  # Python reads no number of more than 4300 digits


def jsonable(value: Any) -> Any:
    """`value` in terms of JSON; what has no JSON form becomes `{"__text__": str(value)}`.

    >>> jsonable({"day": datetime.date(2026, 1, 2), "tags": ("a", "b")})
    {'day': '2026-01-02', 'tags': ['a', 'b']}
    """
    kind = type(value)
    if kind in _JSON:
        return value if kind is not int or -_LONG < value < _LONG else {"__text__": hex(value)}
    if kind is dict:
        return {key if type(key) is str else str(key): jsonable(item) for key, item in value.items()}
    if kind is list:
        return [jsonable(item) for item in value]
    if isinstance(value, (str, bool, int, float)) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((jsonable(item) for item in value), key=repr)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", fallback=lambda other: {"__text__": str(other)})
    if isinstance(value, enum.Enum):
        return jsonable(value.value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    return {"__text__": str(value)}


_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=jsonable).encode


_ascii = json.JSONEncoder(separators=(",", ":")).encode


def compact(value: Any) -> bytes:
    """The shortest JSON text of a value in terms of JSON, as it is written to a file.

    >>> compact({"b": [1, "é"]}).decode()
    '{"b":[1,"é"]}'
    """
    try:
        return to_json(value, inf_nan_mode="constants")
    except ValueError:  # half a character, which UTF-8 cannot hold
        return _ascii(value).encode()


def canonical(value: Any) -> str:
    """The one JSON text of `value`: keys sorted, no spaces, all of Unicode as it is.

    >>> canonical({"b": 1, "a": [2, "é"]})
    '{"a":[2,"é"],"b":1}'
    """
    return _canonical(jsonable(value))


def content_hash(value: Any, n: int = 12) -> str:
    """The first `n` hex digits of the SHA-256 of `canonical(value)`; the same on every machine and in every process.

    >>> content_hash({"a": 1}) == content_hash({"a": 1})
    True
    """
    return plain_hash(jsonable(value), n)


def plain_hash(value: Any, n: int = 12) -> str:
    """`content_hash` of a value that is in terms of JSON already, or whose keys are texts throughout, in a third of the time.

    >>> plain_hash({"a": 1}) == content_hash({"a": 1})
    True
    """
    return text_hash(_canonical(value), n)


def text_hash(text: str, n: int = 12) -> str:
    """The first `n` hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:n]
