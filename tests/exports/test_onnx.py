"""The ONNX file: raw input in, probabilities out, and a description of itself."""

import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch

from core import data, jobs, runs
from core import model as models
from core.data.dataset import Column
from core.evaluation import metrics
from exports import feeding, model_file, parity
from exports import onnx as export
from tests.exports import made

LENGTH, COLOUR = Column("length (mm)", "number"), Column("Farbe [größte Fläche]", "category", ("blue", "green", "red"))
ROWS = [
    {LENGTH.name: 2.0, COLOUR.name: "blue"},
    {LENGTH.name: -1.0, COLOUR.name: "red"},
    {LENGTH.name: 0.5, COLOUR.name: "green"},
    {LENGTH.name: float("nan"), COLOUR.name: "green"},  # a missing number is the training mean, 0 here
    {LENGTH.name: 2.0, COLOUR.name: None},
    {LENGTH.name: 2.0, COLOUR.name: "never seen"},
    {LENGTH.name: 2.0, COLOUR.name: ""},
]
# logit of "yes" is the length plus 10 for unknown colours, 1 for blue, 2 for green and 3 for red; that of "no" is 0
LOGITS = [3.0, 2.0, 2.5, 2.0, 12.0, 12.0, 12.0]


def session(path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


def facts(path) -> dict:
    """The file's metadata as a person's program reads it."""
    stored = session(path).get_modelmeta().custom_metadata_map
    return {name.removeprefix("vitrine."): json.loads(text) for name, text in stored.items()}


@pytest.fixture
def digits(exported):
    return runs.path(exported["digits"], "exports", "model.onnx")


@pytest.fixture
def cancer(exported):
    return runs.path(exported["breast_cancer"], "exports", "model.onnx")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A linear model on a number and a category whose answers are LOGITS, and its file."""
    dataset = made.table(ROWS, (LENGTH, COLOUR))
    model = made.linear(dataset, [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]], [0.0, 0.0])
    with torch.no_grad():
        model.net.embed.table(0).copy_(torch.tensor([[10.0, 0], [1, 0], [2, 0], [3, 0]]))
    path = tmp_path_factory.mktemp("toy") / "model.onnx"
    onnx.save(export.convert(model), path)
    return dataset, model, path


def ask(path, length, colour) -> list[float]:
    """Probability of "yes" for each row."""
    feeds = {LENGTH.name: np.array(length, np.float32), COLOUR.name: np.array(colour, object)}
    return session(path).run(["probabilities"], feeds)[0][:, 1].tolist()


def sigmoid(logit: float) -> float:
    return 1 / (1 + np.exp(-logit))


# ---------------------------------------------------------------------------------------------------- images


def test_the_file_of_images_passes_the_checker(digits):
    onnx.checker.check_model(str(digits), full_check=True)


def test_the_weights_are_inside_so_the_model_is_one_file(digits):
    assert sorted(path.name for path in digits.parent.iterdir()) == ["model.onnx", "parity.json"]
    assert not any(tensor.external_data for tensor in onnx.load(digits).graph.initializer)


def test_images_go_in_as_uint8_by_the_name_image(digits):
    (entry,) = session(digits).get_inputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("image", "tensor(uint8)", [1, "height", "width"])


@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_of_images_gives_probabilities_that_sum_to_1(digits, n):
    pixels = np.random.default_rng(0).integers(0, 256, (n, 1, 8, 8), np.uint8)
    (got,) = session(digits).run(["probabilities"], {"image": pixels})
    assert (got.dtype, got.shape, got.min() >= 0) == (np.float32, (n, 10), True)
    np.testing.assert_allclose(got.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 40), (33, 17), (200, 300)])
def test_an_image_of_any_size_is_scaled_in_the_file_as_in_pytorch(exported, digits, size):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 1, *size), np.uint8)
    (got,) = session(digits).run(["probabilities"], {"image": pixels})
    temperature = runs.evaluation(exported["digits"])["temperature"]
    expected = metrics.softmax(models.predict(models.load(exported["digits"]), pixels) / temperature)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_file_of_images_says_what_it_is(exported, digits):
    described, run = facts(digits), exported["digits"]
    assert described["versions"].keys() == {"torch", "onnx", "onnxscript"}
    expected = {
        "format": 2,
        "run": run,
        "data": "digits",
        "data_fingerprint": data.get("digits").fingerprint,
        "licence": data.get("digits").licence,
        "net": "cnn",
        "kind": "image",
        "classes": list("0123456789"),
        "exporter": "dynamo",
        "operating_point": None,
        "temperature": runs.evaluation(run)["temperature"],
        "metrics": {"n": 359, **runs.evaluation(run)["test"]["metrics"]},
    }
    assert {name: described[name] for name in expected} == expected
    (image,) = described["inputs"]
    assert (image["name"], image["type"], image["range"]) == ("image", "uint8", [0, 255])
    assert (image["shape"], image["size_seen"]) == (["n", 1, "height", "width"], [8, 8])


def test_what_the_file_says_of_its_outputs_is_what_it_gives(digits):
    said = {about["name"]: about for about in facts(digits)["outputs"]}
    got = model_file.read(digits).ask({"image": np.zeros((3, 1, 8, 8), np.uint8)})
    assert list(said) == list(got) == ["logits", "probabilities", "decision", "label", "abstain", "set", "outlier"]
    for name, values in got.items():
        kind = "string" if values.dtype == object else str(values.dtype)
        assert (said[name]["type"], len(said[name]["shape"])) == (kind, values.ndim)
        assert said[name]["text"].endswith(".")


def test_probabilities_are_calibrated_and_the_outlier_score_tells_noise_from_digits(digits):
    file, images = model_file.read(digits), data.get("digits").images
    said = file.ask({"image": np.ascontiguousarray(images[:200])})
    temperature = file.facts["temperature"]
    np.testing.assert_allclose(said["probabilities"], metrics.softmax(said["logits"] / temperature), atol=1e-6)
    noise = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), np.uint8)
    assert said["outlier"].mean() < 0.6 < 0.85 < file.ask({"image": noise}, ["outlier"])["outlier"].mean()


def test_sets_hold_the_true_class_about_as_often_as_promised(exported, digits):
    ids, y_true, _ = runs.predictions(exported["digits"], "test")
    dataset = data.get("digits")
    place = pd.Index(dataset.ids).get_indexer(ids)
    members = model_file.read(digits).ask(feeding.inputs(dataset, place), ["set"])["set"]
    assert 0.84 < members[np.arange(len(ids)), y_true].mean() < 0.96


# ---------------------------------------------------------------------------------------------------- tables


def test_a_table_has_one_input_per_column_by_the_columns_own_name(cancer):
    inputs = session(cancer).get_inputs()
    assert [entry.name for entry in inputs] == [column.name for column in data.get("breast_cancer").columns]
    assert {(entry.type, len(entry.shape)) for entry in inputs} == {("tensor(float)", 1)}


def test_the_file_of_a_table_says_what_it_is(cancer):
    described = facts(cancer)
    assert described["classes"] == ["malignant", "benign"]
    first = described["inputs"][0]
    assert (first["name"], first["type"], first["shape"], first["role"]) == ("mean radius", "float32", ["n"], "number")
    assert first["range"][0] <= first["example"] <= first["range"][1]
    assert len(described["inputs"]) == 30


def test_feeds_are_the_raw_columns():
    feeds = feeding.inputs(made.table(ROWS, (LENGTH, COLOUR)), np.array([3, 0, 4]))
    np.testing.assert_array_equal(feeds[LENGTH.name], np.array([np.nan, 2, 2], np.float32))
    assert feeds[COLOUR.name].tolist() == ["green", "blue", ""]


def test_categories_go_in_as_text(toy):
    assert {entry.name: entry.type for entry in session(toy[2]).get_inputs()} == {
        "length (mm)": "tensor(float)",
        "Farbe [größte Fläche]": "tensor(string)",
    }


def test_known_categories_give_the_answers_known_by_hand(toy):
    got = ask(toy[2], [2, -1, 0.5], ["blue", "red", "green"])
    np.testing.assert_allclose(got, [sigmoid(3), sigmoid(2), sigmoid(2.5)], atol=1e-6)


@pytest.mark.parametrize("colour", ["never seen", "", "Blue"])
def test_text_that_training_never_saw_takes_the_place_of_the_unknown(toy, colour):
    np.testing.assert_allclose(ask(toy[2], [-9], [colour]), sigmoid(1), atol=1e-6)


def test_nan_is_a_missing_number(toy):
    np.testing.assert_allclose(ask(toy[2], [np.nan], ["blue"]), sigmoid(1), atol=1e-6)


def test_the_toy_model_itself_gives_the_answers_known_by_hand(toy):
    logits = toy[1](torch.from_numpy(toy[0].x))[:, 1]
    torch.testing.assert_close(logits, torch.tensor(LOGITS))


def test_a_table_with_missing_and_unseen_values_passes_the_proof(toy):
    dataset, model, path = toy
    record = parity.compare(path, model, dataset, np.arange(len(dataset)))
    assert record["passed"], record["verdict"]
    assert record["largest_difference"] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["probabilities", "linear"])
def test_a_column_may_be_named_as_something_inside_the_file(name, tmp_path):
    columns = (Column(name, "number"), Column("b", "number"))
    dataset = made.table([{name: 1.0, "b": 0.0}, {name: -3.0, "b": 2.0}], columns)
    model = made.linear(dataset, [[0.0, 0.0], [1.0, 1.0]], [0.0, 0.0])
    onnx.save(export.convert(model), tmp_path / "model.onnx")
    record = parity.compare(tmp_path / "model.onnx", model, dataset, np.arange(2))
    assert record["passed"], record["verdict"]


@pytest.mark.slow
def test_a_category_may_be_named_as_something_inside_the_file(tmp_path):
    columns = (Column("linear", "category", ("a", "b")), Column("linear/code", "category", ("a", "b")))
    dataset = made.table([{"linear": "a", "linear/code": "b"}, {"linear": "b", "linear/code": "c"}], columns)
    model = made.linear(dataset, [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]], [0.0, 0.0])
    onnx.save(export.convert(model), tmp_path / "model.onnx")
    record = parity.compare(tmp_path / "model.onnx", model, dataset, np.arange(2))
    assert record["passed"], record["verdict"]


# ---------------------------------------------------------------------------------------------------- runs


@pytest.mark.slow
def test_exporting_again_removes_the_old_proof(exported):
    run = exported["breast_cancer"]
    export.export(run)
    assert [path.name for path in runs.path(run, "exports").iterdir()] == ["model.onnx"]


def test_a_run_without_weights_is_refused_with_a_sentence(finished):
    run = finished["digits"]
    runs.path(run, "checkpoints", "best.pt").unlink()
    with pytest.raises(LookupError, match=f"Run {run} has no trained weights yet; wait"):
        export.export(run)


def test_a_run_that_is_still_at_work_is_not_exported(finished):
    run = finished["digits"]
    runs.write_status(run, state="running")
    with jobs.alive(run), pytest.raises(ValueError, match=f"Run {run} is still at work; export it when it is done"):
        export.export(run)


def test_a_refused_export_leaves_the_older_file_and_its_proof(exported):
    run = exported["digits"]
    runs.path(run, "checkpoints", "best.pt").unlink()
    before = {path.name: path.read_bytes() for path in runs.path(run, "exports").iterdir()}
    with pytest.raises(LookupError):
        export.export(run)
    assert {path.name: path.read_bytes() for path in runs.path(run, "exports").iterdir()} == before
