"""The proof on original photographs, each at its own size, and on columns with dates and missing cells."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from core import config
from core.data.dataset import Column
from core.data.readers import folder
from core.model import Model
from exports import feeding, onnx, parity
from tests.exports import made


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Six photographs of different sizes, an untrained net for 16 x 16, and its file."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_WORKSPACE", str(root / "workspace"))
        for i, size in enumerate([(60, 40), (32, 33), (90, 100), (35, 70), (33, 120), (41, 41)]):
            path = root / "pets" / "ab"[i % 2]
            path.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path / f"{i}.png")
        dataset = folder.load(str(root / "pets"), folder.Options(size=32), lambda *_: None)
    torch.manual_seed(0)
    model = Model(dataclasses.replace(dataset.schema, shape=(3, 16, 16)), config.NetConfig("cnn")).eval()
    path = root / "model.onnx"
    path.write_bytes(onnx.convert(model).SerializeToString())
    model.preprocess.any_size = False
    return dataset, model, path


def compared(dataset, model, path):
    return parity.compare(path, model, dataset, np.arange(len(dataset)))


def test_originals_are_compared_one_by_one_and_stored_images_in_batches(photos):
    record = compared(*photos)
    assert record["passed"], record["verdict"]
    assert [(check["input"], check["batch_size"]) for check in record["checks"]] == [
        ("original", 1),
        ("stored", 6),  # all at once
        ("stored", 1),
        ("stored", 2),
        *[("stored", 6)] * 3,  # the graph as it was written; by one thread, and by two
    ]


def test_a_file_that_scales_otherwise_than_the_net_fails(photos, monkeypatch):
    dataset, model, path = photos

    def nearest(x, height, width, *_):
        return torch.nn.functional.interpolate(x, (height, width), mode="nearest")

    monkeypatch.setattr("core.preprocessing.resize", nearest)
    record = compared(dataset, model, path)
    assert not record["passed"] and record["largest_difference"] > 1e-4


def test_without_the_originals_the_stored_images_are_compared(photos, tmp_path):
    dataset, model, path = photos
    object.__setattr__(dataset, "root", str(tmp_path / "gone"))
    record = compared(dataset, model, path)
    assert {check["input"] for check in record["checks"]} == {"stored"} and record["passed"]


def test_dates_flags_and_categories_decide_alike_in_the_file(tmp_path):
    columns = (
        Column("when", "date", missing=True),
        Column("a", "number", missing=True),
        Column("colour", "category", ("blue", "red"), missing=True),
    )
    rng = np.random.default_rng(0)
    dates = pd.to_datetime(rng.integers(0, 2_000_000_000, 60), unit="s").to_series(index=range(60))
    rows = [
        {"when": date if i % 5 else pd.NaT, "a": float(i) if i % 3 else np.nan, "colour": ["blue", "red", None][i % 3]}
        for i, date in enumerate(dates)
    ]
    dataset = made.table(rows, columns, targets=np.arange(60) % 2)
    torch.manual_seed(0)
    model = Model(dataset.schema, config.NetConfig("mlp", {}))
    model.preprocess.fit(torch.from_numpy(dataset.x))
    model.eval()
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx.convert(model).SerializeToString())
    record = compared(dataset, model, path)
    assert record["passed"], record["verdict"]
    assert feeding.inputs(dataset, np.arange(3))["when"][0] == ""  # no date
