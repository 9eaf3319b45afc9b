"""The hash of a piece of code: of its source and that of the functions and classes of the same project that it names, where they can be read."""

from __future__ import annotations

import hashlib
import inspect
import sys
import textwrap
from importlib.util import find_spec
from types import CodeType, FunctionType
from typing import Any


def fingerprint(thing: Any) -> dict[str, str]:
    """`{"hash", "of", "import"}`: `of` is "source", or "import path" where no source can be read (a lambda typed at a prompt, a C function).

    >>> fingerprint(len)["of"]
    'import path'
    """
    named = thing if isinstance(thing, (type, FunctionType)) else type(thing)
    sources: dict[str, str] = {}
    _collect(named, sources)
    path = import_path(named)
    if not sources:
        return {"hash": _digest(path), "of": "import path", "import": path}
    return {"hash": _digest("\n".join(f"{name}\n{sources[name]}" for name in sorted(sources))), "of": "source", "import": path}


def import_path(thing: Any) -> str:
    """`module:qualified.name`."""
    return f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', type(thing).__name__)}"


def source_of(thing: Any) -> str | None:
    """The source text of a function or class, also of one typed in a notebook cell; None where it cannot be read."""
    try:
        return textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        return None


def _collect(thing: Any, sources: dict[str, str]) -> None:
    path = import_path(thing)
    if path in sources or not _is_project(thing):
        return
    source = source_of(thing)
    if source is None:
        return
    sources[path] = source
    functions = [thing] if isinstance(thing, FunctionType) else [item for item in vars(thing).values() if isinstance(item, FunctionType)]
    for function in functions:
        for name in _names(function.__code__):
            used = function.__globals__.get(name)
            if isinstance(used, (FunctionType, type)):
                _collect(used, sources)


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _is_project(thing: Any) -> bool:
    """Code of the standard library and of installed packages is named by its version, not read."""
    top = str(getattr(thing, "__module__", "")).partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return False
    if top in ("__main__", "lmnb"):
        return True
    module = sys.modules.get(top)
    origin = getattr(module, "__file__", None) or ""
    if not origin and module is None:
        spec = find_spec(top) if top else None
        origin = (spec.origin or "") if spec else ""
    return "site-packages" not in origin


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
