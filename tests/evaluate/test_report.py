"""What an evaluation shows: numbers, comparisons, tables."""

from __future__ import annotations

import gc
import json
import re

import pytest

import lmnb
from lmnb.evaluate import Evaluate, Report, Row, exact_match

DEVSET = [lmnb.Example(ticket=f"ticket {n}", team="A").with_inputs("ticket") for n in range(10)]


def report_of(*scores, **changes):
    rows = [
        Row(n, DEVSET[n], prediction=lmnb.Prediction(team="A" if s else "B"), score=s)
        if s is not None
        else Row(n, DEVSET[n], error="KeyError: 'x'", error_kind="metric")
        for n, s in enumerate(scores)
    ]
    return Report(
        tuple(rows), **{"total": len(rows), "program": "Router", "metric": "same_team", "seconds": 1.5} | changes
    )


def plain(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", markup, flags=re.S)))


def test_the_score_has_an_interval():
    """Wilson's for right and wrong."""
    report = report_of(*[1.0] * 8, 0.0, 0.0)
    assert (report.score, report.low, report.high) == (80.0, 49.02, 94.33)
    assert repr(report) == "Report(80.0 % of 10 examples, 95 % 49.0 … 94.3)"


def test_results_are_as_in_the_reference():
    """(example, prediction, score) with failures at their value."""
    assert [score for _, _, score in report_of(1.0, None).results] == [1.0, 0.0]
    assert report_of(1.0, 0.0)[1].score == 0.0


def test_comparing_says_what_was_fixed_and_broken():
    """The report against an earlier one, paired by example."""
    after, before = report_of(1.0, 1.0, 0.0, 1.0, None), report_of(0.0, 1.0, 1.0, None, None)
    change = after.compare(before)
    assert (change.fixed, change.broken, change.unchanged) == ((0, 3), (2,), (1, 4))
    assert change.mean == 20.0
    assert change.low <= 20.0 <= change.high
    assert re.fullmatch(
        r"Comparison\(\+20\.0 points, 95 % -\d+\.\d … \+\d+\.\d; 2 fixed, 1 broken of 5\)", repr(change)
    )


def test_comparing_needs_the_same_examples():
    """Reports of other examples are refused with the place; a part of them can be compared."""
    other = Report((Row(0, DEVSET[1], score=1.0),), total=1)
    with pytest.raises(lmnb.InputError, match="their examples differ, the first at row 0"):
        report_of(1.0).compare(other)
    with pytest.raises(lmnb.InputError, match="they have no example in common"):
        report_of(1.0).compare(Report((), total=3, interrupted=True))
    assert report_of(1.0, 0.0).compare(report_of(1.0)).unchanged == (0,)


@pytest.mark.parametrize("odd", [3, None, "other", [report_of(1.0)]])
def test_a_report_is_compared_with_reports_alone(odd):
    """Whatever else is given is quoted, with what to write."""
    report = report_of(1.0)
    for ask in (report.compare, report.suspects, *([] if odd is None else [lambda each: report.page(against=each)])):
        with pytest.raises(lmnb.InputError, match=r"is compared with a report, not with .*Write report\.compare\("):
            ask(odd)


def arrays(score, *, more=0, length=3):
    """A report on arrays, of which every row is a new object, with arrays as outputs and scores."""
    numpy = pytest.importorskip("numpy")
    rows = []
    for n in range(4):
        example = lmnb.Example(signal=numpy.arange(length) + n % 2 + more, beat=str(n)).with_inputs("signal")
        made = lmnb.Prediction(peaks=numpy.arange(n + 2), beat=str(int(score)))
        rows.append(Row(n, example, prediction=made, score=numpy.float64(score)))
    return Report(tuple(rows), total=4)


def test_reports_on_arrays_are_compared_by_their_content():
    """Equal arrays are the same example, others are not; labels of equal ones contradict each other."""
    after, before = arrays(1.0), arrays(0.0)
    change = after.compare(before)
    assert change.fixed == (0, 1, 2, 3) and len(change.pairs()) == 4 and not after.compare(arrays(1.0)).pairs()
    assert after.page(against=before, only="fixed")["total"] == 4
    assert list(after.suspects(before)) == [0, 1, 2, 3]
    with pytest.raises(lmnb.InputError, match="their examples differ, the first at row 0"):
        after.compare(arrays(1.0, more=1))
    long, other = arrays(1.0, length=2_000), arrays(1.0, length=2_000)[0].example.copy(beat="9")
    other.signal[1_000] = 7  # where the text of a long array is left out
    assert 3 not in Report((*long.rows[:1], Row(3, other, score=1.0))).suspects()


def test_reports_of_the_same_examples_are_offered_for_comparison_while_they_live():
    """Shown or not, the latest last; those of other examples, and those that nobody holds any more, are not."""
    data = [lmnb.Example(ticket="t", team=str(n)).with_inputs("ticket") for n in range(3)]
    made = [Report(tuple(Row(n, each, score=score) for n, each in enumerate(data))) for score in (0.0, 0.5, 1.0)]
    part, other = Report(made[0].rows[:1]), report_of(1.0)
    assert [*map(id, made[2].comparable())] == [id(made[0]), id(made[1]), id(part)]
    assert [*map(id, made[2].comparable(limit=2))] == [id(made[1]), id(part)]
    assert not any(each is one for one in made for each in other.comparable())
    del made[0], part
    gc.collect()
    assert [*map(id, made[1].comparable())] == [id(made[0])]


def test_an_interrupted_report_without_rows():
    """Nothing finished is no crash."""
    empty = Report((), total=3, interrupted=True)
    assert repr(empty) == "Report(0 of 3 examples, interrupted)"
    assert "0 of 3 examples (interrupted)" in plain(empty._repr_html_())


def test_the_table_has_a_row_an_example():
    """Inputs, labels, predictions, score and error as columns; names that clash are kept apart."""
    pytest.importorskip("pandas")
    frame = report_of(1.0, None).to_pandas()
    assert list(frame.columns) == ["ticket", "team", "pred_team", "score", "feedback", "error", "seconds"]
    assert frame.loc[0, "pred_team"] == "A"
    assert frame.loc[1, "error"] == "KeyError: 'x'"
    clash = Report((Row(0, lmnb.Example(score="high").with_inputs("score"), score=1.0),), total=1).to_pandas()
    assert (clash.loc[0, "example_score"], clash.loc[0, "score"]) == ("high", 1.0)


def test_the_html_shows_failures_first():
    """Head with interval, then failed rows, then the lowest scores."""
    shown = plain(report_of(1.0, 0.0, None)._repr_html_())
    assert (
        "Router 33.3 % 95 % interval 6.2 … 79.2 3 examples · metric same_team · 1.50 s 1 failed, counted as 0" in shown
    )
    assert "1 right, 2 wrong" in shown
    assert shown.index("ticket 2") < shown.index("ticket 1") < shown.index("ticket 0")


def test_the_html_of_graded_scores_shows_how_they_lie():
    """Other scores than 0 and 1 get a small drawing that is also said in words."""
    html = report_of(0.1, 0.5, 0.5, 0.9)._repr_html_()
    assert 'aria-label="scores from 0 to 1: 0, 1, 0, 0, 0, 2, 0, 0, 0, 1 in ten equal steps"' in html


def test_the_html_is_cut_and_says_so():
    """At most 50 rows in a notebook."""
    rows = tuple(Row(n, DEVSET[0], prediction=lmnb.Prediction(team="A"), score=1.0) for n in range(80))
    shown = plain(Report(rows, total=80)._repr_html_())
    assert "30 more rows: report.rows, report.to_pandas()" in shown


@pytest.mark.parametrize("hostile", ["<script>x</script>", "</style><img src=x onerror=x>"])
def test_hostile_text_stays_text(hostile):
    """Inputs, labels, predictions, errors, feedback and names."""
    example = lmnb.Example(ticket=hostile, team=hostile, other=hostile).with_inputs("ticket")
    rows = (
        Row(0, example, prediction=lmnb.Prediction(team=hostile), score=0.0, feedback=hostile),
        Row(1, example, error=hostile, error_kind="metric"),
    )
    html = Report(rows, total=2, program=hostile, metric=hostile)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html


def test_the_data_is_json():
    """What the HTML is made of can be stored, whatever the fields hold."""
    example = lmnb.Example(ticket={"nested": [1, object()]}, team="A")
    report = Report((Row(0, example, prediction=42, score=1.0),), total=1)
    row = json.loads(json.dumps(report.to_dict()))["rows"][0]
    assert row["outputs"] == {"prediction": "42"}
    assert row["inputs"]["team"] == "A"


def test_a_report_of_a_real_evaluation_shows_itself():
    """End to end: the rows of a program with its metric's name."""
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "A"}))
    shown = plain(Evaluate(DEVSET, exact_match("team"))(program)._repr_html_())
    assert (
        "Predict(ticket -&gt; team) 100.0 % 95 % interval 72.2 … 100.0 10 examples · metric exact_match(&#x27;team&#x27;)"
        in shown
    )


