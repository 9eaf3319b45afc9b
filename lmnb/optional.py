"""Libraries that are not always there: imported where they are used, with an error that names the extra."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lmnb.errors import MissingExtra


def need(library: str, extra: str, purpose: str) -> Any:
    """The imported library. MissingExtra says what needs it and how to install it.

    >>> need("json", "pandas", "this example").dumps([1])
    '[1]'
    """
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise  # it is there, and something that it needs is not
        raise MissingExtra(library, extra, purpose) from error


def installed(libraries: Iterable[str], extra: str, purpose: str) -> None:
    """MissingExtra where one of the libraries is not there; none is imported.

    >>> installed(["json"], "pandas", "this example")
    """
    for library in libraries:
        if find_spec(library) is None:
            raise MissingExtra(library, extra, purpose)
