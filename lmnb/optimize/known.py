"""What is known of the objects that a program's source names, and of what it asks, without running it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, MethodType, ModuleType
from typing import Any

from lmnb.lm.base import BaseLM
from lmnb.modules.module import Module
from lmnb.optimize.reach import may_ask

_BY_ITSELF = (property, cached_property, FunctionType, MethodType)
DATA = object()  # a value that is only known when the program runs: an input, an output, what was made of them


class Unread(Exception):
    """The source does not say how often an LM is asked."""


@dataclass(frozen=True)
class Ask:
    """A call of one of `parts`; `always`: whether every run of the program comes to it; `times`: how often, if at all."""

    parts: tuple[Any, ...]
    always: bool = True
    times: int = 1


@dataclass(frozen=True)
class Check:
    """An `Assert` or `Suggest`: how often it may send the program back, and the part that is asked again (None: the last step)."""

    retries: int
    at: Any = None


@dataclass(frozen=True)
class Choice:
    """One of several objects, which is not known."""

    of: tuple[Any, ...]


def stored(owner: Any, name: str) -> Any:
    """What a part holds under a name; DATA where its class has it."""
    if isinstance(owner, Choice):
        found = tuple(stored(each, name) for each in owner.of)
        return DATA if all(each is DATA for each in found) else Choice(found)
    return vars(owner).get(name, DATA)


def is_part(value: Any) -> bool:
    if isinstance(value, Choice):
        return bool(value.of) and all(map(is_part, value.of))
    return isinstance(value, (Module, BaseLM))


def one_of(first: Any, second: Any) -> Any:
    if first is second:
        return first
    both = [
        *(first.of if isinstance(first, Choice) else [first]),
        *(second.of if isinstance(second, Choice) else [second]),
    ]
    return Choice(tuple(both))


def attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, Choice):
        found = tuple(attribute(each, name) for each in owner.of)
        return DATA if all(each is DATA for each in found) else Choice(found)
    if isinstance(owner, Module):
        if name in vars(owner):
            return vars(owner)[name]
        value = getattr(type(owner), name, DATA)
        known = isinstance(value, property) and type(owner).__module__.startswith("lmnb.") and not may_ask(value)
        # a method or a property by itself may ask as the part does
        return DATA if known else owner if isinstance(value, _BY_ITSELF) else value
    if isinstance(owner, ModuleType):
        known = name in vars(owner) or owner.__name__.partition(".")[0] == "lmnb"
        return getattr(owner, name, DATA) if known else DATA
    if owner is DATA or isinstance(owner, (str, int, float, dict, list, tuple)):
        return DATA
    return (
        vars(owner).get(name, owner)
        if hasattr(owner, "__dict__") and not isinstance(owner, type)
        else getattr(owner, name, DATA)
    )


def item(owner: Any, at: Any) -> Any:
    if isinstance(owner, (list, tuple)) or (isinstance(owner, Mapping) and isinstance(owner, dict)):
        values = list(owner.values()) if isinstance(owner, dict) else list(owner)
        if at is not DATA and not isinstance(at, Choice):
            try:
                return owner[at]
            except (LookupError, TypeError):
                return DATA
        return Choice(tuple(values)) if values else DATA
    return DATA if not isinstance(owner, Choice) else Choice(tuple(item(each, at) for each in owner.of))


def keys(node: ast.expr) -> list[Any]:
    return [key.value for key in node.keys if isinstance(key, ast.Constant)] if isinstance(node, ast.Dict) else []
