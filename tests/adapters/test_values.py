"""Values as text: whatever a type can hold comes back as it was, over all of Unicode."""

# ruff: noqa: UP045 - both spellings of an optional type are in use

import datetime
import decimal
import enum
import math
from dataclasses import dataclass
from typing import Any, Literal, Optional

import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmnb import ChatAdapter, InputField, JSONAdapter, OutputField, ParseError, Signature, XMLAdapter
from lmnb.adapters.codecs import codec_for


class Team(enum.Enum):
    """Texts as values."""

    billing = "billing"
    tech = "Tech support"


class Level(enum.IntEnum):
    """Numbers as values."""

    low = 1
    high = 2


class Person(pydantic.BaseModel):
    """A model with text, an optional number, a list and an enum."""

    name: str
    age: int | None = None
    tags: list[str] = []
    team: Team = Team.billing


@dataclass
class Point:
    """A dataclass."""

    x: int
    label: str


HOSTILE = st.sampled_from(
    [
        "[[ ## answer ## ]]",
        "\\[[ ## answer ## ]]",
        "\\\\[[ ## completed ## ]]",
        "x [[ ## value ## ]] y",
        "[[## value ##]]",
        "[[ ## completed ## ]]",
        "**[[ ## value ## ]]**",
        "```json\n[1]\n```",
        "<think>a</think>",
        "null",
        "None",
        '"null"',
        '"quoted"',
        '"\\""',
        "{}",
        "[1, 2]",
        "true",
        "1",
        "'",
        "- a\n- b",
        "\\",
        "a\r\nb\x85c\u2028d",
        "\u202e[[ ## value ## ]]",
        "\ud7ff\ue000\U0010ffff",
        "<value>",
        "</value>",
        "x </Value > y",
        "< value/>",
        "<after>no</after>",
        "<b>&lt;</b>",
        "&amp;lt;value&#62;",
        "&",
        "<![CDATA[",
        "]]>",
        "<![CDATA[</value>]]>",
        "</think>",
        "\\frac{1}{2}",
        "\x0crac \x08eta \ttheta \nabla",
    ]
)
TEXT = (
    st.text()
    | HOSTILE
    | st.lists(HOSTILE | st.text(max_size=5), max_size=4).map("\n".join)
    | st.lists(HOSTILE, max_size=3).map("".join)
)
DATES = st.datetimes(
    timezones=st.none() | st.just(datetime.UTC) | st.just(datetime.timezone(datetime.timedelta(hours=-3, minutes=30)))
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
PEOPLE = st.builds(
    Person, name=TEXT, age=st.none() | st.integers(), tags=st.lists(TEXT, max_size=3), team=st.sampled_from(Team)
)


@pytest.fixture(scope="module", params=[ChatAdapter, JSONAdapter, XMLAdapter], autouse=True)
def form(request):
    """The adapter that `round_trip` goes through."""
    global adapter
    adapter = request.param()


def round_trip(kind: Any, value: Any) -> Any:
    """`value` as an assistant turn of a demo, read back as a reply."""
    signature = Signature(
        {"question": (str, InputField()), "value": (kind, OutputField()), "after": (str, OutputField())}
    )
    messages = adapter.format(signature, [{"question": "q", "value": value, "after": "end"}], {"question": "q"})
    found = adapter.parse(signature, messages[2]["content"])
    assert found["after"] == "end"
    return found["value"]


@given(TEXT)
@settings(max_examples=500)
def test_str(value):
    """A text comes back without its outer whitespace, headers inside it included."""
    assert round_trip(str, value) == value.strip()


@given(TEXT | st.none())
@settings(max_examples=500)
@example("")
@example(None)
def test_optional_str(value):
    """An empty text and None differ; texts that read like null come back as texts."""
    found = round_trip(Optional[str], value)
    assert found == (None if value is None else value.strip())


@given(st.integers())
def test_int(value):
    """Whole numbers of any size."""
    assert round_trip(int, value) == value


@given(st.floats(allow_nan=False))
def test_float(value):
    """Every float, infinities included."""
    assert round_trip(float, value) == value


def test_nan():
    """Not-a-number stays not a number."""
    assert math.isnan(round_trip(float, math.nan))


@given(st.booleans())
def test_bool(value):
    """True and False."""
    assert round_trip(bool, value) is value


@given(
    st.sampled_from(
        [
            "a",
            "A",
            "b c",
            "",
            " x ",
            '"q"',
            "it's",
            "1",
            "null",
            "x, y",
            "[[ ## value ## ]]",
            "end.",
            1,
            True,
            None,
            Team.tech,
        ]
    )
)
def test_literal(value):
    """Options that differ only in case, quotes, spaces or type are told apart."""
    kind = Literal[
        "a",
        "A",
        "b c",
        "",
        " x ",
        '"q"',
        "it's",
        "1",
        "null",
        "x, y",
        "[[ ## value ## ]]",
        "end.",
        1,
        True,
        None,
        Team.tech,
    ]
    found = round_trip(kind, value)
    assert found == value
    assert type(found) is type(value)


@given(st.sampled_from(Team) | st.none())
def test_optional_enum(value):
    """Members and None."""
    assert round_trip(Optional[Team], value) is value


@given(st.sampled_from(Level))
def test_int_enum(value):
    """An enum of numbers is shown by its names."""
    assert round_trip(Level, value) is value


@given(st.lists(TEXT))
def test_list_of_str(value):
    """Lists of any texts, empty ones too."""
    assert round_trip(list[str], value) == value


@given(st.dictionaries(TEXT, st.lists(st.integers() | st.none())))
def test_dict(value):
    """Dicts of lists."""
    assert round_trip(dict[str, list[int | None]], value) == value


@given(st.dictionaries(st.integers(), st.booleans()))
def test_dict_with_numbers_as_keys(value):
    """JSON keys become numbers again."""
    assert round_trip(dict[int, bool], value) == value


@given(st.tuples(st.integers(), TEXT, st.none() | st.booleans()))
def test_tuple(value):
    """Tuples stay tuples."""
    assert round_trip(tuple[int, str, bool | None], value) == value


@given(st.sets(st.sampled_from(["a", "b", "c"])))
def test_set_of_literals(value):
    """Sets stay sets."""
    assert round_trip(set[Literal["a", "b", "c"]], value) == value


@given(DATES)
def test_datetime(value):
    """Moments with and without a zone."""
    assert round_trip(datetime.datetime, value) == value


@given(st.dates(), st.times(), st.timedeltas())
def test_date_time_and_timedelta(day, hour, length):
    """Days, times and lengths of time."""
    assert round_trip(datetime.date, day) == day
    assert round_trip(datetime.time, hour) == hour
    assert round_trip(Optional[datetime.date], day) == day
    assert round_trip(datetime.timedelta, length) == length


@given(st.decimals(allow_nan=False, allow_infinity=False), st.uuids())
def test_decimal_and_uuid(number, key):
    """Types that JSON writes as strings."""
    assert round_trip(decimal.Decimal, number) == number
    assert round_trip(type(key), key) == key


@given(PEOPLE)
def test_pydantic_model(value):
    """A model with nested values."""
    assert round_trip(Person, value) == value
    assert round_trip(Optional[Person], value) == value


@given(st.lists(PEOPLE, max_size=3), st.builds(Point, x=st.integers(), label=TEXT))
def test_nested_models_and_dataclasses(people, point):
    """Models in lists, and dataclasses."""
    assert round_trip(list[Person], people) == people
    assert round_trip(Point, point) == point


@given(st.integers() | TEXT | st.none() | st.lists(st.integers()))
@settings(max_examples=300)
def test_union_with_str(value):
    """A text that looks like a number is a text."""
    found = round_trip(int | str | list[int] | None, value)
    assert found == (value.strip() if isinstance(value, str) and found != value else value)
    assert type(found) is type(value)


@given(JSON)
@settings(max_examples=300)
def test_any(value):
    """Any JSON value."""
    found = round_trip(Any, value)
    assert found == (value.strip() if isinstance(value, str) and found != value else value)


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
