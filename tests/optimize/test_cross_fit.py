"""Few labels: every example gives demos and scores candidates, and none is ever scored with a demo made from itself."""

from __future__ import annotations

import itertools
import re

import pytest
import worlds

import lmnb
from lmnb.optimize.splits import prepared


def fields(content):
    return dict(re.findall(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n|\Z)", content, re.S))


def asked_and_shown(messages):
    """The question that a request asks, and those of the demos in it."""
    turns = [fields(message["content"]).get("question") for message in messages if message["role"] == "user"]
    return turns[-1], turns[:-1]


def start(name="BootstrapFewShotWithRandomSearch", program=None, lm=None, **options):
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return worlds.optimizers(worlds.exact)[name].start(
            program or lmnb.Predict("question -> answer"),
            **{"trainset": worlds.questions(0, 12), "run_dir": None, **options},
        )


@pytest.mark.parametrize(
    "name",
    ["BootstrapFewShotWithRandomSearch", "BootstrapFewShotWithOptuna", "IteratedBootstrapFewShot", "LabeledFewShot"],
)
def test_no_example_is_scored_with_a_demo_made_from_itself(name):
    """Of all requests of a run, none shows the question that it asks among its demos; all the others may be shown."""
    lm = lmnb.FakeLM(worlds.reply)
    run = start(name, lm=lm, program=worlds.TwoCalls(), cross_fit=True)
    run.wait(60)
    asked = [asked_and_shown(call["messages"]) for call in lm.calls]
    assert all(question not in shown for question, shown in asked)
    assert any(shown for _, shown in asked)
    held = [{d.question for _, d in run.candidate(row).demos()} for row in run.candidates if row.status == "scored"]
    assert max(map(len, held)) > 1 and all(row.total == 12 for row in run.candidates)


def test_a_person_and_a_twin_give_nothing_away_either():
    """A demo that a person injects, and one of a training example that asks the same, are left out where they would tell the answer."""
    lm = lmnb.FakeLM(worlds.reply)
    twice = [*worlds.questions(0, 8), *worlds.questions(0, 2)]
    run = start(lm=lm, trainset=twice, paused=True)
    run.inject(demo={"question": "q5", "answer": "a5"})
    run.resume()
    run.wait(60)
    assert all(question not in shown for question, shown in (asked_and_shown(call["messages"]) for call in lm.calls))
    assert any("q5" in shown for _, shown in (asked_and_shown(call["messages"]) for call in lm.calls))


def test_few_examples_are_cross_fitted_by_default_and_the_header_says_so():
    """Up to 20 examples without a valset, unless it is refused; more are split, and an optimizer that writes instructions splits always."""
    run = start(paused=True)
    assert run.header.evalset == "train" and run.header.splits.cross_fit and run.snapshot()["evalset"]["size"] == 12
    assert "cross-fitted on all 12 training examples, each scored without the demos made from it" in run.header.note
    for count, name, options in (
        (12, "Random", {"cross_fit": False}),
        (21, "Random", {}),
        (12, "Written", {"demos_only": False}),
    ):
        given = {"scoring": True, "needed": True, "demos_only": True, **options}
        splits = prepared(lmnb.Predict("question -> answer"), worlds.questions(0, count), None, **given)
        assert splits.evalset == "val" and not splits.cross_fit, name
    assert run.snapshot()["evalset"]["name"] == "trainset, cross-fitted"
    assert "cross-fitted on all 12 training examples" in run.to_html()
    run.cancel()
    with pytest.raises(lmnb.InputError, match="cross_fit=True cannot be: a valset is given"):
        start(cross_fit=True, valset=worlds.questions(100, 103))
    with pytest.raises(lmnb.InputError, match="learns more than demos"):
        start("MIPROv2", cross_fit=True)


def test_a_cross_fitted_run_resumes_and_replays(tmp_path):
    """Stopped in the middle, reopened with its data given again, and replayed: the same candidates and scores, nothing bought twice."""
    whole = start(run_dir=tmp_path / "whole")
    whole.wait(60)
    lm = lmnb.FakeLM(worlds.reply)
    part = start(run_dir=tmp_path / "part", lm=lm, paused=True)
    part.step()
    part.until("paused", 30)
    part.stop()
    part.until("ended", 30)
    with lmnb.context(lm=lm):
        again = lmnb.reopen(
            tmp_path / "part", lmnb.Predict("question -> answer"), worlds.exact, trainset=worlds.questions(0, 12)
        )
        again.resume()
        again.wait(60)
    assert [(row.id, row.score) for row in again.candidates] == [(row.id, row.score) for row in whole.candidates]
    assert len(lm.calls) == whole.snapshot()["budget"]["calls"]["spent"]
    assert again.replay().slots() == whole.result().slots()


def test_cross_fitting_does_not_reward_the_program_that_knows_the_answers():
    """A model that copies from its demos is right only where it has seen the answer: scored on the training set it shines, cross-fitted not."""

    def copying(messages, **_):
        question, _ = asked_and_shown(messages)
        for user, assistant in itertools.pairwise(messages):
            if user["role"] == "user" and fields(user["content"]).get("question") == question:
                return {"answer": fields(assistant["content"])["answer"]}
        return {"answer": "none"}

    optimizer = lmnb.LabeledFewShot(k=12, metric=worlds.exact)
    with lmnb.context(lm=lmnb.FakeLM(copying)):
        data, program = worlds.questions(0, 12), lmnb.Predict("question -> answer")
        leaking = optimizer.start(program, trainset=data, valset=data, run_dir=None)
        fair = optimizer.start(program, trainset=data, cross_fit=True, run_dir=None)
        for run in (leaking, fair):
            run.wait(60)
    assert (leaking.best.score, fair.best.score) == (100.0, 0.0)
