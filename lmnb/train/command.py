"""`lmnb train-tiny`: the whole recipe, from a new tokenizer to a GGUF file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.train import export
from lmnb.train import tokenizer as tokenizers
from lmnb.train.loop import Run, Settings, tokens_in, train
from lmnb.train.model import LARGE, Shape, torch
from lmnb.train.probe import probe
from lmnb.train.sequences import CURRICULUM

LAST = CURRICULUM[-1][0]  # where the last part of the curriculum begins


def train_tiny(
    out: Path,
    *,
    checkpoint: Path,
    minutes: float = 60,
    tokens: float | None = None,
    threads: int = 1,
    start: str = "",
    seed: int = 0,
    settings: Settings | None = None,
    told: Callable[[str], Any] = print,
) -> Path:
    """Train for so many minutes, or tokens, and write the file. A checkpoint that is there is gone on with, to
    so many tokens in all where they are given.

    On a CUDA device the model is the larger one.

    With `start`, a GGUF file of ours, the run goes on from its weights and its tokenizer with the last part of the curriculum.
    """
    for path in (out, checkpoint):
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {str(path.parent)!r} for {path.name!r}. Make it first.")
    if start and not Path(start).is_file():
        raise InputError(f"there is no file {start!r} to start from.")
    if threads < 1 or (tokens is not None and tokens <= 0) or minutes <= 0:
        raise InputError("threads, tokens and minutes must be greater than 0.")
    if checkpoint.exists():
        run = Run.load(checkpoint, threads=threads, **({"tokens": tokens} if tokens else {}))
        told(
            f"going on    {checkpoint}, seed {run.settings.seed}, {run.tokens / 1e6:.1f}M tokens done; delete it to start anew"
        )
    else:
        chosen = settings or Settings(seed=seed, threads=threads, shape=LARGE if torch.cuda.is_available() else Shape())
        if start:
            earlier = export.load(start)
            chosen = replace(chosen, start=start, shape=earlier.model.shape, skip=LAST, fall=1.0)
        run = Run(chosen, earlier.tokenizer if start else tokenizers.make())
        run.settings = replace(chosen, tokens=tokens or tokens_in(minutes, run))
    told(
        f"model       {run.model.size / 1e6:.2f}M parameters, {run.settings.tokens / 1e6:.1f}M tokens, on {run.device}"
    )

    def report(now: Run) -> None:
        scores = probe(now.model, now.tokenizer)
        told("  ".join(f"{name} {score:.0f}" for name, score in scores.items()))

    train(run, checkpoint, report=report)
    return export.save(run.model, run.tokenizer, out)
