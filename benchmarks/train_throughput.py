"""How fast nets are trained, beside raw loops and the tools that people use; time to 90%; what a run costs beside.

To reach: on Fashion-MNIST with the 2-block CNN, batches of 128, on 2 cores, a run trains at least 0.95 of the
samples/s of a raw loop (images in memory, bf16, channels_last) and at least twice those of the fastest of: the loop of
tutorials (a Dataset that gives one sample, DataLoader, fp32), Lightning, fastai, skorch, Keras on torch; it is at 90%
test accuracy in at most a quarter of the time of the loop of tutorials. On rows of adult's width and length, an MLP of
128 and 64 units, batches of 256, it trains at least 0.9 of a raw loop, 3 times skorch and Lightning, and faster than
scikit-learn's MLPClassifier, with an accuracy on adult itself that is as good or better. All that is not arithmetic
(history, TensorBoard, checkpoints, status) takes under 3% of an epoch.

What counts, for all alike, lies between the end of the first epoch and the end of the last: batches, steps, and
whatever the tool does at the ends of epochs. Nobody validates, but Vitrine, which always does; the time of that is
taken off, that of what it writes is not. All train the same net on the same samples, Adam at 1e-3, in processes that
stay warm and take turns; a ratio is of one turn. Peers are as they come: fp32, samples ready for the net in memory, no
progress bars. Raw loops are measured as scripts, and with the environment that a run's process is started with.

    pip install -r requirements-bench.txt    # the peers; those that are not there are left out
    python benchmarks/train_throughput.py [--part images|ninety|rows|adult] [--repeats 5] [--samples 10240] [--quick]
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np

import core
from benchmarks._contest import (
    SHARED,
    Contestant,
    Problem,
    against,
    fashion_mnist,
    installed,
    shown,
    take_turns,
    together,
)
from core import config, data, nets, runs
from core.data import ingest, split
from tests.workspaces import workspace_of

PARTS = ("images", "ninety", "rows", "adult")
EPOCHS = 6
ROWS, COLUMNS, ROW_EPOCHS = 32_561, 14, 30
TARGET = 0.9
NINETY = {"epochs": 2, "lr": 0.01, "warmup": 0.25, "precision": "bf16", "memory_format": "channels_last"}
NINETY_AT_MOST = 8  # epochs of the loop of tutorials
VALIDATED = 1000  # training images of Fashion-MNIST that Vitrine validates on, on its way to 90%
ADULT_EPOCHS = 20
AS_RUN = " as a run"
SPLIT = {"val_fraction": 0.05, "test_fraction": 0.05}  # of what is stored for a contest
PEERS = {"lightning": "lightning", "fastai": "fastai", "skorch": "skorch", "keras": "keras"}
LABELS = {
    "run": "Vitrine, a run",
    "vitrine": "Vitrine, its loop alone",
    "raw_bf16 as a run": "raw loop, bf16, as a run's process",
    "raw_bf16": "raw loop, bf16, a script",
    "raw_fp32 as a run": "raw loop, fp32, as a run's process",
    "raw_fp32": "raw loop, fp32, a script",
    "plain": "Dataset and DataLoader",
    "lightning": "Lightning",
    "fastai": "fastai",
    "skorch": "skorch",
    "keras": "Keras on torch",
    "scikit_learn": "scikit-learn's MLPClassifier",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=SHARED / "fashion-mnist", help="folder of idx files")
    parser.add_argument("--adult", type=pathlib.Path, default=SHARED / "tables" / "adult.data", help="beside its .test")
    parser.add_argument("--part", choices=PARTS, action="append", help="leave out the others")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10_240, help="images to train on, in the part images")
    parser.add_argument("--quick", action="store_true", help="only see whether it works: few samples, two repeats")
    asked = parser.parse_args()
    if asked.quick:
        asked.repeats, asked.samples = min(asked.repeats, 2), min(asked.samples, 512)
    print(f"{asked.repeats} repeats, median (min to max); load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    for part in asked.part or PARTS:
        source = {"images": asked.data, "ninety": asked.data, "adult": asked.adult}.get(part)
        if source is not None and not source.exists():
            name = "adult" if source == asked.adult else "data"
            print(f"There is no {source}; name another with --{name}. {part} is left out.")
            continue
        with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
            {"images": images, "ninety": ninety, "rows": rows, "adult": adult}[part](asked, pathlib.Path(folder))
    print(f"Load of the machine at the end {os.getloadavg()[0]:.1f}")


# -------------------------------------------------------------------------------------------------------- images


def images(asked, scratch: pathlib.Path) -> None:
    found = fashion_mnist(asked.data)
    stored = taken(found["x"], found["y"], asked.samples)
    problem = problem_of(stored, batch_size=128, epochs=EPOCHS)
    print(f"{len(problem.y):,} images of Fashion-MNIST, the 2-block CNN, batches of 128, {EPOCHS} epochs", flush=True)
    names = ["vitrine", "raw_bf16 as a run", "raw_bf16", "raw_fp32 as a run", "raw_fp32", "plain", *installed(PEERS)]
    answers = contest(problem, names, asked.repeats, scratch, run_of(stored, problem))
    speeds = rates(answers, problem)
    ratio(speeds, "run", ["raw_bf16 as a run", "raw_bf16"], "0.95")
    ratio(speeds, "vitrine", ["raw_bf16 as a run", "raw_bf16"], "0.95")
    fastest(speeds, ["plain", *PEERS], "2")
    overhead(answers)


def taken(x: np.ndarray, y: np.ndarray, n: int):
    """A stored data set of n samples to train on, and a ninth of that for each of the other parts."""
    import torch
    from torch.utils.data import TensorDataset

    n = min(len(y), round(n / 0.9))
    return ingest.take(TensorDataset(torch.from_numpy(np.array(x[:n])), torch.from_numpy(y[:n])), name="samples")


def problem_of(stored, **settings) -> Problem:
    """What the peers train on: the very samples that a run of the stored data set trains on."""
    part = data.parts(stored, config.suggest(stored, **SPLIT).data)
    train, val = part == "train", part == "val"
    x, y = np.asarray(stored.x), stored.targets
    return Problem(stored.kind, x[train], y[train], x[val], y[val], n_classes=len(stored.classes), **settings)


def run_of(stored, problem: Problem, **settings):
    """A function of the seed that trains a whole run and gives what its clock says, as the processes of peers do."""
    given = {"batch_size": problem.batch_size, "epochs": problem.epochs, "lr": problem.lr, "device": "cpu"} | SPLIT

    def turn(seed: int) -> dict:
        return clocked(core.train(stored.name, seed=seed, **{**given, **settings}))

    return turn


def clocked(run: str) -> dict:
    """Seconds between the ends of a run's first and last epoch, by the time stamps of its TensorBoard file.

    validated : of these, seconds of validation;  beside : those that belong to no epoch: history, TensorBoard,
        checkpoints, status
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(runs.path(run, "tensorboard"))).Reload().Scalars("val/loss")
    rows = runs.history(run)[1:]
    n_train = len(split.load(runs.path(run, "split.parquet"), runs.dataset(run).ids)["train"])
    seconds = events[-1].wall_time - events[0].wall_time
    return {
        "seconds": seconds,
        "validated": sum(row["seconds"] - n_train / row["samples_per_second"] for row in rows),
        "beside": seconds - sum(row["seconds"] for row in rows),
        "precision": runs.status(run).get("precision", ""),
        "n_epochs": len(rows),
        "accuracy": runs.evaluation(run)["test"]["metrics"]["accuracy"]["value"],
        "n": n_train,
    }


