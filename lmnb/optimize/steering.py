"""What a person may decide about a run: each method checks it, says it in words and records it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.at_gates import content, quoted
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decided import decided
from lmnb.optimize.demos import best_holder, held_demos, named_demo
from lmnb.optimize.fixing import Fixing, short
from lmnb.optimize.injection import checked_text, demo_fields, with_demo, with_instructions, with_values
from lmnb.optimize.leaks import leak_words
from lmnb.optimize.misfits import edited_demo
from lmnb.optimize.review import Pending, policy_answer
from lmnb.optimize.tabu import brought
from lmnb.optimize.view import demo_name


class Steering(Fixing):
    """A worker that takes decisions."""

    # --- about candidates

    @decided
    def accept(self, candidate: Any) -> None:
        """Endorse a candidate as the result; a later accept or reject changes it. What waits at a gate may go on."""
        item = self._pending(candidate)
        if item is not None:
            self._decide("pass", {"gate": item.id}, f"let {self._named(item)} go on")
            return
        late = candidate if isinstance(candidate, Pending) else self._past(candidate)
        if late is not None:
            raise self._too_late(late)
        entry = self._entry(candidate)
        passed = self._archive.state.gates.get(entry.candidate.id)
        unscored = self._archive.size and not self._archive.complete(entry.candidate.id)
        if passed is not None and passed.by == "timeout" and unscored:
            raise self._too_late(Pending("candidate", entry.candidate.id, entry.candidate, f"#{entry.number}"))
        reason = self._archive.dropped(entry.candidate)
        if reason is not None and entry.candidate.id not in self._archive.state.rejected:
            raise InputError(
                f"candidate {entry.number} cannot be accepted: {reason}. Undo the decision that dropped it first."
            )
        self._decide("accept", {"candidate": entry.candidate.id}, f"accepted #{entry.number}")

    @decided
    def reject(self, candidate: Any, reason: str | None = None) -> None:
        """Rule a candidate out, and with it every other that has a text which it brought, or one that says the same; all keep their scores
        and come back by undo. What it has of others (demos, texts that were there before) stays allowed.
        """
        item, past = self._pending(candidate), self._past(candidate)
        if past is not None and past.kind == "proposal" and item is None:
            raise self._too_late(past)
        item = item or past
        if item is not None and item.kind == "demo":
            self.reject_demo(item.value, reason)
            return
        if item is not None and item.kind == "proposal":
            self._reject_proposal(item, reason)
            return
        entry = self._entry(candidate)
        tabu = brought(entry.candidate, self._archive, self.header.baseline)
        data = {"candidate": entry.candidate.id, "reason": reason, **({"tabu": tabu} if tabu else {})}
        told = self._would_drop("reject", data, but=entry)
        self._decide("reject", data, f"rejected #{entry.number}{quoted(reason)}{told}")

    @decided
    def edit(self, candidate: Any, slot: str | Mapping[str, str], text: str | None = None) -> Any:
        """A child of the candidate with another text in a slot such as "self.instructions", "self.outputs['answer'].desc" or
        "tools['search'].desc", or with several texts by slot; it is evaluated next. Of what waits at a gate it takes the place; of a
        proposal, `slot` is an output field.
        """
        if isinstance(slot, Mapping) and text is not None:
            raise InputError(f"the text {text!r} has no slot: edit takes a slot and its text, or several texts by slot")
        texts: Mapping[str, Any] = slot if isinstance(slot, Mapping) else {slot: text}
        item = self._pending(candidate)
        if item is not None and item.kind == "proposal":
            self._edit_proposal(item, texts)
            return None
        late = self._past(candidate) if item is None else None
        if late is not None:
            raise self._too_late(late)
        entry = self._entry(candidate)
        texts = {name: checked_text(name, each, entry.candidate) for name, each in texts.items()}
        child = entry.candidate
        for name, each in texts.items():
            child = child.put(name, each)
        child = child.child_of(entry.candidate, origin="human", label=f"your edit of #{entry.number}")
        data: dict[str, Any] = {"texts": texts}
        if len(texts) == 1:
            data = dict(zip(("slot", "text"), next(iter(texts.items())), strict=True))
        data |= {"parent": entry.candidate.id, **({} if item is None else {"gate": item.id})}
        return self._make("edit", child, data, f"edited {' and '.join(map(short, texts))} of #{entry.number}")

    @decided
    def inject(
        self,
        instructions: str | Mapping[str, str] | None = None,
        demo: Any = None,
        candidate: Mapping[str, Any] | Candidate | None = None,
        parent: Any = None,
        *,
        allow_leak: bool = False,
    ) -> Candidate:
        """A child of the best candidate, or of `parent`, with these instructions (or descriptions, by slot), or with this demo added, or
        with these slot values, or those of a candidate, say of another run: `run.inject(candidate=other.candidate(3))`; it is evaluated next.

        InputError for a demo that is one of the validation examples: the score would be of an example that the prompt holds. With
        `allow_leak` it is taken, and whatever holds it says so.
        """
        if sum(given is not None for given in (instructions, demo, candidate)) != 1:
            raise InputError("inject one thing: instructions=..., demo=... or candidate=...")
        best = (self._archive.best() or self.header.baseline) if parent is None else self._entry(parent).candidate
        base, predictors = best, self.header.predictors
        data: dict[str, Any]
        if instructions is not None:
            child, what = with_instructions(base, instructions, predictors), "an instruction"
            data = {"instructions": instructions}
        elif demo is not None:
            child, what = with_demo(base, demo, predictors, self.header.splits["train"]), "a demo"
            data = {"demo_fields": demo_fields(demo)}
        else:
            child, what = (
                with_values(
                    base, candidate.values if isinstance(candidate, Candidate) else candidate or {}, predictors
                ),
                "a candidate",
            )
            data = {}
        data, told = self._leaked(data, self._new_leaks(child, base), allow_leak, "inject")
        return self._make("inject", child, data, f"injected {what}{told}")

    # --- about demos

    @decided
    def keep_demo(self, demo: Any, *, allow_leak: bool = False) -> None:
        """Endorse a demo: later candidates that draw labelled demos take it first. `allow_leak` as of `inject`."""
        meant = self._meant(demo)
        index = self._archive.leaks.index(meant)
        data = {"demo": content(meant), "name": demo_name(meant)}
        data, told = self._leaked(data, () if index is None else (index,), allow_leak, "keep_demo")
        self._decide("keep-demo", data, f"kept {demo_name(meant)}{told}")

    @decided
    def reject_demo(self, demo: Any, reason: str | None = None) -> None:
        """Rule out a demo and every candidate that holds it, or one that says the same."""
        meant = self._meant(demo)
        data = {"demo": content(meant), "name": demo_name(meant), "reason": reason}
        told = self._would_drop("reject-demo", data)
        asked = self._pending(demo) is not None  # of what is only proposed it goes without saying
        if not asked and all(meant.provenance.id != held.provenance.id for held in held_demos(self._archive)):
            told = told or ", which no candidate holds yet"
        self._decide("reject-demo", data, f"rejected {demo_name(meant)}{quoted(reason)}{told}")

    @decided
    def edit_demo(
        self, demo: Any, fields: Mapping[str, Any], candidate: Any = None, *, allow_leak: bool = False
    ) -> Any:
        """A child of the candidate (by default the best that holds the demo) with the demo's fields changed; a field of the predictor that the
        demo lacks takes the place of what it seems to be misspelt as. A demo that waits at a gate is changed itself, and goes on.
        `allow_leak` as of `inject`.
        """
        item = self._pending(demo) if candidate is None else None
        late = self._past(demo) if item is None else None
        if late is not None and late.kind == "demo":  # it has gone on: what holds it is changed
            demo = late.value
        meant = named_demo(demo, self._archive, self.header) if item is None else item.value
        if item is not None:
            changed = edited_demo(meant, fields, {item.slot}, self.header.predictors)
            found = {self._archive.leaks.index(changed)} - {self._archive.leaks.index(meant), None}
            self._edit_demo_at_gate(item, meant, changed, *self._leaked({}, found, allow_leak, "edit_demo"))
            return changed
        entry = best_holder(meant, self._archive) if candidate is None else self._entry(candidate)
        slots = {slot for slot, held in entry.candidate.demos() if held.provenance.id == meant.provenance.id}
        changed = edited_demo(meant, fields, slots, self.header.predictors)
        child, label = entry.candidate, f"your edit of {demo_name(meant)} in #{entry.number}"
        for slot in slots:
            demos = (changed if held.provenance.id == meant.provenance.id else held for held in child.values[slot])
            child = child.put(slot, tuple(demos))
        child = child.child_of(entry.candidate, origin="human", label=label)
        data = {"demo": content(meant), "fields": dict(fields), "parent": entry.candidate.id}
        data, told = self._leaked(data, self._new_leaks(child, entry.candidate), allow_leak, "edit_demo")
        return self._make("edit-demo", child, data, f"edited {demo_name(meant)} of #{entry.number}{told}")

    def _ask_policy(self, item: Pending) -> None:
        """Let the run's review function answer, and write down what it said; without one the time is over, and it goes on."""
        self._driver.gates.waiting = [item]
        ask = self._code.review if self._code is not None else None
        if ask is None:
            words = f"let {self._named(item)} go on: no answer in {self.header.review_timeout:g} s"
            self._decide("pass", {"gate": item.id}, words, by="timeout")
            return
        what, given = policy_answer(ask, item)
        self._by = "policy"
        try:
            if what == "accept":
                self.accept(item)
            elif what == "reject":
                self.reject(item, given)
            elif item.kind == "demo":
                self.edit_demo(item.value, given)
            elif item.kind == "proposal":
                self._edit_proposal(item, given)
            else:
                child = with_values(item.value, given)
                self._leaked({}, self._new_leaks(child, item.value), False, "run.inject")
                data = {"parent": item.id, "gate": item.id}
                self._make("edit", child, data, f"edited {self._named(item)}")
        finally:
            self._by = "person"

    def _meant(self, demo: Any) -> Example:
        """The demo of that name: of those at a gate the very one, else as the run's candidates hold it."""
        item = self._pending(demo)
        return named_demo(demo, self._archive, self.header) if item is None or item.kind != "demo" else item.value

    def _new_leaks(self, child: Candidate, parent: Candidate) -> set[int]:
        """The validation examples that a candidate's demos give away, and its parent's do not."""
        return {*self._archive.leaks.of(child)} - {*self._archive.leaks.of(parent)}

    def _leaked(
        self, data: dict[str, Any], found: Iterable[int | None], allowed: bool, how: str
    ) -> tuple[dict[str, Any], str]:
        """The data of a decision with the validation examples that it puts into a prompt, and the words for them. InputError where they
        are not allowed.
        """
        leaks = self._archive.leaks.check((index for index in found if index is not None), allowed, how)
        return (data | {"leaks": leaks}, f" ({leak_words(leaks).removeprefix('holds ')})") if leaks else (data, "")

    def _make(self, kind: str, child: Candidate, data: dict[str, Any], text: str) -> Candidate:
        """Record a decision that makes a candidate."""
        data |= {"wrote": self._written(child)}
        known = self._archive.entries.get(child.id)
        if known is not None:
            raise InputError(f"candidate {known.number} is that already; change something else")
        reason = self._archive.dropped_under(self._under(kind, {**data, "made": child.to_dict()}), child)
        if reason is not None:
            raise InputError(
                f"the new candidate would be dropped at once: {reason}. Undo that decision first, or change more."
            )
        self._decide(kind, {**data, "made": child.to_dict()}, f"{text} → #{len(self._archive.entries)}")
        return child

    def _written(self, child: Candidate) -> dict[str, str]:
        """The texts of a person's candidate that its parent has not."""
        entry = self._archive.entries.get(child.parents[0])
        parent = self.header.baseline if entry is None else entry.candidate
        texts = {slot: value for slot, value in child.values.items() if isinstance(value, str)}
        return {slot: text for slot, text in texts.items() if text != parent.values.get(slot)}
