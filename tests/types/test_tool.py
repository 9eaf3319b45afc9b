"""Tool: what a function says of itself, arguments held to it, calls in both worlds."""

from __future__ import annotations

import asyncio
import copy
import datetime
import functools
import threading
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

import lmnb
from lmnb.trace import Trace, span
from lmnb.types.docstring import read_docstring


class Place(BaseModel):
    city: str = Field(description="its name")
    country: str = "Norway"


def search(
    query: str,
    k: Annotated[int, Field(ge=1, le=10)] = 5,
    kind: Literal["web", "news"] = "web",
    near: Place | None = None,
    *,
    since: datetime.date | None = None,
) -> list[Any]:
    """Finds passages.

    Looks everywhere.

    Args:
        query: what to look for
        k (int): how many
    """
    return [query, k, kind, near, since]


def test_a_tool_says_what_its_function_says() -> None:
    """Name, description, types, texts and defaults come from the function."""
    tool = lmnb.Tool(search)
    assert (tool.name, tool.desc) == ("search", "Finds passages.\n\nLooks everywhere.")
    assert tool.arg_types["k"] == Annotated[int, Field(ge=1, le=10)] or tool.args["k"]["maximum"] == 10
    assert tool.arg_desc == {"query": "what to look for", "k": "how many"}
    assert tool.args["k"] == {"default": 5, "description": "how many", "maximum": 10, "minimum": 1, "type": "integer"}
    assert tool.args["kind"]["enum"] == ["web", "news"]


def test_providers_get_one_json_schema() -> None:
    """The function call holds nested models as definitions, and only what has no default is required."""
    said = lmnb.Tool(search).format_as_litellm_function_call()
    assert said["type"] == "function"
    parameters = said["function"]["parameters"]
    assert parameters["required"] == ["query"]
    assert parameters["additionalProperties"] is False
    assert parameters["$defs"]["Place"]["properties"]["city"] == {"description": "its name", "type": "string"}
    assert parameters["properties"]["near"]["anyOf"] == [{"$ref": "#/$defs/Place"}, {"type": "null"}]


def test_arguments_are_coerced() -> None:
    """Texts become numbers, dates and models; null for an optional argument means its default."""
    given = lmnb.Tool(search)(query=12, k="3", near={"city": "Oslo"}, since="2026-01-02")
    assert given == ["12", 3, "web", Place(city="Oslo"), datetime.date(2026, 1, 2)]
    assert lmnb.Tool(search)("a", near='{"city": "Bergen"}', k=None)[:4] == ["a", 5, "web", Place(city="Bergen")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "tool 'search': the argument 'query' is missing. It takes: query: str"),
        (
            {"query": "a", "k": "many"},
            "tool 'search': the argument 'k' cannot be 'many': Input should be a valid integer",
        ),
        ({"query": "a", "k": 11}, "the argument 'k' cannot be 11: Input should be less than or equal to 10"),
        ({"query": "a", "kind": "books"}, "the argument 'kind' cannot be 'books': Input should be 'web' or 'news'"),
        ({"query": "a", "near": {}}, "the argument 'near' cannot be {}: city: Field required"),
        ({"query": "a", "sinse": "x"}, "tool 'search' has no argument 'sinse'. Did you mean 'since'?"),
        ({"query": ["a"]}, "the argument 'query' cannot be ['a']: Input should be a valid string"),
        ({"query": "a", "k": "9" * 5_000}, "the argument 'k' cannot be '999"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], said: str) -> None:
    """The error says the tool, the argument, the value and what is wrong, in a bounded length."""
    with pytest.raises(lmnb.InputError) as error:
        lmnb.Tool(search)(**arguments)
    assert said in str(error.value)
    assert len(str(error.value)) < 500


def test_positions_are_bound_like_pythons() -> None:
    """Arguments by position follow the function; too many, and doubled ones, are errors."""
    assert lmnb.Tool(search)("a", 2, "news") == ["a", 2, "news", None, None]
    with pytest.raises(lmnb.InputError, match="takes 4 arguments by position, not 5"):
        lmnb.Tool(search)("a", 1, "web", None, None)
    with pytest.raises(lmnb.InputError, match="the argument 'query' is given twice"):
        lmnb.Tool(search)("a", query="b")

    def only(a: int, b: int = 2, /, *, self: int = 0) -> tuple[int, int, int]:
        return a, b, self

    assert lmnb.Tool(only)(a="1", self="3") == (1, 2, 3)


