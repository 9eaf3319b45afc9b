"""A step of BetterTogether: an optimizer's search inside another one's, which sees its own candidates only, and the training examples
in an order of its own. What it asks for is asked in the terms of the whole run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lmnb.example import Example
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Effect, Gate, Propose, Rollout, Train
from lmnb.optimize.objective import ranked
from lmnb.optimize.search import Search
from lmnb.optimize.task import Predictor, Task

Order = Sequence[int]  # the training example that stands at each place of a step's own order


class StepArchive(Archive):
    """The archive of the run as far as it concerns a step: where it starts, what was made since, and what a person made. `runs` counts
    from here.
    """

    def __init__(self, whole: Archive, start: Candidate, places: Order) -> None:
        self._whole = whole
        self._start = start.id
        self._places = places
        self._before = len(whole.entries)
        self._runs_before = whole.runs
        self._seen: dict[str, Entry] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @property
    def runs(self) -> int:
        return self._whole.runs - self._runs_before

    @property
    def entries(self) -> dict[str, Entry]:
        return {name: self._own(entry) for name, entry in self._whole.entries.items() if self._concerns(entry)}

    def made(self) -> list[Candidate]:
        """What this step proposed that is still allowed: the best by the objective, where they are scored, else all, the newest first."""
        entries = [
            entry
            for entry in self._whole.feasible()
            if entry.number >= self._before and entry.candidate.id != self._start and entry.candidate.origin != "human"
        ]
        scored = [entry for entry in entries if self._whole.complete(entry.candidate.id)]
        if self._whole.size:
            return [entry.candidate for entry in ranked(scored, self._whole.objective, self._whole.groups)][:1]
        return [each.candidate for each in reversed(entries)]

    def _concerns(self, entry: Entry) -> bool:
        candidate = entry.candidate
        return entry.number >= self._before or candidate.id == self._start or candidate.origin == "human"

    def _own(self, entry: Entry) -> Entry:
        """The entry with its demos' sources in the step's order; its results are those of the run."""
        name = entry.candidate.id
        if name not in self._seen:
            self._seen[name] = replace(entry, candidate=moved(entry.candidate, self._places))
        known = self._seen[name]
        known._total = None
        return known


class StepTask(Task):
    """A run's task as a step sees it."""

    archive: StepArchive

    def kept(self, predictor: Predictor) -> list[Example]:
        places = getattr(self.archive, "_places", ())
        return [_moved_demo(demo, places) for demo in super().kept(predictor)]


def step_task(task: Task, start: Candidate, order: Order, seed: int) -> StepTask:
    """The task of a step that begins with `start`."""
    places = inverse(order)
    given = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    return StepTask(
        **{
            **given,
            "baseline": moved(start, places),
            "trainset": [task.trainset[at] for at in order],
            "teacher": None if task.teacher is None else moved(task.teacher, places),
            "more_teachers": tuple(moved(each, places) for each in task.more_teachers),
            "seed": seed,
            "archive": StepArchive(task.archive, start, places),
        }
    )


def within(search: Search, name: str, order: Order) -> Search:
    """The step's search in terms of the run; its proposers are called `<name>/<proposer>`."""
    places, results = inverse(order), None
    while True:
        try:
            batch = next(search) if results is None else search.send(results)
        except StopIteration as end:
            return end.value
        given = yield [_outward(effect, name, order) for effect in batch]
        results = [
            _moved(result, places)
            if isinstance(effect, Gate)
            else [_moved(each, places) for each in result]
            if isinstance(result, list)
            else result
            for effect, result in zip(batch, given, strict=True)
        ]


def _outward(effect: Effect, name: str, order: Order) -> Effect:
    if isinstance(effect, Rollout):
        index = order[effect.index] if effect.split == "train" else effect.index
        return replace(effect, candidate=moved(effect.candidate, order), index=index)
    if isinstance(effect, Propose):
        return replace(effect, asked=f"{name}/{effect.asked}")
    if isinstance(effect, Train):
        rows = tuple({**row, "sources": [order[at] for at in row["sources"]]} for row in effect.rows)
        return replace(effect, candidate=moved(effect.candidate, order), rows=rows)
    return replace(effect, value=_moved(effect.value, order)) if isinstance(effect, Gate) else effect


def inverse(order: Order) -> list[int]:
    """Where each training example stands in an order."""
    places = [0] * len(order)
    for place, at in enumerate(order):
        places[at] = place
    return places


def moved(candidate: Candidate, order: Order) -> Candidate:
    """The candidate with its demos' sources taken through an order; it stays the same candidate."""
    values: Mapping[str, Any] = {
        slot: tuple(_moved_demo(demo, order) for demo in value) if slot.endswith(".demos") else value
        for slot, value in candidate.values.items()
    }
    return replace(candidate, values=values)


def _moved(value: Any, order: Order) -> Any:
    if isinstance(value, Candidate):
        return moved(value, order)
    return _moved_demo(value, order) if isinstance(value, Example) else value


def _moved_demo(demo: Example, order: Order) -> Example:
    source = demo.provenance.source
    if not isinstance(source, int) or not 0 <= source < len(order):
        return demo
    return demo.with_origin(demo.provenance.origin, source=order[source])
