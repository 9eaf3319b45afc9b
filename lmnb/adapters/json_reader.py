"""The fields of a reply that is a JSON object, read while it comes. JSON that has to be repaired is left to the parser."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

from lmnb.adapters.field_reader import LONGEST, FieldReader, Piece

_KEY = re.compile(r'[\s,]*+"((?:[^"\\]|\\.)*+)"\s*+:\s*+(?=\S)', re.DOTALL)
_KEY_BEGUN = re.compile(r'[\s,]*+(?:"(?:[^"\\]|\\.)*+(?:\\|"\s*+(?::\s*+)?)?)?', re.DOTALL)
_OBJECT_END = re.compile(r"[\s,]*+\}")
# whole characters; of two that are one beyond the first 65,536 the first does not go alone. What may be meant for a formula
# (\beta, \frac) is none of them
_CHARACTERS = re.compile(
    r'(?:[^"\\]|\\["\\/nrt]|\\u(?![dD][89abAB])[\da-fA-F]{4}'
    r"|\\u[dD][89abAB][\da-fA-F]{2}(?:\\u[\da-fA-F]{4}|(?=[^\\]|\\[^u])))*+",
    re.DOTALL,
)
_ESCAPE_BEGUN = re.compile(r"\\(?:u[\da-fA-F]{0,3}|u[dD][89abAB][\da-fA-F]{2}(?:\\(?:u[\da-fA-F]{0,3})?)?)?")
_IN_TEXT = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)
_BETWEEN = re.compile(r'[^"\[\]{},]*+')


class JsonReader(FieldReader):
    """Tells the outputs among the keys of the objects in a reply. A JSON text is told as what it says, any other value as it is
    written, unless the output is one of `texts`.

    `outputs` has each name by itself and without case.
    """

    def __init__(self, outputs: Mapping[str, str], texts: Collection[str]) -> None:
        super().__init__()
        self._outputs, self._texts = outputs, texts
        self._text, self._at = "", 0
        self._step = self._outside
        self._field = ""
        self._found: set[str] = set()
        self._depth, self._quoted = 0, False

    def read(self, text: str) -> Iterator[Piece]:
        self._text, self._at = self._text[self._at :] + text, 0
        before = None
        while not self.over and before != (self._at, self._step):
            before = self._at, self._step
            yield from self._step()
        self.over = self.over or len(self._text) - self._at > LONGEST

    def _outside(self) -> Iterator[Piece]:
        found = self._text.find("{", self._at)
        self._at = len(self._text) if found < 0 else found + 1
        if found >= 0:
            self._step = self._key
        yield from ()

    def _key(self) -> Iterator[Piece]:
        key = _KEY.match(self._text, self._at)
        end = _OBJECT_END.match(self._text, self._at)
        if key is not None:
            self._at = key.end()
            self._begin(key[1])
        elif end is not None:
            self._at, self._step = end.end(), self._outside
        else:
            self.over = _KEY_BEGUN.fullmatch(self._text, self._at) is None
        yield from ()

    def _begin(self, written: str) -> None:
        """A value follows: which field it is, if any."""
        try:
            key = json.loads(f'"{written}"', strict=False)
        except ValueError:
            self.over = True
            return
        name = self._outputs.get(key) or self._outputs.get(key.casefold())
        self._field = "" if name is None or name in self._found else name
        self._found.add(self._field)
        if self._text[self._at] == '"':
            self._at, self._step = self._at + 1, self._string
            return
        self._depth, self._quoted, self._step = 0, False, self._value
        if self._field in self._texts:
            self._field = ""

    def _string(self) -> Iterator[Piece]:
        run = _CHARACTERS.match(self._text, self._at)
        if run is None:
            return
        closed = self._text.startswith('"', run.end())
        self.over = not closed and run.end() < len(self._text) and not _ESCAPE_BEGUN.fullmatch(self._text, run.end())
        self._at = run.end() + closed
        if self._field and (closed or run.group()):
            yield Piece(self._field, json.loads(f'"{run.group()}"', strict=False), ended=closed)
        if closed:
            self._field, self._step = "", self._key

    def _value(self) -> Iterator[Piece]:
        since = self._at
        ended = False
        while self._at < len(self._text) and not ended:
            sign = self._text[self._at]
            if self._quoted:
                self._at = self._past(_IN_TEXT)
                if not self._text.startswith('"', self._at):
                    break
                self._quoted = False
            elif sign == '"':
                self._quoted = True
            elif sign in "[{":
                self._depth += 1
            elif sign in "]}," and self._depth == 0:
                ended = True
                break
            elif sign in "]}":
                self._depth -= 1
            elif sign != ",":
                self._at = self._past(_BETWEEN)
                continue
            self._at += 1
        if self._field and (ended or self._at > since):
            yield Piece(self._field, self._text[since : self._at], ended)
        if ended:
            self._field, self._step = "", self._key

    def _past(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        return self._at if found is None else found.end()
