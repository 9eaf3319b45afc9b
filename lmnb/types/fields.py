"""Fields of a signature: `InputField(...)` and `OutputField(...)` declare them, a class body or a dict names them."""

from __future__ import annotations

import datetime
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import PydanticUserError

from lmnb.errors import SignatureError
from lmnb.nearest import did_you_mean
from lmnb.types.checked import Constraints, adapter_for
from lmnb.types.code import type_code
from lmnb.types.grammar import check_name
from lmnb.types.scope import annotations_of
from lmnb.types.words import metadata

_RANGES = ("gt", "ge", "lt", "le", "multiple_of")
_LENGTHS = ("min_length", "max_length", "pattern")
CONSTRAINTS = (*_RANGES, *_LENGTHS)
_WITHOUT_EFFECT = ("format", "parser")  # of older programs; the prompt format is fixed
_SIZED = (str, bytes, list, tuple, set, frozenset, dict)
_NUMBERS = (int, float, bool, datetime.date, datetime.time)
NO_DEFAULT: Any = type("NoDefault", (), {"__repr__": lambda self: "NO_DEFAULT"})()


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output: its name, type, description and bounds.

    `default` is what an input is that a call leaves out; `prefix` is kept from older programs and stands in no prompt.
    """

    name: str
    type: Any
    is_input: bool
    desc: str = ""
    limits: Constraints = ()
    default: Any = NO_DEFAULT
    prefix: str = ""

    @property
    def constraints(self) -> dict[str, Any]:
        """The bounds by name, such as `{"ge": 0}`."""
        return dict(self.limits)

    @property
    def annotation(self) -> Any:
        """The type, under the name that pydantic gives it."""
        return self.type

    @property
    def json_schema_extra(self) -> dict[str, Any]:
        """Description and role, where adapters written for the reference look for them."""
        role = "input" if self.is_input else "output"
        return {"desc": self.desc or f"${{{self.name}}}", "prefix": self.prefix, "__dspy_field_type": role}


def InputField(*, desc: str | None = None, **options: Any) -> Any:
    """A field that a call is given.

    `options`: gt, ge, lt, le, multiple_of, min_length, max_length, pattern, default. SignatureError for another one.

    >>> import lmnb
    >>> class Route(lmnb.Signature):
    ...     "Route the ticket."
    ...     ticket: str = lmnb.InputField(desc="as the customer wrote it")
    ...     urgent: bool = lmnb.InputField(default=False)
    ...     team: str = lmnb.OutputField(max_length=20)
    >>> Route.signature
    'ticket, urgent -> team'
    """
    return declared(is_input=True, desc=desc, options=options)


def OutputField(*, desc: str | None = None, **options: Any) -> Any:
    """A field that a call gives back, held to its bounds: gt, ge, lt, le, multiple_of, min_length, max_length,
    pattern. SignatureError for another option.

    >>> import lmnb
    >>> class Rate(lmnb.Signature):
    ...     review: str = lmnb.InputField()
    ...     stars: int = lmnb.OutputField(ge=1, le=5)
    >>> lmnb.Predict(Rate, lm=lmnb.FakeLM([{"stars": "6"}, {"stars": "5"}]))(review="Good!").stars  # asked again
    5
    """
    return declared(is_input=False, desc=desc, options=options)


def declared(*, is_input: bool, desc: str | None, options: Mapping[str, Any]) -> Field:
    """A field without name and type yet."""
    role, known = (
        ("InputField", (*CONSTRAINTS, "desc", "default")) if is_input else ("OutputField", (*CONSTRAINTS, "desc"))
    )
    options = {name: value for name, value in options.items() if name not in _WITHOUT_EFFECT}
    desc = options.pop("description", None) if desc is None else desc
    default = options.pop("default", NO_DEFAULT) if is_input else NO_DEFAULT
    prefix = options.pop("prefix", None) or ""
    for name in options:
        if name not in CONSTRAINTS:
            hint = did_you_mean(name, known, f"It takes: {', '.join(known)}.")
            raise SignatureError(f"{role} has no option {name!r}. {hint}")
    if not isinstance(prefix, str):
        raise SignatureError(f"{role}: prefix is a text, not {prefix!r}")
    if desc is not None and not isinstance(desc, str):
        raise SignatureError(f"{role}: desc is a text, not {desc!r}")
    limits = tuple((name, options[name]) for name in CONSTRAINTS if options.get(name) is not None)
    return Field("", None, is_input, desc or "", limits, default, prefix)


def typed(signature_name: str, name: str, field: Field, kind: Any) -> Field:
    """`field` with its name and type; bounds inside `Annotated` become the field's own.

    SignatureError for what cannot be checked.
    """
    check_name(name, is_input=field.is_input, place=f"signature {signature_name}")
    kind, limits, desc = str if kind is None else kind, field.limits, field.desc
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
        limits = tuple({**metadata(marks), **dict(limits)}.items())
        desc = desc or next((mark.description for mark in marks if getattr(mark, "description", None)), "")
        own = [mark for mark in marks if not metadata([mark]) and not getattr(mark, "description", None)]
        kind = Annotated[kind, *own] if own else kind  # validators of the user's
    field = replace(field, name=name, type=kind, limits=limits, desc=desc)
    if field.is_input or (kind is str and not limits):
        return field
    place = f"signature {signature_name}: the output {name!r}"
    for limit, _ in limits:
        if not _applies(limit, kind):
            raise SignatureError(
                f"{place} is {type_code(kind)}, which has no {limit!r}. Bounds of it: "
                f"{', '.join(_RANGES if limit in _LENGTHS else _LENGTHS)}."
            )
    try:
        adapter_for(kind, limits)
    except (PydanticUserError, TypeError, RecursionError):
        raise SignatureError(
            f"{place} cannot be {type_code(kind)}, which no text can be read into. Write a basic type, a "
            "Literal, an Enum or a pydantic model."
        ) from None
    return field


def _applies(limit: str, kind: Any) -> bool:
    if get_origin(kind) in (Union, types.UnionType):
        return any(_applies(limit, arg) for arg in get_args(kind) if arg is not type(None))
    base = get_origin(kind) or kind
    never = _SIZED if limit in _RANGES else _NUMBERS
    return not (isinstance(base, type) and issubclass(base, never))


def fields_of_class(name: str, body: Mapping[str, Any]) -> tuple[dict[str, Field], dict[str, Any]]:
    """The declared fields of a class body, and the rest of it."""
    annotations = annotations_of(name, body)
    for key, kind in annotations.items():
        if get_origin(kind) is ClassVar or kind is ClassVar or key.startswith("_"):
            continue
        if not isinstance(body.get(key), Field) and body.get(key) not in (InputField, OutputField):
            wrong = f"has {body[key]!r}" if key in body else "says neither input nor output"
            line = f"{key}: {type_code(kind)}"
            raise SignatureError(
                f"signature {name}: the field {key!r} {wrong}. Write '{line} = InputField()' or '{line} = "
                "OutputField()'."
            )
    fields: dict[str, Field] = {}
    rest: dict[str, Any] = {}
    for key, value in body.items():
        if value is InputField or value is OutputField:
            raise SignatureError(
                f"signature {name}: the field {key!r} lacks the brackets. Write '{key} = {value.__name__}()'."
            )
        if isinstance(value, Field):
            fields[key] = typed(name, key, value, annotations.get(key, str))
        elif key != "__annotations__":
            rest[key] = value
    return fields, rest


def fields_of_dict(signature_name: str, entries: Mapping[str, Any]) -> Iterator[tuple[str, Field]]:
    """The fields of `{name: (type, InputField()), ...}`."""
    for name, entry in entries.items():
        kind, field = entry if isinstance(entry, tuple) and len(entry) == 2 else (str, entry)
        if not isinstance(field, Field):
            raise SignatureError(
                f"field {name!r} of the dict is {entry!r}. Write {{{name!r}: (str, InputField())}} or (str, "
                "OutputField())."
            )
        yield name, typed(signature_name, name, field, kind)
