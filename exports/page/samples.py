"""Samples that a living page shows: real ones, where they are to travel, or made-up ones of the file's self-test."""

import base64
import contextlib
import io
import math
import pathlib

import numpy as np

from core import runs
from core.data.dataset import Dataset
from exports import feeding, selftest

LARGEST = 448  # pixels of a side of a picture that travels
MOST = 200  # real samples in one page
MADE_UP = "It shows how this works; what is said of it means nothing."


def real(run: str, ids: tuple[str, ...]) -> list[dict]:
    """The samples with these ids: {"name", "about", "truth", and "png" in base 64 or "row"}.

    A picture is the original one, at most LARGEST pixels wide and high. Raises LookupError for an id that is not there,
    ValueError for more than MOST, or if the data is gone.
    """
    if len(ids) > MOST:
        raise ValueError(f"{len(ids):,} samples are to travel in the page; choose at most {MOST}.")
    dataset = runs.dataset(run)
    place = {name: i for i, name in enumerate(dataset.ids.tolist())}
    if missing := [name for name in ids if name not in place]:
        raise LookupError(f"The data of run {run} has no sample {missing[0]!r}; choose ids of its test samples.")
    where = np.array([place[name] for name in ids])
    shown = _pictures(dataset, where) if dataset.kind == "image" else _rows(dataset, where)
    return [
        {"name": name, "about": f"Sample {name}.", "truth": dataset.classes[dataset.targets[i]], **one}
        for name, i, one in zip(ids, where, shown)
    ]


def choose(y_true: np.ndarray, y_prob: np.ndarray, n: int, which: str) -> np.ndarray:
    """Positions of n samples to show. which : "mixed", classes in turn, or "wrong", the surest mistakes first."""
    if which == "wrong":
        wrong = np.flatnonzero(y_prob.argmax(axis=1) != y_true)
        return wrong[np.argsort(-y_prob[wrong].max(axis=1), kind="stable")][:n]
    order = np.argsort(y_true, kind="stable")
    counts = np.bincount(y_true)
    turn = np.arange(len(y_true)) - np.repeat(np.cumsum(counts) - counts, counts)  # of each sample within its class
    return order[np.lexsort((y_true[order], turn))][:n]


def made_up(facts: dict) -> list[dict]:
    """Samples of the file's self-test, which are nobody's; none where there is no self-test."""
    found = []
    if facts["kind"] == "table":
        found.append({"row": {one["name"]: one.get("example") for one in facts["inputs"]}, "about": "A typical row."})
    for case in (facts.get("self_test") or {}).get("cases", []):
        arrays = {name: selftest.unpacked(packed) for name, packed in case["inputs"].items()}
        n = len(next(iter(arrays.values())))
        for i in range(n):
            if facts["kind"] == "image":
                found.append(
                    {"png": _png(arrays[facts["inputs"][0]["name"]][i]), "about": f"A made-up picture. {MADE_UP}"}
                )
            elif 0 < i < n - 2:  # the first has the examples, the last two what is missing
                found.append({"row": {k: _cell(v[i]) for k, v in arrays.items()}, "about": f"A made-up row. {MADE_UP}"})
    found = found[:8]
    return [{"name": f"Example {i + 1}", "truth": None, **one} for i, one in enumerate(found)]


def _pictures(dataset: Dataset, where: np.ndarray) -> list[dict]:
    """The original pictures where they are still there, else as they are stored."""
    from core.data.images import decode

    found = []
    for i in where:
        levels = dataset.pictures[i]
        if dataset.root and "file" in dataset.about:
            with contextlib.suppress(OSError, ValueError):
                levels = decode.original(str(pathlib.Path(dataset.root, dataset.about["file"].iloc[i])), len(levels))
        found.append({"png": _png(levels)})
    return found


def _rows(dataset: Dataset, where: np.ndarray) -> list[dict]:
    feeds = feeding.inputs(dataset, where)
    return [{"row": {name: _cell(values[i]) for name, values in feeds.items()}} for i in range(len(where))]


def _cell(value):
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None


def _png(levels: np.ndarray) -> str:
    """Pixels uint8 (c, h, w) as a PNG in base 64, smaller where it is larger than LARGEST."""
    from PIL import Image

    picture = Image.fromarray(levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1))
    if max(picture.size) > LARGEST:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    made = io.BytesIO()
    picture.save(made, "PNG", optimize=True)
    return base64.b64encode(made.getvalue()).decode()
