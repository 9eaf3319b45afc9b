"""The public fakes: what they answer, and what they say when they cannot."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lmnb
from lmnb import ChatAdapter, DummyLM, FakeLM, Predict, Signature


def test_answers_come_in_order_and_calls_are_kept() -> None:
    """Each call takes the next answer; `calls` shows what was asked, with its options."""
    lm = FakeLM(["one", "two"], top_p=0.5)
    assert [lm("a"), lm("b", max_tokens=3)] == [["one"], ["two"]]
    assert lm.calls[1] == {"messages": [{"role": "user", "content": "b"}], "top_p": 0.5, "max_tokens": 3}


def test_a_dict_is_written_in_the_chat_format() -> None:
    """A predictor reads the fields back with their types, also text that looks like a header."""
    signature = Signature("q: str -> text: str, numbers: list[int], sure: bool")
    fields = {"text": "[[ ## numbers ## ]]\nno", "numbers": [1, 2], "sure": True}
    made = Predict(signature, lm=FakeLM([fields]))(q="?")
    assert made.toDict() == fields


def test_too_few_answers_say_how_many_there_were() -> None:
    """The error counts, and shows the other form."""
    lm = FakeLM(["one"])
    lm("a")
    with pytest.raises(
        lmnb.LMError, match=r"FakeLM had 1 answer and was asked for number 2. Give it more, or a handler"
    ):
        lm("b")


@pytest.mark.parametrize("answers", ["hello", {"answer": "x"}])
def test_a_single_answer_must_be_in_a_list(answers: Any) -> None:
    """A str would otherwise be taken letter by letter."""
    with pytest.raises(lmnb.InputError, match=r"Write FakeLM\(\["):
        FakeLM(answers)


def test_an_answer_of_another_kind_is_quoted() -> None:
    """Only str, dicts and exceptions are answers."""
    with pytest.raises(lmnb.LMError, match="FakeLM cannot answer 3"):
        FakeLM([3])("a")  # type: ignore[list-item]


def test_a_handler_sees_messages_and_options() -> None:
    """With `**options` it gets what would be sent; without, the messages alone."""
    assert FakeLM(lambda messages, **options: str(options))("a", max_tokens=3) == ["{'max_tokens': 3}"]
    assert FakeLM(lambda messages: messages[-1]["content"])("a", max_tokens=3) == ["a"]


def test_several_completions_take_several_answers() -> None:
    """`n` answers are consumed for one call."""
    assert FakeLM(["one", "two", "three"])("a", n=2) == ["one", "two"]


def test_a_sampled_request_has_a_seed_of_its_content() -> None:
    """The same rollout gets the same seed, another one another, and a greedy request none."""
    lm = FakeLM(lambda messages, **options: str(options.get("seed")), temperature=1.0)
    same, again, other = lm("a", rollout_id=1), lm("a", rollout_id=1), lm("a", rollout_id=2)
    assert same == again != other
    assert lm("a", temperature=0.0) == ["None"]
    assert lm("a", seed=5) == ["5"]


def test_threads_share_the_answers() -> None:
    """Every answer is given once, whoever asks."""
    lm = FakeLM([str(number) for number in range(200)])
    with ThreadPoolExecutor(16) as pool:
        replies = [reply[0] for reply in pool.map(lm, map(str, range(200)))]
    assert sorted(replies, key=int) == [str(number) for number in range(200)]


def test_a_copy_goes_on_with_the_same_answers() -> None:
    """`copy` is the same model with other options."""
    lm = FakeLM(["one", "two"])
    assert [lm("a"), lm.copy(temperature=1.0)("b")] == [["one"], ["two"]]


def test_the_asynchronous_form_answers_the_same() -> None:
    """acall goes through the same script."""
    assert asyncio.run(FakeLM(["one"], delay=0.001).acall("a")) == ["one"]


def test_usage_is_counted() -> None:
    """A fake call has about the tokens of a real one, and costs nothing."""
    lm = FakeLM(["x" * 40])
    lm("y" * 80)
    assert lm.history[-1].usage == {"prompt_tokens": 20, "completion_tokens": 10}
    assert lm.history[-1].cost == 0.0


def test_dummy_answers_in_order() -> None:
    """A list of dicts is given one by one."""
    predict = Predict("question -> answer", lm=DummyLM([{"answer": "one"}, {"answer": "two"}]))
    assert [predict(question="a").answer, predict(question="b").answer] == ["one", "two"]


def test_dummy_answers_by_text() -> None:
    """A dict chooses by what the last message holds, and says so where nothing fits."""
    predict = Predict("question -> answer", lm=DummyLM({"France": {"answer": "Paris"}, "Italy": {"answer": "Rome"}}))
    assert predict(question="Capital of Italy?").answer == "Rome"
    with pytest.raises(lmnb.LMError, match="it holds none of 'France', 'Italy'"):
        predict(question="Capital of Peru?")


def test_dummy_follows_examples() -> None:
    """A demo with the same inputs gives its answer."""
    predict = Predict("question -> answer", lm=DummyLM([{"answer": "scripted"}], follow_examples=True))
    predict.demos = [lmnb.Example(question="a", answer="shown"), lmnb.Example(question="b", answer="other")]
    assert predict(question="a").answer == "shown"
    assert predict(question="c").answer == "scripted"


def test_dummy_writes_in_the_format_of_its_adapter() -> None:
    """Any adapter can be scripted."""

    class Shout(ChatAdapter):
        def format(self, signature: Any, demos: Any, inputs: Any) -> list[dict[str, Any]]:
            return [
                {**message, "content": message["content"].upper()}
                for message in super().format(signature, demos, inputs)
            ]

    assert DummyLM([{"answer": "paris"}], adapter=Shout())("?")[0].startswith("[[ ## ANSWER ## ]]\nPARIS")


def test_dummy_says_when_it_has_no_more() -> None:
    """The error has the name of the class that was used."""
    with pytest.raises(lmnb.LMError, match="DummyLM had 0 answers and was asked for number 1"):
        DummyLM([])("a")


def test_calls_of_tools_are_answered_as_a_provider_answers() -> None:
    """Only where the LM takes tools and the request brings some; other fields stand in the text, a message goes out as it is."""
    calls = lmnb.ToolCalls.from_dict_list([{"name": "look", "args": {"at": "the sky"}}])
    raw = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "x", "function": {"name": "a", "arguments": "{"}}],
    }
    lm = FakeLM([calls, {"why": "so", "calls": calls}, raw, {"calls": calls}], function_calling=True)
    tools = [{"type": "function", "function": {"name": "look"}}]
    asked = [{"role": "user", "content": "?"}]
    first, second, third = (lm.forward(messages=asked, tools=tools)["choices"][0] for _ in range(3))
    assert first["message"]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at":"the sky"}'}
    assert first["finish_reason"] == "tool_calls" and first["message"]["content"] == ""
    assert (
        second["message"]["tool_calls"][0]["id"] == "call_1" and "[[ ## why ## ]]\nso" in second["message"]["content"]
    )
    assert third["message"] == raw
    assert '"the sky"' in lm.forward(messages=asked)["choices"][0]["message"]["content"]
    assert not FakeLM().supports_function_calling and lm.copy(temperature=1.0).supports_function_calling
