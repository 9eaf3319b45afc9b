"""Rollouts between the driver's thread and those that run them."""

from __future__ import annotations

import threading
from typing import Any

import worlds

import lmnb
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.clock import Clock
from lmnb.optimize.controls import Controls
from lmnb.optimize.dispatch import Dispatcher
from lmnb.optimize.effects import Result, Rollout
from lmnb.optimize.journal import Journal
from lmnb.optimize.recording import Recording


def dispatching(archive: Archive, execute: Any) -> Dispatcher:
    """A dispatcher with one thread, and no journal on disk."""
    journal = Journal(None)
    return Dispatcher(
        archive=archive,
        journal=journal,
        recording=Recording([], journal),
        controls=Controls(lambda kind, what: None, Clock(), None),
        execute=execute,
        budget=lmnb.Budget(),
        num_threads=1,
    )


def three_rollouts(candidate: Candidate) -> dict[str, Rollout]:
    return {each.key(): each for each in (Rollout(candidate, index) for index in range(3))}


def test_rollouts_that_begin_to_take_long_are_run_side_by_side() -> None:
    """After many quick replies, four slow ones are in flight at once: each waits until all four are there."""
    meeting = threading.Barrier(4, timeout=20)
    asked: list[int] = []

    def handler(messages: Any, **options: Any) -> Any:
        asked.append(1)
        if 60 < len(asked) <= 64:
            meeting.wait()
        return worlds.reply(messages, **options)

    with lmnb.context(lm=lmnb.FakeLM(handler)):
        search = lmnb.LabeledFewShot(k=2, metric=worlds.exact)
        run = search.start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 4), valset=worlds.questions(4, 60), num_threads=4
        )
        run.wait(60)
    assert len(asked) >= 64 and not meeting.broken


def test_a_thread_does_not_go_on_by_itself_in_a_paused_run() -> None:
    """A run that is paused while a quick rollout is at work makes no further call until it is resumed."""
    runs: list[Any] = []
    asked: list[int] = []

    def handler(messages: Any, **options: Any) -> Any:
        asked.append(1)
        if runs and len(asked) == 15:
            runs[0].pause()
        return worlds.reply(messages, **options)

    lm = lmnb.FakeLM(handler)
    with lmnb.context(lm=lm):
        search = lmnb.LabeledFewShot(k=2, metric=worlds.exact)
        data: dict[str, Any] = {"trainset": worlds.questions(0, 4), "valset": worlds.questions(4, 60)}
        run = search.start(worlds.TwoCalls(), **data, num_threads=1, run_dir=None, paused=True)
        runs.append(run)
        run.resume()
        run.until("paused", 30)
        assert 15 <= len(lm.calls) <= 16  # the rollout that was at work asks twice
        run.resume()
        run.wait(60)
    assert len(lm.calls) > 100


def test_what_has_ended_is_told_while_the_next_rollout_takes_its_time() -> None:
    """A thread that went on to a rollout that takes long keeps back nothing of what it ran before."""
    told: list[str] = []
    all_told = threading.Event()

    def execute(rollout: Any, recording: Any) -> Result:
        if rollout.index == 2:
            all_told.wait(20)
            told.append("the last one ends")
        return Result(score=1.0)

    def landed(rollout: Any, result: Result) -> None:
        told.append(f"{rollout.index} landed")
        if len(told) == 2:
            all_told.set()

    candidate = Candidate({"self.instructions": "Answer."})
    dispatcher = dispatching(Archive("val", 3, {}, lambda name: None), execute)
    with dispatcher.working():
        dispatcher.outcomes(1, three_rollouts(candidate), landed)
    assert told == ["0 landed", "1 landed", "the last one ends", "2 landed"]


def test_a_cancelled_run_shows_what_its_journal_holds() -> None:
    """Rollouts that had ended count, also where the driver had not heard of them when the run was cancelled."""
    runs: list[Any] = []
    asked: list[int] = []
    over = threading.Event()

    def handler(messages: Any, **options: Any) -> Any:
        asked.append(1)
        if len(asked) == 27:
            runs[0].cancel()
            over.wait(20)
        return worlds.reply(messages, **options)

    with lmnb.context(lm=lmnb.FakeLM(handler)):
        search = lmnb.LabeledFewShot(k=2, metric=worlds.exact)
        data: dict[str, Any] = {"trainset": worlds.questions(0, 4), "valset": worlds.questions(4, 60)}
        run = search.start(worlds.TwoCalls(), **data, num_threads=1, paused=True)
        runs.append(run)
        run.resume()
        run.until("ended", 30)
        over.set()
    assert run.state == "cancelled"
    assert (
        [each.done for each in run.candidates] == [each.done for each in lmnb.reopen(str(run.path)).candidates] == [13]
    )


def test_a_fault_in_a_verdict_on_the_next_rollout_ends_the_run() -> None:
    """What is wrong with the stored data that a veto looks at is raised, and leaves nobody waiting."""

    class Worn(Archive):
        looks = 0

        def dropped(self, candidate: Candidate) -> str | None:
            self.looks += 1
            if self.looks > 1:
                raise lmnb.JournalError("the stored value is gone")
            return None

    candidate = Candidate({"self.instructions": "Answer."})
    archive = Worn("val", 3, {}, lambda name: None)
    archive.admit(candidate)
    dispatcher = dispatching(archive, lambda rollout, recording: Result(score=1.0))
    raised: list[str] = []

    def work() -> None:
        try:
            with dispatcher.working():
                dispatcher.outcomes(1, three_rollouts(candidate), lambda rollout, result: None)
        except lmnb.JournalError as error:
            raised.append(str(error))

    driver = threading.Thread(target=work, daemon=True)
    driver.start()
    driver.join(20)
    assert raised == ["the stored value is gone"]
