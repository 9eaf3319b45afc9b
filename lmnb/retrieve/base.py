"""The `Retriever` protocol, the base that the retrievers share, and any function as a retriever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, Self

from lmnb.counts import whole_number
from lmnb.errors import InputError, RetrievalError
from lmnb.retrieve.passage import Passage, Passages
from lmnb.steps import step
from lmnb.trace import span


class Retriever(Protocol):
    """What finds passages for a query: at most `k`, the best first; `k=None` takes the retriever's own number."""

    def __call__(self, query: str, k: int | None = None) -> Sequence[Passage]: ...

    async def acall(self, query: str, k: int | None = None) -> Sequence[Passage]: ...

    def batch(self, queries: Iterable[str], k: int | None = None) -> Sequence[Sequence[Passage]]: ...

    async def abatch(self, queries: Iterable[str], k: int | None = None) -> Sequence[Sequence[Passage]]: ...


class BaseRetriever:
    """The shared part: subclasses write `search(queries, k)`, and get calls, batches, checks and spans.

    Every call is a span of the kind "retrieval" in the trace. A retriever is a value that copies of a program share.

    >>> import lmnb
    >>> class Echo(lmnb.retrieve.BaseRetriever):
    ...     def search(self, queries, k):
    ...         return [[lmnb.Passage(query.upper(), id="0")] for query in queries]
    >>> Echo()("hello").passages
    ['HELLO']
    """

    k: int = 5

    @property
    def name(self) -> str:
        """What its spans are called."""
        return type(self).__name__

    @property
    def _searcher(self) -> Any:
        """Whose search it is, where a check sends a program back over it."""
        return self

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        """At most `k` passages for each query, the best first. Called with texts that are not blank, and k >= 1."""
        raise NotImplementedError

    def __call__(self, query: str, k: int | None = None) -> Passages:
        """The passages for `query`. InputError for a blank query or a wrong k, RetrievalError where the search fails."""
        return self._found("query", query, [query], k)[0]

    async def acall(self, query: str, k: int | None = None) -> Passages:
        """`__call__` for asynchronous code, in a thread."""
        return await asyncio.to_thread(self, query, k)

    def batch(self, queries: Iterable[str], k: int | None = None) -> list[Passages]:
        """The passages for each query, as many calls would give them, but in one search."""
        if isinstance(queries, str):
            raise InputError(f"batch takes a list of queries, not {queries!r}. Write batch([{queries!r}]).")
        listed = list(queries)
        return self._found("queries", listed, listed, k) if listed else []

    async def abatch(self, queries: Iterable[str], k: int | None = None) -> list[Passages]:
        """`batch` for asynchronous code, in a thread."""
        return await asyncio.to_thread(self.batch, queries, k)

    def _found(self, name: str, given: Any, queries: list[str], k: int | None) -> list[Passages]:
        wanted = self.k if k is None else k
        with span("retrieval", self.name, inputs={name: given, "k": wanted}, instance=self) as opened:
            for query in queries:
                check_query(query)
            with step(self._searcher, opened) as made:
                if not made.again:
                    made.value = [list(each) for each in self.search(queries, check_k(wanted))]
            found = [Passages(each) for each in made.value]
            columns = [{"passages": each.passages, "ids": each.ids, "scores": each.scores} for each in found]
            opened.outputs = columns[0] if name == "query" else {"found": columns}
            opened.result = found[0] if name == "query" else found
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}(k={self.k})"


class Function(BaseRetriever):
    """`function(query, k=k)` as a retriever; it may give passages, texts, or anything with a `long_text` or `text`.

    >>> import lmnb
    >>> lmnb.retrieve.Function(lambda query, k: ["Bern", "Biel", "Basel"][:k])("a town", k=2).passages
    ['Bern', 'Biel']
    """

    def __init__(self, function: Callable[..., Any], k: int = 5) -> None:
        self.function = function
        self.k = check_k(k)

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def _searcher(self) -> Any:
        return self.function  # `Retrieve` makes a Function of it anew for each search

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        return [self._read(self.function(query, k=k))[:k] for query in queries]

    def _read(self, found: Any) -> list[Passage]:
        columns = getattr(found, "passages", None)
        entries = found if columns is None or isinstance(found, Passages) else columns
        if isinstance(entries, (str, bytes)) or not isinstance(entries, Iterable):
            raise RetrievalError(f"{self.function!r} gave {entries!r}, and a retriever gives a list of passages.")
        return [_as_passage(entry, str(at), self.function) for at, entry in enumerate(entries)]


def as_retriever(given: Any) -> BaseRetriever:
    """`given` if it is a retriever of ours, else the `Function` of a callable."""
    if isinstance(given, BaseRetriever):
        return given
    if not callable(given):
        raise InputError(f"{given!r} is no retriever. Write lmnb.BM25(corpus), or give a function of (query, k).")
    return Function(given)


def check_query(query: Any) -> str:
    if not isinstance(query, str):
        raise InputError(f"a query is a text, not {query!r}.")
    if not query.strip():
        raise InputError(f"the query {query!r} is empty. Write what to look for.")
    return query


def check_k(k: Any) -> int:
    return whole_number("k", k, "how many passages to find")


def _as_passage(entry: Any, place: str, function: Any) -> Passage:
    if isinstance(entry, Passage):
        return entry
    if isinstance(entry, str):
        return Passage(entry, place)

    def part(name: str) -> Any:
        return entry.get(name) if hasattr(entry, "get") else getattr(entry, name, None)

    text, score = part("long_text") or part("text"), part("score")
    if not isinstance(text, str):
        raise RetrievalError(f"{function!r} gave {entry!r} as a passage, which is no text and has none.")
    key = next((part(name) for name in ("id", "pid") if part(name) is not None), place)
    return Passage(text, str(key), float(score) if isinstance(score, (int, float)) else 0.0)
