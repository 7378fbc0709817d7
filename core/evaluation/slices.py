"""Slices: parts of the data where a model fails more often than elsewhere, found on one half and proved on the other.

A slice is one condition on a column, or two on two columns: a category, a range of numbers or dates, missing cells.
All are tried on one random half. Those that stand out there, unless others explain it, are tested once more on the
other half, which had no say in choosing them, and reported if they survive the procedure of Benjamini and Hochberg
1995, "Controlling the false discovery rate", J. R. Stat. Soc. B 57:289.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core import words
from core.data.dataset import Dataset
from core.evaluation import conditions
from core.evaluation.conditions import describe, filter_text, mask
from core.evaluation.intervals import proportion

__all__ = ["describe", "filter_text", "find", "mask", "of_run", "of_samples"]

SMALLEST = 10  # samples of a slice, and of the rest, on each half; of a smaller one nothing could be said
LARGEST = 0.75  # share of the samples; what is larger is no part but the rule
BY_CHANCE = 3.0  # slices of one condition, and of two, that would get through the first half were there none
ADDS_BY_CHANCE = 0.3  # conditions that would add to another one were there none that does
WORSE_STILL = 2.0  # standard deviations by which a slice is worse than others that it overlaps with explain
PAIRED = 600  # conditions that are combined with one another, at most, those that stand out most
COMPARED = 500  # slices of the first half that are compared with one another
TRIED = 30  # slices that are tested on the second half; each makes it harder for the others
ALIKE = 0.8  # samples in common, as a share of those in either, from which on two slices are one
NESTED = 0.9  # share of a slice that lies in another, or in those reported before it
STILL = 0.05  # chance of as many errors, at most, where a slice must be worse among some samples only
CHUNK_ROWS = 16_384


def find(table: pd.DataFrame, wrong: np.ndarray, seed: int = 0, rate: float = 0.05, most: int = 20) -> list[dict]:
    """The slices of `table` in which `wrong` is more frequent than in the rest, the surest first.

    table : n rows, of numbers, dates and text;  wrong : bool (n,), whether the model was wrong on each
    seed : of the two halves;  rate : false discoveries, as a share of what is reported, at most
    Each is {"where": conditions, see `mask`, "text": in words, "filter": for `filters.mask`, "n", "n_wrong": in the
    whole table, "error", "rest": {"value", "low", "high"} of the slice and of all others, on the half that it was not
    found on, "n_tested": its samples there, "p": of Fisher's exact test, one-sided, "q": the smallest rate at which it
    is reported}. [] if nothing is sure. A slice has SMALLEST samples or more on each half; it is worse than the rest
    also without the samples of those before it; and of two conditions each makes it worse than the other alone.
    Raises ValueError if table and wrong differ in length, or `rate` is not between 0 and 1.
    """
    wrong = np.asarray(wrong)
    if len(wrong) != len(table):
        raise ValueError(f"The table has {len(table)} rows and wrong has {len(wrong)}; it needs one for each row.")
    if not 0 < rate < 1:
        raise ValueError(f"rate is {rate}; it must lie between 0 and 1.")
    wrong = wrong.astype(bool)
    first = _half(wrong, seed)
    atoms = conditions.of_table(table, 2 * SMALLEST, LARGEST)
    if not atoms or min(wrong.sum(), (~wrong).sum()) < 2:
        return []
    member = np.column_stack([atom.member for atom in atoms])  # (n, n_atoms)
    found = _chosen(member[first], wrong[first], np.array([atom.column for atom in atoms]))
    tested = _tested(found, member[~first], wrong[~first])
    made, covered = [], np.zeros(len(wrong), bool)
    for atom_numbers, counts, p, q in tested:
        if q > rate or len(made) == most:
            break
        inside = np.all(member[:, atom_numbers], axis=1)
        nested = (inside & covered).sum() >= NESTED * inside.sum()
        parts = [member[:, j] for j in atom_numbers] if len(atom_numbers) == 2 else []
        if nested or not all(_worse_still(inside, within, wrong, ~first) for within in (*parts, ~covered)):
            continue
        covered |= inside
        counted = {"n": int(inside.sum()), "n_wrong": int(wrong[inside].sum())}
        made.append(_record([atoms[j].where for j in atom_numbers], *counts) | counted | {"p": p, "q": q})
    return made


def of_run(run: str, part: str = "test", of_class: str | None = None, y_pred: np.ndarray | None = None, **how) -> dict:
    """The slices of one part of a run's data on which it fails; see `of_samples`.

    part : "val", "test" or "on-<data set>", one that the run was evaluated on
    y_pred : int (n,), the decisions at an operating point; None takes the most probable class
    Raises ValueError if the data or the predictions are gone.
    """
    from core import runs
    from core.evaluation import other_data

    ids, y_true, logits = runs.predictions(run, part)
    own = not part.startswith(other_data.PREFIX)
    dataset = runs.dataset(run) if own else other_data.dataset(run, part.removeprefix(other_data.PREFIX))
    return of_samples(dataset, ids, y_true, logits.argmax(axis=1) if y_pred is None else y_pred, of_class, **how)


def of_samples(
    dataset: Dataset,
    ids: Sequence[str] | np.ndarray,
    y_true: Sequence[int] | np.ndarray,
    y_pred: Sequence[int] | np.ndarray,
    of_class: str | None = None,
    **how: Any,
) -> dict:
    """The slices on which decisions about held-out samples fail: what a page and a command show.

    ids : str (n,);  y_true, y_pred : int (n,), class indices, for instance pooled over folds
    of_class : the name of a class whose samples alone are looked at: the slices in which it is missed
    how : seed, rate and most of `find`
    {"slices": of `find`, "table": DataFrame of properties, "ids", "y_true", "y_pred", "wrong": (n,) each, "sentence"}.
    Raises ValueError if a sample is not in the data, LookupError if there is no such class.
    """
    from core.evaluation import properties

    ids, y_true, y_pred = (np.asarray(values) for values in (ids, y_true, y_pred))
    if not len(ids) == len(y_true) == len(y_pred):
        raise ValueError(f"There are {len(ids)} ids, {len(y_true)} classes and {len(y_pred)} decisions; give one each.")
    if of_class is not None:
        if of_class not in dataset.classes:
            raise LookupError(f"There is no class {of_class!r}; there are {', '.join(dataset.classes)}.")
        some = y_true == dataset.classes.index(of_class)
        ids, y_true, y_pred = ids[some], y_true[some], y_pred[some]
    where = pd.Index(dataset.ids).get_indexer(ids)
    if (where < 0).any():
        raise ValueError(f"Sample {ids[int(np.argmin(where))]} is no longer in {dataset.name}; train again.")
    table = properties.of(dataset, where)
    wrong = y_pred != y_true
    found = find(table, wrong, **how)
    said = sentence(found, wrong, dataset.schema.sample_word)
    made = {"slices": found, "table": table, "ids": ids, "y_true": y_true, "y_pred": y_pred}
    return {**made, "wrong": wrong, "sentence": said}


def sentence(found: list[dict], wrong: np.ndarray, thing: str) -> str:
    """What the search says, in one or two sentences; `thing` is the word for a sample ("image", "row")."""
    n, n_wrong = len(wrong), int(np.sum(wrong))
    if not found:
        few = f" With {words.count(n_wrong, 'mistake')} only a strong pattern would show." if n_wrong < 60 else ""
        return f"No slice of {words.count(n, thing)} is surely worse than the rest.{few}"
    top = found[0]
    return (
        f"Wrong most surely where {top['text']}: on {words.interval(top['error'])} of them, "
        f"against {words.interval(top['rest'])} elsewhere."
    )


# ------------------------------------------------------------------------------------------------- the first half


def _half(wrong: np.ndarray, seed: int) -> np.ndarray:
    """Which samples are in the first half, bool (n,): of the wrong and of the right ones every second, at random."""
    order = np.random.default_rng(seed).permutation(len(wrong))
    order = order[np.argsort(wrong[order], kind="stable")]
    first = np.zeros(len(wrong), bool)
    first[order[::2]] = True
    return first


def _chosen(member: np.ndarray, wrong: np.ndarray, column: np.ndarray) -> list[tuple[int, ...]]:
    """Numbers of the conditions of each slice to be tested, the one that stands out most first.

    member : bool (n, n_atoms);  wrong : bool (n,);  column : int (n_atoms,), of each condition
    """
    n_all, k_all = len(wrong), int(wrong.sum())
    n, k = member.sum(axis=0), member[wrong].sum(axis=0)
    fits = (n >= SMALLEST) & (n <= n_all - SMALLEST)
    z = np.where(fits, _worse(n, k, n_all, k_all), 0)
    chance = _chance(z, fits.sum())
    singles = np.flatnonzero((z > 1) & (chance <= BY_CHANCE))
    paired = np.sort(np.argsort(-z, kind="stable")[:PAIRED])
    both_n, both_k = _together(member[:, paired], wrong)
    n, k, column = n[paired], k[paired], column[paired]
    fits = (both_n >= SMALLEST) & (both_n <= n_all - SMALLEST) & (column[:, None] < column)
    adds = _worse(both_n, both_k, n[:, None], k[:, None])  # among the samples that fit the first condition
    adds = np.minimum(adds, _worse(both_n, both_k, n, k))
    pair_chance = _chance(_worse(both_n, both_k, n_all, k_all), fits.sum())
    fits &= (_chance(adds, len(paired)) <= ADDS_BY_CHANCE) & (pair_chance <= BY_CHANCE)
    one, other = np.nonzero(fits)
    slices = [(j,) for j in singles] + [(paired[i], paired[j]) for i, j in zip(one, other)]
    chance = np.concatenate([chance[singles], pair_chance[one, other]])
    best = np.argsort(chance, kind="stable")[:COMPARED]
    slices, chance = [slices[i] for i in best], chance[best]
    if not slices:
        return []
    inside = np.column_stack([member[:, list(atoms)].all(axis=1) for atoms in slices])
    kept = [slices[i] for i in _distinct(slices, *_together(inside, wrong), n_all, k_all)]
    alone = {(j,) for pair in kept if len(pair) == 2 for j in pair} & set(slices)  # for pairs of which one will do
    return kept + sorted(alone - set(kept))


def _distinct(slices, both_n, both_k, n_all: int, k_all: int) -> list[int]:
    """Of slices, the best first, those that stand out by themselves, at most TRIED.

    both_n, both_k : samples, and wrong ones, that two slices share, (m, m)
    """
    n, k = np.diag(both_n), np.diag(both_k)
    scores = _worse(n, k, n_all, k_all)
    alike = both_n / np.maximum(n[:, None] + n - both_n, 1)
    # what is left of a slice without each other one, against what is in neither
    left = _worse(n[:, None] - both_n, k[:, None] - both_k, n_all - n, k_all - k)
    within = _worse(both_n, both_k, n, k)  # the part in the other one, against the rest of that one
    kept, gone = [], np.zeros(len(slices), bool)
    simple = np.array([len(atoms) for atoms in slices])
    for i in range(len(slices)):
        if gone[i]:
            continue
        twins = np.flatnonzero((alike[i] >= ALIKE) & (simple < simple[i]) & (scores >= 0.9 * scores[i]) & ~gone)
        if len(twins):  # nearly the same, said with fewer conditions
            gone[i], i = True, twins[0]
        explained = False
        for other in kept:
            if both_n[i, other] == 0:
                continue
            inner = both_n[i, other] >= NESTED * n[i]
            explained |= alike[i, other] >= ALIKE
            explained |= (within if inner else left)[i, other] < WORSE_STILL
        gone[i] = True
        if not explained:
            kept.append(int(i))
            if len(kept) == TRIED:
                break
    return kept


def _together(member: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Samples that fit both of two conditions, and how many of them are wrong, float (m, m) each."""
    sums = [np.zeros((member.shape[1],) * 2) for _ in range(2)]
    for total, rows in zip(sums, (member, member[wrong])):
        for start in range(0, len(rows), CHUNK_ROWS):
            piece = rows[start : start + CHUNK_ROWS].astype(np.float32)
            total += piece.T @ piece
    return sums[0], sums[1]


