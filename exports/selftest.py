"""The self-test inside an exported file: it needs Python, NumPy and onnxruntime, and nothing else.

    python selftest.py model.onnx

ends with 0 if the file answers here as PyTorch did where it was made, else with 1.
"""

import base64
import json
import pathlib
import sys
import zlib

import numpy as np

FAILED = "vitrine.failed"  # in the metadata of a file whose certificate failed: the verdict
MOST_BYTES = 2**28  # of one array of the self-test, unpacked


def check(model: "str | pathlib.Path | bytes", although_marked: bool = False) -> dict:
    """Run the self-test of a file (path or bytes): {"passed", "sentence", "largest_difference", "cases"}.

    Each case is {"n", "largest_difference", "differ": outputs that are not as they were}. Probabilities and scores may
    differ by the tolerance that the file states; a decision may differ only where two of them are as near. A file that
    is marked, as its certificate failed where it was made, fails.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    name = "the file" if isinstance(model, bytes) else pathlib.Path(model).name
    try:
        content = model if isinstance(model, bytes) else pathlib.Path(model).read_bytes()
    except OSError as error:
        return _failed(f"{name} cannot be read ({error.strerror}); name a file that is there.")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's many kinds
        return _failed(f"{name} is no ONNX file that onnxruntime can read ({_line(error)}).")
    stored = session.get_modelmeta().custom_metadata_map
    if FAILED in stored and not although_marked:
        return _failed(f"{name} failed its certificate where it was made; do not use it.")
    text = stored.get("vitrine.self_test")
    if text is None:
        return _failed(f"{name} holds no self-test; it was not exported by Vitrine, or its metadata was taken out.")
    try:
        stored = json.loads(text)
        tolerance = float(stored["tolerance"])
        cases = [{side: _all_unpacked(case[side]) for side in ("inputs", "outputs")} for case in stored["cases"]]
        needed = {output.name for output in session.get_outputs()} - {"explanation", "embedding"}
        if not cases or not 0 < tolerance <= 0.01 or any(not _is_whole(case["outputs"], needed) for case in cases):
            raise ValueError("outputs are not compared")
        origin = f"what {stored['of']} gave" if "of" in stored else "what PyTorch gave"
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        said = f"The self-test inside {name} was tampered with or damaged ({_line(error)}); do not use the file."
        return _failed(said)
    try:
        rows = [_compared(session, case, tolerance) for case in cases]
    except Exception as error:  # onnxruntime's many kinds
        return _failed(f"{name} cannot answer the inputs of its own self-test ({_line(error)}); do not use it.")
    largest = max(row["largest_difference"] for row in rows)
    differ = sorted({output for row in rows for output in row["differ"]})
    passed, n = not differ, sum(row["n"] for row in rows)
    if passed:
        said = f"Passed: {name} gives here {origin} where it was made, {n} inputs, within {largest:.1e}."
    else:
        said = f"Failed: {name} does not give here {origin} where it was made: {', '.join(differ)} differ."
    found = {"passed": passed, "sentence": said, "largest_difference": largest if np.isfinite(largest) else None}
    return {**found, "cases": rows}


def _compared(session, case: dict, tolerance: float) -> dict:
    wanted = case["outputs"]
    got = dict(zip(wanted, session.run(list(wanted), case["inputs"])))
    shapes = [name for name in wanted if got[name].shape != wanted[name].shape]
    if shapes:
        return {"n": 0, "largest_difference": np.inf, "differ": shapes}
    largest, differ = 0.0, []
    scores = np.sort(wanted["probabilities"], axis=1)
    near = scores[:, -1] - scores[:, -2] <= 2 * tolerance if scores.shape[1] > 1 else np.zeros(len(scores), bool)
    for name, value in wanted.items():
        if value.dtype.kind == "f":
            scale = np.maximum(1.0, np.abs(value)) if name in ("logits", "embedding", "explanation") else 1.0
            allowed = max(tolerance, 0.02) if name == "outlier" else tolerance
            apart = np.abs(got[name].astype(float) - value) / scale
            if not (apart <= allowed).all():  # NaN is not
                differ.append(name)
            if name == "probabilities":
                largest = float(np.max(np.nan_to_num(apart, nan=np.inf), initial=0.0))
        else:
            other = (got[name] != value).reshape(len(value), -1).any(axis=1)
            if (other & ~near).any():
                differ.append(name)
    return {"n": len(scores), "largest_difference": largest, "differ": differ}


def _is_whole(outputs: dict, needed: set) -> bool:
    """Whether there is an answer of each output, for at least one sample and as many for each."""
    return needed <= set(outputs) and len({len(array) for array in outputs.values()} - {0}) == 1


def _all_unpacked(arrays: dict) -> dict:
    return {name: unpacked(values) for name, values in arrays.items()}


def unpacked(packed: dict) -> np.ndarray:
    """The array that is packed as {"dtype", "shape", "text" or "zlib"}; at most MOST_BYTES of it are read."""
    shape = tuple(int(side) for side in packed["shape"])
    if packed["dtype"] == "string":
        return np.array([str(text) for text in packed["text"]], object).reshape(shape)
    reader = zlib.decompressobj()
    content = reader.decompress(base64.b64decode(packed["zlib"]), MOST_BYTES)
    return np.frombuffer(content, np.dtype(packed["dtype"]).newbyteorder("<")).reshape(shape)


def _failed(sentence: str) -> dict:
    return {"passed": False, "sentence": sentence, "largest_difference": None, "cases": []}


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python selftest.py model.onnx")
    found = check(sys.argv[1])
    print(found["sentence"])
    sys.exit(0 if found["passed"] else 1)
