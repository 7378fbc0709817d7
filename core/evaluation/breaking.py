"""Breaking it: how accuracy falls as samples are spoiled more and more, and where it falls below a line.

Severity 0 is the sample as it is, 5 the worst. The kinds for images follow Hendrycks and Dietterich 2019,
"Benchmarking neural network robustness to common corruptions and perturbations", arXiv:1903.12261; the levels are our
own, lengths being shares of the image's side, so that they mean the same for small images.
"""

import io
from dataclasses import dataclass

import numpy as np

from core import progress, runs
from core.data import split
from core.evaluation.intervals import proportion

FORMAT = 1
DROP = 0.1  # how far below the clean accuracy the line is
CHUNK_VALUES = 2**22  # values of images that are spoiled together


@dataclass(frozen=True)
class Corruption:
    """One way to spoil samples.

    levels : what severities 1 to 5 mean, in `unit`;  text : one sentence
    """

    name: str
    title: str
    text: str
    unit: str
    levels: tuple[float, ...]


IMAGES = (
    Corruption(
        "noise", "Noise", "Each pixel is moved at random.", "share of the range", (0.04, 0.08, 0.12, 0.18, 0.26)
    ),
    Corruption("blur", "Blur", "The image is out of focus.", "share of the side", (0.01, 0.025, 0.045, 0.07, 0.1)),
    Corruption("brightness", "Brightness", "All is brighter.", "share of the range", (0.1, 0.2, 0.3, 0.4, 0.5)),
    Corruption("contrast", "Contrast", "All is nearer to its mean.", "contrast left", (0.75, 0.5, 0.35, 0.2, 0.1)),
    Corruption("jpeg", "JPEG", "The image is saved with loss.", "quality", (60, 40, 25, 15, 8)),
    Corruption("rotation", "Rotation", "The image is turned, either way.", "degrees", (5, 10, 15, 25, 40)),
    Corruption(
        "occlusion", "Occlusion", "A grey square covers a part.", "share of the area", (0.02, 0.05, 0.1, 0.2, 0.35)
    ),
)
TABLES = (
    Corruption("noise", "Noise", "Each number is moved at random.", "standard deviations", (0.1, 0.25, 0.5, 1.0, 2.0)),
    Corruption("missing", "Missing cells", "Cells are emptied.", "share of the cells", (0.05, 0.1, 0.2, 0.35, 0.5)),
)


def curves(
    run: str,
    part: str = "test",
    most: int = 1000,
    drop: float = DROP,
) -> dict:
    """Accuracy of a run on spoiled samples of a part, by severity, kept in its folder as robustness.json.

    most : samples at most, drawn with a fixed seed;  drop : how far below the clean accuracy the line is
    {"format", "epoch", "weights", "part", "n", "drop", "line": accuracy or 0, "corruptions": [{"name", "title", "text",
    "unit", "levels": [None and 5], "accuracy": [6 times {"value", "low", "high"}], "falls_below": see `falls_below`}]}.
    Images are spoiled at the size that the net sees. Raises LookupError if the run has no weights yet, ValueError if
    its data is gone.
    """
    from core import model as models
    from core.training import checkpoint, devices

    if not 0 < drop < 1:
        raise ValueError(f"drop is {drop}; it must lie between 0 and 1, for example 0.1.")
    model, dataset = models.load(run), runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)[part]
    if len(where) > most:
        where = np.sort(np.random.default_rng(0).permutation(where)[:most])
    model.to(devices.best_device(runs.config(run).training.device))
    spoil = _images if dataset.kind == "image" else _table
    kinds, n_right = spoil(model, dataset, where)
    clean = proportion(n_right[0][0], len(where))
    line = max(0.0, clean["value"] - drop)
    record = {
        "format": FORMAT,
        "epoch": checkpoint.load(runs.path(run, "checkpoints", "best.pt"))["epoch"],
        "weights": runs.weights_stamp(run),
        "part": part,
        "n": len(where),
        "drop": drop,
        "line": line,
        "corruptions": [],
    }
    for kind, counts in zip(kinds, n_right):
        accuracy = [proportion(int(k), len(where)) for k in counts]
        record["corruptions"].append(
            {
                "name": kind.name,
                "title": kind.title,
                "text": kind.text,
                "unit": kind.unit,
                "levels": [None, *kind.levels],
                "accuracy": accuracy,
                "falls_below": falls_below([figure["value"] for figure in accuracy], line),
            }
        )
    runs.write_record(run, "robustness.json", record)
    return record


