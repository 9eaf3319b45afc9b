"""Parallel: order, failures, stragglers, and the caller's context inside its threads."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import lmnb
from lmnb import Assert, BudgetExceeded, Example, FakeLM, InputError, Module, Parallel, Predict, TimedOut


def echo(messages: list[dict[str, Any]], **_: Any) -> dict[str, str]:
    """The question as the answer; 'bad' fails."""
    text = messages[-1]["content"].splitlines()[1]
    if text == "bad":
        raise ValueError("cannot")
    return {"a": text}


def rows(*texts: str) -> list[Example]:
    return [Example(q=text, gold="x").with_inputs("q") for text in texts]


def ask(parallel: Parallel, how: str, *args: Any) -> Any:
    return asyncio.run(parallel.acall(*args)) if how == "async" else parallel(*args)


class Slow(Module):
    """Waits at the first `times` calls for 'slow' until it is let go; answers the rest at once."""

    def __init__(self, times: int = 1) -> None:
        self.answer = Predict("q -> a")
        self.go = threading.Event()
        self.left = times
        self.lock = threading.Lock()

    def forward(self, q: str) -> Any:
        with self.lock:
            waits = q == "slow" and self.left > 0
            self.left -= waits
        if waits:
            self.go.wait(20)
        return self.answer(q=q)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_results_come_in_the_order_of_the_calls(how: str) -> None:
    """Whatever ends first; pairs of several modules, and one module with many examples."""

    class Sleepy(Module):
        def forward(self, q: str) -> str:
            time.sleep(0.03 if q == "0" else 0)
            return q

    one, two = Sleepy(), Predict("q -> a", lm=FakeLM(echo))
    made = ask(Parallel(num_threads=4), how, [(one, ex) for ex in rows("0", "1")] + [(two, {"q": "2"})])
    assert [made[0], made[1], made[2].a] == ["0", "1", "2"]
    assert ask(Parallel(num_threads=2), how, one, [("0",), {"q": "1"}]) == ["0", "1"]
    assert ask(Parallel(), how, []) == []


def test_what_an_example_may_be() -> None:
    """The inputs of an Example or it itself, a dict, a tuple, and a list of pairs for a nested Parallel."""
    whole = Parallel(access_examples=False)
    assert whole([(lambda example: example.gold, rows("0")[0])]) == ["x"]
    inner = Parallel(num_threads=2)
    assert Parallel()([(inner, [(str.upper, ("a",)), (str.lower, ("B",))])]) == [["A", "b"]]


@pytest.mark.parametrize(
    ("options", "calls", "says"),
    [
        ({}, [(str, "text")], "an Example, a dict or a tuple"),
        ({}, ["text"], r"Write \(module, example\)"),
        ({"num_threads": -1}, [], "num_threads is -1"),
        ({"timeout": 0}, [], "timeout is 0"),
        ({"straggler_limit": None}, [], "straggler_limit is None"),
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any], calls: list[Any], says: str) -> None:
    """Before anything is asked."""
    with pytest.raises(InputError, match=says):
        Parallel(**options)(calls)


def test_failures_are_none_and_told() -> None:
    """With a warning, or as a third of the result; the stack on request."""
    predict = Predict("q -> a", lm=FakeLM(echo))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = Parallel(provide_traceback=True)(predict, rows("0", "bad"))
    assert made[0].a == "0" and made[1] is None and __file__ == caught[0].filename
    assert "1 of 2 examples failed, the first at 1" in str(caught[0].message)
    assert "Traceback" in str(caught[0].message) and "ValueError: cannot" in str(caught[0].message)
    results, failed, errors = Parallel(return_failed_examples=True)(predict, rows("bad", "1"))
    assert (results[0], results[1].a, failed[0].q, str(errors[0])) == (None, "1", "bad", "cannot")


def test_many_failures_end_it() -> None:
    """After `max_errors` the first error is raised, and what is left is not asked."""
    lm = FakeLM(echo, delay=0.002)
    with pytest.raises(ValueError, match="cannot") as failure:
        Parallel(num_threads=1, max_errors=2)(Predict("q -> a", lm=lm), rows(*["bad"] * 200))
    assert "max_errors=2" in failure.value.__notes__[0] and len(lm.calls) < 200


def test_a_spent_budget_ends_it() -> None:
    """A budget of the caller holds inside, and is raised instead of being one failure of many."""
    lm = FakeLM(echo)
    with lmnb.context(lm=lm, budget=lmnb.Budget(calls=3)), pytest.raises(BudgetExceeded):
        Parallel(num_threads=4)(Predict("q -> a"), rows(*"0123456789"))
    assert len(lm.calls) == 3


def test_lm_and_adapter_of_the_caller_hold_in_the_threads() -> None:
    """What `context` sets reaches every call."""
    lm = FakeLM(lambda messages, **_: {"a": "1"})
    with lmnb.context(lm=lm, adapter=lmnb.JSONAdapter()):
        assert [made.a for made in Parallel(num_threads=3)(Predict("q -> a"), rows(*"0123"))] == ["1"] * 4
    assert all("JSON object" in call["messages"][-1]["content"] for call in lm.calls)


class Several(Module):
    """Asks side by side inside a program."""

    def __init__(self, **options: Any) -> None:
        self.part = Slow()
        self.options = options

    def forward(self, texts: list[str]) -> Any:
        made = Parallel(num_threads=4, **self.options)(self.part, [{"q": text} for text in texts])
        return lmnb.Prediction(all=[each.a for each in made])


def test_the_trace_has_the_calls_in_their_order() -> None:
    """The caller's trace holds every call, in the order of the pairs, under its name."""
    with lmnb.context(lm=FakeLM(echo)):
        made = Several()(texts=list("cabd"))
    assert [(step.path, step.outputs["a"]) for step in made.trace.steps()] == [("part.answer", text) for text in "cabd"]


