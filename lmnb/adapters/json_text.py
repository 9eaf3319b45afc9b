"""JSON as models write it: among words, in fences, with other quotes and loose commas, as Python. What was cut off, or
where a repair would have to guess at a value, is refused.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from lmnb.syntax import parse

LONGEST = 1_000_000  # characters of broken JSON that are worth repairing
DEEPEST = 100  # brackets inside one another; repairing takes quadratic time in them
_INSIDE = re.compile(r'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|“[^”]*”)|(?P<mark>[\[\]{}(),;:])|(?P<space>\s+|//[^\n]*|/\*.*?\*/)"""
    r"|(?P<number>[+-]?(?:\d[\d_]*+(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+|-?(?:NaN|Infinity))(?![\w.])"
    r"|(?P<word>true|false|null|True|False|None)\b|(?P<key>[^\W\d]\w*+)(?=\s*+:)",
    re.DOTALL,
)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"' r"|'(?:[^'\\]|\\.)*+'", re.DOTALL)
_COLON = re.compile(r"\s*:")
# what JSON takes for a control character, and who writes formulas means as it stands: \frac, \beta, \theta
_FORMULA = re.compile(r"\\\\|\\([bf](?=[A-Za-z])|t(?=heta|imes)|n(?=abla|eq\b)|r(?=ho\b|ightarrow))")
_CODED = re.compile(r"\\\\|\\([xNU0-7]|u(?![\da-fA-F]{4}))")  # a code that JSON does not have
_UNKNOWN = re.compile(r"\\\\|\\([^\"'\\/bfnrtu])")  # stands as it is, but Python reads some as control characters
_CODES = {"b": "\\u0008", "f": "\\u000c", "t": "\\u0009", "n": "\\u000a", "r": "\\u000d"}


class Unclear(ValueError):
    """JSON that reads well and may mean something else; the message says what to write."""


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """`value` as JSON that `objects` and `readings` take at its word."""
    text = json.dumps(value, ensure_ascii=False, default=default)
    return _FORMULA.sub(lambda match: _CODES[match[1]] if match[1] else match.group(), text) if "\\" in text else text


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects that a text holds side by side, in order. Raises Unclear."""
    found: list[dict[str, Any]] = []
    for span, closed in _spans(text, "{"):
        for reading in readings(span) if closed else _unclosed(span):
            if isinstance(made := _loaded(reading), dict):
                found.append(made)
                break
    if not found and isinstance(inner := _loaded(text.strip()), str):
        return objects(inner)  # an object inside a JSON string
    return found


def readings(text: str) -> Iterator[str]:
    """JSON texts that `text` may have meant, the likeliest first. Raises Unclear."""
    _loaded(text)
    yield text
    if len(text) > LONGEST:
        return
    spans = [span for span, closed in _spans(text, "[{") if closed]
    for part in [text, *(spans if len(spans) == 1 and spans[0] != text else [])]:
        if _depth(part) > DEEPEST:
            continue
        if part is not text and _loaded(part) is not None:
            yield part
        for read in (_python, _repaired):
            reading = read(part)
            if reading is not None:
                yield reading


def _spans(text: str, opening: str) -> Iterator[tuple[str, bool]]:
    """The outermost bracketed parts of a text, and whether each is closed; the last may not be."""
    first = re.compile(f"[{re.escape(opening)}]")
    at = first.search(text)
    while at:
        depth = 0
        for mark in _INSIDE.finditer(text, at.start()):
            depth += {"{": 1, "}": -1}.get(mark.group(), 0) if at.group() == "{" else _step(mark.group())
            if depth == 0 and mark.group()[0] != '"':
                yield text[at.start() : mark.end()], True
                at = first.search(text, mark.end())
                break
        else:
            yield text[at.start() :], False
            return


def _step(mark: str) -> int:
    return 1 if mark in "[{" else -1 if mark in "]}" else 0


def _depth(text: str) -> int:
    depth = deepest = 0
    for mark in _INSIDE.finditer(text):
        depth += _step(mark.group())
        deepest = max(deepest, depth)
    return deepest


def _unclosed(text: str) -> list[str]:
    """An object whose last bracket alone is missing: its last value is whole, unless it is a number."""
    text = text.rstrip().removesuffix("```").rstrip()
    return [] if text[-1:].isdigit() else [text + "}"]


def _loaded(text: str) -> Any:
    try:  # a line end inside a text may stand as it is
        found = json.loads(text, strict=False, object_pairs_hook=_once)
    except Unclear:
        raise
    except (ValueError, RecursionError):  # no JSON, too deep, or a number of too many digits
        return None
    if _holds(_FORMULA, text):
        raise Unclear(r'a backslash inside a JSON text is written twice, as in "\\frac"')
    return found


def _holds(escape: re.Pattern[str], text: str) -> bool:
    return "\\" in text and any(match[1] for match in escape.finditer(text))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        for key, value in pairs:
            if value is not made[key] and value != made[key]:
                raise Unclear(f"the key {key!r} stands twice, with different values")
    return made


def _python(text: str) -> str | None:
    if _holds(_FORMULA, text) or _holds(_CODED, text) or _holds(_UNKNOWN, text):
        return None
    try:
        tree = parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and len({ast.dump(key) for key in node.keys if key}) < len(node.keys):
                return None
        if any(not text[one.end() : other.start()].strip() for one, other in pairwise(_TEXT.finditer(text))):
            return None  # Python joins texts that stand side by side; here a comma is missing
        return dumps(to_jsonable_python(ast.literal_eval(tree)))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, PydanticSerializationError):
        return None


def _repaired(text: str) -> str | None:
    if _holds(_FORMULA, text) or _holds(_CODED, text) or not _only_loose(text):
        return None
    from json_repair import repair_json  # takes 20 ms to import, and few replies need it

    try:
        repaired = repair_json(text, return_objects=True)
    except (RecursionError, ValueError):
        return None
    return dumps(repaired) if isinstance(repaired, (list, dict)) and repaired else None


def _only_loose(text: str) -> bool:
    """Whether nothing but punctuation has to be repaired: every value is whole, and no key stands twice."""
    at, before = 0, ""
    keys: list[set[str] | None] = []  # of the objects that are open here, None for a list
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return False
        at, kind, said = token.end(), token.lastgroup, token.group()
        if kind == "space":
            continue
        if kind in ("text", "key") and keys and keys[-1] is not None and _COLON.match(text, at):
            name = said if kind == "key" else said[1:-1]
            if name in keys[-1]:
                return False
            keys[-1].add(name)
        elif kind != "mark":
            if kind == "key" or (keys and keys[-1] is not None and before != ":"):
                return False  # a value without a key, or a second one
        elif said in "{[":
            keys.append(set() if said == "{" else None)
        elif said in "}]":
            if before == ":" or not keys:
                return False
            keys.pop()
        elif said == "," and before == ":":
            return False
        before = said
    return not keys
