"""Your own torch.utils.data.Dataset (map-style), named as package.module:name, read through a DataLoader."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from core import named
from core.data.dataset import Column, Dataset, Note
from core.data.reading import Progress
from core.options import option

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

TITLE = "Your own torch Dataset"
MOST_WORKERS = 8
RANDOM = "Read twice, sample 0 was not the same: the Dataset draws at random. It is stored as it came the first time."


class MapStyle(Protocol):
    """What a map-style Dataset of PyTorch has."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(frozen=True)
class Options:
    arguments: str = option("", 'arguments for it as JSON, for example {"root": "photos"}')
    test: str = option("", "a second Dataset, package.module:name, that is the test part")
    classes: str = option("", "names of the classes, comma separated; else its own `classes`, or the labels")


def load(where: str, options: Options = Options(), progress: Progress = lambda *_: None) -> Dataset:
    """The Dataset that `where` names, every sample read once.

    Raises ValueError if it cannot be imported, is not map-style, or its samples do not fit together.
    """
    given = arguments(options.arguments)
    sets = [(resolve(where, given), "")]
    if options.test:
        sets = [(sets[0][0], ""), (resolve(options.test, given), "test")]
    names = tuple(name.strip() for name in options.classes.split(",") if name.strip())
    return read(sets, where.rpartition(":")[2], f"{where} on this machine", names, progress)


def resolve(where: str, arguments: dict | None = None) -> MapStyle:
    """The Dataset that "package.module:name" is; a class or a function of that name is called to make it."""
    found = named.find(where, "a Dataset")
    if (callable(found) and not hasattr(found, "__getitem__")) or isinstance(found, type):
        try:
            found = found(**(arguments or {}))
        except TypeError as error:
            raise ValueError(f"{where} cannot be made ({error}); give its arguments as JSON.") from error
    return check(found, where)


def check(dataset: Any, what: str) -> MapStyle:
    """`dataset` if it is map-style and not empty; ValueError says what it lacks."""
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        kind = type(dataset).__name__
        raise ValueError(f"{what} is a {kind}; it needs __len__ and __getitem__, as a map-style Dataset has.")
    if len(dataset) == 0:
        raise ValueError(f"{what} is empty; it needs samples.")
    return dataset


def read(
    sets: Sequence[tuple[MapStyle, str]],
    name: str,
    origin: str,
    classes: tuple[str, ...] = (),
    progress: Progress = lambda *_: None,
) -> Dataset:
    """Every sample of the sets, [(Dataset, part), ...], in one Dataset value.

    A sample is (x, y): x an image (PIL; uint8 or float (c, h, w) or (h, w)) or numbers (n,); y an int or a label.
    """
    from core.data import store

    x, labels, parts, random = [], [], [], False
    total, done = sum(len(dataset) for dataset, _ in sets), 0
    for dataset, part in sets:
        random |= draws_at_random(dataset)
        loader = loader_of(dataset, batch_size=64)
        for batch_x, batch_y in loader:
            x.append(batch_x)
            labels += batch_y
            done += len(batch_y)
            progress("Reading the Dataset", done, total)
        parts += [part] * len(dataset)
    shapes = {batch.shape[1:] for batch in x}
    if len(shapes) > 1:
        sizes = " and ".join(sorted("x".join(map(str, shape)) for shape in shapes)[:2])
        raise ValueError(f"{name} gives samples of {sizes}; make them one size in its transform.")
    values = np.concatenate(x)
    targets, classes = _targets(labels, classes or tuple(map(str, getattr(sets[0][0], "classes", ()))), name)
    width = len(str(len(values) - 1))
    facts: dict[str, Any] = {
        "name": store.clean(name),
        "targets": targets,
        "classes": classes,
        "ids": np.array([f"{i:0{width}d}" for i in range(len(values))]),
        "origin": origin,
        "licence": "As its owner says",
        "notes": (Note("rows", name, RANDOM),) if random else (),
        "about": pd.DataFrame({"part": parts}) if len(sets) > 1 else pd.DataFrame(),
    }
    if values.ndim == 4:
        return Dataset(kind="image", images=values, **facts)
    if values.ndim != 2:
        shape = "x".join(map(str, values.shape[1:])) or "a single number"
        raise ValueError(f"A sample of {name} is {shape}; it must be an image (c, h, w) or a row of numbers (n,).")
    named = [str(column) for column in getattr(sets[0][0], "columns", ())]
    if len(named) != values.shape[1] or len(set(named)) != len(named):
        named = [f"x{j + 1}" for j in range(values.shape[1])]
    table = pd.DataFrame(values.astype(np.float64), columns=named)
    columns = tuple(Column(column, "number", missing=bool(table[column].isna().any())) for column in named)
    return Dataset(kind="table", table=table, columns=columns, **facts)


