"""What changed between two prompts, word by word, as marked text."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from lmnb.html import Html, el, join

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
_LONGEST = 2_000  # tokens; comparing takes their square
_ALIKE = 0.4  # below this share of common words a diff is confetti: the old text, then the new one, reads better


def word_diff(before: str, after: str) -> Html:
    """`after`, with what it lost against `before` struck out (`<del>`) and what it gained marked (`<ins>`).

    >>> word_diff("Choose the team for the ticket.", "Choose the one team for the ticket.")
    'Choose the<ins> one</ins> team for the ticket.'
    """
    if before == after:
        return join([after])
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    if len(old) > _LONGEST or len(new) > _LONGEST:
        return _blocks(before, after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return _blocks(before, after)
    return join(_marked(gone, came, kept) for gone, came, kept in _changes(matcher, old, new))


def _blocks(before: str, after: str) -> Html:
    gone = el("del", None, before) if before.strip() else None
    came = el("ins", None, after) if after.strip() else None
    return join([part for part in (gone, came) if part is not None], "\n")


def _changes(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> list[tuple[str, str, str]]:
    """(removed, added, kept after it) in order; a lone space between two changes belongs to them."""
    found: list[tuple[str, str, str]] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        gone, came = "".join(old[i1:i2]), "".join(new[j1:j2])
        if kind == "equal":
            last = found.pop() if found else ("", "", "")
            found.append((last[0], last[1], last[2] + came))
        elif found and found[-1][2].isspace() and (found[-1][0] or found[-1][1]):
            last = found.pop()
            found.append((last[0] + last[2] + gone, last[1] + last[2] + came, ""))
        else:
            found.append((gone, came, ""))
    return found


def _marked(gone: str, came: str, kept: str) -> Html:
    return join([el("del", None, gone) if gone else None, el("ins", None, came) if came else None, kept])
