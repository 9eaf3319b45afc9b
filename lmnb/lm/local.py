"""GGUF models in this process, through llama.cpp (xllamacpp): the embedded `lmnb/tiny` and any file on the user's disk.

The same input gives the same reply, whatever else runs. So a server handles one request at a time; and it reuses the
prefix that a prompt shares with the one before (four times faster where a program's demos stay the same) only under
conditions in which that was measured to leave every log-probability bit for bit as it is: flash attention off, the
whole prompt in one batch, and no reuse of tokens that were generated (see `_reusable`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from lmnb.errors import ContextWindowError, InvalidRequestError, LMError, ModelNotFound
from lmnb.lm import llama
from lmnb.lm.modalities import texts_only
from lmnb.nearest import did_you_mean

EMBEDDED = {"tiny": ("tiny", "tiny.gguf")}
_PREFIXES = ("lmnb/", "gguf/")

_SENT = frozenset(
    {
        *(
            "temperature",
            "max_tokens",
            "stop",
            "seed",
            "top_p",
            "top_k",
            "min_p",
            "logprobs",
            "top_logprobs",
            "grammar",
        ),
        *("response_format", "presence_penalty", "frequency_penalty", "repeat_penalty"),
    }
)
_MARK = b"replace('\\n', '\\n ')"  # stands in the chat template of the models that lmnb trains, and in no other's
_HEAD = 500_000  # bytes in which it stands: the file's tokens come before it
_SETUP = frozenset({"n_ctx", "n_threads", "n_servers", "prompt_cache"})
_Messages = Sequence[dict[str, Any]]
_Emit = Callable[[str], None]


def is_local(model: str) -> bool:
    """True for the names that this module serves: `lmnb/...` and `gguf/...`."""
    return model.startswith(_PREFIXES)


def weights(model: str) -> Path:
    """The file behind a local model's name; `ModelNotFound` where there is none."""
    prefix, _, name = model.partition("/")
    if prefix == "gguf":
        path = Path(name).expanduser()
        if not path.is_file():
            raise ModelNotFound(
                f"there is no file {str(path)!r} (looked from {str(Path.cwd())!r}). "
                "Write LM('gguf/<path>'), as in 'gguf//home/me/model.gguf', or LM('lmnb/tiny') for the embedded model.",
                model=model,
            )
        return path
    if name not in EMBEDDED:
        known = ", ".join(f"LM('lmnb/{known}')" for known in EMBEDDED)
        raise ModelNotFound(
            f"there is no embedded model {name!r}. Write {known}, or LM('gguf/<path>') for a file.", model=model
        )
    path = Path(str(resources.files("lmnb.lm").joinpath(*EMBEDDED[name])))
    if not path.is_file():
        raise ModelNotFound(
            f"the weights {str(path)!r} are missing from this installation. Install lmnb again.", model=model
        )
    return path


def fingerprint(model: str) -> str:
    """What tells one version of a local model's weights from another."""
    path = weights(model)
    stat = path.stat()
    if stat.st_size <= llama.SMALL:
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def complete(model: str, asked: _Messages | str, options: dict[str, Any], emit: _Emit | None = None) -> dict[str, Any]:
    """One request, as an OpenAI-shaped dict: a reply to messages, or what continues a text. Temperature 0 where none is given.
    `emit` is given the text as it comes.
    """
    setup = {name: value for name, value in options.items() if name in _SETUP}
    body = {name: value for name, value in options.items() if name in _SENT}
    n = options.get("n", 1)
    unknown = sorted(options.keys() - setup.keys() - body.keys() - {"n"})
    if unknown:
        takes = sorted(_SENT | _SETUP | {"n"})
        hint = did_you_mean(unknown[0], takes, f"It takes: {', '.join(takes)}.")
        raise InvalidRequestError(f"{model!r} takes no option {unknown[0]!r}. {hint}", model=model)
    runtime = _runtime(model, setup)
    body.setdefault("temperature", 0.0)
    body.setdefault("max_tokens", runtime.max_tokens)
    if isinstance(body.get("response_format"), type):
        schema = body["response_format"].model_json_schema()
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    replies: list[dict[str, Any]] = []
    for index in range(n):
        if index and not body["temperature"]:
            replies.append(replies[0])  # greedy: the same again
            continue
        seed = {"seed": body["seed"] + index} if index and "seed" in body else {}
        replies.append(runtime.ask(asked, {**body, **seed}, emit))
    return _merged(model, replies)


