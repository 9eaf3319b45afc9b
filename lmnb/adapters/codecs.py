"""One codec a type, so that `parse(render(value)) == value`.

A str stands as it is, an option of a Literal as its text, everything else as JSON.
"""

from __future__ import annotations

import enum
import json
import types
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

from lmnb.adapters.json_codec import Json, Open, Typed
from lmnb.adapters.text_codec import Codec, Option, Text
from lmnb.types.base import Type
from lmnb.types.checked import Constraints, adapter_for

_NULLS = frozenset({"null", "none"})


def codec_for(kind: Any, constraints: Constraints = ()) -> Codec:
    """The codec of a field's type and bounds."""
    try:
        return _cached(kind, constraints)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _codec(kind, constraints)


def _codec(kind: Any, constraints: Constraints) -> Codec:
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, str) and not issubclass(kind, enum.Enum):
        return Text(None if kind is str and not constraints else adapter_for(kind, constraints))
    if isinstance(kind, type) and issubclass(kind, Type):
        return Typed(kind, adapter_for(kind, constraints))
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return Option(kind)
    if origin in (Union, types.UnionType):
        others = [arg for arg in args if arg is not type(None)]
        if len(others) == 1:
            return Maybe(codec_for(others[0], constraints))
    if kind is Any or kind is object or (origin in (Union, types.UnionType) and str in args):
        return Open(kind, adapter_for(kind, constraints))
    return Json(kind, adapter_for(kind, constraints))


_cached = lru_cache(maxsize=4096)(_codec)


class Maybe(Codec):
    """A value or None, which is written `null`. A text that reads like null or like a quoted text is put in quotes."""

    def __init__(self, inner: Codec) -> None:
        self.inner = inner

    def render(self, value: Any) -> str:
        if value is None:
            return "null"
        text = self.inner.render(value)
        misread = text.strip().lower() in _NULLS or _unquoted(text) is not None
        return json.dumps(text, ensure_ascii=False) if misread else text

    def dump(self, value: Any) -> Any:
        return None if value is None else self.inner.dump(value)

    def load(self, data: Any) -> Any:
        if data is None:
            return None
        if isinstance(data, str) and not isinstance(self.inner, (Text, Typed)):
            return self.parse(data)
        return self.inner.load(data)

    def parse(self, text: str) -> Any:
        text = text.strip()
        if text.lower() in _NULLS or (not text and not isinstance(self.inner, Text)):
            return None
        unquoted = _unquoted(text)
        return self.inner.parse(text if unquoted is None else unquoted)


def _unquoted(text: str) -> str | None:
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        inner = json.loads(text)
    except ValueError:
        return None
    return inner if isinstance(inner, str) else None
