"""Random changes of whole batches, a draw of its own for each sample."""

import numpy as np
import pytest
import torch

from core.config import AugmentConfig
from core.training import augment as augmentation
from core.training.augment import Augment, preview

N = 64


def changed(x, y=None, seed=0, top=255.0, n_classes=3, **settings):
    augment = Augment(AugmentConfig(**settings), n_classes, top, torch.Generator().manual_seed(seed))
    return augment(x, torch.zeros(len(x), dtype=torch.int64) if y is None else y)


def ramp(n=N, side=8):
    """Pictures that grow from left to right, all alike: uint8 (n, 1, side, side)."""
    return torch.arange(side, dtype=torch.uint8).mul(10).view(1, 1, 1, side).expand(n, 1, side, side).contiguous()


CHANGES = [
    {"flip": True},
    {"flip_vertical": True},
    {"shift": 0.25},
    {"crop": 0.5},
    {"rotate": 30.0},
    {"color": 0.5},
    {"cutout": 0.4},
    {"mixup": 0.4},
    {"cutmix": 1.0},
]
each_change = pytest.mark.parametrize("settings", CHANGES, ids=[next(iter(change)) for change in CHANGES])


def noise(n=N, channels=3, side=12):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, channels, side, side), dtype=np.uint8))


@each_change
def test_each_sample_has_a_draw_of_its_own(settings):
    one = noise(1).expand(N, -1, -1, -1).contiguous()
    x, _ = changed(torch.cat([one[:1], one[1:].flip(2)]) if "mix" in str(settings) else one, **settings)
    assert len({picture.numpy().tobytes() for picture in x}) > 1


@each_change
def test_shape_and_range_stay(settings):
    x, _ = changed(noise(), **settings)
    assert x.shape == (N, 3, 12, 12)
    assert x.min() >= 0 and x.max() <= 255 and torch.isfinite(x.float()).all()


@each_change
def test_the_same_seed_draws_the_same(settings):
    torch.testing.assert_close(changed(noise(), **settings)[0], changed(noise(), **settings)[0])
    assert not torch.equal(changed(noise(), **settings)[0], changed(noise(), seed=1, **settings)[0])


@each_change
def test_what_is_given_is_not_changed(settings):
    x = noise()
    changed(x, **settings)
    assert torch.equal(x, noise())


def test_the_defaults_change_nothing():
    x = noise()
    assert torch.equal(changed(x)[0], x)


def test_about_half_are_mirrored_and_the_others_are_as_they_were():
    x, _ = changed(ramp(400), flip=True)
    mirrored = (x == ramp(400).flip(3)).all(dim=(1, 2, 3))
    same = (x == ramp(400)).all(dim=(1, 2, 3))
    assert (mirrored | same).all() and 150 < mirrored.sum() < 250


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    x, _ = changed(ramp(), shift=0.25)  # by at most 2 of 8
    steps = {tuple(picture[0, 0].tolist()) for picture in x}
    assert steps == {tuple(min(max(i + by, 0), 7) * 10 for i in range(8)) for by in range(-2, 3)}


def test_a_crop_shows_a_part_enlarged():
    x, _ = changed(ramp(side=32), crop=0.25)
    spans = x[:, 0].amax(dim=(1, 2)) - x[:, 0].amin(dim=(1, 2))
    assert (spans <= 310).all() and spans.min() < 200  # a part of the ramp from 0 to 310 - what fits in uint8


@pytest.mark.parametrize("how", [{}, {"flip": True}, {"flip": True, "flip_vertical": True, "shift": 0.3}], ids=str)
def test_a_crop_is_the_same_as_a_turn_by_nothing(how):
    x = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (N, 3, 11, 17), dtype=np.uint8))
    cropped, _ = changed(x, crop=0.3, **how)
    turned, _ = changed(x, crop=0.3, rotate=1e-6, **how)  # by grid_sample
    torch.testing.assert_close(cropped, turned, atol=0.05, rtol=0)


@each_change
@pytest.mark.parametrize("at_once", [1, 1000])
def test_what_is_changed_at_a_time_makes_no_difference(settings, at_once, monkeypatch):
    whole, y = changed(noise(), **settings)
    monkeypatch.setattr(augmentation, "AT_ONCE", at_once)  # one picture, or two
    parts, y_of_parts = changed(noise(), **settings)
    torch.testing.assert_close(parts, whole)
    assert torch.equal(y_of_parts, y)


@each_change
def test_pictures_of_a_single_pixel_stay_pictures(settings):
    x, _ = changed(noise(side=1), **settings)
    assert x.shape == (N, 3, 1, 1) and x.min() >= 0 and x.max() <= 255


