"""What is listened to, and what a listener is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lmnb.errors import InputError


@dataclass(frozen=True, slots=True)
class StreamResponse:
    """A piece of an output field of the predictor `predict_name`, its path in the program. The pieces of a field in one call,
    joined, are its value; `call_id` tells calls of the same predictor apart.

    With `withdrawn` everything that was told of the field in this call does not hold: the reply could not be read and is asked
    again, its request failed, or the program went back behind the call. If the field is told anew, it is from its beginning.
    """

    predict_name: str
    signature_field_name: str
    chunk: str
    is_last_chunk: bool
    call_id: str = ""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StreamListener:
    """Asks for one output field while it comes. A str is told as its text; a field of another type as it stands in the reply.

    The field is named alone where only one predictor of the program has it, else by its path ("rewrite.query",
    "steps[0].query"), or with `predict`, the predictor or a module around it, or `predict_name`, its path. Of a run's calls of
    that predictor the first is told, with `allow_reuse` each.

    >>> import lmnb
    >>> program = lmnb.ChainOfThought("question -> answer")
    >>> stream = lmnb.streamify(program, stream_listeners=[lmnb.streaming.StreamListener("answer")], async_streaming=False)
    >>> with lmnb.context(lm=lmnb.FakeLM([{"reasoning": "It is known.", "answer": "Paris"}])):
    ...     *pieces, made = stream(question="The capital of France?")
    >>> "".join(piece.chunk for piece in pieces), pieces[-1].predict_name, made.answer
    ('Paris', 'predict', 'Paris')
    """

    signature_field_name: str
    predict: Any = None
    predict_name: str | None = None
    allow_reuse: bool = False

    def of(self, program: Any) -> tuple[Any, str]:
        """The predictor and the name of its field. InputError where there is no such field, or more than one."""
        path, _, field = self.signature_field_name.rpartition(".")
        named = dict(program.named_sub_modules())
        around, said = program, self.predict_name or path
        if self.predict is not None:
            around, said = self.predict, type(self.predict).__name__
            if not any(node is around for node in named.values()):
                raise InputError(f"{self}: its predict is no part of the program. Name it by its path.")
        elif said:
            if said not in named:
                raise InputError(f"{self}: the program has no {said!r}. {_meant(said, named)}")
            around = named[said]
        names = {id(predictor): name for name, predictor in program.named_predictors()}
        found = [each for each in around.predictors() if field in each.signature.output_fields]
        if len(found) == 1:
            return found[0], field
        if found:
            paths = ", ".join(repr(f"{names[id(each)]}.{field}") for each in found)
            raise InputError(f"{self}: several predictors have that field. Write one of {paths}.")
        have = [f"{names[id(each)]}.{name}" for each in around.predictors() for name in each.signature.output_fields]
        raise InputError(f"{self}: no predictor has that output. {_meant(field, have)}")

    def __str__(self) -> str:
        return f"StreamListener({self.signature_field_name!r})"


def _meant(said: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(said, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none'}."
