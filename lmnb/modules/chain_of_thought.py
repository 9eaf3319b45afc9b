"""ChainOfThought: reasoning before the answer. Wei et al., 2022."""

from __future__ import annotations

from typing import Any

from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.signature import Field, OutputField, ensure_signature


class ChainOfThought(Module):
    """Asks as `Predict` does, with an output `reasoning` before the others.

    >>> import lmnb
    >>> lmnb.ChainOfThought("question -> answer").predict.signature.signature
    'question -> reasoning, answer'
    """

    def __init__(
        self, signature: Any, rationale_field: Field | None = None, rationale_field_type: Any = str, **config: Any
    ) -> None:
        super().__init__()
        reasoning = rationale_field if rationale_field is not None else OutputField()
        self.predict = Predict(
            ensure_signature(signature).prepend("reasoning", reasoning, rationale_field_type), **config
        )

    def forward(self, **inputs: Any) -> Any:
        return self.predict(**inputs)

    async def aforward(self, **inputs: Any) -> Any:
        return await self.predict.acall(**inputs)
