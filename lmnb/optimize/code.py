"""The code of a run: what a journal cannot hold, where to find it again, and whether it is still the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import FunctionType
from typing import Any

from lmnb.errors import RunError, SaveError
from lmnb.fingerprint import fingerprint
from lmnb.modules.module import Module
from lmnb.modules.rebuild import is_plain, rebuilt


@dataclass(frozen=True)
class Code:
    """The live objects of a run; `settings` are the LM and adapter in force."""

    program: Any
    metric: Callable[..., Any] | None
    teacher: Any = None
    teacher_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def code_hashes(program: Any, metric: Any, teacher: Any) -> dict[str, dict[str, str]]:
    """Fingerprints of a run's code, for its header."""
    parts = {"program": program, "metric": metric, "teacher": teacher}
    return {name: fingerprint(part) for name, part in parts.items() if part is not None}


def changed(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Which parts are not the ones that the run began with."""
    return [name for name in before if name in now and before[name]["hash"] != now[name]["hash"]]


def import_object(path: str) -> Any:
    """What stands at `module:name`, or None. Nothing of the standard library is looked up: a run's folder is data, not a script."""
    module, _, name = path.partition(":")
    if not name or module.partition(".")[0] in sys.stdlib_module_names or "<" in name:
        return None
    try:
        found: Any = import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def import_class(path: str) -> type | None:
    """The Module class at `module:name`, or None."""
    found = import_object(path)
    return found if isinstance(found, type) and issubclass(found, Module) else None


def import_function(path: str) -> Callable[..., Any] | None:
    """The function at `module:name`, or None."""
    found = import_object(path)
    return found if isinstance(found, FunctionType) and found.__qualname__ == path.partition(":")[2] else None


def built(path: str, state: Mapping[str, Any]) -> Any:
    """A program of the class at `path` with its saved state; None where the class is not importable. RunError where it cannot be made."""
    try:
        if is_plain(path):
            program: Any = rebuilt(path, state)
        else:
            found = import_class(path)
            if found is None:
                return None
            program = found()
        program.load_state(state)
    except (TypeError, SaveError) as error:
        raise RunError(
            f"{path} cannot be made from the run's folder alone: {error}. Pass it: lmnb.reopen(path, program=...)"
        ) from error
    return program
