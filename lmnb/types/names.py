"""Type expressions written as text, such as `list[str]` or `Literal['a', 'b']`, read without running them."""

from __future__ import annotations

import ast
import builtins
import datetime
import decimal
import pathlib
import typing
import uuid
from collections.abc import Callable
from difflib import get_close_matches
from functools import reduce
from operator import or_
from typing import Any

from lmnb.errors import SignatureError
from lmnb.syntax import parse
from lmnb.types.audio import Audio
from lmnb.types.file import File
from lmnb.types.history import History
from lmnb.types.image import Image
from lmnb.types.program_code import Code
from lmnb.types.reasoning import Reasoning

LONGEST = 10_000  # characters; longer type expressions are nobody's

BASIC: dict[str, Any] = {
    name: getattr(builtins, name)
    for name in ("str", "int", "float", "bool", "bytes", "list", "dict", "tuple", "set", "frozenset", "object")
}
BASIC |= {name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union")}
TYPED: dict[str, Any] = {kind.__name__: kind for kind in (Image, Audio, File, History, Code, Reasoning)}
KNOWN: dict[str, Any] = {
    **BASIC,
    **{
        name: getattr(typing, name)
        for name in ("List", "Dict", "Tuple", "Set", "FrozenSet", "Sequence", "Mapping", "Iterable")
    },
    **{name: getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta")},
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
    "Path": pathlib.Path,
    **TYPED,
}
QUALIFIED: dict[str, Any] = {
    **{f"datetime.{name}": getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta")},
    **{f"typing.{name}": value for name, value in KNOWN.items() if getattr(typing, name, None) is value},
    "decimal.Decimal": decimal.Decimal,
    "uuid.UUID": uuid.UUID,
    "pathlib.Path": pathlib.Path,
}


class UnknownType(LookupError):
    """`text` at offset `column` (from 0) of a type expression names no type; the message says why."""

    def __init__(self, message: str, *, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


Lookup = Callable[[str], Any]  # a dotted name -> its value; raises KeyError


def read_type(text: str, lookup: Lookup) -> Any:
    """The type that `text` names. Names are looked up, subscripts applied; nothing else is evaluated."""
    if len(text) > LONGEST:
        raise UnknownType(f"a type of {len(text)} characters is too long")
    try:
        return _read(parse(text.strip(), mode="eval").body, lookup, text)
    except SyntaxError as error:
        if "nested" in error.msg:
            raise UnknownType("the type is nested too deeply") from None
        what = f"{text.strip()!r} is not a type. {nearest(text.strip())}"
        raise UnknownType(what, column=max(0, (error.offset or 1) - 1)) from None
    except (RecursionError, MemoryError, ValueError):
        raise UnknownType("the type is nested too deeply, or holds a null character") from None


def known_type(name: str) -> Any:
    """The builtin, typing or standard type of that (dotted) name; KeyError where there is none."""
    return QUALIFIED[name] if "." in name else KNOWN[name]


def nearest(name: str, more: tuple[str, ...] = ()) -> str:
    """A hint for a name that is no type."""
    near = get_close_matches(name, [*KNOWN, *more], n=1) or get_close_matches(name.lower(), BASIC, n=1)
    return f"Did you mean {near[0]!r}?" if near else "Define or import it before the signature, or use str."


def _read(node: ast.expr, lookup: Lookup, text: str) -> Any:
    if isinstance(node, ast.Constant):
        if node.value is None:
            return None
        if isinstance(node.value, str):  # a forward reference
            return read_type(node.value, lookup)
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = ast.unparse(node)
        try:
            return lookup(name)
        except KeyError:
            raise UnknownType(f"there is no type {name!r}. {nearest(name)}", column=node.col_offset) from None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return reduce(or_, (_optional(_read(side, lookup, text)) for side in (node.left, node.right)))
    if isinstance(node, ast.Subscript):
        return _subscript(node, lookup, text)
    raise UnknownType(
        f"{ast.unparse(node)!r} is not a type. Write a name such as 'int' or 'list[str]'", column=node.col_offset
    )


def _optional(part: Any) -> Any:
    return type(None) if part is None else part


def _subscript(node: ast.Subscript, lookup: Lookup, text: str) -> Any:
    base = _read(node.value, lookup, text)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if base is Code:
        args = tuple(part.value if isinstance(part, ast.Constant) else ast.unparse(part) for part in parts)
    elif base is typing.Literal:
        args = tuple(_option(part, lookup) for part in parts)
    else:
        args = tuple(... if _is_ellipsis(part) else _read(part, lookup, text) for part in parts)
    try:
        return base[args if len(args) != 1 else args[0]]
    except (TypeError, SignatureError) as error:
        raise UnknownType(f"{ast.unparse(node)!r} is not a type: {error}", column=node.col_offset) from None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _option(node: ast.expr, lookup: Lookup) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, (int, float)):
            return -number
    if isinstance(node, ast.Attribute):  # a member of an Enum
        try:
            return lookup(ast.unparse(node))
        except KeyError:
            pass
    raise UnknownType(
        f"the options of a Literal are written in quotes: Literal[{ast.unparse(node)!r}]", column=node.col_offset
    )
