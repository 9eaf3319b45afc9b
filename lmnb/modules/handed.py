"""Outputs that code or an agent hands over by itself: checked and coerced by the signature's types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

from lmnb.errors import InputError
from lmnb.types.checked import problems


def checked(signature: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` as the outputs of `signature`; InputError says what is missing or of the wrong type.

    >>> from lmnb.signature import Signature
    >>> checked(Signature("question -> answer: int"), {"answer": "4"})
    {'answer': 4}
    """
    try:
        made = outputs_model(signature).model_validate(dict(values))
    except ValidationError as error:
        raise InputError(problems(error)) from None
    return {name: getattr(made, name) for name in signature.output_fields}


@lru_cache(maxsize=256)
def outputs_model(signature: Any) -> type[BaseModel]:
    """The outputs of a signature as a pydantic model."""
    fields: dict[str, Any] = {name: (field.type, ...) for name, field in signature.output_fields.items()}
    return create_model("Outputs", **fields)
