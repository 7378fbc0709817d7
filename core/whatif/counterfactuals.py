"""Counterfactuals: the fewest and smallest changes to a row after which the model decides otherwise.

Source of the idea: Wachter, Mittelstadt and Russell 2017, arXiv:1711.00399; of several different ones: Mothilal, Sharma
and Tan 2020, arXiv:1905.07697. The search is our own: single columns, then sets of up to COLUMNS by a beam, then
training rows of the other decision brought near; everything is asked in batches.
"""

from collections.abc import Callable

import numpy as np

from core.data.dataset import Schema
from core.whatif._changes import described, plain, shown
from core.whatif._space import Space, Wish

__all__ = ["COLUMNS", "Wish", "described", "find", "plain"]

ENOUGH = 4  # columns changed, unless nothing was found
COLUMNS = 6  # changed at most
POINTS = 32  # values tried of a column
KEPT = 8  # values of a column that go on into sets
MOVES = 120  # of all columns
BEAM = 150  # sets that go on to one more column
NEAR = 12  # training rows of another decision that are brought near
UNLIKE = 2000  # training rows looked at for that
POLISHED = 40  # found rows whose changes are made small
OVERLAP = 2.0  # what a way costs more if it changes the same columns as one shown before


def find(predict: Callable, x: np.ndarray, schema: Schema, reference: np.ndarray, wish: Wish, decide: Callable) -> dict:
    """The cheapest different ways to another decision, the cheapest first; see `_space.Space` for what a change costs.

    predict : rows float32 (n, n_columns) -> y_prob (n, n_classes);  decide : y_prob -> class index or -1, int (n,)
    x : the row, float32 (n_columns,);  reference : training rows (m, n_columns), whose values alone are used
    Returns "rows" float32 (k, n_columns), "y_prob" (k, n_classes), "said" int (k,), "changed" bool (k, n_columns),
    "changes", for each row a list of (column, from, to) as plain values (None is missing), "asked", how many rows the
    model was asked, and "sentence". k is 0 if nothing was found. Decided by each row alone, as it will be used.
    Raises LookupError or ValueError for a wish that cannot be.
    """
    x = np.asarray(x, np.float32)
    if not len(reference):
        raise ValueError("There are no training rows, from which values could be taken; train on more data.")
    space = Space(schema, x, np.asarray(reference, np.float32), wish)
    search = _Search(predict, decide, space, schema, wish)
    rows = search.run()
    y_prob = np.concatenate([predict(row[None]) for row in rows]) if len(rows) else np.zeros((0, len(schema.classes)))
    said = decide(y_prob) if len(rows) else np.zeros(0, int)
    fine = search.other(said)
    rows, y_prob, said = rows[fine], y_prob[fine], said[fine]
    changes = [described(schema, x, row) for row in rows]
    return {
        "rows": rows,
        "y_prob": np.asarray(y_prob, np.float32),
        "said": np.asarray(said, int),
        "changed": space.changed(rows),
        "changes": changes,
        "asked": search.asked,
        "sentence": _sentence(schema, wish, search, said, changes),
    }


