"""`lmnb serve-lm`: the embedded model for other tools: chats, texts, embeddings."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import lmnb
from lmnb import cli
from lmnb.data import tickets
from lmnb.lm.serving import ModelServer
from lmnb.streaming import StreamListener


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The base URL that the command prints."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from lmnb.cli import main; sys.exit(main(['serve-lm', '--port', '{free_port()}', '--api-key', 'k']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        name, _, url = server.stdout.readline().partition("   ")[0].partition(" at ")
        assert name == "lmnb/tiny"
        yield url
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=30)
        assert server.returncode == 130 and err == "lmnb: interrupted\n"


def ask(url: str, messages: list[dict[str, Any]], key: str = "k", **options: Any) -> str:
    """What a tool that knows nothing of lmnb gets."""
    body = json.dumps({"model": "lmnb/tiny", "messages": messages, "temperature": 0, "max_tokens": 60, **options})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body.encode(), headers)) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


def post(url: str, body: Any, key: str = "k", **headers: str) -> tuple[int, Any]:
    """Status and reply to a request whose body is JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", **headers}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, given)) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def routed() -> tuple[Any, list[dict[str, Any]]]:
    program = lmnb.LabeledFewShot(k=8).compile(lmnb.Predict("ticket -> team"), trainset=tickets().train)
    return program, program.messages(ticket=tickets().test[0].ticket)


def test_other_tools_read_its_replies(served: str) -> None:
    """A reply over HTTP parses in the plain chat format, and is the one that the program gets in process."""
    program, messages = routed()
    text = ask(served, messages)
    with lmnb.context(lm=lmnb.LM("lmnb/tiny", cache=False)):
        here = program(ticket=tickets().test[0].ticket).team
    assert lmnb.ChatAdapter().parse(program.signature, text) == {"team": here}


def test_lmnb_itself_can_use_it_as_a_provider(served: str) -> None:
    """The server speaks OpenAI's protocol well enough for litellm."""
    program, _ = routed()
    with lmnb.context(lm=lmnb.LM("openai/lmnb/tiny", api_base=served, api_key="k", cache=False, temperature=0)):
        assert program(ticket=tickets().test[0].ticket).team in ("otter", "falcon", "maple")


def test_a_schema_is_held_to(served: str) -> None:
    """A JSON schema in the request constrains the reply."""
    schema = {"type": "object", "properties": {"team": {"enum": ["a", "b"]}}, "required": ["team"]}
    form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    reply = ask(served, [{"role": "user", "content": "hello"}], response_format=form, max_tokens=250)
    assert json.loads(reply)["team"] in ("a", "b")


def test_a_request_without_the_key_is_refused(served: str) -> None:
    """Where a key was asked for, nobody else is answered."""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(served, [{"role": "user", "content": "hello"}], key="wrong")


