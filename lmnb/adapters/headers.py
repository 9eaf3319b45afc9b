"""The headers of the chat format: `[[ ## name ## ]]` on a line of its own, written and found again.

Every `[[ ##` inside a value is escaped, so whatever looks like a header and is not escaped is one: with a bracket
missing, in another case, with spaces for underscores.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from lmnb.adapters.sections import Sections, at_line_start

_HEADER = re.compile(  # never back over what was read: replies may be long and hostile
    r"(?:^[ \t>#*\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff-]+|\*\*|`)?"
    r"(?<!\\)\[\[[^\S\n]*+##([^\n\[\]#]*+)#*+[^\S\n]*+(?:\]\](?:\*\*|`)?[ \t]*+:?|\]?+(?=[^\S\n]*+$))",
    re.MULTILINE,
)
_LIKE_HEADER = re.compile(r"\\*\[\[[^\S\n]*##")
_ESCAPED = re.compile(r"\\(\\*\[\[[^\S\n]*##)")
_FENCE_OPENED = re.compile(r"^[ \t]*```[\w-]*\s*\Z", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_ENDED = re.compile(r"(?<=\S)\s*^[ \t>*`]*\[\[[ \t#]*completed[ \t#]*\]\][*`]*\s*\Z", re.MULTILINE | re.IGNORECASE)
_CUT = re.compile(r"\n[ \t]*\[\[[ \t]*#?\Z")
_THOUGHT = re.compile(r"[\s\ufeff]*<think>(?:.*?</think>|.*)", re.DOTALL)
_SPACES = re.compile(r"[\s-]+")
END_NAME = "completed"
END = f"[[ ## {END_NAME} ## ]]"


def header(name: str) -> str:
    return f"[[ ## {name} ## ]]"


def escape(value: str) -> str:
    """A value with every `[[ ##` inside it written `\\[[ ##`, so that it cannot pass for a header."""
    return _LIKE_HEADER.sub(lambda match: "\\" + match.group(), value) if "[[" in value else value


def unescape(text: str) -> str:
    """The value that `escape` wrote."""
    return _ESCAPED.sub(r"\1", text) if "\\[[" in text or "\\\\" in text else text


def without_thought(completion: str) -> str:
    """A reply without the `<think>` block that some models begin with; nothing where that block never ends."""
    thought = _THOUGHT.match(completion)
    return completion[thought.end() :] if thought else completion


class Mark(NamedTuple):
    """A header in a text: `name` is the output that it means, or END_NAME, or None."""

    start: int
    end: int
    written: str
    name: str | None
    is_input: bool
    starts_line: bool


def marks(text: str, outputs: Mapping[str, str], inputs: Collection[str]) -> Iterator[Mark]:
    """The headers of a text; `outputs` has each name by itself and without case, `inputs` without case."""
    for match in _HEADER.finditer(text):
        written = match[1].strip()
        said = _SPACES.sub("_", written.casefold())
        name = outputs.get(written) or outputs.get(said) or (END_NAME if said == END_NAME else None)
        yield Mark(*match.span(), written, name, said in inputs, at_line_start(text, match.start()))


def in_fence(text: str) -> bool:
    """Whether a text ends where a code fence was opened."""
    return _FENCE_OPENED.search(text) is not None


def under_headers(text: str, outputs: Mapping[str, str], inputs: Collection[str]) -> Sections:
    """What stands under the header of each output; `outputs` has each name by itself and without case, `inputs` without case.

    A header inside a line counts only where that field has none at the start of a line: models also talk about their
    headers. The end mark ends the reply, and so does the header of an input once all outputs are there.
    """
    found_marks = list(marks(text, outputs, inputs))
    leading = {mark.name for mark in found_marks if mark.starts_line}
    found = Sections()
    name, since, ended = "", 0, False
    for mark in found_marks:
        if not mark.starts_line and (mark.name is None or mark.name in leading):
            continue
        if name:
            found.put(name, unescape(text[since : mark.start]))
        elif not found.texts and in_fence(text[: mark.start]):
            text = _to_the_fence(text)
        ended = mark.name == END_NAME or (mark.is_input and found.texts.keys() >= set(outputs.values()))
        if ended and found.texts:
            return found
        if mark.name is None and mark.written:
            found.unknown.append(mark.written)
        name, since = mark.name if mark.name and not ended else "", mark.end
    if name:
        found.put(name, unescape(_CUT.sub("", _ENDED.sub("", text[since:]))))
    return found


def _to_the_fence(text: str) -> str:
    """A reply that began in a code fence, up to where that fence is closed."""
    fences = list(_FENCE.finditer(text))
    return text[: fences[-1].start()] if len(fences) % 2 == 0 else text
