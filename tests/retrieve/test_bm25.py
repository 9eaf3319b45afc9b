"""BM25: the formula, its order, words of all languages, and what a corpus may be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.retrieve import english, words

pytest.importorskip("bm25s")


def test_scores_are_those_of_the_formula() -> None:
    """idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length)), summed over the query, less the constant k1 + 1."""
    corpus, k1, b = ["a b b", "a c", "d d d d"], 1.2, 0.6
    found = lmnb.BM25(corpus, k1=k1, b=b)("b a")
    rows, mean = [text.split() for text in corpus], 9 / 3

    def score(row: list[str]) -> float:
        total = 0.0
        for word in ("b", "a"):
            count, having = row.count(word), sum(word in other for other in rows)
            idf = math.log(1 + (len(rows) - having + 0.5) / (having + 0.5))
            total += idf * count / (count + k1 * (1 - b + b * len(row) / mean))
        return total

    assert found.ids == ["0", "1"]
    assert found.scores == pytest.approx([score(rows[0]), score(rows[1])], rel=1e-5)


def test_what_shares_no_word_is_not_found() -> None:
    """There may be fewer passages than k, or none."""
    search = lmnb.BM25(["one two", "two three", "four"], k=3)
    assert search("two").ids == ["0", "1"]
    assert search("five, six!") == [] and search("?") == []


@pytest.mark.parametrize("k", [1, 2, 7, 50])
def test_equal_scores_keep_the_order_of_the_corpus(k: int) -> None:
    """Among many equal passages the first k are given."""
    search = lmnb.BM25([f"same word{at % 2}" for at in range(100)])
    assert search("word1", k=k).ids == [str(at) for at in range(1, 100, 2)][:k]


def test_words_are_found_in_every_script() -> None:
    """Case, width and composition do not matter, marks stay in their words, and signs of spaceless scripts are words."""
    assert words("ＦＵＬＬ ﬁt") == ["full", "fit"]
    assert words("Cafe\u0301 ΣΊΣΥΦΟΣ") == words("café σίσυφος")
    assert words("हिन्दी भाषा, עִבְרִית") == ["हिन्दी", "भाषा", "עִבְרִית"]
    assert words("東京tower カ") == ["東", "京", "tower", "カ"]
    assert words("a\ud800b \x00 🙂 snake_case") == ["a", "b", "snake_case"]


def test_english_leaves_out_endings_and_joining_words() -> None:
    """A question for "live" finds "lives", and no passage is found by "the" alone."""
    search = lmnb.BM25(["Anna lives in Oslo.", "The boss of the mill."], tokenizer=english)
    assert search("Where do you live?").ids == ["0"] and search("the") == []
    assert english("glass bus parties mills trees") == ["glass", "bus", "party", "mill", "trees"]


def test_a_corpus_may_be_records_examples_or_passages() -> None:
    """Ids and other fields of a record are kept; what has no id gets its place."""
    rows = [
        {"id": 17, "text": "one", "title": "First"},
        lmnb.Example(text="two", year=2001),
        lmnb.Passage("three", id="c", score=9.0),
        "four",
    ]
    search = lmnb.BM25(rows)
    (one,), (two,), (three,), (four,) = search.batch(["one", "two", "three", "four"])
    assert (one.id, one["title"], two.id, dict(two.metadata)) == ("17", "First", "1", {"year": 2001})
    assert (three.id, four.id) == ("c", "3") and three.score != 9.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lmnb.BM25([]), "the corpus is empty. Give at least one text."),
        (lambda: lmnb.BM25("text"), "a corpus is a list of texts or records, not 'text'"),
        (lambda: lmnb.BM25(None), "a corpus is a list of texts or records, not None"),  # type: ignore[arg-type]
        (lambda: lmnb.BM25(["!", "—"]), "none of the 2 texts of the corpus has a word"),
        (lambda: lmnb.BM25(["a", 3]), "entry 1 of the corpus is 3. Write a text, or {'id': ..., 'text': ...}."),
        (lambda: lmnb.BM25([{"text": None}]), "the text of entry 0 of the corpus is None, no str"),
        (lambda: lmnb.BM25([{"id": "x", "text": "a"}, "b", {"id": "x", "text": "c"}]), "entries 0 and 2 of the corpus"),
        (lambda: lmnb.BM25(["a"], k=0), "k is 0"),
        (lambda: lmnb.BM25(["a"], k1=float("nan")), "k1 is nan; write a number from 0"),
        (lambda: lmnb.BM25(["a"], b=1.5), "b is 1.5; write a number from 0 to 1."),
    ],
)
def test_a_wrong_corpus_says_what_is_wrong(make: Any, said: str) -> None:
    """Each error names the place and what to write."""
    with pytest.raises(lmnb.InputError) as failure:
        make()
    assert said in str(failure.value)


def test_a_tokenizer_of_ones_own_is_asked_for_again(tmp_path: Path) -> None:
    """An index is loaded with the tokenizer it was made with, or not at all."""
    lmnb.BM25(["Anna lives here"], tokenizer=english).save(tmp_path)
    assert lmnb.BM25.load(tmp_path, tokenizer=english)("live").ids == ["0"]
    with pytest.raises(lmnb.SaveError) as failure:
        lmnb.BM25.load(tmp_path)
    assert "it was made with the tokenizer 'english', and this one is 'words'" in str(failure.value)
