"""The options of a predictor's call come from the program, never from data: a `config` among the fields of a data set could send prompts
and keys to another server.

While a program runs on data, the values that stand there under the name of an option are known in the whole process, in threads too; a
predictor that is given one of them as an option refuses the call. As fields, of the program's own parameters for instance, they are free.

A copy of such a value is refused too. Nothing tells a copy from an equal value that the program wrote itself (a dict in its code is made anew at
each call), so this one is refused as well; what a program sets on a predictor, and not in the call, comes from no data and is never asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.types.grammar import CALL_OPTIONS

_OPTIONS = frozenset(CALL_OPTIONS)
_OWN = {
    "config": "set it once and not in the call: self.predict = lmnb.Predict('question -> answer', temperature=...)",
    "demos": "set them once and not in the call: self.predict.demos = [...]",
    "lm": "set it once and not in the call: self.predict.lm = lmnb.LM(...)",
    "signature": "set it once and not in the call: self.predict = lmnb.Predict('question -> answer')",
}
_tainted: dict[object, list[tuple[str, Any]]] = {}  # by whoever runs a program on data


@contextmanager
def tainted(data: Any) -> Iterator[None]:
    """Around a program's call with `data` (a mapping, an Example, or arguments that hold some): no predictor takes options from it, also
    where it is nested, copied or handed on as `**kwargs`.

    >>> import lmnb
    >>> row = {"question": "Who?", "config": {"temperature": 2.0}}
    >>> with tainted(row):
    ...     lmnb.Predict("question -> answer", lm=lmnb.FakeLM([]))(**row)
    Traceback (most recent call last):
    lmnb.errors.InputError: 'config' is an option of the call, and its value {'temperature': 2.0} comes from the data. ...
    """
    found = list(_options_in(data))
    if not found:
        yield
        return
    key = object()
    _tainted[key] = found
    try:
        yield
    finally:
        del _tainted[key]


def check_options(given: Mapping[str, Any]) -> None:
    """InputError where an option among `given` is a value of data."""
    for name in _OPTIONS & given.keys():
        value = given[name]
        alike = [
            each for found in list(_tainted.values()) for known, each in found if name == known and _same(value, each)
        ]
        if not alike:
            continue
        own = (
            ""
            if any(value is each for each in alike)
            else f" If it is the program's own and the data only holds the same, {_OWN[name]}."
        )
        raise InputError(
            f"{name!r} is an option of the call, and its value {_short(value)} comes from the data. Data gives no options: leave the "
            f"field out with with_inputs(...), or hand on by name what the predictor takes: self.predict(question=question).{own}"
        )


def _options_in(data: Any) -> Iterator[tuple[str, Any]]:
    """What stands under the name of an option, at any depth."""
    seen: set[int] = set()
    rest: list[Any] = [data]
    while rest:
        each = rest.pop()
        if isinstance(each, (Mapping, Example)) and id(each) not in seen:
            seen.add(id(each))
            items = list(each.items())
            yield from ((name, value) for name, value in items if name in _OPTIONS and value is not None)
            rest += [value for _, value in items]
        elif isinstance(each, (list, tuple)) and id(each) not in seen:
            seen.add(id(each))
            rest += [value for value in each if not isinstance(value, str)]


def _same(value: Any, known: Any) -> bool:
    """Whether it is the value of the data or a copy of it; an empty one only where it is the same object."""
    if value is known:
        return True
    if not value or type(value) is not type(known) or not isinstance(value, (str, dict, list, tuple)):
        return False
    try:
        return bool(value == known)
    except Exception:  # noqa: BLE001  an array within, or a class of the user's: not a copy that could be told
        return False


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"
