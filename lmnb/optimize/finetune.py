"""BootstrapFinetune: successful traces as training data for the weights (Khattab et al. 2023, arXiv 2310.03714, section 4.1)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from lmnb.canonical import canonical, content_hash
from lmnb.counts import counted
from lmnb.errors import RunError
from lmnb.example import Example
from lmnb.lm.training import check_trainable
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code
from lmnb.optimize.counts import Counts
from lmnb.optimize.effects import Dropped, Effect, Gate, Report, Result, Rollout, Train
from lmnb.optimize.interval import Interval, exactly
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.search import Search, evaluate, gate, passed
from lmnb.optimize.task import Task
from lmnb.optimize.trained import SLOT

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

Rows = list[dict[str, Any]]


class BootstrapFinetune(Optimizer):
    """Runs a teacher (by default the program itself) over all training examples, and fine-tunes the student's LM on every call of a
    predictor in the runs that the metric calls good: its prompt, with the loss on its reply.

    Labels are needed only where the metric looks at them: a metric that checks an answer against its context trains on bare
    inputs; without a metric every run is learned from. `teacher` may be a list of programs, each of which is run. Equal calls are
    learned once. With `multitask` all predictors that share an LM share the new one; without it each gets its own.
    `exclude_demos` trains on prompts without the student's demos, and takes them out of the result. `adapter` writes the data, and
    is in force during the run; configure it for the result too.

    The LM says how it is trained: `lmnb/tiny` and files of its kind in this process (extra `train`), `Seq2SeqLM` too (extra
    `seq2seq`), any other `LM` by a job at its provider; `train_kwargs` go there, such as `{"epochs": 4}` or `{"n_epochs": 3}`.
    The weights, and the records with the examples that they come from, lie in `weights` of the run's folder (without one,
    in the user's cache folder). A resumed run never trains again what was trained, and goes on with a job that is at work. With a
    `valset` the program before and after is scored, and the better one is returned. Where no run of the teacher is good, the program
    comes back as it was, with a warning that says why.

    Budget: T program runs a teacher, with T training examples, 2 · V for the scores, and the training.

    >>> import lmnb
    >>> data = [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)).with_inputs("question") for n in range(4)]
    >>> def exact(example, made, trace=None):
    ...     return made.answer == example.answer
    >>> teacher = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": str(n + 1)} for n in range(4)]))
    >>> student = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "0"}))
    >>> tuned = lmnb.BootstrapFinetune(exact).compile(student, teacher=teacher, trainset=data, num_threads=1, run_dir=None)
    >>> student(question="2 + 1?").answer, tuned(question="2 + 1?").answer
    ('0', '3')
    """

    takes_teachers = True

    def __init__(
        self,
        metric: Callable[..., Any] | None = None,
        multitask: bool = True,
        train_kwargs: Mapping[str, Any] | None = None,
        adapter: Any = None,
        exclude_demos: bool = False,
        num_threads: int | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(metric=metric, teacher_settings=teacher_settings, max_errors=max_errors)
        self.multitask = multitask
        self.train_kwargs = dict(train_kwargs or {})
        self.adapter = adapter
        self.exclude_demos = exclude_demos
        self.num_threads = num_threads

    def planned(self, **_: Any) -> int:
        return 2

    def counts(self, task: Task, **_: Any) -> Counts:
        teachers, every = 1 + len(task.more_teachers), [{"path": each.path} for each in task.predictors]
        scored = Interval(len(task.examples()), 2 * len(task.examples()))
        taught = exactly(teachers * len(task.trainset))
        return Counts(scored, taught, trainings=Interval(0, len(self.parts(task, every))))

    def attributes(self, run: Run) -> dict[str, Any]:
        if run.state == "finished" and run.reports and not run.reports[0].about.get("calls", 1):
            warnings.warn(
                f"nothing was trained: {run.reports[0].message}. Try the teacher and the metric on one example.",
                stacklevel=4,
            )
        return super().attributes(run)

    def ready(self, code: Code, **_: Any) -> None:
        for predictor in code.program.predictors():
            lm = predictor.lm or code.settings.get("lm")
            if lm is not None:
                check_trainable(lm, self.train_kwargs)

    def search(self, task: Task) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        rows = yield from self.rows(task)
        if not rows:
            return
        parts = self.parts(task, rows)
        results = yield [
            Train(task.baseline, paths, tuple(learned), self.train_kwargs, self.exclude_demos)
            for paths, learned in parts
        ]
        if any(isinstance(result, Dropped) for result in results):
            return
        failed = next((result.error for result in results if result.error is not None), None)
        if failed is not None:
            raise RunError(f"the training failed: {failed}. Once it is mended, run.resume() tries it again.")
        values = dict(task.baseline.values)
        for (paths, _), result in zip(parts, results, strict=True):
            values |= {f"{path}{SLOT}": result.outputs for path in paths}
        if self.exclude_demos:
            values |= {slot: () for slot in values if slot.endswith(".demos")}
        sources = {source for row in rows for source in row["sources"]}
        label = f"fine-tuned on {counted(len(rows), 'call')} from {counted(len(sources), 'example')}"
        candidate = yield from gate(Candidate(values, (task.baseline.id,), "finetuned", label))
        if candidate is not None:
            yield from evaluate(candidate, task)

    def rows(self, task: Task) -> Generator[list[Effect], list[Any], Rows]:
        """The calls of all successful runs, each once, in an order drawn from the seed."""
        teachers = [("teacher", task.teacher or task.baseline)]
        teachers += [(f"teacher {number}", each) for number, each in enumerate(task.more_teachers, 2)]
        asked = [
            Rollout(teacher.without_source(index), index, "train", tracing=True, role=role)
            for role, teacher in teachers
            for index in range(len(task.trainset))
        ]
        results = yield [*asked]
        found: dict[str, dict[str, Any]] = {}
        for rollout, result in zip(asked, results, strict=True):
            for step in task.archive.steps(result) if passed(result, None) else ():
                row = {name: step[name] for name in ("path", "inputs", "outputs")}
                known = found.setdefault(content_hash(row, 24), {**row, "sources": []})
                if rollout.index not in known["sources"]:
                    known["sources"].append(rollout.index)
        rows = yield from _allowed(list(found.values()))
        yield [_told(results, rows)]
        task.rng("rows").shuffle(rows)
        return rows

    def parts(self, task: Task, rows: Rows) -> list[tuple[tuple[str, ...], Rows]]:
        """What is trained together: the paths of predictors that share an LM (each alone without `multitask`), and their rows."""
        by_lm: dict[str, list[str]] = {}
        for predictor in task.predictors:
            held = canonical([predictor.lm, task.baseline.values.get(f"{predictor.path}{SLOT}")])
            by_lm.setdefault(held if self.multitask else predictor.path, []).append(predictor.path)
        taught = {row["path"] for row in rows}
        parts = [tuple(path for path in paths if path in taught) for paths in by_lm.values()]
        return [(paths, [row for row in rows if row["path"] in paths]) for paths in parts if paths]


def _allowed(rows: Rows) -> Generator[list[Effect], list[Any], Rows]:
    """Those that pass the gate as demos do, as they come out of it: what the person has rejected is not learned either, what they edited is."""
    demos = [
        Example({**row["inputs"], **row["outputs"]}).with_origin("bootstrapped", source=row["sources"][0])
        for row in rows
    ]
    if not demos:
        return []
    passing = yield [Gate(demo, f"{row['path']}.demos") for demo, row in zip(demos, rows, strict=True)]
    return [_as_passed(row, demo) for row, demo in zip(rows, passing, strict=True) if demo is not None]


def _as_passed(row: dict[str, Any], demo: Example) -> dict[str, Any]:
    return {**row, **{part: {name: demo[name] for name in row[part]} for part in ("inputs", "outputs")}}


def _told(results: list[Any], rows: Rows) -> Report:
    """What became of the runs: no example is lost without a word."""
    ran = [result for result in results if isinstance(result, Result)]
    failed = [result.error for result in ran if result.error is not None]
    low = sum(not passed(result, None) for result in ran) - len(failed)
    message = f"{counted(len(ran), 'run')} gave {counted(len(rows), 'call')} to learn from"
    if low:
        message += f"; {low} did not satisfy the metric"
    if failed:
        message += f"; {len(failed)} failed, the first with {failed[0]}"
    return Report(message, {"runs": len(ran), "calls": len(rows), "low": low, "failed": len(failed)})
