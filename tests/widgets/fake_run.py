"""A run that is nothing but data: what the Studio asks of a `Run`, with every command written down. Deterministic."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lmnb

TICKETS = [
    ("I was charged twice for the March invoice, please return one payment to my card", "Billing"),
    ("Reset link expires before the mail arrives", "Access"),
    ("My new phone does not show the code that the log-in asks for", "Access"),
    ("The parcel was left at the wrong door and nobody signed for it", "Delivery"),
    ("The screen stays black after the update", "Hardware"),
    ("Please send the invoice to our new address", "Billing"),
]
BEFORE = "Route the ticket to a team."
AFTER = (
    "Read the ticket and choose the one team that can act on it today.\n"
    "Billing owns refunds and invoices; Access owns passwords and log-ins. "
    "When two teams fit, choose the one named in the customer's request."
)


def name(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:12]


def row(number: int, score: float | None, **more: Any) -> dict[str, Any]:
    margin = 7.2
    return {
        "id": name(number),
        "number": number,
        "label": f"{number % 5 + 1} demos · seed {number}",
        "origin": "bootstrapped",
        "parents": [name(0)] if number else [],
        "status": "scored" if score is not None else "waiting",
        "score": score,
        "low": None if score is None else max(0.0, score - margin),
        "high": None if score is None else min(100.0, score + margin),
        "done": 100 if score is not None else 0,
        "total": 100,
        "reason": None,
        "human": False,
    } | more


def picture_rows() -> list[dict[str, Any]]:
    """The candidates of the design's picture."""
    scores = [41.0, 44.0, 54.0, 49.0, 65.0, 70.0, 52.0, 76.0, 61.0, 77.0, 74.0, 63.0, 84.0, 70.5]
    rows = [row(number, score) for number, score in enumerate(scores)]
    rows[0] |= {"label": "baseline", "origin": "baseline"}
    rows[7] |= {"label": "instruction 3 · demos A"}
    rows[5] |= {"label": "instruction 1 · demos A"}
    rows[9] |= {"label": "your edit of #7", "origin": "human", "human": True, "parents": [name(7)]}
    rows[10] |= {"status": "dropped", "reason": "holds demo 31"}
    rows[12] |= {"label": "instruction 3 · demos B", "parents": [name(9)]}
    rows.append(row(14, None, status="evaluating", done=33))
    return rows


