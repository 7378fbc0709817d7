"""Train/validation/test split: stratified, by group, by time or as the data says it; seeded, and kept by sample id.

Samples with the same content are one unit, and a unit is never on both sides, whatever the way.
"""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from core import words
from core.data import dealing
from core.data.content import content_keys
from core.data.dataset import PART_WORDS, PARTS, Dataset

WAYS = ("auto", "stratified", "group", "time", "column", "given")
TEST, VAL, TRAIN, OUT, OPEN = range(5)  # from the part that stays to the part that gives way
NAMES = np.array(["test", "val", "train", "out", ""], dtype="<U5")
CODES = {str(name): code for code, name in enumerate(NAMES)}


def make(
    dataset: Dataset,
    how: str = "auto",
    by: str = "",
    val_fraction: float = 0.15,
    test_fraction: float = 0.2,
    seed: int = 0,
    folds: int = 0,
    fold: int = 0,
    kept: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Part of each sample, str (n,): "train", "val", "test" or "out" (in no part).

    how : "stratified", the same shares in every class;  "group", no value of column `by` on both sides;
        "time", the oldest by column `by` in train and the newest in test, those without a time in train;
        "column", as the words in column `by` say;  "given", as the data itself says;  "auto", given or else stratified,
        and with folds always stratified
    val_fraction, test_fraction : of all samples; of the training samples where the data gives only some of the parts
    folds, fold : with folds >= 2 the test part is this one (from 0) of that many disjoint folds of all samples, and
        val_fraction is of the others
    kept : sample id -> part in an earlier version of the data; these keep it, and new samples fill up the shares
    Of samples with the same content, all are in the part of the one that is kept, or else of the one that is given as
    test, val, train, in this order; those given or kept in another part are "out".
    Raises ValueError if a part would be empty, or column `by` is not fit for it.
    """
    how = _way(dataset, how, by, folds, fold)
    y = np.unique(dataset.targets, return_inverse=True)[1]
    units = _units(dataset, how, by, max(3, folds))
    before = _kept(dataset.ids, kept)
    codes, settled = _settle(before, units)
    fixed = _fixed(dataset, how, by, val_fraction, test_fraction, seed, before)
    shares = {VAL: val_fraction, TEST: test_fraction}
    if folds:
        chosen = dealing.folds(units, y, folds, np.random.default_rng(seed)) == fold
        codes[chosen & ~settled] = TEST
        shares = {VAL: val_fraction}
    elif fixed is not None:
        shares = {part: share for part, share in shares.items() if how != "time" and not (fixed == part).any()}
        fixed = _mend(np.where(fixed == OPEN, TRAIN, fixed), units)
        codes = np.where(settled, codes, fixed)
        if shares:
            codes[~settled & (codes == TRAIN)] = OPEN
    parts = NAMES[_fill(codes, units, y, shares, np.random.default_rng(seed))]
    for part in PARTS:
        if not (parts == part).any():
            raise ValueError(
                f"The {part} part of the split is empty with {len(parts)} samples ({units.max(initial=-1) + 1} to be "
                f"parted), val_fraction {val_fraction} and test_fraction {test_fraction}; use more data or other "
                "fractions."
            )
    return parts


def sizes(parts: np.ndarray, targets: np.ndarray, n_classes: int) -> dict[str, list[int]]:
    """Samples per class in each part, {"train": [n, ...], "val": ..., "test": ..., "out": ...}."""
    return {
        part: np.bincount(targets[parts == part], minlength=n_classes).tolist() for part in (*PARTS, str(NAMES[OUT]))
    }


def save(path: pathlib.Path, ids: np.ndarray, parts: np.ndarray) -> None:
    """Write the split as a table of sample id and part."""
    pd.DataFrame({"id": ids, "part": parts}).to_parquet(path)


def load(path: pathlib.Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Positions in `ids` of each part, {"train": int64 (n_train,), ...}; ValueError if a sample of a part is gone."""
    try:
        table = pd.read_parquet(path, columns=["id", "part"])
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"The split in {path} cannot be read; train the run again.") from error
    table = table[table["part"].isin(PARTS)]
    position = pd.Index(ids).get_indexer(table["id"].astype(str))
    if (position < 0).any():
        gone = table["id"].iloc[int(np.argmin(position))]
        raise ValueError(f"Sample {gone} of the run's split is no longer in the data set.")
    return {part: position[(table["part"] == part).to_numpy()] for part in PARTS}


# ------------------------------------------------------------------------------------------ what the data says


