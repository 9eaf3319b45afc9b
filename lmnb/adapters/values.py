"""Values as text and back, one codec a type, so that `parse(render(value)) == value`.

A str stands as it is, an option of a Literal as its text, everything else as JSON. Parsing forgives what models do:
quotes and code fences around a value, an option in another case, Python's literals, broken JSON.
"""

from __future__ import annotations

import datetime
import enum
import json
import re
import types
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from lmnb.adapters.json_text import dumps, readings
from lmnb.types.base import Type
from lmnb.types.checked import Constraints, adapter_for, problems
from lmnb.types.parts import Placed
from lmnb.types.words import options

_NULLS = frozenset({"null", "none"})
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?")
_BULLET = re.compile(r"(?:[-*•]|\d{1,4}[.)]|\[\d{1,4}\])[ \t]+")
_LISTS = (list, tuple, set, frozenset)
_NUMBERS = (int, float, bool, Union, types.UnionType)
_DATES = (datetime.date, datetime.datetime, datetime.time)


class Codec:
    """Text of one type: `render` writes a value, `parse` reads one or raises ValueError with what is wrong (empty
    where the type says it all). `dump` and `load` do the same with JSON data instead of text.
    """

    def render(self, value: Any) -> str:
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        raise NotImplementedError

    def dump(self, value: Any) -> Any:
        return self.render(value)

    def load(self, data: Any) -> Any:
        return self.parse(data if isinstance(data, str) else dumps(data))


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


class Text(Codec):
    """A str: the text itself, without its outer whitespace."""

    def __init__(self, adapter: TypeAdapter[str] | None) -> None:
        self.adapter = adapter

    def render(self, value: Any) -> str:
        return value if isinstance(value, str) else plain(value)

    def parse(self, text: str) -> Any:
        text = text.strip()
        return text if self.adapter is None else _checked(self.adapter.validate_python, text)

    def load(self, data: Any) -> Any:
        if data is None:
            raise ValueError("null is no text")
        return super().load(data)


class Option(Codec):
    """A Literal or an Enum.

    Any case, quotes and spacing will do where only one option is meant; its canonical value comes back.
    """

    def __init__(self, kind: Any) -> None:
        members: list[Any] = list(kind.__members__.values()) if isinstance(kind, enum.EnumType) else []
        self.by_text = options(kind)
        self.text_of = [(value, text) for text, value in self.by_text.items()]
        self.loose: dict[str, Any] = {}
        spelled = [*self.by_text.items()]
        spelled += [(name, member) for member in members for name in (member.name, str(member))]
        ambiguous = set()
        for text, value in spelled:
            key = _loose(text)
            if key in self.loose and self.loose[key] is not value:
                ambiguous.add(key)
            self.loose.setdefault(key, value)
        if not members:
            for key in ambiguous:
                del self.loose[key]

    def render(self, value: Any) -> str:
        for option, text in self.text_of:
            if option is value or (type(option) is type(value) and option == value):
                return text
        return plain(value)

    def dump(self, value: Any) -> Any:
        return value if type(value) in (int, float, bool, type(None)) else self.render(value)

    def load(self, data: Any) -> Any:
        for option, _ in self.text_of:
            if type(option) is type(data) and option == data:
                return option
        return super().load(data)

    def parse(self, text: str) -> Any:
        text = text.strip()
        if text in self.by_text:
            return self.by_text[text]
        key = _loose(text)
        if key in self.loose:
            return self.loose[key]
        raise ValueError("")


