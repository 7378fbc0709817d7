"""Samples per second on their way to the net: rows of a table, photographs with flips and crops, small grey images.

To reach: feeding adult (32,561 rows) to the MLP costs under 5% of a step; photographs of clothing-small, with flip and
crop, come at least 10 times as fast as from ImageFolder and DataLoader(num_workers=2) with the same transforms; an
epoch of a run trains at least 95% of the samples/s of a plain loop over images in memory. Beside it the price of
reading ahead from a file, which is done where images do not fit into memory.

All that is compared takes turns, an epoch each, with two threads (the DataLoader: two workers). "Of processors" is how
long both were busy per 1,000 samples, which tells more on a machine that does other work too; a ratio is of one turn.
Each part is a process of its own, started as that of a run is.

    python benchmarks/feeding.py [--data FILE] [--photos FOLDER] [--repeats 5]
"""

import argparse
import itertools
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
import psutil
import torch
from torch.nn import functional as F

from core import config, data  # with what `core` sets for PyTorch when it is loaded
from core.data import ingest
from core.data.dataset import Schema
from core.model import Model
from core.training import devices, feed, loop
from core.training.augment import Augment
from tests.workspaces import workspace_of

SHARED = ROOT.parent / "shared" / "data"
CPU, THREADS = torch.device("cpu"), 2
BATCH, CROP = 128, 0.6
ENOUGH = 1024  # photographs for an epoch that trains the CNN


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=SHARED / "tables" / "adult.data")
    parser.add_argument("--photos", type=pathlib.Path, default=SHARED / "clothing-small")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", choices=("rows", "grey", "photographs"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part is None:
        print(f"{asked.repeats} repeats, median (min to max); load of the machine {os.getloadavg()[0]:.1f}", flush=True)
        for part in ("rows", "grey", "photographs"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--part", part], check=True)
        print(f"Load of the machine at the end {os.getloadavg()[0]:.1f}")
        return
    source = {"rows": asked.data, "photographs": asked.photos}.get(asked.part)
    if source is not None and not source.exists():
        print(f"There is no {source}; name another with --{'data' if source == asked.data else 'photos'}. Left out.")
        return
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")):
        if asked.part == "rows":
            rows(source, 3 * asked.repeats)  # they are quick
        elif asked.part == "grey":
            grey(asked.repeats)
        else:
            photographs(source, asked.repeats, pathlib.Path(folder))


# -------------------------------------------------------------------------------------------------------- tables


def rows(path: pathlib.Path, repeats: int) -> None:
    """Epochs of the MLP that order and cut their batches, and epochs with batches that are there already."""
    dataset = ingest.add(str(path))
    plan = config.suggest(dataset, epochs=repeats + 1, device="cpu")
    part = data.parts(dataset, plan.data)
    where = {"train": np.flatnonzero(part == "train"), "val": np.flatnonzero(part == "val")[:1]}
    x, y, n = dataset.x, dataset.targets, len(where["train"])

    def training(train_feed=None):
        model = Model(dataset.schema, plan.net)
        threads = devices.use_threads_that_pay(model.eval(), x[: plan.training.batch_size], plan.training.batch_size)
        return loop.Training(model, x, y, where, plan.training, train_feed=train_feed), threads

    fed, threads = training()
    bounds, order = fed.bounds, torch.Generator().manual_seed(0)
    ready, _ = training(Ready(fed.train, bounds))

    def batches_alone():
        for _ in fed.train.batches(feed.epoch_order(n, None, order), bounds):
            pass

    title(f"{path.stem}: {n:,} rows to train the MLP on, batches of {plan.training.batch_size}, {threads} thread(s)")
    turns = in_turn(
        {
            "a run's epoch": epochs_of(fed),
            "the same, batches made before": epochs_of(ready),
            "order and batches alone": batches_alone,
        },
        n,
        repeats,
    )
    ours, made, alone = turns.values()
    cost = [part.busy / whole.busy for whole, part in zip(ours, alone)]
    dearer = [1 - one.busy / whole.busy for whole, one in zip(ours, made)]
    print(f"  Feeding takes {percent(cost)} of the epoch by itself, {percent(dearer)} by the difference of the epochs,")
    print("  both of the time of processors")


class Ready:
    """Batches that are made already, in the place of a feed."""

    def __init__(self, resident, bounds):
        self.made = [(resident.x[i:j], resident.y[i:j]) for i, j in itertools.pairwise(bounds)]
        self.n = len(resident)

    def __len__(self):
        return self.n

    def batches(self, *_):
        return self.made


# -------------------------------------------------------------------------------------------------------- images


def grey(repeats: int) -> None:
    """Small grey images without augmentation: a run's epoch against the plain loop."""
    rng = np.random.default_rng(0)
    n = 6400
    x, y = rng.integers(0, 256, (n, 1, 28, 28), np.uint8), rng.integers(0, 10, n)
    title(f"{n:,} grey images of 28x28, the small CNN, batches of {BATCH}, no augmentation")
    schema = Schema("image", (1, 28, 28), tuple("abcdefghij"))
    settings = config.TrainingConfig(epochs=repeats + 1, batch_size=BATCH, device="cpu")
    against_plain_loop(schema, x, y, settings, None, repeats)


def photographs(folder: pathlib.Path, repeats: int, scratch: pathlib.Path) -> None:
    dataset = ingest.add(str(folder / "train" if (folder / "train").is_dir() else folder))
    for side in (64, 128):
        against_data_loader(dataset, side, repeats)
    plan = suggested(dataset, 64, epochs=repeats + 1)
    schema = config.seen_by_net(plan, dataset.schema)
    where = np.linspace(0, len(dataset) - 1, min(ENOUGH, len(dataset))).astype(int)
    large, y = np.ascontiguousarray(dataset.images[where]), dataset.targets[where]
    small = feed.read(large, np.arange(len(y)), CPU, feed.shrink_to(Model(schema, plan.net))).numpy()
    title(f"{len(y):,} photographs at 64x64, the small CNN, batches of {BATCH}, flip and crop")
    against_plain_loop(schema, small, y, plan.training, plan.augment, repeats)
    for x in (small, large):
        np.save(scratch / "photographs.npy", x)
        title(f"The same, stored at {x.shape[2]}x{x.shape[3]}: read ahead from a file, and in memory")
        x = np.load(scratch / "photographs.npy", mmap_mode="r")
        in_memory_and_read_ahead(schema, x, y, plan, repeats)


def suggested(dataset, side: int, **settings):
    return config.suggest(dataset, image_size=side, batch_size=BATCH, flip=True, crop=CROP, device="cpu", **settings)


def against_data_loader(dataset, side: int, repeats: int) -> None:
    """Batches of float32 in [0, 1] with flip and crop, as the net would get them."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    title(f"{len(dataset):,} photographs with flip and crop to {side}x{side}, batches of {BATCH}, no net")
    began = time.perf_counter()
    plan = suggested(dataset, side)
    model = Model(config.seen_by_net(plan, dataset.schema), plan.net)
    ours = feed.open_feed(dataset.x, dataset.targets, np.arange(len(dataset)), CPU, feed.shrink_to(model))
    print(f"  Once before, into memory at {side}x{side}: {time.perf_counter() - began:.1f} s")
    order = torch.Generator().manual_seed(0)
    augment = Augment(plan.augment, len(dataset.classes), 255.0, torch.Generator().manual_seed(0))
    bounds = loop.batch_bounds(len(ours), BATCH)
    change = transforms.Compose(
        [
            transforms.RandomResizedCrop(side, scale=(CROP, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
    )
    files = ImageFolder(dataset.root, change)
    loader = DataLoader(files, BATCH, shuffle=True, num_workers=THREADS, persistent_workers=True)

    def from_memory():
        for x, y in ours.batches(feed.epoch_order(len(ours), None, order), bounds):
            augment(x, y)[0].div_(255)

    def from_files():
        for _ in loader:
            pass

    turns = in_turn({"Vitrine": from_memory, "ImageFolder and DataLoader": from_files}, len(dataset), repeats)
    print(f"  Vitrine is {times(turns)} times as fast as ImageFolder and DataLoader")


def against_plain_loop(schema, x, y, settings, augment, repeats: int) -> None:
    where = {"train": np.arange(len(x)), "val": np.arange(1)}
    training = loop.Training(Model(schema, config.NetConfig("cnn")), x, y, where, settings, augment)
    plain = by_hand(Model(schema, config.NetConfig("cnn")).net, x, y, settings, augment)
    turns = in_turn({"a run's epoch": epochs_of(training), "a plain loop": lambda: next(plain)}, len(x), repeats)
    print(f"  A run is {times(turns)} times as fast as the plain loop")


def by_hand(net, x, y, settings, augment):
    """The loop that one would write for this alone, images in memory: an epoch for each value that it gives."""
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    mean = x.double().mean(dim=(0, 2, 3), keepdim=True).float()
    std = x.double().std(dim=(0, 2, 3), keepdim=True).float()
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.lr)
    n_steps = settings.epochs * math.ceil(len(x) / settings.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, total_steps=n_steps, pct_start=0.25)
    net.train()
    while True:
        for batch in torch.randperm(len(x)).split(settings.batch_size):
            images, targets = x.index_select(0, batch).float(), y.index_select(0, batch)
            if augment:
                images = flip_and_crop(images)
            loss = F.cross_entropy(net((images - mean) / std), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        yield


def flip_and_crop(images):
    area, ratio = torch.empty(len(images)).uniform_(CROP, 1), torch.empty(len(images)).uniform_(3 / 4, 4 / 3).sqrt()
    wide, high = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0] = wide * (2 * torch.randint(0, 2, (len(images),)) - 1)
    theta[:, 1, 1] = high
    theta[:, 0, 2], theta[:, 1, 2] = (torch.empty(len(images)).uniform_(-1, 1) * (1 - side) for side in (wide, high))
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def in_memory_and_read_ahead(schema, x, y, plan, repeats: int) -> None:
    where = {"train": np.arange(len(x)), "val": np.arange(1)}

    def training(kind):
        model = Model(schema, config.NetConfig("cnn"))
        shrink = feed.shrink_to(model) if x.shape[1:] != schema.shape else None
        made = kind(x, y, where["train"], CPU, shrink)
        return epochs_of(loop.Training(model, x, y, where, plan.training, plan.augment, train_feed=made))

    turns = in_turn({"read ahead": training(feed.ReadAhead), "in memory": training(feed.Resident)}, len(x), repeats)
    print(f"  Reading ahead is {times(turns)} times as fast as memory")


# -------------------------------------------------------------------------------------------------------- timing


class Turn:
    """Seconds by the clock, and seconds that this process and those that it started kept a processor busy."""

    def __init__(self, work: Callable):
        began, busy = time.perf_counter(), processor_seconds()
        work()
        self.seconds, self.busy = time.perf_counter() - began, processor_seconds() - busy


def processor_seconds() -> float:
    children = [process.cpu_times() for process in psutil.Process().children()]
    return time.process_time() + sum(one.user + one.system for one in children)


def in_turn(contestants: dict[str, Callable], n_samples: int, repeats: int) -> dict[str, list[Turn]]:
    """The turns of each, after one that does not count; prints a line for each."""
    turns = {name: [] for name in contestants}
    for _ in range(repeats + 1):
        for name, work in contestants.items():
            turns[name].append(Turn(work))
    turns = {name: of[1:] for name, of in turns.items()}
    for name, of in turns.items():
        rates = shown([n_samples / turn.seconds for turn in of], "{:,.0f}")
        busy = statistics.median(turn.busy for turn in of) / n_samples * 1e3
        print(f"  {name:32} {rates:>34} samples/s {busy:9.4f} s of processors", flush=True)
    return turns


def epochs_of(training) -> Callable:
    """A function that trains one epoch; what it evaluates is one sample."""
    epochs = training.epochs(lambda *_: None)
    return lambda: next(epochs)


def times(turns: dict[str, list[Turn]]) -> str:
    """How many times as fast the first is as the second."""
    pairs = list(zip(*turns.values()))
    by_clock = shown([b.seconds / a.seconds for a, b in pairs], "{:.2f}")
    return f"{by_clock}, by processors {shown([b.busy / a.busy for a, b in pairs], '{:.2f}')},"


def percent(shares: list[float]) -> str:
    return shown(shares, "{:.1%}")


def shown(values: list[float], form: str) -> str:
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def title(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
