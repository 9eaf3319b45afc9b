"""Why a run ended where it did: told by the run, its snapshot, its report, and the stored run."""

from __future__ import annotations

from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.ending import refused_words

SLOT = "rewrite.instructions"


def start(**options: Any) -> Any:
    return worlds.search(**{"valset": worlds.questions(100, 103), "num_threads": 1, **options})


def locked() -> Any:
    """A run at its end in which words were locked that only a candidate of the person's has."""
    run = start(paused=True)
    run.step()
    run.until("paused", 30)
    run.edit(0, SLOT, "Write a zebra of a query.")
    with pytest.warns(UserWarning, match=r"2 of the 3 candidates lack 'zebra' in .* only yours have it, .*run.unlock"):
        run.lock(SLOT, "zebra")
    assert run.decisions[-1].text == "locked “zebra” in rewrite.instructions, 2 candidates dropped; only yours are left"
    run.resume()
    run.wait(30)
    return run


def test_a_search_whose_proposals_were_all_refused_says_so_wherever_it_is_shown() -> None:
    """A lock on words that the search's own candidates lack ends it; the stored run tells the same, and no longer once it is lifted
    and a longer search has come to its end.
    """
    run = locked()
    told = (
        f"ended after 3 of 7 candidates: the last 4 proposals were all refused: {SLOT} has lost the locked text 'zebra'"
    )
    assert run.state == "finished" and run.ended == told
    assert repr(run).endswith(f"; {told})") and run.snapshot()["ended"] == told
    assert "Ended after 3 of 7 candidates: the last 4 proposals were all refused" in run.to_html()
    assert lmnb.reopen(run.path).ended == told and run.snapshot()["progress"]["label"] == told
    run.edit(0, SLOT, "Write a zebra.")  # scored after the end, which stays what it was
    run.until("ended", 30)
    assert run.ended == told and lmnb.reopen(run.path).ended == told
    run.unlock(SLOT)
    longer = run.branch(num_candidate_programs=4)
    longer.wait(30)
    assert longer.ended is None and lmnb.reopen(longer.path).ended is None


def test_a_search_that_came_to_its_end_has_nothing_to_explain() -> None:
    """Nor has one that a person stopped."""
    run = start(paused=True)
    assert run.ended is None
    run.stop()
    run.until("ended", 30)
    assert run.state == "stopped" and run.ended is None
    run.resume()
    run.wait(30)
    assert run.ended is None and run.snapshot()["ended"] is None


def test_a_run_that_its_budget_stopped_says_which_limit_and_how_far_it_came() -> None:
    """In words, live and stored, the same numbers everywhere; with a raised budget it goes on to the end and has nothing to explain any more."""
    run = start(budget=lmnb.Budget(calls=30))
    run.until("ended", 30)
    told = "the budget of 30 calls is spent, with 4 of 6 candidates scored"
    assert run.ended == told and told in repr(run) and told[1:] in run.to_html()
    again = lmnb.reopen(run.path)
    assert again.ended == told and again.snapshot()["ended"] == told
    assert "4 of 6 candidates scored on 3 examples" in run._repr_html_()
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        mine = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)
    mine.edit(0, SLOT, "Write a query.")  # a person's candidate counts like any other
    assert mine.ended == told.replace("4 of 6", "4 of 7") and mine.snapshot()["progress"]["total"] == 7
    assert "4 of 7 candidates scored on 3 examples" in mine._repr_html_()
    mine.undo()
    mine.stop()
    run = mine
    run.raise_budget(calls=9_000)
    run.wait(30)
    assert run.state == "finished" and run.ended is None


def test_several_reasons_are_counted() -> None:
    """The usual ones first; long ones are cut."""
    reasons = ["holds demo 3", "a" * 500, "holds demo 3", "rejected"]
    words = refused_words(reasons, 2, None)
    assert words is not None and words.startswith(
        "ended after 2 candidates: the last 4 proposals were all refused: holds demo 3 (2); aa"
    )
    assert words.endswith("…; 1 more reasons") or "…" in words


def test_an_accepted_candidate_is_not_called_the_best() -> None:
    """Where another one scores more, the repr says both."""
    run = start()
    run.wait(30)
    best = run.best
    run.accept(0)
    assert f"accepted #0 {run.candidates[0].score:.1f}" in repr(run)
    assert repr(run).endswith(f"; #{best.number} scores {best.score:.1f})")
    run.accept(best)
    assert f"accepted #{best.number} {best.score:.1f}" in repr(run) and "scores" not in repr(run)


def test_what_is_decided_twice_or_about_nothing_is_said() -> None:
    """The same lock, whatever its white space; a demo that nobody holds; a decision named by its number alone."""
    run = start()
    run.wait(30)
    words = " ".join(run.candidate(0).values[SLOT].split()[:2])
    run.lock(SLOT, words)
    with pytest.raises(lmnb.InputError, match=f"'{words}  ' is locked in 'rewrite.instructions' already"):
        run.lock(SLOT, f"{words}  ")
    run.reject_demo(lmnb.Example(question="q55", answer="a55"), "no")
    assert run.decisions[-1].text.endswith("“no”, which no candidate holds yet")
    with pytest.raises(
        lmnb.InputError, match=r"\{'colour': 'red'\} fits no predictor. Their fields are rewrite: question -> query"
    ):
        run.reject_demo(lmnb.Example(colour="red"))
    with pytest.raises(lmnb.InputError, match=r"the text 'x' has no slot: edit takes a slot and its text, or several"):
        run.edit(0, {SLOT: "y"}, "x")
