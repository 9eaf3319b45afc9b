"""The trials of MIPROv2: combinations of choices, scored on minibatches, the best of them in full."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from statistics import fmean
from typing import Any

from lmnb.optimize.candidate import Candidate
from lmnb.optimize.choices import Choices
from lmnb.optimize.effects import Effect, Inbox, Report
from lmnb.optimize.search import Search, evaluate, gate, rollouts
from lmnb.optimize.task import Predictor, Task
from lmnb.optimize.tpe import Choice, Observation, free, suggest

RANDOM, MOST_RANDOM = 0.2, 10  # the share of trials that are drawn at random to begin with, and how many at most
PRIOR = 10  # examples at the mean of all that every combination is taken to have been scored on
Proposal = Callable[[Predictor, int], Generator[list[Effect], list[Any], str | None]]


def observations(values: Mapping[Choice, Sequence[float]]) -> list[Observation]:
    """What is to be expected of each combination, from its scores: few are drawn towards the mean of all, and weigh less than many."""
    centre = sum(map(sum, values.values())) / max(1, sum(map(len, values.values())))
    return [
        Observation(combination, (sum(each) + PRIOR * centre) / (len(each) + PRIOR), len(each))
        for combination, each in values.items()
    ]


class Trials:
    """`count` trials on `batch` examples each; every `steps` of them, and at the end, the best mean is scored on all.

    `proposal` writes instruction `number` for a predictor: one more is asked for where the person rejected one.
    """

    def __init__(self, task: Task, choices: Choices, count: int, batch: int, steps: int, proposal: Proposal) -> None:
        self.task = task
        self.choices = choices
        self.count = count
        self.size = len(task.examples())
        self.batch = min(batch, self.size)
        self.steps = steps
        self.proposal = proposal
        self._tried: dict[Choice, Candidate] = {}
        self._refused: set[Choice] = set()
        self._queue: list[Choice] = []
        self._answered: set[tuple[str, str]] = set()
        self._drawn = {"random": 0, "tpe": 0, "yours": 0}
        self._rng = task.rng("trials")

    def search(self, baseline: Candidate | None) -> Search:
        if baseline is not None:
            self._tried[self.choices.combination(baseline)] = baseline
        number = 0
        while number < self.count:
            yield from self._listen()
            combination, chosen_by = self._choose()
            if combination is None:
                yield [Report("every combination has been tried")]
                break
            candidate = yield from self._gated(combination, number + 1)
            if candidate is None:
                continue
            number += 1
            self._drawn[chosen_by] += 1
            yield from self._score(candidate, number, chosen_by)
            if self.batch < self.size and number % self.steps == 0:
                yield from self._evaluate_best()
        if self.batch < self.size and number % self.steps:
            yield from self._evaluate_best()
        yield [
            Report(
                f"of {number} trials the estimator chose {self._drawn['tpe']}, {self._drawn['random']} were random, "
                f"{self._drawn['yours']} tried what you added",
                {"trials": number, **self._drawn},
            )
        ]

    def _listen(self) -> Generator[list[Effect], list[Any], None]:
        """Take up what the person made and rejected since the last trial."""
        [arrived] = yield [Inbox()]
        for candidate in arrived:
            combination, new = self.choices.brought(candidate)
            self._tried[combination] = candidate  # the driver scores it
            best = self._best()
            if best is not None:  # what is new is tried with the best of the others too
                self._queue += [(*best[:j], combination[j], *best[j + 1 :]) for j in new]
        state = self.task.archive.state
        for predictor in self.task.predictors:
            slot = f"{predictor.path}.instructions"
            for tabu in state.tabu.get(slot, ()):
                if (slot, tabu.text) not in self._answered and slot not in state.pins:
                    self._answered.add((slot, tabu.text))
                    # numbers that no other proposal has
                    text = yield from self.proposal(predictor, 1000 + len(self._answered))
                    if text is not None:
                        self.choices.add(slot, text)

    def _choose(self) -> tuple[Choice | None, str]:
        """The next combination and who chose it: the person's additions first, then a few at random, then the estimator."""
        taken = self._tried.keys() | self._refused
        options = self.choices.open()
        while self._queue:
            combination = self._queue.pop(0)
            if combination not in taken and all(n in open_ for n, open_ in zip(combination, options, strict=True)):
                return combination, "yours"
        if self._drawn["random"] < min(MOST_RANDOM, int(RANDOM * self.count)):
            return free(options, self._rng, taken), "random"
        return suggest(observations(self._values()), options, self._rng, taken=taken), "tpe"

    def _gated(self, combination: Choice, number: int) -> Generator[list[Effect], list[Any], Candidate | None]:
        """The combination's candidate, as it passed the gate; None where it was refused, or is one that was tried."""
        best = self._best()
        parents = [self._tried[best]] if best is not None else []
        changed = (f"{slot} {n}" for slot, n in zip(self.choices.slots, combination, strict=True) if n)
        label = f"trial {number}: {', '.join(changed) or 'as it was'}"
        proposed = self.choices.candidate(combination, *parents, label=label)
        candidate = yield from gate(proposed)
        if candidate is None:
            self._refused.add(combination)
            return None
        actual = self.choices.combination(candidate)
        if actual != combination:  # the gate put something else in its place
            self._refused.add(combination)
            if actual in self._tried:
                return None
        self._tried[actual] = candidate
        return candidate

    def _score(self, candidate: Candidate, number: int, chosen_by: str) -> Generator[list[Effect], list[Any], None]:
        indices = sorted(self.task.rng("minibatch", number).sample(range(self.size), self.batch))
        results = yield from rollouts(candidate, self.task.evalset or "val", indices)
        if results is None:
            return
        score = 100 * sum(result.value for result in results) / len(results)
        combination = dict(zip(self.choices.slots, self.choices.combination(candidate), strict=True))
        about: dict[str, Any] = {
            "trial": number,
            "candidate": candidate.id,
            "chosen_by": chosen_by,
            "mb_score": score,
            "examples": len(results),
            "total_eval_calls_so_far": sum(len(entry.results) for entry in self.task.archive.entries.values()),
        }
        for i, predictor in enumerate(self.task.predictors):
            about[f"{i}_predictor_instruction"] = combination[f"{predictor.path}.instructions"]
            about[f"{i}_predictor_demos"] = combination[f"{predictor.path}.demos"]
        yield [Report(f"trial {number} ({chosen_by}): {score:.1f} on {len(results)} of {self.size} examples", about)]

    def _evaluate_best(self) -> Generator[list[Effect], list[Any], None]:
        """Score the best mean in full that is not yet; where there is none, nothing."""
        means = {
            combination: fmean(values) for combination, values in self._values().items() if len(values) < self.size
        }
        if means:
            best = max(means, key=lambda combination: means[combination])  # the earliest of equals
            yield from evaluate(self._tried[best], self.task)

    def _values(self) -> dict[Choice, list[float]]:
        """The scores of what was tried and is allowed."""
        archive = self.task.archive
        found: dict[Choice, list[float]] = {}
        for combination, candidate in self._tried.items():
            results = archive.entries[candidate.id].results
            if results and archive.dropped(candidate) is None:
                found[combination] = [results[index].value for index in sorted(results)]
        return found

    def _best(self) -> Choice | None:
        return max(observations(self._values()), key=lambda each: each.score).choice if self._values() else None
