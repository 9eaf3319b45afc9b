"""The source text of functions and classes, also of those typed in notebook cells, and the names that it uses."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from lmnb.syntax import parse, steady

# the sources that were read, each with the lines of the file that it was read from
_read: WeakKeyDictionary[Any, tuple[list[str], str]] = WeakKeyDictionary()


def source_of(thing: Any) -> str | None:
    """The source of a function or class without its indentation; None where it cannot be read."""
    if isinstance(thing, type):
        text = _class_of_a_cell(thing)
        if text is not None:
            return text
    try:
        lines = steady(lambda: _lines_of_file(thing))
        known = _read.get(thing)
        if known is not None and known[0] is lines:  # a file that changed has other lines
            return known[1]
        text = textwrap.dedent(steady(lambda: inspect.getsource(thing)))
        _read[thing] = lines, text
        return text
    except (OSError, TypeError, IndentationError, SyntaxError):
        return None


def _lines_of_file(thing: Any) -> list[str]:
    """The lines of the file that holds a function or class, as `inspect` reads them: one list until the file changes."""
    name = inspect.getsourcefile(thing) or inspect.getfile(thing)
    linecache.checkcache(name)
    module = inspect.getmodule(thing, name)
    return linecache.getlines(name, vars(module) if module is not None else None)


@lru_cache(maxsize=4096)
def names_in(source: str) -> tuple[str, ...]:
    """The names that a piece of source reads, in order, without those of its own parameters and variables."""
    tree = parse(source)
    read, made = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read[node.id] = None
            else:
                made.add(node.id)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            read |= dict.fromkeys(_quoted_types(node.value))
    return tuple(name for name in read if name not in made or name in _module_level(tree))


def scope_of(thing: Any) -> dict[str, Any]:
    """The globals that the code of a function or class sees, with what it closes over."""
    functions = [thing] if isinstance(thing, FunctionType) else list(own_functions(thing))
    scope = dict(vars(sys.modules[thing.__module__])) if thing.__module__ in sys.modules else {}
    for function in functions:
        scope.update(function.__globals__)
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                scope[name] = cell.cell_contents
            except ValueError:  # not filled yet
                continue
    return scope


def is_project(module: str) -> bool:
    """False for the standard library, installed packages and lmnb: their code is imported, not copied."""
    top = module.partition(".")[0]
    if top == "__main__":
        return True
    if top == "lmnb" or top in sys.stdlib_module_names:
        return False
    loaded = sys.modules.get(top)
    if loaded is not None:
        origin = getattr(loaded, "__file__", None) or ""
    else:
        spec = find_spec(top) if top else None
        origin = (spec.origin or "") if spec else ""
    return "site-packages" not in origin and "dist-packages" not in origin


def own_functions(cls: type) -> Iterator[FunctionType]:
    """The functions that a class's body defines, also those inside static methods and properties."""
    for value in vars(cls).values():
        function = (
            getattr(value, "wrapped", None) or getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        )
        if isinstance(function, FunctionType) and function.__module__ == cls.__module__:
            yield function


def _class_of_a_cell(cls: type) -> str | None:
    """The source of a class that no file holds: from the cell whose code its methods have, else from the last cell
    with a class of that name.
    """
    files = [function.__code__.co_filename for function in own_functions(cls)]
    if not files:
        if getattr(sys.modules.get(cls.__module__), "__file__", None):
            return None
        files = [name for name in reversed(list(linecache.cache)) if Path(name).suffix != ".py" or "ipykernel" in name]
    lines_of = [function.__code__.co_firstlineno for function in own_functions(cls)]
    for name in dict.fromkeys(files):
        if Path(name).is_file():
            continue
        lines = linecache.getlines(name)
        try:
            tree = parse("".join(lines))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef) or node.name != cls.__name__:
                continue
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if not lines_of or any(start <= line <= (node.end_lineno or start) for line in lines_of):
                return textwrap.dedent("".join(lines[start - 1 : node.end_lineno]))
    return None


def _quoted_types(text: str) -> list[str]:
    """Names of types inside a signature's string."""
    if "->" not in text or len(text) > 2_000:
        return []
    found = []
    for part in text.replace("->", ",").split(":")[1:]:
        try:
            tree = parse(part.strip().rstrip(","), mode="eval")
        except SyntaxError:
            tree = None
        nodes = ast.walk(tree) if tree is not None else ()
        found += [node.id for node in nodes if isinstance(node, ast.Name)]
        if tree is None:
            found += [
                word
                for word in part.replace("[", " ").replace("]", " ").replace(",", " ").split()
                if word.isidentifier()
            ]
    return found


def _module_level(tree: ast.Module) -> set[str]:
    """What the source refers to although it also assigns it somewhere: names of decorators, bases and annotations at
    its top.
    """
    top: set[str] = set()
    for node in tree.body:
        outer = [*getattr(node, "decorator_list", []), *getattr(node, "bases", [])]
        for part in outer:
            top |= {inner.id for inner in ast.walk(part) if isinstance(inner, ast.Name)}
    return top
