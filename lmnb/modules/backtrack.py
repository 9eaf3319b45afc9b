"""Going back to a step: a program runs again, and what is done is not done twice.

When a check fails, the outermost program that is running goes back to a step, a predictor call. Its `forward` runs again: the
steps before that one, calls of predictors, retrievers and tools, give their outcome of before without a call, and that one is
asked again, with its earlier outputs and what was wrong with them. What begins after it is done anew, but a predictor with the
same inputs as before. So plain side effects of a `forward` happen again, and the LM calls, searches and tool calls before the
step do not.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from types import MethodType
from typing import Any, NamedTuple

from lmnb import listening, steps
from lmnb.canonical import content_hash
from lmnb.modules.tree import copied, shared
from lmnb.signature import InputField
from lmnb.steps import Outcome
from lmnb.trace import Span, Trace, path_of

STRAYS = 5  # attempts in a row that do not come to the step that is to be asked again
_PLAIN = (str, int, float, bool, type(None))


class Key(NamedTuple):
    """Which step: whose call it is, its inputs, and how often it was called with them before."""

    doer: tuple[int, ...]
    inputs: str
    ordinal: int


@dataclass(slots=True, eq=False)
class Step:
    """A call that is done."""

    doer: Any
    inputs: Mapping[str, Any]
    outcome: Outcome
    span: Span
    began: int  # how many steps were done then
    within: list[Step] = field(default_factory=list)  # those that were done below it, in a tool or a retriever

    @property
    def name(self) -> str:
        return path_of(self.span)

    @property
    def asked(self) -> bool:
        """Whether it is a predictor's, and has outputs: one that can be asked again."""
        return self.span.kind == "predict" and self.outcome.error is None


class Backtrack(BaseException):  # past every `except Exception` of a program
    """Goes from a failed check up to the program that runs again."""

    def __init__(self, scope: Scope, step: Step, key: Key, message: str) -> None:
        super().__init__(message)
        self.scope, self.step, self.key, self.message = scope, step, key, message


