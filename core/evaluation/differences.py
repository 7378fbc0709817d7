"""How much two sides differ on the same samples, and how sure that is: exact tests, bootstrap, t over seeds."""

import math

import numpy as np

from core.evaluation import metrics, resampling
from core.evaluation.pairing import Paired

SIGNIFICANCE = 0.05
POWER = 0.8
TINY = 1e-12  # of a metric: rounding, no difference
TAILS = (SIGNIFICANCE / 2, SIGNIFICANCE)  # of the 95% interval, and of the 90% interval of two one-sided tests


def of_two(pair: Paired, metric: str) -> dict:
    """Value of each, difference with intervals and p, for one predictor against one."""
    a, b = (metrics.softmax(side[0]) for side in (pair.a, pair.b))
    right_a, right_b = (side[0].argmax(axis=1) == pair.targets for side in (pair.a, pair.b))
    losses, gains = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    if metric == "accuracy":
        value_a, value_b = float(right_a.mean()), float(right_b.mean())
        ends = [paired_interval(losses, gains, pair.n, 1 - 2 * tail) for tail in TAILS]
        # few flips would plan for too few samples: one more counts; Agresti and Min 2005, Statistics in Medicine 24:729
        share = (losses + gains + 1) / (pair.n + 2) if losses + gains else 0.0
        return _found(
            value_a,
            value_b,
            *ends,
            mcnemar(losses, gains),
            share - (value_b - value_a) ** 2,
            "exact McNemar",
        )
    value_a, value_b = (_value(metric, pair.targets, y_prob) for y_prob in (a, b))
    spread = math.sqrt(resampling.resample(metric, pair.targets, [a, b]).variance([-1, 1]))
    spread *= math.sqrt(pair.n / max(1, pair.n - a.shape[1]))  # classes of fixed size vary a little less than they may
    method, difference = "t with the spread of a paired bootstrap", value_b - value_a
    if spread < TINY:  # all samples change alike, mostly not at all: other samples may all the same
        ends = [difference + np.array(paired_interval(losses, gains, pair.n, 1 - 2 * tail)) for tail in TAILS]
        return _found(value_a, value_b, *ends, 1.0 if abs(difference) < TINY else 0.0, 0.0, method)
    ends, p = _student(difference, spread, max(1, _n_different(metric, a, b) - 1))
    return _found(value_a, value_b, *ends, p, spread**2 * pair.n, method)


def _n_different(metric: str, a: np.ndarray, b: np.ndarray) -> int:
    """Samples that tell of a difference: those that are called another class, where only decisions count, else all."""
    return int((a.argmax(axis=1) != b.argmax(axis=1)).sum()) if metric in metrics.OF_COUNTS else len(a)


def _student(difference: float, spread: float, freedom: float) -> tuple[list[np.ndarray], float]:
    """95% and 90% interval (low, high) of a difference with this standard error, and the two-sided p, after Student."""
    from scipy.stats import t

    ends = [difference + np.array([-1, 1]) * float(t.ppf(1 - tail, freedom)) * spread for tail in TAILS]
    return ends, float(2 * t.sf(abs(difference) / spread, freedom))


# ---------------------------------------------------------------------------------------------------- seeds


def over_seeds(pair: Paired, metric: str) -> dict:
    """As `of_two` for the means over seeds: the variances between seeds and between samples are added up.

    What varies between runs because each errs on other samples is in both, and is counted once, as in a layout of
    runs crossed with samples. Degrees of freedom after Satterthwaite 1946, "An approximate distribution of estimates of
    variance components", Biometrics Bulletin 2:110, of what was measured, before the subtraction, so that few seeds
    do not promise more than they can. A side of one run is taken to vary as the other side does.
    """
    sides = [[metrics.softmax(logits) for logits in side] for side in (pair.a, pair.b)]
    values = [np.array([_value(metric, pair.targets, y_prob) for y_prob in side]) for side in sides]
    value_a, value_b = (float(side.mean()) for side in values)
    together = resampling.resample(metric, pair.targets, [*sides[0], *sides[1]])
    shares = np.repeat([-1 / len(pair.a), 1 / len(pair.b)], [len(pair.a), len(pair.b)])
    samples = together.variance(shares)
    if samples < TINY**2:  # no sample flipped in any run: as much as one flipped sample would give
        samples = 1 / pair.n**2
    seeds = _between_seeds(values, _apart(together, sides))
    total = samples + sum(variance for variance, _, _ in seeds)
    known = [(whole, df) for _, whole, df in seeds] + [(samples, max(1, pair.n - 1))]
    freedom = total**2 / sum(variance**2 / df for variance, df in known)
    ends, p = _student(value_b - value_a, math.sqrt(total), freedom)
    found = _found(value_a, value_b, *ends, p, samples * pair.n, "t over seeds and samples")
    return {**found, "fixed": total - samples}


