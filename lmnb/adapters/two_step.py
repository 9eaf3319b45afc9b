"""TwoStepAdapter: a free answer first, then its fields.

For models that reason well and keep to a format badly; to hold a model to a format while it thinks costs accuracy: Tam et al.
2024, arXiv 2408.02442.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from lmnb.adapters.base import Adapter, Message
from lmnb.adapters.chat import ChatAdapter, Form, kept
from lmnb.adapters.values import given
from lmnb.callbacks import BaseCallback
from lmnb.errors import InputError, ParseError
from lmnb.loops import run_to_end
from lmnb.settings import context
from lmnb.signature import InputField, Signature
from lmnb.types.parts import Placed
from lmnb.types.words import bounds, type_text

_EXTRACT = "Copy the output fields from the text of somebody who was asked for them. Add nothing that it does not say."


class TwoStepAdapter(Adapter):
    """Asks the LM for an answer in its own words, and `extraction_model`, which may be a small one, for the fields in it.

    The second request goes through `extraction_adapter` (default: ChatAdapter), with its repair turn; both are in the trace. A
    reply that was cut off is not extracted from.

    >>> import lmnb
    >>> large, small = lmnb.FakeLM(["Two and two make four."]), lmnb.FakeLM([{"answer": 4}])
    >>> with lmnb.context(lm=large, adapter=TwoStepAdapter(small)):
    ...     lmnb.Predict("question -> answer: int")(question="2 + 2?").answer
    4
    """

    def __init__(
        self,
        extraction_model: Any,
        extraction_adapter: Adapter | None = None,
        *,
        callbacks: Sequence[BaseCallback] | None = None,
    ) -> None:
        super().__init__(callbacks)
        if not hasattr(extraction_model, "request"):
            raise InputError(
                f"TwoStepAdapter takes an LM, not {extraction_model!r}. Write TwoStepAdapter(lmnb.LM('...'))."
            )
        self.extraction_model = extraction_model
        self.extraction_adapter = extraction_adapter or ChatAdapter()

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        return kept(_forms, PlainForm, signature).messages(demos, inputs)

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The output fields of a free answer: asks the extraction model. Raises ParseError."""
        return run_to_end(lambda: self._extracted(signature, completion, sync=True))

    def written(self, fields: Mapping[str, Any]) -> str:
        return _told(fields, fields)

    async def call(
        self,
        lm: Any,
        config: Mapping[str, Any],
        signature: Any,
        demos: Sequence[Mapping[str, Any]],
        inputs: Mapping[str, Any],
        *,
        sync: bool,
    ) -> list[dict[str, Any]]:
        response = await lm.request(self.formatted(signature, demos, inputs), sync=sync, **config)
        found = []
        for at, text in enumerate(response.texts):
            if at == 0 and response.finish == "length":
                told = "The reply was cut off at the LM's limit of tokens before it ended. Raise max_tokens."
                raise ParseError(told, reply=text, signature=signature)
            outputs = await self._extracted(signature, text, sync=sync)
            try:
                found.append(signature.check(inputs, outputs))
            except ValueError as error:
                raise ParseError(str(error), reply=text, signature=signature) from None
        return found

    async def _extracted(self, signature: Any, text: str, *, sync: bool) -> dict[str, Any]:
        asked, name = _extraction(signature)
        adapter = self.extraction_adapter
        try:
            with context(adapter=adapter):  # a scripted LM answers in the format of the adapter in force
                found, *_ = await adapter.call(self.extraction_model, {}, asked, (), {name: text}, sync=sync)
        except ParseError as error:
            error.add_note(f"The fields were to be read from the reply {text[:200]!r}.")
            raise
        return found


class PlainForm(Form):
    """What a signature needs for every call in plain words: fields after their names, and a reply of any form."""

    def __init__(self, signature: Any) -> None:
        super().__init__(signature)
        wanted = [f"- {_described(field)}" for field in signature.output_fields.values()]
        told = "Your answer has to say:\n" + "\n".join(wanted)
        self.system = "\n\n".join([*filter(None, [signature.instructions]), told])

    def request(self) -> str:
        return ""

    def question(self, values: Mapping[str, Any], placed: Placed) -> str:
        return _told(values, self.inputs, placed)

    def reply(self, values: Mapping[str, Any]) -> str:
        return _told(values, self.outputs)


_forms: WeakKeyDictionary[Any, PlainForm] = WeakKeyDictionary()


@lru_cache(maxsize=256)
def _extraction(signature: Any) -> tuple[Any, str]:
    """The signature of the second request, and its input."""
    name = "text"
    while name in signature.output_fields:
        name += "_"
    # a new one: its own checks need the inputs, and come after
    outputs = {output: (field.type, field) for output, field in signature.output_fields.items()}
    return Signature({name: (str, InputField()), **outputs}, _EXTRACT), name


def _described(field: Any) -> str:
    kind = ", ".join([type_text(field.type), *bounds(field.constraints)])
    return f"{field.name} ({kind})" + (f": {' '.join(field.desc.split())}" if field.desc else "")


def _told(values: Mapping[str, Any], names: Any, placed: Placed | None = None) -> str:
    shown = ((name, given(values[name], placed)) for name in names if name in values)
    return "\n\n".join(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}" for name, text in shown)
