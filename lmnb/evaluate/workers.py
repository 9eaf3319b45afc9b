"""The examples of an evaluation side by side, each run and scored as a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmnb.evaluate.run_example import Row, arun_example, needs_loop, run_example
from lmnb.example import Example
from lmnb.modules.module import Module
from lmnb.modules.workers import Workers

LONGEST = 80  # characters of a signature, and of what made a program


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
        self.program_name, self.metric_name = program_words(program), getattr(metric, "__name__", type(metric).__name__)
        self.on_one_loop = needs_loop(program)

    def run(self, index: int) -> Row:
        return run_example(self.program, self.examples[index], self.metric, index=index)

    async def arun(self, index: int) -> Row:
        return await arun_example(self.program, self.examples[index], self.metric, index=index)

    def late(self, index: int, seconds: float) -> Row:
        error = f"timed out after {self.timeout:g} s an example. Evaluate(timeout=...) sets the limit."
        return Row(index, self.examples[index], error=error, error_kind="timeout", seconds=seconds)


def program_words(program: Callable[..., Any]) -> str:
    """What tells a program from another one beside it: its name, its signature where it is one of lmnb's own modules, and what an
    optimizer says that it made.

    >>> import lmnb
    >>> program_words(lmnb.Predict("ticket -> team")), program_words(len)
    ('Predict(ticket -> team)', 'len')
    """
    words = str(getattr(program, "__name__", type(program).__name__))
    if not isinstance(program, Module):
        return words
    named = program.named_predictors()
    if type(program).__module__.startswith("lmnb.") and len(named) == 1:
        words += f"({_cut(named[0][1].signature.signature)})"
    made = program.provenance.get("made_by")
    words += f", {_cut(made)}" if isinstance(made, str) and made else ""
    return f"{words}, edited since" if program.provenance.get("edited") else words


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
