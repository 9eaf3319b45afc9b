"""What is put before a reviewer: a demo, an output, or two outputs side by side, as data with an id of its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lmnb.canonical import content_hash
from lmnb.errors import InputError
from lmnb.evaluate.report import Comparison, Report
from lmnb.evaluate.run_example import Row
from lmnb.example import Example
from lmnb.prediction import Prediction
from lmnb.trace import Trace

_WANTED = (
    "Write a list of demos (lmnb.Example), of outputs (predictions, traces, rows of a report, or (example, prediction)) or of pairs of "
    "outputs, a report, or report.compare(other)."
)


@dataclass(frozen=True)
class ReviewItem:
    """One thing to judge. `outputs` has one record, of a pair two in the order in which they were given; `example` is what is known of it,
    `scores` what a metric said of each output, if one did. `id` is the hash of the content, so that answers find it again in another order.
    """

    id: str
    kind: Literal["demo", "output", "pair"]
    inputs: Mapping[str, Any]
    outputs: tuple[Mapping[str, Any], ...]
    example: Example
    labels: Mapping[str, Any]
    scores: tuple[float | None, ...] = (None,)
    traces: tuple[Trace | None, ...] = (None,)

    @property
    def editable(self) -> tuple[str, ...]:
        """The fields that an edit may change: of a demo all, of an output its outputs, of a pair none."""
        if self.kind == "pair":
            return ()
        return (*self.inputs, *self.outputs[0]) if self.kind == "demo" else tuple(self.outputs[0])

    def with_outputs(self, outputs: Mapping[str, Any], *, edited: bool) -> Example:
        """The item as an example with these outputs, and where it comes from."""
        if self.kind == "demo":
            known = self.example.copy(**outputs)
            return known.with_origin("human", source=self.example.provenance.source) if edited else known
        made = Example({**self.inputs, **outputs}).with_inputs(*self.inputs)
        return made.with_origin("human" if edited else "bootstrapped")


def items_of(given: Any) -> tuple[ReviewItem, ...]:
    """The items of whatever can be reviewed, failed rows left out. InputError where something cannot be."""
    things: Any = given.pairs() if isinstance(given, Comparison) else given
    if isinstance(things, (str, bytes, Mapping, Example)) or not isinstance(things, Iterable):
        raise InputError(f"there is no queue to review in {_short(given)}. {_WANTED}")
    report = isinstance(given, Report)
    made = [_item(thing) for thing in things if not (report and thing.prediction is None)]
    seen: Counter[str] = Counter()
    named = []
    for item in made:  # the same content twice is two items
        seen[item.id] += 1
        named.append(item if seen[item.id] == 1 else replace(item, id=f"{item.id}-{seen[item.id]}"))
    return tuple(named)


def _item(thing: Any) -> ReviewItem:
    if isinstance(thing, (tuple, list)) and len(thing) == 2:
        first, second = thing
        if isinstance(first, Example) and not isinstance(first, Prediction) and isinstance(second, Prediction):
            return _output(first, second)
        return _pair(_single(first), _single(second))
    return _single(thing)


def _single(thing: Any) -> ReviewItem:
    if isinstance(thing, Row):
        if thing.prediction is None:
            raise InputError(f"row {thing.index} failed and has no output to review: {thing.error}. Leave it out.")
        return _output(thing.example, thing.prediction, thing.score, thing.trace)
    if isinstance(thing, Trace):
        if thing.root.outputs is None:
            raise InputError(f"{thing!r} failed and has no output to review: {thing.root.error}. Leave it out.")
        return _output(_given(thing), Prediction(thing.root.outputs), thing.score, thing)
    if isinstance(thing, Prediction):
        return _output(Example() if thing.trace is None else _given(thing.trace), thing, None, thing.trace)
    if isinstance(thing, Mapping):
        thing = Example(dict(thing))
    if not isinstance(thing, Example):
        raise InputError(f"{_short(thing)} cannot be reviewed. {_WANTED}")
    marked = thing.input_keys or ()
    inputs = {name: value for name, value in thing.items() if name in marked}
    outputs = {name: value for name, value in thing.items() if name not in marked}
    return ReviewItem(thing.provenance.id, "demo", inputs, (outputs,), thing, {})


def _given(trace: Trace) -> Example:
    """The inputs of a trace, as an example without labels."""
    return Example(trace.root.inputs).with_inputs(*trace.root.inputs)


def _output(example: Example, prediction: Any, score: float | None = None, trace: Trace | None = None) -> ReviewItem:
    marked = example.input_keys is not None
    inputs = dict((example.inputs() if marked else example).items())
    labels = dict(example.labels().items()) if marked else {}
    outputs = dict(prediction.items()) if isinstance(prediction, Example) else {"prediction": prediction}
    trace = getattr(prediction, "trace", None) if trace is None else trace
    name = content_hash({"inputs": inputs, "outputs": outputs})
    return ReviewItem(name, "output", inputs, (outputs,), example, labels, (score,), (trace,))


def _pair(first: ReviewItem, second: ReviewItem) -> ReviewItem:
    if first.inputs and second.inputs and content_hash(first.inputs) != content_hash(second.inputs):
        raise InputError(
            f"the two outputs of a pair answer the same inputs; here one was given {_short(dict(first.inputs))}, the other "
            f"{_short(dict(second.inputs))}"
        )
    known = first if first.inputs else second
    outputs = (first.outputs[0], second.outputs[0])
    name = content_hash({"inputs": known.inputs, "first": outputs[0], "second": outputs[1]})
    scores, traces = first.scores + second.scores, first.traces + second.traces
    return ReviewItem(name, "pair", known.inputs, outputs, known.example, known.labels, scores, traces)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"
