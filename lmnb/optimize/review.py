"""Review: whoever is asked at the gates of a run, and the gates that wait for an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lmnb.errors import InputError, LmnbError, RunError
from lmnb.fingerprint import import_path
from lmnb.optimize.archive import Archive
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.controls import Controls
from lmnb.optimize.decisions import Decision
from lmnb.optimize.effects import Dropped, Effect, Gate, Propose, Result
from lmnb.optimize.recording import Recording
from lmnb.optimize.view import demo_name, text_of

KINDS = ("candidates", "demos", "instructions")
ALL = "all"
_FORMER = {"proposals": "instructions"}
LONGEST = 86_400.0  # seconds of one wait: a lock cannot wait for any number of them
EDITED = 20_000  # characters of a text that a person is shown whole, to edit it


class Unanswered(Exception):
    """A replay has come to a gate that nobody had answered, or a run ends at one."""


@dataclass(frozen=True)
class Pending:
    """What waits at a gate: a `kind` ("candidate", "demo" or "proposal") and its `value`: a Candidate, an Example, or the texts of a proposal by
    output field. `run.accept(pending)`, `run.reject(pending, reason)`, `run.edit(pending, slot, text)` and `run.edit_demo(pending, fields)` answer
    it. `slot` is where a demo or proposal goes.
    """

    kind: str
    id: str
    value: Any
    label: str
    slot: str | None = None
    writes: Mapping[str, str] | None = None  # of a proposal: the slots of its output fields

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, values as texts."""
        values = dict(self.value.values if isinstance(self.value, Candidate) else self.value)
        shown = {name: text_of(value, EDITED) for name, value in values.items() if not name.endswith(".demos")}
        return {"kind": self.kind, "id": self.id, "label": self.label, "slot": self.slot, "values": shown}


def review_header(review: Any) -> Any:
    """`review` as a journal keeps it: a list of kinds, a function by its name, or None. InputError where it is none of these."""
    if review is None:
        return None
    if callable(review):
        return {"function": import_path(review)}
    asked = [review] if isinstance(review, str) else list(review) if isinstance(review, Iterable) else [review]
    asked = [_FORMER.get(kind, kind) if isinstance(kind, str) else kind for kind in asked]
    for kind in asked:
        if kind not in (*KINDS, ALL):
            raise InputError(
                f"review={review!r} is not known; write {', '.join(map(repr, (*KINDS, ALL)))}, a list of them, or a function"
            )
    return list(KINDS) if ALL in asked else asked


