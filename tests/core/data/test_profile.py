"""What a data set looks like, as plain numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from core.data import profile
from core.data.dataset import Column, Dataset, LeftOut

PARTS = np.array(["train", "train", "val", "test"])


def table(n=4, targets=None, columns=(), left_out=(), classes=("no", "yes"), **values) -> Dataset:
    return Dataset(
        name="people",
        kind="table",
        targets=np.arange(n) % 2 if targets is None else np.asarray(targets),
        classes=classes,
        ids=np.arange(n).astype(str),
        origin="made by hand",
        licence="none",
        table=pd.DataFrame(values),
        columns=tuple(columns),
        left_out=tuple(left_out),
    )


def images(pixels, targets=None, classes=("no", "yes"), about=None) -> Dataset:
    n = len(pixels)
    return Dataset(
        name="photos",
        kind="image",
        targets=np.arange(n) % 2 if targets is None else np.asarray(targets),
        classes=classes,
        ids=np.arange(n).astype(str),
        origin="made by hand",
        licence="none",
        images=pixels,
        about=pd.DataFrame() if about is None else pd.DataFrame(about),
    )


def column(dataset, place=0) -> dict:
    parts = np.full(len(dataset), "train")
    return profile.of_table(dataset, parts)["columns"][place]


# ---------------------------------------------------------------------------------------------------------- tables


def test_a_table_is_ready_for_json_with_its_sizes():
    dataset = table(columns=[Column("age", "number")], age=[1.5, np.nan, 3, 4])
    found = profile.of_table(dataset, PARTS)
    assert json.loads(json.dumps(found)) == found
    assert (found["n"], found["classes"]) == (4, ["no", "yes"])
    assert found["sizes"] == {"train": [1, 1], "val": [1, 0], "test": [0, 1], "out": [0, 0]}


def test_whole_numbers_of_a_short_span_have_a_bar_each():
    found = column(table(columns=[Column("rooms", "number")], rooms=[1.0, 2, 3, 2]))
    assert found["edges"] == [0.5, 1.5, 2.5, 3.5]
    assert found["counts"] == [[1, 0, 1], [0, 2, 0]]
    assert (found["missing"], found["distinct"], found["used"]) == (0, 3, True)


def test_a_histogram_is_cut_at_the_outer_hundredths_and_counts_what_is_outside():
    values = np.append(np.linspace(0, 1, 999), 1e9)
    found = column(table(1000, columns=[Column("x", "number")], x=values))
    assert found["edges"][-1] < 1
    assert len(found["edges"]) == len(found["counts"][0]) + 1 == 31
    assert (found["below"], found["above"]) == (9, 9)
    assert np.sum(found["counts"]) == 982
    assert (found["quantiles"]["0"], found["quantiles"]["1"]) == (0, 1e9)
    assert found["quantiles"]["0.5"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("values", [[np.nan] * 4, [7.25] * 4, [np.inf, 1.5, 2.5, np.nan]])
def test_numbers_that_are_missing_equal_or_infinite_are_counted_all_the_same(values):
    found = column(table(columns=[Column("x", "number")], x=values))
    assert np.sum(found["counts"]) + found["below"] + found["above"] == np.isfinite(values).sum()
    assert found["missing"] == np.isnan(values).mean()


def test_a_category_has_its_most_frequent_values_by_class_and_the_rest():
    words = ["a"] * 5 + ["b"] * 3 + [f"w{i}" for i in range(20)] + [None] * 2
    found = column(table(30, columns=[Column("word", "category")], word=words))
    assert found["values"][:3] == ["a", "b", "w0"]
    assert [row[:2] for row in found["counts"]] == [[3, 1], [2, 2]]
    assert (found["rest"], found["distinct"]) == ([1, 1], 22)
    assert found["missing"] == pytest.approx(2 / 30)


def test_a_long_cell_is_cut():
    assert len(column(table(columns=[Column("word", "category")], word=["x" * 5000] * 4))["values"][0]) == 80


def test_dates_have_a_histogram_with_dates_at_its_edges():
    dates = pd.to_datetime(["2024-01-01", "2024-01-31", None, "2024-01-16"])
    found = column(table(columns=[Column("day", "date")], day=dates))
    assert found["edges"][0].startswith("2024-01-01")
    assert found["quantiles"]["0.5"] == "2024-01-16T00:00:00"
    assert np.sum(found["counts"]) + found["below"] + found["above"] == 3
    assert (found["missing"], found["distinct"]) == (0.25, 3)


def test_columns_that_are_left_out_are_described_with_the_reason():
    dataset = table(
        columns=[Column("x", "number")],
        left_out=[LeftOut("name", "text", "Free text.")],
        x=[1.0] * 4,
        name=list("abcd"),
    )
    found = column(dataset, 1)
    assert (found["name"], found["type"], found["used"], found["reason"]) == ("name", "text", False, "Free text.")


def test_correlations_are_those_of_the_numbers_and_none_where_there_is_none():
    read = [Column(name, "number") for name in ("a", "b", "c")] + [Column("d", "category")]
    dataset = table(columns=read, a=[1.0, 2, 3, np.nan], b=[3.0, 2, 1, 9], c=[5.0] * 4, d=list("xyxy"))
    found = profile.of_table(dataset, PARTS)["correlation"]
    assert found["columns"] == ["a", "b", "c"]
    assert found["matrix"][0] == [pytest.approx(1), pytest.approx(-1), None]


def test_classes_after_the_fiftieth_are_counted_together():
    dataset = table(60, np.arange(60), [Column("x", "number")], classes=tuple(map(str, range(60))), x=[1.0] * 60)
    found = profile.of_table(dataset, np.full(60, "train"))
    assert found["classes"][-2:] == ["49", "all others"]
    assert [row[0] for row in found["columns"][0]["counts"]] == [1] * 50 + [10]


# ---------------------------------------------------------------------------------------------------------- images


def test_images_have_sizes_and_brightness_by_class():
    pixels = np.zeros((4, 3, 8, 8), np.uint8)
    pixels[1::2] = 255
    about = {"height": [100, 100, 50, 100], "width": [200, 200, 50, 100]}
    found = profile.of_images(images(pixels, about=about), PARTS)
    assert json.loads(json.dumps(found)) == found
    assert found["most_frequent"] == [[200, 100, 2], [50, 50, 1], [100, 100, 1]]
    assert found["n_shapes"] == 3
    assert [row[0] for row in found["brightness"]["counts"]] == [2, 0]
    assert [row[-1] for row in found["brightness"]["counts"]] == [0, 2]
    assert found["brightness"]["edges"][0] == 0
    assert np.sum(found["aspect"]["counts"]) == np.sum(found["width"]["counts"]) == 4


def test_without_originals_the_sizes_are_those_that_are_kept():
    assert profile.of_images(images(np.zeros((4, 1, 5, 7), np.uint8)), PARTS)["most_frequent"] == [[7, 5, 4]]


def test_the_mean_image_of_each_class_is_worked_out_by_hand():
    pixels = np.array([10, 20, 30, 41], np.uint8).reshape(4, 1, 1, 1) * np.ones((1, 3, 2, 2), np.uint8)
    found = profile.mean_images(images(pixels))
    assert (found.shape, found.dtype) == ((2, 3, 2, 2), np.uint8)
    assert [set(mean.ravel().tolist()) for mean in found] == [{20}, {30}]


def test_the_mean_does_not_depend_on_the_pieces_it_is_read_in(monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4), dtype=np.uint8)
    whole = profile.mean_images(images(pixels))
    monkeypatch.setattr(profile, "CHUNK_BYTES", 100)
    np.testing.assert_array_equal(profile.mean_images(images(pixels)), whole)


def test_float_images_are_stretched_from_black_to_white():
    pixels = np.array([-1.0, 1.0, -1.0, 0.0], np.float32).reshape(4, 1, 1, 1)
    assert profile.mean_images(images(pixels)).ravel().tolist() == [0, 191]


def test_a_class_without_images_is_black_and_no_more_than_fifty_are_made():
    pixels = np.full((2, 1, 2, 2), 255, np.uint8)
    found = profile.mean_images(images(pixels, [0, 59], classes=tuple(map(str, range(60)))))
    assert found.shape == (50, 1, 2, 2)
    assert found.max(axis=(1, 2, 3)).tolist() == [255] + [0] * 49