def test_other_callables_are_tools() -> None:
    """Lambdas with a name, partials, methods, objects, classes and open functions work."""

    class Shop:
        """Sells."""

        def price(self, item: str) -> str:
            """What it costs."""
            return f"{item}: 1"

        def __call__(self, item: str) -> str:
            return item.upper()

    assert lmnb.Tool(Shop().price)(item="a") == "a: 1"
    assert repr(lmnb.Tool(Shop())) == "Tool(Shop(item: str))"
    assert lmnb.Tool(Shop())(item="a") == "A"
    assert lmnb.Tool(functools.partial(search, k=2))(query="a")[:2] == ["a", 2]
    assert lmnb.Tool(lambda x: x, name="same")(x=3) == 3
    assert lmnb.Tool(Place)(city="Oslo") == Place(city="Oslo")
    assert repr(lmnb.Tool(lambda a, **rest: rest, name="rest")) == "Tool(rest(a, **more))"
    assert lmnb.Tool(lambda a, **rest: rest, name="rest")(a=1, b=2) == {"b": 2}
    with pytest.raises(lmnb.InputError, match="a tool needs a name, not '<lambda>'"):
        lmnb.Tool(lambda x: x)
    with pytest.raises(lmnb.InputError, match="made of a function, not of 3"):
        lmnb.Tool(3)


def test_words_given_win_over_the_functions() -> None:
    """`name`, `desc`, `args`, `arg_types` and `arg_desc` replace what the function says."""
    tool = lmnb.Tool(
        lambda **values: values,
        name="note",
        desc="Notes.",
        args={"text": {"type": "string"}, "times": {"type": "integer"}},
        arg_types={"times": int},
        arg_desc={"text": "what"},
    )
    assert tool(text="a", times="2") == {"text": "a", "times": 2}
    assert tool.args == {"text": {"description": "what", "type": "string"}, "times": {"type": "integer"}}


def test_a_tool_does_not_change() -> None:
    """Assignment is refused with what to write; `with_desc` gives a copy with other texts."""
    tool = lmnb.Tool(search)
    with pytest.raises(AttributeError, match=r"tool.with_desc\(...\)"):
        tool.desc = "x"  # type: ignore[misc]
    other = tool.with_desc("Looks things up.", {"kind": "where"})
    assert other.format().splitlines()[-3:] == ["  query: what to look for", "  k: how many", "  kind: where"]
    assert (tool.desc[:5], other.desc) == ("Finds", "Looks things up.")
    assert other.args["kind"]["description"] == "where" and "description" not in tool.args["kind"]
    with pytest.raises(lmnb.InputError, match="has no argument 'x'"):
        tool.with_desc(arg_desc={"x": "y"})
    assert copy.deepcopy(tool) is tool


