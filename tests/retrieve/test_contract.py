"""What every retriever must hold: a new one is in as soon as it is listed in `searchers.retrievers`."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import searchers

import lmnb

pytest.importorskip("bm25s")
pytest.importorskip("faiss")

QUERY = "Which town lies on the Rhine?"


@pytest.fixture(scope="module")
def server() -> Iterator[searchers.ColBERTServer]:
    with searchers.colbert_server() as made:
        yield made


@pytest.fixture(params=searchers.NAMES)
def make(request: pytest.FixtureRequest, server: searchers.ColBERTServer) -> Any:
    """Makes the retriever anew."""
    return searchers.retrievers(server)[request.param]


@pytest.fixture
def retriever(make: Any) -> Any:
    return make()


def test_the_best_passage_comes_first(retriever: Any) -> None:
    """Passages carry id, text and score, in falling order of the score, and the columns say the same."""
    found = retriever(QUERY)
    assert 1 <= len(found) <= 3 and all(isinstance(passage, lmnb.Passage) for passage in found)
    assert found[0].id == "basel" and found[0]["text"] == found[0].long_text == "Basel lies on the Rhine."
    assert found.scores == sorted(found.scores, reverse=True)
    assert all(type(passage.id) is str and type(passage.score) is float for passage in found)
    assert (found.ids[0], found.passages[0]) == (found[0].id, found[0].text)


def test_k_says_how_many(retriever: Any) -> None:
    """A call's k goes before the retriever's own, fewer is the beginning of more, and too many is all there are."""
    few, some, many = (retriever(QUERY, k=k) for k in (1, 2, 1000))
    assert (len(few), retriever(QUERY, 2)) == (1, some)
    assert few == some[:1] == many[:1] and len(retriever(QUERY)) <= 3 and len(many) <= len(searchers.CORPUS)


def test_a_batch_gives_what_calls_give(retriever: Any) -> None:
    """One list a query, in the order of the queries; no queries, no lists."""
    queries = [QUERY, "a quiet mill", "ein großer See", QUERY]
    assert [found.ids for found in retriever.batch(queries, k=2)] == [retriever(query, k=2).ids for query in queries]
    assert retriever.batch([]) == []


def test_async_and_threads_give_what_a_call_gives(retriever: Any) -> None:
    """Many calls at once, awaited or from threads, find the same."""

    async def many() -> list[Any]:
        return await asyncio.gather(*[retriever.acall(QUERY, 2) for _ in range(6)])

    with ThreadPoolExecutor(6) as pool:
        found = [*asyncio.run(many()), *pool.map(lambda _: retriever(QUERY, 2), range(6))]
    assert all(each == retriever(QUERY, 2) for each in found)


def test_the_same_corpus_gives_the_same_passages(make: Any) -> None:
    """Two of a kind agree exactly, and passages of equal score keep the order of the corpus."""
    query = "a quiet village with a mill"
    assert make()(query) == make()(query)
    assert make()(query, k=2).ids == ["twin-1", "twin-2"]


def test_all_of_unicode_is_searched_and_given_back(retriever: Any) -> None:
    """Letters beyond ASCII are found, and texts come back as they are."""
    found = retriever("ein großer See, 湖", k=1)
    assert found[0].text == searchers.CORPUS[2]["text"] and found[0].id == "zürich"


@pytest.mark.parametrize(
    ("query", "k", "said"),
    [
        ("", None, "the query '' is empty. Write what to look for."),
        (" \n", None, "is empty"),
        (None, None, "a query is a text, not None"),
        ("town", 0, "k is 0, and it is how many passages to find: write a whole number from 1"),
        ("town", 2.5, "k is 2.5"),
        ("town", True, "k is True"),
    ],
)
def test_a_wrong_call_says_what_to_write(retriever: Any, query: Any, k: Any, said: str) -> None:
    """A blank query and an impossible k are errors before anything is searched."""
    with pytest.raises(lmnb.InputError) as failure:
        retriever(query, k)
    assert said in str(failure.value)
    with pytest.raises(lmnb.InputError):
        retriever.batch([QUERY, query], k=k)


def test_one_text_is_no_batch(retriever: Any) -> None:
    """A text given to batch is not taken for a list of letters."""
    with pytest.raises(lmnb.InputError) as failure:
        retriever.batch("town")
    assert "Write batch(['town'])" in str(failure.value)


def test_a_search_is_a_span_of_the_trace(retriever: Any) -> None:
    """A program's trace shows the query, k and what was found."""

    class Search(lmnb.Module):
        def forward(self, query: str) -> Any:
            return lmnb.Prediction(passages=retriever(query, k=1).passages)

    root = Search()(query=QUERY).trace.root
    (found,) = root.children
    assert (found.kind, found.inputs) == ("retrieval", {"query": QUERY, "k": 1})
    assert found.outputs["passages"] == ["Basel lies on the Rhine."] and found.outputs["ids"] == ["basel"]


def test_copies_of_a_program_share_it(retriever: Any) -> None:
    """A deep copy is the retriever itself: no index is copied with a program."""
    program = lmnb.Retrieve(k=1, rm=retriever)
    assert copy.deepcopy(retriever) is retriever and program.deepcopy().rm is retriever
    assert program.deepcopy()(QUERY).passages == ["Basel lies on the Rhine."]
