"""How long a file may keep its reader waiting: the most retries and seconds of an LM that a program or a profile asks for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from lmnb.errors import SaveError
from lmnb.json_file import expect, shown

MOST_RETRIES = 20
LONGEST_TIMEOUT = 3_600.0  # seconds


def check_bounds(options: Mapping[str, Any], place: str) -> None:
    """SaveError where `num_retries` or `timeout` is no number that a file may hold.

    >>> check_bounds({"num_retries": 3, "timeout": 60}, "options")
    >>> check_bounds({"num_retries": 1_000_000}, "options")
    Traceback (most recent call last):
    lmnb.errors.SaveError: options.num_retries is 1000000, and a file may ask for 20 at most. Set more by lm.copy(num_retries=...)
    """
    retries = _retries(options, place)
    if retries > MOST_RETRIES:
        raise SaveError(f"{place}.num_retries is {retries}, {_MOST} Set more by lm.copy(num_retries=...)")
    timeout = options.get("timeout", 1)
    if not 0 < _seconds(timeout) <= LONGEST_TIMEOUT:
        raise SaveError(
            f"{place}.timeout is {shown(timeout)}, and a file may ask for seconds above 0, {LONGEST_TIMEOUT:.0f} at most. Set more "
            "by lm.copy(timeout=...)"
        )


def bounded(options: Mapping[str, Any], place: str) -> dict[str, Any]:
    """`options` of somebody's program with no more retries than a file may ask for; a warning says so. SaveError for what is no
    number of retries.
    """
    retries = _retries(options, place)
    if retries <= MOST_RETRIES:
        return dict(options)
    warnings.warn(
        f"{place}.num_retries is {retries}, {_MOST} It is {MOST_RETRIES} now; if you trust the file, set it by "
        "predictor.lm = predictor.lm.copy(num_retries=...).",
        stacklevel=2,
    )
    return {**options, "num_retries": MOST_RETRIES}


_MOST = f"and a file may ask for {MOST_RETRIES} at most."


def _retries(options: Mapping[str, Any], place: str) -> int:
    retries = expect(int, options.get("num_retries", 0), f"{place}.num_retries")
    if retries < 0:
        raise SaveError(f"{place}.num_retries is {retries}, and there are no fewer than 0")
    return retries


def _seconds(value: Any) -> float:
    """NaN where it is no number."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
