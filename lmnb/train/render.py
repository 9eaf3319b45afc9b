"""Episodes as text: prompts through lmnb's own adapters, the chat template of our models, and what of it is learned.

Every line of a message but the `[[ ## header ## ]]` lines starts with a space, so that a word after a newline is the same
token as inside a sentence; `lmnb.lm.local` takes the spaces away again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lmnb.adapters.base import Adapter
from lmnb.adapters.chat import END, ChatAdapter, header
from lmnb.adapters.json import JSONAdapter
from lmnb.train.episodes.base import Episode

PAD, STOP, SYSTEM, USER, ASSISTANT = CONTROL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ (' ' ~ (m.content | trim)) | replace('\\n', '\\n ') "
    "| replace(' [[ ##', '[[ ##') }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PARAPHRASES = {
    "Input fields:": ["Inputs:", "You are given:", "Given:"],
    "Output fields:": ["Outputs:", "Give back:", "Write:"],
    "Write each output field under its own header, in this order and nothing else:": [
        "Answer with these fields, each under its header:",
        "Answer in this form:",
        "Use exactly this format:",
    ],
}


def adapter(form: str) -> Adapter:
    """The adapter of an episode's form."""
    return JSONAdapter() if form == "json" else ChatAdapter()


def conversation(episode: Episode) -> list[tuple[str, str]]:
    """The whole episode as (role, text), the right reply last."""
    if episode.form == "plain":
        system = episode.signature.instructions
        turns = [("system", system)] if system else []
        return [*turns, ("user", episode.inputs["message"]), ("assistant", episode.outputs["reply"])]
    messages = adapter(episode.form).format(episode.signature, episode.demos, episode.inputs)
    turns = [(message["role"], message["content"]) for message in messages]
    return [*turns, ("assistant", reply_text(episode))]


def reply_text(episode: Episode) -> str:
    """The right reply, as a model would write it."""
    whole = adapter(episode.form).format(episode.signature, [{**episode.inputs, **episode.outputs}], episode.inputs)
    return whole[2]["content"]


def indented(text: str) -> str:
    """A message as the chat template writes it."""
    return (" " + text.strip()).replace("\n", "\n ").replace(" [[ ##", "[[ ##")


def prompt_text(turns: Sequence[tuple[str, str]]) -> str:
    """Messages as one text, up to where the reply begins."""
    return "".join(f"<|{role}|>{indented(text)}{STOP}" for role, text in turns) + ASSISTANT


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a rendered text that are learned: `kind` is 'format', 'long' or the output field's name."""

    start: int
    end: int
    kind: str
    turn: int


def rendered(turns: Sequence[tuple[str, str]], outputs: Sequence[str]) -> tuple[str, list[Span]]:
    """The text of a conversation, and the spans of every assistant turn: the turn, then each field's value in it."""
    text, spans, turn = "", [], -1
    for role, content in turns:
        start = len(text) + len(role) + 4
        body = indented(content)
        text += f"<|{role}|>{body}{STOP}"
        if role != "assistant":
            continue
        turn += 1
        spans.append(Span(start, len(text), "format", turn))
        for name in outputs:
            mark = f"{header(name)}\n"
            at = body.find(mark)
            if at < 0:
                continue
            begin = at + len(mark)
            end = body.find("\n \n[[ ##", begin)
            spans.append(Span(start + begin, start + (end if end >= 0 else len(body)), name, turn))
        if END not in body:
            spans.append(Span(start, start + len(body), "all", turn))
    return text, spans


def paraphrased(rng: random.Random, turns: list[tuple[str, str]], share: float = 0.12) -> list[tuple[str, str]]:
    """The conversation with the fixed wording of the system message said otherwise, in a share of the cases."""
    if rng.random() >= share or not turns or turns[0][0] != "system":
        return turns
    system = turns[0][1]
    for words, others in PARAPHRASES.items():
        system = system.replace(words, rng.choice(others))
    last = turns[-2][1].partition("\n\nReply with")[0] if rng.random() < 0.5 else turns[-2][1]
    return [("system", system), *turns[1:-2], ("user", last), turns[-1]]
