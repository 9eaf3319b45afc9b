"""Values as Python source. Everything that is text goes through repr, so no value can become code."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import uuid
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

# gives the name of a class or function in the written module, and sees to it that it is there
Name = Callable[[Any], str]
_STANDARD = (datetime.date, datetime.time, datetime.timedelta, datetime.timezone, decimal.Decimal, uuid.UUID)


class NoSource(ValueError):
    """A value that has no form as Python source."""


def literal(value: Any, name: Name) -> str:
    """Python source that gives `value` again. Raises NoSource where there is none."""
    kind = type(value)
    if value is None or value is ... or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if isinstance(value, enum.Enum):
        return f"{name(kind)}[{value.name!r}]"
    if kind in (list, tuple, set, frozenset):
        return _sequence(value, name)
    if kind is dict:
        return "{" + ", ".join(f"{literal(key, name)}: {literal(item, name)}" for key, item in value.items()) + "}"
    if isinstance(value, BaseModel):
        return f"{name(kind)}.model_validate({literal(value.model_dump(mode='json'), name)})"
    if is_dataclass(value) and not isinstance(value, type):
        given = (f"{field.name}={literal(getattr(value, field.name), name)}" for field in fields(value) if field.init)
        return f"{name(kind)}({', '.join(given)})"
    if isinstance(value, _STANDARD) and kind.__module__ in ("datetime", "decimal", "uuid"):
        name(kind)
        shown = repr(value)
        return shown if kind.__module__ == "datetime" else f"{kind.__module__}.{shown}"
    raise NoSource(f"a {kind.__name__}")


def _sequence(value: Any, name: Name) -> str:
    items = ", ".join(
        literal(item, name) for item in (value if isinstance(value, (list, tuple)) else sorted(value, key=repr))
    )
    if isinstance(value, list):
        return f"[{items}]"
    if isinstance(value, tuple):
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, frozenset):
        return f"frozenset([{items}])"
    return f"{{{items}}}" if value else "set()"


def text_literal(text: str, indent: str) -> str:
    """A text as one repr, or as one repr a line where it has several."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return repr(text)
    return "(\n" + "".join(f"{indent}    {line!r}\n" for line in lines) + f"{indent})"
