"""`fit`: go on training a model of ours on chat records, and get a new file. Fine-tuning stands on this."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.lm.local import weights
from lmnb.train import export
from lmnb.train.descent import Descent
from lmnb.train.model import Model, torch
from lmnb.train.render import CONTROL
from lmnb.train.sequences import Row, chat_row, collate, np

ROWS = 8  # records a step
ROLES = ("system", "user", "assistant")


def fit(
    model: str | Path,
    records: Sequence[Mapping[str, Any]],
    out: str | Path,
    *,
    epochs: int = 4,
    rate: float = 0.004,
    seed: int = 0,
    told: Callable[[int, float], None] | None = None,
) -> Path:
    """A new GGUF file: `model` trained on with a loss on the assistant turns of `records`, `{"messages": [...]}` each.

    `model` is `"lmnb/tiny"`, `"gguf/<path>"` or the path of a file that lmnb trained. `rate` is Muon's; embeddings, norms and
    biases take half of it, by Adam; both fall to zero. `told` hears of every step: its number and its loss. Use the result as
    `lmnb.LM(f"gguf/{path}")`.

    InputError names the first record without an assistant turn, or one too long for the model's context.
    """
    name = str(model)
    path = weights(name) if name.startswith(("lmnb/", "gguf/")) else Path(model)
    loaded = export.load(path)
    rows = _rows(loaded, records)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for so small a model
    try:
        train(loaded.model, rows, epochs=epochs, rate=rate, seed=seed, told=told)
    finally:
        torch.set_num_threads(threads)
    return export.save(loaded.model, loaded.tokenizer, out, name=f"{loaded.name.removesuffix('-fit')}-fit")


def train(
    model: Model,
    rows: Sequence[Row],
    *,
    epochs: int,
    rate: float,
    seed: int,
    told: Callable[[int, float], None] | None = None,
) -> None:
    """Train the model in place, some epochs over the rows in an order drawn from the seed."""
    descent = Descent(model, rate, rate / 2, decay=0.0)
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    steps = max(1, epochs * ((len(rows) + ROWS - 1) // ROWS))
    count = 0
    for _ in range(epochs):
        order = rng.sample(rows, len(rows))
        for start in range(0, len(order), ROWS):
            part = order[start : start + ROWS]
            batch = collate(part, max(len(row.ids) for row in part) - 1, noise)
            loss = model.loss(*(torch.from_numpy(each) for each in (batch.ids, batch.targets, batch.weights)))
            loss.backward()
            descent.step(min(1.0, (count + 1) / 5) * (1 - count / steps))
            count += 1
            if told is not None:
                told(count, float(loss.detach()))


def _messages(at: int, record: Any) -> list[dict[str, str]]:
    given = record.get("messages") if isinstance(record, Mapping) else None
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f'record {at} is not {{"messages": [...]}}: {record!r:.200}')
    for message in given:
        role, content = (message.get(key) if isinstance(message, Mapping) else None for key in ("role", "content"))
        if role not in ROLES or not isinstance(content, str):
            roles = ", ".join(ROLES)
            raise InputError(
                f"record {at} has a message that is not a text of one of the roles {roles}: {message!r:.200}"
            )
        mark = next((mark for mark in CONTROL if mark in content), None)
        if mark is not None:
            raise InputError(
                f"record {at} has {mark!r} in a text, which ends or begins a turn for the model. Take it out."
            )
    return [dict(message) for message in given]


def _rows(loaded: export.Loaded, records: Sequence[Mapping[str, Any]]) -> list[Row]:
    if not records:
        raise InputError(
            'there is nothing to fit on: no record. Write {"messages": [{"role": ..., "content": ...}, ...]}.'
        )
    rows = []
    for at, record in enumerate(records):
        messages = _messages(at, record)
        if not any(message.get("role") == "assistant" for message in messages):
            raise InputError(
                f"record {at} has no assistant turn, so there is nothing to learn from it: {record!r:.200}"
            )
        row = chat_row(loaded.tokenizer, messages)
        if len(row.ids) > loaded.model.shape.context:
            raise InputError(
                f"record {at} has {len(row.ids)} tokens, and the model takes {loaded.model.shape.context}."
            )
        rows.append(row)
    return rows
