"""Signature: what one call is to do, as a value.

Fields with types, and instructions; every edit gives a new signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from types import FunctionType, MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError, create_model

from lmnb.errors import SignatureError
from lmnb.nearest import did_you_mean
from lmnb.types.card import signature_card
from lmnb.types.checked import problems
from lmnb.types.code import type_code, type_from_code
from lmnb.types.fields import (
    NO_DEFAULT,
    Field,
    InputField,
    OutputField,
    declared,
    fields_of_class,
    fields_of_dict,
    typed,
)
from lmnb.types.grammar import read_signature
from lmnb.types.scope import caller_lookup
from lmnb.types.wording import ENGLISH
from lmnb.types.words import schema_of, type_text

__all__ = [
    "NO_DEFAULT",
    "Field",
    "InputField",
    "OutputField",
    "Signature",
    "ensure_signature",
    "make_signature",
    "type_code",
    "type_from_code",
    "type_text",
]
_METHODS = (FunctionType, property, classmethod, staticmethod)


def _default(fields: Mapping[str, Field]) -> str:
    """The instructions of a signature without words of its own."""
    given, asked = (
        ", ".join(f"`{name}`" for name, field in fields.items() if field.is_input == side) for side in (True, False)
    )
    return ENGLISH.task.format(inputs=given, outputs=asked) if fields else ""


def _sealed(
    made: SignatureMeta, fields: Mapping[str, Field], text: str | None, checks: Mapping[str, Any]
) -> SignatureMeta:
    ordered = MappingProxyType(dict(sorted(fields.items(), key=lambda item: not item[1].is_input)))
    state = {
        "_parts": ordered,
        "_text": _default(ordered)
        if text is None
        else text,  # fixed here: a field that a module adds later does not change it
        "_checks": MappingProxyType(dict(checks)),
        "__lmnb_inputs__": {name: field.default for name, field in ordered.items() if field.is_input},
    }
    for name, value in state.items():
        type.__setattr__(made, name, value)
    return made


class SignatureMeta(type):
    """Makes signatures: by class syntax, or by calling `Signature` with a string or a dict."""

    _parts: Mapping[str, Field]  # inputs first
    _text: str
    _checks: Mapping[str, Any]  # pydantic validators of the class body, and the methods that they may call

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> SignatureMeta:
        parent = next((base for base in bases if isinstance(base, SignatureMeta)), None)
        if parent is None:
            return _sealed(super().__new__(mcs, name, bases, body), {}, "", {})
        fields, rest = fields_of_class(name, body)
        checks = {key: value for key, value in rest.items() if hasattr(value, "decorator_info")}
        if checks or parent._checks:
            methods = {key: value for key, value in rest.items() if isinstance(value, _METHODS)}
            checks = {**parent._checks, **methods, **checks}
        made = super().__new__(
            mcs, name, bases, {key: value for key, value in rest.items() if not hasattr(value, "decorator_info")}
        )
        inherited = parent._text if parent._text != _default(parent._parts) else None
        text = inspect.cleandoc(rest["__doc__"]) if (rest.get("__doc__") or "").strip() else inherited
        return _sealed(made, {**parent._parts, **fields}, text, checks)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Signature:
            return make_signature(*args, **kwargs)
        raise SignatureError(f"a signature is not called. Write Predict({cls.__name__})(...).")

    def __setattr__(cls, name: str, value: object) -> None:
        if name.startswith("__") and name != "__doc__":
            return super().__setattr__(name, value)
        how = (
            "with_instructions('...')" if name in ("instructions", "__doc__") else f"with_updated_fields({name!r}, ...)"
        )
        raise SignatureError(
            f"a signature is a value and is not changed in place. Write {cls.__name__} = {cls.__name__}.{how}."
        )

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def fields(cls) -> dict[str, Field]:
        """All fields by name, inputs first."""
        return dict(cls._parts)

    @property
    def input_fields(cls) -> dict[str, Field]:
        return {name: field for name, field in cls._parts.items() if field.is_input}

    @property
    def output_fields(cls) -> dict[str, Field]:
        return {name: field for name, field in cls._parts.items() if not field.is_input}

    @property
    def inputs_with_defaults(cls) -> Mapping[str, Any]:
        """Each input's default, NO_DEFAULT where a call has to give it."""
        return cls.__dict__["__lmnb_inputs__"]

    @property
    def instructions(cls) -> str:
        """The docstring, or a sentence made of the field names."""
        return cls._text

    @property
    def signature(cls) -> str:
        """The names alone: `question -> answer`."""
        return f"{', '.join(cls.input_fields)} -> {', '.join(cls.output_fields)}"

    def equals(cls, other: Any) -> bool:
        """True for the same instructions and the same fields in the same order."""
        return (
            isinstance(other, SignatureMeta)
            and cls._text == other._text
            and list(cls._parts.items()) == list(other._parts.items())
        )

    def check(cls, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        """`outputs` as the signature's own pydantic validators leave them; ValueError says what they object to."""
        if not cls._checks:
            return outputs
        try:
            made = _checker(cls).model_validate({**inputs, **outputs})
        except ValidationError as error:
            raise ValueError(problems(error)) from None
        return {name: getattr(made, name) for name in outputs}

    # -- edits: each gives a new signature -----------------------------------------------------------------------------

    def with_instructions(cls, instructions: str) -> Any:
        """The same fields under other instructions."""
        if not isinstance(instructions, str):
            raise SignatureError(f"instructions are a text, not {instructions!r}")
        return _edited(cls, cls._parts, instructions)

    def append_instructions(cls, text: str) -> Any:
        """`text` on a line of its own after the instructions."""
        return cls.with_instructions(f"{cls._text}\n{text}" if cls._text else text)

    def with_updated_fields(cls, name: str, type_: Any = None, **options: Any) -> Any:
        """One field with another type, description or bound; a bound of None is taken away."""
        field = cls._field(name)
        kept = {"desc": field.desc, "prefix": field.prefix, "default": field.default}
        options = {**kept, **field.constraints, **options}
        if not field.is_input:
            del options["default"]
        changed = declared(is_input=field.is_input, desc=options.pop("desc"), options=options)
        return cls._with(
            {**cls._parts, name: typed(cls.__name__, name, changed, field.type if type_ is None else type_)}
        )

    def prepend(cls, name: str, field: Any, type_: Any = None) -> Any:
        """A new field before the others of its side."""
        return cls.insert(0, name, field, type_)

    def append(cls, name: str, field: Any, type_: Any = None) -> Any:
        """A new field after the others of its side."""
        return cls.insert(-1, name, field, type_)

    def insert(cls, index: int, name: str, field: Any, type_: Any = None) -> Any:
        """A new field at `index` among the inputs or the outputs (-1: last)."""
        if not isinstance(field, Field):
            raise SignatureError(f"field {name!r} needs InputField() or OutputField(), not {field!r}")
        if name in cls._parts:
            raise SignatureError(
                f"signature {cls.signature!r} has a field {name!r} already. Write with_updated_fields({name!r}, ...)."
            )
        side = [item for item in cls._parts.items() if item[1].is_input == field.is_input]
        others = [item for item in cls._parts.items() if item[1].is_input != field.is_input]
        at = index if index >= 0 else len(side) + index + 1
        if not 0 <= at <= len(side):
            raise SignatureError(f"there is no place {index} among {len(side)} fields")
        side.insert(at, (name, typed(cls.__name__, name, field, type_ if type_ is not None else field.type)))
        return cls._with(dict([*side, *others]))

    def delete(cls, name: str) -> Any:
        """The signature without that field; unchanged where there is none."""
        return cls._with({key: field for key, field in cls._parts.items() if key != name})

    def dump_state(cls) -> dict[str, Any]:
        """Instructions and fields with their types as source, JSON-able."""
        return {"instructions": cls._text, "fields": [_described(field) for field in cls._parts.values()]}

    def load_state(cls, state: Mapping[str, Any]) -> Any:
        """This signature with the instructions, descriptions and prefixes of a `dump_state`, whose names and types must be
        the same.
        """
        mine, given = (
            [{key: part for key, part in field.items() if key not in ("desc", "prefix")} for field in fields]
            for fields in (cls.dump_state()["fields"], state["fields"])
        )
        if mine != given:
            raise SignatureError(f"the state is of a signature with the fields {given}, this one has {mine}")
        told = {field["name"]: (field["desc"], field.get("prefix", "")) for field in state["fields"]}
        changed = {name: replace(field, desc=told[name][0], prefix=told[name][1]) for name, field in cls._parts.items()}
        return _edited(cls, changed, state["instructions"])

    def _with(cls, fields: Mapping[str, Field]) -> Any:
        return _edited(cls, fields, cls._text)

    def _field(cls, name: str) -> Field:
        if name in cls._parts:
            return cls._parts[name]
        hint = did_you_mean(name, cls._parts, f"It has: {', '.join(cls._parts)}.")
        raise SignatureError(f"signature {cls.signature!r} has no field {name!r}. {hint}")

    # -- showing -------------------------------------------------------------------------------------------------------

    def __repr__(cls) -> str:
        if not cls._parts:
            return f"<class {cls.__module__}.{cls.__qualname__}>"
        inputs, outputs = (
            ", ".join(f"{name}: {type_code(field.type)}" for name, field in side.items())
            for side in (cls.input_fields, cls.output_fields)
        )
        return f"{cls.__name__}({f'{inputs} -> {outputs}'!r}, instructions={cls._text!r})"

    def _repr_html_(cls) -> str | None:
        return signature_card(cls) if cls._parts else None


class Signature(metaclass=SignatureMeta):
    """What one call is to do: named, typed inputs and outputs, and instructions.

    Written in one string, `Signature("context: list[str], question -> answer: int")`, as a class whose docstring holds
    the instructions, or as a dict `{name: (type, InputField() or OutputField())}`. Types in a string are looked up
    where the string stands.

    >>> import lmnb
    >>> from typing import Literal
    >>> class Route(lmnb.Signature):
    ...     '''Route the ticket to the right team.'''
    ...     ticket: str = lmnb.InputField()
    ...     team: Literal["billing", "tech"] = lmnb.OutputField(desc="who answers")
    >>> Route.signature, Route.instructions
    ('ticket -> team', 'Route the ticket to the right team.')
    >>> Route.with_instructions("Choose a team.").instructions
    'Choose a team.'
    """

    instructions: ClassVar[str]  # properties of the metaclass, named here for type checkers
    fields: ClassVar[dict[str, Field]]
    input_fields: ClassVar[dict[str, Field]]
    output_fields: ClassVar[dict[str, Field]]


def make_signature(
    signature: str | Mapping[str, Any],
    instructions: str | None = None,
    signature_name: str = "StringSignature",
    custom_types: Mapping[str, Any] | None = None,
) -> Any:
    """A signature from a string or a dict; `custom_types` names types that the string uses. SignatureError where it cannot be read.

    >>> import lmnb
    >>> lmnb.make_signature("ticket -> team: Team", "Route it.", custom_types={"Team": lmnb.Code["sql"]}).signature
    'ticket -> team'
    """
    if isinstance(signature, SignatureMeta):
        return ensure_signature(signature, instructions)
    if isinstance(signature, str):
        found = read_signature(signature, caller_lookup(custom_types))
        fields = {
            item.name: typed(signature_name, item.name, Field("", None, item.is_input), item.kind) for item in found
        }
    elif isinstance(signature, Mapping):
        fields = dict(fields_of_dict(signature_name, signature))
    else:
        raise SignatureError(
            f"a signature is a string such as 'question -> answer', a class or a dict, not {signature!r}"
        )
    if instructions is not None and not isinstance(instructions, str):
        raise SignatureError(f"instructions are a text, not {instructions!r}")
    made = type.__new__(SignatureMeta, signature_name, (Signature,), {"__module__": __name__})
    return _sealed(made, fields, None if instructions is None else inspect.cleandoc(instructions), {})


def ensure_signature(signature: Any, instructions: str | None = None) -> Any:
    """`signature` itself where it is one, else one made of it; `instructions` replace its own. SignatureError as of `make_signature`.

    >>> import lmnb
    >>> lmnb.ensure_signature("question -> answer", "Answer in one word.").instructions
    'Answer in one word.'
    """
    if not isinstance(signature, SignatureMeta):
        return make_signature(signature, instructions)
    return signature if instructions is None else signature.with_instructions(instructions)


def _edited(signature: SignatureMeta, fields: Mapping[str, Field], text: str) -> SignatureMeta:
    names = {"__module__": signature.__module__, "__qualname__": signature.__qualname__}
    return _sealed(
        type.__new__(SignatureMeta, signature.__name__, (Signature,), names), fields, text, signature._checks
    )


def _described(field: Field) -> dict[str, Any]:
    state: dict[str, Any] = {
        "name": field.name,
        "role": "input" if field.is_input else "output",
        "type": type_code(field.type),
        "desc": field.desc,
    }
    schema = schema_of(field.type)
    return {
        **state,
        **({"prefix": field.prefix} if field.prefix else {}),
        **({"constraints": field.constraints} if field.limits else {}),
        **({"schema": schema} if schema else {}),
    }


def _checker(signature: SignatureMeta) -> type[BaseModel]:
    made = signature.__dict__.get("__lmnb_checker__")
    if made is None:
        kinds: dict[str, Any] = {
            name: (Any if field.is_input else field.type, ...) for name, field in signature._parts.items()
        }
        base = type(signature.__name__, (BaseModel,), {"__module__": signature.__module__, **signature._checks})
        made = signature.__lmnb_checker__ = create_model(signature.__name__, __base__=base, **kinds)
    return made
