"""What a run tells beside its candidates: where its prompt comes from, what each candidate changed, how it stands against another run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lmnb.canonical import canonical, jsonable
from lmnb.errors import InputError
from lmnb.optimize.checking import Checking
from lmnb.optimize.flips import Flips, flips
from lmnb.optimize.front import Front, front
from lmnb.optimize.groups import group_means
from lmnb.optimize.prompt_origins import PromptOrigins, origins
from lmnb.optimize.run_comparison import RunComparison, compared


class Looking(Checking):
    """A worker that tells of its search."""

    def provenance(self, candidate: Any = None) -> PromptOrigins:
        """Where each sentence and demo of the best candidate's prompt (or another's) comes from: the candidate that had it first, and whether
        it stood in the program, a person wrote it, a proposer, or which teacher and training example a demo was made with.
        """
        with self._driver.lock:
            best = self._archive.best()
            if candidate is None and best is None:
                raise InputError("no candidate is feasible; name the one whose prompt you mean")
            return origins(self._archive, self.header, self._entry(best if candidate is None else candidate))

    def flips(self, against: Any = None) -> Flips:
        """The fixed/broken matrix: examples × candidates, against the first candidate or another one."""
        with self._driver.lock:
            entry = self._archive.first(self.header.baseline) if against is None else self._entry(against)
            if entry is None:
                raise InputError("this run has no candidate yet")
            return flips(self._archive, self._examples(), entry)

    def front(self, by: str | None = None) -> Front:
        """Score against cost for one example: "calls", "tokens", "usd" or "seconds", or "characters" of the prompt; by default money or
        tokens where they are known, else characters. Tokens and money are those that were bought: what a cache answered cost nothing.
        Start with `objective="cheapest"` to have the cheapest of those as good as the best selected.
        """
        with self._driver.lock:
            return front(self._archive, self._standings, by)

    def spending(self) -> dict[str, Any]:
        """Where the budget went, by kind ("calls", "tokens", "usd", "seconds"): `spent` and `limits` of the whole, what `proposals` took, and for
        each of the `candidates`, in order of creation, what scoring it took; bootstraps and the like are the rest. Seconds of single
        rollouts overlap, so theirs are those of the work, not of the clock.
        """
        with self._driver.lock:
            proposals = [result for _, result in self._archive.proposals]
            return {
                "spent": {**self._budget.spent, "seconds": self._clock.seconds},
                "limits": dict(self.limits),
                "proposals": _summed(proposals),
                "candidates": [
                    {
                        "number": row.number,
                        "label": row.label,
                        "status": row.status,
                        "score": row.score,
                        "human": row.human,
                    }
                    | _summed(list(self._entry(row.id).results.values()))
                    for row in self._standings.all()
                ],
            }

    def compare(self, other: Any) -> RunComparison:
        """This run against another one, say an earlier: the two results paired on the examples that both were scored on, what each cost, the
        decisions that only one has, and how the prompts differ. Reopen a stored run first: `run.compare(lmnb.reopen(path))`.
        """
        if not isinstance(other, Looking):
            raise InputError(f"a run is compared with a run, not with {other!r}. Write run.compare(lmnb.reopen(path)).")
        return compared(self, other)

    def group_scores(self, candidate: Any = None) -> dict[str, tuple[float, int]]:
        """The score of each group of examples in per cent and their number, for the best candidate or another; of a run started with `group=`."""
        entry = self._entry(self._archive.best() if candidate is None else candidate)
        scores = {index: 100 * result.value for index, result in entry.results.items()}
        return group_means(self.header.splits.groups, scores)

    def summary(self) -> dict[str, Any]:
        """The run as a row of `lmnb.runs()`: `best` is the score of the best candidate, `expected` its shrunken estimate, `check` its
        score on held-out examples, all in per cent; `usd` and `seconds` are what the search took.
        """
        best = self._archive.best()
        entry = None if best is None else self._archive.entries[best.id]
        standing = None if entry is None else self._standings.of(entry)
        checks = [check.score for check in self.checks if best is not None and check.candidate == best.id]
        spent = self._budget.spent
        return {
            "name": self.name,
            "optimizer": self.header.optimizer_name,
            "program": self.header.program_name,
            "state": self.state,
            "candidates": len(self._archive.entries),
            "best": None if standing is None else standing.score,
            "expected": None if standing is None else standing.expected,
            "check": checks[-1] if checks else None,
            "decisions": len(self._archive.state.decisions),
            "calls": int(spent["calls"]),
            "tokens": int(spent["tokens"]),
            "usd": spent["usd"],
            "seconds": round(self._clock.seconds, 1),
            "seed": self.header.seed,
            "created": self.header.created,
        }

    def scores_by_example(self, candidate: Any) -> dict[str, float]:
        """A candidate's scores by the content of the examples, to compare it across runs."""
        examples, results = self._examples(), self._entry(candidate).results
        return {canonical(jsonable(dict(examples[index].items()))): results[index].value for index in sorted(results)}

    def _examples(self) -> Any:
        return self.header.splits[self.header.evalset] if self.header.evalset else ()


def _summed(results: Sequence[Any]) -> dict[str, float]:
    used = {
        kind: math.fsum(result.usage.get(kind, 0) or 0 for result in results) for kind in ("calls", "tokens", "usd")
    }
    return {**used, "seconds": math.fsum(result.seconds or 0 for result in results)}
