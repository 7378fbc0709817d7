"""Made-up inputs on which the exported file is tried: those of its self-test, and extreme ones."""

import numpy as np

from core.data.dataset import Schema
from exports.feeding import input_names


def typical(schema: Schema, described: list[dict]) -> list[dict[str, np.ndarray]]:
    """A few batches as the file takes them, none of a real sample.

    described : the inputs as the file's metadata has them, with examples and ranges
    Images: noise and a smooth picture at the size of the data, and one that is larger and not square. Rows: the example
    of each column, then a value drawn from each column's range by itself, then all that is missing or unknown.
    """
    rng = np.random.default_rng(0)
    if schema.kind == "table":
        return [_rows(schema, described, rng, 8)]
    channels, height, width = schema.shape
    pair = [make(rng, channels, height, width) for make in (_noise, _smooth)]
    batches = [np.concatenate(pair), _smooth(rng, channels, height * 3 // 2 + 3, width + width // 4 + 5)]
    return [{"image": _as_given(schema, batch)} for batch in batches]


def extreme(schema: Schema) -> dict[str, dict[str, np.ndarray]]:
    """Batches of inputs that nobody expects, as the file takes them, by what they are."""
    if schema.kind == "image":
        channels, height, width = schema.shape
        sizes = {"one pixel": (1, 1), "wide": (3, 8 * width), "high": (8 * height, 3), "large": (3 * height, 2 * width)}
        top = 255 if schema.dtype == "uint8" else 1
        found = {
            "all 0": np.zeros((2, *schema.shape)),
            f"all {top}": np.full((2, *schema.shape), float(top)),
            "black and white, pixel by pixel": np.indices((2, *schema.shape)).sum(axis=0) % 2 * float(top),
        }
        rng = np.random.default_rng(1)
        found |= {name: _noise(rng, channels, *size) for name, size in sizes.items()}
        found = {name: {"image": _as_given(schema, values)} for name, values in found.items()}
        if schema.dtype == "float32":
            odd = np.zeros((1, *schema.shape), np.float32)
            found["infinity"] = {"image": odd + np.inf}
        return found
    numbers = {"0": 0.0, "missing": np.nan, "infinity": np.inf, "minus infinity": -np.inf, "1e30": 1e30, "-1e30": -1e30}
    texts = {"empty": "", "never seen": "never seen", "a million letters": "a" * 10**6, "odd letters": "☃ ' \\ \x7f \n"}
    found = {f"numbers: {name}": _filled(schema, value, "") for name, value in numbers.items()}
    if any(column.type != "number" for column in schema.columns):
        found |= {f"text: {name}": _filled(schema, np.nan, text) for name, text in texts.items()}
    if any(column.type == "date" for column in schema.columns):
        for text in ("1678-01-01", "2261-12-31", "2023-02-29", "2024-02-29 23:59:59"):
            found[f"dates: {text}"] = _filled(schema, 0.0, text)
    return found


def _filled(schema: Schema, number: float, text: str, n: int = 2) -> dict[str, np.ndarray]:
    return {
        name: np.full(n, number, np.float32) if column.type == "number" else np.full(n, text, object)
        for name, column in zip(input_names(schema), schema.columns)
    }


def _rows(schema: Schema, described: list[dict], rng, n: int) -> dict[str, np.ndarray]:
    found = {}
    for name, column, about in zip(input_names(schema), schema.columns, described):
        example, (low, high) = about.get("example"), about.get("range") or (0.0, 1.0)
        if column.type == "number":
            values = rng.uniform(low, high, n).astype(np.float32)
            values[0], values[-1] = (np.nan if example is None else example), np.nan
        elif column.type == "date":
            start = np.datetime64(low or "2000-01-01", "D")  # ty: ignore[no-matching-overload]
            span = int((np.datetime64(high, "D") - start).astype(int)) if about.get("range") else 1000  # ty: ignore[no-matching-overload]
            values = (start + rng.integers(0, span + 1, n)).astype(str).astype(object)
            values[0], values[-1] = example or "", ""
        else:
            values = np.array([*column.categories, ""], object)[rng.integers(0, len(column.categories) + 1, n)]
            values[0], values[-2], values[-1] = example or "", "never seen", ""
        found[name] = values
    return found


def _noise(rng, channels: int, height: int, width: int) -> np.ndarray:
    return rng.integers(0, 256, (1, channels, height, width)).astype(float)


def _smooth(rng, channels: int, height: int, width: int) -> np.ndarray:
    """A picture of a few soft waves, levels 0 to 255."""
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    total = np.zeros((1, channels, height, width))
    for _ in range(4):
        a, b, phase = (rng.uniform(low, high, (1, channels, 1, 1)) for low, high in ((-3, 3), (-3, 3), (0, 6)))
        total += np.sin(2 * np.pi * (a * down + b * across) + phase)
    return (127.5 + 31 * total).clip(0, 255)


def _as_given(schema: Schema, levels: np.ndarray) -> np.ndarray:
    if schema.dtype == "uint8":
        return np.ascontiguousarray(levels, np.uint8)
    return np.ascontiguousarray(levels / 255 if levels.max() > 1 else levels, np.float32)
