"""Traces as files hold them, checked: whatever stands in one, it is read as a trace, or SaveError names the place that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lmnb.errors import SaveError
from lmnb.json_file import shown

_MOST = 10**15  # of any number: seconds since the epoch, tokens, dollars


class _Kind(NamedTuple):
    words: str
    holds: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_MOST < value < _MOST


def _messages(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) and "role" in each for each in value)


_TEXT = _Kind("a text", lambda value: isinstance(value, str))
_NUMBER = _Kind("a number", _number)
_WHOLE = _Kind("a whole number", lambda value: _number(value) and isinstance(value, int))
_FROM_0 = _Kind("a number from 0", lambda value: _number(value) and value >= 0)
_COUNT = _Kind("a whole number", lambda value: re.fullmatch("[0-9]{1,9}", str(value)) is not None)
_OBJECT = _Kind("an object", lambda value: isinstance(value, Mapping))
_LIST = _Kind("a list", lambda value: isinstance(value, list))
_MESSAGES = _Kind("a list of objects with a role", _messages)

_OF_TRACE = {"name": _TEXT, "spans": _LIST}
_MAYBE_OF_TRACE: dict[str, _Kind] = dict.fromkeys(("seconds", "tokens", "cost", "score"), _NUMBER)
_MAYBE_OF_TRACE |= {"calls": _WHOLE, "repaired": _WHOLE, "checks": _LIST}
_OF_SPAN = {"id": _WHOLE, "depth": _WHOLE, "kind": _TEXT, "name": _TEXT, "label": _TEXT, "start": _FROM_0}
_OF_SPAN |= {"status": _TEXT, "inputs": _OBJECT}
_MAYBE_OF_SPAN: dict[str, _Kind] = dict.fromkeys(("error", "printed", "path", "cache"), _TEXT)
_MAYBE_OF_SPAN |= dict.fromkeys(("outputs", "values", "request", "usage"), _OBJECT)
_MAYBE_OF_SPAN |= {"parent": _WHOLE, "seconds": _FROM_0, "cost": _NUMBER, "attempts": _WHOLE, "messages": _MESSAGES}
_OF_USAGE: dict[str, _Kind] = dict.fromkeys(("prompt_tokens", "completion_tokens"), _NUMBER)


def check_trace(stored: Any) -> Mapping[str, Any]:
    """`stored`, which is what `Trace.to_dict` gives, or SaveError with what should stand where.

    >>> check_trace({"name": "QA", "spans": "none"})
    Traceback (most recent call last):
    lmnb.errors.SaveError: this is no trace: spans should be a list, not 'none'
    """
    if not _OBJECT.holds(stored):
        raise SaveError(f"this is no trace: it should be an object, not {shown(stored)}")
    _check(stored, "", _OF_TRACE, _MAYBE_OF_TRACE)
    if not stored["spans"]:
        raise SaveError("this is no trace: it has no spans")
    for number, check in enumerate(stored.get("checks") or ()):
        place = f"checks[{number}]"
        _check(_object(check, place), place, {"text": _TEXT}, {})
    for number, row in enumerate(stored["spans"]):
        _check_span(row, number, f"spans[{number}]")
    return stored


def _check_span(row: Any, number: int, place: str) -> None:
    _check(_object(row, place), place, _OF_SPAN, _MAYBE_OF_SPAN)
    parent = row.get("parent")
    if row["id"] != number or (parent is None) != (number == 0) or (number and not 0 <= parent < number):
        raise SaveError(
            f"this is no trace: {place} has the id {shown(row['id'])} and the parent {shown(parent)}, and parents come first"
        )
    _check(row.get("usage") or {}, f"{place}.usage", {}, _OF_USAGE)
    if row.get("values") is not None:
        _check(row["values"], f"{place}.values", {"inputs": _OBJECT}, {"outputs": _OBJECT})
    if row["kind"] == "check" and "attempts" in (row.get("outputs") or {}):
        _check(row["inputs"], f"{place}.inputs", {"check": _TEXT, "at": _TEXT}, {})
        _check(row["outputs"], f"{place}.outputs", {"attempts": _COUNT}, {})


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not _OBJECT.holds(value):
        raise SaveError(f"this is no trace: {place} should be an object, not {shown(value)}")
    return value


def _check(value: Mapping[str, Any], place: str, needed: Mapping[str, _Kind], maybe: Mapping[str, _Kind]) -> None:
    """SaveError where a part that is needed is not there, or a part is of another kind; those that may be missing may be None too."""
    within = f"{place}." if place else ""
    for name, kind in needed.items():
        if name not in value:
            raise SaveError(f"this is no trace: {place or 'it'} has no {name!r}")
        if not kind.holds(value[name]):
            raise SaveError(f"this is no trace: {within}{name} should be {kind.words}, not {shown(value[name])}")
    for name, kind in maybe.items():
        if value.get(name) is not None and not kind.holds(value[name]):
            raise SaveError(f"this is no trace: {within}{name} should be {kind.words}, not {shown(value[name])}")
