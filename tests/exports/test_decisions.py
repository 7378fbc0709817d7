"""An operating point in use is in the exported file, which decides by it, and is proved to."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from core import runs
from core.evaluation import operating, points
from core.evaluation.metrics import softmax
from core.evaluation.operating import OperatingPoint
from exports import answers, feeding, model_file, parity, pipeline

CHEAP = OperatingPoint((0.9,), ((0.0, 1.0), (5.0, 0.0)), 0.6, 1, "careful")


def ten(**changes) -> OperatingPoint:
    return OperatingPoint(**{"name": "ten", **changes})


@pytest.mark.slow
def test_the_file_decides_by_the_point_and_is_proved_to(finished):
    run = finished["breast_cancer"]
    points.save(run, CHEAP)
    record = pipeline.export_and_prove(run)
    assert record["passed"], record["verdict"]
    assert OperatingPoint.from_dict(record["operating_point"]) == CHEAP
    path = runs.path(run, "exports", "model.onnx")
    session = onnxruntime.InferenceSession(path)
    _, y_true, logits = runs.predictions(run, "test")
    expected = operating.decide(softmax(logits).astype(np.float32), CHEAP)
    assert record["accuracy"]["onnx"] == pytest.approx(np.mean(expected == y_true))
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["vitrine.operating_point"])["name"] == "careful"
    # a file whose threshold was changed afterwards is caught
    proto = onnx.load(path)
    changed = False
    for tensor in proto.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.size == 1 and array.dtype == np.float32 and np.isclose(array.item(), 0.9):
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full_like(array, 0.05), tensor.name))
            changed = True
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.name == "value" and np.isclose(onnx.numpy_helper.to_array(attribute.t), 0.9).all():
                attribute.t.CopyFrom(onnx.numpy_helper.from_array(np.array(0.05, np.float32)))
                changed = True
    assert changed
    onnx.save(proto, path)
    assert not parity.verify(run)["passed"]


POINTS = {
    "one threshold": ten(thresholds=(0.3,), positive=2),
    "a threshold for each class": ten(thresholds=(0.2, 0.9, 0.5)),
    "costs": ten(costs=((0, 1, 9), (1, 0, 1), (1, 1, 0))),
    "costs with one for silence": ten(costs=((0, 1, 9, 0.5), (1, 0, 1, 0.5), (1, 1, 0, 0.5))),
    "silence": ten(abstain_below=0.6),
    "nothing": ten(),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_tensor_is_decided_as_an_array_is(name):
    import torch

    from exports.deployed import decided

    y_prob = np.random.default_rng(0).dirichlet(np.ones(3), 500).astype(np.float32)
    got = decided(torch.from_numpy(y_prob), POINTS[name]).numpy()
    np.testing.assert_array_equal(got, operating.decide(y_prob, POINTS[name]))


def test_a_file_without_a_point_says_the_most_probable_class(exported):
    file = model_file.read(runs.path(exported["digits"], "exports", "model.onnx"))
    said = file.ask({"image": np.random.default_rng(0).integers(0, 256, (9, 1, 8, 8), np.uint8)})
    np.testing.assert_array_equal(said["decision"], said["logits"].argmax(axis=1))
    assert [file.classes[k] for k in said["decision"]] == said["label"].tolist() and not said["abstain"].any()
    assert answers.point_of(file.facts) is None


def test_a_column_named_as_an_output_keeps_its_name_apart():
    from core.data.dataset import Column, Schema

    columns = (Column("decision", "number"), Column("probabilities", "number"), Column("a", "number"))
    schema = Schema("table", (3,), ("no", "yes"), columns)
    assert feeding.input_names(schema) == ["decision (column)", "probabilities (column)", "a"]


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (None, "The most probable class is said."),
        (CHEAP, "yes is said where its probability is at least 0.9; nothing where the most probable class is less sure "
                "than 0.6."),
        (ten(thresholds=(0.1, 0.2)), "Of the classes, the one whose probability is the largest multiple of its "
                                     "threshold is said."),
        (ten(costs=((0, 1), (1, 0))), "The class that is expected to cost least is said."),
    ],
)  # fmt: skip
def test_a_point_is_said_in_words(point, text):
    assert points.text(point, ("no", "yes")) == text
