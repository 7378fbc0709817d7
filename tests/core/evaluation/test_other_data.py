"""A run judged on other data than its own."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from core import data, runs
from core.data import split
from core.data.dataset import Column, Dataset, Schema
from core.evaluation import other_data, slices
from tests.core import toys


def other(finished, **changes):
    """The rows of the breast cancer set under another name, changed."""
    given = runs.dataset(finished["breast_cancer"])
    return dataclasses.replace(given, **{"name": "elsewhere", **changes})


def test_figures_on_other_data_of_other_weights_are_not_shown(finished):
    run = finished["breast_cancer"]
    other_data.evaluate(run, other(finished))
    assert other_data.known(run) == ["elsewhere"]
    runs.write_status(run, best_epoch=99)  # it was resumed, and became better
    assert other_data.known(run) == []


def test_a_run_is_evaluated_on_data_that_it_never_saw(finished):
    run = finished["breast_cancer"]
    where = np.arange(100)
    given = other(finished)
    some = dataclasses.replace(
        given, table=given.table.iloc[where], targets=given.targets[where], ids=given.ids[where], about=given.about[:0]
    )
    record = other_data.evaluate(run, some)
    assert record["figures"]["n"] == 100
    assert other_data.known(run) == ["elsewhere"]
    assert other_data.read(run, "elsewhere")["figures"]["n_right"] == record["figures"]["n_right"]
    ids, _, logits = runs.predictions(run, "on-elsewhere")
    mine, _, said = runs.predictions(run, "test")
    both = np.intersect1d(ids, mine)  # the same rows get the same answer
    np.testing.assert_allclose(
        logits[np.isin(ids, both)],
        said[np.argsort(mine)][np.searchsorted(np.sort(mine), ids[np.isin(ids, both)])],
        atol=1e-5,
    )


def test_classes_in_another_order_are_the_same_classes(finished):
    run, given = finished["breast_cancer"], other(finished)
    turned = dataclasses.replace(given, classes=given.classes[::-1], targets=1 - given.targets)
    one, two = (other_data.evaluate(run, data)["figures"]["n_right"] for data in (given, turned))
    assert one == two


def test_data_without_a_column_is_refused(finished):
    given = other(finished)
    first = given.columns[0].name
    less = dataclasses.replace(given, table=given.table.drop(columns=first), columns=given.columns[1:])
    with pytest.raises(ValueError, match=f"elsewhere has no column {first}; the run needs each of its columns"):
        other_data.evaluate(finished["breast_cancer"], less)


def test_data_with_a_class_that_the_run_does_not_know_is_refused(finished):
    with pytest.raises(ValueError, match="classes that the run does not know \\(strange\\)"):
        other_data.evaluate(finished["breast_cancer"], other(finished, classes=("strange", "benign")))


def test_images_for_a_run_on_a_table_are_refused(finished):
    with pytest.raises(ValueError, match="The run is for tables but digits has images"):
        other_data.evaluate(finished["breast_cancer"], data.get("digits"))


def test_an_evaluation_that_was_not_made_is_said_with_the_command(finished):
    with pytest.raises(LookupError, match="was not evaluated on nothing; do so: python -m core evaluate"):
        other_data.read(finished["digits"], "nothing")


@pytest.mark.parametrize("name", ["elsewhere", "train", "test"])
def test_rows_that_the_run_was_trained_on_are_said_and_the_accuracy_without_them(finished, name):
    run, given = finished["breast_cancer"], other(finished, name=name)
    parts = split.load(runs.path(run, "split.parquet"), given.ids)
    where = np.concatenate([parts["train"][:40], parts["test"][:60]])
    some = dataclasses.replace(
        given, table=given.table.iloc[where], targets=given.targets[where], ids=given.ids[where], about=given.about[:0]
    )
    record = other_data.evaluate(run, some)
    twins = record["twins"]
    assert twins["n_twins"] == 40
    assert twins["pairs"][0] == [given.ids[where[0]]] * 2
    assert twins["sentence"].startswith(f"40 of 100 rows of {name} have a near twin in training; without them")
    assert twins["accuracy"] == record["figures"]["metrics"]["accuracy"]
    ids, y_true, logits = runs.predictions(run, "test")
    right = dict(zip(ids, logits.argmax(axis=1) == y_true))
    assert twins["accuracy_without"]["value"] == np.mean([right[one] for one in given.ids[parts["test"][:60]]])
    assert other_data.read(run, name)["twins"] == twins


def test_pictures_of_two_sets_are_compared_without_reading_them_all(finished):
    run = finished["digits"]
    given = runs.dataset(run)
    train = split.load(runs.path(run, "split.parquet"), given.ids)["train"]
    images = np.concatenate([255 - given.images[:5], given.images[train[:3]]])
    strange = dataclasses.replace(
        given,
        name="strange",
        images=images,
        targets=np.zeros(8, int),
        ids=np.arange(8).astype(str),
        about=given.about[:0],
    )
    twins = other_data.evaluate(run, strange)["twins"]
    assert twins["pairs"] == [[str(5 + i), given.ids[train[i]]] for i in range(3)]
    larger = dataclasses.replace(strange, images=images.repeat(2, axis=2).repeat(2, axis=3))
    twins = other_data.evaluate(run, larger)["twins"]
    assert twins["n_twins"] is None
    assert twins["sentence"].endswith(
        "is not known: its images are stored with other sides or values than those of training."
    )


def test_without_the_split_of_the_run_its_rows_are_not_known(finished):
    run, given = finished["breast_cancer"], other(finished)
    runs.path(run, "split.parquet").unlink()
    twins = other_data.evaluate(run, given)["twins"]
    assert (twins["n_twins"], twins["pairs"]) == (None, [])
    assert twins["sentence"] == "Whether the run was trained on any of it is not known: its data or its split is gone."


WARDS = Schema("table", (2,), ("no", "yes"), (Column("ward", "category", ("1", "2")), Column("age", "number")))


def wards(ward, age=(30.0, 40.0, 50.0, 60.0)):
    frame = pd.DataFrame({"ward": ward, "age": age})
    columns = (Column("ward", "number"), Column("age", "number"))
    ids, targets = np.array(["a", "b", "c", "d"]), np.array([0, 1, 0, 1])
    return Dataset("may", "table", targets, ("no", "yes"), ids, "", "", table=frame, columns=columns)


def test_a_column_of_numbers_that_is_categories_to_the_run_is_read_as_such():
    made = other_data.fitted(WARDS, wards([1.0, 2.0, np.nan, 3.0]))
    assert made.x[:, 0].tolist() == [0, 1, -1, -1]
    assert other_data._unseen(made) == [{"column": "ward", "share": 1 / 3, "example": "3"}]


def test_values_that_the_run_does_not_know_are_said():
    record = {"unseen": [{"column": "ward", "share": 1 / 3, "example": "3"}]}
    assert other_data.unseen_sentence(record) == (
        "Values that were not seen in training count as missing: ward (33.3%, such as '3')."
    )
    assert other_data.unseen_sentence({"unseen": []}) == other_data.unseen_sentence({}) == ""


def test_text_where_the_run_needs_numbers_is_refused():
    with pytest.raises(ValueError, match="The column age of may does not hold numbers, which the run needs there"):
        other_data.fitted(WARDS, wards(["1", "2", "1", "2"], ["old", "young", "old", "old"]))


def test_slices_are_found_in_other_data_as_it_was(finished):
    run, given = finished["breast_cancer"], other(finished)
    other_data.evaluate(run, data.store.put(given))
    found = slices.of_run(run, "on-elsewhere")
    assert len(found["table"]) == len(found["wrong"]) == 569
    data.store.put(dataclasses.replace(given, targets=np.roll(given.targets, 1)))
    assert slices.of_run(run, "on-elsewhere")["sentence"] == found["sentence"]
    data.store.delete("elsewhere")
    assert other_data.dataset(run, "elsewhere").name == "breast_cancer"  # which has the same content
    data.store.delete("breast_cancer")
    with pytest.raises(ValueError, match="The data set elsewhere is not there any more as run"):
        slices.of_run(run, "on-elsewhere")


def test_sets_are_offered_that_the_run_can_be_asked_about(finished):
    run, given = finished["breast_cancer"], other(finished)
    data.store.put(given)
    assert other_data.possible(run) == []  # the same content
    fewer = dataclasses.replace(given, targets=np.roll(given.targets, 1))
    data.store.put(fewer)
    first = given.columns[0].name
    unknown = [
        dataclasses.replace(given, name="less", table=given.table.drop(columns=first), columns=given.columns[1:]),
        dataclasses.replace(given, name="words", classes=("strange", "benign")),
        toys.images(),
    ]
    for one in unknown:
        data.store.put(one)
    (data.store.folder("damaged") / "0").mkdir(parents=True)
    assert other_data.possible(run) == ["elsewhere"]


def test_another_version_of_the_data_of_a_run_is_offered_and_called_so(finished):
    run = finished["breast_cancer"]
    own = data.store.put(runs.dataset(run))
    assert other_data.possible(run) == []
    other_data.evaluate(run, own)
    assert other_data.title(run, "breast_cancer") == "breast_cancer, all of it"
    runs.path(run, "predictions", "on-breast_cancer.json").write_text("{")  # no reason not to show the list
    data.store.put(dataclasses.replace(own, targets=np.roll(own.targets, 1)))
    assert other_data.possible(run) == ["breast_cancer"]
    assert other_data.title(run, "breast_cancer") == "breast_cancer, another version"
    assert other_data.title(run, "elsewhere") == "elsewhere"
    assert other_data.evaluate_named(run, "breast_cancer")["twins"]["n_twins"] > 0
    assert runs.dataset(run).fingerprint == own.fingerprint != other_data.dataset(run, "breast_cancer").fingerprint


def test_a_record_of_data_that_has_changed_since_is_not_current(finished):
    run, given = finished["breast_cancer"], other(finished)
    record = other_data.evaluate(run, data.store.put(given))
    assert other_data.is_current(record)
    data.store.put(dataclasses.replace(given, targets=np.roll(given.targets, 1)))
    assert not other_data.is_current(record)
    data.store.delete("elsewhere")
    assert other_data.is_current(record)


def test_a_run_that_pools_folds_is_asked_fold_by_fold(finished, monkeypatch):
    monkeypatch.setattr(other_data.folds, "members", lambda _: ["2026-01-01-one-fold"])
    with pytest.raises(ValueError, match="pools folds, each with a net of its own; evaluate one of them"):
        other_data.evaluate(finished["breast_cancer"], other(finished))
    assert other_data.possible(finished["breast_cancer"]) == []
