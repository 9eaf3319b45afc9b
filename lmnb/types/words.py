"""What a prompt says of a type: plain words, bounds, and a JSON schema where words do not do."""

from __future__ import annotations

import datetime
import enum
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, is_typeddict

from pydantic import BaseModel, PydanticUserError

from lmnb.types.base import Type
from lmnb.types.checked import adapter_for
from lmnb.types.reasoning import Reasoning
from lmnb.types.wording import ENGLISH, Wording

_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_BOUNDS = (*_SIGNS, "multiple_of", "min_length", "max_length", "pattern")  # the others are phrases of a wording


def type_text(kind: Any, wording: Wording = ENGLISH) -> str:
    """The type in plain words, as it stands in the brackets of the prompt.

    >>> type_text(list[str]), type_text(Literal["yes", "no"]), type_text(int | None)
    ('list[str]', 'one of: yes, no', 'int or null')
    """
    if kind is None:
        return "null"
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return ", ".join([type_text(args[0], wording), *bounds(metadata(args[1:]), wording)])
    if origin is Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        return wording.one_of.format(options=", ".join(map(_safe, options(kind))))
    if origin in (Union, types.UnionType):
        return f" {wording.either} ".join(type_text(arg, wording) for arg in args)
    if origin is not None:
        inner = ", ".join("..." if arg is ... else type_text(arg, wording) for arg in args)
        return f"{getattr(origin, '__name__', str(origin))}[{inner}]"
    if isinstance(kind, type) and issubclass(kind, Type) and kind.description():
        return kind.description()
    return _words(wording).get(kind) or getattr(kind, "__name__", str(kind))


def _words(wording: Wording) -> dict[Any, str]:
    return {
        type(None): "null",
        Any: wording.any_type,
        Reasoning: "str",
        datetime.date: wording.date_form,
        datetime.datetime: wording.datetime_form,
        datetime.time: wording.time_form,
    }


def options(kind: Any) -> dict[str, Any]:
    """What a Literal or an Enum may be: the text of each option in the prompt -> its value, in order.

    An Enum whose values are all texts shows its values, any other its names. Where two options read alike, the text is
    put in quotes.
    """
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        named = all(isinstance(member.value, str) for member in kind)
        members: list[tuple[Any, Any]] = [(member.value if named else member.name, member) for member in kind]
    else:
        members = [(arg.value if isinstance(arg, enum.Enum) else arg, arg) for arg in get_args(kind)]
    table: dict[str, Any] = {}
    for shown, value in sorted(members, key=lambda pair: isinstance(pair[0], str)):
        text = shown if isinstance(shown, str) else json.dumps(shown, default=str)
        plain = text == text.strip() and text and not (isinstance(shown, str) and text.startswith('"'))
        table[text if plain and text not in table else json.dumps(text, ensure_ascii=False)] = value
    order = {id(value): at for at, (_, value) in enumerate(members)}
    return dict(sorted(table.items(), key=lambda item: order[id(item[1])]))


def _safe(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if "," in text or "\n" in text else text


def bounds(constraints: Mapping[str, Any], wording: Wording = ENGLISH) -> list[str]:
    """The constraints of a field as words, such as `>= 0`."""
    return [
        f"{_SIGNS[name]} {value}" if name in _SIGNS else getattr(wording, name).format(bound=value)
        for name, value in constraints.items()
        if name in _BOUNDS
    ]


def kind_text(field: Any, wording: Wording = ENGLISH) -> str:
    """The type of a field and its bounds in words."""
    return ", ".join([type_text(field.type, wording), *bounds(field.constraints, wording)])


def metadata(marks: Sequence[Any]) -> dict[str, Any]:
    """The bounds among the marks of an Annotated type."""
    found: dict[str, Any] = {}
    for mark in marks:
        for name in _BOUNDS:
            value = getattr(mark, name, None)
            if value is not None:
                found[name] = value
        found |= metadata(getattr(mark, "metadata", ()))
    return found


def schema_of(kind: Any) -> dict[str, Any] | None:
    """The JSON schema with the descriptions of nested fields; None for types that words describe in full."""
    if not _structured(kind):
        return None
    if get_origin(kind) in (Union, types.UnionType):
        others = [arg for arg in get_args(kind) if arg is not type(None)]
        if len(others) == 1:
            return schema_of(others[0])  # that it may be null, the words say
    try:
        return _slim(adapter_for(kind).json_schema())
    except PydanticUserError:
        return None


def schema_text(kind: Any) -> str:
    """`schema_of` in one line, or an empty text."""
    schema = schema_of(kind)
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":")) if schema else ""


def _structured(kind: Any) -> bool:
    if isinstance(kind, type) and get_origin(kind) is None:
        if issubclass(kind, Type) and kind.description():
            return False  # words do
        named = issubclass(kind, tuple) and hasattr(kind, "_fields")
        return issubclass(kind, BaseModel) or is_dataclass(kind) or is_typeddict(kind) or named
    return any(_structured(arg) for arg in get_args(kind)) if get_origin(kind) is not Literal else False


def _slim(schema: Any, *, names: bool = False) -> Any:
    """Without the titles that pydantic derives from names; `names` says that the keys are field names, not keywords."""
    if isinstance(schema, list):
        return [_slim(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _slim(value, names=not names and key in ("properties", "$defs"))
        for key, value in schema.items()
        if names or key != "title" or not isinstance(value, str)
    }
