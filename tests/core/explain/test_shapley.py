"""Shapley values, held against answers known by hand, a brute force written another way, and captum."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from core.data.dataset import Column
from core.explain import shapley
from core.explain._base import Target
from tests.core import toys

MIXED = (*toys.MIXED, Column("when", "date", missing=True), Column("size", "category", ("big", "small"), True))


class Says(nn.Module):
    """A model whose probability of the second class is what a function of raw rows says."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        p = self.function(x.double()).clamp(1e-9, 1 - 1e-9)
        return torch.stack([1 - p, p], dim=1).log()


def brute_force(model, x, background, target):
    """By the definition: over subsets, one call of the model for each; float64 (n_columns,)."""
    n, columns = len(x), range(len(x))

    def worth(known):
        rows = background.clone()
        rows[:, list(known)] = x[list(known)]
        return float(Target.of(target).score(model(rows).double().softmax(dim=1)).mean())

    scores = {frozenset(s): worth(s) for size in range(n + 1) for s in itertools.combinations(columns, size)}
    values = np.zeros(n)
    for known, score in scores.items():
        for j in columns:
            if j not in known:
                weight = math.factorial(len(known)) * math.factorial(n - len(known) - 1) / math.factorial(n)
                values[j] += weight * (scores[known | {j}] - score)
    return values


def mixed_rows(n, seed=0):
    rng = np.random.default_rng(seed)
    x = np.stack(
        [
            rng.normal(size=n),
            rng.integers(-1, 3, n),
            rng.normal(size=n),
            rng.uniform(9e3, 1e4, n),
            rng.integers(-1, 2, n),
        ],
        axis=1,
    )
    x[rng.random(n) < 0.3, 3] = np.nan
    return torch.from_numpy(x.astype(np.float32))


@pytest.mark.parametrize("options", [{"layers": 2}, {"layers": 0}, {"layers": 1, "numbers": "piecewise"}])
def test_of_a_table_with_all_kinds_of_columns_equal_to_brute_force(options):
    model = toys.mlp(MIXED, ("a", "b", "c"), hidden=16, **options)
    model.prior_shift.copy_(torch.tensor([0.5, -0.5, 1.0]))
    x, background = mixed_rows(3), mixed_rows(7, seed=1)
    with torch.inference_mode():
        found = shapley.explain(model, x, 2, background=background)
        for row, values in zip(x, found.values):
            np.testing.assert_allclose(values, brute_force(model, row, background, 2), atol=1e-6)
    assert found.error is None


def test_a_net_of_any_make_gets_the_same_values_as_one_whose_first_layer_is_added_up():
    model = toys.mlp(MIXED, hidden=16)
    x, background = mixed_rows(4), mixed_rows(9, seed=1)
    quick = shapley.explain(model, x, 1, background=background)
    plain = shapley.explain(Says(lambda rows: model(rows.float()).softmax(dim=1)[:, 1]), x, 1, background=background)
    torch.testing.assert_close(quick.values, plain.values, atol=1e-6, rtol=0)
    torch.testing.assert_close(quick.base, plain.base, atol=1e-6, rtol=0)


def test_of_a_linear_probability_each_column_has_its_weight_times_its_distance_from_the_mean():
    weight = torch.tensor([0.05, -0.03, 0.02, 0.0], dtype=torch.float64)
    model = Says(lambda x: 0.5 + x @ weight)
    x, background = torch.randn(5, 4), torch.randn(20, 4)
    found = shapley.explain(model, x, 1, background=background)
    expected = weight * (x.double() - background.double().mean(dim=0))
    torch.testing.assert_close(found.values.double(), expected, atol=1e-6, rtol=0)


def test_of_a_product_the_two_columns_share_what_they_make_together():
    model = Says(lambda x: 0.5 + 0.1 * x[:, 0] * x[:, 1])
    x, background = torch.tensor([[2.0, 1.0, 5.0]]), torch.zeros(4, 3)
    found = shapley.explain(model, x, 1, background=background)
    torch.testing.assert_close(found.values, torch.tensor([[0.1, 0.1, 0.0]]), atol=1e-6, rtol=0)
    background[:, 0] = 1.0  # now the first starts at 1: half of each of 1*0, 1*1, 2*0 and 2*1
    found = shapley.explain(model, x, 1, background=background)
    torch.testing.assert_close(found.values, torch.tensor([[0.05, 0.15, 0.0]]), atol=1e-6, rtol=0)


