"""Explanations kept in a run's folder: plain numbers as JSON, arrays beside it, and which of them the report shows.

What is kept is of the weights that the run has now; after more training it counts as not there.
"""

import hashlib
import json
import pathlib
import re
import zipfile
from dataclasses import dataclass

import numpy as np

from core import runs
from core.files import read_json, replacing, write_json, write_sealed

NAME = re.compile(r"[a-z_]+-[0-9a-f]{16}")


@dataclass(frozen=True, eq=False)
class Explanation:
    """arrays : by name, see the method;  record : plain values, with run and name, under which it is kept."""

    arrays: dict[str, np.ndarray]
    record: dict

    @property
    def path(self) -> pathlib.Path:
        """Where the record is kept; the arrays are beside it."""
        return runs.path(self.record["run"], "explanations", f"{self.record['name']}.json")


def name(run: str, what: str, key: list) -> str:
    """The name under which something is kept. Ids and class names come from the data, so they are hashed.

    what : a word, such as the method's name;  key : plain values that tell it from others
    """
    digest = hashlib.sha256(json.dumps([key, runs.weights_stamp(run)]).encode())
    return f"{what}-{digest.hexdigest()[:16]}"


def write(run: str, what: str, key: list, record: dict, arrays: dict[str, np.ndarray] | None = None) -> Explanation:
    """Keep a record (plain values, no NaN) and its arrays; arrays first, so that a record always has its own."""
    found = name(run, what, key)
    folder = runs.path(run, "explanations")
    folder.mkdir(exist_ok=True)
    arrays, record = arrays or {}, json.loads(json.dumps(record))  # as it will be read
    if arrays:
        with replacing(folder / f"{found}.npz") as beside, open(beside, "wb") as file:
            np.savez_compressed(file, **arrays)  # ty: ignore[invalid-argument-type]
    write_sealed(folder / f"{found}.json", {**record, "arrays": sorted(arrays)})
    return Explanation(arrays, {**record, "arrays": sorted(arrays), "run": run, "name": found})


def read(run: str, what: str, key: list) -> Explanation | None:
    """What is kept under this key, or None. A damaged one counts as not there: it is made again."""
    return read_name(run, name(run, what, key))


def read_name(run: str, name: str) -> Explanation | None:
    """What is kept under a name, or None."""
    if not NAME.fullmatch(name):
        return None
    folder = runs.path(run, "explanations")
    try:
        record = read_json(folder / f"{name}.json")
        arrays = {}
        if record["arrays"]:
            with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in record["arrays"]}
        return Explanation(arrays, {**record, "run": run, "name": name})
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


# ---------------------------------------------------------------------------------------------------- report


def pin(run: str, what: Explanation | str) -> None:
    """Let the run's report show an explanation, or whatever is kept under a name."""
    found = what if isinstance(what, str) else what.record["name"]
    if found not in (names := _pins(run)):
        write_json(_pins_path(run), {"names": [*names, found]})


def unpin(run: str, name: str) -> None:
    """Take an explanation out of the report."""
    write_json(_pins_path(run), {"names": [kept for kept in _pins(run) if kept != name]})


def pinned(run: str) -> list[Explanation]:
    """What the report shows, in the order in which it was added; what cannot be read any more is left out."""
    return [found for found in (read_name(run, kept) for kept in _pins(run)) if found is not None]


def _pins(run: str) -> list[str]:
    try:
        names = read_json(_pins_path(run))["names"]
        return [name for name in names if isinstance(name, str) and NAME.fullmatch(name)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _pins_path(run: str):
    return runs.path(run, "explanations", "report.json")
