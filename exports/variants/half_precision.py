"""A net in 16-bit floats inside a file whose preprocessing, probabilities and decisions stay in 32 bits."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

LARGEST = 65504.0  # that a 16-bit float holds


def half(proto: "ModelProto", places: set[int]) -> None:
    """Change the nodes at these places of the graph, so that they take and give 16-bit floats; the rest sees no change.

    A node that takes a weight beyond LARGEST stays as it is.
    """
    import onnx

    graph = proto.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    floats = _floats(proto)
    places = {i for i in places if _fits(graph.node[i], weights)}
    made = {name for i in places for name in graph.node[i].output if name in floats}
    outputs = {value.name for value in graph.output}
    outside = {name for i, node in enumerate(graph.node) if i not in places for name in node.input} | outputs
    nodes, there = [], set()
    for i, node in enumerate(graph.node):
        if i not in places:
            nodes.append(node)
            continue
        for j, name in enumerate(node.input):
            if name not in floats:
                continue
            small = f"{name}/half"
            if name in weights and small not in there:
                values = onnx.numpy_helper.to_array(weights[name]).astype(np.float16)
                graph.initializer.append(onnx.numpy_helper.from_array(values, small))
            elif name not in made and small not in there:
                nodes.append(_cast(name, small, onnx.TensorProto.FLOAT16))
            there.add(small)
            node.input[j] = small
        _change_attributes(node)
        nodes.append(node)
        for j, name in enumerate(node.output):
            if name in made:
                node.output[j] = f"{name}/half"
                there.add(f"{name}/half")
                if name in outside:
                    nodes.append(_cast(f"{name}/half", name, onnx.TensorProto.FLOAT))
    shared = [name for name in weights if f"{name}/half" in there and name in outside]  # not kept twice
    del graph.node[:]
    graph.node.extend([*(_cast(f"{name}/half", name, onnx.TensorProto.FLOAT) for name in shared), *nodes])
    taken = {name for node in graph.node for name in node.input} | outputs
    kept = [tensor for tensor in graph.initializer if tensor.name in taken and tensor.name not in shared]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    kept = [value for value in graph.value_info if value.name not in made]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def _floats(proto) -> set[str]:
    """Names of all values that are 32-bit floats."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(proto).graph
    found = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            found.add(value.name)
    return found


def _fits(node, weights: dict) -> bool:
    import onnx

    taken = [onnx.numpy_helper.to_array(weights[name]) for name in node.input if name in weights]
    return all(
        not len(values.ravel()) or np.abs(values).max() <= LARGEST for values in taken if values.dtype.kind == "f"
    )


def _cast(name: str, other: str, kind: int):
    import onnx

    return onnx.helper.make_node("Cast", [name], [other], name=f"cast to {other}", to=kind)


def _change_attributes(node) -> None:
    """Let what the node holds, and what it casts to, be 16-bit floats."""
    import onnx

    for attribute in node.attribute:
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT:
            attribute.i = onnx.TensorProto.FLOAT16
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(attribute.t).astype(np.float16)
            attribute.t.CopyFrom(onnx.numpy_helper.from_array(values, attribute.t.name))
