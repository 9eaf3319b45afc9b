"""The examples of a run: checked, split, and written to a journal and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_
from typing import Any

from lmnb.canonical import canonical, content_hash, jsonable
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize import cross_fit as cross_fitting
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.groups import Group, check_apart, group_names, held_out
from lmnb.optimize.leaks import Leaks
from lmnb.signature import type_text
from lmnb.types.checked import adapter_for, problems

FEW = 6  # examples below which a training set is not split


@dataclass(frozen=True)
class Splits:
    """`evalset` names the split that candidates are scored on ("val", "train") or is None; `note` says how that came.

    `held` are the given training examples that were held out as "val". `groups` are those of the examples that are scored, where there are
    any. With `cross_fit` no demo is shown while its own example is scored (see `lmnb.optimize.cross_fit`), and none of its group: that of
    `kin`, where this is not one of `groups`.
    """

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    evalset: str | None
    note: str
    held: tuple[int, ...] | None = None
    groups: tuple[str, ...] = ()
    cross_fit: bool = False
    kin: tuple[str, ...] | None = None

    def __getitem__(self, name: str) -> tuple[Example, ...]:
        return {"train": self.train, "val": self.val}[name]

    def shown(self, candidate: Candidate, split: str, index: int) -> Candidate:
        """The candidate as it may be run on an example in order to score it."""
        if not self.cross_fit or split != self.evalset:
            return candidate
        return cross_fitting.unseen(candidate, index, self.train, self.groups if self.kin is None else self.kin)

    def leaks(self) -> Leaks:
        """What tells demos that are examples to be scored on; none are where one is scored on the training set."""
        return Leaks(self.train, self.val if self.evalset == "val" else (), self.held)

    def how(self) -> dict[str, Any]:
        """How the examples were split, beside `evalset` and `note`, as JSON; `Splits.from_dict` takes it."""
        held = None if self.held is None else list(self.held)
        kin = {} if self.kin is None else {"kin": list(self.kin)}
        return {"held": held, "groups": list(self.groups), "cross_fit": self.cross_fit, **kin}

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
    def from_dict(
        cls, stored: Mapping[str, Any], evalset: str | None, note: str, how: Mapping[str, Any] | None = None
    ) -> Splits:
        if evalset not in ("train", "val", None):
            raise ValueError(f"evalset is {evalset!r}")
        train, val = (
            tuple(Example(item["fields"]).with_inputs(*item["inputs"]) for item in stored[name])
            for name in ("train", "val")
        )
        known = {"held": None, "groups": (), "cross_fit": False, "kin": None} | dict(how or {})
        held, kin = (None if known[name] is None else tuple(known[name]) for name in ("held", "kin"))
        return cls(train, val, evalset, note, held, tuple(known["groups"]), bool(known["cross_fit"]), kin)


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
    demos_only: bool = False,
    group: Group | None = None,
    scored_by: Group | None = None,
    cross_fit: bool | None = None,
    like: Splits | None = None,
) -> Splits:
    """The splits of a new run. `scoring`: there is a metric; `needed`: the search cannot do without scores; `most`: of a larger
    validation set this many examples are used, evenly spread; `trains`: the search cannot do without training examples;
    `learning`: it uses them for more than scores; `ratio`: the part of them that is held out for scores; `demos_only`: all that it learns
    from them are demos, so it can be cross-fitted, and is by default where there are few. `group` keeps groups of examples on one
    side, `scored_by` are those that scores are told by where they are others; `like` are the splits of a stored run, to be made again.

    InputError for data that cannot be used.
    """
    train = checked_examples(trainset, "trainset") if trains or trainset else ()
    val = checked_examples(valset, "valset") if valset is not None else ()
    for name, examples in (("trainset", train), ("valset", val)):
        _check_labels(program, examples, name)
    if like is not None:
        return _again(train, val, like, most)
    if cross_fit and (val or not demos_only):
        why = "a valset is given" if val else "this optimizer learns more than demos from the trainset"
        raise InputError(f"cross_fit=True cannot be: {why}. Leave one of them out.")
    names = None if group is None else group_names(train, group, "trainset")
    if names is not None and cross_fit:
        held_out(names)  # raises where they are one group
    if names is not None and val and group is not None:
        check_apart(names, group_names(val, group, "valset"))
    made = _split(
        *(train, val, names),
        scoring=scoring,
        needed=needed,
        learning=learning,
        ratio=ratio,
        demos_only=demos_only,
        cross_fit=cross_fit,
    )
    made = _at_most(most, made)
    by = group if scored_by is None else scored_by
    if by is None or made.evalset is None:
        return made
    kin = None if scored_by is None else names if names is not None and made.cross_fit else ()
    return replace(made, groups=group_names(made[made.evalset], by, made.evalset), kin=kin)


def _split(
    train: tuple[Example, ...],
    val: tuple[Example, ...],
    names: Sequence[str] | None,
    *,
    scoring: bool,
    needed: bool,
    learning: bool,
    ratio: float,
    demos_only: bool,
    cross_fit: bool | None,
) -> Splits:
    if not scoring:
        return Splits(train, val, None, "there is no metric, so nothing is scored")
    if val and _same(train, val):
        note = "the trainset was given as the valset too: scores are of examples that are learned from, not of new ones"
        return Splits(train, val, "val", note)
    if val:
        return Splits(train, val, "val", "candidates are scored on the given valset")
    if cross_fit or (cross_fit is None and needed and demos_only and len(train) <= cross_fitting.FEW):
        note = (
            f"no valset was given: cross-fitted on all {len(train)} training examples, each scored without the demos made from it"
            + (" or its group" if names is not None else "")
        )
        return Splits(train, (), "train", note, cross_fit=True)
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
        note = "nothing is to be held out: candidates are scored on the trainset"
        return Splits(train, (), "train", f"no valset was given and {note}")
    apart = list(range(every - 1, len(train), every))
    held = apart if names is None else held_out(names, 1 / every)
    made = _without(train, held, Splits(train, (), "val", ""))
    counts = f"{len(made.train)} train, {len(made.val)} score"
    nth, part = {2: ("second", "half"), 3: ("third", "a third")}.get(every, (f"{every}th", f"one in {every}"))
    whole = f"about {part} of the training examples, by whole groups, are"
    which = f"every {nth} training example is" if names is None else whole
    return replace(made, note=f"no valset was given: {which} held out for scoring ({counts})")


def _without(train: tuple[Example, ...], held: Sequence[int], splits: Splits) -> Splits:
    rest = tuple(example for index, example in enumerate(train) if index not in set(held))
    return replace(splits, train=rest, val=tuple(train[index] for index in held), held=tuple(held))


def _again(train: tuple[Example, ...], val: tuple[Example, ...], like: Splits, most: int | None) -> Splits:
    """These examples split as those of a stored run were."""
    if val or like.held is None:
        return replace(_at_most(most, replace(like, train=train, val=val)), note=like.note)
    if max(like.held) >= len(train):
        raise InputError(
            f"the run held out training example {max(like.held)}, and {len(train)} are given. Give those of the run."
        )
    return replace(_at_most(most, _without(train, like.held, like)), note=like.note)


def _every(ratio: float, size: int) -> int | None:
    """How far the examples that are held out stand apart: one of them at least; None where none is to be."""
    return max(2, min(round(1 / ratio), size)) if ratio > 0 else None


def _at_most(most: int | None, splits: Splits) -> Splits:
    size = len(splits.val)
    if most is None or size <= most:
        return splits
    fewer = tuple(splits.val[number * size // most] for number in range(most))
    return replace(splits, val=fewer, note=f"{splits.note}, {most} of {size} examples of it")


def checked_examples(examples: Sequence[Example], name: str) -> tuple[Example, ...]:
    """The examples of this name. InputError where there are none, or one is no example that says what its inputs are."""
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


def _same(train: Sequence[Example], val: Sequence[Example]) -> bool:
    return len(train) == len(val) and all(map(is_, train, val))


def warn_of_overlap(splits: Splits) -> None:
    """Warn of a given valset that asks what the trainset asks too; one that is the trainset itself was meant, and the note says what it means."""
    if splits.evalset != "val" or splits.held is not None or _same(splits.train, splits.val):
        return
    known = {asked(example) for example in splits.train}
    seen = sum(asked(example) in known for example in splits.val)
    if seen:
        warnings.warn(
            f"{seen} of the {counted(len(splits.val), 'example')} of the valset stand in the trainset too, so their scores are of examples "
            "that were learned from. Take them out of one of the two, or leave valset out: then part of the trainset is held out.",
            stacklevel=4,
        )


def asked(example: Example) -> str:
    """What tells an example from others: its inputs, or all its fields where it does not say which they are."""
    return canonical(jsonable(dict(example.inputs().items() if example.input_keys else example.items())))


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
