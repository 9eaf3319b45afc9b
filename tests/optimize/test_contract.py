"""What every optimizer must hold (`lmnb.testing`): a new one is in as soon as it is listed in `worlds.optimizers`."""

from __future__ import annotations

from typing import Any

import pytest
import worlds

from lmnb.testing import OptimizerContract


@pytest.mark.sampled(0.35)
class TestEveryOptimizer(OptimizerContract):
    """The whole contract over all of them."""

    @pytest.fixture(autouse=True, params=list(worlds.optimizers(worlds.exact)))
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param
        self.gives_demos = self.name not in worlds.WITHOUT_DEMOS

    def make(self, metric: Any) -> Any:
        return worlds.optimizers(metric)[self.name]
