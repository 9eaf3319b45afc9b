"""Every part has an asynchronous form, which leaves the event loop free while synchronous code is at work below it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from gate import Gate

import lmnb
from lmnb.retrieve.base import Function

pytest.importorskip("numpy")
REPLY = "[[ ## a ## ]]\nx\n\n[[ ## completed ## ]]"
DEVSET = [lmnb.Example(q=str(number), a="x").with_inputs("q") for number in range(4)]


class Plain(lmnb.BaseLM):
    """An LM that only has a synchronous transport."""

    def __init__(self, gate: Gate) -> None:
        super().__init__("plain", cache=False)
        self.gate = gate

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
        self.gate()
        return REPLY


class Reasoning(Plain):
    """The same for a ChainOfThought."""

    def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> str:
        return f"[[ ## reasoning ## ]]\nr\n\n{super().forward()}"


class Step(lmnb.Module):
    """A program that only has a synchronous form."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def forward(self, q: str) -> lmnb.Prediction:
        self.gate()
        return lmnb.Prediction(a="x")


def embedder(gate: Gate) -> lmnb.Embedder:
    return lmnb.Embedder(lambda texts: gate() or [[1.0, 2.0] for _ in texts])


def retriever(gate: Gate) -> Function:
    return Function(lambda query, k: gate() or [query])


def tool(gate: Gate) -> lmnb.Tool:
    def search(query: str) -> str:
        gate()
        return query

    return lmnb.Tool(search)


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.a == prediction.a


def gated(gate: Gate) -> Callable[..., bool]:
    """A metric that takes its time."""
    return lambda example, prediction, trace=None: gate() or exact(example, prediction)


PARTS: dict[str, tuple[Callable[[Gate], Any], Any]] = {
    "LM": (lambda gate: Plain(gate).acall("?"), [REPLY]),
    "LM, batch": (lambda gate: Plain(gate).abatch(["?", "?"]), [[REPLY]] * 2),
    "Embedder": (lambda gate: embedder(gate).acall("?"), [1.0, 2.0]),
    "Retriever": (lambda gate: retriever(gate).acall("?"), ["?"]),
    "Retriever, batch": (lambda gate: retriever(gate).abatch(["a", "b"]), [["a"], ["b"]]),
    "Tool": (lambda gate: tool(gate).acall(query="?"), "?"),
    "Predict": (lambda gate: lmnb.Predict("q -> a", lm=Plain(gate)).acall(q="?"), "x"),
    "ChainOfThought": (lambda gate: lmnb.ChainOfThought("q -> a", lm=Reasoning(gate)).acall(q="?"), "x"),
    "Retrieve": (lambda gate: lmnb.Retrieve(rm=retriever(gate)).acall("?"), ["?"]),
    "Module": (lambda gate: Step(gate).acall(q="?"), "x"),
    "Module, batch": (lambda gate: Step(gate).abatch(DEVSET), ["x"] * 4),
    "Parallel": (lambda gate: lmnb.Parallel().acall([(Step(gate), DEVSET[0])]), ["x"]),
    "Evaluate": (lambda gate: lmnb.Evaluate(DEVSET, exact).acall(Step(gate)), 100.0),
    "Evaluate, its metric": (lambda gate: lmnb.Evaluate(DEVSET, gated(gate)).acall(Step(Gate.opened())), 100.0),
}


def plain(result: Any) -> Any:
    """A result in terms of lists, texts and numbers."""
    if isinstance(result, lmnb.Report):
        return result.score
    if isinstance(result, lmnb.Prediction):
        return result.passages if "passages" in result else result.a
    if isinstance(result, lmnb.Passage):
        return result.text
    if isinstance(result, list):
        return [plain(item) for item in result]
    return result.tolist() if hasattr(result, "tolist") else result


@pytest.mark.parametrize("name", PARTS)
def test_the_event_loop_is_free_meanwhile(name: str) -> None:
    """The synchronous code inside goes on only after a task beside it had its turn on the loop."""
    make, expected = PARTS[name]

    async def main() -> Any:
        gate = Gate()
        return await gate.passed(make(gate))

    assert plain(asyncio.run(main())) == expected


@pytest.mark.parametrize("way", ["LM", "Predict", "Module"])
def test_a_thousand_calls_at_once_of_an_lm_that_answers_at_once(way: str) -> None:
    """All are answered, each with its own, without a thread each."""

    class Twice(lmnb.Module):
        def __init__(self) -> None:
            self.step = lmnb.Predict("q -> a")

        async def aforward(self, q: str) -> lmnb.Prediction:
            await self.step.acall(q="first")
            return await self.step.acall(q=q)

    def echo(messages: list[dict[str, Any]], **_: Any) -> Any:
        text = messages[-1]["content"]
        return text if way == "LM" else {"a": text.splitlines()[1]}

    lm, threads = lmnb.FakeLM(echo), threading.active_count()
    program = {"LM": None, "Predict": lmnb.Predict("q -> a"), "Module": Twice()}[way]

    async def ask(number: int) -> str:
        return (await lm.acall(str(number)))[0] if program is None else (await program.acall(q=str(number))).a

    async def main() -> list[str]:
        return await asyncio.gather(*(ask(number) for number in range(1_000)))

    with lmnb.context(lm=lm):
        assert asyncio.run(main()) == [str(number) for number in range(1_000)]
    assert len(lm.calls) == (2_000 if way == "Module" else 1_000)
    assert threading.active_count() <= threads + 1


def test_a_batch_of_an_lm_that_answers_at_once_shares_the_loop() -> None:
    """Another task has its turn all along, although no call ever waits."""
    lm, ticks = lmnb.FakeLM(lambda messages: "x"), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def main() -> Any:
        ticking = asyncio.create_task(tick())
        made = await lm.abatch(["?"] * 1_000, num_threads=8)
        ticking.cancel()
        return made

    assert asyncio.run(main()) == [["x"]] * 1_000
    assert ticks > 100
