"""Comparing runs: how often two equal models are called different, and seconds for 10 runs and for 1,000.

    python benchmarks/comparing.py [--simulations 1000] [--only calls|times]

To reach: two equal models are called different in at most 6% of 1,000 simulations, by McNemar's test and by the
bootstrap; 10 runs are compared in under 1 s; the table of 1,000 runs is there in under 1 s.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

from core import config, data, jobs, notes, run_names, runs
from core.evaluation import compare, differences, groups, pairing
from core.workspace import check_workspace

SIZES = ((200, 2), (400, 10), (1000, 3))  # samples, classes
SEED_SPREADS = (0, 0.1, 0.4, 1)  # of how strongly a run sees the truth
METRICS = ("accuracy", "f1_macro", "mcc", "auroc_macro", "log_loss", "brier", "ece")
N_RUNS, N_TEST, N_CLASSES = 10, 10_000, 10
N_TABLE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--only", choices=("calls", "times"))
    asked = parser.parse_args()
    if asked.only != "times":
        calls(asked.simulations)
        calls_of_seeds(asked.simulations)
    if asked.only != "calls":
        with tempfile.TemporaryDirectory() as folder:
            os.environ["VITRINE_WORKSPACE"] = folder
            check_workspace()
            times()


def calls(simulations: int) -> None:
    """Print the share of simulations in which two models that are equally good are called different."""
    print(f"Two equal models called different, share of {simulations:,} simulations (to reach: at most 6%)")
    print(f"  {'samples x classes':20}" + "".join(f"{metric:>13}" for metric in METRICS))
    for n, n_classes in SIZES:
        rng = np.random.default_rng(n)
        called = np.zeros(len(METRICS))
        for _ in range(simulations):
            pair = equals(rng, n, n_classes)
            called += [differences.of_two(pair, metric)["p"] < differences.SIGNIFICANCE for metric in METRICS]
        print(f"  {f'{n} x {n_classes}':20}" + "".join(f"{share:>13.1%}" for share in called / simulations), flush=True)


def calls_of_seeds(simulations: int) -> None:
    """The same for two groups of seeds, by accuracy, as seeds matter little or much."""
    print("  and two equal groups of seeds, by accuracy, on 400 x 3, by how much seeds matter")
    print(f"  {'':20}" + "".join(f"{f'{spread:g}':>13}" for spread in SEED_SPREADS))
    for seeds in (2, 3, 5):
        shares = []
        for spread in SEED_SPREADS:
            rng = np.random.default_rng(seeds)
            pairs = (equals(rng, 400, 3, seeds, spread) for _ in range(simulations))
            called = sum(differences.over_seeds(pair, "accuracy")["p"] < differences.SIGNIFICANCE for pair in pairs)
            shares.append(called / simulations)
        print(f"  {f'{seeds} seeds each':20}" + "".join(f"{share:>13.1%}" for share in shares), flush=True)


def equals(rng, n: int, n_classes: int, seeds: int = 1, spread: float = 0.0) -> pairing.Paired:
    """Answers of two models with the same chance of every answer; what is hard for one is so for the other too.

    spread : of how strongly a run sees the truth, between seeds
    """
    targets = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 8.0)))
    truth, hard = np.eye(n_classes)[targets], rng.normal(size=(n, n_classes))
    made = [
        truth * (3.0 + spread * rng.normal()) + hard + rng.normal(size=(n, n_classes)) * 0.7 for _ in range(2 * seeds)
    ]
    ids = np.arange(n).astype(str)
    return pairing.Paired(("a",), ("b",), ids, targets, tuple(made[:seeds]), tuple(made[seeds:]))


def times() -> None:
    base = config.written_out(config.suggest(data.get("digits")))
    names = [made(base, i, lr=0.001 * (1 + i)) for i in range(N_RUNS)]
    rng = np.random.default_rng(0)
    targets = rng.integers(0, N_CLASSES, N_TEST)
    ids = np.array([f"{i:06d}" for i in range(N_TEST)])
    for run in names:
        logits = np.eye(N_CLASSES)[targets] * 3 + rng.normal(size=(N_TEST, N_CLASSES))
        runs.write_predictions(run, "test", ids, targets, logits.astype(np.float32))
    compare.verdict(names[:1], names[1:2])  # what is imported once is not counted
    print(f"\n{N_RUNS} runs on {N_TEST:,} test samples of {N_CLASSES} classes (to reach: under 1 s)")

    def all_of_them(metric):
        groups.differing(names)
        return [compare.verdict(names[:1], [run], metric) for run in names[1:]]

    for metric in METRICS:
        timed(f"settings, and {N_RUNS - 1} verdicts by {metric}", all_of_them, metric)
    seeds = [made(base, i, seed=i) for i in range(5)], [made(base, i, seed=i, lr=0.9) for i in range(5)]
    for run in (*seeds[0], *seeds[1]):
        logits = np.eye(N_CLASSES)[targets] * 3 + rng.normal(size=(N_TEST, N_CLASSES))
        runs.write_predictions(run, "test", ids, targets, logits.astype(np.float32))
    for metric in ("accuracy", "f1_macro"):
        timed(f"5 seeds against 5 by {metric}", compare.verdict, *seeds, metric)

    print(f"\nThe table of {N_TABLE:,} runs (to reach: under 1 s)")
    for i in range(N_TABLE - len(runs.names())):
        made(base, i, lr=0.001 * (1 + i // 5), seed=i % 5)
    jobs._kept.clear()
    rows = timed("summaries, first time in this process", jobs.summaries)
    timed("sparklines, first time", lambda: [jobs.course(run) for run in runs.names()])
    timed("summaries and sparklines again", lambda: [jobs.course(row["run"]) for row in jobs.summaries()])
    timed("seeds as one row", groups.by_seed, rows)
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_file(str(jobs.ROOT / "dashboard" / "app.py"), default_timeout=60)
    page.run()
    timed("the whole page, without browser", page.run)


def made(base, i: int, **training) -> str:
    """A finished run that was never trained."""
    asked = dataclasses.replace(base, training=dataclasses.replace(base.training, **training))
    run = f"2026-01-{1 + i % 28:02d}-{run_names.ADJECTIVES[i % 60]}-{run_names.NOUNS[i % 70]}-{len(runs.names())}"
    runs.path(run, "predictions").mkdir(parents=True)
    runs.path(run, "config.json").write_text(json.dumps(asked.to_dict()))
    schema = data.get("digits").schema.to_dict()
    runs.path(run, "schema.json").write_text(json.dumps({"fingerprint": "f00d", **schema}))
    accuracy = {"value": 0.9, "low": 0.88, "high": 0.92}
    status = {"state": "done", "created": 1e9 + i, "started": 1e9, "ended": 1e9 + 30, "updated": 1e9 + 30}
    facts = {"val_accuracy": 0.9, "best_epoch": 7, "test_accuracy": accuracy, "test_n": 360}
    runs.path(run, "status.json").write_text(json.dumps(status | facts))
    rows = [{"epoch": e + 1, **dict.fromkeys(list(runs.HISTORY)[1:10], 0.5)} for e in range(20)]
    runs.append_rows(runs.path(run, "history.jsonl"), rows)
    if i % 10 == 0:
        runs.path(run, notes.FILE).write_text(json.dumps({"title": f"Try {i}", "tags": ["wide"], "star": True}))
    return run


def timed(what: str, work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    print(f"  {what:52} {time.perf_counter() - start:6.2f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
