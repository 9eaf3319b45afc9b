"""The whole report of a run, to be sent by mail: what it holds, and that it stays small."""

from __future__ import annotations

import re

import pytest
from worlds import exact, questions, reply

import lmnb
from lmnb.optimize import report_page
from lmnb.testing import TwoCalls


@pytest.fixture(scope="module")
def run():
    """A finished search with decisions, a person's candidate and a held-out check."""
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        optimizer = lmnb.BootstrapFewShotWithRandomSearch(
            metric=exact, max_bootstrapped_demos=2, num_candidate_programs=3
        )
        made = optimizer.start(TwoCalls(), trainset=questions(0, 8), valset=questions(8, 20), run_dir=None, seed=1)
        made.wait(60)
        made.edit(0, _slot(made), "Find the digit.")
        made.until("ended", 60)
        made.reject(1, "too <b>terse</b>")
        made.check(questions(30, 40))
    return made


def _slot(made):
    return next(slot for slot in made.candidate(0).values if slot.endswith(".instructions"))


def test_it_holds_all_that_is_known(run):
    """Every candidate with its prompt and demos, the best one's examples, decisions, provenance, the check, costs."""
    page = run.to_html()
    best = run.best
    folded = re.findall(r'<details data-kind="candidate" data-id="([0-9a-f]+)">', page)
    assert sorted([*folded, best.id]) == sorted(row.id for row in run.candidates)
    assert "Find the digit." in re.sub(r"</?(ins|del)>", "", page)
    assert page.count('data-kind="example"') >= 12
    for words in (
        "Where the prompt",
        "Score against cost",
        "Held-out check",
        "too &lt;b&gt;terse",
        f"Candidate {best.number}",
    ):
        assert words in page
    for demo in run.demos:
        assert demo.provenance.id in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_it_stays_small(run, monkeypatch):
    """Candidates that do not fit are counted, and how to see them is said."""
    whole = len(run.to_html())
    monkeypatch.setattr(report_page, "MAX_SIZE", 1)
    page = run.to_html()
    assert len(page) < whole
    assert '<details data-kind="candidate"' not in page
    monkeypatch.setattr(report_page, "MAX_SIZE", 10**6)
    monkeypatch.setattr(report_page, "MAX_OTHERS", 2)
    page = run.to_html()
    assert page.count('<details data-kind="candidate"') == 2
    assert f"{len(run.candidates) - 3} more: run.detail(number)" in page
