"""Export and certificate: how long they take, whether explanations inside the file are right, and false alarms.

    python benchmarks/export.py [--part time|explanation|alarms] [--photos FOLDER] [--weights FILE] [--repeats 5]

To reach, on 2 cores: the certificate of the digits net in under 10 s and of MobileNetV2 on the 372 test photographs of
clothing-small in under 3 minutes, each export in under 15 s; explanations inside the file equal to those of
core.explain to 1e-4 on the whole test split, for at most 3 times (images) and 40 times (rows) the time of the plain
file; and no certificate that fails of any net on any built-in data set with 5 seeds.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

import core
from benchmarks._contest import SHARED
from core import config, data, jobs, runs
from exports import feeding, model_file, onnx, parity
from tests.workspaces import workspace_of

SEEDS = range(5)
NETS = {"image": ("cnn", "residual_cnn"), "table": ("mlp", "residual_mlp")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("time", "explanation", "alarms"))
    parser.add_argument("--photos", type=pathlib.Path, default=SHARED / "clothing-small")
    parser.add_argument("--table", type=pathlib.Path, default=SHARED / "tables" / "adult.data")
    parser.add_argument("--weights", type=pathlib.Path, default=SHARED / "weights" / "mobilenet_v2_imagenet.pth")
    parser.add_argument("--repeats", type=int, default=5, help="of each export and certificate")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
        if asked.part != "alarms":
            for name, run in trained(asked).items():
                if asked.part != "explanation":
                    times(name, run, asked.repeats)
                if asked.part != "time":
                    explanation(name, run)
        if asked.part in (None, "alarms"):
            alarms()


def trained(asked) -> dict[str, str]:
    """A run of digits, one of adult, and a quick one of MobileNetV2 on photographs, where the files are there."""
    found = {"digits": core.train("digits")}
    if asked.table.exists():
        found["adult"] = core.train(
            str(asked.table), target="income", test=str(asked.table.with_suffix(".test")), epochs=3
        )
    if asked.photos.exists() and asked.weights.exists():
        facts = {"net": "pretrained", "weights": str(asked.weights), "freeze": -1, "epochs": 5}
        found["photographs, MobileNetV2"] = core.train(str(asked.photos), **facts)
    return found


def times(name: str, run: str, repeats: int) -> None:
    """Seconds of an export and of the certificate."""
    exports, proofs, record = [], [], {}
    for _ in range(repeats):
        start = time.perf_counter()
        onnx.export(run)
        middle = time.perf_counter()
        record = parity.verify(run)
        exports.append(middle - start)
        proofs.append(time.perf_counter() - middle)
    bar = {"digits": 10, "photographs, MobileNetV2": 180}.get(name)
    print(f"{name}: export {spread(exports)} s (to reach: < 15), ", end="")
    print(f"certificate {spread(proofs)} s" + (f" (to reach: < {bar})" if bar else ""), end="")
    print(f", {record['n']:,} test samples, {len(record['checks'])} conditions, passed: {record['passed']}, ", end="")
    print(
        f"{record['differing']} decisions differ, probabilities within {record['largest_difference']:.1e}", flush=True
    )


def explanation(name: str, run: str) -> None:
    """How equal explanations inside the file are, and what they cost."""
    onnx.export(run)
    plain = model_file.read(runs.path(run, "exports", "model.onnx"))
    onnx.export(run, explanation=True)
    full = model_file.read(runs.path(run, "exports", "model.onnx"))
    record = parity.verify(run)
    dataset = runs.dataset(run)
    bar = 3 if dataset.kind == "image" else 40
    found = record["explanation"]
    print(
        f"{name}: explanations of {found['n']:,} samples differ by {found['largest_difference']:.1e} (< 1e-4); ", end=""
    )
    for size in (1, 32):
        seconds = ([], [])
        feeds = feeding.inputs(dataset, np.arange(size))
        for repeat in range(60):
            for times_, file, wanted in zip(
                seconds, (plain, full), (["label", "probabilities"], ["label", "explanation"])
            ):
                start = time.perf_counter()
                file.ask(feeds, wanted)
                times_.extend([time.perf_counter() - start] * (repeat >= 10))
        ratio = statistics.median(seconds[1]) / statistics.median(seconds[0])
        said = " to ".join(f"{statistics.median(one) * 1000:.2f}" for one in seconds)
        print(
            f"batch {size}: {ratio:.1f} times ({said} ms; to reach: <= {bar})",
            end="; " if size == 1 else "\n",
            flush=True,
        )


def alarms() -> None:
    """Certificates of every net on every built-in set that it can take."""
    n, failed, largest = 0, [], 0.0
    for name in data.available():
        dataset = data.get(name)
        for net in NETS[dataset.kind]:
            for seed in SEEDS:
                run = jobs.start(config.suggest(dataset, net=net, seed=seed, epochs=2))
                jobs.wait(run)
                onnx.export(run)
                record = parity.verify(run)
                n, largest = n + 1, max(largest, record["largest_difference"])
                if not record["passed"]:
                    failed.append(f"{name}, {net}, seed {seed}: {record['verdict']}")
    print(f"{n} nets (net x built-in set x {len(SEEDS)} seeds): {len(failed)} false alarms, ", end="")
    print(f"largest difference of a probability {largest:.1e}")
    for text in failed:
        print(f"  {text}")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
