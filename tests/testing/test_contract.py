"""The public contract suite finds out each kind of optimizer that breaks a promise, and says what to write."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

import lmnb
from lmnb.optimize.effects import Result, Rollout
from lmnb.optimize.search import allowed_demos, evaluate, gate
from lmnb.testing import BrokenPromises, ContractReport, OptimizerContract, Promise, check_optimizer
from lmnb.testing.contract import promises


class Honest(lmnb.Optimizer):
    """Tries sets of three labelled demos, as the engine wants it; its subclasses each break something."""

    needs_evalset = True
    rounds = 3

    def search(self, task: Any) -> Any:
        yield from self.scored(task.baseline, task)
        for round_number in range(self.rounds):
            made = yield from self.with_demos(task, self.draw(task, round_number))
            yield from self.scored(made, task)

    def draw(self, task: Any, round_number: int) -> list[Any]:
        order = list(range(len(task.trainset)))
        task.rng("order", round_number).shuffle(order)
        return order

    def with_demos(self, task: Any, order: list[int]) -> Any:
        slot, predictor = "respond.predict.demos", task.predictors[-1]
        fitting = [predictor.labelled(task.trainset[at]).with_origin("labelled", source=at) for at in order]
        allowed = yield from self.allowed(fitting, slot)
        return task.baseline.put(slot, tuple(allowed[:3]), origin="labelled")

    def allowed(self, demos: list[Any], slot: str) -> Any:
        return (yield from allowed_demos(demos, slot))

    def scored(self, candidate: Any, task: Any) -> Any:
        admitted = yield from gate(candidate)
        if admitted is not None:
            yield from evaluate(admitted, task)


class DrawsByChance(Honest):
    """Takes Python's own random numbers."""

    def draw(self, task: Any, round_number: int) -> list[Any]:
        return random.sample(range(len(task.trainset)), len(task.trainset))


class LooksAhead(Honest):
    """Draws otherwise where more rounds are to come; a search of four rounds begins differently from one of three."""

    def draw(self, task: Any, round_number: int) -> list[Any]:
        return super().draw(task, round_number + 10 * self.rounds)


class DrawsNothing(Honest):
    """Says that it is random, and is not."""

    def draw(self, task: Any, round_number: int) -> list[Any]:
        return [(round_number + index) % len(task.trainset) for index in range(len(task.trainset))]


class AsksNobodyForDemos(Honest):
    """Puts demos into candidates without a gate."""

    def allowed(self, demos: list[Any], slot: str) -> Any:
        yield from ()
        return demos


class AsksNobody(Honest):
    """Scores what it proposed, and not what the gate gave for it."""

    def scored(self, candidate: Any, task: Any) -> Any:
        yield from gate(candidate)
        results = yield [Rollout(candidate, index) for index in range(len(task.examples()))]
        return sum(result.value for result in results)


class WantsResults(Honest):
    """Does not think of Dropped."""

    def scored(self, candidate: Any, task: Any) -> Any:
        admitted = yield from gate(candidate)
        if admitted is not None:
            results = yield [Rollout(admitted, index) for index in range(len(task.examples()))]
            assert all(isinstance(result, Result) for result in results), "a rollout gave no result"


class CallsAModel(Honest):
    """Asks an LM behind the engine's back."""

    def search(self, task: Any) -> Any:
        lmnb.settings.current("lm")("Which demos shall I take?")
        yield from super().search(task)


class Remembers(Honest):
    """Keeps a state outside of its search: all that it ever drew, in all its runs."""

    drawn = 0

    def draw(self, task: Any, round_number: int) -> list[Any]:
        Remembers.drawn += 1
        return super().draw(task, Remembers.drawn)


class Changes(Honest):
    """Writes into what it was given."""

    def start(self, student: Any, **options: Any) -> Any:
        student.rewrite.instructions = "Mine now."
        return super().start(student, **options)


class LeavesUnscored(Honest):
    """Proposes without scoring."""

    def scored(self, candidate: Any, task: Any) -> Any:
        yield from gate(candidate)


