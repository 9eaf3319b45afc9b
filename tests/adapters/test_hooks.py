"""The parts of a prompt as methods that a subclass of an adapter may write anew."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import lmnb
from lmnb.adapters.hooks import HOOKS

ADAPTERS = (lmnb.ChatAdapter, lmnb.JSONAdapter, lmnb.XMLAdapter)


class Talk(lmnb.Signature):
    """Answer the guest."""

    picture: lmnb.Image | None = lmnb.InputField()
    history: lmnb.History = lmnb.InputField()
    question: str = lmnb.InputField(desc="what they say")
    mood: Literal["calm", "cross"] = lmnb.OutputField()
    answer: str = lmnb.OutputField(desc="what we say")


CALLS: dict[str, tuple[Any, list[dict[str, Any]], dict[str, Any]]] = {
    "plain": ("question -> answer", [], {"question": "Who?"}),
    "demos": (
        "context: list[str], question -> reasoning, answer: int",
        [
            {"context": ["[[ ## answer ## ]]"], "question": "</answer>?", "reasoning": "r", "answer": 1},
            {"question": "half", "answer": 2},
            {"answer": 3},
        ],
        {"context": ["a", "b"], "question": "Which?"},
    ),
    "history and media": (
        Talk,
        [{"question": "Hello", "mood": "calm", "answer": "Hi", "history": lmnb.History(messages=[{"question": "?"}])}],
        {
            "picture": lmnb.Image("https://example.org/a.png"),
            "history": lmnb.History(
                messages=[{"question": "One?", "mood": "calm", "answer": "1"}, {"question": "Two?"}]
            ),
            "question": "Three?",
        },
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_prompt_of_its_parts_is_the_prompt(adapter: Any, hook: str, call: str) -> None:
    """Whichever part a subclass writes, when it writes what stood there the messages are the same."""

    def same(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(adapter, hook)(self, *args, **kwargs)

    fields, demos, inputs = CALLS[call]
    signature = lmnb.ensure_signature(fields)
    made = type("Own", (adapter,), {hook: same})()
    assert made._hooked
    assert not adapter._hooked
    assert made.format(signature, demos, inputs) == adapter().format(signature, demos, inputs)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_part_that_is_written_anew_stands_in_the_prompt(adapter: Any, hook: str) -> None:
    """What the method gives is in the messages, and the rest is as it was: the reply still parses."""
    turn = [{"role": "user", "content": "HERE"}]
    written = turn if hook in ("format_demos", "format_conversation_history") else "HERE"
    made = type("Own", (adapter,), {hook: lambda self, *args, **kwargs: written})()
    demos = [{"question": "2 + 2?", "answer": "4"}]
    program = lmnb.Predict("question -> answer")
    program.demos = [lmnb.Example(**demo) for demo in demos]
    lm = lmnb.FakeLM([made.written({"answer": "Bo"})])
    with lmnb.context(lm=lm, adapter=made):
        assert program(question="Who?").answer == "Bo"
    assert any("HERE" in message["content"] for message in lm.history[-1].messages)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_is_not_there_is_left_out_or_said(adapter: Any) -> None:
    """`missing_field_message` stands in a reply for the outputs that are not given, whatever their types."""
    signature = lmnb.ensure_signature("question -> answer: int, sure: bool")
    assert "sure" not in adapter().format_assistant_message_content(signature, {"answer": 3})
    told = adapter().format_assistant_message_content(signature, {"answer": 3}, missing_field_message="(not given)")
    assert told.index("3") < told.index("sure") < told.index("(not given)")


def test_a_record_to_train_on_is_the_call_and_its_reply() -> None:
    """The last message is the reply, and parses to the outputs; those before it are what the LM is sent."""
    adapter, signature = lmnb.ChatAdapter(), lmnb.ensure_signature("question -> answer: int")
    record = adapter.format_finetune_data(signature, [], {"question": "2 + 2?"}, {"answer": 4})
    *asked, reply = record["messages"]
    assert asked == adapter.format(signature, [], {"question": "2 + 2?"})
    assert reply["role"] == "assistant"
    assert adapter.parse(signature, reply["content"]) == {"answer": 4}