def _way(dataset: Dataset, how: str, by: str, folds: int, fold: int) -> str:
    """The way to split, never "auto"; ValueError if what is asked for does not go together."""
    if how not in WAYS:
        raise ValueError(f'There is no split "{how}"; it must be one of {", ".join(WAYS)}.')
    given = dataset.given_parts is not None and bool((dataset.given_parts != "").any())
    if how == "auto":
        how = "given" if given and not folds else "stratified"
    if how == "given" and not given:
        raise ValueError(f"{dataset.name} does not say which samples are for training and test; use another split.")
    if how in ("group", "time", "column"):
        _column(dataset, by, how)
    if folds and how not in ("stratified", "group"):
        raise ValueError(f'{folds} folds were asked for with the split "{how}"; use "stratified" or "group".')
    if folds and not (folds >= 2 and 0 <= fold < folds):
        raise ValueError(f"Fold {fold} of {folds} was asked for; take 2 folds or more, and count them from 0.")
    return how


def _column(dataset: Dataset, by: str, how: str) -> pd.Series:
    """The column `by`, of the table or of what is known beside it; empty text is missing."""
    tables = [table for table in (dataset.table, dataset.about) if table is not None]
    for table in tables:
        if by in table:
            values = table[by].reset_index(drop=True)
            return values if pd.api.types.is_numeric_dtype(values.dtype) else values.mask(values == "")
    names = [str(name) for table in tables for name in table]
    known = f"it has {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}" if names else "it has no columns"
    what = f'has no column "{by}"' if by else "was given no column"
    raise ValueError(f'{dataset.name} {what} to split by ("{how}"); {known}.')


def _fixed(dataset, how, by, val_fraction, test_fraction, seed, before) -> np.ndarray | None:
    """Code of each sample where it follows from the data alone, OPEN where the data does not say; else None."""
    if how == "given":
        return _codes(dataset.given_parts, f"The parts that {dataset.name} gives")
    if how == "column":
        return _words(_column(dataset, by, how), by)
    if how == "time":
        return _by_time(_times(_column(dataset, by, how), by), by, val_fraction, test_fraction, seed, before)
    return None


def _codes(parts: np.ndarray, whose: str) -> np.ndarray:
    codes = pd.Series(parts, dtype=object).map(CODES)
    if codes.isna().any():
        raise ValueError(
            f'{whose} have the word "{parts[int(np.argmax(codes.isna()))]}"; known are {", ".join(PARTS)}.'
        )
    return codes.to_numpy(np.int64)


def _words(values: pd.Series, by: str) -> np.ndarray:
    """The parts that the cells of a column name in words."""
    meaning = {word: CODES[part] for word, part in PART_WORDS.items()}
    cells, distinct = pd.factorize(values)
    codes = [meaning.get(str(value).strip().lower()) for value in distinct]
    if None in codes:
        unknown = [str(value)[:40] for value, code in zip(distinct, codes) if code is None]
        shown = ", ".join(f'"{word}"' for word in unknown[:5])
        raise ValueError(f"Column {by} has cells that name no part, {shown}; write train, val or test in each.")
    return np.array([*codes, OPEN])[cells]  # a missing cell has the number -1


def _times(values: pd.Series, by: str) -> np.ndarray:
    """Rank of each time, int (n,), equal for equal times; -1 is missing."""
    if not (pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype)):
        read = pd.to_numeric(values, errors="coerce")
        if (read.isna() & values.notna()).any():
            read = pd.to_datetime(values, errors="coerce", format="mixed", utc=True)
        bad = read.isna() & values.notna()
        if bad.any():
            raise ValueError(
                f'Column {by} has cells that are no date and no number, such as "{str(values[bad].iloc[0])[:40]}"; '
                "a split by time needs one or the other."
            )
        values = read
    return pd.factorize(values, sort=True)[0]


