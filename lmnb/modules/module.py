"""Module: a program, or a part of one. Subclasses write `forward`, `aforward` or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Self, TextIO

from lmnb.callbacks import as_callbacks
from lmnb.calls import CallHistory, history, write_history
from lmnb.errors import LmnbError
from lmnb.leash import in_thread
from lmnb.lm.drive import drive
from lmnb.loops import run_to_end
from lmnb.modules import backtrack
from lmnb.modules.parallel import STRAGGLERS, TIMEOUT, Parallel
from lmnb.modules.written import Written, forward_parameters
from lmnb.prediction import Prediction
from lmnb.trace import Trace, span


class Module(Written):
    """The base of programs. Parts are attributes, also in lists and dicts; calling it runs `forward`.

    >>> import lmnb
    >>> class Shout(lmnb.Module):
    ...     def __init__(self):
    ...         self.answer = lmnb.Predict("question -> answer")
    ...     def forward(self, question):
    ...         return lmnb.Prediction(answer=self.answer(question=question).answer.upper())
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "paris"}])):
    ...     Shout()(question="The capital of France?")
    Prediction(answer='PARIS')
    """

    callbacks: Any = ()
    provenance: Mapping[str, Any] = MappingProxyType({})  # optimizer, seed, scores, ...: saved with the program

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["_made_with"] = (args, kwargs)  # for an export as Python
        return made

    def __init__(self, callbacks: Any = None) -> None:
        if callbacks:
            self.callbacks = as_callbacks(callbacks)

    # -- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return drive(self._call(args, kwargs, sync=True))

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in asynchronous code: awaits `aforward`, or runs `forward` in a thread where there is none."""
        return await self._call(args, kwargs, sync=False)

    async def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        """The one core of `__call__` and `acall`; with `sync` it never suspends."""
        inputs = {**dict(zip(forward_parameters(type(self)), args, strict=False)), **kwargs} if args else kwargs
        with span("module", type(self).__name__, inputs=inputs, module=self, instance=self) as opened:
            if backtrack.running() is None:  # the outermost program: checks inside run it again
                result = await backtrack.backtracking(lambda: self._run(args, kwargs, sync=sync), opened)
            else:
                result = await self._run(args, kwargs, sync=sync)
            opened.outputs = (
                result.toDict()
                if isinstance(result, Prediction)
                else result
                if isinstance(result, dict)
                else {"result": result}
            )
            opened.result = result = result.with_trace(Trace(opened)) if isinstance(result, Prediction) else result
        return result

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        forward, aforward = getattr(self, "forward", None), getattr(self, "aforward", None)
        if forward is None and aforward is None:
            raise LmnbError(f"{type(self).__name__} has no forward. Write def forward(self, ...): ... in the class.")
        if sync:
            return (
                forward(*args, **kwargs) if forward is not None else run_to_end(lambda: self.aforward(*args, **kwargs))
            )
        return (
            await aforward(*args, **kwargs) if aforward is not None else await in_thread(self.forward, *args, **kwargs)
        )

    def batch(
        self,
        examples: Iterable[Any],
        num_threads: int | None = None,
        max_errors: int | None = None,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        disable_progress_bar: bool = False,
        timeout: float | None = TIMEOUT,
        straggler_limit: int = STRAGGLERS,
    ) -> Any:
        """The results for many examples, in order, asked side by side; None where one failed, with a warning.

        The arguments are those of `Parallel`.
        """
        parallel = Parallel(
            num_threads,
            max_errors,
            return_failed_examples=return_failed_examples,
            provide_traceback=provide_traceback,
            disable_progress_bar=disable_progress_bar,
            timeout=timeout,
            straggler_limit=straggler_limit,
        )
        return parallel.run(self, examples, None)

    async def abatch(self, examples: Iterable[Any], num_threads: int | None = None, **options: Any) -> Any:
        """`batch` for asynchronous code, with the same arguments: the work is done in threads, the caller's loop stays free."""
        return await Parallel(num_threads, **options).acall(self, examples)

    @property
    def history(self) -> CallHistory:
        """The LM calls of this program that the process still remembers, oldest first."""
        roots = {id(entry.span.root): entry.span.root or entry.span for entry in history()}
        mine: set[int] = set()
        for top in roots.values():
            for _, below in Trace(top).spans():
                if below.module is self:
                    mine |= {id(item) for _, item in Trace(below).spans() if item.kind == "lm"}
        return CallHistory(entry for entry in history() if id(entry.span) in mine)

    def inspect_history(self, n: int = 1, file: TextIO | None = None) -> None:
        """Print the last `n` LM calls of this program."""
        write_history(self.history.last(n), file)
