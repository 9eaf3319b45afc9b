"""A program of several programs that answer side by side, and of what makes one answer of theirs."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import ismethod, isroutine
from typing import Any

from lmnb import listening
from lmnb.canonical import content_hash, jsonable
from lmnb.counts import whole_number
from lmnb.errors import BudgetExceeded, Cancelled, InputError
from lmnb.evaluate.majority import majority
from lmnb.evaluate.metrics import normalize_text
from lmnb.fingerprint import import_path
from lmnb.modules.backtrack import Backtrack
from lmnb.modules.module import Module
from lmnb.modules.one_core import OneCore
from lmnb.modules.parallel import Parallel
from lmnb.modules.program_file import class_state
from lmnb.modules.sampling import sampling
from lmnb.prediction import Prediction
from lmnb.trace import Span, open_span

_MEMBER = re.compile(r"^programs\[\d+\](?:\.|$)")


@dataclass(frozen=True)
class Vote:
    """What one program of an ensemble gave: `agrees` says whether the ensemble's answer is its own; `error` why it gave none."""

    program: int
    weight: float
    outputs: Mapping[str, Any] | None
    error: str | None
    agrees: bool


class EnsembledProgram(OneCore):
    """Asks `size` of its `programs` (None: all) with the same inputs, side by side, and gives what `reduce_fn` makes of their
    predictions, by default the `majority`, in which each program has its weight.

    Which programs are asked follows from the inputs and the `seed`, so a call repeats; with `deterministic=False` another sample
    of the same inputs (as `BestOfN` asks for) asks others. A program that fails has no vote; where all fail, the first error is
    raised. What was outvoted or failed stands aside in the trace: its steps become no demos. `votes` reports who said what.

    `Ensemble` makes it. Its predictors are those of every program, `programs[0].answer`, and it is saved with them. As a
    teacher it teaches a student that has the structure of its programs: the demos are the steps of one that agreed.

    >>> import lmnb
    >>> says = [lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": word}] * 2)) for word in ("4", "5", "4")]
    >>> program = lmnb.EnsembledProgram(says)
    >>> made = program(question="2 + 2?")
    >>> made.answer, [(vote.program, vote.agrees) for vote in program.votes(made)]
    ('4', [(0, True), (1, False), (2, True)])
    >>> lmnb.EnsembledProgram(says, weights=[1, 3, 1])(question="2 + 2?").answer
    '5'
    """

    def __init__(
        self,
        programs: Sequence[Module],
        reduce_fn: Callable[[list[Any]], Any] | None = None,
        *,
        size: int | None = None,
        deterministic: bool = True,
        seed: int = 0,
        weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.programs = _checked(programs)
        self.reduce_fn = reduce_fn
        self.size = None if size is None else whole_number("size", size, "how many programs are asked")
        self.deterministic = deterministic
        self.seed = seed
        self.weights = None if weights is None else [float(weight) for weight in weights]
        if self.weights is not None and len(self.weights) != len(self.programs):
            raise InputError(
                f"there are {len(self.weights)} weights for {len(self.programs)} programs. Give one for each."
            )
        if self.weights is not None and reduce_fn is not None:
            raise InputError("weights are for the vote that reduce_fn takes the place of. Leave one of them out.")

    def dump_arguments(self) -> dict[str, Any] | None:
        """What makes it anew from a file: its programs by their classes, and the rest of its arguments. None where `reduce_fn` is an object
        that is called like a function: its path would name its class.
        """
        reduce = class_state(self.reduce_fn) if isinstance(self.reduce_fn, Module) else self.reduce_fn
        named = isinstance(reduce, type) or (isroutine(reduce) and not ismethod(reduce))
        if callable(reduce) and not named:
            return None
        return {
            "programs": [class_state(program) for program in self.programs],
            "reduce_fn": import_path(reduce) if callable(reduce) else reduce,
            **{name: getattr(self, name) for name in ("size", "deterministic", "seed", "weights")},
        }

    async def _steps(self, inputs: dict[str, Any], *, sync: bool) -> Any:
        chosen = self.chosen(inputs)
        asked = [self.programs[at] for at in chosen]
        if sync:
            side_by_side = Parallel(max_errors=0, disable_progress_bar=True, timeout=None)
            made = side_by_side([(partial(_given, program), inputs) for program in asked])
        else:
            made = await asyncio.gather(*(_agiven(program, inputs) for program in asked))
        for each in made:
            if isinstance(each, (BudgetExceeded, Cancelled, Backtrack)):  # not the program's own failure
                raise each
        answers = {at: each for at, each in zip(chosen, made, strict=True) if not isinstance(each, Exception)}
        if not answers:
            raise made[0]
        result = await self._reduced(answers, sync=sync)
        agreeing = _agreeing(answers, result)
        for span in _spans(open_span(), [self.programs[at] for at in chosen if at not in agreeing]):
            span.data["aside"] = True
            listening.withdraw(span)
        return result

    def chosen(self, inputs: Mapping[str, Any]) -> list[int]:
        """Which programs a call with these inputs asks, in order."""
        everyone = range(len(self.programs))
        if self.size is None or self.size >= len(everyone):
            return list(everyone)
        sample = None if self.deterministic else sampling()
        number = 0 if sample is None else sample.config.get("rollout_id", 0)
        rng = random.Random(int(content_hash([self.seed, number, jsonable(inputs)], 16), 16))
        return sorted(rng.sample(everyone, self.size))

    def votes(self, prediction: Prediction) -> list[Vote]:
        """Who was asked for a prediction of this program, and what each of them gave."""
        root = prediction.trace.root if prediction.trace is not None else None
        spans = _spans(root, self.programs) if root is not None and root.module is self else []
        if not spans:
            raise InputError("this prediction was not made by this ensemble, so nobody's vote is known.")
        at = {id(program): number for number, program in reversed(list(enumerate(self.programs)))}
        return [
            Vote(
                at[id(span.module)],
                self._weight(at[id(span.module)]),
                span.outputs,
                span.error,
                not span.data.get("aside"),
            )
            for span in spans
        ]

    def _weight(self, at: int) -> float:
        return 1.0 if self.weights is None else self.weights[at]

    async def _reduced(self, answers: Mapping[int, Any], *, sync: bool) -> Any:
        given = list(answers.values())
        if self.reduce_fn is None:
            return majority(given, weights=[self._weight(at) for at in answers])
        if isinstance(self.reduce_fn, Module) and not sync:
            return await self.reduce_fn.acall(given)
        return self.reduce_fn(given)


def member_path(path: str) -> str:
    """The path of a predictor of an ensemble inside of its program.

    >>> member_path("programs[2].hops[0].query"), member_path("programs[0]"), member_path("answer")
    ('hops[0].query', 'self', 'answer')
    """
    return _MEMBER.sub("", path) or "self"


def of_one_member(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the steps of an ensemble those of the first program that has any, by their paths inside of it; other steps as they are."""
    prefix = next((found.group().rstrip(".") for step in steps if (found := _MEMBER.match(step["path"]))), None)
    if prefix is None:
        return list(steps)
    return [
        {**step, "path": member_path(step["path"])}
        for step in steps
        if step["path"] == prefix or step["path"].startswith(f"{prefix}.")
    ]


def _given(program: Module, /, **inputs: Any) -> Any:
    """What the program gives, or what it raises: all are awaited before one decides."""
    try:
        return program(**inputs)
    except (Exception, Backtrack) as error:  # noqa: BLE001 - the boundary: a failed program has no vote
        return error


async def _agiven(program: Module, inputs: Mapping[str, Any]) -> Any:
    try:
        return await program.acall(**inputs)
    except (Exception, Backtrack) as error:  # noqa: BLE001 - as above
        return error


def _agreeing(answers: Mapping[int, Any], result: Any) -> set[int]:
    """The programs whose answer the result is; all where it is none of theirs."""
    if not isinstance(result, Prediction) or not any(each is result for each in answers.values()):
        return set(answers)
    field = list(result.keys())[-1]

    def said(each: Any) -> Any:
        return normalize_text(each[field]) if isinstance(each, Prediction) and field in each else each

    return {at for at, each in answers.items() if said(each) == said(result)}


def _spans(around: Span | None, programs: Sequence[Module]) -> list[Span]:
    """The spans of these programs' calls right below a span."""
    known = {id(program) for program in programs}
    return [] if around is None else [child for child in around.children if id(child.module) in known]


def _checked(programs: Any) -> list[Module]:
    given = list(programs) if isinstance(programs, (list, tuple)) else []
    for at, program in enumerate(given):
        if not isinstance(program, Module):
            raise InputError(f"programs[{at}] is {program!r}, which is no program.")
    if not given:
        raise InputError(f"an ensemble needs a list of programs, not {programs!r}. Write [first, second, third].")
    return given
