"""The first record of a journal: everything a run was started with that can be written down."""

from __future__ import annotations

import inspect
import math
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lmnb import __version__, settings
from lmnb.adapters.base import Adapter
from lmnb.canonical import jsonable
from lmnb.errors import InputError, JournalError, RunError
from lmnb.example import Example
from lmnb.fingerprint import import_path
from lmnb.lm.base import BaseLM
from lmnb.lm.budget import Budget, checked_limits
from lmnb.lm.client import LM
from lmnb.lm.private import is_secret
from lmnb.modules.texts import texts
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code, built, code_hashes, import_object, in_words
from lmnb.optimize.ensembled_program import EnsembledProgram, member_path
from lmnb.optimize.groups import Group
from lmnb.optimize.journal import FORMAT, Journal
from lmnb.optimize.objective import WorstGroup, check_objective
from lmnb.optimize.program_text import program_text
from lmnb.optimize.review import review_header, review_patience, reviewed_kinds
from lmnb.optimize.splits import Splits, prepared
from lmnb.optimize.task import Predictor, Task, baseline_of, shape_of

HIDDEN = ("metric", "teacher_settings")  # arguments that are code or may hold keys: known by their fingerprints only
NESTED = {"optimizer", "arguments"}  # of an argument that is an optimizer: its import path and its arguments


