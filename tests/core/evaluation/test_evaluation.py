"""Evaluation of a run, and what its figures say in words."""

import dataclasses

import numpy as np
import pytest

from core import config, data, evaluation, runs
from core.evaluation import intervals, metrics, summary


def sentence(confusion, thing="image", names="abcdef"):
    """The sentence for counts of true by predicted class a, b, ..."""
    confusion = np.array(confusion)
    classes = tuple(names[: len(confusion)])
    n, n_right = int(confusion.sum()), int(np.trace(confusion))
    return evaluation.sentence(
        {
            "n": n,
            "n_right": n_right,
            "classes": list(classes),
            "metrics": {"accuracy": intervals.proportion(n_right, n)},
            "confusion": confusion.tolist(),
            "per_class": summary.class_table(confusion, classes),
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


def test_classes_that_are_numbers_are_called_classes():
    said = sentence([[15, 0], [3, 12]], "row", "01")
    assert said.endswith(" Most frequent mistake: class 1 taken for class 0, 3 times.")
    assert sentence([[30, 0], [10, 0]], "row", "01").endswith(" No better than always answering class 0.")


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
        expected = summary.figures(targets, metrics.softmax(logits), runs.schema(finished[name]).classes)
        for key in ("n", "n_right", "classes", "confusion"):
            assert record[part][key] == expected[key]
        for key, figure in expected["metrics"].items():
            assert record[part]["metrics"][key] == pytest.approx(figure), key


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
    assert record["val"]["metrics"]["accuracy"]["value"] == rows[record["epoch"] - 1]["val_accuracy"]


def test_test_samples_are_none_of_those_trained_on(finished):
    from core.data import split

    run = finished["digits"]
    positions = split.load(runs.path(run, "split.parquet"), data.get("digits").ids)
    trained = set(data.get("digits").ids[np.r_[positions["train"], positions["val"]]])
    assert not trained & set(runs.predictions(run, "test")[0])


def test_the_headline_is_the_test_accuracy_and_how_many():
    record = {"test": {"metrics": {"accuracy": {"value": 0.5, "low": 0.1, "high": 0.9}}, "n": 4, "more": 1}}
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


def test_figures_of_other_weights_are_none(finished):
    run = finished["breast_cancer"]
    before = runs.evaluation(run)
    runs.write_status(run, best_epoch=99)  # it was resumed, and became better
    assert runs.evaluation(run) is None
    runs.path(run, "checkpoints", "best.pt").unlink()  # to save room: then nothing is known of other weights
    assert runs.evaluation(run) == before


def test_a_record_of_an_older_version_is_none(finished):
    run = finished["digits"]
    runs.write_json(runs.path(run, "evaluation.json"), {**runs.evaluation(run), "format": 1})
    assert runs.evaluation(run) is None


def test_the_logits_kept_of_each_epoch_are_those_that_history_tells_of(finished):
    run = finished["digits"]
    _, targets, logits = runs.epochs(run)
    rows = runs.history(run)
    assert len(logits) == len(rows)
    for row, said in zip(rows, logits):
        assert np.mean(said.argmax(axis=1) == targets) == pytest.approx(row["val_accuracy"])
