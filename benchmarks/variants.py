"""Smaller files of a run beside fp32: size, time, accuracy, and what the measured search for sensitive layers is worth.

To reach, for static int8: at least 1.5 times as fast as fp32 at batch 1 on a processor with 8-bit instructions (else an
honest word that it gains nothing), an accuracy within fp32's interval, and at most 30% of its size. Give names of runs
that are exported; default: the newest with a pretrained net. Each is measured REPEATS times; medians and spread.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

from core import runs
from exports import variants
from exports.charts.variants import latency
from exports.variants import quantise

REPEATS = 3
FASTER, SMALLER = 1.5, 0.30


def main() -> None:
    names = [runs.resolve(name) for name in sys.argv[1:]] or pretrained()
    print(f"8-bit instructions (VNNI): {'yes' if quantise.has_vnni() else 'no, weights get 7 bits'}")
    print(
        f"to reach, static int8: {FASTER} times as fast at batch 1, {SMALLER:.0%} of the size, accuracy in the interval"
    )
    for run in names:
        config, start = runs.config(run), time.perf_counter()
        records = [variants.make(run) for _ in range(REPEATS)]
        seconds = (time.perf_counter() - start) / REPEATS
        print(f"\n{run}: {config.data.name}, {config.net.name}, {records[0]['n']:,} test samples, {seconds:.0f} s each")
        print(f"{'':13} {'size':>6} {'opens':>8} {'accuracy':>9} {'changed':>8}", end="")
        conditions = [(one["batch"], one["threads"]) for one in records[0]["variants"][0]["latency"]]
        print("".join(f" {f'batch {batch}, {threads} thr.':>20}" for batch, threads in conditions))
        for i, row in enumerate(records[0]["variants"]):
            show(row, records, i, conditions)
        told(records)


def show(row: dict, records: list[dict], i: int, conditions: list[tuple]) -> None:
    """One line: times are the median over repeats, and in brackets the least and the most times as fast as fp32."""
    if "error" in row:
        print(f"{row['name']:13} {row['error']}")
        return
    base = records[0]["variants"][0]
    opens = np.median([record["variants"][i]["load_seconds"] for record in records])
    print(f"{row['name']:13} {row['bytes'] / base['bytes']:6.0%} {1000 * opens:5.1f} ms", end="")
    print(f" {row['accuracy']['value']:9.1%} {row['changed']:8,}", end="")
    for batch, threads in conditions:
        median = np.median([latency(record["variants"][i], batch, threads)["median"] for record in records])
        ratios = speed(records, i, batch, threads)
        print(f" {1000 * median:8.2f} ({min(ratios):.2f}-{max(ratios):.2f}x)", end="")
    print(flush=True)


def speed(records: list[dict], i: int, batch: int, threads: int) -> list[float]:
    """How many times as fast as fp32 the i-th file is, of each repeat."""
    return [
        latency(record["variants"][0], batch, threads)["median"]
        / latency(record["variants"][i], batch, threads)["median"]
        for record in records
    ]


def told(records: list[dict]) -> None:
    """Pass or miss of static int8."""
    rows = records[0]["variants"]
    i = next((i for i, row in enumerate(rows) if row["name"] == "int8 static" and "error" not in row), None)
    if i is None:
        print("static int8: miss, it could not be made")
        return
    base, row = rows[0], rows[i]
    ratio, size = float(np.median(speed(records, i, 1, 1))), row["bytes"] / base["bytes"]
    inside = base["accuracy"]["low"] <= row["accuracy"]["value"]
    checks = {
        f"{ratio:.2f} times as fast at batch 1": ratio >= FASTER,
        f"{size:.1%} of the size": size <= SMALLER,
        f"accuracy {row['accuracy']['value']:.1%}, fp32's interval from {base['accuracy']['low']:.1%}": inside,
    }
    print("; ".join(f"{said}: {'pass' if good else 'miss'}" for said, good in checks.items()))
    if ratio < 1.1:
        print("On this processor 8 bits gain no time for this net.")
    if row["kept"]:
        print(f"kept in floats: {', '.join(row['kept'])}")


def pretrained() -> list[str]:
    """The newest exported run with a pretrained net."""
    for run in runs.names():
        if runs.config(run).net.name == "pretrained" and runs.path(run, "exports", "model.onnx").exists():
            return [run]
    sys.exit("There is no exported run with a pretrained net; name one that is exported.")


if __name__ == "__main__":
    main()
