"""ReAct: turns of thinking and tool calls, and every way in which they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lmnb
from lmnb import FakeLM, InputError, ReAct


def population(town: str) -> int:
    """How many people live in a town."""
    return {"Bern": 134, "Basel": 178}[town]


async def slow(town: str) -> str:
    """The same, asynchronously."""
    await asyncio.sleep(0)
    return f"{population(town)} thousand"


def turn(thought: str, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"next_thought": thought, "tool_calls": [{"name": name, "args": args} for name, args in calls]}


def run(replies: list[Any], how: str = "sync", signature: str = "question -> answer: int", **options: Any) -> Any:
    agent = ReAct(signature, [population, slow], **options)
    with lmnb.context(lm=FakeLM(replies)):
        return asyncio.run(agent.acall(question="?")) if how == "async" else agent(question="?")


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_answer_is_handed_over_by_its_type(how: str) -> None:
    """Tools are called, several in one turn, and the outputs are what `submit` was given, coerced."""
    made = run(
        [
            turn("Both.", ("population", {"town": "Bern"}), ("slow", {"town": "Basel"})),
            turn("Done.", ("submit", {"answer": "312"})),
        ],
        how,
    )
    assert made.answer == 312 and made.termination_reason == "submit"
    assert [str(result) for result in made.trajectory[0]["results"]] == ["134", "178 thousand"]


def test_a_failing_tool_is_told_to_the_model() -> None:
    """An error, an unknown tool and a wrong submit are results of the turn, and the agent goes on."""
    lm = FakeLM(
        [
            turn("Try.", ("population", {"town": "Rome"}), ("populations", {}), ("submit", {"answer": "many"})),
            turn("Done.", ("submit", {"answer": 1})),
        ]
    )
    with lmnb.context(lm=lm):
        assert ReAct("question -> answer: int", [population])(question="?").answer == 1
    told = lm.calls[1]["messages"][-1]["content"]
    assert "KeyError: 'Rome'" in told and "Did you mean 'population'?" in told and "valid integer" in told


def test_the_turns_are_limited() -> None:
    """After `max_iters` turns the answer is extracted from the trajectory."""
    look = turn("Again.", ("population", {"town": "Bern"}))
    made = run([look, look, {"reasoning": "It says 134.", "answer": 134}], max_iters=2)
    assert made.answer == 134 and made.termination_reason == "max_iters" and len(made.trajectory) == 2
    assert made.reasoning == "It says 134."


def test_an_unreadable_turn_ends_in_an_extraction() -> None:
    """A reply that stays unreadable after its repair turn does not end in an error."""
    made = run(["no", "no", {"reasoning": "A guess.", "answer": 1}])
    assert made.answer == 1 and made.termination_reason == "unreadable"


def test_a_long_trajectory_loses_its_oldest_turns() -> None:
    """Where the prompt is too long for the model, the oldest turns are left out, and the prompt says so."""
    prompts: list[str] = []

    def reply(messages: list[dict[str, Any]]) -> Any:
        prompts.append(messages[-1]["content"])
        if prompts[-1].count("Turn ") > 1:
            raise lmnb.ContextWindowError("too long", model="fake")
        done = "gave: 178" in prompts[-1]
        asked = (
            ("submit", {"answer": 2})
            if done
            else ("population", {"town": "Basel" if "Turn" in prompts[-1] else "Bern"})
        )
        return turn("Next.", asked)

    with lmnb.context(lm=FakeLM(reply)):
        assert ReAct("question -> answer: int", [population])(question="?").answer == 2
    assert "(1 earlier turns are left out)\nTurn 2" in prompts[-1]


def test_the_agent_has_two_predictors_and_saves() -> None:
    """The reference's names, and a state that another agent of the same kind takes over."""
    agent = ReAct("question -> answer: int", [population])
    assert [name for name, _ in agent.named_predictors()] == ["react", "extract.predict"]
    agent.react.demos = [lmnb.Example(question="?", next_thought="x")]
    other = ReAct("question -> answer: int", [population])
    other.load_state(agent.dump_state())
    assert other.react.demos == agent.react.demos


@pytest.mark.parametrize(
    ("options", "says"),
    [({"max_iters": 0}, "max_iters is 0"), ({"tools": {"submit": population}}, "cannot be named 'submit'")],
)
def test_a_wrong_agent_is_refused(options: dict[str, Any], says: str) -> None:
    """What cannot work is said when the agent is made."""
    with pytest.raises(InputError, match=says):
        ReAct("question -> answer", **{"tools": [population], **options})


def test_tools_are_called_in_the_trace() -> None:
    """Every tool call is a span, and the steps are those of `react`."""
    made = run([turn("Look.", ("population", {"town": "Bern"})), turn("Done.", ("submit", {"answer": 134}))])
    kinds = [each.kind for _, each in made.trace.spans()]
    assert kinds.count("tool") == 2 and [step.path for step in made.trace.steps()] == ["react", "react"]


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("native", [True, False])
def test_earlier_answers_stay_in_a_conversation(native: bool, how: str) -> None:
    """A step lacks the agent's outputs: what was answered stands there as the call that handed it over, in both forms of calls."""
    agent = ReAct("history: History, question -> answer: int", [population], max_iters=1)
    done = lmnb.ToolCalls.from_dict_list([{"name": "submit", "args": {"answer": 2}}])
    look = lmnb.ToolCalls.from_dict_list([{"name": "population", "args": {"town": "Bern"}}])
    lm = FakeLM(
        [
            {"next_thought": "Done.", "tool_calls": done},
            {"next_thought": "Look.", "tool_calls": look},
            {"reasoning": "r", "answer": 3},
        ],
        function_calling=native,
    )
    history = first = lmnb.History(messages=[{"question": "Bern?", "answer": 134}])
    with lmnb.context(lm=lm, adapter=lmnb.ChatAdapter(use_native_function_calling=native)):
        for question in ("Basel?", "And now?"):
            given = {"history": history, "question": question}
            made = asyncio.run(agent.acall(**given)) if how == "async" else agent(**given)
            history = history.with_turn({"question": question, **dict(made.items())})
        shown = agent.messages(history=first, question="Basel?", trajectory="Nothing yet.")
    step, later, extract = (call["messages"] for call in lm.calls)
    assert shown["react"] == step and shown["extract.predict"][2] == extract[2]
    result = ["tool"] if native else []
    assert [each["role"] for each in step] == ["system", "user", "assistant", *result, "user"]
    assert "I know `answer`." in step[2]["content"] and "134" in str(step[2]) and "submit" in str(step[2])
    assert ("tool_calls" in step[2]) is native
    assert [each["role"] for each in later].count("assistant") == 2 and "Basel?" in str(later)
    assert "trajectory" not in later[-2 - native]["content"]
    assert next(each["content"] for each in extract if each["role"] == "assistant").startswith(
        "[[ ## answer ## ]]\n134"
    )


def test_the_prompt_can_be_seen_without_a_call() -> None:
    """`messages` gives what the first turn sends, tools included, and a tool's new description at once."""
    agent = ReAct("question -> answer: int", [population])
    lm = FakeLM([turn("Done.", ("submit", {"answer": 134}))])
    with lmnb.context(lm=lm):
        agent(question="?")
    assert agent.messages(question="?", trajectory="Nothing yet.")["react"] == lm.calls[0]["messages"]
    agent.tools["population"] = agent.tools["population"].with_desc("Counts heads.")
    assert "population(town: str): Counts heads." in agent.messages(question="?")["react"][-1]["content"]
