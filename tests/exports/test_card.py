"""The model card."""

import ast
import json
import re

import numpy as np
import pytest
import yaml

from core import runs
from core.evaluation import points
from exports import card
from tests.exports import made

HOSTILE = "<img src=x>|**b**`\n---\n# [a](javascript:x)"


def front(text: str) -> dict:
    """The front matter of a card."""
    head, _, _ = text.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head)


def small(classes=("no", "yes"), n=40) -> str:
    y_true = np.arange(n) % 2
    y_prob = np.where(y_true[:, None] == np.arange(2), 0.9, 0.1)
    y_prob[:4] = y_prob[:4, ::-1]
    return made.finished_run(classes, y_true, y_prob)


def test_the_front_matter_is_yaml_with_the_figures():
    values = front(card.text(small()))
    assert values["pipeline_tag"] == "tabular-classification" and values["library_name"] == "onnx"
    (result,) = values["model-index"][0]["results"]
    assert {"type": "accuracy", "name": "Accuracy (test)", "value": 0.9} in result["metrics"]


def test_the_intended_use_must_be_filled_in():
    assert "To be filled in" in card.text(small()) and "has no intended use" in card.text(small())


def test_limits_name_a_small_test_small_classes_and_a_missing_proof():
    run = small()
    limits = " ".join(card.limits(run, runs.evaluation(run), None))
    assert "The test is small: 40 rows" in limits
    assert "no (20), yes (20)" in limits
    assert "has not been proved" in limits
    big = small(n=400)
    limits = " ".join(card.limits(big, runs.evaluation(big), {"verdict": "Failed: it differs."}))
    assert "small" not in limits and "Fewer than" not in limits and "Failed: it differs" in limits


def test_names_from_data_stay_text():
    text = card.text(small((HOSTILE, "yes")))
    assert "<img" not in text.replace("\\<img", "") and not re.search(r"(?<!\\)\]\(javascript", text)
    assert front(text)["library_name"] == "onnx"
    rows = [line for line in text.splitlines() if line.startswith("| ") and "img" in line]
    assert rows and all(line.replace("\\|", "").count("|") == 5 for line in rows)


def test_figures_come_with_their_intervals():
    text = card.text(small()).replace("\\", "")
    assert "| Accuracy | 90.0% (" in text and "| no | 20 | 90.0% (" in text


def test_the_code_asks_the_exported_file(exported):
    run = exported["breast_cancer"]
    text = card.text(run)
    code = text.partition("```python\n")[2].partition("```")[0]
    ast.parse(code)
    path = runs.path(run, "exports", "model.onnx")
    names: dict = {}
    exec(code.replace('"model.onnx"', json.dumps(str(path))), names)
    assert names["label"][0] in runs.schema(run).classes
    assert "Certificate of the exported file: Passed" in text.replace("\\", "")
    ast.parse(card.text(exported["digits"]).partition("```python\n")[2].partition("```")[0])


def test_the_card_says_how_the_file_decides_whatever_is_used_by_now(exported):
    run = exported["breast_cancer"]
    points.save(run, points.OperatingPoint((0.3,), name="careful"))
    assert "Decides: The most probable class is said" in card.text(run).replace("\\", "")
    runs.path(run, "exports", "model.onnx").unlink()
    assert "where its probability is at least 0.3" in card.text(run).replace("\\", "")


def test_the_card_lies_where_model_hubs_look_for_it():
    run = small()
    path = card.write(run)
    assert path == runs.path(run, "exports", "README.md") and path.read_text(encoding="utf-8") == card.text(run)


def test_a_run_without_figures_has_no_card(finished):
    runs.path(finished["digits"], "evaluation.json").unlink()
    with pytest.raises(LookupError, match="no figures yet"):
        card.text(finished["digits"])
