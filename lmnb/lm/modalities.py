"""What models that read text alone are asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lmnb.errors import InvalidRequestError
from lmnb.types.parts import part_text


def texts_only(messages: Sequence[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """`messages` with each content as one text. InvalidRequestError where one has media.

    >>> texts_only([{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "lmnb/tiny")
    [{'role': 'user', 'content': 'hi'}]
    """
    return [
        {**message, "content": _text(message["content"], model)}
        if isinstance(message.get("content"), list)
        else dict(message)
        for message in messages
    ]


def _text(content: list[Any], model: str) -> str:
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            raise InvalidRequestError(
                f"{model!r} reads text only, and the prompt holds {part_text(part)[:200]}. Ask a model that takes media.",
                model=model,
            )
    return "".join(str(part.get("text", "")) for part in content)