def test_shares_add_up_to_the_probability_less_the_base_rate():
    model = toys.mlp(MIXED, hidden=16)
    x, background = mixed_rows(6), mixed_rows(11, seed=1)
    found = shapley.explain(model, x, 0, background=background)
    with torch.inference_mode():
        torch.testing.assert_close(found.score, model(x).softmax(dim=1)[:, 0], atol=1e-6, rtol=0)
        torch.testing.assert_close(found.base[0], model(background).softmax(dim=1)[:, 0].mean(), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.values.sum(dim=1), found.score - found.base, atol=1e-6, rtol=0)


def test_the_difference_of_two_classes_has_the_difference_of_their_shares():
    model = toys.mlp(MIXED, ("a", "b", "c"), hidden=16)
    x, background = mixed_rows(3), mixed_rows(5, seed=1)
    one, other, both = (
        shapley.explain(model, x, target, background=background).values for target in (0, 2, Target(0, 2))
    )
    torch.testing.assert_close(both, one - other, atol=1e-6, rtol=0)


def test_what_captum_computes_for_one_background_row():
    from captum.attr import ShapleyValues

    model = toys.mlp(tuple(Column(f"x{j}", "number") for j in range(5)), hidden=16, layers=1)
    x, baseline = torch.randn(3, 5), torch.randn(1, 5)
    with torch.inference_mode():
        expected = ShapleyValues(lambda rows: model(rows).softmax(dim=1)[:, 1]).attribute(x, baselines=baseline)
    found = shapley.explain(model, x, 1, background=baseline)
    torch.testing.assert_close(found.values, expected, atol=1e-5, rtol=0)


def test_sampled_values_are_as_near_to_brute_force_as_they_say_on_100_random_nets():
    columns, misses, wrong = tuple(Column(f"x{j}", "number") for j in range(13)), [], []
    generator = torch.Generator().manual_seed(0)
    for seed in range(100):
        model = toys.mlp(columns, hidden=24, layers=2, seed=seed)
        for parameter in model.net.parameters():
            parameter.data.mul_(2.5)  # far from linear
        x, background = torch.randn(1, 13, generator=generator), torch.randn(4, 13, generator=generator)
        found = shapley.explain(model, x, 1, shapley.Options(samples=128, seed=seed), background)
        exact = shapley.explain(model, x, 1, shapley.Options(samples=2**12), background)
        assert exact.error is None
        misses.append((found.values - exact.values) / found.error)
        wrong.append(torch.allclose(found.values.sum(), found.score - found.base, atol=1e-5))
    misses = torch.cat(misses)
    assert (misses.abs() < 2).float().mean() > 0.93  # of a normal deviate it is 0.954
    assert 0.8 < misses.square().mean().sqrt() < 1.15  # neither too bold nor too careful
    assert all(wrong)


def test_the_exact_values_of_a_larger_table_equal_brute_force_too():
    columns = tuple(Column(f"x{j}", "number") for j in range(13))
    model = toys.mlp(columns, hidden=8, layers=1)
    x, background = torch.randn(1, 13), torch.randn(1, 13)
    found = shapley.explain(model, x, 1, shapley.Options(samples=2**12), background)
    with torch.inference_mode():
        np.testing.assert_allclose(found.values[0], brute_force(model, x[0], background, 1), atol=1e-6)


def test_a_wide_table_is_sampled_with_its_error():
    columns = tuple(Column(f"x{j}", "number") for j in range(40))
    model = toys.mlp(columns, hidden=8)
    x, background = torch.randn(2, 40), torch.randn(5, 40)
    found = shapley.explain(model, x, 1, shapley.Options(samples=64), background)
    assert found.error.shape == x.shape and (found.error > 0).all()
    torch.testing.assert_close(found.values.sum(dim=1), found.score - found.base, atol=1e-5, rtol=0)
    again = shapley.explain(model, x[1:], 1, shapley.Options(samples=64), background)
    torch.testing.assert_close(again.values[0], found.values[1])  # the same alone as beside others


def test_a_row_that_is_the_background_has_no_shares():
    model, x = toys.mlp(MIXED), mixed_rows(1)
    assert not shapley.explain(model, x, 1, background=x).values.any()


def test_a_missing_value_counts_as_a_value():
    model = Says(lambda x: torch.where(x[:, 0].isnan(), 0.9, 0.1))
    x, background = torch.tensor([[math.nan, 1.0]]), torch.tensor([[0.0, 1.0], [math.nan, 2.0]])
    found = shapley.explain(model, x, 1, background=background)
    torch.testing.assert_close(found.values, torch.tensor([[0.4, 0.0]]), atol=1e-6, rtol=0)


def test_without_background_it_is_refused_with_what_is_needed():
    with pytest.raises(ValueError, match="need training rows"):
        shapley.explain(toys.mlp(), torch.zeros(1, 2), 1)