def test_a_check_inside_a_thread_asks_again() -> None:
    """A failed Assert goes back to the step it names, and the others are not asked twice."""

    class Checked(Module):
        def __init__(self) -> None:
            self.answer = Predict("q -> a")

        def forward(self, q: str) -> Any:
            made = self.answer(q=q)
            Assert(made.a != "1", "Not 1.")
            return made

    class Program(Module):
        def __init__(self) -> None:
            self.part = Checked()

        def forward(self) -> Any:
            return lmnb.Prediction(all=[each.a for each in self.part.batch([{"q": "0"}, {"q": "1"}], num_threads=1)])

    def answer(messages: list[dict[str, Any]], **_: Any) -> dict[str, str]:
        return {"a": "2"} if "Not 1." in messages[-1]["content"] else echo(messages)

    lm = FakeLM(answer)
    with lmnb.context(lm=lm):
        assert Program()().all == ["0", "2"]
    assert len(lm.calls) == 3


def test_a_straggler_is_asked_a_second_time() -> None:
    """At the end of the work, and the try that comes first counts; the other stands aside in the trace."""
    program = Several(timeout=0.1)
    with lmnb.context(lm=FakeLM(echo)):
        made = program(texts=["slow", "1"])
    program.part.go.set()
    assert made.all == ["slow", "1"] and program.part.left == 0
    assert [step.outputs["a"] for step in made.trace.steps()] == ["slow", "1"]
    assert sum(item.data.get("aside", False) for _, item in made.trace.spans()) == 1


def test_a_straggler_is_given_up() -> None:
    """After twice the timeout; what it asks its LM later is refused, and its place was given to others."""
    program, lm = Slow(times=2), FakeLM(echo)
    program.set_lm(lm)
    began = time.monotonic()
    parallel = Parallel(num_threads=1, timeout=0.25, return_failed_examples=True)
    results, _, errors = parallel(program, rows("slow", "1", "2"))
    assert [row and row.a for row in results] == [None, "1", "2"] and time.monotonic() - began < 5
    assert isinstance(errors[0], TimedOut) and errors[0].seconds > 0.5 and isinstance(errors[0], TimeoutError)
    program.go.set()
    wait_until(lambda: not [each for each in threading.enumerate() if each.name == "lmnb-worker"])
    assert len(lm.calls) == 2


def test_without_second_tries_a_straggler_fails_at_its_timeout() -> None:
    """`straggler_limit=0` asks nothing twice."""
    program = Slow()
    program.set_lm(FakeLM(echo))
    results, _, (error,) = Parallel(timeout=0.1, straggler_limit=0, return_failed_examples=True)(program, rows("slow"))
    program.go.set()
    assert results == [None] and isinstance(error, TimedOut) and program.left == 0


def test_a_cancelled_call_asks_no_more() -> None:
    """Cancelling `acall` calls off what still runs and starts nothing new."""
    program, lm = Slow(times=2), FakeLM(echo)
    program.set_lm(lm)

    async def main() -> None:
        task = asyncio.create_task(Parallel(num_threads=2).acall(program, rows("slow", "slow", "1", "2")))
        while program.left:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    threading.Timer(0.3, program.go.set).start()
    asyncio.run(main())
    program.go.set()
    wait_until(lambda: not [each for each in threading.enumerate() if each.name == "lmnb-worker"])
    assert lm.calls == []


def wait_until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.005)
