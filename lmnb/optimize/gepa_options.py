"""What `GEPA` is given: its arguments, checked, and what they come to in program runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.evaluate.metrics import takes_predictor
from lmnb.optimize.callables import found, written
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts
from lmnb.optimize.interval import Interval
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.reflection import OwnProposer, Reflector
from lmnb.optimize.task import Task

AUTO = {"light": 6, "medium": 12, "heavy": 18}
IDLE = 10  # iterations in a row that run nothing new, after which the search ends
COUNTED = (
    ("max_full_evals", "how often all examples are run", 1),
    ("max_metric_calls", "the budget of program runs", 1),
    ("reflection_minibatch_size", "how many examples a proposal is tried on", 1),
    ("max_merge_invocations", "how many merges are tried", 0),
    ("max_demos", "how many demos a predictor may have", 0),
)


class GEPAOptions(Optimizer):
    """An optimizer with the arguments of `GEPA`."""

    needs_evalset = True

    def __init__(
        self,
        metric: Callable[..., Any] | None = None,
        *,
        auto: str | None = None,
        max_full_evals: int | None = None,
        max_metric_calls: int | None = None,
        reflection_minibatch_size: int = 3,
        candidate_selection_strategy: str = "pareto",
        reflection_lm: Any = None,
        skip_perfect_score: bool = True,
        add_format_failure_as_feedback: bool = False,
        instruction_proposer: Any = None,
        component_selector: Any = "round_robin",
        use_merge: bool = True,
        max_merge_invocations: int | None = 5,
        max_demos: int = 0,
        num_threads: int | None = None,
        failure_score: float = 0.0,
        perfect_score: float = 1.0,
        log_dir: str | Path | None = None,
        track_stats: bool = False,
        track_best_outputs: bool = False,
        warn_on_score_mismatch: bool = True,
        seed: int = 0,
        max_errors: int | None = None,
        feedback_by_predictor: bool | None = None,
    ) -> None:
        super().__init__(metric=metric, max_errors=max_errors)
        self.auto = auto
        self.max_full_evals = max_full_evals
        self.max_metric_calls = max_metric_calls
        self.reflection_minibatch_size = reflection_minibatch_size
        self.candidate_selection_strategy = candidate_selection_strategy
        self.reflection_lm = reflection_lm
        self.skip_perfect_score = skip_perfect_score
        self.add_format_failure_as_feedback = add_format_failure_as_feedback
        self.instruction_proposer = instruction_proposer
        self.component_selector = component_selector
        self.use_merge = use_merge
        self.max_merge_invocations = max_merge_invocations
        self.max_demos = max_demos
        self.num_threads = num_threads
        self.failure_score = failure_score
        self.perfect_score = perfect_score
        self.log_dir = log_dir  # the run's folder
        self.track_stats = track_stats
        self.track_best_outputs = track_best_outputs
        self.warn_on_score_mismatch = warn_on_score_mismatch
        self.seed = seed
        by_predictor = metric is not None and takes_predictor(metric)
        self.feedback_by_predictor = by_predictor if feedback_by_predictor is None else feedback_by_predictor
        _check(self)

    @property
    def proposer_lm(self) -> Any:
        return self.reflection_lm

    def proposers(self) -> Mapping[str, Any]:
        if self.instruction_proposer is None:
            return {"reflect": Reflector()}
        return {"own": OwnProposer(found(self.instruction_proposer, "instruction_proposer"))}

    def get_params(self) -> dict[str, Any]:
        """The constructor's arguments as they are in force; functions and programs as a journal names them."""
        named = ("instruction_proposer", "component_selector")
        return {name: written(value) if name in named else value for name, value in super().get_params().items()}

    def limit(self, task: Task) -> int:
        """The budget in program runs. InputError where it has no room for one proposal."""
        V = len(task.examples())
        examples = V + (len(task.trainset) if task.evalset == "val" else 0)
        if self.max_metric_calls is not None:
            limit = self.max_metric_calls
        elif self.max_full_evals is not None:
            limit = self.max_full_evals * examples
        else:
            n = AUTO[self.auto or "light"]
            N = int(max(4 * len(self.slots(task.baseline)) * math.log2(n), 1.5 * n))
            limit = V + 5 * n + 35 * N + ((N + 1) // 5 + 1 + (N < 5)) * V
        least = V + self.step_size(task)
        if limit < least:
            raise InputError(
                f"the budget of {limit} metric calls has no room for a proposal: {V} score the program, and a proposal takes up to "
                f"{self.step_size(task)}. Write max_metric_calls={least} or more, or give a smaller valset."
            )
        return limit

    def step_size(self, task: Task) -> int:
        """The program runs that an iteration takes at most: a minibatch of parent and child (with demos a first one of the parent, and one for
        each predictor that the metric is asked about by itself), and the validation set.
        """
        minibatches = (3 if self.max_demos else 2) + (len(task.predictors) if self.asks_apart else 0)
        return minibatches * min(self.reflection_minibatch_size, len(task.trainset)) + len(task.examples())

    @property
    def asks_apart(self) -> bool:
        """Whether the metric is asked about each chosen predictor by itself, as several may be chosen."""
        return self.feedback_by_predictor and self.component_selector != "round_robin"

    def has_room(self, task: Task, runs: int) -> bool:
        """Whether the budget has room for so many program runs, beside those that what a person made is still to be scored by."""
        owed = sum(task.archive.size - len(entry.results) for entry in task.archive.owed())
        return task.archive.runs + owed + runs <= self.limit(task)

    def most_iterations(self, b: int, V: int, limit: int) -> int:
        """After how many iterations the search ends at the latest: a proposer that fails all the time is not asked for ever."""
        return 2 * ((limit - V) // b) + IDLE

    def counts(self, task: Task, **_: Any) -> Counts:
        V, b, limit = len(task.examples()), min(self.reflection_minibatch_size, len(task.trainset)), self.limit(task)
        one = self.component_selector == "round_robin" or self.instruction_proposer is not None
        most = self.most_iterations(b, V, limit) * (1 if one else len(self.slots(task.baseline)))
        return Counts(Interval(V, limit), proposals=Interval(0, most), demos=self.max_demos, shown=b)

    def slots(self, candidate: Candidate) -> list[str]:
        """What the search can work on: texts that are not empty, and demos if they are evolved."""
        demos = self.max_demos > 0
        return [
            s
            for s, value in candidate.values.items()
            if (isinstance(value, str) and value) or (demos and s.endswith(".demos"))
        ]

    def components(self, candidate: Candidate, task: Task) -> list[str]:
        """Those of its slots that are not pinned."""
        return [slot for slot in self.slots(candidate) if slot not in task.archive.state.pins]


def _check(given: GEPAOptions) -> None:
    budgets = {name: getattr(given, name) for name in ("auto", "max_full_evals", "max_metric_calls")}
    if sum(value is not None for value in budgets.values()) != 1:
        raise InputError(
            f"GEPA takes exactly one of auto, max_full_evals and max_metric_calls, not {budgets}. Write auto='light'."
        )
    for name, known in (
        ("auto", (None, *AUTO)),
        ("candidate_selection_strategy", ("pareto", "current_best")),
    ):
        if getattr(given, name) not in known:
            raise InputError(f"{name} is {getattr(given, name)!r}; write one of {', '.join(map(repr, known))}.")
    for name, what, least in COUNTED:
        if getattr(given, name) is not None:
            whole_number(name, getattr(given, name), what, least)
    selector, proposer = given.component_selector, given.instruction_proposer
    if selector not in ("round_robin", "all") and not callable(selector) and not isinstance(selector, Mapping):
        raise InputError(f"component_selector is {selector!r}; write 'round_robin', 'all' or a function.")
    if proposer is not None and not callable(proposer) and not isinstance(proposer, Mapping):
        raise InputError(f"instruction_proposer is {proposer!r}; give a program or a function.")
    if given.reflection_lm is not None and not hasattr(given.reflection_lm, "request"):
        raise InputError(f"reflection_lm is {given.reflection_lm!r}; give an LM, such as lmnb.LM('openai/...').")
