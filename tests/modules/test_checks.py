"""Assert and Suggest: what is asked again, how often, and what the trace, the metric and the demos see of it.

Programs × adapters × ways of calling are in `test_checks_matrix.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from modules.test_checks_matrix import Answering, Each, Searching

import lmnb
from lmnb import Assert, CheckFailed, FakeLM, Module, Predict, Suggest


def test_the_repaired_step_is_a_clean_demo() -> None:
    """The trace's steps have the repaired output and the inputs without feedback; the calls of both attempts are counted."""
    with lmnb.context(lm=Each()):
        made = Searching()(question="Which?")
    context = ["passages on capital of France"]
    assert [(step.path, step.inputs, step.outputs) for step in made.trace.steps()] == [
        ("query", {"question": "Which?"}, {"query": "capital of France"}),
        ("answer", {"context": context, "question": "Which?"}, {"answer": "Paris"}),
    ]
    assert made.trace.usage["calls"] == 3
    replayed = [row["kind"] for row in made.trace.to_dict()["spans"] if row["label"] == "replayed"]
    assert replayed == ["predict", "retrieval"]


def test_a_check_goes_back_to_the_step_it_names() -> None:
    """With `at` an earlier step is asked again, and what depends on it is asked with its new output."""

    class Program(Module):
        def __init__(self) -> None:
            self.query = Predict("question -> query")
            self.answer = Predict("context -> answer")

        def forward(self, question: str) -> Any:
            query = self.query(question=question).query
            made = self.answer(context=query)
            Assert(made.answer == "Paris", "No town was found.", at=self.query)
            return made

    seen: list[str] = []

    def reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
        system, asked = messages[0]["content"], messages[-1]["content"]
        if "`query` (str)" in system.partition("Output fields")[2]:
            seen.append("told" if "No town was found." in asked and "past_query" in asked else "query")
            return {"query": "better" if "`feedback`" in system else "bad"}
        seen.append("answer")
        return {"answer": "Paris" if "better" in asked else "?"}

    with lmnb.context(lm=FakeLM(reply)):
        assert Program()(question="Which?").answer == "Paris"
    assert seen == ["query", "answer", "told", "answer"]


def test_messages_of_several_checks_come_together() -> None:
    """A step that fails a second check is told both messages."""
    told: list[str] = []

    class Program(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self, question: str) -> Any:
            made = self.answer(question=question)
            Assert(made.answer != "a", "Not a.")
            Assert(made.answer != "b", "Not b.")
            return made

    def reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
        asked = messages[-1]["content"]
        told.append(asked)
        return {"answer": "c" if "Not b." in asked else "b" if "Not a." in asked else "a"}

    with lmnb.context(lm=FakeLM(reply)):
        assert Program()(question="Which?").answer == "c"
    assert "Not a.\nNot b." in told[2] and len(told) == 3


def test_each_turn_of_a_loop_is_checked_by_itself() -> None:
    """The same line checks many items, each with retries of its own and none asked again for another's sake."""

    class Program(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self, questions: list[str]) -> list[str]:
            found = []
            for question in questions:
                made = self.answer(question=question)
                Assert(made.answer.startswith("ok"), "Begin with ok.")
                found.append(made.answer)
            return found

    calls: list[str] = []

    def reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
        calls.append(messages[-1]["content"])
        return {"answer": "ok" if "`feedback`" in messages[0]["content"] else "no"}

    with lmnb.context(lm=FakeLM(reply)):
        assert Program()(questions=["1", "2", "3", "1"]) == ["ok"] * 4
    assert len(calls) == 8


def test_a_program_cannot_swallow_the_way_back() -> None:
    """An `except Exception` around the check does not keep the step from being asked again."""

    class Program(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self, question: str) -> Any:
            made = self.answer(question=question)
            try:
                Assert(made.answer == "Paris", "Say Paris.")
            except Exception:  # noqa: BLE001
                return None
            return made

    with lmnb.context(lm=FakeLM([{"answer": "?"}, {"answer": "Paris"}])):
        assert Program()(question="Which?").answer == "Paris"


def test_a_changed_list_does_not_change_what_is_replayed() -> None:
    """A program that changes a step's output in place gets the first output again."""

    class Program(Module):
        def __init__(self) -> None:
            self.names = Predict("question -> names: list[str]")
            self.answer = Predict("names: list[str] -> answer")

        def forward(self, question: str) -> Any:
            names = self.names(question=question).names
            names.append("one more")
            made = self.answer(names=names)
            Assert(made.answer == "Paris", "Say Paris.")
            return len(names)

    with lmnb.context(lm=FakeLM([{"names": ["a"]}, {"answer": "?"}, {"answer": "Paris"}])):
        assert Program()(question="Which?") == 2


def test_a_check_outside_of_a_program_fails_at_once() -> None:
    """Without a step to go back to an Assert raises and a Suggest says no."""
    with pytest.raises(CheckFailed, match="No step went before it"):
        Assert(False, "Never.")
    assert Suggest(False, "Never.") is False and Suggest(True) is True


def test_a_wrong_place_is_refused() -> None:
    """`at` must be a predictor or module."""
    with pytest.raises(lmnb.InputError, match="is no step"):
        Assert(False, "x", at="answer")


def test_older_programs_name_their_target() -> None:
    """`target_module=` is read as `at=`."""

    class Program(Module):
        def __init__(self) -> None:
            self.first, self.second = Predict("question -> a"), Predict("question -> b")

        def forward(self, question: str) -> Any:
            a, b = self.first(question=question).a, self.second(question=question).b
            Suggest(a == "good", "Be good.", target_module=self.first)
            return lmnb.Prediction(a=a, b=b)

    with lmnb.context(lm=FakeLM([{"a": "bad"}, {"b": "b"}, {"a": "good"}])):
        assert Program()(question="?").toDict() == {"a": "good", "b": "b"}


def test_bootstrapped_demos_hold_the_repaired_output(tmp_path: Path) -> None:
    """An optimizer learns from what passed its checks: the last output, and no field of the feedback."""
    trainset = [lmnb.Example(question=f"Which {at}?", answer="Paris").with_inputs("question") for at in range(3)]
    optimizer = lmnb.BootstrapFewShot(metric=lambda example, made, trace=None: made.answer == example.answer)
    with lmnb.context(lm=Each(), run_dir=tmp_path):
        compiled = optimizer.compile(Searching(), trainset=trainset)
    demos = dict(compiled.named_predictors())["answer"].demos
    bootstrapped = [demo for demo in demos if "context" in demo]
    assert len(bootstrapped) == 3
    assert all(
        demo.answer == "Paris" and set(demo.keys()) == {"context", "question", "answer"} for demo in bootstrapped
    )


def test_a_trace_shows_what_was_sent_back() -> None:
    """The earlier attempt is in the trace's data and page, below the check that sent it back."""
    with lmnb.context(lm=Each()):
        trace = Answering()(question="Which?").trace
    assert [row["kind"] for row in trace.to_dict()["spans"]] == [
        "module",
        "check",
        "predict",
        "lm",
        "predict",
        "lm",
        "check",
    ]
    assert "Answer in one word." in trace._repr_html_()
