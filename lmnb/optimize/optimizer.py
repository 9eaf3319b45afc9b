"""The base of every optimizer: `search` is the algorithm, `compile` and `start` run it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.counts import whole_number
from lmnb.errors import ArgumentError, InputError
from lmnb.example import Example
from lmnb.lm.budget import Budget, checked_budget
from lmnb.nearest import did_you_mean
from lmnb.optimize.arguments import Arguments, instead
from lmnb.optimize.code import Code, code_of
from lmnb.optimize.counts import Counts
from lmnb.optimize.launch import AUTO, begin
from lmnb.optimize.new_header import header_for
from lmnb.optimize.objective import WorstGroup
from lmnb.optimize.plan import Plan, planned
from lmnb.optimize.search import Search
from lmnb.optimize.task import Task
from lmnb.optimize.verbose import printed
from lmnb.trace import span

if TYPE_CHECKING:
    from lmnb.optimize.decisions import Decision
    from lmnb.optimize.run import Run


class Optimizer(Arguments):
    """Subclass it and write `search`, a generator of batches of effects (see `lmnb.optimize.effects`).

    `needs_evalset` says that the search scores candidates: without a `valset` part of the training set is then held out for it, or
    all of it is used where the search takes nothing else from it (`learns_from_trainset` False).
    `learns_demos_only` says that all it takes from the training set are demos, so that it can be cross-fitted.
    `needs_trainset = False` says that it can do without training examples.
    """

    needs_evalset = False
    needs_trainset = True
    learns_from_trainset = True
    takes_teachers = False  # a list of them, each with the role "teacher", "teacher 2", ...
    learns_demos_only = False
    prompt_model: Any = None
    formerly: Mapping[str, Any] = {}  # what arguments were before there were any, for journals of that time
    _begin: Callable[..., Any] = staticmethod(begin)  # what `start` ends with

    def __init__(
        self,
        metric: Callable[..., Any] | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        max_errors: int | None = None,
    ) -> None:
        self.metric = metric
        self.teacher_settings = dict(teacher_settings or {})
        self.max_errors = max_errors

    def search(self, task: Task, **options: Any) -> Search:
        """The algorithm. It yields lists of effects and is sent their results; it calls no LM, clock or random generator of its own."""
        raise NotImplementedError

    def proposers(self) -> Mapping[str, Any]:
        """The programs that a `Propose` can ask, by name."""
        return {}

    @property
    def proposer_lm(self) -> Any:
        """The LM that proposers ask; None: that of the task."""
        return self.prompt_model

    @property
    def most_scored(self) -> int | None:
        """How many examples of the validation set are used at most; None: all."""
        return None

    @property
    def draws_labelled(self) -> bool:
        """Whether the search shows training examples as demos, just as they are."""
        return bool(getattr(self, "max_labeled_demos", 0))

    def held_out(self, **options: Any) -> float:
        """The part of the training examples that is held out for scores where there is no `valset`."""
        return 1 / 3

    def libraries(self) -> Mapping[str, str]:
        """The versions of libraries that the search draws with, for the run's header. MissingExtra where one is not installed."""
        return {}

    def planned(self, **options: Any) -> int | None:
        """How many candidates the search will propose, where that is fixed."""
        return None

    def counts(self, task: Task, **options: Any) -> Counts | None:
        """The program runs and proposals that `search` will ask for, as far as they are known before it runs: what `plan` is made of. None:
        there is no forecast.
        """
        return None

    def attributes(self, run: Run) -> dict[str, Any]:
        """What the tuned program tells of the search that made it, by attribute name, from the run's candidates and reports; a file of
        it does not keep that.
        """
        return {"candidate_programs": run.candidate_programs, "total_calls": run.summary()["calls"], "_compiled": True}

    def ready(self, code: Code, **options: Any) -> None:
        """Raise where the search could not come to its end, before anything is asked: MissingExtra, InputError."""

    def start(
        self,
        student: Any,
        *,
        trainset: Sequence[Example],
        teacher: Any = None,
        valset: Sequence[Example] | None = None,
        seed: int = 0,
        budget: Budget | None = None,
        run_dir: str | Path | None = AUTO,
        decisions: Iterable[Decision] = (),
        num_threads: int | None = None,
        paused: bool = False,
        review: Any = None,
        review_timeout: float | None = None,
        group: str | Callable[[Example], object] | None = None,
        objective: str | WorstGroup = "mean",
        cross_fit: bool | None = None,
        **options: Any,
    ) -> Run:
        """Begin a run in the background and return it at once; a notebook's cell that ends with it shows the Studio.

        `run_dir=None` keeps nothing on disk; without it the optimizer's `log_dir`, if it has one, is the run's folder. `decisions`
        carries another run's decisions over. `options` go to `search`.
        `review` says at which gates the run waits for you (see `Run.pending`): "candidates" and "demos" that the search made, "instructions"
        (whatever text an LM proposes), a list of these or "all"; or a function of one `Pending` that answers at all of them in your place: with
        True, None or "accept" it goes on, with False, "reject" or "reject: <reason>" it is rejected, a dict of new values (slots, or fields)
        edits it, and any other answer is an error. What has waited for `review_timeout` seconds without an answer from you goes on; without one
        the run waits for ever.
        Without `valset` part of the trainset is held out. `valset=trainset` scores candidates on what they learn from, as other libraries
        do by default; a valset that shares some of its examples with the trainset is warned of.
        `group`, a field's name or a function of an example, keeps examples that belong together on one side of the split. `objective` selects
        the result: the best "mean" score, the best "worst group" (`lmnb.WorstGroup(...)` names groups for that alone), or the "cheapest" of those
        that are as good as the best. `cross_fit`
        scores candidates on the trainset, each example without the demos made from it; by default where there is no valset, up to 20
        examples, and an optimizer that learns demos alone. False holds a third out.
        InputError for an empty training set, examples without inputs, an option that there is not, and a search that has no metric to score by.
        """
        self._check(options)
        _check_run(self.metric, budget, decisions, seed, num_threads)
        if run_dir is AUTO:
            run_dir = getattr(self, "log_dir", None) or AUTO
        code = code_of(self, student, teacher, budget, review)
        how = {"group": group, "objective": objective, "cross_fit": cross_fit}
        how |= {"review": review, "review_timeout": review_timeout}
        given = {"seed": seed, "budget": budget, "num_threads": num_threads, "options": options, **how}
        hashes = {} if run_dir is None else None  # what is not kept needs none, and they take longer than all the rest
        header = header_for(self, code, trainset, valset, hashes=hashes, **given)
        return self._begin(header, code, run_dir=run_dir, decisions=decisions, paused=paused)

    def plan(
        self,
        student: Any,
        *,
        trainset: Sequence[Example] | None = None,
        teacher: Any = None,
        valset: Sequence[Example] | None = None,
        measured: Any = None,
        **options: Any,
    ) -> Plan:
        """What `compile` or `start` with these arguments will run, ask and cost (see `Plan`), without an LM call.

        How often a run of the program asks is read off its structure. Where that gives no bound, such as for a loop that ends by what an
        LM says, `measured` tells: a report of `Evaluate`, a run, or what `lmnb.headroom` gave, of this program.

        >>> import lmnb
        >>> data = [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)).with_inputs("question") for n in range(30)]
        >>> copro = lmnb.COPRO(metric=lmnb.evaluate.answer_exact_match, breadth=3, depth=2)
        >>> plan = copro.plan(lmnb.Predict("question -> answer"), trainset=data)
        >>> str(plan.runs), str(plan.proposals), str(plan.calls)
        ('30 to 180', '5', '35 to 370')
        """
        if trainset is None and self.needs_trainset and getattr(self, "trainset", None) is None:
            name = type(self).__name__
            raise InputError(f"how much {name} runs follows from its examples. Write plan(program, trainset=...).")
        data = {"trainset": trainset, "teacher": teacher, "valset": valset}
        given = {name: value for name, value in data.items() if value is not None}
        return self._started_with(partial(planned, self, measured), student, **given, **options)

    def _started_with(self, begin: Callable[..., Any], student: Any, **given: Any) -> Any:
        """What `begin` makes of the header and code that `start` has checked and filled in; no run is started."""
        asking = copy(self)
        asking._begin = begin
        made: Any = asking.start(student, **{**given, "run_dir": None})
        return made

    def _check(self, options: Mapping[str, Any]) -> None:
        name, taken = type(self).__name__, inspect.signature(self.search).parameters
        if lost := self._lost():
            warnings.warn(
                f"{name} keeps its argument {lost[0]!r} under another name, and its value is not plain, so the run's journal does not hold it: "
                f"a reopened run would search with the default. Write self.{lost[0]} = {lost[0]} in __init__, or override get_params.",
                stacklevel=4,
            )
        if self.needs_evalset and self.metric is None:
            raise InputError(f"{name} scores what it tries. Write {name}(metric=...).")
        unknown = [option for option in options if option not in taken]
        if unknown and not any(each.kind is each.VAR_KEYWORD for each in taken.values()):
            starts = (inspect.signature(start).parameters for start in (self.start, Optimizer.start))
            known = dict.fromkeys(each for names in (taken, *starts) for each in names)
            known = [each for each in known if each not in ("self", "student", "task", "options")]
            hint = instead(unknown[0]) or f"{did_you_mean(unknown[0], known)} It takes {', '.join(known)}.".lstrip()
            raise ArgumentError(f"{name} has no argument {unknown[0]!r} of compile or start. {hint}")

    def compile(
        self,
        student: Any,
        *,
        trainset: Sequence[Example],
        teacher: Any = None,
        valset: Sequence[Example] | None = None,
        **options: Any,
    ) -> Any:
        """Run to the end and return the tuned program; takes what `start` takes. The student is not changed.

        KeyboardInterrupt, or a spent budget, stops the run: the best so far is returned with a warning that says how to go on.
        """
        given = {"student": student, "trainset": trainset, "teacher": teacher, "valset": valset, **options}
        with span("compile", type(self).__name__, inputs=given, instance=self, apart=True) as opened:
            run = self.start(student, trainset=trainset, teacher=teacher, valset=valset, **options)
            with printed(run) if getattr(self, "verbose", False) else nullcontext():
                made = opened.result = run._waited(None)
        if run.state == "stopped":
            warnings.warn(run._stopped_words(), stacklevel=2)
        return made

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in self.get_params().items() if name != "metric")
        return f"{type(self).__name__}({', '.join(given)})"


def _check_run(metric: Any, budget: Any, decisions: Any, seed: Any, num_threads: Any) -> None:
    """InputError for arguments of every run that are of another kind."""
    if metric is not None and not callable(metric):
        raise InputError(
            f"the metric is {metric!r}. Write a function of an example and a prediction, or a program that judges."
        )
    checked_budget(budget)
    if isinstance(decisions, str) or not isinstance(decisions, Iterable):
        raise InputError(f"decisions is {decisions!r}. Write decisions=run.decisions, of another run.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"the seed is {seed!r}. Write a whole number.")
    if num_threads is not None:
        whole_number("num_threads", num_threads, "how many examples run side by side")


Teleprompter = Optimizer
