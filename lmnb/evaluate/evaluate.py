"""`Evaluate`: a program over a set of examples, each a row, failures included."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from lmnb import settings
from lmnb.counts import whole_number
from lmnb.errors import BudgetExceeded, Cancelled, InputError, SaveError, SystematicFailure
from lmnb.evaluate.report import Report
from lmnb.evaluate.run_example import Row
from lmnb.evaluate.workers import ExampleWorkers
from lmnb.example import Example
from lmnb.json_file import check_writable
from lmnb.modules.progress import progress
from lmnb.signature import Signature
from lmnb.trace import span

POLL = 0.1


class Evaluate:
    """Calls a program on every example of `devset`, scores it by `metric`, and gives a `Report`.

    `num_threads` examples run side by side (default: the setting of that name), on threads; a program that can only be
    awaited runs on one event loop of its own. `timeout` is in seconds an example. A failed example is a row
    with an error; it counts as `failure_score` and is shown as failed. When the first `max_errors` examples that finish
    have all failed, or when all did, SystematicFailure says why. An interrupt gives the report of what was finished.
    `provide_traceback` (default: the setting) adds the stack to the rows' errors. `save_as_csv` and `save_as_json` are files
    that each report is written to. `display_table` is accepted and not needed: a report shows itself.

    >>> import lmnb
    >>> devset = [lmnb.Example(question=f"{n} + {n}?", answer=str(2 * n)).with_inputs("question") for n in range(4)]
    >>> program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages, **options: {"answer": "4"}))
    >>> lmnb.Evaluate(devset, lmnb.evaluate.answer_exact_match)(program).score
    25.0
    """

    def __init__(
        self,
        devset: Sequence[Example] = (),
        metric: Callable[..., Any] | None = None,
        *,
        num_threads: int | None = None,
        display_progress: bool = False,
        display_table: bool | int = False,
        max_errors: int | None = None,
        timeout: float | None = None,
        provide_traceback: bool | None = None,
        failure_score: float = 0.0,
        save_as_csv: str | Path | None = None,
        save_as_json: str | Path | None = None,
    ) -> None:
        self.devset = devset
        self.metric = metric
        self.num_threads = num_threads
        self.display_progress = display_progress
        self.display_table = display_table
        self.max_errors = max_errors
        self.timeout = timeout
        self.provide_traceback = provide_traceback
        self.failure_score = failure_score
        self.save_as_csv = save_as_csv
        self.save_as_json = save_as_json

    def __call__(
        self,
        program: Callable[..., Any],
        metric: Callable[..., Any] | None = None,
        devset: Sequence[Example] | None = None,
        num_threads: int | None = None,
        display_progress: bool | None = None,
        display_table: bool | int | None = None,
        callback_metadata: Mapping[str, Any] | None = None,
        save_as_csv: str | Path | None = None,
        save_as_json: str | Path | None = None,
    ) -> Report:
        """The report of `program`; the other arguments stand in for those of the constructor. `callback_metadata` is for
        callbacks, which find it in their inputs.
        """
        given = _given(program, metric, devset, num_threads, callback_metadata)
        files = self._files(save_as_csv, save_as_json)
        with span("evaluate", "Evaluate", inputs=given, instance=self, apart=True) as opened:
            workers = self._workers(program, metric, devset, num_threads)
            shown = self.display_progress if display_progress is None else display_progress
            opened.result = report = self._collect(workers, shown)
        self._save(report, files)
        return report

    async def acall(
        self,
        program: Callable[..., Any],
        metric: Callable[..., Any] | None = None,
        devset: Sequence[Example] | None = None,
        num_threads: int | None = None,
        display_progress: bool | None = None,
        display_table: bool | int | None = None,
        callback_metadata: Mapping[str, Any] | None = None,
        save_as_csv: str | Path | None = None,
        save_as_json: str | Path | None = None,
    ) -> Report:
        """`__call__` for asynchronous code: the work is done in threads, the caller's loop stays free."""
        given = _given(program, metric, devset, num_threads, callback_metadata)
        files = self._files(save_as_csv, save_as_json)
        with span("evaluate", "Evaluate", inputs=given, instance=self, apart=True) as opened:
            workers = self._workers(program, metric, devset, num_threads)
            shown = self.display_progress if display_progress is None else display_progress
            try:
                opened.result = report = await asyncio.to_thread(self._collect, workers, shown)
            finally:
                workers.stop()
        if files:
            await asyncio.to_thread(self._save, report, files)
        return report

    def _files(self, csv: str | Path | None, json: str | Path | None) -> dict[str, Path]:
        """Where the report goes, by form; SaveError before anything is paid for where it cannot."""
        named = {"csv": csv or self.save_as_csv, "json": json or self.save_as_json}
        files = {form: Path(path) for form, path in named.items() if path is not None}
        for path in files.values():
            check_writable(path)
        return files

    def _save(self, report: Report, files: Mapping[str, Path]) -> None:
        for form, path in files.items():
            try:
                report.save(path, format=form)
            except SaveError as error:  # what was paid for is not lost with it
                warnings.warn(f"the report is not saved: {error}", stacklevel=3)

    def _workers(
        self,
        program: Callable[..., Any],
        metric: Callable[..., Any] | None,
        devset: Sequence[Example] | None,
        num_threads: int | None,
    ) -> ExampleWorkers:
        given = self.devset if devset is None else devset
        if isinstance(given, (str, Mapping, Example)) or not isinstance(given, Iterable):
            raise InputError(f"the devset is a list of examples, not {given!r}. Write Evaluate(devset=[...]).")
        examples = list(given)
        if not examples:
            raise InputError("there is nothing to evaluate on: the devset is empty. Write Evaluate(devset=[...]).")
        scored_by = metric or self.metric
        if scored_by is None:
            raise InputError("Evaluate has no metric. Write Evaluate(devset, metric), def metric(example, prediction).")
        if isinstance(program, type):
            made = f"lmnb.Predict({program.__name__})" if issubclass(program, Signature) else f"{program.__name__}(...)"
            raise InputError(f"Evaluate calls a program, and {program.__name__} is a class. Write evaluate({made}).")
        if not callable(program):
            raise InputError(f"Evaluate calls a program, and {program!r} cannot be called.")
        for index, example in enumerate(examples):
            if not isinstance(example, Example):
                raise InputError(
                    f"example {index} of the devset is {example!r}, which is no Example. Write lmnb.Example(...).with_inputs(...)."
                )
        threads = num_threads or self.num_threads or settings.current("num_threads")
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise InputError(f"num_threads is {threads!r}; write 1 or more.")
        whole_number("max_errors", self._patience, "after how many failures of all so far it gives up", least=0)
        seconds = self.timeout
        if seconds is not None and (
            isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0
        ):
            raise InputError(
                f"timeout is {seconds!r}: write the seconds that an example may take, or None for no limit."
            )
        return ExampleWorkers(program, examples, scored_by, num_threads=threads, timeout=self.timeout)

    def _collect(self, workers: ExampleWorkers, shown: bool) -> Report:
        total = len(workers.examples)
        patience = min(total, self._patience)
        rows: dict[int, Row] = {}
        started, interrupted = perf_counter(), False
        with progress(total, "Evaluate", shown) as show:
            try:
                workers.start()
                while len(rows) < total and not workers.stopped:
                    for row in workers.finished(POLL):
                        rows[row.index] = self._shown(row)
                    show(len(rows), *_tally(rows.values()) if shown else (None, 0))
                    if len(rows) >= patience and all(row.error is not None for row in rows.values()):
                        raise _systematic(list(rows.values()), total)
            except KeyboardInterrupt:
                interrupted = True
            except (BudgetExceeded, Cancelled) as error:
                error.add_note(f"{len(rows)} of {total} examples were evaluated before.")
                raise
            finally:
                workers.stop()
        return Report(
            tuple(rows[index] for index in sorted(rows)),
            total=total,
            failure_score=self.failure_score,
            interrupted=interrupted,
            seconds=perf_counter() - started,
            program=workers.program_name,
            metric=workers.metric_name,
        )

    @property
    def _patience(self) -> int:
        return settings.current("max_errors") if self.max_errors is None else self.max_errors

    def _shown(self, row: Row) -> Row:
        if row.error is None or not settings.chosen("provide_traceback", self.provide_traceback):
            return row
        return row.with_error(f"{row.error}\n{row.traceback}".rstrip())


