"""What a `forward` asks, read off its source: which parts it calls, how often, and which checks may send it back.

Read is what can be followed without running it: calls of parts by `self`, names for them, branches, loops of a known length, methods of the
same class. Anything else that could come to an LM raises `Unread`, with its line.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import Any

from lmnb.lm.base import BaseLM
from lmnb.modules.checks import RETRIES, Assert, Suggest
from lmnb.modules.module import Module
from lmnb.optimize.reach import is_project_or_lmnb, may_ask
from lmnb.settings import context
from lmnb.sources import scope_of, source_of
from lmnb.syntax import parse

_CALLS = ("__call__", "forward", "acall", "aforward")
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
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


def asks(module: Module) -> list[list[Ask | Check]]:
    """What a call of the module asks and checks, in order, for each of `forward` and `aforward` that it has. Raises `Unread`."""
    found = [function for name in ("forward", "aforward") if (function := _function_of(module, name)) is not None]
    if not found:
        raise Unread(f"{type(module).__name__} has no forward that can be read")
    return [_Reader(module, function, ()).read() for function in found]


def _function_of(module: Module, name: str) -> FunctionType | None:
    found = getattr(type(module), name, None)
    return found if isinstance(found, FunctionType) and name not in vars(module) else None


@dataclass
class _Reader:
    """Reads one function of a module. `open` are those that it was called from."""

    module: Module
    function: FunctionType
    open: tuple[FunctionType, ...]
    scope: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)  # names that the function gives
    found: list[Ask | Check] = field(default_factory=list)
    always: bool = True
    looping: bool = False

    def read(self) -> list[Ask | Check]:
        source = source_of(self.function)
        tree = None if source is None else next(iter(parse(source).body), None)
        if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raise Unread(f"the source of {self.name} cannot be read")
        self.scope = {**vars(builtins), **scope_of(self.function)}
        given = tree.args
        names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        names += [each.arg for each in (given.vararg, given.kwarg) if each is not None]
        self.made = dict.fromkeys(names, DATA)
        if names:
            self.made[names[0]] = self.module
        self.block(tree.body)
        return self.found

    @property
    def name(self) -> str:
        return f"{type(self.module).__name__}.{self.function.__name__}"

    def unread(self, node: ast.AST, what: str) -> Unread:
        return Unread(f"{self.name} {what} (line {getattr(node, 'lineno', 0)} of it)")

    # -- statements

    def block(self, body: Sequence[ast.AST]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.AST) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self.harmless(test)
                self.branches(body, orelse)
                if any(map(_leaves, (*body, *orelse))):
                    self.always = False  # what follows may not be come to
            case ast.For() | ast.AsyncFor():
                self.loop(node, node.target, node.iter, node.body)
                self.branches(node.orelse)
            case ast.While(test=test, body=body, orelse=orelse):
                self.loop(node, None, None, [test, *body])
                self.branches(orelse)
            case ast.Try() | ast.TryStar():
                self.branches(node.body, *(handler.body for handler in node.handlers), node.orelse)
                self.block(node.finalbody)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.entered(item)
                self.block(node.body)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.made[node.name] = DATA
                self.unasked(node, node.body, "asks in a function of its own")
            case ast.Assign(targets=targets, value=value):
                self.assign(node, targets, self.value(value))
            case ast.AnnAssign(target=target, value=value):
                self.assign(node, [target], DATA if value is None else self.value(value))
            case ast.expr():
                self.harmless(node)
            case ast.Import() | ast.ImportFrom():
                modules = [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                if any(map(is_project_or_lmnb, modules)):
                    raise self.unread(node, f"imports {', '.join(modules)}")
                self.made |= {(each.asname or each.name).partition(".")[0]: DATA for each in node.names}
            case ast.Return(value=value) | ast.Expr(value=value) | ast.AugAssign(value=value):
                if value is not None:
                    self.harmless(value)
            case _:
                self.branches(*([each] for each in ast.iter_child_nodes(node)))

    def branches(self, *bodies: Sequence[ast.AST]) -> None:
        """Parts of which any may be left out."""
        before, self.always = self.always, False
        for body in bodies:
            self.block(body)
        self.always = before

    def assign(self, node: ast.AST, targets: Sequence[ast.expr], value: Any) -> None:
        for target in targets:
            if isinstance(target, ast.Attribute) and self.value(target.value) is self.module:
                raise self.unread(node, f"changes {ast.unparse(target)}")
            if isinstance(target, ast.Name):
                if self.looping and self.asking(value):
                    raise self.unread(node, "names a part in a loop")
                known = self.made.get(target.id, value)
                self.made[target.id] = value if known is value or target.id not in self.made else _one_of(known, value)
                continue
            if self.asking(value):
                raise self.unread(node, "puts a part where it cannot be followed")
            for inner in ast.walk(target):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    self.made[inner.id] = DATA

    def entered(self, item: ast.withitem) -> None:
        call = item.context_expr
        if isinstance(call, ast.Call) and self.value(call.func) is context:
            if any(each.arg in (None, "adapter") for each in call.keywords):
                raise self.unread(call, "sets another adapter")
            for keyword in call.keywords:
                self.value(keyword.value)  # an LM may be named here
        else:
            self.harmless(call)
        if item.optional_vars is not None:
            self.assign(call, [item.optional_vars], DATA)

    def loop(self, node: ast.AST, target: ast.expr | None, over: ast.expr | None, body: Sequence[ast.AST]) -> None:
        items = None if over is None else self.items(over)
        if target is not None:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            numbered = isinstance(over, ast.Call) and len(names) == 2  # by enumerate, or the items of a dict
            for at, name in enumerate(names):
                value = Choice(tuple(items)) if items and (at == len(names) - 1 if numbered else len(names) == 1) else DATA
                self.made.pop(name.id, None) if isinstance(name, ast.Name) else None
                before, self.looping = self.looping, False
                self.assign(node, [name], value if self.asking(value) else DATA)
                self.looping = before
        start, before = len(self.found), (self.always, self.looping)
        self.always, self.looping = self.always and not any(map(_leaves, body)), True
        self.block(body)
        self.always, self.looping = before
        inside = self.found[start:]
        if inside and items is None:
            raise self.unread(node, "asks in a loop whose length is not known before it runs")
        if any(isinstance(each, Check) for each in inside):
            raise self.unread(node, "checks in a loop")
        times = len(items or ())
        self.found[start:] = [replace(each, times=each.times * times) for each in inside if isinstance(each, Ask)]

    def items(self, over: ast.expr) -> list[Any] | None:
        """What a loop runs over; None where its length is not known."""
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and not over.keywords:
            called = self.scope.get(over.func.id)
            if called is range:
                ends = [self.value(each) for each in over.args]
                return list(range(*ends)) if ends and all(isinstance(end, int) for end in ends) else None
            if called in (enumerate, reversed, list, tuple) and len(over.args) == 1:
                return self.items(over.args[0])
        if isinstance(over, (ast.List, ast.Tuple)) and not any(isinstance(each, ast.Starred) for each in over.elts):
            return [self.value(each) for each in over.elts]
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr in ("values", "items"):
            owner = self.value(over.func.value)
            if isinstance(owner, dict):
                return list(owner.values())
        found = self.value(over)
        if isinstance(found, (list, tuple, dict)):
            return list(found)
        if self.asking(found):
            raise self.unread(over, f"runs over {ast.unparse(over)}, of which it is not known what it holds")
        return None

    def unasked(self, node: ast.AST, body: Sequence[ast.AST], what: str) -> None:
        start = len(self.found)
        before = dict(self.made)
        for inner in ast.walk(node):
            if isinstance(inner, ast.arguments):
                for default in (*inner.defaults, *filter(None, inner.kw_defaults)):
                    self.harmless(default)
            if isinstance(inner, ast.arg):
                self.made[inner.arg] = DATA
        self.block(body)
        self.made = {**before, **{name: DATA for name in self.made.keys() - before.keys()}}
        if self.found[start:]:
            raise self.unread(node, what)

    # -- expressions

    def harmless(self, node: ast.AST) -> None:
        """Read an expression whose value goes where it is not followed."""
        if self.asking(self.value(node)):
            raise self.unread(node, f"passes on {ast.unparse(node)}, which may ask an LM")

    def asking(self, value: Any) -> bool:
        if isinstance(value, Choice):
            return any(map(self.asking, value.of))
        return value is not DATA and may_ask(value)

    def value(self, node: ast.AST) -> Any:
        """The object that an expression stands for, as far as it is known; the calls inside of it are noted."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self.made[name] if name in self.made else self.scope.get(name, DATA)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                found = self.value(inner)
                if isinstance(node, ast.NamedExpr):
                    self.assign(node, [node.target], found)
                return found
            case ast.Attribute(value=inner, attr=name):
                return _attribute(self.value(inner), name)
            case ast.Subscript(value=inner, slice=at):
                return _item(self.value(inner), self.value(at))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.harmless(test)
                before, self.always = self.always, False
                found = _one_of(self.value(body), self.value(orelse))
                self.always = before
                return found
            case ast.Call():
                self.call(node)
                return DATA
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self.comprehension(node)
                return DATA
            case ast.Lambda():
                self.unasked(node, [node.body], "asks in a function of its own")
                return DATA
            case ast.BoolOp(values=values):
                self.harmless(values[0])
                self.branches(*([each] for each in values[1:]))
                return DATA
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.harmless(child)
        return DATA

    def comprehension(self, node: Any) -> None:
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        first, *rest = node.generators
        inner: list[ast.AST] = [each for one in rest for each in (one.iter, *one.ifs)]
        if rest:  # loops in loops: none of them may ask
            for one in node.generators:
                self.assign(node, [one.target], DATA)
            self.harmless(first.iter)
            self.unasked(node, [*first.ifs, *inner, *made], "asks in a loop within a loop")
            return
        self.loop(node, first.target, first.iter, [*first.ifs, *made])

    def call(self, node: ast.Call) -> None:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else None
        owner = self.value(node.func.value) if isinstance(node.func, ast.Attribute) else None
        called = self.value(node.func) if owner is None else _attribute(owner, method or "")
        if called is Assert or called is Suggest:
            self.check(node)
            return
        if owner is not None and _is_part(owner):
            self.method(node, owner, method or "", called)
            return
        if _is_part(called):
            self.ask(node, called)
            return
        held = owner is not None and owner is not DATA and self.asking(owner)
        if called is super or held or self.asking(called):
            raise self.unread(node, f"calls {ast.unparse(node.func)}, which may ask an LM")
        self.arguments(node)

    def arguments(self, node: ast.Call) -> None:
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.harmless(each.value if isinstance(each, ast.Starred) else each)

    def method(self, node: ast.Call, owner: Any, name: str, called: Any) -> None:
        """A call of a part's method."""
        own = getattr(type(self.module), name, None)
        if owner is self.module and isinstance(own, FunctionType) and name not in _CALLS and not hasattr(Module, name):
            if own in (*self.open, self.function):
                raise self.unread(node, f"calls {name}, which calls itself")
            self.arguments(node)
            read = _Reader(self.module, own, (*self.open, self.function)).read()
            self.found += [
                replace(each, always=each.always and self.always) if isinstance(each, Ask) else each for each in read
            ]
        elif owner is not self.module and name in _CALLS:
            self.ask(node, owner)
        elif owner is self.module and _is_part(called):
            self.ask(node, called)
        elif isinstance(owner, Module) and _is_part(called):
            self.ask(node, called)
        elif self.asking(called):
            raise self.unread(node, f"calls {ast.unparse(node.func)}, of which it is not known what it asks")
        else:
            self.arguments(node)

    def ask(self, node: ast.Call, called: Any) -> None:
        for keyword in node.keywords:
            fixed = isinstance(keyword.value, ast.Dict) and all(isinstance(key, ast.Constant) for key in keyword.value.keys)
            if keyword.arg == "lm" or (keyword.arg == "config" and (not fixed or "n" in _keys(keyword.value))):
                raise self.unread(node, f"chooses the {keyword.arg} of a call while it runs")
        self.arguments(node)
        parts = called.of if isinstance(called, Choice) else (called,)
        if any(part is self.module for part in parts):
            raise self.unread(node, "calls itself")
        self.found.append(Ask(parts, self.always))

    def check(self, node: ast.Call) -> None:
        given = dict(zip(("condition", "message", "at"), node.args, strict=False))
        given |= {keyword.arg or "": keyword.value for keyword in node.keywords}
        retries = self.value(given["retries"]) if "retries" in given else RETRIES
        if not isinstance(retries, int) or "" in given:
            raise self.unread(node, "checks as often as is only known when it runs")
        target = given.get("target_module", given.get("at"))
        at = None if target is None else self.value(target)
        for name in ("condition", "message"):
            if name in given:
                self.harmless(given[name])
        fixed = "message" not in given or isinstance(given["message"], ast.Constant)
        # failures are counted by their text: with texts of its own for each, a check has as many as it has retries
        self.found.append(Check(retries if fixed else retries * retries, at if isinstance(at, Module) else None))


