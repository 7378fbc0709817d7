"""Training on one GPU: samples/s and time to 90% on Fashion-MNIST, and ResNet-50 at 224x224 beside the card's peak.

It needs nothing but this folder of the project and a GPU. Fashion-MNIST is read from --data; without it, images of
noise tell the samples/s. ResNet-50 is trained on noise that lies on the card, in Vitrine's loop as a run would train
it (compiled too, as in long runs), and in a raw loop of bf16 and channels_last. The share of the peak is 3 times the
floating-point operations of a forward pass, as PyTorch counts them, times images/s, by what the maker says that the
card does in bf16 without sparsity. Without a GPU it says so.

    python benchmarks/gpu.py [--data FOLDER] [--repeats 5] [--batch 256] [--quick]
"""

import argparse
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks._contest import SHARED, against, fashion_mnist, shown
from core.config import NetConfig, TrainingConfig
from core.data.dataset import Schema
from core.model import Model, predict
from core.training import loop

PEAKS = {  # bf16 with fp32 sums, dense, in 10^12 operations per second, by the makers' data sheets; the first that fits
    "H200 NVL": 836,
    "H200": 989,
    "H100 NVL": 836,
    "H100 PCIe": 756,
    "H100": 989,
    "GH200": 989,
    "B200": 2250,
    "A100": 312,
    "A800": 312,
    "A40": 150,
    "A30": 165,
    "A10G": 70,
    "A10": 125,
    "L40S": 362,
    "L40": 181,
    "L4": 121,
    "RTX 4090": 165,
    "RTX 3090": 71,
    "MI300X": 1307,
    "MI250X": 383,
}
TARGET = 0.9
NINETY = {"epochs": 2, "lr": 0.01, "warmup": 0.25}
SIDE, CLASSES = 224, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=SHARED / "fashion-mnist", help="folder of idx files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256, help="images in a step of ResNet-50")
    parser.add_argument("--steps", type=int, default=40, help="steps of ResNet-50 in a turn")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, default=SIDE, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    asked = parser.parse_args()
    if asked.quick:
        asked.repeats, asked.batch, asked.steps = 2, 4, 2
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that PyTorch can use on this machine; the benchmark was left out.")
        return
    print(f"{card(asked)}, PyTorch {torch.__version__}; {asked.repeats} repeats, median (min to max)", flush=True)
    fashion(asked)
    resnet(asked)


def card(asked) -> str:
    return torch.cuda.get_device_name() if asked.device == "cuda" else "CPU"


def peak(name: str) -> float | None:
    """Operations per second of the card of this name in dense bf16, None if it is not in the table."""
    return next((1e12 * value for known, value in PEAKS.items() if re.search(rf"\b{known}\b", name)), None)


# ------------------------------------------------------------------------------------------------- Fashion-MNIST


def fashion(asked) -> None:
    if asked.data.exists():
        found = fashion_mnist(asked.data)
    else:
        print(f"  There is no {asked.data}; name another with --data. Images of noise take its place.")
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (60_000, 1, 28, 28), np.uint8), rng.integers(0, 10, 60_000)
        found = {"x": x, "y": y, "x_test": x[:100], "y_test": y[:100]}
    if asked.quick:
        found = {name: values[:2000] for name, values in found.items()}
    speeds = epochs_of(training_of(found, asked, {"epochs": asked.repeats + 1, "lr": 1e-3}))
    print(f"  Fashion-MNIST, 2-block CNN, batches of 128: {shown(speeds)} samples/s", flush=True)
    speeds = epochs_of(training_of(found, asked, {"epochs": asked.repeats + 1, "lr": 1e-3, "batch_size": 1024}))
    print(f"  The same, batches of 1024: {shown(speeds)} samples/s", flush=True)
    if asked.data.exists():
        turns = [to_target(found, asked, seed) for seed in range(asked.repeats)]
        seconds, accuracies = zip(*turns)
        reached = sum(accuracy >= TARGET for accuracy in accuracies)
        print(
            f"  {reached} of {asked.repeats} turns reach {TARGET:.0%} test accuracy in {NINETY['epochs']} epoch(s): "
            f"{shown(seconds, '{:.2f}')} s, accuracy {shown(accuracies, '{:.4f}')}",
            flush=True,
        )


