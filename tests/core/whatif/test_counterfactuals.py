"""Counterfactuals of models whose decisions are known by hand."""

import json

import numpy as np
import pytest

from core.data.dataset import Column, Schema
from core.whatif import counterfactuals
from core.whatif.counterfactuals import Wish

AB = (Column("a", "number"), Column("b", "number"))
HOUSE = (
    Column("rooms", "number"),
    Column("town", "category", ("Ely", "Bath", "York"), missing=True),
    Column("price", "number", missing=True),
    Column("sold", "date"),
)


def schema_of(columns, classes=("no", "yes")):
    return Schema("table", (len(columns),), classes, columns)


def says(*scores):
    """A model of as many classes as there are functions of rows, which give their logits."""

    def predict(x):
        logits = np.stack([np.broadcast_to(score(x.astype(float)), len(x)) for score in scores], axis=1)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    return predict


def yes_if(function):
    """A model that says yes where the function is above 0."""
    return says(lambda x: np.zeros(len(x)), function)


NEVER = yes_if(lambda x: 0 * x[:, 0] - 1)


def surest(y_prob):
    return y_prob.argmax(axis=1)


def numbers(n=200, seed=0, columns=2):
    return np.random.default_rng(seed).integers(0, 11, (n, columns)).astype(np.float32)


def houses(n=300, seed=0):
    rng = np.random.default_rng(seed)
    price = np.where(rng.random(n) < 0.2, np.nan, rng.integers(50, 500, n))
    columns = [rng.integers(1, 9, n), rng.integers(-1, 2, n), price, rng.integers(15_000, 19_000, n)]
    return np.stack(columns, axis=1).astype(np.float32)  # nobody lives in York


def find(predict, x, columns=AB, reference=None, decide=surest, classes=("no", "yes"), **wish):
    reference = numbers(columns=len(columns)) if reference is None else reference
    x = np.array(x, np.float32)
    return counterfactuals.find(predict, x, schema_of(columns, classes), reference, Wish(**wish), decide)


# ---------------------------------------------------------------------------------------------------- the smallest


def test_a_number_moves_to_the_nearest_seen_value_that_flips_the_decision():
    found = find(yes_if(lambda x: x[:, 0] - 6.5), [2, 3])
    assert found["changes"][0] == [("a", 2, 7)]
    assert found["sentence"] == "The model would say yes if a were 7 instead of 2."
    found = find(yes_if(lambda x: x[:, 0] - 6.5), [2, 3], reference=numbers()[numbers()[:, 0] != 7])
    assert found["changes"][0] == [("a", 2, 8)]  # nobody has 7


def test_the_way_down_is_as_short_as_the_way_up():
    assert find(yes_if(lambda x: 2.5 - x[:, 0]), [9, 3])["changes"][0] == [("a", 9, 2)]


def test_among_many_values_the_nearest_one_is_still_found():
    reference = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    found = find(yes_if(lambda x: x[:, 0] - 0.777), [-1.0, 0.0], reference=reference, fixed=("b",))
    assert found["rows"][0, 0] == reference[reference[:, 0] > 0.777, 0].min()


def test_where_one_column_is_not_enough_two_are_changed_and_no_more():
    columns = (*AB, Column("c", "number"))
    found = find(yes_if(lambda x: np.minimum(x[:, 0], x[:, 1]) - 7.5), [1, 2, 3], columns)
    assert found["changes"] == [[("a", 1, 8), ("b", 2, 8)]]


def test_no_change_can_be_taken_back():
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(6, 8))
    predict = yes_if(lambda x: np.tanh((x - 5) @ weight / 6) @ np.linspace(-1, 1, 8) - 0.4)
    columns = tuple(Column(f"x{j}", "number") for j in range(6))
    reference = numbers(400, columns=6)
    for x in reference[:20]:
        found = find(predict, x, columns, reference)
        for row, changed in zip(found["rows"], found["changed"]):
            assert found["said"][0] != surest(predict(x[None]))[0]
            for j in np.flatnonzero(changed):
                back = row.copy()
                back[j] = x[j]
                assert surest(predict(back[None]))[0] == surest(predict(x[None]))[0]


def test_two_columns_that_can_each_do_it_are_two_ways():
    found = find(yes_if(lambda x: np.maximum(x[:, 0], x[:, 1]) - 8.5), [5, 5])
    assert {changes[0][0] for changes in found["changes"][:2]} == {"a", "b"}
    assert all(len(changes) == 1 for changes in found["changes"][:2])


def test_at_most_as_many_ways_as_are_wanted_come_back():
    columns = tuple(Column(f"x{j}", "number") for j in range(6))
    predict = yes_if(lambda x: x.max(axis=1) - 8.5)
    for most in (1, 3):
        assert len(find(predict, [5] * 6, columns, most=most)["rows"]) == most


# ---------------------------------------------------------------------------------------------------- what is asked


def test_fixed_columns_and_directions_are_kept():
    predict = yes_if(lambda x: np.abs(x[:, 0] - 5) + np.abs(x[:, 1] - 5) - 3.5)
    for wish in ({"fixed": ("a",)}, {"up": ("a",), "fixed": ("b",)}, {"down": ("a", "b")}, {"up": ("a",)}):
        found = find(predict, [5, 5], **wish)
        change = found["rows"] - 5
        assert len(change)
        for j, name in enumerate("ab"):
            assert name not in wish.get("fixed", ()) or (change[:, j] == 0).all()
            assert name not in wish.get("up", ()) or (change[:, j] >= 0).all()
            assert name not in wish.get("down", ()) or (change[:, j] <= 0).all()


