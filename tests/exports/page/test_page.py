"""The living page: one file that holds the model, loads nothing, and of the data only what was ticked."""

import base64
import gzip
import hashlib
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from core import runs
from exports import page
from exports.page import samples as page_samples
from exports.page import web
from tests.exports.report.test_report import Page

RUNTIME = {"ort.wasm.bundle.min.mjs": b"export {}", "ort-wasm-simd-threaded.wasm": b"\0asm"}


@pytest.fixture(autouse=True)
def runtime(monkeypatch):
    """In place of onnxruntime-web, which is fetched: the browser test has the real one."""
    monkeypatch.setattr(web, "files", lambda: RUNTIME)


def text_of(run: str, *samples: str) -> str:
    return page.write(run, samples).path.read_text(encoding="utf-8")


def facts_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.DOTALL)[1])


def block(text: str, name: str) -> bytes:
    return gzip.decompress(base64.b64decode(re.search(rf'id="{name}">([^<]*)</script>', text)[1]))


def test_the_page_holds_the_exported_file_byte_by_byte(exported):
    run = exported["digits"]
    model = runs.path(run, "exports", "model.onnx").read_bytes()
    text = text_of(run)
    assert block(text, "model") == model and hashlib.sha256(model).hexdigest() in text
    assert block(text, "wasm") == RUNTIME["ort-wasm-simd-threaded.wasm"]
    assert page.is_current(run)


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_page_loads_nothing_and_forbids_the_browser_to(exported, kind):
    found = Page(text_of(exported[kind]))
    assert not [
        attrs for _, attrs in found.elements if {"src", "href", "srcset"} & set(attrs) and attrs.get("href") != "#says"
    ]
    (policy,) = [a["content"] for tag, a in found.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe-inline" not in policy


def test_the_policy_names_the_very_script_and_style_of_the_page(exported):
    text = text_of(exported["digits"])
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    for part, name in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in text


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_no_sample_of_the_data_travels_unless_it_is_ticked(exported, kind):
    run = exported[kind]
    facts = facts_of(text_of(run))
    assert facts["samples"] and all(sample["truth"] is None for sample in facts["samples"])
    if kind == "breast_cancer":
        rows = {tuple(row) for row in runs.dataset(run).x.tolist()}
        names = [entry["name"] for entry in facts["inputs"]]
        assert not any(tuple(sample["row"][name] for name in names) in rows for sample in facts["samples"])
    assert page.holds(run)["samples"] == 0


def test_a_ticked_picture_travels_pixel_by_pixel_with_its_class(exported):
    run = exported["digits"]
    dataset, name = runs.dataset(run), str(runs.predictions(run, "test")[0][3])
    (sample,) = facts_of(text_of(run, name))["samples"]
    i = dataset.ids.tolist().index(name)
    levels = np.asarray(Image.open(io.BytesIO(base64.b64decode(sample["png"]))))
    assert np.array_equal(levels, dataset.images[i][0]) and sample["truth"] == dataset.classes[dataset.targets[i]]
    assert page.holds(run)["samples"] == 1


def test_a_ticked_row_travels_as_it_stands_in_the_table(exported):
    run = exported["breast_cancer"]
    dataset, name = runs.dataset(run), str(runs.predictions(run, "test")[0][0])
    (sample,) = facts_of(text_of(run, name))["samples"]
    row = dataset.table.iloc[dataset.ids.tolist().index(name)]
    assert sample["row"] == {column.name: pytest.approx(row[column.name]) for column in dataset.columns}


def test_names_that_are_html_bring_no_element_into_the_page(exported, monkeypatch):
    run = exported["digits"]
    before, nasty = page.metadata, "</script><img src=x onerror=alert(1)>"
    monkeypatch.setattr(
        page, "metadata", lambda model: before(model) | {"data": nasty, "licence": nasty, "classes": [nasty] * 10}
    )
    text = text_of(run)
    assert "<img" not in text.split('<script type="module">')[0] and Page(text).count("img") == 0
    assert facts_of(text)["classes"] == [nasty] * 10


def test_the_self_test_of_the_file_is_in_the_page_as_numbers(exported):
    test = facts_of(text_of(exported["digits"]))["self_test"]
    array = test["cases"][0]["outputs"]["probabilities"]
    values = np.frombuffer(base64.b64decode(array["data"]), np.float32).reshape(array["dims"])
    assert np.allclose(values.sum(axis=1), 1, atol=1e-5) and 0 < test["tolerance"] <= 0.01


def test_a_page_of_an_older_file_is_known_as_such(exported):
    run = exported["digits"]
    page.write(run)
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes() + b"\n")
    assert not page.is_current(run)


# ---------------------------------------------------------------------------------------------------- refused


def test_a_run_that_was_not_exported_is_refused_with_a_sentence(finished):
    with pytest.raises(LookupError, match=r"has no exported file yet; export it first: python -m exports onnx"):
        page.write(finished["digits"])


def test_a_file_that_is_no_model_is_refused_with_a_sentence(finished):
    runs.path(finished["digits"], "exports", "model.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="is damaged; export the run again"):
        page.write(finished["digits"])


def test_a_run_without_figures_is_refused_with_a_sentence(exported):
    runs.path(exported["digits"], "evaluation.json").unlink()
    with pytest.raises(LookupError, match="has no figures yet"):
        page.write(exported["digits"])


def test_a_sample_that_is_not_there_is_refused_with_a_sentence(exported):
    with pytest.raises(LookupError, match="has no sample 'nobody'; choose ids"):
        page.write(exported["digits"], ("nobody",))


# ---------------------------------------------------------------------------------------------------- choosing


def test_samples_are_chosen_from_each_class_in_turn_or_by_how_sure_the_mistake_is():
    y_true = np.array([0, 0, 0, 1, 1, 2])
    y_prob = np.eye(3)[[0, 0, 1, 1, 2, 2]] * 0.6 + 0.1
    y_prob[4] = [0.05, 0.05, 0.9]
    assert page_samples.choose(y_true, y_prob, 4, "mixed").tolist() == [0, 3, 5, 1]
    assert page_samples.choose(y_true, y_prob, 9, "wrong").tolist() == [4, 2]


@pytest.mark.parametrize("changed", [{"operating_point": "x"}, {"conformal": [1]}, {"kind": "table"}, {"classes": [1]}])
def test_facts_of_other_kinds_are_refused_with_a_sentence(exported, monkeypatch, changed):
    before = page.metadata
    monkeypatch.setattr(page, "metadata", lambda model: before(model) | changed)
    with pytest.raises(ValueError, match="is damaged; export the run again"):
        page.write(exported["digits"])


def test_a_model_that_failed_its_proof_says_so_at_the_top(exported, monkeypatch):
    before = page.metadata
    monkeypatch.setattr(page, "metadata", lambda model: before(model) | {"failed": "Failed: 3 <b>differ</b>."})
    assert "Do not rely on it.</b> This model failed its proof where it was made: Failed: 3 &lt;b&gt;" in text_of(
        exported["digits"]
    )
