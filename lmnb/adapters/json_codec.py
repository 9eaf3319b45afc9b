"""Values that stand as JSON: `Json`, `Typed` with a text form of its own, and `Open` where a plain text fits too.

Parsing forgives what models do: quotes and code fences around a value, Python's literals, broken JSON.
"""

from __future__ import annotations

import datetime
import enum
import json
import re
import types
from collections.abc import Iterable
from inspect import getattr_static
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from lmnb.adapters.json_text import dumps, readings
from lmnb.adapters.text_codec import Codec, checked
from lmnb.adapters.values import json_data, plain
from lmnb.types.base import Type
from lmnb.types.checked import problems

_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
_BULLET = re.compile(r"(?:[-*•]|\d{1,4}[.)]|\[\d{1,4}\])[ \t]+")
_READS = "parse_lm_response"
_LISTS = (list, tuple, set, frozenset)
_NUMBERS = (int, float, bool, Union, types.UnionType)
_DATES = (datetime.date, datetime.datetime, datetime.time)


class Json(Codec):
    """Anything that pydantic builds. What JSON writes as a string (a date, a Decimal) stands without quotes."""

    def __init__(self, kind: Any, adapter: TypeAdapter[Any]) -> None:
        origin = get_origin(kind)
        base = get_origin(get_args(kind)[0]) or get_args(kind)[0] if origin is Annotated else origin or kind
        self.adapter = adapter
        self.loose = _holds_any(kind)
        self.read = base.fromisoformat if base in _DATES else None
        self.lines = base in _LISTS
        self.counts = base in (int, float)
        self.numeric = base in _NUMBERS  # others would lose digits by way of a float

    def render(self, value: Any) -> str:
        dumped = _dumped(self.adapter, value, loose=self.loose)
        if dumped is _NO_FORM:
            return plain(value)
        return dumped if isinstance(dumped, str) else dumps(dumped)

    def dump(self, value: Any) -> Any:
        dumped = _dumped(self.adapter, value, loose=self.loose)
        return json_data(value) if dumped is _NO_FORM else dumped

    def parse(self, text: str) -> Any:
        text = _bare(text)
        if self.read is not None:
            try:
                return checked(self.adapter.validate_python, self.read(text))
            except ValueError:
                if _NUMBER.fullmatch(text):  # pydantic would count seconds since 1970
                    raise ValueError("it is a number") from None
        if self.counts and text.lower() in ("true", "false"):  # pydantic would take it for 1 or 0
            raise ValueError("it is a bool")
        first: ValueError | None = None
        for candidate in self._readings(text):
            try:
                return checked(self.adapter.validate_json, candidate)
            except ValueError as error:
                first = error if first is None or "Invalid JSON" in str(first) else first
        raise ValueError(str(first or ""))

    def _readings(self, text: str) -> Iterable[str]:
        """JSON texts that `text` may have meant, the likeliest first."""
        if not text:
            return []
        if text[0] not in "[{(" and "[" not in text and "{" not in text:
            if self.lines:
                rows = text.splitlines()
                bullets = [_BULLET.match(row.strip()) for row in rows if row.strip()]
                if all(bullets):
                    return [dumps([_BULLET.sub("", row.strip(), count=1) for row in rows if row.strip()])]
            number = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
            lowered = {"true": "true", "false": "false"}.get(text.lower(), number)
            return [lowered, json.dumps(text)] if self.numeric else [json.dumps(text), lowered]
        return readings(text)


class Typed(Json):
    """A `Type`, which may have a text form of its own."""

    def __init__(self, kind: type[Type], adapter: TypeAdapter[Any]) -> None:
        super().__init__(kind, adapter)
        self.kind = kind
        self.own_text = getattr_static(kind, _READS) is not getattr_static(Type, _READS)

    def render(self, value: Any) -> str:
        value = self._typed(value)
        shown = value.format() if self.own_text and isinstance(value, Type) else None
        return shown if isinstance(shown, str) else super().render(value)  # a reply is text: media stand as their URL

    def dump(self, value: Any) -> Any:
        return super().dump(self._typed(value))

    def parse(self, text: str) -> Any:
        try:
            found = self.kind.parse_lm_response(text)
        except ValueError as error:
            raise ValueError(problems(error)) from None
        return super().parse(text) if found is None else checked(self.adapter.validate_python, found)

    def load(self, data: Any) -> Any:
        return checked(self.adapter.validate_json, dumps(data))

    def _typed(self, value: Any) -> Any:
        try:
            return self.adapter.validate_python(value)
        except ValidationError:
            return value  # a wrong label is shown as it is


class Open(Json):
    """A type that a plain text belongs to (`Any`, `int | str`): JSON where it is JSON of the type, else the text
    itself.
    """

    def render(self, value: Any) -> str:
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            try:
                same = self.parse(value) == value.strip() and isinstance(self.parse(value), str)
            except ValueError:
                same = True
            return value if same else json.dumps(value, ensure_ascii=False)
        dumped = _dumped(self.adapter, value, loose=self.loose)
        if dumped is _NO_FORM:
            return plain(value)
        return dumps(dumped)

    def load(self, data: Any) -> Any:
        return checked(self.adapter.validate_json, dumps(data))

    def parse(self, text: str) -> Any:
        text = text.strip()
        try:
            return self.adapter.validate_json(text)
        except ValidationError:
            return checked(self.adapter.validate_python, text)


_NO_FORM = object()


def _dumped(adapter: TypeAdapter[Any], value: Any, *, loose: bool) -> Any:
    """`value` as JSON data, by its type; with `loose` by itself, since pydantic writes an infinity inside Any as
    null.
    """
    try:
        if loose:
            return to_jsonable_python(value, inf_nan_mode="constants")
        return adapter.dump_python(value, mode="json", warnings=False)
    except (PydanticSerializationError, ValueError, AttributeError, TypeError):
        return _NO_FORM


def _holds_any(kind: Any) -> bool:
    return kind is Any or kind is object or any(map(_holds_any, get_args(kind)))


def _bare(text: str) -> str:
    """Without a code fence, quotes or emphasis around the whole."""
    text = text.strip()
    if "```" in text:
        fenced = _FENCE.search(text)
        text = fenced.group(1).strip() if fenced else text
    for mark in ("**", "`", '"', "'"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)].strip()
    return text
