"""Samples that a kit carries, as files, with what the model must say of them."""

import csv
import io
import pathlib

import numpy as np

from core import runs
from exports import selftest
from exports.model_file import ModelFile

ROWS = "rows.csv"
MOST = 8  # real samples


def made_up(model: ModelFile) -> tuple[dict[str, bytes], list[dict]]:
    """The inputs of the file's self-test as image files or a CSV file, and what PyTorch said of each.

    Files by name; {"label": "" where nothing is said, "probabilities": by class} for each image or row, in order.
    """
    cases = model.facts["self_test"]["cases"]
    inputs, outputs = (
        [{name: selftest.unpacked(packed) for name, packed in case[side].items()} for case in cases]
        for side in ("inputs", "outputs")
    )
    labels = np.concatenate([found["label"] for found in outputs])
    y_prob = np.concatenate([found["probabilities"] for found in outputs])
    if model.kind == "image":
        pictures = [png(image) for given in inputs for image in given[model.inputs[0]["name"]]]
        return _named(pictures, ".png"), _expected(labels, y_prob, model.classes)
    columns = {one["name"]: np.concatenate([given[one["name"]] for given in inputs]) for one in model.inputs}
    return {ROWS: rows(model, columns)}, _expected(labels, y_prob, model.classes)


def real(run: str, model: ModelFile) -> tuple[dict[str, bytes], list[dict]]:
    """The first test samples as they are in the data, and what the run's pages show of each; see `made_up`.

    Raises ValueError if the image files that the pages speak of are no longer there.
    """
    from core.evaluation.metrics import softmax
    from exports import feeding, live

    dataset = runs.dataset(run)
    ids, _, logits = (values[:MOST] for values in runs.predictions(run, "test"))
    place = {sample: i for i, sample in enumerate(dataset.ids.tolist())}
    where = np.array([place[sample] for sample in ids.tolist()])
    labels = np.array([*model.classes, ""], object)[live.decide(run, softmax(logits))]
    expected = _expected(labels, softmax(logits / model.facts.get("temperature", 1.0)), model.classes)
    if model.kind == "table":
        return {ROWS: rows(model, feeding.inputs(dataset, where))}, expected
    if (runs.evaluation(run) or {}).get("pixels") != "original":
        return _named([png(dataset.pictures[i]) for i in where], ".png"), expected
    files = [pathlib.Path(dataset.root, dataset.about["file"].iloc[i]) for i in where]
    try:
        contents = [file.read_bytes() for file in files]
    except OSError as error:
        raise ValueError(f"{error.filename} is no longer there; make the kit with made-up samples instead.") from error
    return _named(contents, files[0].suffix.lower()), expected


def png(image: np.ndarray) -> bytes:
    """An image, uint8 (c, h, w), as a PNG file."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)).save(content, "PNG")
    return content.getvalue()


def rows(model: ModelFile, columns: dict[str, np.ndarray]) -> bytes:
    """The inputs of a table's file, by name, as a CSV file of the columns' own names."""
    text = io.StringIO()
    cells = [["" if value != value else value for value in columns[one["name"]].tolist()] for one in model.inputs]
    csv.writer(text, lineterminator="\n").writerows([[one["column"] for one in model.inputs], *zip(*cells)])
    return text.getvalue().encode()


def _named(contents: list[bytes], suffix: str) -> dict[str, bytes]:
    return {f"image-{i:02}{suffix}": content for i, content in enumerate(contents, start=1)}


def _expected(labels, y_prob: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    return [{"label": label, "probabilities": dict(zip(classes, row))} for label, row in zip(labels, y_prob.tolist())]
