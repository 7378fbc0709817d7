"""Samples as pictures for a page: thumbnails and galleries, each pixel sharp."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from core.data import Dataset


def thumbnail(image: np.ndarray, side: int = 72) -> bytes:
    """PNG of an image, uint8 (c, h, w), its longer side about `side` pixels."""
    picture = Image.fromarray(image[0] if image.shape[0] == 1 else np.moveaxis(image[:3], 0, -1))
    scale = side / max(picture.size)
    size = [max(1, round(length * scale)) for length in picture.size]
    picture = picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@st.cache_data(show_spinner=False, max_entries=32, hash_funcs={Dataset: lambda dataset: dataset.fingerprint})
def gallery(dataset: Dataset, where: np.ndarray, per_class: int = 20, max_classes: int = 10) -> np.ndarray:
    """The first images of each class among the samples at `where`, a row per class: uint8 (height, width, c)."""
    channels, height, width = dataset.images.shape[1:]
    scale = max(1, 40 // max(height, width))
    gap = max(1, scale // 2)
    rows = []
    for target in range(min(max_classes, len(dataset.classes))):
        found = where[dataset.targets[where] == target][:per_class]
        tiles = np.full((per_class, channels, height, width), 128, np.uint8)
        tiles[: len(found)] = dataset.images[found]
        tiles = tiles.repeat(scale, axis=2).repeat(scale, axis=3)
        tiles = np.pad(tiles, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=128)
        rows.append(np.concatenate(list(tiles), axis=2))
    return np.moveaxis(np.concatenate(rows, axis=1), 0, -1)
