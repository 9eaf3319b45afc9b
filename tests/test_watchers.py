"""Those who watch a run: one that fails stops nothing."""

from __future__ import annotations

import threading

import pytest
import worlds

import lmnb


def test_a_subscriber_of_a_run_that_raises_stops_nothing() -> None:
    """It is warned of once; the run goes on, and the others hear of its end."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=2, metric=worlds.exact).start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 4),
            valset=worlds.questions(9, 12),
            run_dir=None,
            paused=True,
        )
    over = threading.Event()

    def broken() -> None:
        raise ValueError("no")

    run.subscribe(broken)
    run.subscribe(lambda: over.set() if run.state == "finished" else None)
    with pytest.warns(RuntimeWarning, match="which watches a run, raised ValueError: no") as told:
        run.resume()
        assert over.wait(30)
    assert len([each for each in told if "watches a run" in str(each.message)]) == 1
