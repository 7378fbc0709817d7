"""What methods for whole columns say where the probability is a formula."""

import numpy as np
import pytest
import torch

from core.data.dataset import Column
from core.explain import accumulated_local_effects, interactions, partial_dependence, permutation_importance
from tests.core.explain import made


def additive(x):
    return 0.5 + 0.3 * x[:, 0] + 0.1 * x[:, 1]


def common(x):
    return 0.5 + 0.4 * x[:, 0] * x[:, 1]


COLOUR = Column("colour", "category", ("blue", "green", "red"))


# ---------------------------------------------------------------------------------------------------- importance


@pytest.fixture
def first_column():
    """Importance of two columns to a net that says "yes" where the first is positive, on rows where that is right."""
    rng = np.random.default_rng(0)
    y_true = np.arange(400) % 2
    x = np.stack([2.0 * y_true - 1, rng.normal(size=400)], axis=1).astype(np.float32)
    model = made.Formula(lambda x: 0.5 + 0.4 * torch.sign(x[:, 0]))
    return permutation_importance.explain(model, made.parts(x, y_true))


def test_a_column_the_net_ignores_is_worth_nothing(first_column):
    arrays, _ = first_column
    assert [arrays[name][1] for name in ("mean", "low", "high")] == [0, 0, 0]


def test_a_column_that_decides_is_worth_all_the_accuracy_above_chance(first_column):
    arrays, record = first_column
    assert arrays["mean"][0] == pytest.approx(0.5, abs=0.05)
    assert arrays["low"][0] < 0.5 < arrays["high"][0] < 0.6
    assert record["certain"] == 1 and record["n"] == 400
    assert record["sentence"].startswith("Shuffling a column costs most for a (49.7%), b (0.0%)")


def test_importance_by_log_loss_is_what_shuffling_adds_to_it():
    x = made.grid(2)  # -1 and 1, so half of all shuffled rows have the other value
    x, y_true = np.tile(x, (200, 1)), np.tile([0, 1], 200)
    model = made.Formula(lambda x: 0.5 + 0.4 * x[:, 0])
    arrays, _ = permutation_importance.explain(
        model, made.parts(x, y_true), permutation_importance.Options(metric="log_loss", repeats=50)
    )
    assert arrays["mean"][0] == pytest.approx((np.log(0.9) - np.log(0.1)) / 2, rel=0.05)


# ------------------------------------------------------------------------------------------- partial dependence


def test_partial_dependence_is_the_formula_averaged_over_the_other_column():
    x = made.grid(11, 5)
    options = partial_dependence.Options(column="a", target="yes")
    arrays, record = partial_dependence.explain(made.Formula(additive), made.parts(x), options)
    np.testing.assert_allclose(arrays["grid"], np.linspace(-1, 1, 11), atol=1e-6)
    np.testing.assert_allclose(arrays["mean"][:, 1], 0.5 + 0.3 * arrays["grid"], atol=1e-6)
    np.testing.assert_allclose(arrays["mean"].sum(axis=1), 1, atol=1e-6)
    assert record["sentence"] == "As a moves, the probability of yes goes from 20.0% to 80.0% on average."


def test_individual_curves_are_of_single_rows():
    x = made.grid(3, 3)
    arrays, _ = partial_dependence.explain(made.Formula(common), made.parts(x), partial_dependence.Options(column="a"))
    slopes = (arrays["individual"][:, -1] - arrays["individual"][:, 0]) / 2
    np.testing.assert_allclose(slopes, 0.4 * x[:, 1], atol=1e-6)
    np.testing.assert_allclose(arrays["mean"][:, 1], 0.5, atol=1e-6)  # on average they cancel


