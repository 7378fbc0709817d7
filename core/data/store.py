"""The workspace's data sets: each has a name, and a version for every content it had. A version never changes.

workspace/data/<name>/set.json            which version is current, and where it came from
workspace/data/<name>/<version>/          dataset.json, samples.parquet, and images.npy or table.parquet
workspace/data/<name>/splits/             the part of each sample, by sample id, for every way to split in use
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import tempfile
import time
import unicodedata

import numpy as np
import pandas as pd

from core import files, registry, shapes, words
from core.data import sources
from core.data.dataset import Dataset, LeftOut, Note, Schema
from core.workspace import WorkspaceError, check_workspace, workspace

NAME = re.compile(r"[\w-]{1,60}")
VERSION = re.compile(r"[0-9a-f]{12}")
NUMBER = re.compile(r"((?:test-)?)(\d+)")  # the id of a row that has none of its own
DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError)
FORMAT = 2  # of dataset.json
LEFT_SECONDS = 86_400  # after which nobody can still be writing
FACTS = {"n": shapes.COUNT, "counts": [shapes.COUNT], "schema": shapes.OBJECT, "created": shapes.NUMBER}


# ---------------------------------------------------------------------------------------------------- names


def clean(text: str) -> str:
    """A name for a data set made from any text: "My photos (2)" -> "my-photos-2"."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[^\w]+", "-", plain).strip("-_")[:60].strip("-_") or "data"


def folder(name: str) -> pathlib.Path:
    """The folder of a data set; LookupError if the name could not be one's."""
    if not NAME.fullmatch(name):
        raise LookupError(f"{words.quoted(name)} is not the name of a data set; it has letters, digits, - and _ only.")
    return workspace() / "data" / name


def names() -> list[str]:
    """All stored data sets, sorted; a folder without a readable set.json is listed too, so that it can be deleted.

    One that holds nothing yet is not: it is being stored, or whoever stored it was killed.
    """
    try:
        with os.scandir(workspace() / "data") as entries:
            found = [entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir()]
        return sorted(filter(_holds_something, found))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise WorkspaceError(f"The workspace {workspace()} cannot be read ({error.strerror}).") from error


def _holds_something(name: str) -> bool:
    try:
        return any(not file.startswith(".") for file in os.listdir(folder(name)))
    except OSError as error:
        return not isinstance(error, FileNotFoundError)  # else somebody has just deleted it


def version(name: str) -> str:
    """The current version of a data set; LookupError if there is no such set, ValueError if it is damaged."""
    where = folder(name)
    if not where.is_dir():
        raise LookupError(f"There is no data set {name!r} in {workspace()}; there are {', '.join(names()) or 'none'}.")
    found = _set(name).get("current", "")
    if not found and not (where / "set.json").exists():  # whoever stored it was killed before it was written
        versions = [path.parent.name for path in where.glob("*/dataset.json") if VERSION.fullmatch(path.parent.name)]
        found = versions[0] if len(versions) == 1 else ""
    if not isinstance(found, str) or not VERSION.fullmatch(found):
        raise ValueError(f"The stored data set {name} is damaged; delete the folder {where} and add it again.")
    return found


def versions(name: str) -> list[dict]:
    """The facts of every version of a data set that can be read, the newest first; see `facts`."""
    found = []
    for path in folder(name).glob("*/dataset.json"):
        with contextlib.suppress(ValueError):
            found.append(facts(name, path.parent.name))
    return sorted(found, key=lambda values: values.get("created", 0), reverse=True)


def facts(name: str, version_: str | None = None) -> dict:
    """What dataset.json says of a version: schema, n, counts (samples per class), origin, fingerprint, created, ..."""
    where = folder(name) / (version_ or version(name))
    try:
        values = _described(where)
        Schema.from_dict(values["schema"])
        return {**values, "version": where.name, "name": name}
    except files.Newer:
        raise
    except DAMAGE as error:
        raise _damaged(where, error) from error


def source(name: str) -> dict:
    """Where the current version was read from: {"reader", "where", "options"}; {} if that is not known."""
    found = _set(name).get("source", {})
    return found if isinstance(found, dict) else {}


def find(fingerprint: str, name: str = "") -> str | None:
    """The name of a set that has this content among its versions, `name` rather than another; None if none has."""
    for candidate in (name, *names()):
        if candidate and (folder(candidate) / fingerprint[:12] / "dataset.json").exists():
            return candidate
    return None


# ---------------------------------------------------------------------------------------------------- change


