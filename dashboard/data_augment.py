"""Random changes of training images: their settings, and a preview of the same image eight times."""

import numpy as np
import streamlit as st

from core.config import AugmentConfig
from core.data import Dataset
from core.training import previews
from dashboard import engine, pictures

PREVIEWED = 3  # images


def preview(dataset: Dataset, config: AugmentConfig) -> None:
    """The first of a few images as it is, and then changed eight times."""
    if dataset.images.dtype != np.uint8:
        st.caption("There is no preview of images that are not levels from 0 to 255.")
        return
    where = np.unique(np.linspace(0, len(dataset) - 1, PREVIEWED).round().astype(int))
    images = np.array(dataset.images[where])
    made = engine.attempt("Changing the images", previews.augmented, images, config)
    if made is None:
        return
    for image, changed in zip(images, made):
        row = np.concatenate([image[None], changed])
        st.image(pictures.row(row), width="stretch" if row.shape[-1] * len(row) > 500 else "content")
    st.caption("On the left the image itself. MixUp and CutMix blend pairs and are not shown.")
