"""Stratified, seeded train/validation/test split, kept by sample id."""

import numpy as np
import pandas as pd

PARTS = ("train", "val", "test")


def make(targets: np.ndarray, val_fraction: float, test_fraction: float, seed: int) -> np.ndarray:
    """Part of each sample, str (n,): "train", "val" or "test", with the same shares in every class.

    Each class is shuffled by itself; its shares are rounded, and at least one sample stays in "train".
    Raises ValueError if a part would be empty.
    """
    rng = np.random.default_rng(seed)
    parts = np.full(len(targets), "train", dtype="<U5")
    for target in np.unique(targets):
        members = rng.permutation(np.flatnonzero(targets == target))
        n_test = min(round(test_fraction * len(members)), len(members) - 1)
        n_val = min(round(val_fraction * len(members)), len(members) - 1 - n_test)
        parts[members[:n_test]] = "test"
        parts[members[n_test : n_test + n_val]] = "val"
    for part in PARTS:
        if not (parts == part).any():
            raise ValueError(
                f"The {part} part of the split is empty with {len(targets)} samples, "
                f"val_fraction {val_fraction} and test_fraction {test_fraction}; use more data or other fractions."
            )
    return parts


def save(path, ids: np.ndarray, parts: np.ndarray) -> None:
    """Write the split as a table of sample id and part."""
    pd.DataFrame({"id": ids, "part": parts}).to_parquet(path)


def load(path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Positions in `ids` of each part, {"train": int64 (n_train,), ...}; ValueError if a sample is gone."""
    try:
        table = pd.read_parquet(path, columns=["id", "part"])
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"The split in {path} cannot be read; train the run again.") from error
    position = pd.Index(ids).get_indexer(table["id"].astype(str))
    if (position < 0).any():
        gone = table["id"].iloc[int(np.argmin(position))]
        raise ValueError(f"Sample {gone} of the run's split is no longer in the data set.")
    return {part: position[(table["part"] == part).to_numpy()] for part in PARTS}
