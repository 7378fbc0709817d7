"""Figures of maps: what they show, and that they are small."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from exports.charts import maps as map_charts


def pixels(fig):
    """The picture in a figure, uint8 (h, w, 3)."""
    (image,) = fig.layout.images
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.split(",")[1]))).convert("RGB"))


GREY = np.full((1, 4, 4), 100, np.uint8)


def test_where_nothing_speaks_the_picture_shows_and_elsewhere_the_colour_of_the_side():
    values = np.zeros((1, 4, 4))
    values[0, 0, 0], values[0, 3, 3] = 2.0, -2.0
    shown = pixels(map_charts.overlay(GREY, values, opacity=1.0))
    assert abs(shown[0, 0].astype(int) - (238, 119, 51)).max() < 12
    assert abs(shown[-1, -1].astype(int) - (0, 119, 187)).max() < 12
    assert abs(shown[0, -1].astype(int) - 100).max() < 3


def test_without_opacity_the_overlay_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    values = np.random.default_rng(1).normal(size=(3, 5, 7))
    assert np.array_equal(pixels(map_charts.overlay(image, values, 0.0)), pixels(map_charts.picture(image)))


def test_a_map_without_negative_values_is_drawn_as_heat():
    values = np.zeros((1, 4, 4))
    values[0, 0, 0] = 1.0
    shown = pixels(map_charts.raw_map(values))
    assert shown[0, 0].min() > 150 and shown[-1, -1].max() < 10
    assert pixels(map_charts.raw_map(values - 0.5))[0, 0].tolist() == [238, 119, 51]


def test_channels_are_added_and_the_value_under_the_pointer_is_the_sum():
    values = np.stack([np.full((2, 3), 1.0), np.full((2, 3), 2.0), np.full((2, 3), -5.0)])
    fig = map_charts.raw_map(values)
    np.testing.assert_array_equal(fig.data[0].z, np.full((2, 3), -2.0))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 28, 28), (3, 224, 224), (3, 700, 300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_figures_are_small_whatever_the_picture(shape, dtype):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape).astype(dtype)
    values = rng.normal(size=(1, *shape[1:]))
    for fig in (map_charts.overlay(image, values), map_charts.raw_map(values), map_charts.picture(image)):
        assert len(fig.to_json()) < 200_000
        assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert (fig.layout.images[0].sizex, fig.layout.images[0].sizey) == (shape[2], shape[1])


def test_constant_and_damaged_values_are_drawn_as_nothing():
    for values in (np.zeros((1, 4, 4)), np.full((1, 4, 4), np.nan)):
        assert pixels(map_charts.raw_map(values)).max() < 10
        assert np.array_equal(pixels(map_charts.overlay(GREY, values)), pixels(map_charts.picture(GREY)))


def test_a_map_of_another_picture_is_refused():
    with pytest.raises(ValueError, match="The map has 3x4 pixels and the picture 4x4"):
        map_charts.overlay(GREY, np.zeros((1, 3, 4)))


def test_curves_are_drawn_with_those_of_random_orders_and_of_edges_where_there_are_any():
    found = {name: [1.0, 0.4, 0.1] for name in ("deletion", "insertion", "random_deletion", "random_insertion")}
    fig = map_charts.curves({"share": [0, 0.5, 1], **found, "gain": 0.3})
    assert [trace.name for trace in fig.data] == [
        "Taken away",
        "Shown alone",
        "Taken away, random order",
        "Shown alone, random order",
    ]
    edges = {name: [1.0, 0.4, 0.1] for name in ("edges_deletion", "edges_insertion")}
    assert len(map_charts.curves({"share": [0, 0.5, 1], **found, **edges}).data) == 6
