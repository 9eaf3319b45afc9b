"""Prediction and Completions: what a program gives back, and the several results of one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.usage import used_below


class Prediction(Example):
    """What a program gives back: the fields of its result, `.trace` of what happened, `.completions` where several were
    asked for.

    Predictions compare and add up by their field `score`, where they have one.

    >>> made = Prediction(answer="Paris", score=0.5)
    >>> made.answer, made["answer"], made > Prediction(score=0.25)
    ('Paris', 'Paris', True)
    """

    _completions: list[dict[str, Any]] | None = None
    _trace: Any = None
    _usage: dict[str, dict[str, Any]] | None = None

    @classmethod
    def from_completions(
        cls, completions: Iterable[Mapping[str, Any]] | Mapping[str, list[Any]], signature: Any = None
    ) -> Prediction:
        """A prediction with the first completion's fields; `completions` is a list of records, or one list for each
        field.
        """
        rows = Completions(completions, signature=signature).rows
        if not rows:
            raise InputError("a prediction needs at least one completion, and the list is empty")
        return cls(rows[0])._changed(_completions=rows)

    @property
    def completions(self) -> Completions:
        """All completions; the first is this prediction."""
        return Completions(self._completions or [self._fields])

    @property
    def trace(self) -> Any:
        """The `Trace` of the outermost call that gave this prediction, or None."""
        return self._trace

    def with_trace(self, trace: Any) -> Prediction:
        """The same prediction, carrying `trace`."""
        return self._changed(_trace=trace)

    def get_lm_usage(self) -> dict[str, dict[str, Any]]:
        """What the LM calls of the program used, by model: `{model: {"calls": n, "prompt_tokens": n, "total_tokens": n, ...}}`.

        Calls that lmnb's cache answered are counted apart, as `lmnb.track_usage` does; those of a metric are not the program's.
        """
        if self._usage is not None:
            return self._usage
        return {} if self._trace is None else used_below(self._trace.root)

    def set_lm_usage(self, usage: dict[str, dict[str, Any]]) -> None:
        """Report `usage` from now on, for programs that count by themselves."""
        self.__dict__["_usage"] = usage

    def __repr__(self) -> str:
        fields = [f"{key}={value!r}" for key, value in self._fields.items()]
        more = len(self._completions or ()) - 1
        omitted = f" ({counted(more, 'more completion')})" if more > 0 else ""
        line = f"Prediction({', '.join(fields)}){omitted}"
        if len(line) <= 100:
            return line
        return "Prediction(\n    " + ",\n    ".join(fields) + f",\n){omitted}"

    def __float__(self) -> float:
        if "score" not in self._fields:
            raise InputError(
                "a prediction is compared or added by its field 'score'; this one has: "
                f"{', '.join(self._fields) or 'no fields'}"
            )
        return float(self._fields["score"])

    def __add__(self, other: Any) -> float:
        return float(self) + float(other)

    __radd__ = __add__

    def __truediv__(self, other: Any) -> float:
        return float(self) / float(other)

    def __rtruediv__(self, other: Any) -> float:
        return float(other) / float(self)

    def __lt__(self, other: Any) -> bool:
        return float(self) < float(other)

    def __le__(self, other: Any) -> bool:
        return float(self) <= float(other)

    def __gt__(self, other: Any) -> bool:
        return float(self) > float(other)

    def __ge__(self, other: Any) -> bool:
        return float(self) >= float(other)


class Completions:
    """Several results of one call, in the order of the model: `completions[0]` is a prediction, `completions.answer`
    the list of all answers.

    >>> import lmnb
    >>> lmnb.Completions([{"answer": "a"}, {"answer": "b"}]).answer
    ['a', 'b']
    """

    def __init__(
        self, completions: Iterable[Mapping[str, Any]] | Mapping[str, list[Any]], signature: Any = None
    ) -> None:
        self.rows: list[dict[Any, Any]]
        if isinstance(completions, Mapping):
            lengths = {len(values) for values in completions.values()}
            if len(lengths) > 1:
                raise InputError(f"every field needs as many completions as the others, not {sorted(lengths)}")
            self.rows = [dict(zip(completions, row, strict=True)) for row in zip(*completions.values(), strict=True)]
        else:
            self.rows = [dict(row) for row in completions]
        self.signature = signature

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: int | str) -> Any:
        return [row[key] for row in self.rows] if isinstance(key, str) else Prediction(self.rows[key])

    def __getattr__(self, name: str) -> list[Any]:
        if name.startswith("_") or name == "rows" or not any(name in row for row in self.rows):
            raise AttributeError(name)
        return [row[name] for row in self.rows]

    def __contains__(self, name: object) -> bool:
        return any(name in row for row in self.rows)

    def items(self) -> list[tuple[str, list[Any]]]:
        return [(name, self[name]) for name in (self.rows[0] if self.rows else ())]

    def __repr__(self) -> str:
        return "Completions(" + ", ".join(f"{name}={values!r}" for name, values in self.items()) + ")"
