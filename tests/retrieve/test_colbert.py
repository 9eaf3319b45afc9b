"""ColBERTv2: requests, the cache, retries, and a server that fails or lies; all against a server on loopback."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import searchers

import lmnb


@pytest.fixture(autouse=True)
def own_cache() -> Iterator[None]:
    """Every test begins with an empty cache."""
    lmnb.configure_cache()
    yield
    lmnb.configure_cache()


@pytest.fixture
def server() -> Iterator[searchers.ColBERTServer]:
    with searchers.colbert_server() as made:
        yield made


@pytest.fixture
def client(server: searchers.ColBERTServer) -> Callable[..., lmnb.ColBERTv2]:
    """Makes a client of the server; backoff takes no time."""

    def make(path: str = "", **options: Any) -> lmnb.ColBERTv2:
        return lmnb.ColBERTv2(f"http://127.0.0.1:{server.port}{path}", **{"backoff": 0.0, **options})

    return make


def test_a_request_asks_by_get_or_post(server: Any, client: Any) -> None:
    """Query and k go as parameters beside those of the URL, or as JSON."""
    client("/api/search?index=towns")("on the Rhine & Aare", k=2)
    client(post_requests=True, cache=False)("on the Rhine & Aare", k=2)
    assert server.asked[0]["path"].startswith("/api/search?index=towns&query=")
    wanted = {"query": "on the Rhine & Aare", "index": "towns", "k": "2"}
    assert wanted.items() <= server.asked[0].items()
    assert server.asked[1] == {"method": "POST", "query": "on the Rhine & Aare", "k": 2}


def test_a_passage_keeps_what_the_server_sent(client: Any) -> None:
    """The pid is the id, further fields are metadata."""
    (found,) = client()("on the Rhine", k=1)
    assert (found.id, found.score, found.metadata) == ("basel", 3.0, {"rank": 1})


def test_what_was_asked_comes_from_the_cache(server: Any, client: Any) -> None:
    """The same query, k and address are asked once, also by another client; `cache=False` asks again."""
    first = client()("Rhine")
    assert client()("Rhine") == first and len(server.asked) == 1
    client()("Rhine", k=1), client("/other")("Rhine"), client(cache=False)("Rhine")
    assert len(server.asked) == 4


def test_a_busy_server_is_asked_again(server: Any, client: Any) -> None:
    """Failures that may pass are retried, and `retry-after` is kept to."""
    server.replies += [(503, {}, {}), (429, {}, {"retry-after": "0"}), (500, b"", {})]
    assert client()("Rhine")[0].id == "basel" and len(server.asked) == 4


def test_a_server_that_stays_busy_is_an_error(server: Any, client: Any) -> None:
    """It says how often it was asked and what was answered, and nothing is kept."""
    server.replies += [(503, {"message": "overloaded"}, {})] * 3
    with pytest.raises(lmnb.RetrievalError) as failure:
        client(num_retries=2)("Rhine")
    assert 'answered 503: {"message": "overloaded"}, asked 3 times. Check its url and port' in str(failure.value)
    assert client()("Rhine")[0].id == "basel"


def test_a_refusal_is_not_asked_again(server: Any, client: Any) -> None:
    """A wrong path or a redirect is an error at once."""
    for status in (404, 301):
        server.replies.append((status, b"no such page", {"location": "http://127.0.0.1:1/"}))
        with pytest.raises(lmnb.RetrievalError) as failure:
            client()("Rhine")
        assert f"answered {status}: no such page. Check its url and port" in str(failure.value)
    assert len(server.asked) == 2


def test_a_server_that_is_not_there() -> None:
    """The error names the address, without the user's password or a key in its query."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = lmnb.ColBERTv2("http://me:hunter22@127.0.0.1/x?key=sesame99", port, num_retries=1, backoff=0.0)
    with pytest.raises(lmnb.RetrievalError) as failure:
        client("Rhine")
    said = str(failure.value)
    assert f"'http://127.0.0.1:{port}/x' could not be reached (ConnectError" in said and "asked 2 times" in said
    assert "hunter22" not in said + repr(client) and "sesame99" not in said + repr(client)


def test_a_server_that_does_not_answer_in_time() -> None:
    """After `timeout` seconds it counts as not reached."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = lmnb.ColBERTv2("http://127.0.0.1", silent.getsockname()[1], timeout=0.05, num_retries=0)
        with pytest.raises(lmnb.RetrievalError) as failure:
            client("Rhine")
    assert "could not be reached (ReadTimeout" in str(failure.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "sent what is not JSON: <html>"),
        (b"[" * 100_000, "sent what is not JSON: [[["),
        (b"\xff\xfe\xfd", "sent what is not JSON"),
        ({"error": True, "message": "no index"}, "sent an error: no index"),
        ([], "sent no list 'topk', but []"),
        ({"topk": "text"}, "sent no list 'topk', but {'topk': 'text'}"),
        ({"topk": [{"pid": 1}]}, "sent as passage 0 {'pid': 1}"),
        ({"topk": [{"text": "a", "score": "high"}]}, "sent as passage 0"),
        (b'{"topk": [{"text": "a", "score": NaN}]}', "sent as passage 0"),
        (b'{"topk": [{"text": "a", "score": 1' + b"0" * 400 + b"}]}", "sent as passage 0"),
        ({"topk": ["text"]}, "sent as passage 0 'text'"),
        ({"topk": [{"text": {"key": "sk-abcdefghijkl"}}]}, "[secret]"),
    ],
)
def test_a_reply_that_is_no_result_is_told(server: Any, client: Any, body: Any, said: str) -> None:
    """What the server sent is quoted, shortened and without keys, and is not kept in the cache."""
    server.replies.append((200, body, {}))
    with pytest.raises(lmnb.RetrievalError) as failure:
        client()("Rhine")
    assert said in str(failure.value) and len(str(failure.value)) < 400
    assert client()("Rhine")[0].id == "basel"


def test_a_damaged_reply_counts_as_not_reached(server: Any, client: Any) -> None:
    """A body that cannot be unpacked is asked for again."""
    server.replies.append((200, gzip.compress(b"{}")[:-6] + b"xxxxxx", {"content-encoding": "gzip"}))
    assert client()("Rhine")[0].id == "basel"


def test_more_than_asked_is_cut(server: Any, client: Any) -> None:
    """A server that ignores k is held to it; a passage without a pid or score gets its place and 0."""
    server.replies.append((200, {"topk": [{"text": letter} for letter in "abc"]}, {}))
    assert client()("Rhine", k=2) == [lmnb.Passage("a", "0"), lmnb.Passage("b", "1")]


def test_a_query_that_cannot_be_sent(client: Any) -> None:
    """Half a surrogate has no form on the wire."""
    with pytest.raises(lmnb.InputError) as failure:
        client()("half \ud800")
    assert "'half \\ud800' cannot be sent to 'http://127.0.0.1:" in str(failure.value)


@pytest.mark.parametrize(
    ("url", "port", "said"),
    [
        ("localhost", 8893, "'localhost' is no address of a server. Write ColBERTv2('http://localhost', 8893)."),
        ("ftp://host", None, "is no address of a server"),
        ("http://", None, "is no address of a server"),
        (None, None, "None is no address of a server"),
        ("http://host", 70000, "port is 70000; write a number from 1 to 65535"),
        ("http://host", "x", "port is 'x'"),
    ],
)
def test_a_wrong_address_says_how_to_write_it(url: Any, port: Any, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(lmnb.InputError) as failure:
        lmnb.ColBERTv2(url, port)
    assert said in str(failure.value)
