"""The parts that the data itself gives: a second table, a column that says the part; and the ids of rows."""

import dataclasses
import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa

from core import words
from core.data.dataset import PART_WORDS
from core.data.reading import Progress
from core.data.tables import cells, opening
from core.data.tables.columns import Report

LONGEST_ID = 100
PART_NAMES = ("split", "part", "subset", "fold", "partition")


def second(where: str, choices: dict, raw: opening.Raw, file_name: str, progress: Progress) -> opening.Raw:
    """The separate test table with its columns as in the first; ValueError if they differ."""
    names = raw.table.column_names
    found = opening.read(where, choices, progress)
    if raw.dialect and found.dialect and choices["header"] == "auto" and found.table.num_columns == len(names):
        header = found.dialect.header
        if not raw.dialect.header or opening.unique_names(list(found.first))[0] == names:
            header = raw.dialect.header
        if header != found.dialect.header:
            found = opening.read(where, {**choices, "header": "yes" if header else "no"}, progress)
        if not header:
            found = dataclasses.replace(found, table=found.table.rename_columns(names))
    lacking, extra = set(names) - set(found.table.column_names), set(found.table.column_names) - set(names)
    if lacking or extra:
        lacked, beside = (", ".join(words.cut(one, 40) for one in sorted(some)[:4]) for some in (lacking, extra))
        facts = [f"lacks {lacked}"] if lacking else []
        facts += [f"has {beside} beside"] if extra else []
        test_name = pathlib.Path(where).name
        raise ValueError(f"{test_name} {' and '.join(facts)}; a test table needs the same columns as {file_name}.")
    return dataclasses.replace(found, table=found.table.select(names))


def joined(first: pa.Table, second: pa.Table) -> pa.Table:
    """One table under the other; a column that has two types becomes text."""
    for j, name in enumerate(first.column_names):
        if first.column(j).type != second.column(j).type:
            first = first.set_column(j, name, first.column(j).cast(pa.string()))
            second = second.set_column(j, name, second.column(j).cast(pa.string()))
    return pa.concat_tables([first, second])


def said(table: pa.Table, name: str, target: str, typed: dict[str, str]) -> tuple[str, np.ndarray | None]:
    """The column that says the part of each row, or "", and the parts, str (n,), "" where it is not said, or None.

    name : of the column, or "" to recognise it by its name and its words, if it is not in `typed`
    """
    others = [other for other in table.column_names if other != target]
    if name and name not in others:
        raise ValueError(f'There is no column "{words.cut(name, 60)}" to split by; {opening.near(name, others)}')
    likely = [other for other in others if other.lower() in PART_NAMES and other not in typed]
    for candidate in [name] if name else likely:
        found = cells.distinct(cells.known(table.column(candidate).cast(pa.string())))
        values = found.values.to_pylist()
        strange = [word for word in values if word.lower() not in PART_WORDS]
        if name and strange:
            raise ValueError(
                f"{words.cut(name, 60)} holds {strange[0][:40]!r}; a column to split by holds train, val and test only."
            )
        parts = np.array([*(PART_WORDS.get(word.lower(), "") for word in values), ""])
        if name or (not strange and "train" in parts and len(set(parts)) > 2):  # "" is one of them
            return candidate, parts[found.codes]
    return "", None


def ids(reports: tuple[Report, ...], frame: pd.DataFrame, numbers: np.ndarray, n_first: int) -> np.ndarray:
    """The values of an identifier that every row has for itself, else the row's number in its file; str (n,).

    numbers : int (n,), place of each row in the two files together;  n_first : rows of the first file
    """
    is_test = numbers >= n_first
    for report in reports:
        if report.type == "identifier" and not report.n_missing:
            found = frame[report.name].to_numpy(str)
            own = np.where(is_test, np.char.add("test-", found), found) if is_test.any() else found
            sane = np.char.str_len(found).max() <= LONGEST_ID and all(map(str.isprintable, found.tolist()))
            if sane and len(np.unique(own)) == len(own):
                return own
    width = max(6, len(str(len(numbers))))
    places = np.where(is_test, numbers - n_first, numbers) + 1
    return np.array([f"{'test-' * test}{place:0{width}d}" for place, test in zip(places.tolist(), is_test.tolist())])
