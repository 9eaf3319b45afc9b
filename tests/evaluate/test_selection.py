"""What choosing the best of several candidates gains, judged without the examples that chose it."""

from __future__ import annotations

import random

import pytest

from lmnb.evaluate.selection import selection_gain


def equal(rng, n, candidates, alike):
    """Scores of equally good candidates, which agree by more than chance on a share of the examples."""
    base = [float(rng.random() < 0.6) for _ in range(n)]
    return [[b if rng.random() < alike else float(rng.random() < 0.6) for b in base] for _ in range(candidates)]


@pytest.mark.parametrize(("n", "candidates", "alike"), [(20, 12, 0.0), (50, 12, 0.4), (100, 20, 0.0), (200, 4, 0.3)])
def test_equal_candidates_show_a_gain_in_one_run_of_twenty_at_most(n, candidates, alike):
    """Of equal candidates the apparent gain is large, and an interval above 0 is as rare as it claims to be."""
    runs = [
        selection_gain(equal(random.Random(f"data {seed}"), n, candidates, alike), seed=seed) for seed in range(300)
    ]
    assert sum(run.held_out.low > 0 for run in runs) / len(runs) <= 0.05
    assert abs(sum(run.held_out.mean for run in runs) / len(runs)) < 0.015
    assert sum(run.apparent for run in runs) / len(runs) > 0.02


def test_a_real_gain_is_found():
    """A candidate that is right where the baseline is wrong is seen to be better, and by how much."""
    found = 0
    for seed in range(50):
        rng = random.Random(f"data {seed}")
        rows = equal(rng, 100, 12, 0.3)
        rows[7] = [1.0 if rng.random() < 0.9 else score for score in rows[7]]
        gain = selection_gain(rows, seed=seed)
        found += gain.held_out.low > 0 and gain.chosen == 7
    assert found >= 48


def test_the_baseline_alone_gains_nothing():
    """With nothing to choose, and with twins of the baseline, the gain is 0 and its interval holds 0."""
    for rows in ([[1.0, 0.0, 1.0]], [[1.0, 0.0, 1.0]] * 3):
        gain = selection_gain(rows)
        assert (gain.chosen, gain.apparent, gain.held_out.mean) == (
            0,
            0.0,
            0.0,
        ) and gain.held_out.low < 0 < gain.held_out.high


def test_rows_of_different_length_are_refused():
    """Candidates are compared on the same examples."""
    with pytest.raises(ValueError, match="all on the same examples"):
        selection_gain([[1.0, 0.0], [1.0]])
