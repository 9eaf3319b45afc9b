"""Retrieve: a search as a step of a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmnb.errors import InputError
from lmnb.modules.module import Module
from lmnb.prediction import Prediction
from lmnb.retrieve.base import as_retriever, check_k
from lmnb.retrieve.passage import Passages
from lmnb.settings import current


class Retrieve(Module):
    """Finds `k` passages with `rm`, or with the retriever that `lmnb.configure(rm=...)` or `lmnb.context(rm=...)` set.

    Gives a prediction of four lists: `passages` (the texts), `ids`, `scores` and `metadata`. `rm` is any retriever, or a
    function of (query, k) that gives passages or texts. The search is a span of the kind "retrieval" in the trace.

    >>> import lmnb
    >>> corpus = lmnb.BM25(["Bern lies on the Aare.", "Basel lies on the Rhine."])
    >>> with lmnb.context(rm=corpus):
    ...     lmnb.Retrieve(k=1)("Which town lies on the Rhine?").passages
    ['Basel lies on the Rhine.']
    """

    def __init__(self, k: int = 3, *, rm: Callable[..., Any] | None = None, callbacks: Any = None) -> None:
        super().__init__(callbacks)
        self.k = check_k(k)
        self.rm = rm

    def forward(self, query: str, k: int | None = None) -> Prediction:
        return _prediction(self._retriever()(query, self.k if k is None else k))

    async def aforward(self, query: str, k: int | None = None) -> Prediction:
        return _prediction(await self._retriever().acall(query, self.k if k is None else k))

    def _retriever(self) -> Any:
        rm = self.rm if self.rm is not None else current("rm")
        if rm is None:
            raise InputError(
                "no retriever is set. Write lmnb.configure(rm=lmnb.BM25(corpus)), or Retrieve(k, rm=lmnb.BM25(corpus))."
            )
        return as_retriever(rm)

    def __repr__(self) -> str:
        return f"Retrieve(k={self.k})" if self.rm is None else f"Retrieve(k={self.k}, rm={self.rm!r})"


def _prediction(found: Passages) -> Prediction:
    return Prediction(
        passages=found.passages,
        ids=found.ids,
        scores=found.scores,
        metadata=[dict(passage.metadata) for passage in found],
    )
