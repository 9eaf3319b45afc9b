"""The programs of the case studies that the seed documents tell of: direct answers, reasoning and reflection over arithmetic, retrieval,
several hops, an agent. In our own words and with the structure that they have there, end to end: called, compiled, saved, loaded; and
once on the embedded model, which was made for other questions than these.

What one document prints as code is in `test_seeds.py`.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_seeds import RIVERS, search

import lmnb

PRODUCT = "What is 3 times 4?"
CITY = "Which city does the Tiber flow through?"
COUNTRY = "The capital of which country stands on the Seine?"


def found(query: str, k: int) -> list[str]:
    """The passages nearest to a query."""
    return search(query, k).passages


def look_up(query: str) -> list[str]:
    """Finds passages about rivers and cities."""
    return found(query, 1)


class Reflecting(lmnb.Module):
    """Several thoughts, then one that compares them."""

    def __init__(self, attempts: int = 3) -> None:
        self.think = lmnb.ChainOfThought("question -> answer", n=attempts)
        self.compare = lmnb.MultiChainComparison("question -> answer", M=attempts)

    def forward(self, question: str) -> Any:
        thoughts = self.think(question=question).completions
        return self.compare(completions=thoughts, question=question)


class Reading(lmnb.Module):
    """Passages, then an answer from them."""

    def __init__(self, passages: int = 2) -> None:
        self.retrieve = lmnb.Retrieve(k=passages)
        self.generate_answer = lmnb.ChainOfThought("context: list[str], question -> answer")

    def forward(self, question: str) -> Any:
        return self.generate_answer(context=self.retrieve(question).passages, question=question)


class Hopping(lmnb.Module):
    """A query for each hop, held to be short and new, and an answer from all that was found."""

    def __init__(self, hops: int = 2) -> None:
        self.retrieve = lmnb.Retrieve(k=2)
        self.generate_query = [lmnb.ChainOfThought("context: list[str], question -> query") for _ in range(hops)]
        self.generate_answer = lmnb.ChainOfThought("context: list[str], question -> answer")

    def forward(self, question: str) -> Any:
        context: list[str] = []
        asked: list[str] = []
        for hop in self.generate_query:
            query = hop(context=context, question=question).query
            lmnb.Suggest(len(query) <= 40, "Keep the query under 40 characters.", at=hop)
            lmnb.Suggest(query not in asked, f"Ask for something else than {asked}.", at=hop)
            asked.append(query)
            context += [passage for passage in self.retrieve(query).passages if passage not in context]
        return self.generate_answer(context=context, question=question)


PROGRAMS: dict[str, tuple[Callable[[], lmnb.Module], str, Any]] = {
    "direct answer": (lambda: lmnb.Predict("question -> answer"), PRODUCT, "12"),
    "reasoning": (lambda: lmnb.ChainOfThought("question -> answer: int"), PRODUCT, 12),
    "reflection": (Reflecting, PRODUCT, "12"),
    "retrieval": (Reading, CITY, "Rome"),
    "several hops": (Hopping, COUNTRY, "France"),
    "agent": (lambda: lmnb.ReAct("question -> answer", [look_up], max_iters=3), CITY, "Rome"),
}


def model(messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    """A model that multiplies, and of rivers knows what it has read; its first query is too long, until it is told."""
    system, asked = messages[0]["content"], messages[-1]["content"]
    wanted = re.findall(r"^- `(\w+)`", system.partition("Output fields:")[2], re.M)
    given = dict(re.findall(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n|\Z)", asked, re.S))
    question, read = given["question"], given.get("context", "") + given.get("trajectory", "")
    numbers = [int(each) for each in re.findall(r"\d+", question)]
    river = next((name for name in RIVERS if name in question), "")
    city, country = RIVERS.get(river, ("", ""))
    known = f"{river} flows through" in read
    answer: Any = math.prod(numbers) if numbers else country if f"capital of {country}" in read else city
    query = (
        f"{city} capital"
        if known
        else river
        if "feedback" in given
        else f"{river}, in full detail please, and all of it"
    )
    call = {"name": "submit", "args": {"answer": answer}} if known else {"name": "look_up", "args": {"query": river}}
    if not numbers and not known and "answer" in wanted:
        answer = "unknown"
    said = {"answer": answer, "query": query, "next_thought": "So.", "tool_calls": [call]}
    return {name: said.get(name, "As it is said.") for name in wanted}


def right(example: Any, made: Any, trace: Any = None) -> bool:
    return made.answer == example.answer


def called(program: lmnb.Module, how: str, question: str) -> Any:
    return asyncio.run(program.acall(question=question)) if how == "async" else program(question=question)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_answers(name: str, how: str) -> None:
    """The program gives its answer, and the trace has every predictor that it needed."""
    make, question, answer = PROGRAMS[name]
    program = make()
    with lmnb.context(lm=lmnb.FakeLM(model), rm=found):
        made = called(program, how, question)
    assert made.answer == answer
    needed = {path for path, _ in program.named_predictors()} - {"extract.predict", "compare.chain.predict"}
    assert {step.path for step in made.trace.steps()} == needed


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_compiles(name: str, tmp_path: Path) -> None:
    """Runs of its own become demos of its predictors, without what a check said; the file brings them into a fresh program."""
    make, question, answer = PROGRAMS[name]
    trainset = [lmnb.Example(question=question, answer=answer).with_inputs("question")]
    with lmnb.context(lm=lmnb.FakeLM(model), rm=found, run_dir=tmp_path):
        compiled = lmnb.BootstrapFewShot(metric=right, max_labeled_demos=0).compile(make(), trainset=trainset)
        compiled.save(tmp_path / "program.json")
        fresh = make()
        fresh.load(tmp_path / "program.json")
        assert fresh(question=question).answer == answer
    demos = [demo for predictor in fresh.predictors() for demo in predictor.demos]
    assert demos and {demo.origin for demo in demos} == {"bootstrapped"}
    assert not any("feedback" in demo for demo in demos)
    assert fresh.dump_state() == compiled.dump_state()


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_runs_on_the_embedded_model(name: str) -> None:
    """A small model may miss the answer or the form: it gives the declared fields, or an error that has its reply in it."""
    make, question, answer = PROGRAMS[name]
    program = make()
    lm = lmnb.LM("lmnb/tiny", max_tokens=60, cache=False)
    with lmnb.context(lm=lm, rm=found):
        try:
            made = program(question=question)
        except lmnb.ParseError as error:
            assert error.reply == lm.history[-1].response
            assert error.predictor in dict(program.named_predictors())
        else:
            assert isinstance(made.answer, type(answer)) and made.trace.usage["calls"] == len(lm.history)
