"""Samples dealt out to the parts of a split: whole units, so many of each class."""

import numpy as np

MOST_UNITS = 20_000  # that are placed one after the other


def folds(units: np.ndarray, y: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Fold of each sample, int (n,), from 0; sizes differ by one at most, in all and in each class, but for units."""
    n = np.bincount(y)
    spare = np.cumsum(n % folds) - n % folds  # the fold that gets the first sample left over in this class
    extra = (np.arange(folds)[:, None] - spare) % folds < n % folds
    everyone = np.ones(len(y), bool)
    return deal(np.full(len(y), -1), everyone, units, y, n // folds + extra, rng)


def deal(
    rows: np.ndarray, dealt: np.ndarray, units: np.ndarray, y: np.ndarray, want: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Rows of `want`, int (n,), in which the samples of `dealt` are given out so that it is met as well as can be.

    rows : of the samples given out before, -1 for those that do not count;  want : samples, int (n_rows, n_classes)
    Units of several samples are placed first; the others, class by class and shuffled, fill what is then missing.
    """
    n_rows, n_classes = want.shape
    rows = rows.copy()
    where = np.flatnonzero(dealt)
    where = where[np.argsort(y[where], kind="stable")]
    members = np.split(where, np.cumsum(np.bincount(y[where], minlength=n_classes))[:-1]) if n_classes else []
    members = [rng.permutation(one_class) for one_class in members]
    several = dealt & (np.bincount(units[dealt], minlength=units.max(initial=-1) + 1)[units] > 1)
    have = _count(rows, y, want.shape)
    if several.any():
        n_alone = int(dealt.sum() - several.sum())
        rows[several] = _place(units[several], y[several], want, have, n_alone, rng)
        have = _count(rows, y, want.shape)
    for target, one_class in enumerate(members):
        one_class = one_class[~several[one_class]]
        missing = np.repeat(np.arange(n_rows), np.maximum(want[:, target] - have[:, target], 0))
        if len(one_class):  # as many are missing, or more where a part has too many already: then evenly from these
            rows[one_class] = missing[((np.arange(len(one_class)) + 0.5) * (len(missing) / len(one_class))).astype(int)]
    return rows


def _count(rows, y, shape) -> np.ndarray:
    counted = rows >= 0
    return np.bincount(rows[counted] * shape[1] + y[counted], minlength=shape[0] * shape[1]).reshape(shape)


def _place(units, y, want, have, n_alone: int, rng) -> np.ndarray:
    """Row of `want` for each sample, int (n,), the same within a unit: large units first, each where it fits best.

    Best is the smallest chi-square distance of the counts, per class and in all, from what is wanted. The order is
    blurred, so that another seed is another split. A row that has nothing yet gets one of the last units.
    """
    from scipy.sparse import csr_matrix

    _, units = np.unique(units, return_inverse=True)
    n_units = units.max() + 1
    if n_units > MOST_UNITS:  # then they are small, and several go together
        units = rng.permutation(n_units)[units] % MOST_UNITS
        n_units = MOST_UNITS
    n_classes = want.shape[1]
    share = want.sum(axis=1, keepdims=True) / want.sum()
    totals = np.append(want.sum(axis=0), want.sum())
    aim = np.maximum(share * totals, 0.5)
    have = np.column_stack([have, have.sum(axis=1)]).astype(float)
    both = np.tile(units, 2), np.append(y, np.full(len(y), n_classes))  # each sample counts for its class and in all
    table = csr_matrix((np.ones(2 * len(units)), both), shape=(n_units, n_classes + 1))
    asked = np.flatnonzero(share[:, 0] > 0)
    chosen = np.empty(n_units, np.int64)
    order = np.argsort(-np.bincount(units, minlength=n_units) * rng.uniform(0.3, 1, n_units))
    for turn, unit in enumerate(order):
        span = slice(table.indptr[unit], table.indptr[unit + 1])
        classes, counts = table.indices[span], table.data[span]
        choice = asked
        empty = asked[have[asked, n_classes] == 0]
        if len(empty) and n_units - turn + n_alone <= len(empty):
            choice = empty
        now, goal = have[np.ix_(choice, classes)], aim[np.ix_(choice, classes)]
        row = choice[np.argmin((counts * (2 * (now - goal) + counts) / goal).sum(axis=1))]
        have[row, classes] += counts
        chosen[unit] = row
    return chosen[units]
