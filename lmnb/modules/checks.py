"""Checks inside programs: `Assert` and `Suggest` (Singhvi et al. 2023, arXiv 2312.13382).

Where one fails the program goes back to a step and asks it again (`lmnb.modules.backtrack`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lmnb.errors import CheckFailed, InputError
from lmnb.modules.backtrack import STRAYS, Attempt, Backtrack, running
from lmnb.steps import step
from lmnb.trace import open_span, path_of, span

RETRIES = 2


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

    >>> import lmnb
    >>> class Short(lmnb.Module):
    ...     def __init__(self):
    ...         self.answer = lmnb.Predict("question -> answer")
    ...     def forward(self, question):
    ...         made = self.answer(question=question)
    ...         short = lmnb.Suggest(len(made.answer) < 10, "Answer in one word.", retries=1)
    ...         return made if short else lmnb.Prediction(answer=made.answer[:9] + "…")
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "It is Paris."}] * 2)):
    ...     Short()(question="The capital of France?")
    Prediction(answer='It is Par…')
    """
    return _check("Suggest", condition, message, target_module if at is None else at, retries)


def _check(kind: str, condition: Any, message: str, at: Any, retries: int) -> bool:
    here = running()
    place = sys._getframe(2)
    line = (place.f_code.co_filename, place.f_lineno)
    if here is not None:
        here.check_running()
        here.messages.add((line, message))
    if condition and (here is None or here.first or line not in here.scope.failed):
        return True
    if at is not None and not hasattr(at, "named_sub_modules"):
        raise InputError(f"at={at!r} is no step. Name a predictor or module of the program, such as at=self.answer.")
    target = here.target(at, open_span()) if here is not None else None
    used = here.failures(target, line, message) if here is not None and target is not None else 0
    text = message or f"it stands at {line[0]}, line {line[1]}"
    if condition:
        if used:
            _noted(kind, text, target, used + 1)
        return True
    strays = here.strayed(line) if here is not None else 0
    if here is not None and target is not None and used < retries and strays < STRAYS:
        told = message or f"The {kind.lower()}ion at line {place.f_lineno} does not hold."
        raise Backtrack(here, target, line, message, told)
    asked = max(used, strays if strays >= STRAYS else 0) + 1
    _noted(kind, text, target, asked, failed=True)
    if target is not None:
        target.span.data["refused"] = text  # no example to learn from
    if here is not None:
        here.forgo(line)
    if kind == "Suggest":
        return False
    name = path_of(target.span) if target is not None else ""
    says = _unasked(here, at)
    if target is not None:
        says = f"{name!r} was asked {asked} times. Its last outputs: {_short(target.kept[0])}"
    if strays >= STRAYS:
        says += " The program came to it with other inputs each time, so it could not be told what was wrong: what goes before"
        says += " a check must give the same when it runs again."
    raise CheckFailed(f"the check was not met: {text}. {says}".replace("..", "."), check=text, at=name, attempts=asked)


def _unasked(here: Attempt | None, at: Any) -> str:
    """Why there is no step to go back to."""
    if here is None or at is None:
        return "No step went before it."
    nodes = dict(here.scope.opened.module.named_sub_modules())
    name = next((name for name, node in nodes.items() if node is at), type(at).__name__)
    within = {id(node) for _, node in at.named_sub_modules()}
    failed = next((made for made in reversed(here.steps) if id(made.doer) in within), None)
    if failed is None or failed.outcome is None:
        return f"{name!r} was not asked before it, so it cannot be asked again."
    error = failed.outcome.error
    return f"{name!r} gave no outputs, so it cannot be told what was wrong with them: {type(error).__name__}: {error}"


def _noted(kind: str, text: str, target: step | None, attempts: int, *, failed: bool = False) -> None:
    at = path_of(target.span) if target is not None else ""
    with span("check", kind, inputs={"check": text, "at": at}) as noted:
        noted.outputs = {"holds": not failed, "attempts": attempts}
        noted.error = text if failed else None


def _short(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= 300 else f"{text[:299]}…"
