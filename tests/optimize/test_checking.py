"""Checking a result on held-out examples."""

from __future__ import annotations

import json
import shutil

import pytest
import worlds

import lmnb

HELDOUT = worlds.questions(200, 220)


@pytest.fixture
def lm():
    return lmnb.FakeLM(worlds.reply)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        worlds.optimizers(worlds.exact)["BootstrapFewShot"].compile(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 110),
            run_dir=folder,
        )
    return folder


@pytest.fixture
def run(lm, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    with lmnb.context(lm=lm):
        yield opened(tmp_path / "run")


def opened(path):
    return lmnb.reopen(path, program=lmnb.Predict("question -> answer"), metric=worlds.exact)


def accuracy(program):
    return [row.score for row in lmnb.Evaluate(HELDOUT, worlds.exact, num_threads=1)(program).rows]


def test_a_check_scores_both_programs_as_evaluate_does(run):
    """The scores are those of the program as it was and of the result on these examples, the gain is paired."""
    check = run.check(HELDOUT)
    before, after = accuracy(lmnb.Predict("question -> answer")), accuracy(run.result())
    assert check.baseline == pytest.approx(100 * sum(before) / 20) and check.score == pytest.approx(
        100 * sum(after) / 20
    )
    assert check.gain == pytest.approx(check.score - check.baseline) and check.low < check.gain < check.high
    assert check.fixed == sum(a > b for a, b in zip(after, before, strict=True))
    assert check.number == run.best.number and check.expected == run.best.expected and check.n == 20
    assert check.verdict == "better than before" and "20 examples: better than before" in repr(check)


def test_a_check_is_bought_once_also_after_reopening(run, lm):
    """The same check again, here or in another process, asks no LM; the run replays as before."""
    check = run.check(HELDOUT)
    asked = len(lm.calls)
    again = opened(run.path)
    assert again.checks == [check] == run.checks
    assert run.check(HELDOUT) == check == again.check(HELDOUT)
    assert len(lm.calls) == asked and again.checks == [check]
    assert again.replay().slots() == run.result().slots()


def test_a_check_that_ran_out_of_budget_goes_on(run, lm):
    """The budget holds at the request; called again it buys only what is missing."""
    asked = len(lm.calls)
    with pytest.raises(lmnb.RunError, match=r"the check ended after \d+ of 40 program runs \(the budget of 30 calls"):
        run.check(HELDOUT, budget=lmnb.Budget(calls=30))
    assert len(lm.calls) - asked == 30 and not run.checks
    assert run.check(HELDOUT).n == 20
    assert len(lm.calls) - asked == 40


def test_a_check_stands_in_the_report_and_in_the_saved_program(run):
    """The gain and its interval are in the report, the provenance, the card and program.json."""
    assert "Held-out check" not in run.to_html()
    check = run.check(HELDOUT)
    words = f"{check.score:.1f} % of 20 held-out examples; {check.gain:+.1f} points over the program before"
    assert words in run.result().provenance["check"] and words in run.result().card()
    assert words in json.loads((run.path / "program.json").read_text())["provenance"]["check"]
    assert "Held-out check" in run.to_html() and f"{check.gain:+.1f} points: better than before" in run._repr_html_()
    assert "better than before" in check._repr_html_()


def test_each_further_look_is_counted(run):
    """Checking another candidate on the same examples is a second look, and the report says so."""
    assert run.check(HELDOUT).looks == 1
    run.accept(run.edit(1, "self.instructions", "Answer it."))
    run.until("ended", 30)
    assert run.check(HELDOUT).looks == 2 and "look 2 at these examples" in run.to_html()
    assert run.check(worlds.questions(300, 305)).looks == 1


def test_examples_that_the_run_has_seen_are_refused(run):
    """An example of the trainset or valset, also with another label, holds nothing out."""
    relabelled = lmnb.Example(question="q3", answer="other").with_inputs("question")
    with pytest.raises(lmnb.InputError, match=r"heldout\[1\] is one of the run's own examples \(2 of 3 are\)"):
        run.check([HELDOUT[0], relabelled, worlds.questions(100, 101)[0]])
    with pytest.raises(lmnb.InputError, match="empty"):
        run.check([])


def test_a_result_that_is_the_baseline_shows_no_gain(run):
    """Where the program as it was is the result, it is scored once and no difference is shown."""
    run.accept(0)
    check = run.check(HELDOUT)
    assert check.gain == 0 and check.verdict == "no difference shown" and check.usage["calls"] == 20


def test_a_run_without_a_folder_is_checked_too(lm):
    """Without a run_dir a check works as well."""
    with lmnb.context(lm=lm):
        run = lmnb.BootstrapFewShot(worlds.exact, max_bootstrapped_demos=1).start(
            lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 4), run_dir=None
        )
        run.wait(60)
        assert run.check(HELDOUT).n == 20 and len(run.checks) == 1


def test_systematic_failure_is_told(run):
    """A metric that always fails on these examples ends the check with its cause."""
    bad = [lmnb.Example(question=f"q{n}").with_inputs("question") for n in range(400, 420)]
    with pytest.raises(lmnb.SystematicFailure, match="answer"):
        run.check(bad)