# ----------------------------------------------------------------------------------------------------- time to 90%


def ninety(asked, scratch: pathlib.Path) -> None:
    """Seconds of training until the accuracy on the test images is 90% at the end of an epoch.

    Vitrine's settings, NINETY, were chosen by accuracy on 10,000 of the training images. Its time begins before its
    data is laid out and holds its validation; that of the loop of tutorials begins before its DataLoader is made.
    """
    found = fashion_mnist(asked.data)
    n, target, at_most = len(found["y"]), TARGET, NINETY_AT_MOST
    if asked.quick:
        n, target, at_most = 3 * asked.samples, 0.3, 3
    images, y, kept = found["x"][:n], found["y"][:n], (VALIDATED * n) // len(found["y"])
    problem = Problem(
        "image",
        images,
        y,
        found["x_test"],
        found["y_test"],
        10,
        128,
        at_most,
        target=target,
        ours={**NINETY, "n_val": kept},
    )
    print(
        f"Seconds to {target:.0%} test accuracy on Fashion-MNIST, {len(problem.y):,} images, batches of 128", flush=True
    )
    answers = contest(problem, ["vitrine", "plain"], asked.repeats, scratch)
    for name, of in answers.items():
        epochs = [len(answer["accuracies"]) for answer in of]
        print(
            f"  {LABELS[name]:34} {shown([answer['seconds'] for answer in of], '{:.1f}'):>26} s, accuracy "
            f"{shown([answer['accuracies'][-1] for answer in of], '{:.4f}')}, {min(epochs)} to {max(epochs)} epochs"
        )
        for answer in of:
            if answer["accuracies"][-1] < target:
                print(f"    One turn did not get there: {', '.join(f'{a:.4f}' for a in answer['accuracies'])}")
    if len(answers) == 2:
        ours, theirs = ([answer["seconds"] for answer in of] for of in answers.values())
        print(f"  Vitrine takes {against(ours, theirs)} of the time of Dataset and DataLoader (to reach: 0.25)")


