"""Why a candidate is out, where several decisions say so."""

from __future__ import annotations

from typing import Any

import worlds

import lmnb

SLOT = "rewrite.instructions"


def finished() -> Any:
    """A finished run: candidate 0 is the program as it was, candidate 1 has three labelled demos."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=3, metric=worlds.exact).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 103)
        )
    run.wait(30)
    return run


def reasons(run: Any) -> list[str | None]:
    told = [row.reason for row in run.candidates]
    assert [row.reason for row in lmnb.reopen(run.path).candidates] == told
    return told


def test_the_first_reason_stays_whatever_drops_the_candidate_again() -> None:
    """A pin, a lock and a reject that come later say nothing new; once the first decision is undone, the next reason is told."""
    run = finished()
    slot, demo = next(iter(run.candidate(1).demos()))
    run.reject_demo(demo, "wrong")
    held = reasons(run)[1]
    assert held is not None and held.startswith("holds ")
    run.pin(slot, 0)
    mine = run.edit(0, SLOT, "Write a zebra.")
    run.until("ended", 30)
    run.lock(SLOT, "zebra")
    run.reject(1, "mine is better")
    lost = f"{SLOT} has lost the locked text 'zebra'"
    assert reasons(run) == [lost, held, None] and run.best.id == mine.id
    first, pin, _, lock, reject = run.decisions
    for undone, left in (
        (first, f"another value than the pinned {slot}"),
        (pin, lost),
        (lock, "rejected: mine is better"),
        (reject, None),
    ):
        run.undo(undone)
        assert reasons(run)[1] == left


def test_what_was_rejected_before_it_was_taken_back_stays_rejected() -> None:
    """A person's candidate that was rejected is no less so when the decision that made it is undone; alone that is "undone"."""
    run = finished()
    run.edit(0, SLOT, "Write a zebra.")
    run.until("ended", 30)
    made = run.decisions[-1]
    run.reject(2, "too wild")
    run.undo(made)
    assert reasons(run)[2] == "rejected: too wild"
    run.undo(run.decisions[1])
    assert reasons(run)[2] == "undone"
