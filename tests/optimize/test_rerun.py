"""A cell that is run again, in front ends that do not say by the cell's name which one it is."""

from __future__ import annotations

import sys

import pytest
from fake_marimo import FakeMarimo

import lmnb
from lmnb.testing import TwoCalls, exact, questions, reply


@pytest.fixture
def start():
    """A run that waits; all are stopped after the test."""
    begun = []

    def make():
        lmnb.configure(lm=lmnb.FakeLM(reply))
        optimizer = lmnb.BootstrapFewShotWithRandomSearch(metric=exact, num_candidate_programs=2)
        begun.append(optimizer.start(TwoCalls(), trainset=questions(0, 6), paused=True))
        return begun[-1]

    yield make
    for run in begun:
        run.stop()
        run.until("ended", 10)


def test_the_same_words_run_again_end_the_former_run(start, monkeypatch):
    """nbclassic names no cells, so they go by their text; another text leaves the run alone."""
    shells = pytest.importorskip("IPython.core.interactiveshell", reason="IPython comes with the extra `lab`")
    shell = shells.InteractiveShell.instance()
    try:

        def executed(message, code):
            parent = {"header": {"msg_id": message}, "metadata": {}, "content": {"code": code}}
            monkeypatch.setattr(shell, "get_parent", lambda: parent, raising=False)
            return start()

        first, other = executed("1", "run = start()"), executed("2", "other = start()")
        again = executed("3", "run = start()")
        first.until("ended", 10)
        assert first.state == "stopped"
        assert all(run.state in ("paused", "pausing") for run in (other, again))
    finally:
        shells.InteractiveShell.clear_instance()


def test_a_cell_of_marimo_that_is_run_again_ends_its_run(start, monkeypatch):
    """marimo tells its threads that their cell is invalid; the run of the new execution goes on."""
    marimo = FakeMarimo()
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    first = start()
    marimo.run_again()
    again = start()
    first.until("ended", 10)
    assert [first.state, again.state in ("paused", "pausing")] == ["stopped", True]
