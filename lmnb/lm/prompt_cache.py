"""Marks for providers that cache the beginning of a prompt only where they are told to: Anthropic's `cache_control`, which
litellm also takes for Claude on Bedrock, Vertex AI, Databricks and OpenRouter.

Anthropic, "Prompt caching" (API documentation); at most four marks a request.
"""

from __future__ import annotations

from typing import Any

from lmnb.errors import InvalidRequestError

_MARK = {"type": "ephemeral"}


def with_marks(messages: list[dict[str, Any]], wanted: Any, model: str) -> list[dict[str, Any]]:
    """`messages` as they are sent where the LM has `prompt_cache=wanted`: unchanged, or a copy whose stable beginning is marked."""
    if wanted == "auto":
        wanted = needs_marks(model)
    if wanted is not None and not isinstance(wanted, bool):
        raise InvalidRequestError(
            f"LM({model!r}) has prompt_cache={wanted!r}. Write 'auto', True, False or None.", model=model
        )
    return marked(messages) if wanted else messages


def needs_marks(model: str) -> bool:
    """Whether the model's provider caches only what is marked, by the model's name.

    >>> [needs_marks(name) for name in ("anthropic/claude-x", "bedrock/us.anthropic.claude-x", "openai/gpt-x", "gemini/x")]
    [True, True, False, False]
    """
    return model.startswith("anthropic/") or "claude" in model.lower()


def marked(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`messages` with a mark at the end of the system message and at the end of what precedes the last turn (the demos, or the
    conversation so far). Marks of the caller's own stay alone.

    >>> made = marked([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    >>> made[0]["content"]
    [{'type': 'text', 'text': 'Be brief.', 'cache_control': {'type': 'ephemeral'}}]
    >>> made[1]
    {'role': 'user', 'content': 'Hi'}
    """
    if any("cache_control" in part for message in messages for part in (message, *_parts(message))):
        return messages
    able = [at for at, message in enumerate(messages[:-1]) if _markable(message)]
    system = [at for at in able if messages[at].get("role") in ("system", "developer")]
    places = {*able[-1:], *system[-1:]}
    return [_marked(message) if at in places else message for at, message in enumerate(messages)]


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _markable(message: dict[str, Any]) -> bool:
    """A mark on an empty text is refused, and one on a call of a tool has no place in the message."""
    content = message.get("content")
    if isinstance(content, str):
        return bool(content.strip())
    last = content[-1] if isinstance(content, list) and content else None
    return isinstance(last, dict) and (last.get("type") != "text" or bool(str(last.get("text") or "").strip()))


def _marked(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    return {**message, "content": [*parts[:-1], {**parts[-1], "cache_control": dict(_MARK)}]}
