"""The trust verdict on nets of which the answer is known: does it say no where there is nothing to explain?

    python benchmarks/trust.py [--samples 100] [--seeds 3] [--part test] [--data digits] [--net cnn]

To reach, on test samples of digits: "no" for at least 95% where the net has random weights, always says the same, or
learnt shuffled labels; "yes" for at least 80% where the net is good, method by method. The thresholds of the checks
were chosen with --part val and --first-seed 100.
"""

import argparse
import collections
import copy
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import torch

import core
from core import data, explain, runs
from core import model as models
from core.data import ingest
from core.evaluation.intervals import proportion
from core.explain._base import parts_of
from core.trust import checks, skill
from tests.workspaces import workspace_of

BARS = {"good": ("yes", 0.8)}  # all others: ("no", 0.95)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--part", default="test", choices=("val", "test"))
    parser.add_argument("--data", default="digits")
    parser.add_argument("--net", default=None)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found, seconds = collections.defaultdict(collections.Counter), collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
        if asked.data not in data.available():
            asked.data = ingest.add(asked.data).name
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            for name, (run, model) in nets(asked, seed).items():
                study(name, run, model, asked, seed, found, seconds)
    bad = sorted({name for name, _ in found} - {"good"})
    print(f"{asked.data}, {asked.samples} {asked.part} samples of each of {asked.seeds} nets of each kind")
    print(f"{'net':16} {'method':22} {'yes':>5} {'care':>5} {'no':>5} {'to reach':>26} {'':6} {'ms each, median':>16}")
    for name in ("good", *bad):
        for (net, method), counts in found.items():
            if net == name:
                print_row(net, method, counts, seconds[net, method])


def print_row(net: str, method: str, counts, seconds) -> None:
    word, bar = BARS.get(net, ("no", 0.95))
    share = proportion(counts[word], counts.total())
    passed = "pass" if share["value"] >= bar else "MISS"
    reached = f"{word} {bar:.0%}: {share['value']:.0%} ({100 * share['low']:.0f} to {100 * share['high']:.0f})"
    shares = " ".join(f"{counts[word] / counts.total():5.0%}" for word in ("yes", "care", "no"))
    print(f"{net:16} {method:22} {shares} {reached:>26} {passed:6} {1000 * np.median(seconds):16.0f}", flush=True)


def nets(asked, seed: int) -> dict:
    """A run and a model of each kind: the good one, and those that know nothing."""
    good = core.train(asked.data, asked.net, seed=seed)
    model = models.load(good)
    constant = copy.deepcopy(model)
    with torch.no_grad():
        last = [module for module in constant.net.modules() if isinstance(module, torch.nn.Linear)][-1]
        last.weight.zero_()
    torch.manual_seed(seed)
    random = models.Model(model.schema, runs.config(good).net)
    random.preprocess.load_state_dict(model.preprocess.state_dict())
    shuffled = core.train(shuffled_labels(asked.data, seed), asked.net, seed=seed)
    return {
        "good": (good, model),
        "random weights": (good, random.eval()),
        "constant": (good, constant),
        "shuffled labels": (shuffled, models.load(shuffled)),
    }


def shuffled_labels(name: str, seed: int) -> str:
    """The data set of that name with its labels in random order, written as a table or as arrays; returns its name."""
    dataset = data.get(name)
    targets = np.random.default_rng(seed).permutation(dataset.targets)
    if dataset.kind == "table":
        path = pathlib.Path(os.environ["VITRINE_WORKSPACE"], f"shuffled-{name}-{seed}.csv")
        columns = [column.name for column in dataset.columns]
        dataset.table[columns].assign(shuffled_label=np.array(dataset.classes)[targets]).to_csv(path, index=False)
        return str(path)

    class Shuffled(torch.utils.data.Dataset):
        classes = dataset.classes

        def __len__(self):
            return len(targets)

        def __getitem__(self, i):
            return torch.from_numpy(np.array(dataset.images[i])), int(targets[i])

    return Shuffled()


def study(name: str, run: str, model, asked, seed: int, found, seconds) -> None:
    """Judge explanations of samples of the run's part by each method that fits."""
    parts = parts_of(run)
    x, held_out = parts.x(asked.part, asked.samples), parts.x("test")
    known = skill.measure(parts.y_true("test"), models.predict(model, held_out))
    y_pred = models.predict(model, x).argmax(axis=1)
    rows = torch.from_numpy(explain.background(parts)) if model.schema.columns else None
    for method in explain.available(model.schema.kind, "sample"):
        for i, sample in enumerate(x):
            start = time.perf_counter()
            one = torch.from_numpy(np.array(sample[None]))
            told = checks.judge(
                model, one, explain.module(method), int(y_pred[i]), background=rows, skill_found=known, seed=seed
            )
            seconds[name, method].append(time.perf_counter() - start)
            found[name, method][told["verdict"]] += 1


if __name__ == "__main__":
    main()
