"""What is known of each sample beside its class."""

import dataclasses

import numpy as np
import pandas as pd

from core.data.dataset import LeftOut
from core.evaluation import properties
from tests.core import toys


def pictures(*levels, channels=3, side=8):
    """Images of one grey level each."""
    return np.ones((len(levels), channels, side, side), np.uint8) * np.array(levels, np.uint8)[:, None, None, None]


def dataset(images, about=None):
    n = len(images)
    return dataclasses.replace(
        toys.images(n=n), images=images, targets=np.zeros(n, np.int64), about=pd.DataFrame() if about is None else about
    )


def test_a_plain_picture_has_its_level_and_nothing_else():
    found = properties.measure(pictures(0, 51, 255))
    np.testing.assert_allclose(found["brightness"], [0, 0.2, 1], atol=1e-6)
    for name in ("contrast", "sharpness", "colourfulness"):
        np.testing.assert_allclose(found[name], 0, atol=1e-3)


def test_contrast_is_the_deviation_of_the_levels():
    images = pictures(0, channels=1)
    images[0, 0, :4] = 255
    found = properties.measure(images)
    np.testing.assert_allclose(found[["brightness", "contrast"]], [[0.5, 0.5]], atol=1e-6)
    assert "colourfulness" not in found


def test_sharpness_is_the_variance_of_the_laplacian():
    images = np.zeros((1, 1, 5, 5), np.uint8)
    images[0, 0, 2, 2] = 10  # the Laplacian is -40 there, 10 at its four neighbours, 0 at the other four: sum 0
    np.testing.assert_allclose(properties.measure(images)["sharpness"], [(40**2 + 4 * 10**2) / 9])


def test_colourfulness_is_that_of_hasler_and_suesstrunk():
    images = np.zeros((1, 3, 4, 4), np.uint8)
    images[0, 0, :2] = 200  # half red, half black: red less green and its mean with green less blue
    # rg is 200 or 0: mean 100, deviation 100; yb is 100 or 0: mean 50, deviation 50
    np.testing.assert_allclose(properties.measure(images)["colourfulness"], 1.3 * np.hypot(100, 50), rtol=1e-5)


def test_pieces_give_what_all_at_once_gives(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 6, 5), dtype=np.uint8)
    whole = properties.measure(images)
    monkeypatch.setattr(properties, "CHUNK_BYTES", 1)
    pd.testing.assert_frame_equal(properties.measure(images), whole)


def test_float_images_are_measured_between_their_lowest_and_highest_level():
    images = pictures(0, 51, 255).astype(np.float32) / 255 * 4 - 2
    np.testing.assert_allclose(properties.measure(images)["brightness"], [0, 0.2, 1], atol=1e-6)


def test_pictures_of_a_pixel_have_no_sharpness():
    assert list(properties.measure(pictures(3, channels=1, side=1)).columns) == ["brightness", "contrast"]


def test_the_size_of_the_original_file_is_told_where_it_is_known():
    about = pd.DataFrame({"width": [30, 40], "height": [15, 0]})
    found = properties.of(dataset(pictures(1, 2), about), np.array([1, 0]))
    assert found["width"].tolist() == [40, 30]
    np.testing.assert_array_equal(found["aspect_ratio"], [np.nan, 2])
    np.testing.assert_allclose(found["brightness"], [2 / 255, 1 / 255], rtol=1e-5)


def test_images_are_measured_once_and_again_if_what_was_kept_is_damaged(workspace, monkeypatch):
    some = dataset(pictures(10, 20))
    first = properties.of(some, np.arange(2))
    with monkeypatch.context() as patch:
        patch.setattr(properties, "measure", None)  # a call of it fails
        pd.testing.assert_frame_equal(properties.of(some, np.arange(2)), first)
    (kept,) = (workspace / "cache" / "properties").iterdir()
    kept.write_bytes(b"no parquet")
    pd.testing.assert_frame_equal(properties.of(some, np.arange(2)), first)
    assert len(pd.read_parquet(kept)) == 2


def test_only_images_that_are_asked_for_are_measured(monkeypatch):
    some = dataset(pictures(10, 20, 30))
    properties.of(some, np.array([2, 0]))
    asked, measure = [], properties.measure
    monkeypatch.setattr(
        properties, "measure", lambda images, where: asked.append(where.tolist()) or measure(images, where)
    )
    found = properties.of(some, np.array([2, 1, 1]))
    assert asked == [[1]]
    np.testing.assert_allclose(found["brightness"], np.array([30, 20, 20]) / 255, rtol=1e-5)


def test_a_table_gives_all_its_columns_those_left_out_too():
    rows = toys.table(n=6)
    rows.table["name"] = [f"person {i}" for i in range(6)]
    rows = dataclasses.replace(rows, left_out=(LeftOut("name", "identifier", "It is one."),))
    found = properties.of(rows, np.array([4, 2]))
    assert list(found.columns) == ["a", "colour", "b", "name"]
    assert found["name"].tolist() == ["person 4", "person 2"]
    assert found.index.tolist() == [0, 1]
