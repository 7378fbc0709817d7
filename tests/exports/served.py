"""Two small exported files made by hand, whose answers are known: of rows, and of grey images of any size."""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime

from exports import facts

TABLE = """
<ir_version: 10, opset_import: ["" : 20, "ai.onnx.ml": 4]>
rows (float[n] age, string[n] city, string[n] seen) =>
  (float[n, 2] logits, float[n, 2] probabilities, int64[n] decision, string[n] label, bool[n] abstain, bool[n, 2] set,
   float[n] outlier, float[n, 3] explanation)
<float ten = {10.0}, float three = {3.0}, float sure = {0.6}, int64 silent = {-1}, float nought = {0.0},
 int64[1] last = {1}>
{
  lacking = IsNaN (age)
  known = Where (lacking, nought, age)
  tens = Div (known, ten)
  number = Sub (tens, three)
  code = ai.onnx.ml.LabelEncoder <keys_strings = ["oslo", "rome"], values_floats = [0.0, 1.0], default_float = -1.0>
    (city)
  score = Add (number, code)
  column = Unsqueeze (score, last)
  zero = Sub (column, column)
  logits = Concat <axis = 1> (zero, column)
  probabilities = Softmax <axis = 1> (logits)
  best = ReduceMax <keepdims = 0> (probabilities, last)
  abstain = Less (best, sure)
  most = ArgMax <axis = 1, keepdims = 0> (logits)
  decision = Where (abstain, silent, most)
  label = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1], values_strings = ["no", "<yes>"], default_string = "">
    (decision)
  set = GreaterOrEqual (probabilities, likely)
  outlier = Mul (best, best)
  numbers = Unsqueeze (number, last)
  codes = Unsqueeze (code, last)
  explanation = Concat <axis = 1> (numbers, codes, zero)
}
"""
IMAGE = """
<ir_version: 10, opset_import: ["" : 20, "ai.onnx.ml": 4]>
pictures (uint8[n, CHANNELS, height, width] image) =>
  (float[n, 2] logits, float[n, 2] probabilities, int64[n] decision, string[n] label, bool[n] abstain)
<float middle = {128.0}, float ten = {10.0}, int64[2] sides = {2, 3}>
{
  levels = Cast <to = 1> (image)
  top = Slice (levels, first, last, down)
  planes = ReduceMean <keepdims = 0> (top, sides)
  mean = ReduceMean <keepdims = 1> (planes, last)
  above = Sub (mean, middle)
  light = Div (above, ten)
  zero = Sub (light, light)
  logits = Concat <axis = 1> (zero, light)
  probabilities = Softmax <axis = 1> (logits)
  decision = ArgMax <axis = 1, keepdims = 0> (logits)
  label = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1], values_strings = ["dark", "light"], default_string = "">
    (decision)
  best = ReduceMax <keepdims = 0> (probabilities, last)
  abstain = Less (best, nought)
}
"""
ROWS = [
    {"name": "age", "column": "age", "role": "number", "type": "float32", "shape": ["n"], "range": [17, 90],
     "missing": True, "example": "39", "text": "A number; seen from 17 to 90."},
    {"name": "city", "column": "city", "role": "category", "type": "string", "shape": ["n"], "range": None,
     "categories": ["oslo", "rome"], "missing": False, "example": "rome", "text": "One of oslo, rome."},
    {"name": "seen", "column": "seen", "role": "date", "type": "string", "shape": ["n"],
     "range": ["2020-01-01", "2024-12-31"], "missing": True, "example": "", "text": "A date."},
]  # fmt: skip


def table(folder: pathlib.Path, described: bool = True) -> pathlib.Path:
    """Says "<yes>" from age 30 on in oslo and from 20 on in rome, nothing close by; `described`: with metadata."""
    text = TABLE.replace("int64[1] last", "float likely = {0.1}, int64[1] last")
    given = {
        "age": np.array([39, np.nan, 25.5], np.float32),
        "city": np.array(["rome", "", 'a "quoted", town'], object),
        "seen": np.array(["2024-01-31", "", ""], object),
    }
    return _write(folder, "table", text, ["no", "<yes>"], ROWS, [given] if described else None)


def image(folder: pathlib.Path, described: bool = True, channels: int = 1) -> pathlib.Path:
    """Says "light" where the mean level of the top row is above 128, else "dark"."""
    more = "float nought = {0.0}, int64[1] first = {0}, int64[1] last = {1}, int64[1] down = {2}"
    text = IMAGE.replace("int64[2] sides", more + ", int64[2] sides")
    about = {
        "name": "image", "column": "image", "role": "image", "type": "uint8",
        "shape": ["n", channels, "height", "width"], "range": [0, 255], "missing": False, "size_seen": [8, 8],
        "text": "Levels.",
    }  # fmt: skip
    noise = np.random.default_rng(0).integers(0, 256, (2, channels, 6, 9), dtype=np.uint8)
    text = text.replace("CHANNELS", str(channels))
    return _write(folder, "image", text, ["dark", "light"], [about], [{"image": noise}] if described else None)


def _write(folder: pathlib.Path, kind: str, text: str, classes: list, inputs: list, cases: list | None) -> pathlib.Path:
    """The file; `cases` are the inputs of its self-test, None for a file that says nothing of itself."""
    model, path = onnx.parser.parse_model(text), folder / f"{kind}.onnx"
    onnx.checker.check_model(model, full_check=True)
    if cases is not None:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        names = [one.name for one in session.get_outputs()]
        both = [{"inputs": given, "outputs": dict(zip(names, session.run(names, given)))} for given in cases]
        packed = [
            {side: {name: facts.packed(array) for name, array in part.items()} for side, part in case.items()}
            for case in both
        ]
        known = {
            "format": 2, "run": f"2026-11-24-toy-{kind}", "data": "toy", "kind": kind, "classes": classes,
            "inputs": inputs, "outputs": facts.outputs(model), "operating_point": None, "temperature": 1.0,
            "self_test": {"tolerance": 1e-4, "cases": packed},
        }  # fmt: skip
        onnx.helper.set_model_props(model, {f"vitrine.{name}": json.dumps(value) for name, value in known.items()})
    onnx.save(model, path)
    return path
