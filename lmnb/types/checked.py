"""Pydantic's validators for field types, made once for each type and its bounds."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

Constraints = tuple[tuple[str, Any], ...]


def adapter_for(kind: Any, constraints: Constraints = ()) -> TypeAdapter[Any]:
    """The validator of `kind` held to `constraints`, pairs of a pydantic constraint's name and value.

    Raises pydantic's PydanticUserError for a type that it cannot build.
    """
    try:
        return _cached(kind, constraints)
    except TypeError as error:  # a type that cannot be hashed, for instance Annotated with a list
        if "unhashable" not in str(error):
            raise
        return _adapter(kind, constraints)


def _adapter(kind: Any, constraints: Constraints) -> TypeAdapter[Any]:
    held: Any = Annotated[kind, Field(**dict(constraints))] if constraints else kind
    return TypeAdapter(held)


_cached = lru_cache(maxsize=4096)(_adapter)


def problems(error: ValidationError | ValueError) -> str:
    """A validator's complaints in one line."""
    if not isinstance(error, ValidationError):
        return str(error)
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(map(str, item["loc"]))
        message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        lines.append(f"{place}: {message}" if place else message)
    return "; ".join(lines)
