"""Intervals, paired differences and shrunken estimates, against simulation and published values."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.evaluate.statistics import bootstrap_interval, mean_interval, paired, shrink, variance, wilson


def test_wilson_agrees_with_published_values():
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for (found, n), bounds in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson(found, n) == pytest.approx(bounds, abs=1e-4)


def test_scores_of_0_and_1_get_wilsons_interval():
    """A share near 1 keeps an upper end of at most 1 and a lower end below it."""
    assert mean_interval([1.0] * 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert mean_interval([True] * 8 + [False] * 2) == pytest.approx(wilson(8, 10))


def test_other_scores_get_a_bootstrap():
    """The interval of an even spread is about two standard errors to each side, and the same each time."""
    rng = random.Random(3)
    values = [rng.random() for _ in range(150)]
    low, high = mean_interval(values)
    half = 1.96 * math.sqrt(variance(values) / 150)
    middle = sum(values) / 150
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=0.01)
    assert mean_interval(values) == (low, high)


def test_large_samples_agree_with_their_bootstrap():
    """From 200 values on the normal interval is taken; it is the bootstrap's to a few thousandths."""
    rng = random.Random(4)
    values = [rng.random() ** 2 for _ in range(300)]
    assert mean_interval(values) == pytest.approx(bootstrap_interval(values), abs=0.005)


def test_no_values_have_no_interval():
    """An empty list is no crash."""
    assert all(math.isnan(bound) for bound in mean_interval([]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_interval_holds_the_mean(values):
    """Whatever the scores, low <= mean <= high, up to rounding."""
    low, high = mean_interval(values)
    assert low - 1e-9 <= sum(values) / len(values) <= high + 1e-9


def test_coverage_is_near_the_level():
    """Of 300 simulated evaluations about 95 in 100 intervals hold the true mean."""
    rng = random.Random(1)
    hits = 0
    for _ in range(300):
        low, high = mean_interval([rng.random() < 0.7 for _ in range(60)])
        hits += low <= 0.7 <= high
    assert 0.92 <= hits / 300 <= 0.985


def test_paired_says_which_examples_changed():
    """Fixed, broken and unchanged hold positions; the difference is second minus first."""
    change = paired([0, 1, 0.5, 1, 0], [1, 0, 0.5, 1, 1])
    assert (change.fixed, change.broken, change.unchanged) == ((0, 4), (1,), (2, 3))
    assert change.mean == pytest.approx(0.2)
    assert change.low <= change.mean <= change.high


def test_paired_is_narrower_than_two_separate_intervals():
    """Two programs that fail on the same examples are told apart by the few where they differ."""
    before = [1.0] * 50 + [0.0] * 50
    after = [1.0] * 62 + [0.0] * 38
    change = paired(before, after)
    assert change.low > 0
    assert mean_interval(before)[1] > mean_interval(after)[0]


@pytest.mark.parametrize(("before", "after", "sign"), [(0, 0, 0), (0, 1, 1), (1, 0, -1)])
def test_equal_differences_still_have_an_interval(before, after, sign):
    """Ten examples that all behave alike do not prove that all examples do."""
    change = paired([before] * 10, [after] * 10)
    assert change.mean == sign
    assert change.high - change.low > 0.2
    assert change.low <= sign <= change.high


def test_paired_agrees_with_the_published_formula():
    """Bonett and Price 2012, equation 5, worked out by hand: 10 pairs of which 3 fixed and 1 broken; 100 with none."""
    change = paired([0, 0, 0, 1] + [1] * 6, [1, 1, 1, 0] + [1] * 6)
    fixed, broken = 4 / 12, 2 / 12
    half = 1.959964 * math.sqrt((fixed + broken - (fixed - broken) ** 2) / 12)
    assert (change.low, change.high) == pytest.approx((fixed - broken - half, fixed - broken + half), abs=1e-6)
    still = paired([1] * 100, [1] * 100)
    assert (still.low, still.high) == pytest.approx((-0.0272, 0.0272), abs=1e-4)


@pytest.mark.parametrize("n", [3, 10, 30, 100, 300])
def test_more_changes_leave_more_open(n):
    """Nothing fixed and nothing broken is the narrowest; each pair of a fixed and a broken example makes it wider."""
    widths = []
    for pairs in range(min(n // 2, 6) + 1):
        before = [0.0] * pairs + [1.0] * (n - pairs)
        after = [1.0] * pairs + [0.0] * pairs + [1.0] * (n - 2 * pairs)
        change = paired(before, after)
        assert change.mean == 0 and change.low == pytest.approx(-change.high)
        widths.append(change.high - change.low)
    assert widths == sorted(widths) and len(set(widths)) == len(widths)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (1, 1), (0.4, 0.5), (0, 100)])
def test_one_or_two_pairs_prove_nothing(n, before, after):
    """Whatever one or two examples show, no difference at all is still possible, and so is a large one."""
    change = paired([before] * n, [after] * n)
    assert change.low <= 0 <= change.high and change.high - change.low > 0.9
    assert change.low <= change.mean <= change.high


def test_no_pairs_have_no_difference():
    """Nothing compared is no number, and no crash."""
    change = paired([], [])
    assert all(math.isnan(number) for number in (change.mean, change.low, change.high))
    assert (change.fixed, change.broken, change.unchanged) == ((), (), ())


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_paired_interval_holds_what_it_promises(n):
    """Added up over every outcome of n pairs, it holds the true difference 94 times in 100 and more, in the mean over 28 truths."""
    shares = [k / 10 for k in range(10)]
    truths = [(up, down) for up in shares for down in shares if down <= up and up + down < 1]
    found = {}
    for fixed in range(n + 1):
        for broken in range(n + 1 - fixed):
            same = n - fixed - broken
            change = paired([0] * fixed + [1] * broken + [1] * same, [1] * fixed + [0] * broken + [1] * same)
            ways = math.comb(n, fixed) * math.comb(n - fixed, broken)
            found[fixed, broken] = ways, change.low, change.high
    held = []
    for up, down in truths:
        rest = 1 - up - down
        chances = (
            (up**f * down**b * rest ** (n - f - b) * ways, low, high) for (f, b), (ways, low, high) in found.items()
        )
        held.append(math.fsum(chance for chance, low, high in chances if low - 1e-9 <= up - down <= high + 1e-9))
    assert sum(held) / len(held) >= 0.94
    assert min(held) >= 0.88


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0.5, 0.999))
def test_the_paired_interval_holds_the_mean(pairs, level):
    """Whatever the scores and the level, low <= mean <= high, up to rounding."""
    change = paired([before for before, _ in pairs], [after for _, after in pairs], level=level)
    assert change.low - 1e-9 <= change.mean <= change.high + 1e-9


