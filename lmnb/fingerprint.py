"""The hash of a piece of code: of its source, that of the functions and classes of the same project that it names, and
the values that it was made with.
"""

from __future__ import annotations

import datetime
import enum
import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from lmnb.canonical import canonical, jsonable
from lmnb.sources import is_project, names_in, own_functions, scope_of, source_of

_PLAIN = (datetime.date, datetime.time, datetime.timedelta, Decimal, UUID, PurePath, bytes, complex, range)
_CALLED = (FunctionType, BuiltinFunctionType, MethodType, functools.partial)


def fingerprint(thing: Any) -> dict[str, str]:
    """`{"hash", "of", "import"}`: `of` is "source", or "import path" where no source can be read (a lambda typed at a
    prompt, a C function).

    What a function closes over, its defaults and the arguments of a `functools.partial` count: two metrics of one
    factory differ when their thresholds do. Plain data and dataclasses count as what they hold, any other object (a
    program, an LM) as its class: the hash is the same in every process.

    >>> fingerprint(len)["of"]
    'import path'
    >>> fingerprint(functools.partial(round, ndigits=1)) == fingerprint(functools.partial(round, ndigits=2))
    False
    """
    read = _Reader()
    made = isinstance(thing, (type, *_CALLED)) or _is_wrapper(thing) or _is_record(thing)
    top = read.value(thing) if made else read.code(type(thing))
    named = thing if isinstance(thing, (type, FunctionType, BuiltinFunctionType)) else type(thing)
    return {
        "hash": hashlib.sha256(canonical([top, read.parts]).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "of": "source" if read.sourced else "import path",
        "import": import_path(named),
    }


def import_path(thing: Any) -> str:
    """`module:qualified.name`."""
    return f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', type(thing).__name__)}"


class _Reader:
    """Collects code in the order in which it is come upon; a value refers to code by its number there. What belongs to lmnb itself and
    holds nothing is read once in a process, and stands for all that it names (`whole`).
    """

    def __init__(self, *, whole: bool = True) -> None:
        self.parts: list[Any] = []
        self._whole = whole
        self.sourced = False
        self._numbers: dict[int, tuple[int, Any]] = {}  # with the thing, so that its id stays its own
        self._open: set[int] = set()

    def code(self, thing: Any) -> dict[str, int]:
        """The reference to a function or class."""
        known = self._numbers.get(id(thing))
        if known is None:
            number = len(self.parts)
            self._numbers[id(thing)] = number, thing
            self.parts.append(None)
            self.parts[number] = self._part(thing)
            return {"code": number}
        return {"code": known[0]}

    def _part(self, thing: Any) -> dict[str, Any]:
        path = import_path(thing)
        if self._whole and _is_own(thing):
            self.sourced = True
            return {"path": path, "own": _own_hash(thing)}
        if not _has_source(thing):
            # installed packages are named by their path; a function that one of them made has values of its own
            own = isinstance(thing, FunctionType) and "<locals>" in path
            return {"path": path, **(self._held(thing) if own else {})}
        source = source_of(thing)
        self.sourced |= source is not None
        functions = [thing] if isinstance(thing, FunctionType) else own_functions(thing)
        held = [self._held(function) for function in functions]
        if source is not None:
            self._used(source, scope_of(thing))
        return {"path": path, "source": source, "held": held}

    def _used(self, source: str, scope: Mapping[str, Any]) -> None:
        try:
            names = names_in(source)
        except SyntaxError:  # a lambda's source is the line that it stands in
            return
        for name in names:
            used = scope.get(name)
            if isinstance(used, (FunctionType, type)) and _has_source(used):
                self.code(used)

    def _held(self, function: FunctionType) -> dict[str, Any]:
        """What a function object has beside its code."""
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        return {
            "closure": {name: self._cell(cell) for name, cell in cells},
            "defaults": self._each(function.__defaults__ or ()),
            "named defaults": {name: self.value(item) for name, item in (function.__kwdefaults__ or {}).items()},
        }

    def _cell(self, cell: Any) -> Any:
        try:
            return self.value(cell.cell_contents)
        except ValueError:  # not filled yet
            return {"empty": True}

    def value(self, value: Any) -> Any:
        """A value as JSON that says the same in every process."""
        if isinstance(value, enum.Enum):
            return {"member": value.name, **self.code(type(value))}
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        if isinstance(value, (type, FunctionType)):
            return self.code(value)
        if isinstance(value, (BuiltinFunctionType, ModuleType)):
            return {"named": value.__name__ if isinstance(value, ModuleType) else import_path(value)}
        if id(value) in self._open:
            return {"again": import_path(type(value))}
        self._open.add(id(value))
        try:
            return self._compound(value)
        finally:
            self._open.remove(id(value))

    def _compound(self, value: Any) -> dict[str, Any]:
        kind = type(value)
        if isinstance(value, functools.partial):
            return {"partial": self.value(value.func), "args": self._each(value.args), **self._pairs(value.keywords)}
        if isinstance(value, MethodType):
            return {"method": self.value(value.__func__), "of": self.value(value.__self__)}
        if kind in (list, tuple):
            return {kind.__name__: self._each(value)}
        if kind in (set, frozenset):
            return {kind.__name__: sorted(self._each(value), key=canonical)}
        if kind is dict:
            return self._pairs(value)
        if isinstance(value, _PLAIN):
            return {"a": import_path(kind), "is": jsonable(value)}
        if _is_wrapper(value):
            return {"a": import_path(kind), "around": self.value(value.__wrapped__)}
        what = self.code(kind) if is_project(kind.__module__) else {"a": import_path(kind)}
        if isinstance(value, BaseModel):
            return {**what, **self._pairs(vars(value))}
        if _is_record(value):
            return {**what, **self._pairs({field.name: getattr(value, field.name, None) for field in fields(value)})}
        return what

    def _each(self, values: Iterable[Any]) -> list[Any]:
        return [self.value(item) for item in values]

    def _pairs(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        pairs = ([self.value(key), self.value(item)] for key, item in values.items())
        return {"pairs": sorted(pairs, key=canonical)}


@functools.cache
def _own_hash(thing: Any) -> str:
    """Of a class or function of lmnb, with all that it names."""
    read = _Reader(whole=False)
    top = read.code(thing)
    return hashlib.sha256(canonical([top, read.parts]).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_own(thing: Any) -> bool:
    module, inner = str(getattr(thing, "__module__", "")), "<locals>" in getattr(thing, "__qualname__", "")
    return module.startswith("lmnb.") and not inner and not getattr(thing, "__closure__", None)


def _has_source(thing: Any) -> bool:
    # lmnb's own programs and metrics (the demo's) count as source too
    module = str(getattr(thing, "__module__", ""))
    return is_project(module) or module.startswith("lmnb.")


def _is_wrapper(thing: Any) -> bool:
    """What `functools.cache` and the like make of a function."""
    return isinstance(getattr(thing, "__wrapped__", None), FunctionType)


def _is_record(thing: Any) -> bool:
    # a program is its class, also where that is a dataclass: its state is saved beside the hash of its code
    return is_dataclass(thing) and not isinstance(thing, type) and not hasattr(thing, "named_predictors")
