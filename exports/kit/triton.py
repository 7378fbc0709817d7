"""The configuration by which Triton Inference Server, and so KServe, serves an exported file."""

import json

from exports.model_file import ModelFile

TYPES = {
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
    "uint8": "TYPE_UINT8",
    "int64": "TYPE_INT64",
    "bool": "TYPE_BOOL",
    "string": "TYPE_STRING",
}
BATCH = 64  # samples that are asked together, at most


def config(name: str, model: ModelFile) -> str:
    """The text of config.pbtxt for a model repository's folder `name`.

    The first axis of each input and output is the batch's, which Triton leaves out of `dims`; what then has none, a
    value for each sample, is of shape [1] for those who ask, and reshaped for the model.
    """
    from exports.serving import tensors

    inputs, outputs = tensors.described(model.session)
    lines = [
        f"name: {_text(name)}",
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {BATCH}",
        *_ends("input", inputs),
        *_ends("output", outputs),
        "dynamic_batching { }",
    ]
    return "\n".join(lines) + "\n"


def _ends(kind: str, some: list[dict]) -> list[str]:
    lines = []
    for one in some:
        sides = [side if isinstance(side, int) else -1 for side in one["shape"][1:]]
        shape = f"dims: [ {', '.join(map(str, sides))} ]" if sides else "dims: [ 1 ] reshape { shape: [ ] }"
        lines.append(f"{kind} {{ name: {_text(one['name'])} data_type: {TYPES[one['type']]} {shape} }}")
    return lines


def _text(text: str) -> str:
    """Text in quotes, with what is special in protobuf's text format escaped."""
    return json.dumps(text, ensure_ascii=False)
