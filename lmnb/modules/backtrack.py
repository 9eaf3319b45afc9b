"""Going back to a step: a program runs again, and what is done is not done twice.

When a check fails, the outermost program that is running goes back to a step, a predictor call. Its `forward` runs again: the
steps before that one, calls of predictors, retrievers and tools, give their outcome of before without a call, and that one is
asked again, with its earlier outputs and what was wrong with them. What begins after it is done anew, but a predictor that is
asked the same as before. So plain side effects of a `forward` happen again, and the LM calls, searches and tool calls before
the step do not. What still runs of an attempt that was sent back, a coroutine or a thread, is called off at its next step.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any, cast

from lmnb import listening, steps
from lmnb.errors import Cancelled
from lmnb.modules.memory import Entry, Memory, content_of
from lmnb.snapshots import fixed, plain
from lmnb.spans import below
from lmnb.steps import step
from lmnb.trace import Span, Trace, path_of

STRAYS = 5  # attempts on behalf of one check that do not come to the step that is to be asked again


class Backtrack(BaseException):  # past every `except Exception` of a program
    """Goes from a failed check up to the program that runs again."""

    def __init__(self, attempt: Attempt, target: step, check: Any, message: str, told: str) -> None:
        super().__init__(told)
        self.attempt, self.target, self.check, self.message, self.told = attempt, target, check, message, told


class Scope:
    """One call of an outermost program: what its attempts have in common."""

    __slots__ = ("failed", "memory", "messages", "opened", "strays", "wanted")

    def __init__(self, opened: Span) -> None:
        self.opened = opened
        self.memory = Memory(self._lives)
        self.failed: set[Any] = set()  # the places of checks that failed
        self.messages: set[tuple[Any, str]] = set()  # which checks earlier attempts came to
        self.strays: Counter[Any] = Counter()  # by the place of the check
        self.wanted: tuple[Entry, Any] | None = None  # what is to be asked again, until it is, and for which check

    def _lives(self, doer: Any) -> bool:
        return any(node is doer for _, node in self.opened.module.named_sub_modules())

    def restart(self, back: Backtrack) -> Attempt:
        """The next attempt; what happened so far goes below a span of the check."""
        ended, target = back.attempt, back.target
        ended.over = True
        ended.remember(target)
        self.strays.update([self.wanted[1]] if self.wanted is not None else [])
        self.wanted = (target.entry, back.check)
        target.entry.failures[back.check][back.message] += 1
        target.entry.told(back.told, target.kept[0])
        self.failed.add(back.check)
        self.messages |= ended.messages
        listening.withdraw(self.opened)  # steps that are kept are told again
        self.opened.children = [_superseded(ended.within, back)]
        return Attempt(self.opened, self)


class Attempt:
    """One run of the program, until it ends or is sent back."""

    __slots__ = ("_opened", "_places", "_scope", "_taken", "first", "messages", "over", "steps", "within")

    def __init__(self, opened: Span, scope: Scope | None = None) -> None:
        self._opened, self._scope, self.first = opened, scope, scope is None
        self.over = False  # it was sent back, though something of it may run on
        self.steps: list[step] = []  # those that are done, in the order of their ends
        self.messages: set[tuple[Any, str]] = set()  # which checks it came to
        self._taken: set[Entry] = set()
        self._places = count()
        # its calls have a span of their own around them, so that a late one stays with what was sent back
        self.within = Span(opened.kind, opened.name, opened.started, None, opened.inputs)
        self.within.module, self.within.root, self.within.children = opened.module, opened.root, opened.children

    @property
    def scope(self) -> Scope:
        """Made when a check fails for the first time."""
        if self._scope is None:
            self._scope = Scope(self._opened)
        return self._scope

    def check_running(self) -> None:
        """Raises Cancelled where the program has gone back."""
        if self.over:
            raise Cancelled("a check sent the program back, so this run of it is not gone on with")

    def before(self, made: step) -> None:
        """For a step that begins in a later attempt: its outcome of before, or what it is to be told."""
        if self.over:
            self.check_running()
        made.place, made.began = next(self._places), len(self.steps)
        if self.first:
            if not plain(made.span.inputs) and not fixed(made.span.inputs):
                made.content = content_of(made)
            return
        made.entry = entry = self.scope.memory.entry(made, self._taken)
        if self.scope.wanted is not None and self.scope.wanted[0] is entry:
            self.scope.strays.pop(self.scope.wanted[1], None)
            self.scope.wanted = None
        if entry.kept is None:
            made.retry = entry.retry
            return
        made.outcome = entry.kept.outcome
        if entry.kept.within:
            self._tell_within(entry.kept, made)

    def _tell_within(self, known: step, made: step) -> None:
        """What was done inside of a call that is not made again is a part of this attempt too."""
        copies: dict[int, Span] = {}
        made.span.children += [
            _told_again(child, made.span, copies) for child in known.span.children if child.kind != "lm"
        ]
        watching = listening.watch.get()
        for inner in known.within:
            again = copy.copy(inner)
            again.span, again.place, again.began = copies[id(inner.span)], next(self._places), len(self.steps)
            self._taken.add(inner.entry)
            self.steps.append(again)
            if watching is not None and inner.answered:
                listened = watching.opened(inner.doer, inner.asked[0], again.span)
                if listened is not None:
                    listened.finish(inner.kept[0])

    def done(self, made: step) -> None:
        """A step is done; one of an attempt that was sent back is dropped."""
        if not self.over:
            self.steps.append(made)

    def target(self, at: Any, around: Span | None) -> step | None:
        """The latest step of `at`, a predictor or a module; without it the latest of the module around the check, or of all."""
        answered = [made for made in reversed(self.steps) if made.answered]
        if at is not None:
            within = {id(node) for _, node in at.named_sub_modules()}
            return next((made for made in answered if id(made.doer) in within), None)
        if around is not None:
            here = {id(each) for _, each in Trace(around).spans()}
            inside = next((made for made in answered if id(made.span) in here), None)
            if inside is not None:
                return inside
        return answered[0] if answered else None

    def failures(self, target: step, check: Any, message: str) -> int:
        """How often a check failed at this step in earlier attempts.

        Checks that share a line (in a loop, in a function that checks) are told apart by their messages. One that no attempt came
        to before may be another one with a new text: it counts the failures of those that this attempt did not come to.
        """
        if target.entry is None:
            return 0
        counted: Counter[str] = target.entry.failures[check]
        if (check, message) in self.scope.messages:
            return counted[message]
        return sum(n for other, n in counted.items() if other == message or (check, other) not in self.messages)

    def strayed(self, check: Any) -> int:
        """How often the program did not come to the step that is to be asked again for this check."""
        wanted = self.scope.wanted
        return self.scope.strays[check] + (wanted is not None and wanted[1] == check)

    def forgo(self, check: Any) -> None:
        """The check is given up: what it asked for is not waited for any more."""
        if self.scope.wanted is not None and self.scope.wanted[1] == check:
            self.scope.strays[check] += 1
            self.scope.wanted = None

    def remember(self, target: step) -> None:
        """Keep the outcomes of this attempt that do not depend on the target's."""
        place = self.steps.index(target)
        for made in sorted(self.steps, key=lambda each: each.place):  # equal calls are told apart by their order
            if made.entry is None:
                made.entry = self.scope.memory.entry(made, self._taken)
            made.within = _within(made, self.steps)
            # where it began when the target was done, the world that it met may be another one now
            before = made.began <= place and target not in made.within
            made.entry.kept = made if made.span.kind == "predict" or before else None


