"""Planted truth: pictures whose class depends on a small patch at a random place. Do explanations point at it?

    python benchmarks/planted.py [--samples 300] [--seeds 3]

To reach: Grad-CAM, integrated gradients and occlusion have their centre of the strongest 1% within the patch in at
least 95% of the test pictures. Nets of two kinds are trained, on grey and on colour pictures.
"""

import argparse
import os
import pathlib
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import torch

from core import explain
from core import model as models
from core.config import NetConfig
from core.data.dataset import Schema
from core.evaluation.intervals import proportion

BAR = 0.95
JUDGED = ("gradcam", "integrated_gradients", "occlusion")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{asked.samples} test pictures of each of {asked.seeds} nets of each kind; to reach: {BAR:.0%}")
    print(f"{'net':14} {'pictures':9} {'accuracy':>8} {'method':22} {'in the patch':>26} {'':6} {'ms each':>8}")
    for net in ("cnn", "residual_cnn"):
        for channels in (1, 3):
            hits = {name: [] for name in explain.available("image", "sample")}
            seconds, accuracies = dict.fromkeys(hits, 0.0), []
            for seed in range(asked.seeds):
                model = trained(net, channels, 28, 4000, seed)
                x, y, corners = made(asked.samples, channels, 28, seed + 1000)
                y_pred = models.predict(model, x).argmax(axis=1)
                accuracies.append((y_pred == y).mean())
                for name in hits:
                    start = time.perf_counter()
                    hits[name].append(pointing(model, name, x, y_pred, corners))
                    seconds[name] += time.perf_counter() - start
            for name, parts in hits.items():
                share = proportion(int(np.concatenate(parts).sum()), asked.samples * asked.seeds)
                text = f"{share['value']:.1%} ({100 * share['low']:.1f} to {100 * share['high']:.1f})"
                verdict = ("pass" if share["value"] >= BAR else "MISS") if name in JUDGED else ""
                each = 1000 * seconds[name] / (asked.samples * asked.seeds)
                kind = "grey" if channels == 1 else "colour"
                print(
                    f"{net:14} {kind:9} {np.mean(accuracies):8.1%} {name:22} {text:>26} {verdict:6} {each:8.1f}",
                    flush=True,
                )


def made(n: int, channels: int, side: int, seed: int, patch: int = 6):
    """Noise uint8 (n, channels, side, side) with a cross (class 0) or a ring (1) at a random place; class; corner."""
    rng = np.random.default_rng(seed)
    x = rng.integers(60, 196, (n, channels, side, side)).astype(np.uint8)
    y = rng.integers(0, 2, n)
    marks = np.zeros((2, patch, patch), bool)
    middle = slice(patch // 2 - 1, patch // 2 + 1)
    marks[0, middle], marks[0, :, middle] = True, True
    marks[1] = True
    marks[1, 1:-1, 1:-1] = False
    corners = rng.integers(0, side - patch + 1, (n, 2))
    for i in range(n):
        top, left = corners[i]
        x[i, :, top : top + patch, left : left + patch] = np.where(marks[y[i]], 255, 0)
    return x, y, corners


def trained(net: str, channels: int, side: int, n: int, seed: int, epochs: int = 6, options: dict | None = None):
    """A net of ours that has learnt to tell the two marks apart."""
    torch.manual_seed(seed)
    model = models.Model(Schema("image", (channels, side, side), ("cross", "ring")), NetConfig(net, options or {}))
    x, y, _ = made(n, channels, side, seed)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    model.preprocess.fit(x)
    model.train()
    optimizer = torch.optim.AdamW(model.net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * -(-n // 64))
    for _ in range(epochs):
        for where in torch.randperm(n).split(64):
            loss = torch.nn.functional.cross_entropy(model(x[where]), y[where])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def pointing(model, method: str, x: np.ndarray, y_pred: np.ndarray, corners: np.ndarray, patch: int = 6) -> np.ndarray:
    """For each picture, whether the centre of the strongest 1% of the explanation lies in the patch, bool (n,)."""
    values = np.empty((len(x), *x.shape[2:]))
    for target in np.unique(y_pred):
        same = np.flatnonzero(y_pred == target)
        for where in np.array_split(same, -(-len(same) // 50)):
            found = explain.module(method).explain(model, torch.from_numpy(x[where]), int(target))
            values[where] = found.values.sum(dim=1).numpy()
    flat = values.reshape(len(x), -1)
    strongest = np.argsort(-flat, axis=1)[:, : max(1, flat.shape[1] // 100)]
    centre = np.stack(np.divmod(strongest, x.shape[3]), axis=2).mean(axis=1)  # (n, 2)
    return ((centre >= corners) & (centre <= corners + patch - 1)).all(axis=1)


if __name__ == "__main__":
    main()
