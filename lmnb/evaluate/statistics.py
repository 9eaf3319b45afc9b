"""How sure a score is: intervals of a mean, paired differences, and estimates shrunken for having been picked as best.

Everything is a pure function of its numbers: resampling is seeded, so the same scores give the same interval anywhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, pvariance

RESAMPLES = 2_000
CAUTION = 0.5  # of log-likelihood: one standard error
RESAMPLED_BELOW = 200  # from here on the normal interval agrees with the bootstrap's, in a hundredth of the time


def mean_interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """The confidence interval of the mean: Wilson's for scores that are all 0 or 1, else a seeded bootstrap.

    (nan, nan) for no values. Where the bootstrap says nothing, the range of the scores takes its place, 0..1 or wider: whole
    for one or two values, and for more that are all equal as much of it as a value that none of n showed may still have.

    >>> tuple(round(bound, 3) for bound in mean_interval([1] * 8 + [0] * 2))
    (0.49, 0.943)
    """
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    if all(value in (0, 1) for value in values):
        return wilson(sum(values), n, level=level)
    least, most = min(0.0, *values), max(1.0, *values)
    if n < 3:
        return least, most
    if min(values) == max(values):
        only, unseen = values[0], 1 - ((1 - level) / 2) ** (1 / n)  # the exact bound behind the "rule of three"
        return only - (only - least) * unseen, only + (most - only) * unseen
    return _interval(values, level, 0)


def wilson(successes: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927): honest also for few examples and near 0 and 1."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p, spread = successes / n, z * z / n
    middle = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap_interval(
    values: Sequence[float], *, level: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The percentile bootstrap of the mean (Efron 1979)."""
    n, rng = len(values), random.Random(seed)
    means = sorted(fmean(rng.choices(values, k=n)) for _ in range(resamples))
    tail = (1 - level) / 2
    return means[math.floor(tail * (resamples - 1))], means[math.ceil((1 - tail) * (resamples - 1))]


def _interval(values: Sequence[float], level: float, seed: int) -> tuple[float, float]:
    n = len(values)
    if n < RESAMPLED_BELOW:
        return bootstrap_interval(values, level=level, seed=seed)
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance(values) / n)
    middle = fmean(values)
    return max(min(values), middle - half), min(max(values), middle + half)


@dataclass(frozen=True, slots=True)
class Paired:
    """Scores of two programs on the same examples, second minus first; fixed, broken and unchanged hold positions."""

    mean: float
    low: float
    high: float
    fixed: tuple[int, ...]
    broken: tuple[int, ...]
    unchanged: tuple[int, ...]


def paired(before: Sequence[float], after: Sequence[float], *, level: float = 0.95, seed: int = 0) -> Paired:
    """The mean difference with its interval, and which examples got better (fixed) or worse (broken).

    Where every changed score changed by the same step, as those of 0 and 1 do, the interval is that of Bonett and Price
    (2012) for a paired difference of proportions; else a seeded bootstrap, or for one or two pairs the whole range, which
    they leave open. Without pairs all three numbers are nan.

    >>> change = paired([0, 0, 1, 1], [1, 0, 1, 0])
    >>> change.mean, change.fixed, change.broken, change.unchanged
    (0.0, (0,), (3,), (1, 2))
    """
    differences = [round(b - a, 12) for a, b in zip(before, after, strict=True)]  # 0.3 - 0.1 is the step 0.2 - 0.0
    if not differences:
        return Paired(math.nan, math.nan, math.nan, (), (), ())
    low, high = _difference_interval(differences, level, seed)
    return Paired(
        fmean(differences),
        low,
        high,
        tuple(i for i, d in enumerate(differences) if d > 0),
        tuple(i for i, d in enumerate(differences) if d < 0),
        tuple(i for i, d in enumerate(differences) if d == 0),
    )


