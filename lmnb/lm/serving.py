"""A local model for other tools, by OpenAI's protocol on loopback: `lmnb serve-lm`.

llama.cpp's own server answers all but embeddings. It would embed a text as it stands; here other tools get the vectors that
`Embedder` gives, which for a model of ours are taken where it would write a label for the text (see `vectors`).

llama.cpp lets every web page ask and read. Here a request that a browser sends for a page (it then has an `Origin`, RFC 6454) is
refused, but for the pages that were named. llama.cpp's own port is on loopback too, so it always wants a key.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import re
import secrets
import struct
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from lmnb.errors import ContextWindowError, InputError, InvalidRequestError, LMError
from lmnb.lm import llama, local, vectors

_SURROGATE = re.compile("[\ud800-\udfff]")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#]+")
_EMBEDDINGS = ("/v1/embeddings", "/embeddings")
_LARGEST = 64_000_000  # bytes of a request
_OF_A_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect", "host", "content-length"}
)
_OF_THE_KEY = frozenset({"authorization", "x-api-key"})


class ModelServer(ThreadingHTTPServer):
    """Serves `model` on a port of 127.0.0.1 until it is closed; with `api_key` to those only who send it. Of the pages in a browser
    those of `origins` may ask, such as "http://localhost:5173", and no other.

    ModelNotFound where there is no such model, LMError where the port cannot be used, InputError for what is no origin.
    """

    daemon_threads = True

    def __init__(self, model: str, *, port: int, api_key: str | None = None, origins: Sequence[str] = ()) -> None:
        self.model, self.api_key = model, api_key
        self.inner_key = api_key or secrets.token_hex(16)
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise InputError(f"{origin!r} is no origin of pages. Write it as in 'http://localhost:5173'.")
        path = local.weights(model)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LMError(f"port {port} cannot be used ({reason}); name another one.", model=model) from error
        try:
            self._llama = llama.start(
                model, path, n_ctx=local.context_size(model), listens=True, api_key=self.inner_key
            )
        except BaseException:
            self.server_close()
            raise
        self.behind = urlsplit(self._llama.listening_address).netloc
        own = [f"http://{name}:{self.server_address[1]}" for name in ("127.0.0.1", "localhost")]
        self.origins = frozenset([*own, *origins])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    """One request, and then the connection ends: replies may come piece by piece, and say nothing of their length."""

    server: ModelServer

    def answer(self) -> None:
        try:
            body = self._body()
            if body is None:
                return
            origin = self.headers.get("origin")
            if origin is not None and origin not in self.server.origins:
                self._say(
                    403, _error(403, f"no page of {origin[:200]} may ask; who serves the model allows it by --origin")
                )
            elif origin is not None and self.command == "OPTIONS":
                self._preflight()
            elif self.command == "POST" and urlsplit(self.path).path in _EMBEDDINGS:
                self._say(*self._embedded(body))
            else:
                self._pass_on(body)
        except (ConnectionError, http.client.HTTPException):
            self.close_connection = True  # the other tool went away, or the model's server did

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def _body(self) -> bytes | None:
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self._say(411, _error(411, "a request needs its length: send Content-Length"))
            return None
        if len(length) > 12 or int(length) > _LARGEST:
            self._say(413, _error(413, f"a request may have {_LARGEST} bytes at most"))
            return None
        return self.rfile.read(int(length))

    def _embedded(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and reply to a request for embeddings."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        given = (bearer or self.headers.get("x-api-key", "")).encode("latin-1", "replace")  # as it was sent
        if self.server.api_key and not hmac.compare_digest(given, self.server.api_key.encode()):
            return 401, _error(401, "Invalid API Key")
        try:
            return 200, embeddings(self.server.model, json.loads(body))
        except (InvalidRequestError, ContextWindowError) as error:
            return 400, _error(400, str(error))
        except (ValueError, RecursionError) as error:
            return 400, _error(400, f"the request is not JSON: {error}")
        except LMError as error:
            return 500, _error(500, str(error))

    def _preflight(self) -> None:
        """What a browser asks before it lets a page send a request: https://fetch.spec.whatwg.org/#cors-preflight-request."""
        self.send_response_only(204)
        self.send_header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
        self.send_header("Access-Control-Allow-Headers", self.headers.get("access-control-request-headers", ""))
        self.end_headers()

    def end_headers(self) -> None:
        origin = (
            self.headers.get("origin") if hasattr(self, "headers") else None
        )  # none where not even a request was read
        if origin is not None and origin in self.server.origins:
            self.send_header("Access-Control-Allow-Origin", origin)
            self.send_header("Vary", "Origin")
        super().end_headers()

    def _pass_on(self, body: bytes) -> None:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_A_CONNECTION}
        if not self.server.api_key:
            kept = {name: value for name, value in kept.items() if name.lower() not in _OF_THE_KEY}
            kept["Authorization"] = f"Bearer {self.server.inner_key}"
        behind = http.client.HTTPConnection(self.server.behind)
        try:
            behind.request(self.command, self.path, body or None, kept)
            reply = behind.getresponse()
        except (http.client.HTTPException, ConnectionRefusedError) as error:
            behind.close()
            self._say(502, _error(502, f"the model's server gave no answer: {error!r}"))
            return
        try:
            self.send_response_only(reply.status, reply.reason)
            for name, value in reply.getheaders():
                if name.lower() not in _OF_A_CONNECTION and not name.lower().startswith("access-control-"):
                    self.send_header(name, value)
            self.end_headers()
            while piece := reply.read1(65_536):
                self.wfile.write(piece)
        finally:
            behind.close()  # where the other tool went away, the model writes no further

    def _say(self, status: int, reply: dict[str, Any]) -> None:
        text = json.dumps(reply).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def embeddings(model: str, request: Any) -> dict[str, Any]:
    """The reply to an OpenAI-shaped request for embeddings: the vectors of `lmnb.Embedder(model)`.

    InvalidRequestError for what is no text or list of texts, ContextWindowError for a text that is too long.

    >>> reply = embeddings("lmnb/tiny", {"input": ["a parcel", "an invoice"]})
    >>> [(row["index"], len(row["embedding"])) for row in reply["data"]]
    [(0, 128), (1, 128)]
    """
    asked = request.get("input") if isinstance(request, Mapping) else None
    texts = [asked] if isinstance(asked, str) else asked
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidRequestError(
            "'input' has to be a text or a list of texts; ids of tokens would be those of another model.", model=model
        )
    if any(map(_SURROGATE.search, texts)):
        raise InvalidRequestError("'input' holds what is no text in Unicode: a lone surrogate.", model=model)
    form = request.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise InvalidRequestError(f"'encoding_format' is {form!r}: write 'float' or 'base64'.", model=model)
    reply = vectors.reply(model, texts)
    rows = [row["embedding"] for row in reply["data"]]
    size = request.get("dimensions")
    if size not in (None, len(rows[0])):
        raise InvalidRequestError(f"'dimensions' is {size!r}, and {model!r} gives {len(rows[0])}.", model=model)
    made = rows if form == "float" else [base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode() for row in rows]
    data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(made)]
    return {"object": "list", "model": model, "data": data, "usage": reply["usage"]}


def _error(status: int, message: str) -> dict[str, Any]:
    kinds = {401: "authentication_error", 403: "permission_error", 500: "server_error", 502: "server_error"}
    return {"error": {"code": status, "message": message, "type": kinds.get(status, "invalid_request_error")}}
