"""Accuracy once more without the test samples that have a near twin in training, which a model may know by heart."""

import dataclasses

import numpy as np
import pandas as pd

from core import progress, words
from core.data.checks import near
from core.data.content import content_keys
from core.data.dataset import Dataset
from core.evaluation.intervals import proportion

FORMAT = 1


def without_twins(
    dataset: Dataset, positions: dict[str, np.ndarray], y_true: np.ndarray, y_pred: np.ndarray, part: str = "test"
) -> dict:
    """How good the predictions are on all samples of a part, and on those without a twin in training.

    positions : int (n,) in the data set of "train" and of the part, see `split.load`
    y_true, y_pred : int (n,), of the part's samples in this order
    Images are twins if they are equal or nearly so (see `core.data.checks.near`), rows if they are equal in all columns
    that the model reads, whatever their class.
    {"n", "n_twins": samples of the part with a twin, "pairs": [[id, id of one twin in training], ...], "accuracy",
    "accuracy_without": {"value", "low", "high"}, "sentence"}. Raises ValueError if the arrays differ in length.
    """
    where = np.asarray(positions[part])
    if not len(where) == len(y_true) == len(y_pred):
        raise ValueError(
            f"The {part} part has {len(where)} samples, y_true {len(y_true)} and y_pred {len(y_pred)}; "
            "it needs as many of each."
        )
    thing = f"{part} {dataset.schema.sample_word}"
    return _without(dataset, np.asarray(positions["train"]), where, y_true, y_pred, thing)


def _without(dataset: Dataset, train, where, y_true, y_pred, thing: str, of: str = "") -> dict:
    """thing : what one of the samples is called, "test row";  of : whose they are, " of april" """
    twin = _twins(dataset, train, where)
    alone = twin < 0
    right = np.asarray(y_true) == np.asarray(y_pred)
    record = {
        "n": len(where),
        "n_twins": int((~alone).sum()),
        "pairs": [[str(dataset.ids[i]), str(dataset.ids[j])] for i, j in zip(where[~alone], twin[~alone])],
        "accuracy": proportion(int(right.sum()), len(right)),
        "accuracy_without": proportion(int(right[alone].sum()), int(alone.sum())),
    }
    return {**record, "sentence": _sentence(record, dataset, thing, of)}


def of_run(run: str, part: str = "test") -> dict:
    """`without_twins` for a run, kept in its folder as leaks-<part>.json until it is evaluated anew.

    Raises ValueError if data, split or predictions are gone.
    """
    from core import runs
    from core.data import split

    made_from = runs.path(run, "predictions", f"{part}.parquet")
    stamp = made_from.stat().st_mtime_ns if made_from.exists() else 0
    path = runs.path(run, f"leaks-{part}.json")
    if path.exists():
        try:
            kept = runs.read_json(run, path.name)
        except runs.DamagedRun:  # made again
            kept = {}
        if kept.get("format") == FORMAT and kept.get("predictions") == stamp:
            return kept
    dataset = runs.dataset(run)
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)
    ids, y_true, logits = runs.predictions(run, part)
    positions[part] = _places(dataset, ids, run)
    record = without_twins(dataset, positions, y_true, logits.argmax(axis=1), part)
    record = {"format": FORMAT, "predictions": stamp, "part": part, **record}
    runs.write_record(run, path.name, record)
    return record


def of_other(own: Dataset, train: np.ndarray, other: Dataset, y_pred: np.ndarray) -> dict:
    """`without_twins` for all samples of another data set, which may hold some that a run was trained on.

    own : the run's data;  train : int (n_train,), positions in it;  other : as `other_data.fitted` gives it
    y_pred : int (n,), of the samples of `other`
    Images that are stored with other sides or values are not compared: {"n_twins": None, "pairs": [], "sentence"}.
    """
    if own.kind == "image" and (own.schema.shape, own.schema.dtype) != (other.schema.shape, other.schema.dtype):
        return unknown("its images are stored with other sides or values than those of training")
    where = len(own) + np.arange(len(other))
    thing = own.schema.sample_word
    return _without(_both(own, other), train, where, other.targets, y_pred, thing, f" of {other.name}")


