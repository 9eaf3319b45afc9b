"""TwoStepAdapter: a free answer first, then its fields.

For models that reason well and keep to a format badly; to hold a model to a format while it thinks costs accuracy: Tam et al.
2024, arXiv 2408.02442.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from lmnb.adapters.base import Adapter, Message
from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.form import Form, Forms, kept, kind_text
from lmnb.adapters.values import given
from lmnb.callbacks import BaseCallback
from lmnb.errors import InputError, ParseError
from lmnb.listening import unheard
from lmnb.loops import run_to_end
from lmnb.settings import context
from lmnb.signature import InputField, Signature
from lmnb.types.parts import Placed
from lmnb.types.wording import Wording


class TwoStepAdapter(Adapter):
    """Asks the LM for an answer in its own words, and `extraction_model`, which may be a small one, for the fields in it.

    The second request goes through `extraction_adapter` (default: ChatAdapter), with its repair turn; both are in the trace. A
    reply that was cut off is not extracted from, and none is asked for again.

    >>> import lmnb
    >>> large, small = lmnb.FakeLM(["Two and two make four."]), lmnb.FakeLM([{"answer": 4}])
    >>> with lmnb.context(lm=large, adapter=lmnb.TwoStepAdapter(small)):
    ...     lmnb.Predict("question -> answer: int")(question="2 + 2?").answer
    4
    """

    repairs = False

    def __init__(
        self,
        extraction_model: Any,
        extraction_adapter: Adapter | None = None,
        *,
        callbacks: Sequence[BaseCallback] | None = None,
        wording: Wording | str | Path | None = None,
    ) -> None:
        super().__init__(callbacks, wording=wording)
        if not hasattr(extraction_model, "request"):
            raise InputError(
                f"TwoStepAdapter takes an LM, not {extraction_model!r}. Write TwoStepAdapter(lmnb.LM('...'))."
            )
        self.extraction_model = extraction_model
        self.extraction_adapter = extraction_adapter or ChatAdapter(wording=self.wording)

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        return kept(_forms, PlainForm, signature, self.wording).messages(demos, inputs)

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The output fields of a free answer: asks the extraction model. Raises ParseError."""
        return run_to_end(lambda: self._extracted(signature, completion, sync=True))

    def written(self, fields: Mapping[str, Any]) -> str:
        return _told(fields, fields)

    async def _outputs(self, signature: Any, response: Any, at: int, *, sync: bool) -> dict[str, Any]:
        text = response.texts[at]
        if at == 0 and response.finish == "length":
            told = "The reply was cut off at the LM's limit of tokens before it ended. Raise max_tokens."
            raise ParseError(told, reply=text, signature=signature)
        with unheard() if at else nullcontext():  # of several replies the first is told
            if not self._is_watched():
                return await self._extracted(signature, text, sync=sync)
            with self._told("adapter_parse", signature=signature, completion=text) as opened:
                opened.result = outputs = await self._extracted(signature, text, sync=sync)
            return outputs

    async def _extracted(self, signature: Any, text: str, *, sync: bool) -> dict[str, Any]:
        asked, name = _extraction(signature, self.wording)
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

    def task(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[str]:
        return ["\n".join([self.wording.free_form, *(f"- {self.described(field)}" for field in outputs)])]

    def described(self, field: Any) -> str:
        desc = " ".join(self.wording.description(field.desc).split())
        return f"{field.name} ({kind_text(field, self.wording)})" + (f": {desc}" if desc else "")

    def request(self) -> str:
        return ""

    def question(self, values: Mapping[str, Any], placed: Placed) -> str:
        return _told(values, self.inputs, placed)

    def reply(self, values: Mapping[str, Any]) -> str:
        return _told(values, self.outputs)


_forms: Forms[PlainForm] = WeakKeyDictionary()


@lru_cache(maxsize=256)
def _extraction(signature: Any, wording: Wording) -> tuple[Any, str]:
    """The signature of the second request, and its input."""
    name = "text"
    while name in signature.output_fields:
        name += "_"
    # a new one: its own checks need the inputs, and come after
    outputs = {output: (field.type, field) for output, field in signature.output_fields.items()}
    return Signature({name: (str, InputField()), **outputs}, wording.extract), name


def _told(values: Mapping[str, Any], names: Any, placed: Placed | None = None) -> str:
    shown = ((name, given(values[name], placed)) for name in names if name in values)
    return "\n\n".join(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}" for name, text in shown)
