"""The search for slices: how often it reports one where there is none, how often it finds one that is, and its time.

To reach: a slice on shuffled errors in at most 10% of simulations; a category whose labels are flipped in 30% first;
100,000 rows of 30 columns in a few seconds. Give the folder that holds adult.data and telco-churn.csv for real tables,
and the number of simulations.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import pandas as pd

from benchmarks._contest import SHARED
from core.evaluation import slices
from core.evaluation.intervals import proportion

SIMULATIONS = 400
N_TEST, N_LARGE = 1500, 6000  # rows of each simulated test part
WRONG = 0.15  # share of errors
FLIPPED = 0.3


def main() -> None:
    tables = {"made, 30 columns": made(20_000)}
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "tables"
    if folder.is_dir():
        tables["adult"] = pd.read_csv(folder / "adult.data", skipinitialspace=True)
        tables["telco churn"] = pd.read_csv(folder / "telco-churn.csv")
    n = int(sys.argv[2]) if len(sys.argv) > 2 else SIMULATIONS
    print(f"{n} simulations of {N_TEST:,} and {N_LARGE:,} rows, {WRONG:.0%} wrong")
    print(f"planted: a category with 5% to 60% of the rows, its labels flipped in {FLIPPED:.0%}")
    print(f"{'table':17} {'shuffled: reports one':>24} {'planted: first':>24} {'of the large':>24} {'in':>10}")
    for name, table in tables.items():
        start = time.perf_counter()
        shares = [
            proportion(sum(simulate(table, seed, n_rows) for seed in range(n)), n)
            for simulate, n_rows in ((reports_one, N_TEST), (finds_first, N_TEST), (finds_first, N_LARGE))
        ]
        seconds = (time.perf_counter() - start) / (3 * n)
        print(f"{name:17}", *(f"{shown(share):>24}" for share in shares), f"{1000 * seconds:7.0f} ms", flush=True)
    big, rng = made(100_000), np.random.default_rng(0)
    wrong = rng.random(len(big)) < WRONG
    start = time.perf_counter()
    slices.find(big, wrong)
    print(f"{len(big):,} rows x {big.shape[1]} columns: {time.perf_counter() - start:.1f} s")


def reports_one(table: pd.DataFrame, seed: int, n_rows: int) -> bool:
    """Whether a slice is reported on errors that have nothing to do with the rows."""
    rng = np.random.default_rng(seed)
    some = sample(table, rng, n_rows)
    return bool(slices.find(some, rng.permutation(np.arange(len(some)) < WRONG * len(some)), seed=seed))


def finds_first(table: pd.DataFrame, seed: int, n_rows: int) -> bool:
    """Whether a category, drawn at random from those with 5% to 60% of the rows, is found first if it is planted."""
    rng = np.random.default_rng(seed)
    some = sample(table, rng, n_rows)
    while True:
        column = rng.choice([name for name in some if not pd.api.types.is_numeric_dtype(some[name].dtype)])
        value = rng.choice(some[column].dropna().unique())
        inside = (some[column] == value).to_numpy()
        if 0.05 <= inside.mean() <= 0.6:
            break
    wrong = rng.random(len(some)) < WRONG
    wrong ^= inside & (rng.random(len(some)) < FLIPPED)  # a flipped label makes right wrong, and wrong right
    found = slices.find(some, wrong, seed=seed)
    if not found:
        return False
    there = slices.mask(some, found[0]["where"])
    return (there & inside).sum() >= 0.8 * (there | inside).sum()  # another column may say the same


def sample(table: pd.DataFrame, rng, n_rows: int) -> pd.DataFrame:
    return table.iloc[rng.permutation(len(table))[:n_rows]].reset_index(drop=True)


def made(n: int) -> pd.DataFrame:
    """Numbers, some missing, and categories of 2 to 100 values, related to one another in pairs."""
    rng = np.random.default_rng(0)
    frame = {}
    for j in range(15):
        x = rng.normal(size=n) if j % 2 else rng.lognormal(size=n)
        if j % 3 == 2:
            x = x + frame[f"number {j - 1}"]
        frame[f"number {j}"] = np.where(rng.random(n) < 0.03, np.nan, x)
    for j in range(15):
        codes = rng.integers(0, (2, 3, 5, 20, 100)[j % 5], n)
        if j % 3 == 2:  # mostly what the column before says
            codes = np.where(rng.random(n) < 0.7, frame[f"word {j - 1}"], codes)
        frame[f"word {j}"] = codes
    words = {name: pd.Series(x).map("w{}".format) for name, x in frame.items() if name.startswith("word")}
    return pd.DataFrame(frame | words)


def shown(figure: dict) -> str:
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"


if __name__ == "__main__":
    main()
