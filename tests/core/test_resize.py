"""Images of any size, scaled and cut by the model itself."""

import numpy as np
import pytest
import torch
from PIL import Image

from core import model as models
from core import preprocessing
from core.data.dataset import Schema
from core.data.readers import folder
from tests.core import toys


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).float()


def test_the_same_size_comes_out_as_it_is():
    x = noise(2, 3, 7, 5)
    assert torch.equal(preprocessing.resize(x, 7, 5), x)


@pytest.mark.parametrize("size", [(7, 5), (14, 10), (20, 11), (3, 40)])
def test_what_is_spread_over_the_pixels_keeps_its_sum_and_its_place(size):
    like, values = noise(1, 1, *size), noise(1, 1, 7, 5)
    spread = preprocessing.spread(values, like)
    assert spread.shape == like.shape
    torch.testing.assert_close(spread.sum(), values.sum())
    if size == (7, 5):
        assert torch.equal(spread, values)
    if size == (14, 10):  # each pixel is halved over the two rows and columns of its own, and some for the neighbours
        corner = preprocessing.spread(_corner(7, 5), like)
        assert corner[0, 0, :3, :3].sum() == pytest.approx(1)


def _corner(height, width):
    values = torch.zeros(1, 1, height, width)
    values[0, 0, 0, 0] = 1
    return values


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (200, 3), (31, 64)])
def test_one_grey_stays_that_grey(size):
    x = torch.full((1, 1, *size), 77.0)
    torch.testing.assert_close(preprocessing.resize(x, 8, 8), torch.full((1, 1, 8, 8), 77.0))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_scaling_down_is_pillows(factor):
    x = noise(1, 1, 12 * factor, 16 * factor)
    image = Image.fromarray(x[0, 0].numpy())  # mode F: not rounded
    expected = torch.from_numpy(np.asarray(image.resize((16, 12), Image.Resampling.BILINEAR)))
    torch.testing.assert_close(preprocessing.resize(x, 12, 16)[0, 0], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(12, 16), (24, 32), (48, 64), (96, 128)])
def test_scaling_by_a_cubic_curve_is_pillows(size):
    x = noise(1, 1, 48, 64)
    image = Image.fromarray(x[0, 0].numpy())
    expected = torch.from_numpy(np.array(image.resize(size[::-1], Image.Resampling.BICUBIC)))
    torch.testing.assert_close(preprocessing.resize(x, *size, cubic=True)[0, 0], expected, atol=1e-3, rtol=0)


def test_a_cubic_curve_stays_within_the_levels_of_an_image():
    x = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    x[..., 2:] = 255
    sized = preprocessing.build(toys.image_schema(1, 8, 8), cubic=True).sized(x)
    assert (sized.min(), sized.max()) == (0, 255)
    assert preprocessing.resize(x.float(), 8, 8, cubic=True).max() > 255


def test_a_zoom_keeps_the_part_around_the_centre():
    x = torch.zeros(1, 1, 8, 8)
    x[..., 2:6, 2:6] = torch.arange(16.0).view(4, 4)
    torch.testing.assert_close(preprocessing.resize(x, 4, 4, zoom=2.0), x[..., 2:6, 2:6])


def test_what_is_too_wide_is_cut_evenly_on_both_sides():
    x = torch.arange(10.0).expand(1, 1, 4, 10)
    assert preprocessing.resize(x, 4, 4)[0, 0, 0].tolist() == [3, 4, 5, 6]


def test_what_is_too_high_is_cut_evenly_above_and_below():
    x = torch.arange(8.0).view(1, 1, 8, 1).expand(1, 1, 8, 2)
    assert preprocessing.resize(x, 2, 2)[0, 0, :, 0].tolist() == [3, 4]


def test_a_model_takes_images_of_another_size_and_gives_what_it_gives_for_the_scaled_ones():
    model = toys.cnn(3, 8, 8)
    x = noise(2, 3, 8, 8).to(torch.uint8)
    twice = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    small = preprocessing.resize(twice.float(), 8, 8)
    torch.testing.assert_close(model(twice), model(small))
    model.preprocess.any_size = True
    torch.testing.assert_close(model(x), toys.cnn(3, 8, 8)(x))


def test_images_that_are_no_levels_are_not_divided():
    module = preprocessing.build(Schema("image", (1, 2, 2), ("a", "b"), dtype="float32"))
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert torch.equal(module(x), x)
    module.fit(x)
    assert module.mean.item() == 2.5


# ---------------------------------------------------------------------------------------------------- originals


@pytest.fixture
def photos(tmp_path):
    """Four photographs of different sizes in two classes, read and stored at 32 x 32."""
    rng = np.random.default_rng(0)
    for i, (name, size) in enumerate([("a", (60, 40)), ("a", (32, 33)), ("b", (90, 100)), ("b", (35, 70))]):
        path = tmp_path / "photos" / name
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path / f"{i}.png")
    return folder.load(str(tmp_path / "photos"), folder.Options(size=32), lambda *_: None)


def test_originals_are_read_at_their_own_size_in_the_order_asked_for(photos):
    sizes = [image.shape for image in models.originals(photos, np.array([3, 0, 2, 1]))]
    assert sizes == [(3, 35, 70), (3, 60, 40), (3, 90, 100), (3, 32, 33)]


def test_a_model_judges_the_originals_much_as_the_stored_images(photos):
    model = toys.cnn(3, 32, 32)
    logits = models.predict_originals(model, photos, np.arange(4))
    np.testing.assert_allclose(logits, models.predict(model, photos.images), atol=0.02)
    assert not np.array_equal(logits, models.predict(model, photos.images))


def test_without_an_original_there_is_no_answer_from_originals(photos, tmp_path):
    next((tmp_path / "photos" / "b").iterdir()).unlink()
    assert models.predict_originals(toys.cnn(3, 32, 32), photos, np.arange(4)) is None
    assert models.predict_originals(toys.cnn(1, 2, 3), toys.images(), np.arange(4)) is None
