"""The tokenizer: whole, and the same in llama.cpp."""

from __future__ import annotations

import json
import random
import urllib.request
from pathlib import Path
from typing import Any

import torch

from lmnb.lm import llama
from lmnb.lm.local import weights
from lmnb.train import export
from lmnb.train.lexicon import HELD, TRAIN
from lmnb.train.model import Model, Shape
from lmnb.train.render import conversation, prompt_text
from lmnb.train.sequences import MIX, sample
from lmnb.train.tokenizer import BOILERPLATE, NUMBERS, make


def prompts(count: int) -> list[str]:
    rng = random.Random(5)
    return [prompt_text(conversation(sample(rng, MIX, held=at % 2 == 0))[:-1]) for at in range(count)]


def splits(path: Path, texts: list[str]) -> list[list[int]]:
    """What llama.cpp makes of the texts."""
    server = llama.start("lmnb/test", path, n_ctx=512, n_threads=1, listens=True)
    found = []
    for text in texts:
        body = json.dumps({"content": text, "add_special": False, "parse_special": True}).encode()
        asked = urllib.request.Request(
            f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked) as reply:
            found.append(json.loads(reply.read())["tokens"])
    return found


def test_both_tokenizers_split_alike(tokenizer: Any, shipped: Any, tmp_path: Path) -> None:
    """llama.cpp splits 200 prompts as we do, with the shipped tokenizer and with a new one."""
    texts = prompts(200)
    torch.manual_seed(0)
    new = export.save(Model(Shape(vocab=2048, width=32, layers=1, heads=1, inner=32)), tokenizer, tmp_path / "new.gguf")
    for known, path in ((shipped.tokenizer, weights("lmnb/tiny")), (tokenizer, new)):
        assert splits(path, texts) == [known.encode(text).ids for text in texts]


def test_a_text_comes_back_whole(tokenizer: Any) -> None:
    """Decoding what was encoded gives the text again."""
    for text in prompts(40):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_taught_words_and_small_numbers_are_one_token_each() -> None:
    """At its full size every number of a sum and nearly every name and label of training is a token; a held one is not."""
    tokenizer = make(episodes=400)
    assert not [word for word in [*HELD.labels, *HELD.names] if len(tokenizer.encode(f" {word}").ids) == 1]
    taught = [*TRAIN.labels, *TRAIN.names]
    assert sum(len(tokenizer.encode(f" {word}").ids) == 1 for word in taught) > 0.95 * len(taught)
    assert all(len(tokenizer.encode(f" {number}").ids) == 1 for number in range(NUMBERS + 1))


def test_boilerplate_is_one_token_each(tokenizer: Any) -> None:
    """Every string of the boilerplate is a token of its own."""
    assert all(len(tokenizer.encode(text).ids) == 1 for text in BOILERPLATE)


def test_a_prompt_of_eight_demos_has_about_300_tokens(shipped: Any) -> None:
    """Eight short demos leave most of the context free."""
    from lmnb.train.episodes import FAMILIES

    rng = random.Random(3)
    fixed = {"demos": 8, "instruction": "bad", "classes": 3, "reasoning": False, "kind": "topic"}
    texts = [prompt_text(conversation(FAMILIES["routing"](rng, False, **fixed))[:-1]) for _ in range(50)]
    assert 200 < sum(len(shipped.tokenizer.encode(text).ids) for text in texts) / len(texts) < 340
