"""`ColBERTv2`: passages from a ColBERT server over HTTP.

Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT", 2020;
Santhanam et al., "ColBERTv2: Effective and Efficient Retrieval via Lightweight Late Interaction", 2022.
"""

from __future__ import annotations

import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lmnb.canonical import content_hash
from lmnb.errors import InputError, RetrievalError
from lmnb.lm.cache import cache
from lmnb.lm.private import redact, shown_url
from lmnb.retrieve.base import BaseRetriever, check_k
from lmnb.retrieve.passage import Passage, Passages

_LONGEST_WAIT = 30.0
_AT_ONCE = 8  # requests side by side in a batch
_SHOWN = 200  # characters of a reply in an error
_OWN = ("text", "long_text", "pid", "score")


class ColBERTv2(BaseRetriever):
    """Asks the server at `url` (and `port`, where the URL has none) for the best passages: `GET url?query=...&k=...`, or a
    POST with both as JSON; it answers `{"topk": [{"text": ..., "pid": ..., "score": ...}, ...]}`.

    What was asked before comes from the LM cache, unless `cache=False`. A server that is not reached, too slow, too busy
    or failing is asked again, `num_retries` times, after about `backoff`, 2 × `backoff`, ... seconds; then RetrievalError
    says what it answered. `timeout` is in seconds. Further fields of a passage are its `metadata`.

    >>> import lmnb
    >>> lmnb.ColBERTv2("http://localhost", 8893)
    ColBERTv2('http://localhost:8893', k=10)
    """

    def __init__(
        self,
        url: str = "http://0.0.0.0",
        port: int | str | None = None,
        post_requests: bool = False,
        k: int = 10,
        *,
        cache: bool = True,
        num_retries: int = 3,
        backoff: float = 0.5,
        timeout: float = 10.0,
    ) -> None:
        self.url = _with_port(url, port)
        self.post_requests = post_requests
        self.k = check_k(k)
        self.cache = cache
        self.num_retries = num_retries
        self.backoff = backoff
        self.timeout = timeout

    def search(self, queries: list[str], k: int) -> list[list[Passage]]:
        if len(queries) == 1:
            return [self._search(queries[0], k)]
        contexts = [copy_context() for _ in queries]
        with ThreadPoolExecutor(min(_AT_ONCE, len(queries))) as pool:
            return list(
                pool.map(lambda each: each[0].run(self._search, each[1], k), zip(contexts, queries, strict=True))
            )

    def __repr__(self) -> str:
        return f"ColBERTv2({shown_url(self.url)!r}, k={self.k})"

    def _search(self, query: str, k: int) -> list[Passage]:
        key = content_hash({"retrieve": "colbert", "url": _without_user(self.url), "query": query, "k": k}, 64)
        reply = cache.get(key) if self.cache else None
        if reply is not None:
            return self._read(reply, k)
        reply = self._asked(query, k)
        found = self._read(reply, k)
        if self.cache:
            cache.put(key, {"topk": reply["topk"]})
        return found

    def _asked(self, query: str, k: int) -> dict[str, Any]:
        """The server's answer as JSON, after as many attempts as it takes or as are allowed."""
        import httpx  # slow to import

        said = ""
        for attempt in range(self.num_retries + 1):
            asked = None
            try:
                response = self._send({"query": query, "k": k})
            except (httpx.InvalidURL, UnicodeEncodeError) as error:
                raise InputError(f"{query[:_SHOWN]!r} cannot be sent to {shown_url(self.url)!r}: {error}") from None
            except httpx.RequestError as error:
                said = f"could not be reached ({type(error).__name__}: {redact(str(error), {})})"
            else:
                if response.status_code == 200:
                    return self._json(response)
                said = f"answered {response.status_code}: {self._quoted(response.text)}"
                if response.status_code not in (408, 429) and response.status_code < 500:
                    break
                asked = response.headers.get("retry-after")
            if attempt < self.num_retries:
                time.sleep(self._wait(attempt, asked))
        tries = "" if not attempt else f", asked {attempt + 1} times"
        raise RetrievalError(f"the ColBERTv2 server {shown_url(self.url)!r} {said}{tries}. Check its url and port.")

    def _send(self, asked: dict[str, Any]) -> Any:
        if self.post_requests:
            return self._client.post(self.url, json=asked)
        import httpx

        return self._client.get(httpx.URL(self.url).copy_merge_params(asked))

    @cached_property
    def _client(self) -> Any:
        import httpx

        # no connection is kept: two processes after a fork would read each other's replies from it
        return httpx.Client(timeout=self.timeout, limits=httpx.Limits(max_keepalive_connections=0))

    def _wait(self, attempt: int, asked: str | None) -> float:
        try:
            return min(max(0.0, float(asked or "")), _LONGEST_WAIT)
        except ValueError:
            return min(self.backoff * 2**attempt, _LONGEST_WAIT) * random.uniform(0.75, 1.25)

    def _json(self, response: Any) -> dict[str, Any]:
        try:
            reply = response.json()
        except (ValueError, RecursionError):
            raise RetrievalError(self._strange(f"what is not JSON: {self._quoted(response.text)}")) from None
        if isinstance(reply, dict) and reply.get("error"):
            raise RetrievalError(self._strange(f"an error: {self._quoted(str(reply.get('message', reply)))}"))
        if not isinstance(reply, dict) or not isinstance(reply.get("topk"), list):
            raise RetrievalError(self._strange(f"no list 'topk', but {self._quoted(repr(reply))}"))
        return reply

    def _read(self, reply: dict[str, Any], k: int) -> Passages:
        made = Passages()
        for at, row in enumerate(reply["topk"][:k]):
            text = row.get("text") if isinstance(row, dict) else None
            score = _number(row.get("score", 0.0)) if isinstance(row, dict) else math.nan
            if not isinstance(text, str) or not math.isfinite(score):
                raise RetrievalError(self._strange(f"as passage {at} {self._quoted(repr(row))}"))
            more = {name: value for name, value in row.items() if name not in _OWN}
            made.append(Passage(text, str(row.get("pid", at)), score, more))
        return made

    def _strange(self, what: str) -> str:
        return f"the ColBERTv2 server {shown_url(self.url)!r} sent {what}"

    def _quoted(self, text: str) -> str:
        text = redact(text, {})
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:  # a whole number of some hundred digits
        return math.nan


def _with_port(url: str, port: int | str | None) -> str:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{url!r} is no address of a server. Write ColBERTv2('http://localhost', 8893).")
    if port is None:
        return url
    if not str(port).isdecimal() or not 0 < int(port) < 65536:
        raise InputError(f"port is {port!r}; write a number from 1 to 65535.")
    return urlunsplit((parts.scheme, f"{parts.netloc}:{int(port)}", parts.path, parts.query, ""))


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