def _is_part(value: Any) -> bool:
    if isinstance(value, Choice):
        return bool(value.of) and all(map(_is_part, value.of))
    return isinstance(value, (Module, BaseLM))


def _one_of(first: Any, second: Any) -> Any:
    if first is second:
        return first
    both = [*(first.of if isinstance(first, Choice) else [first]), *(second.of if isinstance(second, Choice) else [second])]
    return Choice(tuple(both))


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, Choice):
        found = tuple(_attribute(each, name) for each in owner.of)
        return DATA if all(each is DATA for each in found) else Choice(found)
    if isinstance(owner, Module):
        if name in vars(owner):
            return vars(owner)[name]
        value = getattr(type(owner), name, DATA)
        return DATA if isinstance(value, property) and not may_ask(value) else value
    if isinstance(owner, ModuleType):
        known = name in vars(owner) or owner.__name__.partition(".")[0] == "lmnb"
        return getattr(owner, name, DATA) if known else DATA
    if owner is DATA or isinstance(owner, (str, int, float, dict, list, tuple)):
        return DATA
    return vars(owner).get(name, owner) if hasattr(owner, "__dict__") and not isinstance(owner, type) else getattr(owner, name, DATA)


def _item(owner: Any, at: Any) -> Any:
    if isinstance(owner, (list, tuple)) or (isinstance(owner, Mapping) and isinstance(owner, dict)):
        values = list(owner.values()) if isinstance(owner, dict) else list(owner)
        if at is not DATA and not isinstance(at, Choice):
            try:
                return owner[at]
            except (LookupError, TypeError):
                return DATA
        return Choice(tuple(values)) if values else DATA
    return DATA if not isinstance(owner, Choice) else Choice(tuple(_item(each, at) for each in owner.of))


def _keys(node: ast.expr) -> list[Any]:
    return [key.value for key in node.keys if isinstance(key, ast.Constant)] if isinstance(node, ast.Dict) else []


def _leaves(node: ast.AST) -> bool:
    """Whether a statement may leave the function or the loop."""
    return any(isinstance(inner, _LEAVES) for inner in _walk(node))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _walk(child)
