"""Where the names in a signature come from: the code that declares it, as it is now."""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, get_origin

from lmnb.errors import SignatureError
from lmnb.types.names import BASIC, TYPED, Lookup, known_type

_PACKAGE = f"{Path(__file__).parents[1]}{os.sep}"


def caller_lookup(custom: Mapping[str, Any] | None = None) -> Lookup:
    """Finds a dotted name: basic types, then `custom`, then what the callers see (the nearest first), then typing and
    standard types.

    Nothing is remembered between signatures, so a notebook cell that is run again gets the types of its new run.
    """

    def find(name: str) -> Any:
        head, *rest = name.split(".")
        if not rest and head in BASIC:
            return BASIC[head]
        if custom and head in custom:
            return _member(custom[head], rest)
        for at, frame in enumerate(_frames()):
            if at and head in TYPED:
                break  # a name that many a library has: it means ours, unless the caller itself has another
            for scope in (frame.f_locals, frame.f_globals):
                if head in scope and (rest or _is_type(scope[head])):
                    return _member(scope[head], rest)
        return known_type(name)

    return find


def annotations_of(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a class body, with those that are strings resolved where the class stands."""
    annotations = body.get("__annotations__", {})
    if not any(isinstance(kind, str) for kind in annotations.values()):
        return annotations
    nearest, *outer = _frames()
    far: dict[str, Any] = {}
    for frame in reversed(outer):
        far.update(frame.f_locals)
    module = getattr(sys.modules.get(body.get("__module__", "")), "__dict__", nearest.f_globals)
    holder = type(name, (), {"__annotations__": annotations})
    try:
        return typing.get_type_hints(holder, {**far, **module}, {**nearest.f_locals, **body}, include_extras=True)
    except NameError as error:
        raise SignatureError(f"signature {name}: {error}. Define or import it before the signature.") from None


def _frames() -> Iterator[FrameType]:
    """The frames of the code that uses lmnb, the nearest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            yield frame
        frame = frame.f_back


def _member(value: Any, path: list[str]) -> Any:
    for part in path:
        try:
            value = getattr(value, part)
        except AttributeError:
            raise KeyError(part) from None
    return value


def _is_type(value: Any) -> bool:
    return isinstance(value, type) or get_origin(value) is not None or hasattr(value, "__supertype__") or value is Any