# ---------------------------------------------------------------------------------------------------------- rows


def rows(asked, scratch: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(round(ROWS / 0.9), COLUMNS)).astype(np.float32)
    y = (x @ rng.normal(size=COLUMNS) + rng.normal(size=len(x)) > 1).astype(np.int64)
    stored = taken(x, y, ROWS)
    problem = problem_of(stored, batch_size=256, epochs=5 if asked.quick else ROW_EPOCHS)
    n, n_columns = problem.raw.shape
    print(f"{n:,} rows of {n_columns} numbers, an MLP of 128 and 64 units, batches of 256, {problem.epochs} epochs")
    others = installed({name: PEERS[name] for name in ("skorch", "lightning")})
    names = ["vitrine", "raw_fp32 as a run", "raw_fp32", *others, "scikit_learn"]
    answers = contest(problem, names, asked.repeats, scratch, own_run(stored, problem))
    speeds = rates(answers, problem)
    for ours in ("run", "vitrine"):
        ratio(speeds, ours, ["raw_fp32 as a run", "raw_fp32"], "0.9")
    ratio(speeds, "vitrine", others, "3")
    ratio(speeds, "vitrine", ["scikit_learn"], "1")
    overhead(answers)


def own_run(stored, problem: Problem):
    """A function of the seed that trains the MLP of this benchmark in a run; None where a run cannot be given one."""
    if "own" not in nets.available():
        return None
    where = {"where": "benchmarks.peers.mlp:build", "arguments": '{"n_in": %d, "n_classes": %d}'}
    where["arguments"] %= (problem.raw.shape[1], problem.n_classes)
    return run_of(stored, problem, net="own", net_options=where, weight_decay=0.0)


def adult(asked, _scratch) -> None:
    """Adult itself: categories, missing values, and its own test file. Runs beside MLPClassifier on one-hot columns."""
    test = asked.adult.with_suffix(".test")
    settings = {"target": "income", "batch_size": 256, "epochs": 3 if asked.quick else ADULT_EPOCHS, "device": "cpu"}
    if test.exists():
        settings["test"] = str(test)
    print(f"Adult as it is, batches of 256, {settings['epochs']} epochs", flush=True)
    answers = {"run": [], "scikit_learn": []}
    for seed in range(asked.repeats):
        run = core.train(str(asked.adult), seed=seed, **settings)
        answers["run"].append(clocked(run))
        answers["scikit_learn"].append(classifier_on(run, seed))
    speeds = {}
    for name, of in answers.items():
        speeds[name] = [(a["n_epochs"] * a["n"]) / (a["seconds"] - a["validated"]) for a in of]
        accuracy = shown([a["accuracy"] for a in of], "{:.4f}")
        print(f"  {LABELS[name]:34} {shown(speeds[name]):>34} samples/s, test accuracy {accuracy}")
    ratio(speeds, "run", ["scikit_learn"], "1")


