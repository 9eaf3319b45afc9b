"""Values as text: what models write for a value is understood, and what cannot be meant is refused.

That every value comes back as it was written is held by `test_round_trip.py`.
"""

# ruff: noqa: UP045 - both spellings of an optional type are in use

import datetime
from typing import Literal, Optional

import pytest
from adapters.kinds import Level, Person, Team

from lmnb import ChatAdapter, InputField, OutputField, ParseError, Signature
from lmnb.adapters.codecs import codec_for


@pytest.mark.parametrize(
    ("kind", "reply", "value"),
    [
        (int, "42", 42),
        (int, "**42**", 42),
        (int, "`42`", 42),
        (int, '"42"', 42),
        (int, "1,234", 1234),
        (int, "42.0", 42),
        (float, "-1,234.5", -1234.5),
        (bool, "True", True),
        (bool, "no", False),
        (Literal["yes", "no"], "YES", "yes"),
        (Literal["yes", "no"], " 'No'. ", "no"),
        (Literal["yes", "no"], "**yes**", "yes"),
        (Literal["very good", "bad"], "Very  Good", "very good"),
        (Team, "tech SUPPORT", Team.tech),
        (Team, "tech", Team.tech),
        (Team, "Team.tech", Team.tech),
        (Level, "HIGH", Level.high),
        (Optional[int], "None", None),
        (Optional[int], "", None),
        (Optional[str], "", ""),
        (list[str], "['a', 'b']", ["a", "b"]),
        (list[str], '```json\n["a"]\n```', ["a"]),
        (list[str], 'Here it is: ["a", "b"]', ["a", "b"]),
        (list[str], "- a\n- b", ["a", "b"]),
        (list[int], "1. 10\n2. 20", [10, 20]),
        (dict[str, int], "{a: 1,}", {"a": 1}),
        (tuple[int, str], "(1, 'x')", (1, "x")),
        (Person, "```\n{'name': 'Ann', 'age': None}\n```", Person(name="Ann")),
        (datetime.date, '"2024-02-29"', datetime.date(2024, 2, 29)),
        (int | str, "12 apples", "12 apples"),
    ],
)
def test_what_models_write_is_understood(kind, reply, value):
    """Quotes, fences, emphasis, Python literals and broken JSON are read."""
    found = codec_for(kind).parse(reply)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        (int, "the answer is 42"),
        (int, ""),
        (int, "1,2,3"),
        (Literal["yes", "no"], "maybe"),
        (Literal["a", "A"], "'Á'"),
        (list[str], "a, b"),
        (list[str], '["a", "b"'),
        (dict[str, str], '{"a": "x", "a": "y"}'),
        (dict[str, str], "{'a': 'x', 'a': 'y'}"),
        (dict[str, str], '{"a": "x", "b":}'),
        (list[str], '["5" wide"]'),
        (list[int], "[1, 2, ...]"),
        (datetime.datetime, "2024"),
        (datetime.date, "86400"),
        (int, "true"),
        (list[str], "hello"),
        (Person, "{}"),
        (datetime.date, "2024"),
        (datetime.date, "tomorrow"),
        (list[str], "[" * 100_000),
        (dict[str, int], "{" * 200_000),
        (dict[str, int], '{"a":' * 50_000),
    ],
)
def test_what_cannot_be_meant_is_refused(kind, reply):
    """A value is not guessed."""
    with pytest.raises((ValueError, RecursionError)):
        codec_for(kind).parse(reply)


def test_bounds_are_held():
    """Values out of bounds are refused with the bound."""
    signature = Signature(
        {"q": (str, InputField()), "n": (Optional[int], OutputField(ge=1)), "t": (str, OutputField(max_length=3))}
    )
    adapter = ChatAdapter()
    assert adapter.parse(signature, "[[ ## n ## ]]\nnull\n[[ ## t ## ]]\nabc") == {"n": None, "t": "abc"}
    with pytest.raises(
        ParseError,
        match="Field 'n' is '0', but should be int or null, >= 1: Input should be greater than or equal to 1",
    ) as raised:
        adapter.parse(signature, "[[ ## n ## ]]\n0\n[[ ## t ## ]]\nabcd")
    assert "Field 't' is 'abcd', but should be str, length <= 3: String should have at most 3 characters." in str(
        raised.value
    )
