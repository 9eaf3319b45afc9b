"""KNNFewShot: for each input the demos that are nearest to it, from a pool that is bootstrapped once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmnb.example import Example
from lmnb.modules.demo_policy import NearestDemos
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import import_function
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.effects import Effect
from lmnb.optimize.interval import Interval
from lmnb.optimize.search import Search, allowed_demos, evaluate, gate, without_twins
from lmnb.optimize.task import Predictor, Task

if TYPE_CHECKING:
    from lmnb.optimize.run import Run


class KNNFewShot(BootstrapFewShot):
    """Gives every predictor a pool of demos, of which a call shows the `k` whose inputs are nearest to its own (see `NearestDemos`).

    The pool has one demo a training example: the predictor's step in a run of the teacher that passed the metric, else the
    example itself, where it has the predictor's fields and `max_labeled_demos` is not 0. `max_bootstrapped_demos` bounds the
    bootstrapped ones (None: every example is tried once, in up to `max_rounds` samples). The other arguments are those of
    `BootstrapFewShot`. The `trainset` is given here or to `compile`. Liu et al. 2021, arXiv 2101.06804.

    Budget: at most T · max_rounds program runs for the pool and 2 · V for scores, with T training and V validation examples;
    a call of the tuned program makes no more LM calls than before.

    >>> import lmnb
    >>> trainset = [lmnb.Example(ticket=t, team=a).with_inputs("ticket") for t, a in [("Late parcel", "post"), ("Bill", "money")]]
    >>> tuned = lmnb.KNNFewShot(k=1, trainset=trainset, max_bootstrapped_demos=0).compile(lmnb.Predict("ticket -> team"), run_dir=None)
    >>> [demo.team for demo in tuned.demos_for(ticket="The parcel is late")]
    ['post']
    """

    learns_demos_only = False  # its demos are chosen as it runs

    def __init__(
        self,
        k: int,
        trainset: Sequence[Example] | None = None,
        vectorizer: Any = None,
        metric: Callable[..., Any] | None = None,
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int | None = None,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_labeled_demos=max_labeled_demos,
            max_rounds=max_rounds,
            max_errors=max_errors,
        )
        self.k = k
        self.trainset = trainset
        self.policy = NearestDemos(k, _found(vectorizer))
        self.bound = max_bootstrapped_demos

    def get_params(self) -> dict[str, Any]:
        """The constructor's arguments as they are in force; the training set is the run's."""
        policy = self.policy.dump_state()
        given = super().get_params() | {"vectorizer": policy["vectorizer"], "max_bootstrapped_demos": self.bound}
        return {name: value for name, value in given.items() if name != "trainset"}

    def start(self, student: Any, *, trainset: Sequence[Example] | None = None, **options: Any) -> Run:
        """`Optimizer.start`; the training set may be the constructor's."""
        return super().start(student, trainset=self._examples(trainset), **options)

    def compile(self, student: Any, *, trainset: Sequence[Example] | None = None, **options: Any) -> Any:
        """`Optimizer.compile`; the training set may be the constructor's."""
        return super().compile(student, trainset=self._examples(trainset), **options)

    def _examples(self, given: Sequence[Example] | None) -> Sequence[Example]:
        return (self.trainset or ()) if given is None else given

    def planned(self, **_: Any) -> int:
        return 2

    def counts(self, task: Task, **_: Any) -> Counts:
        V, new = len(task.examples()), is_new(task, self.max_labeled_demos)
        runs = bootstraps(task, len(task.trainset) if self.bound is None else self.bound, self.max_rounds)
        return Counts(Interval(V + new * V, 2 * V), runs, demos=self.k, more_runs=V)

    def search(self, task: Task) -> Search:
        baseline = yield from gate(_with_policies(task.baseline, task, None))
        if baseline is not None:
            yield from evaluate(baseline, task)
        everything = range(len(task.trainset))
        wanted = len(everything) if self.bound is None else self.bound
        made = yield from self.bootstrapped(task, everything, wanted)
        pools = yield from self._pools(task, made)
        while any(pools.values()):
            proposed = _with_policies(task.baseline, task, self.policy.dump_state())
            for path, pool in pools.items():
                proposed = proposed.put(f"{path}.demos", tuple(pool))
            size = max(map(len, pools.values()))
            label = f"the {self.k} nearest of {size} demos"
            candidate = yield from gate(proposed.child_of(task.baseline, origin="bootstrapped", label=label))
            if candidate is not None:
                yield from evaluate(candidate, task)
            former = pools
            pools = yield from self._pools(task, made)
            if pools == former:
                return  # else a demo was ruled out meanwhile: the pool does without it

    def _pools(self, task: Task, made: Candidate) -> Generator[list[Effect], list[Any], dict[str, list[Example]]]:
        """By predictor, the demos that are allowed now: those that a person kept, then one a training example."""
        pools = {}
        for predictor in task.predictors:
            slot = f"{predictor.path}.demos"
            own = {
                demo.provenance.source: demo for demo in made.values[slot] if demo.provenance.origin == "bootstrapped"
            }
            pool = [
                demo
                for index, example in enumerate(task.trainset)
                if (demo := own.get(index) or self._labelled(predictor, example, index)) is not None
            ]
            allowed = yield from allowed_demos([*task.kept(predictor), *pool], slot)
            pools[predictor.path] = without_twins(allowed, [])
        return pools

    def _labelled(self, predictor: Predictor, example: Example, index: int) -> Example | None:
        demo = predictor.labelled(example) if self.max_labeled_demos > 0 else None
        return None if demo is None else demo.with_origin("labelled", source=index)


def _with_policies(candidate: Candidate, task: Task, state: Mapping[str, Any] | None) -> Candidate:
    """The candidate with this policy for every predictor; None: with the one that it has, or none, so that each slot is there."""
    for predictor in task.predictors:
        slot = f"{predictor.path}.demo_policy"
        candidate = candidate.put(slot, candidate.values.get(slot) if state is None else state)
    return candidate


def _found(vectorizer: Any) -> Any:
    """The function itself where a journal names it, as it does a metric."""
    if isinstance(vectorizer, Mapping) and "function" in vectorizer:
        return import_function(str(vectorizer["function"])) or vectorizer
    return vectorizer
