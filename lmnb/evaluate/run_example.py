"""The one place where a program is run on one example and scored: Evaluate and every optimizer come through here."""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.evaluate.metrics import Call, call_of, takes_predictor
from lmnb.evaluate.printed import printed
from lmnb.evaluate.refusals import watched_refusals
from lmnb.evaluate.score import Score, as_score
from lmnb.example import Example
from lmnb.lm.drive import drive
from lmnb.modules.taint import tainted
from lmnb.prediction import Prediction
from lmnb.trace import Check, Span, Trace, open_span, span


@dataclass(frozen=True, slots=True)
class Row:
    """One example's outcome. Where program or metric failed, `score` is None, `error` says why, `error_kind` where.

    `prediction` is None when the program failed; `trace` is there also then. `exception` is what was raised.
    """

    index: int
    example: Example
    prediction: Any = None
    score: float | None = None
    error: str | None = None
    error_kind: Literal["program", "metric", "timeout"] | None = None
    feedback: str | None = None
    objectives: Mapping[str, float] | None = None
    seconds: float | None = None
    trace: Trace | None = field(default=None, repr=False)
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def traceback(self) -> str | None:
        """The stack of the failure, as Python prints it."""
        return None if self.exception is None else "".join(traceback.format_exception(self.exception))

    @property
    def checks(self) -> list[Check]:
        """The program's checks that failed: those that were repaired, and those that stayed unmet."""
        return [] if self.trace is None else self.trace.checks()

    def with_error(self, error: str) -> Row:
        return replace(self, error=error)


def run_example(
    program: Callable[..., Any],
    example: Example,
    metric: Callable[..., Any] | None,
    *,
    index: int = 0,
    trace_for_metric: bool = False,
    focus: str | None = None,
) -> Row:
    """Run `program` on the inputs of `example`, score the prediction, and give all that happened as a `Row`.

    What fails is a row with an error; BudgetExceeded, Cancelled and KeyboardInterrupt pass through, the first two also
    where the program or the metric caught them: an answer made without a refused call is no result. With
    `trace_for_metric` the metric is given the program's trace, else None. `focus` names a predictor: a metric of five
    parameters is then given the trace, that name and the predictor's last call. Without a metric the score is None. What is
    printed meanwhile is kept in the trace. A program with `aforward` alone, or a metric that is a coroutine function,
    gets an event loop of its own: call it from a thread where none runs.

    >>> import lmnb
    >>> qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}]))
    >>> example = lmnb.Example(question="The capital of France?", answer="Paris").with_inputs("question")
    >>> run_example(qa, example, lambda example, prediction: prediction.answer == example.answer).score
    1.0
    """
    if needs_loop(program) or inspect.iscoroutinefunction(metric):
        asked = _row(_acall(program), program, example, metric, index, trace_for_metric, focus, in_thread=False)
        return asyncio.run(asked)
    return drive(_row(program, program, example, metric, index, trace_for_metric, focus, in_thread=False))


async def arun_example(
    program: Callable[..., Any],
    example: Example,
    metric: Callable[..., Any] | None,
    *,
    index: int = 0,
    trace_for_metric: bool = False,
) -> Row:
    """`run_example` on a running loop, by the program's `acall`; a metric that is no coroutine runs in a thread."""
    return await _row(_acall(program), program, example, metric, index, trace_for_metric, None, in_thread=True)


def needs_loop(program: Callable[..., Any]) -> bool:
    """Whether `program` can only be awaited: a coroutine function, or a module with `aforward` and no `forward`."""
    if inspect.iscoroutinefunction(program):
        return True
    return hasattr(type(program), "aforward") and not hasattr(type(program), "forward")