def _given(program: Any, metric: Any, devset: Any, num_threads: Any, callback_metadata: Any) -> dict[str, Any]:
    """What a callback is told of a call."""
    given = {"metric": metric, "devset": devset, "num_threads": num_threads, "callback_metadata": callback_metadata}
    return {"program": program, **{name: value for name, value in given.items() if value is not None}}


def _tally(rows: Any) -> tuple[float | None, int]:
    scores = [row.score for row in rows if row.score is not None]
    return (math.fsum(scores) / len(scores) if scores else None), len(rows) - len(scores)


def _systematic(rows: list[Row], total: int) -> SystematicFailure:
    cause = rows[0].error or ""
    kinds = sorted({row.error_kind or "program" for row in rows})
    other = sorted({row.error or "" for row in rows} - {cause})
    how_many = f"the first {len(rows)} examples all" if len(rows) < total else f"all {total} examples"
    how_many = "the only example" if total == 1 else how_many
    told = f"{how_many} failed in the {' and '.join(kinds)}: {cause}"
    told += f" (and {len(other)} other errors, such as {other[0]})" if other else ""
    failure = SystematicFailure(
        f"{told}{'' if told[-1] in '.?!' else '.'} Try it on one example: program(**example.inputs()), then "
        "metric(example, prediction).",
        cause=cause,
    )
    failure.__cause__ = rows[0].exception
    return failure
