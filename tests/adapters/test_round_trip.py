"""What an adapter writes, it reads: every adapter × every type of a field, over all of Unicode and with the marks of the formats in the
values. `pytest --full tests/adapters/test_round_trip.py` tries 500 values of each, the gate a few of them, always the same.
"""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from adapters.kinds import ARGUMENTS, KINDS, TEXT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmnb
from lmnb import (
    ChatAdapter,
    Example,
    FakeLM,
    InputField,
    JSONAdapter,
    OutputField,
    Predict,
    Signature,
    Tool,
    ToolCall,
    ToolCalls,
    TwoStepAdapter,
    XMLAdapter,
)

Ask = Callable[[dict[str, Any]], lmnb.Prediction]
FEW, MANY = 12, 500
UNESCAPED = re.compile(r"(?<!\\)\[\[[^\S\n]*##")


def signature_of(kind: Any) -> Any:
    """A question that is answered by a value of that type, and a text after it."""
    return Signature({"question": (str, InputField()), "value": (kind, OutputField()), "after": (str, OutputField())})


def as_the_demo_says(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    """A model's reply: that of the demo in its own prompt."""
    return next(message for message in messages if message["role"] == "assistant")


def asked(lm: FakeLM, adapter: Any, signature: Any, demo: dict[str, Any], **inputs: Any) -> lmnb.Prediction:
    """What is read from the reply of a model that says what the demo says, at once and without a repair turn."""
    with lmnb.context(adapter=adapter):
        made = Predict(signature, lm=lm)(question="q", demos=[Example(question="q", **demo)], **inputs)
    assert len(lm.calls) == 1
    return made


def in_text(adapter: Any) -> Callable[[Any], Ask]:
    """Asking in the format of the adapter."""

    def of(kind: Any) -> Ask:
        signature = signature_of(kind)
        return lambda demo: asked(FakeLM(as_the_demo_says), adapter, signature, demo)

    return of


def in_two_steps(inner: Any) -> Callable[[Any], Ask]:
    """Asking for a free answer, and a second model for the fields: the answer cannot pass for a field of that request."""

    def of(kind: Any) -> Ask:
        signature = signature_of(kind)

        def ask(demo: dict[str, Any]) -> lmnb.Prediction:
            _, _, reply, _ = inner.format(signature, [{"question": "q", **demo}], {"question": "q"})
            small = FakeLM([reply])
            made = asked(FakeLM(as_the_demo_says), TwoStepAdapter(small, inner), signature, demo)
            told = small.calls[0]["messages"][-1]["content"]
            assert len(UNESCAPED.findall(told)) == 4  # the header of the text, and three that are asked for
            return made

        return ask

    return of


def natively(adapter: Any) -> Callable[[Any], Ask]:
    """Asking with tools by the provider's own interface: the fields in the text, and calls beside it."""

    def look(**arguments: Any) -> str:
        """Looks something up."""
        return str(arguments)

    tool = Tool(look, name="look")

    def of(kind: Any) -> Ask:
        signature = signature_of(kind).append("tools", InputField(), list[Tool])
        signature = signature.append("calls", OutputField(), ToolCalls)

        def ask(demo: dict[str, Any]) -> lmnb.Prediction:
            lm = FakeLM(as_the_demo_says, function_calling=True)
            calls = ToolCalls(tool_calls=(ToolCall(name="look", args=demo["args"]), ToolCall(name="look", args={})))
            said = {"value": demo["value"], "after": demo["after"], "calls": calls}
            made = asked(lm, adapter, signature, said, tools=[tool])
            assert [call["function"]["name"] for call in lm.calls[0]["tools"]] == ["look"]
            assert [(call.name, call.args) for call in made.calls] == [("look", demo["args"]), ("look", {})]
            return made

        return ask

    return of


FORMS = {
    "chat": in_text(ChatAdapter()),
    "json": in_text(JSONAdapter()),
    "xml": in_text(XMLAdapter()),
    "two steps": in_two_steps(ChatAdapter()),
    "native": natively(ChatAdapter(use_native_function_calling=True)),
    "native json": natively(JSONAdapter()),
    "native xml": natively(XMLAdapter(use_native_function_calling=True)),
}
# a request has one field for calls by the provider's interface
PAIRS = [(form, name) for form in FORMS for name in KINDS if not (form.startswith("native") and name == "tool calls")]


def holds_for(values: st.SearchStrategy[Any], full: bool) -> Callable[[Callable[[Any], None]], None]:
    """Tries a property on many values, or always the same few."""

    def tried(property_: Callable[[Any], None]) -> None:
        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
        many = settings(
            max_examples=MANY if full else FEW, deadline=None, derandomize=not full, suppress_health_check=slow
        )
        many(given(values)(property_))()

    return tried


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--full")


@pytest.mark.parametrize(("form", "name"), PAIRS)
def test_what_is_written_is_read_back(form: str, name: str, full: bool) -> None:
    """The value of a reply is the value that was written, with its type; texts lose their outer whitespace only."""
    kind, values = KINDS[name]
    ask = FORMS[form](kind)
    more = {"args": ARGUMENTS} if form.startswith("native") else {}

    @holds_for(st.fixed_dictionaries({"value": values, "after": TEXT, **more}), full)
    def holds(demo: dict[str, Any]) -> None:
        made, value = ask(demo), demo["value"]
        assert type(made.value) is type(value)
        assert made.value == value or (isinstance(value, str) and made.value == value.strip())
        assert made.after == demo["after"].strip()


@pytest.mark.parametrize("form", ["chat", "xml", "two steps", "native", "native xml"])
def test_lone_surrogates_are_characters_too(form: str, full: bool) -> None:
    """Where a value is no JSON, any code point comes back."""
    ask = FORMS[form](str)

    @holds_for(st.text(st.characters()), full)
    def holds(value: str) -> None:
        assert ask({"value": value, "after": "", "args": {}}).value == value.strip()


@pytest.mark.parametrize("form", FORMS)
def test_nan_stays_not_a_number(form: str) -> None:
    """The one value that is not equal to itself."""
    assert math.isnan(FORMS[form](float)({"value": math.nan, "after": "", "args": {}}).value)
