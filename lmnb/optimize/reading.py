"""What a `forward` asks, read off its source: which parts it calls, how often, and which checks may send it back.

Read is what can be followed without running it: calls of parts by `self`, names for them, branches, loops of a known length, methods of the
same class. Anything else that could come to an LM raises `Unread`, with its line.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any

from lmnb.modules.module import Module
from lmnb.optimize.known import DATA, Ask, Check, Choice, Unread, one_of
from lmnb.optimize.reach import is_project_or_lmnb
from lmnb.optimize.reading_calls import Expressions
from lmnb.settings import context
from lmnb.sources import scope_of, source_of
from lmnb.syntax import parse

_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def asks(module: Module) -> list[list[Ask | Check]]:
    """What a call of the module asks and checks, in order, for each of `forward` and `aforward` that it has. Raises `Unread`."""
    kind = type(module)
    for name in ("__call__", "acall"):
        if getattr(kind, name) is not getattr(Module, name):
            raise Unread(f"{kind.__name__} has a {name} of its own")
    found = [function for name in ("forward", "aforward") if (function := _function_of(module, name)) is not None]
    if not found:
        raise Unread(f"{kind.__name__} has no forward that can be read")
    return [_Reader(module, function, ()).read() for function in found]


def _function_of(module: Module, name: str) -> FunctionType | None:
    found = getattr(type(module), name, None)
    return found if isinstance(found, FunctionType) and name not in vars(module) else None


class _Reader(Expressions):
    """Reads one function of a module."""

    def read(self) -> list[Ask | Check]:
        if hasattr(self.function, "__wrapped__"):  # the source is that of what is wrapped
            raise Unread(f"{self.name} is wrapped by a decorator, which may call it any number of times")
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
                self.left(node)
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
            case ast.AugAssign(target=target, value=value):
                self.harmless(value)
                self.assign(node, [target], DATA)
            case ast.expr():
                self.harmless(node)
            case ast.Import() | ast.ImportFrom():
                modules = [each.name for each in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                if any(map(is_project_or_lmnb, modules)):
                    raise self.unread(node, f"imports {', '.join(modules)}")
                self.made |= {(each.asname or each.name).partition(".")[0]: DATA for each in node.names}
            case ast.Return(value=value) | ast.Expr(value=value):
                if value is not None:
                    self.harmless(value)
            case _:
                self.branches(*([each] for each in ast.iter_child_nodes(node)))
                self.left(node)

    def left(self, node: ast.AST) -> None:
        """What follows is not come to by a run that returned inside."""
        if any(isinstance(inner, ast.Return) for inner in _walk(node)):
            self.always = False

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
            if isinstance(target, ast.Subscript) and isinstance(self.value(target.value), (list, dict)):
                raise self.unread(node, f"changes {ast.unparse(target.value)}")
            if isinstance(target, ast.Name):
                if self.looping and self.asking(value):
                    raise self.unread(node, "names a part in a loop")
                known = self.made.get(target.id, value)
                self.made[target.id] = value if known is value or target.id not in self.made else one_of(known, value)
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
                value = (
                    Choice(tuple(items))
                    if isinstance(items, list) and items and (at == len(names) - 1 if numbered else len(names) == 1)
                    else DATA
                )
                self.made.pop(name.id, None) if isinstance(name, ast.Name) else None
                before, self.looping = self.looping, False
                self.assign(node, [name], value if self.asking(value) else DATA)
                self.looping = before
        for inner in (inner for part in body for inner in _walk(part)):
            # what a turn gives a name is there in the next one
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.id in self.made:
                self.made[inner.id] = one_of(self.made[inner.id], DATA)
        start, before = len(self.found), (self.always, self.looping)
        self.always, self.looping = self.always and not any(map(_leaves, body)), True
        self.block(body)
        self.always, self.looping = before
        for part in body:
            self.left(part)
        inside = self.found[start:]
        if inside and items is None:
            raise self.unread(node, "asks in a loop whose length is not known before it runs")
        if any(isinstance(each, Check) for each in inside):
            raise self.unread(node, "checks in a loop")
        times = len(items or ())
        self.found[start:] = [replace(each, times=each.times * times) for each in inside if isinstance(each, Ask)]

    def items(self, over: ast.expr) -> list[Any] | range | None:
        """What a loop runs over; None where its length is not known."""
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and not over.keywords:
            called = self.scope.get(over.func.id)
            if called is range:
                ends = [self.value(each) for each in over.args]
                return range(*ends) if ends and all(isinstance(end, int) for end in ends) else None
            if called in (enumerate, reversed, list, tuple) and len(over.args) == 1:
                return self.items(over.args[0])
        if isinstance(over, (ast.List, ast.Tuple)) and not any(isinstance(each, ast.Starred) for each in over.elts):
            return [self.value(each) for each in over.elts]
        if (
            isinstance(over, ast.Call)
            and isinstance(over.func, ast.Attribute)
            and over.func.attr in ("values", "items")
        ):
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
        self.made = {**before, **dict.fromkeys(self.made.keys() - before.keys(), DATA)}
        if self.found[start:]:
            raise self.unread(node, what)


def _leaves(node: ast.AST) -> bool:
    """Whether a statement may leave the function or the loop."""
    return any(isinstance(inner, _LEAVES) for inner in _walk(node))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from _walk(child)