@pytest.mark.parametrize("kind", [lmnb.Assert, lmnb.Suggest])
def test_an_evaluation_shows_what_its_checks_did(kind):
    """Repaired and unmet checks stand with their rows and are counted in the head; rows tell them as data too."""

    class Short(lmnb.Module):
        def __init__(self):
            self.answer = lmnb.Predict("ticket -> team")

        def forward(self, ticket):
            made = self.answer(ticket=ticket)
            kind(len(made.team) == 1, "One <letter>.")
            return made

    def reply(messages):
        told, number = "`feedback`" in messages[0]["content"], int(re.findall(r"ticket (\d)", str(messages[-1]))[0])
        return {"team": "A" if number == 0 or (told and number < 3) else "Team A"}

    with lmnb.context(lm=lmnb.FakeLM(reply)):
        report = Evaluate(DEVSET[:4], exact_match("team"), num_threads=1)(Short())
    assert [[check.holds for check in row.checks] for row in report] == [[], [True], [True], [False]]
    assert [[check["holds"] for check in row["checks"]] for row in report.to_dict()["rows"]][3] == [False]
    html = report._repr_html_()
    assert "1 with a failed check · 2 repaired by a check" in html
    assert f'<div class="lm-bad">{kind.__name__} failed at attempt 3 of answer: One &lt;letter&gt;.</div>' in html
    assert f'<div class="lm-muted">{kind.__name__} repaired at attempt 2 of answer: One &lt;letter&gt;.</div>' in html


