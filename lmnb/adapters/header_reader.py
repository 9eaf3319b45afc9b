"""The fields of a reply in the chat format, read while it comes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from lmnb.adapters.field_reader import LONGEST, FieldReader, Piece
from lmnb.adapters.headers import END_NAME, Mark, in_fence, marks, unescape

_LOOSE = "\\*`>#-["  # may belong to a header that comes
_ENDINGS = "|".join("completed"[:length] for length in range(1, 9))
_BEGUN = re.compile(rf"\[\[(?:[^\S\n]|#)*+(?:(?:{_ENDINGS}|completed[ \t#]*+\]{{0,2}}+[*`]*+)\s*+)?\Z", re.IGNORECASE)


class HeaderReader(FieldReader):
    """Tells the text under each output's header as `under_headers` finds it, and nothing that may become a header.

    `outputs` has each name by itself and without case, `inputs` without case.
    """

    def __init__(self, outputs: Mapping[str, str], inputs: Collection[str]) -> None:
        super().__init__()
        self._outputs, self._inputs = outputs, inputs
        self._names = set(outputs.values())
        self._held = ""
        self._in_line = False  # whether something stands before what is held, in its line
        self._before = ""  # the end of what stood before the first header
        self._field = ""
        self._found: set[str] = set()
        self._leading: set[str] = set()  # whose headers stood at the start of a line

    def read(self, text: str) -> Iterator[Piece]:
        begin = at = int(self._in_line)
        text = "." * begin + self._held + text
        end = len(text)
        for mark in marks(text, self._outputs, self._inputs):
            if not _is_whole(mark, text):
                end = mark.start
                break
            if not mark.starts_line:
                if mark.name is None or mark.name in self._leading:
                    continue  # somebody speaks of a header
                end, self.over = mark.start, True  # whether it counts is known of the whole reply
                break
            if mark.name:
                self._leading.add(mark.name)
            if self._field:
                yield Piece(self._field, unescape(text[at : mark.start]), ended=True)
            at = mark.end
            self._begin(mark, self._before + text[max(begin, mark.start - LONGEST) : mark.start])
            if self.over:
                return
        safe = _safe(text, at, end)
        if self._field and safe > at:
            yield Piece(self._field, unescape(text[at:safe]))
        self._before = "" if self._found else (self._before + text[begin:safe])[-LONGEST:]
        self._in_line = bool(text[text.rfind("\n", 0, safe) + 1 : safe].strip())
        self._held = text[safe:]
        self.over = self.over or len(self._held) > LONGEST

    def _begin(self, mark: Mark, before: str) -> None:
        """A header is there: which field goes on, if any."""
        ends = mark.name == END_NAME or (mark.is_input and self._found >= self._names)
        fenced = not self._found and in_fence(before)  # then the reply ends with that fence
        self.over = fenced or (ends and bool(self._found))
        self._field = "" if ends or mark.name is None or mark.name in self._found else mark.name
        if self._field:
            self._found.add(self._field)


def _is_whole(mark: Mark, text: str) -> bool:
    """Whether no text that follows can make the header another one, or longer."""
    if text.find("]]", mark.start, mark.end) < 0:  # the end of its line stands for brackets
        return text.find("\n", mark.end) >= 0
    rest = text[mark.end : mark.end + 2]
    return bool(rest) and not (rest == "*" and text[mark.end - 1] == "]")


def _safe(text: str, since: int, end: int) -> int:
    """Up to where nothing can become a part of a header."""
    begun = text.rfind("[[", since, end)
    if begun >= 0 and _BEGUN.match(text, begun, end):
        end = begun
    while end > since and (text[end - 1].isspace() or text[end - 1] in _LOOSE):
        end -= 1
    return end
