"""Changes to the graph that PyTorch's exporter wrote: names, and what takes or gives text."""

from typing import TYPE_CHECKING

from core.data.dataset import Schema
from exports import _dates
from exports.feeding import input_names
from exports.parity.origins import SCOPES

if TYPE_CHECKING:
    from onnx import ModelProto

ML = "ai.onnx.ml"


def finish(proto: "ModelProto", schema: Schema, axes: dict[int, str]) -> None:
    """Give inputs their names, let categories and dates be text, and add the output "label"."""
    import onnx

    _name_inputs(proto, schema)
    for value, column in zip(proto.graph.input, schema.columns):
        if column.type == "category":
            _code(proto.graph, value.name, column.categories)
        elif column.type == "date":
            read = f"{proto.graph.node[-1].name}/days of {value.name}"
            _instead(proto.graph, value.name, read)
            for node in reversed(_dates.nodes(value.name, read)):
                proto.graph.node.insert(0, node)
        if column.type != "number":
            value.type.tensor_type.elem_type = onnx.TensorProto.STRING
    _name_classes(proto.graph, schema.classes, axes[0])
    for node in proto.graph.node:  # of which module it is a part stays; where on this machine that was written goes
        kept = [entry for entry in node.metadata_props if entry.key == SCOPES]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    versions = {entry.domain: entry for entry in proto.opset_import}
    if ML not in versions:
        proto.opset_import.append(onnx.helper.make_opsetid(ML, 4))


def rename(proto: "ModelProto", names: dict[str, str]) -> None:
    """Call values inside the graph otherwise, {now: then}; a name that is taken stays as it is."""
    graph = proto.graph
    taken = {value.name for value in (*graph.input, *graph.initializer)}
    taken |= {name for node in graph.node for name in node.output}
    names = {now: then for now, then in names.items() if then not in taken}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = names.get(value.name, value.name)


def _name_inputs(proto, schema: Schema) -> None:
    """Give the inputs their names. What the exporter named inside the file makes room for them."""
    graph, names, prefix = proto.graph, input_names(schema), "inner/"
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    inner = {name for node in graph.node for name in node.output} | {value.name for value in graph.initializer}
    rename(proto, {name: f"{prefix}{name}" for name in inner.intersection(names)})
    rename(proto, {value.name: name for value, name in zip(graph.input, names)})


def _instead(graph, name: str, other: str) -> None:
    """Let all nodes take `other` where they took `name`."""
    for node in graph.node:
        node.input[:] = [other if taken == name else taken for taken in node.input]


def _code(graph, name: str, categories: tuple[str, ...]) -> None:
    """Let a category's input take text: a LabelEncoder turns it into a code, what it does not know into -1."""
    import onnx

    coded = f"{graph.node[-1].name}/code of {name}"
    _instead(graph, name, coded)
    encoder = onnx.helper.make_node(
        "LabelEncoder",
        [name],
        [coded],
        name=coded,
        domain=ML,
        keys_strings=list(categories),
        values_int64s=list(range(len(categories))),
        default_int64=-1,
    )
    graph.node.insert(0, encoder)


def _name_classes(graph, classes: tuple[str, ...], batch: str) -> None:
    """Add the output "label", the class of "decision" as text, "" for nothing."""
    import onnx

    naming = onnx.helper.make_node(
        "LabelEncoder",
        ["decision"],
        ["label"],
        name="label",
        domain=ML,
        keys_int64s=list(range(len(classes))),
        values_strings=list(classes),
        default_string="",
    )
    graph.node.append(naming)
    place = [value.name for value in graph.output].index("decision") + 1
    graph.output.insert(place, onnx.helper.make_tensor_value_info("label", onnx.TensorProto.STRING, [batch]))
