"""The shift report: what differs between the parts of a data set, and what only seems to."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest

import lmnb
from lmnb.data import shift
from lmnb.data.shifts import fisher, mann_whitney

WORDS = "the order arrived late and my card was charged again please help with password login invoice refund".split()


def tickets(count, seed, *, team=(1, 1, 1), more=(), amount=100.0):
    """Random tickets whose teams are drawn with these weights, some words in each, an amount around a mean."""
    rng = random.Random(seed)
    return [
        lmnb.Example(
            ticket=" ".join([*rng.choices(WORDS, k=8), *more, str(rng.random())]),
            team=rng.choices(["otter", "heron", "lynx"], team)[0],
            amount=rng.gauss(amount, 10),
        ).with_inputs("ticket", "amount")
        for _ in range(count)
    ]


def test_parts_of_one_distribution_show_no_shift():
    """Of thirty pairs drawn alike no more than a few show anything, however many words are tested."""
    shown = [shift(tickets(60, 2 * seed), tickets(60, 2 * seed + 1)) for seed in range(30)]
    assert sum(bool(found.differences) for found in shown) <= 3
    assert "no shift shown: of" in repr(next(found for found in shown if not found.differences))


def test_labels_words_lengths_numbers_and_groups_that_differ_are_named():
    """Each kind of difference is found, with its size in both parts, the surest first."""
    train = tickets(80, 1)
    val = tickets(80, 2, team=(8, 1, 1), more=("urgent", "quarterly", "statement"), amount=130)
    found = shift(train, val, group=lambda example: "late" if example.amount > 120 else "early")
    by = {(each.field, each.kind, each.name): each for each in found.differences}
    otter = by["team", "value", "otter"]
    assert otter.share_b == sum(row.team == "otter" for row in val) / 80 > otter.share_a + 0.3
    assert by["ticket", "word", "urgent"].share_a == 0.0 and by["ticket", "word", "urgent"].share_b == 1.0
    assert by["amount", "number", ""].share_b > by["amount", "number", ""].share_a + 20
    assert {("ticket", "length", ""), ("group", "group", "late")} <= by.keys()
    assert [each.q for each in found.differences] == sorted(each.q for each in found.differences)
    assert "ticket: word 'urgent' 0 % of train, 100 % of val" in repr(found)


def test_three_parts_are_compared_two_by_two():
    """With held-out examples all three pairs are tested, and examples that stand in two parts are counted."""
    train, val = tickets(40, 1), tickets(40, 2)
    found = shift(train, val, [*tickets(40, 3, team=(0, 0, 1)), *train[:5]])
    assert {(each.a, each.b) for each in found.differences} == {("train", "heldout"), ("val", "heldout")}
    assert found.repeated == {("train", "val"): 0, ("train", "heldout"): 5, ("val", "heldout"): 0}
    assert "5 examples of heldout stand in train too" in repr(found)


def test_a_shift_is_a_table_and_a_frame():
    """In a cell the differences stand in rows; the frame has all that was tested."""
    found = shift(tickets(40, 1), tickets(40, 2, more=("<b>urgent</b>",)))
    assert "val 100 %" in found._repr_html_() and "urgent" in found._repr_html_()
    frame = found.to_pandas()
    assert len(frame) == len(found.tested) > len(found.differences) and frame["q"].is_monotonic_increasing


def test_what_cannot_be_compared_is_refused():
    """An empty part and a group that examples lack."""
    with pytest.raises(lmnb.InputError, match="val is empty"):
        shift(tickets(3, 1), [])
    with pytest.raises(lmnb.InputError, match="has no field 'customer'"):
        shift(tickets(3, 1), tickets(3, 2), group="customer")


def test_the_tests_agree_with_tables():
    """Fisher's tea taster, and rank tests with and without ties, by their published or hand-counted values."""
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher(0, 5, 5, 5) == pytest.approx(2 / 252)
    assert mann_whitney([1, 2, 3], [1, 2, 3]) == 1.0
    z = (7 - 0.5) / math.sqrt(4 * 4 / 12 * (9 - 54 / 56))  # U is 1 and not 8; ties of 2, 3 and 3
    assert mann_whitney([1, 1, 2, 2], [2, 3, 3, 3]) == pytest.approx(2 * NormalDist().cdf(-z))


def test_rows_that_are_no_examples_are_refused_and_numbers_that_are_missing_are_left_out():
    """A dict is told what to write; NaN is no value that examples could share, and no mean is NaN."""
    with pytest.raises(lmnb.InputError, match=r"train\[0\] is \{'a': 1\}, not an Example\. Write lmnb\.Example\(row\)"):
        shift([{"a": 1}], [{"a": 2}])
    parts = [[lmnb.Example(a=math.nan if n % 2 else float(n % 7 + low)) for n in range(60)] for low in (0, 9)]
    found = shift(*parts)
    number = next(each for each in found.differences if each.kind == "number")
    assert 0 < number.share_a < number.share_b and number.p < 0.001
    assert not any(math.isnan(each.share_a) or each.name == "NaN" for each in found.tested)
