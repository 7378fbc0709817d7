"""A watermark planted in one class of photographs of digits: does the check for shortcuts name its place?

    python benchmarks/shortcuts.py [--repeats 10]

Each time a mark of 3x3 pixels is put at a place and into a class drawn by chance, in images of 24x24; a small CNN is
trained, and the check looks at it. As many nets are trained without a mark, with other seeds, to count false alarms.
"""

import argparse
import dataclasses
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

SIDE, MARK = 24, 3
NAMED, FALSE = 0.95, 0.05  # what it must reach


def digits(seed: int, marked: bool):
    """The digits, enlarged, with a mark in one class; returns the data set, the class and the mark's corner."""
    from core import data

    plain = data.get("digits")
    times = SIDE // plain.images.shape[2]
    images = np.asarray(plain.images).repeat(times, axis=2).repeat(times, axis=3)
    rng = np.random.default_rng(seed)
    k, (top, left) = int(rng.integers(10)), rng.integers(0, SIDE - MARK + 1, 2)
    if marked:
        mark = np.indices((MARK, MARK)).sum(axis=0) % 2 * np.uint8(255)
        images[plain.targets == k, :, top : top + MARK, left : left + MARK] = mark
    return dataclasses.replace(plain, name=f"digits-{seed}-{marked}", images=images), k, (int(top), int(left))


def looked_at(seed: int, marked: bool) -> tuple[bool, bool, float]:
    """Whether a place was blamed, whether it was the mark's, for its class, and how long the check took."""
    import core
    from core import data, explain

    dataset, k, (top, left) = digits(seed, marked)
    data.store.put(dataset)
    run = core.train(dataset.name, "cnn", epochs=4, seed=seed)
    began = time.perf_counter()
    found = explain.explain_model(run, "shortcuts")
    seconds = time.perf_counter() - began
    places = [(i, row) for i, row in enumerate(found.record["findings"]) if row["kind"] == "place"]
    right = any(
        row["class"] == str(k) and found.arrays[f"where_{i}"][top : top + MARK, left : left + MARK].mean() >= 0.5
        for i, row in places
    )
    return bool(places), right, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VITRINE_WORKSPACE"] = folder
        marked = [looked_at(seed, True) for seed in range(repeats)]
        clean = [looked_at(seed, False) for seed in range(repeats)]
    named, false = np.mean([right for _, right, _ in marked]), np.mean([any_ for any_, _, _ in clean])
    seconds = [took for *_, took in (*marked, *clean)]
    table = Table("shortcuts", "must reach", "measured", "", box=box.SIMPLE)
    table.add_row("a mark's place and class are named", f"{NAMED:.0%}", f"{named:.0%}", verdict(named >= NAMED))
    table.add_row("a place is blamed without a mark", f"at most {FALSE:.0%}", f"{false:.0%}", verdict(false <= FALSE))
    low, middle, high = np.quantile(seconds, (0, 0.5, 1))
    table.add_row("the check takes", "", f"{middle:.1f} s ({low:.1f} to {high:.1f})", "")
    Console().print(table)
    print(f"{repeats} nets each.")


def verdict(passed: bool) -> str:
    return "pass" if passed else "miss"


if __name__ == "__main__":
    main()