def test_rows_come_by_the_page_sorted_and_filtered():
    """Failures and the lowest scores first by default; any column, any kind, any words; counts of every kind."""
    report = report_of(1.0, 0.0, None, 1.0, 0.0)
    page = report.page(limit=2)
    assert [row["index"] for row in page["rows"]] == [2, 1]
    assert page["total"] == 5
    assert {name: n for name, n in page["counts"].items() if n} == {"failed": 1, "wrong": 2, "right": 2}
    assert [row["index"] for row in report.page(limit=2, offset=4)["rows"]] == [3]
    assert [row["index"] for row in report.page(sort="index", descending=True)["rows"]] == [4, 3, 2, 1, 0]
    assert [row["index"] for row in report.page(only="wrong", sort="index")["rows"]] == [1, 4]
    assert [row["index"] for row in report.page(search="TICKET 3")["rows"]] == [3]
    assert [row["index"] for row in report.page(search="keyerror")["rows"]] == [2]
    assert [row["index"] for row in report.page(sort="input", descending=True, limit=1)["rows"]] == [4]
    for wrong, words in ({"sort": "scor"}, "Did you mean 'score'"), ({"only": "bad"}, "write one of 'failed'"):
        with pytest.raises(lmnb.InputError, match=words):
            report.page(**wrong)


