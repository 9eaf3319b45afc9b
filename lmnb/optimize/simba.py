"""SIMBA: stochastic introspective mini-batch ascent, which learns from examples where rollouts of one program went differently."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from lmnb.counts import whole_number
from lmnb.example import Example
from lmnb.modules.predict import Predict
from lmnb.optimize.buckets import Bucket, ranked
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts
from lmnb.optimize.effects import Effect, Inbox, Report, Result, Rollout
from lmnb.optimize.interval import Interval
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.pool import Pool
from lmnb.optimize.rules import WriteRule, fields_text, rejected_rules, run_text, with_rule
from lmnb.optimize.search import Search, evaluate, gate, propose, together, without_twins
from lmnb.optimize.task import Task

Making = Generator[list[Effect], list[Any], Candidate | None]
SAMPLING = 1.0  # the temperature of trajectories


class SIMBA(Optimizer):
    """Runs good programs several times over a batch of training examples. Where the rollouts of an example differ most, a candidate gets the
    best one as a demo (`append_demo`), or a rule that tells it from the worst (`append_rule`); the best candidate of the batch is the step's winner.

    A step draws `num_candidates` trajectories for each of `bsize` examples, the first by the teacher, at temperature 1, from programs by the
    softmax of their scores over `temperature_for_sampling`; `num_candidates` + 1 children of programs drawn at `temperature_for_candidates` are
    scored on the same batch, each example without the demos made of it. Scores may be on any scale. A predictor has at most `max_demos`
    demos, whose long texts are cut at `demo_input_field_maxlen` characters, and 8 rules. Rules are written by `prompt_model` (by default the LM in
    force); `teacher_settings` hold while the teacher runs. The program and evenly spaced winners, `num_candidates` + 1 in all at
    most, are scored on the validation set as they are found; without a `valset` a third of the training set is held out for it.

    Budget in program runs: `max_steps` × `bsize` × (2 × `num_candidates` + 1) + (`num_candidates` + 1) × validation examples; rules: seldom more
    than `max_steps` × (`num_candidates` + 1) calls, never more than `max_steps` × `bsize`. The algorithm is that of
    https://dspy.ai/api/optimizers/SIMBA; it has no paper.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(lambda messages: {"answer": "4" if "demo" in messages[1]["content"] or len(messages) > 2 else "four"})
    >>> examples = [lmnb.Example(question=name, answer="4").with_inputs("question") for name in ("demo", "2 + 2?", "1 + 3?", "8 / 2?")]
    >>> search = lmnb.SIMBA(
    ...     metric=lambda example, prediction: example.answer == prediction.answer, bsize=2, num_candidates=2, max_steps=1
    ... )
    >>> with lmnb.context(lm=lm):
    ...     tuned = search.compile(lmnb.Predict("question -> answer"), trainset=examples[:2], valset=examples[2:], run_dir=None)
    >>> tuned.demos[0].question
    'demo'
    """

    needs_evalset = True

    def __init__(
        self,
        *,
        metric: Callable[..., Any],
        bsize: int = 32,
        num_candidates: int = 6,
        max_steps: int = 8,
        max_demos: int = 4,
        prompt_model: Any = None,
        teacher_settings: Mapping[str, Any] | None = None,
        demo_input_field_maxlen: int = 100_000,
        num_threads: int | None = None,
        temperature_for_sampling: float = 0.2,
        temperature_for_candidates: float = 0.2,
        max_errors: int | None = None,
    ) -> None:
        super().__init__(metric=metric, teacher_settings=teacher_settings, max_errors=max_errors)
        self.bsize = whole_number("bsize", bsize, "how many examples a step looks at")
        self.num_candidates = whole_number("num_candidates", num_candidates, "how often a step runs each example")
        self.max_steps = whole_number("max_steps", max_steps, "how many steps there are", least=0)
        self.max_demos = whole_number("max_demos", max_demos, "how many demos a predictor may have", least=0)
        self.prompt_model = prompt_model
        self.demo_input_field_maxlen = demo_input_field_maxlen
        self.num_threads = num_threads
        self.temperature_for_sampling = temperature_for_sampling
        self.temperature_for_candidates = temperature_for_candidates

    def proposers(self) -> Mapping[str, Any]:
        return {"rule": Predict(WriteRule)}

    def counts(self, task: Task, **_: Any) -> Counts:
        T, V, size, C, steps = (
            len(task.trainset),
            len(task.examples()),
            min(self.bsize, len(task.trainset)),
            self.num_candidates,
            self.max_steps,
        )
        least = min(steps, math.ceil(T / size))  # a pass that teaches nothing is the last one
        scored = 1 + len({round(place * steps / C) for place in range(1, C + 1)} - {0})
        student = Interval(V + least * (C - 1) * size, scored * V + steps * (2 * C) * size)
        rules = Interval(0, steps * size)
        teacher = Interval(least * size, steps * size)
        return Counts(student, teacher, rules, demos=self.max_demos, shown=1, more_runs=size)

    def search(self, task: Task) -> Search:
        size = min(self.bsize, len(task.trainset))
        if size < self.bsize:
            yield [Report(f"there are {size} training examples and bsize is {self.bsize}: each batch holds all {size}")]
        pool, idle, owed = Pool(), 0, True
        winner = yield from gate(task.baseline)
        if winner is not None:
            yield from evaluate(winner, task)
            pool.add(winner, [])
            owed = False
        in_full = {round(place * self.max_steps / self.num_candidates) for place in range(self.num_candidates + 1)}
        for step in range(1, self.max_steps + 1):
            made = yield from self._step(task, pool, _batch(task, size, step - 1), step)
            made.sort(key=lambda pair: -pair[1])
            if made:
                winner, mean = made[0]
                news = f"{winner.label} is the best of {len(made)} on its batch, with {mean:.3g}"
                yield [Report(f"step {step} of {self.max_steps}: {news}")]
            idle = 0 if made else idle + 1
            learned_out = idle * size >= len(task.trainset)
            owed = owed or step in in_full or learned_out
            for candidate in [candidate for candidate, _ in made] or [winner]:
                if not owed or candidate is None or task.score(candidate) is not None:
                    break
                winner = candidate  # the best of the step, or the next one where that was vetoed
                owed = (yield from evaluate(winner, task)) is None
            if learned_out:
                news = "a whole pass over the training examples gave no candidate: nothing is to be learned where no two rollouts differ"
                yield [Report(f"{news}; where none succeeds, a teacher or a metric with partial credit helps")]
                return

    def _step(
        self, task: Task, pool: Pool, batch: Sequence[int], step: int
    ) -> Generator[list[Effect], list[Any], list[tuple[Candidate, float]]]:
        """One batch: trajectories, children of what they teach, and the children's mean scores on the batch."""
        arrived = (yield [Inbox()])[0]
        alive = [candidate for candidate in task.feasible() if candidate in pool]
        if not alive:  # all were vetoed, or a pin came: begin again from the program, as far as it may
            start = yield from gate(task.baseline)
            if start is None:
                return []
            pool.add(start, [])
            alive = [start]
        top = pool.best(alive, self.num_candidates)
        rollouts = yield from self._trajectories(task, pool, top, batch, step)
        made = {candidate.id: candidate for candidate in arrived if candidate not in pool}
        wanted = len(made) + self.num_candidates + 1
        buckets = ranked(rollouts)
        while buckets and len(made) < wanted:
            block, buckets = buckets[: wanted - len(made)], buckets[wanted - len(made) :]
            rngs = [task.rng("child", step, bucket.index) for bucket in block]
            parents = [pool.draw(rng, top, self.temperature_for_candidates)[0] for rng in rngs]
            children = yield from together(
                *(self._child(task, *each) for each in zip(parents, block, rngs, strict=True))
            )
            for child in children:
                allowed = None if child is None else (yield from gate(child))
                if allowed is not None and allowed not in pool:
                    made[allowed.id] = allowed
        return (yield from self._scored(task, pool, list(made.values()), batch))

    def _trajectories(
        self, task: Task, pool: Pool, top: Sequence[Candidate], batch: Sequence[int], step: int
    ) -> Generator[list[Effect], list[Any], list[tuple[int, Result]]]:
        """Rollouts of programs drawn from `top`, each with the number of its example; those of the student count for its program."""
        places = [(number, index) for number in range(self.num_candidates) for index in batch]
        drawn = pool.draw(task.rng("trajectories", step), top, self.temperature_for_sampling, len(places))
        asked = []
        for (number, index), program in zip(places, drawn, strict=True):
            role, sample = ("student", "teacher")[number == 0], step * self.num_candidates + number
            shown = task.teacher if role == "teacher" and task.teacher is not None else program
            asked.append(Rollout(shown.without_source(index), index, "train", sample, SAMPLING, role=role))
        results = yield asked
        rollouts = []
        for program, rollout, result in zip(drawn, asked, results, strict=True):
            if isinstance(result, Result):
                rollouts.append((rollout.index, result))
                if rollout.role == "student":
                    pool.add(program, [result.value])
        return rollouts

    def _scored(
        self, task: Task, pool: Pool, candidates: Sequence[Candidate], batch: Sequence[int]
    ) -> Generator[list[Effect], list[Any], list[tuple[Candidate, float]]]:
        """The candidates with their mean scores on the batch; they join the pool. An example's own demo is not shown to it."""
        if not candidates:
            return []
        results = yield [Rollout(each.without_source(index), index, "train") for each in candidates for index in batch]
        scored = []
        for number, candidate in enumerate(candidates):
            mine = results[number * len(batch) : (number + 1) * len(batch)]
            if all(isinstance(result, Result) for result in mine):
                pool.add(candidate, [result.value for result in mine])
                scored.append((candidate, sum(result.value for result in mine) / len(mine)))
        return scored

    def _child(self, task: Task, parent: Candidate, bucket: Bucket, rng: random.Random) -> Making:
        """A child of `parent` that learns from the bucket; None where there is nothing to learn, or the gate let nothing through."""
        learn = [self._append_demo] if self.max_demos > 0 and bucket.shows else []
        learn += [self._append_rule] if bucket.tells else []
        if not learn:
            return None
        return (yield from rng.choice(learn)(task, parent, bucket, rng))

    def _append_demo(self, task: Task, parent: Candidate, bucket: Bucket, rng: random.Random) -> Making:
        """The last step of each predictor in the best rollout as a demo; demos of the parent make room for it."""
        base = _forgetful(task, parent.without_source(bucket.index), rng, self.max_demos, self.max_demos - 1)
        steps = {step["path"]: step for step in task.archive.steps(bucket.best) if step["path"] in _paths(task)}
        values = dict(base.values)
        for path, step in steps.items():
            slot = f"{path}.demos"
            shown = {name: self._short(value) for name, value in step["inputs"].items()} | step["outputs"]
            demo = yield from gate(Example(shown).with_origin("bootstrapped", source=bucket.index), slot)
            if demo is not None and len(values[slot]) < self.max_demos:
                values[slot] = (*values[slot], *without_twins([demo], values[slot]))
        child = Candidate(values, (parent.id,), "bootstrapped", f"demo of example {bucket.index}")
        return None if child == base else child

    def _append_rule(self, task: Task, parent: Candidate, bucket: Bucket, rng: random.Random) -> Making:
        """A rule in the instruction of one predictor, of those whose steps differ between the best and the worst rollout."""
        runs = [list(task.archive.steps(result)) for result in (bucket.best, bucket.worst)]
        better, worse = ({path: _steps_of(run, path) for path in _paths(task)} for run in runs)
        pins = task.archive.state.pins
        free = [path for path in _paths(task) if better[path] != worse[path] and f"{path}.instructions" not in pins]
        if not free:
            return None
        path = rng.choice(free)
        slot = f"{path}.instructions"
        base = _forgetful(task, parent, rng, self.max_demos, None) if self.max_demos > 0 else parent
        rejected = rejected_rules(task, slot)
        texts = [
            run_text(run, each.feedback, each.error)
            for run, each in zip(runs, (bucket.best, bucket.worst), strict=True)
        ]
        asked = {
            "program": "\n".join(
                f"{each.path}: {', '.join(each.inputs)} -> {', '.join(each.outputs)}" for each in task.predictors
            ),
            "module": path,
            "instruction": base.values[slot],
            "example": fields_text(dict(task.trainset[bucket.index].items())),
            "better_run": texts[0],
            "better_score": float(bucket.best.value),
            "worse_run": texts[1],
            "worse_score": float(bucket.worst.value),
            "rejected": [f"{rule} ({reason})" if reason else rule for rule, reason in rejected.items()],
        }
        written = yield from propose("rule", asked, slot=slot)
        text = None if written is None else with_rule(base.values[slot], written["rule"], tuple(rejected))
        if text is None:
            return None
        child = base.put(slot, text)
        return child.child_of(parent, origin="proposed", label=f"rule for {path} from example {bucket.index}")

    def _short(self, value: Any) -> Any:
        most = self.demo_input_field_maxlen
        return f"{value[:most]} ... (cut)" if isinstance(value, str) and len(value) > most else value


