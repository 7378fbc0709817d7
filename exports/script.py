"""A run as a plain PyTorch script that trains the same way where Vitrine is not installed."""

import dataclasses

from core import runs
from core.config import AugmentConfig, TrainingConfig

LEAVES = ("Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "Dropout")  # written as they print
NOT_WRITTEN = {  # settings that the script does without: name -> what they are called
    "focal": "focal loss",
    "ema": "averaged weights",
    "resample": "drawing rare classes more often",
    "class_weights": "class weights",
    "patience": "early stopping",
    "minutes": "the time budget",
}


def script(run: str) -> str:
    """The text of the script; ValueError with a sentence if the run's net or data is of a kind it is not for."""
    config, schema = runs.config(run), runs.schema(run)
    if config.net.weights not in ("", "random") or config.net.name not in ("cnn", "mlp"):
        raise ValueError(
            f"A script is written for the nets cnn and mlp that start at random, not for {config.net.name}."
        )
    if schema.kind == "table" and any(column.type not in ("number", "category") for column in schema.columns):
        raise ValueError("A script is written for tables of numbers and categories; this one has dates.")
    if schema.kind == "table" and config.net.options.get("numbers", "plain") != "plain":
        raise ValueError("A script is written for numbers taken as they are; this net encodes them.")
    settings = config.training
    if settings.schedule == "plateau":
        raise ValueError("A script is written for schedules that are known before; this run's depends on its losses.")
    dataset = runs.dataset(run)
    folder = runs.workspace() / "data" / config.data.name / dataset.fingerprint[:12]
    left_out = [what for name, what in NOT_WRITTEN.items() if getattr(settings, name)]
    if dataclasses.replace(config.augment, flip=False) != AugmentConfig():
        left_out.append("random changes other than mirroring")
    text = HEAD + (IMAGES if schema.kind == "image" else TABLE) + TAIL
    values = {
        "RUN": run,
        "LEFT_OUT": f" Left out: {', '.join(left_out)}." if left_out else "",
        "DATA": repr(str(folder)),
        "SPLIT": repr(str(runs.path(run, "split.parquet"))),
        "NET": _net(config, schema),
        "SIDE": repr(tuple(schema.shape[1:]) if schema.kind == "image" else ()),
        "TOP": "255" if schema.dtype == "uint8" else "1",
        "MIRROR": str(config.augment.flip),
        "COLUMNS": _columns(schema),
        "UNKNOWN": repr(config.net.options.get("unknown", 0.0)),
        "EPOCHS": str(settings.epochs),
        "BATCH": str(settings.batch_size),
        "LR": repr(settings.lr),
        "SEED": str(settings.seed),
        "SMOOTHING": repr(settings.label_smoothing),
        "CLIP": repr(settings.clip_norm),
        "DECAY": repr(settings.weight_decay),
        "OPTIMIZER": _optimizer(settings),
        "RATE": _rate(settings),
        "MOMENTUM": _momentum(settings),
    }
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def _net(config, schema) -> str:
    """The layers after the embeddings, one a line."""
    from torch import nn

    from core.model import Model

    net = Model(schema, config.net).net
    layers = net.body if schema.kind == "table" else net
    lines = []
    for layer in layers.modules():
        if isinstance(layer, nn.Sequential):
            continue
        if type(layer).__name__ not in LEAVES:
            raise ValueError(f"The net has a {type(layer).__name__}, which cannot be written as one line.")
        lines.append(f"        nn.{layer!r},")
    return "\n".join(lines)


def _columns(schema) -> str:
    lines = []
    for column in schema.columns:
        names = list(column.categories) if column.type == "category" else None
        lines.append(f"    ({column.name!r}, {names!r}),")
    return "\n".join(lines)


def _optimizer(settings: TrainingConfig) -> str:
    if settings.optimizer == "sgd":
        return "torch.optim.SGD(groups, lr=LR, momentum=0.9, nesterov=True)"
    name = {"adam": "Adam", "adamw": "AdamW"}[settings.optimizer]
    return f"torch.optim.{name}(groups, lr=LR)"


def _rate(settings: TrainingConfig) -> str:
    """The body of the function that gives the share of the highest rate."""
    rise = settings.warmup
    lines = []
    if settings.schedule == "one_cycle":
        if rise:
            lines += [f"if t < {rise}:", f"    return wave(1 / 25, 1, t / {rise})"]
        lines.append(f"return wave(1, 1 / 250_000, (t - {rise}) / (1 - {rise}))")
    else:
        lines.append(f"warm = min(1, 1 / 25 + t / {rise})" if rise else "warm = 1")
        lines.append(
            {
                "cosine": f"return warm * wave(1, 0, max(0, t - {rise}) / (1 - {rise}))",
                "step": "return warm * 0.1 ** ((t >= 0.5) + (t >= 0.75))",
                "constant": "return warm",
            }[settings.schedule]
        )
    return "\n".join(f"    {line}" for line in lines)


def _momentum(settings: TrainingConfig) -> str:
    rise = settings.warmup
    if settings.schedule != "one_cycle":
        return "    return 0.9"
    late = f"wave(0.85, 0.95, (t - {rise}) / (1 - {rise}))"
    early = f"wave(0.95, 0.85, t / {rise}) if t < {rise} else " if rise else ""
    return f"    return {early}{late}"


HEAD = '''"""Trains as the run <RUN> did, with PyTorch, NumPy and pandas alone.

The best epoch is the one with the lowest validation loss. Number formats and random numbers differ, so figures differ a
little.<LEFT_OUT>
"""

import argparse
import copy
import math
import pathlib

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser(description="Train, and print validation and test accuracy.")
parser.add_argument("--data", type=pathlib.Path, default=<DATA>, help="folder of the stored data")
parser.add_argument("--split", type=pathlib.Path, default=<SPLIT>, help="the run's split.parquet")
given = parser.parse_args()
DATA, SPLIT = pathlib.Path(given.data), pathlib.Path(given.split)
EPOCHS, BATCH, LR = <EPOCHS>, <BATCH>, <LR>

torch.manual_seed(<SEED>)
device = "cuda" if torch.cuda.is_available() else "cpu"
samples = pd.read_parquet(DATA / "samples.parquet")
parts = pd.read_parquet(SPLIT).set_index("id")["part"].reindex(samples["id"]).to_numpy()
y = torch.tensor(samples["target"].to_numpy(), device=device)
train, val, test = (torch.tensor(np.flatnonzero(parts == part), device=device) for part in ("train", "val", "test"))

'''
IMAGES = '''x = torch.from_numpy(np.load(DATA / "images.npy")).to(device).float() / <TOP>  # (n, c, h, w)
if tuple(x.shape[2:]) != <SIDE>:
    x = F.interpolate(x, <SIDE>, mode="bilinear", antialias=True)
mean = x[train].mean(dim=(0, 2, 3), keepdim=True)
std = x[train].std(dim=(0, 2, 3), keepdim=True, unbiased=False)
x = (x - mean) / torch.where(std > 1e-6, std, 1)
MIRROR = <MIRROR>


def make_net():
    return nn.Sequential(
<NET>
    )


def changed(x):
    """Training images, every second one mirrored where the run did so."""
    if not MIRROR:
        return x
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)


'''
TABLE = '''COLUMNS = [  # name, and the categories or None for a number
<COLUMNS>
]
table = pd.read_parquet(DATA / "table.parquet")
numbers, codes, sizes = [], [], []
in_train = parts == "train"
for name, categories in COLUMNS:
    if categories is not None:  # 0 is a missing or unknown category
        place = {category: i + 1 for i, category in enumerate(categories)}
        codes.append(table[name].astype(object).map(lambda cell: place.get(cell, place.get(str(cell), 0))))
        sizes.append(len(categories) + 1)
        continue
    values = table[name].to_numpy(np.float64, na_value=np.nan)
    known = values[in_train & ~np.isnan(values)]
    low, high = np.quantile(known, [0.01, 0.99])
    if high > low:  # far outliers count as if they lay nearer
        known = known.clip(low - (high - low), high + (high - low))
    scaled = (values - known.mean()) / (known.std() if known.std() > 1e-12 else 1.0)
    numbers.append(np.nan_to_num(scaled).clip(-5, 5))
    if np.isnan(values).any():
        numbers.append(np.isnan(values).astype(float))
n_numbers = len(numbers)
x = torch.tensor(np.stack([*numbers, *codes], axis=1), dtype=torch.float32, device=device)
UNKNOWN = <UNKNOWN>  # chance that a category is hidden in training


class Net(nn.Module):
    """Categories embedded, then fully connected layers."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, min(16, (size + 1) // 2)) for size in sizes)
        for embedding in self.tables:
            nn.init.normal_(embedding.weight, std=0.5)
            nn.init.zeros_(embedding.weight[0])
        self.body = nn.Sequential(
<NET>
        )
        n_features = n_numbers + sum(embedding.embedding_dim for embedding in self.tables)
        if self.body[0].in_features != n_features:
            raise SystemExit(f"The data has {n_features} features; the net of the run took {self.body[0].in_features}.")

    def forward(self, x):
        codes = x[:, n_numbers:].long()
        if self.training and UNKNOWN:
            codes = codes * (torch.rand(codes.shape, device=x.device) >= UNKNOWN)
        embedded = [table(codes[:, i]) for i, table in enumerate(self.tables)]
        return self.body(torch.cat([x[:, :n_numbers], *embedded], dim=1))


def make_net():
    return Net()


def changed(x):
    return x


'''
TAIL = '''def wave(first, last, t):
    """From the first value to the last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * min(1.0, max(0.0, t)))) / 2


def rate(t):
    """The learning rate as a share of its highest, when a share t of the training is done."""
<RATE>


def momentum(t):
<MOMENTUM>


@torch.no_grad()
def evaluate(net, where):
    """Loss and accuracy on some samples."""
    net.eval()
    logits = torch.cat([net(x[some]) for some in where.split(1024)])
    return F.cross_entropy(logits, y[where]).item(), (logits.argmax(dim=1) == y[where]).float().mean().item()


net = make_net().to(device)
groups = [
    {"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": <DECAY>},
    {"params": [p for p in net.parameters() if p.dim() <= 1], "weight_decay": 0.0},
]
optimizer = <OPTIMIZER>
step, n_steps = 0, EPOCHS * -(-len(train) // BATCH)
best, best_loss = None, math.inf
for epoch in range(1, EPOCHS + 1):
    net.train()
    for some in train[torch.randperm(len(train), device=device)].split(BATCH):
        t = step / n_steps
        step += 1
        if len(some) < 2 <= BATCH:  # one sample alone cannot be normalised over the batch
            continue
        for group in optimizer.param_groups:
            group["lr"] = LR * rate(t)
            if "betas" in group:
                group["betas"] = (momentum(t), group["betas"][1])
            else:
                group["momentum"] = momentum(t)
        loss = F.cross_entropy(net(changed(x[some])), y[some], label_smoothing=<SMOOTHING>)
        optimizer.zero_grad()
        loss.backward()
        if <CLIP>:
            nn.utils.clip_grad_norm_(net.parameters(), <CLIP>)
        optimizer.step()
    val_loss, val_accuracy = evaluate(net, val)
    print(f"epoch {epoch}: validation loss {val_loss:.4f}, accuracy {val_accuracy:.4f}")
    if val_loss < best_loss:
        best, best_loss = copy.deepcopy(net.state_dict()), val_loss
net.load_state_dict(best)
print(f"validation accuracy {evaluate(net, val)[1]:.4f}")
print(f"test accuracy {evaluate(net, test)[1]:.4f}")
'''
