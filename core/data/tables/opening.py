"""Files of tables: text, Parquet, Excel. Everything comes back as an Arrow table."""

import difflib
import gzip
import importlib.util
import pathlib
import zipfile
import zlib
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from core import words
from core.data.dataset import Note
from core.data.reading import Progress
from core.data.tables import text_files
from core.data.tables.dialect import Dialect

MOST_SHEET_BYTES = 1 << 30  # of a workbook, unpacked
BATCH_ROWS = 8192  # of a Parquet file, so that one batch of long texts fills no memory
LONGEST_NAME = 60  # letters of a name that a sentence repeats


@dataclass(frozen=True, eq=False)
class Raw:
    """A table as it stands in its file: text columns of a text file, typed ones of a Parquet file.

    dialect : how the text is written, None for other files
    n_rows : rows of the whole file, estimated where only its beginning was read
    first : the first row of a text file before names were made unique, else the names
    """

    table: pa.Table
    dialect: Dialect | None
    notes: tuple[Note, ...]
    n_rows: int
    first: tuple[str, ...] = ()


def read(where: str, choices: dict, progress: Progress = lambda *_: None, n_rows: int | None = None) -> Raw:
    """The table in a file, or about its first `n_rows` rows.

    choices : what a person says of the dialect, see `dialect.detect`
    Raises ValueError if there is no such table.
    """
    path = pathlib.Path(where).expanduser()
    if path.is_dir():
        raise ValueError(f"{path.name or path} is a folder; choose one table file in it.")
    if not path.is_file():
        raise ValueError(f"{path} is not there; check the path.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name} is empty; it needs a header line and rows of data.")
    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".pq"):
            raw = _parquet(path, progress, n_rows)
        elif suffix in (".xlsx", ".xls", ".ods"):
            raw = _excel(path, n_rows)
        else:
            raw = _named(*text_files.read(path, choices, progress, n_rows))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged or cut off ({error}); fetch or compress it again.") from error
    except PermissionError as error:
        raise ValueError(f"{path.name} may not be read; change its permissions.") from error
    text_files.check_width(raw.table.num_columns, path.name)
    if raw.table.num_rows == 0:
        raise ValueError(f"{path.name} has only a header line; it needs rows of data under it.")
    return raw


# ------------------------------------------------------------------------------------------------- kinds of files


def _named(table: pa.Table, dialect: Dialect, notes: tuple[Note, ...], n_rows: int) -> Raw:
    """A text table with its header line as the names of its columns."""
    first = [str(column[0]).strip() for column in table.columns] if len(table) else []
    names, renamed = unique_names(first if dialect.header else [""] * table.num_columns)
    if dialect.header:
        table, n_rows = table.slice(1), n_rows - 1
    return Raw(table.rename_columns(names), dialect, notes + renamed, n_rows, tuple(first))


def _parquet(path: pathlib.Path, progress, n_rows: int | None) -> Raw:
    try:
        with pa.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            text_files.check_width(len(file.schema_arrow), path.name)
            groups = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
            most = text_files.most_bytes(path)
            if sum(groups) > most:
                raise text_files.too_large(path.name, most)
            batches, n_read, n_bytes, total = [], 0, 0, file.metadata.num_rows
            for batch in file.iter_batches(BATCH_ROWS):
                batch = _decoded(batch)
                batches.append(batch)
                n_read += batch.num_rows
                n_bytes += batch.nbytes  # what a value said once and meant a million times takes here
                if n_bytes > most:
                    raise text_files.too_large(path.name, most)
                progress("Reading the table", n_read, total)
                if n_rows is not None and n_read >= n_rows:
                    break
            table = pa.Table.from_batches(batches) if batches else _decoded(file.schema_arrow.empty_table())
    except InterruptedError:  # which is an OSError, too
        raise
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise ValueError(f"{path.name} is no Parquet file that can be read ({reason}); write it again.") from error
    keep = [j for j, field in enumerate(table.schema) if _is_cell(field.type)]
    nested = [name for j, name in enumerate(table.column_names) if j not in keep]
    text = "It holds lists, records or bytes rather than single values, and is left out."
    names, notes = unique_names([table.column_names[j] for j in keep])
    table = pa.table([table.column(j) for j in keep], names=names).replace_schema_metadata(None)
    return Raw(table, None, (*(Note("column", name, text) for name in nested), *notes), total, tuple(names))


def _decoded(rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
    """The rows with codes replaced by what they stand for."""
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in rows.columns
    ]
    return type(rows).from_arrays(columns, names=rows.schema.names)


def _excel(path: pathlib.Path, n_rows: int | None) -> Raw:
    if path.suffix.lower() != ".xlsx" or importlib.util.find_spec("openpyxl") is None:
        raise ValueError(
            f"{path.name} is a spreadsheet, which cannot be read here; save it as CSV"
            + (", or install openpyxl (`pip install openpyxl`)." if path.suffix.lower() == ".xlsx" else ".")
        )
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_SHEET_BYTES:
                raise ValueError(f"{path.name} is too large for a spreadsheet; save it as CSV.")
        frame = pd.read_excel(path, header=None, dtype=str, keep_default_na=False, nrows=n_rows and n_rows + 1)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise ValueError(f"{path.name} is no .xlsx workbook that can be read; save it as CSV.") from error
    if frame.empty:
        raise ValueError(f"{path.name} is empty; it needs a line of names and rows of data.")
    names, notes = unique_names([str(name) for name in frame.iloc[0]])
    table = pa.table([pa.array(frame.iloc[1:, j].astype(str), pa.string()) for j in range(frame.shape[1])], names=names)
    return Raw(table, None, notes, len(table), tuple(names))


# ---------------------------------------------------------------------------------------------------------- helpers


def unique_names(given: list[str]) -> tuple[list[str], tuple[Note, ...]]:
    """Names of columns, each once, and a note on each that was changed: "age (2)", "column 3" where there is none."""
    names, notes, numbers = [], [], {}
    plains = [" ".join(raw.replace("\ufeff", "").split()) for raw in given]
    taken = set(plains)
    for j, plain in enumerate(plains):
        name = plain = plain or f"column {j + 1}"
        if plain in numbers:
            while name in taken or name in numbers:
                numbers[plain] += 1
                name = f"{plain} ({numbers[plain]})"
            notes.append(Note("column", name, f"{plain} is the name of several columns; this one is now {name}."))
        numbers[name] = 1
        names.append(name)
    return names, tuple(notes)


def near(name: str, names: list[str]) -> str:
    """What may have been meant by a name that is not there."""
    lower = {other.lower(): other for other in names}
    near = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    listed = near or names[:6]
    more = ", ..." if len(listed) < len(names) and not near else ""
    shown = ", ".join(words.cut(one, LONGEST_NAME) for one in listed)
    return f"{'near names are' if near else 'there are'} {shown}{more}."


def _is_cell(kind: pa.DataType) -> bool:
    """Whether values of this type are numbers, dates or text, one each."""
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return not (is_bytes or pa.types.is_nested(kind))