def _acall(program: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(program, "acall", program)


async def _row(
    call: Callable[..., Any],
    program: Callable[..., Any],
    example: Example,
    metric: Callable[..., Any] | None,
    index: int,
    trace_for_metric: bool,
    focus: str | None,
    *,
    in_thread: bool,
) -> Row:
    started = time.perf_counter()
    outer = open_span()
    failure: Exception | None = None
    kind = prediction = score = None
    # a trace names its predictors by its root's module, and the carrier is the root while the program runs
    named = program if hasattr(program, "named_sub_modules") else None
    with (
        tainted(example),  # the metric may hand fields on to a predictor too
        printed() as watch,
        watched_refusals() as refused,
        span("module", _name(program), module=named) as carrier,
    ):
        carrier.root = carrier
        if outer is not None:
            # rows hold their own traces: an Evaluate inside a traced call must not grow that call's tree by all of them
            outer.children.remove(carrier)
        try:
            prediction = await _predicted(call, example)
        except (BudgetExceeded, Cancelled):
            raise
        except Exception as error:  # noqa: BLE001  the boundary: what a user's program raises is this row's error
            failure, kind = error, "program"
        refused.check()
        root = _root(carrier)
        prediction, trace = _traced(prediction, root)
        if failure is None and metric is not None:
            try:
                given = trace if trace_for_metric else None
                call = _focused(metric, focus, trace)
                score = await _scored(metric, call, example, prediction, given, root, carrier, in_thread=in_thread)
            except (BudgetExceeded, Cancelled):
                raise
            except Exception as error:  # noqa: BLE001  the boundary: what a user's metric raises is this row's error
                failure, kind = error, "metric"
            refused.check()
    root.data["printed"] = watch.text()
    trace.score = None if score is None else score.value
    return Row(
        index,
        example,
        prediction,
        score=trace.score,
        error=None if failure is None else f"{type(failure).__name__}: {failure}",
        error_kind=kind,
        feedback=None if score is None else score.feedback,
        objectives=None if score is None else score.objectives,
        seconds=time.perf_counter() - started,
        trace=trace,
        exception=failure,
    )


async def _predicted(call: Callable[..., Any], example: Example) -> Any:
    inputs = example.inputs().toDict()
    with tainted(inputs):
        prediction = call(**inputs)
        return await prediction if inspect.isawaitable(prediction) else prediction


def _focused(metric: Callable[..., Any], focus: str | None, trace: Trace) -> Call:
    """How the metric is called: about the predictor `focus` where it can be, and where that one was asked at all."""
    steps = (
        [] if focus is None or not takes_predictor(metric) else [step for step in trace.steps() if step.path == focus]
    )
    if not steps:
        return call_of(metric)
    last = (steps[-1].predictor, steps[-1].inputs, steps[-1].outputs)
    return lambda example, prediction, _: metric(example, prediction, trace, focus, [last])


async def _scored(
    metric: Callable[..., Any],
    call: Call,
    example: Example,
    prediction: Any,
    given: Trace | None,
    root: Span,
    carrier: Span,
    *,
    in_thread: bool,
) -> Score:
    with span("metric", _name(metric)) as scoring:
        try:
            if in_thread and not inspect.iscoroutinefunction(metric):
                result = await asyncio.to_thread(call, example, prediction, given)
            else:
                result = call(example, prediction, given)
            if inspect.isawaitable(result):
                result = await result
            score = as_score(result)
            scoring.outputs = _told(score)
        finally:
            if root is not carrier:
                carrier.children.remove(scoring)
                root.children.append(scoring)
    return score


def _root(carrier: Span) -> Span:
    """The program's own span; the carrier itself where the program is a plain function that calls several."""
    return carrier.children[0] if len(carrier.children) == 1 else carrier


def _traced(prediction: Any, root: Span) -> tuple[Any, Trace]:
    """The prediction and its trace; a prediction that a plain function made gets the trace of that function."""
    known = getattr(prediction, "trace", None)
    if isinstance(known, Trace) and known.root is root:
        return prediction, known
    trace = Trace(root)
    return (prediction.with_trace(trace) if isinstance(prediction, Prediction) else prediction), trace


def _told(score: Score) -> dict[str, Any]:
    told: dict[str, Any] = {"score": score.value}
    if score.feedback is not None:
        told["feedback"] = score.feedback
    return told | ({"objectives": dict(score.objectives)} if score.objectives else {})


def _name(called: object) -> str:
    return getattr(called, "__name__", type(called).__name__)
