"""Attempts of a program that checks send back: what still runs of an earlier one, which check counts what, what a stream is told."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from typing import Any

import pytest

import lmnb
from lmnb import Assert, BaseLM, FakeLM, Module, Predict, Suggest, Tool
from lmnb.streaming import StreamListener, StreamResponse


def mending(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {"answer": "good" if "`feedback`" in messages[0]["content"] else "bad"}


# -- what still runs of an attempt that was sent back ---------------------------------------------------------------------------


class Paced(BaseLM):
    """Answers about "fast" at once; its first answer about "slow" comes after the program has gone back. Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__("paced", cache=False)
        self.asked: Counter[str] = Counter()
        self.gone_back = asyncio.Event()

    async def aforward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
        text, told = messages[-1]["content"].partition("Reply with")[0], "`feedback`" in messages[0]["content"]
        speed, name = "fast" if "fast" in text else "slow", "second" if "[[ ## first ## ]]" in text else "first"
        self.asked[f"{name} {speed}"] += 1
        if told:
            self.gone_back.set()
        if self.asked["first slow"] == 1 and speed == "slow":
            await self.gone_back.wait()
        return f"[[ ## {name} ## ]]\n{speed} {'good' if told else 'bad'}\n\n[[ ## completed ## ]]"


class Branches(Module):
    """Two branches of two steps side by side; the fast one's first step is checked."""

    def __init__(self) -> None:
        self.first, self.second = Predict("topic -> first"), Predict("first, topic -> second")

    async def branch(self, topic: str) -> str:
        first = (await self.first.acall(topic=topic)).first
        Assert(topic == "slow" or "good" in first, "Be good.", at=self.first)
        return (await self.second.acall(first=first, topic=topic)).second

    async def aforward(self) -> Any:
        return lmnb.Prediction(found=await asyncio.gather(self.branch("fast"), self.branch("slow")))


def test_a_branch_of_an_earlier_attempt_asks_nothing_more() -> None:
    """What gather leaves running is called off at its next step: it buys nothing, and is no part of the trace or of what is learned."""
    lm = Paced()

    async def run() -> Any:
        with lmnb.context(lm=lm):
            made = await Branches().acall()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)
        return made

    made = asyncio.run(run())
    assert lm.asked["second slow"] == 1 and lm.asked["second fast"] == 1
    steps = [(step.path, step.inputs["topic"]) for step in made.trace.steps()]
    assert sorted(steps) == [("first", "fast"), ("first", "slow"), ("second", "fast"), ("second", "slow")]
    assert made.trace.usage["calls"] == sum(lm.asked.values())
    assert [span.name for span in made.trace.root.children if span.error] == ["attempt"]


def test_a_stream_tells_nothing_of_an_earlier_attempt() -> None:
    """Each field of each step is told once, but for those that are withdrawn."""
    told: dict[tuple[str, str], str] = {}

    async def run() -> None:
        with lmnb.context(lm=Paced()):
            async for item in lmnb.streamify(Branches(), is_async_program=True)():
                if isinstance(item, StreamResponse):
                    key = (item.predict_name, item.call_id)
                    told[key] = "" if item.withdrawn else told.get(key, "") + item.chunk

    asyncio.run(run())
    held = Counter(name for (name, _), text in told.items() if text)
    assert held == {"first": 2, "second": 2}


@pytest.mark.parametrize("nested", [False, True])
def test_a_check_in_a_task_group_sends_the_program_back(nested: bool) -> None:
    """The way back leads out of asyncio.TaskGroup, which wraps what its tasks raise."""

    class Grouped(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        async def one(self, number: int) -> str:
            made = await self.answer.acall(question=f"number {number}")
            Assert(number != 2 or made.answer == "good", "Be good.", at=self.answer)
            return made.answer

        async def group(self) -> list[str]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.one(number)) for number in range(4)]
            return [task.result() for task in tasks]

        async def aforward(self) -> Any:
            if not nested:
                return await self.group()
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self.group())
            return task.result()

    with lmnb.context(lm=FakeLM(mending)):
        assert sorted(asyncio.run(Grouped().acall())) == ["bad", "bad", "bad", "good"]