def test_steps_that_differ_only_by_rounding_are_one_step():
    """0.3 - 0.2 and 0.2 - 0.1 are no two differences to resample."""
    change = paired([0.1, 0.2, 0.3] * 4, [0.2, 0.3, 0.4] * 4)
    assert change.low < 0.08 and change.high > 0.11


def test_equal_graded_scores_still_have_an_interval():
    """Ten examples that all score 0.5 leave open what an eleventh scores; more of them leave less."""
    few, many = mean_interval([0.5] * 10), mean_interval([0.5] * 100)
    assert few[0] < 0.4 and few[1] > 0.6
    assert few[0] < many[0] < 0.5 < many[1] < few[1]


def test_paired_refuses_lists_of_different_length():
    """Pairs need partners."""
    with pytest.raises(ValueError, match="longer"):
        paired([1], [1, 2])


def simulate(rng, truths, n):
    scores = [[float(rng.random() < truth) for _ in range(n)] for truth in truths]
    return [sum(row) / n for row in scores], [n] * len(truths), [variance(row) for row in scores]


def test_the_best_of_equal_programs_shows_no_gain():
    """19 equal programs on 50 examples: their best seems 13 points better, shrunken it is within 3 points."""
    rng = random.Random(0)
    raw, shrunk = [], []
    for _ in range(40):
        means, ns, variances = simulate(rng, [0.5] * 19, 50)
        raw.append(max(means) - 0.5)
        shrunk.append(max(shrink(means, ns, variances)) - 0.5)
    assert sum(raw) / 40 > 0.11
    assert sum(shrunk) / 40 < 0.035


def test_shrinking_comes_closer_to_the_truth():
    """With programs that do differ, the error of the estimates falls and the best one stays clearly above the rest."""
    rng = random.Random(2)
    truths = [0.4 + 0.03 * i for i in range(12)]
    raw = shrunk = 0.0
    for _ in range(40):
        means, ns, variances = simulate(rng, truths, 50)
        better = shrink(means, ns, variances)
        raw += sum((m - t) ** 2 for m, t in zip(means, truths, strict=True))
        shrunk += sum((m - t) ** 2 for m, t in zip(better, truths, strict=True))
        assert max(better) > 0.55
    assert shrunk < raw


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 200), st.floats(0, 0.25)), min_size=1, max_size=12))
def test_shrunken_estimates_stay_between_the_means(rows):
    """No estimate leaves the range of the means that it was made of, in any order of size."""
    means, ns, variances = (list(column) for column in zip(*rows, strict=True))
    estimates = shrink(means, ns, variances)
    assert len(estimates) == len(means)
    assert all(min(means) - 1e-9 <= e <= max(means) + 1e-9 for e in estimates)


def test_shrink_refuses_what_does_not_fit():
    """Lists of different length and candidates without scores are refused; none and one are no case for shrinking."""
    with pytest.raises(ValueError, match="one n and one variance a mean"):
        shrink([0.5, 0.6], [10], [0.1, 0.1])
    with pytest.raises(ValueError, match="at least one score"):
        shrink([0.5, 0.6], [10, 0], [0.1, 0.1])
    assert shrink([], [], []) == []
    assert shrink([0.7], [10], [0.2]) == [0.7]
