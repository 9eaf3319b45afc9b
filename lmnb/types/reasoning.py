"""Reasoning: what a model thinks on the way to its answer."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Reasoning(str):
    """A text that is thinking and no answer: a str in every way, by whose type programs and optimizers tell it from
    what was asked for.

    >>> import lmnb
    >>> lm = lmnb.FakeLM([{"reasoning": "2 and 2 make 4.", "answer": 4}])
    >>> found = lmnb.Predict("question -> reasoning: Reasoning, answer: int", lm=lm)(question="2 + 2?")
    >>> found.reasoning, isinstance(found.reasoning, lmnb.Reasoning)
    ('2 and 2 make 4.', True)
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, handler(str))
