"""Handwritten digits that come with scikit-learn: 1,797 grey images of 8x8 pixels, 10 classes."""

import numpy as np

from core.data.dataset import Dataset

TITLE = "Handwritten digits: 1,797 grey images of 8x8 pixels, 10 classes"


def load() -> Dataset:
    """The whole set, in scikit-learn's order; grey levels 0 to 16 become 0 to 255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]  # (n, 1, 8, 8)
    return Dataset(
        name="digits",
        kind="image",
        images=images,
        targets=bunch.target.astype(np.int64),
        classes=tuple(str(digit) for digit in bunch.target_names),
        ids=np.array([f"{i:04d}" for i in range(len(images))]),
        origin="Optical Recognition of Handwritten Digits (test part), UCI, by way of scikit-learn",
        licence="CC BY 4.0",
    )
