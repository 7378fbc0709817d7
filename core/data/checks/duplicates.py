"""Samples with the same content: twice in the data, under two classes, or in two parts of the split."""

import numpy as np
import pandas as pd

from core import words
from core.data import split
from core.data.checks.finding import Finding, Fix, evidence
from core.data.dataset import Dataset

PLACEHOLDER = 5  # files with the same pixels, from which on they may stand for pictures that were not found


def find(dataset: Dataset, parts: np.ndarray | None, keys: np.ndarray) -> list[Finding]:
    """keys : what `content.content_keys` says of each sample."""
    units, _ = pd.factorize(keys)
    copies = np.bincount(units)[units] if len(units) else units
    repeated = np.flatnonzero(copies > 1)
    if len(repeated) == 0:
        return []
    repeated = repeated[np.argsort(units[repeated], kind="stable")]
    found = [_twice(dataset, units, repeated), *_conflicts(dataset, units, repeated)]
    if dataset.kind == "image":
        found += _placeholders(dataset, units, copies)
    if parts is not None:
        found += _across(dataset, units, repeated, parts)
    return [finding for finding in found if finding is not None]


def _twice(dataset: Dataset, units: np.ndarray, repeated: np.ndarray) -> Finding:
    ids = dataset.ids
    _, first, n_copies = np.unique(units[repeated], return_index=True, return_counts=True)
    pairs = [(ids[repeated[i]], ids[repeated[i + 1]]) for i in first[:50]]
    same = pd.DataFrame({"unit": units[repeated], "target": dataset.targets[repeated]}).duplicated().to_numpy()
    spare = ids[repeated[same]].tolist()
    what = "pixels" if dataset.kind == "image" else "values"
    occur = "occurs" if len(first) == 1 else "occur"
    sentence = (
        f"{words.count(len(first), dataset.schema.sample_word)} {occur} twice or more with the same {what} "
        f"({words.count(len(repeated), dataset.schema.sample_word)} in all)."
    )
    label = f"Keep one of each, drop {words.count(len(spare), dataset.schema.sample_word)}"
    return Finding(
        "exact_duplicates",
        "warning" if dataset.kind == "image" else "note",  # a few plain columns are the same now and then
        sentence,
        evidence(len(first), pairs=pairs, ids=ids[repeated]) | {"largest": int(n_copies.max())},
        Fix(label, "drop_samples", {"ids": spare}) if spare else None,
    )


def _conflicts(dataset: Dataset, units: np.ndarray, repeated: np.ndarray) -> list[Finding]:
    labels = pd.DataFrame({"unit": units[repeated], "target": dataset.targets[repeated], "where": repeated})
    kinds = labels.drop_duplicates(["unit", "target"])
    kinds = kinds[kinds.duplicated("unit", keep=False)]
    if kinds.empty:
        return []
    n = kinds["unit"].nunique()
    both = kinds.groupby("unit")["where"].agg(["first", "last"]).head(50)
    pairs = [(dataset.ids[a], dataset.ids[b]) for a, b in zip(both["first"], both["last"])]
    ids = dataset.ids[labels.loc[labels["unit"].isin(kinds["unit"]), "where"]].tolist()
    image = dataset.kind == "image"
    word = "image" if image else "set of values"
    occur = f"1 {word} occurs" if n == 1 else f"{n:,} {'images' if image else 'sets of values'} occur"
    classes = [dataset.classes[target] for target in np.unique(kinds["target"])]
    rows = words.count(len(ids), dataset.schema.sample_word)
    why = "the same content under two labels" if image else "no model can tell them apart"
    severity = "problem" if image else "note" if dataset.left_out else "warning"  # they may differ in what is left out
    return [
        Finding(
            "conflicting_labels",
            severity,
            f"{occur} in more than one class, {rows} in all: {why}.",
            evidence(n, pairs=pairs, ids=ids, classes=classes),
            Fix(f"Drop all {rows}", "drop_samples", {"ids": ids}),
        )
    ]


def _placeholders(dataset: Dataset, units: np.ndarray, copies: np.ndarray) -> list[Finding]:
    many = np.flatnonzero(copies >= PLACEHOLDER)
    n_kinds = len(np.unique(units[many]))
    if n_kinds == 0 or n_kinds > 0.1 * len(np.unique(units)):  # where all come many times, it is no placeholder
        return []
    many = many[np.lexsort((many, -copies[many]))]
    ids = dataset.ids[many].tolist()
    what = "1 picture comes" if n_kinds == 1 else f"{n_kinds:,} pictures come"
    return [
        Finding(
            "placeholder",
            "warning",
            f"{what} {PLACEHOLDER} times or more under different names ({len(many):,} files in all), as a "
            '"not found" picture would.',
            evidence(len(many), ids=ids),
            Fix(f"Drop all {words.count(len(ids), 'image')}", "drop_samples", {"ids": ids}),
        )
    ]


def _across(dataset: Dataset, units: np.ndarray, repeated: np.ndarray, parts: np.ndarray) -> list[Finding]:
    """Twins on both sides, which a split that was made here does not have, and those that it has put out for it."""
    rank = pd.Series(parts[repeated]).map({"test": 0, "val": 1, "train": 2, "out": 3}).to_numpy()
    strongest = np.full(len(repeated), 3)
    place = np.unique(units[repeated], return_inverse=True)[1]
    np.minimum.at(strongest, place, rank)
    best = np.zeros(len(repeated), np.int64)
    holders = np.flatnonzero(rank == strongest[place])
    best[place[holders[::-1]]] = holders[::-1]  # the first holder of each unit
    twin = repeated[best[place]]
    found = []
    for check, severity, where, text in (
        ("duplicates_across_parts", "problem", (rank < 3) & (rank > strongest[place]), _SEEN),
        ("duplicates_out", "warning", (rank == 3) & (strongest[place] < 3), _OUT),
    ):
        if not where.any():
            continue
        ids = dataset.ids[repeated[where]].tolist()
        held = parts[twin[where]]
        other = " and ".join(part for part in split.PARTS if (held == part).any())
        n = words.count(len(ids), dataset.schema.sample_word)
        copy = "is an exact copy" if len(ids) == 1 else "are exact copies"
        pairs = list(zip(ids, dataset.ids[twin[where]].tolist()))
        fix = Fix(f"Drop {n}", "drop_samples", {"ids": ids})
        sentence = f"{n} {copy} of one in the {other} part{text}"
        found.append(Finding(check, severity, sentence, evidence(len(ids), ids=ids, pairs=pairs), fix))
    return found


_SEEN = ", and in another part themselves: figures would be too good."
_OUT = ", so the split leaves them out of training."
