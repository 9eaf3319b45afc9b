"""The training loop: from a seed to weights, on the CPU by default and on a CUDA device where there is one.

A run is a function of its settings; on the CPU it is the same bit for bit, also when it was stopped and resumed from its
checkpoint. Schedules count tokens. One thread is fastest for so small a model; a second process makes the batches.
"""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Full
from typing import Any

from lmnb.errors import RunError
from lmnb.train import tokenizer as tokenizers
from lmnb.train.lexicon import VERSION
from lmnb.train.model import Model, Shape, torch
from lmnb.train.muon import Muon
from lmnb.train.sequences import SHAPES, Batch, stream
from lmnb.train.start import continued, structured

MEASURED = 3  # batches of each shape that are timed to turn minutes into tokens


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a run. `tokens` is its length; the rates rise over `warmup` steps and fall to zero over the last `fall`."""

    tokens: float = 40e6
    seed: int = 0
    shape: Shape = field(default_factory=Shape)
    muon: float = 0.014
    adam: float = 0.005
    warmup: int = 60
    fall: float = 0.6
    skip: float = 0.0  # how much of the curriculum lies behind the run at its start
    start: str = ""  # a GGUF file to go on from; empty: the structured start
    compiled: bool = True


class Run:
    """A model in training: `steps()` trains, `save()` and `load()` keep everything that decides how it goes on."""

    def __init__(self, settings: Settings, tokenizer: Any) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(settings.seed)
        self.model = Model(settings.shape)
        if settings.start:
            continued(self.model, tokenizer, settings.start)
        else:
            structured(self.model, tokenizer)
        torch._dynamo.config.recompile_limit = 64
        self.model.to(self.device)
        named = dict(self.model.named_parameters())
        matrices = [weight for name, weight in named.items() if weight.dim() == 2 and "embed" not in name]
        self.others = [weight for name, weight in named.items() if weight.dim() != 2 or "embed" in name]
        self.muon = Muon(matrices)
        self.adam = torch.optim.AdamW(self.others, lr=settings.adam, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.tokens, self.count, self.loss = 0, 0, 0.0
        self.position = {"number": 0, "index": 0, "tokens": 0}  # of the next batch
        self._hidden = self.model.hidden
        self._fast = torch.compile(self._hidden, dynamic=False) if settings.compiled else self._hidden

    @property
    def progress(self) -> float:
        return min(1.0, self.tokens / self.settings.tokens)

    def rate(self) -> float:
        """What the learning rates are multiplied with now."""
        rise = min(1.0, (self.count + 1) / self.settings.warmup)
        return rise * min(1.0, max(0.02, (1 - self.progress) / self.settings.fall))

    def step(self, batch: Batch) -> None:
        """Learn from one batch."""
        ids, targets, weights = (torch.from_numpy(x).to(self.device) for x in (batch.ids, batch.targets, batch.weights))
        with self.fast(), torch.autocast(self.device, torch.bfloat16):
            loss = self.model.loss(ids, targets, weights)
        loss.backward()
        rate = self.rate()
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.settings.adam * rate
        self.muon.step(self.settings.muon * rate)
        self.adam.step()
        self.adam.zero_grad()
        self.count += 1
        self.tokens += batch.tokens
        now = float(loss.detach())
        self.loss = now if self.count == 1 else 0.98 * self.loss + 0.02 * now
        if batch.chunk != self.position["number"]:  # the first batch of a new chunk
            self.position = {"number": batch.chunk, "index": 0, "tokens": self.tokens - batch.tokens}
        self.position["index"] = batch.index + 1

    @contextmanager
    def fast(self) -> Iterator[None]:
        """Inside, the model runs compiled."""
        object.__setattr__(self.model, "hidden", self._fast)
        try:
            yield
        finally:
            object.__setattr__(self.model, "hidden", self._hidden)

    def batches(self) -> Iterator[Batch]:
        """The batches that are due, from here on."""
        settings = self.settings
        return stream(self.tokenizer, settings.seed, settings.tokens, settings.skip, **self.position)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, as tensors and plain values."""
        at = {"tokens": self.tokens, "count": self.count, "loss": self.loss}
        return {
            "settings": json.dumps(asdict(self.settings)),
            "version": VERSION,
            "tokenizer": self.tokenizer.to_str(),
            "weights": self.model.state_dict(),
            "muon": self.muon.buffers,
            "adam": self.adam.state_dict(),
            "random": torch.get_rng_state(),
            "at": {**at, **{f"p_{key}": value for key, value in self.position.items()}},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or on, to what `state` gave."""
        self.model.load_state_dict(state["weights"])
        self.muon.buffers = [buffer.to(self.device) for buffer in state["muon"]]
        self.adam.load_state_dict(state["adam"])
        torch.set_rng_state(state["random"])
        at = state["at"]
        self.tokens, self.count, self.loss = at["tokens"], at["count"], at["loss"]
        self.position = {key: at[f"p_{key}"] for key in self.position}

    def save(self, path: Path) -> None:
        """Write a checkpoint; the file appears whole or not at all."""
        part = path.with_suffix(".part")
        torch.save(self.state(), part)
        part.replace(path)

    @classmethod
    def load(cls, path: Path, **changes: Any) -> Run:
        """The run of a checkpoint, ready to go on; `changes` are settings that are to be others, such as `tokens`."""
        state = torch.load(path, weights_only=True)
        if state["version"] != VERSION:
            raise RunError(
                f"{str(path)!r} was made by version {state['version']} of the generator, and this is {VERSION}. Start anew."
            )
        kept = json.loads(state["settings"])
        settings = Settings(**{**kept, "shape": Shape(**kept["shape"]), **changes})
        run = cls(settings, tokenizers.from_text(state["tokenizer"]))
        run.restore(state)
        return run


def _produce(queue: Any, text: str, seed: int, total: float, skip: float, position: dict[str, int]) -> None:
    os.nice(2)
    parent = os.getppid()
    for batch in stream(tokenizers.from_text(text), seed, total, skip, **position):
        while True:
            try:
                queue.put(batch, timeout=5)
                break
            except Full:
                if os.getppid() != parent:
                    return  # the run was killed


@contextmanager
def produced(run: Run) -> Iterator[Any]:
    """A queue that another process fills with the run's batches."""
    context = torch.multiprocessing.get_context("spawn")
    queue = context.Queue(24)
    arguments = (
        queue,
        run.tokenizer.to_str(),
        run.settings.seed,
        run.settings.tokens,
        run.settings.skip,
        dict(run.position),
    )
    worker = context.Process(target=_produce, args=arguments, daemon=True)
    worker.start()
    try:
        yield queue
    finally:
        worker.terminate()


def tokens_in(minutes: float, run: Run) -> float:
    """How many tokens this machine trains on in so many minutes: a few steps of each shape, timed and taken back."""
    before = copy.deepcopy(run.state())
    by_shape: dict[Any, list[Batch]] = {}
    for batch in run.batches():
        by_shape.setdefault(batch.ids.shape, []).append(batch)
        if len(by_shape) == len(SHAPES) and all(len(same) > MEASURED for same in by_shape.values()):
            break
    spent, seen = 0.0, 0
    for same in by_shape.values():
        run.step(same[0])  # compiles
        for batch in same[1 : 1 + 4 * MEASURED]:
            start = time.perf_counter()
            run.step(batch)
            spent, seen = spent + time.perf_counter() - start, seen + batch.tokens
    run.restore(before)
    return minutes * 60 * seen / spent


def train(run: Run, checkpoint: Path, *, every: float = 180.0, report: Any = None, until: float | None = None) -> None:
    """Train to the run's end, or to `until` tokens. Writes the checkpoint every so many seconds; Ctrl-C keeps the last."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    end = min(run.settings.tokens, until or run.settings.tokens)
    with produced(run) as queue, Progress(*columns) as bar:
        task = bar.add_task("", total=run.settings.tokens, completed=run.tokens, said="")
        saved = told = time.monotonic()
        before = run.tokens
        while run.tokens < end:
            run.step(queue.get())
            now = time.monotonic()
            if now - told > 10:
                speed = (run.tokens - before) / (now - told)
                told, before = now, run.tokens
                said = f"{run.tokens / 1e6:.2f}M tokens  loss {run.loss:.3f}  {speed / 1000:.1f}k/s"
                bar.update(task, completed=run.tokens, said=said)
                if not bar.console.is_terminal:
                    bar.console.print(f"step {run.count}  {said}")
            if now - saved > every:
                run.save(checkpoint)
                if report:
                    report(run)
                saved = told = time.monotonic()
                before = run.tokens
        run.save(checkpoint)
        if report:
            report(run)
