"""What makes a candidate the result: the best mean score, the best worst group, or the cheapest of those as good as the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lmnb.errors import InputError
from lmnb.evaluate.statistics import variance
from lmnb.optimize.groups import Group, group_means

OBJECTIVES = ("mean", "worst group", "cheapest")


@dataclass(frozen=True)
class WorstGroup:
    """The objective "worst group" with groups of its own: classes, languages, lengths. `group` is a field's name or a function of an example, and
    leaves the split as it is, where `group=` of `start` keeps the examples of a group on one side of it.

    >>> import lmnb
    >>> data = [lmnb.Example(question=f"q{n}", answer="no" if n % 3 else "yes").with_inputs("question") for n in range(12)]
    >>> optimizer = lmnb.LabeledFewShot(k=2, metric=lambda example, made: example.answer == made.answer)
    >>> with lmnb.context(lm=lmnb.FakeLM(lambda messages: {"answer": "no"})):
    ...     run = optimizer.start(
    ...         lmnb.Predict("question -> answer"),
    ...         trainset=data[:6],
    ...         valset=data[6:],
    ...         objective=lmnb.WorstGroup("answer"),
    ...         run_dir=None,
    ...     )
    ...     _ = run.wait()
    >>> run.group_scores()
    {'yes': (0.0, 2), 'no': (100.0, 4)}
    """

    group: Group


def check_objective(objective: str, grouped: bool) -> None:
    """InputError for one that is not known, or has no groups to look at."""
    if objective not in OBJECTIVES:
        known = ", ".join(map(repr, OBJECTIVES))
        raise InputError(f"objective={objective!r} is not known; write one of {known}")
    if objective == "worst group" and not grouped:
        raise InputError(
            "objective='worst group' needs groups, and examples that are scored. Write objective=lmnb.WorstGroup('<field>'), or with a function of "
            "an example; group=... also keeps each group on one side of the split."
        )


def ranked(entries: Sequence[Any], objective: str, groups: Sequence[str]) -> list[Any]:
    """These fully scored entries, the best by the objective first; the earlier one on a tie.

    "mean": the best mean score. "worst group": the best mean of a group's examples in that group where it is lowest (Sagawa et al.
    2020, arXiv 1911.08731), then the best mean. "cheapest": of all that are not worse than the best mean by more than one standard
    error of the paired difference (the rule of Breiman et al. 1984), the one with the fewest calls, then the shortest prompt; those
    that are worse follow by their means.
    """
    found = sorted(entries, key=lambda entry: (-entry.total, entry.number))
    if objective == "worst group":
        return sorted(found, key=lambda entry: -worst(entry, groups))
    if objective == "cheapest" and found:
        best = found[0]
        return sorted(found, key=lambda entry: (0, *price(entry), entry.number) if _as_good(entry, best) else (1,))
    return found


def worst(entry: Any, groups: Sequence[str]) -> float:
    """The mean score in the group where it is lowest."""
    scores = {index: result.value for index, result in entry.results.items()}
    return min((mean for mean, _ in group_means(groups, scores).values()), default=0.0)


def price(entry: Any) -> tuple[float, int]:
    """What a run of the candidate costs, whatever a cache holds: calls on average, and the characters of its texts and demos."""
    calls = sum(result.usage.get("calls", 0) for result in entry.results.values()) / max(1, len(entry.results))
    return calls, characters(entry.candidate)


def characters(candidate: Any) -> int:
    """The length of a candidate's texts and demos: what its prompts differ by."""
    texts = sum(len(value) for value in candidate.values.values() if isinstance(value, str))
    return texts + sum(len(str(value)) for _, demo in candidate.demos() for value in dict(demo.items()).values())


def _as_good(entry: Any, best: Any) -> bool:
    differences = [best.results[i].value - entry.results[i].value for i in sorted(best.results)]
    error = math.sqrt(variance(differences) / len(differences))
    return math.fsum(differences) / len(differences) <= error + 1e-12
