"""What is known of each sample beside its class: the columns of a table, or measured properties of images."""

import contextlib

import numpy as np
import pandas as pd

from core import files
from core.data.checks.near import LUMA
from core.data.dataset import Dataset
from core.workspace import workspace

FORMAT = 1
MEASURED = {
    "brightness": "mean grey level, 0 is black and 1 is white",
    "contrast": "standard deviation of the grey levels, on the same scale",
    "sharpness": "variance of the Laplacian of the grey levels, which run from 0 to 255",
    "colourfulness": "how far the colours are spread, 0 is grey and above 60 is vivid",
}
CHUNK_BYTES = 4 * 1024 * 1024


def of(dataset: Dataset, where: np.ndarray) -> pd.DataFrame:
    """Properties of the samples at `where`, one row each in this order, numbered from 0.

    A table gives its columns, those that the model does not read among them. Images give "brightness", "contrast",
    "sharpness" and, in colour, "colourfulness" (see MEASURED), then "width", "height" (pixels) and "aspect_ratio"
    (width by height) of the original file where that is known. An image is measured once, and what is measured is kept
    in the workspace.
    """
    where = np.asarray(where, np.int64)
    if dataset.kind == "table":
        names = [column.name for column in (*dataset.columns, *dataset.left_out)]
        return dataset.frame[names].iloc[where].reset_index(drop=True)
    found = _measured(dataset, where).iloc[where].reset_index(drop=True)
    if {"width", "height"} <= set(dataset.about.columns):
        width, height = (dataset.about[name].to_numpy(float)[where] for name in ("width", "height"))
        found["width"], found["height"] = width, height
        found["aspect_ratio"] = width / np.where(height > 0, height, np.nan)
    return found


def measure(images: np.ndarray, where: np.ndarray | None = None) -> pd.DataFrame:
    """The MEASURED properties of images, uint8 or float32 (n, c, h, w), or of those at `where`, read piece by piece.

    Levels of float images are scaled so that the lowest and the highest of all are 0 and 255. "colourfulness" is for
    three channels, "sharpness" for sides of 3 pixels or more.
    Sources: Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy" (sharpness); Hasler and
    Suesstrunk 2003, "Measuring colourfulness in natural images", SPIE 5007, with RGB (colourfulness).
    """
    channels = images.shape[1]
    where = np.arange(len(images)) if where is None else where
    low, top = (0.0, 255.0) if images.dtype == np.uint8 else _bounds(images)
    weights = LUMA if channels == 3 else np.full(channels, 1 / channels, np.float32)
    names = ["brightness", "contrast"]
    names += ["sharpness"] * (min(images.shape[2:]) >= 3) + ["colourfulness"] * (channels == 3)
    found = {name: np.empty(len(where), np.float32) for name in names}
    step = max(1, CHUNK_BYTES // max(1, 4 * images[:1].size))
    for start in range(0, len(where), step):
        here = slice(start, start + step)
        x = images[where[here]].astype(np.float32)
        if (low, top) != (0.0, 255.0):
            x = (x - low) * np.float32(255 / max(top - low, 1e-9))
        grey = np.einsum("nchw,c->nhw", x, weights, optimize=True)
        found["brightness"][here] = grey.mean(axis=(1, 2)) / 255
        found["contrast"][here] = grey.std(axis=(1, 2)) / 255
        if "sharpness" in found:
            found["sharpness"][here] = _laplacian(grey).var(axis=(1, 2))
        if "colourfulness" in found:
            red, green, blue = x[:, 0], x[:, 1], x[:, 2]
            pair = (red - green, (red + green) / 2 - blue)
            spread = np.sqrt(sum(values.var(axis=(1, 2)) for values in pair))
            mean = np.sqrt(sum(values.mean(axis=(1, 2)) ** 2 for values in pair))
            found["colourfulness"][here] = spread + 0.3 * mean
    return pd.DataFrame(found)


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """Sum of the four neighbours less four times the pixel, for all pixels but those at the edge, (n, h-2, w-2)."""
    middle = grey[:, 1:-1, 1:-1]
    beside = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return beside - 4 * middle


def _bounds(images: np.ndarray) -> tuple[float, float]:
    return float(np.nanmin(images)), float(np.nanmax(images))


def _measured(dataset: Dataset, where: np.ndarray) -> pd.DataFrame:
    """The measured properties of all images, those at `where` among them; NaN for images not measured so far."""
    path = workspace() / "cache" / "properties" / f"{dataset.fingerprint[:24]}-{FORMAT}.parquet"
    kept = None
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = pd.read_parquet(path)
        if len(kept) != len(dataset) or not {"brightness", "contrast"} <= set(kept.columns) <= set(MEASURED):
            kept = None  # damaged
    new = np.unique(where)
    if kept is not None:
        new = new[kept["brightness"].isna().to_numpy()[new]]
    if len(new) == 0 and kept is not None:
        return kept
    made = measure(dataset.pictures, new)
    if kept is None:
        kept = pd.DataFrame(np.nan, np.arange(len(dataset)), made.columns, np.float32)
    kept.iloc[new] = made.to_numpy()
    with contextlib.suppress(OSError):  # a workspace that cannot be written still shows
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as beside:
            kept.to_parquet(beside, index=False)
    return kept
