"""What a GEPA run found, in the form that users of the field know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lmnb.optimize.pareto import Pool


@dataclass(frozen=True)
class GEPAResult:
    """The pool of a finished run, in order of creation; numbers below are places in `candidates`. What was rejected is not in it.

    `candidates` are programs, `parents` the places of each one's parents (None for one that is not in the pool), `val_subscores` the scores
    by validation example and `val_aggregate_scores` their means; `per_val_instance_best_candidates` are the fronts. `total_metric_calls` counts every
    program run of the search, `num_full_val_evals` the candidates that were scored on the whole validation set. `best_idx` is the best by
    the run's objective, the earlier one on a tie; None while none is in the pool, as where the budget ended before the first was scored.
    """

    candidates: list[Any]
    parents: list[list[int | None]]
    val_aggregate_scores: list[float]
    val_subscores: list[list[float]]
    per_val_instance_best_candidates: list[set[int]]
    total_metric_calls: int
    num_full_val_evals: int
    best_outputs_valset: list[list[tuple[int, Any]]]
    log_dir: str | None
    seed: int
    best_idx: int | None

    @classmethod
    def of(cls, run: Any) -> GEPAResult:
        """The result of a run of GEPA as it stands."""
        archive = run._archive
        rows = archive.scored()
        places = {row.candidate.id: place for place, row in enumerate(rows)}
        scored = [[row.results[index] for index in range(archive.size)] for row in rows]
        pool = Pool.of(archive)
        fronts = [set(front) for front in pool.fronts()]
        return cls(
            candidates=[run.program(row.candidate.id) for row in rows],
            parents=[[places.get(name) for name in row.candidate.parents] or [None] for row in rows],
            val_aggregate_scores=[pool.mean(place) for place in range(len(rows))],
            val_subscores=[list(each) for each in pool.scores],
            per_val_instance_best_candidates=fronts,
            total_metric_calls=archive.runs,
            num_full_val_evals=len(rows),
            best_outputs_valset=[
                [(place, scored[place][index].outputs) for place in sorted(front)] for index, front in enumerate(fronts)
            ],
            log_dir=None if run.path is None else str(run.path),
            seed=run.header.seed,
            best_idx=pool.best() if rows else None,
        )

    @property
    def best_candidate(self) -> Any:
        return None if self.best_idx is None else self.candidates[self.best_idx]

    @property
    def highest_score_achieved_per_val_task(self) -> list[float]:
        return [max(column) for column in zip(*self.val_subscores, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the candidates as the values of their slots."""
        fields = (
            "parents",
            "val_aggregate_scores",
            "val_subscores",
            "total_metric_calls",
            "num_full_val_evals",
            "seed",
        )
        return {
            "candidates": [program.dump_state() for program in self.candidates],
            **{name: getattr(self, name) for name in fields},
            "per_val_instance_best_candidates": [sorted(front) for front in self.per_val_instance_best_candidates],
            "best_idx": self.best_idx,
            "log_dir": self.log_dir,
        }