@dataclass(frozen=True)
class Header:
    """`splits` holds the examples, `evalset` names the split that candidates are scored on, `note` says how it was chosen.

    `texts` are the descriptions of the program's outputs and tools by slot, `source` is the program for an LM to read, `libraries` are the
    versions of those that the search draws with.

    `teacher_settings` stand here in words and without secrets, enough to see whether they are the same; `exact_data` says
    whether the examples can be read back from JSON as they were.
    """

    id: str
    name: str
    created: str
    version: str
    libraries: dict[str, str]
    optimizer_path: str
    arguments: dict[str, Any]
    options: dict[str, Any]
    planned: int | None
    program_path: str
    program_state: dict[str, Any]
    shape: dict[str, Any]
    texts: dict[str, str]
    source: str
    teacher_shape: dict[str, Any] | None
    more_teacher_shapes: list[dict[str, Any]]
    teacher_compiled: bool
    teacher_settings: dict[str, Any]
    exact_data: bool
    code: dict[str, dict[str, str]]
    lm: dict[str, Any] | None
    proposer_lm: dict[str, Any] | None
    seed: int
    splits: Splits
    evalset: str | None
    note: str
    objective: str
    budget: dict[str, float | None]
    num_threads: int
    max_errors: int
    parent: str | None = None  # the run that this one branched off
    review: Any = None  # the kinds of gates that ask the person, or the function that is asked, by name
    review_timeout: float | None = None  # seconds, after which what waits there goes on
    live_optimizer: Any = field(default=None, repr=False)
    missing_code: str = ""

    @property
    def optimizer_name(self) -> str:
        return self.optimizer_path.rpartition(":")[2]

    @property
    def program_name(self) -> str:
        return self.program_path.rpartition(".")[2].rpartition(":")[2]

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        return tuple(
            Predictor(path, tuple(part["inputs"]), tuple(part["outputs"]), part.get("lm", 0))
            for path, part in self.shape.items()
        )

    @property
    def baseline(self) -> Candidate:
        return baseline_of(self.shape, self.texts)

    @property
    def teacher(self) -> Candidate | None:
        return (
            None if self.teacher_shape is None else baseline_of(self.teacher_shape, {}, "teacher")
        )  # its outputs and tools say their own

    def archive(self, load: Callable[[str], Any]) -> Archive:
        """An empty archive for this run; `load` reads a stored trace."""
        size = len(self.splits[self.evalset]) if self.evalset else 0
        outputs = {f"{part.path}.demos": part.outputs for part in self.predictors}
        return Archive(self.evalset, size, outputs, load, self.objective, self.splits.groups, self.splits.leaks())

    def task(self, archive: Archive) -> Task:
        """What its search knows."""
        return Task(
            baseline=self.baseline,
            predictors=self.predictors,
            trainset=self.splits["train"],
            valset=self.splits["val"],
            evalset=self.evalset,
            seed=self.seed,
            teacher=self.teacher,
            teacher_compiled=self.teacher_compiled,
            archive=archive,
            source=self.source,
            more_teachers=self.more_teachers,
        )

    @property
    def more_teachers(self) -> tuple[Candidate, ...]:
        return tuple(baseline_of(shape, {}, f"teacher {n}") for n, shape in enumerate(self.more_teacher_shapes, 2))

    @property
    def data_hash(self) -> str:
        return self.splits.hash

    def optimizer(self) -> Any:
        """The optimizer with its arguments; without its metric, which only rollouts need."""
        return self.live_optimizer or optimizer_of(self.optimizer_path, self.arguments)

    def rebuilt_program(self) -> Any:
        """The program as it was, from its class and saved state."""
        program = built(self.program_path, self.program_state)
        if program is None:
            raise RunError(
                f"the program's class {self.program_path} is not importable here. Pass it: lmnb.reopen(path, program=...)"
            )
        return program

    def to_record(self, journal: Journal) -> dict[str, Any]:
        """The journal's first line; the data sets go to blobs."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        data = {name: journal.blobs.put(examples) for name, examples in self.splits.to_dict().items()}
        how = {"splits": self.splits.how()}
        return {"k": "header", "format": FORMAT, **jsonable(plain), **how, "data": data}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], journal: Journal) -> Header:
        try:
            stored = {name: journal.blobs.get(blob) for name, blob in record["data"].items()}
            splits = Splits.from_dict(stored, record["evalset"], record["note"], record.get("splits"))
            older = {
                "texts": record.get("tools", {}),
                "source": "",
                "libraries": {},
                "proposer_lm": None,
                "review": None,
                "review_timeout": None,
                "parent": None,
                "more_teacher_shapes": [],
                "objective": "mean",
            }  # journals of before have less
            record = {**older, **record}
            header = cls(**{name: record[name] for name in _PLAIN}, splits=splits)
            checked_limits(header.budget, "Budget")
            if not isinstance(header.arguments, dict) or not isinstance(header.options, dict) or not header.predictors:
                raise ValueError("arguments and options are mappings, and there is a predictor")
            if not all(isinstance(text, str) for text in header.texts.values()):
                raise ValueError("descriptions are text")
            for name, kind in _KINDS.items():
                if not isinstance(getattr(header, name), kind):
                    raise ValueError(f"{name} is {getattr(header, name)!r}")
            if header.review_timeout is not None and not 0 < header.review_timeout < math.inf:
                raise ValueError(f"review_timeout is {header.review_timeout!r}")
            hash((header.baseline, header.teacher, header.more_teachers))  # their demos can be read
            reviewed_kinds(header.review)
            return header
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JournalError(f"the header of this run cannot be read: {type(error).__name__}: {error}") from error

    def renamed(self, name: str) -> Header:
        return replace(self, name=name)


def optimizer_of(path: str, arguments: Mapping[str, Any]) -> Any:
    """The optimizer at an import path with its arguments, those that are optimizers themselves included. RunError where there is none."""
    module = path.partition(":")[0]
    known_module = module.startswith("lmnb.") or module in sys.modules
    found: Any = import_object(path) if known_module else None
    is_optimizer = isinstance(found, type) and any(
        import_path(base) == "lmnb.optimize.optimizer:Optimizer" for base in found.__mro__
    )
    if not is_optimizer:
        raise RunError(f"the optimizer {path} of this run is not importable here; import its module first")
    signature = inspect.signature(found)
    known = signature.parameters
    every = next((each.name for each in known.values() if each.kind is each.VAR_KEYWORD), None)
    # not by way of **options: a base may be given it already, and of a run of now the journal does not hold what a subclass leaves out
    formerly = {name: value for name, value in found.formerly.items() if name in known}
    given = {name: None for name in HIDDEN if name in known} | formerly | dict(arguments)
    for name, value in given.items():
        if isinstance(value, dict) and value.keys() == NESTED:
            given[name] = optimizer_of(*value.values())
    bound = signature.bind_partial()
    bound.arguments |= {name: value for name, value in given.items() if name in known and name != every}
    if every is not None:
        bound.arguments[every] = {name: value for name, value in given.items() if name not in known}
    try:
        return found(*bound.args, **bound.kwargs)
    except TypeError as error:  # a base may want what stands in no journal, and the subclass hands everything on to it
        wanted = {name: None for name in HIDDEN if every is not None and name not in known}
        with suppress(TypeError):
            return found(*bound.args, **{**wanted, **bound.kwargs})
        raise RunError(f"the optimizer {path} of this run cannot be made again from its arguments: {error}") from error


def _arguments(optimizer: Any) -> dict[str, Any]:
    """An optimizer's arguments as far as they can be written down; those that are optimizers as `NESTED` says."""
    given = optimizer.get_params().items()
    code = (BaseLM, Adapter)
    written = {
        name: value
        for name, value in given
        if name not in HIDDEN and not isinstance(value, code) and not is_secret(name, value)
    }
    inner = written.pop("optimizers", None) or {}
    return written | {
        name: {"optimizer": import_path(type(each)), "arguments": _arguments(each)} for name, each in inner.items()
    }


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("name", "optimizer_path", "program_path", "objective"), str),
    **dict.fromkeys(("num_threads", "max_errors"), int),
    **dict.fromkeys(("lm", "proposer_lm"), dict | None),
    "planned": int | None,
    "review_timeout": float | int | None,
}  # of what stands in a journal, as far as looking at the run needs it
_PLAIN = tuple(name for name in Header.__dataclass_fields__ if name not in ("splits", "live_optimizer", "missing_code"))


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
        arguments=jsonable(_arguments(optimizer)),
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
