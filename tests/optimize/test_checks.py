"""Checks under every optimizer: what is learned from a step that was repaired, or refused to the end, and what a run does where a check fails."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import worlds

import lmnb
from lmnb import Assert, ChatAdapter, FakeLM, JSONAdapter, Suggest, XMLAdapter

ADAPTERS = [ChatAdapter, JSONAdapter, XMLAdapter]
OPTIMIZERS = worlds.optimizers(worlds.exact)
NAMES = list(OPTIMIZERS)
BOOTSTRAPPING = [name for name, made in OPTIMIZERS.items() if isinstance(made, lmnb.BootstrapFewShot)]
WORDS = "Answer in one word."


class Checked(lmnb.Module):
    """Writes a query, then an answer that must be one word."""

    def __init__(self, kind: Any) -> None:
        self.query = lmnb.Predict("question -> query")
        self.answer = lmnb.Predict("question, query -> answer")
        self.kind = kind

    def forward(self, question: str) -> Any:
        made = self.answer(question=question, query=self.query(question=question).query)
        self.kind(" " not in made.answer, WORDS, at=self.answer)
        return made


class Told(FakeLM):
    """Its answers are one word as soon as it was told, but to questions of which `stubborn` holds."""

    def __init__(self, stubborn: Any = lambda number: False) -> None:
        self.stubborn = stubborn
        super().__init__(self.reply)

    def reply(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        system, asked = messages[0]["content"], messages[-1]["content"]
        fields = re.findall(r"^- `(\w+)`", system.partition("Output fields")[2], re.M)
        if not {"query", "answer"} & set(fields):  # a proposer of the optimizer asks
            return {name: f"The {name}." for name in fields}
        number = int(re.findall(r"\bq(\d+)", asked)[0])
        if "`query` (str)" in system.partition("Output fields")[2]:
            return {"query": f"find {number}"}
        mended = "`feedback`" in system and not self.stubborn(number)
        return {"answer": f"a{number}" if mended else f"it is a{number}"}


def even(number: int) -> bool:
    return number % 2 == 0


OUTCOMES = {"repaired": lambda number: False, "exhausted": even}


def contains(example: Any, prediction: Any, trace: Any = None) -> bool:
    """The answer is in what was said, in one word or in more."""
    return example.answer in prediction.answer.split()


def started(name: str, kind: Any, stubborn: Any, *, metric: Any = contains, adapter: Any = None, **options: Any) -> Any:
    lm = Told(stubborn)
    with lmnb.context(lm=lm, adapter=adapter):
        run = worlds.optimizers(metric)[name].start(
            Checked(kind), trainset=worlds.questions(0, 8), valset=worlds.questions(100, 104), **options
        )
        run.wait(60)
    return run, lm


def bootstrapped(run: Any, slot: str) -> list[Any]:
    """Every demo of that slot, of any candidate, that was made of a trace."""
    held = [demo for row in run.candidates for where, demo in run.candidate(row).demos() if where == slot]
    return [demo for demo in held if demo.provenance.origin == "bootstrapped"]


@pytest.mark.sampled(0.25)
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("kind", [Assert, Suggest])
@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_learns_only_what_its_checks_let_pass(name: str, kind: Any, outcome: str, adapter: Any) -> None:
    """A repaired step is a demo with its last output and no field of the feedback, a refused one is none; every run finishes."""
    run, lm = started(name, kind, OUTCOMES[outcome], adapter=adapter())
    assert run.state == "finished" and run.best is not None
    assert any(WORDS in str(call["messages"][-1]) for call in lm.calls)
    answers = bootstrapped(run, "answer.demos")
    assert answers or name not in BOOTSTRAPPING
    for demo in answers:
        assert set(demo.keys()) == {"question", "query", "answer"}
        assert demo.answer == f"a{demo.provenance.source}"
        assert not OUTCOMES[outcome](demo.provenance.source)
    queries = bootstrapped(run, "query.demos")
    assert all(set(demo.keys()) == {"question", "query"} for demo in queries)
    if kind is Suggest and outcome == "exhausted" and name in BOOTSTRAPPING:
        assert any(even(demo.provenance.source) for demo in queries), "the step before the refused one is a good one"


@pytest.mark.parametrize("name", NAMES)
def test_a_check_that_never_holds_ends_no_run(name: str) -> None:
    """Where every rollout ends in CheckFailed the run finishes with scores of 0 and nothing learned: it is the model's fault."""
    run, _ = started(name, Assert, lambda number: True)
    assert run.state == "finished" and run.error is None
    assert not bootstrapped(run, "answer.demos") and not bootstrapped(run, "query.demos")
    assert all(row["error"].startswith("CheckFailed: ") for row in run.examples(run.best)["rows"])
    assert {row.score for row in run.candidates if row.score is not None} == {0.0}


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_sees_what_failed(name: str) -> None:
    """The prediction's trace names each check that failed, whether it was repaired, and how often the step was asked."""
    seen: dict[str, list[Any]] = {}

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        seen[example.question] = prediction.trace.checks()
        return contains(example, prediction)

    started(name, Suggest, even, metric=metric)
    assert len(seen) >= 4
    for question, checks in seen.items():
        stubborn = even(int(question[1:]))
        assert checks == [("Suggest", WORDS, "answer", not stubborn, 3 if stubborn else 2)]


