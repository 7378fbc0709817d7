"""Samples as pictures: each pixel sharp, each class in its row."""

import io

import numpy as np
import pytest
from PIL import Image

from core.data import Dataset
from dashboard import pictures


def images(shape, targets) -> Dataset:
    """Grey images whose level is 10 times their position."""
    n = len(targets)
    return Dataset(
        name="toy",
        kind="image",
        images=np.ones((n, *shape), np.uint8) * (10 * np.arange(n, dtype=np.uint8))[:, None, None, None],
        targets=np.array(targets),
        classes=("a", "b"),
        ids=np.array([str(i) for i in range(n)]),
        origin="made by hand",
        licence="none",
    )


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 8, 8), (72, 72)), ((3, 4, 8), (72, 36)), ((1, 500, 100), (14, 72)), ((3, 1, 900), (72, 1))]
)
def test_the_longer_side_of_a_thumbnail_is_72_pixels(shape, size):
    picture = Image.open(io.BytesIO(pictures.thumbnail(np.zeros(shape, np.uint8))))
    assert (picture.format, picture.size) == ("PNG", size)


def test_a_small_image_is_enlarged_with_sharp_pixels():
    picture = Image.open(io.BytesIO(pictures.thumbnail(np.array([[[0, 255], [255, 0]]], np.uint8))))
    assert set(np.unique(np.asarray(picture))) == {0, 255}


def test_a_gallery_has_a_row_for_each_class_and_grey_where_there_is_no_more():
    shown = pictures.gallery(images((1, 40, 40), [0, 1, 0]), np.arange(3), per_class=2)
    assert shown.shape == (2 * 41, 2 * 41, 1)
    assert [int(shown[20 + 41 * row, 20 + 41 * column, 0]) for row in range(2) for column in range(2)] == [
        0,
        20,
        10,
        128,
    ]