def review_patience(timeout: Any, review: Any) -> float | None:
    """`review_timeout` as a journal keeps it. InputError where it is no number of seconds, or nobody is asked."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < math.inf:
        raise InputError(f"review_timeout={timeout!r} is no time; write a number of seconds, or None to wait for ever")
    if review is None or callable(review):
        raise InputError(f"review_timeout={timeout!r} waits for nobody; write review={ALL!r}, or a kind, beside it")
    return float(timeout)


def reviewed_kinds(header: Any) -> frozenset[str]:
    """The kinds of gates that ask, of what `review_header` gave."""
    kinds: Iterable[str] = KINDS if isinstance(header, Mapping) else header or ()
    return frozenset(_FORMER.get(kind, kind) for kind in kinds)


class Gates:
    """Asks at the gates of one driver. `live` False makes this a replay, in which nobody is asked. After `patience` seconds without an
    answer `policy` answers in the person's place: at once with 0, never with None.
    """

    def __init__(
        self,
        kinds: frozenset[str],
        archive: Archive,
        recording: Recording,
        controls: Controls,
        decide: Callable[[Decision], None],
        policy: Callable[[Pending], None],
        patience: float | None,
        *,
        live: bool,
    ) -> None:
        self.waiting: Sequence[Pending] = ()  # for an answer, as of when the driver looked last
        self.searching = False  # what is asked about is for the search, which has not ended
        self.past: dict[str, Pending] = {}  # what was asked about so far, by id
        self.open: frozenset[str] = frozenset()  # what can be answered otherwise still: the search has not gone on
        self._patience = patience
        self._until: float | None = None  # when it ends
        self._asked = 0  # how much waited when it was looked at last
        self._kinds = kinds
        self._archive = archive
        self._recording = recording
        self._controls = controls
        self._decide = decide
        self._policy = policy
        self._live = live

    def asks(self, effect: Effect) -> bool:
        """Whether somebody is asked before this gate opens. What a person made or gave passes: the program as it is, labelled demos."""
        if not isinstance(effect, Gate):
            return False
        if isinstance(effect.value, Candidate):
            return "candidates" in self._kinds and effect.value.origin not in ("baseline", "human")
        return "demos" in self._kinds and effect.value.provenance.origin == "bootstrapped"

    def item(self, effect: Effect, outcome: Any = None) -> Pending | None:
        """What is asked about an effect; None where nothing is. `outcome` is what came of a proposal."""
        if isinstance(effect, Propose):
            return self._proposal(effect, outcome)
        if not isinstance(effect, Gate) or not self.asks(effect):
            return None
        if isinstance(effect.value, Candidate):
            return Pending("candidate", effect.value.id, effect.value, effect.value.label)
        demo = effect.value
        return Pending(
            "demo", demo.provenance.id, demo, f"{demo_name(demo)} for {slot_words(effect.slot or '')}", effect.slot
        )

    def _proposal(self, effect: Propose, outcome: Any) -> Pending | None:
        if "instructions" not in self._kinds or effect.slot is None:
            return None
        if not isinstance(outcome, Result) or outcome.error is not None or not outcome.outputs:
            return None
        texts = {name: value for name, value in outcome.outputs.items() if isinstance(value, str)}
        asked = effect.key() in self._archive.state.gates  # in a replay the answers are known before
        if not asked and any(
            self._archive.text_refused(slot, texts.get(name, "")) for name, slot in effect.writes.items()
        ):
            return None  # it goes no further anyway
        return Pending(
            "proposal", effect.key(), texts, f"a proposal for {slot_words(effect.slot)}", effect.slot, effect.writes
        )

    def wait(self, items: Sequence[Pending], batch: int, *, during: bool) -> None:
        """Until each has its answer: from the journal as far as that goes, then from the policy or a person. Raises Unanswered."""
        controls = self._controls
        self.past |= {item.id: item for item in items}
        self.open = frozenset(item.id for item in items)
        try:
            while left := [item for item in [*items, *self.back()] if not self._answered(item)]:
                recorded = self._recording.next_decision(batch, during=during)
                if recorded is not None:
                    self._decide(recorded)
                    continue
                if self._recording.holds(batch + during) and not self.open & {item.id for item in left}:
                    break  # the search had gone on without asking again
                if self._archive.state.stopped is not None:
                    controls.stopping = True
                if controls.stopping or not self._live:
                    raise Unanswered
                timed = [item for item in left if item.id not in self._archive.state.called_back]
                wait = self._left(timed)
                if wait == 0:
                    if self._patience and controls.read(wait=False, once=True):
                        continue  # what was answered in time counts, however late it is read
                    self._policy(timed[0])
                    if not self._answered(timed[0]):
                        raise RunError(f"the review function's answer to {timed[0].label} did not settle it")
                    continue
                self.waiting = left
                controls.enter("waiting")
                controls.told("pending", left)
                controls.read(wait=True, once=True, timeout=None if wait is None else min(wait, LONGEST))
        finally:
            self.waiting, self._until, self.open = (), None, frozenset()
            if controls.state == "waiting":
                controls.enter("running")

    @property
    def pending(self) -> list[Pending]:
        """What waits for an answer, as of now."""
        waiting = {item.id: item for item in (*self.waiting, *(self.back() if self.waiting else ()))}
        return [item for item in waiting.values() if not self._answered(item)]

    def back(self) -> list[Pending]:
        """Candidates that were answered at a gate before, and whose answer was taken back since: they are asked about again, while
        there is a search.
        """
        state = self._archive.state
        past = (self.past[name] for name in (state.reviewed | state.called_back) & self.past.keys() - self.open)
        return sorted(
            (item for item in past if self.can_ask(item) and not self._answered(item)), key=lambda item: item.id
        )

    def can_ask(self, item: Pending) -> bool:
        """Whether what had waited at a gate can be asked about again: it is a candidate that is not begun, and there is a search."""
        return self.searching and item.kind == "candidate" and not self._archive.entries[item.id].results

    @property
    def seconds_left(self) -> float | None:
        """Until what waits goes on by itself; None where it does not, such as in a pause."""
        until = self._until
        return None if until is None or not self.pending else max(0.0, until - time.monotonic())

    def _left(self, left: Sequence[Pending]) -> float | None:
        """How long to wait now. The time begins anew with each answer, and after a pause; once it is over, all that waits goes on."""
        if self._patience is None or not left or (self._patience and self._controls.paused):
            self._until = None
            return None
        now = time.monotonic()
        if self._until is None or (len(left) < self._asked and now < self._until):
            self._until = now + self._patience
        self._asked = len(left)
        return max(0.0, self._until - now)

    def _answered(self, item: Pending) -> bool:
        state = self._archive.state
        if item.id in state.gates:
            return True
        if item.kind == "candidate":
            return self._archive.dropped(item.value) is not None or item.id == state.accepted
        if item.kind == "demo":
            return item.id in state.kept or self._archive.demo_refused(item.slot or "", item.value) is not None
        return False

    def result(self, item: Pending, outcome: Any) -> Any:
        """What comes of a proposal or a demo that has its answer: itself, another one in its place, None or Dropped where it was refused."""
        answer = self._archive.state.gates.get(item.id)
        if item.kind == "demo":
            into = item.value if answer is None or "into" not in answer.data else self._archive.state.edited(answer)
            return None if self._archive.demo_refused(item.slot or "", into) else into
        if answer is not None and answer.kind == "reject-proposal":
            return Dropped(answer.data.get("reason") or "rejected")
        if answer is not None and answer.kind == "edit-proposal":
            return replace(outcome, outputs={**outcome.outputs, **answer.data["values"]})
        return outcome


def slot_words(slot: str) -> str:
    """A slot as people say it: what it is of, and demos go without saying.

    >>> slot_words("answer.demos"), slot_words("self.instructions"), slot_words("route.team.desc")
    ('answer', 'the instructions of the program', 'the description of route.team')
    """
    path, _, what = slot.rpartition(".")
    part = "the program" if path in ("", "self") else path
    if what in ("demos", ""):
        return part
    return f"the {'description' if what == 'desc' else what} of {part}"


def policy_answer(ask: Callable[[Pending], Any] | None, item: Pending) -> tuple[str, Any]:
    """What a policy function says: ("accept", None), ("reject", reason) or ("edit", values). RunError where it raises, InputError where it
    says none of these, in any other words too.

    >>> import lmnb
    >>> item = Pending("demo", "a1", lmnb.Example(question="Who?"), "a demo")
    >>> policy_answer(lambda item: True, item), policy_answer(lambda item: "reject: too short", item)
    (('accept', None), ('reject', 'too short'))
    """
    try:
        given = None if ask is None else ask(item)
    except LmnbError:
        raise
    except Exception as error:  # the boundary to the user's function
        raise RunError(
            f"the review function raised {type(error).__name__}: {error}, asked about {item.label}. Mend it, then "
            "lmnb.reopen(path, review=...).resume() goes on from here."
        ) from error
    if given is None or given is True:
        return "accept", None
    if given is False:
        return "reject", None
    if isinstance(given, Mapping) and given:
        return "edit", dict(given)
    said, _, reason = given.partition(":") if isinstance(given, str) else ("", "", "")
    said, reason = said.strip().lower(), reason.strip()
    if said == "reject" or (said == "accept" and not reason):
        return said, reason or None
    raise InputError(
        f"the review function gave {given!r} for {item.label}. Its answers are True (or None, or 'accept'), False (or 'reject', with a reason "
        "'reject: too long'), or a dict of new values to edit. Mend it, then lmnb.reopen(path, review=...).resume() goes on from here."
    )