PAGE = "http://localhost:5173"
ASKED = {"max_tokens": 2, "input": "a", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module", params=[None, "k"], ids=["no key", "key"])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    """Serves the pages of one origin, and other tools."""
    with ModelServer("lmnb/tiny", port=0, api_key=request.param, origins=[PAGE]) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def browser(
    server: ModelServer, path: str, origin: str, *, method: str = "POST", at: str = ""
) -> tuple[int, Any, bytes]:
    """Status, headers and body of what a page of `origin` asks by its browser."""
    connection = http.client.HTTPConnection(at or f"127.0.0.1:{server.server_address[1]}", timeout=60)
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-stainless-os, authorization"}
    headers = asked if method == "OPTIONS" else {"Content-Type": "text/plain", "Authorization": "Bearer k"}
    connection.request(method, path, json.dumps(ASKED) if method == "POST" else None, {"Origin": origin, **headers})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, reply.headers, body


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"{PAGE}0", PAGE.replace("localhost", "127.0.0.1"), ""]
)
def test_no_page_of_a_stranger_may_ask(server: ModelServer, path: str, method: str, origin: str) -> None:
    """Neither the request that a browser sends to find out, nor one that it sends without asking first; and nothing may be read."""
    status, headers, body = browser(server, path, origin, method=method)
    assert (status, json.loads(body)["error"]["type"]) == (403, "permission_error")
    assert "--origin" in json.loads(body)["error"]["message"]
    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(("path", "found"), [("/v1/chat/completions", "choices"), ("/v1/embeddings", "data")])
@pytest.mark.parametrize("own", [False, True])
def test_the_pages_that_were_named_may_ask(server: ModelServer, path: str, found: str, own: bool) -> None:
    """And those of the server itself: both kinds of reply say so, once, also where they refuse, and a preflight allows what it asks for."""
    origin = f"http://127.0.0.1:{server.server_address[1]}" if own else PAGE
    status, headers, _ = browser(server, path, origin, method="OPTIONS")
    assert status == 204 and headers["access-control-allow-headers"] == "x-stainless-os, authorization"
    assert "POST" in headers["access-control-allow-methods"]
    for target, expected in ((path, 200), ("/v1/nowhere", 404)):
        status, headers, body = browser(server, target, origin)
        assert status == expected and (found in json.loads(body)) == (expected == 200)
        assert headers.get_all("access-control-allow-origin") == [origin] and headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in headers


def test_llama_cpp_itself_answers_no_page(server: ModelServer) -> None:
    """Its port is on loopback too: it wants a key, also where none was asked for."""
    path, key = "/v1/chat/completions", server.api_key
    status, _, _ = browser(server, path, "http://evil.example", at=server.behind)
    assert status == (200 if key else 401)  # 200: the page had the key that the user chose


@pytest.mark.parametrize(
    "origin", ["localhost:5173", "http://localhost:5173/", "*", "http://", "http://a/b", "HTTP://a b"]
)
def test_what_is_no_origin_is_refused(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It would never be the one of a page."""
    assert cli.main(["serve-lm", "--port", str(free_port()), "--origin", origin]) == 2
    assert f"{origin!r} is no origin of pages. Write it as in 'http://localhost:5173'." in capsys.readouterr().err


def test_a_request_that_cannot_be_read_is_answered(server: ModelServer) -> None:
    """A line that is no request, and a method that nobody knows."""
    for line in (b"nonsense at all here x\r\n\r\n", b"PATCH /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_address[1])) as connection:
            connection.sendall(line)
            assert b"400" in (answer := connection.recv(200)) or b"501" in answer


TEXTS = ["Where is my parcel?", "The invoice is wrong.\nTwice.", " größer 日本 "]


def test_other_tools_get_the_vectors_of_the_embedder(served: str) -> None:
    """The very numbers, one text or many, in order, as floats and in the base64 that OpenAI's own client asks for."""
    np = pytest.importorskip("numpy")
    expected = lmnb.Embedder("lmnb/tiny", caching=False)(TEXTS)
    status, reply = post(f"{served}/embeddings", {"model": "lmnb/tiny", "input": TEXTS})
    assert status == 200 and reply["object"] == "list" and reply["model"] == "lmnb/tiny"
    assert [(row["object"], row["index"]) for row in reply["data"]] == [("embedding", at) for at in range(3)]
    assert (np.asarray([row["embedding"] for row in reply["data"]], np.float32) == expected).all()
    assert reply["usage"]["prompt_tokens"] == reply["usage"]["total_tokens"] > 10
    for at, text in enumerate(TEXTS):
        _, reply = post(f"{served}/embeddings", {"input": text, "encoding_format": "base64", "dimensions": 128})
        (row,) = reply["data"]
        assert (np.frombuffer(base64.b64decode(row["embedding"]), "<f4") == expected[at]).all()


def test_embeddings_through_clients_of_openai_s_protocol(served: str) -> None:
    """litellm, which lmnb's own Embedder uses for a provider, and the client that it builds on."""
    np = pytest.importorskip("numpy")
    expected = lmnb.Embedder("lmnb/tiny", caching=False)(TEXTS)
    provider = lmnb.Embedder("openai/lmnb/tiny", api_base=served, api_key="k", caching=False)
    assert (provider(TEXTS) == expected).all()
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=served, api_key="k") as client:
        made = client.embeddings.create(model="lmnb/tiny", input=TEXTS)
    assert (np.asarray([row.embedding for row in made.data], np.float32) == expected).all()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "'input' has to be a text or a list of texts"),
        ({"input": []}, "'input' has to be a text or a list of texts"),
        ({"input": [1, 2]}, "ids of tokens would be those of another model"),
        ({"input": ["a", None]}, "'input' has to be a text or a list of texts"),
        ([1], "'input' has to be a text or a list of texts"),
        (b"{", "the request is not JSON"),
        (b"\xff", "the request is not JSON"),
        (b"[" * 100_000, "the request is not JSON"),
        ({"input": "a", "encoding_format": "int8"}, "'encoding_format' is 'int8': write 'float' or 'base64'"),
        ({"input": "a", "dimensions": 64}, "'dimensions' is 64, and 'lmnb/tiny' gives 128"),
        ({"input": "word " * 3000}, "a text is too long for 'lmnb/tiny', which takes 2048 tokens"),
        ({"input": "\ud800"}, "'input' holds what is no text in Unicode"),
    ],
)
def test_what_cannot_be_embedded_is_said(served: str, body: Any, says: str) -> None:
    """A request that is wrong is refused in the shape of OpenAI's errors, and the server goes on."""
    status, reply = post(f"{served}/embeddings", body)
    assert status == 400 and reply["error"]["type"] == "invalid_request_error"
    assert says in reply["error"]["message"]
    assert post(f"{served}/embeddings", {"input": "a"})[0] == 200


