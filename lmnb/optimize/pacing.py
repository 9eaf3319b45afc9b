"""Pause, step, resume and stop: how far a run goes, and when, and for how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmnb.errors import InputError, RunError
from lmnb.lm.budget import Budget, checked_budget, checked_limits
from lmnb.optimize.decisions import Decision
from lmnb.optimize.journal import Journal, read_records
from lmnb.optimize.recording import Recording
from lmnb.optimize.unstored import unstored
from lmnb.optimize.worker import Worker

# arguments of searches that say how long they are
LONGER = (
    "num_trials",
    "num_candidate_programs",
    "max_metric_calls",
    "max_full_evals",
    "max_steps",
    "depth",
    "rounds",
    "num_candidates",
)


class Pacing(Worker):
    """A worker that is held, let go and ended from outside."""

    def pause(self) -> None:
        """Dispatch no further rollout; those in flight finish and are journaled."""
        if self.state in ("running", "pausing", "waiting"):
            self._controls.pause()

    def resume(self, budget: Budget | None = None) -> None:
        """Go on: after a pause, after a stop, or where an interrupted run was reopened; a stopped run can be given another budget. Its limits
        take the place of all that the run had: a kind that it does not name has none from then on (`raise_budget` raises one of them).

        RunError where the run is finished, and where a budget has stopped it that is still spent; InputError for a limit that is spent
        already.
        """
        if (budget := checked_budget(budget)) is None:
            self._need_unspent()
        else:
            if self._working:
                raise RunError(
                    "the run is at work: raise its budget with run.raise_budget(calls=...), or stop it first"
                )
            self._need_resumable()
            for kind, limit in budget.limits.items():
                spent = self._spent(kind)
                if limit is not None and limit <= spent:
                    used = f"{_amount(kind, spent)} are spent"
                    raise InputError(f"Budget({kind}={limit:g}) is no larger one: {used}. Write a number above that.")
            self._journal.open()
            self._journal.append({"k": "budget", "limits": budget.limits})
            if self._code is not None:  # the new budget takes the place of the one that the run was given
                self._code = replace(self._code, budgets=(*self._code.budgets[:1], budget))
        self._go(step=False)

    def raise_budget(
        self,
        *,
        calls: float | None = None,
        tokens: float | None = None,
        usd: float | None = None,
        seconds: float | None = None,
        **unknown: Any,
    ) -> None:
        """Set higher limits, while the run is at work or after; those that are not named stay. A run that its budget has stopped goes on.

        It is journaled and stands among the decisions, but cannot be undone: what is bought is bought. A `Budget` that the run was
        started with gets the same room more while the run is at work; after that the run's own limits alone hold. InputError for a
        limit that is not higher, or not above what is spent, or where there is none; RunError where the run is finished.
        """
        given = {"calls": calls, "tokens": tokens, "usd": usd, "seconds": seconds, **unknown}
        given = checked_limits(given, "raise_budget")
        wanted = {kind: limit for kind, limit in given.items() if limit is not None}
        if self.state == "finished" and not self._working:
            if self.path is None:
                raise unstored("be made longer")
            raise RunError("the run is finished; run.branch(budget=lmnb.Budget(...), ...) makes it longer")
        spent = self._stopped_by_budget()
        if spent and self.path is None:
            raise unstored("go on after its budget has stopped it")
        self.command(lambda: self._raise(wanted))
        if self._stopped_by_budget():
            self._join(None)  # the rollouts in flight
            self._go(step=False)

    def _stopped_by_budget(self) -> bool:
        stop = self._archive.state.stopped
        return stop is not None and stop.by == "budget"

    def _spent(self, kind: str) -> float:
        """What this run has spent."""
        return round(self._clock.seconds, 1) if kind == "seconds" else self._budget.spent[kind]

    def _short_of(self) -> str | None:
        """The kind of the run's own limit that has stopped it; None where that was a budget of the settings, which has no limit here to raise,
        and where no budget did.
        """
        stop = self._archive.state.stopped
        if stop is None or stop.by != "budget":
            return None
        kind, own = stop.data["which"], self.limits[stop.data["which"]]
        return kind if own is not None and own <= stop.data.get("limit", self._spent(kind)) else None

    def _need_unspent(self) -> None:
        """RunError where the run would stop at once again, as nothing about the limit has changed that stopped it."""
        stop = self._archive.state.stopped
        if self._working or self.path is None or stop is None or stop.by != "budget":
            return
        kind = stop.data["which"]
        if self._short_of() is not None:
            raise RunError(
                f"{stop.text}, and the run would stop again at once: run.raise_budget({kind}=...) with a number above {self.limits[kind]:g} "
                "goes on"
            )
        outer = self._code.budgets[0] if self._code is not None else None
        if outer is not None and outer.left()[kind] == 0:
            raise RunError(
                f"{stop.text}, which is that of lmnb.configure or lmnb.context: budget.extend({kind}=...) gives it more, then "
                "run.resume() goes on"
            )

    def _raise(self, wanted: Mapping[str, float]) -> None:
        limits, words = self.limits, []
        if not wanted:
            raise InputError("name the limit to raise: run.raise_budget(calls=...), tokens, usd or seconds")
        for kind, limit in wanted.items():
            now = limits[kind]
            if now is None:
                raise InputError(f"this run has no limit of {kind}, so there is none to raise")
            spent = self._spent(kind)
            if limit <= max(now, spent):
                used = f"{_amount(kind, spent)} are spent"
                least = f"the limit of {now:g}; {used}" if spent <= now else f"{spent:,.15g}; {used}"
                raise InputError(f"{kind}={limit!r} raises nothing: write a number above {least}")
            words.append(_amount(kind, limit))
        more: dict[str, float] = {kind: limit - (limits[kind] or 0) for kind, limit in wanted.items()}
        given = self._code.budgets[1:] if self._code is not None else ()
        if self._working:
            for budget in (self._budget, *given):
                if budget is not None:
                    budget.extend(**more)
            self._controls.extend(more.get("seconds", 0.0))
        elif self._code is not None:  # its seconds went on while nothing ran
            self._code = replace(self._code, budgets=self._code.budgets[:1])
        self._recording.budget = limits | dict(wanted)
        self._decide("raise-budget", {"limits": self._recording.budget}, f"raised the budget to {', '.join(words)}")

    def step(self) -> None:
        """Go on to the next fully scored candidate, then pause. RunError as of `resume`."""
        self._need_unspent()
        self._go(step=True)

    def _go(self, *, step: bool, paused: bool = False) -> None:
        if self._working:
            if self.state == "stopping":
                raise RunError("the run is stopping; resume it once it has stopped")
            self._controls.step() if step else self._controls.resume()
            return
        folder = self._need_resumable()
        stop = self._archive.state.stopped
        if stop is not None:
            self._take_back(stop)
        self._journal.close()
        # rollouts that a cancel gave up still hold the former journal: it is closed, and what they write goes nowhere
        self._journal = Journal(folder)
        records, _ = read_records(folder)
        self._recording = Recording(records[1:], self._journal)
        self._launch(step=step, paused=paused)

    def _need_resumable(self) -> Path:
        """The folder of a run that can go on; RunError says why it cannot."""
        self._need_code()
        if self.path is None:
            raise unstored("be resumed")
        if self.state == "finished":
            raise RunError(
                "the run is finished, so there is nothing to go on with. An edit or inject is scored at once; for a longer search write "
                f"run.branch({self._longer()}), which buys nothing twice."
            )
        return self.path

    def _longer(self) -> str:
        """An argument of `branch` that makes the search longer."""
        given = {**self.header.arguments, **self.header.options}
        counts = [name for name in LONGER if isinstance(given.get(name), int)]
        return f"{counts[0]}={2 * given[counts[0]] or 1}" if counts else "<a larger argument of the search>"

    def _take_back(self, stop: Decision) -> None:
        """A resumed run takes its stop back at the stop's own position, so that a replay passes it too."""
        text = f"resumed after “{stop.text}”"
        self._decide("undo", {"decision": stop.id}, text, at=(stop.batch, stop.during))

    def stop(self) -> None:
        """End the run and keep the best feasible candidate; rollouts in flight finish."""
        self._stop("stop", "stopped")

    def cancel(self) -> None:
        """Stop, and give up the calls in flight."""
        self._stop("cancel", "cancelled")

    def _stop(self, kind: str, text: str) -> None:
        def command() -> None:
            if self._archive.state.stopped is None:
                self._decide(kind, {}, text)
            self._controls.halt(cancel=kind == "cancel")

        if self._working:
            self._controls.enter("stopping")
            self._controls.post(command)


def _amount(kind: str, number: float) -> str:
    return f"${number:,.2f}" if kind == "usd" else f"{number:,.15g} {kind}"
