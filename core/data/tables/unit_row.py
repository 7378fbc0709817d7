"""The row of units that some tables have below their names: "kg", "cm", and no target."""

import numpy as np
import pyarrow as pa

from core.data.tables import cells
from core.words import cut

LOOK_ROWS = 20
SAID, LONGEST = 3, 12  # units that are named, and characters of one


def sentence_part(table: pa.Table, keep: np.ndarray) -> str:
    """Words that say what units the first row holds, "" if it is kept or holds none.

    table : rows as text;  keep : bool (n,), the rows that have a target
    """
    found = [] if keep.all() or keep[0] else _units(table.slice(0, 1), table.take(np.flatnonzero(keep)[:LOOK_ROWS]))
    if not found:
        return ""
    more = ", ..." if len(found) > SAID else ""
    return f"; the first seems to hold units ({', '.join(found[:SAID])}{more})"


def _units(first: pa.Table, others: pa.Table) -> list[str]:
    """The texts of the first row in columns of numbers; none if it has a number in one of these."""
    found = []
    for name in first.column_names:
        if not pa.types.is_string(first.column(name).type):
            continue
        text, below = cells.known(first.column(name)), cells.known(others.column(name))
        if text[0].as_py() is None or below.null_count == len(below) or cells.plain_numbers(below) is None:
            continue
        if cells.plain_numbers(text) is not None:
            return []
        found.append(cut(text[0].as_py(), LONGEST))
    return list(dict.fromkeys(found))