class FakeRun:
    """`commands` lists every method called, with its arguments; `fail` is what the next command raises."""

    def __init__(self, rows: list[dict[str, Any]] | None = None, *, state: str = "running", live: bool = True) -> None:
        self.rows = picture_rows() if rows is None else rows
        self.state = state
        self.live = live
        self.seq = 1
        self.commands: list[tuple[Any, ...]] = []
        self.fail: Exception | None = None
        self.decided: list[dict[str, Any]] = []
        self.snapshots = 0
        self.pending: list[dict[str, Any]] = []
        self.held = False
        self.review: dict[str, Any] = {"timeout": None, "left": None}
        self.branches: list[FakeRun] = []
        self.branched = False
        self.ended: str | None = None
        self.calls = 1204
        self.fixed: dict[str, Any] = {"locked": [], "pinned": []}
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    # what the run thread would do

    def change(self, **changes: Any) -> None:
        """Set attributes, count the change, tell the subscribers."""
        with self._lock:
            for key, value in changes.items():
                setattr(self, key, value)
            self.seq += 1
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def change_row(self, number: int, **changes: Any) -> None:
        self.change(rows=[{**one, **changes} if one["number"] == number else one for one in self.rows])

    # what the Studio reads

    @property
    def name(self) -> str:
        return "2025-01-31-tickets-branch" if self.branched else "2025-01-31-tickets"

    @property
    def path(self) -> Path:
        return Path("runs", self.name)

    @property
    def subscribers(self) -> int:
        return len(self._callbacks)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    @property
    def decisions(self) -> list[Any]:
        """What was decided, with what each is about: `decided` has it as `data`."""
        return [SimpleNamespace(**{"data": {}} | one) for one in self.decided]

    @property
    def best(self) -> str | None:
        scored = [one for one in self.rows if one["status"] == "scored"]
        return max(scored, key=lambda one: one["score"])["id"] if scored else None

    def snapshot(self) -> dict[str, Any]:
        self.snapshots += 1
        with self._lock:
            rows = list(self.rows)
            return {
                "seq": self.seq,
                "run": {"id": "r1", "name": self.name, "path": "runs/2025-01-31-tickets"},
                "optimizer": "MIPROv2",
                "program": "TicketRouter",
                "state": self.state,
                "held": self.held,
                "error": None,
                "ended": self.ended,
                "short_of": "calls" if self.ended else None,
                "live": self.live,
                "progress": {"label": f"trial {len(rows) - 1} of 40", "done": len(rows), "total": 40},
                "budget": {
                    "calls": {"spent": self.calls, "limit": 3000},
                    "tokens": {"spent": 400_000, "limit": None},
                    "usd": {"spent": 0.42, "limit": 2.0},
                    "seconds": {"spent": 70, "limit": None},
                },
                "elapsed": 70.0,
                "eta": 130.0,
                "evalset": {"name": "valset", "size": 100},
                "best": self.best,
                "accepted": None,
                "expected": 81.2,
                "check": None,
                "pending": list(self.pending),
                "review": dict(self.review),
                "baseline": rows[0]["id"] if rows else None,
                "candidates": rows,
                "decisions": [{key: each for key, each in one.items() if key != "data"} for one in self.decided],
            }

    def detail(self, candidate: str, against: str | None = None) -> dict[str, Any]:
        one = self._row(candidate)
        demos = [
            {
                "id": f"demo{number:08d}",
                "number": number,
                "fields": dict(zip(("ticket", "team"), TICKETS[n], strict=True)),
                "origin": origin,
                "status": status,
                "decision": self._about(f"demo{number:08d}") if status else None,
            }
            for n, (number, origin, status) in enumerate(
                [(17, "bootstrapped", None), (22, "bootstrapped", "kept"), (40, "labelled", None)]
                if one["reason"] != "holds demo 31"
                else [(31, "bootstrapped", "rejected")]
            )
        ]
        baseline = one["number"] == 0
        lineage = [one]
        while lineage[0]["parents"]:
            lineage.insert(0, self._row(lineage[0]["parents"][0]))
        return {
            "id": candidate,
            "number": one["number"],
            "row": one,
            "gain": None
            if baseline or one["score"] is None
            else {"against": 9, "mean": one["score"] - 77, "low": 0.6, "high": 13.4, "fixed": 9, "broken": 2, "n": 100},
            "expected": None if baseline else 81.2,
            "check": None,
            "texts": [],
            "tokens": 412.0,
            "predictors": [
                {
                    "path": "route.predict",
                    "instructions": BEFORE if baseline else AFTER,
                    "before": BEFORE,
                    **self.fixed,
                    "inputs": ["ticket"],
                    "outputs": ["team"],
                    "demos": [] if baseline else demos,
                }
            ],
            "lineage": [{key: step[key] for key in ("id", "number", "label", "score")} for step in lineage],
        }

    def examples(
        self, candidate: str, against: str | None = None, offset: int = 0, limit: int = 200, only: str | None = None
    ) -> dict[str, Any]:
        self._row(candidate)
        chance = random.Random(candidate)
        rows = []
        for index in range(100):
            text, team = TICKETS[index % len(TICKETS)]
            right, before = chance.random() < 0.84, chance.random() < 0.77
            rows.append(
                {
                    "index": index,
                    "inputs": {"ticket": text},
                    "labels": {"team": team},
                    "outputs": None if index == 50 else {"reasoning": "because", "team": team if right else "Sales"},
                    "score": None if index == 50 else float(right),
                    "before": float(before),
                    "change": None if index == 50 else "same" if right == before else "fixed" if right else "broken",
                    "error": "ParseError: the reply has no field 'team'" if index == 50 else None,
                    "seconds": 0.31,
                    "has_trace": True,
                }
            )
        counts = {key: sum(one["change"] == key for one in rows) for key in ("fixed", "broken", "same")}
        found = [
            one
            for one in rows
            if only is None or (one["error"] is not None if only == "error" else one["change"] == only)
        ]
        return {"total": len(found), "counts": counts, "rows": found[offset : offset + limit]}

    def provenance(self, candidate: str) -> Any:
        number = self._row(candidate)["number"]
        told = {"slot": "route.predict.instructions", "kind": "sentence", "source": None}
        found = [
            told | {"text": AFTER.splitlines()[0], "candidate": number, "by": "proposer", "how": "it was proposed"},
            told | {"text": BEFORE, "candidate": 0, "by": "program", "how": "as the program was given"},
        ]
        return SimpleNamespace(to_dicts=lambda: found)

    def trace(self, candidate: str, example: int) -> FakeTrace:
        self._row(candidate)
        return FakeTrace(f"TicketRouter #{example}")

    def _repr_html_(self) -> str:
        return f'<div class="lmnb-run">static report of {self.name}: {self.state}</div>'

    def __repr__(self) -> str:
        return f"Run({self.name}, {self.state})"

    def _about(self, demo: str) -> int:
        """The decision that stands on a demo."""
        ids = [one["id"] for one in self.decided if one.get("data", {}).get("demo", {}).get("id") == demo]
        return ids[-1] if ids else 0

    def _row(self, candidate: str) -> dict[str, Any]:
        for one in self.rows:
            if one["id"] == candidate:
                return one
        raise ValueError(f"no candidate {candidate!r} in this run")

    # what the person can do

    def _did(self, *command: Any) -> None:
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        self.commands.append(command)

    def pause(self) -> None:
        self._did("pause")

    def resume(self) -> None:
        self._did("resume")

    def step(self) -> None:
        self._did("step")

    def stop(self) -> None:
        self._did("stop")

    def cancel(self) -> None:
        self._did("cancel")

    def accept(self, candidate: str) -> None:
        self._did("accept", candidate)

    def reject(self, candidate: str, reason: str | None = None) -> None:
        self._did("reject", candidate, reason)

    def edit(self, candidate: str, slot: Any, text: str | None = None) -> None:
        self._did("edit", candidate, slot, text)

    def inject(
        self,
        instructions: Any = None,
        demo: Any = None,
        candidate: Any = None,
        parent: Any = None,
        allow_leak: bool = False,
    ) -> None:
        self._did(
            "inject", instructions, demo, candidate, *([parent] if parent is not None else []), *["leak"] * allow_leak
        )

    def pin(self, slot: str, candidate: str) -> None:
        self._did("pin", slot, candidate)

    def unpin(self, slot: str) -> None:
        self._did("unpin", slot)

    def lock(self, slot: str, text: str) -> None:
        self._did("lock", slot, text)

    def unlock(self, slot: str, text: str | None = None) -> None:
        self._did("unlock", slot, text)

    def raise_budget(self, **limits: float) -> None:
        self._did("raise_budget", limits)

    def branch(self, at: Any = None, *, budget: Any = None, paused: bool = False) -> FakeRun:
        self._did("branch", at, None if budget is None else budget.limits, paused)
        made = FakeRun(self.rows[:3])
        made.branched = True
        self.branches.append(made)
        return made

    def keep_demo(self, demo: str) -> None:
        self._did("keep_demo", demo)

    def reject_demo(self, demo: str, reason: str | None = None) -> None:
        self._did("reject_demo", demo, reason)

    def edit_demo(self, demo: str, fields: dict[str, str], candidate: str | None = None) -> None:
        self._did("edit_demo", demo, fields, candidate)

    def undo(self, decision: int | None = None) -> None:
        self._did("undo", decision)

    def redo(self) -> None:
        self._did("redo")

    def export(self, path: str, format: str = "json") -> Path:
        self._did("export", path, format)
        return Path(path)


