"""Checking a result on held-out examples."""

from __future__ import annotations

import json

import pytest
import worlds

import lmnb

PREDICT = lmnb.Predict("question -> answer")


@pytest.fixture(scope="module")
def lm():
    return lmnb.FakeLM(worlds.reply)


@pytest.fixture(scope="module")
def run(lm, tmp_path_factory):
    """A finished run; each test checks it on examples of its own."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with lmnb.context(lm=lm):
        made = worlds.optimizers(worlds.exact)["BootstrapFewShot"].start(
            PREDICT, trainset=worlds.questions(0, 12), valset=worlds.questions(100, 110), run_dir=folder
        )
        made.wait(60)
        yield made


def accuracy(program, examples):
    return [row.score for row in lmnb.Evaluate(examples, worlds.exact, num_threads=1)(program).rows]


def test_a_check_scores_both_programs_as_evaluate_does(run):
    """The scores are those of the program as it was and of the result on these examples, the gain is paired."""
    heldout = worlds.questions(200, 220)
    check = run.check(heldout)
    before, after = accuracy(PREDICT, heldout), accuracy(run.result(), heldout)
    assert check.baseline == pytest.approx(100 * sum(before) / 20) and check.score == pytest.approx(
        100 * sum(after) / 20
    )
    assert check.gain == pytest.approx(check.score - check.baseline) and check.low < check.gain < check.high
    assert check.fixed == sum(a > b for a, b in zip(after, before, strict=True))
    assert check.number == run.best.number and check.expected == run.best.expected and check.n == 20
    assert check.verdict == "better than before" and "20 examples: better than before" in repr(check)


def test_a_check_is_bought_once_also_after_reopening(run, lm):
    """The same check again, here or in another process, asks no LM; the run replays as before."""
    heldout = worlds.questions(220, 230)
    check = run.check(heldout)
    asked = len(lm.calls)
    again = lmnb.reopen(run.path, program=PREDICT, metric=worlds.exact)
    assert again.checks == run.checks and again.checks[-1] == check
    assert run.check(heldout) == check == again.check(heldout)
    assert len(lm.calls) == asked and again.checks == run.checks
    assert again.replay().slots() == run.result().slots()


def test_a_check_that_ran_out_of_budget_goes_on(run, lm):
    """The budget holds at the request; called again it buys only what is missing."""
    heldout, asked, known = worlds.questions(230, 240), len(lm.calls), run.checks
    with pytest.raises(lmnb.RunError, match=r"the check ended after \d+ of 20 program runs \(the budget of 14 calls"):
        run.check(heldout, budget=lmnb.Budget(calls=14))
    assert len(lm.calls) - asked == 14 and run.checks == known
    assert run.check(heldout).n == 10
    assert len(lm.calls) - asked == 20


def test_a_check_stands_in_the_report_and_in_the_saved_program(run):
    """The gain and its interval are in the report, the provenance, the card and program.json."""
    check = run.check(worlds.questions(240, 257))
    words = f"{check.score:.1f} % of 17 held-out examples; {check.gain:+.1f} points over the program before"
    assert words in run.result().provenance["check"] and words in run.result().card()
    assert words in json.loads((run.path / "program.json").read_text())["provenance"]["check"]
    assert "Held-out check" in run.to_html() and f"{check.gain:+.1f} points: {check.verdict}" in run._repr_html_()
    assert check.verdict in check._repr_html_()


def test_each_further_look_is_counted(run):
    """Checking another candidate on the same examples is a second look, and the report says so; the baseline is none."""
    heldout = worlds.questions(260, 270)
    assert run.check(heldout, candidate=0).looks == 1 == run.check(heldout).looks
    run.accept(run.edit(1, "self.instructions", "Answer it."))
    run.until("ended", 30)
    assert run.check(heldout).looks == 2 and "look 2 at these examples" in run.to_html()
    assert run.check(worlds.questions(300, 305)).looks == 1


def test_examples_that_the_run_has_seen_are_refused(run):
    """An example of the trainset or valset, also with another label, holds nothing out."""
    relabelled = lmnb.Example(question="q3", answer="other").with_inputs("question")
    with pytest.raises(lmnb.InputError, match=r"heldout\[1\] is one of the run's own examples \(2 of 3 are\)"):
        run.check([*worlds.questions(310, 311), relabelled, *worlds.questions(100, 101)])
    with pytest.raises(lmnb.InputError, match="empty"):
        run.check([])


def test_a_result_that_is_the_baseline_shows_no_gain(run):
    """Where the program as it was is the result, it is scored once and no difference is shown."""
    run.accept(0)
    check = run.check(worlds.questions(320, 330))
    run.undo()
    assert check.gain == 0 and check.verdict == "no difference shown" and check.usage["calls"] == 10


def test_a_run_without_a_folder_or_a_score_is_checked_too(lm):
    """Without a run_dir and a valset a check works as well."""
    with lmnb.context(lm=lm):
        run = lmnb.LabeledFewShot(2, worlds.exact).start(PREDICT, trainset=worlds.questions(0, 4), run_dir=None)
        run.wait(60)
        assert run.check(worlds.questions(200, 210)).expected is None and len(run.checks) == 1


def test_systematic_failure_is_told(run):
    """A metric that always fails on these examples ends the check with its cause."""
    bad = [lmnb.Example(question=f"q{n}").with_inputs("question") for n in range(400, 412)]
    with pytest.raises(lmnb.SystematicFailure, match="answer"):
        run.check(bad)


def test_a_run_with_trained_weights_is_checked_wherever_it_lies(lm, tmp_path):
    """The check finds the weights in the run's own folder, and again when it goes on after it was stopped."""
    with lmnb.context(lm=lm):
        given = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 110)}
        run = worlds.optimizers(worlds.exact)["BootstrapFinetune"].start(
            PREDICT, **given, run_dir=tmp_path / "far" / "run"
        )
        run.wait(60)
        heldout = worlds.questions(200, 210)
        with pytest.raises(lmnb.RunError, match="Check again to go on"):
            run.check(heldout, candidate=1, budget=lmnb.Budget(calls=5))
        check = run.check(heldout, candidate=1)
    assert check.number == 1 and check.errors == 0 and check.n == 10