def loader_of(dataset: MapStyle, batch_size: int) -> "DataLoader":
    """A DataLoader over `dataset` in its order, with workers where there are several processors."""
    from torch.utils.data import DataLoader

    workers = n_workers(dataset)
    return DataLoader(dataset, batch_size, num_workers=workers, collate_fn=collate)  # ty: ignore[invalid-argument-type]


def n_workers(dataset: MapStyle) -> int:
    """Worker processes that pay: none for a set that is read in a moment, else one per processor."""
    if len(dataset) < 2000:
        return 0
    return min(MOST_WORKERS, os.cpu_count() or 1)


def collate(samples: Iterable) -> tuple[np.ndarray, list]:
    """A list of (x, y) as raw samples, uint8 or float32 (n, c, h, w) or (n, n_features), and labels."""
    x, y = [], []
    for sample in samples:
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            raise ValueError(f"A sample of the Dataset is a {type(sample).__name__}; it must be a pair (x, y).")
        x.append(as_array(sample[0]))
        y.append(_label(sample[1]))
    shapes = {array.shape for array in x}
    if len(shapes) > 1:
        sizes = " and ".join(sorted("x".join(map(str, shape)) for shape in shapes)[:2])
        raise ValueError(f"The Dataset gives samples of {sizes}; make them one size in its transform.")
    return np.stack(x), y


def collate_tensor(samples: Iterable) -> "torch.Tensor":
    """As `collate`, only the samples, as one tensor: what training takes (targets are known)."""
    import torch

    return torch.from_numpy(collate(samples)[0])


def as_array(x: Any) -> np.ndarray:
    """One sample as an array: an image (c, h, w), uint8 or float32, or numbers float32 (n,)."""
    if hasattr(x, "getbands"):  # a PIL image
        x = np.array(x if x.mode in ("L", "RGB") else x.convert("RGB"))
        x = x[None] if x.ndim == 2 else np.moveaxis(x, -1, 0)
    elif hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise ValueError(f"A sample of the Dataset holds {x.dtype}; it must be an image or numbers.")
    if x.ndim == 2:
        x = x[None]
    return x if x.dtype == np.uint8 and x.ndim == 3 else x.astype(np.float32)


def draws_at_random(dataset: MapStyle) -> bool:
    """Whether sample 0, read twice, is not the same."""
    first, second = (collate([dataset[0]])[0] for _ in range(2))
    return first.shape != second.shape or not np.array_equal(first, second, equal_nan=True)


def _label(y):
    if hasattr(y, "item"):
        y = y.item()
    return int(y) if isinstance(y, (bool, float)) and float(y).is_integer() else y


def _targets(labels: list, classes: tuple[str, ...], name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as indices, and the names of the classes: `classes` where labels are indices into them."""
    found = sorted(set(labels), key=lambda label: (isinstance(label, str), label))
    if not all(isinstance(label, (int, str)) for label in found):
        kind = next(type(label).__name__ for label in found if not isinstance(label, (int, str)))
        raise ValueError(f"A label of {name} is a {kind}; it must be a class index or a name.")
    if len(found) < 2:
        raise ValueError(f"{name} has only one class, {found[0]!r}; it needs at least two.")
    integers = all(isinstance(label, int) for label in found)
    if classes and integers and found[0] >= 0 and found[-1] < len(classes):
        used = [i for i in range(len(classes)) if i in set(found)]  # a class without a sample cannot be learnt
        position = {i: place for place, i in enumerate(used)}
        return np.array([position[y] for y in labels], np.int64), tuple(classes[i] for i in used)
    position = {label: i for i, label in enumerate(found)}
    return np.array([position[y] for y in labels], np.int64), tuple(str(label) for label in found)


def arguments(text: str) -> dict:
    """Arguments as JSON text -> a dict; ValueError if it is not an object."""
    return named.arguments(text, '{"root": "photos"}')
