"""A program as a tree of modules: names such as `a.b`, `steps[0]`, `by_kind['x']`, and copies of the tree."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

from lmnb.types.tool import Tool


class Node:
    """What counts as a part of a program: an attribute, or an item of a list, tuple or dict there, that is a Node."""


def walk(root: Node, kind: type = Node) -> Iterator[tuple[str, Any]]:
    """Every module below `root` (or every value of another `kind`) by name, parents first, in the order in which attributes
    were set; `root` itself is "self".

    What stands at two places has the name of the first.
    """
    if isinstance(root, kind):
        yield "self", root
    yield from _below(root, "", {id(root)}, kind)


def _below(node: Node, prefix: str, seen: set[int], kind: type) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(node).items()):
        if name != "_made_with":
            yield from _inside(value, f"{prefix}.{name}" if prefix else name, seen, kind)


def _inside(value: Any, name: str, seen: set[int], kind: type) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, (Node, list, tuple, dict, kind)) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, kind):
        yield name, value
    if isinstance(value, Node):
        yield from _below(value, name, seen, kind)
    elif isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield from _inside(item, f"{name}[{key!r}]", seen, kind)


def replace(root: Node, old: Any, new: Any) -> None:
    """Put `new` wherever the tree below `root` holds `old`, in place."""
    for _, node in list(walk(root)):  # before: what is put in may hold the old one
        for attribute, value in list(vars(node).items()):
            if attribute != "_made_with":
                vars(node)[attribute] = _replaced(value, old, new)


def _replaced(value: Any, old: Any, new: Any) -> Any:
    if value is old:
        return new
    if type(value) is list:
        value[:] = [_replaced(item, old, new) for item in value]
    elif type(value) is dict:
        value.update({key: _replaced(item, old, new) for key, item in value.items()})
    elif type(value) is tuple:
        return tuple(_replaced(item, old, new) for item in value)
    return value


def copied(value: Any, memo: dict[int, Any], leaf: Callable[[Any], Any]) -> Any:
    """`value` with new modules and new containers around them; everything else is what `leaf` makes of it.

    Methods of these modules, also as tools, are those of the new ones.
    """
    return _copied(value, memo, leaf, {id(node) for _, node in walk(value)} if isinstance(value, Node) else set())


def _copied(value: Any, memo: dict[int, Any], leaf: Callable[[Any], Any], tree: set[int]) -> Any:
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Node):
        made = object.__new__(type(value))
        memo[id(value)] = made
        for name, item in vars(value).items():
            vars(made)[name] = item if name == "_made_with" else _copied(item, memo, leaf, tree)
        return made
    if type(value) is list:
        made = memo[id(value)] = []
        made.extend(_copied(item, memo, leaf, tree) for item in value)
        return made
    if type(value) is dict:
        made = memo[id(value)] = {}
        made.update((key, _copied(item, memo, leaf, tree)) for key, item in value.items())
        return made
    if type(value) is tuple:
        return tuple(_copied(item, memo, leaf, tree) for item in value)
    if isinstance(value, MethodType) and isinstance(value.__self__, Node):  # a tool that is a method of the program
        return MethodType(value.__func__, _copied(value.__self__, memo, leaf, tree))
    if isinstance(value, Tool):
        owner = getattr(value.func, "__self__", value.func)  # a module that is a tool itself
        if isinstance(owner, Node) and (id(owner) in tree or id(owner) in memo):
            made = memo[id(value)] = value.with_func(_copied(value.func, memo, leaf, tree))
            return made
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
