"""`lmnb train-tiny`: the whole recipe, on a model of a few thousand parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.errors import InputError
from lmnb.lm.local import weights
from lmnb.train import command, export, probe, sequences
from lmnb.train.command import train_tiny
from lmnb.train.loop import Settings
from lmnb.train.model import LARGE, Model, Shape
from lmnb.train.start import structured

SMALL = Shape(vocab=2048, width=64, layers=4, heads=4, inner=32)


def test_the_recipe_writes_a_model_that_answers(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a new tokenizer to a file that LM can load; a second call goes on with the checkpoint and is done."""
    monkeypatch.setattr(command.tokenizers, "make", lambda: tokenizer)
    monkeypatch.setattr(sequences, "SHAPES", [(176, 4), (512, 2)])
    monkeypatch.setattr(sequences, "CHUNK", 4)
    monkeypatch.setattr(probe, "ROWS", dict(list(probe.ROWS.items())[:1]))
    told: list[str] = []
    options: dict[str, Any] = {"checkpoint": tmp_path / "run.ckpt", "tokens": 3000, "told": told.append}
    out = train_tiny(tmp_path / "a.gguf", settings=Settings(shape=SMALL, compiled=False), **options)
    assert lmnb.LM(f"gguf/{out}", cache=False)("Hello", max_tokens=3)
    again = train_tiny(tmp_path / "b.gguf", **options)
    assert again.read_bytes() == out.read_bytes()
    assert told[0].startswith("model") and any(line.startswith("going on") for line in told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"out": "missing/x.gguf"}, "no folder"),
        ({"start": "missing.gguf"}, "no file"),
        ({"threads": 0}, "greater than 0"),
        ({"tokens": -1}, "greater than 0"),
    ],
)
def test_a_wrong_option_is_told_before_the_training(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    """What cannot work is said at once, not after hours."""
    options = {"out": "x.gguf", **options}
    with pytest.raises(InputError, match=words):
        train_tiny(tmp_path / options.pop("out"), checkpoint=tmp_path / "x.ckpt", **options)


def test_the_larger_model_takes_the_structured_start(tokenizer: Any) -> None:
    """The shape for a CUDA device has from 5 to 10 million parameters and the layers that the start needs."""
    model = Model(LARGE)
    structured(model, tokenizer)
    assert 5e6 < model.size < 10e6


def test_a_run_goes_on_from_a_file_with_its_weights_and_tokenizer(
    shipped: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started from the embedded model and trained on next to nothing, the new file splits and answers as it does."""
    monkeypatch.setattr(sequences, "SHAPES", [(256, 1)])
    monkeypatch.setattr(sequences, "CHUNK", 1)
    monkeypatch.setattr(probe, "ROWS", {})
    options: dict[str, Any] = {"checkpoint": tmp_path / "run.ckpt", "tokens": 10, "told": lambda line: None}
    start, settings = str(weights("lmnb/tiny")), Settings(compiled=False)
    out = export.load(train_tiny(tmp_path / "a.gguf", start=start, settings=settings, **options))
    assert out.tokenizer.to_str() == shipped.tokenizer.to_str()
    ours, theirs = out.model.embed.weight, shipped.model.embed.weight
    assert not ours.equal(theirs) and (ours - theirs).abs().max() < 0.01
