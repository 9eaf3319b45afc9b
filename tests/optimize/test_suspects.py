"""Suspect labels: rows that every good candidate gets wrong with the same answer, and what a report says of them."""

from __future__ import annotations

import re

import pytest

import lmnb
from lmnb.optimize.report import run_html, run_page

WRONG = {3, 8}  # the labels that are wrong on purpose
HARD = 5  # a row on which candidates differ


def reply(messages, **options):
    """Knows the answers; on the hard row it says something else for every prompt, and once in another spelling."""
    number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
    length = sum(len(message["content"]) for message in messages)
    right = f"A{number} " if length % 2 else f"a{number}"
    return {"answer": f"guess {length}" if number == HARD else right}


def exact(example, prediction, trace=None):
    """Whether the answer is right, whatever its case."""
    return example.answer == prediction.answer.strip().lower()


def rows(start, stop, wrong=()):
    return [
        lmnb.Example(question=f"q{i}", answer=f"wrong{i}" if i in wrong else f"a{i}").with_inputs("question")
        for i in range(start, stop)
    ]


def finished(model=reply, wrong=WRONG, candidates=3):
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(
        metric=exact, max_bootstrapped_demos=2, max_labeled_demos=3, num_candidate_programs=candidates
    )
    with lmnb.context(lm=lmnb.FakeLM(model)):
        run = optimizer.start(
            lmnb.Predict("question -> answer"), trainset=rows(100, 110), valset=rows(0, 12, wrong), num_threads=4
        )
        run.wait(60)
    return run


def test_labels_wrong_on_purpose_are_found_and_nothing_else():
    """Both wrong labels are named with what all say instead; the row where candidates differ is not."""
    run = finished()
    found = run.suspects()
    assert [suspect.index for suspect in found] == sorted(WRONG)
    first = found[0]
    assert first.label == {"answer": "wrong3"} and first.example.question == "q3"
    assert first.answer["answer"].strip().lower() == "a3"
    scored = [candidate.number for candidate in run.candidates if candidate.status == "scored"]
    assert list(first.candidates) == scored and len(scored) > 2


def test_without_wrong_labels_nothing_is_suspect():
    """A run whose labels are right has no suspects, although a row is always wrong."""
    assert finished(wrong=()).suspects() == []


def test_a_candidate_that_is_far_from_the_best_has_no_say():
    """A bad candidate answers otherwise on a suspect row; only a wide margin lets it speak against the others."""

    def model(messages, **options):
        number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
        bare = sum(message["role"] == "assistant" for message in messages) == 0
        return {"answer": f"b{number}" if bare and (number in WRONG or number > 8) else f"a{number}"}

    run = finished(model)
    assert [suspect.index for suspect in run.suspects()] == sorted(WRONG)
    assert 0 not in run.suspects()[0].candidates
    assert run.suspects(margin=60) == []


def test_a_dropped_candidate_has_no_say():
    """What a person rejected does not count among those that agree."""
    run = finished()
    before = run.suspects()[0].candidates
    run.reject(before[-1])
    assert run.suspects()[0].candidates == before[:-1]


def test_where_all_is_wrong_the_program_is_to_blame():
    """While the best candidate is right on less than half of the rows, no label is suspect."""
    run = finished(lambda messages, **options: {"answer": "a1"})
    assert run.best.score < 50
    assert run.suspects() == []


def test_one_candidate_agrees_with_nobody():
    """A run stopped after its first candidate names no row."""
    optimizer = lmnb.BootstrapFewShotWithRandomSearch(metric=exact, num_candidate_programs=2)
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        program = lmnb.Predict("question -> answer")
        run = optimizer.start(program, trainset=rows(100, 110), valset=rows(0, 12, WRONG), paused=True)
        assert run.suspects() == []
        run.step()
        run.until("paused", 30)
        assert run.best is not None and run.suspects() == []
        run.stop()
        run.wait(30)


def test_a_reopened_run_names_the_same_rows():
    """Suspects are a function of what the journal holds."""
    run = finished()
    assert [each.to_dict() for each in lmnb.reopen(run.path).suspects()] == [each.to_dict() for each in run.suspects()]


def test_the_static_report_lists_them():
    """The report in the cell and as a page shows each row with label, answer and how many agree; without any, nothing."""
    run = finished()
    many = len(run.suspects()[0].candidates)
    for html in (run._repr_html_(), run.to_html()):
        told = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))
        assert "Suspect labels 2" in told
        assert re.search(rf"3 q3 wrong3 [aA]3 {many} ", told)
    assert "Suspect labels" not in finished(wrong=())._repr_html_()


@pytest.mark.parametrize("write", [run_html, run_page])
def test_a_long_list_says_how_many_more(write):
    """A cell shows twelve rows and the number of the others, a page shows all; texts are escaped."""
    run = finished()
    row = {"index": 1, "inputs": {"q": "<b>"}, "label": {"a": "x"}, "answer": {"a": "y"}, "candidates": [0, 1]}
    html = write(run.snapshot(), None, None, [row] * 15)
    assert html.count("&lt;b&gt;") == (12 if write is run_html else 15)
    assert ("3 more: run.suspects()" in html) == (write is run_html)
