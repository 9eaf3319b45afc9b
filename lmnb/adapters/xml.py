"""XMLAdapter: every field between tags of its own, `<name>value</name>`; nothing else of XML is asked of a model.

In a value stands as an entity only what would be read as something else: the tag of a field, an entity, a CDATA section.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.form import Form, Forms, kept
from lmnb.adapters.sections import Sections, at_line_start
from lmnb.adapters.values import plain
from lmnb.types.wording import Wording

_TAG = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<[ \t]?(/?)[ \t]?(\w+)(?:\s[^<>]*?)?[ \t]?(/?)>", re.DOTALL)
_LIKE_TAG = re.compile(r"<(?=!\[CDATA\[|[ \t]?/?[ \t]?(\w+))|&(?=(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)")
_WRITTEN = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)|&(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});", re.DOTALL)


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

    >>> from lmnb.signature import Signature
    >>> signature = Signature("question -> answer, sure: bool")
    >>> print(XMLAdapter().format(signature, [], {"question": "2 + 2?"})[-1]["content"])
    <question>2 + 2?</question>
    <BLANKLINE>
    Reply with `<answer>`, `<sure>`, each closed by its end tag.
    >>> XMLAdapter().parse(signature, "<answer>4 &lt; 5</answer><sure>true</sure>")
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
