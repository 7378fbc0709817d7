"""One ONNX file from a run: raw input in, decisions out, all preprocessing inside, and what it is in its metadata."""

import pathlib
import warnings
from typing import TYPE_CHECKING

from core import files, jobs, runs
from core.data.dataset import Schema
from exports import answers as answering
from exports import graph as graphs
from exports.answers import Answers

if TYPE_CHECKING:
    from onnx import ModelProto

    from core.model import Model

EXPORTERS = ("dynamo", "torchscript")  # PyTorch's two ways to ONNX; the second where the first fails
MOST_BYTES = 2**31 - 2**24  # of weights, so that the file stays below ONNX's limit of 2 GiB
PLAIN = Answers()
OPSET = 20  # dates are read with StringSplit


def export(run: str, explanation: bool = False, embedding: bool = False, exporter: str = "") -> pathlib.Path:
    """Write exports/model.onnx of `run` and return its path. An older proof goes, as it was for an older file.

    Inputs: see `exports.feeding.inputs`. Outputs, all for n samples: "logits" and "probabilities", float32
    (n, n_classes), the latter calibrated; "decision", int64 (n,), by the operating point in use, -1 for nothing;
    "label", its class as text, "" for nothing; "abstain", bool (n,); "set", bool (n, n_classes), the classes that
    together hold the true one in 90%; "outlier", float32 (n,), see `exports.answers.Outlier`. On request:
    explanation : why it decides so: of images Grad-CAM (n, H, W), of rows integrated gradients (n, n_columns)
    embedding : what the last linear layer takes, (n, n_features)
    exporter : one of EXPORTERS; "" for the first that works
    Raises LookupError if the run has no weights yet, ValueError if it is still at work or cannot be exported.
    """
    from core import model as models
    from exports import facts

    if jobs.state(run) in runs.WORKING:  # its best epoch may change before the proof is done
        raise ValueError(f"Run {run} is still at work; export it when it is done.")
    target = runs.path(run, "exports", "model.onnx")
    model = models.load(run)
    wanted = answering.of_run(run, model, explanation, embedding)
    proto, used = _converted(model, wanted, (exporter,) if exporter else EXPORTERS)
    facts.write(proto, run, model, wanted, used)
    content = proto.SerializeToString()
    with runs.replacing(target) as beside:
        beside.write_bytes(content)
        runs.path(run, "exports", "parity.json").unlink(missing_ok=True)  # once there was room for the new file
    files.not_before(target, runs.path(run, "checkpoints", "best.pt"))
    return target


def _converted(model, wanted: Answers, exporters: tuple[str, ...]) -> tuple:
    """The file by the first exporter that can, and which one; ValueError with a sentence if none can."""
    problems = []
    for exporter in exporters:
        try:
            return convert(model, wanted, exporter), exporter
        except ValueError:
            raise
        except Exception as error:  # the exporters' many kinds
            problems.append(f"{exporter}: {(str(error).strip().splitlines() or [type(error).__name__])[0][:200]}")
    what = "explanation inside" if wanted.explanation else "net"
    advice = "export it without one" if wanted.explanation else "change what it computes, or export it by hand"
    raise ValueError(f"PyTorch cannot write this {what} as ONNX ({'; '.join(problems)}); {advice}.")


def convert(model: "Model", wanted: Answers = PLAIN, exporter: str = "dynamo") -> "ModelProto":
    """An onnx.ModelProto that computes `wanted` of raw input with `model` (core.model.Model), without metadata."""
    import onnx
    import torch

    from exports.deployed import Deployed

    n_bytes = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    if n_bytes > MOST_BYTES:
        raise ValueError(
            f"The net has {n_bytes / 2**30:.1f} GiB of weights; one ONNX file holds less than 2 GiB. Choose a smaller "
            "net."
        )
    schema, deployed = model.schema, Deployed(model, wanted).eval()
    example = _example(schema)
    names = [f"input_{i}" for i in range(len(example))]
    axes = {0: "batch"} | ({2: "height", 3: "width"} if schema.kind == "image" else {})
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # on names of axes that are the same axis, and on the second way's age
        if exporter == "dynamo":
            proto = _by_dynamo(deployed, example, names, axes)
        else:
            proto = _by_torchscript(deployed, example, names, axes)
    graphs.finish(proto, schema, axes)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _by_dynamo(deployed, example: tuple, names: list[str], axes: dict[int, str]):
    import torch

    dims = {place: torch.export.Dim(name) for place, name in axes.items()}
    shapes = tuple(dict(dims) for _ in example)
    program, weights = deployed, {}
    if deployed.why is None:
        shapes = (shapes,)  # it takes all of them in one tuple, *values
    else:
        from exports import gradients

        program, weights = gradients.written_out(deployed, example)
    proto = torch.onnx.export(
        program,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=names,
        output_names=deployed.answers.outputs,
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    ).model_proto  # ty: ignore[missing-union-attribute]
    graphs.rename(proto, weights)
    return proto


def _by_torchscript(deployed, example: tuple, names: list[str], axes: dict[int, str]):
    import io

    import onnx
    import torch

    if deployed.why is not None:
        raise RuntimeError("gradients cannot be written this way")
    outputs = deployed.answers.outputs
    content = io.BytesIO()
    torch.onnx.export(
        deployed,
        example,
        content,  # ty: ignore[invalid-argument-type]
        dynamo=False,
        opset_version=OPSET,
        input_names=names,
        output_names=outputs,
        dynamic_axes={name: dict(axes) for name in names} | {name: {0: axes[0]} for name in outputs},
    )
    return onnx.load_from_string(content.getvalue())


def _example(schema: Schema) -> tuple:
    """A batch of two samples; one alone could be frozen in."""
    import torch

    if schema.kind == "image":
        channels, height, width = schema.shape
        return (torch.zeros(2, channels, height + 3, width + 5, dtype=getattr(torch, schema.dtype)),)
    return tuple(
        torch.zeros(2, dtype=torch.int64 if column.type == "category" else torch.float32) for column in schema.columns
    )
