"""What a docstring says of a function and of each argument: Google, numpy and reST style, or plain text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

_ARGUMENTS = {"args", "arguments", "parameters", "params", "other parameters", "keyword args", "keyword arguments"}
_OTHERS = "returns, return, yields, raises, example, examples, note, notes, see also, warnings, references"
_SECTIONS = _ARGUMENTS | set(_OTHERS.split(", "))
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^()]*\))?\s*:\s*(.*)")  # k (int): how many
_NUMPY = re.compile(r"\*{0,2}(\w+)(?:\s*,\s*\*{0,2}\w+)*\s*(?::.*)?")  # k : int
_REST = re.compile(r":param\s+(?:[^:\n]*\s)?\*{0,2}(\w+):\s*(.*)")
_FIELD = re.compile(r":(param|type|returns?|rtype|raises?)\b")
_LONGEST = 20_000  # characters; what is longer is no docstring


def read_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The text above the first section, and the text of each argument.

    >>> def search(query, k=5):
    ...     '''Finds passages.
    ...
    ...     Args:
    ...         query: what to look for,
    ...             in plain words
    ...         k (int): how many
    ...     '''
    >>> read_docstring(search)
    ('Finds passages.', {'query': 'what to look for, in plain words', 'k': 'how many'})
    """
    lines = (inspect.getdoc(function) or "")[:_LONGEST].splitlines()
    head: list[str] = []
    found: dict[str, list[str]] = {}
    section, entry, margin = "", None, 0
    for at, line in enumerate(lines):
        text, indent = line.strip(), len(line) - len(line.lstrip())
        title = text.removesuffix(":").lower()
        underlined = at + 1 < len(lines) and re.fullmatch(r"\s*-{3,}\s*", lines[at + 1]) is not None
        if indent == 0 and title in _SECTIONS and (underlined or text.endswith(":")):
            section, entry, margin = ("numpy " if underlined else "google ") + title, None, -1
        elif match := _REST.match(text):
            section, entry, margin = "rest", match[1], indent
            found[entry] = [match[2]]
        elif _FIELD.match(text):
            section, entry = "rest", None
        elif not section:
            head.append(line)
        elif section == "rest" or section.partition(" ")[2] in _ARGUMENTS:
            if not text or set(text) == {"-"}:
                continue
            margin = indent if margin < 0 else margin
            match = (_NUMPY.fullmatch if section.startswith("numpy") else _ENTRY.fullmatch)(text)
            if match and section != "rest" and indent <= margin:
                entry = match[1]
                found[entry] = [] if section.startswith("numpy") else [match[2]]
            elif entry is not None and indent > margin:
                found[entry].append(text)
    return "\n".join(head).strip(), {name: " ".join(filter(None, words)) for name, words in found.items()}
