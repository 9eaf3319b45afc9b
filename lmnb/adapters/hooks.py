"""The parts of a prompt as methods of the adapter, so that a subclass can write one of them anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.adapters.form import Form
from lmnb.adapters.native import Message
from lmnb.types.parts import Content, Placed, Placeholder

HOOKS = (
    "format_system_message",
    "format_task_description",
    "format_field_description",
    "format_field_structure",
    "format_demos",
    "format_conversation_history",
    "format_user_message_content",
    "format_assistant_message_content",
    "user_message_output_requirements",
)


class FormatHooks:
    """What `format` is made of. Override one and the others go on as they are:

    >>> import lmnb
    >>> class Brief(lmnb.ChatAdapter):
    ...     def format_field_structure(self, signature):
    ...         return "Write the headers and nothing else."
    >>> program = lmnb.Predict("question -> answer")
    >>> with lmnb.context(adapter=Brief()):
    ...     print(program.messages(question="Who?")[0]["content"].splitlines()[-1])
    Write the headers and nothing else.
    """

    _hooked = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._hooked = any(getattr(cls, name) is not getattr(FormatHooks, name) for name in HOOKS)

    def _form(self, signature: Any) -> Form:
        raise NotImplementedError

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        """The messages of one call: system, demos, earlier turns, question."""
        form = self._form(signature)
        if not self._hooked and vars(self).keys().isdisjoint(HOOKS):
            return form.messages(demos, inputs)
        return [
            {"role": "system", "content": self.format_system_message(signature)},
            *self.format_demos(signature, demos),
            *self.format_conversation_history(signature, form.history or "", inputs),
            {"role": "user", "content": self.format_user_message_content(signature, inputs, main_request=True)},
        ]

    def format_system_message(self, signature: Any) -> str:
        """What says the task: its description, then the fields, then the form of a reply."""
        parts = (
            self.format_task_description(signature),
            self.format_field_description(signature),
            self.format_field_structure(signature),
        )
        return "\n\n".join(filter(None, parts))

    def format_task_description(self, signature: Any) -> str:
        """The instructions."""
        return self._form(signature).instructions

    def format_field_description(self, signature: Any) -> str:
        """The fields with their types and descriptions."""
        return "\n\n".join(self._form(signature).fields)

    def format_field_structure(self, signature: Any) -> str:
        """What a reply looks like."""
        return "\n\n".join(self._form(signature).shape())

    def format_demos(self, signature: Any, demos: Sequence[Mapping[str, Any]]) -> list[Message]:
        """A user and an assistant message for each demo, the incomplete ones first."""
        return self._form(signature).shown(demos, lambda values: self._turns(signature, values))

    def format_conversation_history(
        self, signature: Any, history_field_name: str, inputs: Mapping[str, Any]
    ) -> list[Message]:
        """The turns of the input of type History, where there is one."""
        form = self._form(signature)
        values = form.typed({name: value for name, value in inputs.items() if name == history_field_name})
        return form.earlier(values, lambda turn: self._turns(signature, turn))

    def format_user_message_content(
        self,
        signature: Any,
        inputs: Mapping[str, Any],
        prefix: str = "",
        suffix: str = "",
        main_request: bool = False,
    ) -> Content:
        """The inputs under their headers; with `main_request` also what is asked for. A text, or parts where there are media."""
        form, placed = self._form(signature), Placed()
        asked = self.user_message_output_requirements(signature) if main_request else ""
        parts = [prefix, form.question(form.typed(inputs, strict=main_request), placed), asked, suffix]
        return placed.content("\n\n".join(filter(None, parts)))

    def format_assistant_message_content(
        self, signature: Any, outputs: Mapping[str, Any], missing_field_message: str | None = None
    ) -> str:
        """A reply with these outputs; `missing_field_message` stands for those that are not there, which else are left out."""
        form, given = self._form(signature), dict(outputs.items())
        if missing_field_message is not None:
            given = {**dict.fromkeys(form.outputs, Placeholder(missing_field_message)), **given}
        return form.reply(given)

    def user_message_output_requirements(self, signature: Any) -> str:
        """What ends the last user turn."""
        return self._form(signature).ask

    def format_finetune_data(
        self,
        signature: Any,
        demos: Sequence[Mapping[str, Any]],
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> dict[str, list[Message]]:
        """One record to train on: the messages of the call, and the reply that is to be learned."""
        reply = {"role": "assistant", "content": self.format_assistant_message_content(signature, outputs)}
        return {"messages": [*self.format(signature, demos, inputs), reply]}

    def _turns(self, signature: Any, values: Mapping[str, Any]) -> list[Message]:
        form, made = self._form(signature), list[Message]()
        if form.asks(values):
            made.append({"role": "user", "content": self.format_user_message_content(signature, values)})
        if form.replies(values):
            made.append({"role": "assistant", "content": self.format_assistant_message_content(signature, values)})
        return made
