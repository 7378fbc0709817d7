"""Raw input -> what a net takes."""

import numpy as np
import pytest
import torch

from core import preprocessing
from core.data.dataset import Column
from tests.core import toys

NAN = float("nan")


def fitted(schema, x):
    module = preprocessing.build(schema)
    module.fit(x)
    return module


@pytest.mark.parametrize("n", [5, 2500])  # one chunk, and three
def test_mean_and_deviation_of_pictures_are_numpys(n):
    x = np.random.default_rng(0).integers(0, 256, (n, 3, 4, 5), dtype=np.uint8)
    module = fitted(toys.image_schema(3, 4, 5), torch.from_numpy(x))
    np.testing.assert_allclose(module.mean.flatten(), (x / 255).mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(module.std.flatten(), (x / 255).std(axis=(0, 2, 3)), rtol=1e-6)


def test_pictures_come_out_with_mean_0_and_deviation_1():
    x = torch.randint(0, 256, (50, 2, 4, 4), dtype=torch.uint8)
    z = fitted(toys.image_schema(2, 4, 4), x)(x)
    assert z.dtype == torch.float32
    torch.testing.assert_close(z.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std(dim=(0, 2, 3), correction=0), torch.ones(2))


@pytest.mark.parametrize("grey", [0, 1, 77, 255])
def test_a_channel_of_one_grey_becomes_zero_and_is_not_blown_up(grey):
    x = torch.full((2000, 1, 7, 7), grey, dtype=torch.uint8)
    module = fitted(toys.image_schema(1, 7, 7), x)
    assert module.std.item() == 1
    torch.testing.assert_close(module(x), torch.zeros(x.shape), atol=1e-6, rtol=0)


def test_mean_and_deviation_of_a_number_are_numpys_over_what_is_there():
    x = torch.tensor([[1.0, 10.0], [2.0, NAN], [6.0, 30.0]])
    module = fitted(toys.table_schema(), x)
    np.testing.assert_allclose(module.mean, np.nanmean(x, axis=0), rtol=1e-6)
    np.testing.assert_allclose(module.std, np.nanstd(x, axis=0), rtol=1e-6)


def test_a_missing_number_becomes_zero():
    module = fitted(toys.table_schema(), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert module(torch.tensor([[NAN, NAN]])).tolist() == [[0, 0]]


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0, 123456.789, 1e30])
def test_a_constant_number_becomes_zero_and_another_value_is_not_blown_up(value):
    module = fitted(toys.table_schema(toys.NUMBERS[:1]), torch.full((37, 1), value))
    assert (module.std.item(), module(torch.tensor([[value]])).item()) == (1, 0)


def test_a_number_that_is_always_missing_becomes_zero():
    module = fitted(toys.table_schema(toys.NUMBERS[:1]), torch.full((3, 1), NAN))
    assert (module.mean.item(), module.std.item(), module(torch.tensor([[NAN]])).item()) == (0, 1, 0)


def test_a_large_mean_does_not_swallow_a_small_deviation():
    x = torch.tensor([[10000.0], [10001.0], [10002.0]])
    z = fitted(toys.table_schema(toys.NUMBERS[:1]), x)(x)
    torch.testing.assert_close(z, torch.tensor([[-(1.5**0.5)], [0.0], [1.5**0.5]]), atol=1e-3, rtol=0)


def test_categories_move_up_by_one_and_the_unknown_becomes_0():
    module = fitted(toys.table_schema(toys.CATEGORIES), torch.tensor([[0.0, 1.0], [2.0, 1.0], [-1.0, 0.0]]))
    assert module(torch.tensor([[-1.0, 0.0], [2.0, -1.0]])).tolist() == [[0, 1], [3, 0]]


def test_what_was_fitted_travels_with_the_weights():
    x = torch.tensor([[1.0, 2.0], [3.0, 8.0]])
    there = preprocessing.build(toys.table_schema())
    there.load_state_dict(fitted(toys.table_schema(), x).state_dict())
    torch.testing.assert_close(there(x), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))


def test_one_cell_a_thousand_times_too_large_does_not_make_all_others_alike():
    x = torch.linspace(-1, 1, 1000)[:, None].repeat(1, 1)
    x[7] = 1000.0
    module = fitted(toys.table_schema(toys.NUMBERS[:1]), x)
    assert 0.5 < module.std.item() < 0.7  # of the numbers from -1 to 1 it is 0.58
    assert module(torch.tensor([[1000.0], [-1000.0]])).flatten().tolist() == [5, -5]


