"""The training loop: from a seed to weights, on the CPU by default and on a CUDA device where there is one.

A run is a function of its settings; on the CPU it is the same bit for bit, also when it was stopped and resumed from its
checkpoint. Schedules count tokens. A second process makes the batches.
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
from queue import Empty, Full
from typing import Any

from lmnb.errors import RunError
from lmnb.train import export
from lmnb.train import tokenizer as tokenizers
from lmnb.train.descent import Descent
from lmnb.train.lexicon import VERSION
from lmnb.train.model import Model, Shape, torch
from lmnb.train.sequences import Batch, chunk, shares, stream
from lmnb.train.start import structured

MEASURED = 30  # batches that are timed to turn minutes into tokens


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a run. `tokens` is its length; the rates rise over `warmup` steps and fall to zero over the last `fall`."""

    tokens: float = 48e6
    seed: int = 0
    shape: Shape = field(default_factory=Shape)
    muon: float = 0.012
    adam: float = 0.005
    warmup: int = 60
    fall: float = 0.9
    skip: float = 0.0  # how much of the curriculum lies behind the run at its start
    start: str = ""  # a GGUF file of ours to go on from, with its tokenizer; empty: the structured start
    compiled: bool = True
    threads: int = 1  # more are faster only on cores that have nothing else to do


class Run:
    """A model in training: `steps()` trains, `save()` and `load()` keep everything that decides how it goes on."""

    def __init__(self, settings: Settings, tokenizer: Any, *, fresh: bool = True) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self.model = Model(settings.shape)
        if not fresh:
            pass  # the weights are restored
        elif settings.start:
            self.model.load_state_dict(export.load(settings.start).model.state_dict())
        else:
            structured(self.model, tokenizer)
        torch._dynamo.config.recompile_limit = 64
        self.model.to(self.device)
        self.descent = Descent(self.model, settings.muon, settings.adam)
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
        self.descent.step(self.rate())
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
            **self.descent.state(),
            "random": torch.get_rng_state(),
            "at": {**at, **{f"p_{key}": value for key, value in self.position.items()}},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or on, to what `state` gave."""
        self.model.load_state_dict(state["weights"])
        self.descent.restore(state, self.device)
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
        try:
            state = torch.load(path, weights_only=True, map_location="cpu")
            version = state["version"]
        except Exception as error:
            raise RunError(
                f"{str(path)!r} cannot be read as a checkpoint ({type(error).__name__}: {error})."
            ) from error
        if version != VERSION:
            raise RunError(
                f"{str(path)!r} was made by version {version} of the generator, and this is {VERSION}. Start anew."
            )
        kept = json.loads(state["settings"])
        settings = Settings(**{**kept, "shape": Shape(**kept["shape"]), **changes})
        run = cls(settings, tokenizers.from_text(state["tokenizer"]), fresh=False)
        run.restore(state)
        return run


def _produce(queue: Any, text: str, seed: int, total: float, skip: float, position: dict[str, int]) -> None:
    if hasattr(os, "nice"):  # not on Windows
        os.nice(2)
    parent = os.getppid()
    for batch in stream(tokenizers.from_text(text), seed, total, skip, **position):
        while True:
            try:
                queue.put(batch, timeout=5)
                break
            except Full:
                if os.getppid() != parent:
                    queue.cancel_join_thread()  # the run was killed, and nobody will read what is left
                    return


def _next(queue: Any, worker: Any) -> Batch:
    while True:
        try:
            return queue.get(timeout=5)
        except Empty:
            if not worker.is_alive():
                raise RunError("the process that makes the batches has ended; what it said stands above.") from None


@contextmanager
def produced(run: Run) -> Iterator[Any]:
    """A queue that another process fills with the run's batches, and that process."""
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
        yield queue, worker
    finally:
        worker.terminate()


def tokens_in(minutes: float, run: Run) -> float:
    """How many tokens this machine trains on in so many minutes: some steps of the middle of a run, timed and taken back."""
    before = copy.deepcopy(run.state())
    batches = chunk(run.tokenizer, run.settings.seed, 0, shares(0.5))
    for batch in {batch.ids.shape: batch for batch in batches}.values():
        run.step(batch)  # compiles
    measured = batches[:MEASURED]
    start = time.perf_counter()
    for batch in measured:
        run.step(batch)
    spent = time.perf_counter() - start
    run.restore(before)
    return minutes * 60 * sum(batch.tokens for batch in measured) / spent


def train(run: Run, checkpoint: Path, *, every: float = 600.0, report: Any = None) -> None:
    """Train to the run's end. Writes the checkpoint every so many seconds; Ctrl-C keeps the last."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("training"), BarColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
    with produced(run) as (queue, worker), Progress(*columns) as bar:
        task = bar.add_task("", total=run.settings.tokens, completed=run.tokens, said="")
        saved = told = time.monotonic()
        before = run.tokens
        while run.tokens < run.settings.tokens:
            run.step(_next(queue, worker))
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
