"""`Response`: what one LM call gave, read from whatever shape the transport answered in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmnb.errors import LMError


@dataclass(frozen=True, slots=True)
class Response:
    """The texts of one LM call with what it used.

    `usage` holds `prompt_tokens` and `completion_tokens` (see `read_usage`); `cost` is in US dollars, None where the price is unknown, 0
    for a cache hit; `cache` is "hit", "miss" or "off"; `attempts` counts how often the request was sent; `finish` is
    why the first text ended ("stop", "length", ...); `logprobs` has one entry a text, as the provider gave it, where
    they were asked for. `tool_calls` has for each text the calls of tools that came with it: dicts of `id`, `name` and
    `arguments`, a JSON text as the model wrote it.
    """

    texts: list[str]
    usage: dict[str, Any]
    cost: float | None
    model: str
    cache: str = "off"
    attempts: int = 1
    finish: str | None = None
    logprobs: list[Any] | None = None
    tool_calls: list[list[dict[str, Any]]] | None = None

    def shown(self, at: int = 0) -> str:
        """A text with the calls that came with it, as one reads them in a trace."""
        calls = self.tool_calls[at] if self.tool_calls else ()
        return "\n".join([*filter(None, [self.texts[at]]), *(f"{call['name']}({call['arguments']})" for call in calls)])

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; `Response.from_dict` reads it back."""
        stored: dict[str, Any] = {
            "texts": list(self.texts),
            "usage": dict(self.usage),
            "cost": self.cost,
            "model": self.model,
            "cache": self.cache,
            "attempts": self.attempts,
            "finish": self.finish,
        }
        if self.logprobs is not None:
            stored["logprobs"] = self.logprobs
        if self.tool_calls is not None:
            stored["tool_calls"] = self.tool_calls
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], **changes: Any) -> Response:
        """From `to_dict` data, with some values replaced; raises KeyError or TypeError where the data is not a
        response.
        """
        values = {**stored, **changes}
        texts = values["texts"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of str, not {texts!r}")
        return cls(
            list(texts),
            dict(values["usage"]),
            values["cost"],
            values["model"],
            values["cache"],
            values["attempts"],
            values["finish"],
            values.get("logprobs"),
            values.get("tool_calls"),
        )


def read_reply(reply: Any, *, model: str, cache: str, attempts: int) -> Response:
    """A `Response` from a str, a list of str, or an OpenAI-shaped dict or object (chat or text completion)."""
    if isinstance(reply, str):
        return Response([reply], {}, None, model, cache, attempts)
    if isinstance(reply, list) and reply and all(isinstance(text, str) for text in reply):
        return Response(list(reply), {}, None, model, cache, attempts)
    choices = _get(reply, "choices")
    if not isinstance(choices, (list, tuple)) or not choices:
        raise LMError(
            f"the LM {model!r} returned {_short(reply)}. "
            "Let forward return a str, a list of str or an OpenAI-shaped {'choices': [{'message': {'content': ...}}]}.",
            model=model,
        )
    logprobs = [_get(choice, "logprobs") for choice in choices]
    calls = [_calls(_get(choice, "message")) for choice in choices]
    return Response(
        [_text(choice) for choice in choices],
        read_usage(_get(reply, "usage")),
        _get(reply, "cost"),
        model,
        cache,
        attempts,
        _get(choices[0], "finish_reason"),
        [_plain(entry) for entry in logprobs] if any(logprobs) else None,
        calls if any(calls) else None,
    )


def read_usage(usage: Any) -> dict[str, Any]:
    """`prompt_tokens` and `completion_tokens` of an OpenAI-shaped usage; where they are given also `cached_tokens`, those of the
    prompt that the provider had cached, and `cache_creation_tokens`, those that it caches from now on.
    """
    if not usage:
        return {}
    read = {
        "prompt_tokens": _get(usage, "prompt_tokens") or 0,
        "completion_tokens": _get(usage, "completion_tokens") or 0,
    }
    details = _get(usage, "prompt_tokens_details")
    cached = {name: _get(details, name) for name in ("cached_tokens", "cache_creation_tokens")}
    return {**read, **{name: count for name, count in cached.items() if count}}


def _text(choice: Any) -> str:
    message = _get(choice, "message")
    content = _get(choice, "text") if message is None else _get(message, "content")
    if isinstance(content, list):  # content parts
        content = "".join(_get(part, "text") or "" for part in content)
    return content or ""


def _calls(message: Any) -> list[dict[str, Any]]:
    found = []
    for call in _get(message, "tool_calls") or ():
        function = _get(call, "function")
        arguments = _get(function, "arguments")
        written = arguments if isinstance(arguments, str) else json.dumps(_plain(arguments) or {}, ensure_ascii=False)
        found.append({"id": _get(call, "id"), "name": str(_get(function, "name") or ""), "arguments": written})
    return found


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"
