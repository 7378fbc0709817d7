"""What the Data page shows of a stored set, computed once and kept beside its version: profile, checks, mean images."""

import contextlib
import zipfile

import numpy as np

from core import data, files
from core.config import DataConfig
from core.data import store

FORMAT = 1


def profile(name: str, version: str) -> dict:
    """The numbers of `profile.of_table` or `profile.of_images`, with the split that training takes by default."""
    from core.data import profile as profiles

    def compute():
        found = data.get(name, version)
        of = profiles.of_images if found.kind == "image" else profiles.of_table
        return of(found, _parts(found))

    return _kept(name, version, "profile", compute)


def findings(name: str, version: str) -> list[dict]:
    """The findings of `checks.run` as plain values; see `checks.Finding`."""
    from core.data import checks

    def compute():
        found = data.get(name, version)
        return {"findings": [finding.to_dict() for finding in checks.run(found, _parts(found))]}

    return _kept(name, version, "checks", compute)["findings"]


def means(name: str, version: str) -> np.ndarray:
    """Mean image of each class, uint8 (n_classes, c, h, w)."""
    from core.data import profile as profiles

    path = store.folder(name) / version / "means.npy"
    with contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile):
        kept = np.load(path)
        if isinstance(kept, np.ndarray) and kept.ndim == 4:
            return kept
    made = profiles.mean_images(data.get(name, version))
    with contextlib.suppress(OSError), files.replacing(path) as beside, open(beside, "wb") as file:
        np.save(file, made)
    return made


def mend(name: str, version: str, fix: dict) -> str:
    """Apply the fix of a finding: a new version of the data set, which is returned. The old version stays."""
    from core.data import checks

    found = data.get(name, version)
    return store.put(checks.apply(found, checks.Fix.from_dict(fix))).fingerprint[:12]


def _parts(found) -> np.ndarray:
    try:
        return data.parts(found, DataConfig(name=found.name))
    except ValueError:  # too few samples to be split; the checks say so in their own way
        return np.full(len(found), "train", "<U5")


def _kept(name: str, version: str, what: str, compute) -> dict:
    """The record of this name, computed if it is not there or cannot be read."""
    path = store.folder(name) / version / f"{what}.json"
    with contextlib.suppress(OSError, ValueError):
        record = files.read_json(path, FORMAT)
        if record.get("format") == FORMAT:
            return record
    record = {"format": FORMAT, **compute()}
    with contextlib.suppress(OSError):  # a workspace that cannot be written still shows
        files.write_sealed(path, record)
    return record
