"""Everything that an adapter says to a model in words of its own: prompts with all kinds of fields, and what is wrong with replies.
Reasons that come from other libraries are left out: they change with their versions.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Literal

import pydantic

import lmnb
from lmnb import FakeLM, History, InputField, OutputField, ParseError, Predict, Signature, Tool, ToolCall, ToolCalls


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str = pydantic.Field(description="first and last name")


class Cut(FakeLM):
    """An LM whose replies end at the limit of tokens."""

    def _reply(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
        reply = super()._reply(messages, options)
        reply["choices"][0]["finish_reason"] = "length"
        return reply


FIELDS = {
    "history": (History, InputField()),
    "question": (str, InputField(desc="what is asked")),
    "anything": (Any, InputField()),
    "day": (datetime.date | None, InputField()),
    "at": (list[datetime.datetime], InputField()),
    "hour": (datetime.time, InputField()),
    "label": (Literal["yes", "no"], OutputField(desc="the verdict")),
    "count": (int, OutputField(ge=2, multiple_of=2)),
    "tags": (list[str], OutputField(min_length=1, max_length=3)),
    "code": (str, OutputField(pattern="[a-z]+")),
    "person": (Person, OutputField()),
}
RIGHT = {"label": "yes", "count": 2, "tags": ["t"], "code": "a", "person": Person(name="n")}
ASKED = {"question": "q", "anything": 1, "day": None, "at": [], "hour": datetime.time(12)}
GIVEN = {**ASKED, "history": [{"question": "earlier", "label": "no"}]}
DEMOS = [lmnb.Example(**ASKED, **RIGHT), lmnb.Example(question="half", label="no")]

CHAT = [
    "",
    "words",
    "[[ ## label ## ]]\nperhaps\n[[ ## count ## ]]\n\n[[ ## note ## ]]\nx",
    "[[ ## label ## ]]\nyes\n[[ ## label ## ]]\nno",
]
JSON = [
    "",
    "words",
    '{"label": "perhaps", "tags": ["t"]}',
    '{"label": "yes"} {"label": "no"}',
    '{"label": "\\frac"}',
]
XML = [
    "",
    "words",
    "<label>perhaps</label><count></count><note>x</note>",
    "<label>yes</label><label>no</label>",
    "<label>yes<label>no</label>",
    "<label>yes</label></label></count><tags>",
]


def town(name: str) -> str:
    """About a town."""
    return name


def said_by(make: Callable[..., Any]) -> dict[str, list[str]]:
    """What is said under the adapters that `make(adapter class, ...)` makes, by the case."""
    signature, found = Signature(FIELDS), {}
    for adapter, replies in ((lmnb.ChatAdapter, CHAT), (lmnb.JSONAdapter, JSON), (lmnb.XMLAdapter, XML)):
        for at, reply in enumerate(replies):
            found[f"{adapter.__name__} {at}"] = _told(make(adapter), FakeLM([reply, reply]), signature, GIVEN, DEMOS)
    cut = Cut(["[[ ## answer ## ]]\nhal"] * 2)
    found["cut off"] = _told(
        make(lmnb.ChatAdapter), cut, Signature("question -> answer", "Answer."), {"question": "q"}, []
    )
    small = FakeLM(["words", "words"])
    two = make(lmnb.TwoStepAdapter, small)
    found["TwoStepAdapter"] = _told(two, FakeLM(["free"]), signature, GIVEN, DEMOS) + _contents(small)
    for outputs in ("calls: ToolCalls", "why, calls: ToolCalls"):
        kinds = {"History": History, "Tool": Tool, "ToolCalls": ToolCalls}
        native = Signature(f"history: History, question, tools: list[Tool] -> {outputs}", custom_types=kinds)
        calls = ToolCalls(tool_calls=(ToolCall(name="town", args={"name": "Bern"}),))
        wrong = {"id": "c", "type": "function", "function": {"name": "town", "arguments": "[1]"}}
        reply = {"role": "assistant", "content": None, "tool_calls": [wrong]}
        adapter = make(lmnb.ChatAdapter, use_native_function_calling=True)
        given = {"history": [{"question": "earlier", "calls": calls}], "question": "q", "tools": [Tool(town)]}
        demos = [lmnb.Example(question="shown", why="w", calls=calls)]
        found[f"native {outputs}"] = _told(adapter, FakeLM([reply] * 2, function_calling=True), native, given, demos)
    return found


def _told(adapter: Any, lm: FakeLM, signature: Any, inputs: dict[str, Any], demos: list[Any]) -> list[str]:
    predict = Predict(signature)
    predict.demos = demos
    try:
        with lmnb.context(lm=lm, adapter=adapter):
            predict(**inputs)
    except ParseError as error:
        return [*_contents(lm), str(error)]
    raise AssertionError("the reply was read")


def _contents(lm: FakeLM) -> list[str]:
    return [message["content"] for call in lm.calls for message in call["messages"]]