def test_what_else_a_task_group_raises_is_raised() -> None:
    """An error beside the failed check is the program's, and the check is not among what its caller sees."""

    class Grouped(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        async def aforward(self) -> None:
            made = await self.answer.acall(question="what")

            async def check() -> None:
                Assert(made.answer == "good", "Be good.")

            async def fail() -> None:
                raise ValueError("something else")

            async with asyncio.TaskGroup() as group:
                group.create_task(check())
                group.create_task(fail())

    with lmnb.context(lm=FakeLM(mending)), pytest.raises(ExceptionGroup) as caught:
        asyncio.run(Grouped().acall())
    assert [str(error) for error in caught.value.exceptions] == ["something else"]


# -- which check counts what ------------------------------------------------------------------------------------------------------


def need(holds: bool, message: str) -> None:
    Assert(holds, message)


class Ruled(Module):
    """One step under several rules, which one line checks."""

    def __init__(self, by_helper: bool = False) -> None:
        self.answer, self.by_helper = Predict("question -> answer"), by_helper

    def forward(self, question: str) -> Any:
        made = self.answer(question=question)
        said = made.answer
        for holds, message in [(len(said) > 3, "Longer."), (said.isupper(), "Louder."), ("!" in said, "With a !.")]:
            if self.by_helper:
                need(holds, message)
            else:
                Suggest(holds, message)
        return made


@pytest.mark.parametrize("by_helper", [False, True])
def test_checks_that_share_a_line_have_retries_of_their_own(by_helper: bool) -> None:
    """In a loop or in a function that checks, each rule is repaired and noted by itself."""
    with lmnb.context(lm=FakeLM([{"answer": text} for text in ("ab", "abcd", "ABCD", "ABCD!")])):
        made = Ruled(by_helper)(question="what")
    assert made.answer == "ABCD!"
    assert [(check.message, check.holds, check.attempts) for check in made.trace.checks()] == [
        ("Longer.", True, 2),
        ("Louder.", True, 2),
        ("With a !.", True, 2),
    ]


def test_a_rule_that_held_is_not_noted_for_another() -> None:
    """One failed rule of a loop is one check in the trace."""
    with lmnb.context(lm=FakeLM([{"answer": "ABCD"}, {"answer": "ABCD!"}])):
        made = Ruled()(question="what")
    assert [check.message for check in made.trace.checks()] == ["With a !."]


def test_a_check_with_a_new_message_each_time_has_no_more_retries() -> None:
    """A message that quotes the output is one check's: it gives up after its retries."""

    class Quoting(Module):
        def __init__(self) -> None:
            self.answer = Predict("question -> answer")

        def forward(self, question: str) -> Any:
            made = self.answer(question=question)
            Assert(made.answer == "good", f"It is no {made.answer!r}.")
            return made

    lm = FakeLM([{"answer": f"number {number}"} for number in range(9)])
    with lmnb.context(lm=lm), pytest.raises(lmnb.CheckFailed, match="was asked 3 times") as failed:
        Quoting()(question="what")
    assert len(lm.calls) == failed.value.attempts == 3


class Straying(Module):
    """A step whose inputs are others each time, and one that can be asked again; both are checked."""

    def __init__(self, kind: Any = Suggest) -> None:
        self.stray, self.answer = Predict("question -> answer"), Predict("question -> answer")
        self.attempts, self.kind = 0, kind

    def forward(self, question: str) -> Any:
        self.attempts += 1
        made = self.stray(question=f"{question} {self.attempts}")
        self.kind(made.answer == "never", "Never.", at=self.stray)
        made = self.answer(question=question)
        Suggest(made.answer == "good", "Be good.", at=self.answer)
        return made


def test_a_check_that_cannot_be_repaired_takes_no_retries_from_others() -> None:
    """The step that is never found again is given up; the next check repairs its own."""
    with lmnb.context(lm=FakeLM(mending)):
        program = Straying()
        made = program(question="what")
    assert made.answer == "good" and program.attempts == 7
    assert [(check.message, check.holds) for check in made.trace.checks()] == [("Never.", False), ("Be good.", True)]


def test_a_failure_counts_the_calls_that_were_made() -> None:
    """What the error says of a step that was never found again is how often it was asked."""
    lm = FakeLM(mending)
    with lmnb.context(lm=lm), pytest.raises(lmnb.CheckFailed, match="was asked 6 times") as failed:
        Straying(Assert)(question="what")
    assert len(lm.calls) == failed.value.attempts == 6


class Unanswered(Module):
    """A check of a step that failed, or that was not asked."""

    def __init__(self) -> None:
        self.number, self.other = Predict("question -> number: int"), Predict("question -> x")

    def forward(self, question: str, at: str) -> None:
        try:
            self.number(question=question)
        except lmnb.ParseError:
            Assert(False, "Give a number.", at=getattr(self, at))


@pytest.mark.parametrize(
    ("at", "says"), [("number", "'number' gave no outputs.*ParseError"), ("other", "'other' was not asked before it")]
)
def test_a_check_says_why_its_step_cannot_be_asked_again(at: str, says: str) -> None:
    """A step that failed and one that was not reached are no steps that "did not go before"."""
    with lmnb.context(lm=FakeLM(["none", "none"])), pytest.raises(lmnb.CheckFailed, match=says) as failed:
        Unanswered()(question="what", at=at)
    assert "No step went before it" not in str(failed.value)


def test_a_kept_error_is_raised_without_its_past() -> None:
    """The traceback of a call that fails again without being made does not grow from attempt to attempt."""
    lengths: list[int] = []

    def broken() -> None:
        raise ValueError("broken")

    class Bearing(Module):
        def __init__(self) -> None:
            self.answer, self.broken = Predict("question -> answer"), Tool(broken)

        def forward(self, question: str) -> Any:
            try:
                self.broken()
            except ValueError as error:
                lengths.append(len(traceback.extract_tb(error.__traceback__)))
            made = self.answer(question=question)
            Assert(made.answer == "4", "More.", retries=5)
            return made

    with lmnb.context(lm=FakeLM([{"answer": str(number)} for number in range(5)])):
        Bearing()(question="what")
    assert len(lengths) == 5 and len(set(lengths[1:])) == 1


# -- what a stream is told -----------------------------------------------------------------------------------------------------------


def told(program: Module, **options: Any) -> tuple[list[tuple[str, str]], Any]:
    """The fields that hold in the end, and the result."""
    *items, made = lmnb.streamify(program, async_streaming=False, **options)(question="what")
    texts: dict[tuple[str, str, str], str] = {}
    for item in items:
        if isinstance(item, StreamResponse):
            key = (item.predict_name, item.signature_field_name, item.call_id)
            texts[key] = "" if item.withdrawn else texts.get(key, "") + item.chunk
    return [(name, text) for (name, _, _), text in texts.items() if text], made


def test_what_a_kept_tool_asked_is_told_again() -> None:
    """The fields of a predictor inside a tool that is not called again are a part of the stream still."""

    class Summing(Module):
        def __init__(self) -> None:
            self.sum, self.answer = Predict("text -> summary"), Predict("question, note -> answer")
            self.tool = Tool(lambda text: self.sum(text=text).summary, name="sum")

        def forward(self, question: str) -> Any:
            made = self.answer(question=question, note=self.tool(text=question))
            Assert(made.answer == "good", "Be good.")
            return made

    lm = FakeLM([{"summary": "in short"}, {"answer": "bad"}, {"answer": "good"}])
    with lmnb.context(lm=lm):
        held, _ = told(Summing())
    assert held == [("sum", "in short"), ("answer", "good")] and len(lm.calls) == 3


def test_a_listener_waits_for_a_call_that_has_the_field() -> None:
    """A kept failure of the first call does not use up who listens to one call: the second is told."""

    class Trying(Module):
        def __init__(self) -> None:
            self.number, self.answer = Predict("question -> number: int"), Predict("question -> answer")

        def forward(self, question: str) -> Any:
            try:
                number = self.number(question=question).number
            except lmnb.ParseError:
                number = None
            made = self.answer(question=question)
            Assert(made.answer == "good", "Be good.")
            return lmnb.Prediction(number=number or self.number(question=f"{question}?").number)

    lm = FakeLM(["none", "none", {"answer": "bad"}, {"answer": "good"}, {"number": 7}])
    with lmnb.context(lm=lm):
        held, made = told(Trying(), stream_listeners=[StreamListener("number")])
    assert held == [("number", "7")] and made.number == 7
