"""Evaluation of a run, and what its figures say in words."""

import dataclasses

import numpy as np
import pytest

from core import config, data, evaluation, runs
from core.evaluation import metrics


def sentence(confusion, thing="image"):
    """The sentence for counts of true by predicted class a, b, ..."""
    confusion = np.array(confusion)
    classes = tuple("abcdef"[: len(confusion)])
    n, n_right = int(confusion.sum()), int(np.trace(confusion))
    return evaluation.sentence(
        {
            "n": n,
            "n_right": n_right,
            "classes": list(classes),
            "accuracy": metrics.proportion(n_right, n),
            "confusion": confusion.tolist(),
            "per_class": metrics.class_table(confusion, classes),
        },
        thing,
    )


def test_a_few_samples_are_called_too_few():
    assert sentence([[14, 1], [2, 12]]) == (
        "Right on 26 of 29 test images: too few to say how good it is. Most frequent mistake: b taken for a, twice."
    )


def test_thirty_samples_are_enough_for_an_interval():
    # 27 of 30: Wilson's interval by hand is (0.9 + 0.0640 +- 1.96 sqrt(0.09/30 + 0.00107)) / 1.128
    assert sentence([[15, 0], [3, 12]], "row") == (
        "Right on 27 of 30 test rows: 90.0% (74.4 to 96.5). Most frequent mistake: b taken for a, 3 times."
    )


def test_no_mistake_is_said_as_not_seen():
    assert sentence([[20, 0], [0, 20]]).endswith(" No mistake was seen.")


def test_one_mistake_is_named():
    assert sentence([[20, 1], [0, 20]]).endswith(" Its one mistake: a taken for b.")


def test_single_mistakes_are_not_called_frequent():
    assert sentence([[20, 1], [1, 20]]).endswith(" No mistake was made twice.")


def test_a_model_that_always_answers_the_majority_is_called_no_better():
    assert sentence([[30, 0], [10, 0]]).endswith(" No better than always answering a.")


def test_a_model_that_is_worse_than_the_majority_is_called_no_better():
    assert sentence([[0, 10], [10, 30]]).endswith(" No better than always answering b.")


def test_one_more_than_the_majority_is_better():
    assert "No better" not in sentence([[30, 0], [9, 1]])


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_a_finished_run_has_figures_of_the_stored_predictions(finished, name):
    record = runs.evaluation(finished[name])
    for part in ("val", "test"):
        _, targets, logits = runs.predictions(finished[name], part)
        expected = metrics.figures(targets, metrics.softmax(logits), runs.schema(finished[name]).classes)
        for key in ("n", "n_right", "classes", "accuracy", "confusion", "per_class", "macro"):
            assert record[part][key] == expected[key]
        for key in ("auroc", "average_precision"):
            assert record[part][key]["per_class"] == pytest.approx(expected[key]["per_class"])


def test_evaluating_again_gives_the_same_figures(finished):
    run = finished["digits"]
    before = runs.evaluation(run)
    after = evaluation.evaluate(run)
    assert runs.evaluation(run)["epoch"] == before["epoch"]
    assert [after[part]["confusion"] for part in ("val", "test")] == [before[p]["confusion"] for p in ("val", "test")]


def test_the_stored_figures_are_those_of_the_best_epoch(finished):
    run = finished["digits"]
    record, rows = runs.evaluation(run), runs.history(run)
    assert record["epoch"] == min(rows, key=lambda row: row["val_loss"])["epoch"]
    assert record["val"]["accuracy"]["value"] == rows[record["epoch"] - 1]["val_accuracy"]


def test_test_samples_are_none_of_those_trained_on(finished):
    from core.data import split

    run = finished["digits"]
    positions = split.load(runs.path(run, "split.parquet"), data.get("digits").ids)
    trained = set(data.get("digits").ids[np.r_[positions["train"], positions["val"]]])
    assert not trained & set(runs.predictions(run, "test")[0])


def test_the_headline_is_the_test_accuracy_and_how_many():
    record = {"test": {"accuracy": {"value": 0.5, "low": 0.1, "high": 0.9}, "n": 4, "more": 1}}
    assert evaluation.headline(record) == {"test_accuracy": {"value": 0.5, "low": 0.1, "high": 0.9}, "test_n": 4}


def test_a_run_that_never_trained_is_refused_with_what_to_do():
    run = runs.create(config.suggest(data.get("iris")), data.get("iris").schema, "")
    with pytest.raises(LookupError, match=f"Run {run} has no trained weights yet"):
        evaluation.evaluate(run)


def test_a_damaged_split_is_named(finished):
    runs.path(finished["digits"], "split.parquet").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"split\.parquet"):
        evaluation.evaluate(finished["digits"])


def test_a_run_is_evaluated_on_the_version_it_was_trained_on(finished):
    before = evaluation.evaluate(finished["breast_cancer"])
    given = data.get("breast_cancer")
    data.store.put(dataclasses.replace(given, table=given.table * 2, targets=1 - given.targets))
    assert evaluation.evaluate(finished["breast_cancer"])["test"]["n_right"] == before["test"]["n_right"]
