"""What somebody typed, as the value that a field is declared to hold."""

from __future__ import annotations

from typing import Any

from pydantic import PydanticUserError, ValidationError

from lmnb.errors import InputError
from lmnb.types.checked import adapter_for, problems
from lmnb.types.words import type_text


def typed(field: Any, value: Any) -> Any:
    """`value` as the type of its field where it is a text that somebody typed; anything else, and what has no field, as it is.

    >>> import lmnb
    >>> typed(lmnb.Signature("n: int -> words: list[str]").fields["words"], '["a", "b"]')
    ['a', 'b']
    """
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
            kind = type_text(field.type)
            raise InputError(f"{field.name} is a {kind}, not {value!r}: {problems(error)}") from None