def read(run: str) -> dict | None:
    """The stored record of `curves`; None if it must be made: there is none, it is damaged, or of other weights."""
    if not runs.path(run, "robustness.json").exists():
        return None
    try:
        record = runs.read_json(run, "robustness.json")
    except runs.DamagedRun:
        return None
    whole = record.get("format") == FORMAT and {"n", "line", "corruptions"} <= set(record)
    return record if whole and runs.of_these_weights(run, record) else None


def falls_below(accuracy: list[float], line: float) -> float | None:
    """The severity, from 0, at which accuracy first falls below the line, between severities as if it fell evenly.

    accuracy : of severities 0, 1, 2, ...; None if it never does.
    """
    for severity, value in enumerate(accuracy):
        if value < line:
            if severity == 0:
                return 0.0
            before = accuracy[severity - 1]
            return severity - 1 + (before - line) / (before - value)
    return None


def sentence(record: dict) -> str:
    """What a record says: what breaks the model first."""
    broken = [kind for kind in record["corruptions"] if kind["falls_below"] is not None]
    clean = record["corruptions"][0]["accuracy"][0]["value"]
    if not broken:
        return f"Accuracy stays above {record['line']:.1%} at every severity; it is {clean:.1%} on clean samples."
    first = min(broken, key=lambda kind: kind["falls_below"])
    return (
        f"{first['title']} breaks it first: accuracy falls from {clean:.1%} below {record['line']:.1%} "
        f"at severity {first['falls_below']:.1f} of 5."
    )


# ------------------------------------------------------------------------------------------------------ tables


def _table(model, dataset, where) -> tuple[list[Corruption], np.ndarray]:
    """The kinds that fit the data, and how many rows are right at each severity, int (n_kinds, 6)."""
    from core import model as models

    x, y_true = dataset.x[where], dataset.targets[where]
    number = np.array([column.type == "number" for column in dataset.columns])
    category = np.array([column.type == "category" for column in dataset.columns])
    std = model.preprocess.std.cpu().numpy()
    kinds = [kind for kind in TABLES if kind.name != "noise" or number.any()]
    found = np.zeros((len(kinds), 6), np.int64)
    for i, kind in enumerate(kinds):
        rng = np.random.default_rng([i, len(x)])
        drawn = rng.normal(size=x.shape) if kind.name == "noise" else rng.random(x.shape)
        for severity, level in enumerate((None, *kind.levels)):
            spoiled = x.copy()
            if level is not None and kind.name == "noise":
                spoiled[:, number] += (level * std * drawn)[:, number].astype(np.float32)
            elif level is not None:
                spoiled[drawn < level] = np.nan
                spoiled[:, category] = np.nan_to_num(spoiled[:, category], nan=-1.0)
            found[i, severity] = (models.predict(model, spoiled).argmax(axis=1) == y_true).sum()
            progress.report(6 * i + severity + 1, 6 * len(kinds))
    return kinds, found


# ------------------------------------------------------------------------------------------------------ images


