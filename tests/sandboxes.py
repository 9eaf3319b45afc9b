"""The sandboxes that tests of code run in, each where what it needs is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.tools.deno_process import checked_pyodide, find_deno, find_pyodide


def _lacking_deno() -> str:
    try:
        checked_pyodide(find_pyodide(find_deno()))
    except lmnb.MissingExtra as error:
        return str(error)
    return ""


LACKING_DENO = _lacking_deno()
NEEDS_DENO = pytest.mark.skipif(bool(LACKING_DENO), reason=LACKING_DENO or "all is there")
NEEDS_MONTY = pytest.mark.skipif(
    find_spec("pydantic_monty") is None, reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'"
)
MONTY = pytest.param(lmnb.PythonInterpreter, id="monty", marks=NEEDS_MONTY)
DENO = pytest.param(lmnb.DenoInterpreter, id="deno", marks=NEEDS_DENO)
KINDS = [MONTY, DENO]


def made(kind: Any, **options: Any) -> Any:
    """A sandbox that is patient, so that no test depends on how busy the machine is."""
    return kind(**{"max_seconds": 60.0, **options})


def limits(**more: Any) -> dict[str, Any]:
    """Limits that a bomb reaches soon, and an ordinary program never."""
    return {"max_memory": 2**24, "max_output": 10_000, **more}


def children() -> set[str]:
    """The sandboxes that this process has running, by their numbers; those that end meanwhile are none."""
    listed = [child for task in Path("/proc/self/task").glob("*/children") for child in _text(task).split()]
    return {child for child in listed if any(name in _text(Path(f"/proc/{child}/comm")) for name in ("monty", "deno"))}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # its thread or process has ended
        return ""