def test_a_category_is_set_to_each_of_its_values_and_missing_is_left_out():
    x = np.array([[0], [1], [1], [-1], [2]], np.float32)
    model = made.Formula(lambda x: 0.2 + 0.2 * x[:, 0].clamp(min=0))
    arrays, _ = partial_dependence.explain(model, made.parts(x, columns=(COLOUR,)))
    assert arrays["grid"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(arrays["mean"][:, 1], [0.2, 0.4, 0.6], atol=1e-6)


@pytest.mark.parametrize("method", [partial_dependence, accumulated_local_effects])
def test_a_constant_column_is_refused(method):
    x = np.stack([np.arange(5), np.full(5, 7)], axis=1).astype(np.float32)
    model = made.Formula(lambda x: 0.5 + 0 * x[:, 0])
    with pytest.raises(ValueError, match="b has a single value in these rows"):
        method.explain(model, made.parts(x), method.Options(column="b"))


@pytest.mark.parametrize("method", [partial_dependence, accumulated_local_effects])
def test_an_unknown_column_is_refused_with_those_there_are(method):
    with pytest.raises(LookupError, match=r"no column 'z' that the model reads; there are a, b\."):
        method.explain(made.Formula(additive), made.parts(made.grid(3, 3)), method.Options(column="z"))


# ------------------------------------------------------------------------------------- accumulated local effects


def test_accumulated_local_effects_of_a_straight_line_are_that_line_around_zero():
    x = made.grid(21, 3)
    arrays, _ = accumulated_local_effects.explain(made.Formula(additive), made.parts(x))
    np.testing.assert_allclose(arrays["effect"][:, 1], 0.3 * arrays["grid"], atol=1e-6)
    np.testing.assert_allclose(arrays["effect"][:, 0], -0.3 * arrays["grid"], atol=1e-6)
    np.testing.assert_allclose(arrays["high"] - arrays["low"], 0, atol=1e-5)  # each row moves alike


def test_accumulated_local_effects_ask_only_about_rows_that_are_near():
    # b is always the same as a, and the model jumps where they differ: a partial dependence would see that jump
    a = np.linspace(-1, 1, 201, dtype=np.float32)
    x = np.stack([a, a], axis=1)
    model = made.Formula(lambda x: torch.where((x[:, 0] - x[:, 1]).abs() > 0.5, 0.9, 0.5 + 0.2 * x[:, 0]))
    arrays, _ = accumulated_local_effects.explain(model, made.parts(x))
    np.testing.assert_allclose(arrays["effect"][:, 1], 0.2 * arrays["grid"], atol=2e-3)


def test_the_band_is_wider_where_rows_differ():
    x = np.tile(made.grid(21, 3), (3, 1))
    arrays, _ = accumulated_local_effects.explain(made.Formula(common), made.parts(x))
    width = (arrays["high"] - arrays["low"])[:, 1]
    assert width[0] == 0 and width[-1] > 0.05 and (np.diff(width) >= 0).all()


def test_accumulated_local_effects_of_a_category_are_refused_with_another_method():
    x = np.array([[0, 1], [1, 2]], np.float32)
    parts = made.parts(x, columns=(COLOUR, Column("b", "number")))
    with pytest.raises(ValueError, match="colour is a category, whose values have no order; choose partial_dependence"):
        accumulated_local_effects.explain(
            made.Formula(additive), parts, accumulated_local_effects.Options(column="colour")
        )


# -------------------------------------------------------------------------------------------------- interactions


def test_what_adds_up_has_no_interaction_and_a_product_is_all_interaction():
    x = made.grid(5, 5)
    arrays, _ = interactions.explain(made.Formula(additive), made.parts(x))
    assert arrays["strength"][0, 1] == pytest.approx(0, abs=1e-4)
    arrays, record = interactions.explain(made.Formula(common), made.parts(x))
    assert arrays["strength"][0, 1] == arrays["strength"][1, 0] == pytest.approx(1, abs=1e-4)
    assert arrays["size"][0, 1] == pytest.approx(0.4 * 0.5, abs=1e-4)  # the mean square of -1, -.5, 0, .5, 1 is 0.5
    assert np.isnan(arrays["strength"][0, 0])
    assert (record["column"], record["other"]) == ("a", "b")


def test_the_surface_is_the_probability_at_both_values():
    options = interactions.Options(column="b", other="a")
    arrays, _ = interactions.explain(made.Formula(common), made.parts(made.grid(5, 3)), options)
    np.testing.assert_allclose(arrays["grid_1"], [-1, 0, 1])
    expected = 0.5 + 0.4 * arrays["grid_1"][:, None] * arrays["grid_2"][None]
    np.testing.assert_allclose(arrays["surface"], expected, atol=1e-6)


def test_the_pair_that_works_together_is_found_among_others():
    def formula(x):
        return 0.5 + 0.1 * x[:, 0] + 0.2 * x[:, 1] * x[:, 3] + 0.1 * x[:, 2]

    _, record = interactions.explain(made.Formula(formula), made.parts(made.grid(3, 3, 3, 3)))
    assert (record["column"], record["other"]) == ("b", "d")


def test_half_a_pair_and_a_single_column_are_refused():
    with pytest.raises(ValueError, match="An interaction is of two columns; name both"):
        interactions.explain(made.Formula(additive), made.parts(made.grid(3, 3)), interactions.Options(column="a"))
    with pytest.raises(ValueError, match="reads a single column"):
        interactions.explain(made.Formula(lambda x: 0.5 + 0.1 * x[:, 0]), made.parts(made.grid(3)))
