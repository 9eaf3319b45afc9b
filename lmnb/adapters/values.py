"""Any value as a prompt shows it, whatever its field's type."""

from __future__ import annotations

import enum
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from lmnb.adapters.json_text import dumps
from lmnb.types.base import Type
from lmnb.types.parts import Placed


def plain(value: Any, placed: Placed | None = None) -> str:
    """Any value as a prompt shows it: a str as it is, everything else as JSON, or as its str() where there is no JSON
    form. With `placed`, media inside it are put there.
    """
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value
    ready = json_data(value, placed)
    return ready if isinstance(ready, str) else dumps(ready)


def json_data(value: Any, placed: Placed | None = None) -> Any:
    """Any value as JSON data, or as its str() where there is no JSON form."""
    try:
        return to_jsonable_python(value, fallback=str, inf_nan_mode="constants", bytes_mode="base64", context=placed)
    except (PydanticSerializationError, ValueError):
        return str(value)


def given(value: Any, placed: Placed | None = None) -> str:
    """An input as a prompt shows it; a list of texts, or of typed values, is numbered."""
    if type(value) is str:
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return "\n".join(f"[{number}] {item}" for number, item in enumerate(value, start=1))
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, Type) for item in value):
        return "\n".join(f"[{number}] {plain(item, placed)}" for number, item in enumerate(value, start=1))
    return plain(value, placed)
