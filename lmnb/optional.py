"""Libraries that are not always there: imported where they are used, with an error that names the extra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def frame(purpose: str, rows: Iterable[Mapping[str, Any]], columns: Iterable[str] | None = None) -> Any:
    """A DataFrame of `rows`. Half a character in a text (a lone surrogate, which models and files may send, and which no column of texts can
    hold where pyarrow is installed) stands there by its number, as `\\ud800`. MissingExtra without pandas.

    >>> frame("this example", [{"text": "a\\ud800", "n": 1}])["text"][0]
    'a\\\\ud800'
    """
    pandas = need("pandas", "pandas", purpose)
    made = [{_whole(name): _whole(value) for name, value in row.items()} for row in rows]
    return pandas.DataFrame(made, columns=None if columns is None else list(columns))


def _whole(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "backslashreplace").decode()
    return value
