"""The tokenizer: byte-level BPE with the GPT-2 pre-tokenizer, which llama.cpp runs from the GGUF file.

Numbers up to `NUMBERS` are one token each, so that small sums can be known by heart. Frequent boilerplate is one token each; none of
these strings may overlap another, or llama.cpp would split a prompt otherwise than we do.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmnb.optional import need
from lmnb.train.episodes.labels import pseudo_word
from lmnb.train.lexicon import (
    ADJECTIVES,
    ADVERBS,
    ALL_NOUNS,
    CITIES,
    JOBS,
    LABEL_WORDS,
    NAMES,
    OTHERS,
    THINGS,
    VERB_FORMS,
    taught,
)
from lmnb.train.render import CONTROL, conversation, rendered
from lmnb.train.sequences import MIX, sample

SIZE = 4096
NUMBERS = 60  # the largest number that is a token of its own
BOILERPLATE = [
    "\n \n Input fields:\n - `",
    "\n \n Output fields:\n - `",
    "\n \n Write each output field under its own header, in this order and nothing else:\n \n[[ ##",
    '\n \n Write one JSON object with these keys and nothing else:\n \n {"',
    "\n \n Reply with a JSON object with the keys `",
    "\n \n Reply with `[[ ##",
    "` (str)",
    "` (int)",
    "` (bool)",
    "` (list[str])",
    "` (one of:",
    "\n - `",
    " ## ]]\n {",
    "}\n \n[[ ##",
    "}\n \n[[ ## completed ## ]]",
    "[[ ##",
    "\n \n[[ ##",
    " ## ]]\n",
    " ## ]]`",
    "\n \n[[ ## completed ## ]]",
    " ## ]]`, then `[[ ##",
    "`, `",
    '": "',
    '", "',
]


def make(seed: int = 7, episodes: int = 12_000, size: int = SIZE) -> Any:
    """A new tokenizer from generated episodes and the lexicon. A few seconds."""
    library = need("tokenizers", "train", "training a tokenizer")
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=size - len(BOILERPLATE),
        special_tokens=CONTROL,
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(random.Random(seed), episodes), trainer)
    tokenizer.add_tokens([library.AddedToken(text, normalized=False) for text in BOILERPLATE])
    return tokenizer


def load(path: str | Path) -> Any:
    """The tokenizer of a file that `save` wrote."""
    return need("tokenizers", "train", "reading a tokenizer").Tokenizer.from_file(str(path))


def from_text(text: str) -> Any:
    return need("tokenizers", "train", "reading a tokenizer").Tokenizer.from_str(text)


def rebuild(tokens: list[str], merges: list[str], kinds: list[int]) -> Any:
    """The tokenizer that a GGUF file holds; `kinds` are llama.cpp's token types (3 control, 4 user-defined)."""
    library = need("tokenizers", "train", "reading a tokenizer")
    added = [
        (index, text, kind) for index, (text, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind in (3, 4)
    ]
    plain = {text: index for index, text in enumerate(tokens) if kinds[index] in (1, 3)}
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = library.Tokenizer(library.models.BPE(vocab=plain, merges=pairs))
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = library.decoders.ByteLevel()
    tokenizer.add_special_tokens([text for _, text, kind in added if kind == 3])
    tokenizer.add_tokens([library.AddedToken(text, normalized=False) for _, text, kind in added if kind == 4])
    return tokenizer


def described(tokenizer: Any) -> tuple[list[str], list[str], list[int]]:
    """Tokens, merges and token types, as a GGUF file wants them."""
    data = json.loads(tokenizer.to_str())
    vocab = sorted(data["model"]["vocab"].items(), key=lambda item: item[1])
    tokens, kinds = [text for text, _ in vocab], [1] * len(vocab)
    for added in data["added_tokens"]:
        while len(tokens) <= added["id"]:
            tokens.append("")
            kinds.append(5)
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = 3 if added["special"] else 4
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]]
    return tokens, merges, kinds


def _texts(rng: random.Random, episodes: int) -> Iterator[str]:
    marks = sorted([*CONTROL, *BOILERPLATE], key=len, reverse=True)
    cut = re.compile("|".join(map(re.escape, marks)) + r"|\d")
    for _ in range(episodes):
        text, _spans = rendered(conversation(sample(rng, MIX)), [])
        yield cut.sub("\n", text)
    words = taught()
    known = set(words)
    core = [*NAMES, *CITIES, *LABEL_WORDS, *(noun.singular for noun in ALL_NOUNS), *THINGS.split(), *JOBS, *OTHERS]
    core += [*ADJECTIVES, *ADVERBS, *(form for verb in VERB_FORMS for form in verb)]
    core = [word for word in core if word in known]
    yield from [" " + " ".join(core)] * 160  # one token each, where the size allows
    yield from [" " + " ".join(words)] * 60
    yield from [" " + " ".join(map(str, range(NUMBERS + 1)))] * 160
    for _ in range(600):
        yield " " + " ".join(pseudo_word(rng, False) for _ in range(8))
