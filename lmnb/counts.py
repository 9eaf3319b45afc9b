"""Arguments that count something, and numbers in sentences."""

from __future__ import annotations

from numbers import Real
from typing import Any

from lmnb.errors import InputError


def whole_number(name: str, value: Any, what: str, least: int = 1) -> int:
    """`value` itself; InputError where the argument `name`, which is `what`, is no whole number from `least`.

    >>> whole_number("k", 0, "how many passages to find")
    Traceback (most recent call last):
    lmnb.errors.InputError: k is 0, and it is how many passages to find: write a whole number from 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}, and it is {what}: write a whole number from {least}.")
    return value


def threshold(name: str, value: Any, what: str) -> float | None:
    """`value` itself, also where it is None; InputError where the argument `name`, which is `what`, is no number.

    >>> threshold("stop_at_score", "90", "from which score on the search ends")
    Traceback (most recent call last):
    lmnb.errors.InputError: stop_at_score is '90', and it is from which score on the search ends: write a number, or None.
    """
    given: object = value
    if given is not None and (not isinstance(given, Real) or given != given):  # the last is nan
        raise InputError(f"{name} is {value!r}, and it is {what}: write a number, or None.")
    return value


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "demo"), counted(3, "demo")
    ('1 demo', '3 demos')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
