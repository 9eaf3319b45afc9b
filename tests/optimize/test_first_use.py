"""What somebody meets who starts an optimizer for the first time: mistakes said in one sentence, and ends that are told."""

from __future__ import annotations

from typing import Any

import pytest
import worlds

import lmnb


def search(**options: Any) -> Any:
    return lmnb.BootstrapFewShotWithRandomSearch(worlds.exact, num_candidate_programs=2, **options)


DATA = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 106)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"budget": 100}, r"the budget is 100\. Write lmnb\.Budget\(calls=\.\.\.\)"),
        ({"decisions": "x"}, r"decisions is 'x'\. Write decisions=run\.decisions"),
        ({"seed": "a"}, r"the seed is 'a'\. Write a whole number"),
        ({"num_threads": 0}, r"num_threads is 0, and it is how many examples run side by side: write a whole number"),
    ],
)
def test_an_argument_of_a_run_that_is_of_another_kind_says_what_to_write(given: dict[str, Any], said: str) -> None:
    """It is refused before anything runs."""
    with pytest.raises(lmnb.InputError, match=said):
        search().start(worlds.TwoCalls(), **DATA, **given)


def test_a_metric_that_is_no_function_and_counts_that_are_none_are_refused() -> None:
    """They would fail in every example, or in the middle of the search."""
    with pytest.raises(lmnb.InputError, match=r"the metric is 'accuracy'\. Write a function"):
        lmnb.BootstrapFewShot(metric="accuracy").start(worlds.TwoCalls(), **DATA)  # type: ignore[arg-type]
    for given in ({"max_bootstrapped_demos": -1}, {"max_labeled_demos": 2.5}, {"max_rounds": 0}):
        with pytest.raises(lmnb.InputError, match=r"write a whole number from"):
            search(**given)


@pytest.mark.parametrize("size", [2, 9])
def test_a_valset_on_which_every_example_fails_ends_the_run_with_the_cause(size: int) -> None:
    """Success on training examples does not hide that no example could be scored."""
    wrong = [lmnb.Example(q=str(n), answer="a").with_inputs("q") for n in range(size)]
    with (
        lmnb.context(lm=lmnb.FakeLM(worlds.reply)),
        pytest.raises(lmnb.SystematicFailure, match=rf"{2 * size} examples in a row failed in the program.*'q'"),
    ):
        lmnb.BootstrapFewShot(metric=worlds.exact).compile(
            worlds.TwoCalls(), trainset=DATA["trainset"], valset=wrong, run_dir=None
        )


def test_a_compile_that_a_budget_ends_says_so_and_how_to_go_on() -> None:
    """The best so far is no silent result."""
    with (
        lmnb.context(lm=lmnb.FakeLM(worlds.reply)),
        pytest.warns(
            UserWarning,
            match=r"did not end: the budget of 20 calls is spent.*run = lmnb\.reopen\('.*'\), run\.raise_budget\(calls=\.\.\.\) goes on",
        ),
    ):
        search().compile(worlds.TwoCalls(), **DATA, budget=lmnb.Budget(calls=20))


def test_with_decisions_of_before_everything_is_still_held_against_the_program_as_it_was() -> None:
    """An edit that is carried over is the first candidate; gains and flips are those over the program."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        first = search().start(worlds.TwoCalls(), **DATA)
        first.wait(60)
        first.edit(0, "rewrite.instructions", "Write a short query.")
        first.until("ended", 30)
        again = search().start(worlds.TwoCalls(), **DATA, decisions=first.decisions)
        again.wait(60)
    program = next(row for row in again.candidates if row.id == again.header.baseline.id)
    assert program.number > 0 and again.snapshot()["baseline"] == program.id
    assert again.detail(again.candidates[0])["gain"] is not None and again.detail(program)["gain"] is None
    assert f"#{program.number}" in again.flips()._repr_html_()