class FakeTrace(lmnb.Trace):
    """The trace of the design's picture, or of `data`, with the totals and the states that are said there."""

    def __init__(self, title: str = "MultiHop", data: dict[str, Any] | None = None) -> None:
        self.title, self.data = title, data or pictured(title)
        made = lmnb.Trace.from_dict(self.data)
        super().__init__(made.root, score=made.score)

    def __repr__(self) -> str:
        return f"Trace({self.title})"

    def _repr_html_(self) -> str:
        return f'<div class="lmnb-trace">static trace of {self.title}</div>'

    def to_dict(self, *, media: bool = True) -> dict[str, Any]:
        return self.data


def pictured(title: str) -> dict[str, Any]:
    """The rows of the design's picture, under a title."""
    spans: list[dict[str, Any]] = []

    def add(parent: int | None, kind: str, title: str, label: str, start: float, seconds: float, **more: Any) -> int:
        depth = 0 if parent is None else spans[parent]["depth"] + 1
        base = {"status": "ok", "inputs": {}, "outputs": None, "error": None, "printed": None}
        spans.append(
            {
                "id": len(spans),
                "parent": parent,
                "depth": depth,
                "kind": kind,
                "name": title,
                "label": label,
                "start": start,
                "seconds": seconds,
            }
            | base
            | ({"path": title} if kind == "predict" else {})
            | more
        )
        return len(spans) - 1

    def lm(parent: int, label: str, start: float, seconds: float, **more: Any) -> int:
        messages = [
            {"role": "system", "content": "Answer in the given format."},
            {"role": "user", "content": "[[ ## question ## ]]\nWho directed the film named after the song?"},
        ]
        call = {
            "messages": messages * 3,
            "response": "[[ ## reasoning ## ]]\nIt is missing.\n\n[[ ## search_query ## ]]\nThe Lovers director",
            "request": {"temperature": 0, "max_tokens": 512},
            "usage": {"prompt_tokens": 812, "completion_tokens": 64},
            "cost": 0.0006,
            "cache": "miss",
            "attempts": 1,
        }
        return add(parent, "lm", "openai/gpt-5-mini", label, start, seconds, **(call | more))

    fields = {
        "inputs": {
            "context": "[1] The Lovers (song) was written by…\n[2] …",
            "question": "Who directed the film named after the song?",
        },
        "outputs": {
            "reasoning": "The first passage names the song; the director is still missing.",
            "search_query": "film The Lovers director",
        },
    }
    root = add(
        None,
        "module",
        title,
        "MultiHop",
        0,
        1.84,
        inputs={"question": fields["inputs"]["question"]},
        outputs={"answer": "R. Singh"},
    )
    first = add(root, "predict", "hops[0].query", "ChainOfThought", 0, 0.61, **fields)
    lm(first, "LM", 0.02, 0.58, cache="hit")
    add(root, "retrieval", "retrieve", "BM25 · 3 passages", 0.61, 0.041)
    second = add(root, "predict", "hops[1].query", "ChainOfThought", 0.66, 0.55, **fields)
    lm(
        second,
        "LM · did not parse",
        0.66,
        0.21,
        status="unparsed",
        error="ParseError: the reply has no field 'search_query'",
    )
    lm(second, "LM · repair", 0.9, 0.32)
    add(root, "retrieval", "retrieve", "BM25 · 3 passages", 1.2, 0.038)
    third = add(root, "predict", "answer", "ChainOfThought", 1.25, 0.60, **fields)
    lm(third, "LM", 1.26, 0.58)
    return {
        "name": title,
        "seconds": 1.84,
        "calls": 4,
        "repaired": 1,
        "tokens": 2911,
        "cost": 0.0021,
        "score": 1.0,
        "checks": [],
        "spans": spans,
    }
