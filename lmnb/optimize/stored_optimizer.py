"""An optimizer as a journal keeps it: its import path, and its arguments as far as they can be written down."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lmnb.adapters.base import Adapter
from lmnb.errors import RunError
from lmnb.fingerprint import import_path
from lmnb.lm.base import BaseLM
from lmnb.lm.private import is_secret
from lmnb.optimize.code import import_object

HIDDEN = ("metric", "teacher_settings")  # arguments that are code or may hold keys: known by their fingerprints only
NESTED = {"optimizer", "arguments"}  # of an argument that is an optimizer: its import path and its arguments


def optimizer_of(path: str, arguments: Mapping[str, Any]) -> Any:
    """The optimizer at an import path with its arguments, those that are optimizers themselves included. RunError where there is none."""
    module = path.partition(":")[0]
    known_module = module.startswith("lmnb.") or module in sys.modules
    found: Any = import_object(path) if known_module else None
    is_optimizer = isinstance(found, type) and any(
        import_path(base) == "lmnb.optimize.optimizer:Optimizer" for base in found.__mro__
    )
    if not is_optimizer:
        raise RunError(f"the optimizer {path} of this run is not importable here; import its module first")
    signature = inspect.signature(found)
    known = signature.parameters
    every = next((each.name for each in known.values() if each.kind is each.VAR_KEYWORD), None)
    # not by way of **options: a base may be given it already, and of a run of now the journal does not hold what a subclass leaves out
    formerly = {name: value for name, value in found.formerly.items() if name in known}
    given = {name: None for name in HIDDEN if name in known} | formerly | dict(arguments)
    for name, value in given.items():
        if isinstance(value, dict) and value.keys() == NESTED:
            given[name] = optimizer_of(*value.values())
    bound = signature.bind_partial()
    bound.arguments |= {name: value for name, value in given.items() if name in known and name != every}
    if every is not None:
        bound.arguments[every] = {name: value for name, value in given.items() if name not in known}
    try:
        return found(*bound.args, **bound.kwargs)
    except TypeError as error:  # a base may want what stands in no journal, and the subclass hands everything on to it
        wanted = {name: None for name in HIDDEN if every is not None and name not in known}
        with suppress(TypeError):
            return found(*bound.args, **{**wanted, **bound.kwargs})
        raise RunError(f"the optimizer {path} of this run cannot be made again from its arguments: {error}") from error


def arguments_of(optimizer: Any) -> dict[str, Any]:
    """An optimizer's arguments as far as they can be written down; those that are optimizers as `NESTED` says."""
    given = optimizer.get_params().items()
    code = (BaseLM, Adapter)
    written = {
        name: value
        for name, value in given
        if name not in HIDDEN and not isinstance(value, code) and not is_secret(name, value)
    }
    inner = written.pop("optimizers", None) or {}
    return written | {
        name: {"optimizer": import_path(type(each)), "arguments": arguments_of(each)} for name, each in inner.items()
    }
