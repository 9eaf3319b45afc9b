"""XMLAdapter: every field between tags of its own, `<name>value</name>`; nothing else of XML is asked of a model.

In a value stands as an entity only what would be read as something else: the tag of a field, an entity, a CDATA section.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.field_reader import LONGEST, FieldReader, Piece
from lmnb.adapters.form import Form, Forms, kept
from lmnb.adapters.sections import Sections, at_line_start
from lmnb.adapters.values import plain
from lmnb.types.wording import Wording

_TAG = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<[ \t]?(/?)[ \t]?(\w+)(?:\s[^<>]*?)?[ \t]?(/?)>", re.DOTALL)
_LIKE_TAG = re.compile(r"<(?=!\[CDATA\[|[ \t]?/?[ \t]?(\w+))|&(?=(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)")
_WRITTEN = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)|&(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});", re.DOTALL)
_TAG_BEGUN = re.compile(r"<[ \t]?/?+[ \t]?(\w*+)(\s[^<>]*+)?/?+")
_ENTITY_BEGUN = re.compile(r"&#?\w{0,8}")
_CDATA = "<![CDATA["


def escape(value: str, names: Collection[str]) -> str:
    """A value in which no tag of `names` (without case), no entity and no CDATA section is left."""

    def written(match: re.Match[str]) -> str:
        if match.group() == "&":
            return "&amp;"
        return "&lt;" if match[1] is None or match[1].casefold() in names else "<"

    return _LIKE_TAG.sub(written, value) if "<" in value or "&" in value else value


def unescape(text: str) -> str:
    """The value that `escape` wrote, or a model: entities are read, CDATA sections stand for what they hold."""
    return _WRITTEN.sub(
        lambda match: match[1] if match[1] is not None else html.unescape(match.group()) or match.group(), text
    )


class XMLAdapter(ChatAdapter):
    """Fields between `<name>` and `</name>`, demos as earlier turns.

    >>> import lmnb
    >>> signature = lmnb.Signature("question -> answer, sure: bool")
    >>> print(lmnb.XMLAdapter().format(signature, [], {"question": "2 + 2?"})[-1]["content"])
    <question>2 + 2?</question>
    <BLANKLINE>
    Reply with `<answer>`, `<sure>`, each closed by its end tag.
    >>> lmnb.XMLAdapter().parse(signature, "<answer>4 &lt; 5</answer><sure>true</sure>")
    {'answer': '4 < 5', 'sure': True}
    """

    stop = ()

    def written(self, fields: Mapping[str, Any]) -> str:
        names = {name.casefold() for name in fields}
        return "\n".join(f"<{name}>{escape(plain(value), names)}</{name}>" for name, value in fields.items())

    def _form(self, signature: Any) -> XmlForm:
        return kept(_forms, XmlForm, signature, self.wording)


class XmlForm(Form):
    """What a signature needs for every call in the XML format."""

    between = "\n"
    end = ()

    def __init__(self, signature: Any, wording: Wording) -> None:
        fields = (*signature.input_fields, *signature.output_fields)
        self.tags = frozenset(name.casefold() for name in fields)
        super().__init__(signature, wording)

    def mark(self, name: str) -> str:
        return f"<{name}>"

    def under(self, name: str, value: str) -> str:
        return f"<{name}>{escape(value, self.tags)}</{name}>"

    def start(self) -> str:
        return self.mark(next(iter(self.outputs)))

    def shape(self) -> list[str]:
        _, form = super().shape()
        return [self.wording.xml_form, form]

    def expectation(self) -> str:
        return self.wording.xml_expected.format(fields=self.listed())

    def unmarked(self) -> str:
        return self.wording.no_tags

    def request(self) -> str:
        return self.wording.xml_request.format(fields=self.listed())

    def read(self, text: str) -> Sections:
        return between_tags(text, lambda name: self.known.get(name) or self.known.get(name.casefold()))

    def reader(self) -> FieldReader:
        return TagReader(self.known)


_forms: Forms[XmlForm] = WeakKeyDictionary()


def between_tags(text: str, named: Callable[[str], str | None]) -> Sections:
    """What stands between the tags of each output; `named` gives the output that a tag means.

    Tags inside a field are its text. A field that is never closed ends where the next one begins on a line of its own;
    one that is closed twice, opened twice or not closed at all is wrong.
    """
    found = Sections()
    marks = [match for match in _TAG.finditer(text) if match[2]]
    closed = {named(match[2]): match.start() for match in marks if match[1]}  # where each is closed for the last time
    inside, since = "", 0
    for match in marks:
        name, closes, empty = named(match[2]), match[1], match[3]
        if name is None:
            if not inside and not closes:
                found.unknown.append(match[2])
        elif inside == name and closes:
            found.put(name, unescape(text[since : match.start()]))
            inside = ""
        elif inside == name:
            found.wrong[name] = "opened_twice"
        elif inside and not closes and closed.get(inside, -1) < match.start() and at_line_start(text, match.start()):
            found.put(inside, unescape(text[since : match.start()]))
            inside, since = name, match.end()
        elif not inside and closes:
            found.wrong.setdefault(name, "closed_twice" if name in found.texts else "closed_first")
        elif not inside and empty:
            found.put(name, "")
        elif not inside:
            inside, since = name, match.end()
    if inside:
        found.wrong.setdefault(inside, "not_closed")
    return found


class TagReader(FieldReader):
    """Tells the text between each output's tags as `between_tags` finds it, and nothing that may become a tag or an entity.

    `outputs` has each name by itself and without case.
    """

    def __init__(self, outputs: Mapping[str, str]) -> None:
        super().__init__()
        self._outputs = outputs
        self._held = ""
        self._field = ""
        self._found: set[str] = set()

    def read(self, text: str) -> Iterator[Piece]:
        text, at, doubtful = self._held + text, 0, None
        for tag in _TAG.finditer(text):
            if not tag[2]:
                if not tag.group().endswith("]]>"):  # a section that goes on
                    doubtful = tag.start() if doubtful is None else doubtful
                continue
            name, closes, empty = self._named(tag[2]), tag[1], tag[3]
            if name is None:
                continue
            if self._field and name == self._field and closes:
                yield Piece(name, unescape(text[at : tag.start()]), ended=True)
                self._field, at, doubtful = "", tag.end(), None
            elif self._field and name != self._field:
                # its text, unless the field is never closed
                if doubtful is None and not closes and at_line_start(text, tag.start()):
                    doubtful = tag.start()
            elif self._field or closes or name in self._found:
                self.over = True
                return
            else:
                self._found.add(name)
                self._field, at = "" if empty else name, tag.end()
                if empty:
                    yield Piece(name, "", ended=True)
        safe = self._safe(text, at) if doubtful is None else doubtful
        if self._field and safe > at:
            yield Piece(self._field, unescape(text[at:safe]))
        self._held = text[safe:]
        self.over = len(self._held) > LONGEST

    def _named(self, name: str) -> str | None:
        return self._outputs.get(name) or self._outputs.get(name.casefold())

    def _safe(self, text: str, since: int) -> int:
        """Up to where nothing can become a part of a tag or an entity."""
        end = len(text)
        begun = text.rfind("<", since)
        if begun >= 0 and self._may_be_tag(text, begun):
            end = begun
        begun = text.rfind("&", since, end)
        return begun if begun >= 0 and _ENTITY_BEGUN.fullmatch(text, begun, end) else end

    def _may_be_tag(self, text: str, at: int) -> bool:
        if len(text) - at < len(_CDATA) and _CDATA.startswith(text[at:]):
            return True
        begun = _TAG_BEGUN.fullmatch(text, at)
        if begun is None:
            return False
        if begun[2]:
            return self._named(begun[1]) is not None
        return any(name.startswith((begun[1], begun[1].casefold())) for name in self._outputs)