def training_of(found: dict, asked, settings: dict, seed: int = 0) -> loop.Training:
    """Vitrine's loop on all but the last 1,000 training images, which it validates on."""
    torch.manual_seed(seed)
    schema = Schema("image", (1, 28, 28), tuple(f"class {j}" for j in range(10)))
    settings = TrainingConfig(**{"batch_size": 128, "device": asked.device, "seed": seed, **settings})
    n = len(found["y"])
    parts = {"train": np.arange(n - n // 60), "val": np.arange(n - n // 60, n)}
    return loop.Training(Model(schema, NetConfig("cnn")), found["x"], found["y"], parts, settings)


def epochs_of(training: loop.Training) -> list[float]:
    """Samples per second of every epoch but the first."""
    return [row["samples_per_second"] for row in training.epochs(lambda *_: None)][1:]


def to_target(found: dict, asked, seed: int) -> tuple[float, float]:
    """Seconds of a whole training, from arrays in memory, and the test accuracy after it."""
    began = time.perf_counter()
    training = training_of(found, asked, NINETY, seed)
    for _ in training.epochs(lambda *_: None):
        pass
    seconds = time.perf_counter() - began
    training.model.load_state_dict(training.weights())
    logits = predict(training.model, found["x_test"])
    return seconds, float((logits.argmax(axis=1) == found["y_test"]).mean())


# ----------------------------------------------------------------------------------------------------- ResNet-50


def resnet(asked) -> None:
    """Images per second of Vitrine's loop and of a raw one, in turns of some steps."""
    turns = {
        "Vitrine": vitrine_loop(asked, "auto"),
        "Vitrine, compiled": vitrine_loop(asked, "on"),
        "raw loop, bf16, channels_last": raw_loop(asked),
    }
    speeds = {name: [] for name in turns}
    for repeat in range(asked.repeats + 1):
        for name, one in turns.items():
            speed = next(one)
            if repeat:
                speeds[name].append(speed)
    operations, most = 3 * forward_operations(asked), peak(card(asked))
    print(
        f"  ResNet-50 at {asked.side}x{asked.side}, batches of {asked.batch}, {operations / 1e9:.1f} GFLOP per image:"
    )
    for name, of in speeds.items():
        share = ""
        if most:
            share = f", {shown([speed * operations / most for speed in of], '{:.1%}')} of {most / 1e12:.0f} TFLOP/s"
        print(f"    {name:32} {shown(of)} images/s{share}", flush=True)
    if not most:
        print("    The peak of this card is not in the table of this script.")
    *ours, raw = speeds
    for name in ours:
        print(f"    {name}: {against(speeds[name], speeds[raw])} times the raw loop")


def noise(asked):
    """Images uint8 (n, 3, side, side) and classes, as many as there are in a turn."""
    rng = np.random.default_rng(0)
    n = asked.batch * asked.steps
    x = rng.integers(0, 256, (n, 3, asked.side, asked.side), np.uint8)
    return x, rng.integers(0, CLASSES, n)


def vitrine_loop(asked, compiled: str):
    """Images per second of one epoch after another, with SGD."""
    schema = Schema("image", (3, asked.side, asked.side), tuple(f"class {j}" for j in range(CLASSES)))
    x, y = noise(asked)
    settings = TrainingConfig(
        epochs=asked.repeats + 1, batch_size=asked.batch, lr=0.1, optimizer="sgd", device=asked.device, compile=compiled
    )
    model = Model(schema, NetConfig("pretrained", {"arch": "resnet50"}, "random"))
    parts = {"train": np.arange(len(y)), "val": np.arange(1)}
    training = loop.Training(model, x, y, parts, settings)
    for row in training.epochs(lambda *_: None):
        if row["epoch"] == 1:
            print(f"  compile is {compiled}: ResNet-50 is trained in {training.precision}", flush=True)
        yield row["samples_per_second"]


def raw_loop(asked):
    """Images per second of a turn after another, of a loop in the fewest lines."""
    from torchvision.models import resnet50

    x, y = (torch.from_numpy(values).to(asked.device) for values in noise(asked))
    net = resnet50(num_classes=CLASSES).to(asked.device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, fused=True)
    while True:
        synchronize(asked)
        began = time.perf_counter()
        for batch in torch.randperm(len(x), device=x.device).split(asked.batch):
            images = x[batch].to(memory_format=torch.channels_last).float().sub_(127.5).div_(74)
            with torch.autocast(asked.device, torch.bfloat16):
                loss = F.cross_entropy(net(images), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        synchronize(asked)
        yield len(x) / (time.perf_counter() - began)


def synchronize(asked) -> None:
    if asked.device == "cuda":
        torch.cuda.synchronize()


def forward_operations(asked) -> float:
    """Floating-point operations of a forward pass over one image."""
    from torch.utils.flop_counter import FlopCounterMode
    from torchvision.models import resnet50

    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        resnet50().eval()(torch.empty(1, 3, asked.side, asked.side))
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
