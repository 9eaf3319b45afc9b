"""What a run's journal holds, arranged for playing it back: by batch, by rollout, by call."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.canonical import compact
from lmnb.errors import Cancelled, JournalError
from lmnb.lm.budget import checked_limits
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import Decision
from lmnb.optimize.effects import Dropped, Result
from lmnb.optimize.journal import Journal, all_kept, parsed

# what a model does wrong is a score of 0, not a fault of the program
MODEL_FAULTS = ("ParseError", "CheckFailed", "ContextWindowError")
INLINE = 2_000  # characters of a reply from which it is stored as a blob


class Recording:
    """Read once when a run is opened; calls and decisions of the live part are added as they come."""

    def __init__(self, records: Iterable[Mapping[str, Any]], journal: Journal) -> None:
        self.requests: dict[int, str] = {}
        self.seconds = 0.0  # working time
        self.budget: dict[str, float | None] | None = None  # limits that a person raised
        self.done: set[int] = set()  # batches that were carried out to their end
        self.candidates: dict[str, Candidate] = {}  # those that the search proposed
        self.admitted: list[Candidate] = []  # these and a person's, in order
        self.cut_short: set[str] = set()  # candidates of which rollouts were dropped in flight
        self.placed: list[tuple[dict[str, Any], Result]] = []
        self.checks: list[Mapping[str, Any]] = []  # on held-out examples
        self.ended: str | None
        self.why: str | None = None  # it ended where it did
        self._journal = journal
        self.shared: dict[str, Result] = {}  # what the run that this one branched off has bought, by key
        self._results: dict[int, dict[str, Result | Dropped]] = defaultdict(dict)  # by batch and key
        self._decisions: dict[tuple[int, bool], list[Decision]] = defaultdict(list)
        self._calls: dict[str, list[tuple[str, Any, bool]]] = defaultdict(list)  # by rollout: request, reply, shared
        self.all_decisions: list[Decision] = []
        records = list(records)
        self.jobs: dict[str, str] = {}  # trainings that a provider has taken, with what it calls them
        self._whole: set[Any] = set()
        self.ended = next(
            (record.get("state") for record in reversed(records) if record.get("k") in ("end", "batch")), None
        )
        try:
            if self.ended == "failed":
                self._last = max((record["n"] for record in records if record.get("k") == "batch"), default=0)
                self._whole |= {record["n"] for record in records if record.get("k") == "done"}
            taken = 1 + int(records[0]["count"]) if records and records[0].get("k") == "taken" else 0
            with all_kept():
                for record in records[:taken]:
                    self._read(record, taken=True)
                for record in records[taken:]:
                    self._read(record)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JournalError(f"a record of this run cannot be read: {type(error).__name__}: {error}") from error

    def _read(self, record: Mapping[str, Any], *, taken: bool = False) -> None:
        """`taken`: from the run that this one branched off, which has paid for it with its own time."""
        kind = record["k"]
        if kind == "call":
            self._calls[record["run"]].append((record["req"], record["res"], taken))
        elif kind == "rollout":
            stored = record["res"] | {"shared": True} if taken else record["res"]
            result = Result.from_dict(stored, record.get("t", 0.0))
            if self.ended == "failed" and is_fault(result) and record["n"] not in self._whole:
                return  # what made the run fail is tried again; what the search has seen stays
            place, role = record["of"], record["of"]["role"]
            if self.ended == "failed" and is_fault(result) and record["n"] == self._last and role == "trainer":
                return  # a search that ended with its training
            self._results[record["n"]][record["key"]] = result
            self.placed.append((place, result))
        elif kind == "shared":
            result = Result.from_dict(record["res"] | {"shared": True}, record.get("t", 0.0))
            if not is_fault(result):
                self.shared[record["key"]] = result
        elif kind == "batch":
            self.requests[record["n"]] = record["req"]
        elif kind == "done":
            self.done.add(record["n"])
            self.seconds = self.seconds if taken else record.get("seconds", self.seconds)
            self._results[record["n"]] |= dict.fromkeys(record["dropped"], Dropped("dropped in flight"))
            self.cut_short |= set(record["dropped"].values())
        elif kind == "job":
            self.jobs[record["key"]] = record["id"]
        elif kind == "decision":
            decision = Decision.from_dict(record)
            self._decisions[decision.batch, decision.during].append(decision)
            self.all_decisions.append(decision)
            if decision.kind == "raise-budget":
                self.budget = _limits(decision.data["limits"])
            if "made" in decision.data:
                self.admitted.append(Candidate.from_dict(decision.data["made"]))
        elif kind == "end":
            self.seconds = float(record["seconds"])
            self.why = None if record.get("why") is None else str(record["why"])
        elif kind == "check":
            self.checks.append(record)
        elif kind == "budget":
            self.budget = _limits(record["limits"])
        elif kind == "candidate":
            candidate = Candidate.from_dict(record["of"])
            self.candidates[candidate.id] = candidate
            self.admitted.append(candidate)

    def holds(self, batch: int) -> bool:
        """Whether a batch was begun before: then a replay passes through it without waiting."""
        return batch in self.requests

    def results(self, batch: int) -> Mapping[str, Result | Dropped]:
        """What the rollouts of a batch gave, by key."""
        return self._results.get(batch, {})

    def decisions(self, batch: int, *, during: bool) -> list[Decision]:
        """The decisions recorded for a position; each is given once."""
        return self._decisions.pop((batch, during), [])

    def next_decision(self, batch: int, *, during: bool) -> Decision | None:
        """The next of the decisions that `decisions` would give."""
        left = self._decisions.get((batch, during))
        return left.pop(0) if left else None

    def rest(self) -> list[Decision]:
        """Decisions that no batch came to: those made after a run had ended."""
        left = sorted(
            (d for decisions in self._decisions.values() for d in decisions), key=lambda decision: decision.id
        )
        self._decisions.clear()
        return left

    def calls(self, run_key: str, cancelled: threading.Event) -> CallLog:
        """The log of one rollout's LM calls."""
        replies: dict[str, list[tuple[Any, bool]]] = defaultdict(list)
        for request_hash, reply, shared in self._calls.pop(run_key, ()):
            replies[request_hash].append((_reply(reply), shared))
        return CallLog(run_key, replies, self._journal, cancelled)