class Maybe(Codec):
    """A value or None, which is written `null`. A text that reads like null or like a quoted text is put in quotes."""

    def __init__(self, inner: Codec) -> None:
        self.inner = inner

    def render(self, value: Any) -> str:
        if value is None:
            return "null"
        text = self.inner.render(value)
        return (
            json.dumps(text, ensure_ascii=False)
            if text.strip().lower() in _NULLS or _unquoted(text) is not None
            else text
        )

    def dump(self, value: Any) -> Any:
        return None if value is None else self.inner.dump(value)

    def load(self, data: Any) -> Any:
        if data is None:
            return None
        return (
            self.parse(data)
            if isinstance(data, str) and not isinstance(self.inner, (Text, Typed))
            else self.inner.load(data)
        )

    def parse(self, text: str) -> Any:
        text = text.strip()
        if text.lower() in _NULLS or (not text and not isinstance(self.inner, Text)):
            return None
        unquoted = _unquoted(text)
        return self.inner.parse(text if unquoted is None else unquoted)


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
        return plain(value) if dumped is _NO_FORM else dumped

    def parse(self, text: str) -> Any:
        text = _bare(text)
        if self.read is not None:
            try:
                return _checked(self.adapter.validate_python, self.read(text))
            except ValueError:
                if _NUMBER.fullmatch(text):  # pydantic would count seconds since 1970
                    raise ValueError("it is a number") from None
        if self.counts and text.lower() in ("true", "false"):  # pydantic would take it for 1 or 0
            raise ValueError("it is a bool")
        first: ValueError | None = None
        for candidate in self._readings(text):
            try:
                return _checked(self.adapter.validate_json, candidate)
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
        self.own_text = kind.parse_lm_response.__func__ is not Type.parse_lm_response.__func__  # pyright: ignore

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
        return super().parse(text) if found is None else _checked(self.adapter.validate_python, found)

    def load(self, data: Any) -> Any:
        return _checked(self.adapter.validate_json, dumps(data))

    def _typed(self, value: Any) -> Any:
        try:
            return self.adapter.validate_python(value)
        except ValidationError:
            return value  # a wrong label is shown as it is


class Open(Codec):
    """A type that a plain text belongs to (`Any`, `int | str`): JSON where it is JSON of the type, else the text
    itself.
    """

    def __init__(self, kind: Any, adapter: TypeAdapter[Any]) -> None:
        self.adapter = adapter
        self.loose = _holds_any(kind)

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

    def dump(self, value: Any) -> Any:
        dumped = _dumped(self.adapter, value, loose=self.loose)
        return plain(value) if dumped is _NO_FORM else dumped

    def load(self, data: Any) -> Any:
        return _checked(self.adapter.validate_json, dumps(data))

    def parse(self, text: str) -> Any:
        text = text.strip()
        try:
            return self.adapter.validate_json(text)
        except ValidationError:
            return _checked(self.adapter.validate_python, text)


def plain(value: Any, placed: Placed | None = None) -> str:
    """Any value as a prompt shows it: a str as it is, everything else as JSON, or as its str() where there is no JSON
    form. With `placed`, media inside it are put there.
    """
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value
    try:
        ready = to_jsonable_python(value, fallback=str, inf_nan_mode="constants", bytes_mode="base64", context=placed)
    except (PydanticSerializationError, ValueError):
        return str(value)
    return ready if isinstance(ready, str) else dumps(ready)


def given(value: Any, placed: Placed | None = None) -> str:
    """An input as a prompt shows it; a list of texts, or of typed values, is numbered."""
    if type(value) is str:
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return "\n".join(f"[{number}] {item}" for number, item in enumerate(value, start=1))
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Type) for item in value):
        return "\n".join(f"[{number}] {plain(item, placed)}" for number, item in enumerate(value, start=1))
    return plain(value, placed)


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


def _checked(validate: Callable[[Any], Any], value: Any) -> Any:
    try:
        return validate(value)
    except ValidationError as error:
        raise ValueError(problems(error)) from None


def _unquoted(text: str) -> str | None:
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        inner = json.loads(text)
    except ValueError:
        return None
    return inner if isinstance(inner, str) else None


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


def _loose(text: str) -> str:
    """An option without what does not tell options apart."""
    return " ".join(text.split()).strip("\"'`*“”‘’ ").rstrip(".").strip("\"'`*“”‘’ ").casefold()
