"""The Dataset value, and the schema that a model is built from."""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import shapes

COLUMN_TYPES = ("number", "category", "date")  # those that a model can read
PARTS = ("train", "val", "test")
PART_WORDS: dict[str, str] = {  # as files, folders and columns name the parts, in lower case
    word: part
    for part, words in (
        ("train", "train training"),
        ("val", "val valid validation validate dev development"),
        ("test", "test testing holdout hold-out held-out"),
    )
    for word in words.split()
}
EPOCH = pd.Timestamp("1970-01-01")
DATE_PARTS = 7  # how far along, then sine and cosine of the place in the year, the week and the day


@dataclass(frozen=True)
class Column:
    """A column that the model reads: its name, its type (of COLUMN_TYPES) and, for a category, the known values.

    missing : whether the data has missing values here; if so, the model is told of each by a flag
    """

    name: str
    type: str
    categories: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A column of the table that the model does not see, and the reason, one sentence.

    type : "number", "category", "date", "text", "identifier" or "constant"
    """

    name: str
    type: str
    reason: str


@dataclass(frozen=True)
class Note:
    """What a reader had to say of one thing in the data: a file it could not read, cells that are no number.

    kind : "file", "column" or "rows";  subject : its name;  text : one sentence
    """

    kind: str
    subject: str
    text: str


@dataclass(frozen=True)
class Input:
    """One value of a preprocessed row: the index of its column, and what it is.

    kind : "value" (a number), "flag" (1 where the column is missing), "part" (of a date) or "code" (a category's
        number, 0 for a missing or unknown one);  size : how many codes there are, else 1
    """

    column: int
    kind: str
    size: int = 1


SCHEMA = {  # what the values of a schema are as JSON holds them
    "kind": ("image", "table"),
    "shape": [shapes.COUNT],
    "classes": [shapes.TEXT],
    "columns": [{"name": shapes.TEXT, "type": ("number", "category", "date"), "categories": [shapes.TEXT]}],
}


@dataclass(frozen=True)
class Schema:
    """What a model must know of its data: the kind, the shape of one sample, the columns and the class names."""

    kind: str  # "image" or "table"
    shape: tuple[int, ...]  # (c, h, w) or (n_columns,)
    classes: tuple[str, ...]
    columns: tuple[Column, ...] = ()
    dtype: str = "uint8"  # of images as they come: "uint8", levels 0 to 255, or "float32", as somebody made them

    @property
    def sample_word(self) -> str:
        """What a sample is called in a sentence."""
        return "image" if self.kind == "image" else "row"

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What a table net takes, value by value: preprocessed rows are float32 (n, len(inputs))."""
        found = []
        for j, column in enumerate(self.columns):
            if column.type == "category":
                found.append(Input(j, "code", len(column.categories) + 1))
                continue
            found += [Input(j, "value")] if column.type == "number" else [Input(j, "part")] * DATE_PARTS
            found += [Input(j, "flag")] * column.missing
        return tuple(found)

    def to_dict(self) -> dict:
        """Plain values, as `from_dict` takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Schema":
        """The schema of `to_dict`; ValueError if it is none."""
        if problem := shapes.misfit(values, SCHEMA, tuple(SCHEMA)):
            raise ValueError(f"the schema {problem}")
        columns = tuple(
            Column(c["name"], c["type"], tuple(c["categories"]), c.get("missing", False)) for c in values["columns"]
        )
        dtype = values.get("dtype", "uint8")
        return cls(values["kind"], tuple(values["shape"]), tuple(values["classes"]), columns, dtype)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples with targets, exactly as given: images or a table, never scaled.

    images : uint8 (or float32) (n, c, h, w) for kind "image", else None
    table : DataFrame with n rows for kind "table", else None. It has a column for each of `columns` and `left_out`:
        a number as float64 (missing: NaN), a date as datetime64 (missing: NaT), all else as text (missing: None or NaN)
    targets : int64 (n,), index into `classes`
    ids : str (n,), unique
    origin, licence : where the data comes from and on what terms, one sentence each
    columns : what the model reads;  left_out : what it does not, and why
    about : DataFrame with n rows, what is known of each sample beside itself, with some of these columns:
        "part" ("train", "val", "test", or "" where the data does not say), "file" (path of the original image,
        relative to `root`), "height" and "width" (of the original image, in pixels)
    root : folder of the original images, or ""
    notes : what the reader had to say
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
    left_out: tuple[LeftOut, ...] = ()
    about: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    root: str = ""
    notes: tuple[Note, ...] = ()

    def __post_init__(self):
        samples = self.pictures if self.kind == "image" else self.frame
        if not len(samples) == len(self.targets) == len(self.ids):
            raise ValueError(
                f"{self.name} has {len(samples)} samples, {len(self.targets)} targets and {len(self.ids)} ids; "
                "it needs as many of each."
            )

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def schema(self) -> Schema:
        """What a model must know of this data."""
        if self.kind == "table":
            return Schema(self.kind, (len(self.columns),), self.classes, self.columns)
        shape = tuple(int(side) for side in self.pictures.shape[1:])
        return Schema(self.kind, shape, self.classes, dtype=str(self.pictures.dtype))

    @property
    def pictures(self) -> np.ndarray:
        """`images` of kind "image"; ValueError of a table, which has none."""
        if self.images is None:
            raise ValueError(f"{self.name} holds a table; images are needed.")
        return self.images

    @property
    def frame(self) -> pd.DataFrame:
        """`table` of kind "table"; ValueError of images, which have none."""
        if self.table is None:
            raise ValueError(f"{self.name} holds images; a table is needed.")
        return self.table

    @functools.cached_property
    def x(self) -> np.ndarray:
        """What a model takes: images (n, c, h, w), or float32 (n, n_columns), see `encode`."""
        return self.pictures if self.kind == "image" else encode(self.frame, self.columns)

    @property
    def given_parts(self) -> np.ndarray | None:
        """The part of each sample where the data itself says it ("train", "val", "test" or ""), or None."""
        return self.about["part"].to_numpy(str) if "part" in self.about else None

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content (samples, targets, classes, ids, given parts), the same wherever it is computed."""
        digest = hashlib.sha256()
        head = {"kind": self.kind, "classes": self.classes, "columns": [dataclasses.asdict(c) for c in self.columns]}
        parts = None if self.given_parts is None else self.given_parts.tolist()
        digest.update(json.dumps([head, self.ids.tolist(), parts]).encode())
        digest.update(np.ascontiguousarray(self.targets, dtype="<i8").data)
        if self.kind == "image":
            digest.update(repr((self.pictures.shape, str(self.pictures.dtype))).encode())
            for start in range(0, len(self.pictures), 4096):  # memory-mapped: never all at once
                digest.update(np.ascontiguousarray(self.pictures[start : start + 4096]).data)
        else:
            for column in (*self.columns, *self.left_out):
                _digest_column(digest, self.frame[column.name])
        return digest.hexdigest()


