"""The estimator that chooses combinations: properties of its densities, of what it suggests, and what it is good for."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnb.optimize.tpe import Mixture, Observation, free, split, suggest


@st.composite
def problems(draw):
    """Observations over a few dimensions, of which some categories are open."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    options = [sorted(draw(st.sets(st.integers(0, size - 1), min_size=1))) for size in sizes]
    seen = st.builds(
        Observation,
        st.tuples(*(st.integers(0, size - 1) for size in sizes)),
        st.floats(0, 1),
        st.floats(1, 300),
    )
    return draw(st.lists(seen, max_size=30)), options, draw(st.integers(0, 2**32))


@given(problems())
def test_a_mixture_is_a_density_over_what_is_open(problem):
    """Over all open choices it sums to 1, also where observations lie on categories that were closed since."""
    observations, options, _ = problem
    mixture = Mixture(observations, options, 10.0)
    assert sum(math.exp(mixture.log(choice)) for choice in itertools.product(*options)) == pytest.approx(1)


@given(problems(), st.data())
@settings(max_examples=60)
def test_a_suggestion_is_open_and_not_taken_and_there_is_one_while_any_is_left(problem, data):
    """None comes if and only if every open choice is taken; the same state gives the same choice."""
    observations, options, seed = problem
    everything = list(itertools.product(*options))
    taken = data.draw(st.sets(st.sampled_from(everything)))
    for choose in (
        lambda: suggest(observations, options, Random(seed), taken=taken),
        lambda: free(options, Random(seed), taken),
    ):
        chosen = choose()
        assert chosen == choose()
        assert (chosen is None) == (len(taken) == len(everything))
        assert chosen is None or (chosen in everything and chosen not in taken)


@given(problems(), st.floats(0.01, 100))
@settings(max_examples=40)
def test_only_the_ratio_of_weights_matters(problem, factor):
    """Ten times as many examples for every observation is the same evidence about which is better."""
    observations, options, _ = problem
    scaled = [Observation(each.choice, each.score, each.weight * factor) for each in observations]
    before, after = (Mixture(some, options, sum(e.weight for e in some) or 1.0) for some in (observations, scaled))
    for choice in itertools.product(*options):
        assert before.log(choice) == pytest.approx(after.log(choice))


@given(problems())
def test_the_best_tenth_is_good_and_at_most_25(problem):
    """The split keeps every observation, the good ones above the rest."""
    observations, *_ = problem
    good, rest = split(observations * 12)
    assert len(good) + len(rest) == 12 * len(observations)
    assert len(good) == min(25, (12 * len(observations) + 9) // 10)
    assert not good or not rest or min(each.score for each in good) >= max(each.score for each in rest)


def test_an_observation_weighs_by_its_examples():
    """What was scored on 300 examples makes its choice likelier than what was scored on 30."""
    mixture = Mixture([Observation((0,), 1.0, 30), Observation((1,), 1.0, 300)], [[0, 1, 2]], 165.0)
    assert mixture.log((1,)) > mixture.log((0,)) > mixture.log((2,))


def test_a_category_that_comes_later_is_a_choice_like_the_others():
    """Observations made before stay as they are; the new category is tried, and learned from like any other."""
    seen = [Observation((number % 3,), 0.1 * (number % 3), 20) for number in range(12)]
    drawn = {suggest(seen, [[0, 1, 2, 3]], Random(seed)) for seed in range(20)}
    assert (3,) in drawn
    good = [*seen, Observation((3,), 0.9, 20)]
    assert sum(suggest(good, [[0, 1, 2, 3]], Random(seed)) == (3,) for seed in range(20)) > 15


def searched(seed, chosen):
    """The best true value that a search of 40 noisy trials finds in 3 x 8 categories."""
    world, noise, rng = Random(f"world {seed}"), Random(f"noise {seed}"), Random(f"search {seed}")
    options = [list(range(8))] * 3
    worth = [[world.gauss(0, 1) for _ in range(8)] for _ in options]
    true, seen = {}, []
    for number in range(40):
        choice = chosen(number, seen, options, rng, true.keys())
        true[choice] = sum(values[n] for values, n in zip(worth, choice, strict=True))
        seen.append(Observation(choice, true[choice] + noise.gauss(0, 0.3), 35))
    return max(true.values()) - sum(max(values) for values in worth)


def test_it_beats_random_search():
    """On a noisy sum over three slots of 8 choices its regret after 40 trials is less than half of random search's, over 20 seeds."""

    def estimated(number, seen, options, rng, taken):
        return free(options, rng, taken) if number < 8 else suggest(seen, options, rng, taken=taken)

    ours = [searched(seed, estimated) for seed in range(20)]
    random = [searched(seed, lambda number, seen, options, rng, taken: free(options, rng, taken)) for seed in range(20)]
    assert sum(ours) > 0.5 * sum(random)  # regrets are negative
    assert sum(a > b for a, b in zip(ours, random, strict=True)) >= 14
