"""`BM25`: passages by the words that they share with the query. The default retriever: it needs no model and no server.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; scored by the library bm25s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from lmnb.errors import InputError, SaveError
from lmnb.optional import need
from lmnb.retrieve import folder
from lmnb.retrieve.base import BaseRetriever, check_k
from lmnb.retrieve.passage import Passage, read_corpus
from lmnb.retrieve.ranking import best
from lmnb.retrieve.words import words

_KIND = "bm25"
_ARRAYS = {"data": ("f", 1), "indices": ("i", 1), "indptr": ("i", 1)}


class BM25(BaseRetriever):
    """Finds the passages of `corpus` (texts, or records with a `text`) that share words with the query.

    A rare word counts more than a common one, a word in a short passage more than one in a long one; `k1` says how much
    repeating a word counts, `b` how much the length does. Passages that share no word are not found, so there may be fewer
    than `k`. Equal scores keep the order of the corpus. Needs bm25s: the extra `lmnb[retrieve]`.

    Words are found by `lmnb.retrieve.words`, in all of Unicode. Another `tokenizer` (text -> list of words) may drop or stem
    them: `lmnb.retrieve.english` does it for English, where a query for "live" then finds "lives".

    >>> import lmnb
    >>> search = lmnb.BM25(["Anna lives in Oslo.", "Ben lives in Rome.", "Rome is old."], k=2)
    >>> search("Who lives in Rome?").passages
    ['Ben lives in Rome.', 'Anna lives in Oslo.']
    >>> search("ROME!", k=1)[0].id
    '2'
    """

    def __init__(
        self,
        corpus: Iterable[Any],
        k: int = 5,
        *,
        k1: float = 1.5,
        b: float = 0.75,
        tokenizer: Callable[[str], list[str]] | None = None,
    ) -> None:
        self.corpus = read_corpus(corpus)
        self.k = check_k(k)
        self.k1, self.b = _parameters(k1, b)
        self.tokenizer = tokenizer or words
        self._words: dict[str, int] = {}
        rows = [
            [self._words.setdefault(word, len(self._words)) for word in self.tokenizer(passage.text)]
            for passage in self.corpus
        ]
        if not self._words:
            raise InputError(f"none of the {len(self.corpus)} texts of the corpus has a word.")
        self._index = self._empty()
        self._index.index((rows, dict(self._words)), create_empty_token=False, show_progress=False)

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        return [self._search(query, k) for query in queries]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index as a folder of JSON lines and numbers, which `BM25.load` reads."""
        scores = self._index.scores
        folder.write(
            path,
            _KIND,
            {"k": self.k, "k1": self.k1, "b": self.b, "tokenizer": _name(self.tokenizer)},
            self.corpus,
            {name: scores[name] for name in _ARRAYS},
            words=list(self._words),
        )

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, k: int | None = None, tokenizer: Callable[[str], list[str]] | None = None
    ) -> BM25:
        """The index that `save` wrote. An index that was made with a tokenizer of one's own needs that tokenizer.

        SaveError for a folder that is damaged, was changed, or holds something else.
        """
        stored = folder.read(path, _KIND, _ARRAYS, lists=("words",))
        made = cls.__new__(cls)
        made.corpus, made.tokenizer = stored.passages, tokenizer or words
        with folder.reading(path):
            if _name(made.tokenizer) != stored.header.get("tokenizer"):
                raise SaveError(
                    f"it was made with the tokenizer {stored.header.get('tokenizer')!r}, and this one is "
                    f"{_name(made.tokenizer)!r}. Write BM25.load(path, tokenizer=...)"
                )
            made.k = check_k(stored.header.get("k") if k is None else k)
            made.k1, made.b = _parameters(stored.header.get("k1"), stored.header.get("b"))
            made._words = {word: at for at, word in enumerate(stored.lists["words"])}
            _check(stored.arrays, len(stored.passages), len(made._words), len(stored.lists["words"]))
        made._index = made._empty()
        made._index.scores = {**stored.arrays, "num_docs": len(stored.passages)}
        made._index.nonoccurrence_array = None
        return made

    def __repr__(self) -> str:
        return f"BM25({len(self.corpus)} passages, k={self.k})"

    def _empty(self) -> Any:
        need("numpy", "retrieve", "BM25")
        return need("bm25s", "retrieve", "BM25").BM25(k1=self.k1, b=self.b, method="lucene", backend="numpy")

    def _search(self, query: str, k: int) -> list[Passage]:
        known = [self._words[word] for word in self.tokenizer(query) if word in self._words]
        if not known:
            return []
        scores = self._index.get_scores_from_ids(known)
        return [self.corpus[at].scored(scores[at]) for at in best(scores, k, "retrieve") if scores[at] > 0]


def _parameters(k1: Any, b: Any) -> tuple[float, float]:
    for name, value, most in (("k1", k1, 1e6), ("b", b, 1.0)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            raise InputError(f"{name} is {value!r}; write a number from 0 to {most:g}.")
    return float(k1), float(b)


def _name(tokenizer: Any) -> str:
    return getattr(tokenizer, "__qualname__", type(tokenizer).__qualname__)


def _check(arrays: dict[str, Any], passages: int, distinct: int, listed: int) -> None:
    """A compressed matrix of words x passages, whose every place is inside. SaveError where it is not."""
    data, indices, indptr = (arrays[name] for name in _ARRAYS)
    if distinct != listed:
        raise SaveError("a word stands twice in its list")
    if len(indptr) != listed + 1 or len(data) != len(indices) or not len(data):
        raise SaveError(f"its numbers do not fit its {listed} words")
    if indptr[0] != 0 or indptr[-1] != len(data) or (indptr[1:] < indptr[:-1]).any():
        raise SaveError("its words do not divide its numbers")
    if indices.min() < 0 or indices.max() >= passages:
        raise SaveError(f"it points outside its {passages} passages")
    if not ((data > 0) & (data < float("inf"))).all():
        raise SaveError("it holds a weight that is not positive")
