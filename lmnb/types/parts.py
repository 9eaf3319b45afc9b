"""A message's content: a text, or a list of parts where there is media, in the shape of OpenAI's chat API."""

from __future__ import annotations

import re
import secrets
from typing import Any

from lmnb.data_uri import size_text

Content = str | list[dict[str, Any]]
_MARK = secrets.token_hex(16)  # nobody who writes a value knows it
_MARKED = re.compile(rf'("?)<{_MARK}:(\d+)>\1')  # with the quotes of JSON around it


class Placeholder(str):
    """What stands in a prompt for a value, of any type, that is not known yet."""

    __slots__ = ()


class Placed:
    """The media of one message while its text is being written: each part has a mark in the text, at its place.

    >>> placed = Placed()
    >>> placed.content("no media")
    'no media'
    >>> picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    >>> [part["type"] for part in placed.content("before " + placed.put([picture]) + " after")]
    ['text', 'image_url', 'text']
    """

    def __init__(self) -> None:
        self.parts: list[dict[str, Any]] = []

    def put(self, content: Content) -> str:
        """Text that stands for `content`: its own texts, and a mark for every other part."""
        if isinstance(content, str):
            return content
        return "".join(self._mark(part) if part.get("type") != "text" else str(part["text"]) for part in content)

    def _mark(self, part: dict[str, Any]) -> str:
        self.parts.append(part)
        return f"<{_MARK}:{len(self.parts) - 1}>"

    def content(self, text: str) -> Content:
        """The finished message: `text` itself where nothing was put, else its parts in order."""
        if not self.parts:
            return text
        pieces = _MARKED.split(text)  # text, quote, number, text, quote, number, ..., text
        made: list[dict[str, Any]] = []
        for at, piece in enumerate(pieces):
            if at % 3 == 2:
                made.append(self.parts[int(piece)])
            elif at % 3 == 0 and piece.strip():  # some providers refuse a part of spaces
                made.append({"type": "text", "text": piece})
        return made


def parts_of(content: Content | None) -> list[dict[str, Any]]:
    """Any content as parts."""
    return content if isinstance(content, list) else [{"type": "text", "text": content or ""}]


def content_text(content: Content | None) -> str:
    """Any content as text, in which media are named by kind and size, such as `(image/png, 1.2 kB)`."""
    if not isinstance(content, list):
        return "" if content is None else str(content)
    return "".join(part_text(part) for part in content)


def part_text(part: Any) -> str:
    """One part as text."""
    if not isinstance(part, dict):
        return str(part)
    kind = str(part.get("type", "part"))
    if kind == "text" or isinstance(part.get("text"), str):
        return str(part.get("text", ""))
    inner = part.get(kind)
    inner = inner if isinstance(inner, dict) else {"url": inner}
    source = inner.get("url") or inner.get("file_data")
    if isinstance(source, str) and source.startswith("data:"):
        media_type, mark, body = source[5:].partition(";base64,")
        size = size_text(len(body) // 4 * 3 - body.count("=", -2))
        return f"({media_type[:80]}, {size})" if mark else f"({kind})"
    data = inner.get("data")
    if isinstance(data, str):
        return f"({inner.get('format')} audio, {size_text(len(data) * 3 // 4)})"
    name = source or inner.get("file_id")
    return f"({name})" if isinstance(name, str) and len(name) <= 200 else f"({kind})"


def begins_with(content: Content, start: Content) -> bool:
    """Whether one content begins with the whole of another."""
    whole, first = parts_of(content), parts_of(start)
    if len(whole) < len(first) or whole[: len(first) - 1] != first[:-1]:
        return False
    last, own = first[-1], whole[len(first) - 1]
    both = last.get("type") == own.get("type") == "text"
    return str(own["text"]).startswith(last["text"]) if both else own == last
