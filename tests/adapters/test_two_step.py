"""TwoStepAdapter: a free answer, and what a second model makes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pydantic
import pytest

import lmnb
from lmnb import FakeLM, InputError, JSONAdapter, ParseError, Predict, Signature, TwoStepAdapter


def run(
    large: Any, small: Any, how: str = "sync", signature: Any = "question -> answer: int, why", **options: Any
) -> Any:
    predict = Predict(signature)
    predict.demos = options.pop("demos", [])
    with lmnb.context(lm=large, adapter=TwoStepAdapter(small, **options)):
        return asyncio.run(predict.acall(question="2 + 2?")) if how == "async" else predict(question="2 + 2?")


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_fields_are_taken_from_a_free_answer(how: str) -> None:
    """The large model sees task and demos in plain words, the small one the answer and the fields; one trace has both."""
    large, small = FakeLM(["It is four, by counting."], model="large"), FakeLM([{"answer": 4, "why": "counting"}])
    demos = [lmnb.Example(question="1 + 1?", answer=2, why="known"), lmnb.Example(question="no outputs")]
    made = run(large, small, how, demos=demos)
    assert made.toDict() == {"answer": 4, "why": "counting"}
    assert [(each["role"], each["content"]) for each in large.calls[0]["messages"]] == [
        (
            "system",
            "Given the fields `question`, produce the fields `answer`, `why`.\n\n"
            "Your answer has to say:\n- answer (int)\n- why (str)",
        ),
        ("user", "question: 1 + 1?"),
        ("assistant", "answer: 2\n\nwhy: known"),
        ("user", "question: 2 + 2?"),
    ]
    told = small.calls[0]["messages"]
    assert "It is four, by counting." in told[-1]["content"] and "2 + 2?" not in str(told)
    assert [span.name for _, span in made.trace.spans() if span.kind == "lm"] == ["large", "fake"]
    assert len(made.trace.steps()) == 1


def test_several_answers_are_each_read() -> None:
    """With `n` there is an extraction for each."""
    small = FakeLM([{"answer": 4, "why": "a"}, {"answer": 5, "why": "b"}])
    with lmnb.context(lm=FakeLM(["four", "five"]), adapter=TwoStepAdapter(small)):
        made = Predict("question -> answer: int, why", n=2)(question="?")
    assert made.completions.answer == [4, 5] and "five" in small.calls[1]["messages"][-1]["content"]


def test_the_extraction_has_its_adapter_and_its_repair_turn() -> None:
    """A wrong extraction is asked again, and the large model is not; a second one is an error that names the answer."""
    large, small = FakeLM(["four"]), FakeLM(["no", {"answer": 4, "why": "w"}])
    assert run(large, small, extraction_adapter=JSONAdapter()).answer == 4
    assert len(large.calls) == 1 and "JSON object" in small.calls[1]["messages"][-1]["content"]
    with pytest.raises(ParseError) as failure:
        run(FakeLM(["four"]), FakeLM(["no", "no"]))
    assert "from the reply 'four'" in failure.value.__notes__[0]


def test_what_was_cut_off_is_not_extracted_from() -> None:
    """Half an answer may say the opposite of the whole."""

    class Cut(FakeLM):
        def _reply(self, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
            reply = super()._reply(messages, options)
            reply["choices"][0]["finish_reason"] = "length"
            return reply

    small = FakeLM([{"answer": 4, "why": "w"}])
    with pytest.raises(ParseError, match="Raise max_tokens"):
        run(Cut(["It is not"]), small)
    assert small.calls == []


def test_checks_across_fields_hold() -> None:
    """A validator of the signature sees the inputs and what was extracted."""

    class Short(Signature):
        question: str = lmnb.InputField()
        answer: int = lmnb.OutputField()

        @pydantic.model_validator(mode="after")
        def held(self) -> Any:
            if str(self.answer) not in self.question:
                raise ValueError("the answer stands in the question")
            return self

    assert run(FakeLM(["two"]), FakeLM([{"answer": 2}]), signature=Short).answer == 2
    with pytest.raises(ParseError, match="stands in the question"):
        run(FakeLM(["five"]), FakeLM([{"answer": 5}]), signature=Short)


def test_parse_asks_the_extraction_model() -> None:
    """The public method is the second step alone, also where an event loop runs."""
    adapter = TwoStepAdapter(FakeLM([{"answer": 4}, {"answer": 5}]))
    assert adapter.parse(Signature("question -> answer: int"), "four") == {"answer": 4}

    async def main() -> Any:
        return adapter.parse(Signature("question -> answer: int"), "five")

    assert asyncio.run(main()) == {"answer": 5}


def test_a_name_is_no_model() -> None:
    """The error shows what to write."""
    with pytest.raises(InputError, match=r"Write TwoStepAdapter\(lmnb.LM"):
        TwoStepAdapter("lmnb/tiny")


def test_pictures_and_conversations_are_no_text() -> None:
    """Media given as data URIs are parts and a history is earlier turns, in demos too."""
    uri = "data:image/png;base64,iVBORw0KGgo="
    predict = Predict("picture: Image, history: History, question -> a")
    predict.demos = [lmnb.Example(picture=uri, history=[{"question": "d1", "a": "r1"}], question="d2", a="r2")]
    lm = FakeLM(["x"])
    with lmnb.context(lm=lm, adapter=TwoStepAdapter(FakeLM([{"a": "x"}]))):
        predict(picture=uri, history=[{"picture": uri, "question": "q1", "a": "r3"}], question="q2")
        with pytest.raises(InputError, match="the input 'history' does not fit its type"):
            predict(picture=uri, history="hi", question="q")

    def shown(question: str) -> list[dict[str, Any]]:
        picture = {"type": "image_url", "image_url": {"url": uri}}
        return [{"type": "text", "text": "picture: "}, picture, {"type": "text", "text": f"\n\nquestion: {question}"}]

    assert [each["content"] for each in lm.calls[0]["messages"][1:]] == [
        *("question: d1", "a: r1", shown("d2"), "a: r2"),
        *(shown("q1"), "a: r3", shown("q2")),
    ]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_callbacks_are_told_of_both_adapters(how: str) -> None:
    """The reading of the free answer, and inside it what the extraction writes and reads."""
    told: list[tuple[str, Any]] = []

    class Watch(lmnb.BaseCallback):
        def on_adapter_parse_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            told.append((type(instance).__name__, inputs["completion"][:12]))

        def on_adapter_parse_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:
            told.append(("end", outputs or type(exception).__name__))

    found = {"answer": 4, "why": "w"}
    with lmnb.context(callbacks=[Watch()]):
        run(FakeLM(["It is four."]), FakeLM([found]), how)
        assert told == [
            ("TwoStepAdapter", "It is four."),
            ("ChatAdapter", "[[ ## answer"),
            ("end", found),
            ("end", found),
        ]
        told.clear()
        with pytest.raises(ParseError):
            run(FakeLM(["It is four."]), FakeLM(["no", "no"]), how)
    assert told[0] == ("TwoStepAdapter", "It is four.") and told[-1] == ("end", "ParseError")