def test_codes_are_not_held_within_limits():
    many = toys.Column("town", "category", tuple(f"{i:03d}" for i in range(100)))
    module = fitted(toys.table_schema((many,)), torch.arange(100.0)[:, None])
    assert module(torch.tensor([[99.0]])).item() == 100


def test_a_few_wrong_cells_do_not_make_all_others_look_alike():
    x = torch.arange(1000.0)[:, None]
    clean = fitted(toys.table_schema(toys.NUMBERS[:1]), x)
    x[[3, 500]] = 1e9
    spoilt = fitted(toys.table_schema(toys.NUMBERS[:1]), x)
    torch.testing.assert_close(spoilt.std, clean.std, rtol=0.05, atol=0)


def test_a_number_is_held_within_five_deviations():
    module = fitted(toys.table_schema(toys.NUMBERS[:1]), torch.tensor([[-1.0], [1.0]]))
    x = torch.tensor([[4.0], [6.0], [-1e30], [float("inf")], [NAN]])
    assert module(x).flatten().tolist() == [4, 5, -5, 5, 0]


def test_before_it_is_fitted_a_number_comes_out_as_it_is_however_large():
    assert preprocessing.build(toys.table_schema())(torch.tensor([[1e6, -1e6]])).tolist() == [[1e6, -1e6]]


def test_codes_of_categories_are_not_held_within_anything():
    many = (Column("town", "category", tuple(f"t{i}" for i in range(50))),)
    assert fitted(toys.table_schema(many), torch.arange(50.0)[:, None])(torch.tensor([[49.0]])).tolist() == [[50]]


def test_what_an_earlier_run_fitted_still_loads_and_holds_nothing_back():
    state = fitted(toys.table_schema(), torch.tensor([[-1.0, -1.0], [1.0, 1.0]])).state_dict()
    del state["limit"]
    there = preprocessing.build(toys.table_schema())
    there.load_state_dict(state)
    assert there(torch.tensor([[7.0, -9.0]])).tolist() == [[7, -9]]


def test_what_weights_want_is_not_fitted_and_three_means_make_a_colour_image_of_a_grey_one():
    module = preprocessing.build(toys.image_schema(1, 2, 2), mean=[0.0, 0.5, 1.0], std=[1.0, 1.0, 0.5])
    x = torch.full((3, 1, 2, 2), 255, dtype=torch.uint8)
    module.fit(x)
    torch.testing.assert_close(module(x)[0, :, 0, 0], torch.tensor([1.0, 0.5, 0.0]))


def test_how_images_are_scaled_travels_with_the_weights():
    there = preprocessing.build(toys.image_schema(1, 4, 4))
    wanted = {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3.0]}
    there.load_state_dict(preprocessing.build(toys.image_schema(1, 4, 4), zoom=1.5, cubic=True, **wanted).state_dict())
    assert (there.zoom, there.cubic) == (1.5, True)
    torch.testing.assert_close(there.mean.flatten(), torch.tensor([0.1, 0.2, 0.3]))


def test_images_of_an_earlier_run_that_says_nothing_of_scaling_still_load():
    state = preprocessing.build(toys.image_schema(1, 4, 4)).state_dict()
    del state["_extra_state"]
    there = preprocessing.build(toys.image_schema(1, 4, 4))
    there.load_state_dict(state)
    assert (there.zoom, there.cubic) == (1.0, False)


def test_means_of_two_channels_do_not_fit_three():
    state = preprocessing.build(toys.image_schema(2, 4, 4)).state_dict()
    with pytest.raises(RuntimeError, match="size mismatch"):
        preprocessing.build(toys.image_schema(3, 4, 4)).load_state_dict(state)


def test_what_else_is_fitted_gets_the_preprocessed_training_rows():
    module = preprocessing.build(toys.table_schema())
    seen = []
    module.then = seen.append
    module.fit(torch.tensor([[-1.0, -2.0], [1.0, 2.0]]))
    assert seen[0].tolist() == [[-1, -1], [1, 1]]


def test_a_table_whose_figures_came_with_the_weights_is_not_fitted_anew():
    module = fitted(toys.table_schema(), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    module.given = True
    module.fit(torch.tensor([[100.0, 100.0], [300.0, 300.0]]))
    assert module.mean.tolist() == [0, 0]
