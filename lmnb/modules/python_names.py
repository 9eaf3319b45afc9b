"""The names of a written Python module: each class, function and value that its code uses is imported, copied or written there."""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import keyword
import sys
import types
from collections.abc import Mapping
from typing import Any, get_origin

from lmnb.adapters.values import plain
from lmnb.errors import SaveError
from lmnb.lm.base import BaseLM
from lmnb.lm.client import LM
from lmnb.lm.private import is_secret, public
from lmnb.modules.literals import NoSource, literal
from lmnb.modules.python_signature import classes_in, field_source, signature_source, typing_imports
from lmnb.modules.tree import Node
from lmnb.signature import Field, Signature, SignatureMeta, type_code
from lmnb.sources import is_project, names_in, scope_of, source_of
from lmnb.syntax import parse
from lmnb.types.program_code import Code


class Names:
    """`imports` and `parts` (classes, functions, values: each after those that it needs) are what the module has to hold.

    `owners` says what each name is there; `lazy_annotations` whether its annotations are not to be evaluated.
    """

    def __init__(self, program: Any) -> None:
        self.imports: dict[str, None] = {"import lmnb": None}
        self.parts: list[str] = []
        self.owners: dict[str, Any] = {
            "lmnb": sys.modules["lmnb"],
            "program": program,
            "build": None,
            "PROVENANCE": None,
        }
        self.lazy_annotations = False

    # -- values as source --------------------------------------------------------------------------------------------

    def expression(self, value: Any, what: str) -> str:
        """Source for a value that code is called with: data, classes, functions, modules and LMs."""
        if isinstance(value, Node):
            args, kwargs = _arguments(value)
            kind = type(value)
            given = [self.expression(arg, f"an argument of {kind.__name__}") for arg in args]
            given += [
                f"{key}={self.expression(arg, f'the argument {key!r} of {kind.__name__}')}"
                for key, arg in kwargs.items()
            ]
            return f"{self.name(kind)}({', '.join(given)})"
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self.name(value)
        if isinstance(value, BaseLM):
            written = self.lm(value)
            if written is None:
                raise SaveError(
                    f"{what} is a {type(value).__name__}, and of LMs only lmnb.LM can be written as Python. Pass an lmnb.LM, give the "
                    "program its LM afterwards (program.set_lm(...)), or export as 'json'."
                )
            return written
        if type(value) in (list, tuple):
            inner = ", ".join(self.expression(item, what) for item in value)
            return f"[{inner}]" if type(value) is list else f"({inner}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            pairs = (f"{self.expression(key, what)}: {self.expression(item, what)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, Field):
            return f"lmnb.{field_source(value, self).partition(' = lmnb.')[2]}"
        try:
            return literal(value, self.name)
        except NoSource:
            raise SaveError(
                f"{what} is a {type(value).__name__}, which cannot be written as Python. Use plain data "
                "there, or export as 'json'."
            ) from None

    def value(self, value: Any) -> str:
        """Source for a piece of data; for what has none, what the prompt shows of it."""
        try:
            return literal(value, self.name)
        except NoSource:
            return repr(plain(value))

    def lm(self, lm: BaseLM) -> str | None:
        """Source for an LM without its secrets; None for one of another class than `lmnb.LM`."""
        if type(lm) is not LM:
            return None
        state = lm.dump_state()
        if "profile" in state or "endpoint" in state:  # which may differ, or be missing, where the module is used
            return f"lmnb.LM.load_state({self.value(state)})"
        if "weights" in state:  # they are looked for beside the module
            self.imports["import pathlib"] = None
            return f"lmnb.LM.load_state({self.value(state)}, folder=pathlib.Path(__file__).parent)"
        model = state.pop("model")
        return f"lmnb.LM({', '.join([repr(model), *(f'{key}={self.value(value)}' for key, value in state.items())])})"

    # -- names -------------------------------------------------------------------------------------------------------

    def name(self, thing: Any) -> str:
        """The name of a class or function in the module, which is imported or copied there."""
        if isinstance(thing, SignatureMeta) and not _shipped(thing):
            known = next((name for name, owner in self.owners.items() if owner is thing), None)
            if known is None:
                known = self.free(thing.__name__)
                self.signature(known, thing)
            return known
        if isinstance(thing, type) and issubclass(thing, Code) and thing is not Code:
            return f"{self.name(Code)}[{thing.language!r}]"
        top = thing.__qualname__.rpartition("<locals>.")[2].partition(".")[0]
        outer = thing if top == thing.__name__ else getattr(sys.modules.get(thing.__module__), top, thing)
        if getattr(builtins, top, None) is thing:
            return top
        if thing.__module__ in ("datetime", "decimal", "uuid", "pathlib"):
            self.imports[f"import {thing.__module__}"] = None
            return f"{thing.__module__}.{top}"
        if getattr(sys.modules["lmnb"], top, None) is thing:
            return f"lmnb.{top}"
        self.place(top, outer)
        return thing.__qualname__.rpartition("<locals>.")[2]

    def free(self, name: str) -> str:
        """`name`, with a number where something else is called that."""
        number, found = 2, name
        while found in self.owners or keyword.iskeyword(found):
            found, number = f"{name}{number}", number + 1
        self.owners[found] = None
        return found

    def needed(self, source: str, scope: Mapping[str, Any], own: str) -> None:
        """See to it that the names that `source` uses are there; `own` is the name that it gives. SaveError for a secret in it."""
        for node in ast.walk(parse(source)):
            if isinstance(node, ast.Constant) and is_secret("", node.value):
                raise SaveError(
                    f"the source of {own} holds a text that looks like a secret, which is never written to another "
                    "file. Read it from the environment there, such as os.environ['MY_API_KEY']."
                )
        for used in names_in(source):
            if used != own and used in scope and getattr(builtins, used, None) is not scope[used]:
                self.place(used, scope[used])

    # -- what they stand for -----------------------------------------------------------------------------------------

    def place(self, name: str, thing: Any) -> None:
        """See to it that `name` is `thing` in the module."""
        if name in self.owners:
            if self.owners[name] is not thing and not (
                isinstance(thing, SignatureMeta) and thing.equals(self.owners[name])
            ):
                raise SaveError(f"two different things are called {name!r}. Rename one of them.")
            return
        self.owners[name] = thing
        if isinstance(thing, types.ModuleType):
            self.imports[f"import {name}" if thing.__name__ == name else f"import {thing.__name__} as {name}"] = None
        elif isinstance(thing, SignatureMeta) and not _shipped(thing):
            self.signature(name, thing)
        elif isinstance(thing, (type, types.FunctionType)) and is_project(thing.__module__):
            self.copy(name, thing)
        elif not self.imported(name, thing):
            self.data(name, thing)

    def signature(self, name: str, signature: Any) -> None:
        """A signature as a class of that name."""
        self.owners[name] = signature
        self.parts.append(signature_source(name, signature, self))

    def copy(self, name: str, thing: Any) -> None:
        """The source of a class or function, or an import of it where that cannot be read."""
        source = source_of(thing)
        if source is None:
            self.imported(name, thing)
            return
        scope = scope_of(thing)
        self.owners[thing.__name__] = thing
        self.lazy_annotations |= scope.get("annotations") is __future__.annotations
        for base in getattr(thing, "__bases__", ()):
            scope.setdefault(base.__name__, base)
        self.needed(source, scope, thing.__name__)
        self.parts.append(source.rstrip())
        if name != thing.__name__:
            self.parts.append(f"{name} = {thing.__name__}")

    def imported(self, name: str, thing: Any) -> bool:
        """Write an import of `thing`, where a module has it under a name."""
        module = getattr(thing, "__module__", None)
        if not isinstance(module, str):
            return False
        words = (getattr(thing, "__name__", None), getattr(thing, "_name", None), name)
        there = sys.modules.get(module)
        real = next((word for word in words if word and getattr(there, word, None) is thing), None)
        if real is None:
            if not isinstance(thing, (type, types.FunctionType)):
                return False
            real = thing.__name__
        top = module.partition(".")[0]
        if getattr(sys.modules.get(top), real, None) is thing:
            module = top
        self.imports[f"from {module} import {real}" + (f" as {name}" if real != name else "")] = None
        return True

    def data(self, name: str, thing: Any) -> None:
        """A global that is a type expression or a value. SaveError for a secret."""
        if get_origin(thing) is not None:
            for kind in classes_in(thing):
                self.name(kind)
            self.imports |= typing_imports(thing)
            self.parts.append(f"{name} = {type_code(thing)}")
            return
        if is_secret(name, thing):
            raise SaveError(
                f"the global {name!r} looks like a secret, which is never written to a file. Read it inside the "
                f"function that uses it, such as os.environ[{name!r}]; if it is no secret, give it another name."
            )
        self.parts.append(f"{name} = {self.expression(thing, f'the global {name!r}')}")


def _arguments(node: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a module was made with; SaveError where that is a secret."""
    kind = type(node)
    args, kwargs = vars(node).get("_made_with", ((), {}))
    if kind.__module__.startswith("lmnb."):
        # options of a predictor: they are in its config too, and its LM is written after it; who is told of its calls is no part
        return args, public({name: value for name, value in kwargs.items() if name not in ("callbacks", "lm")})
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
        if is_secret(name, value):
            raise SaveError(
                f"the argument {name!r} of {kind.__name__} looks like a secret, which is never written to a file. "
                f"Read it from the environment inside {kind.__name__}, or write format='json'."
            )
    return args, kwargs


def _shipped(signature: SignatureMeta) -> bool:
    """Whether a signature is one that an installed module has under its name."""
    there = getattr(sys.modules.get(signature.__module__), signature.__name__, None) is signature
    return signature is Signature or (there and not is_project(signature.__module__))
