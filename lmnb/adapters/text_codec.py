"""Values that stand as their own text: `Text` and `Option`, and the base of all codecs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lmnb.adapters.json_text import dumps
from lmnb.adapters.values import plain
from lmnb.types.checked import problems
from lmnb.types.words import options


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


class Text(Codec):
    """A str: the text itself, without its outer whitespace."""

    def __init__(self, adapter: TypeAdapter[str] | None) -> None:
        self.adapter = adapter

    def render(self, value: Any) -> str:
        return value if isinstance(value, str) else plain(value)

    def parse(self, text: str) -> Any:
        text = text.strip()
        return text if self.adapter is None else checked(self.adapter.validate_python, text)

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


def checked(validate: Callable[[Any], Any], value: Any) -> Any:
    """What a validator of pydantic makes of `value`. ValueError says in one line what it objects to."""
    try:
        return validate(value)
    except ValidationError as error:
        raise ValueError(problems(error)) from None


def _loose(text: str) -> str:
    """An option without what does not tell options apart."""
    return " ".join(text.split()).strip("\"'`*“”‘’ ").rstrip(".").strip("\"'`*“”‘’ ").casefold()