def put(dataset: Dataset, source: dict | None = None) -> Dataset:
    """Store `dataset` under its name as the current version, all of it or nothing; returns it as it is stored.

    Rows that an earlier version had keep their ids, so that they keep their part of the split.
    """
    check_workspace()
    where = folder(dataset.name)
    known = _set(dataset.name)
    with contextlib.suppress(ValueError, LookupError):
        dataset = keep_ids(load(where / version(dataset.name)), dataset)
    target = where / dataset.fingerprint[:12]
    source = known.get("source", {}) if source is None else source
    made = not (target / "dataset.json").exists()
    try:
        if made:
            save(dataset, target)
        files.write_json(where / "set.json", {"format": 1, "current": target.name, "source": source})
    except BaseException:
        if made and _set(dataset.name).get("current") != target.name:
            shutil.rmtree(target, ignore_errors=True)
        with contextlib.suppress(OSError):
            where.rmdir()  # goes only if it is empty
        raise
    return load(target)


def rename(old: str, new: str) -> None:
    """Give a data set another name; its runs find it by its content. ValueError if the name is taken or no name."""
    if not NAME.fullmatch(new):
        said = f"{words.quoted(new)} cannot be the name of a data set"
        raise ValueError(f"{said}; use letters, digits, - and _ (at most 60).")
    if new in registry.members(sources):
        raise ValueError(f"{new} is the name of a set that comes with Vitrine; choose another one.")
    if folder(new).exists():
        raise ValueError(f"There is a data set {new} already; choose another name or delete that one first.")
    try:
        version(old)
        folder(old).rename(folder(new))
    except FileNotFoundError:
        raise LookupError(f"There is no data set {old!r} in {workspace()} any more.") from None
    except OSError as error:
        raise ValueError(f"{old} cannot get the name {new} ({error.strerror}); choose another name.") from error
    except ValueError:  # unreadable, or somebody renamed it while it was read
        if folder(old).is_dir():
            raise
        raise LookupError(f"There is no data set {old!r} in {workspace()} any more.") from None


def delete(name: str) -> None:
    """Delete a data set with all its versions. Runs keep their figures, but can no longer show its samples."""
    where = folder(name)
    if not where.is_dir():
        raise LookupError(f"There is no data set {name!r} in {workspace()}.")
    gone = where.with_name(f".{name}-{time.time_ns()}")
    try:
        where.rename(gone)  # at once, so that nobody sees half of it
    except FileNotFoundError:
        raise LookupError(f"There is no data set {name!r} in {workspace()} any more.") from None
    shutil.rmtree(gone, ignore_errors=True)


def keep_ids(before: Dataset, now: Dataset) -> Dataset:
    """`now` with the ids of `before` for rows of the same content; only where its ids are mere row numbers.

    New rows get numbers that were never used. Where hardly a row is the same, but as many have the same targets, only
    the reading of the columns has changed, and the ids stay as they are.
    """
    if now.kind != "table" or before.kind != "table" or not all(map(NUMBER.fullmatch, now.ids.tolist())):
        return now
    keys = _row_keys(before, now)
    position = pd.Index(keys[0]).get_indexer(keys[1])
    alike = len(now) == len(before) and (now.targets == before.targets).all()
    if alike and (position >= 0).sum() < len(now) / 2:
        return dataclasses.replace(now, ids=before.ids)
    numbers = [int(found[2]) for found in map(NUMBER.fullmatch, before.ids.tolist()) if found]
    first = max(numbers, default=len(before)) + 1
    ids = np.where(position >= 0, before.ids[position], "").astype(object)
    new = np.flatnonzero(position < 0)
    parts = [found for found in map(NUMBER.fullmatch, now.ids[new].tolist()) if found]  # each has one
    ids[new] = [f"{found[1]}{first + i:0{len(found[2])}d}" for i, found in enumerate(parts)]
    return dataclasses.replace(now, ids=ids.astype(str))


def _row_keys(before: Dataset, now: Dataset) -> list[list[str]]:
    """A key per row of each, from its class and the columns that both have; equal rows are numbered."""
    both = [[], []]
    for name in (name for name in before.frame.columns if name in now.frame):
        pair = [before.frame[name], now.frame[name]]
        dates = [pd.api.types.is_datetime64_any_dtype(column.dtype) for column in pair]
        numbers = [pd.api.types.is_numeric_dtype(column.dtype) for column in pair]
        if any(dates) and not all(dates):  # the text of a date may be written in any way
            continue
        if any(numbers) and not all(numbers):  # added rows made a column of numbers one of text, or the other way round
            pair = [pd.to_numeric(column.astype("string"), errors="coerce").astype("float64") for column in pair]
        for columns, column in zip(both, pair):
            columns.append(column.astype("string").fillna("").reset_index(drop=True))
    found = []
    for columns, dataset in zip(both, (before, now)):
        text = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(dataset)))
        text["class"] = np.array(dataset.classes, object)[dataset.targets]
        text["table"] = np.char.startswith(dataset.ids, "test-").astype(str)
        keys = pd.util.hash_pandas_object(text, index=False)  # ty: ignore[not-callable]
        found.append([f"{key}-{again}" for key, again in zip(keys, keys.groupby(keys).cumcount())])
    return found


