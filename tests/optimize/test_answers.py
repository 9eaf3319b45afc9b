"""Answers at gates that are taken back, and those that come as the time runs out."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import worlds

import lmnb

SLOT = "self.instructions"


def start(model: Any = worlds.reply, **options: Any) -> Any:
    """A run in which two candidates wait one after the other, and whatever else `review` names."""
    optimizer = lmnb.MIPROv2(
        worlds.exact, auto=None, num_candidates=4, max_bootstrapped_demos=2, max_labeled_demos=2, verbose=False
    )
    with lmnb.context(lm=lmnb.FakeLM(model)):
        run = optimizer.start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 8),
            valset=worlds.questions(100, 103),
            **{"num_threads": 1, "num_trials": 4, "review": "candidates", **options},
        )
    run.until("pending", 30)
    return run


def ended(run: Any) -> Any:
    """The run at its end, all that still waits let through."""
    while run.state not in ("finished", "failed"):
        run.until("pending", 30)
        for item in run.pending:
            run.accept(item)
    return run.wait(30)


def expire(run: Any, then: Any = lambda: None) -> None:
    """The time of what waits is over; `then` comes as it runs out. Back when something was decided."""

    def over() -> None:
        run._driver.gates._until = 0.0
        run._controls.post(then)

    run.command(over)
    while not run.decisions:
        time.sleep(0.005)


@pytest.mark.parametrize("answer", ["reject", "edit"])
def test_a_candidate_waits_again_when_its_answer_is_undone(answer: str) -> None:
    """Also where the search has gone on to the next one; then it is answered anew and scored, and the replay comes out the same."""
    run = start()
    [first] = run.pending
    run.reject(first, "no") if answer == "reject" else run.edit(first, SLOT, "In my words.")
    run.until("pending", 30)
    while run.pending and run.pending[0].id == first.id:
        run.until("pending", 30)
    run.undo()
    assert first.id in [item.id for item in run.pending]
    tuned = ended(run)
    rows = {row.id: row.status for row in run.candidates}
    assert rows[first.id] == "scored"
    assert [d.data["gate"] for d in run.decisions if d.kind == "pass"].count(first.id) == 1
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


@pytest.mark.parametrize("review", ["candidates", "all"])
def test_after_the_end_nobody_is_asked_and_the_replay_knows(review: str) -> None:
    """The search is over, so a candidate whose reject is undone is scored at once, live and replayed; so is one that a branch begins with."""
    run = start(review=review)
    while not any(item.kind == "candidate" for item in run.pending):
        run.accept(run.pending[0])
        run.until("pending", 30)
    first = next(item for item in run.pending if item.kind == "candidate")
    run.reject(first, "no")
    ended(run)
    assert next(row for row in run.candidates if row.id == first.id).status == "dropped"
    run.undo(next(each for each in run.decisions if each.kind == "reject"))
    run.until("ended", 30)
    assert next(row for row in run.candidates if row.id == first.id).status == "scored"
    assert lmnb.reopen(run.path).replay().slots() == run.result().slots()
    branch = run.branch()
    branch.until("pending", 30)
    assert branch.state == "finished" and [row.id for row in branch.candidates] == [row.id for row in run.candidates]


def test_an_undone_answer_can_be_given_anew_and_put_in_force_again() -> None:
    """A second reject rules it out for good; redo of the first does the same."""
    run = start()
    [first] = run.pending
    run.reject(first, "no")
    run.undo()
    run.redo()
    assert first.id not in [item.id for item in run.pending]
    run.undo()
    run.reject(first.id, "still not")
    ended(run)
    assert next(row for row in run.candidates if row.id == first.id).reason == "rejected: still not"


def test_while_the_search_waits_for_others_what_was_let_through_can_be_called_back() -> None:
    """Of several items at one gate the first answer is undone before the last is given."""
    run = start(review="instructions")
    first, *rest = run.pending
    run.accept(first)
    run.undo()
    assert first.id in [item.id for item in run.pending]
    run.accept(first)
    let = run.decisions[-1]
    for item in rest:
        run.accept(item)
    ended(run)
    for late in (lambda: run.undo(let), run.undo):
        with pytest.raises(
            lmnb.InputError, match=r"“let a proposal for .* go on” cannot be undone: .* has gone on since"
        ):
            late()


def test_what_comes_back_no_more_says_why() -> None:
    """The search cannot be given a proposal or a demo later: what undo still does is done and told, what does nothing is an error."""
    run = start(review="instructions")
    item = run.pending[0]
    text = next(iter(item.value))
    for each in run.pending:
        run.edit(each, text, "In my words.") if each is item else run.accept(each)
    edited = next(each for each in run.decisions if each.kind == "edit-proposal")
    ended(run)
    with pytest.raises(
        lmnb.InputError, match=r"“edited a proposal .*” cannot be undone: a proposal for .* has gone on since"
    ):
        run.undo(edited)
    other = start(review="demos")
    gone = other.pending[0]
    other.reject(gone, "no")
    ended(other)
    other.undo(other.decisions[0])
    assert other.decisions[-1].text.endswith("; the search has gone on without it")


def test_an_answer_that_comes_as_the_time_runs_out_counts() -> None:
    """What was said before the timeout was acted on is heard, whatever the clock says by then."""
    run = start(review_timeout=600)
    [item] = run.pending
    expire(run, lambda: run.reject(item, "no"))
    assert [(each.kind, each.by) for each in run.decisions] == [("reject", "person")]
    run.stop()


@pytest.mark.parametrize("review", ["candidates", "demos", "instructions"])
def test_an_answer_after_the_timeout_says_what_came_first(review: str) -> None:
    """Nothing is endorsed by mistake; what can still be ruled out is."""
    run = start(review=review, review_timeout=600)
    item = run.pending[0]
    expire(run)
    with pytest.raises(
        lmnb.InputError, match=r"waits for no answer any more: “let .* go on: no answer in 600 s” came first"
    ):
        run.accept(item)
    assert run.snapshot()["accepted"] is None
    if review == "instructions":
        for late in (
            lambda: run.reject(item),
            lambda: run.edit(item, next(iter(item.value)), "x"),
            lambda: run.accept(item.id),
        ):
            with pytest.raises(lmnb.InputError, match="came first"):
                late()
    else:
        run.reject(item, "late")
        assert run.decisions[-1].kind == ("reject" if review == "candidates" else "reject-demo")
    run.cancel()


def test_a_late_click_endorses_nothing_that_is_not_scored() -> None:
    """A panel names a candidate by its id, so what was meant for the gate must not make it the result."""
    go = threading.Event()
    go.set()

    def model(messages: Any, **options: Any) -> Any:
        go.wait(30)
        return worlds.reply(messages, **options)

    run = start(model, review_timeout=600)
    [item] = run.pending
    go.clear()
    expire(run)
    with pytest.raises(
        lmnb.InputError, match=r"came first. run.reject\(...\) rules it out, run.accept\(...\) endorses it once"
    ):
        run.accept(item.id)
    go.set()
    run.stop()


def taken_back(run: Any) -> None:
    """The time of what waits is over, and what it lets pass first is taken back at once."""

    first = [lambda: run.undo(0)]

    def look() -> None:
        if run.decisions and first:
            run._controls.post(first.pop())

    end = run.subscribe(look)
    expire(run)
    while len(run.decisions) < 2:
        assert run.state != "failed", run.error
        time.sleep(0.005)
    end()


def test_what_the_time_let_pass_waits_again_when_that_is_undone() -> None:
    """A candidate whose scoring has not begun: it is the person's to answer now, without a limit of time, and the replay needs nobody."""
    run = start(review_timeout=600)
    [item] = run.pending
    taken_back(run)
    assert [(each.kind, each.by) for each in run.decisions] == [("pass", "timeout"), ("undo", "person")]
    run.until("pending", 30)
    assert run.pending == [item] and run.candidates[1].done == 0
    assert run.snapshot()["review"] == {"asks": True, "timeout": 600, "left": None}
    run.reject(item, "no")
    run.until("pending", 30)
    assert run.candidates[1].status == "dropped" and run.snapshot()["review"]["left"] > 0
    tuned = ended(run)
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


