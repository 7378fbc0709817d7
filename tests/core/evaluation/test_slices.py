"""Slices in which a model fails more often, and those that a search must not report."""

import numpy as np
import pandas as pd
import pytest

from core import runs
from core.evaluation import filters, slices
from tests.core import toys


def people(n=2000, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "pay": rng.lognormal(size=n),
            "city": rng.choice(["Oslo", "Rome", "Paris", "Lima"], n),
            "sex": rng.choice(["female", "male"], n),
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n), "D"),
        }
    )
    table.loc[rng.random(n) < 0.1, "pay"] = np.nan
    return table


def some_wrong(table, where, share=0.3, seed=1, elsewhere=0.1):
    """Wrong at random everywhere, and on a share of the rows `where` besides."""
    rng = np.random.default_rng(seed)
    return (rng.random(len(table)) < elsewhere) | (where & (rng.random(len(table)) < share))


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (lambda t: t["city"] == "Rome", "city is Rome"),
        (lambda t: t["pay"].isna(), "pay is missing"),
    ],
)
def test_a_planted_slice_is_found_first(where, text):
    table = people()
    planted = where(table).to_numpy()
    found = slices.find(table, some_wrong(table, planted))
    assert found[0]["text"] == text
    assert found[0]["n"] == planted.sum()
    assert found[0]["error"]["low"] > found[0]["rest"]["high"]
    assert found[0]["p"] <= found[0]["q"] <= 0.05


def test_a_planted_pair_is_found_as_a_pair():
    table = people(4000)
    planted = ((table["city"] == "Rome") & (table["sex"] == "male")).to_numpy()
    found = slices.find(table, some_wrong(table, planted, 0.4))
    assert found[0]["text"] == "city is Rome and sex is male"
    assert [record["text"] for record in found[1:]] == []  # neither of its conditions says more by itself


def test_a_range_of_numbers_is_found_and_said_with_few_digits():
    table = people(4000)
    planted = (table["age"] < 26).to_numpy()
    found = slices.find(table, some_wrong(table, planted, 0.4))
    (condition,) = found[0]["where"]
    assert (condition["column"], condition["kind"], condition["low"]) == ("age", "between", None)
    assert abs(condition["high"] - 25) <= 1
    assert found[0]["text"] == f"age up to {condition['high']}"


def test_a_range_between_two_bounds_is_found_and_fits_the_same_rows_in_its_own_words():
    table = people(4000)
    for name in ("pay", "joined"):
        planted = ((table[name] > table[name].quantile(0.38)) & (table[name] < table[name].quantile(0.62))).to_numpy()
        found = slices.find(table, some_wrong(table, planted, 0.6))
        assert {condition["column"] for record in found for condition in record["where"]} == {name}
        for record in found:
            np.testing.assert_array_equal(slices.mask(table, record["where"]), filters.mask(table, record["filter"]))


def test_of_the_same_slice_in_two_columns_one_is_reported():
    table = people()
    table["country"] = table["city"].map({"Oslo": "Norway", "Rome": "Italy", "Paris": "France", "Lima": "Peru"})
    found = slices.find(table, some_wrong(table, (table["city"] == "Rome").to_numpy()))
    assert [record["text"] for record in found] == ["city is Rome"]


def test_shuffled_errors_give_hardly_ever_a_slice():
    reported = 0
    for seed in range(40):
        table = people(600, seed)
        wrong = np.random.default_rng(seed).permutation(np.arange(600) < 90)
        reported += bool(slices.find(table, wrong, seed=seed))
    assert reported <= 6  # 10% is 4; with a chance of 5% each, 7 or more of 40 come in 0.3% of all cases


