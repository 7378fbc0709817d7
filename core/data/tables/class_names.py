"""The target column of a table as classes."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import words
from core.data.dataset import Note
from core.data.tables import cells
from core.data.tables import target as targets

MOST_CLASSES = 1000


def labels(column: pa.ChunkedArray, missing_words: tuple[str, ...] = ()) -> pa.ChunkedArray:
    """The target as text, null where it is missing; whole numbers without a point."""
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        values = column.cast(pa.float64(), safe=False)
        if pc.all(pc.equal(values, pc.floor(values))).as_py():
            column = values.cast(pa.int64())
    return cells.known(column.cast(pa.string()), missing_words)


def check_classes(names: list[str], labels: pa.ChunkedArray, target: str, file_name: str, whole: bool = True) -> None:
    """Raise ValueError if the target is not one of classes. whole : whether these are all rows of the table."""
    target = words.cut(target, 60)
    if not names:
        raise ValueError(f"{target} of {file_name} is missing in every row; choose another target.")
    numbers = cells.plain_numbers(labels.drop_null())
    if numbers is not None and targets.is_measurement(numbers):
        raise ValueError(
            f"{target} of {file_name} has {len(names):,} different numbers, as a measurement has, where classes are "
            "needed; cut it into ranges in the table, or choose another target."
        )
    if len(names) > MOST_CLASSES:
        raise ValueError(
            f"{target} of {file_name} has {len(names):,} different values; at most {MOST_CLASSES:,} classes can be "
            "told apart, so choose another target."
        )
    if len(names) == 1 and whole:
        raise ValueError(
            f"{target} of {file_name} has only one class, {names[0][:40]!r}; it needs at least two, so choose another "
            "target or add rows."
        )


def ordered(names: list[str]) -> list[str]:
    """Classes by their numbers if all are numbers, else by their text."""
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def codes(labels: pa.ChunkedArray, classes: tuple[str, ...]) -> np.ndarray:
    """int64 (n,), index into `classes`, -1 where missing."""
    found = pc.index_in(labels, value_set=pa.array(classes, pa.string()))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def same_endings(labels: pa.ChunkedArray, n_first: int) -> pa.ChunkedArray:
    """Labels of the second table as in the first where only a full stop at their end tells them apart."""
    first, second = labels.slice(0, n_first), labels.slice(n_first)
    names = set(pc.unique(first.drop_null()).to_pylist())
    parts = cells.distinct(second)
    renamed = []
    for label in parts.values.to_pylist():
        other = label[:-1] if label.endswith(".") else f"{label}."
        renamed.append(other if label not in names and other in names else label)
    codes = pa.array(parts.codes, mask=parts.codes < 0)
    return pa.chunked_array([*first.chunks, pa.array(renamed, pa.string()).take(codes)], pa.string())


def rare(classes: tuple[str, ...], targets: np.ndarray, is_test: np.ndarray) -> list[Note]:
    """A note on each class of a single row, or of rows of the test table only."""
    counts = np.bincount(targets, minlength=len(classes))
    counts_test = np.bincount(targets[is_test], minlength=len(classes))
    notes = []
    for name, n, n_test in zip(classes, counts, counts_test):
        if n == n_test:
            notes.append(Note("rows", name, f"{name[:100]} is in the test table only, so it cannot be learnt."))
        elif n == 1:
            notes.append(Note("rows", name, f"{name[:100]} has one row, which can be in one part of the split only."))
    return notes
