"""Racing: who cannot win any more is not asked on, the same candidate is found, and nothing depends on the order of replies."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmnb
from lmnb.optimize.race import BLOCKS, is_lost

TOTAL = 80
STEPS = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=TOTAL)


@given(STEPS)
def test_nobody_is_stopped_who_does_not_trail(differences: list[float]) -> None:
    """A mean of zero or more on the examples seen is never hopeless, and at the end the mean alone decides."""
    mean = sum(differences) / len(differences)
    assert not (mean >= 0 and is_lost(differences, TOTAL))
    if len(differences) == TOTAL:
        assert is_lost(differences, TOTAL) == (mean < 0)


@given(STEPS, st.floats(0.01, 1000))
def test_the_scale_of_a_metric_does_not_matter(differences: list[float], scale: float) -> None:
    """A metric from 0 to 200 races as one from 0 to 1."""
    if any(differences):
        assert is_lost([scale * one for one in differences], TOTAL) == is_lost(differences, TOTAL)


class Skill(lmnb.Module):
    """Right on as many of a hundred questions as its demos say."""

    def __init__(self) -> None:
        self.answer = lmnb.Predict("question -> answer")

    def forward(self, question: str) -> Any:
        return self.answer(question=question)


def reply(messages: Any, **_: Any) -> dict[str, str]:
    """Right more often the more demos there are."""
    demos = sum(message["role"] == "assistant" for message in messages)
    number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
    return {"answer": f"a{number}" if number % 10 < 1 + 2 * demos else "no"}


def questions(start: int, stop: int) -> list[lmnb.Example]:
    return [lmnb.Example(question=f"q{at}", answer=f"a{at}").with_inputs("question") for at in range(start, stop)]


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return example.answer == prediction.answer


def start(*, lm: Any = None, racing: bool = True, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(reply)):
        return lmnb.BootstrapFewShotWithRandomSearch(
            right, max_bootstrapped_demos=3, max_labeled_demos=0, num_candidate_programs=6, racing=racing
        ).start(Skill(), trainset=questions(200, 290), valset=questions(0, TOTAL), **options)


def test_the_same_best_is_found_with_fewer_runs() -> None:
    """The winner and its score are those of the search without racing; who was stopped has a part of the examples and a report."""
    runs = {racing: start(racing=racing) for racing in (True, False)}
    for run in runs.values():
        run.wait(60)
    raced, whole = runs[True], runs[False]
    assert (raced.best.id, raced.best.score) == (whole.best.id, whole.best.score)
    stopped = [one for one in raced.candidates if one.status == "partial"]
    assert stopped
    assert all(one.done < TOTAL and one.done % (TOTAL // BLOCKS) == 0 for one in stopped)
    assert all(one.status == "scored" for one in whole.candidates)
    assert raced.snapshot()["budget"]["calls"]["spent"] < whole.snapshot()["budget"]["calls"]["spent"]
    done = raced.snapshot()["progress"]
    assert done["done"] == len(raced.candidates)  # who was stopped is done with too
    saved = sum(TOTAL - one.done for one in stopped)
    assert any(f"{saved} program runs saved so far" in event["what"] for event in raced.events)


@pytest.mark.parametrize("threads", [1, 8])
def test_who_is_stopped_does_not_depend_on_the_order_of_replies(threads: int) -> None:
    """One thread or eight: the same rows, each stopped after the same examples."""
    run = start(num_threads=threads)
    run.wait(60)
    assert [(one.id, one.done) for one in run.candidates] == [(one.id, one.done) for one in _reference().candidates]


def _reference() -> Any:
    run = start(num_threads=3)
    run.wait(60)
    return run


def test_a_loser_gets_its_second_chance_when_the_winner_is_ruled_out() -> None:
    """The person rejects the best while the search is on: who was stopped against it is asked to the end."""
    whole = start(racing=False)
    whole.wait(60)
    best = whole.best.id
    run = start(paused=True)
    while run.state not in ("finished", "failed"):
        run.until("paused", 30)
        if best in [one.id for one in run.candidates if one.status == "scored"] and not run.decisions:
            run.reject(best, "too long")
        if run.state == "paused":
            run.step()
    others = [one for one in whole.candidates if one.id != best]
    top = max(one.score for one in others)
    assert run.best.score == top


def test_the_score_to_stop_at_is_reached_by_that_score() -> None:
    """57 of 100 right are 57 per cent, in a race too: no rounding asks for another candidate."""

    def told(messages: Any, **_: Any) -> dict[str, str]:
        number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
        return {"answer": f"a{number}" if number < (57 if len(messages) > 2 else 20) else "no"}

    with lmnb.context(lm=lmnb.FakeLM(told)):
        run = lmnb.BootstrapFewShotWithRandomSearch(
            right, max_bootstrapped_demos=1, max_labeled_demos=2, num_candidate_programs=2, stop_at_score=57
        ).start(Skill(), trainset=questions(200, 209), valset=questions(0, 100), run_dir=None)
        run.wait(60)
    assert [one.score for one in run.candidates] == [20.0, 57.0]