def test_long_values_are_cut_on_a_page():
    """A page stays small; the data keep the whole."""
    row = Row(0, lmnb.Example(ticket="x" * 9_000, team="A").with_inputs("ticket"), score=1.0)
    report = Report((row,), total=1)
    assert len(report.page()["rows"][0]["inputs"]["ticket"]) == 2_001
    assert len(report.to_dict()["rows"][0]["inputs"]["ticket"]) == 9_000


def test_a_page_against_another_report_says_what_changed():
    """Fixed, broken and unchanged rows with what the other program said."""
    after, before = report_of(1.0, 0.0, 1.0), report_of(0.0, 1.0, 1.0)
    page = after.page(against=before, sort="change")
    assert [(row["index"], row["change"], row["before"], row["before_score"]) for row in page["rows"]] == [
        (1, "broken", {"team": "A"}, 1.0),
        (0, "fixed", {"team": "B"}, 0.0),
        (2, "unchanged", {"team": "A"}, 1.0),
    ]
    assert [row["index"] for row in after.page(against=before, only="fixed")["rows"]] == [0]
    assert after.page()["counts"]["fixed"] == 0


def test_a_comparison_shows_itself():
    """Its words, then the rows that changed, the broken ones first."""
    shown = plain(report_of(1.0, 0.0, 1.0).compare(report_of(0.0, 1.0, 1.0))._repr_html_())
    assert "Router against Router +0.0 points" in shown
    assert shown.index("ticket 1") < shown.index("ticket 0")
    assert "ticket 2" not in shown


def test_suspect_labels_are_named_with_why():
    """Good programs that give one answer against a label, and the same inputs with two labels."""
    twice = [lmnb.Example(ticket="t", team=team).with_inputs("ticket") for team in ("A", "B", "A ")]
    assert Report(tuple(Row(n, one, score=1.0) for n, one in enumerate(twice)), total=3).suspects() == {
        0: "row 1 has the same inputs and another label",
        1: "row 0 has the same inputs and another label",
        2: "row 1 has the same inputs and another label",
    }
    shown = plain(Report(tuple(Row(n, one, score=1.0) for n, one in enumerate(twice)), total=3)._repr_html_())
    assert shown.count("suspect label: row") == 3
    good, other = report_of(1.0, 1.0, 0.0, 0.0), report_of(1.0, 0.0, 1.0, 0.0)
    assert good.suspects() == {}
    assert good.suspects(other) == {3: "2 programs give the same answer, and the metric calls it wrong"}
    assert good.suspects(report_of(0.0, 0.0, 0.0, 0.0)) == {}
    assert good.page(against=other)["counts"]["suspect"] == 1


def test_the_head_of_a_report_is_small():
    """What a panel needs before any row."""
    known = report_of(1.0, 0.0, None).snapshot()
    assert (known["rows"], known["failed"]) == (3, 1)
    assert known["distribution"] == {"low": 0.0, "high": 1.0, "counts": [2, *[0] * 8, 1], "plain": True}
    assert Report((), total=3, interrupted=True).snapshot()["distribution"] is None


def test_reports_of_two_programs_are_named_apart():
    """By class, by signature where the class is lmnb's own, and by what an optimizer made."""

    class Router(lmnb.Module):
        def forward(self, ticket):
            return lmnb.Prediction(team="otter")

    lm = lmnb.FakeLM(lambda messages, **options: {"team": "otter"})
    data = [lmnb.Example(ticket=f"t{n}", team="otter").with_inputs("ticket") for n in range(6)]
    one = lmnb.Predict("ticket -> team", lm=lm)
    tuned = lmnb.LabeledFewShot(k=2, metric=lmnb.evaluate.exact_match("team")).compile(one, trainset=data, valset=data)
    evaluate = lmnb.Evaluate(data, lmnb.evaluate.exact_match("team"))
    first, second, third = map(evaluate, (one, tuned, Router()))
    assert (first.program, third.program) == ("Predict(ticket -> team)", "Router")
    assert second.program == f"Predict(ticket -> team), {tuned.provenance['made_by']}"
    assert (
        f"{tuned.provenance['made_by']} against Predict(ticket -&gt; team)</strong>"
        in second.compare(first)._repr_html_()
    )
