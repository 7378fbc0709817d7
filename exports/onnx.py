"""One ONNX file from a run: raw input in, probabilities out, preprocessing inside, and what it is in its metadata."""

import json
import pathlib
import warnings

import numpy as np

from core import jobs, runs
from core.data.dataset import Dataset, Schema, days
from core.evaluation import points
from core.evaluation.operating import OperatingPoint

OUTPUT, DECISION = "probabilities", "decision"


def export(run: str) -> pathlib.Path:
    """Write exports/model.onnx of `run` and return its path. An older proof goes, as it was for an older file.

    Images: one input "image", uint8 (n, c, height, width) of any size. Tables: one input per column, named as the
    column: float32 (n,) for a number (NaN is missing) or a date (days since 1970-01-01), string (n,) for a category
    ("" is missing). Output "probabilities", float32 (n, n_classes); and if the run has an operating point in use,
    "decision", int64 (n,), the index of the class that is said by it, -1 for nothing.
    Raises LookupError if the run has no weights yet, ValueError if it is still at work.
    """
    from core import model as models

    if jobs.state(run) in runs.WORKING:  # its best epoch may change before the proof is done
        raise ValueError(f"Run {run} is still at work; export it when it is done.")
    target = runs.path(run, "exports", "model.onnx")
    point = points.used(run)
    if point is not None:
        point.fits(len(runs.schema(run).classes))
    model = convert(models.load(run), point)
    _describe(model, run, point)
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
        name: column_input(rows[column.name], column.type)
        for name, column in zip(input_names(dataset.schema), dataset.columns)
    }


def column_input(values, column_type: str) -> np.ndarray:
    """A column (pandas Series) as the exported file takes it: float32 (n,), or text (n,) for a category."""
    if column_type == "category":
        return values.astype("string").fillna("").to_numpy(object)
    return days(values) if column_type == "date" else values.to_numpy(np.float32, na_value=np.nan)


def input_names(schema: Schema) -> list[str]:
    """Names of the file's inputs: "image", or the columns' own, but for one that is named as an output."""
    if schema.kind == "image":
        return ["image"]
    taken = (OUTPUT, DECISION)
    return [f"{column.name} (column)" if column.name in taken else column.name for column in schema.columns]


def convert(model, point: OperatingPoint | None = None):
    """An onnx.ModelProto that computes the probabilities of `model` (core.model.Model) from raw input.

    point : the operating point by which it decides; None for no output "decision"
    """
    import onnx
    import torch

    schema = model.schema
    example = _example(schema)
    axes = {0: torch.export.Dim("batch")}
    if schema.kind == "image":
        axes |= {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on names of axes that are the same axis
        program = torch.onnx.export(
            _deployed(model, point),
            example,
            dynamo=True,
            input_names=[f"input_{i}" for i in range(len(example))],
            output_names=[OUTPUT] if point is None else [OUTPUT, DECISION],
            dynamic_shapes=(tuple(dict(axes) for _ in example),),
            external_data=False,
            verbose=False,
        )
    proto = program.model_proto
    _name_inputs(proto, schema)
    _take_strings(proto, schema)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _deployed(model, point: OperatingPoint | None):
    """The model as it leaves the house: named inputs in, probabilities out, and what is decided by the point."""
    import torch

    class Deployed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model.eval()
            if model.schema.kind == "image":
                model.preprocess.any_size = True

        def forward(self, *values):
            if self.model.schema.kind == "image":
                x = values[0]
            else:
                x = torch.stack([value.float() for value in values], dim=1)
            y_prob = torch.softmax(self.model(x), dim=1)
            return y_prob if point is None else (y_prob, _decided(y_prob, point))

    return Deployed().eval()


def _decided(y_prob, point: OperatingPoint):
    """`operating.decide` for a tensor: int64 (n,), -1 where nothing is said."""
    import torch

    n_classes = y_prob.shape[1]
    if len(point.thresholds) == 1:
        is_positive = torch.arange(n_classes) == point.positive
        rest = torch.where(is_positive, -1.0, y_prob).argmax(dim=1)
        y_pred = torch.where(y_prob[:, point.positive] >= point.thresholds[0], point.positive, rest)
    elif point.thresholds:
        y_pred = (y_prob / torch.tensor(point.thresholds).clamp(min=1e-12)).argmax(dim=1)
    elif point.costs:
        y_pred = (y_prob @ torch.tensor(point.costs)[:, :n_classes]).argmin(dim=1)
    else:
        y_pred = y_prob.argmax(dim=1)
    if point.abstain_below > 0:
        y_pred = torch.where(y_prob.amax(dim=1) < point.abstain_below, -1, y_pred)
    return y_pred


def _example(schema: Schema):
    """A batch of two samples; one alone could be frozen in."""
    import torch

    if schema.kind == "image":
        channels, height, width = schema.shape
        return (torch.zeros(2, channels, height + 3, width + 5, dtype=getattr(torch, schema.dtype)),)
    return tuple(
        torch.zeros(2, dtype=torch.int64 if column.type == "category" else torch.float32) for column in schema.columns
    )


def _name_inputs(proto, schema: Schema) -> None:
    """Give the inputs their names. What the exporter named inside the file makes room for them."""
    graph, names, prefix = proto.graph, input_names(schema), "inner/"
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    inner = {name for node in graph.node for name in node.output} | {value.name for value in graph.initializer}
    new = {name: f"{prefix}{name}" for name in inner.intersection(names)}
    new |= {value.name: name for value, name in zip(graph.input, names)}
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.initializer, *graph.value_info):
        value.name = new.get(value.name, value.name)


def _take_strings(proto, schema: Schema) -> None:
    """Let each category input take strings: a LabelEncoder turns them into codes, the unknown into -1."""
    import onnx

    graph, any_category = proto.graph, False
    for value, column in zip(graph.input, schema.columns):
        if column.type != "category":
            continue
        any_category = True
        coded = f"{graph.node[-1].name}/code of {value.name}"
        for node in graph.node:
            node.input[:] = [coded if name == value.name else name for name in node.input]
        encoder = onnx.helper.make_node(
            "LabelEncoder",
            [value.name],
            [coded],
            name=coded,
            domain="ai.onnx.ml",
            keys_strings=list(column.categories),
            values_int64s=list(range(len(column.categories))),
            default_int64=-1,
        )
        graph.node.insert(0, encoder)
        value.type.tensor_type.elem_type = onnx.TensorProto.STRING
    if any_category and not any(entry.domain == "ai.onnx.ml" for entry in proto.opset_import):
        proto.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 4))


def _describe(proto, run: str, point: OperatingPoint | None) -> None:
    """Write into the file what it is: classes, inputs, run, data and versions, each as JSON text."""
    import importlib.metadata

    import onnx

    schema, config = runs.schema(run), runs.config(run)
    if schema.kind == "image":
        shape = ["n", schema.shape[0], "height", "width"]
        described = [{"name": "image", "type": schema.dtype, "shape": shape, "size_seen": list(schema.shape[1:])}]
        if schema.dtype == "uint8":
            described[0]["range"] = [0, 255]
    else:
        described = [
            {"name": name, "type": "string" if column.type == "category" else "float32", "shape": ["n"]}
            | ({"categories": list(column.categories)} if column.type == "category" else {})
            | ({"unit": "days since 1970-01-01"} if column.type == "date" else {})
            for name, column in zip(input_names(schema), schema.columns)
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
        "operating_point": point and point.to_dict(),
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript")},
    }
    onnx.helper.set_model_props(proto, {f"vitrine.{name}": json.dumps(value) for name, value in facts.items()})
