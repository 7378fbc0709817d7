"""A table in a file: CSV and its kin (also .gz), Parquet, Excel. The target is one of its columns."""

import contextlib
import dataclasses
import pathlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.data.dataset import Column, Dataset, LeftOut, Note
from core.data.reading import Progress
from core.data.tables import class_names, columns, given_parts, opening, unit_row
from core.data.tables.columns import Report
from core.data.tables.dialect import Dialect
from core.data.tables.target import guess_target
from core.options import option
from core.words import count, cut

TITLE = "A table: CSV, TSV, Parquet or Excel"
LOOK_ROWS, ROWS_SHOWN = 20_000, 20
SAYS_PART = "It says which part each row belongs to."


@dataclass(frozen=True)
class Options:
    target: str = option("", "the column that says the class; empty: the likeliest one")
    test: str = option("", "a second table with the same columns, whose rows are the test part")
    split_column: str = option("", "a column whose cells say train, val or test", rare=True)
    missing_words: str = option("", "words that stand for a missing cell, comma separated, for example unknown")
    header: str = option("auto", "whether the first line holds the names", choices=("auto", "yes", "no"), rare=True)
    separator: str = option("", "the sign between cells; empty: it is found", rare=True)
    quote: str = option("", "the sign around a cell that holds separators, or none; empty: it is found", rare=True)
    decimal: str = option("", "the decimal sign", choices=("", ".", ","), rare=True)
    encoding: str = option("", "for example utf-8 or cp1252; empty: it is found", rare=True)
    types: dict[str, str] = field(default_factory=dict)  # column name -> one of columns.WISHES


@dataclass(frozen=True, eq=False)
class Look:
    """What a page shows of a table before it is loaded, from its first 20,000 rows.

    dialect : how its text is written, None for Parquet and Excel
    names, rows : of the columns, and the first rows as given
    reports : of all columns but the target
    target : as chosen, or the likeliest;  classes : class -> its rows among the first
    n_rows : of the whole file, estimated if it is longer than what was read
    problem : why the table cannot be loaded like this, one sentence, or ""
    """

    dialect: Dialect | None
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    reports: tuple[Report, ...]
    target: str
    classes: dict[str, int]
    n_rows: int
    notes: tuple[Note, ...]
    problem: str = ""


def look(where: str, options: Options = Options()) -> Look:
    """What the beginning of the table shows; ValueError if the file is no table."""
    file_name = pathlib.Path(where).name
    raw = opening.read(where, _choices(options), n_rows=LOOK_ROWS)
    table, whole = raw.table.slice(0, LOOK_ROWS), raw.n_rows <= LOOK_ROWS
    shown = [_shown(column) for column in table.slice(0, ROWS_SHOWN).columns]
    target, classes, targets, part_column, problems = options.target, {}, None, "", []
    with _noting(problems):
        target = _target(table, options, file_name)
        labels = class_names.labels(table.column(target), _words(options))
        classes = {str(pair["values"]): pair["counts"] for pair in pc.value_counts(labels.drop_null()).to_pylist()}
        class_names.check_classes(list(classes), labels, target, file_name, whole)
        classes = {name: classes[name] for name in class_names.ordered(list(classes))}
        targets = class_names.codes(labels, tuple(classes))
    beside = table.drop_columns([target]) if target in table.column_names else table
    if targets is not None:
        beside, targets = beside.filter(pa.array(targets >= 0)), targets[targets >= 0]
    wishes = {}
    with _noting(problems):
        wishes = _wishes(beside, options, target)
    with _noting(problems):
        part_column, _ = given_parts.said(table, options.split_column, target, wishes)
    try:
        reports = columns.infer(beside, targets, wishes, **_settings(raw, options))
    except ValueError as error:
        problems.append(str(error))
        reports = columns.infer(beside, targets, **_settings(raw, options))
    reports = tuple(
        dataclasses.replace(report, use=False, reason=SAYS_PART) if report.name == part_column else report
        for report in reports
    )
    if whole:
        with _noting(problems):
            _check_use(reports, file_name)
    names, first, problem = tuple(table.column_names), tuple(zip(*shown)), "".join(problems[:1])
    return Look(raw.dialect, names, first, reports, target, classes, raw.n_rows, raw.notes, problem)


