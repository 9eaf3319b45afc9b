"""The training loop: deterministic, resumable, and learning."""

from __future__ import annotations

from pathlib import Path
from queue import Empty
from typing import Any

import pytest
import torch

from lmnb.errors import RunError
from lmnb.train import loop, sequences
from lmnb.train.loop import Run, Settings
from lmnb.train.model import Shape


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A model of a few thousand parameters and batches of a few rows."""
    monkeypatch.setattr(sequences, "SHAPES", [(176, 4), (512, 2)])
    monkeypatch.setattr(sequences, "CHUNK", 4)
    torch.set_num_threads(1)
    return Settings(tokens=30_000, shape=Shape(vocab=2048, width=64, layers=4, heads=4, inner=32), compiled=False)


def trained(run: Run, steps: int) -> Run:
    for batch, _ in zip(run.batches(), range(steps), strict=False):
        run.step(batch)
    return run


def same(one: Run, other: Run) -> bool:
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_run_is_the_same_for_the_same_seed(settings: Settings, tokenizer: Any) -> None:
    """Two runs with one seed have the same weights, bit for bit."""
    assert same(trained(Run(settings, tokenizer), 5), trained(Run(settings, tokenizer), 5))


@pytest.mark.parametrize("stop", [2, 4, 5])
def test_a_resumed_run_ends_in_the_same_weights(settings: Settings, tokenizer: Any, tmp_path: Path, stop: int) -> None:
    """A run that is saved, inside a chunk or at its end, goes on bit for bit as if it had not stopped."""
    whole = trained(Run(settings, tokenizer), 9)
    trained(Run(settings, tokenizer), stop).save(tmp_path / "run.ckpt")
    resumed = trained(Run.load(tmp_path / "run.ckpt"), 9 - stop)
    assert same(whole, resumed)
    assert (whole.tokens, whole.count, whole.position) == (resumed.tokens, resumed.count, resumed.position)


def test_measuring_the_speed_leaves_the_run_as_it_was(
    settings: Settings, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Minutes become tokens by steps that are taken back."""
    monkeypatch.setattr(loop, "MEASURED", 2)
    run, other = Run(settings, tokenizer), Run(settings, tokenizer)
    assert loop.tokens_in(1, run) > 0
    assert same(run, other) and run.tokens == 0


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """A damaged or foreign file is an error with its name."""
    (tmp_path / "run.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(RunError, match=r"run\.ckpt' cannot be read"):
        Run.load(tmp_path / "run.ckpt")


def test_a_run_whose_batches_end_is_told() -> None:
    """Training does not wait for a process that is gone."""

    class Gone:
        def get(self, timeout: float) -> Any:
            raise Empty

        def is_alive(self) -> bool:
            return False

    with pytest.raises(RunError, match="has ended"):
        loop._next(Gone(), Gone())


def test_a_checkpoint_of_another_generator_is_refused(
    settings: Settings, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint says which version of the generator it belongs to."""
    run = Run(settings, tokenizer)
    run.save(tmp_path / "run.ckpt")
    monkeypatch.setattr(loop, "VERSION", "another")
    with pytest.raises(RunError, match="version"):
        Run.load(tmp_path / "run.ckpt")
