"""What the exported file says of itself in its metadata, its self-test included."""

import base64
import importlib.metadata
import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from core import runs
from core.data import split
from core.data.dataset import Column, Dataset, Schema
from exports import feeding, golden
from exports.answers import COVERAGE, Answers

if TYPE_CHECKING:
    from onnx import ModelProto

    from core.model import Model
    from exports.deployed import Deployed

FORMAT = 2
TOLERANCE = 1e-4  # of the self-test, which must hold on another machine too
TEXTS = {
    "logits": "Scores of the classes; their softmax is what the operating point's thresholds apply to.",
    "probabilities": "Probability of each class, calibrated on validation samples.",
    "decision": "Index of the class that is said by the operating point; -1 where nothing is said.",
    "label": "The class that is said; empty where nothing is said.",
    "abstain": "Whether nothing is said.",
    "set": f"Of new samples like those of validation, one of these classes is the true one in {COVERAGE:.0%}.",
    "outlier": "Share of validation samples nearer to the training data; 0.99 and more is far from all of it.",
    "explanation": "Why: each place's (Grad-CAM) or column's (integrated gradients) share in the score of the class.",
    "embedding": "What the last linear layer takes.",
}


def write(proto: "ModelProto", run: str, model: "Model", wanted: Answers, exporter: str) -> None:
    """Write into the file what it is, each fact as JSON text under "vitrine.NAME"."""
    import onnx

    proto.producer_name = "Vitrine"
    facts: dict[str, Any] = of_run(run, wanted) | {"exporter": exporter, "outputs": outputs(proto)}
    facts["self_test"] = self_test(model, wanted, facts["inputs"])
    proto.doc_string = f"Made by Vitrine of run {run}. Classes: {', '.join(facts['classes'][:20])}."
    texts = {f"vitrine.{name}": json.dumps(value, allow_nan=False) for name, value in facts.items()}
    onnx.helper.set_model_props(proto, texts)


def of_run(run: str, wanted: Answers) -> dict:
    """The facts that are known of a run: where it comes from, what goes in, how it decides, how good it is."""
    schema, config, record = runs.schema(run), runs.config(run), runs.evaluation(run)
    try:
        dataset = runs.dataset(run)
        train = split.load(runs.path(run, "split.parquet"), dataset.ids)["train"]
    except (ValueError, OSError):
        dataset = train = None
    test, quantiles = (record or {}).get("test", {}), wanted.quantiles
    return {
        "format": FORMAT,
        "run": run,
        "data": config.data.name,
        "data_fingerprint": runs.fingerprint(run),
        "licence": "" if dataset is None else dataset.licence,
        "net": config.net.name,
        "kind": schema.kind,
        "classes": list(schema.classes),
        "inputs": inputs(schema, dataset, train),
        "operating_point": wanted.point and wanted.point.to_dict(),
        "temperature": wanted.temperature,
        "conformal": None if quantiles is None else {"coverage": COVERAGE, "quantiles": np.asarray(quantiles).tolist()},
        "metrics": {"n": test.get("n"), **test.get("metrics", {})},
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript")},
    }


def inputs(schema: Schema, dataset: Dataset | None, train: np.ndarray | None) -> list[dict]:
    """Each input of the file: its name, what it takes, the range and an example seen in training."""
    if schema.kind == "image":
        grey, levels = ("grey" if schema.shape[0] == 1 else "colour"), schema.dtype == "uint8"
        return [
            {
                "name": "image",
                "column": "image",
                "role": "image",
                "type": schema.dtype,
                "shape": ["n", schema.shape[0], "height", "width"],
                "size_seen": list(schema.shape[1:]),
                "range": [0, 255] if levels else None,
                "text": f"A {grey} image of any size" + (", levels 0 to 255." if levels else "."),
            }
        ]
    rows = None if dataset is None else dataset.frame.iloc[train]
    return [
        _column(name, column, None if rows is None else rows[column.name])
        for name, column in zip(feeding.input_names(schema), schema.columns)
    ]


def _column(name: str, column: Column, values) -> dict:
    takes = {
        "number": "A number; NaN where it is missing.",
        "category": "Text as in the table; empty where it is missing, and what was never seen has its place.",
        "date": "A date as text, 2024-01-31 or 2024-01-31 12:30; empty where it is missing.",
    }
    described = {
        "name": name,
        "column": column.name,
        "role": column.type,
        "type": feeding.TYPES[column.type],
        "shape": ["n"],
        "missing": column.missing,
        "range": None,
        "example": None,
        "text": takes[column.type],
    }
    if column.type == "category":
        described["categories"] = list(column.categories)
    there = None if values is None else values.dropna()
    if there is None or not len(there):
        return described
    if column.type == "category":
        described["example"] = str(there.mode().iloc[0])
    elif column.type == "date":
        said = [str(value.date()) for value in (there.min(), there.max(), there.quantile(0.5, "nearest"))]
        described |= {"range": said[:2], "example": said[2]}
    else:
        low, high, middle = (float(value) for value in (there.min(), there.max(), there.quantile(0.5, "nearest")))
        if np.isfinite([low, high, middle]).all():
            described |= {"range": [low, high], "example": middle}
    return described


def outputs(proto: "ModelProto") -> list[dict]:
    """Each output of the file: its name, type and shape, and what it says."""
    import onnx

    names: dict[int, str] = {
        onnx.TensorProto.FLOAT: "float32",
        onnx.TensorProto.INT64: "int64",
        onnx.TensorProto.BOOL: "bool",
        onnx.TensorProto.STRING: "string",
    }
    found = []
    for value in proto.graph.output:
        dims = value.type.tensor_type.shape.dim
        shape = ["n", *(dim.dim_value or dim.dim_param for dim in dims[1:])]
        kind = names[value.type.tensor_type.elem_type]
        found.append({"name": value.name, "type": kind, "shape": shape, "text": TEXTS[value.name]})
    return found


def self_test(model: "Model", wanted: Answers, described: list[dict]) -> dict:
    """Made-up inputs with what PyTorch says to them, and how far the file may be from that.

    {"tolerance", "cases": [{"inputs": {name: array}, "outputs": {name: array}}]}; an array is {"dtype", "shape", and
    "text": list of texts, or "zlib": its bytes compressed, in base 64}
    """
    from exports.deployed import Deployed

    deployed, schema, cases = Deployed(model, wanted).eval(), model.schema, []
    labels = np.array([*schema.classes, ""], object)
    for given in golden.typical(schema, described):
        said = answers_of(deployed, schema, feeding.x_of(schema, given))
        said["label"] = labels[said["decision"]]
        both = {"inputs": given, "outputs": said}
        cases.append({side: {name: packed(array) for name, array in part.items()} for side, part in both.items()})
    return {"tolerance": TOLERANCE, "cases": cases}


def answers_of(deployed: "Deployed", schema: Schema, x: np.ndarray) -> dict[str, np.ndarray]:
    """What PyTorch says of raw samples, by output."""
    import torch

    given = torch.from_numpy(np.ascontiguousarray(x))
    values = (given,) if schema.kind == "image" else tuple(given.unbind(dim=1))
    with torch.no_grad():
        return {name: value.numpy() for name, value in zip(deployed.answers.outputs, deployed(*values))}


def packed(array: np.ndarray) -> dict:
    """An array as JSON holds it."""
    head = {"dtype": "string" if array.dtype == object else str(array.dtype), "shape": list(array.shape)}
    if array.dtype == object:
        return head | {"text": array.ravel().tolist()}
    content = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()
    return head | {"zlib": base64.b64encode(zlib.compress(content, 9)).decode()}
