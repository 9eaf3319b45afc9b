"""The examples of an evaluation side by side, each run and scored as a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmnb.evaluate.run_example import Row, arun_example, needs_loop, run_example
from lmnb.example import Example
from lmnb.modules.workers import Workers


class ExampleWorkers(Workers[Row]):
    """Runs every example once; one that takes longer than `timeout` seconds is a row with an error."""

    def __init__(
        self,
        program: Callable[..., Any],
        examples: list[Example],
        metric: Callable[..., Any],
        *,
        num_threads: int,
        timeout: float | None,
    ) -> None:
        super().__init__(len(examples), num_threads=num_threads, timeout=timeout)
        self.program, self.examples, self.metric = program, examples, metric
        self.program_name, self.metric_name = (getattr(f, "__name__", type(f).__name__) for f in (program, metric))
        self.on_one_loop = needs_loop(program)

    def run(self, index: int) -> Row:
        return run_example(self.program, self.examples[index], self.metric, index=index)

    async def arun(self, index: int) -> Row:
        return await arun_example(self.program, self.examples[index], self.metric, index=index)

    def late(self, index: int, seconds: float) -> Row:
        error = f"timed out after {self.timeout:g} s an example. Evaluate(timeout=...) sets the limit."
        return Row(index, self.examples[index], error=error, error_kind="timeout", seconds=seconds)
