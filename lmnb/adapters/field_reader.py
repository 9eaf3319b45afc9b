"""Reading the fields of a reply while it still comes. What cannot be told yet is held back; what cannot be told at all is left to
the parser, which has the whole reply.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

LONGEST = 1_000  # characters that may wait for what they mean: beyond, the fields come whole
_LEADING = re.compile(r"\A[\s\ufeff]+")
_OPENED, _CLOSED = "<think>", "</think>"


class Piece(NamedTuple):
    """A piece of a field's text; with `ended` the last one."""

    field: str
    text: str
    ended: bool = False


class FieldReader:
    """The base of readers, which live for one reply: a subclass writes `read`.

    The pieces of a field, joined and without outer whitespace, are its text as the parser finds it, or its beginning. Once
    `over` is set the reader tells nothing more.
    """

    over = False

    def __init__(self) -> None:
        self._start: str | None = ""

    def feed(self, delta: str) -> Iterator[Piece]:
        """The pieces that a reply's next text brings."""
        text = self._after_thought(delta)
        if text and not self.over:
            yield from self.read(text)

    def read(self, text: str) -> Iterator[Piece]:
        """`feed` for what comes after the thought that some models begin with."""
        raise NotImplementedError

    def _after_thought(self, delta: str) -> str:
        if self._start is None:
            return delta
        self._start = text = _LEADING.sub("", self._start + delta, count=1)
        if text.startswith(_OPENED):
            _, closed, rest = text.partition(_CLOSED)
            if not closed:
                self._start = _OPENED + text[len(_OPENED) :][-len(_CLOSED) :]
                return ""
            self._start = None
            return rest
        if _OPENED.startswith(text):
            return ""
        self._start = None
        return text


class PlainReader(FieldReader):
    """For a reply with one field, which may also stand there without any form: then its text is the field, up to what may be a
    mark. `inner` reads the other kind.
    """

    def __init__(self, inner: FieldReader | None, field: str) -> None:
        super().__init__()
        self._inner, self._field = inner, field
        self._plain: bool | None = None

    def read(self, text: str) -> Iterator[Piece]:
        if self._plain is None:
            self._plain = text.lstrip()[:1] not in _MARKS
        if not self._plain:
            yield from self._inner.feed(text) if self._inner is not None else ()
            return
        mark = next((at for at, sign in enumerate(text) if sign in "[<{"), None)
        self.over = mark is not None
        yield Piece(self._field, text[:mark])


class BegunReader(FieldReader):
    """For a reply whose beginning the model was given: `inner` reads the whole."""

    def __init__(self, inner: FieldReader, begun: str) -> None:
        super().__init__()
        self._inner, self._begun = inner, begun
        self._written: str | None = ""

    def feed(self, delta: str) -> Iterator[Piece]:
        if self._written is not None:
            self._written += delta
            text, begun = self._written.lstrip(), self._begun.strip()
            if len(text) < len(begun) and begun.startswith(text) and len(self._written) <= LONGEST:
                return  # it may be the beginning once more
            delta, self._written = continued(self._begun, self._written), None
        yield from self._inner.feed(delta)


def continued(begun: str, text: str) -> str:
    """The whole reply of a model that was given its beginning; some write that once more."""
    return text if text.lstrip().startswith(begun.strip()) else begun + text


_MARKS = frozenset("[<{*`#>-\"'")


def is_text(kind: Any) -> bool:
    """Whether a field of the type is a plain text, which stands in a reply as it is."""
    return isinstance(kind, type) and issubclass(kind, str) and not issubclass(kind, enum.Enum)