def classifier_on(run: str, seed: int) -> dict:
    """What MLPClassifier needs for the epochs of `run` on its training samples, and its accuracy on its test samples.

    Columns are imputed, scaled and one-hot before the clock runs.
    """
    import warnings

    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    dataset, settings = runs.dataset(run), runs.config(run).training
    where, y = split.load(runs.path(run, "split.parquet"), dataset.ids), dataset.targets
    table = dataset.table[[column.name for column in dataset.columns]]
    table = table.astype({column.name: object for column in dataset.columns if column.type == "category"})
    ready = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_exclude="number")),
    )
    x = ready.fit_transform(table.iloc[where["train"]]).astype(np.float32)
    x_test = ready.transform(table.iloc[where["test"]]).astype(np.float32)
    net = MLPClassifier((128, 64), batch_size=settings.batch_size, max_iter=settings.epochs, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        began = time.perf_counter()
        net.fit(x, y[where["train"]])
        seconds = time.perf_counter() - began
    accuracy = float((net.predict(x_test) == y[where["test"]]).mean())
    return {"seconds": seconds, "validated": 0.0, "n": len(x), "n_epochs": net.n_iter_, "accuracy": accuracy}


# ------------------------------------------------------------------------------------------------------- figures


def contest(problem: Problem, names: list[str], repeats: int, scratch: pathlib.Path, run=None) -> dict[str, list[dict]]:
    """The answers of the contestants, and of `run` if it is given, turn by turn."""
    file = scratch / "problem.npz"
    problem.save(file)
    made = {}
    for name in names:
        as_run = name == "vitrine" or name.endswith(AS_RUN)
        made[name] = Contestant(name.removesuffix(AS_RUN), file, scratch, as_run)
    with together(made):
        turns = {name: one.turn for name, one in made.items()}
        return take_turns({"run": run, **turns} if run else turns, repeats)


def rates(answers: dict[str, list[dict]], problem: Problem) -> dict[str, list[float]]:
    """Samples per second of each, turn by turn; prints a line for each."""
    speeds = {}
    for name, of in answers.items():
        n = len(problem.y) * (problem.epochs - 1)
        speeds[name] = [n / (answer["seconds"] - answer.get("validated", 0.0)) for answer in of]
        ways = sorted({answer["precision"] for answer in of if "precision" in answer})
        print(f"  {LABELS[name]:34} {shown(speeds[name]):>34} samples/s  {'; '.join(ways)}".rstrip(), flush=True)
    return speeds


def ratio(speeds: dict[str, list[float]], ours: str, others: list[str], reach: str) -> None:
    """Print how many times as fast `ours` is as each of the others that were measured."""
    for other in others:
        if ours in speeds and other in speeds:
            times = against(speeds[ours], speeds[other])
            print(f"  {LABELS[ours]}: {times} times {LABELS[other]} (to reach: {reach})", flush=True)


def fastest(speeds: dict[str, list[float]], others: list[str], reach: str) -> None:
    """As `ratio` for a run, against the other whose median is the best."""
    if there := [name for name in others if name in speeds]:
        ratio(speeds, "run", [max(there, key=lambda name: statistics.median(speeds[name]))], reach)


def overhead(answers: dict[str, list[dict]]) -> None:
    """Print which share of a run is neither training nor validation, by its own clock and beside the loop alone."""
    if "run" not in answers:
        return
    beside = shown([answer["beside"] / answer["seconds"] for answer in answers["run"]], "{:.1%}")
    print(f"  Between the epochs of a run {beside} of the time go to what is written (to reach: 3%)", end="")
    if "vitrine" in answers:
        more = [1 - alone["seconds"] / run["seconds"] for run, alone in zip(answers["run"], answers["vitrine"])]
        print(f"; it takes {shown(more, '{:.1%}')} more than its loop alone", end="")
    print(".", flush=True)


if __name__ == "__main__":
    main()
