"""Native function calling: tools as a provider is told of them, calls as it gives them, and the text where it has no such interface."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import lmnb
from lmnb import (
    ChatAdapter,
    Example,
    FakeLM,
    History,
    InputError,
    JSONAdapter,
    ParseError,
    Predict,
    ReAct,
    Signature,
    Tool,
    ToolCall,
    ToolCalls,
    XMLAdapter,
)

ADAPTERS = [ChatAdapter, JSONAdapter, XMLAdapter]


def population(town: str) -> int:
    """How many people live in a town."""
    return {"Bern": 134, "Basel": 178}[town]


def message(*arguments: str, content: str | None = None, name: str = "population") -> dict[str, Any]:
    """A provider's message with one call for each of `arguments`, written as given."""
    calls = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": text}}
        for at, text in enumerate(arguments)
    ]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def calls(*towns: str) -> ToolCalls:
    return ToolCalls(tool_calls=tuple(ToolCall(name="population", args={"town": town}) for town in towns))


def asked(
    lm: FakeLM, adapter: Any, signature: Any = "question, tools: list[Tool] -> calls: ToolCalls", **more: Any
) -> Any:
    if isinstance(signature, str):
        signature = Signature(signature, custom_types={"Tool": Tool, "ToolCalls": ToolCalls})
    with lmnb.context(lm=lm, adapter=adapter):
        return Predict(signature, **more)(question="Bern?", tools=[Tool(population)])


def native(adapter: Any, **options: Any) -> Any:
    return adapter(use_native_function_calling=True, **options)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_tools_go_to_the_provider_and_calls_come_back(adapter: Any) -> None:
    """The tools stand in the request and not in the prompt; a message without any text is enough."""
    lm = FakeLM([message('{"town": "Bern"}', '{"town": "Basel"}')], function_calling=True)
    made = asked(lm, native(adapter, parallel_tool_calls=True)).calls
    assert str(made.execute([population])) == "population: 134\npopulation: 178"
    assert [call.id for call in made] == ["c0", "c1"]
    (sent,) = lm.calls
    assert sent["tools"] == [Tool(population).format_as_litellm_function_call()]
    assert sent["parallel_tool_calls"] is True
    assert "How many people" not in json.dumps(sent["messages"]) and "ToolCalls" not in json.dumps(sent["messages"])


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_lm_without_the_interface_is_asked_in_text(adapter: Any) -> None:
    """The same program: tools and calls stand in the prompt and in the reply."""
    lm = FakeLM([{"calls": calls("Bern")}])
    assert asked(lm, native(adapter)).calls == calls("Bern")
    assert "tools" not in lm.calls[0] and "How many people live in a town." in lm.calls[0]["messages"][-1]["content"]


