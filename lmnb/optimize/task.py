"""What a search knows of its task: plain values, so that a stored run can be searched again without its code."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.canonical import content_hash
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate, demo_from_dict, demo_to_dict

if TYPE_CHECKING:
    from lmnb.optimize.archive import Archive


@dataclass(frozen=True)
class Predictor:
    """A predictor of the program: its path and field names."""

    path: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lm: int = 0  # predictors with the same number ask the same LM; 0: the one that is configured

    def labelled(self, example: Example) -> Example | None:
        """`example` as a demo of this predictor, or None where it holds none of its outputs or none of its inputs."""
        names = [name for name in (*self.inputs, *self.outputs) if name in example]
        if not set(names) & set(self.inputs) or not set(names) & set(self.outputs):
            return None
        return Example({name: example[name] for name in names})


def shape_of(program: Any) -> dict[str, Any]:
    """The part of a program that a search works on, as JSON: per predictor its fields, instructions, demos and their policy."""
    lms: dict[int, int] = {}
    return {
        path: {
            **({} if predictor.lm is None else {"lm": lms.setdefault(id(predictor.lm), len(lms) + 1)}),
            "inputs": list(predictor.signature.input_fields),
            "outputs": list(predictor.signature.output_fields),
            "instructions": predictor.instructions,
            "demos": [demo_to_dict(demo) for demo in predictor.demos],
            **({} if predictor.demo_policy is None else {"demo_policy": predictor.demo_policy.dump_state()}),
        }
        for path, predictor in program.named_predictors()
    }


def baseline_of(shape: Mapping[str, Any], texts: Mapping[str, str], label: str = "baseline") -> Candidate:
    """The candidate that a program is as it stands; `texts` are its descriptions of outputs and tools by slot."""
    values: dict[str, Any] = {}
    for path, part in shape.items():
        values[f"{path}.instructions"] = part["instructions"]
        values[f"{path}.demos"] = tuple(demo_from_dict(demo) for demo in part["demos"])
        if "demo_policy" in part:
            values[f"{path}.demo_policy"] = part["demo_policy"]
    return Candidate({**values, **texts}, label=label)


@dataclass(frozen=True)
class Task:
    """`evalset` is the split that candidates are scored on: "val", "train", or None where nothing is. `source` is the program as text."""

    baseline: Candidate
    predictors: tuple[Predictor, ...]
    trainset: Sequence[Example]
    valset: Sequence[Example]
    evalset: str | None
    seed: int
    teacher: Candidate | None  # None: the student teaches itself
    teacher_compiled: bool
    archive: Archive
    source: str = ""
    more_teachers: tuple[Candidate, ...] = ()  # of the roles "teacher 2", "teacher 3", ...

    def rng(self, *name: Any) -> random.Random:
        """A random generator of its own for each name, the same in every run with this seed."""
        return random.Random(int(content_hash([self.seed, *name], 16), 16))

    def examples(self) -> Sequence[Example]:
        """The examples that candidates are scored on."""
        return {"val": self.valset, "train": self.trainset, None: ()}[self.evalset]

    def kept(self, predictor: Predictor) -> list[Example]:
        """Demos of this predictor that the person has kept; they go first wherever labelled demos are drawn."""
        fitting = [predictor.labelled(demo) for demo in self.archive.state.kept.values()]
        return [demo.with_origin("labelled", source=demo.provenance.source) for demo in fitting if demo is not None]

    def shown(self) -> list[Example]:
        """The training examples that a proposer may be shown: all but those that the person rejected as a demo."""

        def refused(predictor: Predictor, example: Example) -> bool:
            demo = predictor.labelled(example)
            return demo is not None and self.archive.demo_refused(f"{predictor.path}.demos", demo) is not None

        if not self.archive.state.refused_demos:
            return list(self.trainset)
        return [each for each in self.trainset if not any(refused(predictor, each) for predictor in self.predictors)]

    def feasible(self) -> list[Candidate]:
        """The candidates that are still allowed, in order of creation."""
        return [entry.candidate for entry in self.archive.feasible()]

    def leader(self) -> Candidate | None:
        """The best of the allowed candidates that are fully scored; the earliest on a tie."""
        entry = self.archive.leader()
        return None if entry is None else entry.candidate

    def scores(self, candidate: Candidate) -> Mapping[int, float]:
        """Its score on each example of the evaluation set that it was asked, from 0 to 1 for most metrics."""
        return {index: result.value for index, result in self.archive.entries[candidate.id].results.items()}

    def rejected(self, slot: str) -> list[dict[str, str]]:
        """The texts that the person rejected in a slot, by rejecting the candidate that brought them: `text` and `reason`, in order of the
        decisions. Tell your proposer of them.
        """
        return [each.told() for each in self.archive.state.tabu.get(slot, ())]

    def refuses(self, slot: str, text: str) -> bool:
        """Whether the gate would refuse a candidate with this text in that slot: it was rejected, or lacks what is locked."""
        return self.archive.text_refused(slot, text)

    def score(self, candidate: Candidate) -> float | None:
        """The mean score on the evaluation set in per cent, or None where it is not fully scored."""
        return self.archive.score(candidate.id)
