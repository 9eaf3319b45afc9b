"""ChatAdapter: the default format, with every field under a header of its own.

The embedded model is trained on exactly this text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from lmnb.adapters.base import Adapter, Message
from lmnb.adapters.values import Codec, codec_for, given, plain
from lmnb.errors import ParseError, SignatureError
from lmnb.types.words import bounds, schema_text, type_text

END = "[[ ## completed ## ]]"
_HEADER = re.compile(
    r"(?:^[ \t>#*-]+|\*\*|`)?(?<!\\)\[\[[ \t]*##[ \t]*(\w+)[ \t]*##[ \t]*\]\](?:\*\*|`)?[ \t]*:?", re.MULTILINE
)
_LIKE_HEADER = re.compile(r"\\*\[\[[ \t]*##")
_ESCAPED = re.compile(r"\\(\\*\[\[[ \t]*##)")
_FENCED = re.compile(r"\s*```\w*\s*\Z")
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


def header(name: str) -> str:
    return f"[[ ## {name} ## ]]"


def escape(value: str) -> str:
    """A value with every `[[ ##` inside it written `\\[[ ##`, so that it cannot pass for a header."""
    return _LIKE_HEADER.sub(lambda match: "\\" + match.group(), value) if "[[" in value else value


def unescape(text: str) -> str:
    """The value that `escape` wrote."""
    return _ESCAPED.sub(r"\1", text) if "\\[[" in text or "\\\\" in text else text


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
        form = self._form(signature)
        messages: list[Message] = [{"role": "system", "content": form.system}]
        complete: list[Message] = []
        for demo in demos:
            values = dict(demo.items())
            missing = form.names - values.keys()
            if missing and (form.outputs.keys() <= missing or (form.inputs and missing.issuperset(form.inputs))):
                continue  # nothing to learn from it
            turns = messages if missing else complete
            turns.append({"role": "user", "content": form.question(values)})
            turns.append({"role": "assistant", "content": form.reply(values)})
        messages += complete
        question = form.question(inputs)
        messages.append({"role": "user", "content": f"{question}\n\n{form.ask}" if question else form.ask})
        return messages

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        form = self._form(signature)
        sections, unknown = _sections(completion, form)
        found: dict[str, Any] = {}
        wrong: list[str] = []
        for name, codec in form.outputs.items():
            if name not in sections:
                wrong.append(f"Field {name!r} ({form.kinds[name]}) is missing.")
                continue
            text = unescape(sections[name])
            try:
                found[name] = codec.parse(text)
            except (ValueError, RecursionError) as error:
                reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
                wrong.append(
                    f"Field {name!r} is {_short(text)}, but should be "
                    f"{form.kinds[name]}{f': {reason}' if reason else ''}."
                )
        if wrong:
            self._refuse(signature, form, completion, sections, unknown, wrong)
        return found

    def repair(self, signature: Any, error: ParseError) -> str:
        return f"That reply could not be read: {error}\n\n{self._form(signature).ask}"

    def written(self, fields: Mapping[str, Any]) -> str:
        return "\n\n".join([*(f"{header(name)}\n{escape(plain(value))}" for name, value in fields.items()), END])

    def _form(self, signature: Any) -> Form:
        form = _forms.get(signature)
        if form is None:
            form = _forms[signature] = Form(signature)
        return form

    def _refuse(
        self,
        signature: Any,
        form: Form,
        completion: str,
        sections: Mapping[str, str],
        unknown: list[str],
        wrong: list[str],
    ) -> NoReturn:
        if not completion.strip():
            message = f"The reply is empty. Expected {form.expected}."
        elif not sections and not unknown:
            message = f"The reply has no headers. Expected {form.expected}."
        else:
            missing = any("is missing" in line for line in wrong)
            message = " ".join(wrong) + (f" Expected {form.expected}." if missing else "")
            message += (
                f" The reply has {', '.join(map(repr, unknown))}, which nobody asked for."
                if unknown and missing
                else ""
            )
        raise ParseError(message, reply=completion, signature=signature)


class Form:
    """What a signature needs for every call, worked out once."""

    def __init__(self, signature: Any) -> None:
        inputs, outputs = list(signature.input_fields.values()), list(signature.output_fields.values())
        if not outputs:
            raise SignatureError(
                f"signature {signature.__name__} has no output field. Add one, such as 'answer: str = OutputField()'."
            )
        self.inputs = [field.name for field in inputs]
        self.outputs: dict[str, Codec] = {field.name: codec_for(field.type, field.limits) for field in outputs}
        self.names = frozenset([*self.inputs, *self.outputs])
        self.kinds = {field.name: ", ".join([type_text(field.type), *bounds(field.constraints)]) for field in outputs}
        self.known = {name.casefold(): name for name in self.outputs}
        self.expected = (
            ", ".join(f"`{header(name)}`" for name in self.outputs)
            + " on lines of their own, each followed by its value"
        )
        self.ask = self.request()
        self.system = "\n\n".join(
            [
                *([signature.instructions] if signature.instructions else []),
                *(["Input fields:\n" + "\n".join(map(_described, inputs))] if inputs else []),
                "Output fields:\n" + "\n".join(map(_described, outputs)),
                *self.shape(),
            ]
        )

    def shape(self) -> list[str]:
        """The paragraphs that say what a reply looks like."""
        return [
            "Write each output field under its own header, in this order and nothing else:",
            *(f"{header(name)}\n{{{name}}}" for name in self.outputs),
            END,
        ]

    def request(self) -> str:
        """What ends the last user turn."""
        return "Reply with " + ", ".join(f"`{header(name)}`" for name in self.outputs) + f", then `{END}`."

    def question(self, values: Mapping[str, Any]) -> str:
        return "\n\n".join([f"{header(name)}\n{escape(given(values[name]))}" for name in self.inputs if name in values])

    def reply(self, values: Mapping[str, Any]) -> str:
        parts = [
            f"{header(name)}\n{escape(codec.render(values[name]))}"
            for name, codec in self.outputs.items()
            if name in values
        ]
        return "\n\n".join([*parts, END])


_forms: WeakKeyDictionary[Any, Form] = WeakKeyDictionary()


def _described(field: Any) -> str:
    schema = schema_text(field.type)
    kind = ", ".join([type_text(field.type), *bounds(field.constraints)])
    desc = " ".join(field.desc.split("\n"))
    return f"- `{field.name}` ({kind}{f', JSON schema: {schema}' if schema else ''})" + (f": {desc}" if desc else "")


def _sections(completion: str, form: Form) -> tuple[dict[str, str], list[str]]:
    """The text under each known header, the first where one stands twice, and the headers that nobody asked for.

    A header inside a line counts only where that field has none at the start of a line: models also talk about their
    headers.
    """
    text = without_thought(completion)
    marks = []
    for match in _HEADER.finditer(text):
        starts_line = not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        marks.append((match, form.known.get(match[1].casefold()), starts_line))
    leading = {name for _, name, starts_line in marks if starts_line}
    sections: dict[str, str] = {}
    unknown: list[str] = []
    name, since = "", 0
    for match, known, starts_line in marks:
        if known is None and match[1] == "completed":
            if name:
                sections.setdefault(name, text[since : match.start()])
                return sections, unknown
            continue
        if not starts_line and (known is None or known in leading):
            continue
        if name:
            sections.setdefault(name, text[since : match.start()])
        elif _FENCED.fullmatch(text[: match.start()]) and text.rstrip().endswith("```"):
            text = text.rstrip()[:-3]  # the whole reply stood in a code fence
        if known is None:
            unknown.append(match[1])
        name, since = known or "", match.end()
    if name:
        sections.setdefault(name, text[since:])
    return sections, unknown


def without_thought(completion: str) -> str:
    """A reply without the `<think>` block that some models begin with."""
    thought = _THOUGHT.match(completion)
    return completion[thought.end() :] if thought else completion


def _short(text: str) -> str:
    text = escape(text.strip())
    return (repr(text) if len(text) <= 200 else repr(text[:200]) + " …") if text else "empty"
