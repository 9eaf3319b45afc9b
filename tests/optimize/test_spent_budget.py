"""A run that its budget has stopped: what its result is, what is said of it, and how it goes on."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import lmnb
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task

VAL = 6


class Better(lmnb.Optimizer):
    """Scores the program, whose answers are all wrong, and then one whose answers are right but for the last."""

    needs_evalset = True

    def search(self, task: Task) -> Search:
        for words in ("Answer.", "Answer right."):
            candidate = yield from gate(task.baseline.put("self.instructions", words))
            if candidate is not None:
                yield from evaluate(candidate, task)


def exact(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.answer == example.answer


def reply(messages: Any) -> Any:
    asked = messages[-1]["content"]
    return {"answer": "right" if "right" in messages[0]["content"] and "q5" not in asked else "wrong"}


def given(**options: Any) -> dict[str, Any]:
    rows = [lmnb.Example(question=f"q{n}", answer="right").with_inputs("question") for n in range(VAL + 1)]
    return {"trainset": rows[VAL:], "valset": rows[:VAL], "num_threads": 1, **options}


def start(calls: int, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        budget = lmnb.Budget(calls=calls)
        return Better(exact).start(lmnb.Predict("question -> answer"), **given(budget=budget, **options))


def test_a_candidate_that_was_ahead_when_the_budget_ended_is_named() -> None:
    """The result is what was scored on every example; `wait` says how far the other one came, and what to write."""
    run = start(VAL + 5)
    words = (
        r"^the budget of 11 calls is spent, with 1 of 2 candidates scored: the result is #0 with 0\.0 % on all 6 examples, and "
        r"#1 has 100\.0 % on the 5 that it came to; run\.raise_budget\(calls=\.\.\.\) goes on, run\.program\(1\) takes it as it is\.$"
    )
    with pytest.warns(UserWarning, match=words):
        tuned = run.wait(30)
    assert tuned.provenance["candidate"] == run.candidates[0].id == run.best.id
    assert run.program(1).provenance["candidate"] == run.candidates[1].id
    run.raise_budget(calls=VAL + 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run.wait(30).provenance["score"] == pytest.approx(100 * 5 / 6)


def test_compile_says_it_too() -> None:
    """In one warning, which names the run's folder; what it says can be written as it stands."""
    with lmnb.context(lm=lmnb.FakeLM(reply)), pytest.warns(UserWarning) as told:
        budget = lmnb.Budget(calls=VAL + 5)
        tuned = Better(exact).compile(lmnb.Predict("question -> answer"), **given(budget=budget, run_dir="spent"))
    [said] = [str(each.message) for each in told if "budget" in str(each.message)]
    assert said == (
        "the search did not end: the budget of 11 calls is spent, with 1 of 2 candidates scored: the result is #0 with 0.0 % on all 6 "
        "examples, and #1 has 100.0 % on the 5 that it came to; with run = lmnb.reopen('spent'), run.raise_budget(calls=...) goes on, "
        "run.program(1) takes it as it is."
    )
    run = lmnb.reopen("spent")
    assert (
        run.program(1)(question="q1", lm=lmnb.FakeLM(reply)).answer
        == "right"
        != tuned(question="q1", lm=lmnb.FakeLM(reply)).answer
    )


def test_whoever_looks_at_the_run_is_told_too() -> None:
    """The snapshot that panels draw, and the report; also of the run as it is stored."""
    run = start(VAL + 5)
    run.until("ended", 30)
    for each in (run, lmnb.reopen(run.path)):
        assert each.snapshot()["ahead"].endswith("and #1 has 100.0 % on the 5 that it came to")
        assert "candidates scored: the result is #0 with 0.0 %" in each.to_html()
    run.accept(0)
    assert run.snapshot()["ahead"] is None


@pytest.mark.parametrize("calls", [VAL, 3], ids=["nothing of the second", "not even the first"])
def test_where_nothing_was_ahead_nothing_is_named(calls: int) -> None:
    """Nor where a person has chosen the result."""
    run = start(calls)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.wait(30)
        chosen = start(VAL + 5)
        chosen.until("ended", 30)
        chosen.accept(0)
        chosen.wait(30)


@pytest.mark.parametrize("go_on", ["resume", "step"])
def test_a_run_whose_budget_is_still_spent_is_not_resumed(go_on: str) -> None:
    """It says what to write, here and in another process; nothing is recorded, and what it says works."""
    run = start(VAL + 5)
    run.until("ended", 30)
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        again = lmnb.reopen(run.path, program=lmnb.Predict("question -> answer"), metric=exact)
    for each in (run, again):
        before = len(each.decisions)
        with pytest.raises(
            lmnb.RunError,
            match=r"^the budget of 11 calls is spent, and the run would stop again at once: run\.raise_budget\(calls=\.\.\.\) with a "
            r"number above 11 goes on$",
        ):
            getattr(each, go_on)()
        assert each.state == "stopped" and len(each.decisions) == before
    again.raise_budget(calls=50)
    again.wait(30)
    assert again.state == "finished"


def test_a_budget_of_the_settings_is_named_as_such_and_resume_goes_on_once_it_is_more() -> None:
    """The run has no limit of its own then; `extend` is what gives it more."""
    outer = lmnb.Budget(calls=VAL + 5)
    with lmnb.context(lm=lmnb.FakeLM(reply), budget=outer):
        run = Better(exact).start(lmnb.Predict("question -> answer"), **given())
    run.until("ended", 30)
    with pytest.raises(
        lmnb.RunError, match=r"that of lmnb\.configure or lmnb\.context: budget\.extend\(calls=\.\.\.\)"
    ):
        run.resume()
    outer.extend(calls=10)
    run.resume()
    run.wait(30)
    assert run.state == "finished"


def test_a_larger_budget_given_to_resume_goes_on_as_before() -> None:
    """`resume(budget=...)` is another way to raise it."""
    run = start(VAL + 5)
    run.until("ended", 30)
    run.resume(budget=lmnb.Budget(calls=100))
    run.wait(30)
    assert run.state == "finished"


def test_no_smaller_budget_is_taken_by_resume_and_no_number() -> None:
    """Nothing is recorded, and the limits stay."""
    run = start(VAL + 5)
    run.until("ended", 30)
    with pytest.raises(
        lmnb.InputError, match=r"^Budget\(calls=8\) is no larger one: 11 calls are spent\. Write a number above"
    ):
        run.resume(budget=lmnb.Budget(calls=8))
    for wrong in (lambda: run.resume(300), lambda: run.branch(budget=300)):
        with pytest.raises(lmnb.InputError, match=r"^the budget is 300\. Write lmnb\.Budget\(calls=\.\.\.\)"):
            wrong()
    assert run.state == "stopped" and run.limits["calls"] == VAL + 5
    assert lmnb.reopen(run.path).limits["calls"] == VAL + 5


def test_a_raise_below_what_is_spent_says_what_is() -> None:
    """Where it is also below the limit, and where calls that were under way have spent more than the limit."""
    run = start(VAL + 5)
    run.until("ended", 30)
    with pytest.raises(
        lmnb.InputError, match="calls=7 raises nothing: write a number above the limit of 11; 11 calls are spent"
    ):
        run.raise_budget(calls=7)
    run._budget.add(calls=9)
    with pytest.raises(lmnb.InputError, match="calls=15 raises nothing: write a number above 20; 20 calls are spent"):
        run.raise_budget(calls=15)
