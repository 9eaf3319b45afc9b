"""From episodes to batches: which tokens carry loss and how much, and rows of like length beside each other.

Batches come in chunks. A chunk is a function of the seed, its number and the tokens before it, so a run that is resumed
goes on with exactly the batches that were due.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.optional import need
from lmnb.train.dense import DENSE
from lmnb.train.episodes import FAMILIES, Episode
from lmnb.train.episodes.base import pick
from lmnb.train.episodes.routing import routing
from lmnb.train.render import conversation, paraphrased, rendered

if TYPE_CHECKING:
    import numpy as np
else:
    np = need("numpy", "train", "making training batches")

MIX: dict[str, float] = {
    "routing": 3.0,
    "extraction": 1.8,
    "arithmetic": 1.5,
    "formatting": 1.2,
    "hunt": 0.8,
    "json": 0.2,
    "proposal": 0.4,
    "tools": 0.12,
    "judging": 0.12,
    "record": 0.08,
    "search": 0.08,
    "chat": 0.05,
}
# what is learned last: to read an instruction, to find a fact, to go step by step
_LATE = {
    "routing": 2.2,
    "told": 3,
    "answers": 4,
    "hunt": 0.5,
    "extraction": 5,
    "arithmetic": 3.5,
    "formatting": 2.2,
    "tools": 0.5,
    "search": 0.4,
    "judging": 0.4,
    "record": 0.4,
}
# progress from which on -> shares: matching and copying by themselves, then with a few families, then all of them
CURRICULUM: list[tuple[float, dict[str, float]]] = [
    (0.0, {"lines": 8, "topics": 0.6, "repeat": 0.4}),
    (
        0.08,
        {"lines": 3.5, "topics": 0.3, "repeat": 0.5, "routing": 2, "told": 0.8, "answers": 2.5, "extraction": 0.8}
        | {"formatting": 0.8, "stories": 2, "sums": 0.6, "arithmetic": 0.5},
    ),
    (
        0.35,
        {**MIX, "told": 1, "lines": 1.5, "topics": 0.15, "repeat": 0.3, "answers": 2, "stories": 1.5, "sums": 0.2}
        | {"quotes": 0.6, "headers": 0.4},
    ),
    (
        0.6,
        {**MIX, **_LATE, "lines": 0.5, "repeat": 0.3, "stories": 2.5, "sums": 0.2, "quotes": 0.7, "headers": 1.5},
    ),
]
SHAPES = [(112, 46), (176, 29), (256, 20), (352, 15), (512, 10)]  # length of a row, rows of a batch
CHUNK = 60  # rows drawn at a time are enough for about so many batches
LABEL, SHORT, LONG, FORMAT, WEAK, UNKNOWN, AFTER = 1.5, 1.0, 0.3, 0.5, 0.25, 0.05, 0.6
CONTEXT, CONTEXT_SHARE = 0.12, 0.25  # weight of a context token, and the share of them that has it


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids and the loss weight of each; a negative weight marks context."""

    ids: list[int]
    weights: Any


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs, targets and weights of one shape, [rows, length]; `tokens` without padding."""

    ids: Any
    targets: Any
    weights: Any
    tokens: int
    chunk: int
    index: int


def sample(rng: random.Random, mix: dict[str, float], held: bool = False) -> Episode:
    """An episode of a family drawn by its share."""
    return FAMILIES[pick(rng, mix)](rng, held)


def weighed(tokenizer: Any, episode: Episode, rng: random.Random | None = None) -> Row:
    """An episode as a row. With `rng` some have their boilerplate paraphrased."""
    turns = conversation(episode)
    if rng is not None and episode.form == "chat":
        turns = paraphrased(rng, turns)
    text, spans = rendered(turns, list(episode.signature.output_fields))
    encoded = tokenizer.encode(text)
    starts, ends = (np.array([offset[side] for offset in encoded.offsets]) for side in (0, 1))
    weights = np.full(len(encoded.ids), -1.0, np.float32)
    for span in spans:
        inside = (ends > span.start) & (starts < span.end)
        if span.kind == "format":
            weights[inside] = FORMAT
            continue
        at = np.nonzero(inside)[0]
        if not len(at):
            continue
        weights[inside] = _value_weight(episode, span.kind, len(at))
        if span.turn in episode.unknown and span.kind == episode.answer:
            weights[inside] = UNKNOWN
        if at[-1] + 1 < len(weights):
            weights[at[-1] + 1] = AFTER
    return Row(encoded.ids, weights)


def chat_row(tokenizer: Any, messages: list[dict[str, Any]]) -> Row:
    """A chat record as a row: every assistant turn is learned, its end too."""
    text, spans = rendered([(message["role"], message["content"]) for message in messages], [])
    encoded = tokenizer.encode(text)
    starts, ends = (np.array([offset[side] for offset in encoded.offsets]) for side in (0, 1))
    weights = np.zeros(len(encoded.ids), np.float32)
    for span in spans:
        if span.kind == "format":
            weights[(ends > span.start) & (starts < span.end)] = 1.0
    return Row(encoded.ids, weights)


def _value_weight(episode: Episode, field: str, length: int) -> float:
    if field == "all":
        return SHORT * 0.6
    if field in episode.numbers:
        return SHORT
    if length <= 4:
        return LABEL if episode.family == "routing" else SHORT
    return LONG


def dense_row(tokenizer: Any, rng: random.Random, kind: str) -> Row:
    """A dense sequence as a row."""
    length = rng.choice([450, 700, 900]) if kind == "lines" else 800 if kind == "answers" else 400
    text, spans = DENSE[kind](rng, length)
    encoded = tokenizer.encode(text)
    starts, ends = (np.array([offset[side] for offset in encoded.offsets]) for side in (0, 1))
    weights = np.full(len(encoded.ids), -1.0, np.float32)
    for span in spans:
        weights[(ends > span.start) & (starts < span.end)] = WEAK if span.kind == "weak" else SHORT
    return Row(encoded.ids, weights)


def repeat_row(rng: random.Random, size: int) -> Row:
    """Random tokens, said again and again: copying, for every token there is."""
    base = [rng.randrange(5, size) for _ in range(rng.choice([8, 12, 20, 32]))]
    ids, weights = list(base), [0.0] * len(base)
    while len(ids) < 150:
        part = base[rng.randrange(len(base) - 4) :] if rng.random() < 0.3 else base
        ids += part
        weights += [0.0] + [0.5] * (len(part) - 1)
    return Row(ids, np.array(weights, np.float32))


def row(tokenizer: Any, rng: random.Random, kind: str, size: int) -> Row:
    """One row of a family or of a kind of dense sequence."""
    if kind == "repeat":
        return repeat_row(rng, size)
    if kind in DENSE:
        return dense_row(tokenizer, rng, kind)
    if kind == "told":
        return weighed(tokenizer, routing(rng, instruction="good", demos=rng.choice([0, 0, 1, 2])), rng)
    return weighed(tokenizer, FAMILIES[kind](rng, False), rng)


def shares(progress: float) -> dict[str, float]:
    """The curriculum's shares at a progress from 0 to 1."""
    return [mix for start, mix in CURRICULUM if progress >= start][-1]


