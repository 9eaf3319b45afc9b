"""What a trace keeps of a call: its inputs and outputs as they were, whatever the program does with them afterwards."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pydantic import BaseModel, PrivateAttr

import lmnb
from lmnb import FakeLM, InputField, Module, OutputField, Predict, Signature, Tool
from lmnb.snapshots import owned, snapshot


class Locked(BaseModel):
    """A value that cannot be copied."""

    number: int
    _lock: Any = PrivateAttr(default_factory=threading.Lock)


class Counting(Signature):
    """Count."""

    question: str = InputField()
    count: Locked = OutputField()


class Plan(BaseModel):
    parts: list[str]


class Planning(Signature):
    """Plan."""

    question: str = InputField()
    plan: Plan = OutputField()


class Hops(Module):
    """A list that grows after each call that is given it."""

    def __init__(self) -> None:
        self.query = Predict("context: list[str] -> query")

    def forward(self, question: str) -> Any:
        context: list[str] = []
        for _ in range(2):
            made = self.query(context=context)
            context += [f"on {made.query}"]
        return made


def test_a_trace_has_the_inputs_of_the_call() -> None:
    """A list that the program appends to later stands in each step, and in a demo made of it, as the model saw it."""
    with lmnb.context(lm=FakeLM([{"query": "one"}, {"query": "two"}])):
        made = Hops()(question="what")
    assert [step.inputs for step in made.trace.steps()] == [{"context": []}, {"context": ["on one"]}]


@pytest.mark.parametrize("inside", [False, True])
def test_a_trace_has_the_outputs_of_the_call(inside: bool) -> None:
    """What a program appends to an output, a list or a list within a model, is no output of the step."""
    names, plan = Predict("question -> names: list[str]"), Predict(Planning)

    class Program(Module):
        def forward(self, question: str) -> Any:
            return changed()

    def changed() -> Any:
        made, planned = names(question="what"), plan(question="what")
        made.names.append("mine")
        planned.plan.parts.append("mine")
        return lmnb.Prediction(made=made, planned=planned)

    with lmnb.context(lm=FakeLM([{"names": ["a"]}, {"plan": {"parts": ["b"]}}])):
        both = Program()(question="what") if inside else changed()
    assert both.made.names == ["a", "mine"] and both.planned.plan.parts == ["b", "mine"]
    assert [step.outputs for step in both.made.trace.steps()] == [{"names": ["a"]}]
    assert [step.outputs for step in both.planned.trace.steps()] == [{"plan": Plan(parts=["b"])}]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_tool_gets_the_very_list_that_it_is_given(how: str) -> None:
    """A tool may fill its caller's list; the trace has it as it was, and the result as the tool gave it."""
    basket: list[str] = []

    def put(basket: list, thing: str) -> list:
        basket.append(thing)
        return basket

    class Program(Module):
        def __init__(self) -> None:
            self.put = Tool(put)

        def forward(self) -> Any:
            self.put(basket=basket, thing="apple").append("pear")
            return lmnb.Prediction()

        async def aforward(self) -> Any:
            (await self.put.acall(basket=basket, thing="apple")).append("pear")
            return lmnb.Prediction()

    trace = (Program()() if how == "sync" else asyncio.run(Program().acall())).trace
    (tool,) = trace.root.children
    assert tool.inputs == {"basket": [], "thing": "apple"} and tool.outputs == {"result": ["apple"]}


def test_an_output_that_cannot_be_copied_ends_no_program() -> None:
    """A value that holds a lock comes out of a program as it does out of a predictor alone."""

    class Program(Module):
        def __init__(self) -> None:
            self.count = Predict(Counting)

        def forward(self, question: str) -> Any:
            return self.count(question=question)

    with lmnb.context(lm=FakeLM([{"count": {"number": 3}}])):
        assert Program()(question="what").count.number == 3


def test_a_value_that_holds_itself_is_copied() -> None:
    """A list within itself has a copy of the same shape."""
    ring: list[Any] = [1]
    ring.append(ring)
    made = snapshot(ring)
    assert made is not ring and made[1] is made


def test_what_cannot_be_walked_is_shared() -> None:
    """A dict whose copy fails in depth, and an object that refuses to be copied, end nothing."""

    class Refusing:
        def __deepcopy__(self, memo: Any) -> Any:
            raise LookupError("no copies")

    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    refusing = Refusing()
    assert snapshot(deep) is deep and owned([refusing])[0] is refusing
    while deep:  # taken apart by hand: the interpreter would do so in depth
        deep = deep[0]
