"""Form: what a signature needs for every call in one format, worked out once; here with the headers of the chat format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from lmnb.adapters.codecs import codec_for
from lmnb.adapters.field_reader import FieldReader
from lmnb.adapters.header_reader import HeaderReader
from lmnb.adapters.headers import END, escape, header, under_headers, without_thought
from lmnb.adapters.misfits import called, misfit, tell
from lmnb.adapters.native import Message, is_history
from lmnb.adapters.sections import Sections
from lmnb.adapters.text_codec import Codec
from lmnb.adapters.values import given
from lmnb.errors import InputError, SignatureError
from lmnb.types.base import holds_type
from lmnb.types.checked import adapter_for, problems
from lmnb.types.history import History
from lmnb.types.parts import Placed, Placeholder
from lmnb.types.wording import Wording
from lmnb.types.words import kind_text, schema_text

F = TypeVar("F")
Turns: TypeAlias = Callable[[Mapping[str, Any]], list[Message]]
Forms: TypeAlias = WeakKeyDictionary[Any, dict[Wording, F]]  # by signature
MOST_NAMES = 1_000  # of which it is remembered what is wrong with them


def kept(forms: Forms[F], make: Callable[[Any, Wording], F], signature: Any, wording: Wording) -> F:
    """The form of a signature in a wording, made on first use."""
    made = forms.get(signature)
    if made is None:
        made = forms[signature] = {}
    form = made.get(wording)
    if form is None:
        form = made[wording] = make(signature, wording)
    return form


class Form:
    """What a signature needs for every call, worked out once."""

    between = "\n\n"
    end: tuple[str, ...] = (END,)

    def __init__(self, signature: Any, wording: Wording) -> None:
        inputs, outputs = list(signature.input_fields.values()), list(signature.output_fields.values())
        if not outputs:
            raise SignatureError(
                f"signature {signature.__name__} has no output field. Add one, such as 'answer: str = OutputField()'."
            )
        self.wording = wording
        self.what = wording.field  # a part of a reply, as an error calls it
        self.history = next((field.name for field in inputs if is_history(field.type)), None)
        inputs = [field for field in inputs if field.name != self.history]
        self.inputs = [field.name for field in inputs]
        checked = ((field.name, _checked_type(field.type)) for field in signature.input_fields.values())
        self.checked = {name: adapter for name, adapter in checked if adapter is not None}
        self.outputs: dict[str, Codec] = {field.name: codec_for(field.type, field.limits) for field in outputs}
        self.names = frozenset([*self.inputs, *self.outputs])
        self.kinds = {field.name: kind_text(field, wording) for field in outputs}
        self.known = {name.casefold(): name for name in self.outputs} | {name: name for name in self.outputs}
        self.said = frozenset(name.casefold() for name in self.inputs) - self.known.keys()
        self.misfits: dict[tuple[str, ...], str | None] = {}  # by the names of a demo that lacks some
        self.expected = self.expectation()
        self.ask = self.request()
        self.instructions = wording.instructions(signature.instructions)
        listed = [(wording.input_fields, inputs), (wording.output_fields, outputs)]
        self.fields = [f"{title}\n" + "\n".join(map(self.described, fields)) for title, fields in listed if fields]
        self.system = "\n\n".join([*filter(str.strip, [self.instructions]), *self.task(inputs, outputs)])

    def task(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[str]:
        """The paragraphs of the system message that follow the instructions."""
        return [*self.fields, *self.shape()]

    def described(self, field: Any) -> str:
        """The line of a field in the system message."""
        schema = schema_text(field.type)
        kind = ", ".join(
            [kind_text(field, self.wording), *([self.wording.json_schema.format(schema=schema)] if schema else [])]
        )
        desc = " ".join(self.wording.description(field.desc).split("\n"))
        return f"- `{field.name}` ({kind})" + (f": {desc}" if desc else "")

    def mark(self, name: str) -> str:
        """What stands before a field's value."""
        return header(name)

    def under(self, name: str, value: str) -> str:
        """A field with its value, which cannot pass for another field."""
        return f"{header(name)}\n{escape(value)}"

    def start(self) -> str:
        """What a reply begins with."""
        return f"{header(next(iter(self.outputs)))}\n"

    def shape(self) -> list[str]:
        """The paragraphs that say what a reply looks like."""
        return [
            self.wording.chat_form,
            self.between.join([*(self.under(name, f"{{{name}}}") for name in self.outputs), *self.end]),
        ]

    def listed(self) -> str:
        return ", ".join(f"`{self.mark(name)}`" for name in self.outputs)

    def expectation(self) -> str:
        """What a reply that could not be read should have been."""
        return self.wording.chat_expected.format(fields=self.listed())

    def unmarked(self) -> str:
        """What is said of a reply without any mark."""
        return self.wording.no_headers

    def request(self) -> str:
        """What ends the last user turn."""
        return self.wording.chat_request.format(fields=self.listed(), end=f"`{END}`")

    def told(self, phrase: str, name: str) -> str:
        """What is wrong with a field of a reply, by the phrase that says it."""
        parts = {"what": self.what, "name": repr(name), "kind": self.kinds[name], "tag": f"</{name}>"}
        return getattr(self.wording, phrase).format(**parts)

    def misread(self, name: str, shown: str, error: Exception) -> str:
        """What is wrong with the value of a field."""
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        kind = f"{self.kinds[name]}: {reason}" if reason else self.kinds[name]
        return self.wording.wrong.format(what=self.what, name=repr(name), value=shown, kind=kind)

    def messages(self, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages of one call: demos, incomplete ones first, then the turns of the history, then the question."""
        values, placed = self.typed(inputs), Placed()
        text = "\n\n".join(filter(None, [self.question(values, placed), self.ask]))
        return [
            {"role": "system", "content": self.system},
            *self.shown(demos, self.turns),
            *self.earlier(values, self.turns),
            {"role": "user", "content": placed.content(text)},
        ]

    def shown(self, demos: Sequence[Mapping[str, Any]], turns: Turns) -> list[Message]:
        """The messages of demos, each with its own history before it; `turns` writes one question and its reply."""
        incomplete: list[Message] = []
        complete: list[Message] = []
        for number, demo in enumerate(demos):
            values = self.typed(demo, strict=False)
            missing = self.names - values.keys()
            if missing:
                self.tell_misfit(number, values)
            if missing and (self.outputs.keys() <= missing or (self.inputs and missing.issuperset(self.inputs))):
                continue  # nothing to learn from it
            made = incomplete if missing else complete
            made += [*self.earlier(values, turns), *turns(values)]
        return incomplete + complete

    def tell_misfit(self, number: int, demo: Mapping[str, Any]) -> None:
        """Warn of a demo that the prompt leaves out, or shows without a field that it has under a misspelt name."""
        names = tuple(demo)
        if names not in self.misfits:
            if len(self.misfits) >= MOST_NAMES:
                self.misfits.clear()
            self.misfits[names] = misfit(demo, self.inputs, self.outputs)
        told = self.misfits[names]
        if told is not None:
            tell(told, number, demo, called(f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}"))

    def typed(self, values: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
        """`values` with media, history and the like as what their types say. InputError, unless not `strict`, for others."""
        made = dict(values.items())
        for name in self.checked.keys() & made.keys():
            if isinstance(made[name], Placeholder):
                continue
            try:
                made[name] = self.checked[name].validate_python(made[name])
            except ValidationError as error:
                if strict:
                    raise InputError(f"the input {name!r} does not fit its type: {problems(error)}") from None
        return made

    def earlier(self, values: Mapping[str, Any], turns: Turns) -> list[Message]:
        """The turns of the history among `values`; a placeholder of them is one turn."""
        history = values.get(self.history) if self.history else None
        if isinstance(history, Placeholder):
            return [{"role": "user", "content": str(history)}]
        made: list[Message] = []
        for at, turn in enumerate(history.messages if isinstance(history, History) else ()):
            known = {name: value for name, value in turn.items() if name in self.names}
            if not known:
                raise InputError(
                    f"turn {at} of {self.history!r} has the keys {', '.join(map(repr, turn)) or '(none)'}, and no field of the "
                    f"signature. Write History(messages=[{{{', '.join(f'{name!r}: ...' for name in [*self.inputs, *self.outputs])}}}])."
                )
            made += turns(self.typed(known, strict=False))
        return made

    def turns(self, values: Mapping[str, Any]) -> list[Message]:
        """One question and its reply, as far as `values` has them."""
        made: list[Message] = []
        if self.asks(values):
            placed = Placed()
            question = self.question(values, placed)
            made.append({"role": "user", "content": placed.content(question)})
        if self.replies(values):
            made.append({"role": "assistant", "content": self.reply(values)})
        return made

    def asks(self, values: Mapping[str, Any]) -> bool:
        """Whether there is something to ask in `values`."""
        return not self.inputs or any(name in values for name in self.inputs)

    def replies(self, values: Mapping[str, Any]) -> bool:
        """Whether there is something to reply in `values`."""
        return any(name in values for name in self.outputs)

    def question(self, values: Mapping[str, Any], placed: Placed) -> str:
        return self.between.join(
            [self.under(name, given(values[name], placed)) for name in self.inputs if name in values]
        )

    def reply(self, values: Mapping[str, Any]) -> str:
        parts = [self.under(name, codec.render(values[name])) for name, codec in self.outputs.items() if name in values]
        return self.between.join([*parts, *self.end])

    def sections(self, completion: str) -> Sections:
        """What the reply holds under the mark of each output, whatever was thought aloud before."""
        text = without_thought(completion)
        _, thought, answer = text.rpartition("</think>")  # where the prompt itself opened the thought
        if thought and (late := self.read(answer)).texts.keys() == self.outputs.keys():
            return late
        return self.read(text)

    def read(self, text: str) -> Sections:
        return under_headers(text, self.known, self.said)

    def reader(self) -> FieldReader:
        """What reads one reply while it comes."""
        return HeaderReader(self.known, self.said)


def _checked_type(kind: Any) -> TypeAdapter[Any] | None:
    """The validator of an input that may hold media and the like; others stand as they were given."""
    try:
        return adapter_for(kind) if holds_type(kind) else None
    except PydanticUserError:
        return None
