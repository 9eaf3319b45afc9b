"""What the promises of the contract are tried with: the optimizer, a world for it, and runs in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lmnb.example import Example
from lmnb.lm.fake import FakeLM
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.run import Run
from lmnb.optimize.store import reopen
from lmnb.settings import context
from lmnb.testing.world import TwoCalls, exact, questions, reply

PATIENCE = 60  # seconds that a run of the small world may take at most


class Trial:
    """`make` gives the optimizer; the rest of the world may be replaced too.

    `draws` says that another seed is another search, `gives_demos` that candidates get demos. `slot` is a text of the program, which
    is edited and pinned; `budget` is in LM calls: more than the baseline takes, less than a search. `reply` is what the model says (see
    `lmnb.FakeLM`), to the program and to the optimizer's proposers.
    """

    draws = True
    gives_demos = True
    slot = "rewrite.instructions"
    budget = 41
    metric: Callable[..., Any] = staticmethod(exact)
    reply: Callable[..., Any] = staticmethod(reply)

    def make(self, metric: Callable[..., Any]) -> Optimizer:
        """The optimizer, made anew with this metric and small: a full search should take some hundred LM calls."""
        raise NotImplementedError(f"write {type(self).__name__}.make(self, metric), which gives the optimizer to check")

    def longer(self, metric: Callable[..., Any]) -> Optimizer | None:
        """The same optimizer with a longer search, where that begins as the shorter one: more candidates, steps or rounds."""
        return None

    def program(self) -> Any:
        return TwoCalls()

    def trainset(self) -> Sequence[Example]:
        return questions(0, 12)

    def valset(self) -> Sequence[Example]:
        return questions(100, 108)

    # --- runs

    def setup_method(self) -> None:
        self._folders: list[Path] = []

    def teardown_method(self) -> None:
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def lm(self) -> FakeLM:
        return FakeLM(self.reply)

    def started(
        self,
        *,
        metric: Callable[..., Any] | None = None,
        optimizer: Optimizer | None = None,
        lm: Any = None,
        threads: int = 2,
        kept: bool = False,
        **options: Any,
    ) -> Run:
        """A run at work; `kept` gives it a folder, which is removed after the test."""
        folder = None
        if kept:
            self._folders.append(Path(tempfile.mkdtemp(prefix="lmnb-contract-")))
            folder = self._folders[-1] / "run"
        with context(lm=lm or self.lm()):
            return (optimizer or self.make(metric or self.metric)).start(
                self.program(),
                trainset=self.trainset(),
                valset=self.valset(),
                num_threads=threads,
                run_dir=folder,
                **options,
            )

    def finished(self, **options: Any) -> Run:
        """A run that has ended."""
        run = self.started(**options)
        run.wait(PATIENCE)
        return run

    def reopened(self, run: Run, lm: Any) -> Run:
        """The stored run, able to go on with this LM."""
        optimizer = self.make(self.metric)
        with context(lm=lm):
            return reopen(
                run.path or "",
                program=self.program(),
                metric=optimizer.metric,
                teacher_settings=optimizer.teacher_settings or None,
                prompt_model=optimizer.proposer_lm,
            )


def outcome(run: Run) -> dict[str, Any]:
    """What must be equal between two runs: candidates, scores, decisions and the result; times and costs aside."""
    best = run.best
    return {
        "candidates": [(c.id, c.label, c.status, c.score, c.reason, c.parents) for c in run.candidates],
        "decisions": [(d.kind, d.text, d.data, d.batch, d.during) for d in run.decisions],
        "result": best and best.id,
    }


def hold(kept: Any, broken: str) -> None:
    """AssertionError with these words where a promise is broken."""
    if not kept:
        raise AssertionError(broken)


def same(one: Run, other: Run, broken: str) -> None:
    """AssertionError where two runs do not come to the same, with the first difference."""
    first, second = outcome(one), outcome(other)
    for name, value in first.items():
        if value != second[name]:
            raise AssertionError(f"{broken}. The {name} differ: {_first_difference(value, second[name])}")


def _first_difference(one: Any, other: Any) -> str:
    if isinstance(one, list):
        pairs = [*zip(one, other, strict=False)]
        at = next((at for at, (left, right) in enumerate(pairs) if left != right), len(pairs))
        one, other = one[at : at + 1], other[at : at + 1]
        return f"number {at} is {one[0] if one else 'not there'} in one and {other[0] if other else 'not there'} in the other"
    return f"{one!r} in one and {other!r} in the other"
