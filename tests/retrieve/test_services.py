"""Pinecone, Pyserini and functions: how they are asked, what they may send, and what happens where a library is missing."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import searchers

import lmnb
from lmnb.retrieve import Function

pytest.importorskip("numpy")


class Failing:
    """An index whose client fails, and tells its key."""

    def query(self, **_: Any) -> Any:
        raise ConnectionError("refused for key pcsk-1234567890abc")


def matches(*rows: dict[str, Any]) -> Any:
    """An index that answers with these rows, as a mapping."""
    return SimpleNamespace(query=lambda **_: {"matches": list(rows)})


def test_pinecone_is_asked_with_its_options() -> None:
    """k, namespace and filter reach the index, and metadata is asked for."""
    index = searchers.PineconeIndex()
    lmnb.Pinecone(index, searchers.embed, k=4, namespace="towns", filter={"canton": "BS"})("Rhine")
    assert index.asked == [{"top_k": 4, "include_metadata": True, "namespace": "towns", "filter": {"canton": "BS"}}]


def test_pinecone_says_where_it_looked_for_the_text() -> None:
    """A record without its text names what it has."""
    index = matches({"id": "7", "score": 1.0, "metadata": {"chunk": "a"}})
    assert lmnb.Pinecone(index, searchers.embed, text_field="chunk")("a").passages == ["a"]
    with pytest.raises(lmnb.RetrievalError) as failure:
        lmnb.Pinecone(index, searchers.embed)("a")
    said = "the record '7' has no text in its metadata's 'text'; it has 'chunk'. Write Pinecone(..., text_field=...)."
    assert said in str(failure.value)


def test_a_failure_of_pinecone_hides_the_key() -> None:
    """The client's error becomes one of ours, without the key and without the original behind it."""
    search = lmnb.Pinecone(Failing(), searchers.embed, api_key="pcsk-1234567890abc")
    with pytest.raises(lmnb.RetrievalError) as failure:
        search("a")
    assert "failed: ConnectionError: refused for key [secret]" in str(failure.value)
    assert failure.value.__context__ is None and "pcsk" not in repr(search) + str(vars(search))


def test_pyserini_reads_what_was_stored() -> None:
    """Documents of JSON give their text fields and the rest; other documents are the text."""

    def searcher(raw: str | None, contents: str | None = None) -> Any:
        document = SimpleNamespace(raw=lambda: raw, contents=lambda: contents)
        hit = SimpleNamespace(docid="d", score=1.5)
        return SimpleNamespace(search=lambda query, k: [hit], doc=lambda docid: document)

    def found(*stored: str | None) -> Any:
        (passage,) = lmnb.Pyserini(searcher(*stored))("a")
        return passage.text, passage.metadata

    assert found('{"id": "d", "title": "T", "contents": "C", "url": "u"}') == ("T\nC", {"url": "u"})
    assert found("plain text") == ("plain text", {}) and found('["list"]') == ('["list"]', {})
    assert found(None, "contents") == ("contents", {}) and found('{"body": "b"}') == ('{"body": "b"}', {})
    with pytest.raises(lmnb.RetrievalError) as failure:
        found(None)
    assert "the index has no text of the document 'd'. Build it with --storeRaw." in str(failure.value)


def test_a_function_may_give_passages_of_any_form() -> None:
    """Texts, passages, records and objects with a text, and predictions with passages."""
    rows = [lmnb.Passage("a", "1", 2.0), "b", {"text": "c", "pid": 3, "score": 1}, SimpleNamespace(long_text="d")]
    found = Function(lambda query, k: rows)("a")
    assert (found.passages, found.ids) == (["a", "b", "c", "d"], ["1", "1", "3", "3"])
    assert Function(lambda query, k: lmnb.Prediction(passages=["a"]))("a").passages == ["a"]


@pytest.mark.parametrize("given", [None, "text", 3, [3], [{"id": "1"}]])
def test_a_function_that_gives_no_passages_is_told(given: Any) -> None:
    """The error shows what it gave."""
    with pytest.raises(lmnb.RetrievalError) as failure:
        Function(lambda query, k: given)("a")
    assert repr(given[0] if isinstance(given, list) else given) in str(failure.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: lmnb.Pinecone(3, searchers.embed),
            "3 is no index. Give its name, or pinecone.Pinecone().Index(name).",
        ),
        (lambda: lmnb.Pyserini(3), "3 is no index. Give a folder, a name, or a searcher of Pyserini's."),
    ],
)
def test_what_is_no_index_is_told(make: Any, said: str) -> None:
    """When it is made, not when it is asked."""
    with pytest.raises(lmnb.InputError) as failure:
        make()
    assert said in str(failure.value)


def test_a_missing_library_names_its_extra() -> None:
    """Every retriever whose library is not installed says what to install."""
    code = """
import sys
for name in ("bm25s", "faiss", "pinecone", "pyserini"):
    sys.modules[name] = None
import lmnb
one = lambda texts: [[1.0] for _ in texts]
for make in (
    lambda: lmnb.BM25(["a"]),
    lambda: lmnb.Embeddings(["a"], one, brute_force_threshold=1),
    lambda: lmnb.Pinecone("index", one)("a"),
    lambda: lmnb.Pyserini("folder")("a"),
    lambda: lmnb.retrieve.english("a"),
):
    try: make()
    except lmnb.MissingExtra as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == [
        "BM25 needs 'bm25s', which is not installed. Run: pip install 'lmnb[retrieve]'",
        "Embeddings of 1 passages (or a brute_force_threshold above that) needs 'faiss', which is not installed. "
        "Run: pip install 'lmnb[faiss]'",
        "Pinecone needs 'pinecone', which is not installed. Run: pip install 'lmnb[pinecone]'",
        "Pyserini needs 'pyserini', which is not installed. Run: pip install 'lmnb[pyserini]'",
        "english needs 'bm25s', which is not installed. Run: pip install 'lmnb[retrieve]'",
    ], done.stderr