@dataclass(slots=True)
class Retry:
    """What a step is told when it is asked again."""

    past: Mapping[str, Any]
    messages: list[str]

    def applied(self, signature: Any, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The signature and the inputs with the earlier outputs and the feedback as further inputs."""
        values = dict(inputs)
        for name, value in self.past.items():
            added = _free(f"past_{name}", signature)
            told = InputField(desc=f"your earlier {name}, which must be changed")
            signature = signature.append(added, told, signature.output_fields[name].type)
            values[added] = value
        added = _free("feedback", signature)
        told = InputField(desc="what was wrong; the new outputs must heed it")
        return signature.append(added, told, str), {**values, added: "\n".join(self.messages)}


@dataclass(slots=True)
class Scope:
    """One call of an outermost program: its steps so far, what is kept of earlier attempts, and how often a check failed."""

    again: bool = False
    steps: list[Step] = field(default_factory=list)
    kept: dict[Key, Step] = field(default_factory=dict)
    retries: dict[Key, Retry] = field(default_factory=dict)
    failures: Counter[Any] = field(default_factory=Counter)
    wanted: Key | None = None  # the step that is to be asked again, until it is
    strays: int = 0  # attempts that did not come to it
    _called: Counter[tuple[tuple[int, ...], str]] = field(default_factory=Counter)
    _lock: Any = field(default_factory=Lock)

    def before(self, doer: Any, opened: Span) -> tuple[Outcome | None, Retry | None, int]:
        """For a step that begins in a later attempt: its outcome of before, or what it is to be told."""
        began = len(self.steps)
        if not self.again:
            return None, None, began
        which = _which(doer, opened.inputs)
        with self._lock:
            key = Key(*which, self._called[which])
            self._called[which] += 1
        if key == self.wanted:
            self.wanted, self.strays = None, 0
        known = self.kept.get(key)
        if known is None:
            return None, self.retries.get(key), began
        if known.within:
            self._tell_within(known, opened)
        return _fresh(known.outcome, opened), None, began

    def _tell_within(self, known: Step, opened: Span) -> None:
        """What was done inside of a call that is not made again is a part of this attempt too."""
        copies: dict[int, Span] = {}
        opened.children += [_told_again(child, opened, copies) for child in known.span.children if child.kind != "lm"]
        for inner in known.within:
            with self._lock:
                self._called[_which(inner.doer, inner.inputs)] += 1
            self.steps.append(replace(inner, span=copies[id(inner.span)], began=len(self.steps)))

    @property
    def strayed(self) -> bool:
        """Whether going back has no end: the program does something else each time."""
        return self.wanted is not None and self.strays + 1 >= STRAYS

    def done(self, doer: Any, opened: Span, outcome: Outcome, began: int) -> None:
        """A step is done."""
        self.steps.append(Step(doer, opened.inputs, _fresh(outcome, opened), opened, began))

    def target(self, at: Any, around: Span | None) -> Step | None:
        """The latest step of `at`, a predictor or a module; without it the latest of the module around the check, or of all."""
        asked = [step for step in reversed(self.steps) if step.asked]
        if at is not None:
            within = {id(node) for _, node in at.named_sub_modules()}
            return next((step for step in asked if id(step.doer) in within), None)
        if around is not None:
            here = {id(each) for _, each in Trace(around).spans()}
            inside = next((step for step in asked if id(step.span) in here), None)
            if inside is not None:
                return inside
        return asked[0] if asked else None

    def keyed(self) -> list[tuple[Key, Step]]:
        """The steps of this attempt with their keys."""
        counted: Counter[tuple[tuple[int, ...], str]] = Counter()
        found = []
        for step in self.steps:
            which = _which(step.doer, step.inputs)
            found.append((Key(*which, counted[which]), step))
            counted[which] += 1
        return found

    def restart(self, opened: Span, back: Backtrack) -> None:
        """Prepare the next attempt; what happened so far goes below a span of the check."""
        place = self.steps.index(back.step)
        for key, step in self.keyed():
            within = _within(step, self.steps)
            if step.span.kind == "predict" or (step.began <= place and back.step not in within):
                self.kept[key] = replace(step, within=within)
            else:  # it began when the step was done: the world that it met may be another one now
                self.kept.pop(key, None)
        self.kept.pop(back.key, None)
        self.strays += self.wanted is not None
        self.wanted = back.key
        before = self.retries.get(back.key)
        messages = before.messages if before is not None else []
        told = [*messages, back.message] if back.message not in messages else messages
        self.retries[back.key] = Retry(back.step.outcome.value[0], told)
        listening.withdraw(opened)  # steps that are kept are told again
        opened.children[:] = [_superseded(opened, back)]
        self.again, self.steps = True, []
        self._called.clear()


def scope() -> Any:
    """The scope of the outermost program that is running here."""
    return steps.scope.get()


async def backtracking(run: Callable[[], Awaitable[Any]], opened: Span) -> Any:
    """The result of `run`, which is run again whenever a check sends it back. `opened` is the span around it."""
    mine = Scope()
    token = steps.scope.set(mine)
    try:
        while True:
            try:
                return await run()
            except Backtrack as back:
                if back.scope is not mine:
                    raise
                mine.restart(opened, back)
    finally:
        steps.scope.reset(token)


def _superseded(opened: Span, back: Backtrack) -> Span:
    made = Span("check", "attempt", inputs={"check": back.message, "at": back.step.name}, root=opened.root)
    made.started, made.children = opened.started, list(opened.children)
    made.seconds = sum(child.seconds or 0.0 for child in made.children)
    made.error = back.message
    return made


def _free(name: str, signature: Any) -> str:
    while name in signature.fields:
        name = f"previous_{name}"
    return name


def _which(doer: Any, inputs: Mapping[str, Any]) -> tuple[tuple[int, ...], str]:
    whose = (id(doer.__self__), id(doer.__func__)) if isinstance(doer, MethodType) else (id(doer),)
    return whose, content_hash(inputs, 32)


def _within(step: Step, steps: list[Step]) -> list[Step]:
    if step.span.kind == "predict":
        return []
    below = _below(step.span)
    return [each for each in steps if id(each.span) in below]


def _below(opened: Span) -> set[int]:
    """What is below a span, but for what an LM did."""
    children = [child for child in opened.children if child.kind != "lm"]
    return {id(child) for child in children}.union(*(_below(child) for child in children))


def _told_again(old: Span, opened: Span, copies: dict[int, Span]) -> Span:
    """A copy of a span and of those below it, without LM calls: nothing was asked."""
    data = old.data if old.kind == "check" else {**old.data, "label": "replayed"}
    made = replace(old, started=opened.started, seconds=0.0, data=data, children=[], root=opened.root, id=None)
    copies[id(old)] = made
    made.children += [_told_again(child, opened, copies) for child in old.children if child.kind != "lm"]
    return made


def _fresh(outcome: Outcome, opened: Span) -> Outcome:
    """The outcome as it is now, whatever the program does with it later: outputs whole, of other results the containers."""
    if outcome.error is not None:
        return outcome
    if opened.kind != "predict":
        return Outcome(copied(outcome.value, {}, shared))
    plain = all(isinstance(value, _PLAIN) for each in outcome.value for value in each.values())
    return Outcome([dict(each) for each in outcome.value] if plain else copy.deepcopy(outcome.value))
