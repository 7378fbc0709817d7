"""Data sets: `available()` lists them, `get(name)` gives one from the workspace's store, `parts` its split."""

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import files, registry
from core.data import lists, sources, split, store
from core.data.dataset import Column, Dataset, Schema
from core.words import quoted

if TYPE_CHECKING:
    from core.config import DataConfig

__all__ = ["Column", "Dataset", "Schema", "available", "built_in", "get", "lists", "parts", "split", "store", "title"]


def built_in() -> list[str]:
    """Names of the sets that come with the project."""
    return registry.members(sources)


def available() -> list[str]:
    """Names of all data sets: a person's own first, then those that come with the project."""
    ours = built_in()
    return [name for name in store.names() if name not in ours] + ours


def title(name: str) -> str:
    """One line on a data set, for a list to choose from."""
    if name in built_in():
        return registry.member(sources, name, "data set").TITLE
    from core import words

    try:
        facts = store.facts(name)
    except (ValueError, LookupError):
        return f"{name}: damaged"
    what = words.count(facts["n"], "image" if facts["schema"]["kind"] == "image" else "row")
    if facts["schema"]["kind"] == "table":
        what += f", {words.count(len(facts['schema']['columns']), 'column')}"
    return f"{name}: {what}, {words.count(len(facts['schema']['classes']), 'class')}"


def get(name: str, version: str | None = None) -> Dataset:
    """The named data set, its current version or the one given; LookupError if there is none.

    One that comes with the project is made at the first call and kept in the workspace.
    """
    if name in built_in() and not (store.folder(name) / "set.json").exists():
        return store.put(registry.member(sources, name, "data set").load())
    if name not in store.names():
        registry.member(sources, name, "data set", available())  # says which there are
    version = version or store.version(name)
    if not store.VERSION.fullmatch(version):  # which is part of a path
        raise LookupError(f"{quoted(version)} is no version of the data set {name}; leave it out for the current one.")
    return store.load(store.folder(name) / version)


def parts(data: Dataset, plan: "DataConfig") -> np.ndarray:
    """Part of each sample, str (n,): "train", "val", "test" or "out", as `plan` (config.DataConfig) says.

    Kept by sample id beside the data set, for the samples of all its versions: none ever leaves its part. Of train and
    val those in the list `plan.without` are out. The test part stays what it is, so that runs with and without them can
    be compared on it. ValueError if there is no such list, or a part would be empty.
    """
    made = _whole(data, plan)
    if not plan.without:
        return made
    listed = np.isin(data.ids, lists.load(data.name, plan.without))
    left = np.where(listed & (made != "test"), "out", made)
    for part in ("train", "val"):
        if not (left == part).any():
            raise ValueError(
                f"The {part} part is empty without the samples of the list {plan.without}; leave fewer of them out."
            )
    return left


def _whole(data: Dataset, plan) -> np.ndarray:
    """The part of each sample with none left out, as it is kept."""
    how = {
        "how": plan.split,
        "by": plan.split_by,
        "val_fraction": plan.val_fraction,
        "test_fraction": plan.test_fraction,
        "seed": plan.split_seed,
        "folds": plan.folds,
        "fold": plan.fold,
    }
    key = hashlib.sha256(json.dumps(how).encode()).hexdigest()[:16]
    path = store.folder(data.name) / "splits" / f"{key}.parquet"
    known = None
    if path.exists():
        try:
            known = pd.read_parquet(path, columns=["id", "part", "here"])  # here: in the version last asked for
        except (OSError, ValueError, KeyError):
            known = None  # damaged: made again from the same seed
    if known is not None:
        known = _that_fit(known, data, plan)
    if known is not None and known.loc[known["here"], "id"].to_numpy(str).tolist() == data.ids.tolist():
        return known.loc[known["here"], "part"].to_numpy(str)
    made = split.make(data, **how, kept=None if known is None else dict(zip(known["id"], known["part"])))
    if path.parent.parent.is_dir():
        path.parent.mkdir(exist_ok=True)
        table = pd.DataFrame({"id": data.ids, "part": made, "here": True})
        if known is not None:  # samples that only other versions have
            table = pd.concat([table, known[~known["id"].isin(data.ids)].assign(here=False)])
        with contextlib.suppress(OSError), files.replacing(path) as beside:  # what cannot be written still shows
            table.to_parquet(beside, index=False)
    return made


def _that_fit(known: pd.DataFrame, data: Dataset, plan) -> pd.DataFrame | None:
    """Of the parts that are known, those that the data itself does not contradict: its own word goes first."""
    if plan.split == "column":
        return None
    given = data.given_parts
    if given is None or plan.split not in ("auto", "given") or plan.folds:
        return known
    said, part = known["id"].map(dict(zip(data.ids, given))).fillna(""), known["part"]
    carved = (said == "train") & ~part.isin({*given.tolist(), "out"})  # a part that the data does not give
    return known[(said == "") | (said == part) | carved]
