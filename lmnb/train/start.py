"""A structured start: circuits for learning from demos, written into the first weights. Training then changes them freely.

In-context learning did not appear in 9 million tokens of plain training; from this start it appears in 1.3 million. The
parts are the previous-token and induction heads of Olsson et al. 2022 (In-context Learning and Induction Heads), and beside
them a nearest-neighbour circuit over bags of content words:

- embeddings: what the words of one topic share;
- layer 0: a head that reads the previous token, and two that average the content words of the last dozen tokens;
- layer 1: induction heads: what followed the last time this token came?
- layer 2: a head that carries the bag of words before a label on to the label's own token;
- layer 3: heads that compare this slot's bag with those of earlier labels, and copy the label that fits.
"""

from __future__ import annotations

import math
import re
from typing import Any

from lmnb.train.grammar import capital
from lmnb.train.lexicon import DESCRIPTIONS, NEGATIVE, NEUTRAL, OTHERS, POSITIVE, TOPICS, TRAIN
from lmnb.train.model import Block, Model, torch

TOPIC = 2.5  # length of what the words of a topic share, beside 2.8 of what is a word's own in that subspace
_FUNCTION = set(OTHERS[:140])
_WORD = re.compile(r"Ġ[A-Za-z]{3,}")


def content_ids(tokenizer: Any) -> torch.Tensor:
    """Tokens by which texts are told apart: topics, their nouns, the words of a mood, names; sorted."""
    said = {*POSITIVE, *NEGATIVE, *NEUTRAL, *TRAIN.names}
    forms = {form for word in said for form in (f"Ġ{word}", f"Ġ{capital(word)}")}
    vocab = tokenizer.get_vocab()
    ids = {vocab[form] for form in forms if form in vocab}
    return torch.tensor(sorted(ids.union(*topic_ids(tokenizer))))


def topic_ids(tokenizer: Any) -> list[list[int]]:
    """Of each topic the tokens that speak of it: its name, its nouns in both numbers, the words that describe it."""
    vocab = tokenizer.get_vocab()
    found = []
    for topic, nouns in TOPICS.items():
        said = {topic, *(form for noun in nouns for form in (noun.singular, noun.plural))}
        said |= {word for text in DESCRIPTIONS[topic] for word in text.split()} - _FUNCTION
        forms = {form for word in said if word for form in (f"Ġ{word}", f"Ġ{capital(word)}")}
        found.append(sorted(vocab[form] for form in forms if form in vocab))
    return found


@torch.no_grad()
def structured(model: Model, tokenizer: Any) -> None:
    """Write the circuits into a fresh model of at least four layers and four heads."""
    shape = model.shape
    head, width, half = shape.head, shape.width, shape.head // 2
    speeds = 1.0 / (shape.rope ** (torch.arange(0, head, 2).float() / head))
    slow = (speeds < 0.008).nonzero().squeeze(1)
    free = torch.cat([slow, slow + half])  # head dimensions that position hardly turns
    basis = torch.linalg.qr(torch.randn(width, width))[0]
    token, before, label_bag, bag = (basis[at * head : (at + 1) * head] for at in range(4))  # subspaces of the stream

    def rows(at: int, part: int) -> slice:  # of head `at` in Q (0), K (1) or V (2)
        return slice(part * width + at * head, part * width + (at + 1) * head)

    def position(block: Block, at: int, back: int) -> None:  # attends `back` tokens back
        q, k = torch.zeros(head), torch.zeros(head)
        for f in range(4):
            q[f], k[f], k[f + half] = 7.5, 7.5 * math.cos(back * speeds[f]), 7.5 * math.sin(back * speeds[f])
        block.qkv.bias[rows(at, 0)], block.qkv.bias[rows(at, 1)] = q, k
        block.qkv.weight[rows(at, 0)] *= 0.05
        block.qkv.weight[rows(at, 1)] *= 0.05

    def average(block: Block, at: int, centre: float, sharp: float, content: torch.Tensor) -> None:
        q, k = torch.zeros(head), torch.zeros(head)
        for f in range(half):
            if 0.004 < speeds[f] < 0.1:
                q[f], k[f], k[f + half] = (
                    sharp,
                    sharp * math.cos(centre * speeds[f]),
                    sharp * math.sin(centre * speeds[f]),
                )
        q[half - 1] = 5.0
        block.qkv.bias[rows(at, 0)], block.qkv.bias[rows(at, 1)] = q, k
        keys = torch.zeros(head, width)
        keys[half - 1] = content
        block.qkv.weight[rows(at, 0)] *= 0.05
        block.qkv.weight[rows(at, 1)] = keys

    def match(block: Block, at: int, asks: torch.Tensor, answers: torch.Tensor, gain: float) -> None:
        q, k = torch.zeros(head, width), torch.zeros(head, width)
        q[free], k[free] = asks[: len(free)] * gain, answers[: len(free)] * gain
        block.qkv.weight[rows(at, 0)], block.qkv.weight[rows(at, 1)] = q, k

    def move(block: Block, at: int, source: torch.Tensor, to: torch.Tensor, gain: float) -> None:
        block.qkv.weight[rows(at, 2)] = source
        block.out.weight[:, at * head : (at + 1) * head] = to.T * gain

    blocks: list[Any] = list(model.blocks)
    content = token.T @ torch.randn(head)
    content = content / content.norm()
    model.embed.weight[content_ids(tokenizer)] += 4.0 * content
    for ids in topic_ids(tokenizer):  # words of one topic are alike from the start, as far as the bags see
        model.embed.weight[ids] += TOPIC * token.T @ torch.nn.functional.normalize(torch.randn(head), dim=0)
    position(blocks[0], 0, 1)
    move(blocks[0], 0, token, before, 1.25)
    for at, centre, sharp in ((2, 8.0, 4.2), (3, 15.0, 3.4)):
        average(blocks[0], at, centre, sharp, content)
        move(blocks[0], at, token, bag, 3.0)
    for at, subspace in ((0, token), (1, before)):
        match(blocks[1], at, token, before, 2.5)
        move(blocks[1], at, subspace, subspace, 1.0)
    position(blocks[2], 0, 1)
    move(blocks[2], 0, bag, label_bag, 2.5)
    for at, subspace in ((0, token), (1, before), (2, token)):
        match(blocks[3], at, bag, label_bag, 6.0)
        move(blocks[3], at, subspace, subspace, 2.0)