def test_sync_and_async_functions_in_both_worlds() -> None:
    """An asynchronous function runs also in a plain call, where a loop runs too; a plain one does not block a loop."""

    async def later(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    def here(x: int) -> str:
        return threading.current_thread().name

    assert lmnb.Tool(later)(x=1) == 2

    async def inside() -> tuple[int, int, str]:
        return lmnb.Tool(later)(x=1), await lmnb.Tool(later).acall(x=2), await lmnb.Tool(here).acall(x=1)

    plain, awaited, thread = asyncio.run(inside())
    assert (plain, awaited) == (2, 3)
    assert thread != threading.current_thread().name


def test_many_calls_wait_together() -> None:
    """A thousand asynchronous calls of 50 ms take far less than their sum."""

    async def pause(x: int) -> int:
        await asyncio.sleep(0.05)
        return x

    async def all_of_them() -> list[int]:
        tool = lmnb.Tool(pause)
        return await asyncio.gather(*(tool.acall(x=n) for n in range(1_000)))

    assert asyncio.run(asyncio.wait_for(all_of_them(), 10)) == list(range(1_000))


def test_a_call_is_a_span_with_its_error() -> None:
    """The trace holds the arguments as given, the result, and what went wrong."""

    def fails(x: int) -> None:
        raise ValueError("no luck")

    with span("module", "outer") as opened:
        lmnb.Tool(search)(query="a")
        for arguments in ({"x": 1}, {"x": "y"}):
            with pytest.raises(ValueError):
                lmnb.Tool(fails)(**arguments)
        asyncio.run(lmnb.Tool(search).acall(query="b"))
    found = [item for _, item in Trace(opened).spans()][1:]
    assert [(item.kind, item.name, item.inputs) for item in found] == [
        ("tool", "search", {"query": "a"}),
        ("tool", "fails", {"x": 1}),
        ("tool", "fails", {"x": "y"}),
        ("tool", "search", {"query": "b"}),
    ]
    assert found[0].outputs == {"result": ["a", 5, "web", None, None]}
    assert found[1].error == "ValueError: no luck"
    assert found[2].error is not None and found[2].error.startswith("InputError: tool 'fails': the argument 'x'")


HOSTILE = [
    {"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}},
    {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
    {"properties": {"a": {"$ref": "#/$defs/nothing"}}},
    {"properties": {"a": {"type": 12}}},
    {"properties": {"a": {"pattern": "("}}},
]


@pytest.mark.parametrize("schema", HOSTILE)
def test_a_hostile_schema_reaches_nothing(schema: dict[str, Any]) -> None:
    """A reference of a server's schema is never fetched, and a broken schema is an error, not a crash."""
    tool = lmnb.Tool.from_schema(lambda **values: values, "x", "", schema)
    with pytest.raises(lmnb.InputError, match="tool 'x': its JSON schema cannot be used"):
        tool(a="b")


@pytest.mark.parametrize("schema", [None, [], {"properties": []}, {"properties": {"a": 3}}])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    """Parameters that are no JSON schema of an object are an error when the tool is made."""
    with pytest.raises(lmnb.InputError, match="are no JSON schema of an object"):
        lmnb.Tool.from_schema(print, "x", "", schema)


def test_deep_arguments_are_refused() -> None:
    """Data nested beyond all measure is an error of that argument."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    recursive = {
        "$defs": {"l": {"type": "array", "items": {"$ref": "#/$defs/l"}}},
        "properties": {"a": {"$ref": "#/$defs/l"}},
    }
    tool = lmnb.Tool.from_schema(lambda **values: 1, "x", "", recursive)
    with pytest.raises(lmnb.InputError, match="tool 'x'"):
        tool(a=deep)
    assert tool(a=[[], [[]]]) == 1


def test_a_tool_is_a_field_value() -> None:
    """Signatures and models may hold tools; functions become tools, anything else is refused."""
    tools = TypeAdapter(list[lmnb.Tool]).validate_python([search, lmnb.Tool(search, name="find")])
    assert [tool.name for tool in tools] == ["search", "find"]
    with pytest.raises(ValueError, match="a tool is a Tool or a function, not a str"):
        TypeAdapter(lmnb.Tool).validate_python("search")
    signature = lmnb.Signature(
        {"tools": (list[lmnb.Tool], lmnb.InputField()), "answer": (str, lmnb.OutputField())}, "Choose."
    )
    messages = lmnb.Predict(signature).messages(tools=[lmnb.Tool(search)])
    assert "search(query: str, k: " in messages[-1]["content"]


def test_langchain_tools_are_tools() -> None:
    """A LangChain tool keeps its name, description and parameters."""
    langchain = pytest.importorskip("langchain_core.tools", reason="langchain-core is not installed")

    @langchain.tool
    def multiply(a: int, b: int = 2) -> int:
        """Multiplies."""
        return a * b

    tool = lmnb.Tool.from_langchain(multiply)
    assert tool.format() == "multiply(a: int, b: int = 2): Multiplies."
    assert tool(a="3") == 6
    assert asyncio.run(tool.acall(a=3, b=5)) == 15
    with pytest.raises(lmnb.InputError, match="the argument 'a' is missing"):
        tool(b=1)


def numpy_style(a: int, b: str = "") -> None:
    """Does it.

    Parameters
    ----------
    a : int
        the first,
        in two lines
    b : str, optional
        the second

    Returns
    -------
    a : nothing
        at all
    """


def rest_style(a: int, b: str) -> None:
    """Does it.

    :param a: the first
    :param str b: the second,
        in two lines
    :returns: nothing: at all
    """


def google_style(a: int, *b: int, **c: int) -> None:
    """Does it.

    Note: this stays: as it is.

    Args:
        a: the first: with a colon
            in two lines
        *b (list[int]): the second

        **c: the third
    Returns:
        a: nothing
    """


def plain_style() -> None:
    """Just a text. Args: none of these."""


@pytest.mark.parametrize(
    ("function", "text", "arguments"),
    [
        (numpy_style, "Does it.", {"a": "the first, in two lines", "b": "the second"}),
        (rest_style, "Does it.", {"a": "the first", "b": "the second, in two lines"}),
        (
            google_style,
            "Does it.\n\nNote: this stays: as it is.",
            {"a": "the first: with a colon in two lines", "b": "the second", "c": "the third"},
        ),
        (plain_style, "Just a text. Args: none of these.", {}),
        (lambda: None, "", {}),
    ],
)
def test_docstrings_of_each_style(function: Any, text: str, arguments: dict[str, str]) -> None:
    """Google, numpy, reST and plain docstrings give the text above the sections and the text of each argument."""
    assert read_docstring(function) == (text, arguments)
