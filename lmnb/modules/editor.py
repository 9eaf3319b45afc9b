"""A program in an editor: its instructions, descriptions and demos changed by hand, its exact prompts, and what it answers.

The program that is edited stays as it is until `apply`; every edit is a new state, so all of them can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lmnb.counts import counted
from lmnb.errors import InputError, LMError, MissingExtra
from lmnb.example import Example
from lmnb.html import join
from lmnb.lm.private import redact
from lmnb.modules.card import program_card
from lmnb.modules.editor_slots import given_inputs, input_fields, slots_of, with_edits
from lmnb.modules.editor_view import editor_html, editor_state, shown
from lmnb.modules.module import Module
from lmnb.modules.prompts import known_messages
from lmnb.modules.texts import retell, texts
from lmnb.modules.tool_texts import check_text
from lmnb.nearest import did_you_mean
from lmnb.settings import current
from lmnb.trace import Trace, show_in_notebook, shown_in_marimo
from lmnb.types.parts import content_text
from lmnb.types.typed import typed

KEPT = 50  # trials
_BYTES, _FRAME = 4, 4  # of a token in a text, and tokens around a message, where no tokenizer is at hand


@dataclass(frozen=True)
class Prompt:
    """The messages that one predictor sends, and how many tokens they have: `counted` by the LM's own tokenizer, else estimated."""

    messages: list[dict[str, Any]]
    tokens: int
    counted: bool


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
    answers to `inputs`. With `run` what was edited can go into that run as a candidate.

    >>> import lmnb
    >>> program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM([{"team": "billing"}]))
    >>> editor = edit(program, {"ticket": "I paid twice."})
    >>> editor.set("self.instructions", "Name the team that answers.")
    >>> editor.try_on().outputs
    {'team': 'billing'}
    >>> editor.program.instructions, program.instructions == editor.program.instructions
    ('Name the team that answers.', False)
    """
    return Editor(program, inputs, run=run)


class Editor:
    """What `lmnb.edit` gives. `slots()` are the texts and demos that can be changed, `set` changes one; `program` is the program with the
    edits, a new one each time.
    """

    def __init__(self, program: Module, inputs: Mapping[str, Any] | None = None, *, run: Any = None) -> None:
        if not isinstance(program, Module) or not program.predictors():
            raise InputError(
                f"an editor needs a program with a predictor, not {program!r}. Write lmnb.edit(MyProgram())."
            )
        self.original = program
        self.run = run
        self.inputs = {**dict.fromkeys(input_fields(program), ""), **dict(inputs or {})}
        self._base = program.with_candidate({})  # as it was, also after `apply`
        self.trials: list[Trial] = []
        self._states: list[dict[str, Any]] = [{}]
        self._at = 0
        self._tried = 0
        self._watching: list[Callable[[], None]] = []
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
        if checked == self.slots()[slot]:
            return
        edits = {**self.edits, slot: checked}
        if checked == self._before[slot]:
            del edits[slot]
        self._states[self._at + 1 :] = [edits]
        self._at += 1
        self._tell()

    def put_demo(self, path: str, fields: Mapping[str, Any], at: int | None = None) -> None:
        """Add a demo to the predictor at `path`, or put it in the place of the demo number `at`, from 0. A text that is given for a field
        of another type is read as that.
        """
        demos = list(self._demos(path))
        old = None if at is None else self._demo(path, at)
        known = dict(self._base.named_predictors())[path].signature.fields
        given = _as_before(fields, {} if old is None else old)
        made = {name: typed(known.get(name), value) for name, value in given.items()}
        if old is None:
            demos.append(Example(made).with_origin("human"))
        else:
            demos[at] = Example(made).with_origin("human", source=old.provenance.source)  # type: ignore[index]
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
        """The program with the edits: a copy."""
        return with_edits(self._base, self.edits)

    # -- looking -----------------------------------------------------------------------------------------------------

    def prompts(
        self, inputs: Mapping[str, Any] | None = None, *, edits: Mapping[str, Any] | None = None
    ) -> dict[str, Prompt]:
        """The exact prompt of each predictor by its name, without a call. An input that is empty or not known before a call stands there as
        `{name}`. `edits` are looked at in the place of those that were made; `{}` is the program as it was.
        """
        edits = self.edits if edits is None else {slot: self._checked(slot, value) for slot, value in edits.items()}
        program = with_edits(self._base, edits)
        fields, known = input_fields(self._base), _as_before(self.inputs if inputs is None else inputs, self.inputs)
        known = {name: _as_far(fields.get(name), value) for name, value in known.items() if value != ""}
        found = _messages(program, known)
        lms = {path: part.lm if part.lm is not None else current("lm") for path, part in program.named_predictors()}
        return {path: _prompt(messages, lms[path]) for path, messages in found.items()}

    def try_on(self, inputs: Mapping[str, Any] | None = None, *, edits: Mapping[str, Any] | None = None) -> Trial:
        """Call the program with its edits (or with these; `{}` is the program as it was) on `inputs`, by default on those of the last time.
        A call that fails gives a trial with its error.
        """
        self.inputs = {**self.inputs, **_as_before(inputs or {}, self.inputs)}
        fields = input_fields(self._base)
        given = given_inputs(self._base, self.inputs)
        given = {name: typed(fields.get(name), value) for name, value in given.items()}
        edits = self.edits if edits is None else {slot: self._checked(slot, value) for slot, value in edits.items()}
        outputs, error, trace = None, None, None
        try:
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
        """Change the program that is edited itself, and give it. After an undo, `apply` again takes the edit out of it too."""
        edited = self.program
        for (_, mine), (_, other) in zip(self.original.named_predictors(), edited.named_predictors(), strict=True):
            mine.signature, mine.demos = other.signature, other.demos
        retell(self.original, texts(edited))
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

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback()` whenever something changed; gives a function that ends it. It must return quickly."""
        self._watching.append(callback)
        return lambda: self._watching.remove(callback) if callback in self._watching else None

    def to_dict(self) -> dict[str, Any]:
        """The editor as JSON-able data: what its viewer and its static form are made of."""
        steps = {"undo": self._at > 0, "redo": self._at < len(self._states) - 1}
        return {**editor_state(self, self._base, self._before), **steps}

    def _demos(self, path: str) -> tuple[Any, ...]:
        if f"{path}.demos" not in self._before:
            raise InputError(
                f"the program has no predictor {path!r}. {did_you_mean(path, dict(self._base.named_predictors()))}"
            )
        return self.slots()[f"{path}.demos"]

    def _demo(self, path: str, at: int) -> Any:
        demos = self._demos(path)
        if not 0 <= at < len(demos):
            raise InputError(f"{path} has no demo number {at}; it has {counted(len(demos), 'demo')}, counted from 0.")
        return demos[at]

    def _checked(self, slot: str, value: Any) -> Any:
        if slot not in self._before:
            hint = did_you_mean(slot, self._before, f"It has: {', '.join(self._before)}.")
            raise InputError(f"the program has no slot {slot!r}. {hint}")
        if slot.endswith(".demos"):
            return tuple(with_edits(self._base, {slot: value}).slots()[slot])
        if not isinstance(value, str) or (slot.endswith(".instructions") and not value.strip()):
            raise InputError(f"{slot} is a text, not {value!r}")
        if not slot.endswith(".instructions"):
            check_text(slot, value)
        return value

    def _step(self, by: int, otherwise: str) -> None:
        if not 0 <= self._at + by < len(self._states):
            raise InputError(otherwise)
        self._at += by
        self._tell()

    def _tell(self) -> None:
        for told in self._watching[:]:
            told()

    def _ipython_display_(self) -> None:
        show_in_notebook("editor", self)

    def _display_(self) -> Any:
        return shown_in_marimo("editor", self)

    def __repr__(self) -> str:
        return f"Editor({type(self.original).__name__}, {counted(len(self.edits), 'edit')})"

    def _repr_html_(self) -> str:
        return join([program_card(self.program), editor_html(self.to_dict(), self.prompts())])


def _messages(program: Module, known: dict[str, Any]) -> dict[str, Any]:
    if len(program.predictors()) > 1:
        with suppress(InputError):  # an agent writes its own first step, once it has all inputs
            return program.messages(**known)
    return known_messages(program, known, tuple(input_fields(program)))


def _as_before(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, where a text that only shows the value of before, such as that of a picture, is that value."""
    shows = {name: name in before and value == shown(before[name]) for name, value in given.items()}
    return {name: before[name] if shows[name] else value for name, value in given.items()}


def _as_far(field: Any, value: Any) -> Any:
    """`value` as its field's type; as it stands, while it is still being typed."""
    try:
        return typed(field, value)
    except InputError:
        return value


def _prompt(messages: list[dict[str, Any]], lm: Any) -> Prompt:
    with suppress(LMError, MissingExtra):  # too long for this model, or it cannot be loaded: that is for a call to say
        count = getattr(lm, "count_tokens", None)
        tokens = None if count is None else count(messages)
        if tokens is not None:
            return Prompt(messages, tokens, True)
    texts = [content_text(message["content"]).encode("utf-8", "surrogatepass") for message in messages]
    return Prompt(messages, sum(len(text) // _BYTES + _FRAME for text in texts), False)
