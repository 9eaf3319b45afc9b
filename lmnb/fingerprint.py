"""The hash of a piece of code: of its source and that of the functions and classes of the same project that it names."""

from __future__ import annotations

import hashlib
from types import FunctionType
from typing import Any

from lmnb.sources import is_project, names_in, scope_of, source_of


def fingerprint(thing: Any) -> dict[str, str]:
    """`{"hash", "of", "import"}`: `of` is "source", or "import path" where no source can be read (a lambda typed at a
    prompt, a C function).

    >>> fingerprint(len)["of"]
    'import path'
    """
    named = thing if isinstance(thing, (type, FunctionType)) else type(thing)
    sources: dict[str, str] = {}
    _collect(named, sources)
    path = import_path(named)
    if not sources:
        return {"hash": _digest(path), "of": "import path", "import": path}
    text = "\n".join(f"{name}\n{sources[name]}" for name in sorted(sources))
    return {"hash": _digest(text), "of": "source", "import": path}


def import_path(thing: Any) -> str:
    """`module:qualified.name`."""
    return f"{getattr(thing, '__module__', '?')}:{getattr(thing, '__qualname__', type(thing).__name__)}"


def _collect(thing: Any, sources: dict[str, str]) -> None:
    path, module = import_path(thing), str(getattr(thing, "__module__", ""))
    # lmnb's own programs and metrics (the demo's) count as source too; installed packages are named by their path
    if path in sources or not (is_project(module) or module.startswith("lmnb.")):
        return
    source = source_of(thing)
    if source is None:
        return
    sources[path] = source
    try:
        names, scope = names_in(source), scope_of(thing)
    except SyntaxError:  # a lambda's source is the line that it stands in
        return
    for name in names:
        used = scope.get(name)
        if isinstance(used, (FunctionType, type)):
            _collect(used, sources)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
