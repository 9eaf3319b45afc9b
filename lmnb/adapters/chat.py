"""ChatAdapter: the default format, with every field under a header of its own.

The embedded model is trained on exactly this text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from lmnb.adapters.base import Adapter
from lmnb.adapters.field_reader import FieldReader
from lmnb.adapters.form import Form, Forms, kept
from lmnb.adapters.headers import END, escape, header
from lmnb.adapters.hooks import FormatHooks
from lmnb.adapters.sections import Sections
from lmnb.adapters.values import plain
from lmnb.errors import ParseError


class ChatAdapter(FormatHooks, Adapter):
    """Fields under `[[ ## name ## ]]` headers, demos as earlier turns. The parts of the prompt are methods (`format_system_message`,
    `format_user_message_content`, ...), which a subclass may write anew.

    >>> import lmnb
    >>> messages = lmnb.ChatAdapter().format(lmnb.Signature("question -> answer"), [], {"question": "2 + 2?"})
    >>> print(messages[-1]["content"])
    [[ ## question ## ]]
    2 + 2?
    <BLANKLINE>
    Reply with `[[ ## answer ## ]]`, then `[[ ## completed ## ]]`.
    """

    stop = (END,)

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        form = self._form(signature)
        reply = form.sections(completion)
        found: dict[str, Any] = {}
        wrong: list[str] = []
        lacking = False
        for name, codec in form.outputs.items():
            if name in reply.wrong:
                wrong.append(form.told(reply.wrong[name], name))
                lacking |= reply.wrong[name] == "not_closed"
                continue
            if name not in reply.texts:
                wrong.append(form.told("missing", name))
                lacking = True
                continue
            text = reply.texts[name]
            try:
                found[name] = codec.parse(text)
            except (ValueError, RecursionError) as error:
                wrong.append(form.misread(name, _short(escape(text.strip())) or form.wording.empty_value, error))
        if wrong:
            self._refuse(signature, form, completion, reply, wrong, lacking=lacking)
        return found

    def repair(self, signature: Any, error: ParseError) -> str:
        return f"{super().repair(signature, error)}\n\n{self._form(signature).ask}"

    def reply_start(self, signature: Any) -> str:
        return self._form(signature).start()

    def written(self, fields: Mapping[str, Any]) -> str:
        return "\n\n".join([*(f"{header(name)}\n{escape(plain(value))}" for name, value in fields.items()), END])

    def reader(self, signature: Any) -> FieldReader | None:
        return self._form(signature).reader()

    def _form(self, signature: Any) -> Form:
        return kept(_forms, Form, signature, self.wording)

    def _refuse(
        self, signature: Any, form: Form, completion: str, reply: Sections, wrong: list[str], *, lacking: bool
    ) -> NoReturn:
        said, expected = self.wording, self.wording.expected.format(form=form.expected)
        if not completion.strip():
            parts = [said.empty_reply, expected]
        elif not reply.texts and not reply.unknown and not reply.wrong:
            parts = [form.unmarked(), expected]
        else:
            unasked = said.unasked.format(names=", ".join(map(repr, reply.unknown)))
            parts = [*wrong, *([expected] if lacking else []), *([unasked] if lacking and reply.unknown else [])]
        raise ParseError(" ".join(parts), reply=completion, signature=signature)


_forms: Forms[Form] = WeakKeyDictionary()


def _short(text: str) -> str:
    return (repr(text) if len(text) <= 200 else repr(text[:200]) + " …") if text else ""