def test_embeddings_need_the_key_too(served: str) -> None:
    """As chats do; both headers that tools send it in will do."""
    status, reply = post(f"{served}/embeddings", {"input": "a"}, key="wrong")
    assert status == 401 and reply["error"]["type"] == "authentication_error"
    assert post(f"{served}/embeddings", {"input": "a"}, **{"Authorization": "", "X-Api-Key": "k"})[0] == 200


def test_replies_come_piece_by_piece(served: str) -> None:
    """A streamed chat is passed on while it comes, and one that is left leaves the server as it was."""
    lm = lmnb.LM("openai/lmnb/tiny", api_base=served, api_key="k", cache=False, temperature=0)
    program, _ = routed()
    with lmnb.context(lm=lm):
        stream = lmnb.streamify(program, stream_listeners=[StreamListener("team")], async_streaming=False)
        *pieces, made = stream(ticket=tickets().test[0].ticket)
        left = stream(ticket=tickets().test[1].ticket)
        next(left)
        left.close()
        assert "".join(piece.chunk for piece in pieces) == made.team == program(ticket=tickets().test[0].ticket).team
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 40}).encode()
    request = urllib.request.Request(f"{served}/chat/completions", body, {"Authorization": "Bearer k"})
    with urllib.request.urlopen(request) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [line for line in reply if line.startswith(b"data: ")]
    assert len(events) > 3 and events[-1] == b"data: [DONE]\n"


def test_what_llama_cpp_answers_is_passed_on(served: str) -> None:
    """Other paths, methods, queries and refusals are its own; a request that says no length, or too much, is refused."""
    request = urllib.request.Request(f"{served}/models?x=1", headers={"Authorization": "Bearer k"})
    with urllib.request.urlopen(request) as reply:
        assert reply.status == 200 and json.load(reply)["data"][0]["id"] == "lmnb/tiny"
    assert post(f"{served}/nowhere", {})[0] == 404
    _, reply = post(f"{served}/completions", {"prompt": "a", "max_tokens": 2})
    assert isinstance(reply["choices"][0]["text"], str)
    host, port = served.removeprefix("http://").removesuffix("/v1").split(":")
    for header, status in (
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: x", 411),
        ("Content-Length: 99999999999", 413),
    ):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode())
            assert connection.recv(100).split()[1] == str(status).encode()


def test_a_port_in_use_and_a_model_that_is_not_local(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are one line that says what to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["serve-lm", "--port", str(port)]) == 2
    assert f"port {port} cannot be used (Address already in use); name another one." in capsys.readouterr().err
    assert cli.main(["serve-lm", "--model", "openai/gpt-4o"]) == 2
    assert "'openai/gpt-4o' is no local model. Write lmnb/tiny, or gguf/<path>." in capsys.readouterr().err