def chunk(tokenizer: Any, seed: int, number: int, mix: dict[str, float]) -> list[Batch]:
    """The batches of one chunk, in order. Rows that fill no whole batch are left out."""
    rng = random.Random(f"{seed} {number}")
    noise = np.random.default_rng([seed, number])
    size = tokenizer.get_vocab_size()
    pools: list[list[Row]] = [[] for _ in SHAPES]
    batches = []
    while len(batches) < CHUNK:
        made = row(tokenizer, rng, pick(rng, mix), size)
        at = next((at for at, (length, _) in enumerate(SHAPES) if len(made.ids) <= length + 1), None)
        if at is None:
            continue
        pools[at].append(made)
        length, rows = SHAPES[at]
        if len(pools[at]) == rows:
            batches.append(collate(pools[at], length, noise, number, len(batches)))
            pools[at] = []
    return batches


def collate(rows: list[Row], length: int, noise: Any, number: int = 0, index: int = 0) -> Batch:
    """Rows as one batch, padded to `length`; a share of the context tokens gets a small weight."""
    ids, targets = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.int64)
    weights = np.zeros((len(rows), length), np.float32)
    tokens = 0
    for at, each in enumerate(rows):
        size = min(len(each.ids) - 1, length)
        ids[at, :size], targets[at, :size] = each.ids[:size], each.ids[1 : size + 1]
        own = each.weights[1 : size + 1].copy()
        context = own < 0
        own[context] = np.where(noise.random(int(context.sum())) < CONTEXT_SHARE, CONTEXT, 0)
        weights[at, :size] = own
        tokens += size
    return Batch(ids, targets, weights, tokens, number, index)


def stream(
    tokenizer: Any, seed: int, total: float, skip: float = 0.0, number: int = 0, index: int = 0, tokens: int = 0
) -> Iterator[Batch]:
    """All batches of a run of `total` tokens, from this position on; `tokens` is what lay before the chunk.

    `skip` is the part of the curriculum that the run leaves out at its start.
    """
    while True:
        made = chunk(tokenizer, seed, number, shares(skip + (1 - skip) * min(1.0, tokens / total)))
        yield from made[index:]
        tokens += sum(batch.tokens for batch in made)
        number, index = number + 1, 0