# ---------------------------------------------------------------------------------------------------- files


def save(dataset: Dataset, target: pathlib.Path) -> None:
    """Write one version into the folder `target`: all of it or nothing; one that another process made first stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear(target.parent)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        samples = pd.DataFrame({"id": dataset.ids, "target": dataset.targets})
        if len(dataset.about.columns):
            samples = pd.concat([samples, dataset.about.reset_index(drop=True)], axis=1)
        samples.to_parquet(beside / "samples.parquet")
        if dataset.kind == "image":
            _save_images(dataset.pictures, beside / "images.npy")
        else:
            dataset.frame.reset_index(drop=True).to_parquet(beside / "table.parquet")
        described = {
            "format": FORMAT,
            "created": time.time(),
            "schema": dataset.schema.to_dict(),
            "n": len(dataset),
            "counts": np.bincount(dataset.targets, minlength=len(dataset.classes)).tolist(),
            "origin": dataset.origin,
            "licence": dataset.licence,
            "root": dataset.root,
            "left_out": [dataclasses.asdict(column) for column in dataset.left_out],
            "notes": [dataclasses.asdict(note) for note in dataset.notes],
            "fingerprint": dataset.fingerprint,
        }
        files.write_sealed(beside / "dataset.json", described)
        try:
            os.replace(beside, target)
        except OSError as error:
            if not (target / "dataset.json").exists():
                raise ValueError(
                    f"The data set {dataset.name} cannot be stored ({error.strerror}); delete the folder {target}."
                ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _clear(where: pathlib.Path) -> None:
    """Remove what processes that were killed a day ago or more have left half-written."""
    for left in where.glob(".*-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def load(where: pathlib.Path) -> Dataset:
    """Read one version; images are memory-mapped. ValueError says what is damaged."""
    try:
        described = _described(where)
        schema = Schema.from_dict(described["schema"])
        samples = pd.read_parquet(where / "samples.parquet")
        image = schema.kind == "image"
        found = Dataset(
            name=where.parent.name,
            kind=schema.kind,
            targets=samples["target"].to_numpy(np.int64),
            classes=schema.classes,
            ids=samples["id"].to_numpy(str),
            origin=described["origin"],
            licence=described["licence"],
            images=np.load(where / "images.npy", mmap_mode="r") if image else None,
            table=None if image else pd.read_parquet(where / "table.parquet"),
            columns=schema.columns,
            left_out=tuple(LeftOut(**column) for column in described["left_out"]),
            about=samples.drop(columns=["id", "target"]),
            root=described["root"],
            notes=tuple(Note(**note) for note in described["notes"]),
        )
    except files.Newer:
        raise
    except DAMAGE as error:
        raise _damaged(where, error) from error
    found.__dict__["fingerprint"] = described["fingerprint"]  # the version never changes, so neither does this
    return found


def _save_images(images: np.ndarray, target: pathlib.Path) -> None:
    """Write images.npy; a decoded cache is linked rather than copied where the file system can."""
    source = getattr(images, "filename", None)
    if source and isinstance(images, np.memmap) and images.base is not None and images.shape == _stored_shape(source):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    head = {"descr": np.lib.format.dtype_to_descr(images.dtype), "fortran_order": False, "shape": images.shape}
    with open(
        target, "wb"
    ) as file:  # and no memory map: where the disk is full, a write says so, a map ends the process
        np.lib.format.write_array_header_2_0(file, head)
        for start in range(0, len(images), 4096):
            file.write(np.ascontiguousarray(images[start : start + 4096]).data)


def _stored_shape(path) -> tuple | None:
    try:
        return np.load(path, mmap_mode="r").shape
    except DAMAGE:
        return None


def _set(name: str) -> dict:
    """What set.json says; {} if it is damaged. Raises files.Newer."""
    try:
        return files.read_json(folder(name) / "set.json")
    except files.Newer:
        raise
    except (OSError, ValueError):
        return {}


def _described(where: pathlib.Path) -> dict:
    """What dataset.json of a version says. Raises OSError, files.Newer, or ValueError if it is damaged."""
    values = files.read_json(where / "dataset.json", FORMAT)
    if problem := shapes.misfit(values, FACTS, ("n", "schema")):
        raise ValueError(f"dataset.json {problem}")
    return values


def _damaged(where: pathlib.Path, error: Exception) -> ValueError:
    reason = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, KeyError) and error.args:
        reason = f"it lacks {error.args[0]}"
    return ValueError(
        f"The stored data set {where.parent.name} cannot be read ({reason}); delete the folder {where} to make it anew."
    )