def running() -> Attempt | None:
    """The attempt of the outermost program that is running here."""
    return cast("Attempt | None", steps.attempt.get())


async def backtracking(run: Callable[[], Awaitable[Any]], opened: Span) -> Any:
    """The result of `run`, which is run again whenever a check sends it back. `opened` is the span around it."""
    now = Attempt(opened)
    while True:
        token = steps.attempt.set(now)
        try:
            with below(now.within):
                return await run()
        except Backtrack as sent:
            back = sent
            if back.attempt is not now:
                raise
        except BaseExceptionGroup as group:  # of an asyncio.TaskGroup
            back = _sent(group, now)
        finally:
            steps.attempt.reset(token)
        now = now.scope.restart(back)


def _sent(group: BaseExceptionGroup[Any], attempt: Attempt) -> Backtrack:
    """The way back that a check of the attempt raised within the group. Raises what else there is."""
    mine, rest = group.split(lambda error: isinstance(error, Backtrack) and error.attempt is attempt)
    if mine is None:
        raise group
    if rest is not None:
        raise rest from None
    found: Any = mine
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _superseded(ended: Span, back: Backtrack) -> Span:
    made = Span("check", "attempt", inputs={"check": back.told, "at": path_of(back.target.span)}, root=ended.root)
    made.started, made.children = ended.started, ended.children  # also those that are still to come
    made.seconds = sum(child.seconds or 0.0 for child in made.children)
    made.error = back.told
    return made


def _within(made: step, done: list[step]) -> list[step]:
    if made.span.kind == "predict":
        return []
    inside = _below(made.span)
    return [each for each in done if id(each.span) in inside]


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
