"""A program in an editor: its instructions, descriptions and demos changed by hand, its exact prompts, and what it answers.

The program that is edited stays as it is until `apply`; every edit is a new state, so all of them can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lmnb.alike import alike
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.html import join
from lmnb.lm.private import redact
from lmnb.modules.card import program_card
from lmnb.modules.editor_checks import check_demos, check_run, checked_fields, checked_inputs
from lmnb.modules.editor_prompts import Prompt, as_far, messages_of, prompt_of
from lmnb.modules.editor_slots import edited_provenance, given_inputs, input_fields, is_empty, slots_of, with_edits
from lmnb.modules.editor_view import editor_html, editor_state, shown
from lmnb.modules.module import Module
from lmnb.modules.taint import tainted
from lmnb.modules.texts import retell, texts
from lmnb.modules.tool_texts import check_text
from lmnb.nearest import did_you_mean
from lmnb.settings import current
from lmnb.shown import Shown
from lmnb.trace import Trace
from lmnb.types.typed import typed
from lmnb.watchers import Watchers

KEPT = 50  # trials


@dataclass(frozen=True)
class Trial:
    """One call of a program that is edited: `edits` are the slots that differed from the program as it was."""

    number: int
    inputs: Mapping[str, Any]
    edits: Mapping[str, Any] = field(repr=False)
    outputs: Mapping[str, Any] | None
    error: str | None
    trace: Trace | None = field(repr=False)


def edit(program: Module, inputs: Mapping[str, Any] | None = None, *, run: Any = None) -> Editor:
    """An editor of `program`, shown in a notebook cell: its texts and demos, the exact prompt and its tokens while one types, and what it
    answers to `inputs`. With `run` what was edited can go into that run as a candidate. The program stays as it is until `apply()` changes it
    in place.

    >>> import lmnb
    >>> program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM([{"team": "billing"}]))
    >>> editor = lmnb.edit(program, {"ticket": "I paid twice."})
    >>> editor.set("self.instructions", "Name the team that answers.")
    >>> editor.try_on().outputs
    {'team': 'billing'}
    >>> editor.program.instructions, program.instructions == editor.program.instructions
    ('Name the team that answers.', False)
    """
    return Editor(program, inputs, run=run)


class Editor(Shown):
    """What `lmnb.edit` gives. `slots()` are the texts and demos that can be changed, `set` changes one; `program` is the program with the
    edits, a new one each time.
    """

    _view = "editor"

    def __init__(self, program: Module, inputs: Mapping[str, Any] | None = None, *, run: Any = None) -> None:
        if not isinstance(program, Module) or not program.predictors():
            raise InputError(
                f"an editor needs a program with a predictor, not {program!r}. Write lmnb.edit(MyProgram())."
            )
        if run is not None:
            check_run(run, program)
        self.original = program
        self.run = run
        given = {} if inputs is None else checked_inputs(inputs, program)
        self.inputs = {**dict.fromkeys(input_fields(program), ""), **given}
        self._base = program.with_candidate({})  # as it was, also after `apply`
        self.trials: list[Trial] = []
        self._states: list[dict[str, Any]] = [{}]
        self._at = 0
        self._tried = 0
        self._watchers = Watchers("an editor")
        self._before = slots_of(program)

    # -- editing -----------------------------------------------------------------------------------------------------

    @property
    def edits(self) -> dict[str, Any]:
        """The slots that differ from the program as it was."""
        return dict(self._states[self._at])

    def slots(self) -> dict[str, Any]:
        """Every slot with its value: `route.instructions`, `route.demos`, the descriptions of fields (`route.inputs['ticket'].desc`,
        `route.outputs['team'].desc`) and of tools.
        """
        return {**self._before, **self._states[self._at]}

    def set(self, slot: str, value: Any) -> None:
        """Give a slot another text, or other demos. InputError where there is no such slot or the value is none for it."""
        checked = self._checked(slot, value)
        if alike(checked, self.slots()[slot]):
            return
        edits = {**self.edits, slot: checked}
        if alike(checked, self._before[slot]):
            del edits[slot]
        self._states[self._at + 1 :] = [edits]
        self._at += 1
        self._tell()

    def put_demo(self, path: str, fields: Mapping[str, Any], at: int | None = None) -> None:
        """Add a demo to the predictor at `path`, or put it in the place of the demo number `at`, from 0. A text that is given for a field
        of another type is read as that. InputError for a field that the predictor does not have.
        """
        demos = list(self._demos(path))
        old = None if at is None else self._demo(path, at)
        known = self._fields(path)
        given = checked_fields(path, fields, [*known, *(old or ())])
        given = _as_before(given, {} if old is None else old)
        made = {name: typed(known.get(name), value) for name, value in given.items()}
        if at is None or old is None:
            demos.append(Example(made).with_origin("human"))
        else:
            demos[at] = Example(made).with_origin("human", source=old.provenance.source)
        self.set(f"{path}.demos", demos)

    def drop_demo(self, path: str, at: int) -> None:
        """Take the demo number `at`, from 0, from the predictor at `path`."""
        self._demo(path, at)
        self.set(f"{path}.demos", [demo for number, demo in enumerate(self._demos(path)) if number != at])

    def undo(self) -> None:
        """Take the last edit back."""
        self._step(-1, "there is no edit to undo")

    def redo(self) -> None:
        """Make the edit again that was taken back last."""
        self._step(1, "there is no edit to make again")

    @property
    def program(self) -> Module:
        """The program with the edits: a copy. Where it comes from a run, its `provenance` names the edited slots, in "edited"."""
        made = with_edits(self._base, self.edits)
        if self._base.provenance:
            made.provenance = edited_provenance(self._base.provenance, self.edits)
        return made

    # -- looking -----------------------------------------------------------------------------------------------------

    def prompts(
        self, inputs: Mapping[str, Any] | None = None, *, edits: Mapping[str, Any] | None = None
    ) -> dict[str, Prompt]:
        """The exact prompt of each predictor by its name, without a call. An input that is empty or not known before a call stands there as
        `{name}`. `edits` are looked at in the place of those that were made; `{}` is the program as it was.
        """
        program = with_edits(self._base, self._meant(edits))
        given = self.inputs if inputs is None else checked_inputs(inputs, self._base)
        fields, known = input_fields(self._base), _as_before(given, self.inputs)
        known = {name: as_far(fields.get(name), value) for name, value in known.items() if not is_empty(value)}
        found = messages_of(program, known)
        lms = {path: part.lm if part.lm is not None else current("lm") for path, part in program.named_predictors()}
        return {path: prompt_of(messages, lms[path]) for path, messages in found.items()}

    def try_on(self, inputs: Mapping[str, Any] | None = None, *, edits: Mapping[str, Any] | None = None) -> Trial:
        """Call the program with its edits (or with these; `{}` is the program as it was) on `inputs`, by default on those of the last time.
        A call that fails gives a trial with its error.
        """
        asked = {} if inputs is None else checked_inputs(inputs, self._base)
        self.inputs = {**self.inputs, **_as_before(asked, self.inputs)}
        fields = input_fields(self._base)
        given = given_inputs(self._base, self.inputs)
        given = {name: typed(fields.get(name), value) for name, value in given.items()}
        edits = self._meant(edits)
        outputs, error, trace = None, None, None
        try:
            with tainted(given):  # what is tried may be a row of a data set
                made = with_edits(self._base, edits)(**given)
            outputs = dict(made.items()) if hasattr(made, "items") else {"result": made}
            trace = getattr(made, "trace", None)
        except Exception as failure:  # noqa: BLE001 - whatever the program's own code raises is what one wants to see here
            error = redact(f"{type(failure).__name__}: {failure}", {})
        self._tried += 1
        trial = Trial(self._tried, given, edits, outputs, error, trace)
        self.trials = [*self.trials, trial][-KEPT:]
        self._tell()
        return trial

    # -- keeping -----------------------------------------------------------------------------------------------------

    def apply(self) -> Module:
        """Change the program that the editor was opened with in place, and give it: whoever holds that program has the edits from here on.
        `editor.program` is a copy with them, which leaves it as it is. After an undo, `apply` again takes the edit out of it too. A program
        that was scored says from here on that the score is of the program before the edit.

        >>> import lmnb
        >>> program = lmnb.Predict("ticket -> team")
        >>> editor = lmnb.edit(program)
        >>> editor.set("self.instructions", "Name the team.")
        >>> editor.apply() is program, program.instructions
        (True, 'Name the team.')
        """
        edited = self.program
        for (_, mine), (_, other) in zip(self.original.named_predictors(), edited.named_predictors(), strict=True):
            mine.signature, mine.demos = other.signature, other.demos
        retell(self.original, texts(edited))
        if edited.provenance:
            self.original.provenance = edited.provenance
        self._tell()
        return self.original

    def inject(self) -> Any:
        """The edits as a candidate of the run that the editor was opened with, evaluated next."""
        if self.run is None:
            raise InputError("this editor has no run to inject into. Open it as lmnb.edit(program, run=run).")
        strange = [slot for slot in self.edits if slot not in self._base.slots()]
        if strange or not self.edits:
            raise InputError(
                f"a run's candidates have no slot {strange[0]!r}; undo that edit, or start a run of editor.program."
                if strange
                else "nothing is edited yet, so there is nothing to inject."
            )
        return self.run.inject(candidate=self.edits)

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` whenever something changed; gives a function that ends it. It must return quickly; what it raises is a warning."""
        return self._watchers.add(callback)

    def to_dict(self) -> dict[str, Any]:
        """The editor as JSON-able data: what its viewer and its static form are made of."""
        steps = {"undo": self._at > 0, "redo": self._at < len(self._states) - 1}
        return {**editor_state(self, self._base, self._before), **steps}

    def _fields(self, path: str) -> Mapping[str, Any]:
        return dict(self._base.named_predictors())[path].signature.fields

    def _demos(self, path: str) -> tuple[Any, ...]:
        known = dict(self._base.named_predictors())
        if path not in known:
            near = str(path).removesuffix(".demos")
            hint = (
                f"Did you mean {near!r}?"
                if near in known
                else did_you_mean(near, known, f"It has: {', '.join(known)}.")
            )
            raise InputError(f"the program has no predictor {path!r}. {hint}")
        return self.slots()[f"{path}.demos"]

    def _demo(self, path: str, at: int) -> Any:
        demos = self._demos(path)
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < len(demos):
            raise InputError(f"{path} has no demo number {at!r}; it has {counted(len(demos), 'demo')}, counted from 0.")
        return demos[at]

    def _meant(self, edits: Any) -> dict[str, Any]:
        if edits is None:
            return self.edits
        if not isinstance(edits, Mapping):
            raise InputError(f"edits are values by slot, not {edits!r}. Write {{{next(iter(self._before))!r}: ...}}.")
        return {slot: self._checked(slot, value) for slot, value in edits.items()}

    def _checked(self, slot: str, value: Any) -> Any:
        if slot not in self._before:
            hint = did_you_mean(str(slot), self._before, f"It has: {', '.join(self._before)}.")
            raise InputError(f"the program has no slot {slot!r}. {hint}")
        if slot.endswith(".demos"):
            path, demos = slot.removesuffix(".demos"), tuple(with_edits(self._base, {slot: value}).slots()[slot])
            known = {id(demo) for demo in self.slots()[slot]}
            check_demos(path, [demo for demo in demos if id(demo) not in known], self._fields(path))
            return demos
        if not slot.endswith(".instructions"):
            check_text(slot, value)
        elif not isinstance(value, str) or not value.strip():
            raise InputError(f"{slot} is a text that says the task, not {value!r}. Write some text, or undo().")
        return value

    def _step(self, by: int, otherwise: str) -> None:
        if not 0 <= self._at + by < len(self._states):
            raise InputError(otherwise)
        self._at += by
        self._tell()

    def _tell(self) -> None:
        self._watchers.tell()

    def __repr__(self) -> str:
        return f"Editor({type(self.original).__name__}, {counted(len(self.edits), 'edit')})"

    def _repr_html_(self) -> str:
        return join([program_card(self.program), editor_html(self.to_dict(), self.prompts())])


def _as_before(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, where a text that only shows the value of before, such as that of a picture, is that value."""
    shows = {
        name: isinstance(value, str) and name in before and value == shown(before[name])
        for name, value in given.items()
    }
    return {name: before[name] if shows[name] else value for name, value in given.items()}
