"""Checks inside programs: `Assert` and `Suggest` (Singhvi et al. 2023, arXiv 2312.13382), asked again from the trace.

When a check fails, the outermost program that is running goes back to a step, a predictor call. Its `forward` runs again: steps
that are done give their outcome of before, without a call, and only that step is asked again, with its earlier outputs and what
was wrong with them. So plain side effects of a `forward` happen again, and its LM calls do not.
"""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lmnb import listening
from lmnb.canonical import content_hash
from lmnb.errors import CheckFailed, InputError
from lmnb.signature import InputField
from lmnb.trace import Span, Trace, open_span, path_of, span

RETRIES = 2
_PLAIN = (str, int, float, bool, type(None))
_scope: ContextVar[Scope | None] = ContextVar("lmnb_checks", default=None)


def Assert(
    condition: Any, message: str = "", at: Any = None, *, target_module: Any = None, retries: int = RETRIES
) -> bool:
    """What must hold. While it does not, the step named by `at` is asked again, up to `retries` times, with its earlier
    outputs and `message`; then CheckFailed is raised.

    `at` is a predictor or a module of the program; None is the last step before the check. `target_module` is its older name.
    A condition that is true costs nothing.

    >>> import lmnb
    >>> class Short(lmnb.Module):
    ...     def __init__(self):
    ...         self.answer = lmnb.Predict("question -> answer")
    ...     def forward(self, question):
    ...         made = self.answer(question=question)
    ...         lmnb.Assert(len(made.answer) < 10, "Answer in one word.")
    ...         return made
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "It is Paris."}, {"answer": "Paris"}])):
    ...     Short()(question="The capital of France?")
    Prediction(answer='Paris')
    """
    return _check("Assert", condition, message, target_module if at is None else at, retries)


def Suggest(
    condition: Any, message: str = "", at: Any = None, *, target_module: Any = None, retries: int = RETRIES
) -> bool:
    """What should hold: as `Assert`, but when the retries are used up the failure is noted in the trace and the program goes on.

    Gives whether the condition holds.
    """
    return _check("Suggest", condition, message, target_module if at is None else at, retries)


class Key(NamedTuple):
    """Which step: the predictor, its inputs, and how often it was called with them before."""

    module: int
    inputs: str
    ordinal: int


@dataclass(slots=True)
class Step:
    """A predictor call that is done."""

    module: Any
    inputs: Mapping[str, Any]
    found: list[dict[str, Any]]
    span: Span


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
    done: list[Step] = field(default_factory=list)
    kept: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    retries: dict[Key, Retry] = field(default_factory=dict)
    failures: Counter[Any] = field(default_factory=Counter)
    _called: Counter[tuple[int, str]] = field(default_factory=Counter)

    def begun(self, module: Any, inputs: Mapping[str, Any]) -> tuple[list[dict[str, Any]] | None, Retry | None]:
        """For a step that begins in a later attempt: its outcome of before, or what it is to be told."""
        if not self.again:
            return None, None
        which = (id(module), content_hash(inputs, 32))
        key = Key(*which, self._called[which])
        self._called[which] += 1
        found = self.kept.get(key)
        return (_fresh(found), None) if found is not None else (None, self.retries.get(key))

    def finished(self, module: Any, inputs: Mapping[str, Any], found: list[dict[str, Any]], opened: Span) -> None:
        """A step is done."""
        self.done.append(Step(module, inputs, _fresh(found), opened))

    def target(self, at: Any, around: Span | None) -> Step | None:
        """The latest step of `at`, a predictor or a module; without it the latest of the module around the check, or of all."""
        if at is not None:
            within = {id(node) for _, node in at.named_sub_modules()}
            return next((step for step in reversed(self.done) if id(step.module) in within), None)
        if around is not None:
            here = {id(each) for _, each in Trace(around).spans()}
            inside = next((step for step in reversed(self.done) if id(step.span) in here), None)
            if inside is not None:
                return inside
        return self.done[-1] if self.done else None

    def keyed(self) -> list[tuple[Key, Step]]:
        """The steps of this attempt with their keys."""
        counted: Counter[tuple[int, str]] = Counter()
        found = []
        for step in self.done:
            which = (id(step.module), content_hash(step.inputs, 32))
            found.append((Key(*which, counted[which]), step))
            counted[which] += 1
        return found

    def restart(self, opened: Span, back: Backtrack) -> None:
        """Prepare the next attempt; what happened so far goes below a span of the check."""
        self.kept |= {key: step.found for key, step in self.keyed()}
        self.kept.pop(back.key, None)
        before = self.retries.get(back.key)
        messages = before.messages if before is not None else []
        told = [*messages, back.message] if back.message not in messages else messages
        self.retries[back.key] = Retry(back.step.found[0], told)
        listening.withdraw(opened)  # steps that are kept are told again
        opened.children[:] = [_superseded(opened, back)]
        self.again, self.done = True, []
        self._called.clear()


