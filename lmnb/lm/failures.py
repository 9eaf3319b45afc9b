"""litellm's exceptions in terms of our error tree, each saying what to write, none holding a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lmnb.errors import (
    AuthError,
    ContextWindowError,
    InvalidRequestError,
    LMError,
    LMTimeoutError,
    ModelNotFound,
    RateLimitError,
    ServerError,
    TransportError,
)
from lmnb.lm.private import redact

_TOO_LONG = re.compile(
    r"context.{0,10}(length|size|window)|exceed_context|prompt is too long|too many tokens", re.IGNORECASE
)
_NO_PROVIDER = re.compile(r"LLM Provider NOT provided", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|exceeded your current quota|credit balance", re.IGNORECASE)
# what litellm reports as failures of the server, without having asked one
_NO_KEY = re.compile(r"Missing credentials|api_key client option must be set", re.IGNORECASE)
_NOT_REACHED = re.compile(r"Connection error|Connection refused|Cannot connect", re.IGNORECASE)
_LONGEST = 600  # characters of a provider's own text

# the first that fits: litellm's classes inherit from each other
_KINDS: tuple[tuple[tuple[str, ...], type[LMError]], ...] = (
    (("ContextWindowExceededError",), ContextWindowError),
    (("Timeout",), LMTimeoutError),
    (("RateLimitError",), RateLimitError),
    (("AuthenticationError", "PermissionDeniedError", "PaymentRequiredError"), AuthError),
    (("NotFoundError",), ModelNotFound),
    (("InternalServerError", "ServiceUnavailableError", "BadGatewayError", "APIResponseValidationError"), ServerError),
    (("BadRequestError", "UnprocessableEntityError"), InvalidRequestError),
    (("APIConnectionError",), TransportError),
)


_STATUSES: dict[int, type[LMError]] = {
    401: AuthError,
    402: AuthError,
    403: AuthError,
    404: ModelNotFound,
    408: LMTimeoutError,
    413: ContextWindowError,
    429: RateLimitError,
}


def translated(error: Exception, model: str, private: Mapping[str, Any]) -> LMError:
    """The error of our tree for what litellm raised.

    `retry_after` (seconds) is set on it where the provider sent one.
    """
    said = redact(str(error), private)
    said = said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
    made = _kind(error, said)(_message(_kind(error, said), model, said), model=model)
    wait = _retry_after(error)
    if wait is not None:
        vars(made)["retry_after"] = wait
    return made


def _kind(error: Exception, said: str) -> type[LMError]:
    if _NO_PROVIDER.search(said):
        return ModelNotFound
    names = {kind.__name__ for kind in type(error).__mro__}
    for wanted, kind in _KINDS:
        if names.intersection(wanted):
            if kind in (ServerError, TransportError) and _NO_KEY.search(said):
                return AuthError
            if kind is ServerError and _NOT_REACHED.search(said):
                return TransportError
            if kind is InvalidRequestError and _TOO_LONG.search(said):
                return ContextWindowError
            if kind is RateLimitError and _NO_CREDIT.search(said):
                return AuthError
            return kind
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _STATUSES.get(status, ServerError if status >= 500 else InvalidRequestError)
    return LMError


def _message(kind: type[LMError], model: str, said: str) -> str:
    provider = model.partition("/")[0] if "/" in model else "openai"
    if _NO_PROVIDER.search(said):
        return (
            f"no provider is known for the model {model!r}. Write provider/model, for instance "
            "LM('openai/gpt-5-mini'), LM('gguf/path/to/model.gguf') or LM('lmnb/tiny')."
        )
    if kind is AuthError and _NO_CREDIT.search(said):
        return f"the account behind the key for {model!r} has no credit left: {said}"
    key = re.sub(r"\W", "_", provider).upper() + "_API_KEY"
    starts = {
        AuthError: f"the key for {model!r} is missing or refused. Set {key} in the environment, or write api_key=...",
        RateLimitError: f"{model!r} was asked too often. Run fewer calls side by side (num_threads=...)",
        LMTimeoutError: f"{model!r} did not answer in time. Allow more with LM({model!r}, timeout=<seconds>)",
        TransportError: f"{model!r} could not be reached. Check the network, and api_base if you gave one",
        ServerError: f"{model!r} failed on the provider's side",
        ModelNotFound: f"the provider knows no model {model!r}. Check the name after {provider + '/'!r}",
        ContextWindowError: f"the prompt is too long for {model!r}. Use fewer or shorter demos",
        InvalidRequestError: f"{model!r} refused the request",
    }
    return f"{starts.get(kind, f'the call of {model!r} failed')}. It said: {said}"


def _retry_after(error: Exception) -> float | None:
    response = getattr(error, "response", None)
    headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
    return seconds(headers.get("retry-after")) if isinstance(headers, Mapping) else None


def seconds(asked: Any) -> float | None:
    """How long somebody asks to wait; None for what is no such number, as a date, a negative one or NaN.

    >>> seconds("1.5"), seconds(-1), seconds("Wed, 21 Oct 2026 07:28:00 GMT")
    (1.5, None, None)
    """
    try:
        wait = float(asked)
    except (TypeError, ValueError, OverflowError):
        return None
    return wait if wait >= 0 else None
