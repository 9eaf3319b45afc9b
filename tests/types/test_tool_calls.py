"""ToolCalls: read from what models write, executed with errors as results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

import lmnb
from lmnb.adapters.codecs import codec_for

TWO = [{"name": "double", "args": {"x": 4}}, {"name": "halve", "args": {"x": 4}}]


def double(x: int) -> int:
    return 2 * x


async def halve(x: int) -> float:
    await asyncio.sleep(0)
    return x / 2


@pytest.mark.parametrize(
    "given",
    [
        TWO,
        {"tool_calls": TWO},
        [{"id": "a", "type": "function", "function": {"name": "double", "arguments": '{"x": 4}'}}, TWO[1]],
        [lmnb.ToolCall(name="double", args={"x": 4}), TWO[1]],
    ],
)
def test_calls_are_read_from_every_form(given: Any) -> None:
    """A list, a record, and the form of providers are the same calls."""
    calls = lmnb.ToolCalls.model_validate(given)
    assert [(call.name, call.args) for call in calls] == [("double", {"x": 4}), ("halve", {"x": 4})]


def test_calls_are_values() -> None:
    """Calls do not change, and come back from their text as they were."""
    calls = lmnb.ToolCalls.from_dict_list(TWO)
    with pytest.raises(ValidationError):
        calls.tool_calls[0].name = "x"  # type: ignore[misc]
    codec = codec_for(lmnb.ToolCalls)
    assert codec.parse(codec.render(calls)) == calls
    assert codec.parse('```json\n[{"name": "double", "arguments": {"x": 4}}]\n```').tool_calls[0].args == {"x": 4}


@pytest.mark.parametrize(
    "given", [[{"args": {}}], [{"name": "x", "args": "no json"}], [{"name": "x", "args": [1]}], 7, ["x"]]
)
def test_what_is_no_call_is_refused(given: Any) -> None:
    """A call without a name or with arguments that are no object is a validation error."""
    with pytest.raises(ValidationError):
        lmnb.ToolCalls.model_validate(given)


def test_one_call_is_executed() -> None:
    """A call runs the tool of its name, from a list or a mapping; an unknown one names the nearest."""
    call = lmnb.ToolCall(name="double", args={"x": "4"})
    assert call.execute([double]) == call.execute(functions={"double": lmnb.Tool(double)}) == 8
    assert asyncio.run(lmnb.ToolCall(name="halve", args={"x": 3}).aexecute([halve])) == 1.5
    with pytest.raises(lmnb.InputError, match=r"there is no tool 'doubel'. Did you mean 'double'\?"):
        lmnb.ToolCall(name="doubel").execute([double])
    with pytest.raises(lmnb.InputError, match="the argument 'x' is missing"):
        lmnb.ToolCall(name="double").execute([double])
    with pytest.raises(lmnb.InputError, match="two tools are named 'double'"):
        call.execute([double, double])


def test_all_calls_are_executed_with_errors_as_results() -> None:
    """Each call has its result or error, in order, and as messages to a provider; both worlds agree."""
    calls = lmnb.ToolCalls.from_dict_list([*TWO, {"name": "double", "args": {"x": "y"}, "id": "c"}, {"name": "no"}])
    results = calls.execute([double, halve])
    assert [(r.name, r.value) for r in results][:2] == [("double", 8), ("halve", 2.0)]
    assert [bool(r.error) for r in results] == [False, False, True, True]
    assert results.format()[2]["tool_call_id"] == "c"
    assert "failed: InputError: tool 'double': the argument 'x' cannot be 'y'" in results.format()[2]["content"]
    assert asyncio.run(calls.aexecute([double, halve])) == results


def test_a_spent_budget_is_not_a_result() -> None:
    """What must stop the program stops it."""

    def spend() -> None:
        raise lmnb.BudgetExceeded("usd", 2, 1)

    calls = lmnb.ToolCalls.from_dict_list([{"name": "spend"}])
    with pytest.raises(lmnb.BudgetExceeded):
        calls.execute([spend])
    with pytest.raises(lmnb.BudgetExceeded):
        asyncio.run(calls.aexecute([spend]))


def test_a_prompt_shows_what_to_write_and_no_more() -> None:
    """The schema of the field holds names and arguments, without docstrings or ids; the reply becomes calls."""
    lm = lmnb.FakeLM([{"calls": TWO}])
    predict = lmnb.Predict(lmnb.Signature("question -> calls: Calls", custom_types={"Calls": lmnb.ToolCalls}), lm=lm)
    system = predict.messages(question="q")[0]["content"]
    assert '"properties":{"name":{"type":"string"},"args":' in system
    assert ">>>" not in system and '"id"' not in system
    assert predict(question="q").calls == lmnb.ToolCalls.from_dict_list(TWO)
