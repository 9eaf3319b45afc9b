"""Assert and Suggest: what is asked again, how often, and what the trace, the metric and the demos see of it."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import Assert, ChainOfThought, ChatAdapter, CheckFailed, FakeLM, JSONAdapter, Module, Predict, Suggest

ADAPTERS = [ChatAdapter, JSONAdapter]


class Answering(Module):
    """One step, checked."""

    def __init__(self, step: type[Module] = Predict, kind: Any = Assert) -> None:
        self.answer = step("question -> answer")
        self.kind = kind

    def forward(self, question: str) -> Any:
        made = self.answer(question=question)
        self.kind(" " not in made.answer, "Answer in one word.")
        return made


class Searching(Module):
    """Two steps, of which the second is checked."""

    def __init__(self, step: type[Module] = Predict, kind: Any = Assert) -> None:
        self.query = Predict("question -> query")
        self.answer = step("context, question -> answer")
        self.kind = kind

    def forward(self, question: str) -> Any:
        found = self.query(question=question).query
        made = self.answer(context=f"passages on {found}", question=question)
        self.kind(" " not in made.answer, "Answer in one word.", at=self.answer)
        return made


PROGRAMS = {
    "predict": lambda kind: Answering(Predict, kind),
    "chain of thought": lambda kind: Answering(ChainOfThought, kind),
    "rag": lambda kind: Searching(Predict, kind),
    "rag with reasoning": lambda kind: Searching(ChainOfThought, kind),
}


def run(program: Module, how: str) -> list[Any]:
    """The program's results, called in one of three ways."""
    if how == "async":
        return [asyncio.run(program.acall(question="Which?"))]
    if how == "sync":
        return [program(question="Which?")]
    with ThreadPoolExecutor(32) as pool:
        contexts = [contextvars.copy_context() for _ in range(32)]
        return list(pool.map(lambda each: each.run(program, question="Which?"), contexts))


class Each(FakeLM):
    """Right as soon as it was told what is wrong."""

    def __init__(self, mends: bool = True) -> None:
        self.asked: list[str] = []
        self.mends = mends
        super().__init__(self.reply)

    def reply(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        system = messages[0]["content"]
        if "`query` (str)" in system.partition("Output fields")[2]:
            self.asked.append("query")
            return {"query": "capital of France"}
        self.asked.append("answer")
        value = {"answer": "Paris" if self.mends and "`feedback`" in system else "the town of Paris"}
        return {"reasoning": "I think.", **value} if "`reasoning`" in system else value


@pytest.mark.parametrize("how", ["sync", "async", "32 threads"])
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_failed_check_is_repaired(name: str, adapter: Any, how: str) -> None:
    """The step is asked once more, told what was wrong, and the steps before it are not asked again."""
    lm = Each()
    with lmnb.context(lm=lm, adapter=adapter()):
        results = run(PROGRAMS[name](Assert), how)
    assert {result.answer for result in results} == {"Paris"}
    assert lm.asked.count("answer") == 2 * len(results)
    assert lm.asked.count("query") == ("rag" in name) * len(results)


@pytest.mark.parametrize("how", ["sync", "async", "32 threads"])
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_exhausted_check_ends_or_is_noted(name: str, adapter: Any, how: str) -> None:
    """After two retries an Assert raises with the evidence, and a Suggest lets the program go on."""
    lm = Each(mends=False)
    with lmnb.context(lm=lm, adapter=adapter()):
        with pytest.raises(
            CheckFailed, match=r"Answer in one word.*answer.* was asked 3 times.*the town of Paris"
        ) as failed:
            run(PROGRAMS[name](Assert), how)
        assert failed.value.attempts == 3
        lm.asked.clear()
        results = run(PROGRAMS[name](Suggest), how)
    assert {result.answer for result in results} == {"the town of Paris"}
    assert lm.asked.count("answer") == 3 * len(results)
    assert all("check" in [each.kind for _, each in result.trace.spans()] for result in results)


def test_the_repaired_step_is_a_clean_demo() -> None:
    """The trace's steps have the repaired output and the inputs without feedback; the calls of both attempts are counted."""
    with lmnb.context(lm=Each()):
        made = Searching()(question="Which?")
    assert [(step.path, step.inputs, step.outputs) for step in made.trace.steps()] == [
        ("query", {"question": "Which?"}, {"query": "capital of France"}),
        ("answer", {"context": "passages on capital of France", "question": "Which?"}, {"answer": "Paris"}),
    ]
    assert made.trace.usage["calls"] == 3
    assert [row["label"] for row in made.trace.to_dict()["spans"] if row["label"] == "replayed"] == ["replayed"]


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