def prompt_tokens(model: str, asked: _Messages | str, options: Mapping[str, Any]) -> int:
    """The tokens of a prompt. The server tells them of a reply only, so it is asked for one of a single token."""
    setup = {name: value for name, value in options.items() if name in _SETUP}
    return complete(model, asked, {**setup, "max_tokens": 1})["usage"]["prompt_tokens"]


def load(model: str, options: dict[str, Any]) -> None:
    """Make the model ready: its file is read, a server for it started."""
    with _runtime(model, {name: value for name, value in options.items() if name in _SETUP})._slot([]):
        pass


def unload(model: str) -> None:
    """Forget the model's servers, whose memory is free once nobody asks them; the next request starts one anew."""
    prefix, path = model.partition("/")[0], str(weights(model).resolve())
    with _lock:
        for key in [key for key in _runtimes if key[:2] == (prefix, path)]:
            del _runtimes[key]


def is_ours(model: str) -> bool:
    """Whether lmnb trained it: the chat template of such a model starts every line of a value with a space."""
    path = weights(model)
    if model.startswith("lmnb/") or path.stat().st_size > llama.SMALL:
        return model.startswith("lmnb/")
    with path.open("rb") as file:
        return _MARK in file.read(_HEAD)


def context_size(model: str) -> int:
    """Tokens of context where the caller names no other number."""
    return 2048 if model.startswith("lmnb/") else 8192


def threads() -> int:
    """How many requests are worth running side by side."""
    return min(2, os.cpu_count() or 1)


@dataclass(slots=True, eq=False)
class _Slot:
    """A server with the messages of its last prompt, whose tokens it still holds."""

    server: Any
    last: list[dict[str, Any]]


class _Runtime:
    """One file, served by a few servers of one request each, made on demand."""

    def __init__(self, model: str, path: Path, setup: dict[str, Any], version: str) -> None:
        self.version = version
        small = path.stat().st_size <= llama.SMALL
        embedded = model.startswith("lmnb/")
        self.model = model
        self.path = path
        self.max_tokens = 256 if embedded else 1024
        self._embedded = is_ours(model)
        self._n_ctx = setup.get("n_ctx", context_size("lmnb/" if self._embedded else model))
        self._n_threads = setup.get("n_threads")
        self._prompt_cache = setup.get("prompt_cache", embedded)  # elsewhere it may move a log-probability
        self._size = setup.get("n_servers", threads() if small else 1)
        self._made = 0
        self._idle: list[_Slot] = []
        self._free = threading.Condition()

    def ask(self, asked: _Messages | str, body: dict[str, Any], emit: _Emit | None = None) -> dict[str, Any]:
        if not asked:
            raise InvalidRequestError(f"{self.model!r} was asked without a message.", model=self.model)
        if isinstance(asked, str):
            return self._continued(asked, body, emit)
        held = texts_only(asked, self.model)
        with self._slot(held) as slot:
            reuse = self._prompt_cache and _reusable(slot.last, held)
            slot.last = []
            request = {**body, "messages": held, "cache_prompt": reuse}
            reply = self._answered(slot.server.handle_chat_completions, request, emit)
            slot.last = held  # only now: after a refusal the server still holds an older prompt
        for choice in reply["choices"]:
            choice["message"]["content"] = self._as_written(choice["message"].get("content") or "").strip()
        return reply

    def _continued(self, prompt: str, body: dict[str, Any], emit: _Emit | None) -> dict[str, Any]:
        """What continues a text as it stands, without the chat template. No prefix is reused: two prompts may differ in their last
        token alone, which would then be computed by itself.
        """
        with self._slot([]) as slot:
            slot.last = []
            request = {**body, "prompt": prompt, "cache_prompt": False}
            reply = self._answered(slot.server.handle_completions, request, emit)
        for choice in reply["choices"]:
            choice["text"] = self._as_written(choice.get("text") or "")
        return reply

    def _answered(self, handle: Callable[..., Any], request: dict[str, Any], emit: _Emit | None) -> dict[str, Any]:
        if emit is not None:
            handle = partial(llama.stream, handle, emit=_unindented(emit) if self._embedded else emit)
        try:
            reply = handle(request)
        except RuntimeError as error:  # what the runtime raises for content that it cannot take
            raise InvalidRequestError(f"{self.model!r} refused the request: {error}", model=self.model) from error
        if "choices" not in reply:
            raise self._error(reply.get("error") or {})
        return reply

    def _as_written(self, text: str) -> str:
        return text.replace("\n ", "\n") if self._embedded else text

    def _error(self, error: dict[str, Any]) -> LMError:
        if error.get("type") == "exceed_context_size_error":
            return ContextWindowError(
                f"the prompt has {error.get('n_prompt_tokens')} tokens and {self.model!r} takes {error.get('n_ctx')}. "
                "Use fewer or shorter demos" + ("." if self.model.startswith("lmnb/") else ", or LM(..., n_ctx=...)."),
                model=self.model,
            )
        return InvalidRequestError(
            f"{self.model!r} refused the request: {error.get('message', error)}", model=self.model
        )

    @contextmanager
    def _slot(self, asked: list[dict[str, Any]]) -> Iterator[_Slot]:
        """An idle server, the one that holds most of this prompt's beginning; waits where all are busy."""
        with self._free:
            while not self._idle and self._made >= self._size:
                self._free.wait()
            if self._idle:
                slot = max(self._idle, key=lambda idle: _shared(idle.last, asked))
                self._idle.remove(slot)
            else:
                slot = None
                self._made += 1
        if slot is None:
            try:
                slot = _Slot(self._serve(), [])
            except BaseException:
                with self._free:
                    self._made -= 1
                    self._free.notify()
                raise
        try:
            yield slot
        finally:
            with self._free:
                self._idle.append(slot)
                self._free.notify()

    def _serve(self) -> Any:
        return llama.start(self.model, self.path, n_ctx=self._n_ctx, n_threads=self._n_threads)


