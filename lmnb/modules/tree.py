"""A program as a tree of modules: names such as `a.b`, `steps[0]`, `by_kind['x']`, and copies of the tree."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any


class Node:
    """What counts as a part of a program: an attribute, or an item of a list, tuple or dict there, that is a Node."""


def walk(root: Node) -> Iterator[tuple[str, Node]]:
    """Every module below `root` by name, parents first, in the order in which attributes were set; `root` itself is
    "self".

    A module that stands at two places has the name of the first.
    """
    yield "self", root
    seen = {id(root)}
    yield from _below(root, "", seen)


def _below(node: Node, prefix: str, seen: set[int]) -> Iterator[tuple[str, Node]]:
    for name, value in list(vars(node).items()):
        if name != "_made_with":
            yield from _inside(value, f"{prefix}.{name}" if prefix else name, seen)


def _inside(value: Any, name: str, seen: set[int]) -> Iterator[tuple[str, Node]]:
    if not isinstance(value, (Node, list, tuple, dict)) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Node):
        yield name, value
        yield from _below(value, name, seen)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield from _inside(item, f"{name}[{key!r}]", seen)


def copied(value: Any, memo: dict[int, Any], leaf: Callable[[Any], Any]) -> Any:
    """`value` with new modules and new containers around them; everything else is what `leaf` makes of it."""
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Node):
        made = object.__new__(type(value))
        memo[id(value)] = made
        for name, item in vars(value).items():
            vars(made)[name] = item if name == "_made_with" else copied(item, memo, leaf)
        return made
    if type(value) is list:
        made = memo[id(value)] = []
        made.extend(copied(item, memo, leaf) for item in value)
        return made
    if type(value) is dict:
        made = memo[id(value)] = {}
        made.update((key, copied(item, memo, leaf)) for key, item in value.items())
        return made
    if type(value) is tuple:
        return tuple(copied(item, memo, leaf) for item in value)
    if isinstance(value, MethodType) and isinstance(
        value.__self__, Node
    ):  # a tool that is a method of the program itself
        return MethodType(value.__func__, copied(value.__self__, memo, leaf))
    return leaf(value)


def shared(value: Any) -> Any:
    """The leaf of a copy that shares all that is no module and no container; sets are containers of values."""
    return set(value) if type(value) is set else value


def deep(memo: dict[int, Any]) -> Callable[[Any], Any]:
    """The leaf of a deep copy. What cannot be copied (a lock, an open connection) is shared."""

    def leaf(value: Any) -> Any:
        try:
            return copy.deepcopy(value, memo)
        except (TypeError, ValueError, AttributeError, RuntimeError, copy.Error):
            return value

    return leaf