def _apart(together: resampling.Together, sides: list[list]) -> list[float]:
    """For each side, how much one run varies around the mean of its seeds because it errs on other samples."""
    found, start, n = [], 0, len(together.rows)
    for side in sides:
        k = len(side)
        mean = np.zeros(n)
        mean[start : start + k] = 1 / k
        ones = np.eye(n)[start : start + k]
        found.append(sum(together.variance(one - mean) for one in ones) / max(1, k - 1))
        start += k
    return found


def _between_seeds(values: list[np.ndarray], apart: list[float]) -> list[tuple[float, float, int]]:
    """Of each side's mean: its variance from seeds alone, the same with what runs err apart, and degrees of freedom."""
    own = [
        (max(0.0, float(side.var(ddof=1)) - less), float(side.var(ddof=1)), len(side) - 1) if len(side) > 1 else None
        for side, less in zip(values, apart)
    ]
    known = [one for one in own if one is not None]
    if len(known) == len(own):
        return [(alone / len(side), whole / len(side), df) for (alone, whole, df), side in zip(known, values)]
    alone, whole, df = known[0]
    share = sum(1 / len(side) for side in values)
    return [(alone * share, whole * share, df)]


def mcnemar(n_losses: int, n_gains: int) -> float:
    """Exact two-sided p of McNemar's test: how even a coin would fall so among the samples that flipped.

    n_losses, n_gains : samples that only A, and that only B, gets right
    Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions".
    """
    from scipy.stats import binomtest

    n = n_losses + n_gains
    return float(binomtest(n_gains, n).pvalue) if n else 1.0


def paired_interval(n_losses: int, n_gains: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Tango's score interval of the difference of two accuracies on the same n samples, in [-1, 1].

    It is wider than a point also where no sample flipped: then +-z**2 / (n + z**2).
    Source: Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17:891, eq. 3 and 4.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    z, b, c = float(norm.ppf((1 + confidence) / 2)), n_gains, n_losses

    def score(delta):
        linear = -b - c + (2 * n - b + c) * delta
        root = linear**2 + 8 * n * c * delta * (1 - delta)
        share = (math.sqrt(max(0.0, root)) - linear) / (4 * n)  # of A's gains, most likely under this difference
        variance = n * (2 * share + delta * (1 - delta))
        return (b - c - n * delta) / math.sqrt(max(variance, 1e-12))

    seen, edge = (b - c) / n, 1 - 1e-9
    low = -1.0 if score(-edge) < z else brentq(lambda delta: score(delta) - z, -edge, seen)
    high = 1.0 if score(edge) > -z else brentq(lambda delta: score(delta) + z, seen, edge)
    return low, high


def needed(difference: float, variance: float, margin: float, fixed: float = 0.0) -> int | None:
    """Samples with which 80% of comparisons would tell, were the difference as seen; None if no number is enough.

    variance : of the difference of one sample;  fixed : variance that more samples do not lessen (between seeds)
    The smaller of two numbers: for a difference at 5% two-sided, and for equivalence within the margin.
    Sources: Connor 1987, "Sample size for testing differences in proportions for the paired-sample design",
    Biometrics 43:207 (the share of flipped samples is variance + difference**2); Julious 2004, "Sample sizes for
    clinical trials with normal data", Statistics in Medicine 23:1921.
    """
    from scipy.stats import norm

    z_two, z_one, z_power = (float(norm.ppf(q)) for q in (1 - SIGNIFICANCE / 2, 1 - SIGNIFICANCE, POWER))
    found = []
    if difference:
        flipped = variance + difference**2
        if fixed:
            flipped = variance  # Connor's refinement is for one run against one
        left = difference**2 - fixed * (z_two + z_power) ** 2
        if left > 0:
            found.append((z_two * math.sqrt(flipped) + z_power * math.sqrt(variance)) ** 2 / left)
    if margin > abs(difference):
        z = z_one + float(norm.ppf((1 + POWER) / 2))  # both sides must hold
        left = (margin - abs(difference)) ** 2 - fixed * z**2
        if left > 0:
            found.append(z**2 * variance / left if variance else z_one**2 * (1 - margin) / margin)
    return math.ceil(min(found)) if found else None


def _found(a, b, outer, inner, p, variance, method) -> dict:
    return {
        "a": a,
        "b": b,
        "difference": {"value": b - a, "low": float(outer[0]), "high": float(outer[1])},
        "low_90": float(inner[0]),
        "high_90": float(inner[1]),
        "p": p,
        "variance": max(0.0, variance),
        "fixed": 0.0,
        "method": method,
    }


def _value(metric: str, targets: np.ndarray, y_prob: np.ndarray) -> float:
    value = metrics.values(targets, y_prob, [metric])[metric]
    if value is None:
        title = metrics.METRICS[metric].title
        raise ValueError(f"{title} is not defined on these {len(targets)} samples; choose another metric.")
    return value
