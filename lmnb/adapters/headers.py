"""The headers of the chat format: `[[ ## name ## ]]` on a line of its own, written and found again.

Every `[[ ##` inside a value is escaped, so whatever looks like a header and is not escaped is one: with a bracket
missing, in another case, with spaces for underscores.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

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
_END = "completed"
END = f"[[ ## {_END} ## ]]"


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


def under_headers(text: str, outputs: Mapping[str, str], inputs: Collection[str]) -> Sections:
    """What stands under the header of each output; `outputs` has each name by itself and without case, `inputs` without case.

    A header inside a line counts only where that field has none at the start of a line: models also talk about their
    headers. The end mark ends the reply, and so does the header of an input once all outputs are there.
    """
    marks = []
    for match in _HEADER.finditer(text):
        written = match[1].strip()
        said = _SPACES.sub("_", written.casefold())
        known = outputs.get(written) or outputs.get(said) or (_END if said == _END else None)
        starts_line = at_line_start(text, match.start())
        marks.append((match, known, said in inputs, starts_line))
    leading = {name for _, name, _, starts_line in marks if starts_line}
    found = Sections()
    name, since, ended = "", 0, False
    for match, known, is_input, starts_line in marks:
        if not starts_line and (known is None or known in leading):
            continue
        if name:
            found.put(name, unescape(text[since : match.start()]))
        elif not found.texts and _FENCE_OPENED.search(text[: match.start()]):
            text = _to_the_fence(text)
        ended = known == _END or (is_input and found.texts.keys() >= set(outputs.values()))
        if ended and found.texts:
            return found
        if known is None and match[1].strip():
            found.unknown.append(match[1].strip())
        name, since = known if known and not ended else "", match.end()
    if name:
        found.put(name, unescape(_CUT.sub("", _ENDED.sub("", text[since:]))))
    return found


def _to_the_fence(text: str) -> str:
    """A reply that began in a code fence, up to where that fence is closed."""
    fences = list(_FENCE.finditer(text))
    return text[: fences[-1].start()] if len(fences) % 2 == 0 else text
