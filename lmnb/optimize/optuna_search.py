"""BootstrapFewShotWithOptuna: one bootstrap, then Optuna's TPE chooses which of its demos each predictor shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from lmnb.counts import whole_number
from lmnb.example import Example
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.effects import Report
from lmnb.optimize.interval import Interval
from lmnb.optimize.search import Search, evaluate, gate, without_twins
from lmnb.optimize.task import Task
from lmnb.optional import need

RANDOM = 6  # trials before those that the estimator draws; whatever their number, so that a longer search begins as a shorter one
ASKS = 32  # trials at most for each candidate that is wanted: one that repeats an earlier candidate, or is vetoed, buys nothing


class BootstrapFewShotWithOptuna(BootstrapFewShot):
    """Bootstraps once, then scores `num_candidate_programs` different choices among those demos; needs the extra `optuna`.

    Each bootstrapped demo is in or out, and none, half or all of the labelled ones fill up, for each predictor apart. The first two trials
    are no demo at all and every demo, four are random, and the rest are drawn by the tree-structured Parzen estimator (Bergstra et al. 2011,
    Algorithms for hyper-parameter optimization; Akiba et al. 2019, arXiv 1907.10902), seeded by the run. `max_demos` of `compile` bootstraps
    another number of demos to choose from than `max_bootstrapped_demos`. Budget in program runs: one bootstrap, as many as
    `max_rounds` × training examples at the most, and `num_candidate_programs` × validation examples. Without a `valset` up to 20 training
    examples are cross-fitted, and of more a third is held out for scoring. MissingExtra where Optuna is not installed.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(lambda messages: {"answer": "4" if len(messages) > 2 else "four"})
    >>> examples = [lmnb.Example(question=f"{n} + {4 - n}?", answer="4").with_inputs("question") for n in range(5)]
    >>> search = lmnb.BootstrapFewShotWithOptuna(
    ...     metric=lambda example, prediction, trace=None: example.answer == prediction.answer, num_candidate_programs=3
    ... )
    >>> with lmnb.context(lm=lm):
    ...     tuned = search.compile(lmnb.Predict("question -> answer"), trainset=examples[:3], valset=examples[3:], run_dir=None)
    >>> len(tuned.demos) > 0
    True
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
        metric_threshold: float | None = None,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            max_rounds=max_rounds,
            max_errors=max_errors,
        )
        self.num_candidate_programs = whole_number(
            "num_candidate_programs", num_candidate_programs, "how many different choices are scored"
        )
        self.num_threads = num_threads

    needs_evalset = True

    def planned(self, **_: Any) -> int:
        return self.num_candidate_programs

    def counts(self, task: Task, max_demos: int | None = None, **_: Any) -> Counts:
        V, own = len(task.examples()), any(demo for _, demo in task.baseline.demos())
        wanted = self.max_bootstrapped_demos if max_demos is None else max_demos
        different = min(self.num_candidate_programs, 2 if is_new(task, self.max_labeled_demos - wanted) else 1)
        scored = Interval(V * different, V * (self.num_candidate_programs + own))
        return Counts(scored, bootstraps(task, wanted, self.max_rounds), demos=max(wanted, self.max_labeled_demos))

    def libraries(self) -> Mapping[str, str]:
        return {"optuna": _optuna().__version__}

    def search(self, task: Task, *, max_demos: int | None = None) -> Search:
        if any(demo for _, demo in task.baseline.demos()):
            baseline = yield from gate(task.baseline)  # the program as it is, where it is not the zero-shot one
            if baseline is not None:
                yield from evaluate(baseline, task)
        order = list(range(len(task.trainset)))
        task.rng("bootstrap").shuffle(order)
        wanted = self.max_bootstrapped_demos if max_demos is None else max_demos
        pool = yield from self.bootstrapped(task, order, wanted)
        choices = _choices(pool)
        if not choices:
            yield [Report("there is no demo to choose: no training example succeeded, and none is labelled")]
        trials = _Trials(choices, task.rng("optuna").getrandbits(32))
        scored: set[str] = set()
        different = min(self.num_candidate_programs, prod(len(values) for values in choices.values()))
        for number in range(ASKS * different):
            if len(scored) >= different:
                return
            trial = trials.ask()
            candidate = yield from gate(_chosen(task, pool, trial.params, number))
            score = None
            if candidate is not None:
                score = task.score(candidate)
                if score is None:
                    score = yield from evaluate(candidate, task)
            trials.tell(trial, score)
            if candidate is not None and score is not None:
                scored.add(candidate.id)


class _Trials:
    """An Optuna study over categorical choices, none and all of everything first."""

    def __init__(self, choices: Mapping[str, Sequence[Any]], seed: int) -> None:
        self._optuna = optuna = _optuna()
        self._choices = {name: optuna.distributions.CategoricalDistribution(values) for name, values in choices.items()}
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would log that a study is created
        try:
            sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        finally:
            optuna.logging.set_verbosity(before)
        for end in (0, -1):
            self._study.enqueue_trial({name: values[end] for name, values in choices.items()})

    def ask(self) -> Any:
        return self._study.ask(self._choices)

    def tell(self, trial: Any, score: float | None) -> None:
        """A trial without a score has failed: it is infeasible, not bad."""
        failed = self._optuna.trial.TrialState.FAIL
        self._study.tell(trial, score, state=failed if score is None else None)


def _optuna() -> Any:
    return need("optuna", "optuna", "BootstrapFewShotWithOptuna")


def _choices(pool: Candidate) -> dict[str, Sequence[Any]]:
    """What there is to choose, from nothing to everything: each bootstrapped demo, and how many of the labelled."""
    choices: dict[str, Sequence[Any]] = {}
    for slot, (made, labelled) in _parts(pool).items():
        choices |= {f"{slot}[{index}]": (False, True) for index in range(len(made))}
        if labelled:
            choices[f"{slot} labelled"] = tuple(sorted({0, len(labelled) // 2, len(labelled)}))
    return choices


def _parts(pool: Candidate) -> dict[str, tuple[list[Example], list[Example]]]:
    """The bootstrapped and the labelled demos of each slot."""
    return {
        slot: (
            [demo for demo in value if demo.provenance.origin != "labelled"],
            [demo for demo in value if demo.provenance.origin == "labelled"],
        )
        for slot, value in pool.values.items()
        if slot.endswith(".demos")
    }


def _chosen(task: Task, pool: Candidate, params: Mapping[str, Any], number: int) -> Candidate:
    """The candidate of one trial. Demos that the person has kept since the bootstrap come first among the labelled, and a labelled one
    that was rejected makes room for the next.
    """
    values, parts, most = dict(task.baseline.values), _parts(pool), [0, 0]
    for predictor in task.predictors:
        slot = f"{predictor.path}.demos"
        made, labelled = parts[slot]
        picked = [demo for index, demo in enumerate(made) if params[f"{slot}[{index}]"]]
        room = params.get(f"{slot} labelled", 0)
        allowed = [demo for demo in labelled if task.archive.demo_refused(slot, demo) is None]
        filling = without_twins([*task.kept(predictor), *allowed], picked)[:room]
        values[slot] = (*picked, *filling)
        most = [max(most[0], len(picked)), max(most[1], len(filling))]
    if not any(most):
        return Candidate(values, (), "baseline", "zero-shot")
    label = f"{most[0]} bootstrapped + {most[1]} labelled demos · trial {number}"
    return Candidate(values, (task.baseline.id,), "bootstrapped", label)
