"""The forecast of a run: what it will run, ask and cost, before any of it is bought."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lmnb.errors import InputError
from lmnb.lm.budget import Budget
from lmnb.modules.module import Module
from lmnb.optimize.call_bounds import calls_of
from lmnb.optimize.counts import Counts, counts_of
from lmnb.optimize.interval import NONE, Interval, total, widest
from lmnb.optimize.known import Unread
from lmnb.optimize.plan_html import plan_html
from lmnb.optimize.prompt_sizes import FIELD, PROPOSAL, Size, lms_of, price, sizes
from lmnb.optimize.rollout import usage_of

if TYPE_CHECKING:
    from lmnb.optimize.code import Code
    from lmnb.optimize.header import Header


@dataclass(frozen=True)
class Plan:
    """What a run will take, each an `Interval` with `low` and `high` (None: no upper end is known), or None where nothing is known.

    `runs` are program runs, one program on one example with one call of the metric; `proposals` are requests for new texts; `calls` are LM
    calls, as a `Budget` counts them: whether a cache answers them or not. `tokens` and `usd` are estimates, from the prompts as they are
    and litellm's prices; their ends lie far apart, as every doubt is taken at its worst. `expected` are tokens and US dollars in between, where
    they are known: all program runs of the upper end and half of the proposals, each with the fewest calls, on prompts and replies of middle
    length.
    `each_decision` is what one decision of yours (an edit, an injected candidate, a rejection) may add to the calls.

    The upper end of `calls` is a bound where it was read off the program's structure: a run without decisions of yours never exceeds it; a
    kill costs at most the calls in flight once more. Where it was `measured`, or for the tokens and the money, it holds for a run that is
    given `budget`. `notes` say what is not known.
    """

    optimizer: str
    program: str
    runs: Interval | None
    proposals: Interval | None
    calls: Interval | None
    calls_per_run: Interval | None
    tokens: Interval | None
    usd: Interval | None
    each_decision: Interval | None
    measured: bool
    notes: tuple[str, ...]
    expected: Mapping[str, float] = field(default_factory=dict)

    @property
    def budget(self) -> Budget:
        """A budget with the upper ends that are known: `optimizer.start(..., budget=plan.budget)` stops there. InputError where there is none."""
        known = {kind: getattr(self, kind) for kind in ("calls", "tokens", "usd")}
        limits = {kind: each.high for kind, each in known.items() if each is not None and each.high}
        if self.calls is None or self.calls.high is None:
            raise InputError(
                f"the LM calls of this plan have no upper end: {'; '.join(self.notes)}. Set a limit of your own: lmnb.Budget(calls=...)."
            )
        return Budget(**{"calls": self.calls.high, **limits})

    def rows(self) -> list[tuple[str, str, str]]:
        """The forecast as lines: what, how much, and what is to be said of it."""
        found = [
            ("program runs", self.runs, "one program on one example, with one call of the metric", "{:,.0f}"),
            ("proposals", self.proposals, "requests for new texts", "{:,.0f}"),
            ("LM calls", self.calls, self._calls_words, "{:,.0f}"),
            ("tokens", self.tokens, f"{self._about('tokens', '{:,.0f}')}from the prompts as they are", "{:,.0f}"),
            (
                "cost",
                self.usd,
                f"{self._about('usd', '${:,.2f}')}by litellm's prices, as if no cache answered",
                "${:,.2f}",
            ),
            ("each decision of yours", self.each_decision, "LM calls more, such as for scoring an edit", "{:,.0f}"),
        ]
        return [(what, "not known" if each is None else each.told(write), words) for what, each, words, write in found]

    def _about(self, kind: str, write: str) -> str:
        return f"about {write.format(self.expected[kind])} expected; " if kind in self.expected else ""

    @property
    def _calls_words(self) -> str:
        one = "" if self.calls_per_run is None else f"{self.calls_per_run} a program run"
        if self.calls is None or self.calls.exact:
            return one
        if self.calls.high is None:
            return f"{one}; no upper end: give the run a budget"
        return f"{one}, as measured; held by plan.budget" if self.measured else f"{one}; no run exceeds the upper end"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "notes": list(self.notes), "expected": dict(self.expected)}

    def _repr_html_(self) -> str:
        return plan_html(f"{self.optimizer} on {self.program}", self.rows(), self.notes)

    def __str__(self) -> str:
        lines = [f"{what}: {amount}{f' ({words})' if words else ''}" for what, amount, words in self.rows()]
        return "\n".join([f"Forecast of {self.optimizer} on {self.program}", *lines, *self.notes])

    def __repr__(self) -> str:
        parts = ", ".join(f"{what} {amount}" for what, amount, _ in self.rows())
        return f"Plan({self.optimizer} on {self.program}: {parts})"


def planned(optimizer: Any, measured: Any, header: Header, code: Code, **_: Any) -> Plan:
    """The plan of a run that would begin with this header and code."""
    task = header.task(header.archive(lambda name: {"spans": []}))
    counts = counts_of(optimizer, task, header.options)
    if counts is None:
        told = f"{header.optimizer_name} has no forecast: write counts(self, task, **options) beside its search"
        unknown = dict.fromkeys(("runs", "proposals", "calls", "calls_per_run", "tokens", "usd", "each_decision"))
        return Plan(header.optimizer_name, header.program_name, **unknown, measured=False, notes=(told,))
    return _Forecast(header, code, counts, None if measured is None else usages(measured)).plan()


def usages(measured: Any) -> Sequence[Mapping[str, float]]:
    """The LM calls, tokens and US dollars of each program run in a report of `Evaluate`, a run, or anything with a `run`. InputError for others."""
    run = getattr(measured, "run", measured)
    if hasattr(run, "_archive"):
        found = [result.usage for entry in run._archive.entries.values() for result in entry.results.values()]
    elif hasattr(measured, "rows"):
        found = [usage_of(row.trace) for row in measured.rows if row.trace is not None]
    else:
        raise InputError(
            f"measured is {measured!r}. Give a report of lmnb.Evaluate, a run, or what lmnb.headroom gave."
        )
    if not found:
        raise InputError(
            "measured holds no program run. Give a report with rows, or a run in which something was scored."
        )
    return found


@dataclass
class _Forecast:
    header: Header
    code: Code
    counts: Counts
    usages: Sequence[Mapping[str, float]] | None

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self.measured = False

    def plan(self) -> Plan:
        counts = self.counts
        each = {"student": counts.student, "teacher": counts.teacher, "proposer": counts.proposals}
        per = {role: NONE if number.high == 0 else self._per_run(role) for role, number in each.items()}
        parts = {role: number * per[role] for role, number in each.items()}
        calls = total(parts.values())
        if (
            calls.high is None
            and self.usages is None
            and any(per[role].high is None for role in ("student", "teacher"))
        ):
            self.notes.append("Measure it: run lmnb.Evaluate on a few examples and write plan(..., measured=report)")
        if counts.trainings.high:
            self.notes.append(
                f"Beside that the LM is trained, {counts.trainings} times: what it takes is not in these numbers"
            )
        size = {role: self._size(role) for role, number in parts.items() if number.high != 0}
        likely = {role: number.high or 0 for role, number in each.items()}
        likely["proposer"] = (counts.proposals.low + likely["proposer"]) / 2
        fewest = {role: likely[role] * per[role].low for role in size}
        tokens, usd, expected = self._cost(parts, fewest, size)
        scored = len(self.header.splits[self.header.evalset]) if self.header.evalset else 0
        most = per["student"] * (scored + counts.more_runs) + per["proposer"] * counts.more_proposals
        if counts.more_runs and counts.teacher.high:
            most = widest([most, most + per["teacher"] * counts.more_runs])
        return Plan(
            optimizer=self.header.optimizer_name,
            program=self.header.program_name,
            runs=counts.student + counts.teacher,
            proposals=counts.proposals,
            calls=calls,
            calls_per_run=per["student"] if counts.student.high else per["teacher"],
            tokens=tokens,
            usd=usd,
            each_decision=Interval(0, most.high),
            measured=self.measured,
            notes=tuple(dict.fromkeys(self.notes)),
            expected=expected,
        )

    def _force(self, role: str) -> dict[str, Any]:
        known = {**self.code.settings, **self.code.settings_of(role)}
        return {name: known.get(name) for name in ("lm", "adapter")}

    def _programs(self, role: str) -> list[Any]:
        if role == "proposer":
            return list(self.code.proposers.values())
        taught = self.code.teacher if role == "teacher" else None
        return [
            self.code.program if taught is None else taught,
            *(self.code.more_teachers if role == "teacher" else ()),
        ]

    def _per_run(self, role: str) -> Interval:
        """LM calls of one run of a role's program, the metric's among them."""
        try:
            calls = widest(calls_of(program, **self._force(role)) for program in self._programs(role))
            return calls if role == "proposer" else calls + calls_of(self.code.metric, **self._force(role))
        except Unread as reason:
            if self.usages is not None and role != "proposer":
                self.measured = True
                numbers = [each.get("calls", 0) for each in self.usages]
                self.notes.append(f"LM calls a program run are those of {len(numbers)} measured runs, as {reason}")
                return Interval(min(numbers), max(numbers))
            self.notes.append(f"How many LM calls a {role}'s run makes has no bound: {reason}")
            return Interval(0, None)

    def _size(self, role: str) -> Size | None:
        splits, counts = self.header.splits, self.counts
        examples = [*splits.train, *splits.val]
        programs = [each for each in self._programs(role) if isinstance(each, Module)]
        if role != "proposer":
            judge = [self.code.metric] if isinstance(self.code.metric, Module) else []
            told = (
                PROPOSAL if counts.proposals.high else 0
            )  # a proposed text may be longer than the one it takes the place of
            found = sizes(programs, examples, self._force(role), demos=counts.demos, more=told)
            judged = sizes(judge, (), self._force(role)) if judge else found
            return None if found is None or judged is None else found.widest(judged)
        return sizes(programs, (), self._force(role), more=self._shown, unlabelled=PROPOSAL)

    @cached_property
    def _shown(self) -> float:
        """Tokens that a proposal's prompt may hold beside its own: the program, examples with what came of them, texts."""
        longest = max(len(str(dict(each.items()))) for each in (*self.header.splits.train, *self.header.splits.val))
        steps = 1 + len(self.header.predictors)
        return len(self.header.source) + self.counts.shown * (longest + steps * FIELD) + 3 * PROPOSAL

    def _cost(
        self, parts: Mapping[str, Interval], fewest: Mapping[str, float], size: Mapping[str, Size | None]
    ) -> tuple[Interval | None, Interval | None, dict[str, float]]:
        """Tokens, US dollars, and what of these is expected of the `fewest` calls."""
        known = {role: one for role, one in size.items() if one is not None}
        if len(known) < len(size):
            self.notes.append("Tokens and cost are not known: the prompts cannot be made without running the program")
            return None, None, {}
        if not all(one.bounded for one in known.values()):
            self.notes.append(
                f"An output without labels is taken to have {FIELD} tokens: set max_tokens of the LM to bound it"
            )
        prompt, reply = (
            {role: parts[role] * getattr(one, end) for role, one in known.items()} for end in ("prompt", "reply")
        )
        tokens = total((*prompt.values(), *reply.values()))
        expected = {"tokens": math.fsum(fewest[role] * math.fsum(one.usual) for role, one in known.items())}
        costs, likely = [], {}
        for role, one in known.items():
            for lm in lms_of([*self._programs(role), self.code.metric], self._force(role)["lm"]):
                rate = price(lm)
                if lm is None:
                    self.notes.append("Cost is not known: no LM is set. Write lmnb.configure(lm=...)")
                    return tokens, None, expected
                if rate is None:
                    self.notes.append(
                        f"Cost is not known: the price of {getattr(lm, 'model', lm)!r} stands in no table"
                    )
                    return tokens, None, expected
                costs.append((role, prompt[role] * rate[0] + reply[role] * rate[1]))
                likely.setdefault(role, []).append(fewest[role] * (one.usual[0] * rate[0] + one.usual[1] * rate[1]))
        usd = total(widest(cost for of, cost in costs if of == role) for role in known)
        return tokens, usd, expected | {"usd": math.fsum(map(fmean, likely.values()))}