def _batch(task: Task, size: int, step: int) -> list[int]:
    """The examples of a step: parts of one shuffled order, and of another one when that is used up."""
    epoch, place = divmod(step, len(task.trainset) // size)
    order = list(range(len(task.trainset)))
    task.rng("order", epoch).shuffle(order)
    return order[place * size : (place + 1) * size]


def _forgetful(task: Task, candidate: Candidate, rng: random.Random, most: int, room: int | None) -> Candidate:
    """A copy in which each demo was dropped with probability 1 / `most`, and as many as leave every predictor at most `room`. Demos of one
    rollout go from all predictors together; what the person kept stays.
    """
    kept = task.archive.state.kept
    groups = dict.fromkeys(_group(demo) for _, demo in candidate.demos() if demo.provenance.id not in kept)
    gone = {group for group in groups if rng.random() < 1 / most}
    left = [group for group in groups if group not in gone]
    rng.shuffle(left)

    def remaining() -> Candidate:
        values = {
            slot: tuple(demo for demo in value if _group(demo) not in gone or demo.provenance.id in kept)
            if slot.endswith(".demos")
            else value
            for slot, value in candidate.values.items()
        }
        return Candidate(values, candidate.parents, candidate.origin, candidate.label)

    made = remaining()
    while room is not None and left and any(len(made.values[f"{path}.demos"]) > room for path in _paths(task)):
        gone.add(left.pop())
        made = remaining()
    return made


def _group(demo: Example) -> Any:
    """What a demo is dropped with: the example that it was made of, or itself."""
    return demo.provenance.id if demo.provenance.source is None else demo.provenance.source


def _paths(task: Task) -> list[str]:
    return [predictor.path for predictor in task.predictors]


def _steps_of(run: Sequence[Mapping[str, Any]], path: str) -> list[Any]:
    return [[step["inputs"], step["outputs"]] for step in run if step["path"] == path]
