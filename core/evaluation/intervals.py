"""95% intervals: of shares, means, F1, and of what follows from a confusion matrix."""

import numpy as np

from core.evaluation import metrics

RESAMPLES = 2000
Z = 1.959963984540054  # the 97.5% point of the normal distribution
UNDEFINED = {"value": None, "low": None, "high": None}
LEAST_FREEDOM = 4.0  # of a standard error
PRIOR = 2.0  # pseudo-samples per class that are as right as all classes together


def proportion(k: int, n: int) -> dict:
    """{"value", "low", "high"}: k/n with Wilson's 95% interval; all None if n is 0."""
    return figure(k / n, *wilson(k / n, n)) if n else dict(UNDEFINED)


def wilson(share: np.ndarray | float, n: np.ndarray | float, z: float = Z) -> tuple[np.ndarray, np.ndarray]:
    """Low and high ends of the 95% interval of a share that was seen in n samples; n need not be whole.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22:209.
    """
    n = np.asarray(n, float)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(np.minimum(middle - half, share), 0, 1), np.clip(np.maximum(middle + half, share), 0, 1)


def of_share(
    value: float | np.ndarray | None,
    spread: float,
    n: float,
    least: float = 0.0,
    middle: float | np.ndarray | None = None,
    z: float = Z,
) -> dict:
    """A metric in [least, 1] with Wilson's interval, as if it were a share seen in as many samples as its spread says.

    spread : its standard error, taken at `middle` (the value if None);  z : how many of them the interval reaches
    n : as many samples are assumed where the spread is 0, and four times as many at most where it is not
    Source: the effective sample size of Korn and Graubard 1998, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology 24:193, in Wilson's interval.
    """
    if value is None or not np.isfinite(value):
        return dict(UNDEFINED)
    share = (value - least) / (1 - least)
    at = share if middle is None else (middle - least) / (1 - least)
    spread = spread / (1 - least)
    effective = min(at * (1 - at) / spread**2, 4 * n) if spread > 0 else n
    low, high = wilson(share, max(effective, 1e-9), z)
    return figure(value, least + (1 - least) * low, least + (1 - least) * high)


def of_mean(value: float, spread: float, n: int, z: float = Z) -> dict:
    """A mean of n losses, at least 0, with an interval that leans up, as the losses do.

    The score interval of a Poisson mean, as if the value were a count with the spread that was seen; where nothing
    varies, as if n were counted.  z : how many spreads it reaches
    Source: Barker 2002, "A comparison of nine confidence intervals for a Poisson parameter when the expected number of
    events is <= 5", The American Statistician 56:85 (method of scores).
    """
    if not value > 0:
        return figure(value, 0, Z**2 / n)
    events = (value / spread) ** 2 if spread > 0 else n
    middle, half = events + z**2 / 2, z * np.sqrt(events + z**2 / 4)
    return figure(value, value * (middle - half) / events, value * (middle + half) / events)


def standard_error(y_true: np.ndarray, slopes: np.ndarray) -> tuple[float, float]:
    """Standard error of a metric from how it moves per unit of each sample's count, and how many an interval reaches.

    slopes : float (n,), as of `ranking.auroc_slopes`; of a mean, its values divided by n
    The error is what a stratified bootstrap of the linear part gives with infinitely many resamples, times n/(n-1) per
    class. It is itself uncertain where few samples make most of it, so the reach is the 97.5% point of Student's t with
    as many degrees of freedom as the fourth moments say; with normal values these are about n.
    Sources: the infinitesimal jackknife, Efron 1982, "The Jackknife, the Bootstrap and Other Resampling Plans", ch. 6;
    Satterthwaite 1946, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2:110.
    """
    from scipy.special import stdtrit

    sizes = np.bincount(y_true)
    off = slopes - (np.bincount(y_true, slopes) / np.maximum(sizes, 1))[y_true]
    squared, fourth = (np.bincount(y_true, off**power) for power in (2, 4))
    alone = sizes == 1  # tells nothing about its own spread: taken as that of all
    squared[alone] = slopes.var()
    variance = squared * np.where(sizes > 1, sizes / np.maximum(sizes - 1, 1), 1)
    doubt = np.maximum(fourth - squared**2 / np.maximum(sizes, 1), 0).sum()
    total = variance.sum()
    freedom = max(2 * total**2 / doubt, LEAST_FREEDOM) if doubt > 0 else np.inf
    return float(np.sqrt(total)), float(stdtrit(freedom, 0.975)) if np.isfinite(freedom) else Z


