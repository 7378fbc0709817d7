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
    step = 40 + pictures.GAP
    assert shown.shape == (2 * step - pictures.GAP, 2 * step - pictures.GAP, 3)
    levels = [int(shown[20 + step * row, 20 + step * column, 0]) for row in range(2) for column in range(2)]
    assert levels == [0, 20, 10, 128]


def test_an_upright_gallery_has_a_column_for_each_class():
    given = images((1, 40, 40), [0, 1, 0])
    rows = pictures.gallery(given, np.arange(3), per_class=2)
    columns = pictures.gallery(given, np.arange(3), per_class=2, upright=True)
    assert (columns == rows.swapaxes(0, 1)).all()  # the images are of one level each


def test_large_images_in_a_row_are_made_smaller():
    assert pictures.row(np.zeros((3, 3, 224, 100), np.uint8)).shape == (75, 3 * 34 + 2 * pictures.GAP, 3)


def test_images_that_are_no_levels_are_stretched():
    assert pictures.levels(np.array([[[-1.0, 0.0], [0.5, 1.0]]])).tolist() == [[[0, 128], [191, 255]]]
