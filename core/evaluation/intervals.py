"""95% intervals of metrics, and stratified bootstrap resamples with the metrics under them."""

from collections.abc import Iterable, Iterator

import numpy as np

from core.evaluation import metrics, ranking

RESAMPLES = 2000
Z = 1.959963984540054  # the 97.5% point of the normal distribution
UNDEFINED = {"value": None, "low": None, "high": None}
BLOCK = 4_000_000  # counts that may be kept
CHUNK = 500_000  # counts that are drawn at once: they stay in the processor's cache
LEAST_FREEDOM = 4.0  # of a standard error
MEANS = ("log_loss", "brier", "ece")
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
    value: float | None, spread: float, n: float, least: float = 0.0, middle: float | None = None, z: float = Z
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
    least = {"mcc": -1.0, "kappa": -1.0}
    return {
        name: of_share(seen[name], _spread(again[name]), sizes.sum(), least.get(name, 0.0), at[name]) for name in seen
    }


def of_all(y_true: np.ndarray, y_prob: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> dict:
    """{"value", "low", "high"} of each metric, and lists of them by class for "auroc" and "average_precision".

    Accuracy and top-k: Wilson. What follows from the confusion matrix: stratified bootstrap of its rows (`of_counts`).
    Areas and means: the stratified standard error of their linear part, which for areas is DeLong's (`ranking`), in
    Wilson's or Poisson's interval. Calibration error: a test inverted (`calibration.error`).
    """
    from core.evaluation import calibration  # it builds on this file

    n, n_classes = y_prob.shape
    if not n:
        return dict.fromkeys(metrics.METRICS, UNDEFINED) | {name: [UNDEFINED] * n_classes for name in ranking.MEASURES}
    table = metrics.confusion(y_true, y_prob.argmax(axis=1), n_classes)
    found = of_counts(table, resamples, seed)
    found["accuracy"] = proportion(int(np.trace(table)), n)
    for name, k in metrics.TOP.items():
        right = int(metrics.hits(y_true, y_prob, k).sum()) if n_classes > k else 0
        found[name] = proportion(right, n if n_classes > k else 0)
    for name in ("log_loss", "brier"):
        each = metrics.losses(y_true, y_prob, name)
        spread, z = standard_error(y_true, each / n)
        found[name] = of_mean(each.mean(), spread, n, z)
    found["ece"] = calibration.error(y_true, y_prob, resamples, seed)
    return found | _areas(y_true, y_prob)


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


def draw(table: np.ndarray, sizes: np.ndarray, resamples: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """How often each class is right, and is called, in resamples of each row of counts: (resamples, n_classes) each."""
    hit, called = (np.zeros((resamples, len(table))) for _ in range(2))
    for j in np.flatnonzero(sizes):
        cells = np.flatnonzero(table[j])
        drawn = rng.multinomial(sizes[j], table[j, cells] / table[j, cells].sum(), resamples)
        called[:, cells] += drawn
        hit[:, j] = drawn[:, np.flatnonzero(cells == j)].sum(axis=1)
    return hit, called


def counts(y_true: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each sample is in each of `resamples` stratified bootstrap resamples, in blocks float64 (b, n).

    Each class keeps its size. The blocks depend on y_true, resamples and seed alone, so that two models can be compared
    under the same ones.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", ch. 6 and 8.
    """
    rng, n = np.random.default_rng(seed), len(y_true)
    places = [np.flatnonzero(y_true == j) for j in np.unique(y_true)]
    most = max(1, CHUNK // max(n, 1))
    for start in range(0, resamples, most):
        b = min(most, resamples - start)
        block = np.empty((b, n))
        for where in places:
            size = len(where)
            drawn = rng.integers(0, size, (b, size), dtype=np.int32)
            drawn = drawn + np.arange(0, b * size, size, dtype=np.int64)[:, None]
            block[:, where] = np.bincount(drawn.ravel(), minlength=b * size).reshape(b, size)
        yield block


def replicates(
    y_true: np.ndarray, y_prob: np.ndarray, names: list[str], blocks: Iterable[np.ndarray], linear_from: int = 50_000
) -> dict[str, np.ndarray]:
    """Metrics under resamples: name -> float (resamples,), NaN where not defined there.

    names : of metrics.METRICS;  blocks : arrays (b, n), as `counts` yields them
    linear_from : from so many samples times classes on, areas under curves are their value plus their slopes times the
        change of the counts. That takes a tenth of the time or less, and keeps their spread within 3%.
    """
    y_true, y_prob = metrics.checked(y_true, y_prob)
    under = [
        _counts_under(y_true, y_prob, [name for name in names if name in metrics.OF_COUNTS]),
        _means_under(y_true, y_prob, [name for name in names if name in MEANS or name in metrics.TOP]),
        _areas_under(y_true, y_prob, [name for name in names if name in ranking.AREAS], y_prob.size >= linear_from),
    ]
    parts = [{name: found for each in under for name, found in each(block).items()} for block in blocks]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def figure(value, low, high) -> dict:
    """{"value", "low", "high"} as plain numbers."""
    return {"value": float(value), "low": float(low), "high": float(high)}


def _counts_under(y_true, y_prob, names):
    """A function of counts (b, n) to the metrics that follow from the confusion matrix."""
    if not names:
        return lambda _: {}
    n_classes = y_prob.shape[1]
    cells, which = np.unique(n_classes * y_true + y_prob.argmax(axis=1), return_inverse=True)
    true, called = np.divmod(cells, n_classes)
    right = np.where(true == called, true, n_classes)

    def under(block):
        table = _sums(block, which, len(cells))
        found = metrics.of_counts(*(_sums(table, labels, n_classes) for labels in (right, true, called)))
        return {name: found[name] for name in names}

    return under


def _means_under(y_true, y_prob, names):
    """A function of counts to means over samples: losses, shares of hits, and the calibration error."""
    which, gap = metrics.gaps(y_true, y_prob)
    columns = {}
    for name in names:
        if name not in metrics.TOP:
            columns[name] = gap if name == "ece" else metrics.losses(y_true, y_prob, name)
        elif y_prob.shape[1] > metrics.TOP[name]:
            columns[name] = metrics.hits(y_true, y_prob, metrics.TOP[name]).astype(float)
        else:
            columns[name] = np.full(len(y_true), np.nan)

    def under(block):
        n = block.sum(axis=1)
        found = {name: np.einsum("bi,i->b", block, each) / n for name, each in columns.items() if name != "ece"}
        if "ece" in columns:
            found["ece"] = np.abs(_sums(block * gap, which, metrics.N_BINS)).sum(axis=1) / n
        return found

    return under


def _sums(block: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """Sums of the columns of (b, m) by label 0 to n - 1, (b, n); further labels count for nothing."""
    return np.array([np.bincount(labels, row, n)[:n] for row in block])


def _areas_under(y_true, y_prob, names, linear):
    """A function of counts to areas under curves."""
    work = {}
    for name in names:
        area, slopes = ranking.AREAS[name]
        ranks = [ranking.rank_all(y_true, y_prob)] if name.endswith("micro") else metrics.rankings(y_true, y_prob)
        ranks = [each for each in ranks if area(each) is not None]
        if linear and ranks:
            slope = np.mean([slopes(each) for each in ranks], axis=0)
            work[name] = (np.mean([area(each) for each in ranks]), slope)
        else:
            work[name] = (area, ranks)

    def under(block):
        found = {}
        for name, (first, second) in work.items():
            if not len(second):
                found[name] = np.full(len(block), np.nan)
            elif isinstance(second, np.ndarray):
                found[name] = first + np.einsum("bi,i->b", block, second) - second.sum()
            else:
                found[name] = np.mean([first(each, block) for each in second], axis=0)
        return found

    return under


def _areas(y_true: np.ndarray, y_prob: np.ndarray) -> dict:
    """Areas under curves with intervals: of each class, macro and micro."""
    found, n, ranks = {}, len(y_true), metrics.rankings(y_true, y_prob)
    micro = ranking.rank_all(y_true, y_prob)
    for name, (area, slopes) in ranking.MEASURES.items():
        found[name], values, total = [], [], np.zeros(n)
        for one in ranks:
            value, error = area(one), (0.0, Z)
            if value is not None:
                slope = slopes(one)
                error = standard_error(y_true, slope)
                total += slope
                values.append(value)
            few = 2 * min(len(one.positive), len(one.negative)) if name == "auroc" else len(one.positive)
            found[name].append(_of_area(value, error, few))
        error = standard_error(y_true, total / max(len(values), 1))
        found[f"{name}_macro"] = _of_area(np.mean(values) if values else None, error, n)
        value = area(micro)
        error = (0.0, Z) if value is None else standard_error(y_true, slopes(micro))
        found[f"{name}_micro"] = _of_area(value, error, n)
    return found


def _of_area(value: float | None, error: tuple[float, float], n: float) -> dict:
    return of_share(value, error[0], n, z=error[1])


def _spread(array: np.ndarray) -> float:
    """Standard deviation of the values that are defined, 0 if fewer than two are."""
    defined = array[np.isfinite(array)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
