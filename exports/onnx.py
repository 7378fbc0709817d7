"""One ONNX file from a run: raw input in, probabilities out, preprocessing inside, and what it is in its metadata."""

import json
import pathlib
import warnings

import numpy as np

from core import runs
from core.data.dataset import Column, Dataset, Schema

OUTPUT = "probabilities"


def export(run: str) -> pathlib.Path:
    """Write exports/model.onnx of `run` and return its path. An older proof goes, as it was for an older file.

    Images: one input "image", uint8 (n, c, h, w). Tables: one input per column, named as the column, float32 (n,) for
    a number (NaN is missing) and string (n,) for a category. Output "probabilities", float32 (n, n_classes).
    Raises LookupError if the run has no weights yet.
    """
    from core import model as models

    target = runs.path(run, "exports", "model.onnx")
    model = convert(models.load(run))
    _describe(model, run)
    runs.path(run, "exports", "parity.json").unlink(missing_ok=True)
    with runs.replacing(target) as beside:
        beside.write_bytes(model.SerializeToString())
    return target


def inputs(dataset: Dataset, where: np.ndarray) -> dict[str, np.ndarray]:
    """The samples at `where` as the exported file takes them: straight from the data, nothing computed."""
    if dataset.kind == "image":
        return {"image": np.ascontiguousarray(dataset.images[where])}
    rows = dataset.table.iloc[where]
    return {
        column.name: rows[column.name].to_numpy(np.float32, na_value=np.nan)
        if column.type == "number"
        else rows[column.name].astype("string").fillna("").to_numpy(object)
        for column in dataset.columns
    }


def convert(model):
    """An onnx.ModelProto that computes the probabilities of `model` (core.model.Model) from raw input."""
    import torch

    schema = model.schema
    example = _example(schema)
    batch = torch.export.Dim("batch")
    names = ["image"] if schema.kind == "image" else [column.name for column in schema.columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on names of axes that are the same axis
        program = torch.onnx.export(
            _deployed(model),
            example,
            dynamo=True,
            input_names=names,
            output_names=[OUTPUT],
            dynamic_shapes=(tuple({0: batch} for _ in example),),
            external_data=False,
            verbose=False,
        )
    proto = program.model_proto
    _take_strings(proto, schema.columns)
    return proto


def _deployed(model):
    """The model as it leaves the house: named inputs in, probabilities out."""
    import torch

    class Deployed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model.eval()

        def forward(self, *values):
            if self.model.schema.kind == "image":
                x = values[0]
            else:
                x = torch.stack([value.float() for value in values], dim=1)
            return torch.softmax(self.model(x), dim=1)

    return Deployed().eval()


def _example(schema: Schema):
    """A batch of two samples; one alone could be frozen in."""
    import torch

    if schema.kind == "image":
        return (torch.zeros(2, *schema.shape, dtype=torch.uint8),)
    return tuple(
        torch.zeros(2, dtype=torch.float32 if column.type == "number" else torch.int64) for column in schema.columns
    )


def _take_strings(proto, columns: tuple[Column, ...]) -> None:
    """Let each category input take strings: a LabelEncoder turns them into codes, the unknown into -1."""
    import onnx

    graph, categories = proto.graph, {c.name: c.categories for c in columns if c.type == "category"}
    for value in graph.input:
        if value.name in categories:
            coded = f"{value.name}/code"
            for node in graph.node:
                node.input[:] = [coded if name == value.name else name for name in node.input]
            known = list(categories[value.name])
            encoder = onnx.helper.make_node(
                "LabelEncoder",
                [value.name],
                [coded],
                name=f"{value.name}/encode",
                domain="ai.onnx.ml",
                keys_strings=known,
                values_int64s=list(range(len(known))),
                default_int64=-1,
            )
            graph.node.insert(0, encoder)
            value.type.tensor_type.elem_type = onnx.TensorProto.STRING
    if categories and not any(entry.domain == "ai.onnx.ml" for entry in proto.opset_import):
        proto.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 4))
    onnx.checker.check_model(proto, full_check=True)


def _describe(proto, run: str) -> None:
    """Write into the file what it is: classes, inputs, run, data and versions, each as JSON text."""
    import importlib.metadata

    import onnx

    schema, config = runs.schema(run), runs.config(run)
    if schema.kind == "image":
        described = [{"name": "image", "type": "uint8", "shape": ["n", *schema.shape], "range": [0, 255]}]
    else:
        described = [
            {"name": column.name, "type": "float32" if column.type == "number" else "string", "shape": ["n"]}
            | ({"categories": list(column.categories)} if column.type == "category" else {})
            for column in schema.columns
        ]
    proto.producer_name = "Vitrine"
    facts = {
        "format": 1,
        "run": run,
        "data": config.data.name,
        "data_fingerprint": runs.read_json(run, "schema.json")["fingerprint"],
        "net": config.net.name,
        "classes": list(schema.classes),
        "inputs": described,
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript")},
    }
    onnx.helper.set_model_props(proto, {f"vitrine.{name}": json.dumps(value) for name, value in facts.items()})
