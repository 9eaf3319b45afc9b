"""Every module class that lmnb exports, each with one call of it: what must hold of all of them is parametrised by `each_module`
(`test_contract.py`; whatever else has to work for any module belongs there or imports this list).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest
from sandboxes import children

import lmnb
from lmnb.trace import Trace, span


@dataclass(frozen=True)
class Case:
    """One call: how the program is made, its inputs, what its LM says, and what comes of it.

    `result` are outputs that the prediction has ("result" where it gives something else), `spans` the kinds of the trace's spans in
    order, `steps` the predictors whose calls count, by name.
    """

    make: Callable[[], lmnb.Module]
    inputs: dict[str, Any]
    replies: tuple[Any, ...]
    result: dict[str, Any]
    spans: str
    steps: tuple[str, ...]
    needs: str = ""  # a library of an extra

    def lm(self, **options: Any) -> lmnb.FakeLM:
        return lmnb.FakeLM(list(self.replies), **options)

    def run(self, program: lmnb.Module, lm: Any, how: str) -> Any:
        """What the program gives, called in one of two ways."""
        with lmnb.context(lm=lm):
            return asyncio.run(program.acall(**self.inputs)) if how == "async" else program(**self.inputs)

    def traced(self, program: lmnb.Module, lm: Any, how: str) -> tuple[Any, Trace]:
        """What the program gives or raises, and the trace of it."""
        with span("module", "caller", module=program) as around:
            try:
                result = self.run(program, lm, how)
            except lmnb.LmnbError as error:
                result = error
        (called,) = around.children
        return result, Trace(called)


def outputs(result: Any) -> dict[str, Any]:
    """The fields of a prediction; what else a program gives is its "result"."""
    return result.toDict() if isinstance(result, lmnb.Prediction) else {"result": result}


class Hops(lmnb.Module):
    """A program of one's own, in synchronous code: a query, a search, an answer."""

    def __init__(self) -> None:
        self.query = lmnb.ChainOfThought("question -> query")
        self.search = lmnb.Retrieve(k=1, rm=found)
        self.answer = lmnb.Predict("passages: list[str], question -> answer")

    def forward(self, question: str) -> Any:
        passages = self.search(self.query(question=question).query).passages
        return self.answer(passages=passages, question=question)


class Beside(lmnb.Module):
    """A program of one's own, in asynchronous code: two calls side by side."""

    def __init__(self) -> None:
        self.parts = [lmnb.Predict("question -> answer"), lmnb.Predict("question -> answer")]

    async def aforward(self, question: str) -> Any:
        made = await asyncio.gather(*(part.acall(question=question) for part in self.parts))
        return lmnb.Prediction(answer="".join(each.answer for each in made))


def running() -> set[Any]:
    """The threads of this process, and the sandboxes that it has started."""
    return {*threading.enumerate(), *children()}


def found(query: str, k: int) -> list[str]:
    return [f"{query} {number}" for number in range(k)]


def length(inputs: dict[str, Any], made: Any) -> int:
    return len(made.answer)


def population(town: str) -> int:
    """How many people live in a town."""
    return {"Bern": 134}[town]


def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


_QA = "question -> answer"
_ASKED = {"question": "Why?"}
_NUMBERS = "numbers: list[int] -> answer: int"
_TRUTH = lmnb.Example(question="When?", response="In 1889.")
_SAID = lmnb.Prediction(response="In 1889.", context=["It opened in 1889."])
_JUDGED = {"reasoning": "r", "ground_truth_key_ideas": ["a"], "system_response_key_ideas": ["a"], "discussion": "d"}

