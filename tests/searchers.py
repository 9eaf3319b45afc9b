"""Every retriever over one corpus, with local stand-ins for the servers and libraries that some of them ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import lmnb
from lmnb.retrieve import Function
from lmnb.retrieve.words import words

LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéñ"
CORPUS = [
    {"id": "bern", "text": "Bern lies on the Aare."},
    {"id": "basel", "text": "Basel lies on the Rhine.", "canton": "BS"},
    {"id": "zürich", "text": "Zürich lies on a lake — ein großer See, 湖."},
    {"id": "twin-1", "text": "A quiet village with a mill."},
    {"id": "twin-2", "text": "A quiet village with a mill."},
]


def embed(texts: list[str]) -> list[list[float]]:
    """A vector of letter counts for each text."""
    return [[text.lower().count(letter) + 0.01 for letter in LETTERS] for text in texts]


def overlap(query: str, k: int) -> list[tuple[dict[str, Any], float]]:
    """The stand-ins' own search: entries by shared words, then by their place."""
    asked = set(words(query))
    rows = [(row, float(len(asked & set(words(row["text"]))))) for row in CORPUS]
    return sorted(rows, key=lambda pair: -pair[1])[:k]


class PineconeIndex:
    """What `pinecone.Pinecone().Index(name)` gives: `query` with a vector, answered by objects."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def query(self, *, vector: list[float], top_k: int, include_metadata: bool, **options: Any) -> Any:
        self.asked.append({"top_k": top_k, "include_metadata": include_metadata, **options})
        vectors = embed([row["text"] for row in CORPUS])
        scores = [_cosine(vector, each) for each in vectors]
        order = sorted(range(len(CORPUS)), key=lambda at: -scores[at])[:top_k]
        rows = [(CORPUS[at], scores[at]) for at in order]
        return SimpleNamespace(
            matches=[
                SimpleNamespace(id=row["id"], score=score, metadata={k: v for k, v in row.items() if k != "id"})
                for row, score in rows
            ]
        )


class LuceneSearcher:
    """What `pyserini.search.lucene.LuceneSearcher(folder)` gives: hits, and documents by id."""

    def search(self, q: str, k: int = 10) -> list[Any]:
        return [SimpleNamespace(docid=row["id"], score=score) for row, score in overlap(q, k)]

    def doc(self, docid: str) -> Any:
        row = next(row for row in CORPUS if row["id"] == docid)
        stored = {"id": docid, "contents": row["text"], **{k: v for k, v in row.items() if k not in ("id", "text")}}
        return SimpleNamespace(raw=lambda: json.dumps(stored), contents=lambda: row["text"])


class ColBERTServer:
    """A ColBERT server's search on loopback; `replies` (status, body, headers) are given first, `asked` holds requests."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, Any, dict[str, str]]] = []
        self.asked: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                outer._answer(self, {"path": self.path, **asked})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                outer._answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _answer(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        self.asked.append({"method": handler.command, **asked})
        if self.replies:
            status, body, headers = self.replies.pop(0)
        else:
            found = overlap(asked["query"], int(asked["k"]))
            rows = [
                {"text": row["text"], "pid": row["id"], "rank": at + 1, "score": score}
                for at, (row, score) in enumerate(found)
            ]
            status, body, headers = 200, {"query": asked["query"], "topk": rows}, {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def colbert_server() -> Iterator[ColBERTServer]:
    server = ColBERTServer()
    try:
        yield server
    finally:
        server.close()


def retrievers(server: ColBERTServer) -> dict[str, Callable[[], Any]]:
    """Makers of every retriever, each over `CORPUS` with its own number of passages at 3; list a new one here."""
    return {
        "BM25": lambda: lmnb.BM25(CORPUS, k=3),
        "BM25 of English": lambda: lmnb.BM25(CORPUS, k=3, tokenizer=lmnb.retrieve.english),
        "Embeddings": lambda: lmnb.Embeddings(CORPUS, embed, k=3),
        "Embeddings with FAISS": lambda: lmnb.Embeddings(CORPUS, embed, k=3, brute_force_threshold=1),
        "ColBERTv2": lambda: lmnb.ColBERTv2("http://127.0.0.1", server.port, k=3, cache=False),
        "ColBERTv2 by POST": lambda: lmnb.ColBERTv2("http://127.0.0.1", server.port, post_requests=True, k=3),
        "Pinecone": lambda: lmnb.Pinecone(PineconeIndex(), embed, k=3),
        "Pyserini": lambda: lmnb.Pyserini(LuceneSearcher(), k=3),
        "Function": lambda: Function(lmnb.BM25(CORPUS), k=3),
    }


NAMES = list(retrievers(SimpleNamespace(port=1)))  # type: ignore[arg-type]


def _cosine(one: list[float], other: list[float]) -> float:
    lengths = (sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
    return sum(x * y for x, y in zip(one, other, strict=True)) / lengths