class _Search:
    def __init__(self, predict, decide, space: Space, schema: Schema, wish: Wish):
        self._predict, self.decide, self.space = predict, decide, space
        self.asked = 0
        y_prob = self.predict(space.x[None])
        self.now = int(decide(y_prob)[0])
        self.target = None if wish.target is None else schema.classes.index(wish.target)
        if self.target == self.now:
            raise ValueError(f"The model says {wish.target} already; choose another class.")
        self.most = wish.most
        self.score_now = self.score(y_prob)[0]

    def predict(self, rows):
        self.asked += len(rows)
        return self._predict(np.ascontiguousarray(rows, np.float32))

    def other(self, said) -> np.ndarray:
        """Whether what is said is as wished, bool (n,)."""
        said = np.asarray(said)
        return (said != self.now) & (said >= 0) if self.target is None else said == self.target

    def score(self, y_prob) -> np.ndarray:
        """How near to the wished decision, float (n,): a logarithm of odds, as probabilities may be all but 0 or 1."""
        logs = np.log(np.asarray(y_prob, float) + 1e-30)
        if self.target is None and self.now < 0:
            return logs.max(axis=1)
        wanted = self.target
        if wanted is not None:
            rest = np.delete(logs, wanted, axis=1).max(axis=1)
            return logs[:, wanted] - rest
        return np.delete(logs, self.now, axis=1).max(axis=1) - logs[:, self.now]

    def look(self, rows) -> tuple[np.ndarray, np.ndarray]:
        """Whether each row is decided as wished, and how near it is."""
        if not len(rows):
            return np.zeros(0, bool), np.zeros(0)
        y_prob = self.predict(rows)
        return self.other(self.decide(y_prob)), self.score(y_prob)

    def run(self) -> np.ndarray:
        """Rows (k, n_columns) that are decided as wished, the cheapest and most different ones."""
        found = np.concatenate([self.sets(), self.brought_near()])
        found = self.without_superfluous(self.best_of_each_set(found))
        found = self.without_superfluous(self.made_small(self.best_of_each_set(found)))
        return self.different(self.best_of_each_set(found))

    # ------------------------------------------------------------------------------------------------ finding

    def sets(self) -> np.ndarray:
        """Rows decided as wished with up to COLUMNS columns changed: one, then pairs, then the best of these go on."""
        space, x = self.space, self.space.x
        points = int(np.clip(4000 // len(x), 4, POINTS))
        moves = [(j, value) for j in range(len(x)) for value in space.grid(j, points)]
        if not moves:
            return np.zeros((0, len(x)), np.float32)
        column, value = np.array([j for j, _ in moves]), np.array([v for _, v in moves], np.float32)
        rows = np.tile(x, (len(moves), 1))
        rows[np.arange(len(rows)), column] = value
        fits, score = self.look(rows)
        found = [rows[fits]]
        kept = self.promising(rows, column, score)
        column, value, beam = column[kept], value[kept], rows[kept]
        for n_changed in range(2, COLUMNS + 1):
            free = ~space.changed(beam)[:, column]  # (n_beam, n_moves)
            which, move = np.nonzero(free)
            rows = beam[which]
            rows[np.arange(len(rows)), column[move]] = value[move]
            rows = np.unique(rows, axis=0) if len(rows) else rows
            fits, score = self.look(rows)
            found.append(rows[fits])
            n_sets = len(np.unique(space.changed(np.concatenate(found)), axis=0))
            if n_sets >= 3 * self.most or not len(rows) or (n_sets and n_changed >= ENOUGH):
                break
            rows, score = rows[~fits], score[~fits]
            gain = (score - self.score_now) / space.cost(rows)
            best = np.union1d(np.argsort(-score)[: BEAM // 2], np.argsort(-gain)[: BEAM // 2])
            beam = rows[best]
        return np.concatenate(found)

    def promising(self, rows, column, score) -> np.ndarray:
        """Which single changes go on into sets: of each column, those that bring most, and most for what they cost."""
        gain = score - self.score_now
        worth = gain / self.space.cost(rows)
        kept = []
        for j in np.unique(column):
            mine = np.flatnonzero((column == j) & (gain > 0))
            best = [mine[np.argsort(-figure[mine], kind="stable")[: KEPT // 2]] for figure in (gain, worth)]
            kept.append(np.union1d(*best))
        if not kept:
            return np.zeros(0, int)
        kept = np.concatenate(kept)
        best = [np.argsort(-figure[kept], kind="stable")[: MOVES // 2] for figure in (gain, worth)]
        return kept[np.union1d(*best)]

    def brought_near(self) -> np.ndarray:
        """From x towards the nearest training rows of the wished decision, by as few of their columns as it takes."""
        space = self.space
        some = np.linspace(0, len(space.reference) - 1, min(UNLIKE, len(space.reference))).round().astype(int)
        rows = space.reference[some]
        rows = space.within(rows[self.look(rows)[0]])
        rows = rows[self.look(rows)[0]]
        rows = rows[np.argsort(space.cost(rows), kind="stable")[:NEAR]]
        which, column = np.nonzero(space.changed(rows))
        alone = np.tile(space.x, (len(which), 1))
        alone[np.arange(len(which)), column] = rows[which, column]
        score = np.full(rows.shape, -np.inf)
        score[which, column] = self.look(alone)[1]
        order = np.argsort(-score, axis=1, kind="stable")  # the columns that bring most come first
        found = []
        for n_changed in range(1, 2 * COLUMNS + 1):
            tried = np.where(order.argsort(axis=1) < n_changed, rows, space.x)
            fits = self.look(tried)[0]
            found.append(tried[fits])
            rows, order = rows[~fits], order[~fits]
        return self.without_superfluous(np.concatenate(found))

    # ------------------------------------------------------------------------------------------------ polishing

    def without_superfluous(self, rows) -> np.ndarray:
        """Rows with changes taken back, the dearest first, as long as the decision stays; at most COLUMNS are left."""
        space, rows = self.space, rows.copy()
        active = np.arange(len(rows))
        while len(active):
            which, column = np.nonzero(space.changed(rows[active]))
            tried = rows[active[which]]
            tried[np.arange(len(tried)), column] = space.x[column]
            fits = self.look(tried)[0] & space.changed(tried).any(axis=1)
            saved = np.where(fits, space.distance(rows[active])[which, column], -1.0)
            going = []
            for i in np.unique(which[fits]):
                mine = np.flatnonzero(which == i)
                rows[active[i]] = tried[mine[saved[mine].argmax()]]
                going.append(active[i])
            active = np.array(going, int)
        return rows[space.changed(rows).sum(axis=1) <= COLUMNS]

    def made_small(self, rows) -> np.ndarray:
        """Rows with each changed number as near to x as a seen value can be, the dearest column first."""
        space, rows = self.space, rows.copy()
        for j in np.argsort(-space.distance(rows).sum(axis=0)):
            if space.schema.columns[j].type == "category" or np.isnan(space.x[j]):
                continue
            sides = {i: self.between(j, rows[i, j]) for i in np.flatnonzero(space.changed(rows)[:, j])}
            while sides := {i: values for i, values in sides.items() if len(values)}:
                spots = {i: np.unique(np.linspace(0, len(v) - 1, 16).round().astype(int)) for i, v in sides.items()}
                owner = np.repeat(list(sides), [len(spots[i]) for i in sides])
                tried = rows[owner]
                tried[:, j] = np.concatenate([sides[i][spots[i]] for i in sides])
                fits = self.look(tried)[0]
                for i, values in sides.items():
                    good, where = fits[owner == i], spots[i]
                    first = int(good.argmax()) if good.any() else len(where)
                    if first < len(where):
                        rows[i, j] = values[where[first]]
                    end = where[first] if first < len(where) else len(values)
                    sides[i] = values[where[first - 1] + 1 if first else end : end]
        return rows

    def between(self, j: int, value: float) -> np.ndarray:
        """The values that column j may take between x and `value`, the nearest to x first."""
        values, now = self.space.values[j], self.space.x[j]
        inside = values[(values > min(now, value)) & (values < max(now, value))]
        return inside if value > now else inside[::-1]

    # ------------------------------------------------------------------------------------------------ choosing

    def best_of_each_set(self, rows) -> np.ndarray:
        """The cheapest rows of each set of changed columns and of categories they change to, at most POLISHED."""
        rows = rows[np.argsort(self.space.cost(rows), kind="stable")]
        kinds, sets, some, more = set(), set(), [], []
        for i, (kind, changed) in enumerate(zip(self.kind(rows), self.space.changed(rows))):
            if kind in kinds:
                continue
            kinds.add(kind)
            (more if changed.tobytes() in sets else some).append(i)  # first each set of columns once
            sets.add(changed.tobytes())
        return rows[[*some, *more][:POLISHED]]

    def kind(self, rows) -> list[bytes]:
        """What makes rows ways of one kind: the columns that change, the categories they change to, up or down."""
        signs = np.sign(np.nan_to_num(rows - self.space.x, nan=9.0))
        for j, column in enumerate(self.space.schema.columns):
            if column.type == "category":
                signs[:, j] = np.where(rows[:, j] == self.space.x[j], 0, rows[:, j] + 2)
        return [row.tobytes() for row in signs]

    def different(self, rows) -> np.ndarray:
        """The cheapest row, then each time the one that is cheap and changes other columns than those before."""
        cost, changed = self.space.cost(rows), self.space.changed(rows)
        overlap, chosen = np.zeros(len(rows)), []
        while len(chosen) < min(self.most, len(rows)):
            price = cost + OVERLAP * overlap
            price[chosen] = np.inf
            best = int(price.argmin())
            chosen.append(best)
            both = (changed & changed[best]).sum(axis=1)
            overlap = np.maximum(overlap, both / (changed | changed[best]).sum(axis=1))
            overlap += (changed[best] <= changed).all(axis=1)  # what changes the same, and perhaps more besides
        order = np.lexsort([cost[chosen], changed[chosen].sum(axis=1)])
        return rows[np.array(chosen, int)[order]]


# ---------------------------------------------------------------------------------------------------- words


def _sentence(schema: Schema, wish: Wish, search: _Search, said: np.ndarray, changes: list) -> str:
    wanted = f"says {wish.target}" if wish.target else "decides otherwise"
    if not changes:
        free = sum(len(values) > 0 for values in search.space.values)
        if not free:
            return "Nothing may change: every column is fixed, or holds nothing else in the training data."
        most = min(COLUMNS, free)
        columns = f"up to {most} columns" if most > 1 else "the one column that is free"
        return (
            f"No change of {columns}, within what the training data holds, was found with which the model {wanted}; "
            f"it was asked about {search.asked:,} changed rows."
        )
    parts = [f"{name} were {shown(new)} instead of {shown(old)}" for name, old, new in changes[0]]
    return f"The model would say {schema.classes[said[0]]} if {', and '.join(parts)}."
