"""Secrets never leave the process: not by repr, state, trace, cache, record or error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.lm.private import is_secret, public, redact, split
from lmnb.lm.recorder import recorder
from lmnb.trace import span

URL = "https://me:hunter2-password@host.example/v1?key=query-secret"


def shown(lm: lmnb.LM) -> str:
    return (
        repr(lm)
        + str(lm)
        + json.dumps(lm.dump_state())
        + str(lm.kwargs)
        + str(vars(lm))
        + repr(lm.copy(temperature=1.0))
    )


def test_nothing_that_describes_an_lm_holds_a_secret() -> None:
    """repr, state, options and copies show model and decoding; the endpoint without user and query."""
    secrets = {
        "api_key": "sk-secret-api-key",
        "aws_secret_access_key": "aws-secret-value",
        "extra_headers": {"Authorization": "Bearer header-secret"},
        "vertex_credentials": "vertex-secret",
        "azure_ad_token": "azure-secret",
        "api_base": URL,
    }
    text = shown(lmnb.LM("openai/x", temperature=0.5, **secrets))
    for secret in (
        "sk-secret",
        "aws-secret",
        "header-secret",
        "vertex-secret",
        "azure-secret",
        "hunter2",
        "query-secret",
    ):
        assert secret not in text
    assert "0.5" in text
    assert "api_base='https://host.example/v1'" in text


def test_options_that_only_look_like_secrets_stay() -> None:
    """max_tokens and the like decide the reply."""
    public, private = split({"max_tokens": 1, "max_completion_tokens": 2, "top_p": 0.5, "stop": None, "api_key": "x"})
    assert (list(public), list(private)) == (["max_tokens", "max_completion_tokens", "top_p"], ["api_key"])


def test_a_call_leaves_no_secret_anywhere(
    remote: Callable[..., lmnb.LM], scripted: Any, said: Any, secret: str, own_cache: Path
) -> None:
    """The key reaches the provider, and nothing that stays: span, trace, history, record, cache file."""
    records: list[Any] = []

    class Tape:
        def replay(self, request_hash: str) -> None:
            return None

        def record(self, request_hash: str, response: dict[str, Any]) -> None:
            records.append((request_hash, response))

    scripted.replies = [(200, said()), (200, said())]
    lm = remote(cache=True)
    token = recorder.set(Tape())
    try:
        with span("module", "outer") as outer:
            lm("hello")
            lm("again", api_key="sk-of-this-call-only", extra_headers={"x-team": "header-secret"})
    finally:
        recorder.reset(token)
    assert scripted.keys == [f"Bearer {secret}", "Bearer sk-of-this-call-only"]
    left = json.dumps(lmnb.Trace(outer).to_dict()) + str([vars_of(child) for child in outer.children]) + str(records)
    left += "".join(path.read_bytes().decode("latin-1") for path in own_cache.iterdir())
    for hidden in (secret, "sk-of-this-call-only", "header-secret"):
        assert hidden not in left


def vars_of(item: Any) -> str:
    return str({key: value for key, value in item.data.items() if key != "lm"}) + repr(item.data["lm"])


def test_an_error_that_repeats_the_key_is_cleaned(
    remote: Callable[..., lmnb.LM], scripted: Any, failed: Any, secret: str
) -> None:
    """Providers like to quote the key that they refuse; neither message nor chained errors hold it."""
    scripted.replies = [(401, failed(f"Incorrect API key provided: {secret}. Header: Bearer {secret}"))]
    with pytest.raises(lmnb.AuthError) as caught:
        remote()("hello")
    error: BaseException | None = caught.value
    assert "[secret]" in str(error)
    while error is not None:
        assert secret not in str(error) + repr(error)
        error = error.__cause__ or error.__context__


def test_keys_of_the_environment_are_cleaned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's text may quote a key that never went through our hands."""
    monkeypatch.setenv("SOME_API_KEY", "a-value-in-the-environment")
    assert redact("no: a-value-in-the-environment", {}) == "no: [secret]"


@pytest.mark.parametrize(
    "text",
    [
        "key sk-abcdef123456 refused",
        "GET https://host/v1?key=abcdef123456&x=1",
        "Authorization: Bearer abcdef123456",
        "https://me:abcdef123456@host/",
    ],
)
def test_what_looks_like_a_secret_is_cleaned(text: str) -> None:
    """Keys in the usual shapes, in URLs and in headers."""
    assert "abcdef123456" not in redact(text, {})


def test_what_may_stand_in_a_file_holds_no_secret() -> None:
    """Private options go, also inside others; a schema that describes a password stays, and so does None."""
    schema = {"properties": {"password": {"type": "string"}}, "required": ["password"]}
    options = {
        "temperature": None,
        "api_key": "sk-1",
        "timeout": 5,
        "user": "sk-verysecret-123456",
        "extra_body": {"api_key": "abcd", "top_k": 5, "hints": ["Bearer 1a2b3c4d", "short"]},
        "response_format": schema,
    }
    assert public(options) == {
        "temperature": None,
        "extra_body": {"top_k": 5, "hints": ["short"]},
        "response_format": schema,
    }


def test_an_lms_state_has_no_secret_inside_an_option() -> None:
    """A provider's extra options may hold a key of their own."""
    lm = lmnb.LM("openai/x", extra_body={"api_key": "inner-secret", "top_k": 5})
    assert lm.dump_state()["extra_body"] == {"top_k": 5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MY_API_KEY", "abcdef"),
        ("KEY", b"1234567890abcdef"),
        ("DB_PASSWORD", "tiger"),
        ("HEADERS", {"Authorization": "some words"}),
        ("TOKEN", "f3a9c1b2d4e5"),
        ("TEXT", "use sk-topsecret-99887766 for it"),
        ("URL", "https://me:tiger@host/"),
        ("PARTS", ["a", {"b": ("x", "ghp_abcdefABCDEF123456")}]),
        ("SET", "a-value-in-the-environment"),
    ],
)
def test_a_secret_is_known_by_name_or_form(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """Also inside containers, and where the environment says what it is."""
    monkeypatch.setenv("SOME_API_KEY", "a-value-in-the-environment")
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SORT_KEY", "createdAt"),
        ("SEP_TOKEN", "[SEP]"),
        ("MAX_TOKENS", 100),
        ("HEADERS", {"Accept": "application/json"}),
        ("PROMPT", "List the key_points_of_the_text; a bearer certificate is one."),
        ("URL", "https://{user}:{password}@host/?key={key}"),
        ("KEY", None),
    ],
)
def test_what_only_sounds_like_a_secret_is_none(name: str, value: Any) -> None:
    """Words, templates and names of columns can be exported."""
    assert not is_secret(name, value)
