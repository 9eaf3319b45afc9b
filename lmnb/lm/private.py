"""What must never leave the process: keys, tokens and headers of a request, and where they could slip out in an
error's text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

_SECRET = re.compile(r"key(_id)?$|secret|passw|token$|credential|authorization|headers$|bearer|cookie", re.IGNORECASE)
ENDPOINT = frozenset(
    {"api_base", "base_url", "azure_endpoint", "organization", "api_version", "client", "http_client", "timeout"}
)
OF_REPLIES = frozenset(
    "model model_type cache num_retries use_developer_role temperature max_tokens max_completion_tokens top_p top_k min_p seed "
    "stop n presence_penalty frequency_penalty repetition_penalty repeat_penalty logit_bias logprobs top_logprobs "
    "response_format reasoning_effort verbosity tools tool_choice parallel_tool_calls rollout_id extra_body prediction "
    "prompt_cache".split()  # the last one decides the bill only
)
_OF_AN_LM = frozenset({"model", "model_type", "num_retries"})
_IN_TEXT = (
    re.compile(r"\b(?:sk|pk|rk|key|gsk|xai|hf|ghp|AIza)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{6,}"),
    re.compile(r"(?i)(?<=[?&])(key|api_key|apikey|token|access_token|sig)=[^&\s'\"]+"),
    re.compile(r"(?<=://)[^/\s@'\"]+(?=@)"),
)
_CERTAIN = re.compile(r"api[-_]?key|secret|passw|credential|authorization|bearer|cookie", re.IGNORECASE)


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
    return name in ENDPOINT or _SECRET.search(name) is not None


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], Private]:
    """`options` as (what decides the reply, what is private); options that are None are left out."""
    public: dict[str, Any] = {}
    private = Private()
    for name, value in options.items():
        if value is not None:
            (private if is_private(name) else public)[name] = value
    return public, private


def public(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` as they may stand in a file: without what is private, and without secrets at other places.

    >>> public({"temperature": None, "api_key": "sk-1", "extra_body": {"password": "abcd", "top_k": 5}})
    {'temperature': None, 'extra_body': {'top_k': 5}}
    """
    return {name: _cleaned(value) for name, value in options.items() if not is_private(name) and not _told(value)}


def from_file(options: Mapping[str, Any], *, of_call: bool = False) -> tuple[dict[str, Any], list[str]]:
    """What a file may say of an LM or a call, and the names of what it may not: only what decides the reply is taken. Anything
    else, such as an endpoint or a list of fallbacks with one, could send the reader's key to whoever wrote the file; so could
    the model, in the options `of_call` of an LM that is the reader's.

    >>> from_file({"temperature": 0.2, "fallbacks": [{"model": "openai/x", "api_base": "http://elsewhere"}]})
    ({'temperature': 0.2}, ['fallbacks'])
    """
    allowed = OF_REPLIES - _OF_AN_LM if of_call else OF_REPLIES
    taken = {name: value for name, value in options.items() if name in allowed}
    return taken, [name for name in options if name not in allowed]


def is_secret(name: str, value: Any) -> bool:
    """Whether `value`, which is called `name`, holds a text that looks like a secret: by a name, by its form, or
    because it is the value of a secret in the environment.

    >>> [is_secret(*pair) for pair in [("MY_API_KEY", "abcd"), ("SORT_KEY", "createdAt"), ("TEXT", "Bearer 1a2b3c4d")]]
    [True, False, True]
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        named = (_CERTAIN.search(name) and len(value) >= 4) or (_SECRET.search(name) and _is_random(value))
        return bool(named) or _told(value)
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name, None) for field in fields(value)}
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return any(is_secret(str(part) if _SECRET.search(str(part)) else name, item) for part, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(is_secret(name, item) for item in value)
    return False


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


def _cleaned(value: Any) -> Any:
    """`value` without the secrets that stand in mappings inside it."""
    if isinstance(value, Mapping):
        # a mapping under such a name is no secret but what describes one: a JSON schema has a property "password"
        return {
            name: _cleaned(item)
            for name, item in value.items()
            if not _told(item) and not (isinstance(item, str) and is_secret(str(name), item))
        }
    return [_cleaned(item) for item in value if not _told(item)] if isinstance(value, list) else value


def _told(value: Any) -> bool:
    """Whether a text shows by itself that it holds a secret; stricter than `redact`, which may clean too much."""
    if not isinstance(value, str):
        return False
    if any(secret in value for secret in _environment()):
        return True
    key, bearer, *in_url = _IN_TEXT
    found = [match.group() for match in key.finditer(value) if len(match.group()) >= 16]
    found += [match.group() for match in bearer.finditer(value)]
    templates = (match.group() for form in in_url for match in form.finditer(value))
    return any(map(_is_random, found)) or any("{" not in text for text in templates)


def _is_random(text: str) -> bool:
    """What tells a key from words: digits, or capitals inside a long one."""
    if len(text) < 8 or any(sign.isspace() for sign in text):
        return False
    return any(map(str.isdigit, text)) or (len(text) >= 16 and not text.islower() and not text.isupper())


def _values(private: Mapping[str, Any]) -> Iterable[str]:
    for name, value in private.items():
        if isinstance(value, Mapping):
            yield from (str(item) for item in value.values() if len(str(item)) >= 6)
        elif name not in ENDPOINT and len(str(value)) >= 4:
            yield str(value)


def _environment() -> Iterable[str]:
    return (value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= 8)


def variable_of(secret: Any) -> str | None:
    """The environment variable whose value `secret` is; None where there is none."""
    named = (name for name, value in sorted(os.environ.items()) if value and value == secret and _SECRET.search(name))
    return next(named, None)
