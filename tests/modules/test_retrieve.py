"""Retrieve: a search as a step of a program, with the retriever of the settings or its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import lmnb

pytest.importorskip("bm25s")

FACTS = ["The boss of Anna is Ben.", "Ben lives in Oslo.", "Carla lives in Rome."]


class Hops(lmnb.Module):
    """Two searches, then the answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.retrieve = lmnb.Retrieve(k=1, **options)
        self.ask = lmnb.Predict("context, question -> query")
        self.answer = lmnb.Predict("context: list[str], question -> answer")

    def forward(self, question: str) -> Any:
        first = self.retrieve(question).passages
        second = self.retrieve(self.ask(context=first[0], question=question).query).passages
        return self.answer(context=first + second, question=question)


def fake() -> lmnb.FakeLM:
    return lmnb.FakeLM([{"query": "Where does Ben live?"}, {"answer": "Oslo"}])


def test_a_program_of_two_hops_searches_and_answers() -> None:
    """What the first search found leads to the second, and the trace shows both."""
    with lmnb.context(lm=fake(), rm=lmnb.BM25(FACTS)):
        found = Hops()(question="Where does the boss of Anna live?")
    assert found.answer == "Oslo"
    spans = [(item.name, item.inputs, item.outputs) for _, item in found.trace.spans() if item.kind == "retrieval"]
    assert [(name, given["query"], out["passages"]) for name, given, out in spans] == [
        ("BM25", "Where does the boss of Anna live?", [FACTS[0]]),
        ("BM25", "Where does Ben live?", [FACTS[1]]),
    ]
    rows = lmnb.Trace.from_dict(found.trace.to_dict())
    assert [item.kind for _, item in rows.spans()] == [item.kind for _, item in found.trace.spans()]
    assert "Ben lives in Oslo." in found.trace._repr_html_()


def test_a_prediction_has_four_columns() -> None:
    """Texts, ids, scores and metadata, one entry a passage; k of a call goes first."""
    retrieve = lmnb.Retrieve(k=1, rm=lmnb.BM25([{"id": "a", "text": "one", "year": 2001}, "one two"]))
    found = retrieve("one")
    assert (found.passages, found.ids, found.metadata) == (["one"], ["a"], [{"year": 2001}])
    assert len(found.scores) == 1 and len(retrieve("one", k=2).passages) == 2
    assert len(retrieve(query="one", k=5).passages) == 2


def test_settings_and_an_own_retriever() -> None:
    """Its own retriever goes before that of `context`, which goes before that of `configure`."""
    lmnb.configure(rm=lambda query, k: ["configured"])
    assert lmnb.Retrieve()("a").passages == ["configured"]
    with lmnb.context(rm=lambda query, k: ["in context"]):
        assert lmnb.Retrieve()("a").passages == ["in context"]
        assert lmnb.Retrieve(rm=lambda query, k: ["own"])("a").passages == ["own"]
    found = lmnb.Retrieve()("a")
    assert [item.name for _, item in found.trace.spans()] == ["Retrieve", "<lambda>"]


def test_it_is_awaited_too() -> None:
    """`acall` gives what a call gives, and its search is in the trace."""
    retrieve = lmnb.Retrieve(k=2, rm=lmnb.BM25(FACTS))
    found = asyncio.run(retrieve.acall("Who lives in Rome?"))
    assert found.passages == retrieve("Who lives in Rome?").passages
    assert [item.kind for _, item in found.trace.spans()] == ["module", "retrieval"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lmnb.Retrieve()("a"), "no retriever is set. Write lmnb.configure(rm=lmnb.BM25(corpus)), or Retrieve"),
        (lambda: lmnb.Retrieve(rm="BM25")("a"), "'BM25' is no retriever. Write lmnb.BM25(corpus), or give a function"),
        (lambda: lmnb.Retrieve(k=0), "k is 0"),
        (lambda: lmnb.Retrieve(rm=lmnb.BM25(FACTS))(""), "the query '' is empty"),
    ],
)
def test_a_wrong_use_says_what_to_write(make: Any, said: str) -> None:
    """A missing retriever, a name for one, a wrong k and an empty query."""
    with pytest.raises(lmnb.InputError) as failure:
        make()
    assert said in str(failure.value)


def test_a_failed_search_is_seen_in_the_trace() -> None:
    """The span of the search carries the error that the program raised."""

    def broken(query: str, k: int) -> Any:
        raise lmnb.RetrievalError("the server is down")

    class Careful(lmnb.Module):
        def forward(self) -> Any:
            try:
                lmnb.Retrieve(rm=broken)("a")
            except lmnb.RetrievalError as error:
                return lmnb.Prediction(answer=str(error))

    failed = [item for _, item in Careful()().trace.spans() if item.kind == "retrieval"]
    assert [item.error for item in failed] == ["RetrievalError: the server is down"]


def test_a_saved_program_holds_no_corpus(tmp_path: Path) -> None:
    """The file has the predictors alone, and loads into a program with any retriever."""
    Hops(rm=lmnb.BM25(FACTS)).save(tmp_path / "hops.json")
    text = (tmp_path / "hops.json").read_text("utf-8")
    assert "Oslo" not in text
    again = Hops()
    again.load(tmp_path / "hops.json")
    with lmnb.context(lm=fake(), rm=lmnb.BM25(FACTS)):
        assert again(question="Where does the boss of Anna live?").answer == "Oslo"


def test_an_optimizer_tunes_around_it() -> None:
    """A compiled copy keeps the retriever, and its demos hold what was found."""
    lm = lmnb.FakeLM(
        lambda messages, **_: {"query": "Ben"} if "query" in messages[-1]["content"] else {"answer": "Oslo"}
    )
    train = [lmnb.Example(question="Where does the boss of Anna live?", answer="Oslo").with_inputs("question")]
    search = lmnb.BM25(FACTS)
    with lmnb.context(lm=lm):
        tuned = lmnb.BootstrapFewShot(metric=lambda example, found, trace=None: example.answer == found.answer).compile(
            Hops(rm=search), trainset=train
        )
    assert tuned.retrieve.rm is search
    assert tuned.answer.demos[0].context[0] == FACTS[0]
