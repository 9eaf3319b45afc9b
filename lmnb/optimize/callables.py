"""Functions and programs among an optimizer's arguments: how a run's header names them, and how they are found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmnb.errors import RunError
from lmnb.fingerprint import import_path
from lmnb.modules.module import Module
from lmnb.optimize.code import built, import_function


def written(value: Any) -> Any:
    """A program as its class and state, a function as its import path, anything else as it is.

    >>> written(len), written("all")
    ({'function': 'builtins:len'}, 'all')
    """
    if isinstance(value, Module):
        return {"program": import_path(type(value)), "state": value.dump_state()}
    return {"function": import_path(value)} if callable(value) else value


def found(value: Any, argument: str) -> Any:
    """What `written` named. RunError where it is not importable here."""
    if not isinstance(value, Mapping):
        return value
    path = value["program"] if "program" in value else value["function"]
    made = built(path, value["state"]) if "program" in value else import_function(path)
    if made is None:
        raise RunError(
            f"the {argument} {path} of this run is not importable here; import its module first, or define it at a module's top level"
        )
    return made
