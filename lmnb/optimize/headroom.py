"""The headroom test: what cheap candidates gain, before anything is spent on a search."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.lm.budget import Budget
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.effects import Effect
from lmnb.optimize.headroom_result import Headroom
from lmnb.optimize.interval import Interval
from lmnb.optimize.launch import AUTO
from lmnb.optimize.search import Search, allowed_demos, evaluate, gate, without_twins
from lmnb.optimize.task import Task

SIZES = (4, 8, 16)  # labelled demos
MADE = (2, 4, 8)  # bootstrapped demos


def headroom(
    program: Any,
    *,
    trainset: Sequence[Example],
    valset: Sequence[Example] | None = None,
    metric: Callable[..., Any],
    num_candidates: int = 12,
    teacher: Any = None,
    teacher_settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    run_dir: str | Path | None = AUTO,
    num_threads: int | None = None,
) -> Headroom:
    """Whether optimizing a program is worth its price: a run of `num_candidates` cheap candidates, and what choosing among them gains.

    The candidates are the program as it is, the same without demos, and labelled and bootstrapped demos of several numbers and draws, each scored
    on the whole `valset` (without one, on a third of the trainset). The gain is judged on examples that had no part in the choice (see
    `lmnb.evaluate.selection`), so that the best of many equal candidates shows none. It is a run like any other: seeded, held to its budget,
    kept in its folder, resumed by `lmnb.reopen(path).resume()` and read again by `lmnb.Headroom.of(run)`.

    Budget: at most `num_candidates` × V program runs and one run of the teacher on each training example (`HeadroomTest(metric).plan(...)`).
    In a study at equal budgets half of the optimizer runs ended below the program that they began with (arXiv 2604.14585).

    >>> import lmnb
    >>> rows = [lmnb.Example(question=f"{n} + {n}?", answer=str(2 * n)).with_inputs("question") for n in range(48)]
    >>> def says(messages):
    ...     asked = messages[-1]["content"]
    ...     right = next(row.answer for row in rows if f"\\n{row.question}" in asked)
    ...     return {"answer": right if len(messages) > 2 else f"It is {right}."}
    >>> def exact(example, prediction, trace=None):
    ...     return example.answer == prediction.answer
    >>> with lmnb.context(lm=lmnb.FakeLM(says)):
    ...     room = lmnb.headroom(lmnb.Predict("question -> answer"), trainset=rows[:24], valset=rows[24:], metric=exact, num_candidates=4)
    >>> room.verdict
    'headroom'
    >>> room.gain > 50, room.low > 0
    (True, True)
    """
    test = HeadroomTest(metric, num_candidates=num_candidates, teacher_settings=teacher_settings)
    given = {"trainset": trainset, "valset": valset, "teacher": teacher, "num_threads": num_threads}
    run = test.start(program, seed=seed, budget=budget, run_dir=run_dir, **given)
    run.wait()
    return Headroom.of(run)


class HeadroomTest(BootstrapFewShot):
    """The search of `headroom`: `num_candidates` candidates with demos as they come, none of which builds on the score of another.

    >>> import lmnb
    >>> lmnb.HeadroomTest(lmnb.evaluate.answer_exact_match)
    HeadroomTest(num_candidates=12, metric_threshold=None, teacher_settings={}, max_errors=None)
    """

    needs_evalset = True

    def __init__(
        self,
        metric: Callable[..., Any] | None = None,
        num_candidates: int = 12,
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_bootstrapped_demos=max(MADE),
            max_labeled_demos=max(SIZES),
            max_errors=max_errors,
        )
        self.num_candidates = whole_number("num_candidates", num_candidates, "how many candidates are tried", least=2)

    def planned(self, **_: Any) -> int:
        return self.num_candidates

    def counts(self, task: Task, **_: Any) -> Counts:
        V, new = len(task.examples()), is_new(task, 1)
        teacher = (
            bootstraps(task, MADE[0], 1) if self.num_candidates > 2 + (not new) else Interval(0, len(task.trainset))
        )
        more = len(task.trainset)
        return Counts(Interval(V + new * V, V * self.num_candidates), teacher, demos=max(*SIZES, *MADE), more_runs=more)

    def start(self, student: Any, **options: Any) -> Any:
        if self.metric is None:
            raise InputError(
                "the headroom test scores its candidates. Write headroom(program, metric=..., trainset=...)."
            )
        return super().start(student, **options)

    def search(self, task: Task) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        bare = {slot: () if slot.endswith(".demos") else value for slot, value in task.baseline.values.items()}
        waiting = [Candidate(bare, (task.baseline.id,), "baseline", "no demos")]
        scored, draw = {task.baseline.id}, 0
        while len(scored) < self.num_candidates and draw <= 2 * self.num_candidates:
            if not waiting:
                labelled = yield from self.drawn(task, SIZES[draw % len(SIZES)], draw)
                waiting = [labelled, (yield from self.shuffled(task, MADE[draw % len(MADE)], draw))]
                draw += 1
            proposed = waiting.pop(0)
            if proposed.id in scored:
                continue
            candidate = yield from gate(proposed)
            if candidate is not None:
                yield from evaluate(candidate, task)
            scored.add(proposed.id if candidate is None else candidate.id)

    def drawn(self, task: Task, size: int, number: int) -> Generator[list[Effect], list[Any], Candidate]:
        """Draw `number` of `size` training examples, as demos of every predictor."""
        order = list(range(len(task.trainset)))
        task.rng("labelled draw", number).shuffle(order)
        values = dict(task.baseline.values)
        for part in task.predictors:
            found = [(index, part.labelled(task.trainset[index])) for index in order]
            demos = [demo.with_origin("labelled", source=index) for index, demo in found if demo is not None]
            allowed = yield from allowed_demos(demos, f"{part.path}.demos")
            values[f"{part.path}.demos"] = tuple(without_twins([*task.kept(part), *allowed], [])[:size])
        most = max(len(values[f"{part.path}.demos"]) for part in task.predictors)
        return Candidate(values, (task.baseline.id,), "labelled", f"{most} labelled demos · draw {number + 1}")

    def shuffled(self, task: Task, size: int, number: int) -> Generator[list[Effect], list[Any], Candidate]:
        """A bootstrap of `size` demos from the training examples in an order of its own."""
        order = list(range(len(task.trainset)))
        task.rng("bootstrapped draw", number).shuffle(order)
        return (yield from self.bootstrapped(task, order, size, seed=number))
