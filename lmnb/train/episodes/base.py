"""An episode: a task with its demos, one question and the right reply, as a signature and its values."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lmnb.signature import InputField, OutputField, Signature
from lmnb.train.lexicon import HELD, TRAIN, Split

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Episode:
    """`demos` and `inputs` as a predictor takes them, `outputs` the right reply, `answer` the field that is scored.

    `unknown` names the turns whose reply cannot be known yet: a label that was neither shown nor named is noise, and noise
    gets nearly no loss. `form` is the prompt format, `numbers` the fields whose numbers carry the loss.
    """

    family: str
    signature: Any
    demos: list[Values]
    inputs: Values
    outputs: Values
    answer: str
    form: str = "chat"
    unknown: frozenset[int] = frozenset()
    numbers: frozenset[str] = frozenset()
    about: Values = field(default_factory=dict)


Make = Callable[..., Episode]
FAMILIES: dict[str, Make] = {}


def family(name: str) -> Callable[[Make], Make]:
    """Registers a maker of episodes: `make(rng, held, **fixed)`, where `fixed` takes choices away from the generator."""

    def register(make: Make) -> Make:
        FAMILIES[name] = make
        return make

    return register


def words(held: bool) -> Split:
    return HELD if held else TRAIN


def signature(inputs: Values, outputs: Values, instruction: str | None) -> Any:
    """A signature from field name -> type, or (type, description)."""
    fields: dict[str, Any] = {}
    for given, make in ((inputs, InputField), (outputs, OutputField)):
        for name, kind in given.items():
            kind, desc = kind if isinstance(kind, tuple) else (kind, "")
            fields[name] = (kind, make(desc=desc) if desc else make())
    return Signature(fields, instruction)


def split_values(row: Values, names: list[str]) -> tuple[Values, Values]:
    """A row as inputs (these names) and outputs (the rest)."""
    return {n: row[n] for n in names}, {n: v for n, v in row.items() if n not in names}


def pick(rng: random.Random, weights: dict[Any, float]) -> Any:
    """One of the keys, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]
