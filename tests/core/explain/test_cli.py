"""`python -m core explain`, as a person uses it."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from core import cli, explain, runs


def said(*words) -> str:
    """What the command prints, in one line."""
    result = CliRunner().invoke(cli.app, ["explain", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_the_methods_that_fit_a_run_are_listed(finished):
    listed = said(finished["breast_cancer"], "--methods")
    assert "shapley (one sample):" in listed and "interactions (whole model):" in listed and "gradcam" not in listed


def test_a_map_is_written_as_a_picture_at_least_256_pixels_large(finished, tmp_path):
    out = tmp_path / "map.png"
    text = said(finished["digits"], "--method", "gradcam", "--out", out)
    assert "The map shows what speaks for" in text and "written to" in text
    with Image.open(out) as picture:
        assert picture.size == (256, 256) and picture.mode == "RGB"


def test_shares_of_a_row_are_written_as_a_table(finished, tmp_path):
    run, out = finished["breast_cancer"], tmp_path / "shares.csv"
    said(run, "--method", "integrated_gradients", "--out", out)
    table = pd.read_csv(out)
    assert table["column"].tolist() == [column.name for column in runs.schema(run).columns]
    np.testing.assert_allclose(
        table["share"], explain.explain(run, method="integrated_gradients").arrays["attribution"], rtol=1e-5
    )


def test_a_whole_split_is_written_at_once(finished, tmp_path):
    run, out = finished["breast_cancer"], tmp_path / "all.csv"
    text = said(run, "--method", "integrated_gradients", "--all", "--part", "val", "--out", out)
    table = pd.read_csv(out)
    assert len(table) == len(runs.predictions(run, "val")[0]) and "86 explanations by Integrated gradients" in text
    assert {"id", "true", "predicted", "score", "base", "share of mean radius"} <= set(table)
    maps = tmp_path / "maps.npz"
    said(finished["digits"], "--method", "gradcam", "--all", "--part", "val", "--out", maps)
    with np.load(maps, allow_pickle=False) as stored:
        assert stored["attribution"].shape == (len(stored["id"]), 8, 8)


def test_json_has_the_record_and_on_request_the_verdict(finished):
    record = json.loads(said(finished["digits"], "--method", "gradcam", "--trust", "--json"))
    assert record["method"] == "gradcam" and record["trust"]["verdict"] in ("yes", "care", "no")
    assert json.loads(said(finished["digits"], "--json"))["trust"] is None


def test_the_whole_model_is_explained_in_a_sentence(finished):
    assert "Shuffling a column costs most for" in said(finished["breast_cancer"], "--method", "permutation_importance")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--out", "map.bmp"), "map.bmp cannot be written; the name of the file must end in .png, .csv, .npz, .json."),
        (("--all",), "--all needs --out with a file that ends in .csv, .parquet, .npz."),
        (("--all", "--out", "maps.csv"), "Maps of images cannot be a .csv; let the name of --out end in .npz."),
        (("--option", "stepz"), "--option is 'stepz'; it must be NAME=VALUE, for example hidden=64."),
        (("--method", "gradcam", "--out", "x.csv"), "cannot be written as .csv; choose .npz or .json, .png for a map"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(finished, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as error:
        CliRunner().invoke(cli.app, ["explain", finished["digits"], *words], catch_exceptions=False)
    assert sentence in error.value.args[0]
    assert not list(tmp_path.glob("*.[bcn]*"))
