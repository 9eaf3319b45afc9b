"""Whether a piece of code can come to a language model: read off the functions and objects that it names, without running it."""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from lmnb.lm.base import BaseLM
from lmnb.modules.checks import Assert, Suggest
from lmnb.modules.module import Module
from lmnb.sources import is_project

MOST = 20_000  # things that are looked at; what holds more is taken to reach one
_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None), range, type(Ellipsis))
_HIDDEN = frozenset({"eval", "exec", "__import__", "import_module", "globals"})  # what they reach is not to be read
# of lmnb's own: values and functions of values
_QUIET = (
    "lmnb.canonical lmnb.data_uri lmnb.errors lmnb.evaluate.majority lmnb.evaluate.metrics lmnb.evaluate.score lmnb.evaluate.statistics "
    "lmnb.example lmnb.html lmnb.prediction lmnb.signature lmnb.types"
).split()

_HOLDERS = ("lmnb.retrieve", "lmnb.tools", "lmnb.types.tool")  # ask what they were given


def may_ask(thing: Any) -> bool:
    """Whether `thing`, called or used, may ask an LM of lmnb. False only where all that it names was read.

    >>> import lmnb
    >>> def exact(example, prediction, trace=None):
    ...     return example.answer == prediction.answer
    >>> may_ask(exact), may_ask(lmnb.Predict("question -> answer"))
    (False, True)
    """
    return _Reach().of(thing)


class _Reach:
    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}  # with the thing, so that its id stays its own

    def of(self, thing: Any) -> bool:
        if isinstance(thing, _PLAIN) or id(thing) in self._seen:
            return False
        if isinstance(thing, (BaseLM, Module)) or thing is Assert or thing is Suggest or len(self._seen) > MOST:
            return True  # a check may have a step asked again
        if _is_value(thing):
            return False
        self._seen[id(thing)] = thing
        if isinstance(thing, type):
            return issubclass(thing, (BaseLM, Module)) or self._kind(thing)
        if isinstance(thing, ModuleType):
            return False  # what is taken from it is looked at where it is named
        if isinstance(thing, FunctionType):
            return self._function(thing)
        if isinstance(thing, MethodType):
            return self.of(thing.__func__) or self.of(thing.__self__)
        if isinstance(thing, functools.partial):
            return self.of(thing.func) or any(map(self.of, (*thing.args, *thing.keywords.values())))
        if isinstance(thing, (list, tuple, set, frozenset)):
            return any(map(self.of, thing))
        if isinstance(thing, Mapping) and type(thing).__module__ in ("builtins", "types", "collections"):
            return any(map(self.of, thing.values()))
        inner = getattr(thing, "__wrapped__", None)  # of functools.cache and the like
        if inner is not None:
            return self.of(inner)
        return self._instance(thing)

    def _kind(self, kind: type) -> bool:
        if _quiet(kind.__module__):
            return False
        if kind.__module__.startswith("lmnb."):
            return True
        return is_project(kind.__module__) and any(map(self.of, _functions(kind)))

    def _instance(self, thing: Any) -> bool:
        kind = type(thing)
        if isinstance(thing, (staticmethod, classmethod)):
            return self.of(thing.__func__)
        if isinstance(thing, property):
            return any(self.of(each) for each in (thing.fget, thing.fset) if each is not None)
        if isinstance(thing, functools.cached_property):
            return self.of(thing.func)
        if kind.__module__.startswith(_HOLDERS):
            return any(map(self.of, list(getattr(thing, "__dict__", {}).values())))
        if _quiet(kind.__module__):
            return False
        own = isinstance(thing, types.SimpleNamespace) or is_project(kind.__module__)
        if not own and not kind.__module__.startswith("lmnb."):
            return False
        return self.of(kind) or any(map(self.of, list(getattr(thing, "__dict__", {}).values())))

    def _function(self, function: FunctionType) -> bool:
        if _quiet(function.__module__ or ""):
            return False
        held = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for cell in function.__closure__ or ():
            try:
                held.append(cell.cell_contents)
            except ValueError:  # not filled yet
                continue
        if any(map(self.of, held)):
            return True
        own = is_project(function.__module__ or "") or (function.__module__ or "").startswith("lmnb.")
        return own and self._names(function)

    def _names(self, function: FunctionType) -> bool:
        """Whether a name in its code, or an attribute of a module that is named there, reaches one."""
        names = set(_names_of(function.__code__))
        scope = {name: function.__globals__[name] for name in names if name in function.__globals__}
        if names & _HIDDEN or any(map(is_project_or_lmnb, _imports_of(function.__code__))):
            return True
        if any(self.of(value) for value in scope.values() if not isinstance(value, ModuleType)):
            return True
        modules = [value for value in scope.values() if isinstance(value, ModuleType)]
        return any(self._taken(module, names) for module in modules)

    def _taken(self, module: ModuleType, names: set[str]) -> bool:
        inside = module.__name__.partition(".")[0] == "lmnb"
        if not inside and not is_project(module.__name__):
            return False
        lazy = set(dir(module)) if inside else vars(module).keys()
        found = [getattr(module, name) for name in sorted(names & lazy)]
        return any(self._taken(each, names) if isinstance(each, ModuleType) else self.of(each) for each in found)


def _quiet(module: str) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in _QUIET)


def _is_value(thing: Any) -> bool:
    """An example, a prediction and the like: there may be many, and they ask nothing."""
    module = type(thing).__module__
    return _quiet(module) and not module.startswith(_HOLDERS)


def _functions(kind: type) -> Iterator[Any]:
    for base in kind.__mro__:
        if is_project(base.__module__) or base.__module__.startswith("lmnb."):
            yield from (value for name, value in vars(base).items() if name != "__doc__")


def is_project_or_lmnb(module: str) -> bool:
    """Whether the module is the user's own, or one of lmnb."""
    return module.partition(".")[0] in ("", "lmnb") or is_project(module)


def _imports_of(code: CodeType) -> Iterator[str]:
    """The modules that are imported inside."""
    yield from (each.argval for each in dis.get_instructions(code) if each.opname == "IMPORT_NAME")
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _imports_of(const)


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names_of(const)
