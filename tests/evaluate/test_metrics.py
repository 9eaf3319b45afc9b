"""Metrics for text, and how a metric of any form is called."""

from __future__ import annotations

import enum

import pytest

import lmnb
from lmnb.evaluate import (
    EM,
    F1,
    HotPotF1,
    answer_exact_match,
    answer_hotpot_f1,
    answer_passage_match,
    exact_match,
    normalize_text,
)
from lmnb.evaluate.metrics import call_of


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Eiffel  Tower!", "eiffel tower"),
        ("An apple, a pear", "apple pear"),
        ("theatre", "theatre"),
        ("É", "e\u0301"),
        (5, "5"),
        ("", ""),
    ],
)
def test_normalizing_drops_case_punctuation_and_articles(text, normal):
    """Answers that differ in form only become equal."""
    assert normalize_text(text) == normal


def test_em_and_f1():
    """EM wants equality with any answer, F1 the overlap of words with the best one."""
    assert EM("The cat", ["dog", "cat!"])
    assert not EM("cats", ["cat"])
    assert F1("big red cat", ["a red dog", "nothing"]) == pytest.approx(0.4)
    assert F1("", [""]) == 1.0
    assert F1("x", [""]) == 0.0
    assert F1("x", []) == 0.0


def test_answer_exact_match_takes_one_answer_or_several():
    """As the field knows it: the field `answer`, and `frac` for F1."""
    pred = lmnb.Prediction(answer="The red cat")
    assert answer_exact_match(lmnb.Example(answer="red cat"), pred)
    assert answer_exact_match(lmnb.Example(answer=["dog", "red cat"]), pred)
    assert not answer_exact_match(lmnb.Example(answer="red dog"), pred)
    assert answer_exact_match(lmnb.Example(answer="red dog"), pred, frac=0.5)


@pytest.mark.parametrize(
    ("found", "wanted", "score"),
    [
        ("Yes.", ["yes"], 1.0),
        ("yes, both", ["yes"], 0.0),
        ("no", ["no one"], 0.0),
        ("noanswer", ["no answer"], 0.0),
        ("no way", ["way"], 2 / 3),
        ("the red cat", ["yes", "red cat"], 1.0),
        ("red cat", [], 0.0),
    ],
)
def test_hotpot_f1_is_strict_about_yes_and_no(found, wanted, score):
    """Against yes, no and noanswer only equality counts, on either side; else it is F1."""
    assert HotPotF1(found, wanted) == pytest.approx(score)
    assert answer_hotpot_f1(lmnb.Example(answer=wanted), lmnb.Prediction(answer=found)) == pytest.approx(score)


@pytest.mark.parametrize(
    ("answer", "context", "there"),
    [
        ("Paris", ["Nothing.", "The capital is Paris."], True),
        ("the Eiffel Tower", ["see the EIFFEL  tower!"], True),
        ("Eiffel Tower", ["a tower by Eiffel"], False),
        ("art", ["Paris", "party"], False),
        (["Rome", "Paris"], ["in Paris"], True),
        ("Paris", "in Paris, by the Seine", True),
        ("cafe", ["the caf\u00e9"], False),
        ("caf\u00e9", ["the cafe\u0301"], True),
        ("Paris", ["London\u2014Paris"], True),
        (1889, ["opened in 1889"], True),
        ("the", ["the end"], False),
        ("Paris", [], False),
    ],
)
def test_passage_match_wants_the_answer_as_whole_words(answer, context, there):
    """Words next to each other, in one passage; case, articles, punctuation and how accents are written do not count."""
    assert answer_passage_match(lmnb.Example(answer=answer), lmnb.Prediction(context=context)) is there


def test_passage_match_names_the_field_that_is_missing():
    """A program that does not give its passages cannot be scored by them."""
    with pytest.raises(lmnb.InputError, match="the prediction has no field 'context'; it has: answer"):
        answer_passage_match(lmnb.Example(answer="a"), lmnb.Prediction(answer="a"))


class Team(enum.Enum):
    ACCESS = "Access"


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("Access", "access", True),
        (5, "5", True),
        (5, 5.0, True),
        (True, "true", True),
        (["a", "b"], ["A", "b"], True),
        (["a", "b"], ["b", "a"], False),
        ("Access", Team.ACCESS, True),
        (Team.ACCESS, "Billing", False),
        ({"a": 1}, {"a": 1}, True),
        (None, None, True),
    ],
)
def test_exact_match_compares_typed_fields(wanted, found, same):
    """Text is normalized; numbers, lists, enums and records are compared as what they are."""
    assert exact_match("team")(lmnb.Example(team=wanted), lmnb.Prediction(team=found)) is same


def test_exact_match_of_several_fields_wants_all():
    """One wrong field is a miss."""
    metric = exact_match("team", "urgent")
    assert metric.__name__ == "exact_match('team', 'urgent')"
    assert metric(lmnb.Example(team="A", urgent=True), lmnb.Prediction(team="a", urgent=True))
    assert not metric(lmnb.Example(team="A", urgent=True), lmnb.Prediction(team="a", urgent=False))


def test_a_missing_field_is_named():
    """A typing error in a field name is no silent miss."""
    with pytest.raises(lmnb.InputError, match="the prediction has no field 'team'; it has: answer"):
        exact_match("team")(lmnb.Example(team="A"), lmnb.Prediction(answer="A"))
    with pytest.raises(lmnb.InputError, match="the example has no field 'team'; it has: none"):
        exact_match("team")(lmnb.Example(), lmnb.Prediction(team="A"))
    with pytest.raises(lmnb.InputError, match=r"Write it as exact_match\('team'\)"):
        exact_match()


def two(example, prediction):
    return example, prediction


def three(example, prediction, trace=None):
    return example, prediction, trace


def four(example, prediction, trace=None, frac=1.0):
    return example, prediction, trace, frac


def gepa(gold, pred, trace, pred_name, pred_trace):
    return gold, pred, trace, pred_name, pred_trace


def gepa_optional(gold, pred, trace=None, pred_name=None, pred_trace=None):
    return gold, pred, trace, pred_name, pred_trace


def five_optional(gold, pred, trace=None, frac=1.0, field="answer"):
    return gold, pred, trace, frac, field


class AsObject:
    def __call__(self, example, prediction, trace=None):
        return example, prediction, trace


@pytest.mark.parametrize(
    ("metric", "seen"),
    [
        (two, (1, 2)),
        (three, (1, 2, 3)),
        (four, (1, 2, 3, 1.0)),
        (gepa, (1, 2, 3, None, None)),
        (gepa_optional, (1, 2, 3, None, None)),
        (five_optional, (1, 2, 3, 1.0, "answer")),
        (AsObject(), (1, 2, 3)),
        (lambda *a: a, (1, 2, 3)),
        (lambda e, p, **k: (e, p), (1, 2)),
        (max, 2),
    ],
)
def test_each_form_gets_its_arguments(metric, seen):
    """Two, three and five parameters, optional ones, objects, varargs and builtins."""
    assert call_of(metric)(1, 2, 3) == seen


def test_another_form_is_refused_with_words():
    """A metric that cannot be called says so once, with the form to write."""
    with pytest.raises(lmnb.InputError, match=r"the metric one\(example\) cannot be called. Write it as def metric"):
        call_of(one)
    with pytest.raises(lmnb.InputError, match=r"the metric needs_four\(a, b, c, d\) cannot be called"):
        call_of(needs_four)


def one(example):
    return 1


def needs_four(a, b, c, d):
    return 1
