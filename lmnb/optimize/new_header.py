"""The header of a run that begins: its data checked and split, its optimizer, program and LMs as they can be written down."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lmnb import __version__, settings
from lmnb.canonical import jsonable
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.fingerprint import import_path
from lmnb.lm.budget import Budget
from lmnb.lm.client import LM
from lmnb.modules.texts import texts
from lmnb.optimize.code import Code, code_hashes, in_words
from lmnb.optimize.ensembled_program import EnsembledProgram, member_path
from lmnb.optimize.groups import Group
from lmnb.optimize.header import Header
from lmnb.optimize.objective import WorstGroup, check_objective
from lmnb.optimize.program_text import program_text
from lmnb.optimize.review import review_header, review_patience
from lmnb.optimize.splits import prepared
from lmnb.optimize.stored_optimizer import arguments_of
from lmnb.optimize.task import shape_of


def header_for(
    optimizer: Any,
    code: Code,
    trainset: Sequence[Example],
    valset: Sequence[Example] | None,
    *,
    seed: int,
    budget: Budget | None,
    num_threads: int | None,
    options: dict[str, Any],
    review: Any = None,
    review_timeout: float | None = None,
    group: Group | None = None,
    objective: str | WorstGroup = "mean",
    cross_fit: bool | None = None,
    hashes: Mapping[str, dict[str, str]] | None = None,
) -> Header:
    """The header of a new run; `hashes` are those of its code, where they are known. InputError for data that cannot be used."""
    splits = prepared(
        code.program,
        trainset,
        valset,
        scoring=code.metric is not None,
        needed=optimizer.needs_evalset,
        most=optimizer.most_scored,
        trains=optimizer.needs_trainset,
        learning=optimizer.learns_from_trainset,
        ratio=optimizer.held_out(**options),
        demos_only=optimizer.learns_demos_only,
        group=group,
        scored_by=objective.group if isinstance(objective, WorstGroup) else None,
        cross_fit=cross_fit,
    )
    objective = "worst group" if isinstance(objective, WorstGroup) else objective
    check_objective(objective, bool(splits.groups))
    options = {
        name: list(value) if isinstance(value, (range, set, tuple)) else value for name, value in options.items()
    }
    for name, value in options.items():
        if jsonable(value) != value:
            raise InputError(
                f"the option {name}={value!r} cannot be written down; give numbers, texts or lists of them"
            )
    created = datetime.now()
    lm = code.settings.get("lm")
    _check_teacher(code)
    program_path = import_path(type(code.program))
    return Header(
        id=secrets.token_hex(6),
        name=f"{created:%Y-%m-%d-%H%M%S}-{program_path.rpartition('.')[2].rpartition(':')[2]}",
        created=created.isoformat(timespec="seconds"),
        version=__version__,
        libraries=dict(optimizer.libraries()),
        optimizer_path=import_path(type(optimizer)),
        arguments=jsonable(arguments_of(optimizer)),
        options=jsonable(options),
        planned=optimizer.planned(**options),
        program_path=program_path,
        program_state=jsonable(code.program.dump_state()),
        shape=shape_of(code.program),
        texts=texts(code.program),
        source=program_text(code.program),
        teacher_shape=None if code.teacher is None else shape_of(code.teacher),
        more_teacher_shapes=[shape_of(each) for each in code.more_teachers],
        teacher_compiled=code.teacher is not None and _is_compiled(code.teacher),
        teacher_settings=in_words(code.teacher_settings),
        exact_data=splits.exact,
        code=code_hashes(code) if hashes is None else dict(hashes),
        lm=lm_state(lm),
        proposer_lm=lm_state(code.proposer_lm),
        seed=seed,
        splits=splits,
        evalset=splits.evalset,
        note=splits.note,
        objective=objective,
        budget=dict(budget.limits) if budget is not None else {},
        num_threads=num_threads or getattr(optimizer, "num_threads", None) or settings.current("num_threads"),
        max_errors=optimizer.max_errors or settings.current("max_errors"),
        review=review_header(review),
        review_timeout=review_patience(review_timeout, review),
        live_optimizer=optimizer,
    )


def _check_teacher(code: Code) -> None:
    """InputError where the teacher's predictors are not the student's, and it is no ensemble of programs with those."""
    own = list(shape_of(code.program))
    for teacher in (code.teacher, *code.more_teachers):
        taught = None if teacher is None else list(shape_of(teacher))
        if taught is not None and taught != own and list(dict.fromkeys(map(member_path, taught))) != own:
            raise InputError(
                f"the teacher's predictors {taught} are not the student's {own}; "
                "a teacher has the same structure, with other demos, instructions or LMs"
            )


def _is_compiled(program: Any) -> bool:
    made = bool(getattr(program, "provenance", None)) or isinstance(program, EnsembledProgram)
    return made or any(predictor.demos for predictor in program.predictors())


def lm_state(lm: Any) -> dict[str, Any] | None:
    """An LM as a header has it; one of another class than `lmnb.LM` with its name."""
    if lm is None:
        return None
    return lm.dump_state() if type(lm) is LM else {"class": type(lm).__name__, **lm.dump_state()}
