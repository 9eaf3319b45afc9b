"""How long the prompts and replies of a program are, from its prompts as they are: what a forecast of tokens and money is made of."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Any

from lmnb import settings
from lmnb.errors import LmnbError
from lmnb.example import Example
from lmnb.lm import local
from lmnb.lm.base import BaseLM
from lmnb.lm.client import LM, load_litellm
from lmnb.modules.module import Module
from lmnb.modules.prompts import known_messages
from lmnb.optimize.interval import Interval, widest
from lmnb.types.parts import content_text

FIELD = 250  # tokens of an output of which no label shows the length, where no max_tokens bounds the reply
PROPOSAL = 1_000  # those of a proposed text
SHORT, LONG = 4, 2.5  # bytes a token, in an easy text and in one that a tokenizer cuts small
MESSAGE = 8  # tokens around each message
LOOKED_AT = 20  # examples, the longest and the shortest, that prompts are made of


@dataclass(frozen=True)
class Size:
    """Tokens of the prompt and of the reply of one LM call; `bounded`: whether labels or `max_tokens` show how long a reply can be. `usual` are
    prompt and reply on an example of middle length, with half of the demos and a quarter of what else may be in the prompt.
    """

    prompt: Interval
    reply: Interval
    bounded: bool
    usual: tuple[float, float]

    def widest(self, other: Size) -> Size:
        """What a call takes that is one of these or one of those."""
        usual = max(self.usual[0], other.usual[0]), max(self.usual[1], other.usual[1])
        ends = widest([self.prompt, other.prompt]), widest([self.reply, other.reply])
        return Size(*ends, self.bounded and other.bounded, usual)


def sizes(
    programs: Sequence[Module],
    examples: Sequence[Example],
    force: Mapping[str, Any],
    *,
    demos: int = 0,
    more: float = 0,
    unlabelled: float = FIELD,
) -> Size | None:
    """The size of a call of one of these programs' predictors, under the settings `force`: on the shortest and the longest examples, with up
    to `demos` more demos and `more` tokens in the prompt. An output is as long as its longest label, or `unlabelled` tokens. None where a
    prompt cannot be made without running the program.
    """
    with settings.context(**force), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [part for program in programs for part in program.predictors()]
        if not parts:
            return None
        bounds = [_bound(part, force.get("lm")) for part in parts]
        labels = _labels(examples)
        reply = max(_reply(part, bound, labels, unlabelled) for part, bound in zip(parts, bounds, strict=True))
        plain = [_without_policies(program) for program in programs]
        prompts = [_prompt(program, example, reply) for program in plain for example in _ends(examples) or [None]]
        middle = sorted(examples, key=_length)[len(examples) // 2 : len(examples) // 2 + 1]
        between = [_prompt(program, example, reply) for program in plain for example in middle or [None]]
    if None in prompts or None in between:
        return None
    demo = max((_tokens(str(dict(each.items())), LONG) for each in examples), default=0) + reply + 4 * MESSAGE
    grown = Interval(0, demos * demo + more + reply + 20 * MESSAGE)  # the last: a repair turn shows the reply
    prompt = widest(each for each in prompts if each is not None) + grown
    shown = [
        bound is not None or labels.keys() >= set(part.signature.output_fields)
        for part, bound in zip(parts, bounds, strict=True)
    ]
    told = _labels(middle)
    replies = [_reply(part, bound, told, unlabelled / 2) for part, bound in zip(parts, bounds, strict=True)]
    typical = fmean(replies)
    asked = fmean(sqrt(each.low * each.high) for each in between if each is not None and each.high is not None)
    one = sum(_tokens(str(dict(each.items())), SHORT) for each in middle) + 2 * MESSAGE
    written = Interval(1, reply)
    usual = _within(asked + demos * one / 2 + more / 4, prompt), _within(typical, written)
    return Size(prompt, written, all(shown), usual)


def _within(size: float, ends: Interval) -> float:
    return min(max(size, ends.low), ends.high or size)


def _without_policies(program: Module) -> Module:
    """The program with as many demos as a call shows, whichever: to choose them an embedder may be asked."""
    made = program.deepcopy()
    for part in made.predictors():
        if part.demo_policy is not None:
            part.demos, part.demo_policy = part.demos[: part.demo_policy.k], None
    return made


def _length(example: Example) -> int:
    return len(str(dict(example.items())))


def _ends(examples: Sequence[Example]) -> list[Example]:
    """The shortest and the longest of the examples."""
    ordered = sorted(examples, key=_length)
    return ordered if len(ordered) <= LOOKED_AT else [ordered[0], *ordered[-LOOKED_AT + 1 :]]


def _prompt(program: Module, example: Example | None, reply: float) -> Interval | None:
    """The prompt of any of the predictors. An input that only a run gives is taken to be nothing, or a reply; of an agent, a reply a turn."""
    known = {} if example is None or example.input_keys is None else dict(example.inputs().items())
    turns = max((getattr(node, "max_iters", 1) for _, node in program.named_sub_modules()), default=1)
    found = []
    try:
        parts = dict(program.named_predictors())
        known = {
            name: value
            for name, value in known.items()
            if any(name in each.signature.input_fields for each in parts.values())
        }
        for path, messages in known_messages(program, known, ()).items():
            text, part = "".join(content_text(message["content"]) for message in messages), parts[path]
            unknown = sum(f"{{{name}}}" in text for name in part.signature.input_fields if name not in known)
            frame = MESSAGE * len(messages)
            found.append(Interval(_tokens(text, 2 * SHORT), _tokens(text, LONG) + frame + unknown * turns * reply))
    except (LmnbError, TypeError, ValueError, KeyError):
        return None
    return widest(found)


def _tokens(text: str, size: float) -> float:
    return len(text.encode("utf-8", "surrogatepass")) // size


def _option(part: Any, lm: Any, name: str) -> Any:
    return part.config.get(name) or getattr(part.lm or lm, "kwargs", {}).get(name)


def _bound(part: Any, lm: Any) -> float | None:
    bound = _option(part, lm, "max_tokens")
    return None if bound is None else bound * (_option(part, lm, "n") or 1)


def _reply(part: Any, bound: float | None, labels: Mapping[str, float], unlabelled: float) -> float:
    """Tokens of a reply: its fields with their headers, each as long as its longest label."""
    long = sum(labels.get(name, unlabelled) + 2 * MESSAGE for name in part.signature.output_fields) + 2 * MESSAGE
    many = long * (part.config.get("n") or 1)
    return many if bound is None else min(bound, many)


def _labels(examples: Sequence[Example]) -> dict[str, float]:
    found: dict[str, float] = {}
    for example in examples:
        for name, value in example.items():
            found[name] = max(found.get(name, 0), _tokens(str(value), LONG))
    return found


def lms_of(programs: Iterable[Any], lm: Any) -> list[Any]:
    """The LMs that these programs ask, each once."""
    found = [part.lm or lm for program in programs if isinstance(program, Module) for part in program.predictors()]
    return list({id(each): each for each in found or [lm]}.values())


def price(lm: Any) -> tuple[float, float] | None:
    """US dollars for a token of the prompt and of the reply, by litellm's table; 0 for a model on this machine; None where it is not known.

    >>> import lmnb
    >>> price(lmnb.LM("lmnb/tiny"))
    (0.0, 0.0)
    """
    if not isinstance(lm, BaseLM):
        return None
    if isinstance(lm, LM) and not local.is_local(lm.model):
        known = load_litellm().model_cost.get(lm.model) or load_litellm().model_cost.get(lm.model.partition("/")[2])
        ends = [] if known is None else [known.get(f"{end}_cost_per_token") for end in ("input", "output")]
        return (float(ends[0]), float(ends[1])) if ends and None not in ends else None
    return (0.0, 0.0) if isinstance(lm, LM) or type(lm).__module__.startswith("lmnb.") else None
