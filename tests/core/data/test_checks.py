"""What is wrong with a data set, planted and found; and mended."""

import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data import checks, split
from core.data.checks import Finding, Fix, near
from core.data.dataset import Column, Dataset, LeftOut, Note

N = 60


def table(n=N, targets=None, numbers=(), words=(), left_out=(), notes=(), about=None, **columns) -> Dataset:
    """Rows of a number that tells nothing and is always another one, and the given columns."""
    noise = np.random.default_rng(0).normal(size=n)
    read = [Column("noise", "number"), *(Column(name, "number") for name in numbers)]
    read += [Column(name, "category", tuple(sorted({str(v) for v in columns[name] if v}))) for name in words]
    return Dataset(
        name="people",
        kind="table",
        targets=np.arange(n) % 2 if targets is None else np.asarray(targets),
        classes=tuple("abcdef"[: 2 if targets is None else max(targets) + 1]),
        ids=np.array([f"s{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
        table=pd.DataFrame({"noise": noise, **columns}),
        columns=tuple(read),
        left_out=tuple(left_out),
        notes=tuple(notes),
        about=pd.DataFrame() if about is None else pd.DataFrame(about),
    )


def photos(n=40, side=32, channels=3, seed=0) -> np.ndarray:
    """Smooth pictures with some grain, no two alike, uint8 (n, c, side, side)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 200, (n, 6, 6, channels), dtype=np.uint8)
    smooth = [np.asarray(Image.fromarray(c.squeeze()).resize((side, side), Image.Resampling.BICUBIC)) for c in coarse]
    pixels = np.stack(smooth).reshape(n, side, side, channels).transpose(0, 3, 1, 2)
    return pixels + rng.integers(0, 12, pixels.shape, dtype=np.uint8)


def images(pixels, targets=None, about=None, notes=()) -> Dataset:
    n = len(pixels)
    return Dataset(
        name="photos",
        kind="image",
        targets=np.arange(n) % 2 if targets is None else np.asarray(targets),
        classes=("a", "b"),
        ids=np.array([f"s{i}" for i in range(n)]),
        origin="made by hand",
        licence="none",
        images=pixels,
        about=pd.DataFrame() if about is None else pd.DataFrame(about),
        notes=tuple(notes),
    )


def found(dataset, check, parts=None) -> Finding | None:
    """The finding of this name, or None; there may be one at most."""
    some = [finding for finding in checks.run(dataset, parts) if finding.check == check]
    assert len(some) <= 1, some
    return some[0] if some else None


def repaired(dataset, check, parts=None) -> Dataset:
    return checks.apply(dataset, found(dataset, check, parts).fix)


# ------------------------------------------------------------------------------------------------ exact duplicates


def twice(*where) -> Dataset:
    """A table in which each row of `where` is the one before it again."""
    dataset = table()
    rows = np.arange(N)
    rows[list(where)] -= 1
    return dataclasses.replace(dataset, table=dataset.table.iloc[rows].reset_index(drop=True))


def test_rows_with_the_same_values_are_counted():
    dataset = twice(5, 9)
    dataset = dataclasses.replace(dataset, targets=np.arange(N) // 2 % 2)
    finding = found(dataset, "exact_duplicates")
    assert finding.sentence == "2 rows occur twice or more with the same values (4 rows in all)."
    assert finding.severity == "note"
    assert finding.evidence["pairs"] == [["s4", "s5"], ["s8", "s9"]]
    assert finding.fix.arguments == {"ids": ["s5", "s9"]}


def test_images_with_the_same_pixels_are_counted():
    pixels = photos()
    pixels[7] = pixels[3]
    finding = found(images(pixels), "exact_duplicates")
    assert finding.sentence == "1 image occurs twice or more with the same pixels (2 images in all)."
    assert finding.severity == "warning"


@pytest.mark.parametrize("dataset", [table(), images(photos())], ids=["table", "images"])
def test_clean_data_has_nothing_to_say(dataset):
    assert checks.run(dataset, split.make(dataset)) == []


def test_the_same_content_under_two_labels_is_a_conflict():
    finding = found(twice(5), "conflicting_labels")
    assert finding.sentence == (
        "1 set of values occurs in more than one class, 2 rows in all: no model can tell them apart."
    )
    assert finding.severity == "warning"
    assert finding.evidence["pairs"] == [["s4", "s5"]]
    assert found(repaired(twice(5), "conflicting_labels"), "exact_duplicates") is None


def test_copies_under_one_label_are_no_conflict():
    pixels = photos()
    pixels[7] = pixels[3]
    pixels[8] = pixels[3]
    finding = found(images(pixels), "conflicting_labels")
    assert finding.severity == "problem"
    assert finding.evidence == {"n": 1, "pairs": [["s3", "s8"]], "ids": ["s3", "s7", "s8"], "classes": ["a", "b"]}
    assert found(images(pixels[:8]), "conflicting_labels") is None


def test_a_copy_on_the_other_side_of_the_border_is_a_problem():
    parts = np.array(["train"] * 30 + ["val"] * 10 + ["test"] * 20)
    dataset = table()
    rows = np.arange(N)
    rows[[50, 55]] = [3, 35]
    dataset = dataclasses.replace(dataset, table=dataset.table.iloc[rows].reset_index(drop=True))
    finding = found(dataset, "duplicates_across_parts", parts)
    assert finding.severity == "problem"
    assert sorted(finding.evidence["pairs"]) == [["s3", "s50"], ["s35", "s55"]]
    assert found(repaired(dataset, "duplicates_across_parts", parts), "exact_duplicates") is None


def test_a_split_that_puts_copies_out_says_how_many():
    dataset = table(about={"part": ["train"] * 30 + ["val"] * 10 + ["test"] * 20})
    rows = np.arange(N)
    rows[[50, 52, 55]] = [3, 8, 35]
    dataset = dataclasses.replace(dataset, table=dataset.table.iloc[rows].reset_index(drop=True))
    parts = split.make(dataset)
    finding = found(dataset, "duplicates_out", parts)
    assert finding.sentence == (
        "3 rows are exact copies of one in the test part, so the split leaves them out of training."
    )
    assert found(dataset, "duplicates_across_parts", parts) is None


# ------------------------------------------------------------------------------------------------- near duplicates


def jpeg(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


CHANGES = {
    "brighter": lambda picture: np.clip(picture.astype(int) + 25, 0, 255),
    "flatter": lambda picture: picture * 0.8,
    "to the right": lambda picture: np.roll(picture, 1, axis=2),
    "up": lambda picture: np.roll(picture, -1, axis=1),
    "as JPEG": jpeg,
    "noisy": lambda picture: picture + np.random.default_rng(1).integers(0, 8, picture.shape),
}


@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_no_other(change, side):
    pixels = photos(side=side)
    pixels[20] = CHANGES[change](pixels[10]).astype(np.uint8)
    finding = found(images(pixels), "near_duplicates")
    assert finding.sentence == "1 pair of images is nearly the same."
    assert finding.evidence["pairs"] == [["s10", "s20"]]
    assert finding.fix.arguments == {"ids": ["s20"]}


def test_all_changes_of_one_picture_are_one_chain_of_which_one_is_kept():
    pixels = photos(side=64)
    for place, change in enumerate(CHANGES.values()):
        pixels[20 + place] = change(pixels[10]).astype(np.uint8)
    finding = found(images(pixels), "near_duplicates")
    assert set(finding.evidence["ids"]) == {"s10", *(f"s{20 + i}" for i in range(6))}
    assert sorted(finding.fix.arguments["ids"]) == [f"s{20 + i}" for i in range(6)]


def test_grey_and_float_images_are_compared_too():
    pixels = photos(channels=1)
    pixels[20] = pixels[10] + 9
    assert found(images(pixels), "near_duplicates").evidence["n"] == 1
    assert found(images((pixels / 255).astype(np.float32)), "near_duplicates").evidence["n"] == 1


def test_the_same_shape_in_another_colour_is_another_picture():
    pixels = photos()
    pixels[20] = pixels[10][[2, 0, 1]]
    pixels[20, 0] += 40
    pixels[20, 2] -= 25
    assert found(images(pixels), "near_duplicates") is None


def test_near_duplicates_on_both_sides_are_told_apart_and_the_training_side_goes():
    pixels = photos()
    pixels[20], pixels[21] = pixels[10] + 9, pixels[11] + 9
    parts = np.array(["train"] * 20 + ["test"] + ["train"] * 9 + ["val"] * 10)
    finding = found(images(pixels), "near_duplicates_across_parts", parts)
    assert finding.sentence == (
        "1 pair of images is nearly the same, on both sides of the split: figures would be too good."
    )
    assert finding.fix.arguments == {"ids": ["s10"]}
    assert found(images(pixels), "near_duplicates", parts).evidence["pairs"] == [["s11", "s21"]]


def test_near_duplicates_under_two_labels_are_counted():
    pixels = photos()
    pixels[21] = pixels[10] + 9
    assert found(images(pixels), "near_duplicates").sentence.endswith("nearly the same; 1 of them under two labels.")


def test_an_exact_copy_that_is_out_does_not_hide_a_near_one_across_the_border():
    pixels = photos()
    pixels[20], pixels[30] = pixels[10], pixels[10] + 9
    parts = np.array(["train"] * 40)
    parts[[10, 20, 30]] = ["out", "test", "train"]
    assert found(images(pixels), "near_duplicates_across_parts", parts).evidence["pairs"] == [["s30", "s20"]]


def test_of_images_under_sixteen_pixels_nothing_is_said():
    pixels = photos(side=12)
    pixels[20] = pixels[10] + 9
    assert found(images(pixels), "near_duplicates") is None


def test_digits_do_not_drown_in_pairs():
    from sklearn.datasets import load_digits

    small = (load_digits().images * 15).astype(np.uint8)[:, None]
    pixels = small.repeat(2, axis=2).repeat(2, axis=3)
    assert len(near.pairs(images(pixels, np.zeros(len(pixels), int)), np.arange(len(pixels)))) <= 2


def test_images_of_one_colour_have_no_near_duplicates():
    pixels = np.zeros((30, 3, 16, 16), np.uint8) + np.arange(30, dtype=np.uint8)[:, None, None, None]
    dataset = images(pixels)
    assert found(dataset, "near_duplicates") is None
    assert found(dataset, "single_colour").sentence == "30 images have a single colour and show nothing."


# ------------------------------------------------------------------------------------------------ suspicious files


def test_a_placeholder_under_many_names_is_found_and_dropped():
    pixels = photos(80)
    pixels[10:70:10] = pixels[0]
    finding = found(images(pixels), "placeholder")
    assert finding.sentence == (
        '1 picture comes 5 times or more under different names (7 files in all), as a "not found" picture would.'
    )
    assert len(checks.apply(images(pixels), finding.fix)) == 73


def test_a_single_colour_is_found_also_among_images_with_equal_corners():
    pixels = photos()
    pixels[4] = 17
    pixels[5, :, -1, -1] = pixels[5, :, 0, 0]
    assert found(images(pixels), "single_colour").evidence == {"n": 1, "ids": ["s4"]}


def test_what_the_reader_noted_becomes_findings():
    notes = [
        Note("file", "cat/a.jpg", "Left out, as it is cut short."),
        Note("file", "cat/b.txt", "Left out, as it is no image."),
        Note("file", "", "9 more files left out, not listed here."),
        Note("rows", "target", "3 rows without a target left out."),
        Note("column", "age", "1 cell is no number ('x'); it counts as missing."),
    ]
    by_name = {finding.check: finding for finding in checks.run(table(notes=notes))}
    assert by_name["file"].sentence == (
        "2 files are left out: cat/a.jpg, cat/b.txt. 9 more files left out, not listed here."
    )
    assert by_name["file"].evidence["files"] == ["cat/a.jpg", "cat/b.txt"]
    assert by_name["rows"].sentence == "3 rows without a target left out."
    assert by_name["column"].sentence == "Column age: 1 cell is no number ('x'); it counts as missing."
    assert by_name["column"].evidence == {"n": 1, "columns": ["age"]}


# --------------------------------------------------------------------------------------------------------- columns


def test_a_column_that_gives_the_target_away_is_a_problem_and_is_left_out():
    dataset = table(words=("paid",), paid=["yes", "no"] * 30)
    finding = found(dataset, "leak")
    assert (finding.severity, finding.evidence["columns"]) == ("problem", ["paid"])
    mended = checks.apply(dataset, finding.fix)
    assert [column.name for column in mended.columns] == ["noise"]
    assert mended.left_out == (LeftOut("paid", "category", "It gives the target away."),)
    assert found(mended, "leak") is None


def test_a_running_number_is_an_identifier():
    dataset = table(numbers=("passenger",), passenger=np.arange(N) + 1.0)
    finding = found(dataset, "identifier")
    assert finding.sentence.startswith("Column passenger looks like an identifier: it has 60 different values")
    assert finding.fix.kind == "leave_out_columns"


def test_a_constant_tells_nothing():
    finding = found(table(numbers=("planet",), planet=np.full(N, 3.0)), "constant")
    assert finding.sentence.startswith("Column planet tells nothing: ")


def test_a_column_that_is_left_out_is_noted_with_its_reason():
    dataset = table(left_out=(LeftOut("name", "text", "It has 60 different texts."),), name=["x"] * N)
    assert [finding.to_dict() for finding in checks.run(dataset)] == [
        {
            "check": "left_out",
            "severity": "note",
            "sentence": "Column name is left out. It has 60 different texts.",
            "evidence": {"n": 1, "columns": ["name"]},
            "fix": None,
        }
    ]


def test_of_many_columns_the_first_are_told_and_the_rest_together():
    names = [f"c{i}" for i in range(30)]
    dataset = table(
        left_out=[LeftOut(name, "text", "Free text.") for name in names], **{name: ["x"] * N for name in names}
    )
    findings = checks.run(dataset)
    assert len(findings) == 21
    assert findings[-1].sentence == "10 more columns with the same to say: c20, c21, c22, c23, c24 and 5 more."


def test_a_column_that_is_mostly_missing_is_found():
    values = np.where(np.arange(N) % 10 < 2, np.random.default_rng(1).normal(size=N), np.nan)
    finding = found(table(numbers=("deck",), deck=values), "missing")
    assert finding.sentence == "Column deck is mostly missing: 12 of 60 rows have a value."


def test_a_value_far_from_all_others_is_found_with_its_row():
    age = np.random.default_rng(1).integers(20, 60, N) + 0.5
    age[[7, 8]] = 999.0
    finding = found(table(numbers=("age",), age=age), "outliers")
    assert finding.evidence == {"n": 2, "columns": ["age"], "ids": ["s7", "s8"]}
    assert "has 2 values far from all others (999; the others are from 20.5 to 59.5)" in finding.sentence


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).lognormal(3, 1.2, 5000),
        np.random.default_rng(1).normal(size=5000),
        np.arange(5000) % 100 == 0,
        np.random.default_rng(1).poisson(0.3, 5000),
        np.full(5000, np.nan),
    ],
    ids=["long tail", "normal", "rarely one", "counts", "missing"],
)
def test_long_tails_and_rare_values_are_no_outliers(values):
    assert found(table(5000, numbers=("x",), x=np.asarray(values, float)), "outliers") is None


# --------------------------------------------------------------------------------------------------------- classes


def test_a_class_with_a_single_sample_is_a_problem_and_one_with_nine_is_rare():
    dataset = table(targets=[0] * 20 + [1] * 30 + [2] * 9 + [3])
    single, rare = found(dataset, "single_sample"), found(dataset, "rare_class")
    assert (single.severity, single.sentence) == ("problem", "1 class has a single sample: d.")
    assert (rare.severity, rare.sentence) == ("warning", "1 class has fewer than 10 samples: c.")
    mended = checks.apply(checks.apply(dataset, single.fix), rare.fix)
    assert (mended.classes, np.bincount(mended.targets).tolist()) == (("a", "b"), [20, 30])


def test_the_last_two_classes_are_not_offered_to_be_dropped():
    assert found(table(targets=[0] * 58 + [1] * 2), "rare_class").fix is None


def test_imbalance_is_measured_and_resampling_offered():
    finding = found(table(300, targets=[0] * 280 + [1] * 20), "imbalance")
    assert finding.sentence == "Class a has 14 times as many samples as b (280 and 20)."
    assert (finding.fix.kind, finding.fix.arguments) == ("resample", {"strength": 0.5})
    assert found(table(targets=[0] * 54 + [1] * 6), "imbalance") is None


def test_a_part_without_samples_of_a_class_is_named():
    parts = np.array(["train"] * 40 + ["val"] * 10 + ["test"] * 10)
    finding = found(table(targets=[0, 1] * 25 + [0] * 10), "class_missing_in_part", parts)
    assert finding.sentence == "1 class has no sample in the test part: b."
    assert finding.severity == "warning"


def test_a_class_without_samples_can_be_dropped():
    dataset = table(targets=[0, 2] * 30)
    assert found(dataset, "empty_class").sentence == "1 class has no sample: b."
    mended = repaired(dataset, "empty_class")
    assert (mended.classes, len(mended), set(mended.targets)) == (("a", "c"), 60, {0, 1})


# ----------------------------------------------------------------------------------------------- findings and fixes


def test_the_gravest_come_first():
    dataset = table(
        words=("paid",),
        paid=["yes", "no"] * 30,
        left_out=(LeftOut("x", "text", "Free."),),
        x=["x"] * N,
        notes=[Note("rows", "t", "Something.")],
    )
    assert [finding.severity for finding in checks.run(dataset)] == ["problem", "warning", "note"]


def test_findings_survive_json():
    pixels = photos()
    pixels[7], pixels[9], pixels[20] = pixels[3], pixels[4], pixels[10] + 9
    dataset = images(pixels)
    findings = checks.run(dataset, split.make(dataset))
    assert len(findings) >= 3
    texts = [json.dumps(finding.to_dict()) for finding in findings]
    assert [Finding.from_dict(json.loads(text)) for text in texts] == findings


def test_dropping_samples_cuts_all_that_is_known_of_them_and_leaves_the_given_as_it_was():
    dataset = images(photos(6), about={"part": ["train"] * 3 + ["test"] * 3})
    mended = checks.apply(dataset, Fix("", "drop_samples", {"ids": ["s1", "s5", "no longer there"]}))
    assert mended.ids.tolist() == ["s0", "s2", "s3", "s4"]
    assert mended.about["part"].tolist() == ["train", "train", "test", "test"]
    np.testing.assert_array_equal(mended.images, dataset.images[[0, 2, 3, 4]])
    assert len(dataset) == 6


def test_a_class_that_loses_its_last_sample_goes_with_it():
    mended = checks.apply(table(targets=[0, 1] * 29 + [0, 2]), Fix("", "drop_samples", {"ids": ["s59"]}))
    assert mended.classes == ("a", "b")


@pytest.mark.parametrize(
    ("fix", "message"),
    [
        (Fix("", "drop_classes", {"names": ["a"]}), "people would have 1 of its 2 classes left"),
        (Fix("", "drop_samples", {"ids": [f"s{i}" for i in range(60)]}), "people would have 0 of its 2 classes left"),
        (Fix("", "drop_classes", {"names": ["z"]}), 'people has no class "z"'),
        (Fix("", "leave_out_columns", {"names": ["noise"], "reason": ""}), "people would have no column left"),
        (Fix("", "leave_out_columns", {"names": ["age"], "reason": ""}), 'people has no column "age"'),
        (Fix("", "polish", {}), 'There is no fix "polish"'),
    ],
)
def test_a_fix_that_cannot_be_made_is_refused(fix, message):
    with pytest.raises(ValueError, match=message):
        checks.apply(table(), fix)


def test_resampling_does_not_change_the_data():
    dataset = table()
    assert checks.apply(dataset, Fix("", "resample", {"strength": 0.5})) is dataset
