"""Where every sentence and demo of a candidate's prompt comes from: which candidate had it first, and who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from lmnb.html import Html, el, heading, join, root, shorten, table_of
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.header import Header
from lmnb.optimize.view import demo_name, text_of
from lmnb.optional import frame

_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
MAX_TEXT = 300


@dataclass(frozen=True)
class Origin:
    """One sentence or demo. `slot` holds it, candidate number `candidate` was the first to, `by` says who made it: "program" (it stood in the
    program as given), "person", "proposer", "optimizer", "trainset", "teacher" or "student"; `how` is that in words. `source` is the
    training example of a demo.
    """

    slot: str
    kind: str
    text: str
    candidate: int
    by: str
    how: str
    source: int | None = None


class PromptOrigins(tuple[Origin, ...]):
    """The origins of a prompt in its order; shows itself as a table."""

    number: int = 0

    def to_pandas(self) -> Any:
        """One row a sentence or demo."""
        return frame("PromptOrigins.to_pandas()", map(asdict, self), Origin.__dataclass_fields__)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The same as JSON-able data."""
        return [asdict(each) for each in self]

    def __repr__(self) -> str:
        return (
            "\n".join(f"#{each.candidate} {each.by}: {each.text[:100]}  ({each.how})" for each in self)
            or "an empty prompt"
        )

    def _repr_html_(self) -> str:
        return root("report", el("div", {"class": "lm-pane"}, origins_part(self)))


def origins(archive: Archive, header: Header, entry: Entry) -> PromptOrigins:
    """The origins of a candidate's prompt: instructions, descriptions and demos."""
    found = PromptOrigins([*_of_texts(archive, entry), *_of_demos(archive, header, entry)])
    found.number = entry.number
    return found


def origins_part(found: PromptOrigins) -> Html:
    """Origins as part of a report."""
    rows = [
        el(
            "tr",
            None,
            el("td", {"class": "lm-tight lm-muted"}, shorten(each.slot, 60)),
            el("td", None, shorten(each.text, MAX_TEXT)),
            el("td", {"class": "lm-tight"}, f"#{each.candidate}"),
            el(
                "td",
                None,
                el("span", {"class": f"lm-tag{_COLOUR.get(each.by, '')}"}, each.by),
                " ",
                shorten(each.how, MAX_TEXT),
            ),
        )
        for each in found
    ]
    names = ["slot", "sentence or demo", "first in", "by"]
    return join(
        [heading(f"Where the prompt of #{found.number} comes from", level=4), table_of(names, rows, "lm-table lm-num")]
    )


_COLOUR = {"person": " lm-warn"}


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text.

    >>> sentences("Choose a team. Mind the date!\\n- no others")
    ['Choose a team.', 'Mind the date!', '- no others']
    """
    return [part.strip() for part in _END.split(text) if part.strip()]


def _of_texts(archive: Archive, entry: Entry) -> Iterator[Origin]:
    for slot, text in entry.candidate.values.items():
        if isinstance(text, str):
            for sentence in sentences(text):
                first = _first(
                    archive, entry, lambda other, s=slot, t=sentence: _same(t) in _all(other.candidate.values.get(s))
                )
                by, how = _writer(archive, first, sentence)
                yield Origin(slot, "sentence", sentence, first.number, by, how)


def _of_demos(archive: Archive, header: Header, entry: Entry) -> Iterator[Origin]:
    kept = archive.state.kept
    for slot, demo in entry.candidate.demos():
        name, origin = demo.provenance.id, demo.provenance.origin or "given"
        first = _first(
            archive,
            entry,
            lambda other, s=slot, n=name: any(d.provenance.id == n for t, d in other.candidate.demos() if t == s),
        )
        taught = header.teacher_shape is not None or bool(header.teacher_settings)
        by = {"labelled": "trainset", "human": "person", "given": "program"}.get(
            origin, "teacher" if taught else "student"
        )
        if origin != "human" and first.candidate.origin == "baseline":
            by = "program"
        how = [origin, "" if demo.provenance.source is None else f"training example {demo.provenance.source}"]
        how += ["kept by you"] if name in kept else []
        if first.candidate.id in archive.state.made:
            how.append(archive.state.made[first.candidate.id].text)
        text = " · ".join(f"{field}: {text_of(value)}" for field, value in demo.items())
        yield Origin(
            slot,
            "demo",
            f"{demo_name(demo)}: {text}",
            first.number,
            by,
            ", ".join(filter(None, how)),
            demo.provenance.source,
        )


def _first(archive: Archive, entry: Entry, holds: Any) -> Entry:
    """The candidate that had it first: an ancestor if one has it, else whichever was made first."""
    family, waiting = {entry.candidate.id: entry}, [entry]
    while waiting:
        for parent in waiting.pop().candidate.parents:
            if parent in archive.entries and parent not in family:
                family[parent] = archive.entries[parent]
                waiting.append(archive.entries[parent])
    holders = [one for one in family.values() if holds(one)]
    oldest = min(holders, key=lambda one: one.number, default=entry)
    if oldest is not entry:
        return oldest
    return next((one for one in archive.entries.values() if one.number <= entry.number and holds(one)), entry)


def _writer(archive: Archive, first: Entry, sentence: str) -> tuple[str, str]:
    candidate = first.candidate
    if candidate.origin == "baseline":
        return "program", "as the program was given"
    made = archive.state.made.get(candidate.id)
    if made is not None:
        return "person", made.text
    wanted = _same(sentence)
    for place, result in archive.proposals:
        if any(wanted in _same(text) for text in _texts(result.outputs)):
            return "proposer", f"{place['asked']} proposed it, for “{candidate.label}”"
    return "optimizer", candidate.label


def _texts(outputs: Mapping[str, Any] | None) -> list[str]:
    return [text_of(value) for value in (outputs or {}).values()]


@lru_cache(maxsize=4_096)  # candidates share most of their texts
def _all(text: Any) -> frozenset[str]:
    return frozenset(_same(sentence) for sentence in sentences(text)) if isinstance(text, str) else frozenset()


def _same(text: str) -> str:
    return " ".join(text.casefold().split())
