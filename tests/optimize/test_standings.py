"""The rows of candidates as a run keeps them: always as they would be made anew, and the same objects where nothing changed."""

from __future__ import annotations

import pytest
import worlds

import lmnb
from lmnb.evaluate.statistics import shrink
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Result
from lmnb.optimize.standings import Standings


@pytest.fixture
def run():
    search = lmnb.BootstrapFewShotWithRandomSearch(
        metric=worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=3, racing=True
    )
    data = {"trainset": worlds.questions(0, 12), "valset": worlds.questions(100, 116)}
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        return search.start(worlds.TwoCalls(), **data, num_threads=4, paused=True)


def best_of(rows):
    """The best by the rows alone."""
    scored = [row for row in rows if row["status"] == "scored"]
    return max(scored, key=lambda row: (row["score"], -row["number"]))["id"] if scored else None


def test_rows_that_are_kept_are_those_that_would_be_made_anew(run):
    """At each rollout, candidate and decision of a search, and through reject, undo, accept and an edit after it."""
    wrong, seen = [], []

    def look():
        with run._driver.lock:
            snapshot = run.snapshot()
            anew = Standings(run._archive).dicts()
        seen.append([row["status"] for row in anew])
        if snapshot["candidates"] != anew:
            wrong.append((snapshot["candidates"], anew))
        best = best_of(anew)
        if best is not None and snapshot["accepted"] is None and snapshot["best"] != best:
            wrong.append((snapshot["best"], best))

    run.subscribe(look)
    run.step()
    run.until("paused", 20)
    run.reject(0, "too short")
    run.resume()
    run.wait(30)
    run.undo()
    best = run.best
    run.reject(best)
    run.accept(best)
    run.edit(0, "rewrite.instructions", "Write a query.")
    run.until("ended", 20)
    look()
    assert not wrong
    assert {"evaluating", "scored", "dropped"} <= {status for statuses in seen for status in statuses}


def test_a_row_that_stands_as_before_is_the_same_object(run):
    """What compares two snapshots looks at ten thousand rows by identity."""
    run.step()
    run.until("paused", 20)
    run.step()
    run.until("paused", 20)
    before = run.snapshot()["candidates"]
    run.step()
    run.until("paused", 20)
    after = run.snapshot()["candidates"]
    run.stop()
    run.until("ended", 20)
    same = [(new, old) for new, old in zip(after, before, strict=False) if new == old]
    assert same and len(after) > len(before)
    assert all(new is old for new, old in same)


def test_ten_thousand_means_are_shrunken_as_two_groups_of_them_are():
    """Many candidates that differ as two do are shrunken as those, whatever their number; it takes no time that grows with its square."""
    few = shrink([0.4, 0.8] * 50, [100] * 100, [0.2] * 100)
    many = shrink([0.4, 0.8] * 5_000, [100] * 10_000, [0.2] * 10_000)
    assert many[:2] == pytest.approx(few[:2], abs=0.01)
    assert many[0] == many[-2] and many[1] == many[-1]


class Looked(dict):
    """What an archive notes of its candidates; somebody looks at the rows whenever it notes something."""

    def __init__(self, look):
        self.look = look
        super().__init__()

    def pop(self, *key):
        super().pop(*key)
        self.look()

    def __setitem__(self, key, value):
        self.look()
        super().__setitem__(key, value)
        self.look()


def test_a_row_that_is_looked_at_while_it_changes_is_looked_at_again():
    """A thread may read the rows between any two steps of the driver: no result, and no new candidate, is missed for that."""
    archive = Archive("valset", 2, {}, lambda name: None)
    standings = Standings(archive)
    archive._touched = Looked(standings.dicts)
    for number in range(3):
        candidate = Candidate({"self.instructions": f"Text {number}."})
        archive.admit(candidate)
        for index in range(2):
            place = {"role": "student", "tracing": False, "rollout": 0, "split": "valset"}
            archive.add({**place, "candidate": candidate.id, "index": index}, Result(score=1.0))
    assert [(row["number"], row["done"]) for row in standings.dicts()] == [(0, 2), (1, 2), (2, 2)]
