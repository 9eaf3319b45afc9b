"""Conversations as one text, for models that only continue a text (`model_type="text"`): each message stands under a line with
its role, and the reply is what follows the last line, up to the next one.

No message can hold such a line: in a content it is written with a backslash before it, and read back from a reply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lmnb.errors import InvalidRequestError
from lmnb.listening import Deltas
from lmnb.lm.modalities import texts_only
from lmnb.lm.response import Response

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_TURN = rf"### (?:{'|'.join(ROLES)}) ###"
_LIKE_TURN = re.compile(rf"(?<!\\)\\*+{_TURN}")
_ESCAPED = re.compile(rf"(?<!\\)\\(\\*+{_TURN})")
_NEXT = re.compile(rf"(?:\A|\n)[ \t]*{_TURN}")
# the end of a text that what follows may make the line of a turn, or an escaped one
_BEGUN = re.compile(r"(?:(?:\A|\n)[ \t]*+|(?<!\\)\\++)?(?:#{1,2}|### ?|### [a-z]{1,9} ?|### [a-z]{1,9} #{1,3})?\Z")
_LONGEST = 1_000  # characters that may wait for what they mean
STOP = "\n### user ###"  # what a model writes that goes on with the next question


def is_conversation(messages: Sequence[dict[str, Any]]) -> bool:
    """Whether messages are more than one text to be continued."""
    return len(messages) != 1 or messages[0].get("role") != "user"


def prompt_text(messages: Sequence[dict[str, Any]], model: str) -> str:
    """The one text that a model continues: a single user message as it stands, a conversation with its turns. A last message of
    the assistant is the beginning of the reply. InvalidRequestError where a message has media, or a role that is none of `ROLES`.

    >>> print(prompt_text([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}], "base"))
    ### system ###
    Be brief.
    <BLANKLINE>
    ### user ###
    2 + 2?
    <BLANKLINE>
    ### assistant ###
    <BLANKLINE>
    """
    said = texts_only(messages, model)
    if not is_conversation(said):
        return str(said[0]["content"] or "")
    for message in said:
        if message.get("role") not in ROLES:  # a line of another role could be forged in any content
            raise InvalidRequestError(
                f"a message has the role {message.get('role')!r}, for which the prompt of {model!r} has no line. Write one of: "
                f"{', '.join(ROLES)}.",
                model=model,
            )
    begun = said.pop()["content"] or "" if said and said[-1]["role"] == "assistant" else ""
    turns = [f"{_line(message['role'])}\n{escaped(message['content'] or '')}" for message in said]
    return "\n\n".join([*turns, f"{_line('assistant')}\n{escaped(begun)}"])


def own_turn(response: Response) -> Response:
    """The replies in what a model wrote after a conversation, without the turns that it went on with."""
    found = [_NEXT.search(text) for text in response.texts]
    texts = [text[: end.start()] if end else text for text, end in zip(response.texts, found, strict=True)]
    finish = "stop" if found and found[0] else response.finish
    return replace(response, texts=[_ESCAPED.sub(r"\1", text) for text in texts], finish=finish)


class OwnTurn:
    """Tells `heard` of a reply that comes piece by piece what `own_turn` leaves of it; what cannot be told yet is held back."""

    def __init__(self, heard: Deltas) -> None:
        self._heard = heard
        self._begin()

    def __call__(self, text: str) -> None:
        if self._over:
            return
        text = self._before + self._held + text
        end = _NEXT.search(text)
        whole = max((match.end() for match in _LIKE_TURN.finditer(text)), default=0)
        held = end or _BEGUN.search(text, whole)
        safe = held.start() if held else len(text)
        shown, self._held = text[len(self._before) : safe], text[safe:]
        self._over = end is not None or len(self._held) > _LONGEST
        if shown:
            self._before = "."  # what follows does not begin the reply
            self._heard(_ESCAPED.sub(r"\1", shown))

    def restart(self) -> None:
        self._begin()
        self._heard.restart()

    def _begin(self) -> None:
        self._before, self._held, self._over = "", "", False


def with_stop(decoding: dict[str, Any]) -> dict[str, Any]:
    """Decoding options that also stop at the next turn."""
    own = decoding.get("stop") or ()
    return {**decoding, "stop": [*([own] if isinstance(own, str) else own), STOP]}


def _line(role: str) -> str:
    return f"### {role} ###"


def escaped(content: str) -> str:
    """A content in which no line of a turn is left."""
    return _LIKE_TURN.sub(lambda match: "\\" + match.group(), content) if "###" in content else content
