"""What a GEPA search keeps between iterations: whose turn it is, what was tried, and who stands in for whom."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.callables import found
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.effects import Result
from lmnb.optimize.gepa_options import GEPAOptions
from lmnb.optimize.pareto import Minibatches, Pool
from lmnb.optimize.reflection import LONGEST, records, slot_of
from lmnb.optimize.search import allowed_demos, propose, rollouts, together, without_twins
from lmnb.optimize.task import Task

TRIED = 5  # earlier attempts that a proposer is shown
ASIDE = 4  # steps away from a parent while nothing scores, before the search starts from it again


@dataclass(frozen=True)
class Step:
    """A parent's rollouts on a minibatch, and the components that are to be changed for them; `about` are the rollouts that were asked for
    what the metric says of one predictor.
    """

    parent: Candidate
    batch: Sequence[int]
    results: Sequence[Result]
    focus: str | None
    components: Sequence[str] = ()
    about: Mapping[str, Sequence[Result]] = field(default_factory=dict)

    def on(self, components: Sequence[str]) -> Step:
        return replace(self, components=tuple(components))


@dataclass
class Ascent:
    """The state of one search; all of it follows from the effects so far, so that a replay comes to the same."""

    options: GEPAOptions
    task: Task
    iteration: int = 0
    _turns: dict[str, int] = field(default_factory=dict)
    _tried: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    _aside: dict[str, list[Candidate]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.minibatches = Minibatches(self.task, self.options.seed)

    def rng(self, name: str) -> random.Random:
        """A generator for one purpose in this iteration."""
        return self.task.rng("gepa", self.options.seed, self.iteration, name)

    # -- parents

    def stand_in(self, parent: Candidate) -> Candidate:
        """The parent, or the last allowed of the children that took its place because nothing scores yet."""
        allowed = [each for each in self._aside[parent.id] if self.task.archive.dropped(each) is None]
        return allowed[-1] if allowed else parent

    def step_aside(self, parent: Candidate, child: Candidate) -> None:
        """`child` takes the place of `parent`; after a few steps the parent's turn comes again."""
        chain = self._aside[parent.id]
        if len(chain) < ASIDE:
            chain.append(child)
        else:
            chain.clear()

    def sources(self, candidate: Candidate) -> list[int]:
        """The training examples that its demos are from."""
        return sorted({demo.provenance.source for _, demo in candidate.demos() if demo.provenance.source is not None})

    # -- components

    def focus(self, parent: Candidate) -> str | None:
        """The predictor of which the metric is asked to speak: that of the component whose turn it is."""
        if not self.options.feedback_by_predictor or self.options.component_selector != "round_robin":
            return None
        return self._path(self._next(parent) or "")

    def _path(self, slot: str) -> str | None:
        """The predictor that a slot belongs to."""
        paths = [each.path for each in self.task.predictors if slot.startswith(f"{each.path}.")]
        return max(paths, key=len, default=None)

    def told(self, step: Step) -> Generator[list[Any], list[Any], Step | None]:
        """The step with what the metric says of each predictor that is to be changed, where it can; None where the parent was dropped."""
        paths = [path for slot in step.components if (path := self._path(slot)) is not None]
        paths = list(dict.fromkeys(paths)) if self.options.asks_apart else []
        if not paths:
            return step
        asked = (rollouts(step.parent, "train", step.batch, focus=path) for path in paths)
        results = yield from together(*asked)
        return None if None in results else replace(step, about=dict(zip(paths, results, strict=True)))

    def _turn(self, candidate: Candidate) -> int:
        """How often a component of the candidate was chosen, along its lineage."""
        if candidate.id not in self._turns:
            entries = self.task.archive.entries
            parents = [entries[name].candidate for name in candidate.parents if name in entries]
            self._turns[candidate.id] = max((self._turn(parent) for parent in parents), default=0)
        return self._turns[candidate.id]

    def _next(self, candidate: Candidate) -> str | None:
        components = self.options.components(candidate, self.task)
        return components[self._turn(candidate) % len(components)] if components else None

    def inherit(self, child: Candidate) -> None:
        """The turn of a child is that of its parents."""
        self._turn(child)

    def chosen(self, step: Step, pool: Pool, number: int) -> list[str]:
        """The components to change."""
        parent, selector = step.parent, found(self.options.component_selector, "component_selector")
        components = self.options.components(parent, self.task)
        if selector == "all":
            return components
        if selector == "round_robin":
            slot = self._next(parent)
            self._turns[parent.id] = self._turn(parent) + 1
            return [] if slot is None else [slot]
        texts = {slot: parent.values[slot] for slot in components if isinstance(parent.values[slot], str)}
        trajectories = [self.task.archive.steps(result) for result in step.results]
        names = selector(pool, trajectories, [result.value for result in step.results], number, texts)
        slots = [slot_of(name, components) for name in names]
        if isinstance(names, str) or None in slots:
            raise InputError(f"the component_selector gave {names!r}; it gives a list of some of {components!r}.")
        return [slot for slot in dict.fromkeys(slots) if slot is not None]

    # -- children

    def proposed(self, step: Step) -> Generator[list[Any], list[Any], Candidate | None]:
        """The parent with what was proposed for its components; None where nothing was."""
        texts = [slot for slot in step.components if not slot.endswith(".demos")]
        values: dict[str, Any] = yield from self._texts(step, texts)
        for slot in step.components:
            if slot.endswith(".demos"):
                values[slot] = yield from self._demos(step, slot)
        changed = [slot for slot, value in values.items() if value != step.parent.values[slot]]
        if not changed:
            return None
        child = step.parent
        for slot in changed:
            child = child.put(slot, values[slot])
        return child.child_of(step.parent, origin="reflected", label=_label(child, changed))

    def _texts(self, step: Step, slots: Sequence[str]) -> Generator[list[Any], list[Any], dict[str, str]]:
        options, parent = self.options, step.parent
        seen: dict[str, list[Any]] = {}
        for slot in slots:
            seen[slot] = records(
                *(self.task, slot, step.batch, step.about.get(self._path(slot) or "", step.results)),
                perfect=options.perfect_score,
                format_failures=options.add_format_failure_as_feedback,
            )
        slots = [slot for slot in slots if seen[slot]]
        if not slots:
            return {}
        if options.instruction_proposer is None:
            asked = [self._asked(parent, slot, seen[slot]) for slot in slots]
            made = yield from together(*asked)
            written = {slot: values["text"] for slot, values in zip(slots, made, strict=True) if values is not None}
        else:
            texts = {slot: value for slot, value in parent.values.items() if isinstance(value, str)}
            inputs = {"candidate": texts, "reflective_dataset": seen, "components_to_update": slots}
            values = yield from propose("own", inputs, slot=slots[0])
            written = {} if values is None else values["texts"]
        return {slot: str(text).strip() for slot, text in written.items() if self._usable(slot, str(text))}

    def _asked(self, parent: Candidate, slot: str, seen: list[Any]) -> Generator[list[Any], list[Any], Any]:
        current = parent.values[slot]
        rejected = [(each["text"], each["reason"]) for each in self.task.rejected(slot)]
        inputs: Mapping[str, Any] = {
            "kind": "instruction" if slot.endswith(".instructions") else "description",
            "slot": slot,
            "current": current,
            "records": seen,
            "tried": self._tried[parent.id, slot][-TRIED:],
            "rejected": [f"{text} - {reason}" if reason else text for text, reason in rejected],
        }
        return propose("reflect", inputs, slot=slot, writes={"text": slot})

    def _usable(self, slot: str, text: str) -> bool:
        """Whether a text can stand in the slot, and is none that the person turned down."""
        return bool(text.strip()) and len(text) <= LONGEST and not self.task.refuses(slot, text.strip())

    def _demos(self, step: Step, slot: str) -> Generator[list[Any], list[Any], tuple[Example, ...]]:
        """The demos of a predictor with what the minibatch teaches: its steps of what went well, the labels of what did not."""
        predictor = next(each for each in self.task.predictors if slot == f"{each.path}.demos")
        taught = []
        for index, result in zip(step.batch, step.results, strict=True):
            calls = [each for each in self.task.archive.steps(result) if each["path"] == predictor.path]
            if calls and result.score is not None and result.score >= self.options.perfect_score:
                made = Example({**calls[-1]["inputs"], **calls[-1]["outputs"]})
                taught.append(made.with_origin("bootstrapped", source=index))
            elif (labelled := predictor.labelled(self.task.trainset[index])) is not None:
                taught.append(labelled.with_origin("labelled", source=index))
        allowed = yield from allowed_demos(taught, slot)
        kept = self.task.kept(predictor)
        new = without_twins([*kept, *allowed], [])[: self.options.max_demos]
        old = without_twins(step.parent.values[slot], new)
        room = min(len(old), self.options.max_demos - len(new))
        stay = sorted(self.rng(f"demos of {slot}").sample(range(len(old)), room))
        return (*(old[position] for position in stay), *new)

    def note(self, step: Step, child: Candidate, old: float, new: float) -> None:
        """What a text did against its parent's, for later reflections on that parent."""
        self.inherit(child)
        for slot in step.components:
            if new <= old and isinstance(child.values[slot], str):
                self._tried[step.parent.id, slot].append(child.values[slot])


def _label(child: Candidate, changed: Sequence[str]) -> str:
    texts = [child.values[slot] for slot in changed if isinstance(child.values[slot], str)]
    names = ", ".join(slot.removeprefix("self.") for slot in changed)
    first = texts[0].splitlines()[0] if texts else ""
    return f"{names}: {first[:60]}" if first else names
