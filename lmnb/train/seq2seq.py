"""Fine-tuning of encoder-decoder models: the prompt goes in, the loss is on the reply (T5: Raffel et al. 2020, arXiv 1910.10683)."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.lm.completion import prompt_text
from lmnb.lm.seq2seq import Loaded, quiet

SMALL = 10_000_000  # parameters
IGNORED = -100  # a target that carries no loss, to transformers


def fit(
    model: str | Path,
    records: Sequence[Mapping[str, Any]],
    out: str | Path,
    *,
    epochs: int = 1,
    batch_size: int = 12,
    rate: float = 5e-5,
    seed: int = 0,
    local_only: bool = True,
    told: Callable[[float, float], None] | None = None,
) -> Path:
    """A new folder of weights (safetensors) and tokenizer: the encoder-decoder `model` trained on with the last turn of `records` as
    what it should write. `told` hears of every step: how far it is, from 0 to 1, and its loss. By AdamW at a constant `rate`.

    The folder appears whole or not at all. InputError for records without text.
    """
    pairs = [_pair(at, record) for at, record in enumerate(records)]
    if not pairs:
        raise InputError("there is nothing to fit on: no record")
    loaded = Loaded(str(model), download=not local_only)
    torch, network, out = loaded.torch, loaded.model, Path(out)
    rng, steps = random.Random(seed), epochs * -(-len(pairs) // batch_size)
    descent = torch.optim.AdamW(network.parameters(), lr=rate)
    network.train()
    count, threads = 0, torch.get_num_threads()  # a small model is trained fastest by one
    with torch.random.fork_rng(devices=[]), threaded(torch, 1 if network.num_parameters() < SMALL else threads):
        torch.manual_seed(seed)  # dropout
        for _ in range(epochs):
            order = rng.sample(pairs, len(pairs))
            for start in range(0, len(order), batch_size):
                prompts, replies = zip(*order[start : start + batch_size], strict=True)
                asked = loaded.tokenizer(list(prompts), return_tensors="pt", padding=True)
                wanted = loaded.tokenizer(text_target=list(replies), return_tensors="pt", padding=True)
                targets = wanted["input_ids"].masked_fill(wanted["attention_mask"] == 0, IGNORED)
                loss = network(
                    input_ids=asked["input_ids"], attention_mask=asked["attention_mask"], labels=targets
                ).loss
                loss.backward()
                descent.step()
                descent.zero_grad()
                count += 1
                if told is not None:
                    told(count / steps, float(loss.detach()))
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with quiet(loaded.transformers):
        network.save_pretrained(part)
        loaded.tokenizer.save_pretrained(part)
    part.replace(out)
    return out


@contextmanager
def threaded(torch: Any, count: int) -> Iterator[None]:
    """Inside, torch computes in so many threads; what is raised, as by a run that ends, leaves it as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pair(at: int, record: Mapping[str, Any]) -> tuple[str, str]:
    *prompt, reply = record["messages"]
    if not isinstance(reply.get("content"), str) or not reply["content"].strip():
        raise InputError(f"record {at} has no text to learn: {record!r:.200}")
    return prompt_text(prompt, "an encoder-decoder model"), reply["content"]
