"""Iterated bootstrap: the best of a round teaches the next."""

from __future__ import annotations

import re
from typing import Any

import pytest
import worlds

import lmnb


def climbing(messages: Any, **_: Any) -> dict[str, str]:
    """Solves question n only with enough demos in the prompt: each lets it solve two more."""
    number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
    demos = sum(message["role"] == "assistant" for message in messages)
    return {"answer": f"a{number}" if number < 2 + 2 * demos else "?"}


def compiled(kind: Any, lm: Any = None, **options: Any) -> Any:
    """The run of one of the two optimizers on questions 0 to 7, scored on the same."""
    with lmnb.context(lm=lm or lmnb.FakeLM(climbing)):
        run = kind(metric=worlds.exact, max_labeled_demos=0, **options).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 8),
            valset=worlds.questions(0, 8),
            run_dir=None,
        )
        run.wait(60)
    return run


def test_each_round_solves_what_the_one_before_could_not() -> None:
    """A teacher without demos solves two questions, one with two of them six: three rounds reach what one cannot."""
    once = compiled(lmnb.BootstrapFewShot)
    thrice = compiled(lmnb.IteratedBootstrapFewShot, rounds=3)
    assert [each.score for each in once.candidates] == [25.0, 75.0]
    assert [each.score for each in thrice.candidates] == [25.0, 75.0, 100.0, 100.0]
    assert thrice.candidates[2].label.startswith("round 2: 4 bootstrapped")


def test_the_teacher_is_the_best_so_far() -> None:
    """A round that a person rejects teaches nobody; an edit that is better teaches the next."""
    with lmnb.context(lm=lmnb.FakeLM(climbing)):
        run = lmnb.IteratedBootstrapFewShot(worlds.exact, max_labeled_demos=0, rounds=2).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 8),
            valset=worlds.questions(0, 8),
            run_dir=None,
            paused=True,
        )
        run.step()
        run.until("paused", 30)
        demos = [*worlds.questions(20, 24)]
        taught = run.inject(candidate={"self.demos": demos})
        run.resume()
        run.wait(60)
    rounds = {each.label.partition(":")[0]: run.candidate(each) for each in run.candidates}
    assert rounds["round 2"].parents == (taught.id,)


def test_the_program_runs_stay_below_what_its_docstring_says() -> None:
    """(rounds + 1) · V scores and rounds · T · max_rounds teacher runs at most, where no example is ever solved."""
    lm = lmnb.FakeLM(lambda messages, **_: {"answer": "?"})
    compiled(lmnb.IteratedBootstrapFewShot, lm, rounds=3, max_rounds=2)
    # the three rounds propose the same candidate without demos, which is scored once, and its teacher runs are not bought twice
    assert len(lm.calls) == 8 + 2 * 8
    lm = lmnb.FakeLM(climbing)
    compiled(lmnb.IteratedBootstrapFewShot, lm, rounds=3, max_rounds=1)
    assert len(lm.calls) <= 4 * 8 + 3 * 8


def test_an_ensemble_teaches_one_round_only() -> None:
    """The best program cannot take its place, which is said before anything is bought."""
    lm = lmnb.FakeLM(climbing)
    teacher = lmnb.Ensemble().compile([lmnb.Predict("question -> answer") for _ in range(2)])
    with lmnb.context(lm=lm), pytest.raises(lmnb.InputError, match="the teacher has no predictor 'self', so the best"):
        lmnb.IteratedBootstrapFewShot(worlds.exact).compile(
            lmnb.Predict("question -> answer"), teacher=teacher, trainset=worlds.questions(0, 8), run_dir=None
        )
    assert lm.calls == []
