"""A program as a Python module that needs only lmnb: its classes, what was tuned as literals, and `program =
build()`.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import enum
import inspect
import keyword
import pprint
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from lmnb.adapters.values import plain
from lmnb.canonical import jsonable
from lmnb.errors import SaveError
from lmnb.example import Example
from lmnb.json_file import finite, write_text
from lmnb.lm.base import BaseLM
from lmnb.lm.private import is_secret, public
from lmnb.modules.literals import NoSource, literal, text_literal
from lmnb.modules.tree import Node
from lmnb.signature import NO_DEFAULT, Field, Signature, SignatureMeta, type_code
from lmnb.sources import is_project, names_in, scope_of, source_of
from lmnb.syntax import parse
from lmnb.types.program_code import Code


def export_python(program: Any, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write `program` to `path` as a readable module: `from <module> import program` gives a program with the same
    prompts.

    `provenance` (default: the program's) is written as a dict. Raises SaveError for what cannot be written: an argument
    or a global that is neither plain data nor a class or function whose source can be read.
    """
    text = _Writer(program, dict(program.provenance) if provenance is None else dict(provenance)).text()
    try:
        parse(text)
    except SyntaxError as error:
        raise SaveError(
            f"the source of {type(program).__name__} cannot stand in a module of its own: {error.msg} (line "
            f"{error.lineno})"
        ) from None
    write_text(path, text)


