"""What a search may ask of the driver. A search yields a list of effects (a batch) and is sent their results in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lmnb.canonical import canonical, content_hash, text_hash
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate


@dataclass(frozen=True)
class Rollout:
    """Run one candidate on example `index` of `split` ("train" or "val"). The result is a `Result`, or `Dropped`.

    `rollout_id` > 0 asks for another sample of the same call, at `temperature`. `tracing` gives the metric the trace, as bootstrapping does.
    `role` is the program that runs: "student" or "teacher". `focus` is the predictor of which the metric is asked to speak, where it can
    (see `lmnb.evaluate.metrics`); such a rollout counts for no score.
    """

    candidate: Candidate
    index: int
    split: str = "val"
    rollout_id: int = 0
    temperature: float | None = None
    tracing: bool = False
    role: str = "student"
    focus: str | None = None

    def run_key(self) -> str:
        """Names what the program does; the metric has no part in it, so a changed metric can use the stored calls."""
        return self._keys[0]

    def key(self) -> str:
        """Names the rollout with its score: the same key is never bought twice."""
        return self._keys[1]

    @cached_property
    def _keys(self) -> tuple[str, str]:
        focus = "" if self.focus is None else f",{canonical(self.focus)}"  # a run of its own: it shares no log of calls
        degree = "null" if self.temperature is None else canonical(self.temperature)
        place = f'"{self.candidate.id}","{self.split}",{self.index},{self.rollout_id},{degree}'
        run = text_hash(f'["run",{place},"{self.role}"{focus}]', 16)  # the JSON text, written in a third of the time
        return run, text_hash(f'["{run}",{"true" if self.tracing else "false"}]', 16)

    def request(self) -> list[Any]:
        return ["rollout", self.key()]

    def place(self) -> Mapping[str, Any]:
        """What a reader of the journal needs to place it."""
        place = {
            "candidate": self.candidate.id,
            "split": self.split,
            "index": self.index,
            "rollout": self.rollout_id,
            "role": self.role,
            "tracing": self.tracing,
        }
        return place if self.focus is None else {**place, "focus": self.focus}


@dataclass(frozen=True)
class Propose:
    """Ask one of the optimizer's proposers (see `Optimizer.proposers`) for new text. The result is a `Result` whose `outputs` are what it
    wrote, or `Dropped`.

    `inputs` are in terms of JSON. `rollout_id` > 0 asks for another sample, at `temperature`. `slot` is where the text is meant to go, `writes`
    the slots of those output fields that stand there as they are. What the person locked in these, the driver adds as `keep`: the proposer is
    told to keep it, and asked `again` where it did not.
    """

    asked: str
    inputs: Mapping[str, Any]
    rollout_id: int = 0
    temperature: float | None = None
    slot: str | None = None
    writes: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    again: bool = False
    role = "proposer"

    def run_key(self) -> str:
        return self._run_key

    @cached_property
    def _run_key(self) -> str:
        keep = [self.keep, self.again] if self.keep else []
        return content_hash(["propose", self.asked, self.inputs, self.rollout_id, self.temperature, *keep], 16)

    def key(self) -> str:
        """Names the proposal: the same key is never bought twice."""
        return self.run_key()

    def request(self) -> list[Any]:
        return ["propose", self.key()]

    def place(self) -> dict[str, Any]:
        """What a reader of the journal needs to place it."""
        return {
            "role": self.role,
            "asked": self.asked,
            "slot": self.slot,
            "rollout": self.rollout_id,
            "candidate": None,
        }


@dataclass(frozen=True)
class Train:
    """Fit weights: of the LM that the predictors at `paths` ask in `candidate`, on `rows`. The result is a `Result` whose `outputs` are the
    reference of the new LM, the value of a slot `"<path>.lm"`, or `Dropped`.

    A row is a call of a predictor to learn from: its `path`, `inputs` and `outputs` in terms of JSON, and its `sources`, the
    training examples that it came from. The prompts are those of the candidate, with its demos unless `exclude_demos`.
    """

    candidate: Candidate
    paths: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    exclude_demos: bool = False
    role = "trainer"

    def run_key(self) -> str:
        asked = [self.candidate.id, self.paths, self.rows, self.options, self.exclude_demos]
        return content_hash(["train", *asked], 16)

    def key(self) -> str:
        """Names the training: what was trained is never trained again."""
        return self.run_key()

    def request(self) -> list[Any]:
        return ["train", self.key()]

    def place(self) -> dict[str, Any]:
        """What a reader of the journal needs to place it."""
        return {"role": self.role, "candidate": None, "paths": list(self.paths), "rows": len(self.rows)}


@dataclass(frozen=True)
class Gate:
    """May this candidate or demo go on? The result is the value (perhaps another one), or None where it is refused."""

    value: Candidate | Example
    slot: str | None = None

    def request(self) -> list[Any]:
        name = self.value.id if isinstance(self.value, Candidate) else self.value.provenance.id
        return ["gate", self.slot, name]


@dataclass(frozen=True)
class Inbox:
    """What has the person injected since the last Inbox? The result is a list of candidates."""

    def request(self) -> list[Any]:
        return ["inbox"]


@dataclass(frozen=True)
class Report:
    """A message of the search to whoever watches. The result is None.

    `about` is the same as data, in terms of JSON: what an optimizer tells of its search after it (see `Optimizer.attributes`).
    """

    message: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> list[Any]:
        return ["report", self.message]


# what asks or makes an LM: it has a key, is journaled with its result, and runs in a worker thread
Bought = Rollout | Propose | Train
Effect = Bought | Gate | Inbox | Report


@dataclass(frozen=True)
class Result:
    """What a rollout or a proposal gave. `score` is None where there was an error, or no metric. `outputs` are in terms of JSON; `trace` names
    a stored trace; `checks` are those that failed, each a text and whether it holds by now. With `shared` it was paid for by the run that
    this one branched off; `free` is what of the usage was, where this run has bought the rest.
    """

    score: float | None = None
    outputs: dict[str, Any] | None = None
    feedback: str | None = None
    error: str | None = None
    error_kind: str | None = None
    trace: str | None = None
    usage: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    checks: Sequence[Mapping[str, Any]] = ()
    shared: bool = False
    free: Mapping[str, float] | None = None

    @property
    def bought(self) -> dict[str, float]:
        """What of the usage this run has paid for."""
        if self.shared:
            return {}
        free = self.free
        return {kind: max(0, used - free.get(kind, 0)) for kind, used in self.usage.items()} if free else self.usage

    @property
    def value(self) -> float:
        """The score as it counts in a mean: an error counts 0."""
        return self.score if self.score is not None else 0.0

    def to_dict(self) -> dict[str, Any]:
        """What is compared between runs; time stands beside it in the journal."""
        named = {name: getattr(self, name) for name in ("score", "outputs", "feedback", "error", "error_kind", "trace")}
        checks = {"checks": list(self.checks)} if self.checks else {}
        more = checks | ({"shared": True} if self.shared else {"free": self.free} if self.free else {})
        return {name: value for name, value in named.items() if value is not None} | more | {"usage": self.usage}

    @classmethod
    def from_dict(cls, stored: dict[str, Any], seconds: float = 0.0) -> Result:
        if not stored.keys() <= _EMPTY.keys():
            raise TypeError(f"{stored.keys() - _EMPTY.keys()} is nothing that a result has")
        made = cls.__new__(cls)
        vars(made).update(
            _EMPTY, **stored, seconds=seconds
        )  # all fields at once, in half the time: a replay makes many
        return made


_EMPTY = vars(Result())


@dataclass(frozen=True)
class Dropped:
    """The result of an effect that was not carried out: its candidate was vetoed, or the run ends."""

    reason: str
