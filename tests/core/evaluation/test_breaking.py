"""Accuracy on samples that are spoiled more and more."""

import numpy as np
import pytest
import torch

from core import progress, runs
from core.evaluation import breaking


def test_where_accuracy_falls_below_a_line_is_told_between_severities():
    assert breaking.falls_below([0.9, 0.8, 0.6, 0.2], 0.7) == pytest.approx(1.5)
    assert breaking.falls_below([0.9, 0.9], 0.5) is None
    assert breaking.falls_below([0.4, 0.3], 0.5) == 0
    assert breaking.falls_below([0.9, 0.5], 0.5) is None  # on the line is not below it


@pytest.mark.parametrize("kind", breaking.IMAGES, ids=lambda kind: kind.name)
@pytest.mark.parametrize("shape", [(3, 1, 9, 6), (2, 3, 32, 32), (2, 3, 1, 1)])
def test_an_image_is_spoiled_more_at_each_severity_and_always_in_the_same_way(kind, shape):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    moved = []
    for level in kind.levels:
        made = [breaking._SPOIL[kind.name](x, level, torch.Generator().manual_seed(1)) for _ in range(2)]
        torch.testing.assert_close(made[0], made[1])
        assert made[0].shape == x.shape
        moved.append(float((made[0] - x).square().mean()))
    if min(shape[2:]) > 1:
        assert moved[0] >= 0  # a blur of a tenth of a pixel is none
        assert moved[-1] > moved[0]


def test_rotation_by_a_right_angle_is_one_way_or_the_other():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    turned = breaking._rotation(x, 90, torch.Generator().manual_seed(0))[0, 0]
    ways = [torch.rot90(x[0, 0], k) for k in (1, 3)]
    assert any(torch.allclose(turned, way, atol=1e-4) for way in ways)


def test_occlusion_covers_its_share_of_the_area():
    x = torch.zeros(50, 1, 20, 20)
    covered = breaking._occlusion(x, 0.25, torch.Generator().manual_seed(0))
    assert (covered == 0.5).sum(dim=(1, 2, 3)).unique().tolist() == [100]


def test_contrast_keeps_the_mean_and_scales_the_rest():
    x = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    torch.testing.assert_close(breaking._contrast(x, 0.5, None).flatten(), torch.tensor([0.3, 0.5]))


@pytest.fixture
def told():
    return []


def test_the_curves_of_images_start_at_the_accuracy_of_clean_ones(finished, told):
    run = finished["digits"]
    assert breaking.read(run) is None
    with progress.listen(lambda done, total: told.append(done / total)):
        record = breaking.curves(run)
    assert breaking.read(run) == record
    assert [kind["name"] for kind in record["corruptions"]] == [kind.name for kind in breaking.IMAGES]
    _, y_true, logits = runs.predictions(run, "test")
    clean = (logits.argmax(axis=1) == y_true).mean()
    for kind in record["corruptions"]:
        assert kind["accuracy"][0]["value"] == clean
        assert len(kind["accuracy"]) == len(kind["levels"]) == 6
    assert min(kind["accuracy"][5]["value"] for kind in record["corruptions"]) < record["line"]
    assert told == sorted(told)
    assert told[-1] == 1
    assert breaking.sentence(record).endswith("of 5.")


def test_the_curves_of_a_table_are_noise_and_missing_cells(finished, told):
    run = finished["breast_cancer"]
    with progress.listen(lambda done, total: told.append(done / total)):
        record = breaking.curves(run, most=60, drop=0.05)
    assert [kind["name"] for kind in record["corruptions"]] == ["noise", "missing"]
    assert record["n"] == 60
    clean = record["corruptions"][0]["accuracy"][0]["value"]
    assert record["line"] == pytest.approx(clean - 0.05)
    assert record["corruptions"][0]["accuracy"][5]["value"] < clean
    assert record == breaking.curves(run, most=60, drop=0.05)  # it is drawn in the same way
    assert told[-1] == 1


def test_a_record_of_other_weights_counts_as_none(finished):
    run = finished["breast_cancer"]
    breaking.curves(run, most=20)
    assert breaking.read(run)
    runs.write_status(run, best_epoch=99)  # it was resumed, and became better
    assert breaking.read(run) is None


def test_a_damaged_record_counts_as_none(finished):
    run = finished["breast_cancer"]
    runs.path(run, "robustness.json").write_text("{}")
    assert breaking.read(run) is None
    runs.path(run, "robustness.json").write_text("[")
    assert breaking.read(run) is None


def test_a_line_that_cannot_be_is_refused(finished):
    with pytest.raises(ValueError, match="drop is 2; it must lie between 0 and 1"):
        breaking.curves(finished["breast_cancer"], drop=2)


def test_a_run_that_breaks_nowhere_says_so():
    kind = {"title": "Noise", "falls_below": None, "accuracy": [{"value": np.float64(0.9)}]}
    said = breaking.sentence({"line": 0.8, "corruptions": [kind]})
    assert said == "Accuracy stays above 80.0% at every severity; it is 90.0% on clean samples."


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (1, 3, 40, 31), (1, 1, 1, 9)])
def test_blur_is_the_gaussian_of_torchvision(shape):
    from torchvision.transforms.v2 import functional

    x, side = torch.rand(shape, generator=torch.Generator().manual_seed(0)), min(shape[2:])
    for level in next(kind.levels for kind in breaking.IMAGES if kind.name == "blur"):
        size = 2 * max(1, min(round(3 * level * side), side - 1)) + 1
        expected = x if side == 1 else functional.gaussian_blur(x, [size, size], [level * side] * 2)
        torch.testing.assert_close(breaking._blur(x, level, None), expected, atol=1e-5, rtol=0)
