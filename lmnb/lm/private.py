"""What must never leave the process: keys, tokens and headers of a request, and where they could slip out in an
error's text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_SECRET = re.compile(r"key(_id)?$|secret|passw|token$|credential|authorization|headers$|bearer|cookie", re.IGNORECASE)
_ENDPOINT = frozenset(
    {"api_base", "base_url", "azure_endpoint", "organization", "api_version", "client", "http_client", "timeout"}
)
_IN_TEXT = (
    re.compile(r"\b(?:sk|pk|rk|key|gsk|xai|hf|ghp|AIza)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{6,}"),
    re.compile(r"(?i)(?<=[?&])(key|api_key|apikey|token|access_token|sig)=[^&\s'\"]+"),
    re.compile(r"(?<=://)[^/\s@'\"]+(?=@)"),
)


class Private(dict[str, Any]):
    """Options that go to the provider and nowhere else; its repr and str do not show them."""

    def __repr__(self) -> str:
        return f"<{len(self)} private options>"

    __str__ = __repr__


@lru_cache(maxsize=512)
def is_private(name: str) -> bool:
    """True for the name of an option that is a secret or says how to reach the provider; such options are no part of a
    request's content.

    >>> [name for name in ("api_key", "max_tokens", "temperature", "extra_headers", "api_base") if is_private(name)]
    ['api_key', 'extra_headers', 'api_base']
    """
    return name in _ENDPOINT or _SECRET.search(name) is not None


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], Private]:
    """`options` as (what decides the reply, what is private); options that are None are left out."""
    public: dict[str, Any] = {}
    private = Private()
    for name, value in options.items():
        if value is not None:
            (private if is_private(name) else public)[name] = value
    return public, private


def shown_url(url: str) -> str:
    """`url` without user, password and query.

    >>> shown_url("https://me:pw@host:8000/v1?key=1")
    'https://host:8000/v1'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def redact(text: str, private: Mapping[str, Any]) -> str:
    """`text` with every known or likely secret replaced by `[secret]`."""
    for value in sorted(set(_values(private)) | set(_environment()), key=len, reverse=True):
        text = text.replace(value, "[secret]")
    for pattern in _IN_TEXT:
        text = pattern.sub("[secret]", text)
    return text


def _values(private: Mapping[str, Any]) -> Iterable[str]:
    for name, value in private.items():
        if isinstance(value, Mapping):
            yield from (str(item) for item in value.values() if len(str(item)) >= 6)
        elif name not in _ENDPOINT and len(str(value)) >= 4:
            yield str(value)


def _environment() -> Iterable[str]:
    return (value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= 8)