class _Writer:
    """Collects what the module has to hold, each thing after those that it needs."""

    def __init__(self, program: Any, provenance: dict[str, Any]) -> None:
        self.program = program
        self.provenance = provenance
        self.imports: dict[str, None] = {"import lmnb": None}
        self.parts: list[str] = []
        self.owners: dict[str, Any] = {
            "lmnb": sys.modules["lmnb"],
            "program": program,
            "build": None,
            "PROVENANCE": None,
        }
        self.lazy_annotations = False
        self.notes: list[str] = []

    def text(self) -> str:
        made = self.expression(self.program, "the program")
        tuned, lines = self.parts, []
        self.parts = []
        for path, predictor in self.program.named_predictors():
            lines += self.predictor(path, predictor)
        shown = pprint.pformat(finite(jsonable(self.provenance)), width=100, sort_dicts=False)
        build = "\n".join(
            [
                "def build():",
                f"    program = {made}",
                *lines,
                "    program.provenance = PROVENANCE",
                "    return program",
            ]
        )
        head = [
            f"{f'{type(self.program).__name__}, exported by lmnb. Use it with: from <this module> import program'!r}"
        ]
        future = ["from __future__ import annotations"] if self.lazy_annotations else []
        blocks = [
            "\n".join(head),
            *future,
            "\n".join(sorted(self.imports)),
            *tuned,
            *self.parts,
            f"PROVENANCE = {shown}",
            build,
            "program = build()",
        ]
        return "\n\n\n".join(blocks) + "\n"

    # -- the tuned state ---------------------------------------------------------------------------------------------

    def predictor(self, path: str, predictor: Any) -> list[str]:
        """The signature and demos of one predictor as blocks; gives the lines that put them in place."""
        target = "program" if path == "self" else f"program.{path}"
        words = re.findall(r"\w+", path) if path != "self" else [predictor.signature.__name__]
        name = self.free(
            "".join(word[:1].upper() + word[1:] for word in words) + ("Signature" if path != "self" else "Tuned")
        )
        self.signature(name, predictor.signature)
        lines = [f"    {target}.signature = {name}"]
        if predictor.demos:
            demos = self.free("_".join(words).upper() + "_DEMOS")
            rows = "".join(f"    {self.demo(demo)},\n" for demo in predictor.demos)
            self.parts.append(f"{demos} = [\n{rows}]")
            lines.append(f"    {target}.demos = {demos}")
        lines += self.config(target, predictor.config)
        if predictor.lm is not None:
            written = self.lm(predictor.lm)
            lines.append(
                f"    {target}.lm = {written}"
                if written
                else f"    # {target}.lm was a {type(predictor.lm).__name__}: set an LM, or configure one"
            )
        return lines

    def config(self, target: str, config: Mapping[str, Any]) -> list[str]:
        shared = public(config)
        private = [name for name in config if name not in shared]
        lines = [f"    # {target}.config also had {', '.join(private)}, which is private"] if private else []
        if shared:
            written = self.expression(shared, f"the config of {target}")
            # the constructor may have put a key of the environment there
            lines.append(f"    {target}." + (f"update_config(**{written})" if private else f"config = {written}"))
        return lines

    def demo(self, demo: Example) -> str:
        values = {name: self.value(value) for name, value in demo.items()}
        named = all(name.isidentifier() and not keyword.iskeyword(name) and name != "base" for name in values)
        inner = ", ".join(f"{name}={value}" for name, value in values.items())
        if not named:
            inner = "{" + ", ".join(f"{name!r}: {value}" for name, value in values.items()) + "}"
        marked = "" if demo.input_keys is None else f".with_inputs({', '.join(map(repr, demo.input_keys))})"
        origin, source, _ = demo.provenance
        return f"lmnb.Example({inner}){marked}" + (
            "" if origin is None and source is None else f".with_origin({origin!r}, {source!r})"
        )

    def value(self, value: Any) -> str:
        try:
            return literal(value, self.name)
        except NoSource:
            return repr(plain(value))  # what the prompt shows of it

    def signature(self, name: str, signature: Any) -> None:
        """A signature as a class of that name."""
        self.owners[name] = signature
        lines = [f"class {name}(lmnb.Signature):"]
        instructions = signature.instructions
        if _is_docstring(instructions):
            lines.append(f"    {text_literal(instructions, '    ')}")
        lines += [f"    {self.field(field)}" for field in signature.fields.values()] or ["    pass"]
        for check, value in signature._checks.items():
            lines.append(self.check(signature, check, value))
        if not _is_docstring(instructions):
            lines += ["", "", f"{name} = {name}.with_instructions({text_literal(instructions, '')})"]
        self.parts.append("\n".join(lines))

    def field(self, field: Field) -> str:
        for kind in _classes_in(field.type):
            if self.name(kind).startswith("lmnb."):  # the annotation names it without the package
                self.imports[f"from lmnb import {kind.__qualname__.partition('[')[0]}"] = None
        for word in ("Literal", "Any", "Annotated"):
            if re.search(rf"\b{word}\b", type_code(field.type)):
                self.imports[f"from typing import {word}"] = None
        options = ([f"desc={field.desc!r}"] if field.desc else []) + [
            f"{name}={self.value(value)}" for name, value in field.limits
        ]
        if field.prefix:
            options.append(f"prefix={field.prefix!r}")
        if field.default is not NO_DEFAULT:
            options.append(f"default={self.value(field.default)}")
        return (
            f"{field.name}: {type_code(field.type)} = "
            f"lmnb.{'InputField' if field.is_input else 'OutputField'}({', '.join(options)})"
        )

    def check(self, signature: Any, name: str, value: Any) -> str:
        function = getattr(value, "wrapped", value)
        function = getattr(function, "__func__", function)
        source = source_of(function)
        if source is None:
            return f"    # the validator {name!r} could not be read, and is not here"
        self.needed(source, scope_of(function), signature.__name__)
        return "\n" + "".join(
            f"    {line}" if line.strip() else line for line in source.rstrip().splitlines(keepends=True)
        )

    # -- what it needs -----------------------------------------------------------------------------------------------

    def expression(self, value: Any, what: str) -> str:
        """Source for a value that code is called with: data, classes, functions, modules and LMs."""
        if isinstance(value, Node):
            args, kwargs = self.arguments(value)
            given = [self.expression(arg, f"an argument of {type(value).__name__}") for arg in args]
            given += [
                f"{key}={self.expression(arg, f'the argument {key!r} of {type(value).__name__}')}"
                for key, arg in kwargs.items()
            ]
            return f"{self.name(type(value))}({', '.join(given)})"
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self.name(value)
        if isinstance(value, BaseLM):
            written = self.lm(value)
            if written is None:
                self.notes.append(f"    # {what} was a {type(value).__name__}, which is not written here")
            return written or "None"
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            inner = ", ".join(self.expression(item, what) for item in value)
            return f"[{inner}]" if type(value) is list else f"({inner}{',' if len(value) == 1 else ''})"
        if isinstance(value, dict) and type(value) is dict:
            return (
                "{"
                + ", ".join(
                    f"{self.expression(key, what)}: {self.expression(item, what)}" for key, item in value.items()
                )
                + "}"
            )
        if isinstance(value, Field):
            return f"lmnb.{self.field(value).partition(' = lmnb.')[2]}"
        try:
            return literal(value, self.name)
        except NoSource:
            raise SaveError(
                f"{what} is a {type(value).__name__}, which cannot be written as Python. Use plain data "
                "there, or export as 'json'."
            ) from None

    def arguments(self, node: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What a module was made with; SaveError where that is a secret."""
        kind = type(node)
        args, kwargs = vars(node).get("_made_with", ((), {}))
        if kind.__module__.startswith("lmnb."):
            # options of a predictor: they are in its config too; who is told of its calls is no part of it
            return args, public({name: value for name, value in kwargs.items() if name != "callbacks"})
        names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
        for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
            if is_secret(name, value):
                raise SaveError(
                    f"the argument {name!r} of {kind.__name__} looks like a secret, which is never written to a file. "
                    f"Read it from the environment inside {kind.__name__}, or write format='json'."
                )
        return args, kwargs

    def lm(self, lm: BaseLM) -> str | None:
        if type(lm).__name__ != "LM":
            return None
        state = lm.dump_state()
        if "profile" in state or "endpoint" in state:  # which may differ, or be missing, where the module is used
            return f"lmnb.LM.load_state({self.value(state)})"
        model = state.pop("model")
        return f"lmnb.LM({', '.join([repr(model), *(f'{key}={self.value(value)}' for key, value in state.items())])})"

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

    def place(self, name: str, thing: Any) -> None:
        """See to it that `name` is `thing` in the module."""
        if name in self.owners:
            if self.owners[name] is not thing and not (
                isinstance(thing, SignatureMeta) and thing.equals(self.owners[name])
            ):
                raise SaveError(f"two different things are called {name!r}. Rename one of them.")
            return
        if not isinstance(thing, types.ModuleType):
            self.owners[name] = thing
        if isinstance(thing, types.ModuleType):
            self.owners[name] = thing
            self.imports[f"import {name}" if thing.__name__ == name else f"import {thing.__name__} as {name}"] = None
        elif isinstance(thing, SignatureMeta) and not _shipped(thing):
            self.signature(name, thing)
        elif isinstance(thing, (type, types.FunctionType)) and is_project(thing.__module__):
            self.copy(name, thing)
        elif not self.imported(name, thing):
            self.data(name, thing)

    def copy(self, name: str, thing: Any) -> None:
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

    def needed(self, source: str, scope: Mapping[str, Any], own: str) -> None:
        for node in ast.walk(parse(source)):
            if isinstance(node, ast.Constant) and is_secret("", node.value):
                raise SaveError(
                    f"the source of {own} holds a text that looks like a secret, which is never written to another "
                    "file. Read it from the environment there, such as os.environ['MY_API_KEY']."
                )
        for used in names_in(source):
            if used != own and used in scope and getattr(builtins, used, None) is not scope[used]:
                self.place(used, scope[used])

    def imported(self, name: str, thing: Any) -> bool:
        """Write an import of `thing`, where a module has it under a name."""
        module = getattr(thing, "__module__", None)
        if not isinstance(module, str):
            return False
        real = next(
            (
                word
                for word in (getattr(thing, "__name__", None), getattr(thing, "_name", None), name)
                if word and getattr(sys.modules.get(module), word, None) is thing
            ),
            None,
        )
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
        if get_origin(thing) is not None:
            for kind in _classes_in(thing):
                self.name(kind)
            self.imports |= {
                f"from typing import {word}": None for word in ("Literal", "Any") if word in type_code(thing)
            }
            self.parts.append(f"{name} = {type_code(thing)}")
            return
        if is_secret(name, thing):
            raise SaveError(
                f"the global {name!r} looks like a secret, which is never written to a file. Read it inside the "
                f"function that uses it, such as os.environ[{name!r}]; if it is no secret, give it another name."
            )
        self.parts.append(f"{name} = {self.expression(thing, f'the global {name!r}')}")

    def free(self, name: str) -> str:
        """`name`, with a number where something else is called that."""
        number, found = 2, name
        while found in self.owners or keyword.iskeyword(found):
            found, number = f"{name}{number}", number + 1
        self.owners[found] = None
        return found


def _is_docstring(text: str) -> bool:
    """Whether `text` comes back unchanged when it is a class's docstring."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return bool(text) and inspect.cleandoc(text) == text


def _shipped(signature: SignatureMeta) -> bool:
    """Whether a signature is one that an installed module has under its name."""
    there = getattr(sys.modules.get(signature.__module__), signature.__name__, None) is signature
    return signature is Signature or (there and not is_project(signature.__module__))


def _classes_in(kind: Any) -> list[type]:
    """The classes that a type's source names, but for builtin ones."""
    if isinstance(kind, enum.Enum):
        return [type(kind)]
    if get_origin(kind) is not None:
        return [found for arg in (get_origin(kind), *get_args(kind)) for found in _classes_in(arg)]
    return [kind] if isinstance(kind, type) and kind.__module__ not in ("builtins", "types", "typing") else []
