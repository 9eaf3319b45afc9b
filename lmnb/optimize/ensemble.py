"""Ensemble: several programs as one, by a vote (Wang et al. 2022, arXiv 2203.11171, votes so over samples of one program)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.fingerprint import import_path
from lmnb.optimize.counts import Counts, asked
from lmnb.optimize.ensembled_program import EnsembledProgram
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task

if TYPE_CHECKING:
    from lmnb.optimize.run import Run


class Ensemble(Optimizer):
    """Makes one program of several (see `EnsembledProgram`): `Ensemble(size=3).compile([first, second, third, ...])`.

    `reduce_fn` makes one prediction of the list of them, by default `lmnb.majority`. `size` bounds how many programs a call
    asks (None: all). Which these are follows from the inputs and the run's `seed`; with `deterministic=True` that holds for
    every further sample of the inputs too. `weights` are those of the programs in the vote, a number each, or "score": the
    score that each was compiled to, which its validation examples must make comparable.

    There is nothing to search and nothing to train. With a `metric` and a `valset` the ensemble is scored once, as a run that
    can be watched and steered; else it makes no LM call and keeps nothing on disk. Budget: V calls of the ensemble with V
    validation examples; every call of it later is one of each program that is asked.

    >>> import lmnb
    >>> says = [lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": word}])) for word in ("4", "5", "4")]
    >>> program = lmnb.Ensemble().compile(says)
    >>> program(question="2 + 2?").answer
    '4'
    """

    needs_trainset = False

    def __init__(
        self,
        *,
        reduce_fn: Callable[[list[Any]], Any] | None = None,
        size: int | None = None,
        deterministic: bool = False,
        weights: Sequence[float] | Literal["score"] | None = None,
        metric: Callable[..., Any] | None = None,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(metric=metric, max_errors=max_errors)
        self.reduce_fn = reduce_fn
        self.size = size
        self.deterministic = deterministic
        self.weights = weights

    def get_params(self) -> dict[str, Any]:
        """The constructor's arguments as they are in force; `reduce_fn`, which is code of the program, by its name."""
        given = super().get_params()
        return given | {"reduce_fn": None if self.reduce_fn is None else import_path(self.reduce_fn)}

    def start(
        self, student: Sequence[Any], *, valset: Sequence[Example] | None = None, seed: int = 0, **options: Any
    ) -> Run:
        """`Optimizer.start` for a list of programs. InputError for a training set: an ensemble learns nothing from one."""
        for name in ("trainset", "teacher"):
            if options.pop(name, None):
                raise InputError(
                    f"an Ensemble has no use for a {name}. Write valset=... to score the programs together."
                )
        if valset is None:
            options.setdefault("run_dir", None)
        weights: Any = _scores(student) if self.weights == "score" else self.weights
        made = EnsembledProgram(
            student,
            self.reduce_fn,
            size=self.size,
            deterministic=self.deterministic,
            seed=seed,
            weights=weights,
        )
        return super().start(made, trainset=(), valset=valset, seed=seed, **options)

    def compile(
        self, programs: Sequence[Any], *, valset: Sequence[Example] | None = None, **options: Any
    ) -> EnsembledProgram:
        """The programs as one; takes what `start` takes. The programs are not changed."""
        given = options.pop("trainset", None) or ()
        return super().compile(programs, trainset=given, valset=valset, **options)

    def planned(self, **_: Any) -> int:
        return 1

    def counts(self, task: Task, **_: Any) -> Counts:
        return asked(self.search(task))

    def search(self, task: Task) -> Search:
        ensemble = yield from gate(task.baseline)
        if ensemble is not None:
            yield from evaluate(ensemble, task)


def _scores(programs: Sequence[Any]) -> list[float]:
    scores: list[float] = []
    for at, program in enumerate(programs):
        provenance = getattr(program, "provenance", {})
        score = provenance.get("score")
        if score is not None and provenance.get("edited"):
            raise InputError(
                f"programs[{at}] was edited after it was scored, so its score cannot weigh its vote. Score it again, or give weights."
            )
        if not isinstance(score, (int, float)):
            raise InputError(
                f"programs[{at}] has no score to weigh its vote by. Compile it with a metric and a valset, or give weights."
            )
        scores.append(float(score))
    return scores
