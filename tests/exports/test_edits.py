"""Edits of one image, with answers known by hand."""

import numpy as np
import pytest

from exports import edits
from exports.edits import Edits

RAMP = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)  # level 8 * row + column


def test_no_edits_give_the_image_itself():
    assert edits.apply(RAMP, Edits()) is RAMP


@pytest.mark.parametrize(("fill", "level"), [("black", 0), ("white", 255), ("mean", 32)])  # the mean is 31.5
def test_what_is_painted_out_has_the_fill_and_the_rest_stays(fill, level):
    made = edits.apply(RAMP, Edits(painted=((0.25, 0.5, 0.5, 1.0),), fill=fill))
    expected = RAMP.copy()
    expected[:, 4:8, 2:4] = level
    np.testing.assert_array_equal(made, expected)


def test_several_parts_can_be_painted_out():
    made = edits.apply(RAMP, Edits(painted=((0, 0, 0.125, 0.125), (0.875, 0.875, 1, 1)), fill="white"))
    assert made[0, 0, 0] == made[0, 7, 7] == 255 and (made == 255).sum() == 2


def test_surroundings_are_near_what_is_there():
    image = np.full((3, 16, 16), 90, np.uint8)
    image[:, 6:10, 6:10] = 255
    made = edits.apply(image, Edits(painted=((0.375, 0.375, 0.625, 0.625),), fill="surroundings"))
    assert 90 < made[0, 7, 7] < 190


def test_a_crop_is_enlarged_to_the_whole_size():
    halves = np.zeros((1, 8, 8), np.uint8)
    halves[:, :, 4:] = 200
    np.testing.assert_array_equal(edits.apply(halves, Edits(crop=(0.5, 0, 1, 1))), np.full((1, 8, 8), 200))


def test_a_quarter_turn_is_that_of_numpy():
    np.testing.assert_array_equal(edits.apply(RAMP, Edits(degrees=90))[0], np.rot90(RAMP[0]))


def test_corners_of_a_turned_image_have_its_mean_colour():
    image = np.zeros((3, 20, 20), np.uint8)
    image[0], image[1] = 100, 50
    made = edits.apply(image, Edits(degrees=45))
    assert made[:, 0, 0].tolist() == [100, 50, 0]


def test_brightness_multiplies_and_stays_within_the_levels():
    image = np.array([[[10, 100, 200]]], np.uint8)
    assert edits.apply(image, Edits(brightness=2))[0, 0].tolist() == [20, 200, 255]
    assert edits.apply(image, Edits(brightness=0))[0, 0].tolist() == [0, 0, 0]


def test_blur_keeps_a_constant_image_and_spreads_a_point():
    flat = np.full((1, 9, 9), 77, np.uint8)
    np.testing.assert_array_equal(edits.apply(flat, Edits(blur=0.1)), flat)
    point = np.zeros((1, 9, 9), np.uint8)
    point[0, 4, 4] = 255
    made = edits.apply(point, Edits(blur=0.1))
    assert made[0, 4, 4] < 255 and made[0, 4, 5] > 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 5, 3), (2, 1, 7)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_any_image_keeps_its_type_and_shape(shape, dtype):
    image = np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)
    every = Edits(((0.1, 0.1, 0.4, 0.4),), "surroundings", (0.2, 0.2, 0.9, 0.9), 30, 1.2, 0.05)
    made = edits.apply(image, every)
    assert made.shape == shape and made.dtype == dtype and np.isfinite(made).all()


def test_levels_of_a_float_image_are_its_own():
    image = np.array([[[-1.0, 0.0, 1.0]]], np.float32)
    made = edits.apply(image, Edits(painted=((0, 0, 0.34, 1),), fill="white"))
    np.testing.assert_allclose(made, [[[1, 0, 1]]], atol=0.005)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Edits(painted=((0.5, 0, 0.5, 1),)), "left < right"),
        (Edits(crop=(0, 0, 1, 1.5)), "in \\[0, 1\\]"),
        (Edits(fill="pink"), "must be one of mean, black"),
        (Edits(brightness=-1), "brightness is -1"),
        (Edits(blur=float("nan")), "blur is nan"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(wrong, said):
    with pytest.raises(ValueError, match=said):
        edits.apply(RAMP, wrong)


def test_what_was_done_is_said_in_words():
    assert edits.describe(Edits()) == ""
    made = Edits(((0, 0, 0.5, 0.5),), crop=(0, 0, 0.5, 0.5), degrees=-10, brightness=0.5, blur=0.02)
    assert edits.describe(made) == (
        "one part painted out, cropped to 25%, turned by -10 degrees, darker (50%), blurred (2.0% of its side)"
    )
