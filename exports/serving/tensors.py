"""JSON tensors for files that say no more than ONNX makes them: {"inputs": {name: nested lists}}."""

from typing import TYPE_CHECKING, Any

import numpy as np

from exports.model_file import ModelFile
from exports.serving import reading
from exports.serving.limits import Refused

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

TYPES = {  # of onnxruntime -> of NumPy
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "bool": "bool",
    "string": "object",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def feeds(content: bytes, content_type: str, model: ModelFile) -> dict[str, np.ndarray]:
    """The arrays that a request gives for the inputs of a file, of their types and shapes."""
    kind = reading.media_type(content_type)
    if kind not in ("application/json", ""):
        said = f"The content is {reading.quoted(kind)}; this model takes application/json, see /metadata."
        raise Refused(415, said)
    values = reading.parsed(content)
    given = values.get("inputs") if isinstance(values, dict) else None
    wanted = {one.name: one for one in model.session.get_inputs()}
    if not isinstance(given, dict):
        names = ", ".join(map(reading.quoted, wanted))
        raise Refused(422, f'The request has no "inputs"; send {{"inputs": {{name: nested lists}}}} for {names}.')
    if missing := [name for name in wanted if name not in given]:
        raise Refused(422, f"There is no input {reading.quoted(missing[0])} in the request; the model needs it.")
    return {name: _array(given[name], one) for name, one in wanted.items()}


def plain(values: Any) -> Any:
    """An output as JSON has it."""
    return values.tolist() if isinstance(values, np.ndarray) else values


def described(session: "InferenceSession") -> tuple[list[dict], list[dict]]:
    """Name, type and shape of each input and output of a session, as the file has them."""
    inputs, outputs = (
        [{"name": one.name, "type": type_of(one), "shape": list(one.shape)} for one in some]
        for some in (session.get_inputs(), session.get_outputs())
    )
    return inputs, outputs


def type_of(one: "NodeArg") -> str:
    """ "tensor(float)" -> "float32"; what NumPy has no name for stays as onnxruntime has it."""
    inner = one.type.removeprefix("tensor(").removesuffix(")")
    return "string" if inner == "string" else TYPES.get(inner, one.type)


def _array(values, one) -> np.ndarray:
    """Nested lists as the array that an input takes."""
    name, type_, shape = reading.quoted(one.name), type_of(one), one.shape
    if one.type.startswith("tensor(") and type_ not in ("string", *TYPES.values()):
        raise Refused(422, f"The input {name} is of type {one.type}, which cannot be sent as JSON.")
    try:
        array = np.asarray(values)
        if type_ == "string":
            if array.dtype.kind != "U":
                raise ValueError("not all are text")
            array = array.astype(object)
        else:
            if array.dtype.kind not in "biuf":
                raise ValueError("not all are numbers")
            with np.errstate(over="ignore", invalid="ignore"):
                cast = array.astype(type_)
            if cast.dtype.kind != "f" and not np.array_equal(cast, array):
                raise ValueError("some do not fit")
            array = cast
    except (ValueError, TypeError, OverflowError) as error:
        problem = str(error).splitlines()[0]
        raise Refused(422, f"The input {name} is no array of {type_} ({problem}).") from None
    fits = len(shape) == array.ndim and all(
        not isinstance(side, int) or side == given for side, given in zip(shape, array.shape)
    )
    if not fits:
        raise Refused(422, f"The input {name} has shape {list(array.shape)}; the model takes {list(shape)}.")
    return array