def of_f1(hit: int, support: int, called: int) -> dict:
    """{"value", "low", "high"}: F1 of a class that was found `hit` times, by Wilson's interval of the share behind it.

    F1 = 2 s / (1 + s), where s is the share found among all samples that are this class or are called so.
    Source: Lam et al. 2023, "Confidence intervals for the F1 score: a comparison of four methods", arXiv:2309.14621
    (the indirect Wilson interval).
    """
    share = proportion(hit, support + called - hit)
    return {key: None if end is None else 2 * end / (1 + end) for key, end in share.items()}


def of_counts(table: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, dict]:
    """Intervals of the metrics in metrics.OF_COUNTS, from counts true by called class.

    Each row is drawn anew `resamples` times with its own size: from its own shares, mixed with PRIOR samples that are
    as often right as all classes together, so that a class without a mistake is not taken to be without doubt.
    """
    table = np.asarray(table)
    sizes, smooth = table.sum(axis=1), smoothed(table)
    seen = metrics.of_counts(np.diag(table), sizes, table.sum(axis=0))
    at = metrics.of_counts(np.diag(smooth), sizes, smooth.sum(axis=0))
    hit, called = draw(smooth, sizes, resamples, np.random.default_rng(seed))
    again = metrics.of_counts(hit, sizes, called)
    return {
        name: of_share(seen[name], _spread(again[name]), sizes.sum(), metrics.METRICS[name].least, at[name])
        for name in seen
    }


def smoothed(table: np.ndarray) -> np.ndarray:
    """Counts true by called class with PRIOR pseudo-samples added to each row, each row brought back to its own sum.

    They are right as often as all rows together (one more mistake added), and else go where the row's mistakes go; if
    it has none, to the largest other class. A further column counts samples for which nothing was called.
    """
    sizes, hit, n_classes = table.sum(axis=1), np.diag(table), len(table)
    where = table.astype(float)
    np.fill_diagonal(where, 0)
    if n_classes == 1 and not where.any():
        return table.astype(float)
    wrong = (sizes.sum() - hit.sum() + 1) / (sizes.sum() + 2)
    largest = np.argsort(-sizes, kind="stable")[:2]
    for j in np.flatnonzero(where.sum(axis=1) == 0):
        where[j, [i for i in largest if i != j][:1]] = 1
    added = wrong * where / np.maximum(where.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(added, 1 - wrong)
    return (table + PRIOR * added) * (sizes / np.maximum((table + PRIOR * added).sum(axis=1), 1e-9))[:, None]


def draw(
    table: np.ndarray, sizes: np.ndarray, resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How often each class is right, and is called, in resamples of each row of counts: (resamples, n_classes) each."""
    hit, called = (np.zeros((resamples, len(table))) for _ in range(2))
    for j in np.flatnonzero(sizes):
        cells = np.flatnonzero(table[j])
        drawn = rng.multinomial(sizes[j], table[j, cells] / table[j, cells].sum(), resamples)
        called[:, cells] += drawn
        hit[:, j] = drawn[:, np.flatnonzero(cells == j)].sum(axis=1)
    return hit, called


def figure(value: float | np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> dict:
    """{"value", "low", "high"} as plain numbers."""
    return {"value": float(value), "low": float(low), "high": float(high)}


def _spread(array: np.ndarray) -> float:
    """Standard deviation of the values that are defined, 0 if fewer than two are."""
    defined = array[np.isfinite(array)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
