"""What to expect of the best of many candidates: near the truth, where its own score is far above it."""

from __future__ import annotations

import random
from statistics import fmean

import pytest
import worlds

import lmnb
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Result, Rollout
from lmnb.optimize.estimates import Estimates
from lmnb.optimize.race import is_lost

WRONG, RIGHT = Result(0.0), Result(1.0)
CANDIDATES = [Candidate({"self.instructions": str(n)}, origin="bootstrapped" if n else "baseline") for n in range(19)]


def simulated(rng, truths, n, *, spread=0.3, racing=False):
    """An archive of candidates that are right with these probabilities, the examples differing in difficulty."""
    archive = Archive("val", n, {}, lambda name: None)
    hard = [rng.uniform(-spread, spread) for _ in range(n)]
    best = [0] * n
    for candidate, truth in zip(CANDIDATES, truths, strict=True):
        archive.admit(candidate)
        scores = [int(rng.random() < truth + easy) for easy in hard]
        for index, score in enumerate(scores):
            archive.add(Rollout(candidate, index).place(), RIGHT if score else WRONG)
            done = index + 1
            if racing and done % 10 == 0 and n > done and is_lost([a - b for a, b in zip(scores[:done], best)], n):
                break
        else:
            best = max(best, scores, key=sum)
    return archive


def errors(truths, n, repeats, **options):
    """How far the best candidate's score, and its shrunken estimate, lie above its truth on average, in points."""
    raw, shrunken = [], []
    for seed in range(repeats):
        archive = simulated(random.Random(seed), truths, n, **options)
        best = archive.leader()
        truth = 100 * truths[best.number]
        raw.append(archive.score(best.candidate.id) - truth)
        shrunken.append(Estimates(archive).all()[best.candidate.id] - truth)
    return fmean(raw), fmean(shrunken)


@pytest.mark.parametrize(("n", "repeats", "luck"), [(20, 150, 20), (50, 100, 13), (100, 60, 9), (300, 25, 5)])
def test_the_best_of_equal_programs_is_shown_no_gain(n, repeats, luck):
    """Of 19 equal programs the best seems 20, 13, 9 or 5 points better than it is; its shrunken estimate is hardly off."""
    raw, shrunken = errors([0.5] * 19, n, repeats, spread=0.0)
    assert raw == pytest.approx(luck, abs=0.15 * luck)
    assert abs(shrunken) < 0.2 * luck


def test_real_differences_stay():
    """Where programs do differ, the best one's estimate stays near its truth too, and its score does not."""
    raw, shrunken = errors([0.3, *(0.4 + 0.02 * n for n in range(18))], 50, 60)
    assert raw > 4 and abs(shrunken) < 2


def test_candidates_that_lost_a_race_count_too():
    """Those that were stopped for being bad say that the others were lucky: without them the survivors would look alike."""
    raw, shrunken = errors([0.5] * 19, 50, 60, racing=True)
    assert raw > 10 and abs(shrunken) < 4


def test_a_poor_start_does_not_make_luck_look_like_a_difference():
    """A baseline far below is no measure of how much the others differ, and is itself not drawn towards them."""
    archive = simulated(random.Random(1), [0.3] + [0.65] * 18, 50)
    estimates, entries = Estimates(archive), list(archive.entries.values())
    assert estimates.all()[entries[0].candidate.id] == archive.score(entries[0].candidate.id)
    others = [estimates.all().get(entry.candidate.id) for entry in entries[1:]]
    assert max(others) - min(others) < 1 and 60 < others[0] < 70


def test_an_estimate_follows_the_archive():
    """Estimates are made anew when a score came in; a candidate that is not scored on every example has none."""
    archive = simulated(random.Random(3), [0.5] * 19, 20)
    estimates, entries = Estimates(archive), list(archive.entries.values())
    before = [estimates.all().get(entry.candidate.id) for entry in entries]
    late = archive.admit(Candidate({"self.instructions": "late"}, origin="human"))
    assert (
        estimates.all().get(late.candidate.id) is None
        and [estimates.all().get(entry.candidate.id) for entry in entries] == before
    )
    for index in range(20):
        assert estimates.all().get(late.candidate.id) is None
        archive.add(Rollout(late.candidate, index).place(), RIGHT)
    assert before[1] < estimates.all().get(late.candidate.id) < 100
    assert estimates.all()[entries[1].candidate.id] == pytest.approx(Estimates(archive).all()[entries[1].candidate.id])


def test_whoever_sees_the_score_sees_what_to_expect(tmp_path):
    """The run, its table, its report, the candidate programs, the saved program and its card name the estimate beside the score."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.BootstrapFewShotWithRandomSearch(worlds.exact, num_candidate_programs=3, racing=False).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 120),
            run_dir=tmp_path / "r",
        )
    tuned, best = run.wait(60), run.best
    assert best.score > best.expected > run.candidates[0].score
    assert f"{best.score:.1f}, {best.expected:.1f} expected on new data" in repr(run)
    assert run.to_pandas().loc[best.number, "expected"] == best.expected == run.snapshot()["expected"]
    assert f"{best.expected:.1f} expected on new data" in run.to_html()
    assert tuned.candidate_programs[0]["expected"] == best.expected
    assert f"({best.expected:.1f} expected on new data)" in repr(tuned.candidate_programs)
    assert tuned.provenance["expected"] == round(best.expected, 1) and tuned.provenance["picked_from"] == 6
    assert f"{best.expected:.1f} % on new data, shrunken for the best of 6" in tuned.card()


def test_one_or_two_examples_say_little():
    """Right on the only example is not 100 % expected, but two thirds: as after one more success and one more failure."""
    for size, told in ((1, 200 / 3), (2, 75.0), (7, 800 / 9)):
        archive = Archive("val", size, {}, lambda name: None)
        entry = archive.admit(CANDIDATES[0])
        for index in range(size):
            archive.add(Rollout(CANDIDATES[0], index).place(), RIGHT)
        assert Estimates(archive).all()[entry.candidate.id] == pytest.approx(told)
    archive.add(Rollout(CANDIDATES[0], 0).place(), Result(0.5))
    assert Estimates(archive).all()[entry.candidate.id] == pytest.approx(100 * 6.5 / 7), (
        "partial credit is no share of successes"
    )
