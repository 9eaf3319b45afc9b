"""BootstrapFewShotWithRandomSearch: several bootstrapped candidates, the best on the validation set wins."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Generator, Mapping
from typing import Any

from lmnb.counts import threshold, whole_number
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.effects import Effect
from lmnb.optimize.interval import Interval
from lmnb.optimize.race import Race
from lmnb.optimize.search import Search, gate, labelled
from lmnb.optimize.task import Task


class BootstrapFewShotWithRandomSearch(BootstrapFewShot):
    """Scores the zero-shot program, labelled demos, one bootstrap in order and `num_candidate_programs` shuffled ones of random size.

    Candidates are numbered by seed from -3; a longer search repeats none of them. The search ends early at `stop_at_score` (per cent).
    With `racing` a candidate that trails the best by more than chance allows is not asked to the end, and has no score (see `Race`).
    Without a `valset` up to 20 training examples are cross-fitted, each scored without the demos made from it, and of more a third is held
    out for scoring: what selects is not what trains.

    >>> import lmnb
    >>> world, data = lmnb.testing, {"trainset": lmnb.testing.questions(0, 8), "valset": lmnb.testing.questions(20, 28)}
    >>> with lmnb.context(lm=lmnb.FakeLM(world.reply)):
    ...     run = lmnb.BootstrapRS(world.exact, num_candidate_programs=2, racing=False).start(world.TwoCalls(), **data, run_dir=None)
    ...     tuned = run.wait()
    >>> len(tuned.candidate_programs), tuned.candidate_programs[0]["score"] == run.best.score
    (5, True)
    """

    def __init__(
        self,
        metric: Callable[..., Any],
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        num_candidate_programs: int = 16,
        num_threads: int | None = None,
        max_errors: int | None = None,
        stop_at_score: float | None = None,
        metric_threshold: float | None = None,
        racing: bool = True,
        rationalize: bool = False,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            max_rounds=max_rounds,
            max_errors=max_errors,
            rationalize=rationalize,
        )
        self.num_candidate_programs = whole_number(
            "num_candidate_programs",
            num_candidate_programs,
            "how many shuffled candidates there are beside the first three",
            least=0,
        )
        self.num_threads = num_threads
        self.stop_at_score = threshold("stop_at_score", stop_at_score, "from which score on the search ends")
        self.racing = racing

    needs_evalset = True
    formerly: Mapping[str, Any] = {"racing": False}

    def planned(self, restrict: Collection[int] | None = None, **_: Any) -> int:
        return sum(1 for seed in range(-3, self.num_candidate_programs) if restrict is None or seed in restrict)

    def counts(self, task: Task, restrict: Collection[int] | None = None, **_: Any) -> Counts:
        V, seeds = (
            len(task.examples()),
            [s for s in range(-3, self.num_candidate_programs) if restrict is None or s in restrict],
        )
        shuffled, own = any(seed >= 0 for seed in seeds), any(True for _ in task.baseline.demos())
        wanted = max(self.max_bootstrapped_demos * (-1 in seeds), int(shuffled))
        teacher = bootstraps(
            task, wanted, self.max_rounds + self.rationalize
        )  # what one candidate's bootstrap bought serves all
        if self.stop_at_score is not None:
            teacher = Interval(0, teacher.high)
        sure = {-3, -2} <= set(seeds) and is_new(task, self.max_labeled_demos)
        first = V * (2 if sure and not self.racing and self.stop_at_score is None else bool(seeds) or own)
        most = V * (len(seeds) + own)
        more = len(task.trainset) * self.max_rounds  # without a demo that is ruled out the teacher is another one
        return Counts(Interval(first, most), teacher, demos=self.most_demos, more_runs=more)

    def search(self, task: Task, *, restrict: Collection[int] | None = None, labeled_sample: bool = True) -> Search:
        race = Race(task, racing=self.racing)
        if any(value for slot, value in task.baseline.values.items() if slot.endswith(".demos")):
            baseline = yield from gate(task.baseline)  # the program as it is, where it is not the zero-shot one
            if baseline is not None:
                yield from race.score(baseline)
        for seed in range(-3, self.num_candidate_programs):
            if restrict is not None and seed not in restrict:
                continue
            proposed = yield from self.candidate_for(seed, task, labeled_sample)
            candidate = yield from gate(proposed)
            if candidate is None:
                continue
            score = yield from race.score(candidate)
            if self.stop_at_score is not None and score is not None and score >= self.stop_at_score:
                return
        yield from race.second_chances()

    def candidate_for(
        self, seed: int, task: Task, labeled_sample: bool
    ) -> Generator[list[Effect], list[Any], Candidate]:
        """The candidate of one seed: -3 zero-shot, -2 labelled, -1 bootstrapped in order, 0 and up shuffled with a random number of demos."""
        if seed == -3:
            bare = {slot: () if slot.endswith(".demos") else value for slot, value in task.baseline.values.items()}
            return Candidate(bare, (), "baseline", "zero-shot")
        if seed == -2:
            return (yield from labelled(task, self.max_labeled_demos, sample=labeled_sample))
        order = list(range(len(task.trainset)))
        if seed == -1:
            return (yield from self.bootstrapped(task, order, self.max_bootstrapped_demos, seed=seed))
        random.Random(f"{task.seed}/{seed}").shuffle(order)
        wanted = random.Random(f"{task.seed}/{seed}/size").randint(1, max(1, self.max_bootstrapped_demos))
        return (yield from self.bootstrapped(task, order, wanted, seed=seed))


BootstrapRS = BootstrapFewShotWithRandomSearch
