"""The first record of a journal: everything a run was started with that can be written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lmnb.canonical import jsonable
from lmnb.errors import JournalError, RunError
from lmnb.lm.budget import checked_limits
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import built
from lmnb.optimize.journal import FORMAT, Journal
from lmnb.optimize.review import reviewed_kinds
from lmnb.optimize.splits import Splits
from lmnb.optimize.stored_optimizer import optimizer_of
from lmnb.optimize.task import Predictor, Task, baseline_of


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
            hash((header.baseline, header.teacher, header.more_teachers))  # their demos can be read
            reviewed_kinds(header.review)
            return header
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JournalError(f"the header of this run cannot be read: {type(error).__name__}: {error}") from error

    def renamed(self, name: str) -> Header:
        return replace(self, name=name)


_PLAIN = tuple(name for name in Header.__dataclass_fields__ if name not in ("splits", "live_optimizer", "missing_code"))
