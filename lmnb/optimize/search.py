"""The pieces that searches are written with: sub-generators for `yield from`."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from lmnb.example import Example
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Dropped, Effect, Gate, Propose, Result, Rollout
from lmnb.optimize.task import Task

Search = Generator[list[Effect], list[Any], Any]


def gate(value: Any, slot: str | None = None) -> Generator[list[Effect], list[Any], Any]:
    """The value itself, another one in its place, or None where it is refused."""
    return (yield [Gate(value, slot)])[0]


def evaluate(candidate: Candidate, task: Task) -> Generator[list[Effect], list[Any], float | None]:
    """The candidate's mean score in per cent on the evaluation set; None where it was dropped, or nothing is evaluated."""
    if task.evalset is None:
        return None
    results = yield from rollouts(candidate, task.evalset, range(len(task.examples())))
    return None if results is None else 100 * math.fsum(result.value for result in results) / len(results)


def rollouts(
    candidate: Candidate, split: str, indices: Sequence[int], *, tracing: bool = False, focus: str | None = None
) -> Generator[list[Effect], list[Any], list[Result] | None]:
    """The results of the candidate on these examples of a split, in order; None where it was dropped. On the evaluation set they count
    for its score, once all examples are there.
    """
    results = yield [Rollout(candidate, index, split, tracing=tracing, focus=focus) for index in indices]
    return None if any(isinstance(result, Dropped) for result in results) else results


def propose(
    asked: str,
    inputs: Mapping[str, Any],
    *,
    rollout_id: int = 0,
    temperature: float | None = None,
    slot: str | None = None,
    writes: Mapping[str, str] | None = None,
) -> Generator[list[Effect], list[Any], dict[str, Any] | None]:
    """What the proposer `asked` writes for `inputs`, by output field; None where it failed or was dropped (see `Propose`)."""
    result = (yield [Propose(asked, inputs, rollout_id, temperature, slot, writes or {})])[0]
    return result.outputs if isinstance(result, Result) and result.error is None else None


def together(*searches: Search) -> Generator[list[Effect], list[Any], list[Any]]:
    """Run searches side by side as one stream of batches; gives what each returned, in order."""
    returned: dict[int, Any] = {}
    waiting: dict[int, list[Effect]] = {}
    for number, search in enumerate(searches):
        _advance(search, None, number, waiting, returned)
    while waiting:
        asked = dict(waiting)
        waiting.clear()
        results = yield [effect for batch in asked.values() for effect in batch]
        start = 0
        for number, batch in asked.items():
            _advance(searches[number], results[start : start + len(batch)], number, waiting, returned)
            start += len(batch)
    return [returned[number] for number in range(len(searches))]


def _advance(
    search: Search, results: list[Any] | None, number: int, waiting: dict[int, list[Effect]], returned: dict[int, Any]
) -> None:
    try:
        waiting[number] = next(search) if results is None else search.send(results)
    except StopIteration as end:
        returned[number] = end.value


def labelled(
    task: Task, k: int, *, sample: bool = True, base: Candidate | None = None
) -> Generator[list[Effect], list[Any], Candidate]:
    """The baseline (or `base`) with `k` training examples as demos for each predictor, drawn by one generator seeded with 0 (LabeledFewShot)."""
    rng = task.rng("labelled")
    base = base or task.baseline
    values = dict(base.values)
    for predictor in task.predictors:
        fitting = [
            demo.with_origin("labelled", source=index)
            for index, example in enumerate(task.trainset)
            if (demo := predictor.labelled(example)) is not None
        ]
        allowed = yield from allowed_demos(fitting, f"{predictor.path}.demos")
        first = without_twins(task.kept(predictor), [])[:k]
        rest = without_twins(allowed, first)
        drawn = rng.sample(rest, min(k - len(first), len(rest))) if sample else rest[: k - len(first)]
        values[f"{predictor.path}.demos"] = (*first, *drawn)
    size = max((len(value) for slot, value in values.items() if slot.endswith(".demos")), default=0)
    return Candidate(values, (base.id,), "labelled", f"{size} labelled demos")


def allowed_demos(demos: Sequence[Example], slot: str) -> Generator[list[Effect], list[Any], list[Example]]:
    """Those of `demos` that pass the gate."""
    if not demos:
        return []
    results = yield [Gate(demo, slot) for demo in demos]
    return [demo for demo in results if demo is not None]


def without_twins(demos: Sequence[Example], others: Sequence[Example]) -> list[Example]:
    """`demos` without those whose fields equal an earlier one's, or one of `others`."""
    seen, found = {demo.provenance.id for demo in others}, []
    for demo in demos:
        name = demo.provenance.id
        if name not in seen:
            seen.add(name)
            found.append(demo)
    return found


def passed(result: Any, threshold: float | None) -> bool:
    """Whether a rollout counts as a success: no error, and a score that is true, or reaches the threshold (0 is a threshold too)."""
    if not isinstance(result, Result) or result.error is not None:
        return False
    if result.score is None:
        return True
    return result.score >= threshold if threshold is not None else bool(result.score)
