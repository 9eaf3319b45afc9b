"""Embeddings: nearness, its ties, the embedder's faults, and FAISS for a large corpus."""

from __future__ import annotations

from typing import Any

import pytest
import searchers

import lmnb
from lmnb.data import tickets

np = pytest.importorskip("numpy")


def lengths(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0] for text in texts]


def test_scores_are_cosines_or_products() -> None:
    """Normalized by default; the vectors as they are with normalize=False."""
    corpus = ["a", "bbb"]
    cosines = lmnb.Embeddings(corpus, lengths)("bbb")
    assert cosines.ids == ["1", "0"] and cosines.scores == pytest.approx([1.0, 4 / 20**0.5], abs=1e-6)
    assert lmnb.Embeddings(corpus, lengths, normalize=False)("bbb").scores == [10.0, 4.0]


def test_a_vector_of_zeros_is_near_nothing() -> None:
    """It scores 0, without a warning and without a division by zero."""
    found = lmnb.Embeddings(["x", "zero"], lambda texts: [[float(text != "zero"), 0.0] for text in texts])("x")
    assert (found.ids, found.scores) == (["0", "1"], [1.0, 0.0])


@pytest.mark.parametrize("threshold", [10**9, 1])
def test_equal_vectors_score_equally_wherever_they_stand(threshold: int) -> None:
    """A product of matrices rounds by place; the order of equal passages is that of the corpus all the same."""
    pytest.importorskip("faiss")
    rows = np.random.default_rng(0).normal(size=(7, 301))
    corpus = [f"{at % 7} {at}" for at in range(40)]
    search = lmnb.Embeddings(
        corpus, lambda texts: [rows[int(text.split()[0])] for text in texts], k=4, brute_force_threshold=threshold
    )
    for at in range(7):
        found = search(f"{at} query")
        assert found.ids == [str(at + 7 * turn) for turn in range(4)] and len(set(found.scores)) == 1


def test_faiss_finds_what_comparing_all_finds() -> None:
    """At least 95 of 100 of the five nearest, with the same exact scores."""
    pytest.importorskip("faiss")
    draw = np.random.default_rng(1)
    centres = draw.normal(size=(40, 24))
    table = {str(at): centres[at % 40] + 0.5 * draw.normal(size=24) for at in range(3000)}
    every, near = (
        lmnb.Embeddings(list(table), lambda texts: [table[text] for text in texts], brute_force_threshold=threshold)
        for threshold in (10**9, 3000)
    )
    queries = list(table)[::30]
    shared = total = 0
    for one, other in zip(every.batch(queries), near.batch(queries), strict=True):
        scores = dict(zip(one.ids, one.scores, strict=True))
        common = [passage for passage in other if passage.id in scores]
        assert all(passage.score == scores[passage.id] for passage in common)
        shared, total = shared + len(common), total + len(one)
    assert shared >= 0.95 * total


def test_the_embedded_model_finds_tickets_of_a_topic() -> None:
    """`lmnb/tiny` by its name, as an embedder: most of the five nearest tickets are of the question's team."""
    data = tickets()
    search = lmnb.Embeddings([{"text": row.ticket, "team": row.team} for row in data.train], "lmnb/tiny")
    found = search.batch([row.ticket for row in data.test[:50]])
    right = sum(near["team"] == row.team for row, each in zip(data.test, found, strict=False) for near in each)
    assert right > 50 * 5 * 0.4


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lmnb.Embeddings([], lengths), "the corpus is empty"),
        (lambda: lmnb.Embeddings(["a"], 3), "3 is no model. Write Embedder('lmnb/tiny')"),  # type: ignore[arg-type]
        (lambda: lmnb.Embeddings(["a"], lengths, brute_force_threshold=1e9), "brute_force_threshold is 1000000000.0"),  # type: ignore[arg-type]
        (lambda: lmnb.Embeddings(["a"], lambda texts: []), "gave 0 vectors for 1 texts"),
        (lambda: lmnb.Embeddings(["a"], lambda texts: [[float("nan")]]), "gave a vector that holds what is no number"),
        (lambda: lmnb.Embeddings(["a"], lambda texts: [[1.0] * len(texts[0])])("query"), "gave 5 numbers for a query"),
    ],
)
def test_a_faulty_embedder_is_told(make: Any, said: str) -> None:
    """Each error says what the embedder did."""
    with pytest.raises(lmnb.LmnbError) as failure:
        make()
    assert said in str(failure.value)


def test_names_of_the_field() -> None:
    """`from_saved` and `EmbeddingsWithScores` are what ported programs write."""
    assert lmnb.EmbeddingsWithScores is lmnb.Embeddings
    assert lmnb.Embeddings.from_saved == lmnb.Embeddings.load
    assert lmnb.Embeddings(searchers.CORPUS, searchers.embed, k=1)("Bern").passages == ["Bern lies on the Aare."]