def load(where: str, options: Options = Options(), progress: Progress = lambda *_: None) -> Dataset:
    """The table, each column in its type; its target as classes. Rows without a target are left out.

    Raises ValueError with one sentence if it is no table to learn from.
    """
    file_name = pathlib.Path(where).name
    raw = opening.read(where, _choices(options), progress)
    table, notes, n_first = raw.table, [*raw.notes], len(raw.table)
    target = _target(table, options, file_name)
    if options.test:
        second = given_parts.second(options.test, _choices(options), raw, file_name, progress)
        notes += second.notes
        table = given_parts.joined(table, second.table)
    wishes = _wishes(table, options, target)

    labels = class_names.labels(table.column(target), _words(options))
    if options.test:
        labels = class_names.same_endings(labels, n_first)
    keep = labels.is_valid().to_numpy()
    if not keep.all():
        units = unit_row.sentence_part(table, keep)
        notes.append(Note("rows", target, f"{count(int((~keep).sum()), 'row')} without a target left out{units}."))
        table, labels = table.filter(pa.array(keep)), labels.drop_null()
    numbers = np.flatnonzero(keep)  # of the rows as they stand in the files, from 0
    is_test = numbers >= n_first
    names = pc.unique(labels).to_pylist()
    class_names.check_classes(names, labels, target, file_name)
    classes = tuple(class_names.ordered(names))
    targets = class_names.codes(labels, classes)
    notes += class_names.rare(classes, targets, is_test)

    part_column, parts = given_parts.said(table, options.split_column, target, wishes)
    if options.test:
        parts = np.where(is_test, "test", "" if parts is None else parts)
    wishes.pop(part_column, None)
    beside = table.drop_columns([name for name in (target, part_column) if name])
    reports, frame = columns.convert(
        beside,
        targets,
        wishes,
        n_first=int((~is_test).sum()),
        progress=lambda done, total: progress("Finding the types", done, total),
        **_settings(raw, options),
    )
    notes += [Note("column", report.name, report.note) for report in reports if report.note]
    used, left_out = [], [LeftOut(r.name, r.type, r.reason) for r in reports if not r.use]
    for report in reports:
        if report.use:
            missing = report.n_missing + report.n_bad > 0
            used.append(Column(report.name, report.type, report.categories, missing))
    _check_use(reports, file_name)
    if part_column:
        left_out.append(LeftOut(part_column, "category", SAYS_PART))
        frame[part_column] = pd.Series(table.column(part_column).cast(pa.string()).to_pandas(), index=frame.index)
        frame = frame[[name for name in table.column_names if name != target]]
    return Dataset(
        name=_name(where),
        kind="table",
        table=frame,
        targets=targets,
        classes=classes,
        ids=given_parts.ids(reports, frame, numbers, n_first),
        origin=f"The file {file_name}" + (f" and {pathlib.Path(options.test).name}" if options.test else ""),
        licence="As its owner says",
        columns=tuple(used),
        left_out=tuple(left_out),
        about=pd.DataFrame({"part": parts}) if parts is not None else pd.DataFrame(),
        notes=tuple(notes),
    )


# --------------------------------------------------------------------------------------------------------- options


def _choices(options: Options) -> dict:
    return {name: getattr(options, name) for name in ("encoding", "separator", "quote", "header", "decimal")}


def _settings(raw: opening.Raw, options: Options) -> dict:
    decimal = raw.dialect.decimal if raw.dialect else options.decimal or "."
    return {"missing_words": _words(options), "decimal": decimal}


def _words(options: Options) -> tuple[str, ...]:
    return tuple(word.strip() for word in options.missing_words.split(",") if word.strip())


def _wishes(table: pa.Table, options: Options, target: str) -> dict[str, str]:
    """What the person says of the columns; ValueError if one is not there or is the target."""
    for name in options.types:
        if name == target:
            raise ValueError(
                f"{cut(name, 60)} is the target, so it can have no type of its own; take it out of the types."
            )
        if name not in table.column_names:
            raise ValueError(
                f'There is no column "{cut(name, 60)}" to have a type; {opening.near(name, table.column_names)}'
            )
    return dict(options.types)


@contextlib.contextmanager
def _noting(problems: list[str]):
    """Turn a ValueError into one more of `problems`."""
    try:
        yield
    except ValueError as error:
        problems.append(str(error))


def _check_use(reports: tuple[Report, ...], file_name: str) -> None:
    """Raise ValueError if the model would read no column."""
    if not any(report.use for report in reports):
        why = "; ".join(f"{cut(report.name, 60)}: {report.reason.rstrip('.')}" for report in reports[:3])
        raise ValueError(f'{file_name} has no column to learn from ({why}); say "use" for one of them.')


def _name(where: str) -> str:
    name = pathlib.Path(where).name
    return pathlib.Path(name[:-3] if name.lower().endswith(".gz") else name).stem


def _shown(column: pa.ChunkedArray) -> list[str]:
    """The cells as a page shows them."""
    if pa.types.is_temporal(column.type):  # Python knows no day before the year 1 or after 9999
        column = column.cast(pa.string())
    return ["" if cell is None else str(cell).strip() for cell in column.to_pylist()]


# ---------------------------------------------------------------------------------------------------------- target


def _target(table: pa.Table, options: Options, file_name: str) -> str:
    """The name of the target column; ValueError if it is not there."""
    if table.num_columns < 2:
        raise ValueError(f"{file_name} has one column; it needs a target and at least one column beside it.")
    if not options.target:
        return guess_target(table)
    target = " ".join(options.target.split())
    if target not in table.column_names:
        raise ValueError(f'{file_name} has no column "{cut(target, 60)}"; {opening.near(target, table.column_names)}')
    return target
