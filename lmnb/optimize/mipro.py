"""MIPROv2: proposed instructions and bootstrapped demos, combined by Bayesian search (Opsahl-Ong et al. 2024, arXiv 2406.11695)."""

from __future__ import annotations

import math
from collections import UserDict, UserList
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.counts import threshold, whole_number
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize import grounding
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.choices import Choices
from lmnb.optimize.counts import Counts, bootstraps
from lmnb.optimize.effects import Effect, Report
from lmnb.optimize.interval import NONE, Interval, exactly
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.programs import WithProgram
from lmnb.optimize.search import Search, evaluate, gate, labelled, together
from lmnb.optimize.task import Predictor, Task
from lmnb.optimize.trials import Trials

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

AUTO = {"light": (6, 100), "medium": (12, 300), "heavy": (18, 1000)}  # candidates a slot, validation examples
SMALL = 50  # validation examples up to which `auto` scores every trial on all of them
GROUNDING_DEMOS, SHOWN = 3, 8  # demos bootstrapped only to be shown to the proposer; examples in one proposal


class MIPROv2(Optimizer):
    """Finds the instruction and the demos of every predictor together.

    Demo sets are bootstrapped, instructions proposed by `prompt_model` (by default the LM of the task) from a summary of the training data,
    the program, examples and a tip. Then each of `num_trials` trials scores one combination on a minibatch of the validation set, chosen
    by a Parzen estimator of our own; after every `minibatch_full_eval_steps` of them, and at the end, the best mean is scored in full.
    Only what is scored in full can win. Without a `valset` a third of the training set is held out for scoring.

    What you inject or edit while it runs is a choice for all further trials; a demo that you reject leaves its sets without it, and for an
    instruction that you reject another is proposed, with your reason in view.

    `auto` sets the effort: 6, 12 or 18 candidates a slot and up to 100, 300 or 1000 validation examples; `auto=None` takes `num_candidates`.
    With `max_bootstrapped_demos=0` and `max_labeled_demos=0` only instructions are tuned. `seed` holds where `compile` is given none.
    `prompt_model` is shown training examples, and the program's code unless `program_aware_proposer=False`.
    `compile` and `start` also take `num_trials`, `minibatch`, `minibatch_size`, `minibatch_full_eval_steps`, `program_aware_proposer`,
    `data_aware_proposer`, `view_data_batch_size`, `tip_aware_proposer`, `fewshot_aware_proposer` and the two numbers of demos. The tuned
    program has `candidate_programs`, `mb_candidate_programs` and `trial_logs`.

    Budget, with V validation examples and P predictors: at most V (2 + trials / 5) + 35 trials program runs beside the bootstraps (with
    `auto` and V up to 50, where each trial is scored on all of them, V (1 + trials)), and 12 + P + P * instructions proposals.
    InputError for arguments that contradict each other.

    >>> import lmnb
    >>> def reply(messages):
    ...     said = {"proposed_instruction": "Name the capital.", "answer": "Paris" if "capital" in messages[0]["content"] else "?"}
    ...     return {name: text for name, text in said.items() if f"`{name}`" in messages[0]["content"]}
    >>> trainset = [lmnb.Example(country=f"land {i}", answer="Paris").with_inputs("country") for i in range(9)]
    >>> tuner = lmnb.MIPROv2(lmnb.evaluate.answer_exact_match, max_bootstrapped_demos=0, max_labeled_demos=0)
    >>> asked = {"data_aware_proposer": False, "program_aware_proposer": False, "run_dir": None}
    >>> with lmnb.context(lm=lmnb.FakeLM(reply)):
    ...     tuned = tuner.compile(lmnb.Predict("country -> answer"), trainset=trainset, **asked)
    >>> tuned.instructions, [round(each["score"]) for each in tuned.candidate_programs]
    ('Name the capital.', [100, 0])
    """

    needs_evalset = True

    def __init__(
        self,
        metric: Callable[..., Any],
        prompt_model: Any = None,
        task_model: Any = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 4,
        auto: str | None = "light",
        num_candidates: int | None = None,
        num_threads: int | None = None,
        max_errors: int | None = None,
        seed: int = 9,
        init_temperature: float = 1.0,
        verbose: bool = False,
        track_stats: bool = True,
        log_dir: str | Path | None = None,
        metric_threshold: float | None = None,
    ) -> None:
        super().__init__(metric=metric, teacher_settings=teacher_settings, max_errors=max_errors)
        self.prompt_model = prompt_model
        self.task_model = task_model
        self.max_bootstrapped_demos = max_bootstrapped_demos
        self.max_labeled_demos = max_labeled_demos
        self.auto = auto
        self.num_candidates = num_candidates
        self.num_threads = num_threads
        self.seed = seed
        self.init_temperature = init_temperature
        self.verbose = verbose  # each proposed instruction is an event of the run
        self.track_stats = track_stats  # the tuned program has the attributes named above
        self.log_dir = log_dir  # the run's folder
        self.metric_threshold = threshold(
            "metric_threshold", metric_threshold, "the score that a demo's run must reach"
        )

    @property
    def most_scored(self) -> int | None:
        return None if self.auto is None else AUTO[self.auto][1]

    def proposers(self) -> Mapping[str, Any]:
        return grounding.proposers()

    def planned(self, num_trials: int | None = None, **_: Any) -> int | None:
        return None if num_trials is None else 1 + num_trials

    def start(
        self,
        student: Any,
        *,
        seed: int | None = None,
        num_trials: int | None = None,
        max_bootstrapped_demos: int | None = None,
        max_labeled_demos: int | None = None,
        provide_traceback: bool | None = None,
        requires_permission_to_run: bool | None = None,
        **options: Any,
    ) -> Run:
        """`Optimizer.start` with the arguments of this search; `provide_traceback` and `requires_permission_to_run`
        are accepted: a failed example is a row with its error, and `plan` says what a run costs before it is started.
        """
        if self.auto is not None and self.auto not in AUTO:
            raise InputError(f"auto={self.auto!r} is not known; write 'light', 'medium', 'heavy', or None")
        if self.auto is not None and (self.num_candidates is not None or num_trials is not None):
            raise InputError(
                f"auto={self.auto!r} sets num_candidates and num_trials; to give your own, write auto=None"
            )
        if self.auto is None and (not isinstance(self.num_candidates, int) or self.num_candidates < 1):
            raise InputError(f"with auto=None write num_candidates=..., 1 or more, not {self.num_candidates!r}")
        counts = {"num_trials": 1 if num_trials is None else num_trials, **options}
        for name in ("num_trials", "minibatch_size", "minibatch_full_eval_steps", "view_data_batch_size"):
            if not isinstance(counts.get(name, 1), int) or counts.get(name, 1) < 1:
                raise InputError(f"{name}={counts[name]!r} is no number of examples or trials; write 1 or more")
        bootstrapped = self.max_bootstrapped_demos if max_bootstrapped_demos is None else max_bootstrapped_demos
        labeled = self.max_labeled_demos if max_labeled_demos is None else max_labeled_demos
        for name, value in (("max_bootstrapped_demos", bootstrapped), ("max_labeled_demos", labeled)):
            whole_number(name, value, "how many demos of its kind a prompt shows", least=0)
        if num_trials is None:
            tuned = getattr(student, "predictors", tuple)()  # what is no program is refused below
            slots = len(tuned) * (2 if bootstrapped or labeled else 1)
            num_trials = int(max(2 * slots * math.log2(self._count), 1.5 * self._count))
        return super().start(
            student,
            seed=self.seed if seed is None else seed,
            num_trials=num_trials,
            max_bootstrapped_demos=bootstrapped,
            max_labeled_demos=labeled,
            **options,
        )

    def counts(
        self,
        task: Task,
        *,
        num_trials: int,
        max_bootstrapped_demos: int,
        max_labeled_demos: int,
        minibatch: bool,
        minibatch_size: int,
        minibatch_full_eval_steps: int,
        program_aware_proposer: bool,
        data_aware_proposer: bool,
        view_data_batch_size: int,
        fewshot_aware_proposer: bool,
        **_: Any,
    ) -> Counts:
        T, V, P = len(task.trainset), len(task.examples()), len(task.predictors)
        few_shot = max_bootstrapped_demos > 0 or max_labeled_demos > 0
        teacher = NONE
        if few_shot and self._count > 2:  # the first two sets are bare and labelled
            teacher = bootstraps(task, max_bootstrapped_demos, 1)
        elif not few_shot and fewshot_aware_proposer:
            teacher = bootstraps(task, GROUNDING_DEMOS, 1)
        batch = min(minibatch_size, V) if minibatch else V
        whole = math.ceil(num_trials / minibatch_full_eval_steps) if batch < V else 0
        proposals = exactly(P * max(1, self._count // 2 if few_shot else self._count))
        if data_aware_proposer:
            looks = min(grounding.BATCHES, math.ceil(T / view_data_batch_size))
            proposals += Interval(min(2, looks), looks + 1)
        if program_aware_proposer and task.source:
            proposals += exactly(1 + P)
        return Counts(
            Interval(V, V + num_trials * batch + whole * V),
            teacher,
            proposals,
            demos=max(max_bootstrapped_demos, max_labeled_demos),
            shown=max(view_data_batch_size, SHOWN),
            more_proposals=P,
        )

    @property
    def _count(self) -> int:
        """How many demo sets there are, and where only instructions are tuned, proposals a predictor; else half as many."""
        return AUTO[self.auto][0] if self.auto is not None else self.num_candidates or 1

    def search(
        self,
        task: Task,
        *,
        num_trials: int,
        max_bootstrapped_demos: int,
        max_labeled_demos: int,
        minibatch: bool = True,
        minibatch_size: int = 35,
        minibatch_full_eval_steps: int = 5,
        program_aware_proposer: bool = True,
        data_aware_proposer: bool = True,
        view_data_batch_size: int = 10,
        tip_aware_proposer: bool = True,
        fewshot_aware_proposer: bool = True,
    ) -> Search:
        choices = Choices(task)
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)

        # phase 1: demo sets
        few_shot = max_bootstrapped_demos > 0 or max_labeled_demos > 0
        made: list[Candidate] = []
        if few_shot:
            made = yield from self._demo_sets(
                task, range(-3, self._count - 3), max_bootstrapped_demos, max_labeled_demos
            )
        elif fewshot_aware_proposer:
            made = yield from self._demo_sets(task, range(-1, 2), GROUNDING_DEMOS, 0)
        for holder in made if few_shot else ():
            for predictor in task.predictors:
                choices.add(f"{predictor.path}.demos", holder.values[f"{predictor.path}.demos"])

        # phase 2: instructions, beside the program's own
        known = yield from grounding.grounds(
            task, data=data_aware_proposer, program=program_aware_proposer, batch_size=view_data_batch_size
        )

        def proposal(predictor: Predictor, number: int) -> Generator[list[Effect], list[Any], str | None]:
            rng = task.rng("proposal", predictor.path, number)
            return grounding.instruction(
                task,
                predictor,
                known,
                number,
                examples=_examples(task, predictor, made, number) if fewshot_aware_proposer else (),
                tip=grounding.TIPS[rng.choice(list(grounding.TIPS))] if tip_aware_proposer else "",
                temperature=self.init_temperature,
            )

        wanted = self._count // 2 if few_shot else self._count
        asked = [(predictor, number) for predictor in task.predictors for number in range(max(1, wanted))]
        texts = yield from together(*(proposal(*each) for each in asked))
        for (predictor, _), text in zip(asked, texts, strict=True):
            if text is not None and choices.add(f"{predictor.path}.instructions", text) and self.verbose:
                yield [Report(f"proposed for {predictor.path}: {text}")]

        # phase 3: trials
        size = len(task.examples())
        batch = minibatch_size if minibatch and (self.auto is None or size > SMALL) else size
        trials = Trials(task, choices, num_trials, batch, minibatch_full_eval_steps, proposal)
        yield from trials.search(baseline)

    def _demo_sets(
        self, task: Task, seeds: range, bootstrapped: int, labeled: int
    ) -> Generator[list[Effect], list[Any], list[Candidate]]:
        """The candidates of random search for these seeds, side by side: -3 zero-shot, -2 labelled, -1 in order, 0 and up shuffled."""
        maker = BootstrapFewShot(
            metric_threshold=self.metric_threshold,
            max_bootstrapped_demos=bootstrapped,
            max_labeled_demos=labeled,
        )

        def demo_set(seed: int) -> Generator[list[Effect], list[Any], Candidate]:
            if seed == -3:
                bare = {slot: () if slot.endswith(".demos") else value for slot, value in task.baseline.values.items()}
                return Candidate(bare)
            if seed == -2:
                return (yield from labelled(task, labeled))
            order, size = list(range(len(task.trainset))), bootstrapped
            if seed >= 0:
                rng = task.rng("demo set", seed)
                rng.shuffle(order)
                size = rng.randint(1, bootstrapped) if bootstrapped else 0
            return (yield from maker.bootstrapped(task, order, size, seed=seed))

        return (yield from together(*map(demo_set, seeds)))

    def attributes(self, run: Run) -> dict[str, Any]:
        if not self.track_stats:
            return {}
        rows = [row for row in run.candidates if row.score is not None and row.status != "dropped"]
        rows.sort(key=lambda row: (-(row.score or 0.0), row.number))
        whole, part = (
            UserList(
                WithProgram({"score": row.score, "full_eval": full}, partial(run.program, row.id))
                for row in rows
                if (row.done == row.total) is full
            )
            for full in (True, False)
        )
        scores = {row.id: row.score for row in rows if row.done == row.total}
        logs = {
            about["trial"]: WithProgram(
                {**about, "full_eval_score": scores.get(about["candidate"])}, partial(run.program, about["candidate"])
            )
            for about in (report.about for report in run.reports)
            if "trial" in about
        }
        # no plain lists: their programs are not parts of the tuned one
        return {"candidate_programs": whole, "mb_candidate_programs": part, "trial_logs": UserDict(logs)}


def _examples(task: Task, predictor: Predictor, made: list[Candidate], number: int) -> list[Example]:
    """What proposal `number` is shown: the demos of one of the sets, or training examples where no set has any; none that is rejected by now."""
    rng, slot = task.rng("examples", predictor.path, number), f"{predictor.path}.demos"
    sets = [[demo for demo in each.values[slot] if task.archive.demo_refused(slot, demo) is None] for each in made]
    sets = [demos for demos in sets if demos]
    if sets:
        return sets[number % len(sets)][:SHOWN]
    fitting = [demo for example in task.shown() if (demo := predictor.labelled(example)) is not None]
    return rng.sample(fitting, min(SHOWN, len(fitting)))