def unknown(reason: str) -> dict:
    """The record where nothing could be compared."""
    return {
        "n_twins": None,
        "pairs": [],
        "sentence": f"Whether the run was trained on any of it is not known: {reason}.",
    }


def _places(dataset: Dataset, ids: np.ndarray, run: str) -> np.ndarray:
    order = np.argsort(dataset.ids, kind="stable")
    place = np.searchsorted(dataset.ids, ids, sorter=order).clip(max=len(order) - 1)
    if (dataset.ids[order[place]] != ids).any():
        raise ValueError(f"The predictions of run {run} name samples that its data does not have; evaluate it again.")
    return order[place]


def _twins(dataset: Dataset, train: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Position of one twin in training of each sample at `where`, the nearest of those that are found, or -1."""
    with progress.within(0, 4):
        keys = content_keys(dataset)
    twin = np.full(len(where), -1)
    contents, first = np.unique(keys[train], return_index=True)
    if len(contents):
        place = np.searchsorted(contents, keys[where]).clip(max=len(contents) - 1)
        same = contents[place] == keys[where]
        twin[same] = train[first[place[same]]]
    if dataset.kind != "image":
        return twin
    both = np.unique(np.concatenate([train[first], where[twin < 0]]))
    in_train, at = np.zeros(len(dataset), bool), np.full(len(dataset), -1)
    in_train[train] = True
    at[where[twin < 0]] = np.flatnonzero(twin < 0)
    once = both[np.unique(keys[both], return_index=True)[1]]  # copies within the part crowd out what is to be found
    with progress.within(1, 4, 3):
        pairs = near.pairs(dataset, once)
    for one, other in pairs:  # the closest first
        for i, j in ((one, other), (other, one)):
            if at[i] >= 0 and in_train[j] and twin[at[i]] < 0:
                twin[at[i]] = j
    found = {keys[where[i]]: twin[i] for i in np.flatnonzero(twin >= 0)}
    for i in np.flatnonzero(twin < 0):  # a copy within the part has the same twin
        twin[i] = found.get(keys[where[i]], -1)
    return twin


class _Pictures:
    """Images of two sets one after the other, read where they are asked for."""

    def __init__(self, one: np.ndarray, other: np.ndarray):
        self.one, self.other, self.dtype = one, other, one.dtype
        self.shape = (len(one) + len(other), *one.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which) -> np.ndarray:
        which = np.arange(len(self))[which]
        made, first = np.empty((len(which), *self.shape[1:]), self.dtype), which < len(self.one)
        made[first], made[~first] = self.one[which[first]], self.other[which[~first] - len(self.one)]
        return made

    def min(self) -> float:
        return min(self.one.min(), self.other.min())

    def max(self) -> float:
        return max(self.one.max(), self.other.max())


def _both(own: Dataset, other: Dataset) -> Dataset:
    """The samples of two sets, one after the other, as one."""
    image = own.kind == "image"
    names = [column.name for column in own.columns]
    return dataclasses.replace(
        own,
        images=_Pictures(own.pictures, other.pictures) if image else None,
        table=None if image else pd.concat([own.frame[names], other.frame[names]], ignore_index=True),
        targets=np.concatenate([own.targets, other.targets]),
        ids=np.concatenate([own.ids, other.ids]),
    )


def _sentence(record: dict, dataset: Dataset, thing: str, of: str) -> str:
    small = dataset.kind == "image" and min(dataset.pictures.shape[2:]) < near.SMALLEST_SIDE
    only = " Images this small are compared for exact copies only." if small else ""
    if record["n_twins"] == 0:
        return f"No {thing}{of} has a near twin in training.{only}"
    have = "has" if record["n_twins"] == 1 else "have"
    start = f"{record['n_twins']:,} of {words.count(record['n'], thing)}{of} {have} a near twin in training"
    if record["n_twins"] == record["n"]:
        return f"{start}, so how good the model is on new ones is not known."
    return (
        f"{start}; without them accuracy is {words.interval(record['accuracy_without'])}, "
        f"with them {words.interval(record['accuracy'])}.{only}"
    )
