"""`python -m core compare` and `python -m core note`."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from core import cli, config, evaluation, notes, runs
from tests.core import toys


def make(wrong: int, n=200, **settings) -> str:
    """A finished run with figures, wrong on the first so many of n samples."""
    run = runs.create(config.suggest(toys.table(), **settings), toys.table().schema, "f00d")
    targets = np.arange(n) % 2
    logits = np.eye(2, dtype=np.float32)[np.where(np.arange(n) < wrong, 1 - targets, targets)] * 3
    for part in ("val", "test"):
        runs.write_predictions(run, part, np.arange(n).astype(str), targets, logits)
    record = evaluation.recorded(run, {"epoch": 1, "pixels": "stored"})
    runs.write_status(run, state="done", **evaluation.headline(record))
    return run


def command(*words) -> str:
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_comparison_is_a_table_and_a_sentence():
    a, b = make(40), make(2, lr=0.01)
    out = command("compare", a, b[11:])
    for words in ("training.lr", "0.003", "0.01", "Accuracy", "80.0%", "Log loss", "is better than"):
        assert words in out


def test_json_has_verdicts_settings_and_metrics():
    a, b, c = make(40), make(2, lr=0.01), make(40, lr=0.02)
    found = json.loads(command("compare", a, b, c, "--metric", "f1_macro", "--margin", "0.02", "--json"))
    assert [one["answer"] for one in found["verdicts"]] == ["better", "equivalent"]
    assert found["differing"] == [{"setting": "training.lr", "values": [0.003, 0.01, 0.02]}]
    assert found["metrics"][a]["accuracy"]["value"] == 0.8 and found["runs"] == [[a], [b], [c]]


def test_seeds_are_taken_along_on_request():
    a, b = ([make(wrong + i, seed=i, lr=lr) for i in range(3)] for wrong, lr in ((40, 0.1), (2, 0.2)))
    found = json.loads(command("compare", a[0], b[0], "--seeds", "--json"))
    assert [sorted(side) for side in found["runs"]] == [sorted(a), sorted(b)]
    assert found["verdicts"][0]["method"] == "t over seeds and samples"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [((), "A comparison needs two runs"), (("--part", "train"), "it must be test or val")],
)
def test_what_cannot_be_compared_is_a_sentence(words, sentence):
    with pytest.raises(ValueError, match=sentence):
        command("compare", make(3), *words)


def test_notes_are_written_and_shown():
    run = make(3)
    out = command("note", run, "--title", "Wide", "--tag", "a", "--tag", "b c", "--star", "--note", "Good.")
    assert notes.read(run) == notes.Notes("Wide", ("a", "b c"), "Good.", True)
    assert all(word in out for word in ("Wide", "a, b c", "Good.", "yes"))
    command("note", run, "--untag", "a", "--no-star", "--archive")
    assert notes.read(run) == notes.Notes("Wide", ("b c",), "Good.", False, True)
    assert "b c" in command("note", run)


# ---------------------------------------------------------------------------------------------------- evaluate, slices


def test_evaluate_prints_every_metric_that_is_defined(finished):
    said = command("evaluate", finished["digits"])
    assert "Balanced accuracy" in said and "Matthews correlation" in said and "Right on" in said


def test_evaluate_on_other_data_as_json(finished):
    facts = json.loads(command("evaluate", finished["breast_cancer"], "--data", "breast_cancer", "--json"))
    assert (facts["n"], facts["run"]) == (569, finished["breast_cancer"])
    assert set(facts["metrics"]["accuracy"]) == {"value", "low", "high"}


def test_samples_of_other_data_are_not_called_those_of_the_test(finished):
    said = command("evaluate", finished["breast_cancer"], "--data", "breast_cancer")
    assert " of 569 rows: " in said and "test row" not in said


def test_slices_are_a_sentence_and_json(finished):
    run = finished["breast_cancer"]
    assert "No slice of 113 rows is surely worse than the rest." in command("slices", run)
    assert json.loads(command("slices", run, "--json"))["slices"] == []


def test_slices_of_a_part_that_is_none_are_refused(finished):
    result = CliRunner().invoke(cli.app, ["slices", finished["digits"], "--part", "train"])
    assert "it must be test or val" in str(result.exception)
