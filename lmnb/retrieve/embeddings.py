"""`Embeddings`: passages by the nearness of their vectors to the query's; exact, or through FAISS for a large corpus.

FAISS: Johnson, Douze and Jégou, "Billion-scale similarity search with GPUs", 2017; here an inverted file with exact vectors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lmnb.errors import InputError, RetrievalError, SaveError
from lmnb.lm.embedder import Embedder
from lmnb.optional import need
from lmnb.retrieve import folder
from lmnb.retrieve.base import BaseRetriever, check_k
from lmnb.retrieve.passage import Passage, read_corpus
from lmnb.retrieve.ranking import best

_KIND = "embeddings"
_LISTS_READ = 0.125  # the share of the inverted lists that a query reads, and no fewer than _LISTS_LEAST
_LISTS_LEAST = 16
_AT_ONCE = 20_000_000  # scores held in memory at a time
_ROUNDING = 1e-5  # more than float32 can be off, as a share of the two lengths
_SPARE = 16  # passages asked of FAISS beyond k, ranked again exactly


class Embeddings(BaseRetriever):
    """Finds the passages of `corpus` (texts, or records with a `text`) whose vectors are nearest to the query's.

    `embedder` is an `lmnb.Embedder`, the name of a model, or a function from a list of texts to as many vectors. The corpus
    is embedded when this is made. Scores are cosines, or inner products of the vectors as they are with `normalize=False`.
    Equal scores keep the order of the corpus. Needs numpy: the extra `lmnb[retrieve]`.

    Below `brute_force_threshold` passages every vector is compared; from there on FAISS (the extra `lmnb[faiss]`) reads the
    nearest part of them, which is faster and may miss a passage.

    >>> import lmnb
    >>> search = lmnb.Embeddings(["a", "bb", "ccc"], lambda texts: [[len(text), 1.0] for text in texts], k=2)
    >>> search("dd").passages
    ['bb', 'ccc']
    """

    def __init__(
        self,
        corpus: Iterable[Any],
        embedder: Embedder | str | Callable[[list[str]], Any],
        k: int = 5,
        *,
        brute_force_threshold: int = 20_000,
        normalize: bool = True,
    ) -> None:
        self.corpus = read_corpus(corpus)
        self.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        self.k = check_k(k)
        self.brute_force_threshold = _threshold(brute_force_threshold)
        self.normalize = normalize
        self._set(self._embed([passage.text for passage in self.corpus]))

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        vectors = self._embed(queries)
        if vectors.shape[1] != self.vectors.shape[1]:
            raise RetrievalError(
                f"{self.embedder!r} gave {vectors.shape[1]} numbers for a query, and the corpus has {self.vectors.shape[1]} "
                "for each passage. Use the embedder that the index was made with."
            )
        near = self._compared(vectors, k) if self._index is None else self._through_faiss(self._index, vectors, k)
        return [self._ranked(vector, places, k) for vector, places in zip(vectors, near, strict=True)]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write passages and vectors as a folder of JSON lines and numbers, which `Embeddings.load` reads."""
        header = {
            "k": self.k,
            "brute_force_threshold": self.brute_force_threshold,
            "normalize": self.normalize,
            "model": _model(self.embedder),
        }
        folder.write(path, _KIND, header, self.corpus, {"vectors": self.vectors})

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        embedder: Embedder | str | Callable[[list[str]], Any],
        *,
        k: int | None = None,
    ) -> Embeddings:
        """The index that `save` wrote, without embedding the corpus again; `embedder` must be of the same model.

        SaveError for a folder that is damaged, was changed, or holds something else.
        """
        stored = folder.read(path, _KIND, {"vectors": ("f", 2)})
        made = cls.__new__(cls)
        made.corpus = stored.passages
        made.embedder = embedder if isinstance(embedder, Embedder) else Embedder(embedder)
        with folder.reading(path):
            header, vectors = stored.header, stored.arrays["vectors"]
            model = _model(made.embedder)
            if header.get("model") != model and None not in (header.get("model"), model):
                raise SaveError(f"its vectors are of {header['model']!r}, and this embedder is {model!r}")
            made.k = check_k(header.get("k") if k is None else k)
            made.brute_force_threshold = _threshold(header.get("brute_force_threshold"))
            made.normalize = header.get("normalize")
            if type(made.normalize) is not bool:
                raise SaveError(f"'normalize' is {made.normalize!r} in its head")
            if len(vectors) != len(made.corpus) or not vectors.shape[1]:
                raise SaveError(f"it has {len(made.corpus)} passages and vectors of the shape {vectors.shape}")
            if not need("numpy", "retrieve", "Embeddings").isfinite(vectors).all():
                raise SaveError("a vector holds what is no number")
        made._set(vectors.astype("float32"))
        return made

    from_saved = load

    def __repr__(self) -> str:
        return f"Embeddings({len(self.corpus)} passages, {self.embedder!r}, k={self.k})"

    def _set(self, vectors: Any) -> None:
        self.vectors = vectors
        self._longest = float((vectors**2).sum(axis=1).max()) ** 0.5
        self._index = self._faiss_index() if len(vectors) >= self.brute_force_threshold else None

    def _embed(self, texts: list[str]) -> Any:
        numpy = need("numpy", "retrieve", "Embeddings")
        vectors = self.embedder(texts)
        if not numpy.isfinite(vectors).all():
            raise RetrievalError(f"{self.embedder!r} gave a vector that holds what is no number.")
        if self.normalize:
            lengths = numpy.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / numpy.where(lengths == 0, 1, lengths)
        return vectors

    def _faiss_index(self) -> Any:
        purpose = f"Embeddings of {len(self.corpus)} passages (or a brute_force_threshold above that)"
        faiss, size = need("faiss", "faiss", purpose), self.vectors.shape[1]
        lists = max(1, round(len(self.corpus) ** 0.5))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1  # only silences a warning
        index.train(self.vectors)
        index.add(self.vectors)
        index.nprobe = min(lists, max(_LISTS_LEAST, round(lists * _LISTS_READ)))
        return index

    def _compared(self, vectors: Any, k: int) -> Iterator[Any]:
        """For each query the places of the k best passages, and of those that rounding may have put behind them."""
        numpy, step = need("numpy", "retrieve", "Embeddings"), max(1, _AT_ONCE // len(self.corpus))
        for start in range(0, len(vectors), step):
            part = vectors[start : start + step]
            for vector, scores in zip(part, part @ self.vectors.T, strict=True):
                last = scores[best(scores, k, "retrieve")[-1]]
                slack = _ROUNDING * float(numpy.linalg.norm(vector)) * self._longest
                yield numpy.flatnonzero(scores >= last - slack)

    def _through_faiss(self, index: Any, vectors: Any, k: int) -> Iterator[Any]:
        numpy = need("numpy", "retrieve", "Embeddings")
        _, places = index.search(numpy.ascontiguousarray(vectors), min(k + _SPARE, len(self.corpus)))
        for row in places:
            yield numpy.sort(row[row >= 0])  # -1 where the lists that were read hold fewer

    def _ranked(self, vector: Any, places: Any, k: int) -> list[Passage]:
        # a product of matrices rounds equal rows differently by their place; a sum along each row does not
        scores = (self.vectors[places].astype("float64") * vector).sum(axis=1)
        order = best(scores, k, "retrieve")
        return [self.corpus[at].scored(score) for at, score in zip(places[order], scores[order], strict=True)]


EmbeddingsWithScores = Embeddings  # the field's name for the same: here every passage has its score


def _threshold(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise InputError(
            f"brute_force_threshold is {value!r}; write a whole number, such as 10**9 to do without FAISS."
        )
    return value


def _model(embedder: Embedder) -> str | None:
    return embedder.model if isinstance(embedder.model, str) else None
