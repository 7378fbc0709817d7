"""Lists of sample ids that a person keeps with a data set, such as those whose labels seem wrong.

workspace/data/<name>/lists/<list>.json
"""

import pathlib
import re
import time
from collections.abc import Iterable

from core import files, words
from core.data import store

NAME = re.compile(r"[A-Za-z0-9-]{1,60}")


def save(dataset_name: str, list_name: str, ids: Iterable, replace: bool = False) -> pathlib.Path:
    """Keep a list of sample ids, each once, in the order given; returns its path.

    replace : whether a list of this name with other ids gives way. Runs name the list, so it is refused by default.
    Raises ValueError if the name is none, taken, or the list is empty; LookupError if there is no such data set.
    """
    where = _path(dataset_name, list_name)
    store.version(dataset_name)
    ids = list(dict.fromkeys(map(str, ids)))
    if not ids:
        raise ValueError(f"The list {list_name} would be empty; mark at least one sample.")
    if not replace and where.exists() and load(dataset_name, list_name) != ids:
        raise ValueError(
            f"{dataset_name} has a list {list_name} with other samples already; choose another name for this one."
        )
    where.parent.mkdir(exist_ok=True)
    files.write_json(where, {"format": 1, "created": time.time(), "ids": ids})
    return where


def load(dataset_name: str, list_name: str) -> list[str]:
    """The sample ids of a list; ValueError says which lists there are, or that the file is damaged."""
    where = _path(dataset_name, list_name)
    try:
        ids = files.read_json(where)["ids"]
        if not isinstance(ids, list):
            raise TypeError("ids is no list")
        return [str(sample) for sample in ids]
    except FileNotFoundError:
        known = ", ".join(names(dataset_name)) or "none"
        raise ValueError(f"{dataset_name} has no list {list_name!r} of samples to leave out; it has {known}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"The list {where} cannot be read ({error}); delete the file and save it again.") from error


def names(dataset_name: str) -> list[str]:
    """The lists that a data set has, sorted."""
    found = (store.folder(dataset_name) / "lists").glob("*.json")
    return sorted(path.stem for path in found if NAME.fullmatch(path.stem))


def delete(dataset_name: str, list_name: str) -> None:
    """Delete a list; nothing happens if it is not there."""
    _path(dataset_name, list_name).unlink(missing_ok=True)


def _path(dataset_name: str, list_name: str) -> pathlib.Path:
    if not NAME.fullmatch(list_name):
        said = f"{words.quoted(list_name)} cannot be the name of a list"
        raise ValueError(f"{said}; use letters, digits and hyphens, at most 60.")
    return store.folder(dataset_name) / "lists" / f"{list_name}.json"