def _difference_interval(differences: Sequence[float], level: float, seed: int) -> tuple[float, float]:
    n, largest = len(differences), max(map(abs, differences))
    bound, step = max(1.0, largest), largest or 1.0
    counted = all(abs(d) in (0, step) for d in differences)
    if n < 3 and not (counted and step == bound):
        return -bound, bound
    if not counted:
        return _interval(differences, level, seed)
    # A bootstrap of few changes is too narrow, and of none it is empty. Bonett and Price: one pair more that was fixed and
    # one that was broken, then the normal interval. So each change seen makes it wider, and no n makes it certain.
    more = [*differences, step, -step]
    middle = fmean(more)
    half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(fmean((d - middle) ** 2 for d in more) / (n + 2))
    mean = fmean(differences)
    return max(-bound, min(mean, middle - half)), min(bound, max(mean, middle + half))


def shrink(means: Sequence[float], ns: Sequence[int], variances: Sequence[float]) -> list[float]:
    """What to expect of each candidate on new data: empirical-Bayes estimates of the true means, in the order given.

    Each mean is drawn towards the mean of all by how much of the spread between candidates is noise (James and Stein
    1961). What is no noise is estimated by restricted maximum likelihood, which also holds where some candidates were
    stopped early for being bad, and taken at the lower end of its interval of one standard error: it is the best of
    many that is looked at, where doubt is due. `variances` are those of single scores within a candidate, `ns`
    how many scores it has. The best of many equal candidates is shown no gain by this, where its own mean shows one.

    >>> [round(m, 3) for m in shrink([0.4, 0.8], [100, 100], [0.24, 0.16])]
    [0.411, 0.792]
    """
    count = len(means)
    if not count:
        return []
    if not count == len(ns) == len(variances):
        raise ValueError(f"shrink needs one n and one variance a mean, not {count}, {len(ns)} and {len(variances)}")
    if any(n < 1 for n in ns):
        raise ValueError("shrink needs candidates with at least one score")
    if count == 1:
        return list(means)
    # a candidate whose few scores agree by chance would claim no noise at all: its variance is pooled with the others'
    pooled = math.fsum(v * n for v, n in zip(variances, ns, strict=True)) / sum(ns)
    # and no noise at all is no number to divide by
    noise = [max(1e-12, (v * n + pooled * 2) / (n + 2) / n) for v, n in zip(variances, ns, strict=True)]
    between = _between(means, noise)
    if between == 0.0:
        weights = [1 / e for e in noise]
        return [math.fsum(w * m for w, m in zip(weights, means, strict=True)) / math.fsum(weights)] * count
    weights = [1 / (between + e) for e in noise]
    centre = math.fsum(w * m for w, m in zip(weights, means, strict=True)) / math.fsum(weights)
    return [centre + between / (between + e) * (m - centre) for m, e in zip(means, noise, strict=True)]


def _between(means: Sequence[float], noise: Sequence[float]) -> float:
    """The variance of the true means, cautiously: the least that the data do not speak against; 0 where all may be noise."""
    alike: dict[float, list[float]] = {}
    for mean, error in zip(means, noise, strict=True):
        alike.setdefault(error, []).append(mean)
    groups = [(error, len(group), fmean(group), len(group) * pvariance(group)) for error, group in alike.items()]

    def likelihood(between: float) -> float:
        weights = [count / (between + error) for error, count, _, _ in groups]
        centre = math.fsum(w * middle for w, (*_, middle, _) in zip(weights, groups, strict=True)) / math.fsum(weights)
        parts = (
            count * math.log(between + error) + (squares + count * (middle - centre) ** 2) / (between + error)
            for error, count, middle, squares in groups
        )
        return -0.5 * (math.fsum(parts) + math.log(math.fsum(weights)))

    centre = fmean(means)
    most = max((mean - centre) ** 2 for mean in means) + 1e-12
    best = _search(likelihood, 0.0, most)
    enough = likelihood(best) - CAUTION * max(0.0, 1 - 3 / len(means))
    if likelihood(0.0) >= enough:
        return 0.0
    low, high = 0.0, best
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if likelihood(middle) >= enough else (middle, high)
    return high


def _search(value: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one hump is highest, by golden sections."""
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if value(left) >= value(right) else (left, high)
    return (low + high) / 2


def variance(values: Sequence[float]) -> float:
    """The sample variance of single scores (n - 1), 0.0 for fewer than two: what `shrink` takes."""
    n = len(values)
    if n < 2:
        return 0.0
    centre = fmean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (n - 1)
