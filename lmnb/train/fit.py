"""`fit`: go on training a model of ours on chat records, and get a new file. Fine-tuning stands on this."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.lm.local import weights
from lmnb.train import export
from lmnb.train.model import Model, torch
from lmnb.train.muon import Muon
from lmnb.train.sequences import Row, chat_row, collate, np

ROWS = 8  # records a step


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
    named = dict(model.named_parameters())
    matrices = [weight for key, weight in named.items() if weight.dim() == 2 and "embed" not in key]
    others = [weight for key, weight in named.items() if weight.dim() != 2 or "embed" in key]
    muon = Muon(matrices, decay=0.0)
    adam = torch.optim.AdamW(others, lr=rate / 2, betas=(0.9, 0.98), weight_decay=0.0)
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    steps = max(1, epochs * ((len(rows) + ROWS - 1) // ROWS))
    count = 0
    for _ in range(epochs):
        order = rng.sample(rows, len(rows))
        for start in range(0, len(order), ROWS):
            part = order[start : start + ROWS]
            batch = collate(part, max(len(row.ids) for row in part) - 1, noise)
            now = rate * min(1.0, (count + 1) / 5) * (1 - count / steps)
            loss = model.loss(*(torch.from_numpy(each) for each in (batch.ids, batch.targets, batch.weights)))
            loss.backward()
            for group in adam.param_groups:
                group["lr"] = now / 2
            muon.step(now)
            adam.step()
            adam.zero_grad()
            count += 1
            if told is not None:
                told(count, float(loss.detach()))


def _rows(loaded: export.Loaded, records: Sequence[Mapping[str, Any]]) -> list[Row]:
    if not records:
        raise InputError(
            'there is nothing to fit on: no record. Write {"messages": [{"role": ..., "content": ...}, ...]}.'
        )
    rows = []
    for at, record in enumerate(records):
        messages = record.get("messages") or []
        if not any(message.get("role") == "assistant" for message in messages):
            raise InputError(
                f"record {at} has no assistant turn, so there is nothing to learn from it: {dict(record)!r:.200}"
            )
        row = chat_row(loaded.tokenizer, list(messages))
        if len(row.ids) > loaded.model.shape.context:
            raise InputError(
                f"record {at} has {len(row.ids)} tokens, and the model takes {loaded.model.shape.context}."
            )
        rows.append(row)
    return rows