def test_what_is_reported_fits_its_mask_its_filter_and_its_counts():
    table = people(4000)
    wrong = some_wrong(table, ((table["city"] == "Rome") & (table["pay"] > 1.5)).to_numpy(), 0.5)
    found = slices.find(table, wrong)
    assert found
    for record in found:
        inside = slices.mask(table, record["where"])
        assert (record["n"], record["n_wrong"]) == (inside.sum(), wrong[inside].sum())
        np.testing.assert_array_equal(filters.mask(table, record["filter"]), inside)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        (people(200), np.zeros(200, bool)),
        (people(200), np.ones(200, bool)),
        (people(0), np.zeros(0, bool)),
        (people(1), np.ones(1, bool)),
        (people(15), np.arange(15) < 5),
        (pd.DataFrame(index=range(100)), np.arange(100) < 30),
        (pd.DataFrame({"a": [None] * 100, "b": [np.nan] * 100, "c": ["x"] * 100}), np.arange(100) < 30),
        (pd.DataFrame({"a": [f"person {i}" for i in range(100)]}), np.arange(100) < 30),
    ],
)
def test_where_there_is_nothing_to_find_nothing_is_reported(table, wrong):
    assert slices.find(table, wrong) == []


def test_a_slice_of_few_samples_is_not_tried():
    table = people()
    table["rare"] = np.where(np.arange(2000) < 15, "yes", "no")
    assert slices.find(table, np.arange(2000) < 15) == []


def test_the_same_seed_gives_the_same_slices():
    table = people()
    wrong = some_wrong(table, (table["city"] == "Rome").to_numpy())
    assert slices.find(table, wrong, seed=3) == slices.find(table, wrong, seed=3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="The table has 20 rows and wrong has 19"):
        slices.find(people(20), np.zeros(19, bool))
    with pytest.raises(ValueError, match="rate is 0; it must lie between 0 and 1"):
        slices.find(people(20), np.zeros(20, bool), rate=0)


def test_false_discovery_rates_are_those_of_benjamini_and_hochberg():
    # of p 0.01, 0.02, 0.03, 0.5: 4 * 0.01, 4/2 * 0.02, 4/3 * 0.03, 0.5
    np.testing.assert_allclose(slices._adjusted(np.array([0.01, 0.02, 0.03, 0.5])), [0.04, 0.04, 0.04, 0.5])


def test_half_of_the_wrong_and_half_of_the_right_samples_are_on_each_side():
    wrong = np.arange(100) < 20
    first = slices._half(wrong, seed=0)
    assert (first.sum(), (first & wrong).sum()) == (50, 10)


def test_the_sentence_says_where_it_fails_or_that_nothing_is_sure():
    figure = {"value": 0.4, "low": 0.3, "high": 0.5}
    found = [{"text": "city is Rome", "error": figure, "rest": {"value": 0.1, "low": 0.08, "high": 0.12}}]
    assert slices.sentence(found, np.ones(9, bool), "row") == (
        "Wrong most surely where city is Rome: on 40.0% (30.0 to 50.0) of them, against 10.0% (8.0 to 12.0) elsewhere."
    )
    assert slices.sentence([], np.arange(90) < 5, "image") == (
        "No slice of 90 images is surely worse than the rest. With 5 mistakes only a strong pattern would show."
    )


def test_the_slices_of_a_run_come_with_its_samples(finished):
    found = slices.of_run(finished["breast_cancer"])
    assert len(found["table"]) == len(found["ids"]) == len(found["wrong"]) == 113
    np.testing.assert_array_equal(found["wrong"], found["y_true"] != found["y_pred"])
    assert found["sentence"].startswith(("No slice of 113 rows", "Wrong most surely"))
    images = slices.of_run(finished["digits"])
    assert list(images["table"].columns) == ["brightness", "contrast", "sharpness"]


def test_only_samples_of_a_class_are_looked_at_if_that_is_asked_for(finished):
    run = finished["breast_cancer"]
    name = runs.schema(run).classes[1]
    found = slices.of_run(run, of_class=name, y_pred=np.zeros(113, int))
    assert set(found["y_true"]) == {1}
    assert found["wrong"].all()
    with pytest.raises(LookupError, match="There is no class 'benigm'; there are"):
        slices.of_run(run, of_class="benigm")
    with pytest.raises(ValueError, match="There are 113 ids, 113 classes and 3 decisions"):
        slices.of_run(run, y_pred=np.zeros(3, int))


def test_samples_that_the_data_does_not_have_are_refused():
    with pytest.raises(ValueError, match="Sample row-99 is no longer in iris"):
        slices.of_samples(toys.table(), ["row-1", "row-99"], [0, 0], [0, 1])