def test_who_asks_natively_by_default() -> None:
    """The JSON adapter does, the chat and the XML adapter do where they are told to."""
    for adapter, sent in ((ChatAdapter(), False), (XMLAdapter(), False), (JSONAdapter(), True)):
        lm = FakeLM([{"calls": calls("Bern")}], function_calling=True)
        assert asked(lm, adapter).calls.tool_calls[0].args == {"town": "Bern"}
        assert ("tools" in lm.calls[0]) is sent
    lm = FakeLM([{"calls": calls("Bern")}], function_calling=True)
    asked(lm, JSONAdapter(use_native_function_calling=False))
    assert "tools" not in lm.calls[0]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_other_outputs_are_read_from_the_text(adapter: Any) -> None:
    """In the adapter's form; one text may also stand there without any form, or be missing."""
    signature = Signature(
        "question, tools: list[Tool] -> why, calls: ToolCalls", custom_types={"Tool": Tool, "ToolCalls": ToolCalls}
    )
    for answer, why in (
        ({"why": "To know.", "calls": calls("Bern")}, "To know."),
        (message('{"town": "Bern"}', content="I look."), "I look."),
        (message('{"town": "Bern"}'), ""),
    ):
        lm = FakeLM([answer], function_calling=True)
        made = asked(lm, native(adapter), signature)
        assert (made.why, made.calls.tool_calls[0].args) == (why, {"town": "Bern"}) and len(lm.calls) == 1
        assert list(made.keys()) == ["why", "calls"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('{"town": "Bern"', "Expecting"),
        ("{'town': 'Bern'}", "Expecting property name"),
        ('["Bern"]', "they are no object"),
        ('{"town": "Bern", "town": "Basel"}', "a key stands twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_malformed_arguments_get_one_repair_turn(adapter: Any, arguments: str, says: str) -> None:
    """The model is shown its call and what is wrong with it; a second failure is an error with the reply in it."""
    lm = FakeLM([message(arguments), message('{"town": "Bern"}')], function_calling=True)
    assert asked(lm, native(adapter)).calls.tool_calls[0].args == {"town": "Bern"}
    reply, error = lm.calls[1]["messages"][-2:]
    assert arguments in reply["content"] and "population" in reply["content"]
    assert says in error["content"] and "one JSON object" in error["content"]
    assert lm.calls[1]["tools"]
    with pytest.raises(ParseError, match="two replies") as failure:
        asked(FakeLM([message(arguments), message(arguments)], function_calling=True), native(adapter))
    assert arguments in failure.value.reply


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_calls_that_stand_in_the_text_are_read_too(adapter: Any) -> None:
    """Some models write what they should call; a reply that holds neither is asked again."""
    text = adapter().written({"calls": calls("Bern")})
    lm = FakeLM([text], function_calling=True)
    assert asked(lm, native(adapter)).calls == calls("Bern")
    lm = FakeLM(["I call population for Bern.", {"calls": calls("Bern")}], function_calling=True)
    assert asked(lm, native(adapter)).calls.tool_calls[0].args == {"town": "Bern"} and len(lm.calls) == 2


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_demos_are_turns_with_calls(adapter: Any) -> None:
    """Each call of a demo has its result, as providers want it; a demo whose calls were saved as data does too."""
    stored = {"tool_calls": [{"name": "population", "args": {"town": "Basel"}}]}
    demos = [Example(question="Basel?", calls=calls("Basel", "Bern")), Example(question="Basel?", calls=stored)]
    lm = FakeLM([message('{"town": "Bern"}')], function_calling=True)
    with lmnb.context(lm=lm, adapter=native(adapter)):
        predict = Predict(Signature("question, tools: list[Tool] -> calls: ToolCalls", custom_types=globals()))
        predict.demos = demos
        predict(question="Bern?", tools=[Tool(population)])
    sent = lm.calls[0]["messages"]
    roles = ["system", "user", "assistant", "tool", "tool", "user", "assistant", "tool", "user"]
    assert [each["role"] for each in sent] == roles
    assert [each["id"] for each in sent[2]["tool_calls"]] == [each["tool_call_id"] for each in sent[3:5]]
    assert [each["function"]["arguments"] for each in sent[6]["tool_calls"]] == ['{"town":"Basel"}']


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_demos_stand_before_the_turns_of_a_history(adapter: Any) -> None:
    """Each stands once, and the calls are those of the demo."""
    kinds = {"History": History, "Tool": Tool, "ToolCalls": ToolCalls}
    predict = Predict(
        Signature("history: History, question, tools: list[Tool] -> why, calls: ToolCalls", custom_types=kinds)
    )
    predict.demos = [Example(question="Demo?", why="A demo.", calls=calls("Basel"))]
    lm = FakeLM([{"why": "To know.", "calls": calls("Bern")}], function_calling=True)
    with lmnb.context(lm=lm, adapter=native(adapter)):
        predict(history=[{"question": "Past?", "why": "Past."}], question="Now?", tools=[Tool(population)])
    sent = lm.calls[0]["messages"]
    assert [each["role"] for each in sent] == ["system", "user", "assistant", "tool", "user", "assistant", "user"]
    shown = [("Demo?", 1), ("A demo.", 2), ("Past?", 4), ("Past.", 5), ("Now?", 6)]
    assert all([at for at, each in enumerate(sent) if text in each["content"]] == [place] for text, place in shown)
    assert [at for at, each in enumerate(sent) if "tool_calls" in each] == [2]


@pytest.mark.parametrize("why", ["", "why, "])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_turns_of_a_history_have_their_calls(adapter: Any, why: str) -> None:
    """As those of demos have, whether or not anything was said beside the calls."""
    kinds = {"History": History, "Tool": Tool, "ToolCalls": ToolCalls}
    predict = Predict(
        Signature(f"history: History, question, tools: list[Tool] -> {why}calls: ToolCalls", custom_types=kinds)
    )
    predict.demos = [Example(question="Demo?", why="A demo.", calls=calls("Basel"))]
    lm = FakeLM([message('{"town": "Bern"}', content="")], function_calling=True)
    with lmnb.context(lm=lm, adapter=native(adapter)):
        past = [{"question": "Past?", "calls": calls("Bern", "Basel")}, {"question": "Open?"}]
        predict(history=past, question="Now?", tools=[Tool(population)])
    sent = lm.calls[0]["messages"]
    roles = ["system", "user", "assistant", "tool", "user", "assistant", "tool", "tool", "user", "user"]
    assert [each["role"] for each in sent] == roles
    assert [each["id"] for each in sent[5]["tool_calls"]] == [each["tool_call_id"] for each in sent[6:8]]
    assert "Past?" in sent[4]["content"] and "Open?" in sent[8]["content"] and "Now?" in sent[9]["content"]


def test_tools_have_names_that_providers_take() -> None:
    """Other letters are replaced, doubles numbered, and the calls come back under the tools' own names."""
    tools = [Tool(population, name="town.size"), Tool(population, name="town/size"), Tool(population, name="ü" * 80)]
    lm = FakeLM(lambda messages, **options: _call_each(options["tools"]), function_calling=True)
    with lmnb.context(lm=lm, adapter=native(ChatAdapter)):
        predict = Predict(Signature("tools: list[Tool] -> calls: ToolCalls", custom_types=globals()))
        made = predict(tools=tools).calls
    names = [tool["function"]["name"] for tool in lm.calls[0]["tools"]]
    assert names == ["town_size", "town_size_2", "_" * 64]
    assert [result.value for result in made.execute(tools)] == [134, 134, 134]


def _call_each(tools: list[dict[str, Any]]) -> dict[str, Any]:
    made = [message('{"town": "Bern"}', name=tool["function"]["name"])["tool_calls"][0] for tool in tools]
    return {"role": "assistant", "content": None, "tool_calls": made}


def test_the_trace_and_the_cache_keep_the_calls() -> None:
    """A cached reply has its calls again, and the trace shows them as text."""
    lm = FakeLM([message('{"town": "Bern"}', content="I look.")], function_calling=True, cache=True)
    first, again = asked(lm, native(ChatAdapter)), asked(lm, native(ChatAdapter))
    assert first.calls == again.calls and len(lm.calls) == 1
    (row,) = [row for row in again.trace.to_dict()["spans"] if row["kind"] == "lm"]
    assert row["response"] == 'I look.\npopulation({"town": "Bern"})' and row["cache"] == "hit"


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("able", [True, False])
def test_react_calls_natively_where_it_can(able: bool, adapter: Any, how: str) -> None:
    """The same agent, in both forms: several calls in one turn, a turn without any, then the typed answer."""
    done = ToolCalls(tool_calls=(ToolCall(name="submit", args={"answer": "312"}),))
    replies = [
        {"next_thought": "Both.", "tool_calls": calls("Bern", "Basel")},
        {"next_thought": "And now?", "tool_calls": ToolCalls()},
        {"next_thought": "Done.", "tool_calls": done},
    ]
    lm = FakeLM(replies, function_calling=able)
    agent = ReAct("question -> answer: int", [population])
    with lmnb.context(lm=lm, adapter=native(adapter)):
        made = asyncio.run(agent.acall(question="?")) if how == "async" else agent(question="?")
    assert made.answer == 312 and made.termination_reason == "submit" and len(lm.calls) == 3
    assert [turn["thought"] for turn in made.trajectory] == ["Both.", "And now?", "Done."]
    last = lm.calls[-1]["messages"][-1]["content"]
    assert "population(town='Bern') gave: 134" in last and "No tool was called. Call one." in last
    told = [tool["function"]["name"] for tool in lm.calls[0].get("tools", ())]
    assert told == (["population", "submit"] if able else [])
    assert ("How many people live in a town." in lm.calls[0]["messages"][-1]["content"]) is not able


KINDS = {"History": History, "Tool": Tool, "ToolCalls": ToolCalls}


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_turn_of_a_history_may_be_calls_alone(adapter: Any, able: bool) -> None:
    """Without a question and without words beside them; a turn that has no field at all is refused as ever."""
    predict = Predict(
        Signature("history: History, question, tools: list[Tool] -> why, calls: ToolCalls", custom_types=KINDS)
    )
    lm = FakeLM([{"why": "w", "calls": calls("Bern")}], function_calling=able)
    with lmnb.context(lm=lm, adapter=native(adapter)):
        past = [{"question": "Past?"}, {"calls": calls("Basel")}, {"calls": calls()}]
        predict(history=past[:2] + past[2:] * (not able), question="Now?", tools=[Tool(population)])
        with pytest.raises(
            InputError, match="turn 0 of 'history' has the keys 'nothing', and no field of the signature"
        ):
            predict(history=[{"nothing": 1}, {"calls": calls("Bern")}], question="Now?", tools=[Tool(population)])
    sent = lm.calls[0]["messages"]
    said = ["tool"] if able else ["assistant"]
    assert [each["role"] for each in sent] == ["system", "user", "assistant", *said, "user"]
    assert "Basel" in json.dumps(sent[2]) and ("tool_calls" in sent[2]) is able


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_messages_and_callbacks_show_what_is_sent(adapter: Any, able: bool) -> None:
    """The demos and turns of a native call with their calls, the text where the LM takes no tools."""
    told: list[Any] = []

    class Watch(lmnb.BaseCallback):
        def on_adapter_format_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            told.append(list(inputs["signature"].output_fields))

        def on_adapter_format_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            told.append(outputs)

    lm = FakeLM([{"calls": calls("Bern")}], function_calling=able)
    predict = Predict(
        Signature("history: History, question, tools: list[Tool] -> calls: ToolCalls", custom_types=KINDS)
    )
    predict.demos = [Example(question="Demo?", calls=calls("Basel"))]
    past = [{"question": "Past?", "calls": calls("Bern")}]
    with lmnb.context(lm=lm, adapter=native(adapter)):
        shown = predict.messages(history=past, question="Now?", tools=[Tool(population)])
        with lmnb.context(callbacks=[Watch()]):
            predict(history=past, question="Now?", tools=[Tool(population)])
    assert shown == lm.calls[0]["messages"] and told == [["calls"], shown]
    assert sum("tool_calls" in each for each in shown) == 2 * able
