"""Checks inside programs: `Assert` and `Suggest` (Singhvi et al. 2023, arXiv 2312.13382).

Where one fails the program goes back to a step and asks it again (`lmnb.modules.backtrack`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from lmnb.errors import CheckFailed, InputError
from lmnb.modules.backtrack import Backtrack, Step, scope
from lmnb.trace import open_span, span

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
    """
    return _check("Suggest", condition, message, target_module if at is None else at, retries)


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
    text = message or f"it stands at {line[0]}, line {line[1]}"
    if condition:
        if used:
            _noted(kind, text, step, used + 1)
        return True
    if here is not None and step is not None and key is not None and used < retries and not here.strayed:
        here.failures[line, key] += 1
        raise Backtrack(here, step, key, message or f"The {kind.lower()}ion at line {place.f_lineno} does not hold.")
    _noted(kind, text, step, used + 1, failed=True)
    if step is not None:
        step.span.data["refused"] = text  # no example to learn from
    if kind == "Suggest":
        return False
    name = step.name if step is not None else ""
    outputs = f" Its last outputs: {_short(step.outcome.value[0])}" if step is not None else ""
    tries = f" {name!r} was asked {used + 1} times.{outputs}" if step is not None else " No step went before it."
    if here is not None and here.strayed:
        tries += " The program came to it with other inputs each time, so it could not be told what was wrong: what goes before"
        tries += " a check must give the same when it runs again."
    raise CheckFailed(
        f"the check was not met: {text}.{tries}".replace("..", "."), check=text, at=name, attempts=used + 1
    )


def _noted(kind: str, text: str, step: Step | None, attempts: int, *, failed: bool = False) -> None:
    with span("check", kind, inputs={"check": text, "at": step.name if step is not None else ""}) as noted:
        noted.outputs = {"holds": not failed, "attempts": attempts}
        noted.error = text if failed else None


def _short(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return text if len(text) <= 300 else f"{text[:299]}…"
