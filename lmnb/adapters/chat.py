"""ChatAdapter: the default format, with every field under a header of its own.

The embedded model is trained on exactly this text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from lmnb.adapters.base import Adapter, Message
from lmnb.adapters.headers import END, escape, header, under_headers, without_thought
from lmnb.adapters.native import is_history
from lmnb.adapters.sections import Sections
from lmnb.adapters.codecs import codec_for
from lmnb.adapters.text_codec import Codec
from lmnb.adapters.values import given, plain
from lmnb.errors import InputError, ParseError, SignatureError
from lmnb.types.base import holds_type
from lmnb.types.checked import adapter_for, problems
from lmnb.types.history import History
from lmnb.types.parts import Placed, Placeholder
from lmnb.types.words import bounds, schema_text, type_text

F = TypeVar("F")


class ChatAdapter(Adapter):
    """Fields under `[[ ## name ## ]]` headers, demos as earlier turns.

    >>> from lmnb.signature import Signature
    >>> messages = ChatAdapter().format(Signature("question -> answer"), [], {"question": "2 + 2?"})
    >>> print(messages[-1]["content"])
    [[ ## question ## ]]
    2 + 2?
    <BLANKLINE>
    Reply with `[[ ## answer ## ]]`, then `[[ ## completed ## ]]`.
    """

    stop = (END,)

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        return self._form(signature).messages(demos, inputs)

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        form = self._form(signature)
        reply = form.sections(completion)
        found: dict[str, Any] = {}
        wrong: list[str] = []
        for name, codec in form.outputs.items():
            if name in reply.wrong:
                wrong.append(reply.wrong[name])
                continue
            if name not in reply.texts:
                wrong.append(f"Field {name!r} ({form.kinds[name]}) is missing.")
                continue
            text = reply.texts[name]
            try:
                found[name] = codec.parse(text)
            except (ValueError, RecursionError) as error:
                reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
                wrong.append(
                    f"Field {name!r} is {_short(escape(text.strip()))}, but should be "
                    f"{form.kinds[name]}{f': {reason}' if reason else ''}."
                )
        if wrong:
            self._refuse(signature, form, completion, reply, wrong)
        return found

    def repair(self, signature: Any, error: ParseError) -> str:
        return f"That reply could not be read: {error}\n\n{self._form(signature).ask}"

    def written(self, fields: Mapping[str, Any]) -> str:
        return "\n\n".join([*(f"{header(name)}\n{escape(plain(value))}" for name, value in fields.items()), END])

    def _form(self, signature: Any) -> Form:
        return kept(_forms, Form, signature)

    def _refuse(self, signature: Any, form: Form, completion: str, reply: Sections, wrong: list[str]) -> NoReturn:
        if not completion.strip():
            message = f"The reply is empty. Expected {form.expected}."
        elif not reply.texts and not reply.unknown and not reply.wrong:
            message = f"The reply has no {form.marks}. Expected {form.expected}."
        else:
            missing = any("is missing" in line for line in wrong)
            message = " ".join(wrong) + (f" Expected {form.expected}." if missing else "")
            message += (
                f" The reply has {', '.join(map(repr, reply.unknown))}, which nobody asked for."
                if reply.unknown and missing
                else ""
            )
        raise ParseError(message, reply=completion, signature=signature)


class Form:
    """What a signature needs for every call, worked out once."""

    marks = "headers"
    between = "\n\n"
    end: tuple[str, ...] = (END,)

    def __init__(self, signature: Any) -> None:
        inputs, outputs = list(signature.input_fields.values()), list(signature.output_fields.values())
        if not outputs:
            raise SignatureError(
                f"signature {signature.__name__} has no output field. Add one, such as 'answer: str = OutputField()'."
            )
        self.history = next((field.name for field in inputs if is_history(field.type)), None)
        inputs = [field for field in inputs if field.name != self.history]
        self.inputs = [field.name for field in inputs]
        checked = ((field.name, _checked_type(field.type)) for field in signature.input_fields.values())
        self.checked = {name: adapter for name, adapter in checked if adapter is not None}
        self.outputs: dict[str, Codec] = {field.name: codec_for(field.type, field.limits) for field in outputs}
        self.names = frozenset([*self.inputs, *self.outputs])
        self.kinds = {field.name: ", ".join([type_text(field.type), *bounds(field.constraints)]) for field in outputs}
        self.known = {name.casefold(): name for name in self.outputs} | {name: name for name in self.outputs}
        self.said = frozenset(name.casefold() for name in self.inputs) - self.known.keys()
        self.expected = self.expectation()
        self.ask = self.request()
        self.system = "\n\n".join(
            [
                *([signature.instructions] if signature.instructions else []),
                *(["Input fields:\n" + "\n".join(map(_described, inputs))] if inputs else []),
                "Output fields:\n" + "\n".join(map(_described, outputs)),
                *self.shape(),
            ]
        )

    def mark(self, name: str) -> str:
        """What stands before a field's value."""
        return header(name)

    def under(self, name: str, value: str) -> str:
        """A field with its value, which cannot pass for another field."""
        return f"{header(name)}\n{escape(value)}"

    def shape(self) -> list[str]:
        """The paragraphs that say what a reply looks like."""
        return [
            "Write each output field under its own header, in this order and nothing else:",
            self.between.join([*(self.under(name, f"{{{name}}}") for name in self.outputs), *self.end]),
        ]

    def listed(self) -> str:
        return ", ".join(f"`{self.mark(name)}`" for name in self.outputs)

    def expectation(self) -> str:
        """What a reply that could not be read should have been."""
        return f"{self.listed()} on lines of their own, each followed by its value"

    def request(self) -> str:
        """What ends the last user turn."""
        return f"Reply with {self.listed()}, then `{END}`."

    def messages(self, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages of one call: demos, incomplete ones first, then the turns of the history, then the question."""
        messages: list[Message] = [{"role": "system", "content": self.system}]
        complete: list[Message] = []
        for demo in demos:
            values = self.typed(demo, strict=False)
            missing = self.names - values.keys()
            if missing and (self.outputs.keys() <= missing or (self.inputs and missing.issuperset(self.inputs))):
                continue  # nothing to learn from it
            turns = messages if missing else complete
            turns += [*self.earlier(values), *self.turns(values)]
        messages += complete
        values, placed = self.typed(inputs), Placed()
        messages += self.earlier(values)
        text = "\n\n".join(filter(None, [self.question(values, placed), self.ask]))
        messages.append({"role": "user", "content": placed.content(text)})
        return messages

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

    def earlier(self, values: Mapping[str, Any]) -> list[Message]:
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
            made += self.turns(self.typed(known, strict=False))
        return made

    def turns(self, values: Mapping[str, Any]) -> list[Message]:
        """One question and its reply, as far as `values` has them."""
        made: list[Message] = []
        if not self.inputs or any(name in values for name in self.inputs):
            placed = Placed()
            question = self.question(values, placed)
            made.append({"role": "user", "content": placed.content(question)})
        if any(name in values for name in self.outputs):
            made.append({"role": "assistant", "content": self.reply(values)})
        return made

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


_forms: WeakKeyDictionary[Any, Form] = WeakKeyDictionary()


def kept(forms: WeakKeyDictionary[Any, F], make: Callable[[Any], F], signature: Any) -> F:
    """The form of a signature, made on first use."""
    form = forms.get(signature)
    if form is None:
        form = forms[signature] = make(signature)
    return form


def _checked_type(kind: Any) -> TypeAdapter[Any] | None:
    """The validator of an input that may hold media and the like; others stand as they were given."""
    try:
        return adapter_for(kind) if holds_type(kind) else None
    except PydanticUserError:
        return None


def _described(field: Any) -> str:
    schema = schema_text(field.type)
    kind = ", ".join([type_text(field.type), *bounds(field.constraints)])
    desc = " ".join(field.desc.split("\n"))
    return f"- `{field.name}` ({kind}{f', JSON schema: {schema}' if schema else ''})" + (f": {desc}" if desc else "")


def _short(text: str) -> str:
    return (repr(text) if len(text) <= 200 else repr(text[:200]) + " …") if text else "empty"
