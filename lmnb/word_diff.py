"""What changed between two texts, word by word, as marked text."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from lmnb.html import Html, el, join, visible

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
_LONGEST = 2_000  # tokens; comparing takes their square
_ALIKE = 0.4  # below this share of common words a diff is confetti: the old text, then the new one, reads better
_PIECE = 3  # tokens: a word or a full stop alone is no piece of a text

Change = tuple[str, str, str]


def word_diff(before: str, after: str) -> Html:
    """`after`, with what it lost against `before` struck out (`<del>`) and what it gained marked (`<ins>`).

    >>> word_diff("Choose the team for the ticket.", "Choose the one team for the ticket.")
    'Choose the<ins> one</ins> team for the ticket.'
    """
    return join(
        join([el("del", None, gone) if gone else None, el("ins", None, came) if came else None, kept])
        for gone, came, kept in changes(before, after)
    )


def changes(before: str, after: str) -> list[Change]:
    """(removed, added, kept after it) in order, word by word; texts that have little in common one after the other.

    >>> changes("one demo", "two demos")
    [('one demo', '', '\\n'), ('', 'two demos', '')]
    >>> changes("Route it.", "Route it. Billing goes to otter, shipping to falcon, and login to maple.")
    [('', '', 'Route it.'), ('', ' Billing goes to otter, shipping to falcon, and login to maple.', '')]
    """
    if before == after:
        return [("", "", after)]
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    if len(old) > _LONGEST or len(new) > _LONGEST:
        return _blocks(before, after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    # a text that was only added to, or only cut, has the shorter one in a piece (but for its last mark), however long the other is
    piece = matcher.find_longest_match().size
    grown = piece >= _PIECE and piece >= min(len(old), len(new)) - 1
    return _changes(matcher, old, new) if grown or matcher.ratio() >= _ALIKE else _blocks(before, after)


def _blocks(before: str, after: str) -> list[Change]:
    gone, came = (text if visible(text).strip() else "" for text in (before, after))
    return [(gone, "", "\n"), ("", came, "")] if gone and came else [(gone, came, "")]


def _changes(matcher: SequenceMatcher[str], old: list[str], new: list[str]) -> list[Change]:
    """(removed, added, kept after it) in order; a lone space between two changes belongs to them."""
    found: list[Change] = []
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
    for i in range(1, len(found)):
        found[i - 1 : i + 1] = _space_first(found[i - 1], found[i])
    return found


def _space_first(before: Change, change: Change) -> tuple[Change, Change]:
    """Of two ways to mark one added or removed word, "the[ one] team" and "the [one ]team", always the first."""
    gone, came, kept = change
    moved, space = gone or came, before[2][-1:]
    if (gone and came) or not space.isspace() or not moved.endswith(space):
        return before, change
    moved = space + moved[:-1]
    return (*before[:2], before[2][:-1]), (moved if gone else "", moved if came else "", space + kept)
