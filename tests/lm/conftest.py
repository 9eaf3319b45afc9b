"""What the tests of the LM layer share: a cache of their own, a scripted HTTP server, llama.cpp's own server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import lmnb

SECRET = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test begins with an empty cache in a folder of its own."""
    monkeypatch.setenv("LMNB_CACHE_DIR", str(tmp_path / "cache"))
    lmnb.configure_cache()
    yield tmp_path / "cache"
    lmnb.configure_cache()


class ScriptedServer:
    """An OpenAI-shaped endpoint that gives the next of `replies`: (status, body) or (status, body, headers).

    A body that is a list is a stream of events; what can be called among them is called, and may wait.
    """

    def __init__(self) -> None:
        self.replies: list[tuple[Any, ...]] = []
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.left = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                outer.requests.append(json.loads(self.rfile.read(length)))
                outer.paths.append(self.path)
                outer.keys.append(self.headers.get("authorization"))
                status, body, *headers = outer.replies.pop(0)
                if isinstance(body, list):
                    self.stream(status, body)
                    return
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def stream(self, status: int, events: list[Any]) -> None:
                self.send_response(status)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                try:
                    for event in events:
                        if callable(event):
                            event()
                            continue
                        self.wfile.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())
                        self.wfile.flush()
                except OSError:
                    outer.left.set()  # the client went away

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def remote(scripted: ScriptedServer) -> Callable[..., lmnb.LM]:
    """Makes an LM at the scripted server; backoff takes no time."""

    def make(**options: Any) -> lmnb.LM:
        options = {"api_base": scripted.url, "api_key": SECRET, "backoff": 0.0, "cache": False, **options}
        return lmnb.LM("openai/scripted", **options)

    return make


@pytest.fixture(scope="session")
def llama_server() -> Iterator[str]:
    """llama.cpp's own OpenAI-compatible server on the embedded model; gives its base URL, the key is SECRET."""
    xllamacpp = pytest.importorskip("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(resources.files("lmnb.lm") / "tiny" / "tiny.gguf")
    params.n_ctx = 2048
    params.n_parallel = 1
    params.warmup = False
    params.use_jinja = True
    params.verbosity = -1
    params.cache_prompt = False
    params.api_keys = [SECRET]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    yield server.listening_address + "/v1"
    del server


def completion(text: str = "hello", **usage: int) -> dict[str, Any]:
    """A chat completion as a provider writes it."""
    used = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, **usage}
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": used,
    }


def continuation(text: str = "hello", finish: str = "stop") -> dict[str, Any]:
    """A text completion as a provider writes it."""
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }


def deltas(*texts: str, **usage: int) -> list[Any]:
    """A chat completion as a provider streams it: the texts, the end, the usage."""
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    said = [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None} for text in texts]
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    used = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, **usage}
    return [*({**frame, "choices": [each]} for each in [*said, end]), {**frame, "choices": [], "usage": used}, "[DONE]"]


def text_deltas(*texts: str) -> list[Any]:
    """A text completion as a provider streams it."""
    frame = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted"}
    said = [{"index": 0, "text": text, "logprobs": None, "finish_reason": None} for text in texts]
    end = {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}
    used = {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24}
    return [*({**frame, "choices": [each]} for each in [*said, end]), {**frame, "choices": [], "usage": used}, "[DONE]"]


def failure(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": code or "error", "code": code}}


@pytest.fixture
def said() -> Callable[..., dict[str, Any]]:
    return completion


@pytest.fixture
def continued() -> Callable[..., dict[str, Any]]:
    return continuation


@pytest.fixture
def streamed() -> Callable[..., list[Any]]:
    return deltas


@pytest.fixture
def streamed_text() -> Callable[..., list[Any]]:
    return text_deltas


@pytest.fixture
def failed() -> Callable[..., dict[str, Any]]:
    return failure


@pytest.fixture
def secret() -> str:
    return SECRET
