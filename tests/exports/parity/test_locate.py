"""Faults planted into exported files: each is found at its node, and the module it comes from is named."""

import numpy as np
import onnx
import pytest
import torch

from core import config
from core.data.dataset import Column, Dataset
from core.model import Model
from exports import feeding
from exports import onnx as export
from exports.answers import Answers
from exports.parity import inside, locate
from exports.parity.origins import Graph
from tests.exports import made

N, TEMPERATURE = 12, 2.0


@pytest.fixture(scope="module")
def images():
    """An untrained net of convolutions on pictures, its file, and pictures."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N, 3, 8, 8)).astype(np.uint8)
    about = {"origin": "made by hand", "licence": "none", "ids": np.arange(N).astype(str)}
    dataset = Dataset("toy", "image", images=x, targets=np.zeros(N, int), classes=("a", "b", "c"), **about)
    torch.manual_seed(0)
    options = {"width": 4, "blocks": 2, "hidden": 8}
    model = Model(dataset.schema, config.NetConfig("cnn", options)).eval()
    model.preprocess.fit(torch.from_numpy(x))
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return dataset, model, export.convert(model, Answers(temperature=TEMPERATURE))


@pytest.fixture(scope="module")
def rows():
    """An untrained net on a table, its file, and rows."""
    columns = (Column("age", "number"), Column("size", "category", ("s", "m", "l")))
    table = [{"age": float(20 + i), "size": "sml"[i % 3]} for i in range(N)]
    dataset = made.table(table, columns)
    torch.manual_seed(0)
    model = Model(dataset.schema, config.NetConfig("mlp", {"hidden": 8, "layers": 2})).eval()
    model.preprocess.fit(torch.from_numpy(dataset.x))
    for layer in model.net.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.uniform_(layer.bias, -1, 1)
    with torch.no_grad():
        model.net.embed.weight.uniform_(-1, 1)
    return dataset, model, export.convert(model, Answers(temperature=TEMPERATURE))


def found(case, change, tmp_path) -> dict | None:
    """What is said of the file after this change of its graph."""
    dataset, model, proto = case
    changed = onnx.ModelProto()
    changed.CopyFrom(proto)
    change(changed.graph)
    onnx.save(changed, tmp_path / "model.onnx")
    where = np.arange(N)
    return locate.first(
        tmp_path / "model.onnx", model, feeding.inputs(dataset, where), np.asarray(dataset.x[where]), TEMPERATURE
    )


def weights(end: str, function):
    """A change of the weights whose name ends so."""

    def change(graph):
        (tensor,) = [one for one in graph.initializer if one.name.endswith(end)]
        before = onnx.numpy_helper.to_array(tensor)
        after = np.ascontiguousarray(function(before), before.dtype)
        tensor.CopyFrom(onnx.numpy_helper.from_array(after, tensor.name))

    return change


def test_a_file_without_a_fault_has_none(images, rows, tmp_path):
    for case in (images, rows):
        assert found(case, lambda _: None, tmp_path) is None


@pytest.mark.parametrize("module", ["net.backbone.0", "net.head.0", "net.head.3"])
def test_other_weights_in_one_layer_name_that_layer(images, module, tmp_path):
    said = found(images, weights(f"{module}.weight", lambda w: w + 0.1 * np.roll(w, 1, axis=0)), tmp_path)
    assert said["module"] == module
    node = next(node for node in images[2].graph.node if node.name == said["node"])
    assert any(name.endswith(f"{module}.weight") for name in node.input)


def test_a_change_a_little_larger_than_rounding_is_still_found(rows, tmp_path):
    assert found(rows, weights("net.body.3.weight", lambda w: w * (1 + 1e-4)), tmp_path)["module"] == "net.body.3"


def test_a_dropped_bias_names_its_layer_and_says_so(rows, tmp_path):
    said = found(rows, weights("net.body.3.bias", np.zeros_like), tmp_path)
    assert said["module"] == "net.body.3" and "Its bias in the file is not the model's." in said["text"]


def test_swapped_mean_and_deviation_name_preprocessing(images, tmp_path):
    def swap(graph):
        pair = {t.name.rsplit(".", 1)[-1]: t for t in graph.initializer if "preprocess" in t.name}
        mean, std = (onnx.numpy_helper.to_array(pair[name]) for name in ("mean", "std"))
        pair["mean"].CopyFrom(onnx.numpy_helper.from_array(std, pair["mean"].name))
        pair["std"].CopyFrom(onnx.numpy_helper.from_array(mean, pair["std"].name))

    assert found(images, swap, tmp_path)["module"] == "preprocess"


def test_channels_in_another_order_name_preprocessing(images, tmp_path):
    def turn(graph):
        order = onnx.numpy_helper.from_array(np.array([2, 1, 0]), "order")
        graph.initializer.append(order)
        (cast,) = [node for node in graph.node if node.op_type == "Cast" and "image" in node.input]
        cast.input[0] = "turned"
        graph.node.insert(0, onnx.helper.make_node("Gather", ["image", "order"], ["turned"], name="turn", axis=1))

    assert found(images, turn, tmp_path)["module"] == "preprocess"


def test_another_scale_of_batch_normalisation_names_its_convolution(images, tmp_path):
    dataset, model, proto = images
    layer = model.net.backbone[1]
    before = layer.running_var.clone()
    layer.running_var.mul_(1.5)  # as if the file had taken the batch's own
    try:
        said = found((dataset, model, proto), lambda _: None, tmp_path)
    finally:
        layer.running_var.copy_(before)
    assert said["module"] in ("net.backbone.0", "net.backbone.1")


def test_a_category_map_shifted_by_one_names_the_column(rows, tmp_path):
    def shift(graph):
        (encoder,) = [node for node in graph.node if node.op_type == "LabelEncoder" and "size" in node.input]
        (values,) = [one for one in encoder.attribute if one.name == "values_int64s"]
        values.ints[:] = [1, 2, 0]

    said = found(rows, shift, tmp_path)
    assert said["module"] == "inputs" and "reads size" in said["text"] and said["node"].endswith("size")


def test_a_forgotten_temperature_is_called_that(images, tmp_path):
    def forget(graph):
        (last,) = [node for node in graph.node if "probabilities" in node.output]
        last.input[0] = "logits"

    said = found(images, forget, tmp_path)
    assert said["module"] == "temperature" and "the temperature 2 is not applied" in said["text"]


def test_classes_in_another_order_name_the_last_layer(rows, tmp_path):
    assert found(rows, weights("net.body.6.weight", lambda w: w[::-1]), tmp_path)["module"] == "net.body.6"


def test_what_is_too_large_for_sixteen_bits_is_named(images, tmp_path):
    from exports.variants import half_precision

    dataset, model, _ = images
    layer = model.net.head[0]
    before = layer.bias.detach().clone()
    with torch.no_grad():
        layer.bias.fill_(60000.0)
        layer.weight.mul_(1e5)
    try:
        case = dataset, model, export.convert(model, Answers(temperature=TEMPERATURE))

        def halve(graph):
            whole = onnx.ModelProto()
            whole.CopyFrom(case[2])
            places = {i for i, node in enumerate(whole.graph.node) if node.op_type == "Gemm"}
            half_precision.half(whole, places)
            graph.CopyFrom(whole.graph)

        said = found(case, halve, tmp_path)
    finally:
        with torch.no_grad():
            layer.bias.copy_(before)
            layer.weight.div_(1e5)
    assert said["module"] == "net.head.0" and "float16 ends at 65,504" in said["text"]


def test_a_frozen_batch_is_named_where_onnxruntime_gives_up(images, tmp_path):
    def freeze(graph):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, -1]), "frozen"))
        (flat,) = [node for node in graph.node if node.op_type in ("Reshape", "Flatten")][-1:]
        flat.op_type = "Reshape"
        del flat.attribute[:]
        flat.input[:] = [flat.input[0], "frozen"]

    said = found(images, freeze, tmp_path)
    assert said["node"] and "gives up" in said["text"]


def test_values_are_held_a_few_at_a_time(images, tmp_path, monkeypatch):
    asked, run = [], inside.values
    monkeypatch.setattr(inside, "values", lambda *given: asked.append(given[2]) or run(*given))
    monkeypatch.setattr(locate, "MEMORY", 1)
    said = found(images, weights("net.head.3.weight", lambda w: w * 1.5), tmp_path)
    assert said["module"] == "net.head.3"
    assert len(asked) > 8 and all(len(wanted) == 1 for wanted in asked[:8])


def test_nodes_of_the_older_exporter_tell_their_modules_by_name():
    names = ["/model/preprocess/Sub", "/model/net/body/body.0/Gemm", "/Softmax"]
    nodes = [onnx.helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name=name) for i, name in enumerate(names)]
    proto = onnx.helper.make_model(onnx.helper.make_graph(nodes, "toy", [], []))
    assert [modules[:1] for modules in Graph(proto).modules] == [["preprocess"], ["net.body.0"], []]