BREAKING = {
    DrawsByChance: ("a_seeded_run_repeats_exactly", r"two runs with seed 0 .* draw from task\.rng"),
    LooksAhead: ("a_longer_search_begins_as_the_shorter_one", "the longer search proposed"),
    DrawsNothing: ("another_seed_is_another_run", "say draws = False"),
    AsksNobodyForDemos: (
        "a_demo_rejected_on_the_way_is_in_no_later_candidate",
        r"every demo through gate\(demo, slot\)",
    ),
    AsksNobody: ("a_pinned_slot_never_changes", "'Dropped' object has no attribute"),
    WantsResults: ("a_candidate_rejected_while_it_is_scored_is_dropped", "a rollout gave no result"),
    CallsAModel: ("replay_asks_no_model_and_gives_the_same_program", "was asked for number 1"),
    Remembers: ("stepped_equals_headless", "keep no state outside of the search"),
    Changes: ("the_callers_program_examples_and_lm_are_untouched", "compile changed the program"),
    LeavesUnscored: ("the_result_is_the_best_candidate_that_is_scored_in_full", "score what you propose"),
}


class Trial(OptimizerContract):
    """Whose optimizer is given."""


def longer(optimizer: Any) -> Any:
    optimizer.rounds = 4
    return optimizer


def tried(kind: Any, name: str) -> None:
    """One promise, as pytest would try it."""
    trial = Trial()
    trial.make, trial.longer = lambda metric: kind(metric=metric), lambda metric: longer(kind(metric=metric))
    trial.setup_method()
    try:
        getattr(trial, f"test_{name}")()
    finally:
        trial.teardown_method()


@pytest.mark.parametrize("kind", BREAKING, ids=lambda kind: kind.__name__)
def test_whoever_breaks_a_promise_is_found_out(kind: Any) -> None:
    """The test of that promise fails for it, with words that say what to write; without the fault it passes."""
    name, words = BREAKING[kind]
    tried(Honest, name)
    with pytest.raises((AssertionError, lmnb.LmnbError), match=words):
        tried(kind, name)


def capital(example: Any, prediction: Any, trace: Any = None) -> float:
    return float(prediction.capital == example.capital)


def test_the_world_can_be_ones_own() -> None:
    """Another program, other examples, another metric and another model: the same promises are tried on them."""
    rows = [lmnb.Example(country=f"land {at}", capital=f"town {at}").with_inputs("country") for at in range(20)]

    def reply(messages: Any, **options: Any) -> dict[str, str]:
        asked = messages[-1]["content"].split("\n")[1]
        right = len("".join(message["content"] for message in messages)) % 3
        return {"capital": asked.replace("land", "town") if right else "nowhere"}

    report = check_optimizer(
        lambda metric: lmnb.LabeledFewShot(k=2, metric=metric),
        program=lambda: lmnb.Predict("country -> capital"),
        trainset=lambda: rows[:10],
        valset=lambda: rows[10:],
        metric=capital,
        reply=reply,
        slot="self.instructions",
        budget=15,
    )
    assert [promise.name for promise in report] == promises() and not report.broken
    assert repr(report).endswith(f"{len(report)} of {len(report)} promises are kept")
    shown = report._repr_html_()
    assert shown.count("✓") == len(report) and 'data-lmnb="report"' in shown


def test_broken_promises_are_raised_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error names them all with what to write, an unexpected error of the optimizer too, and carries the report."""
    few = ["test_another_seed_is_another_run", "test_a_pinned_slot_never_changes", "test_stepped_equals_headless"]
    monkeypatch.setattr("lmnb.testing.contract.promises", lambda: few)

    class Broken(AsksNobody, DrawsNothing):
        pass

    with pytest.raises(
        BrokenPromises, match=r"^2 of 3 promises are broken:\n- The seed matters.*\n.*draws = False"
    ) as told:
        check_optimizer(lambda metric: Broken(metric=metric))
    assert [promise.name for promise in told.value.report.broken] == few[:2]
    assert "RunError: the run failed with AttributeError" in str(told.value)
    assert "BROKEN  The seed matters" in repr(told.value.report) and "✗" in told.value.report._repr_html_()


def test_what_an_optimizer_says_stays_text() -> None:
    """An error that holds markup is escaped in the report's table."""
    report = ContractReport([Promise("test_it", "It holds.", "<script>alert(1)</script>", 0.0)])
    assert "&lt;script&gt;" in report._repr_html_() and "<script" not in report._repr_html_()


def test_every_promise_says_what_it_holds() -> None:
    """Its docstring is one sentence, which pytest and the report show."""
    for name in promises():
        assert getattr(OptimizerContract, name).__doc__.count("\n") == 0
    assert len(promises()) == len(set(promises())) >= 20


def test_the_suite_needs_no_pytest(root: Any) -> None:
    """Nothing in lmnb imports pytest: a notebook checks an optimizer where it is not installed."""
    sources = [path.read_text(encoding="utf-8") for path in (root / "lmnb").rglob("*.py")]
    assert not any(re.search(r"^\s*(import|from) pytest", source, re.M) for source in sources)
