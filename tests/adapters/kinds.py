"""What a field can be declared as, with strategies for its values: all of Unicode, and the marks of every format mixed in.

`KINDS` has each type by a name of its own; a type that fields can have is added here, and is then held to all that is tested of types.
"""

# ruff: noqa: UP045 - both spellings of an optional type are in use

import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import Any, Literal, Optional

import pydantic
from hypothesis import strategies as st
from media import PNG_HEAD

from lmnb import Audio, Code, File, History, Image, Reasoning, ToolCall, ToolCalls


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


class Album(pydantic.BaseModel):
    """Media inside a model."""

    title: str
    cover: Image | None = None
    pages: list[Image] = []
    script: Code = Code("")


@dataclass
class Framed:
    """Media inside a dataclass."""

    picture: Image
    note: str


MARKS = (
    "[[ ## answer ## ]]",
    "[[ ## value ## ]]",
    "\\[[ ## answer ## ]]",
    "\\\\[[ ## completed ## ]]",
    "x [[ ## value ## ]] y",
    "[[## value ##]]",
    "[[ ## AFTER ## ]]",
    "[[ ## completed ## ]]",
    "**[[ ## value ## ]]**",
    "Reply with `[[ ## value ## ]]`",
    "```json\n[1]\n```",
    "```",
    "````",
    "```python",
    "<think>a</think>",
    "<think>",
    "</think>",
    "null",
    "None",
    '"null"',
    '"quoted"',
    '"\\""',
    '"',
    "'",
    "“a”",
    "{}",
    "{",
    '"}',
    '{"value": 1}',
    '", "after": "',
    "[1, 2]",
    "true",
    "1",
    "- a\n- b",
    "value: 1",
    "\n\nafter: 2\n\n",
    "\\",
    "a\r\nb\x85c\u2028d",
    "\x00\x1b[31m",
    "\u202e[[ ## value ## ]]",
    "\ud7ff\ue000\U0010ffff",
    "<value>",
    "</value>",
    "x </Value > y",
    "< value/>",
    "<after>no</after>",
    "<calls>",
    "<b>&lt;</b>",
    "&amp;lt;value&#62;",
    "&",
    "<![CDATA[",
    "]]>",
    "<![CDATA[</value>]]>",
    "\\frac{1}{2}",
    "\x0crac \x08eta \ttheta \nabla",
    "\\u0041 \\n \\x41",
)
TEXT = st.text() | st.builds(
    lambda between, pieces: between.join(pieces),
    st.sampled_from(["", " ", "\n"]),
    st.lists(st.sampled_from(MARKS) | st.text(max_size=5), max_size=5),
)
DATES = st.datetimes(
    timezones=st.none() | st.just(datetime.UTC) | st.just(datetime.timezone(datetime.timedelta(hours=-3, minutes=30)))
)
PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
PEOPLE = st.builds(
    Person, name=TEXT, age=st.none() | st.integers(), tags=st.lists(TEXT, max_size=3), team=st.sampled_from(Team)
)
URLS = st.sampled_from(
    ["https://example.org/a.png", "http://a/?x=1&amp;y=<b>#[0]", "https://a/'x'", "HTTPS://ü.example/ö", "gs://a/b"]
)
IMAGES = st.binary(max_size=60).map(lambda data: Image(PNG_HEAD + data)) | URLS.map(Image)
SOUNDS = st.binary(max_size=60).map(lambda data: Audio(b"ID3" + data))
NAMES = st.none() | TEXT
FILES = (
    st.builds(lambda data, name: File(data, filename=name), st.binary(min_size=1, max_size=60), NAMES)
    | st.builds(lambda key, name: File(file_id=key, filename=name), TEXT.filter(bool), NAMES)
    | URLS.map(File)
)
CODES = TEXT.map(Code)
HISTORIES = st.lists(st.dictionaries(TEXT, PLAIN_JSON, max_size=3), max_size=3).map(
    lambda turns: History(messages=turns)
)
ALBUMS = st.builds(Album, title=TEXT, cover=st.none() | IMAGES, pages=st.lists(IMAGES, max_size=2), script=CODES)
ARGUMENTS = st.dictionaries(TEXT, PLAIN_JSON, max_size=3)
CALLS = st.lists(st.builds(ToolCall, name=TEXT, args=ARGUMENTS), max_size=3).map(
    lambda calls: ToolCalls(tool_calls=tuple(calls))
)

OPTIONS = ("a", "A", "b c", "", " x ", '"q"', "it's", "1", "null", "x, y", "[[ ## value ## ]]", "end.", "</value>")
PLAIN: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, TEXT),
    "optional str": (Optional[str], TEXT | st.none()),
    "int": (int, st.integers()),
    "optional int": (int | None, st.integers() | st.none()),
    "float": (float, st.floats(allow_nan=False)),
    "bool": (bool, st.booleans()),
    "literal": (Literal[(*OPTIONS, 1, True, None, Team.tech)], st.sampled_from([*OPTIONS, 1, True, None, Team.tech])),
    "optional enum": (Optional[Team], st.sampled_from(Team) | st.none()),
    "enum of numbers": (Level, st.sampled_from(Level)),
    "list of str": (list[str], st.lists(TEXT)),
    "list of lists": (list[list[int]], st.lists(st.lists(st.integers()), max_size=4)),
    "dict": (dict[str, list[int | None]], st.dictionaries(TEXT, st.lists(st.integers() | st.none()))),
    "dict with numbers as keys": (dict[int, bool], st.dictionaries(st.integers(), st.booleans())),
    "tuple": (tuple[int, str, bool | None], st.tuples(st.integers(), TEXT, st.none() | st.booleans())),
    "set": (set[Literal["a", "b", "c"]], st.sets(st.sampled_from(["a", "b", "c"]))),
    "datetime": (datetime.datetime, DATES),
    "date": (datetime.date, st.dates()),
    "optional date": (Optional[datetime.date], st.dates() | st.none()),
    "time": (datetime.time, st.times()),
    "timedelta": (datetime.timedelta, st.timedeltas()),
    "decimal": (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    "uuid": (uuid.UUID, st.uuids()),
    "model": (Person, PEOPLE),
    "optional model": (Optional[Person], PEOPLE | st.none()),
    "list of models": (list[Person], st.lists(PEOPLE, max_size=3)),
    "dataclass": (Point, st.builds(Point, x=st.integers(), label=TEXT)),
    "union with str": (
        int | str | list[int] | None,
        st.integers() | TEXT | st.none() | st.lists(st.integers()),
    ),
    "any": (Any, JSON),
    "tool calls": (ToolCalls, CALLS),
}
TYPED: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "image": (Image, IMAGES),
    "audio": (Audio, SOUNDS),
    "file": (File, FILES),
    "code": (Code, CODES),
    "code in sql": (Code["sql"], TEXT.map(Code["sql"])),
    "history": (History, HISTORIES),
    "reasoning": (Reasoning, TEXT.map(lambda text: Reasoning(text.strip()))),
    "optional image": (Image | None, st.none() | IMAGES),
    "optional code": (Code | None, st.none() | CODES),
    "optional file": (File | None, st.none() | FILES),
    "list of images": (list[Image], st.lists(IMAGES, max_size=3)),
    "dict of code": (dict[str, Code], st.dictionaries(TEXT, CODES, max_size=3)),
    "tuple with audio": (tuple[Audio, int], st.tuples(SOUNDS, st.integers())),
    "model with media": (Album, ALBUMS),
    "dataclass with media": (list[Framed], st.lists(st.builds(Framed, picture=IMAGES, note=TEXT), max_size=2)),
}
KINDS = PLAIN | TYPED
