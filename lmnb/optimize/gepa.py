"""GEPA: texts improved by reflection on feedback, parents chosen from a Pareto front (Agrawal et al. 2025, arXiv 2507.19457)."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any

from lmnb.errors import InputError
from lmnb.optimize import merging
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Report, Result
from lmnb.optimize.gepa_options import IDLE, GEPAOptions
from lmnb.optimize.gepa_result import GEPAResult
from lmnb.optimize.pareto import Pool
from lmnb.optimize.reflective import Ascent, Step
from lmnb.optimize.search import Search, evaluate, gate, rollouts
from lmnb.optimize.task import Task


class GEPA(GEPAOptions):
    """Improves every text of a program: its instructions, what its tools say, and with `max_demos` its demos too.

    In each iteration a parent is drawn from the pool, by the examples of the validation set on which it is among the best ("pareto"), or it
    is the best by the run's objective ("current_best"). It runs on a minibatch of training examples; the `reflection_lm` reads what one component did
    there and what the metric said of it (`Score(value, feedback="...")`), and writes a new text. A child that does better on the same
    examples is scored on the whole validation set and joins the pool. With `use_merge` what two children changed apart is tried in one
    program, `max_merge_invocations` times at most. Where nothing scores yet (0 on the whole validation set), a child that scores 0 too takes
    its parent's place in the next reflections, so that the search moves until something scores.

    The budget is exactly one of `auto` ("light", "medium", "heavy"), `max_full_evals` and `max_metric_calls`; program runs never exceed it,
    and each is one call of the metric, whose feedback comes with its score. What you inject or edit is scored in any case: its runs are
    taken from what the search has left, and what is no longer left comes on top. A metric of five parameters,
    `metric(gold, pred, trace, pred_name, pred_trace)`, is told the predictor that is being worked on; where `component_selector` may choose
    several, the parent runs on its minibatch once more for each predictor that was chosen, so that the metric speaks of each.

    - `component_selector`: "round_robin", "all", or a function `(state, trajectories, subsample_scores, candidate_idx, candidate)` that gives
      names of components; it must be deterministic.
    - `instruction_proposer`: a program or function of your own in place of the built-in one,
      `(candidate, reflective_dataset, components_to_update)`, which gives a dict of new texts.
    - `max_demos` above 0: demos are components too; a mutation takes steps that went well and labelled examples of what went wrong, and is
      compared on a minibatch that none of its demos is from.
    - `add_format_failure_as_feedback`: a reply that could not be read is always shown as it came; with this, also what was wrong with it.
    - `failure_score` and `perfect_score`: of a failed rollout in a minibatch, and of one that leaves nothing to improve (`skip_perfect_score`).
    - `seed` counts beside the run's. `track_stats`, `track_best_outputs` and `warn_on_score_mismatch` are accepted and not needed.

    Where proposals fail or repeat, and so run nothing, the search ends before its budget: after ten iterations in a row, or after 2 for each
    minibatch that the budget has room for.

    The compiled program has `detailed_results` (a `GEPAResult`). InputError for arguments that do not fit, and for a budget without room
    for a proposal.

    >>> import lmnb
    >>> def metric(example, prediction, trace=None):
    ...     right = prediction.answer == example.answer
    ...     return lmnb.Score(right, feedback="" if right else f"The answer is {example.answer}.")
    >>> def reply(messages, **_):
    ...     if "proposed_instruction" in messages[0]["content"]:
    ...         return {"proposed_instruction": "Answer yes."}
    ...     return {"answer": "yes" if "Answer yes." in messages[0]["content"] else "no"}
    >>> data = [lmnb.Example(question=f"Is {n} a number?", answer="yes").with_inputs("question") for n in range(9)]
    >>> with lmnb.context(lm=lmnb.FakeLM(reply)):
    ...     tuned = lmnb.GEPA(metric, max_metric_calls=20).compile(lmnb.Predict("question -> answer"), trainset=data, run_dir=None)
    >>> tuned.instructions, tuned.detailed_results.val_aggregate_scores
    ('Answer yes.', [0.0, 1.0])
    """

    def attributes(self, run: Any) -> dict[str, Any]:
        return {**super().attributes(run), "detailed_results": GEPAResult.of(run)}

    def search(self, task: Task) -> Search:
        if task.teacher is not None:
            raise InputError("GEPA has no teacher: leave teacher=... out, or give its LM as reflection_lm.")
        limit = self.limit(task)
        b, V = min(self.reflection_minibatch_size, len(task.trainset)), len(task.examples())
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        ascent = Ascent(self, task)
        idle = merges_due = merges = 0
        improved = False
        most = self.most_iterations(b, V, limit)
        while idle < IDLE and ascent.iteration < most and self.has_room(task, self.step_size(task)):
            pool, before = Pool.of(task.archive), task.archive.runs
            if not pool.candidates:
                yield [Report("every candidate was rejected: there is nothing to start from")]
                return
            ascent.iteration += 1
            accepted = None
            if improved and merges_due and self._merging(merges):
                accepted = yield from self.merge(ascent, pool)
                merges_due, merges = merges_due - bool(accepted), merges + bool(accepted)
            improved = False
            if accepted is None:
                improved = yield from self.reflect(ascent, pool, b)
                merges_due += improved and self._merging(merges)
            idle = idle + 1 if task.archive.runs == before else 0
        if idle >= IDLE:
            yield [Report(f"the last {IDLE} iterations found nothing new to run, so the search ends before its budget")]

    def reflect(self, ascent: Ascent, pool: Pool, b: int) -> Generator[list[Any], list[Any], bool]:
        """A child of one parent by reflection on a minibatch; whether it was admitted to the pool."""
        task = ascent.task
        number = pool.best() if self.candidate_selection_strategy != "pareto" else pool.drawn(ascent.rng("parent"))
        parent = ascent.stand_in(pool.candidates[number])
        if not self.components(parent, task):  # all are pinned
            return False
        batch = ascent.minibatches.next(b, ascent.sources(parent))
        focus = ascent.focus(parent)
        results = yield from rollouts(parent, "train", batch, focus=focus)
        if results is None or (self.skip_perfect_score and self._perfect(results)):
            return False
        step = Step(parent, batch, results, focus)
        step = yield from ascent.told(step.on(ascent.chosen(step, pool, number)))
        proposed = None if step is None else (yield from ascent.proposed(step))
        if step is None or proposed is None or proposed.id == parent.id or task.archive.complete(proposed.id):
            return False  # what was proposed before and did not make it has another chance on this minibatch
        child = yield from gate(proposed)
        apart = any(slot.endswith(".demos") for slot in step.components)
        V = len(task.examples())
        if child is None or child.id == parent.id or not self.has_room(task, (1 + apart) * b + V):
            return False
        if apart:  # its demos are of that minibatch: compare on another
            batch = ascent.minibatches.next(b, ascent.sources(child))
            results = yield from rollouts(parent, "train", batch, focus=focus)
        after = None if results is None else (yield from rollouts(child, "train", batch, focus=focus))
        if results is None or after is None:
            return False
        old, new = self.total(results), self.total(after)
        ascent.note(step, child, old, new)
        if new <= old:
            if old == new == 0 and pool.mean(number) == 0:
                ascent.step_aside(pool.candidates[number], child)
            yield [
                Report(f"{child.label}: {new:g} on {len(batch)} training examples, its parent {old:g}; not taken on")
            ]
            return False
        return self.has_room(task, V) and (yield from _admitted(child, task)) is not None

    def merge(self, ascent: Ascent, pool: Pool) -> Generator[list[Any], list[Any], bool | None]:
        """A child of two parents; whether it was admitted to the pool, None where there was nothing to try."""
        task, rng = ascent.task, ascent.rng("merge")
        found_pairs = merging.pairs(pool, task)
        while found_pairs:
            pair = merging.drawn(found_pairs, pool, rng)
            found_pairs.remove(pair)
            proposed = merging.merged(pair, pool, rng)
            if proposed.id in task.archive.entries:
                continue
            child = yield from gate(proposed)
            if child is None or not self.has_room(task, len(task.examples())):
                continue
            indices = merging.subsample(pair, pool, rng)
            results = yield from rollouts(child, task.evalset or "val", indices)
            if results is None:
                return False
            best = max(math.fsum(pool.scores[each][i] for i in indices) for each in (pair.first, pair.second))
            good = math.fsum(result.value for result in results) >= best
            admitted = (
                good
                and self.has_room(task, len(task.examples()) - len(indices))
                and (yield from _admitted(child, task)) is not None
            )
            ascent.inherit(child)
            return admitted
        return None

    def _merging(self, merges: int) -> bool:
        """Whether another merge may be taken on."""
        return self.use_merge and (self.max_merge_invocations is None or merges < self.max_merge_invocations)

    def total(self, results: Sequence[Result]) -> float:
        """The sum of a minibatch's scores."""
        return math.fsum(self.failure_score if result.score is None else result.score for result in results)

    def _perfect(self, results: Sequence[Result]) -> bool:
        return all(result.score is not None and result.score >= self.perfect_score for result in results)


def _admitted(child: Candidate, task: Task) -> Generator[list[Any], list[Any], float | None]:
    """The second gate, then the whole evaluation set: a scored candidate is in the pool."""
    child_now = yield from gate(child)
    return None if child_now is None else (yield from evaluate(child_now, task))