def _worse(n, k, n_all, k_all) -> np.ndarray:
    """By how many standard deviations k wrong among n exceed what n drawn from n_all with k_all wrong would have.

    The root of the likelihood ratio of the table of two by two, half a sample taken off, as the distribution of few
    errors leans to one side; 0 where k is no more than expected, or where n_all leaves no choice.
    """
    n, k, n_all, k_all = np.broadcast_arrays(*(np.asarray(values, float) for values in (n, k, n_all, k_all)))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = n * k_all / n_all
        more = k - 0.5 - expected
        total = np.zeros(np.shape(n))
        for seen, base, sign in (
            (k - 0.5, expected, 1),
            (n - k + 0.5, n - expected, -1),
            (k_all - k + 0.5, k_all - expected, -1),
            (n_all - n - k_all + k - 0.5, n_all - n - k_all + expected, 1),
        ):
            total += seen * np.log1p(sign * more / base)
    return np.sqrt(2 * np.where((more > 0) & np.isfinite(total), np.maximum(total, 0), 0))


def _chance(z: np.ndarray, n_looked_at: int) -> np.ndarray:
    """How many of so many slices would stand out by z standard deviations or more by chance."""
    from scipy.special import ndtr

    return ndtr(-z) * n_looked_at


# ------------------------------------------------------------------------------------------------ the second half


