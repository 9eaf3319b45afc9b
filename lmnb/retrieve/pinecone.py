"""`Pinecone`: passages from a Pinecone index, a vector database that runs elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lmnb.errors import InputError, RetrievalError
from lmnb.lm.embedder import Embedder
from lmnb.lm.private import Private, redact
from lmnb.optional import need
from lmnb.retrieve.base import BaseRetriever, check_k
from lmnb.retrieve.passage import Passage


class Pinecone(BaseRetriever):
    """Finds the records of a Pinecone index whose vectors are nearest to the query's.

    `index` is the index of a Pinecone client, or its name; a name is opened on the first query, with `api_key` or the
    environment's PINECONE_API_KEY, and needs the extra `lmnb[pinecone]`. `embedder` (an `lmnb.Embedder`, a model's name, or
    a function) must be the one that the records were made with. A record's text is its metadata's `text_field`. Order and
    scores are the index's own: under its metric "euclidean" less is better. `filter` and `namespace` are passed on.

    >>> import lmnb
    >>> class Index:
    ...     def query(self, vector, top_k, **options):
    ...         return {"matches": [{"id": "7", "score": 0.9, "metadata": {"text": "Bern", "year": 1191}}]}
    >>> lmnb.Pinecone(Index(), lambda texts: [[1.0, 0.0] for _ in texts])("a town")
    [Passage(text='Bern', id='7', score=0.9, metadata={'year': 1191})]
    """

    def __init__(
        self,
        index: Any,
        embedder: Embedder | str | Callable[[list[str]], Any],
        k: int = 5,
        *,
        text_field: str = "text",
        namespace: str | None = None,
        filter: Mapping[str, Any] | None = None,
        api_key: str | None = None,
    ) -> None:
        if not isinstance(index, str) and not callable(getattr(index, "query", None)):
            raise InputError(f"{index!r} is no index. Give its name, or pinecone.Pinecone().Index(name).")
        self.index = index
        self.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self.k = check_k(k)
        self.text_field = text_field
        self._options = {
            name: value for name, value in (("namespace", namespace), ("filter", filter)) if value is not None
        }
        self._private = Private({} if api_key is None else {"api_key": api_key})

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        vectors = self.embedder(queries)
        return [self._search(vector.tolist(), k) for vector in vectors]

    def __repr__(self) -> str:
        name = self.index if isinstance(self.index, str) else type(self.index).__name__
        return f"Pinecone({name!r}, {self.embedder!r}, k={self.k})"

    def _search(self, vector: list[float], k: int) -> list[Passage]:
        failure = None
        try:
            reply = self._opened().query(vector=vector, top_k=k, include_metadata=True, **self._options)
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to the client, which raises many unrelated types
            failure = RetrievalError(f"{self!r} failed: {type(error).__name__}: {redact(str(error), self._private)}")
        else:
            return [self._passage(match) for match in _part(reply, "matches") or ()][:k]
        raise failure  # outside the handler: the original, whose text may hold the key, is not chained

    def _opened(self) -> Any:
        if isinstance(self.index, str):
            client = need("pinecone", "pinecone", "Pinecone").Pinecone(**self._private)
            self.index = client.Index(self.index)
        return self.index

    def _passage(self, match: Any) -> Passage:
        metadata = dict(_part(match, "metadata") or {})
        text = metadata.pop(self.text_field, None)
        if not isinstance(text, str):
            known = ", ".join(map(repr, metadata)) or "nothing"
            raise RetrievalError(
                f"the record {_part(match, 'id')!r} has no text in its metadata's {self.text_field!r}; it has {known}. "
                "Write Pinecone(..., text_field=...)."
            )
        return Passage(text, str(_part(match, "id")), float(_part(match, "score") or 0.0), metadata)


def _part(value: Any, name: str) -> Any:
    """A part of the client's reply, which is an object or a mapping, by its version."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