def _by_time(times, by, val_fraction, test_fraction, seed, before) -> np.ndarray:
    """The oldest in train, the newest in test; between new and kept samples the borders stay where they were."""
    codes = np.full(len(times), TRAIN)
    known = np.random.default_rng(seed).permutation(np.flatnonzero(times >= 0))
    order = known[np.argsort(times[known], kind="stable")]
    first = [times[(before == part) & (times >= 0)].min(initial=len(times)) for part in (VAL, TEST)]
    if first[0] <= first[1] < len(times):
        codes[times >= first[0]] = VAL
        codes[times >= first[1]] = TEST
        return codes
    edges = np.flatnonzero(np.diff(times[order]) > 0) + 1  # where one may cut without parting equal times
    if len(edges) == 0:
        raise ValueError(f"Column {by} has fewer than 2 different times; a split by time needs more.")
    from_test = len(order) - round(test_fraction * len(times))
    from_val = from_test - round(val_fraction * len(times))
    if len(order) < len(times):
        edges = np.append(0, edges)  # those without a time are in train already
    if len(edges) >= 2:
        from_test = _nearest(edges[1:], from_test)
        from_val = _nearest(edges[edges < from_test], from_val)
    elif abs(edges[0] - from_test) <= abs(edges[0] - from_val):  # two times, three parts: the older one is parted
        from_test = edges[0]
        from_val = np.clip(from_val, 1, max(1, from_test - 1))
    else:
        from_val = edges[0]
        from_test = np.clip(from_test, from_val + 1, max(from_val + 1, len(order) - 1))
    codes[order[from_val:]] = VAL
    codes[order[from_test:]] = TEST
    return codes


def _nearest(values: np.ndarray, wanted: int) -> int:
    return int(values[np.argmin(np.abs(values - wanted))])


# ------------------------------------------------------------------------------------------------------- units


def _units(dataset: Dataset, how: str, by: str, n_needed: int) -> np.ndarray:
    """Number of the unit of each sample, int (n,): the same content, or the same group, is the same unit."""
    if how == "column":  # the word is no content
        columns = tuple(column for column in dataset.columns if column.name != by)
        dataset = dataclasses.replace(dataset, columns=columns)
    units, contents = pd.factorize(content_keys(dataset))
    if how != "group":
        return units
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    groups, names = pd.factorize(_column(dataset, by, how))
    alone = groups < 0
    groups[alone] = len(names) + np.arange(alone.sum())
    n = len(contents) + len(names) + int(alone.sum())
    links = coo_matrix((np.ones(len(units), bool), (units, len(contents) + groups)), shape=(n, n))
    units = pd.factorize(connected_components(links, directed=False)[1][units])[0]
    n_units = units.max(initial=-1) + 1
    if n_units < n_needed:
        raise ValueError(
            f"Column {by} has {words.count(n_units, 'separate group')}; "
            f"the split needs {n_needed} or more, one for each part."
        )
    return units


def _kept(ids: np.ndarray, kept: Mapping[str, str] | None) -> np.ndarray:
    """Code of each sample in the earlier version, OPEN if it is new, int (n,)."""
    if not kept:
        return np.full(len(ids), OPEN)
    table = pd.Series(dict(kept), dtype=object)
    return _codes(table.reindex(ids.astype(object)).fillna("").to_numpy(), "The parts that are kept")


def _settle(before: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of kept samples and of all in their units, OPEN elsewhere; and where they are settled by that."""
    top = _strongest(before, units)
    return np.where(before == OPEN, top, _mend(before, units)), top != OPEN


def _mend(codes: np.ndarray, units: np.ndarray) -> np.ndarray:
    """A sample with a twin in a stronger part is out."""
    return np.where(codes > _strongest(codes, units), OUT, codes)


def _strongest(codes: np.ndarray, units: np.ndarray) -> np.ndarray:
    strongest = np.full(units.max(initial=-1) + 1, OPEN)
    np.minimum.at(strongest, units, codes)
    return strongest[units]


# ----------------------------------------------------------------------------------------------------- dealing


def _fill(codes, units, y, shares: dict[int, float], rng) -> np.ndarray:
    """Codes in which the OPEN ones have become train, or one of the parts that have a share of train."""
    counted = np.where(np.isin(codes, [TRAIN, *shares]), codes, -1)
    n_classes = y.max(initial=-1) + 1
    n = np.bincount(y[(counted >= 0) | (codes == OPEN)], minlength=n_classes)
    want = np.zeros((3, n_classes), np.int64)
    for part in (TEST, VAL):  # the shares of a class are rounded, and one sample stays in train
        most = np.maximum(n - 1, 0) - want.sum(axis=0)
        want[part] = np.minimum(np.rint(shares.get(part, 0) * n), most)
    want[TRAIN] = n - want.sum(axis=0)
    return np.where(codes == OPEN, dealing.deal(counted, codes == OPEN, units, y, want, rng), codes)


def thinned(where: np.ndarray, most: int) -> np.ndarray:
    """Of positions (n,) at most so many, evenly spread."""
    if len(where) <= most:
        return where
    return where[np.linspace(0, len(where) - 1, most).round().astype(int)]
