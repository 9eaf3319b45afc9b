"""GGUF and back: the file holds the model, and llama.cpp computes what torch does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

import lmnb
from lmnb.errors import ModelNotFound
from lmnb.train import export
from lmnb.train.episodes import FAMILIES
from lmnb.train.render import STOP, conversation, prompt_text


@torch.no_grad()
def written(loaded: Any, text: str, limit: int = 40) -> str:
    """The greedy reply to a prompt, by torch."""
    ids = loaded.tokenizer.encode(text).ids
    start, stop = len(ids), loaded.tokenizer.token_to_id(STOP)
    while len(ids) - start < limit:
        following = int(loaded.model(torch.tensor([ids]))[0, -1].argmax())
        if following == stop:
            break
        ids.append(following)
    return loaded.tokenizer.decode(ids[start:], skip_special_tokens=False).replace("\n ", "\n").strip()


def test_llama_replies_as_torch_does(shipped: Any) -> None:
    """Greedy replies are the same in torch and in llama.cpp, but for a rounding here and there."""
    rng = random.Random(4)
    lm = lmnb.LM("lmnb/tiny", cache=False)
    alike = 0
    for _ in range(12):
        turns = conversation(FAMILIES["routing"](rng, True, demos=4, reasoning=False))[:-1]
        reply = lm(messages=[{"role": role, "content": text} for role, text in turns])[0]
        alike += reply == written(shipped, prompt_text(turns))
    assert alike >= 11


def test_a_saved_model_is_read_back(shipped: Any, tmp_path: Path) -> None:
    """Weights, tokenizer and shape survive the file; the second writing is the first, byte for byte."""
    first = export.save(shipped.model, shipped.tokenizer, tmp_path / "one.gguf")
    again = export.load(first)
    assert again.model.shape == shipped.model.shape
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), shipped.model.parameters(), strict=True))
    second = export.save(again.model, again.tokenizer, tmp_path / "two.gguf")
    assert first.read_bytes() == second.read_bytes()


def test_another_architecture_is_refused(shipped: Any, tmp_path: Path) -> None:
    """A file that lmnb did not train is refused with what to give instead."""
    import gguf

    writer = gguf.GGUFWriter(str(tmp_path / "other.gguf"), "llama")
    writer.add_name("other")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelNotFound, match="lmnb/tiny"):
        export.load(tmp_path / "other.gguf")


def test_a_damaged_file_is_refused(shipped: Any, tmp_path: Path) -> None:
    """What is no GGUF file, is cut, or is missing raises ModelNotFound with its name."""
    whole = export.save(shipped.model, shipped.tokenizer, tmp_path / "whole.gguf").read_bytes()
    for name, data in {"text.gguf": b"no model", "cut.gguf": whole[:200_000], "empty.gguf": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelNotFound, match=name):
            export.load(tmp_path / name)
    with pytest.raises(ModelNotFound, match="missing"):
        export.load(tmp_path / "missing.gguf")


def test_the_weights_are_at_most_ten_megabytes() -> None:
    """The embedded model stays small enough for the wheel."""
    from lmnb.lm.local import weights

    assert weights("lmnb/tiny").stat().st_size <= 10_000_000
