"""What every optimizer must hold (`lmnb.testing`): a new one is in as soon as it is listed in `worlds.optimizers`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.testing import OptimizerContract

NAMES = list(worlds.optimizers(worlds.exact))


@pytest.mark.sampled(0.35)
class TestEveryOptimizer(OptimizerContract):
    """The whole contract over all of them."""

    @pytest.fixture(autouse=True, params=NAMES)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param
        self.gives_demos = self.name not in worlds.WITHOUT_DEMOS

    def make(self, metric: Any) -> Any:
        return worlds.optimizers(metric)[self.name]

    def longer(self, metric: Any) -> Any:
        if self.name not in worlds.LONGER:
            return None
        optimizer = self.make(metric)
        assert vars(optimizer).keys() >= worlds.LONGER[self.name].keys()
        vars(optimizer).update(worlds.LONGER[self.name])
        return optimizer


ELSEWHERE = """
import sys, worlds, lmnb
from lmnb.testing.trial import outcome
for name in sys.argv[1:]:
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = worlds.optimizers(worlds.exact)[name].start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 108), run_dir=None
        )
        run.wait(60)
    print(name, outcome(run))
"""


def test_no_outcome_depends_on_the_salt_of_hashes(request: pytest.FixtureRequest) -> None:
    """Two processes, whose sets stand in another order, come to the same ends (in the gate with every third optimizer)."""
    names = NAMES if request.config.getoption("--full") else NAMES[::3]
    paths = os.pathsep.join(path for path in sys.path if path)
    said = [
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, *names],
            env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] and said[0].count("'result': '") == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_that_there_is_not_says_which_there_are(name: str) -> None:
    """A slip in the name of an option is refused before anything runs, and what was meant is named."""
    optimizer = worlds.optimizers(worlds.exact)[name]
    with pytest.raises(lmnb.InputError, match=r"has no argument 'val_set' of compile or start\. Did you mean 'valset'"):
        optimizer.start(worlds.TwoCalls(), trainset=worlds.questions(0, 12), val_set=[])


@pytest.mark.parametrize("name", NAMES)
def test_a_search_that_scores_needs_a_metric(name: str) -> None:
    """Without one it would end with whatever it made last."""
    optimizer = worlds.optimizers(worlds.exact)[name]
    if not optimizer.needs_evalset:
        pytest.skip("does without")
    optimizer.metric = None
    with pytest.raises(lmnb.InputError, match=r"scores what it tries\. Write \w+\(metric=\.\.\.\)"):
        optimizer.start(worlds.TwoCalls(), trainset=worlds.questions(0, 12))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_program_is_refused(name: str) -> None:
    """A signature in place of a program is told how to make one of it."""
    with pytest.raises(
        lmnb.InputError, match=r"no program\. Write a module, such as lmnb\.Predict\('question -> answer'\)"
    ):
        worlds.optimizers(worlds.exact)[name].start("question -> answer", trainset=worlds.questions(0, 12))
