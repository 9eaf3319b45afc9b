"""What happened, as one tree: a span for every module, predictor, LM, tool, retrieval, check and metric call.

Spans open in `lmnb.spans`. A finished tree is a `Trace`; the history of LM calls is a view over the same spans
(`lmnb.calls`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lmnb.counts import counted
from lmnb.data_uri import shortened
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.nearest import did_you_mean
from lmnb.optional import frame
from lmnb.shown import Shown
from lmnb.spans import Span as Span
from lmnb.spans import open_span as open_span
from lmnb.spans import span as span
from lmnb.trace_code import trace_code
from lmnb.trace_file import check_trace
from lmnb.trace_html import trace_html
from lmnb.trace_rows import KEPT, below, row_of, shown
from lmnb.types.typed import typed


class Step(NamedTuple):
    """One predictor call of a trace; `path` names the predictor in the traced program."""

    path: str
    predictor: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Check(NamedTuple):
    """A check that failed, once at least: whether it holds by now, and how often the step `at` was asked."""

    kind: str
    message: str
    at: str
    holds: bool
    attempts: int

    def to_dict(self) -> dict[str, Any]:
        """What viewers show of it."""
        return {"text": str(self), "holds": self.holds}

    def __str__(self) -> str:
        step = f" of {self.at}" if self.at not in ("", "self") else ""
        return f"{self.kind} {'repaired' if self.holds else 'failed'} at attempt {self.attempts}{step}: {self.message}"


class Trace(Shown):
    """The tree of one call. Iterating gives `(predictor, inputs, outputs)` of each finished predictor call, as metrics of the field expect.

    >>> import lmnb
    >>> qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}]))
    >>> trace = qa(question="The capital of France?").trace
    >>> [(step.path, step.outputs) for step in trace.steps()]
    [('self', {'answer': 'Paris'})]
    """

    _view = "trace"

    def __init__(self, root: Span, *, score: float | None = None) -> None:
        self.root = root
        self.score = score

    def spans(self) -> Iterator[tuple[int, Span]]:
        """Every span with its depth, parents first."""
        return below(self.root)

    def steps(self) -> list[Step]:
        """The program's finished predictor calls in order of their start; what a metric asked is not among them, nor
        what a check sent back or a better try replaced."""
        names, judging = self._names(), self._aside()
        return [
            Step(item.data.get("path") or names.get(id(item.module), item.name), item.module, item.inputs, item.outputs)
            for _, item in self.spans()
            if item.kind == "predict" and item.outputs is not None and id(item) not in judging
        ]

    def checks(self) -> list[Check]:
        """The program's checks that failed, in order: those that were repaired by asking the step again, and each that stayed
        unmet. A metric finds them in `prediction.trace`.

        >>> import lmnb
        >>> class Short(lmnb.Module):
        ...     def __init__(self):
        ...         self.answer = lmnb.Predict("question -> answer")
        ...     def forward(self, question):
        ...         made = self.answer(question=question)
        ...         lmnb.Suggest(" " not in made.answer, "One word.")
        ...         return made
        >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "It is Paris."}, {"answer": "Paris"}])):
        ...     Short()(question="The capital of France?").trace.checks()
        [Check(kind='Suggest', message='One word.', at='answer', holds=True, attempts=2)]
        """
        if all(item.kind != "check" for _, item in self.spans()):
            return []
        aside = self._aside(lambda item: item.kind == "check" and item.name == "attempt")
        return [
            Check(item.name, item.inputs["check"], item.inputs["at"], item.error is None, int(outputs["attempts"]))
            for _, item in self.spans()
            if item.kind == "check" and id(item) not in aside and "attempts" in (outputs := item.outputs or {})
        ]

    def _aside(self, check: Callable[[Span], bool] = lambda item: item.kind == "check") -> set[int]:
        """The spans that are no part of the program's outcome: below a metric, in an attempt that a check sent back, in a try that lost."""
        apart = [item for _, item in self.spans() if item.kind == "metric" or item.data.get("aside") or check(item)]
        return {id(item) for each in apart for _, item in Trace(each).spans()}

    def __iter__(self) -> Iterator[tuple[Any, dict[str, Any], dict[str, Any]]]:
        return iter([(step.predictor, step.inputs, step.outputs) for step in self.steps()])

    def __len__(self) -> int:
        return len(self.steps())

    @property
    def usage(self) -> dict[str, Any]:
        """`calls`, `prompt_tokens`, `completion_tokens` and `cost` (US dollars) of all LM calls below."""
        lms = [item for _, item in self.spans() if item.kind == "lm"]
        used = [item.data.get("usage") or {} for item in lms]
        return {
            "calls": len(lms),
            "prompt_tokens": sum(u.get("prompt_tokens") or 0 for u in used),
            "completion_tokens": sum(u.get("completion_tokens") or 0 for u in used),
            "cost": sum(item.data.get("cost") or 0.0 for item in lms),
        }

    def _names(self) -> dict[int, str]:
        # the tree may have been opened by an outer program: the names are those that its root module gives
        root = (self.root.root or self.root).module
        if root is None:
            return {}
        return {id(module): name for name, module in root.named_sub_modules()}

    def find(self, at: Span | int | str | None = None) -> Span:
        """One of its spans: by the number of its row in viewers and in `to_pandas()`, or by the name of a predictor in the program (its
        last call). Without a word the call that the trace is of: the root, or the only predictor's below it.

        >>> import lmnb
        >>> cot = lmnb.ChainOfThought("question -> answer", lm=lmnb.FakeLM([{"reasoning": "Known.", "answer": "Paris"}]))
        >>> trace = cot(question="The capital of France?").trace
        >>> trace.find(), trace.find(1)
        (Span(predict 'Predict'), Span(lm 'fake'))
        """
        if isinstance(at, Span):
            if any(item is at for _, item in self.spans()):
                return at
            raise InputError(f"{at!r} is no span of {self!r}. Take one of trace.spans().")
        rows = [inner or item for item, inner in shown(self.root)]
        if isinstance(at, int) and not isinstance(at, bool):
            if 0 <= at < len(rows):
                return rows[at]
            raise InputError(f"there is no row {at} in {self!r}: its {len(rows)} rows are those of trace.to_pandas().")
        if at is None:
            steps = [item for item in rows if item.kind == "predict"]
            return steps[0] if rows[0].kind == "module" and len(steps) == 1 else rows[0]
        calls = {str(path_of(item)): item for item in rows if item.kind == "predict"}
        if isinstance(at, str) and at in calls:
            return calls[at]
        raise InputError(f"no predictor {at!r} was called in {self!r}. {did_you_mean(str(at), calls, _called(calls))}")

    def to_example(self, at: Span | int | str | None = None, /, **labels: Any) -> Example:
        """A call of it, found as by `find`, as an example: its inputs, marked as such, and what it gave; `labels` say it better; a text
        for a field of another type is read as that. For a training set, or as a demo. InputError for a misspelt field.

        >>> import lmnb
        >>> qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Lyon"}]))
        >>> qa(question="The capital of France?").trace.to_example(answer="Paris")
        Example({'question': 'The capital of France?', 'answer': 'Paris'}) (input_keys={'question'})
        """
        item = self.find(at)
        if not item.inputs:
            raise InputError(f"{item!r} has no fields to make an example of. Name the predictor that made the call.")
        fields = getattr(getattr(item.module, "signature", None), "fields", {})
        known = [*item.inputs, *(item.outputs or {}), *fields]
        for name in (name for name in labels if name not in known):
            hint = did_you_mean(name, known)
            if hint:
                more = f"Another field of that name is added by to_example().copy({name}=...)."
                raise InputError(f"{item!r} has no field {name!r}. {hint} {more}")
        better = {name: typed(fields.get(name), value) for name, value in labels.items()}
        return Example({**item.inputs, **(item.outputs or {}), **better}).with_inputs(*item.inputs)

    def to_code(self, at: Span | int | str | None = None) -> str:
        """A call of it, found as by `find`, as Python that makes it again: an LM's with its messages, a predictor's with its inputs.

        >>> import lmnb
        >>> qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}]))
        >>> print(qa(question="The capital of France?").trace.to_code())
        import lmnb
        <BLANKLINE>
        predict = lmnb.Predict('question -> answer')
        predict(
            question='The capital of France?',
        )
        <BLANKLINE>
        """
        return trace_code(self.find(at))

    def to_dict(self, *, media: bool = True) -> dict[str, Any]:
        """The trace as JSON-able data: what viewers, stored runs and static HTML are made of. `Trace.from_dict` reads it back.

        Without `media`, pictures, sounds and files in it are named by kind and size only.
        """
        names, rows, judging = self._names(), [], self._aside()
        parents: dict[int, int] = {}
        for item, inner in shown(self.root):
            parent = parents.get(id(item))
            parents |= {id(child): len(rows) for child in (inner or item).children}
            depth = 0 if parent is None else rows[parent]["depth"] + 1
            row = row_of(item, inner, names, self.root.started, len(rows), parent, depth)
            if id(item) in judging:
                row.pop("path", None)
            rows.append(row if media else shortened(row))
        usage = self.usage
        return {
            "name": rows[0]["name"],
            "seconds": self.root.seconds,
            "calls": usage["calls"],
            "repaired": sum(row["label"] == "LM · repair" for row in rows),
            "tokens": usage["prompt_tokens"] + usage["completion_tokens"],
            "cost": usage["cost"],
            "score": self.score,
            "checks": [check.to_dict() for check in self.checks()],
            "spans": rows,
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Trace:
        """A trace from `to_dict` data; its modules are gone, everything else is there. SaveError names the place of what is no trace."""
        check_trace(stored)
        made: dict[int, Span] = {}
        for row in stored["spans"]:
            values = row.get("values") or {}
            item = Span(
                row["kind"],
                row["name"],
                started=row["start"],
                seconds=row.get("seconds"),
                inputs=values.get("inputs", row["inputs"]),
                outputs=values.get("outputs", row.get("outputs")),
                error=row.get("error"),
                data={key: row[key] for key in KEPT if row.get(key) is not None},
            )
            made[row["id"]] = item
            if row.get("parent") is not None:
                made[row["parent"]].children.append(item)
            item.root = made[0]
        return cls(made[0], score=stored.get("score"))

    def to_pandas(self) -> Any:
        """One row a span: depth, kind, name, label, start and seconds, status, tokens, cost, inputs and outputs as text."""
        rows = self.to_dict()["spans"]
        made = frame(
            "Trace.to_pandas()",
            [
                {
                    **{
                        key: row[key]
                        for key in ("depth", "kind", "name", "label", "start", "seconds", "status", "error")
                    },
                    "prompt_tokens": (row.get("usage") or {}).get("prompt_tokens"),
                    "completion_tokens": (row.get("usage") or {}).get("completion_tokens"),
                    "cost": row.get("cost"),
                    "inputs": row["inputs"],
                    "outputs": row["outputs"],
                }
                for row in rows
            ],
        )
        return made.set_index(made.index.rename("span"))

    def __repr__(self) -> str:
        usage = self.usage
        tokens = usage["prompt_tokens"] + usage["completion_tokens"]
        calls = counted(usage["calls"], "LM call")
        return f"Trace({self.root.name}: {self.root.seconds or 0:.2f} s, {calls}, {tokens:,} tokens)"

    def _repr_html_(self) -> str:
        return trace_html(self.to_dict())


def path_of(item: Span) -> str:
    """The name of a span's module in the program that is traced, such as `steps[0]`; the span's own where it has none."""
    return item.data.get("path") or Trace(item)._names().get(id(item.module), item.name)


def _called(calls: Any) -> str:
    return f"Those that were: {', '.join(map(repr, calls)) or 'none'}."
