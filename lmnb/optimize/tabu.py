"""What a person's decisions say about the words of a slot: texts that were rejected, and spans that are to stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmnb.optimize.archive import Archive
    from lmnb.optimize.candidate import Candidate

TWIN = 0.9  # the Jaccard index of words from which two texts count as the same


@dataclass(frozen=True)
class Tabu:
    """A text that a rejected candidate brought into a slot. `before` are the texts that it came in the place of, `decision` is the id of the
    reject.
    """

    slot: str
    text: str
    before: tuple[str, ...] = ()
    reason: str = ""
    decision: int = -1

    def covers(self, text: str) -> bool:
        """Whether `text` says the same: nine in ten of all words, and of those that were new. So of two texts with one long
        beginning, one may be rejected and the other stay.

        >>> tabu = Tabu("self.instructions", "Name the team. Be loud!", before=("Name the team.",))
        >>> tabu.covers("name the team: be LOUD"), tabu.covers("Name the team. Be kind!"), tabu.covers("Name the team.")
        (True, False, False)
        """
        if text == self.text or text in self.before:
            return text == self.text
        said = words(text)
        return _alike(said, self._words) and _alike(said - self._old, self._words - self._old)

    @cached_property
    def _words(self) -> frozenset[str]:
        return words(self.text)

    @cached_property
    def _old(self) -> frozenset[str]:
        return frozenset().union(*map(words, self.before))

    def told(self) -> dict[str, str]:
        """As a proposer is told of it."""
        return {"text": self.text, "reason": self.reason}


def brought(candidate: Candidate, archive: Archive, baseline: Candidate) -> dict[str, dict[str, Any]]:
    """The texts that a candidate brought, by slot, each with those that stood there in its parents and in the program: what none of
    these holds, and no other candidate that is allowed and was there before it.
    """
    parents = [archive.entries[name].candidate for name in candidate.parents if name in archive.entries]
    entry = archive.entries.get(candidate.id)
    earlier = [each.candidate for each in archive.feasible() if entry is not None and each.number < entry.number]
    found = {}
    for slot, text in candidate.values.items():
        if isinstance(text, str) and text.strip():
            before = dict.fromkeys(each.values.get(slot, "") for each in (*parents, baseline))
            if text not in before and all(each.values.get(slot) != text for each in earlier):
                found[slot] = {"text": text, "before": list(before)}
    return found


def tabus(data: Mapping[str, Any], decision: int) -> list[Tabu]:
    """Those that the data of a decision holds."""
    reason = data.get("reason") or ""
    return [
        Tabu(slot, each["text"], tuple(each["before"]), reason, decision) for slot, each in data.get("tabu", {}).items()
    ]


def missing_spans(text: str, spans: Sequence[str]) -> list[str]:
    """Those of `spans` that `text` does not hold word for word; how its white space is broken does not count.

    >>> missing_spans("Answer\\nin one word.", ["in one word", "in two"])
    ['in two']
    """
    said = " ".join(text.split()) if spans else ""
    return [span for span in spans if " ".join(span.split()) not in said]


def words(text: Any) -> frozenset[str]:
    """The normalised words of a text."""
    return frozenset(re.findall(r"\w+", str(text).casefold()))


def jaccard(a: str, b: str) -> float:
    """Shared words over all words: 1.0 for the same words, 0.0 for none in common.

    >>> jaccard("Answer the question.", "answer THE question")
    1.0
    """
    return _jaccard(words(a), words(b))


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left | right else 1.0


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    return _jaccard(left, right) >= TWIN
