"""`lmnb.load`: a saved program as a program again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from lmnb.errors import InputError, SaveError
from lmnb.fingerprint import import_path
from lmnb.json_file import expect, expect_keys, read_json, reading
from lmnb.modules import dspy_file, program_file, program_form
from lmnb.modules.module import Module
from lmnb.modules.rebuild import is_plain, rebuilt
from lmnb.optimize.ensembled_program import EnsembledProgram


def load(
    path: str | Path, program: Module | None = None, trust_import: bool = False, *, allow_pickle: bool = False
) -> Any:
    """The program in the file at `path`, as `program.save` wrote it.

    A `Predict` or `ChainOfThought`, or an ensemble of them, is built from the file alone. For any other program pass one of its class as
    `program` (a copy of it is filled), or `trust_import=True` to import the classes that the file names, of an ensemble those of its
    programs, and call them without arguments: that runs the code of their modules. A state file of DSPy always needs `program`, since it holds
    neither names nor types. SaveError for a file that is none, or does not fit; `allow_pickle` is accepted and changes nothing: nothing is
    unpickled.

    >>> import lmnb, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lmnb.Predict("question -> answer").save(folder + "/qa.json")
    ...     lmnb.load(folder + "/qa.json").signature.signature
    'question -> answer'
    """
    if program is not None:
        if not isinstance(program, Module):
            raise SaveError(f"program is {program!r}. Pass a program, such as program=MyProgram().")
        made = program.deepcopy()
        made.load(path)
        return made
    data = read_json(path)
    if dspy_file.is_state(data):
        raise SaveError(
            f"{str(path)!r} is a state that DSPy saved: it holds neither the code of a program nor the names and types of "
            f"its fields. Write lmnb.load({str(path)!r}, program=...) with a program of the same parts."
        )
    stored = program_form.checked(data, path)
    made = _made(stored.class_path, stored.arguments, stored.predictors, path, trusted=trust_import)
    program_file.load_into(made, data, path)
    return made


def _made(class_path: str, arguments: Any, states: Mapping[str, Any], path: str | Path, *, trusted: bool) -> Module:
    """An empty program of the class, made as the file says."""
    if is_plain(class_path):
        try:
            return rebuilt(class_path, states)
        except SaveError as error:
            raise SaveError(f"{str(path)!r} cannot be loaded: {error}") from None
    if class_path != import_path(EnsembledProgram) or arguments is None:
        return _imported(class_path, path, trusted=trusted)
    with reading(path):
        expect_keys(arguments, _ENSEMBLE, "arguments")
        parts = expect(list, arguments["programs"], "arguments.programs")
    made = [_part(part, f"programs[{at}]", states, path, trusted=trusted) for at, part in enumerate(parts)]
    reduce = arguments["reduce_fn"]
    if isinstance(reduce, Mapping):
        reduce = _part(reduce, "reduce_fn", states, path, trusted=trusted)
    elif reduce is not None:
        with reading(path):
            name = program_form.code_name(reduce, "arguments.reduce_fn")
        reduce = _code(name, path, trusted=trusted)
        if not callable(reduce):
            raise SaveError(f"{str(path)!r} names {name!r} as reduce_fn, which is no function.")
    try:
        options = {name: arguments[name] for name in ("size", "deterministic", "seed", "weights")}
        return EnsembledProgram(made, reduce, **options)
    except (InputError, TypeError, ValueError) as error:
        raise SaveError(f"{str(path)!r} cannot be loaded: its arguments make no ensemble: {error}") from None


_ENSEMBLE = ("programs", "reduce_fn", "size", "deterministic", "seed", "weights")


def _part(part: Any, place: str, states: Mapping[str, Any], path: str | Path, *, trusted: bool) -> Module:
    """The program in a place of an ensemble; its predictors are those of `states` below the place."""
    with reading(path):
        expect_keys(expect(dict, part, place), ("class", "arguments"), place, optional=("arguments",))
        kind = program_form.code_name(part["class"], f"{place}.class")
    below = {
        at[len(place) :].removeprefix(".") or "self": state for at, state in states.items() if _is_below(at, place)
    }
    return _made(kind, part.get("arguments"), below, path, trusted=trusted)


def _is_below(at: str, place: str) -> bool:
    return at == place or at.startswith((f"{place}.", f"{place}["))


def _imported(class_path: str, path: str | Path, *, trusted: bool) -> Module:
    found, name = _code(class_path, path, trusted=trusted), class_path.partition(":")[2]
    write = _write(name, path)
    if not (isinstance(found, type) and issubclass(found, Module)):
        raise SaveError(f"{str(path)!r} names {class_path!r}, which is no program. {write}.")
    try:
        return found()
    except TypeError as error:
        raise SaveError(f"{name} of {str(path)!r} needs arguments: {error}. {write}.") from None


def _write(name: str, path: str | Path) -> str:
    return f"Write lmnb.load({str(path)!r}, program={name.rpartition('.')[2]}(...))"


def _code(code_path: str, path: str | Path, *, trusted: bool) -> Any:
    """The class or function that the file names. SaveError where it may not be imported, or cannot be."""
    module, _, name = code_path.partition(":")
    write = _write(name, path)
    if not trusted:
        other = "" if module == "__main__" else ", or trust_import=True to import it"
        raise SaveError(f"{str(path)!r} holds a {name} of {module!r}, whose code is not in the file. {write}{other}.")
    try:
        found: Any = sys.modules[module] if module in sys.modules else import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SaveError(f"{str(path)!r} names {code_path!r}, which cannot be imported: {error}. {write}.") from None
    return found
