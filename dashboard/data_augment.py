"""Random changes of training images: their settings, and a preview of the same image eight times."""

import dataclasses
import json

import numpy as np
import streamlit as st

from core import config
from core.config import AugmentConfig
from core.data import Dataset
from core.training import previews
from core.workspace import command
from dashboard import engine, pictures
from dashboard.settings import settings

PREVIEWED = 3  # images


def controls(suggested: AugmentConfig, key: str) -> AugmentConfig:
    """A widget for each change, filled with `suggested`."""
    return AugmentConfig(**settings(suggested, key, rare=False))


def show(dataset: Dataset) -> None:
    """What training would do to the images, to be tried out."""
    st.markdown(
        "Training may change its images at random, each one anew in every epoch. This is what they then look like."
    )
    suggested = config.suggest(dataset).augment
    chosen = controls(suggested, f"look-augment-{dataset.name}")
    preview(dataset, chosen)
    changed = {name: value for name, value in dataclasses.asdict(chosen).items() if value != getattr(suggested, name)}
    if changed:
        flags = " ".join(f"--set {name}={json.dumps(value)}" for name, value in changed.items())
        st.caption("The same changes are on the Train page. In the shell:")
        st.code(f"{command('core')} train --data {dataset.name} {flags}", language="bash")


def preview(dataset: Dataset, config: AugmentConfig) -> None:
    """The first of a few images as it is, and then changed eight times."""
    if dataset.pictures.dtype != np.uint8:
        st.caption("There is no preview of images that are not levels from 0 to 255.")
        return
    where = np.unique(np.linspace(0, len(dataset) - 1, PREVIEWED).round().astype(int))
    images = np.array(dataset.pictures[where])
    made = engine.attempt("Changing the images", previews.augmented, images, config)
    if made is None:
        return
    for image, changed in zip(images, made):
        row = np.concatenate([image[None], changed])
        width = "stretch" if row.shape[-1] * len(row) > 500 else "content"
        st.image(pictures.row(row), width=width, alt="An image, and what random changes make of it")
    st.caption("On the left the image itself. MixUp and CutMix blend pairs and are not shown.")
