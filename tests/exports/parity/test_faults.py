"""Faults that exports have shipped with, planted: the certificate finds each one, and says where or what it is."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from core import config
from core.data.dataset import Column, Dataset
from core.model import Model
from exports import onnx as export
from exports import parity
from exports.answers import Answers
from tests.exports import made

WANTED = Answers(temperature=2.0)


@pytest.fixture(scope="module")
def photos():
    """Forty colour pictures of 16 x 16 pixels, a net whose statistics fit them, and its file."""
    rng = np.random.default_rng(0)
    tint = rng.uniform(0, 160, (40, 3, 1, 1))
    images = (tint + rng.uniform(0, 90, (40, 3, 16, 16))).astype(np.uint8)
    dataset = Dataset(
        name="photos",
        kind="image",
        images=images,
        targets=np.arange(40) % 3,
        classes=("a", "b", "c"),
        ids=np.array([f"photo-{i}" for i in range(40)]),
        origin="made by hand",
        licence="none",
    )
    torch.manual_seed(0)
    model = Model(dataset.schema, config.NetConfig("cnn", {"dropout": 0.0}))
    model.preprocess.fit(torch.from_numpy(images))
    for layer in model.net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    with torch.no_grad():
        model.train()(torch.from_numpy(images))
        model.net[-1][-1].weight.mul_(6.0)
    model.eval()
    return dataset, model, export.convert(model, WANTED).SerializeToString()


@pytest.fixture(scope="module")
def rows():
    """Sixty rows with a number and a category, a net, and its file."""
    columns = (Column("size", "number"), Column("colour", "category", ("blue", "green", "red")))
    rng = np.random.default_rng(0)
    table = [{"size": rng.normal(), "colour": ("blue", "green", "red")[i % 3]} for i in range(60)]
    dataset = made.table(table, columns, targets=np.arange(60) % 2)
    torch.manual_seed(0)
    model = Model(dataset.schema, config.NetConfig("mlp", {"hidden": 16}))
    model.preprocess.fit(torch.from_numpy(dataset.x))
    with torch.no_grad():
        model.net.embed.table(0).mul_(4.0)
        model.net.body[-1].weight.mul_(6.0)
    model.eval()
    return dataset, model, export.convert(model, WANTED).SerializeToString()


def certified(case, content: bytes, tmp_path) -> dict:
    dataset, model, _ = case
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    record = parity.compare(path, model, dataset, np.arange(len(dataset)), WANTED)
    json.dumps(record, allow_nan=False)
    return record


def changed(content: bytes, **changes) -> bytes:
    """The file with some of its weights changed, by the end of their names."""
    proto = onnx.load_from_string(content)
    for name, function in changes.items():
        (found,) = [tensor for tensor in proto.graph.initializer if tensor.name.endswith(name.replace("__", "."))]
        before = numpy_helper.to_array(found)
        after = np.ascontiguousarray(function(before), dtype=before.dtype)
        found.CopyFrom(numpy_helper.from_array(after, found.name))
    return proto.SerializeToString()


def weights(content: bytes) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(content).graph.initializer}


def is_found(record: dict, module: str) -> None:
    assert not record["passed"]
    assert record["fault"] is not None and record["fault"]["module"] is not None, record["fault"]
    assert record["fault"]["module"].startswith(module), record["fault"]
    assert record["fault"]["text"].endswith(".")


@pytest.mark.parametrize("case", ["photos", "rows"])
def test_no_fault_is_no_alarm(case, request, tmp_path):
    case = request.getfixturevalue(case)
    record = certified(case, case[2], tmp_path)
    assert record["passed"], record["problems"]
    assert record["fault"] is None and record["margin"]["beyond"] == 1.0


def test_other_weights(photos, tmp_path):
    name = next(n for n, w in weights(photos[2]).items() if n.endswith("weight") and w.ndim == 4 and w.shape[1] > 3)
    layer = name.removesuffix(".weight").removeprefix("model.")
    record = certified(photos, changed(photos[2], **{name.replace(".", "__"): lambda w: w[::-1]}), tmp_path)
    is_found(record, layer)


def test_a_bias_that_was_dropped(rows, tmp_path):
    record = certified(rows, changed(rows[2], net__body__0__bias=lambda bias: 0 * bias), tmp_path)
    is_found(record, "net.body.0")


def test_batch_norm_in_training_mode(photos, tmp_path, monkeypatch):
    def batch_statistics(self, x):
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)

    with monkeypatch.context() as patch:
        patch.setattr(nn.BatchNorm2d, "forward", batch_statistics)
        content = export.convert(photos[1], WANTED).SerializeToString()
    record = certified(photos, content, tmp_path)
    assert not record["passed"]
    assert len({check["largest_difference"] for check in record["checks"]}) > 1  # it depends on the batch
    is_found(record, "net.backbone.1")


def test_mean_and_deviation_swapped(photos, tmp_path):
    there = weights(photos[2])
    (mean,) = [value for name, value in there.items() if name.endswith("preprocess.mean")]
    (std,) = [value for name, value in there.items() if name.endswith("preprocess.std")]
    swapped = changed(photos[2], preprocess__mean=lambda _: std, preprocess__std=lambda _: mean)
    is_found(certified(photos, swapped, tmp_path), "preprocess")


def test_red_and_blue_swapped(photos, tmp_path, monkeypatch):
    as_it_is = type(photos[1].preprocess).forward
    with monkeypatch.context() as patch:
        patch.setattr(type(photos[1].preprocess), "forward", lambda self, x: as_it_is(self, x.flip(1)))
        content = export.convert(photos[1], WANTED).SerializeToString()
    is_found(certified(photos, content, tmp_path), "preprocess")


def test_scaling_without_antialiasing(photos, tmp_path, monkeypatch):
    def nearest(positions, n, n_out, scale, _cubic):
        centres = (torch.arange(n_out, dtype=torch.float32) + 0.5) * scale + (n - n_out * scale) / 2
        weights = torch.clamp(1 - (positions + 0.5 - centres[:, None]).abs(), min=0.0) + 1e-9
        return weights / weights.sum(dim=1, keepdim=True)

    with monkeypatch.context() as patch:
        patch.setattr("core.preprocessing._sampling", nearest)
        content = export.convert(photos[1], WANTED).SerializeToString()
    record = certified(photos, content, tmp_path)
    assert not record["passed"]
    assert "large" in [row["name"] for row in record["extreme"] if not row["passed"]]  # larger than the net's size
    assert not record["decisions"]  # at the net's own size nothing is scaled
    assert "extreme inputs" in record["verdict"]


def test_a_frozen_batch(rows, tmp_path):
    proto = onnx.load_from_string(rows[2])
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    record = certified(rows, proto.SerializeToString(), tmp_path)
    assert record["verdict"].startswith("Failed: onnxruntime cannot run it") and "Expected: 2" in record["verdict"]


def test_an_overflow_of_half_precision(rows, tmp_path):
    from onnxruntime.transformers import float16

    dataset, model, _ = rows
    large = Model(dataset.schema, config.NetConfig("mlp", {"hidden": 16}))
    large.load_state_dict(model.state_dict())
    large.eval()
    with torch.no_grad():
        large.net.body[0].weight.mul_(1e5)
        large.net.body[0].bias.mul_(1e5)
        large.net.body[3].weight.mul_(1e-5)
    proto = export.convert(large, WANTED)
    halved = float16.convert_float_to_float16(
        proto, keep_io_types=True, disable_shape_infer=True, op_block_list=["LabelEncoder"]
    )
    record = certified((dataset, large, b""), halved.SerializeToString(), tmp_path)
    assert not record["passed"]
    assert record["fault"] is not None and record["fault"]["text"]


def test_class_names_in_another_order(photos, tmp_path):
    proto = onnx.load_from_string(photos[2])
    onnx.helper.set_model_props(proto, {"vitrine.classes": json.dumps(["c", "b", "a"])})
    record = certified(photos, proto.SerializeToString(), tmp_path)
    assert record["verdict"] == "Failed: the class names in the file are not those of the data, in its order."


def test_labels_in_another_order(photos, tmp_path):
    proto = onnx.load_from_string(photos[2])
    (naming,) = [node for node in proto.graph.node if "label" in node.output]
    for attribute in naming.attribute:
        if attribute.name == "values_strings":
            attribute.strings[:] = list(attribute.strings)[::-1]
    record = certified(photos, proto.SerializeToString(), tmp_path)
    assert record["problems"] == ["the output label differs"]


def test_scores_in_another_order(rows, tmp_path):
    last = {f"net__body__{k}__{part}": lambda w: w[::-1] for k in (6,) for part in ("weight", "bias")}
    is_found(certified(rows, changed(rows[2], **last), tmp_path), "net.body.6")


def test_a_map_of_categories_shifted_by_one(rows, tmp_path):
    proto = onnx.load_from_string(rows[2])
    (encoder,) = [node for node in proto.graph.node if "colour" in node.input]
    for attribute in encoder.attribute:
        if attribute.name == "values_int64s":
            attribute.ints[:] = [(code + 1) % 3 for code in attribute.ints]
    record = certified(rows, proto.SerializeToString(), tmp_path)
    assert not record["passed"]
    assert "colour" in record["fault"]["text"]


def test_a_temperature_that_was_forgotten(photos, tmp_path):
    content = export.convert(photos[1], dataclasses.replace(WANTED, temperature=1.0)).SerializeToString()
    record = certified(photos, content, tmp_path)
    assert not record["passed"] and not record["decisions"]
    assert "temperature" in record["fault"]["text"]
