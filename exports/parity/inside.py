"""Values inside: of a file node by node, and of a net module by module."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

    from core.model import Model


def values(proto: "ModelProto", feeds: dict[str, np.ndarray], wanted: list[str]) -> list[np.ndarray]:
    """Values inside the file, computed node by node, nothing optimised."""
    import onnx
    import onnxruntime

    given = list(proto.graph.output)
    there = {value.name for value in given}
    try:
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(wanted) if name not in there)
        content = proto.SerializeToString()
    finally:
        del proto.graph.output[:]
        proto.graph.output.extend(given)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    only = onnxruntime.RunOptions()
    only.only_execute_path_to_fetches = True
    only.log_severity_level = 4
    return [np.asarray(value) for value in session.run(wanted, feeds, only)]


def sizes(model: "Model", x: np.ndarray) -> tuple[dict[str, int], list[str]]:
    """How many values each module gives, of those that run once and give one tensor; and the modules as they run."""
    import torch

    found, calls = {}, []

    def note(name, value):
        calls.append(name)
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            found[name] = value.numel()

    _hooked(model, x, note)
    return {name: size for name, size in found.items() if calls.count(name) == 1}, calls


def outputs(model: "Model", x: np.ndarray, names: set[str | None]) -> dict[str | None, np.ndarray]:
    """What these modules give; under None what the model takes."""
    found = {None: x.astype(np.float32)} if None in names and x.ndim == 2 else {}

    def note(name, value):
        if name in names:
            found[name] = value.detach().float().numpy().copy()  # what follows may write into it

    _hooked(model, x, note)
    return found


def _hooked(model, x: np.ndarray, note) -> None:
    import torch

    hooks = [
        module.register_forward_hook(lambda _, __, value, name=name: note(name, value))
        for name, module in model.named_modules()
    ]
    try:
        with torch.inference_mode():
            model(torch.from_numpy(np.array(x)))
    finally:
        for hook in hooks:
            hook.remove()
