"""Counterfactuals on adult, titanic and telco churn: found, valid by the exported file, few columns, and fast.

To reach, on test rows of runs trained with defaults, answered by the exported ONNX file: found for at least 95%, every
one decided otherwise by the file when asked alone, at most 3 columns changed in the median, under 1 s each. Beside it
two plain ways: the nearest training row of another class, as it is; and random changes, with as many rows asked.
Give the folder that holds the tables, and the number of test rows.
"""

import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

import core
from benchmarks._contest import SHARED
from core.explain._base import parts_of
from core.whatif._space import Space
from core.whatif.counterfactuals import Wish, find
from exports import live
from tests.workspaces import workspace_of

ROWS = 500
TABLES = {
    "adult": ("adult.data", {"target": "income", "test": "adult.test"}),
    "titanic": ("titanic.csv", {"target": "Survived"}),
    "telco churn": ("telco-churn.csv", {"target": "Churn"}),
}


def main() -> None:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "tables"
    n_rows = int(sys.argv[2]) if len(sys.argv) > 2 else ROWS
    print(f"{'':34} {'rows':>5} {'found':>7} {'valid':>7} {'columns':>9} {'cost':>6} {'seconds':>22}")
    print(f"{'to reach':34} {'':5} {'95%':>7} {'100%':>7} {'3':>9} {'':6} {'1 (all)':>22}")
    with tempfile.TemporaryDirectory() as place, workspace_of(pathlib.Path(place, "workspace")):
        for name, (file, settings) in TABLES.items():
            if "test" in settings:
                settings = settings | {"test": str(folder / settings["test"])}
            run = core.train(str(folder / file), **settings)
            live.make(run)
            table(name, run, n_rows)


def table(name: str, run: str, n_rows: int) -> None:
    parts = parts_of(run)
    x, reference = parts.x("test", n_rows), parts.x("train")

    def predict(rows):
        return live.predict(run, rows)

    def decide(y_prob):
        return live.decide(run, y_prob)

    predict(x[:1])
    before, answers, seconds = decide(predict(x)), [], []
    for row in x:
        start = time.perf_counter()
        answers.append(find(predict, row, parts.schema, reference, Wish(), decide))
        seconds.append(time.perf_counter() - start)
    spaces = [Space(parts.schema, row, reference, Wish()) for row in x]
    first = [answer["rows"][:1] for answer in answers]
    every = [answer["rows"] for answer in answers]

    def line(what: str, rows: list, times: list | None) -> None:
        found = [len(some) > 0 for some in rows]
        flips = [int(decide(predict(row[None]))[0]) not in (now, -1) for some, now in zip(rows, before) for row in some]
        columns = [int(n) for space, some in zip(spaces, rows) for n in space.changed(some).sum(axis=1)]
        cost = [float(c) for space, some in zip(spaces, rows) for c in space.cost(some)]
        valid = f"{np.mean(flips):.0%}" if flips else "none"
        shown = f"{statistics.median(columns):.0f} ({min(columns)}-{max(columns)})" if columns else "none"
        middle = f"{statistics.median(cost):.1f}" if cost else ""
        took = "" if times is None else f"{statistics.median(times):.3f}, worst {max(times):.3f}"
        print(f"{what:34} {len(rows):5} {np.mean(found):7.1%} {valid:>7} {shown:>9} {middle:>6} {took:>22}", flush=True)

    line(f"{name}: cheapest", first, seconds)
    line(f"{name}: all, up to 4", every, None)
    unlike = decide(predict(reference))
    line(f"{name}: nearest unlike row", [nearest(space, unlike != now) for space, now in zip(spaces, before)], None)
    rng = np.random.default_rng(0)
    asked = [answer["asked"] for answer in answers]
    tried, took = [], []
    for space, now, n in zip(spaces, before, asked):
        start = time.perf_counter()
        tried.append(at_random(space, n, rng, lambda rows, now=now: ~np.isin(decide(predict(rows)), (now, -1))))
        took.append(time.perf_counter() - start)
    line(f"{name}: random changes", tried, took)


def nearest(space: Space, fits: np.ndarray) -> np.ndarray:
    """The training row of another decision that costs least, all its columns taken."""
    some = np.linspace(0, len(fits) - 1, len(space.reference)).round().astype(int)
    rows = space.reference[fits[some]]
    return rows[np.argsort(space.cost(rows))[:1]] if len(rows) else rows


def at_random(space: Space, n: int, rng, fits) -> np.ndarray:
    """The cheapest that flips of n rows with 1 to 4 columns changed to values of random training rows."""
    rows = np.tile(space.x, (n, 1))
    other = space.reference[rng.integers(0, len(space.reference), n)]
    rank = rng.random(rows.shape).argsort(axis=1)
    change = rank < rng.integers(1, 5, (n, 1))
    rows[change] = other[change]
    rows = rows[space.changed(rows).any(axis=1)]
    rows = rows[fits(rows)]
    return rows[np.argsort(space.cost(rows))[:1]]


if __name__ == "__main__":
    main()
