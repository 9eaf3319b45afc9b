"""When to give up: examples that fail one after the other, by the program's or the metric's fault and not the model's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lmnb.errors import SystematicFailure
from lmnb.optimize.effects import Result
from lmnb.optimize.recording import is_fault


class Faults:
    """Counts in the order of the batches, recorded results included, so that a resumed run judges as an uninterrupted one.

    Inside a batch, where results come in any order, only a batch in which nothing has worked yet ends the run.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row: list[Result] = []
        self._proposals: list[Result] = []  # a row of their own, whatever the rollouts between them give
        self._in_batch: list[Result] = []
        self._batch_works = self._anything_works = False

    def watch(self, result: Result) -> None:
        """A result of the batch that is running. Raises SystematicFailure."""
        if not is_fault(result):
            self._batch_works = True
        elif not self._batch_works:
            self._in_batch.append(result)
            self._check([*self._in_a_row, *self._in_batch])

    def close(self, results: Iterable[Any], proposals: Iterable[Any]) -> None:
        """What the batch's rollouts and its proposals gave, in order. Raises SystematicFailure."""
        self._in_batch, self._batch_works = [], False
        for result in proposals:
            if isinstance(result, Result):
                self._proposals = [*self._proposals, result] if is_fault(result) else []
                self._check(self._proposals)
        for result in results:
            if isinstance(result, Result):
                if is_fault(result):
                    self._in_a_row.append(result)
                    self._check(self._in_a_row)
                else:
                    self._in_a_row, self._anything_works = [], True

    def end(self, scored: Iterable[Result]) -> None:
        """The search is over: a run in which nothing worked, or no example that candidates are `scored` on, has failed, however short it was."""
        if self._in_a_row and not self._anything_works:
            self._fail(self._in_a_row)
        results = list(scored)
        if results and all(is_fault(result) for result in results):
            self._fail(results)

    def _check(self, faults: list[Result]) -> None:
        if len(faults) >= self._limit:
            self._fail(faults)

    def _fail(self, faults: list[Result]) -> None:
        cause, place = str(faults[0].error), faults[0].error_kind or "program"
        stop = "" if cause[-1:] in ".?!" else "."
        raise SystematicFailure(
            f"{len(faults)} examples in a row failed in the {place}, so the run ends: {cause}{stop} "
            "Try it on one example: program(**example.inputs()), then metric(example, prediction).",
            cause=cause,
        )
