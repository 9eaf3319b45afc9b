"""Types as Python source, for saved files: written by `type_code`, read back by `type_from_code`."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lmnb.errors import SignatureError
from lmnb.types.names import KNOWN, QUALIFIED, UnknownType, known_type, read_type
from lmnb.types.words import metadata

_CODES = {value: name for name, value in KNOWN.items() if name[0].islower() or name in ("Any", "Literal")}
_CODES |= {value: name for name, value in QUALIFIED.items() if not name.startswith("typing.")}
_BUILTIN = {value: name for name, value in KNOWN.items() if getattr(value, "__module__", "") == "builtins"}


def type_code(kind: Any) -> str:
    """The type as Python source, the same for the same type wherever it was made.

    >>> type_code(list[str]), type_code(Literal["a", "b"])
    ('list[str]', "Literal['a', 'b']")
    """
    if kind is None or kind is type(None):
        return "None"
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        held = metadata(args[1:])
        marks = ", ".join(f"{name}={value!r}" for name, value in held.items()) or repr(args[1:])
        return f"Annotated[{type_code(args[0])}, {marks}]"
    if origin is Literal:
        return f"Literal[{', '.join(_option(arg) for arg in args)}]"
    if origin in (Union, types.UnionType):
        return " | ".join(type_code(arg) for arg in args)
    if origin is not None:
        inner = ", ".join("..." if arg is ... else type_code(arg) for arg in args)
        return f"{type_code(origin)}[{inner or '()'}]"
    if kind in _BUILTIN:
        return _BUILTIN[kind]
    if kind in _CODES:
        return _CODES[kind]
    return getattr(kind, "__qualname__", str(kind)).rpartition("<locals>.")[2]


def _option(value: Any) -> str:
    return f"{type_code(type(value))}.{value.name}" if isinstance(value, enum.Enum) else repr(value)


def type_from_code(text: str, known: Mapping[str, Any] | None = None) -> Any:
    """The type that `type_code` wrote: builtin, typing and standard types, and those of `known` by name. Nothing is
    evaluated.

    >>> type_from_code("dict[str, int | None]")
    dict[str, int | None]
    """

    def lookup(name: str) -> Any:
        head, _, rest = name.partition(".")
        if known and name in known:
            return known[name]
        if known and head in known and isinstance(known[head], type) and issubclass(known[head], enum.Enum):
            return known[head][rest]
        return known_type(name)

    try:
        return read_type(text, lookup)
    except UnknownType as error:
        raise SignatureError(str(error)) from None
