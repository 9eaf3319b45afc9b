"""Reading the expressions of a `forward`: which object each stands for, and the calls of parts and the checks inside of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from inspect import getattr_static
from types import FunctionType
from typing import Any

from lmnb.modules.checks import RETRIES, Assert, Suggest
from lmnb.modules.module import Module
from lmnb.optimize.known import DATA, Ask, Check, Choice, Unread, attribute, is_part, item, keys, one_of, stored
from lmnb.optimize.reach import may_ask

CALLS = ("__call__", "forward", "acall", "aforward")
CHANGES = ("append", "extend", "insert", "add", "update", "setdefault", "appendleft")
QUIET = ("messages", "demos_for", "get_config")  # methods of parts that give values


@dataclass
class Expressions:
    """What is read of one function of a module so far. `open` are those that it was called from; `always`: whether every run comes here."""

    module: Module
    function: FunctionType
    open: tuple[FunctionType, ...]
    scope: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)  # names that the function gives
    found: list[Ask | Check] = field(default_factory=list)
    always: bool = True
    looping: bool = False

    @property
    def name(self) -> str:
        return f"{type(self.module).__name__}.{self.function.__name__}"

    def unread(self, node: ast.AST, what: str) -> Unread:
        return Unread(f"{self.name} {what} (line {getattr(node, 'lineno', 0)} of it)")

    def read(self) -> list[Ask | Check]:
        """All that the function asks and checks."""
        raise NotImplementedError

    def branches(self, *bodies: Sequence[ast.AST]) -> None:
        """Read parts of which any may be left out."""
        raise NotImplementedError

    def assign(self, node: ast.AST, targets: Sequence[ast.expr], value: Any) -> None:
        """Note what names stand for from here on."""
        raise NotImplementedError

    def loop(self, node: ast.AST, target: ast.expr | None, over: ast.expr | None, body: Sequence[ast.AST]) -> None:
        """Read a loop."""
        raise NotImplementedError

    def unasked(self, node: ast.AST, body: Sequence[ast.AST], what: str) -> None:
        """Read a body that may run any number of times, so that it must not ask."""
        raise NotImplementedError

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
                return attribute(self.value(inner), name)
            case ast.Subscript(value=inner, slice=at):
                return item(self.value(inner), self.value(at))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.harmless(test)
                before, self.always = self.always, False
                found = one_of(self.value(body), self.value(orelse))
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
        called = self.value(node.func) if owner is None else attribute(owner, method or "")
        if called is Assert or called is Suggest:
            self.check(node)
            return
        if owner is not None and is_part(owner):
            self.method(node, owner, method or "")
            return
        if is_part(called):
            self.ask(node, called)
            return
        if isinstance(owner, (list, dict, set)) and method in CHANGES:  # a loop over it would be another one
            raise self.unread(node, f"changes {ast.unparse(node.func).rpartition('.')[0]}")
        held = owner is not None and owner is not DATA and self.asking(owner)
        if called is super or held or self.asking(called):
            raise self.unread(node, f"calls {ast.unparse(node.func)}, which may ask an LM")
        self.arguments(node)

    def arguments(self, node: ast.Call) -> None:
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.harmless(each.value if isinstance(each, ast.Starred) else each)

    def method(self, node: ast.Call, owner: Any, name: str) -> None:
        """A call of a part's method."""
        own: Any = getattr(type(self.module), name, None)
        held = stored(owner, name)
        if owner is self.module and isinstance(getattr_static(type(self.module), name, None), staticmethod):
            if self.asking(own):
                raise self.unread(node, f"calls {name}, which may ask an LM")
            self.arguments(node)
        elif owner is self.module and isinstance(own, FunctionType) and name not in CALLS and not hasattr(Module, name):
            around: Any = (*self.open, self.function)
            if own in around:
                raise self.unread(node, f"calls {name}, which calls itself")
            self.arguments(node)
            read = type(self)(self.module, own, around).read()
            self.found += [
                replace(each, always=each.always and self.always) if isinstance(each, Ask) else each for each in read
            ]
        elif owner is not self.module and name in CALLS:
            self.ask(node, owner)
        elif is_part(held):
            self.ask(node, held)
        elif name in QUIET or (held is not DATA and not self.asking(held)):
            self.arguments(node)
        else:
            raise self.unread(node, f"calls {ast.unparse(node.func)}, of which it is not known what it asks")

    def ask(self, node: ast.Call, called: Any) -> None:
        for keyword in node.keywords:
            fixed = isinstance(keyword.value, ast.Dict) and all(
                isinstance(key, ast.Constant) for key in keyword.value.keys
            )
            if keyword.arg == "lm" or (keyword.arg == "config" and (not fixed or "n" in keys(keyword.value))):
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
