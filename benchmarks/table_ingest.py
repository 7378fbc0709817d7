"""Seconds and memory to take in a CSV of 1,000,000 rows and 30 columns: read, find the types, split.

To reach: under 30 s and under 4 GiB. Each line is a process of its own. Beside it pandas.read_csv, which reads the
same file but looks neither for bad cells nor for identifiers, constants and columns that give the target away.
"""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

ROWS = 1_000_000
N_NUMBERS, N_CATEGORIES = 18, 8  # with a date, an identifier, a constant and the target these are 30 columns


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "rows.csv")
        run("make", path)  # not here: a process begins with the peak memory of the one that starts it
        print(f"{ROWS:,} rows, 30 columns, {path.stat().st_size / 1e6:,.0f} MB")
        print(f"{'':44} {'seconds':>8} {'peak memory':>12}", flush=True)
        for what in ("look", "ingest", "peer"):
            run(what, path)


def run(what: str, path) -> None:
    subprocess.run([sys.executable, __file__, what, str(path)], check=True)


def make(path: str) -> None:
    """Write the CSV: whole and broken numbers, some blank, words, a date, an identifier, a constant, two classes."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    columns = {"customer_id": np.char.add("C", np.arange(ROWS).astype(str))}
    for j in range(N_NUMBERS):
        values = rng.normal(size=ROWS).round(4) if j % 2 else rng.integers(0, 100_000, ROWS).astype(float)
        if j % 3 == 0:
            values[rng.random(ROWS) < 0.03] = np.nan
        columns[f"number_{j}"] = pd.Series(values) if j % 2 else pd.Series(values).astype("Int64")
    for j in range(N_CATEGORIES):
        names = np.array([f"word {k}" for k in range(3 + 20 * j)])
        columns[f"category_{j}"] = names[rng.integers(0, len(names), ROWS)]
    columns["since"] = np.datetime64("2001-01-01") + rng.integers(0, 8000, ROWS).astype("timedelta64[D]")
    columns["currency"] = "EUR"
    columns["target"] = np.where(rng.random(ROWS) < 0.3, "yes", "no")
    pd.DataFrame(columns).to_csv(path, index=False)


def look(path: str) -> None:
    from core.data.readers import table

    start = time.perf_counter()
    table.look(path)
    line("a look at its beginning", time.perf_counter() - start)


def ingest(path: str) -> None:
    from core.data import split, store
    from core.data.readers import table
    from tests.workspaces import workspace_of

    start = time.perf_counter()
    dataset = table.load(path)
    line("read, with types", time.perf_counter() - start)
    parts = split.make(dataset)
    line("read, with types, and split", time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
        store.put(dataset)
        line("the same, and stored with its fingerprint", time.perf_counter() - start)
    n_types = {kind: sum(c.type == kind for c in dataset.columns) for kind in ("number", "category", "date")}
    found = (len(dataset), n_types, {c.type for c in dataset.left_out}, set(parts.tolist()) >= {"train", "val", "test"})
    expected = {"number": N_NUMBERS, "category": N_CATEGORIES, "date": 1}
    assert found == (ROWS, expected, {"identifier", "constant"}, True), found


def peer(path: str) -> None:
    import pandas as pd

    start = time.perf_counter()
    pd.read_csv(path)
    line("pandas.read_csv alone", time.perf_counter() - start)


def line(what: str, seconds: float) -> None:
    """Print the seconds so far and the most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{what:44} {seconds:8.1f} {peak / 2**30:8.2f} GiB", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"make": make, "look": look, "ingest": ingest, "peer": peer}[sys.argv[1]](sys.argv[2])
    else:
        main()
