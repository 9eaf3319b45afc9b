"""BetterTogether: prompts and weights tuned by turns (Soylu, Potts and Khattab 2024, arXiv 2407.10930)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping, Sequence
from copy import copy
from typing import Any

from lmnb.errors import InputError, LmnbError
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code
from lmnb.optimize.counts import Counts, counts_of
from lmnb.optimize.effects import Effect, Report
from lmnb.optimize.finetune import BootstrapFinetune
from lmnb.optimize.interval import Interval, total
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.steps import step_task, within
from lmnb.optimize.task import Task

STRATEGY = "p -> w -> p"


class BetterTogether(Optimizer):
    """Runs optimizers one after the other, by default one of prompts, then one of weights, then that of prompts again on the new
    weights: `strategy="p -> w -> p"` in terms of the names that they are given by.

    By default `p` is `BootstrapFewShotWithRandomSearch`, `w` is `BootstrapFinetune`. Each step goes on from the best candidate that the
    step before made, also where the program was better before it: prompts are to be tuned to the weights that there are. All
    candidates of all steps are scored on one validation set, and the best of them is the result, the earlier one on a tie.
    Where a step fails, the best so far is the result, and a report says why.

    `compile` and `start` also take `strategy`, `valset_ratio` (the part of the training examples that is held out where no `valset` is
    given), `shuffle_trainset_between_steps` and `optimizer_compile_args`, a dict of the arguments of each optimizer's own search. The steps
    share metric, budget, seed and journal: a run that was killed goes on inside its step. An optimizer that asks a `prompt_model` or a
    teacher by `teacher_settings` says it for all.

    Budget: the sum of the steps, and V program runs for the start, with V validation examples.

    >>> import lmnb
    >>> data = [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)).with_inputs("question") for n in range(10)]
    >>> def exact(example, made, trace=None):
    ...     return made.answer == example.answer
    >>> add = lambda messages, **_: {"answer": str(int(messages[-1]["content"].split()[5]) + 1)}
    >>> optimizer = lmnb.BetterTogether(exact, w=lmnb.BootstrapFinetune(exact), p=lmnb.LabeledFewShot(k=2))
    >>> with lmnb.context(lm=lmnb.FakeLM(add)):
    ...     run = optimizer.start(lmnb.Predict("question -> answer"), trainset=data, strategy="w -> p", run_dir=None)
    ...     tuned = run.wait()
    >>> [candidate.label for candidate in run.candidates]
    ['baseline', 'fine-tuned on 9 calls from 9 examples', '2 labelled demos']
    """

    needs_evalset = True

    def __init__(self, metric: Callable[..., Any] | None = None, **optimizers: Optimizer) -> None:
        given = list(optimizers.values())
        for name, each in optimizers.items():
            if not isinstance(each, Optimizer):
                raise InputError(
                    f"{name}={each!r} is no optimizer. BetterTogether takes a metric, and optimizers by the names of its strategy: "
                    "BetterTogether(metric, p=lmnb.MIPROv2(metric), w=lmnb.BootstrapFinetune(metric))."
                )
        settings = [each.teacher_settings for each in given if each.teacher_settings]
        limits = [each.max_errors for each in given if each.max_errors is not None]
        super().__init__(metric, settings[0] if settings else None, max(limits, default=None))
        of_prompts: Any = (
            BootstrapFewShotWithRandomSearch  # asks for a metric, which a run reopened from its folder has not yet
        )
        self.optimizers = optimizers or {"p": of_prompts(metric), "w": BootstrapFinetune(metric)}

    def start(
        self,
        student: Any,
        *,
        trainset: Sequence[Example],
        valset: Sequence[Example] | None = None,
        strategy: str = STRATEGY,
        valset_ratio: float = 0.1,
        shuffle_trainset_between_steps: bool = True,
        optimizer_compile_args: Mapping[str, Mapping[str, Any]] | None = None,
        teacher: Any = None,
        seed: int = 0,
        budget: Budget | None = None,
        **options: Any,
    ) -> Any:
        """`Optimizer.start` with the arguments of this search."""
        self._compatible(steps_of(strategy, self.optimizers))
        if not 0 <= valset_ratio < 1:
            raise InputError(
                f"valset_ratio is {valset_ratio!r}; write a part of the trainset, 0.1 for every tenth example"
            )
        given = dict(optimizer_compile_args or {})
        unknown = sorted(given.keys() - self.optimizers.keys())
        if unknown:
            raise InputError(
                f"optimizer_compile_args names {unknown[0]!r}; the optimizers are {', '.join(self.optimizers)}"
            )
        for name, options_ in given.items():
            _check_own(name, self.optimizers[name], options_ or {})
        asked = {
            name: _options(self._ready(name), student, trainset=trainset, **dict(given.get(name) or {}))
            for name in dict.fromkeys(steps_of(strategy, self.optimizers))
        }
        return super().start(
            student,
            trainset=trainset,
            valset=valset,
            teacher=teacher,
            seed=seed,
            budget=budget,
            strategy=strategy,
            valset_ratio=valset_ratio,
            shuffle_trainset_between_steps=shuffle_trainset_between_steps,
            optimizer_compile_args=asked,
            **options,
        )

    def proposers(self) -> Mapping[str, Any]:
        return {
            f"{name}/{asked}": program
            for name, each in self.optimizers.items()
            for asked, program in each.proposers().items()
        }

    @property
    def proposer_lm(self) -> Any:
        return next((each.proposer_lm for each in self.optimizers.values() if each.proposer_lm is not None), None)

    def libraries(self) -> Mapping[str, str]:
        return {name: version for each in self.optimizers.values() for name, version in each.libraries().items()}

    def ready(self, code: Code, strategy: str = STRATEGY, **_: Any) -> None:
        for name in dict.fromkeys(steps_of(strategy, self.optimizers)):
            self.optimizers[name].ready(code)

    def counts(
        self, task: Task, strategy: str = STRATEGY, optimizer_compile_args: Any = None, **_: Any
    ) -> Counts | None:
        found = []
        for name in steps_of(strategy, self.optimizers):
            counts = counts_of(self._ready(name), task, (optimizer_compile_args or {}).get(name) or {})
            if counts is None:
                return None
            found.append(counts)
        student, teacher, proposals = (
            Interval(getattr(found[0], role).low, total(getattr(each, role) for each in found).high)
            for role in ("student", "teacher", "proposals")
        )  # a later step may begin where nothing is left to be had
        return Counts(
            student,
            teacher,
            proposals,
            demos=max(each.demos for each in found),
            shown=max(each.shown for each in found),
            more_runs=sum(each.more_runs for each in found),
            more_proposals=sum(each.more_proposals for each in found),
            trainings=total(each.trainings for each in found),
        )

    def held_out(self, valset_ratio: float = 0.1, **_: Any) -> float:
        return valset_ratio

    def search(
        self,
        task: Task,
        *,
        strategy: str = STRATEGY,
        valset_ratio: float = 0.1,
        shuffle_trainset_between_steps: bool = True,
        optimizer_compile_args: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        current, steps = task.baseline, steps_of(strategy, self.optimizers)
        for number, name in enumerate(steps, 1):
            order = list(range(len(task.trainset)))
            if shuffle_trainset_between_steps and number > 1:
                task.rng("step", number).shuffle(order)
            options = dict((optimizer_compile_args or {}).get(name) or {})
            place = f"step {number} of {len(steps)} ({name})"
            yield [Report(f"{place}: {type(self.optimizers[name]).__name__} begins with {current.label}")]
            try:
                current = yield from self._step(task, name, number, order, current, options)
            except LmnbError as error:
                if task.leader() is None:
                    raise
                yield [Report(f"{place} failed, and the best so far is the result: {type(error).__name__}: {error}")]
                return

    def _step(
        self, task: Task, name: str, number: int, order: list[int], start: Candidate, options: dict[str, Any]
    ) -> Generator[list[Effect], list[Any], Candidate]:
        """Run one optimizer, and give what the next step goes on from."""
        seed = task.seed if number == 1 else task.rng("seed", number).getrandbits(32)
        own = step_task(task, start, order, seed)
        yield from within(self._ready(name).search(own, **options), name, order)
        return next(iter(own.archive.made()), start)

    def _ready(self, name: str) -> Optimizer:
        """The optimizer with the metric of the whole, where it has none."""
        ready = copy(self.optimizers[name])
        ready.metric = ready.metric or self.metric
        return ready

    def _compatible(self, steps: Sequence[str]) -> None:
        """InputError for optimizers that cannot share one run."""
        for name in steps:
            each = self.optimizers[name]
            if not isinstance(each, Optimizer) or not each.needs_trainset:
                raise InputError(f"{name}={each!r} is no optimizer that learns from a trainset, so it cannot be a step")
            if each.metric is not None and self.metric is not None and each.metric is not self.metric:
                raise InputError(
                    f"{name}={each!r} has another metric than BetterTogether; the steps of a run share one: give {type(each).__name__} the same"
                )
            if each.teacher_settings and each.teacher_settings != self.teacher_settings:
                raise InputError(
                    f"{name}={each!r} has other teacher_settings than the rest; give all the same, or only one"
                )
            if each.proposer_lm is not None and each.proposer_lm is not self.proposer_lm:
                raise InputError(
                    f"{name}={each!r} has another prompt_model than the rest; give all the same, or only one"
                )


def steps_of(strategy: str, optimizers: Mapping[str, Any]) -> list[str]:
    """The names of the steps. InputError for one that is no optimizer's.

    >>> steps_of("p -> w -> p", {"p": 1, "w": 2})
    ['p', 'w', 'p']
    """
    steps = [name.strip() for name in strategy.split("->")] if isinstance(strategy, str) else []
    wrong = [name for name in steps if name not in optimizers]
    if not steps or wrong:
        named = f"names {wrong[0]!r}" if wrong else "is no text"
        raise InputError(
            f"the strategy {strategy!r} {named}; write names of the optimizers ({', '.join(optimizers)}) with '->' between them, as in "
            f"{' -> '.join(optimizers)!r}"
        )
    return steps


def _check_own(name: str, optimizer: Optimizer, given: Mapping[str, Any]) -> None:
    """InputError for an argument that is one of the whole run's."""
    of_run = (
        inspect.signature(Optimizer.start).parameters.keys() - inspect.signature(optimizer.search).parameters.keys()
    )
    wrong = sorted(of_run & given.keys() - {"options"})
    if wrong:
        raise InputError(
            f"optimizer_compile_args[{name!r}] has {wrong[0]!r}, which all steps of a run share. "
            f"Write compile(..., {wrong[0]}=...) of BetterTogether."
        )


def _options(optimizer: Optimizer, student: Any, **given: Any) -> dict[str, Any]:
    """The options of the optimizer's search, checked and filled in as its `start` does; nothing is started."""
    return optimizer._started_with(lambda header, *_, **__: header.options, student, **given)
