"""The options that decide a reply, checked before a request is sent: providers refuse them in words of their own, or take them in silence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from numbers import Integral, Real
from sys import float_info
from typing import Any

from lmnb.errors import InputError
from lmnb.lm.private import OF_REPLIES, is_private

_NEAR = 0.85  # `temprature`, not one of the many options that single providers have
_NEAR_PRIVATE = (
    0.9  # `max_token`, whose name says that it is a secret; not `prompt_cache_key`, which is one provider's own
)


def check_decoding(options: Mapping[str, Any]) -> None:
    """InputError for a misspelt name of a common option, and for a value that it cannot have. What is None is not sent, and options of
    single providers pass.

    >>> check_decoding({"temprature": 0.7})
    Traceback (most recent call last):
    lmnb.errors.InputError: there is no option 'temprature' of a request. Did you mean 'temperature'?
    >>> check_decoding({"temperature": "hot"})
    Traceback (most recent call last):
    lmnb.errors.InputError: temperature is 'hot': write a number from 0, such as 0.7.
    """
    for name, value in options.items():
        meant = _meant(name)
        if meant is not None:
            raise InputError(f"there is no option {name!r} of a request. Did you mean {meant!r}?")
        rule = _RULES.get(name)
        if rule is not None and value is not None and not rule[0](value):
            raise InputError(f"{name} is {value!r}: write {rule[1]}.")


@lru_cache(maxsize=512)
def _meant(name: str) -> str | None:
    if name in OF_REPLIES or len(name) < 6:
        return None
    near = get_close_matches(name, OF_REPLIES, n=1, cutoff=_NEAR_PRIVATE if is_private(name) else _NEAR)
    return near[0] if near else None


def _number(value: Any, low: float, high: float = float_info.max) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _stops(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value))


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": (lambda value: _number(value, 0), "a number from 0, such as 0.7"),
    "top_p": (lambda value: _number(value, 0, 1), "a number from 0 to 1"),
    "n": (lambda value: _whole(value) and int(value) >= 1, "a whole number from 1: how many replies are wanted"),
    "max_tokens": (_whole, "a whole number, such as 500"),
    "max_completion_tokens": (_whole, "a whole number, such as 500"),
    "seed": (_whole, "a whole number"),
    "stop": (_stops, "a text, or a list of texts"),
}