def scope() -> Scope | None:
    """The scope of the outermost program that is running here."""
    return _scope.get()


async def checked(run: Callable[[], Awaitable[Any]], opened: Span) -> Any:
    """The result of `run`, which is run again whenever a check sends it back. `opened` is the span around it."""
    mine = Scope()
    token = _scope.set(mine)
    try:
        while True:
            try:
                return await run()
            except Backtrack as back:
                if back.scope is not mine:
                    raise
                mine.restart(opened, back)
    finally:
        _scope.reset(token)


def _check(kind: str, condition: Any, message: str, at: Any, retries: int) -> bool:
    here = scope()
    if condition and (here is None or not here.again):
        return True
    if at is not None and not hasattr(at, "named_sub_modules"):
        raise InputError(f"at={at!r} is no step. Name a predictor or module of the program, such as at=self.answer.")
    around = open_span()
    place = sys._getframe(2)
    line = (place.f_code.co_filename, place.f_lineno)
    step = here.target(at, around) if here is not None else None
    key = next((key for key, each in here.keyed() if each is step), None) if here is not None else None
    used = here.failures[line, key] if here is not None else 0
    if condition:
        if used:
            _noted(kind, message, step, None)
        return True
    if here is not None and step is not None and key is not None and used < retries:
        here.failures[line, key] += 1
        raise Backtrack(here, step, key, message or f"The {kind.lower()}ion at line {place.f_lineno} does not hold.")
    text = message or f"it stands at {line[0]}, line {line[1]}"
    if kind == "Suggest":
        _noted(kind, text, step, text)
        return False
    name = _name(step)
    outputs = f" Its last outputs: {_short(step.found[0])}" if step is not None else ""
    tries = f" {name!r} was asked {used + 1} times.{outputs}" if step is not None else " No step went before it."
    raise CheckFailed(
        f"the check was not met: {text}.{tries}".replace("..", "."), check=text, at=name, attempts=used + 1
    )


def _noted(kind: str, message: str, step: Step | None, error: str | None) -> None:
    with span("check", kind, inputs={"check": message, "at": _name(step)}) as noted:
        noted.outputs = {"holds": error is None}
        noted.error = error


def _superseded(opened: Span, back: Backtrack) -> Span:
    made = Span("check", "attempt", inputs={"check": back.message, "at": _name(back.step)}, root=opened.root)
    made.started, made.children = opened.started, list(opened.children)
    made.seconds = sum(child.seconds or 0.0 for child in made.children)
    made.error = back.message
    return made


def _name(step: Step | None) -> str:
    return path_of(step.span) if step is not None else ""


def _free(name: str, signature: Any) -> str:
    while name in signature.fields:
        name = f"previous_{name}"
    return name


def _fresh(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = all(isinstance(value, _PLAIN) for each in found for value in each.values())
    return [dict(each) for each in found] if plain else copy.deepcopy(found)


def _short(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= 300 else f"{text[:299]}…"
