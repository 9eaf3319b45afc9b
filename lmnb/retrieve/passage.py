"""`Passage`, what a retriever gives; `Passages`, a list of them; and the ways to write a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lmnb.errors import InputError


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its `id`, its `score` for the query (more is better), and what else is known of it.

    Also read by item, as the field's programs do: `passage["text"]`, or a key of `metadata`.

    >>> import lmnb
    >>> passage = lmnb.Passage("Bern lies on the Aare.", id="7", score=2.5, metadata={"title": "Bern"})
    >>> passage.text, passage["title"]
    ('Bern lies on the Aare.', 'Bern')
    """

    text: str
    id: str = ""
    score: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def long_text(self) -> str:
        """The text, by the name that it has in programs of the field."""
        return self.text

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key) if key in ("text", "id", "score", "long_text") else self.metadata[key]

    def scored(self, score: float) -> Passage:
        """The same passage with another score."""
        return replace(self, score=float(score))


class Passages(list[Passage]):
    """What one query found, the best first; `.passages`, `.ids` and `.scores` are its columns.

    >>> import lmnb
    >>> found = lmnb.retrieve.Passages([lmnb.Passage("Bern", id="7", score=2.5), lmnb.Passage("Biel", id="3", score=1.0)])
    >>> found.passages, found.ids, found.scores
    (['Bern', 'Biel'], ['7', '3'], [2.5, 1.0])
    """

    @property
    def passages(self) -> list[str]:
        """The texts."""
        return [passage.text for passage in self]

    @property
    def ids(self) -> list[str]:
        return [passage.id for passage in self]

    @property
    def scores(self) -> list[float]:
        return [passage.score for passage in self]


def read_corpus(corpus: Iterable[Any]) -> tuple[Passage, ...]:
    """The passages of a corpus: texts, records with a `text` (and an `id`; other fields are metadata), or passages.

    What has no id gets its place in the corpus. InputError for a corpus that is empty, an entry without a text, and an id
    that stands twice.

    >>> read_corpus(["Bern", {"text": "Biel", "id": "b", "year": 1220}])[1]
    Passage(text='Biel', id='b', score=0.0, metadata={'year': 1220})
    """
    if isinstance(corpus, (str, bytes, Mapping)) or not isinstance(corpus, Iterable):
        raise InputError(f"a corpus is a list of texts or records, not {_shown(corpus)}. Write ['a text', 'another'].")
    passages = tuple(_passage(entry, str(at)) for at, entry in enumerate(corpus))
    if not passages:
        raise InputError("the corpus is empty. Give at least one text.")
    seen: dict[str, int] = {}
    for at, passage in enumerate(passages):
        if seen.setdefault(passage.id, at) != at:
            raise InputError(
                f"entries {seen[passage.id]} and {at} of the corpus have the same id {passage.id!r}. Give each its own."
            )
    return passages


def _passage(entry: Any, place: str) -> Passage:
    if isinstance(entry, Passage):
        made = Passage(entry.text, entry.id or place, 0.0, entry.metadata)
    elif isinstance(entry, str):
        made = Passage(entry, place)
    elif hasattr(entry, "keys") and "text" in entry:
        fields = dict(entry)
        made = Passage(fields.pop("text"), str(fields.pop("id", place)), 0.0, fields)
    else:
        raise InputError(
            f"entry {place} of the corpus is {_shown(entry)}. Write a text, or {{'id': ..., 'text': ...}}."
        )
    if not isinstance(made.text, str):
        raise InputError(f"the text of entry {place} of the corpus is {_shown(made.text)}, no str.")
    return made


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"
