"""Embeddings of local GGUF models, in this process, as unit vectors.

Of a model that lmnb trained: the last layer where it would write a label for the text, which is where it keeps what a text
is about. Of another: the mean of the last layer over the text's tokens.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from lmnb.errors import ContextWindowError, InvalidRequestError
from lmnb.lm import llama, local

VERSION = 2  # of what the vectors are, beside the weights
_ASKED = "<|user|>[[ ## text ## ]]\n {text}<|end|><|assistant|>[[ ## label ## ]]\n"

_servers: dict[
    str, tuple[str, Any, threading.Lock, bool]
] = {}  # by path: the file's version, its server, whether it is ours
_starting = threading.Lock()


def embed(model: str, texts: list[str]) -> list[list[float]]:
    """One vector a text, as `reply`."""
    return [row["embedding"] for row in reply(model, texts)["data"]]


def reply(model: str, texts: list[str]) -> dict[str, Any]:
    """The vectors as OpenAI-shaped rows in `data`, and the tokens in `usage`. ContextWindowError for a text that is too long,
    ModelNotFound for an unknown model.
    """
    _, server, alone, ours = _server(model)
    # our models know a word by the space before it, at the start of a line too
    given = [_ASKED.format(text=text.strip().replace("\n", "\n ")) for text in texts] if ours else texts
    with alone:
        made = server.handle_embeddings({"input": given})
    if "data" in made:
        return {"data": sorted(made["data"], key=lambda row: row["index"]), "usage": made["usage"]}
    said = str(made.get("error", {}).get("message", made))
    if "too large" in said or "context size" in said:
        raise ContextWindowError(
            f"a text is too long for {model!r}, which takes {local.context_size(model)} tokens: {said}. Shorten it.",
            model=model,
        )
    raise InvalidRequestError(f"{model!r} refused to embed: {said}", model=model)


def _server(model: str) -> tuple[str, Any, threading.Lock, bool]:
    path = local.weights(model)
    key, version = str(path.resolve()), local.fingerprint(model)
    with _starting:
        if key not in _servers or _servers[key][0] != version:  # the file was written anew
            ours = local.is_ours(model)
            server = llama.start(model, path, n_ctx=local.context_size(model), pooling="LAST" if ours else "MEAN")
            _servers[key] = version, server, threading.Lock(), ours
        return _servers[key]


_before_fork: list[Any] = []


def _after_fork() -> None:
    # as in `local`: the servers' threads did not cross the fork, and their destructors would wait for those
    global _starting
    _before_fork.append(dict(_servers))
    _servers.clear()
    _starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
