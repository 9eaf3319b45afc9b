"""`lmnb.load`: a saved program as a program again."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from lmnb.errors import SaveError
from lmnb.json_file import read_json
from lmnb.modules import dspy_file, program_file, program_form
from lmnb.modules.module import Module
from lmnb.modules.rebuild import is_plain, rebuilt


def load(path: str | Path, program: Module | None = None, trust_import: bool = False) -> Any:
    """The program in the file at `path`, as `program.save` wrote it.

    A `Predict` or `ChainOfThought` is built from the file alone. For any other program pass one of its class as
    `program` (a copy of it is filled), or `trust_import=True` to import the class that the file names and call it
    without arguments: that runs the code of its module. A state file of DSPy always needs `program`, since it holds
    neither names nor types.
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
    if is_plain(stored.class_path):
        try:
            made = rebuilt(stored.class_path, stored.predictors)
        except SaveError as error:
            raise SaveError(f"{str(path)!r} cannot be loaded: {error}") from None
    else:
        made = _imported(stored.class_path, path, trusted=trust_import)
    program_file.load_into(made, data, path)
    return made


def _imported(class_path: str, path: str | Path, *, trusted: bool) -> Module:
    module, _, name = class_path.partition(":")
    write = f"Write lmnb.load({str(path)!r}, program={name.rpartition('.')[2]}(...))"
    if not trusted:
        other = "" if module == "__main__" else ", or trust_import=True to import it"
        raise SaveError(f"{str(path)!r} holds a {name} of {module!r}, whose code is not in the file. {write}{other}.")
    try:
        found: Any = sys.modules[module] if module in sys.modules else import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SaveError(
            f"{str(path)!r} names the class {class_path!r}, which cannot be imported: {error}. {write}."
        ) from None
    if not (isinstance(found, type) and issubclass(found, Module)):
        raise SaveError(f"{str(path)!r} names {class_path!r}, which is no program. {write}.")
    try:
        return found()
    except TypeError as error:
        raise SaveError(f"{name} of {str(path)!r} needs arguments: {error}. {write}.") from None