def test_float_pictures_are_changed_as_those_of_bytes_are():
    settings = {"flip": True, "crop": 0.5, "color": 0.3, "cutout": 0.2}
    floats, _ = changed(noise().float() / 255, top=1.0, **settings)
    torch.testing.assert_close(floats * 255, changed(noise(), **settings)[0], atol=0.01, rtol=0)


def test_pytorch_has_its_threads_again_afterwards():
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        changed(noise(), crop=0.5)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)


def test_a_crop_of_everything_is_the_picture_itself():
    x = noise()
    torch.testing.assert_close(changed(x, rotate=1e-6)[0], x.float(), atol=0.01, rtol=0)


def test_a_turn_leaves_a_round_picture_as_it_is():
    places = torch.arange(33.0) - 16
    disc = (200 - 13 * (places[:, None] ** 2 + places**2).sqrt()).clamp(0).view(1, 1, 33, 33)
    x, _ = changed(disc.expand(8, -1, -1, -1).contiguous(), rotate=180.0)
    torch.testing.assert_close(x, disc.expand(8, -1, -1, -1), atol=4, rtol=0)


def test_a_turn_by_angles_in_a_wide_picture_keeps_distances():
    x = torch.zeros(1, 1, 21, 41)
    x[0, 0, 8:13, 18:23] = 255.0  # a square in the middle stays as large as it is
    turned, _ = changed(x.expand(16, -1, -1, -1).contiguous(), rotate=45.0)
    torch.testing.assert_close(turned.sum(dim=(1, 2, 3)), x.sum().expand(16), rtol=0.05, atol=0)


def test_colour_keeps_grey_pictures_grey():
    x, _ = changed(torch.full((N, 3, 4, 4), 100, dtype=torch.uint8), color=0.5)
    torch.testing.assert_close(x[:, 0], x[:, 1])
    assert x.min() >= 50 and x.max() <= 150


def test_cutout_covers_at_most_its_square_with_grey():
    x, _ = changed(torch.zeros(N, 1, 20, 20, dtype=torch.uint8), cutout=0.5)
    covered = (x == 127).float().mean(dim=(1, 2, 3))
    assert covered.max() <= 0.36 and covered.max() > 0.2  # a square of 10 or, by rounding, a little more


@pytest.mark.parametrize("settings", [{"mixup": 0.4}, {"mixup": 3.0}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_mixed_targets_say_how_much_of_each_picture_there_is(settings):
    y = torch.arange(N) % 3
    x = torch.nn.functional.one_hot(y, 3)[:, :, None, None] * torch.full((1, 3, 10, 10), 255, dtype=torch.uint8)
    x, soft = changed(x.to(torch.uint8), y, **settings)
    torch.testing.assert_close(soft.sum(dim=1), torch.ones(N))
    torch.testing.assert_close(x.mean(dim=(2, 3)) / 255, soft)  # channel c is lit by pictures of class c


def test_of_mixup_and_cutmix_each_picture_has_one():
    x = torch.arange(N, dtype=torch.uint8).view(N, 1, 1, 1).expand(N, 1, 8, 8).contiguous()
    x, _ = changed(x, mixup=5.0, cutmix=1.0)
    whole = (x == x.round()).all(dim=(1, 2, 3))  # CutMix takes pixels as they are
    assert 0.25 < whole.float().mean() < 0.75


def test_colour_is_brightness_then_contrast_then_saturation():
    generator = torch.Generator().manual_seed(0)
    draw = augmentation.Draw(*torch.rand(len(augmentation.Draw._fields), N, generator=generator))
    bright, contrast, saturation = (
        (0.6 + 0.8 * u).view(-1, 1, 1, 1) for u in (draw.brightness, draw.contrast, draw.saturation)
    )
    x = noise().float() * bright
    x = x.mean(dim=(1, 2, 3), keepdim=True).lerp(x, contrast)
    x = x.mean(dim=1, keepdim=True).lerp(x, saturation).clamp(0, 255)
    torch.testing.assert_close(changed(noise(), color=0.4)[0], x, atol=0.01, rtol=0)


def test_mixup_with_a_small_alpha_hardly_mixes_and_with_a_large_one_halves():
    y = torch.arange(2000) % 2
    x = torch.zeros(2000, 1, 1, 1, dtype=torch.uint8)
    small, large = (changed(x, y, n_classes=2, mixup=alpha)[1].amax(dim=1) for alpha in (0.05, 10.0))
    assert (small > 0.95).float().mean() > 0.8
    assert (large > 0.95).float().mean() < 0.6  # pairs of one class are half of them, and stay whole


def test_a_preview_shows_each_picture_n_times():
    made = preview(noise(2).numpy(), AugmentConfig(flip=True, crop=0.5, mixup=1.0), n=8)
    assert (made.shape, made.dtype) == ((2, 8, 3, 12, 12), np.uint8)
    assert len({picture.tobytes() for picture in made[0]}) > 4
