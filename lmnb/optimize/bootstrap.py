"""BootstrapFewShot: the program's own successful traces as demos (Khattab et al. 2023, arXiv 2310.03714, section 4)."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from lmnb.canonical import content_hash
from lmnb.counts import counted, threshold, whole_number
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts, bootstraps, is_new
from lmnb.optimize.effects import Effect, Report, Result, Rollout
from lmnb.optimize.interval import Interval
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.rationalize import gives_away, hinted
from lmnb.optimize.search import Search, allowed_demos, evaluate, gate, labelled, passed, without_twins
from lmnb.optimize.task import Predictor, Task


class BootstrapFewShot(Optimizer):
    """Runs a teacher (by default the program itself) over training examples; each success gives every predictor its own step as a demo.

    Up to `max_bootstrapped_demos` successes are collected, each example in up to `max_rounds` tries; labelled examples fill up to
    `max_labeled_demos`. `metric_threshold` is what a score must reach (0 counts as a threshold); without it a score must be true, and the run
    says where one between 0 and 1 counted.
    `teacher_settings` (for instance `{"lm": strong_lm}`) hold while the teacher runs. With a `valset` the program before and after is scored,
    and the better one is returned.

    A teacher that is not compiled shows labelled demos, which lack what leads to the answer and may have it answer at once: where it fails
    with them, the second round asks it without, and further rounds are fresh samples of the two by turns, at temperature 1.

    With `rationalize` an example that the teacher cannot do is asked again with its labels as a hint, where successes are still wanted:
    if the answer is then right, the reasoning becomes a demo of origin "rationalized", which does not hold the hint (STaR: Zelikman et
    al. 2022, arXiv 2203.14465). So a program that gets nothing right can begin. One program run more for each such example.

    >>> import lmnb
    >>> world, student = lmnb.testing, lmnb.testing.TwoCalls()
    >>> with lmnb.context(lm=lmnb.FakeLM(world.reply)):
    ...     run = lmnb.BootstrapFewShot(world.exact, max_bootstrapped_demos=2).start(student, trainset=world.questions(0, 9), run_dir=None)
    ...     [demo.question for demo in run.wait().rewrite.demos if "query" in demo]
    ['q0', 'q1']
    """

    learns_demos_only = True

    def __init__(
        self,
        metric: Callable[..., Any] | None = None,
        metric_threshold: float | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        max_errors: int | None = None,
        rationalize: bool = False,
    ) -> None:
        super().__init__(metric=metric, teacher_settings=teacher_settings, max_errors=max_errors)
        self.metric_threshold = threshold(
            "metric_threshold", metric_threshold, "the score that a demo's run must reach"
        )
        self.max_bootstrapped_demos = whole_number(
            "max_bootstrapped_demos", max_bootstrapped_demos, "how many demos a teacher makes at most", least=0
        )
        self.max_labeled_demos = whole_number(
            "max_labeled_demos", max_labeled_demos, "how many demos a predictor has at most", least=0
        )
        self.max_rounds = whole_number("max_rounds", max_rounds, "how often the teacher tries an example")
        self.rationalize = rationalize

    def counts(self, task: Task, **_: Any) -> Counts:
        V, new = len(task.examples()), is_new(task, self.max_labeled_demos)
        runs = bootstraps(task, self.max_bootstrapped_demos, self.max_rounds + self.rationalize)
        return Counts(Interval(V + new * V, 2 * V), runs, demos=self.most_demos)

    @property
    def most_demos(self) -> int:
        """How many demos a predictor shows at most."""
        return max(self.max_bootstrapped_demos or 0, self.max_labeled_demos)

    def search(self, task: Task) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        proposed = yield from self.bootstrapped(task, range(len(task.trainset)), self.max_bootstrapped_demos)
        candidate = yield from gate(proposed)
        if candidate is not None:
            yield from evaluate(candidate, task)
        return proposed if candidate is None else candidate

    def bootstrapped(
        self,
        task: Task,
        order: Sequence[int],
        wanted: int,
        *,
        seed: int | None = None,
        teacher: Candidate | None = None,
    ) -> Generator[list[Effect], list[Any], Candidate]:
        """A candidate with up to `wanted` bootstrapped demos a predictor, from training examples taken in `order`, filled up with labelled ones."""
        bare = task.teacher or task.baseline
        if teacher is None:
            teacher = yield from self.teacher(task)
        else:
            bare = teacher
        teachers = list(dict.fromkeys((teacher, bare)))
        made: dict[str, list[Example]] = {predictor.path: [] for predictor in task.predictors}
        used: set[int] = set()
        partial: list[float] = []
        position = 0
        while len(used) < wanted and position < len(order):
            # as many examples as successes are still wanted: run side by side, yet never one more than one by one would have needed
            block = order[position : position + wanted - len(used)]
            position += len(block)
            successes = yield from self._successes(teachers, block)
            partial += [result.value for _, result in successes if 0 < result.value < 1]
            for index, result in successes:
                yield from _collected(task, _demos_of(task, result, index), index, made, used)
        if not used and position and len(teachers) > self.max_rounds and seed in (None, -1):
            yield [Report("no example succeeded with labelled demos: max_rounds=2 asks the teacher without them too")]
        if self.rationalize and len(used) < wanted:
            failed = [index for index in order[:position] if index not in used]
            yield from self._rationalized(task, teacher, failed, wanted, made, used)
        if partial and self.metric_threshold is None and seed in (None, -1):
            news = f"{counted(len(partial), 'run')} with a score between 0 and 1, the lowest {min(partial):.3g}, counted as a success"
            yield [Report(f"{news}: give metric_threshold= where that is not good enough for a demo")]
        values = dict(task.baseline.values)
        rng = task.rng("fill", seed)
        for predictor in task.predictors:
            rest = yield from self._labelled_rest(task, predictor, used)
            chosen = without_twins(made[predictor.path][:wanted], [])
            kept = without_twins(task.kept(predictor), chosen)
            room = max(0, self.max_labeled_demos - len(chosen))
            fill = kept[:room]
            rest = without_twins(rest, [*chosen, *fill])
            fill += rng.sample(rest, max(0, min(room - len(fill), len(rest))))
            values[f"{predictor.path}.demos"] = (*chosen, *fill)
        sizes = [len(made[predictor.path]) for predictor in task.predictors]
        total = [len(values[f"{predictor.path}.demos"]) for predictor in task.predictors]
        label = f"{max(sizes, default=0)} bootstrapped + {max(total, default=0) - max(sizes, default=0)} labelled demos"
        if seed is not None:
            label += f" · seed {seed}" if seed >= 0 else " · in order"
        return Candidate(values, (task.baseline.id,), "bootstrapped", label)

    def teacher(self, task: Task) -> Generator[list[Effect], list[Any], Candidate]:
        """The teacher's candidate: the one given if it is compiled, else with labelled demos."""
        teacher = task.teacher or task.baseline
        if task.teacher_compiled or self.max_labeled_demos <= 0:
            return teacher
        return (yield from labelled(task, self.max_labeled_demos, base=teacher))

    def _successes(
        self, teachers: Sequence[Candidate], block: Sequence[int]
    ) -> Generator[list[Effect], list[Any], list[tuple[int, Result]]]:
        found: dict[int, Result] = {}
        for round_number in range(self.max_rounds):
            left = [index for index in block if index not in found]
            if not left:
                break
            teacher, sample = teachers[round_number % len(teachers)], round_number // len(teachers)
            results = yield [
                Rollout(
                    teacher.without_source(index),
                    index,
                    "train",
                    rollout_id=sample,
                    temperature=1.0 if sample else None,
                    tracing=True,
                    role="teacher",
                )
                for index in left
            ]
            found |= {
                index: result
                for index, result in zip(left, results, strict=True)
                if passed(result, self.metric_threshold)
            }
        return [(index, found[index]) for index in block if index in found]

    def _rationalized(
        self,
        task: Task,
        teacher: Candidate,
        failed: Sequence[int],
        wanted: int,
        made: dict[str, list[Example]],
        used: set[int],
    ) -> Generator[list[Effect], list[Any], None]:
        """Demos from examples that the teacher could do once it was told their labels."""
        asked = [(index, told) for index in failed if (told := hinted(task, teacher, index)) is not None]
        before = len(used)
        while asked and len(used) < wanted:
            block, asked = asked[: wanted - len(used)], asked[wanted - len(used) :]
            results = yield [Rollout(told, index, "train", tracing=True, role="teacher") for index, told in block]
            for (index, _), result in zip(block, results, strict=True):
                if passed(result, self.metric_threshold):
                    yield from _collected(task, _demos_of(task, result, index, "rationalized"), index, made, used)
        yield [
            Report(
                f"{len(used) - before} of {len(failed)} examples that failed gave a demo with their labels as a hint"
            )
        ]

    def _labelled_rest(
        self, task: Task, predictor: Predictor, used: set[int]
    ) -> Generator[list[Effect], list[Any], list[Example]]:
        fitting = [
            demo.with_origin("labelled", source=index)
            for index, example in enumerate(task.trainset)
            if index not in used and (demo := predictor.labelled(example)) is not None
        ]
        return (yield from allowed_demos(fitting, f"{predictor.path}.demos"))


def _collected(
    task: Task, demos: Mapping[str, Example], index: int, made: dict[str, list[Example]], used: set[int]
) -> Generator[list[Effect], list[Any], None]:
    """Keep those of an example's demos that pass the gate."""
    for predictor in task.predictors:
        if predictor.path in demos:
            kept = yield from gate(demos[predictor.path], f"{predictor.path}.demos")
            if kept is not None:
                made[predictor.path].append(kept)
                used.add(index)


def _demos_of(task: Task, result: Result, index: int, origin: str = "bootstrapped") -> dict[str, Example]:
    """One demo a predictor from a rollout's steps. Of several calls the last is taken half of the time, else an earlier one, drawn by their hash."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for step in task.archive.steps(result):
        if origin == "bootstrapped" or not gives_away(step["inputs"], step["outputs"]):
            steps.setdefault(step["path"], []).append({**step["inputs"], **step["outputs"]})
    demos = {}
    for path, calls in steps.items():
        rng = random.Random(int(content_hash(calls, 16), 16))
        chosen = calls[-1] if len(calls) == 1 or rng.random() < 0.5 else rng.choice(calls[:-1])
        demos[path] = Example(chosen).with_origin(origin, source=index)
    return demos
