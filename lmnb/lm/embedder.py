"""`Embedder`: texts to vectors, from a provider, from a local model, or from a function of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lmnb.canonical import content_hash
from lmnb.errors import InputError, LMError
from lmnb.lm import local, vectors
from lmnb.lm.cache import cache
from lmnb.lm.client import load_litellm
from lmnb.lm.failures import translated
from lmnb.lm.private import ENDPOINT, public, split
from lmnb.optional import need

if TYPE_CHECKING:
    import numpy as np


class Embedder:
    """`Embedder("provider/model")` for every provider that litellm knows, `Embedder("lmnb/tiny")` or
    `Embedder("gguf/<path>")` for a model in this process, `Embedder(function)` for a function from a list of texts to
    as many vectors. Needs numpy: the extra `lmnb[embed]`.

    Called with a list of n texts it gives a float32 array of n rows; with one text, one vector. Texts are sent in
    batches of `batch_size`. With `caching` what was embedded before comes from the LM cache; a function is always
    called. Options go to the provider.

    The embedded model's vectors are unit vectors of 128 numbers that know its small vocabulary. Texts of one topic lie
    nearest to each other; all cosines are high, so compare them with each other and with no threshold.

    >>> import lmnb
    >>> embedder = lmnb.Embedder("lmnb/tiny")
    >>> embedder(["Where is my parcel?", "The invoice is wrong."]).shape
    (2, 128)
    >>> lmnb.Embedder(lambda texts: [[len(text), 1.0] for text in texts])("four")
    array([4., 1.], dtype=float32)
    """

    def __init__(
        self,
        model: str | Callable[[list[str]], Any],
        batch_size: int = 200,
        caching: bool = True,
        num_retries: int = 3,
        **options: Any,
    ) -> None:
        if not isinstance(model, str) and not callable(model):
            raise InputError(
                f"{model!r} is no model. Write Embedder('lmnb/tiny'), or give a function of a list of texts."
            )
        self.model = model
        self.batch_size = _size(batch_size)
        self.caching = caching
        self.num_retries = num_retries
        self._options, self._private = split(options)

    def __repr__(self) -> str:
        return f"Embedder({self.model!r})"

    def dump_state(self) -> dict[str, Any]:
        """What a file says of it: its model and the options that differ from the default; not keys, and of an endpoint only that
        there is one.

        InputError for a function, which has no such form.
        """
        if not isinstance(self.model, str):
            raise InputError(
                f"an Embedder of the function {self.model!r} has no state. Name a model: Embedder('lmnb/tiny')."
            )
        own = {name: getattr(self, name) for name, default in _OWN.items() if getattr(self, name) != default}
        elsewhere = {"endpoint": "own"} if ENDPOINT & self._private.keys() else {}
        return {"model": self.model, **own, **public(self._options), **elsewhere}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> Embedder:
        """The Embedder of a state; of the options only those are taken that decide the vectors.

        InputError for one with an endpoint of its own: no file says where texts are sent.
        """
        if "endpoint" in state or "://" in str(state.get("model")):
            raise InputError(f"the Embedder {state['model']!r} had an endpoint of its own. Make it again, with that.")
        return cls(**{name: state[name] for name in ("model", *_OWN, "dimensions") if name in state})

    def __call__(
        self, inputs: str | Sequence[str], batch_size: int | None = None, caching: bool | None = None
    ) -> np.ndarray:
        """The vectors of `inputs`: shape (n, d), or (d,) for one text. Raises the LM's errors."""
        numpy = need("numpy", "embed", "Embedder")
        single = isinstance(inputs, str)
        texts = [inputs] if single else list(inputs)
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"an Embedder takes texts, and number {index} is {text!r}.")
        keep = (self.caching if caching is None else caching) and isinstance(self.model, str)
        known = self._known(texts) if keep else {}
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        size = _size(self.batch_size if batch_size is None else batch_size)
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            made = self._embed(batch)
            if len(made) != len(batch):
                raise LMError(f"{self!r} gave {len(made)} vectors for {len(batch)} texts.")
            known |= dict(zip(batch, made, strict=True))
            if keep:
                self._keep(batch, made)
        rows = numpy.asarray([known[text] for text in texts], dtype=numpy.float32)
        if texts and rows.ndim != 2:
            raise LMError(f"{self!r} gave no vectors of numbers, but an array of shape {rows.shape[1:]} a text.")
        return rows[0] if single else rows

    async def acall(
        self, inputs: str | Sequence[str], batch_size: int | None = None, caching: bool | None = None
    ) -> np.ndarray:
        """`__call__` for asynchronous code, in a thread."""
        return await asyncio.to_thread(self, inputs, batch_size, caching)

    def _embed(self, texts: list[str]) -> list[Any]:
        if not isinstance(self.model, str):
            return list(self.model(texts))
        if local.is_local(self.model):
            return vectors.embed(self.model, texts)
        litellm, failure = load_litellm(), None
        try:
            reply = litellm.embedding(
                model=self.model, input=texts, num_retries=self.num_retries, **self._options, **self._private
            )
        except Exception as error:  # noqa: BLE001 - the boundary to litellm, which raises many unrelated types
            failure = translated(error, self.model, self._private)
        else:
            return [row["embedding"] for row in reply.data]
        raise failure  # outside the handler: the original, whose text may hold a key, is not chained

    def _known(self, texts: list[str]) -> dict[str, Any]:
        found = {text: cache.get(self._key(text)) for text in texts}
        return {text: value["vector"] for text, value in found.items() if value is not None}

    def _keep(self, texts: list[str], made: list[Any]) -> None:
        for text, vector in zip(texts, made, strict=True):
            cache.put(self._key(text), {"vector": [float(number) for number in vector]})

    def _key(self, text: str) -> str:
        assert isinstance(self.model, str)
        scope = f"{vectors.VERSION} {local.fingerprint(self.model)}" if local.is_local(self.model) else "litellm"
        return content_hash({"embed": self.model, "scope": scope, "options": dict(self._options), "text": text}, 64)


_OWN = {"batch_size": 200, "caching": True, "num_retries": 3}


def _size(batch_size: int) -> int:
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size!r}; write 1 or more.")
    return batch_size
