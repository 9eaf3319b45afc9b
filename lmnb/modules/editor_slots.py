"""What an editor changes in a program: its slots, and beside those that a run has the descriptions of inputs."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from inspect import signature as parameters_of
from typing import Any

from pydantic import PydanticUserError, ValidationError

from lmnb.adapters.values import plain
from lmnb.errors import InputError
from lmnb.modules.module import Module
from lmnb.types.checked import adapter_for, problems
from lmnb.types.words import type_text


def input_slot(path: str, name: str) -> str:
    """The slot of the description of an input of the predictor at `path`."""
    return f"{path}.inputs[{name!r}].desc"


def slots_of(program: Module) -> dict[str, Any]:
    """What can be edited in it."""
    own = {
        slot: value for slot, value in program.slots().items() if slot.rpartition(".")[2] not in ("lm", "demo_policy")
    }
    return own | {
        input_slot(path, name): part.signature.fields[name].desc
        for path, part in program.named_predictors()
        for name in part.signature.input_fields
    }


def with_edits(program: Module, edits: Mapping[str, Any]) -> Module:
    """A copy of `program` with these slots filled."""
    named = [(path, name) for path, part in program.named_predictors() for name in part.signature.input_fields]
    inputs = {input_slot(path, name): (path, name) for path, name in named}
    made = program.with_candidate({slot: value for slot, value in edits.items() if slot not in inputs})
    parts = dict(made.named_predictors())
    for slot, (path, name) in inputs.items():
        if slot in edits:
            parts[path].signature = parts[path].signature.with_updated_fields(name, desc=edits[slot])
    return made


def input_fields(program: Module) -> dict[str, Any]:
    """What a call of the program takes, by name: the field of a predictor that says its type, None where there is none of that name."""
    forward = getattr(program, "forward", None) or getattr(program, "aforward", None)
    taken = parameters_of(forward).parameters.values() if forward is not None else ()
    names = [each.name for each in taken if each.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    fields = {name: each for part in program.predictors() for name, each in part.signature.input_fields.items()}
    return {name: fields.get(name) for name in names or program.predictors()[0].signature.input_fields}


def typed(field: Any, value: Any, before: Any = None) -> Any:
    """`value` as its field's type where it is a text that somebody typed; `before` itself where that is what the text shows.

    >>> import lmnb
    >>> typed(lmnb.Signature("n: int -> words: list[str]").fields["words"], '["a", "b"]')
    ['a', 'b']
    """
    if before is not None and value == plain(before):
        return before
    if field is None or field.type is str or not isinstance(value, str):
        return value
    try:
        reader = adapter_for(field.type, field.limits)
    except PydanticUserError:
        return value
    try:
        return reader.validate_json(value)
    except ValidationError:
        try:
            return reader.validate_python(value)
        except ValidationError as error:
            raise InputError(f"{field.name} is a {type_text(field.type)}, not {value!r}: {problems(error)}") from None
