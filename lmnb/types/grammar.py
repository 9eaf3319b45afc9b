"""The grammar of a signature in one string: `context: list[str], question -> answer: int`."""

from __future__ import annotations

import keyword
from typing import Any, NamedTuple, NoReturn

from lmnb.errors import SignatureError
from lmnb.types.names import Lookup, UnknownType, read_type

_CLOSING = {"[": "]", "(": ")", "{": "}"}
CALL_OPTIONS = ("config", "lm", "demos", "signature")  # what a call of a predictor takes besides its inputs


class Declared(NamedTuple):
    """One field as the string declares it."""

    name: str
    kind: Any
    is_input: bool


def read_signature(text: str, lookup: Lookup) -> list[Declared]:
    """The fields of `text`, inputs first. SignatureError says at which column (from 1) and how to write it."""
    inputs, outputs = _sides(text)
    found = [
        *(_field(text, start, end, lookup, is_input=True) for start, end in inputs),
        *(_field(text, start, end, lookup, is_input=False) for start, end in outputs),
    ]
    seen: dict[str, bool] = {}
    for field in found:
        if field.name in seen:
            both = seen[field.name] != field.is_input
            what = "is both an input and an output" if both else "stands twice"
            raise SignatureError(
                f"signature {_quoted(text)}: {field.name!r} {what}. Every field needs a name of its own."
            )
        seen[field.name] = field.is_input
    return found


def check_name(name: str, *, is_input: bool, place: str) -> None:
    """Refuse what cannot be a field's name; `place` begins the message."""
    if keyword.iskeyword(name):
        raise SignatureError(
            f"{place}: {name!r} is a Python keyword, so it cannot be passed by name. Write {name + '_'!r}."
        )
    if not name.isidentifier():
        raise SignatureError(f"{place}: {name!r} is not a name. {_as_names(name)}")
    if name.startswith("_"):
        raise SignatureError(f"{place}: the field {name!r} begins with '_'. Write {name.lstrip('_') or 'field'!r}.")
    if name == "completed":
        raise SignatureError(f"{place}: 'completed' marks the end of a reply. Call the field 'is_completed'.")
    if is_input and name == "self":
        raise SignatureError(
            f"{place}: 'self' names the program of a call, so no input can have that name. Write 'self_text'."
        )
    if is_input and name in CALL_OPTIONS:
        raise SignatureError(
            f"{place}: {name!r} is an option of every call, so no input can have that name. Write {name + '_text'!r}."
        )


def _sides(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The spans of the parts before and after the arrow, cut at the commas that no bracket holds."""
    open_at: list[int] = []
    quote = ""
    cuts, arrows = [-1], []
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif open_at and char in "'\"":
            quote = char
        elif char in _CLOSING:
            open_at.append(at)
        elif char in _CLOSING.values():
            if not open_at or _CLOSING[text[open_at[-1]]] != char:
                _fail(text, at, f"{char!r} closes nothing")
            open_at.pop()
        elif not open_at and text.startswith("->", at):
            arrows.append(at)
        elif not open_at and char == ",":
            cuts.append(at)
    if open_at:
        at = open_at[-1]
        _fail(text, at, f"{text[at]!r} is not closed", f"Add {_CLOSING[text[at]]!r}.")
    if not arrows:
        raise SignatureError(f"signature {_quoted(text)} has no '->'. Write it as {_with_arrow(text, cuts)!r}.")
    if len(arrows) > 1:
        where = " and ".join(str(at + 1) for at in arrows[:2])
        raise SignatureError(
            f"signature {_quoted(text)} has more than one '->' (columns {where}). Inputs stand before it, outputs "
            "after: 'a, b -> c'."
        )
    arrow = arrows[0]
    return _parts(text, 0, arrow, cuts, "inputs"), _parts(text, arrow + 2, len(text), cuts, "outputs")


def _parts(text: str, start: int, end: int, cuts: list[int], side: str) -> list[tuple[int, int]]:
    if not text[start:end].strip():
        example = f"question {text.strip()}" if side == "inputs" else f"{text.strip()} answer"
        raise SignatureError(f"signature {_quoted(text)} has no {side}. Write it as {example!r}.")
    edges = [start, *(at + 1 for at in cuts if start <= at < end)]
    spans = list(zip(edges, [*(at - 1 for at in edges[1:]), end], strict=True))
    for left, right in spans:
        if not text[left:right].strip():
            _fail(text, min(left, len(text) - 1), "a field is missing", "Remove the comma, or write the field's name.")
    return spans


def _field(text: str, start: int, end: int, lookup: Lookup, *, is_input: bool) -> Declared:
    part = text[start:end]
    raw, colon, written = part.partition(":")
    name = raw.strip()
    at = start + len(raw) - len(raw.lstrip())
    check_name(name, is_input=is_input, place=f"signature {_quoted(text)}, column {at + 1}")
    if not colon:
        return Declared(name, str, is_input)
    type_at = start + len(raw) + 1 + len(written) - len(written.lstrip())
    if not written.strip():
        _fail(text, start + len(raw), f"the type of {name!r} is missing after ':'", f"Write '{name}: str'.")
    try:
        return Declared(name, read_type(written, lookup), is_input)
    except UnknownType as error:
        _fail(text, type_at + error.column, str(error))


def _fail(text: str, at: int, what: str, advice: str = "") -> NoReturn:
    raise SignatureError(
        f"signature {_quoted(text)}, column {at + 1}: {what}{'' if what[-1] in '.?' else '.'} {advice}".rstrip()
    )


def _with_arrow(text: str, cuts: list[int]) -> str:
    """How the fields of `text`, with commas at `cuts`, may have been meant: the last one is what is asked for."""
    if len(cuts) > 1 and ":" in text:
        return f"{text[: cuts[-1]].strip()} -> {text[cuts[-1] + 1 :].strip()}"
    parts = [
        part for part in text.replace(",", " ").replace("=>", " ").replace("→", " ").split() if part.isidentifier()
    ]
    if len(parts) > 1:
        return f"{', '.join(parts[:-1])} -> {parts[-1]}"
    return f"{parts[0]} -> answer" if parts else "question -> answer"


def _as_names(name: str) -> str:
    words = name.split()
    if len(words) > 1 and all(word.isidentifier() for word in words):
        return f"Write {', '.join(words)!r} for {len(words)} fields, or {'_'.join(words)!r} for one."
    cleaned = "".join(char if char.isalnum() or char == "_" else "_" for char in name).strip("_")
    return f"Write {cleaned!r}." if cleaned.isidentifier() else "Write a name such as 'question'."


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