CASES = {
    "Predict": Case(
        lambda: lmnb.Predict("question -> answer: int"),
        _ASKED,
        ({"answer": 4},),
        {"answer": 4},
        "predict lm",
        ("self",),
    ),
    "ChainOfThought": Case(
        lambda: lmnb.ChainOfThought(_QA),
        _ASKED,
        ({"reasoning": "r", "answer": "a"},),
        {"reasoning": "r", "answer": "a"},
        "module predict lm",
        ("predict",),
    ),
    "BestOfN": Case(
        lambda: lmnb.BestOfN(lmnb.Predict(_QA), 2, length, 9),
        _ASKED,
        ({"answer": "a"}, {"answer": "bb"}),
        {"answer": "bb"},
        "module module predict lm module predict lm",
        ("module",),
    ),
    "Refine": Case(
        lambda: lmnb.Refine(lmnb.Predict(_QA), 2, length, 9),
        _ASKED,
        ({"answer": "a"}, {"advice": {"self": "Be longer."}}, {"answer": "bb"}),
        {"answer": "bb"},
        "module module predict lm module predict lm module predict lm",
        ("module",),
    ),
    "MultiChainComparison": Case(
        lambda: lmnb.MultiChainComparison(_QA, M=2),
        _ASKED,
        ({"reasoning": "r", "answer": "a"}, {"reasoning": "s", "answer": "b"}, {"rationale": "t", "answer": "b"}),
        {"rationale": "t", "answer": "b"},
        "module module predict lm module predict lm predict lm",
        ("chain.predict", "chain.predict", "compare"),
    ),
    "Retrieve": Case(
        lambda: lmnb.Retrieve(k=2, rm=found),
        {"query": "tides"},
        (),
        {"passages": ["tides 0", "tides 1"], "ids": ["0", "1"]},
        "module retrieval",
        (),
    ),
    "ReAct": Case(
        lambda: lmnb.ReAct("question -> answer: int", [population]),
        _ASKED,
        (
            {"next_thought": "Look.", "tool_calls": [{"name": "population", "args": {"town": "Bern"}}]},
            {"next_thought": "Done.", "tool_calls": [{"name": "submit", "args": {"answer": 134}}]},
        ),
        {"answer": 134, "termination_reason": "submit"},
        "module predict lm tool predict lm tool",
        ("react", "react"),
    ),
    "ProgramOfThought": Case(
        lambda: lmnb.ProgramOfThought(_NUMBERS),
        {"numbers": [1, 2]},
        (
            {"reasoning": "Divide.", "generated_code": "1 / 0"},
            {"reasoning": "Add.", "generated_code": "SUBMIT(answer=sum(numbers))"},
        ),
        {"answer": 3},
        "module module predict lm tool module predict lm tool",
        ("code_generate.predict", "code_regenerate.predict"),
        "pydantic_monty",
    ),
    "CodeAct": Case(
        lambda: lmnb.CodeAct(_NUMBERS, [double]),
        {"numbers": [1, 2]},
        (
            {"next_thought": "Double.", "generated_code": "twice = double(numbers[1])"},
            {"next_thought": "Done.", "generated_code": "SUBMIT(answer=twice + 1)"},
        ),
        {"answer": 5, "termination_reason": "submit"},
        "module predict lm tool tool predict lm tool",
        ("codeact", "codeact"),
        "pydantic_monty",
    ),
    "RLM": Case(
        lambda: lmnb.RLM("text -> answer"),
        {"text": "Ada has the cup."},
        (
            {"next_thought": "Look.", "generated_code": "print(len(text))"},
            {"next_thought": "Ask.", "generated_code": "SUBMIT(answer=llm_query('Who? ' + text))"},
            "Ada",
        ),
        {"answer": "Ada", "termination_reason": "submit"},
        "module predict lm tool predict lm tool tool lm",
        ("generate_action", "generate_action"),
        "pydantic_monty",
    ),
    "SemanticF1": Case(
        lmnb.SemanticF1,
        {"example": _TRUTH, "pred": _SAID},
        ({"reasoning": "r", "recall": 1.0, "precision": 1.0},),
        {"result": lmnb.Score(1.0, "r", {"recall": 1.0, "precision": 1.0})},
        "module module predict lm",
        ("module.predict",),
    ),
    "CompleteAndGrounded": Case(
        lambda: lmnb.CompleteAndGrounded(threshold=0.5),
        {"example": _TRUTH, "pred": _SAID, "trace": ()},
        (
            {**_JUDGED, "completeness": 1.0},
            {"reasoning": "r", "system_response_claims": ["c"], "discussion": "d", "groundedness": 0.5},
        ),
        {"result": True},
        "module module predict lm module predict lm",
        ("completeness.predict", "groundedness.predict"),
    ),
    "EnsembledProgram": Case(
        lambda: lmnb.EnsembledProgram([lmnb.Predict(_QA), lmnb.Predict(_QA)]),
        _ASKED,
        ({"answer": "a"}, {"answer": "a"}),
        {"answer": "a"},
        "module predict lm predict lm",
        ("programs[0]", "programs[1]"),
    ),
    "synchronous program": Case(
        Hops,
        _ASKED,
        ({"reasoning": "r", "query": "tides"}, {"answer": "a"}),
        {"answer": "a"},
        "module module predict lm module retrieval predict lm",
        ("query.predict", "answer"),
    ),
    "asynchronous program": Case(
        Beside,
        _ASKED,
        ({"answer": "a"}, {"answer": "b"}),
        {"answer": "ab"},
        "module predict lm predict lm",
        ("parts[0]", "parts[1]"),
    ),
}


def _given(name: str, case: Case) -> Any:
    missing = bool(case.needs) and find_spec(case.needs) is None
    return pytest.param(case, id=name, marks=pytest.mark.skipif(missing, reason=f"{case.needs} is not installed"))


each_module = pytest.mark.parametrize("case", [_given(*each) for each in CASES.items()])
each_that_asks = pytest.mark.parametrize("case", [_given(*each) for each in CASES.items() if each[1].replies])
