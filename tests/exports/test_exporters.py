"""PyTorch's two ways to ONNX: the second is taken where the first fails or fails the proof, and the record says so."""

import numpy as np
import onnx
import pytest
import torch

from core import runs
from core.data.dataset import Column
from exports import onnx as export
from exports import parity, pipeline
from exports.answers import Answers
from tests.exports import made

COLUMNS = (Column("a", "number", missing=True), Column("b", "category", ("x", "y")), Column("c", "date"))


def broken(*_):
    raise RuntimeError("no operator\nand a long story")


@pytest.fixture
def toy():
    rows = [{"a": i / 3, "b": "xy"[i % 2], "c": np.datetime64("2024-01-01") + 40 * i} for i in range(12)]
    dataset = made.table(rows, COLUMNS)
    torch.manual_seed(0)
    model = made.linear(dataset, np.zeros((2, 11)), [0.0, 0.0])
    torch.nn.init.normal_(model.net.body[0].weight)
    return dataset, model


@pytest.mark.parametrize("exporter", export.EXPORTERS)
def test_both_ways_write_the_same_decisions(toy, exporter, tmp_path):
    dataset, model = toy
    (tmp_path / "model.onnx").write_bytes(export.convert(model, Answers(), exporter).SerializeToString())
    record = parity.compare(tmp_path / "model.onnx", model, dataset, np.arange(12))
    assert record["passed"], record["problems"]


@pytest.mark.slow
def test_images_of_any_size_by_the_second_way(finished, monkeypatch):
    monkeypatch.setattr(export, "_by_dynamo", broken)
    record = pipeline.export_and_prove(finished["digits"])
    assert record["passed"] and record["exporter"] == "torchscript"


@pytest.mark.slow
def test_a_first_file_that_fails_its_proof_gives_way_to_a_second_that_does_not(finished, monkeypatch):
    as_it_is = export._by_dynamo

    def wrong(*given):
        proto = as_it_is(*given)
        (bias,) = [tensor for tensor in proto.graph.initializer if tensor.name.endswith("body.6.bias")]
        bias.CopyFrom(onnx.numpy_helper.from_array(np.array([9.0, 0.0], np.float32), bias.name))
        return proto

    monkeypatch.setattr(export, "_by_dynamo", wrong)
    run = finished["breast_cancer"]
    record = pipeline.export_and_prove(run)
    assert record["passed"] and record["exporter"] == "torchscript"
    assert parity.stored(run)["exporter"] == "torchscript"
    # where the second fails too, the first stays, with its failed proof
    monkeypatch.setattr(export, "_by_torchscript", broken)
    record = pipeline.export_and_prove(run)
    assert not record["passed"] and record["exporter"] == "dynamo"
    assert runs.parity(run)["verdict"] == record["verdict"]


def test_what_neither_way_can_write_is_one_sentence(toy, monkeypatch):
    for way in ("_by_dynamo", "_by_torchscript"):
        monkeypatch.setattr(export, way, broken)
    with pytest.raises(ValueError, match=r"^PyTorch cannot write this net as ONNX \(dynamo: no operator; .*by hand\.$"):
        export._converted(toy[1], Answers(), export.EXPORTERS)


def test_a_net_beyond_the_limit_of_a_file_is_refused(toy, monkeypatch):
    monkeypatch.setattr(export, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match=r"one ONNX file holds less than 2 GiB\. Choose a smaller net\.$"):
        export.convert(toy[1])


@pytest.mark.parametrize("explanation", [False, True])
def test_the_file_passes_the_checker_with_strict_shapes(toy, explanation):
    proto = export.convert(toy[1], Answers(explanation=explanation, embedding=True))
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    assert not any(tensor.external_data for tensor in proto.graph.initializer)
    assert len({node.name for node in proto.graph.node}) == len(proto.graph.node)  # each can be named
