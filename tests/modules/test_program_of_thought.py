"""ProgramOfThought: code that is written, run, mended and read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import lmnb
from lmnb import FakeLM, InputError, InterpreterError, ProgramOfThought

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'")


def code(text: str) -> dict[str, Any]:
    return {"reasoning": "So.", "generated_code": text}


def run(replies: list[Any], how: str = "sync", **options: Any) -> tuple[Any, FakeLM]:
    program, lm = ProgramOfThought("numbers: list[int] -> answer: int", **options), FakeLM(replies)
    with lmnb.context(lm=lm):
        made = asyncio.run(program.acall(numbers=[1, 2])) if how == "async" else program(numbers=[1, 2])
    return made, lm


@pytest.mark.parametrize("how", ["sync", "async"])
def test_submitted_outputs_are_the_answer(how: str) -> None:
    """Code in a fence runs with the inputs as variables, and what it submits needs no further call."""
    made, lm = run([code("```python\nSUBMIT(answer=str(sum(numbers)))\n```")], how)
    assert made.answer == 3 and len(lm.calls) == 1 and made.code == "SUBMIT(answer=str(sum(numbers)))"


@pytest.mark.parametrize("how", ["sync", "async"])
def test_failing_code_is_written_again(how: str) -> None:
    """The next program is asked for with the code and its error; a wrong submit counts as an error."""
    made, lm = run([code("1 / 0"), code("SUBMIT(answer='many')"), code("SUBMIT(answer=3)")], how)
    assert made.answer == 3
    assert "ZeroDivisionError" in lm.calls[1]["messages"][-1]["content"]
    assert "valid integer" in lm.calls[2]["messages"][-1]["content"]


def test_printed_output_is_read_by_the_model() -> None:
    """Without SUBMIT a last call reads the outputs from what the code gave."""
    made, lm = run([code("print('three:', sum(numbers))"), {"reasoning": "It says 3.", "answer": 3}])
    assert made.answer == 3 and "three: 3" in lm.calls[1]["messages"][-1]["content"]


def test_code_that_never_runs_is_an_error() -> None:
    """After `max_iters` programs the last error is raised, and no sandbox is left."""
    with pytest.raises(InterpreterError, match="ZeroDivisionError"):
        run([code("1 / 0"), code("2 / 0")], max_iters=2)


def test_one_s_own_sandbox_is_used_and_ended() -> None:
    """`interpreter_factory` makes a sandbox for each call, which is shut down whatever happens."""
    seen: list[str] = []

    class Sandbox:
        tools: dict[str, Any] = {}  # noqa: RUF012

        def start(self) -> None: ...

        def execute(self, code: str, variables: Any = None) -> Any:
            seen.append(code)
            raise InterpreterError("broken")

        def shutdown(self) -> None:
            seen.append("end")

    with pytest.raises(InterpreterError, match="broken"):
        run([code("x")], max_iters=1, interpreter_factory=Sandbox)
    assert seen == ["x", "end"]


def test_the_steps_have_the_reference_s_names() -> None:
    """Three predictors, by name."""
    program = ProgramOfThought("question -> answer")
    assert [name for name, _ in program.named_predictors()] == [
        "code_generate.predict",
        "code_regenerate.predict",
        "generate_output.predict",
    ]
    with pytest.raises(InputError, match="max_iters is 0"):
        ProgramOfThought("question -> answer", max_iters=0)


def test_earlier_answers_stay_in_a_conversation() -> None:
    """A program of before stands in the place of the outputs that it handed over."""
    program = ProgramOfThought("history: History, question -> answer: int")
    lm = FakeLM([code("SUBMIT(answer=len(history))")])
    asked = {"history": [{"question": "2 + 2?", "answer": 4}], "question": "How many?"}
    with lmnb.context(lm=lm):
        assert program(**asked).answer == 1
        assert program.messages(**asked)["code_generate.predict"] == lm.calls[0]["messages"]
    assert [each["content"] for each in lm.calls[0]["messages"] if each["role"] == "assistant"] == [
        "[[ ## reasoning ## ]]\nI know `answer`.\n\n[[ ## generated_code ## ]]\nSUBMIT(answer=4)\n\n[[ ## completed ## ]]"
    ]
