"""Rollouts between the driver's thread and those that run them."""

from __future__ import annotations

import threading
from typing import Any

import worlds

import lmnb


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
        data = {"trainset": worlds.questions(0, 4), "valset": worlds.questions(4, 60)}
        run = search.start(worlds.TwoCalls(), **data, num_threads=1, run_dir=None, paused=True)
        runs.append(run)
        run.resume()
        run.until("paused", 30)
        assert 15 <= len(lm.calls) <= 16  # the rollout that was at work asks twice
        run.resume()
        run.wait(60)
    assert len(lm.calls) > 100
