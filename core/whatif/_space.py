"""What a row may become: the values that each column holds in the training data, and how far away they are."""

from dataclasses import dataclass, field

import numpy as np

from core.data.dataset import Schema

NORMAL = 1.4826  # standard deviations in a median absolute deviation, of normal values
SEEN, CELLS = 20_000, 2_000_000  # training rows looked at, evenly spread, and of a wide table their values, at most


@dataclass(frozen=True)
class Wish:
    """What a person asks of the changes.

    fixed : columns that stay as they are;  up, down : numbers and dates that may only rise or only fall
    target : class to be said, or None for any other than now;  most : how many different ways are wanted
    """

    fixed: tuple[str, ...] = ()
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    target: str | None = None
    most: int = 4


@dataclass(eq=False)
class Space:
    """The rows that `x`, float32 (n_columns,), may become, by columns: `values`, sorted, and what they cost.

    A number or date costs its distance in (robust) standard deviations; a category the share of training rows that do
    not have it; a value where there was none, or none where there was a value, costs 1.
    Raises LookupError for a column that is not there, ValueError for a direction of a category.
    """

    schema: Schema
    x: np.ndarray
    reference: np.ndarray
    wish: Wish
    values: list[np.ndarray] = field(init=False)
    scale: np.ndarray = field(init=False)
    share: list[np.ndarray] = field(init=False)

    def __post_init__(self):
        _check(self.schema, self.wish)
        most = max(1000, min(SEEN, CELLS // len(self.x)))
        if len(self.reference) > most:
            some = np.linspace(0, len(self.reference) - 1, most).round().astype(int)
            self.reference = self.reference[some]
        self.values, self.share, self.scale = [], [], np.ones(len(self.x))
        for j, column in enumerate(self.schema.columns):
            seen = self.reference[:, j]
            if column.type == "category":
                codes, counts = np.unique(seen, return_counts=True)
                share = np.zeros(len(column.categories) + 1)  # of -1, none, in the last place
                share[codes.astype(int)] = counts / len(seen)
                values = codes
            else:
                share = np.zeros(0)
                known = seen[~np.isnan(seen)]
                self.scale[j] = _spread(known)
                values = np.unique(known)
            self.share.append(share)
            self.values.append(self._allowed(column, j, values, bool(np.isnan(seen).any())).astype(np.float32))

    def _allowed(self, column, j: int, values: np.ndarray, may_miss: bool) -> np.ndarray:
        now, wish = self.x[j], self.wish
        directed = column.name in wish.up or column.name in wish.down
        if column.name in wish.fixed or (directed and np.isnan(now)):
            return values[:0]
        if column.name in wish.up:
            values = values[values > now]
        if column.name in wish.down:
            values = values[values < now]
        values = values[values != now]
        if may_miss and not directed and not np.isnan(now) and column.type != "category":
            values = np.append(values, np.nan)
        return values

    def grid(self, j: int, points: int) -> np.ndarray:
        """At most so many of the values that column j may take: quantiles of those of a number, the ends among them."""
        values = self.values[j]
        if len(values) <= points:
            return values
        if self.schema.columns[j].type == "category":
            return values[np.argsort(-self.share[j][values.astype(int)], kind="stable")[:points]]
        known = values[~np.isnan(values)]
        near = np.searchsorted(known, self.x[j])
        spots = np.linspace(0, len(known) - 1, points - 2).round().astype(int)
        spots = np.unique(np.clip(np.append(spots, [near - 1, near]), 0, len(known) - 1))
        return np.append(known[spots], values[np.isnan(values)])

    def changed(self, rows: np.ndarray) -> np.ndarray:
        """Which columns differ from x, bool (n, n_columns)."""
        return (rows != self.x) & ~(np.isnan(rows) & np.isnan(self.x))

    def distance(self, rows: np.ndarray) -> np.ndarray:
        """What the change of each column costs, float (n, n_columns)."""
        found = np.abs(rows - self.x) / self.scale
        for j, share in enumerate(self.share):
            if len(share):
                found[:, j] = 1 - share[rows[:, j].astype(int)]
        return np.where(self.changed(rows), np.nan_to_num(found, nan=1.0), 0.0)

    def cost(self, rows: np.ndarray) -> np.ndarray:
        """What all changes of a row cost together, float (n,): 1 for each changed column, and the distances."""
        return self.changed(rows).sum(axis=1) + self.distance(rows).sum(axis=1)

    def within(self, rows: np.ndarray) -> np.ndarray:
        """Rows with each column that may not become so set back to x."""
        rows = rows.copy()
        for j, values in enumerate(self.values):
            new = rows[:, j]
            fits = np.isin(new, values) | (np.isnan(new) & np.isnan(values).any())
            rows[~fits, j] = self.x[j]
        return rows


def _spread(known: np.ndarray) -> float:
    """A robust standard deviation; the plain one where more than half of the values are the same."""
    if not len(known):
        return 1.0
    known = known.astype(float)
    spread = NORMAL * np.median(np.abs(known - np.median(known)))
    return float(spread or known.std() or 1.0)


def _check(schema: Schema, wish: Wish) -> None:
    types = {column.name: column.type for column in schema.columns}
    for name in (*wish.fixed, *wish.up, *wish.down):
        if name not in types:
            raise LookupError(f"There is no column {name!r} that the model reads; there are {', '.join(types)}.")
    for name in (*wish.up, *wish.down):
        if types[name] == "category":
            raise ValueError(f"{name} is a category, which has no up or down; fix it, or leave it free.")
    if wish.target is not None and wish.target not in schema.classes:
        raise LookupError(f"There is no class {wish.target!r}; there are {', '.join(schema.classes)}.")
    if not 1 <= wish.most <= 20:
        raise ValueError(f"{wish.most} ways are wanted; ask for 1 to 20.")