def test_the_wanted_class_is_reached_past_a_nearer_one():
    predict = says(lambda x: -np.abs(x[:, 0] - 2), lambda x: -np.abs(x[:, 0] - 5), lambda x: -np.abs(x[:, 0] - 9))
    classes = ("low", "middle", "high")
    assert find(predict, [2, 0], classes=classes)["changes"][0] == [("a", 2, 4)]
    found = find(predict, [2, 0], classes=classes, target="high")
    assert found["changes"][0] == [("a", 2, 8)]
    assert found["sentence"] == "The model would say high if a were 8 instead of 2."


def test_the_decision_is_that_of_the_operating_point_not_the_surest_class():
    predict = yes_if(lambda x: x[:, 0] - 4.5)
    careful = find(predict, [2, 3], decide=lambda y_prob: (y_prob[:, 1] > 0.95).astype(int))
    assert careful["changes"][0] == [("a", 2, 8)]  # 1 / (1 + exp(-3.5)) is 0.97
    silent = find(predict, [2, 3], decide=lambda y_prob: np.where(y_prob.max(axis=1) < 0.99, -1, y_prob.argmax(axis=1)))
    assert (silent["said"] == 1).all()  # where nothing is said, nothing was decided


# ---------------------------------------------------------------------------------------------------- what was seen


def test_categories_and_missing_values_are_those_of_the_training_rows():
    wanted = {"York": 2.0, "Ely": 0.0}
    predict = yes_if(lambda x: np.where(x[:, 1] == wanted["York"], 1, -1))
    found = find(predict, [3, 1, 100, 16_000], HOUSE, houses())
    assert not found["changes"]
    assert found["sentence"].startswith("No change of up to 4 columns, within what the training data holds, was found")
    predict = yes_if(lambda x: np.where(np.isnan(x[:, 2]), 1, -1))
    assert find(predict, [3, 1, 100, 16_000], HOUSE, houses())["changes"][0] == [("price", 100, None)]
    whole = houses()[~np.isnan(houses()[:, 2])]
    assert not find(predict, [3, 1, 100, 16_000], HOUSE, whole)["changes"]


def test_a_missing_value_can_become_one():
    predict = yes_if(lambda x: np.nan_to_num(x[:, 2] - 200, nan=-1))
    found = find(predict, [3, 1, np.nan, 16_000], HOUSE, houses())
    (change,) = found["changes"][0]
    assert change[:2] == ("price", None) and change[2] > 200
    assert not find(predict, [3, 1, np.nan, 16_000], HOUSE, houses(), up=("price",))["changes"]  # up from where?


def test_every_new_value_was_seen_and_the_answer_is_plain_json():
    weight = np.array([0.5, 2.0, 0.01, -0.002])
    predict = yes_if(lambda x: np.nan_to_num(x, nan=-300) @ weight + 29)
    reference = houses()
    for x in reference[:30]:
        found = find(predict, x, HOUSE, reference)
        for row, changed, changes in zip(found["rows"], found["changed"], found["changes"]):
            for j in np.flatnonzero(changed):
                assert row[j] in reference[:, j] or np.isnan(row[j])
            assert [name for name, *_ in changes] == [HOUSE[j].name for j in np.flatnonzero(changed)]
            assert json.loads(json.dumps(changes)) == [list(change) for change in changes]


def test_values_are_written_as_a_person_does():
    x = np.array([3, 1, 0.1, 15_000.5], np.float32)
    row = np.array([4, -1, np.nan, 15_001], np.float32)
    assert counterfactuals.described(schema_of(HOUSE), x, row) == [
        ("rooms", 3, 4), ("town", "Bath", None), ("price", 0.1, None), ("sold", "2011-01-26 12:00", "2011-01-27"),
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------- no way


def test_a_model_that_always_says_the_same_has_no_way_and_says_what_was_tried():
    found = find(NEVER, [2, 3])
    assert found["rows"].shape == (0, 2) and found["y_prob"].shape == (0, 2) and found["changes"] == []
    assert found["sentence"].startswith("No change of up to 2 columns, ")
    assert f"asked about {found['asked']:,} changed rows" in found["sentence"]


def test_with_every_column_fixed_nothing_may_change():
    found = find(yes_if(lambda x: x[:, 0] - 6.5), [2, 3], fixed=("a", "b"))
    assert found["sentence"].startswith("Nothing may change: every column is fixed")


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"fixed": ("age",)}, LookupError, "There is no column 'age' that the model reads; there are rooms, town"),
        ({"up": ("town",)}, ValueError, "town is a category, which has no up or down"),
        ({"target": "maybe"}, LookupError, "There is no class 'maybe'; there are no, yes"),
        ({"target": "no"}, ValueError, "The model says no already; choose another class"),
        ({"most": 0}, ValueError, "0 ways are wanted; ask for 1 to 20"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish, error, words):
    with pytest.raises(error, match=words):
        find(NEVER, [3, 1, 100, 16_000], HOUSE, houses(), **wish)


def test_without_training_rows_it_is_refused():
    with pytest.raises(ValueError, match="There are no training rows"):
        find(NEVER, [2, 3], reference=np.zeros((0, 2), np.float32))