def encode(table: pd.DataFrame, columns: tuple[Column, ...]) -> np.ndarray:
    """A table as float32 (n, n_columns): numbers as they are, dates as days since 1970, categories as codes.

    A missing number or date is NaN; a missing or unknown category is -1, and so is empty text.
    """
    x = np.empty((len(table), len(columns)), np.float32)
    for j, column in enumerate(columns):
        values = table[column.name]
        if column.type == "number":
            x[:, j] = values.to_numpy(np.float32, na_value=np.nan)
        elif column.type == "date":
            x[:, j] = days(values)
        else:
            text = values if isinstance(values.dtype, pd.CategoricalDtype) else values.map(str, na_action="ignore")
            x[:, j] = pd.Categorical(text, categories=list(column.categories)).codes
    return x


def days(values: pd.Series) -> np.ndarray:
    """Dates as days since 1970-01-01, float32 (n,); a missing one is NaN. Exact to about three minutes."""
    return ((pd.to_datetime(values) - EPOCH) / pd.Timedelta(days=1)).to_numpy(np.float32)


def _digest_column(digest, values: pd.Series) -> None:
    """Add a column to the digest: numbers as they are, all else by its distinct values in order of appearance."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        digest.update(values.to_numpy("<f8", na_value=np.nan).tobytes())
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        digest.update(values.astype("datetime64[ns]").to_numpy().astype("<i8").tobytes())
    else:
        codes, distinct = pd.factorize(values)
        digest.update(json.dumps([str(value) for value in distinct]).encode())
        digest.update(codes.astype("<i8").tobytes())
