"""The checks matrix: every kind of program × every adapter × every way of calling it, repaired and exhausted. What comes before the step
that is asked again costs no request.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lmnb
from lmnb import (
    Assert,
    ChainOfThought,
    ChatAdapter,
    CheckFailed,
    FakeLM,
    JSONAdapter,
    Module,
    Predict,
    ReAct,
    Retrieve,
    Suggest,
    XMLAdapter,
)

ADAPTERS = [ChatAdapter, JSONAdapter, XMLAdapter]
WAYS = ["sync", "async", "32 threads"]


def capital(country: str) -> str:
    """The capital of a country."""
    return {"France": "the town of Paris"}[country]


def agent(signature: str) -> ReAct:
    return ReAct(signature, [capital])


class Answering(Module):
    """One step, checked."""

    def __init__(self, step: Any = Predict, kind: Any = Assert) -> None:
        self.answer = step("question -> answer")
        self.kind = kind

    def forward(self, question: str) -> Any:
        return self.checked(self.answer(question=question))

    async def aforward(self, question: str) -> Any:
        return self.checked(await self.answer.acall(question=question))

    def checked(self, made: Any) -> Any:
        self.kind(" " not in made.answer, "Answer in one word.", at=self.answer)
        return made


class Searching(Answering):
    """A query, a search, and an answer from what was found, which is checked."""

    def __init__(self, step: Any = Predict, kind: Any = Assert) -> None:
        self.query = Predict("question -> query")
        self.search = Retrieve(k=1, rm=lambda query, k: [f"passages on {query}"] * k)
        self.answer = step("context: list[str], question -> answer")
        self.kind = kind

    def forward(self, question: str) -> Any:
        found = self.search(self.query(question=question).query).passages
        return self.checked(self.answer(context=found, question=question))

    async def aforward(self, question: str) -> Any:
        asked = await self.query.acall(question=question)
        found = (await self.search.acall(asked.query)).passages
        return self.checked(await self.answer.acall(context=found, question=question))


PROGRAMS = {  # the program, and how many requests come before the one that is checked
    "predict": (lambda kind: Answering(Predict, kind), 0),
    "chain of thought": (lambda kind: Answering(ChainOfThought, kind), 0),
    "react": (lambda kind: Answering(agent, kind), 1),
    "rag": (lambda kind: Searching(Predict, kind), 1),
    "rag with reasoning": (lambda kind: Searching(ChainOfThought, kind), 1),
    "rag with an agent": (lambda kind: Searching(agent, kind), 2),
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
    """Right as soon as it was told what is wrong. An agent looks the capital up, then hands it over."""

    def __init__(self, mends: bool = True) -> None:
        self.mends = mends
        super().__init__(self.reply)

    def reply(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        system, asked = messages[0]["content"], messages[-1]["content"]
        wanted = system.partition("Output fields")[2]
        if "`query` (str)" in wanted:
            return {"query": "capital of France"}
        answer = "Paris" if self.mends and "`feedback`" in system else "the town of Paris"
        if "`tool_calls`" in wanted:
            looked = "capital(country='France') gave: the town of Paris" in asked
            call = ("submit", {"answer": answer}) if looked else ("capital", {"country": "France"})
            return {"next_thought": "So.", "tool_calls": [{"name": call[0], "args": call[1]}]}
        return {"reasoning": "I think.", "answer": answer} if "`reasoning`" in system else {"answer": answer}


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_failed_check_is_repaired(name: str, adapter: Any, how: str) -> None:
    """The step is asked once more, told what was wrong, and no request before it is sent again."""
    lm, (program, before) = Each(), PROGRAMS[name]
    with lmnb.context(lm=lm, adapter=adapter()):
        results = run(program(Assert), how)
    assert {result.answer for result in results} == {"Paris"}
    assert len(lm.calls) == (before + 2) * len(results)
    told = [call for call in lm.calls if "Answer in one word." in str(call["messages"][-1])]
    assert len(told) == len(results) and all("the town of Paris" in str(call["messages"][-1]) for call in told)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_an_exhausted_check_ends_or_is_noted(name: str, adapter: Any, how: str) -> None:
    """After two retries an Assert raises with the evidence, and a Suggest lets the program go on; either way the requests before
    the step are sent once.
    """
    lm, (program, before) = Each(mends=False), PROGRAMS[name]
    with lmnb.context(lm=lm, adapter=adapter()):
        with pytest.raises(
            CheckFailed, match=r"Answer in one word.*answer.* was asked 3 times.*the town of Paris"
        ) as failed:
            run(program(Assert), how)
        assert failed.value.attempts == 3
        if how != "32 threads":  # there the first failure is raised while others are still at it
            assert len(lm.calls) == before + 3
        lm.calls.clear()
        results = run(program(Suggest), how)
    assert {result.answer for result in results} == {"the town of Paris"}
    assert len(lm.calls) == (before + 3) * len(results)
    assert all("check" in [each.kind for _, each in result.trace.spans()] for result in results)
