"""The examples of a run: checked, split, and written to a journal and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmnb.canonical import content_hash, jsonable
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.signature import type_text
from lmnb.types.checked import adapter_for, problems

FEW = 6  # examples below which a training set is not split


@dataclass(frozen=True)
class Splits:
    """`evalset` names the split that candidates are scored on ("val", "train") or is None; `note` says how that came."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    evalset: str | None
    note: str

    def __getitem__(self, name: str) -> tuple[Example, ...]:
        return {"train": self.train, "val": self.val}[name]

    @property
    def hash(self) -> str:
        return content_hash([[example.provenance.id for example in split] for split in (self.train, self.val)])

    @property
    def exact(self) -> bool:
        """Whether the examples are the same after a journey through JSON: a date or a tuple is not."""
        return all(dict(example.items()) == jsonable(dict(example.items())) for example in (*self.train, *self.val))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, without `evalset` and `note`."""
        return {
            name: [
                {"fields": jsonable(dict(example.items())), "inputs": sorted(example.input_keys or ())}
                for example in self[name]
            ]
            for name in ("train", "val")
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], evalset: str | None, note: str) -> Splits:
        if evalset not in ("train", "val", None):
            raise ValueError(f"evalset is {evalset!r}")
        train, val = (
            tuple(Example(item["fields"]).with_inputs(*item["inputs"]) for item in stored[name])
            for name in ("train", "val")
        )
        return cls(train, val, evalset, note)


def prepared(
    program: Any,
    trainset: Sequence[Example],
    valset: Sequence[Example] | None,
    *,
    scoring: bool,
    needed: bool,
    most: int | None = None,
    trains: bool = True,
    learning: bool = True,
    ratio: float = 1 / 3,
) -> Splits:
    """The splits of a new run. `scoring`: there is a metric; `needed`: the search cannot do without scores; `most`: of a larger
    validation set this many examples are used, evenly spread; `trains`: the search cannot do without training examples;
    `learning`: it uses them for more than scores; `ratio`: the part of them that is held out for scores.

    InputError for data that cannot be used.
    """
    train = _checked(trainset, "trainset") if trains or trainset else ()
    val = _checked(valset, "valset") if valset is not None else ()
    for name, examples in (("trainset", train), ("valset", val)):
        _check_labels(program, examples, name)
    if not scoring:
        return Splits(train, val, None, "there is no metric, so nothing is scored")
    if val:
        return _at_most(most, Splits(train, val, "val", "candidates are scored on the given valset"))
    if not needed:
        return Splits(train, val, None, "no valset was given, so nothing is scored")
    if not learning:
        note = "candidates are scored on the whole trainset, from which this search learns nothing else"
        return Splits(train, (), "train", f"no valset was given: {note}")
    if len(train) < FEW:
        note = f"{len(train)} examples are too few to split: candidates are scored on the trainset"
        return Splits(train, (), "train", f"no valset was given and {note}")
    every = _every(ratio, len(train))
    if every is None:
        return Splits(
            train,
            (),
            "train",
            "no valset was given and nothing is to be held out: candidates are scored on the trainset",
        )
    held = tuple(example for index, example in enumerate(train) if index % every == every - 1)
    rest = tuple(example for index, example in enumerate(train) if index % every != every - 1)
    counts = f"{len(rest)} train, {len(held)} score"
    nth = {2: "second", 3: "third"}.get(every, f"{every}th")
    note = f"no valset was given: every {nth} training example is held out for scoring ({counts})"
    return _at_most(most, Splits(rest, held, "val", note))


def _every(ratio: float, size: int) -> int | None:
    """How far the examples that are held out stand apart: one of them at least; None where none is to be."""
    return max(2, min(round(1 / ratio), size)) if ratio > 0 else None


def _at_most(most: int | None, splits: Splits) -> Splits:
    size = len(splits.val)
    if most is None or size <= most:
        return splits
    fewer = tuple(splits.val[number * size // most] for number in range(most))
    return replace(splits, val=fewer, note=f"{splits.note}, {most} of {size} examples of it")


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