def _record(where: list[dict], n: int, k: int, n_all: int, k_all: int) -> dict:
    return {
        "where": where,
        "text": describe(where),
        "filter": filter_text(where),
        "n_tested": n,
        "error": proportion(k, n),
        "rest": proportion(k_all - k, n_all - n),
    }


def _tested(slices: list[tuple[int, ...]], member: np.ndarray, wrong: np.ndarray) -> list[tuple]:
    """(conditions, (n, k, n_all, k_all), p, q) of each slice on the other half, the smallest p first."""
    n_all, k_all = len(wrong), int(wrong.sum())
    counted = []
    for atoms in slices:
        inside = member[:, list(atoms)].all(axis=1)
        n, k = int(inside.sum()), int(wrong[inside].sum())
        if SMALLEST <= n <= n_all - SMALLEST:
            counts = (n, k, n_all, k_all)
            counted.append((_p(*counts), -float(_worse(*counts)), list(map(int, atoms)), counts))
    counted.sort(key=lambda row: row[:2])
    q = _adjusted(np.array([row[0] for row in counted]))
    return [(atoms, counts, p, float(q_)) for (p, _, atoms, counts), q_ in zip(counted, q)]


def _adjusted(p: np.ndarray) -> np.ndarray:
    """The smallest false discovery rate at which each is reported; p ascending, as in Benjamini and Hochberg 1995."""
    m = len(p)
    return np.minimum.accumulate((p * m / np.arange(1, m + 1))[::-1])[::-1].clip(max=1.0)


def _worse_still(inside: np.ndarray, among: np.ndarray, wrong: np.ndarray, second: np.ndarray) -> bool:
    """Whether a slice is worse than the others among some samples, on the second half."""
    some = second & among
    left = some & inside
    return _p(left.sum(), wrong[left].sum(), some.sum(), wrong[some].sum()) <= STILL


def _p(n: int, k: int, n_all: int, k_all: int) -> float:
    """The chance of k or more wrong among n drawn from n_all with k_all wrong: Fisher's exact test, one-sided."""
    from scipy.stats import hypergeom

    return min(1.0, float(hypergeom.sf(k - 1, n_all, k_all, n)))
