"""Accuracy without the test samples that have a twin in training."""

import dataclasses

import numpy as np
import pytest

from core import runs
from core.evaluation import leaks
from tests.core import toys


def scenes(n, seed=0, side=32):
    """Smooth pictures, all different."""
    coarse = np.random.default_rng(seed).integers(20, 220, (n, 1, 8, 8), dtype=np.uint8)
    return coarse.repeat(side // 8, axis=2).repeat(side // 8, axis=3)


def pictures(images):
    n = len(images)
    return dataclasses.replace(
        toys.images(n=2),
        images=images,
        targets=np.arange(n) % 2,
        ids=np.array([f"image-{i:03d}" for i in range(n)]),
    )


def positions(n_train, n):
    return {"train": np.arange(n_train), "test": np.arange(n_train, n)}


def test_a_planted_leak_of_images_is_found_and_the_corrected_accuracy_is_true():
    rng = np.random.default_rng(0)
    images = scenes(400)
    images[200:260] = images[:60] + 8  # a little brighter
    images[260:300] = images[60:100]  # the same
    some = pictures(images)
    where = positions(200, 400)
    y_true = some.targets[where["test"]]
    right = np.where(np.arange(200) < 100, True, rng.random(200) < 0.7)  # it knows by heart what it has seen
    found = leaks.without_twins(some, where, y_true, np.where(right, y_true, 1 - y_true))
    assert found["n_twins"] == 100
    assert found["pairs"][0] == ["image-200", "image-000"]
    assert found["accuracy_without"]["low"] <= 0.7 <= found["accuracy_without"]["high"]
    assert found["accuracy"]["low"] > 0.75
    assert found["sentence"].startswith("100 of 200 test images have a near twin in training; without them accuracy is")


def test_copies_within_the_test_part_share_their_twin():
    images = scenes(60)
    images[50:] = images[3] + 4
    found = leaks.without_twins(pictures(images), positions(40, 60), np.zeros(20, int), np.zeros(20, int))
    assert found["n_twins"] == 10
    assert {pair[1] for pair in found["pairs"]} == {"image-003"}


def test_twins_within_training_or_within_the_test_part_are_no_leak():
    images = scenes(60)
    images[1] = images[0]
    images[51] = images[50] + 4
    found = leaks.without_twins(pictures(images), positions(40, 60), np.zeros(20, int), np.zeros(20, int))
    assert found["n_twins"] == 0
    assert found["accuracy"] == found["accuracy_without"]
    assert found["sentence"] == "No test image has a near twin in training."


def test_of_small_images_exact_copies_are_found():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None].repeat(4, 2).repeat(4, 3)
    images[9] = images[0]
    found = leaks.without_twins(pictures(images), positions(8, 10), np.zeros(2, int), np.zeros(2, int))
    assert found["pairs"] == [["image-009", "image-000"]]
    assert found["sentence"].endswith("Images this small are compared for exact copies only.")


def test_rows_equal_in_all_but_the_target_are_twins():
    rows = toys.table(n=12)
    for name in ("a", "colour", "b"):
        rows.table.loc[10, name] = rows.table.loc[3, name]
    found = leaks.without_twins(rows, positions(10, 12), np.array([0, 1]), np.array([1, 1]))
    assert found["pairs"] == [["row-10", "row-3"]]
    assert (found["accuracy"]["value"], found["accuracy_without"]["value"]) == (0.5, 1.0)
    assert found["sentence"].startswith("1 of 2 test rows has a near twin in training")


def test_where_all_have_a_twin_nothing_is_known():
    images = scenes(20)
    images[10:] = images[:10]
    found = leaks.without_twins(pictures(images), positions(10, 20), np.zeros(10, int), np.zeros(10, int))
    assert found["accuracy_without"] == {"value": None, "low": None, "high": None}
    assert found["sentence"].endswith("so how good the model is on new ones is not known.")


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="The test part has 2 samples, y_true 3 and y_pred 2"):
        leaks.without_twins(toys.table(n=12), positions(10, 12), np.zeros(3, int), np.zeros(2, int))


def test_the_answer_for_a_run_is_kept_until_it_is_evaluated_anew(finished, monkeypatch):
    run = finished["breast_cancer"]
    first = leaks.of_run(run)
    _, y_true, logits = runs.predictions(run, "test")
    assert (first["n"], first["accuracy"]["value"]) == (113, (logits.argmax(axis=1) == y_true).mean())
    monkeypatch.setattr(leaks, "without_twins", lambda *_: {"n": 0})
    assert leaks.of_run(run) == first
    runs.path(run, "leaks-test.json").write_text("{")
    assert leaks.of_run(run)["n"] == 0