class CallLog:
    """The recorder of one rollout: gives the replies it had, in order, and writes each new one down at once (see `lmnb.lm.recorder`).
    `free` is the usage of those that the run paid for which this one branched off.
    """

    def __init__(
        self, run_key: str, replies: Mapping[str, list[tuple[Any, bool]]], journal: Journal, cancelled: threading.Event
    ) -> None:
        self.free: dict[str, float] = {}
        self._run_key = run_key
        self._replies = replies
        self._journal = journal
        self._cancelled = cancelled
        self._asked: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def replay(self, request_hash: str) -> dict[str, Any] | None:
        if self._cancelled.is_set():
            raise Cancelled("the run was cancelled")
        with self._lock:
            known = self._replies.get(request_hash, ())
            ordinal = self._asked[request_hash]
            if ordinal >= len(known):
                return None
            self._asked[request_hash] = ordinal + 1
        reply, shared = known[ordinal]
        reply = self._journal.blobs.get(reply["blob"]) if set(reply) == {"blob"} else reply
        if not shared:
            return reply
        with self._lock:
            for kind, amount in used(reply["cache"], reply["usage"], reply["cost"]).items():
                self.free[kind] = self.free.get(kind, 0) + amount
        return {**reply, "shared": True}

    def record(self, request_hash: str, response: dict[str, Any]) -> None:
        with self._lock:
            self._asked[request_hash] += 1
        text = compact(response)
        reply = text if len(text) <= INLINE else compact({"blob": self._journal.blobs.put(response)})
        self._journal.append_call(self._run_key, request_hash, reply)


def _limits(stored: Any) -> dict[str, float | None]:
    """The limits in a record, which may be anybody's. InputError (a ValueError) for what is none."""
    return checked_limits(dict(stored), "Budget")


def _reply(stored: Any) -> Any:
    try:
        return parsed(stored) if isinstance(stored, bytes) else stored
    except ValueError as error:
        raise JournalError(f"a reply in this run's journal cannot be read: {stored[:60]!r} ({error})") from error


def used(cache: str, usage: Mapping[str, Any] | None, cost: float | None) -> dict[str, float]:
    """What one LM call counts for: tokens and money where no cache answered it."""
    if cache == "hit":
        return {"calls": 1}
    counts = usage or {}
    tokens = (counts.get("prompt_tokens") or 0) + (counts.get("completion_tokens") or 0)
    return {"calls": 1, "tokens": tokens, "usd": cost or 0.0}


def is_fault(result: Result) -> bool:
    """Whether the program or metric failed, rather than the model's reply."""
    return result.error is not None and not result.error.startswith(MODEL_FAULTS)
