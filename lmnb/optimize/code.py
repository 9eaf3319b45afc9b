"""The code of a run: what a journal cannot hold, where to find it again, and whether it is still the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import FunctionType
from typing import Any

from lmnb import settings
from lmnb.adapters.chat import ChatAdapter
from lmnb.canonical import canonical, jsonable
from lmnb.errors import InputError, RunError, SaveError
from lmnb.fingerprint import fingerprint
from lmnb.lm.base import BaseLM
from lmnb.lm.private import redact
from lmnb.modules.module import Module
from lmnb.modules.rebuild import is_plain, rebuilt
from lmnb.optimize.splits import Splits


@dataclass(frozen=True)
class Code:
    """The live objects of a run; `settings` are the LM and adapter in force."""

    program: Any
    metric: Callable[..., Any] | None
    teacher: Any = None
    teacher_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    proposers: Mapping[str, Any] = field(default_factory=dict)
    proposer_lm: Any = None  # None: the LM of the task
    more_teachers: tuple[Any, ...] = ()  # beside the first
    budgets: tuple[Any, ...] = ()  # those that hold the run beside its own: the caller's, and the one it was given
    splits: Splits | None = None  # the examples, where the journal's are not exact

    def settings_of(self, role: str) -> Mapping[str, Any]:
        """What is in force beside `settings` for a student, a teacher or a proposer."""
        proposing = {} if self.proposer_lm is None else {"lm": self.proposer_lm}
        return {"teacher": self.teacher_settings, "proposer": proposing}.get(role.partition(" ")[0], {})

    def teacher_of(self, role: str) -> Any:
        """The program of the role "teacher", or "teacher 2" and so on; None for any other."""
        kind, _, number = role.partition(" ")
        return None if kind != "teacher" else self.more_teachers[int(number) - 2] if number else self.teacher


def code_of(optimizer: Any, student: Any, teacher: Any, budget: Any) -> Code:
    """The code of a new run: copies of its programs, and the settings of here and now. InputError for what is no program."""
    teachers: list[Any] = (
        list(teacher) if isinstance(teacher, (list, tuple)) and optimizer.takes_teachers else [teacher]
    )
    first: Any = teachers[0] if teachers else None
    for name, given in (("student", student), *(("teacher", each) for each in teachers)):
        if not isinstance(given, Module) and (given is not None or name == "student"):
            made = f"lmnb.Predict({given!r})" if isinstance(given, str) else "lmnb.Predict('question -> answer')"
            raise InputError(f"the {name} is {given!r}, which is no program. Write a module, such as {made}.")
    return Code(
        program=student.deepcopy(),
        metric=optimizer.metric,
        teacher=None if first is None else first.deepcopy(),
        more_teachers=tuple(each.deepcopy() for each in teachers[1:]),
        teacher_settings=optimizer.teacher_settings,
        settings={
            "lm": getattr(optimizer, "task_model", None) or settings.current("lm"),
            "adapter": getattr(optimizer, "adapter", None) or settings.current("adapter"),
        },
        proposers=optimizer.proposers(),
        proposer_lm=optimizer.proposer_lm,
        budgets=(settings.current("budget"), budget),
    )


def code_hashes(code: Code) -> dict[str, dict[str, str]]:
    """Fingerprints of a run's code, for its header."""
    parts = {"program": code.program, "metric": code.metric, "teacher": code.teacher}
    parts |= {f"teacher {number}": each for number, each in enumerate(code.more_teachers, 2)}
    found = {name: fingerprint(part) for name, part in parts.items() if part is not None}
    if isinstance(code.metric, Module):  # a judge: unlike a program's, its state stands nowhere else in the header
        kind: Any = type(code.metric)
        state = fingerprint(partial(kind, vars(code.metric), code.metric.dump_state()))
        found["metric"] = {**found["metric"], "hash": state["hash"]}
    adapter = code.settings.get("adapter") or ChatAdapter()
    # its options: the wording, the extraction model, ...
    state = fingerprint(partial(type(adapter), **adapter.dump_state()))
    return found | {"adapter": {**fingerprint(type(adapter)), "hash": state["hash"]}}


def in_words(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without secrets, as far as JSON tells them apart."""
    return {
        name: value.dump_state() if isinstance(value, BaseLM) else redact(canonical(jsonable(value)), {})
        for name, value in settings.items()
    }


def changed(before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Which parts are not the ones that the run began with."""
    return [name for name in before if name in now and before[name]["hash"] != now[name]["hash"]]


def import_object(path: str) -> Any:
    """What stands at `module:name`, or None. Nothing of the standard library is looked up: a run's folder is data, not a script."""
    module, _, name = path.partition(":")
    if not name or module.partition(".")[0] in sys.stdlib_module_names or "<" in name:
        return None
    try:
        found: Any = import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def import_class(path: str) -> type | None:
    """The Module class at `module:name`, or None."""
    found = import_object(path)
    return found if isinstance(found, type) and issubclass(found, Module) else None


def import_function(path: str) -> Callable[..., Any] | None:
    """The function at `module:name`, or None."""
    found = import_object(path)
    return found if isinstance(found, FunctionType) and found.__qualname__ == path.partition(":")[2] else None


def built(path: str, state: Mapping[str, Any]) -> Any:
    """A program of the class at `path` with its saved state; None where the class is not importable. RunError where it cannot be made."""
    try:
        if is_plain(path):
            program: Any = rebuilt(path, state)
        else:
            found = import_class(path)
            if found is None:
                return None
            program = found()
        program.load_state(state)
    except (TypeError, SaveError) as error:
        raise RunError(
            f"{path} cannot be made from the run's folder alone: {error}. Pass it: lmnb.reopen(path, program=...)"
        ) from error
    return program
