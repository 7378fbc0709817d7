"""Samples as pictures for a page: thumbnails and galleries, each pixel sharp."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from core.data import Dataset

SHOWN_SIDE = 96  # of an image in a gallery, at most
GAP = 4  # pixels between images


def levels(image: np.ndarray) -> np.ndarray:
    """An image as uint8; one of float32 is stretched from its lowest to its highest value."""
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    return np.rint((image - low) * (255 / ((high - low) or 1.0))).astype(np.uint8)


def thumbnail(image: np.ndarray, side: int = 72) -> bytes:
    """PNG of an image (c, h, w), its longer side about `side` pixels."""
    image = levels(image)
    picture = Image.fromarray(image[0] if image.shape[0] not in (3, 4) else np.moveaxis(image[:3], 0, -1))
    scale = side / max(picture.size)
    size = [max(1, round(length * scale)) for length in picture.size]
    picture = picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def row(images: np.ndarray) -> np.ndarray:
    """Images (n, c, h, w) side by side, uint8 (height, width, c), small ones enlarged and large ones made smaller."""
    images = levels(images)
    side = max(images.shape[2:])
    if side > SHOWN_SIDE:
        step = -(-side // SHOWN_SIDE)
        images = images[:, :, ::step, ::step]
    else:
        scale = max(1, 40 // side)
        images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    tiles = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=128)
    joined = np.moveaxis(np.concatenate(list(tiles), axis=2)[:, :, :-GAP], 0, -1)
    return joined if joined.shape[2] == 3 else joined[:, :, :1].repeat(3, axis=2)


@st.cache_data(show_spinner=False, max_entries=256, hash_funcs={Dataset: lambda dataset: dataset.fingerprint})
def strip(dataset: Dataset, version: str, target: int, most: int) -> np.ndarray:  # noqa: ARG001 (part of the key)
    """Images of one class, evenly over the set, in a row: uint8 (height, width, 3)."""
    where = np.flatnonzero(dataset.targets == target)
    chosen = where[np.unique(np.linspace(0, len(where) - 1, min(most, len(where))).round().astype(int))]
    return row(np.stack([dataset.pictures[i] for i in chosen]))


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs={Dataset: lambda dataset: dataset.fingerprint})
def gallery(
    dataset: Dataset, where: np.ndarray, per_class: int = 20, max_classes: int = 10, upright: bool = False
) -> np.ndarray:
    """The first images of each class among the samples at `where`: uint8 (height, width, 3).

    A class is a row, or a column if `upright`.
    """
    n = min(max_classes, len(dataset.classes))
    tiles = np.full((n, per_class, *dataset.pictures.shape[1:]), 128, dataset.pictures.dtype)
    for target in range(n):
        found = where[dataset.targets[where] == target][:per_class]
        if len(found):
            tiles[target, : len(found)] = dataset.pictures[found]
    rows = [row(line) for line in (tiles.swapaxes(0, 1) if upright else tiles)]
    return np.concatenate([np.pad(made, ((0, GAP), (0, 0), (0, 0)), constant_values=128) for made in rows])[:-GAP]
