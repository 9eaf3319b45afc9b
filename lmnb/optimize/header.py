"""The first record of a journal: everything a run was started with that can be written down."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lmnb import __version__
from lmnb.canonical import content_hash, jsonable
from lmnb.errors import InputError, JournalError, RunError
from lmnb.example import Example
from lmnb.fingerprint import import_path
from lmnb.lm.budget import Budget
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code, built, code_hashes, import_object
from lmnb.optimize.journal import FORMAT, Journal
from lmnb.optimize.task import Predictor, baseline_of, shape_of
from lmnb.signature import type_text
from lmnb.types.checked import adapter_for, problems

HIDDEN = ("metric", "teacher_settings")  # arguments that are code or may hold keys: known by their fingerprints only
FEW = 6  # examples below which a training set is not split


@dataclass(frozen=True)
class Header:
    """`splits` holds the examples of "train" and "val", `evalset` the one that candidates are scored on, `note` how it was chosen."""

    id: str
    name: str
    created: str
    version: str
    optimizer_path: str
    arguments: dict[str, Any]
    options: dict[str, Any]
    planned: int | None
    program_path: str
    program_state: dict[str, Any]
    shape: dict[str, Any]
    teacher_shape: dict[str, Any] | None
    code: dict[str, dict[str, str]]
    lm: dict[str, Any] | None
    seed: int
    splits: Mapping[str, Sequence[Example]]
    evalset: str | None
    note: str
    budget: dict[str, float | None]
    num_threads: int
    max_errors: int
    seconds: float = 0.0
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
            Predictor(path, tuple(part["inputs"]), tuple(part["outputs"])) for path, part in self.shape.items()
        )

    @property
    def baseline(self) -> Candidate:
        return baseline_of(self.shape)

    @property
    def teacher(self) -> Candidate | None:
        return None if self.teacher_shape is None else baseline_of(self.teacher_shape, "teacher")

    @property
    def data_hash(self) -> str:
        return content_hash(
            {name: [example.provenance.id for example in examples] for name, examples in self.splits.items()}
        )

    def optimizer(self) -> Any:
        """The optimizer with its arguments; without its metric, which only rollouts need."""
        if self.live_optimizer is not None:
            return self.live_optimizer
        found = import_object(self.optimizer_path)
        is_optimizer = isinstance(found, type) and any(
            import_path(base) == "lmnb.optimize.optimizer:Optimizer" for base in found.__mro__
        )
        if not is_optimizer:
            raise RunError(
                f"the optimizer {self.optimizer_path} of this run is not importable here; import its module first"
            )
        known = inspect.signature(found).parameters
        hidden = {name: None for name in HIDDEN if name in known}
        return found(**hidden, **{name: value for name, value in self.arguments.items() if name in known})

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
        data = {
            name: journal.blobs.put([_example_to_dict(example) for example in examples])
            for name, examples in self.splits.items()
        }
        return {"k": "header", "format": FORMAT, **jsonable(plain), "data": data}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], journal: Journal, seconds: float) -> Header:
        try:
            splits = {
                name: tuple(_example_from_dict(item) for item in journal.blobs.get(blob))
                for name, blob in record["data"].items()
            }
            return cls(**{name: record[name] for name in _PLAIN}, splits=splits, seconds=seconds)
        except (KeyError, TypeError, AttributeError) as error:
            raise JournalError(f"the header of this run cannot be read: {type(error).__name__}: {error}") from error

    def renamed(self, name: str) -> Header:
        return replace(self, name=name)


_PLAIN = tuple(
    name for name in Header.__dataclass_fields__ if name not in ("splits", "seconds", "live_optimizer", "missing_code")
)


def header_for(
    optimizer: Any,
    code: Code,
    *,
    trainset: Sequence[Example],
    valset: Sequence[Example] | None,
    seed: int,
    budget: Budget | None,
    num_threads: int,
    max_errors: int,
    options: dict[str, Any],
) -> Header:
    """The header of a new run. InputError for data that cannot be used."""
    train = _checked(trainset, "trainset")
    val = _checked(valset, "valset") if valset is not None else ()
    for name, examples in (("trainset", train), ("valset", val)):
        _check_labels(code.program, examples, name)
    train, val, evalset, note = _split(train, val, optimizer.needs_evalset)
    created = datetime.now()
    arguments = {name: value for name, value in optimizer.get_params().items() if name not in HIDDEN}
    lm = code.settings.get("lm")
    teacher = code.teacher if code.teacher is not None and _is_compiled(code.teacher) else None
    if code.teacher is not None and list(shape_of(code.teacher)) != list(shape_of(code.program)):
        raise InputError(
            f"the teacher's predictors {list(shape_of(code.teacher))} are not the student's {list(shape_of(code.program))}; "
            "a teacher has the same structure, with other demos, instructions or LMs"
        )
    program_path = import_path(type(code.program))
    return Header(
        id=secrets.token_hex(6),
        name=f"{created:%Y-%m-%d-%H%M%S}-{program_path.rpartition('.')[2].rpartition(':')[2]}",
        created=created.isoformat(timespec="seconds"),
        version=__version__,
        optimizer_path=import_path(type(optimizer)),
        arguments=jsonable(arguments),
        options=jsonable(options),
        planned=optimizer.planned(**options),
        program_path=program_path,
        program_state=jsonable(code.program.dump_state()),
        shape=shape_of(code.program),
        teacher_shape=None if teacher is None else shape_of(teacher),
        code=code_hashes(code.program, code.metric, code.teacher),
        lm=None if lm is None else lm.dump_state(),
        seed=seed,
        splits={"train": train, "val": val},
        evalset=evalset,
        note=note,
        budget=dict(budget.limits) if budget is not None else {},
        num_threads=num_threads,
        max_errors=max_errors,
        live_optimizer=optimizer,
    )


def _is_compiled(program: Any) -> bool:
    return bool(getattr(program, "provenance", None)) or any(predictor.demos for predictor in program.predictors())


def _split(
    train: tuple[Example, ...], val: tuple[Example, ...], needs_evalset: bool
) -> tuple[tuple[Example, ...], tuple[Example, ...], str | None, str]:
    if val:
        return train, val, "val", "candidates are scored on the given valset"
    if not needs_evalset:
        return train, val, None, "no valset was given, so nothing is scored"
    if len(train) < FEW:
        return (
            train,
            (),
            "train",
            f"no valset was given and {len(train)} examples are too few to split: candidates are scored on the trainset",
        )
    held = tuple(example for index, example in enumerate(train) if index % 3 == 2)
    rest = tuple(example for index, example in enumerate(train) if index % 3 != 2)
    return (
        rest,
        held,
        "val",
        f"no valset was given: every third training example is held out for scoring ({len(rest)} train, {len(held)} score)",
    )


def _checked(examples: Sequence[Example], name: str) -> tuple[Example, ...]:
    given = tuple(examples or ())
    if not given:
        raise InputError(f"the {name} is empty. Give at least one Example(...).with_inputs(...)")
    for index, example in enumerate(given):
        if not isinstance(example, Example):
            raise InputError(
                f"{name}[{index}] is {example!r}, not an Example. Write Example(question=..., answer=...).with_inputs('question')"
            )
        if example.input_keys is None:
            raise InputError(
                f"{name}[{index}] does not say which fields are inputs. Write example.with_inputs({next(iter(example.keys()), '...')!r})"
            )
    return given


def _check_labels(program: Any, examples: Sequence[Example], name: str) -> None:
    """A label that no reply could ever equal, such as one outside a Literal, is a mistake in the data."""
    declared = {
        key: kind
        for _, predictor in program.named_predictors()
        for key, kind in predictor.signature.output_fields.items()
    }
    for index, example in enumerate(examples):
        for key in declared.keys() & set(example.keys()) - set(example.input_keys or ()):
            kind = declared[key]
            try:
                adapter_for(kind.type, kind.limits).validate_python(example[key])
            except ValueError as error:
                raise InputError(
                    f"{name}[{index}].{key} is {example[key]!r}, which is not ({type_text(kind.type)}) as the signature says: "
                    f"{problems(error)}. Mend the example, or widen the type of {key!r}."
                ) from None


def _example_to_dict(example: Example) -> dict[str, Any]:
    return {"fields": jsonable(dict(example.items())), "inputs": sorted(example.input_keys or ())}


def _example_from_dict(stored: Mapping[str, Any]) -> Example:
    return Example(stored["fields"]).with_inputs(*stored["inputs"])
