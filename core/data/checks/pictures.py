"""Images that are nearly the same, or of a single colour."""

import numpy as np

from core import words
from core.data import split
from core.data.checks import near
from core.data.checks.finding import Finding, Fix, evidence
from core.data.dataset import Dataset

CHUNK_BYTES = 32 * 1024 * 1024


def find(dataset: Dataset, parts: np.ndarray | None, keys: np.ndarray) -> list[Finding]:
    """keys : what `content.content_keys` says of each sample."""
    if dataset.kind != "image":
        return []
    return [*_near(dataset, parts, keys), *_single_colour(dataset)]


def _near(dataset: Dataset, parts: np.ndarray | None, keys: np.ndarray) -> list[Finding]:
    """Pairs on one side of the split, and those on both, each sample with its exact copies counted once."""
    first = np.arange(len(keys))
    if parts is not None:
        first = np.argsort(parts == "out", kind="stable")  # of exact copies the one that is in a part
    which = np.sort(first[np.unique(keys[first], return_index=True)[1]])
    pairs = near.pairs(dataset, which)
    across = np.zeros(len(pairs), bool)
    if parts is not None:
        rank = np.select([parts == part for part in split.PARTS], [0, 1, 2], default=-1)
        pairs = np.take_along_axis(pairs, np.argsort(rank[pairs], axis=1, kind="stable"), axis=1)
        sides = rank[pairs]  # the weaker side first
        across = (sides[:, 0] != sides[:, 1]) & (sides >= 0).all(axis=1)
    found = []
    for check, some, where in (
        ("near_duplicates_across_parts", pairs[across], ", on both sides of the split: figures would be too good"),
        ("near_duplicates", pairs[~across], ""),
    ):
        if len(some) == 0:
            continue
        ids = dataset.ids[some]
        spare = list(dict.fromkeys(ids[:, 0] if where else _all_but_one(some, dataset.ids)))
        pair = "pair of images is" if len(some) == 1 else "pairs of images are"
        differ = int((dataset.targets[some[:, 0]] != dataset.targets[some[:, 1]]).sum())
        labels = f"; {differ:,} of them under two labels" if differ else ""
        fix = Fix(f"Drop {words.count(len(spare), 'image')} of these", "drop_samples", {"ids": list(map(str, spare))})
        found.append(
            Finding(
                check,
                "warning",
                f"{len(some):,} {pair} nearly the same{where}{labels}.",
                evidence(len(some), pairs=ids.tolist(), ids=list(dict.fromkeys(ids.ravel().tolist()))),
                fix,
            )
        )
    return found


def _all_but_one(pairs: np.ndarray, ids: np.ndarray) -> list[str]:
    """All samples of each chain of pairs but the first."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    chain = connected_components(coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(ids),) * 2), directed=False)[1]
    members = np.unique(pairs)
    return ids[np.delete(members, np.unique(chain[members], return_index=True)[1])].tolist()


def _single_colour(dataset: Dataset) -> list[Finding]:
    if dataset.pictures[0, 0].size == 1:
        return []
    step = max(1, CHUNK_BYTES // max(1, dataset.pictures[:1].nbytes))
    flat = []
    for start in range(0, len(dataset), step):
        x = dataset.pictures[start : start + step]
        doubtful = np.flatnonzero((x[:, :, 0, 0] == x[:, :, -1, -1]).all(axis=1))  # few; the others are not flat
        same = (x[doubtful] == x[doubtful][:, :, :1, :1]).all(axis=(1, 2, 3))
        flat += (start + doubtful[same]).tolist()
    if not flat:
        return []
    ids = dataset.ids[flat].tolist()
    have = "has" if len(ids) == 1 else "have"
    sentence = f"{words.count(len(ids), 'image')} {have} a single colour and show nothing."
    fix = Fix(f"Drop {words.count(len(ids), 'image')}", "drop_samples", {"ids": ids})
    return [Finding("single_colour", "warning", sentence, evidence(len(ids), ids=ids), fix)]