def test_of_several_that_the_time_let_pass_the_one_taken_back_waits_alone() -> None:
    """The others go on with the time's answer; let through by hand, the run is the one in which nobody was asked."""
    copro = lmnb.COPRO(metric=worlds.exact, breadth=4, depth=1)
    given = {"trainset": worlds.questions(0, 8), "valset": worlds.questions(100, 103), "num_threads": 1}
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = copro.start(lmnb.Predict("question -> answer"), **given, review="instructions", review_timeout=600)
        free = copro.start(lmnb.Predict("question -> answer"), **given)
    run.until("pending", 30)
    first, *others = run.pending
    assert others
    taken_back(run)
    while len(run.decisions) < 2 + len(others):
        time.sleep(0.005)
    run.keep_demo(given["trainset"][0])  # when that is done, the run has looked at what is left
    assert run.state == "waiting" and run.pending == [first]
    assert run.snapshot()["review"]["left"] is None
    ended(run)
    free.wait(30)
    assert [(row.id, row.score) for row in run.candidates] == [(row.id, row.score) for row in free.candidates]


def test_what_the_time_let_pass_cannot_be_taken_back_once_it_is_scored() -> None:
    """It says what can be done instead; so does an answer of a function, which would be given again."""
    run = start(review_timeout=600)
    expire(run)
    run.until("pending", 30)  # the next one: the first is scored
    with pytest.raises(lmnb.InputError, match=r"cannot be undone: #1 has gone on since. Reject it"):
        run.undo(0)
    run.stop()


def test_a_snapshot_never_tells_a_change_before_it_shows_it() -> None:
    """An answer and its undo while a snapshot is made: its number is that of before, so whoever compares numbers looks again."""
    run = start()
    [item] = run.pending
    before = run.snapshot()["seq"]

    class Changing(tuple):
        """What waits, while somebody decides about something."""

        def __iter__(self) -> Any:
            if meanwhile:
                meanwhile.pop()(worlds.questions(0, 1)[0])
            return super().__iter__()

    meanwhile = [run.keep_demo]
    run._driver.gates.waiting = Changing([item])
    told = run.snapshot()
    assert told["seq"] == before and not told["decisions"], "or the decision that it was numbered after would be in it"
    assert run.snapshot()["seq"] > before and len(run.snapshot()["decisions"]) == 1
    run.stop()
