"""KNN: the training examples that are nearest to an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.optional import need


class KNN:
    """Called with inputs, gives the `k` examples of `trainset` whose inputs are nearest by the cosine of their vectors.

    `vectorizer` is an `Embedder`, or a function from a list of texts to as many vectors. Equally near examples keep the
    order of `trainset`. Needs numpy: the extra `lmnb[embed]`.

    >>> import lmnb
    >>> trainset = [lmnb.Example(ticket=text).with_inputs("ticket") for text in ("My parcel is late.", "A wrong invoice.")]
    >>> KNN(1, trainset, lmnb.Embedder("lmnb/tiny"))(ticket="Where is the parcel?")[0].ticket
    'My parcel is late.'
    """

    def __init__(self, k: int, trainset: Sequence[Any], vectorizer: Callable[[list[str]], Any]) -> None:
        self.k = whole_number("k", k, "how many examples to find")
        if not trainset:
            raise InputError("the trainset is empty, so nothing can be near.")
        self.trainset = list(trainset)
        self.vectorizer = vectorizer
        self._numpy = need("numpy", "embed", "KNN")
        self._names = list(self.trainset[0].inputs().keys())
        self._rows = self._vectors([_text(example.inputs(), self._names) for example in self.trainset])

    def __call__(self, **inputs: Any) -> list[Any]:
        """The nearest examples, nearest first."""
        missing = [name for name in self._names if name not in inputs]
        if missing:
            raise InputError(f"the input {missing[0]!r} is missing; the examples have: {', '.join(self._names)}.")
        near = self._rows @ self._vectors([_text(inputs, self._names)])[0]
        order = self._numpy.argsort(-near, kind="stable")
        return [self.trainset[at] for at in order[: self.k]]

    def _vectors(self, texts: list[str]) -> Any:
        rows = self._numpy.asarray(self.vectorizer(texts), dtype="float32")
        if rows.ndim != 2 or len(rows) != len(texts):
            raise InputError(f"the vectorizer gave an array of shape {rows.shape} for {len(texts)} texts.")
        return rows / self._numpy.maximum(self._numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _text(values: Any, names: list[str]) -> str:
    return " | ".join(f"{name}: {values[name]}" for name in names)
