"""Values as JSON between the ends of the Deno sandbox: all that crosses comes back, and what is made up is refused."""

from __future__ import annotations

import contextlib
import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.tools.wire import _READ, decode, encode

HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters()),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, datetime.UTC])),
    st.times(),
    st.timedeltas(),
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.sets(HASHABLE),
        st.frozensets(HASHABLE),
        st.dictionaries(HASHABLE, inner),
    ),
    max_leaves=20,
)
KEYS = st.one_of(
    st.sampled_from(sorted(_READ)),
    st.text(),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(KEYS, inner, max_size=2)),
    max_leaves=20,
)


def typed(value: Any) -> Any:
    """`value` with the type of each part, so that 1, 1.0 and True differ."""
    if isinstance(value, (list, tuple)):
        return type(value), [typed(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, value))
    if isinstance(value, dict):
        return dict, [(typed(key), typed(item)) for key, item in value.items()]
    return type(value), hex(value) if type(value) is int else repr(value)


@given(VALUES)
def test_what_crosses_comes_back(value: Any) -> None:
    """Through a text of ASCII, with types and order."""
    text = json.dumps(encode(value))
    assert text.isascii() and "\n" not in text
    assert typed(decode(json.loads(text))) == typed(value)


HARD = {
    "long": 10**6000,
    "exact": 2**53,
    "least": -(2**53),
    "inf": float("inf"),
    "nan": Decimal("NaN"),
    "half": "\ud800",
    "end": ("a\nb", b"\xff\n"),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_values_come_back(name: str) -> None:
    """Numbers of more digits than Python reads, halves of surrogate pairs, line ends."""
    assert typed(decode(json.loads(json.dumps(encode(HARD[name]))))) == typed(HARD[name])


@given(JSON)
def test_what_is_made_up_is_refused(value: Any) -> None:
    """Any JSON is a value, or one of the errors that are caught where it is read; nothing is called."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        decode(value)


def test_other_types_do_not_cross() -> None:
    """A class that is not plain data is refused by name."""
    with pytest.raises(TypeError, match="a object does not cross"):
        encode([object()])