@pytest.mark.parametrize("name", BOOTSTRAPPING)
def test_a_metric_can_refuse_what_a_check_noted(name: str) -> None:
    """A metric that counts failed checks keeps such examples from giving any demo."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return contains(example, prediction) and all(check.holds for check in prediction.trace.checks())

    run, _ = started(name, Suggest, even, metric=metric)
    queries = bootstrapped(run, "query.demos")
    assert queries and not any(even(demo.provenance.source) for demo in queries)


@pytest.mark.sampled(0.5)
@pytest.mark.parametrize("kind", [Assert, Suggest])
@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_with_checks_buys_nothing_twice(name: str, kind: Any, tmp_path: Any) -> None:
    """Cut off after any call, also between a failed check and its repair, the run ends as it would have, with the calls that were missing."""
    run, lm = started(name, kind, even, run_dir=tmp_path / "run", num_threads=1)
    expected = [(row.id, row.score, row.status) for row in run.candidates], run.best.id
    whole = (tmp_path / "run" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    calls = [at for at, line in enumerate(whole) if json.loads(line)["k"] == "call"]
    assert len(calls) == len(lm.calls)
    for done in (2, len(calls) // 2, len(calls) - 1):  # 2: the check has failed, and nothing was asked again
        (tmp_path / "run" / "journal.jsonl").write_bytes(b"".join(whole[: calls[done - 1] + 1]))
        rest = Told(even)
        with lmnb.context(lm=rest):
            again = lmnb.reopen(tmp_path / "run", program=Checked(kind), metric=contains)
            again.resume()
            again.wait(60)
        assert ([(row.id, row.score, row.status) for row in again.candidates], again.best.id) == expected
        assert len(rest.calls) == len(calls) - done


@pytest.mark.parametrize("kind", [Assert, Suggest])
def test_the_studio_shows_checks(kind: Any) -> None:
    """The examples of a candidate say which checks failed and which were repaired, live, frozen and in the trace."""
    run, _ = started("BootstrapFewShot", kind, even)
    rows = run.examples(run.best)["rows"]
    assert [[check["holds"] for check in row["checks"]] for row in rows] == [[False], [True], [False], [True]]
    assert rows[1]["checks"][0]["text"] == f"{kind.__name__} repaired at attempt 2 of answer: {WORDS}"
    page = run._repr_html_()
    assert "2 with a failed check · 2 repaired by a check" in page
    assert f"{kind.__name__} failed at attempt 3 of answer: {WORDS}" in page
    trace = run.trace(run.best, 0)
    assert [check.holds for check in trace.checks()] == [False]
    assert f"{kind.__name__} failed at attempt 3 of answer: {WORDS}" in trace._repr_html_()
    again = lmnb.reopen(run.path)
    assert [row["checks"] for row in again.examples(again.best)["rows"]] == [row["checks"] for row in rows]
