"""The Dataset value, the schema a model is built from, and the store that keeps data sets as plain files."""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its type ("number" or "category") and, for a category, the known values."""

    name: str
    type: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """What a model must know of its data: the kind, the shape of one sample, the columns and the class names."""

    kind: str  # "image" or "table"
    shape: tuple[int, ...]  # (c, h, w) or (n_columns,)
    classes: tuple[str, ...]
    columns: tuple[Column, ...] = ()

    @property
    def sample_word(self) -> str:
        return "image" if self.kind == "image" else "row"

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Schema":
        columns = tuple(Column(c["name"], c["type"], tuple(c["categories"])) for c in values["columns"])
        return cls(values["kind"], tuple(values["shape"]), tuple(values["classes"]), columns)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples with targets, exactly as given: images or a table, never scaled.

    images : uint8 (n, c, h, w) for kind "image", else None
    table : DataFrame with n rows, one column per `columns`, for kind "table", else None
    targets : int64 (n,), index into `classes`
    ids : str (n,), unique
    origin, licence : where the data comes from and on what terms, one sentence each
    """

    name: str
    kind: str
    targets: np.ndarray
    classes: tuple[str, ...]
    ids: np.ndarray
    origin: str
    licence: str
    images: np.ndarray | None = None
    table: pd.DataFrame | None = None
    columns: tuple[Column, ...] = ()

    def __post_init__(self):
        samples = self.images if self.kind == "image" else self.table
        if not len(samples) == len(self.targets) == len(self.ids):
            raise ValueError(
                f"{self.name} has {len(samples)} samples, {len(self.targets)} targets and {len(self.ids)} ids; "
                "it needs as many of each."
            )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def schema(self) -> Schema:
        shape = self.images.shape[1:] if self.kind == "image" else (len(self.columns),)
        return Schema(self.kind, tuple(int(side) for side in shape), self.classes, self.columns)

    @functools.cached_property
    def x(self) -> np.ndarray:
        """What a model takes: uint8 (n, c, h, w), or float32 (n, n_columns) with categories as codes.

        A missing number is NaN; a missing or unknown category is -1.
        """
        return self.images if self.kind == "image" else encode(self.table, self.columns)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content (samples, targets, classes, ids), the same wherever it is computed."""
        digest = hashlib.sha256()
        head = {"kind": self.kind, "classes": self.classes, "columns": [dataclasses.asdict(c) for c in self.columns]}
        digest.update(json.dumps([head, self.ids.tolist()]).encode())
        digest.update(np.ascontiguousarray(self.targets, dtype="<i8").data)
        if self.kind == "image":
            digest.update(repr(self.images.shape).encode())
            digest.update(np.ascontiguousarray(self.images).data)
        else:
            for column in self.columns:
                values = self.table[column.name]
                if column.type == "number":
                    digest.update(np.ascontiguousarray(values, dtype="<f8").data)
                else:
                    digest.update(json.dumps([None if pd.isna(v) else str(v) for v in values]).encode())
        return digest.hexdigest()


def encode(table: pd.DataFrame, columns: tuple[Column, ...]) -> np.ndarray:
    """A table as float32 (n, n_columns): numbers as they are (missing: NaN), categories as codes (unknown: -1)."""
    x = np.empty((len(table), len(columns)), np.float32)
    for j, column in enumerate(columns):
        values = table[column.name]
        if column.type == "number":
            x[:, j] = values.to_numpy(np.float32, na_value=np.nan)
        else:
            text = values.map(str, na_action="ignore")
            x[:, j] = pd.Categorical(text, categories=list(column.categories)).codes
    return x


def save(dataset: Dataset, folder: pathlib.Path) -> None:
    """Write `dataset` into `folder`: all of it or nothing; a folder that another process made first is kept."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        pd.DataFrame({"id": dataset.ids, "target": dataset.targets}).to_parquet(beside / "samples.parquet")
        if dataset.kind == "image":
            np.save(beside / "images.npy", dataset.images)
        else:
            dataset.table.to_parquet(beside / "table.parquet")
        facts = {
            "format": 1,
            "name": dataset.name,
            "schema": dataset.schema.to_dict(),
            "n": len(dataset),
            "origin": dataset.origin,
            "licence": dataset.licence,
            "fingerprint": dataset.fingerprint,
        }
        (beside / "dataset.json").write_text(json.dumps(facts, indent=1))
        try:
            os.replace(beside, folder)
        except OSError as error:
            if not (folder / "dataset.json").exists():
                raise ValueError(
                    f"The data set {folder.name} cannot be stored ({error.strerror}); delete the folder {folder}."
                ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def load(folder: pathlib.Path) -> Dataset:
    """Read a stored data set; images are memory-mapped. ValueError says which file is damaged."""
    try:
        facts = json.loads((folder / "dataset.json").read_text())
        schema = Schema.from_dict(facts["schema"])
        samples = pd.read_parquet(folder / "samples.parquet")
        image = schema.kind == "image"
        return Dataset(
            name=facts["name"],
            kind=schema.kind,
            targets=samples["target"].to_numpy(np.int64),
            classes=schema.classes,
            ids=samples["id"].to_numpy(str),
            origin=facts["origin"],
            licence=facts["licence"],
            images=np.load(folder / "images.npy", mmap_mode="r") if image else None,
            table=None if image else pd.read_parquet(folder / "table.parquet"),
            columns=schema.columns,
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"The stored data set {folder.name} cannot be read ({error}); delete the folder {folder} to make it anew."
        ) from error