def _unindented(emit: _Emit) -> _Emit:
    """`emit` for a model of ours, which starts every line of a value with a space."""
    ended = ""

    def told(text: str) -> None:
        nonlocal ended
        shown = (ended + text).replace("\n ", "\n")[len(ended) :]
        ended = "\n" if text.endswith("\n") else ""
        emit(shown)

    return told


def _reusable(held: list[dict[str, Any]], asked: list[dict[str, Any]]) -> bool:
    """Whether the tokens that a server holds may serve a new prompt without any effect on its reply.

    Not where the prompt goes on through the last reply: generated tokens were computed one at a time, which rounds
    differently. Not where it ends inside the held prompt: then a single token would be computed alone.
    """
    return asked[: len(held)] != held and held[: len(asked)] != asked


def _shared(held: list[dict[str, Any]], asked: list[dict[str, Any]]) -> int:
    count = 0
    for one, other in zip(held, asked, strict=False):
        if one != other:
            break
        count += 1
    return count


def _merged(model: str, replies: list[dict[str, Any]]) -> dict[str, Any]:
    choices = [{**reply["choices"][0], "index": index} for index, reply in enumerate(replies)]
    asked = replies[0]["usage"]["prompt_tokens"]
    written = sum(reply["usage"]["completion_tokens"] for reply in replies)
    usage = {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
    kept = {name: replies[0][name] for name in ("id", "created", "object")}
    return {**kept, "model": model, "choices": choices, "usage": usage, "cost": 0.0}


_runtimes: dict[tuple[Any, ...], _Runtime] = {}
_lock = threading.Lock()
_digests: dict[tuple[Any, ...], str] = {}
_before_fork: list[Any] = []


def _runtime(model: str, setup: dict[str, Any]) -> _Runtime:
    path = weights(model)
    version = fingerprint(model)
    key = (model.partition("/")[0], str(path.resolve()), *sorted(setup.items()))
    with _lock:
        known = _runtimes.get(key)
        if known is None or known.version != version:  # the file was written anew
            _runtimes[key] = known = _Runtime(model, path, setup, version)
        return known


def _digest(path: Path, *version: int) -> str:
    key = (str(path), *version)
    if key not in _digests:
        _digests[key] = sha256(path.read_bytes()).hexdigest()[:16]
    return _digests[key]


def _after_fork() -> None:
    # the servers' threads did not cross the fork; the objects are kept, as their destructors would wait for those
    global _lock
    _before_fork.append(dict(_runtimes))
    _runtimes.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
