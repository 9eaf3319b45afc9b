"""What every optimizer must hold (`lmnb.testing`): a new one is in as soon as it is listed in `worlds.optimizers`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import worlds

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
