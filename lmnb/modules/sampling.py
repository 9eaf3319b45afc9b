"""Asking a whole program again: other samples of its replies, and hints for its predictors, without a copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from lmnb.signature import InputField
from lmnb.types.wording import ENGLISH


@dataclass(frozen=True, slots=True)
class Sampling:
    """Call options for every predictor, and a hint for some, by their identity."""

    config: Mapping[str, Any]
    hints: Mapping[int, str] = field(default_factory=dict)

    def applied(self, predictor: Any, signature: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The signature and the inputs with the predictor's hint as one more input."""
        text = self.hints.get(id(predictor))
        if not text:
            return signature, inputs
        name = "hint"
        while name in signature.fields:
            name = f"{name}_"
        return signature.append(name, InputField(desc=ENGLISH.hint), str), {**inputs, name: text}


_here: ContextVar[Sampling | None] = ContextVar("lmnb_sampling", default=None)


def sampling() -> Sampling | None:
    """What holds here, if anything."""
    return _here.get()


@contextmanager
def sampled(number: int, temperature: float | None, hints: Mapping[int, str] | None = None) -> Iterator[None]:
    """Inside, predictors give their sample of this number; number 0 without a hint is the program as it is."""
    config: dict[str, Any] = {"rollout_id": number, "temperature": temperature} if number else {}
    token = _here.set(Sampling(config, hints or {}) if config or hints else None)
    try:
        yield
    finally:
        _here.reset(token)