def _images(model, dataset, where) -> tuple[list[Corruption], np.ndarray]:
    """The kinds that fit the data, and how many images are right at each severity, int (n_kinds, 6)."""
    import torch

    images, y_true = dataset.images, dataset.targets
    device = model.preprocess.mean.device
    kinds = [kind for kind in IMAGES if kind.name != "jpeg" or images.shape[1] in (1, 3)]
    levels = images.dtype == np.uint8
    low, top = (0.0, 255.0) if levels else (float(images[where].min()), float(images[where].max()))
    found = np.zeros((len(kinds), 6), np.int64)
    step = max(1, CHUNK_VALUES // max(1, images[0].size, int(np.prod(model.schema.shape))))

    def n_right(x, y) -> int:
        x = (x.clamp(0, 1) * 255).round() / 255 if levels else x.clamp(0, 1)
        logits = model.net(model.preprocess.normalise(x * (top - low) + low)) + model.prior_shift
        return int((logits.argmax(dim=1) == y).sum())

    with torch.inference_mode():
        for start in range(0, len(where), step):
            here = where[start : start + step]
            x = torch.from_numpy(np.array(images[here])).to(device)
            x = (model.preprocess.sized(x) - low) / max(top - low, 1e-9)  # as the net sees it, in [0, 1]
            y = torch.from_numpy(y_true[here]).to(device)
            found[:, 0] += n_right(x, y)
            for i, kind in enumerate(kinds):
                for severity, level in enumerate(kind.levels, 1):
                    generator = torch.Generator().manual_seed(10_000 * i + start)
                    found[i, severity] += n_right(_SPOIL[kind.name](x, level, generator), y)
                progress.report(start + len(here) * (i + 1) / len(kinds), len(where))
    return kinds, found


# Each takes images, float32 (n, c, h, w) in [0, 1], a level and a generator, and gives as many; a generator that begins
# anew for each severity moves the same pixels further, or covers the same place.


def _noise(x, level, generator):
    import torch

    return x + level * torch.randn(x.shape, generator=generator).to(x.device)


def _blur(x, level, generator):  # noqa: ARG001 (one signature for all)
    """A Gaussian, edges mirrored, as a product with a matrix each way: of a wide one, a hundredth of a convolution."""
    import torch
    from torch.nn import functional

    sigma = level * min(x.shape[2:])
    reach = max(1, min(round(3 * sigma), min(x.shape[2:]) - 1)) if min(x.shape[2:]) > 1 else 0
    if not reach:
        return x
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).view(1, 1, -1)

    def spread(side: int) -> torch.Tensor:
        """Where each of `side` pixels goes, float32 (side, side)."""
        pixels = functional.pad(torch.eye(side)[:, None], (reach, reach), mode="reflect")
        return functional.conv1d(pixels, weights)[:, 0].to(x.device)

    return spread(x.shape[2]).T @ x @ spread(x.shape[3])


def _brightness(x, level, generator):  # noqa: ARG001
    return x + level


def _contrast(x, level, generator):  # noqa: ARG001
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return mean + level * (x - mean)


def _jpeg(x, level, generator):  # noqa: ARG001
    import torch
    from PIL import Image

    pixels = (x.clamp(0, 1) * 255).round().byte().cpu().numpy()
    made = np.empty_like(pixels)
    for i, image in enumerate(pixels):
        file = io.BytesIO()
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "JPEG", quality=level)
        read = np.asarray(Image.open(file))
        made[i] = read[None] if read.ndim == 2 else read.transpose(2, 0, 1)
    return torch.from_numpy(made).to(x.device).float() / 255


def _rotation(x, level, generator):
    import math

    import torch
    from torch.nn import functional

    n, height, width = len(x), *x.shape[2:]
    sign = torch.randint(0, 2, (n,), generator=generator) * 2.0 - 1
    angle = sign * math.radians(level)
    cos, sin, none = angle.cos(), angle.sin(), torch.zeros(n)
    turn = torch.stack([cos, -sin * height / width, none, sin * width / height, cos, none], dim=1).view(n, 2, 3)
    grid = functional.affine_grid(turn.to(x.device), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _occlusion(x, level, generator):
    import torch

    n, _, height, width = x.shape
    down, across = (max(1, round(side * level**0.5)) for side in (height, width))
    place = torch.rand((n, 2), generator=generator)
    rows, columns = torch.arange(height), torch.arange(width)
    centre_down, centre_across = place[:, :1] * (height - 1), place[:, 1:] * (width - 1)
    top = (centre_down - (down - 1) / 2).round().clamp(0, height - down)
    left = (centre_across - (across - 1) / 2).round().clamp(0, width - across)
    covered = ((rows >= top) & (rows < top + down))[:, :, None] & ((columns >= left) & (columns < left + across))[
        :, None
    ]
    return torch.where(covered[:, None].to(x.device), 0.5, x)


_SPOIL = {
    "noise": _noise,
    "blur": _blur,
    "brightness": _brightness,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "rotation": _rotation,
    "occlusion": _occlusion,
}
