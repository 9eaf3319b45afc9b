"""The headroom test: a run of cheap candidates, and what it says."""

from __future__ import annotations

import hashlib
import json

import pytest
import worlds

import lmnb


def said(share_with, share_without):
    """A model that is right on a share of the questions: another one with demos than without. What it is asked besides does not matter."""

    def reply(messages):
        question = messages[-1]["content"].split("]]\n")[1].split("\n")[0]
        demos = sum(message["role"] == "assistant" for message in messages)
        luck = int(hashlib.sha256(question.encode()).hexdigest(), 16) % 100
        right = luck < (share_with if demos else share_without)
        return {"answer": f"a{question[1:]}" if right else "no"}

    return lmnb.FakeLM(reply)


def room(lm, size=40, **options):
    """What a test finds whose run is not kept."""
    data = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 100 + size)}
    test = lmnb.HeadroomTest(worlds.exact, num_candidates=6)
    with lmnb.context(lm=lm):
        program = lmnb.Predict("question -> answer")
        run = test.start(program, **data, **{"run_dir": None, **options})
        run.wait(60)
    return lmnb.Headroom.of(run)


def test_a_gain_is_found_and_an_optimizer_named():
    """Where demos help, the verdict is headroom, with an interval above 0 and where to begin."""
    found = room(said(90, 30))
    assert found.verdict == "headroom" and found.worthwhile and found.low > 0 and 30 < found.gain < 90
    assert "There is headroom" in found.advice and "Start with lmnb.BootstrapFewShotWithRandomSearch" in found.advice
    assert (
        found.candidates == 6
        and found.examples == 40
        and found.best.score - found.baseline.score == pytest.approx(found.apparent)
    )


def test_no_gain_is_no_headroom():
    """Where no candidate differs, the advice is not to optimize, and where to look."""
    found = room(said(60, 60))
    assert found.verdict == "none" and not found.worthwhile and found.gain == 0
    assert "do not optimize. Look at " in found.advice and "a stronger LM" in found.advice


@pytest.mark.parametrize(
    ("share", "verdict", "words"), [(100, "ceiling", "as it is: do not optimize"), (0, "floor", "partial credit")]
)
def test_nothing_to_gain_or_to_climb_is_said(share, verdict, words):
    """A program that is right everywhere, or nowhere, needs something else than a search."""
    found = room(said(share, share))
    assert found.verdict == verdict and words in found.advice


def test_few_examples_claim_nothing():
    """Below twenty examples even a large gain is unclear, and the advice says how many to score on."""
    found = room(said(90, 30), size=12)
    assert (
        found.verdict == "unclear"
        and "12 examples are too few to tell a gain from chance: score on 20 or more" in found.advice
    )


def test_it_is_a_run_that_repeats_resumes_and_replays(tmp_path):
    """Stopped by its budget it tells what it knows; resumed and read again it is the same as one that ran through."""
    whole, lm = room(said(80, 30)), said(80, 30)
    cut = room(lm, run_dir=tmp_path / "cut", budget=lmnb.Budget(calls=100))
    assert cut.run.state == "stopped" and cut.candidates < whole.candidates and len(lm.calls) <= 100
    run = cut.run
    run.resume(budget=lmnb.Budget())
    run.wait(60)
    again = lmnb.Headroom.of(run)
    assert {**again.to_dict(), "run": ""} == {**whole.to_dict(), "run": ""}
    assert run.replay_candidate().id == whole.run.best.id


def test_without_a_score_of_the_program_there_is_nothing_to_compare():
    """A run that was stopped at once says what to do."""
    with pytest.raises(lmnb.RunError, match="has not scored the program itself"):
        room(said(80, 30), budget=lmnb.Budget(calls=10))
    other = lmnb.LabeledFewShot(k=1).start(
        lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 3), run_dir=None
    )
    other.wait(30)
    with pytest.raises(lmnb.RunError, match="this is a run of LabeledFewShot, not of a HeadroomTest"):
        lmnb.Headroom.of(other)
    with pytest.raises(lmnb.InputError, match=r"Write headroom\(program, metric=\.\.\., trainset=\.\.\.\)"):
        lmnb.HeadroomTest().start(lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 3))


def test_the_notebook_form_is_escaped_and_without_script():
    """What stands in a label or a name is text, and the table has every candidate."""
    found = room(said(90, 30))
    html = found._repr_html_()
    assert (
        "<script" not in html
        and html.count("<tr>") == 1 + found.candidates
        and "as it is" in html
        and "worth optimizing" in html
    )
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "headroom" and repr(found).startswith(
        "Headroom(headroom: gain +"
    )


@pytest.mark.parametrize("share", [0, 100])
def test_a_test_that_was_stopped_says_so(share, tmp_path):
    """Stopped after the program itself it has not shown that nothing scores, nor that all is right: it says how far it came."""
    found = room(said(share, share), budget=lmnb.Budget(calls=45), run_dir=tmp_path / "room")
    assert found.candidates == 1 and found.verdict == "stopped" and not found.worthwhile
    assert "The test is stopped (" in found.advice and "after 1 of 6 candidates, too early to tell" in found.advice
    assert "not finished" in found._repr_html_() and "resume()" in found.advice
