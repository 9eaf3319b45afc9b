"""Servers of llama.cpp (xllamacpp), and the only place that sets their parameters, which change names between releases.

A server answers in this process, and also listens on loopback.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmnb.errors import LMError, ModelNotFound

SMALL = 64_000_000  # bytes; below, one thread a server is fastest, and a second server costs little


def start(
    model: str,
    path: Path,
    *,
    n_ctx: int,
    n_threads: int | None = None,
    pooling: str = "",
    listens: bool = False,
    api_key: str | None = None,
) -> Any:
    """A server of one request at a time on the GGUF file `path`. With `pooling`, MEAN or LAST, it gives vectors; where it
    `listens`, it serves other tools under the model's name at its `listening_address`, else it has a key that nobody knows.

    ModelNotFound where the file cannot be loaded, LMError where xllamacpp is missing.
    """
    xllamacpp = _library(model)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = n_ctx
    params.n_parallel = 1
    params.use_jinja = True
    params.warmup = False
    params.verbosity = -1
    params.cache_ram_mib = 0  # kept states hold generated tokens, which must not be reused
    if n_threads is None:
        n_threads = 1 if path.stat().st_size <= SMALL else 0  # 0: as many as llama.cpp likes
    if n_threads:
        params.cpuparams.n_threads = n_threads
        params.cpuparams_batch.n_threads = n_threads
    if model.startswith("lmnb/"):
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.n_gpu_layers = 0
    if model.startswith("lmnb/") or pooling:
        params.n_batch = params.n_ubatch = n_ctx  # the whole prompt in one batch
    if pooling:
        params.embedding = True
        params.pooling_type = getattr(xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{pooling}")
    if listens:
        params.port = 0  # any free one
        params.model_alias = {model}
        params.cache_prompt = False  # the same prompt, the same reply
        params.api_keys = [api_key] if api_key else []
    else:
        params.api_keys = [secrets.token_hex(16)]
        params.n_threads_http = 1
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelNotFound(
            f"{str(path)!r} could not be loaded ({error}). It must be a GGUF file that llama.cpp knows.", model=model
        ) from error


def stream(handle: Callable[..., Any], request: dict[str, Any], emit: Callable[[str], None]) -> dict[str, Any]:
    """The reply of a server, by its handler for chats or for texts, to a request of one completion; `emit` is given the text as it
    comes. What `emit` raises ends the reply and is raised here.
    """
    chunks: list[dict[str, Any]] = []
    raised: list[BaseException] = []

    def take(chunk: dict[str, Any]) -> bool:
        chunks.append(chunk)
        try:
            if text := _text(chunk):
                emit(text)
        except BaseException as error:  # noqa: BLE001  the server would swallow it
            raised.append(error)
        return bool(raised)  # True: the server stops

    handle({**request, "stream": True, "stream_options": {"include_usage": True}}, take)
    if raised:
        raise raised[0]
    refused = next((chunk for chunk in chunks if "choices" not in chunk), None)
    if refused is not None:
        return refused
    ends = [choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"]]
    text = "".join(map(_text, chunks))
    said = {"text": text} if "prompt" in request else {"message": {"role": "assistant", "content": text}}
    usage = next(
        (chunk["usage"] for chunk in chunks if chunk.get("usage")), {"prompt_tokens": 0, "completion_tokens": 0}
    )
    choice = {"index": 0, **said, "finish_reason": next(filter(None, ends), None)}
    kind = "text_completion" if "prompt" in request else "chat.completion"
    return {**chunks[0], "object": kind, "choices": [choice], "usage": usage}


def _text(chunk: dict[str, Any]) -> str:
    return "".join(
        choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in chunk.get("choices") or ()
    )


def _library(model: str) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise LMError(
            f"LM({model!r}) runs through 'xllamacpp', which cannot be imported here ({error}). "
            "Run: pip install xllamacpp",
            model=model,
        ) from error
    return xllamacpp
