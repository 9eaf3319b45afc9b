"""KNN: the training examples that are nearest to an input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lmnb.adapters.values import plain
from lmnb.counts import whole_number
from lmnb.data_uri import without_data
from lmnb.errors import InputError
from lmnb.optional import need


class KNN:
    """Called with inputs, gives the `k` examples of `trainset` whose inputs are nearest by the cosine of their vectors.

    `vectorizer` is an `Embedder`, or a function from a list of texts to as many vectors. Equally near examples keep the
    order of `trainset`. Needs numpy: the extra `lmnb[embed]`.

    >>> import lmnb
    >>> trainset = [lmnb.Example(ticket=text).with_inputs("ticket") for text in ("My parcel is late.", "A wrong invoice.")]
    >>> lmnb.KNN(1, trainset, lmnb.Embedder("lmnb/tiny"))(ticket="Where is the parcel?")[0].ticket
    'My parcel is late.'
    """

    def __init__(self, k: int, trainset: Sequence[Any], vectorizer: Callable[[list[str]], Any]) -> None:
        self.k = whole_number("k", k, "how many examples to find")
        if not trainset:
            raise InputError("the trainset is empty, so nothing can be near.")
        self.trainset = list(trainset)
        self.vectorizer = vectorizer
        self._names = list(self.trainset[0].inputs().keys())
        texts = [input_text(example.inputs(), self._names) for example in self.trainset]
        self._rows = unit_rows(vectorizer, texts, "KNN")

    def __call__(self, **inputs: Any) -> list[Any]:
        """The nearest examples, nearest first."""
        missing = [name for name in self._names if name not in inputs]
        if missing:
            raise InputError(f"the input {missing[0]!r} is missing; the examples have: {', '.join(self._names)}.")
        asked = unit_rows(self.vectorizer, [input_text(inputs, self._names)], "KNN")[0]
        return [self.trainset[at] for at in nearest(self._rows, asked, self.k)]


def input_text(values: Any, names: Iterable[str]) -> str:
    """What is embedded of an example: its inputs of these names, as far as it has them, each with its name."""
    return " | ".join(f"{name}: {without_data(plain(values[name]))}" for name in names if name in values)


def unit_rows(vectorizer: Callable[[list[str]], Any], texts: list[str], purpose: str) -> Any:
    """The vectors of `texts` as rows of length 1."""
    numpy = need("numpy", "embed", purpose)
    rows = numpy.asarray(vectorizer(texts), dtype="float32")
    if rows.ndim != 2 or len(rows) != len(texts):
        raise InputError(f"the vectorizer gave an array of shape {rows.shape} for {len(texts)} texts.")
    return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def nearest(rows: Any, asked: Any, k: int) -> list[int]:
    """The places of the `k` rows that are nearest to `asked`, nearest first; of those equal to six digits the earlier first."""
    return [int(at) for at in (-(rows @ asked)).round(6).argsort(kind="stable")[:k]]
