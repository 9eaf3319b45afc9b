"""`Options`: what a language model is set to, as a value: kept, changed by copy, saved without secrets, shown."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self, TextIO

from lmnb.callbacks import as_callbacks
from lmnb.calls import CallHistory, history, write_history
from lmnb.canonical import jsonable
from lmnb.lm.private import Private, is_private, public, shown_url, split

_OF_TRAINING = frozenset({"finetuning_model", "launch_kwargs", "train_kwargs"})  # nothing of a request
_OWN = frozenset({"model", "model_type", "cache", "callbacks", "num_retries", "backoff", *_OF_TRAINING})


class Options:
    """The options of one language model, and the calls that were made with them."""

    def __init__(
        self,
        model: str,
        model_type: str = "chat",
        temperature: float | None = None,
        max_tokens: int | None = None,
        cache: bool = True,
        callbacks: Sequence[Any] | None = None,
        num_retries: int = 3,
        backoff: float = 0.5,
        **kwargs: Any,
    ) -> None:
        """`num_retries` more attempts follow a retryable failure, after about `backoff`, 2 × `backoff`, ...

        seconds or what the provider asks for.
        """
        self.model = model
        self.model_type = model_type
        self.cache = cache
        self.callbacks = as_callbacks(callbacks)
        self.num_retries = num_retries
        self.backoff = backoff
        vars(self).update({name: kwargs.pop(name) for name in _OF_TRAINING & kwargs.keys()})
        self.kwargs, self._private = split({"temperature": temperature, "max_tokens": max_tokens, **kwargs})

    @property
    def history(self) -> CallHistory:
        """The calls of this LM that the process still remembers, oldest first."""
        return CallHistory(entry for entry in history() if entry.span.data.get("lm") is self)

    def inspect_history(self, n: int = 1, file: TextIO | None = None) -> None:
        """Print the last `n` calls of this LM."""
        write_history(self.history.last(n), file)

    def copy(self, **changes: Any) -> Self:
        """This LM with some options changed, for instance `lm.copy(temperature=1.0, rollout_id=3)`; None takes an
        option away.
        """
        made = copy.copy(self)
        own = {name: changes.pop(name) for name in list(changes) if name in _OWN}
        vars(made).update(own)
        public, private = split(changes)
        gone = changes.keys() - public.keys() - private.keys()
        made.kwargs = {name: value for name, value in {**self.kwargs, **public}.items() if name not in gone}
        made._private = Private(
            {name: value for name, value in {**self._private, **private}.items() if name not in gone}
        )
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # programs share their LMs, and a transport cannot be copied

    def dump_state(self) -> dict[str, Any]:
        """What a saved program keeps of its LM: model and options, no key, no header, no endpoint."""
        own = {name: getattr(self, name) for name in ("model", "model_type", "cache", "num_retries")}
        return {**own, **jsonable(public(described(self.kwargs)))}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> Self:
        """The LM of a `dump_state`; its key and endpoint come from the environment, or by `lm.copy(api_key=...,
        api_base=...)`.
        """
        return cls(**{name: value for name, value in state.items() if not is_private(name)})

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.kwargs.items()]
        base = self._private.get("api_base") or self._private.get("base_url")
        if base:
            options.append(f"api_base={shown_url(str(base))!r}")
        return f"{type(self).__name__}({', '.join([repr(self.model), *options])})"


def described(decoding: dict[str, Any]) -> dict[str, Any]:
    """`decoding` with classes (a pydantic model as response format) given by their schema."""
    if not any(isinstance(value, type) for value in decoding.values()):
        return decoding
    return {
        name: {value.__name__: value.model_json_schema()}
        if isinstance(value, type) and hasattr(value, "model_json_schema")
        else value
        for name, value in decoding.items()
    }
