"""Seconds to look at data before training: checks and profile of a made table and of made images.

To reach: a few seconds each on 100,000 rows of 30 columns and on 50,000 images of 32x32x3.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import pandas as pd

from core.data import checks, profile, split
from core.data.dataset import Column, Dataset

N_ROWS, N_NUMBERS, N_CATEGORIES, N_DATES = 100_000, 20, 8, 2
N_IMAGES, SIDE = 50_000, 32


def main() -> None:
    for dataset, looks in ((table(), (profile.of_table,)), (images(), (profile.of_images, profile.mean_images))):
        print(f"{len(dataset):,} {dataset.schema.sample_word}s, {'x'.join(map(str, dataset.schema.shape))}")
        parts = timed("split, exact duplicates never on both sides", split.make, dataset)
        findings = timed("checks", checks.run, dataset, parts)
        for look in looks:
            timed(look.__name__, *((look, dataset, parts) if look is not profile.mean_images else (look, dataset)))
        for finding in findings:
            print(f"    {finding.severity}: {finding.sentence}")


def timed(what: str, work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    print(f"  {what:44} {time.perf_counter() - start:6.2f} s", flush=True)
    return result


def table() -> Dataset:
    """Numbers, some missing and a few far out, categories of 5 to 1,000 values, and dates; 0.1% of the rows twice."""
    rng = np.random.default_rng(0)
    frame, columns = {}, []
    for j in range(N_NUMBERS):
        x = rng.normal(size=N_ROWS) if j % 2 else rng.lognormal(size=N_ROWS)
        x[rng.random(N_ROWS) < 0.02] = np.nan
        x[: j % 3] = 1e6
        frame[f"number {j}"] = x
        columns.append(Column(f"number {j}", "number", missing=True))
    for j in range(N_CATEGORIES):
        words = tuple(sorted(f"word {k}" for k in range(5 * 2**j if j < 7 else 1000)))
        frame[f"category {j}"] = pd.array(rng.choice(words, N_ROWS), dtype="str")
        columns.append(Column(f"category {j}", "category", words))
    for j in range(N_DATES):
        frame[f"date {j}"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, N_ROWS), "D")
        columns.append(Column(f"date {j}", "date"))
    rows = pd.DataFrame(frame)
    rows.iloc[-100:] = rows.iloc[1000:1100].to_numpy()
    rows = rows.astype({name: column.dtype for name, column in pd.DataFrame(frame).items()})
    return _dataset("table", rng, table=rows, columns=tuple(columns))


def images() -> Dataset:
    """Smooth pictures with some noise, 100 of them once more and a little brighter, 50 of them 20 times."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (N_IMAGES, 3, 8, 8), dtype=np.uint8)
    pictures = coarse.repeat(SIDE // 8, axis=2).repeat(SIDE // 8, axis=3)
    pictures += rng.integers(0, 20, pictures.shape, dtype=np.uint8)
    pictures[100:200] = pictures[:100] + 8
    pictures[1000:2000] = np.tile(pictures[2000:2050], (20, 1, 1, 1))
    return _dataset("image", rng, images=pictures)


def _dataset(kind: str, rng, **samples) -> Dataset:
    n = len(next(iter(samples.values())))
    return Dataset(
        name=f"made {kind}",
        kind=kind,
        targets=rng.choice(10, n, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.04, 0.01]),
        classes=tuple("abcdefghij"),
        ids=np.array([f"{i:06d}" for i in range(n)]),
        origin="made for this benchmark",
        licence="none",
        **samples,
    )


if __name__ == "__main__":
    main()
