"""Suspect labels: examples that every good candidate gets wrong, and all with the same answer.

Candidates that are right elsewhere and agree with each other against a label say that it may be the label that is wrong
(in the spirit of confident learning: Northcutt et al. 2021, arXiv 1911.00068). It may also be a hard
example, or a metric that is too strict: a person looks, nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.evaluate.suspects import RIGHT, compared, normal
from lmnb.example import Example
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.view import text_of

FEWEST = 2  # one candidate agrees with nobody


@dataclass(frozen=True)
class Suspect:
    """A row of the evaluation set: its example, what it says (`label`), what the `candidates` (their numbers) answer."""

    index: int
    example: Example
    label: dict[str, Any]
    answer: dict[str, Any]
    candidates: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, values as texts."""
        parts = {"inputs": self.example.inputs(), "label": self.label, "answer": self.answer}
        shown = {part: {name: text_of(value) for name, value in dict(fields).items()} for part, fields in parts.items()}
        return {"index": self.index, **shown, "candidates": list(self.candidates)}


def good_entries(archive: Archive, margin: float) -> list[Entry]:
    """The feasible candidates scored on every example, right on half or more, and within `margin` points of the best, or
    one example where that is more.
    """
    scores = {
        name: score
        for name, entry in archive.entries.items()
        if archive.dropped(entry.candidate) is None and (score := archive.score(name)) is not None
    }
    if not scores:
        return []
    least = max(100 * RIGHT, max(scores.values()) - max(margin, 100 / archive.size))
    return [archive.entries[name] for name, score in scores.items() if score >= least - 1e-9]


def suspects(archive: Archive, dataset: Sequence[Example], margin: float) -> list[Suspect]:
    """The suspect rows in the order of the evaluation set."""
    good = good_entries(archive, margin)
    if len(good) < FEWEST:
        return []
    found = []
    for index, example in enumerate(dataset):
        results = [entry.results[index] for entry in good]
        if any(result.score is None or result.outputs is None or result.score >= RIGHT for result in results):
            continue
        label = dict(example.labels().items())
        answers = [compared(label, result.outputs or {}) for result in results]
        if len({normal(answer) for answer in answers}) == 1:
            found.append(Suspect(index, example, label, answers[0], tuple(entry.number for entry in good)))
    return found
