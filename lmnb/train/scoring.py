"""What a model makes of episodes: asked through `lmnb.Evaluate`, each example an episode of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

from lmnb.errors import ParseError, SystematicFailure
from lmnb.evaluate.evaluate import Evaluate
from lmnb.example import Example
from lmnb.lm import llama
from lmnb.lm.local import weights
from lmnb.modules.module import Module
from lmnb.modules.predict import Predict
from lmnb.settings import context
from lmnb.train.episodes import FAMILIES, Episode
from lmnb.train.episodes.routing import example as routing_example
from lmnb.train.render import adapter
from lmnb.train.table import Row

Count = Callable[[str], int]


class Answering(Module):
    """A program whose input is an episode: the call that its signature, demos and form ask for."""

    def forward(self, episode: Episode) -> Any:
        call = Predict(episode.signature)
        call.demos = [Example(**demo) for demo in episode.demos]
        with context(adapter=adapter(episode.form)):
            return call(**episode.inputs)


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    """Whether the scored field is exactly right; for a tool call and a record, every field."""
    episode: Episode = example.episode
    names = list(episode.outputs) if episode.family in ("tools", "record", "json") else [episode.answer]
    return all(prediction[name] == episode.outputs[name] for name in names)


def counter(model: str) -> Count:
    """How many tokens a text has for a local model, as llama.cpp splits it."""
    server = llama.start(model, weights(model), n_ctx=512, n_threads=1, listens=True)

    @cache
    def count(text: str) -> int:
        body = json.dumps({"content": text, "add_special": False}).encode()
        asked = Request(f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"})
        with urlopen(asked) as reply:
            return len(json.load(reply)["tokens"])

    return count


def episodes(row: Row, number: int, count: Count | None = None, held: bool = True) -> list[Episode]:
    """The row's episodes, the same for the same name. With a `counter`, only those whose held labels have one or two tokens
    each, so another tokenizer gives others.
    """
    rng = random.Random(f"evaluate {row.name}")
    found: list[Episode] = []
    while len(found) < number:
        made = FAMILIES[row.family](rng, held, **row.fixed)
        names = made.about.get("labels", [])
        if count is not None and any(count(f" {name}") > 2 for name in names):
            continue
        found.append(made)
    return found


def score(model: Any, chosen: Sequence[Episode], threads: int = 2) -> tuple[float, float]:
    """How many of these episodes come out right, and how many replies parse at once, in per cent."""
    devset = [Example(episode=episode).with_inputs("episode") for episode in chosen]
    with context(lm=model):
        try:
            report = Evaluate(devset, right, num_threads=threads, max_errors=len(devset) + 1)(Answering())
        except SystematicFailure as error:
            if not error.cause.startswith("ParseError"):
                raise
            return 0.0, 0.0  # no reply parsed at all, which is a figure too
    return report.score, 100 * (1 - sum(map(stumbled, report)) / len(devset))


def stumbled(row: Any) -> bool:
    if row.error is not None:
        return True
    trace = row.prediction.trace
    return any("unparsed" in span.data for _, span in trace.spans())


def proposals(model: Any, number: int, count: Count) -> list[tuple[float, float]]:
    """Proposing an instruction from eight examples, letter for letter; then routing of a new message by the task's bad
    instruction, and by the proposed one.
    """
    tasks = episodes(Row("proposal", "proposal", {"classes": 3, "demos": 8}), number, count)
    rng = random.Random("evaluate proposals")
    bad, good = [], []
    exact = parsed = 0
    propose = Answering()
    for made in tasks:
        task: Episode = made.about["task"]
        with context(lm=model):
            try:
                made_now = propose(episode=made)
                proposed = made_now.proposed_instruction
                parsed += not any("unparsed" in span.data for _, span in made_now.trace.spans())
            except ParseError:
                proposed = task.signature.instructions
        exact += proposed == made.outputs["proposed_instruction"]
        inputs, outputs = routing_example(rng, task, True)
        for kept, instruction in ((bad, task.signature.instructions), (good, proposed)):
            signature = task.signature.with_instructions(instruction)
            kept.append(Episode("routing", signature, [], inputs, outputs, task.answer))
    proposing = 100 * exact / number, 100 * parsed / number
    return [proposing, score(model, bad), score(model, good)]
