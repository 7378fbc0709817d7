"""Typical samples, maps of samples, mean maps and shortcuts, where what they must find was planted."""

import numpy as np
import pytest
import torch
from torch import nn

from core import explain, progress
from core.explain import embedding, mean_maps, prototypes, shortcuts
from core.preprocessing import ImagePreprocess
from tests.core import toys
from tests.core.explain import made


class Around(nn.Module):
    """A model for pictures around a net made by hand, which sees levels from 0 to 1."""

    def __init__(self, net, *shape, classes=("no", "yes")):
        super().__init__()
        self.schema = toys.image_schema(*shape, classes=classes)
        self.preprocess, self.net, self.prior_shift = ImagePreprocess(self.schema), net, torch.zeros(len(classes))

    def forward(self, x):
        return self.net(self.preprocess(x))


@pytest.fixture
def two_numbers():
    """A net whose last linear layer takes the row itself, and rows on a grid."""
    return toys.mlp(layers=0), made.parts(made.grid(6, 6), np.arange(36) % 2)


# ----------------------------------------------------------------------------------------------------- embedding


@pytest.mark.parametrize("way", embedding.Options.__dataclass_fields__["way"].metadata["choices"])
def test_each_sample_has_a_place(two_numbers, way):
    arrays, record = embedding.explain(*two_numbers, embedding.Options(way=way))
    assert arrays["xy"].shape == (36, 2) and np.isfinite(arrays["xy"]).all()
    assert arrays["id"][3] == "row-3" and record["n"] == 36
    assert ((arrays["probability"] >= 0.5) & (arrays["probability"] <= 1)).all()


def test_two_numbers_are_placed_as_they_are_but_for_a_turn(two_numbers):
    arrays, record = embedding.explain(*two_numbers)
    distances = np.linalg.norm(arrays["xy"][:, None] - arrays["xy"], axis=2)
    x = two_numbers[1].x("test")
    np.testing.assert_allclose(distances, np.linalg.norm(x[:, None] - x, axis=2), atol=1e-4)
    assert sum(record["explained"]) == pytest.approx(1)


def test_two_heaps_stay_apart():
    rng = np.random.default_rng(0)
    heaps = np.concatenate([rng.normal(0, 1, (60, 20)), rng.normal(12, 1, (60, 20))]).astype(np.float32)
    xy, _ = embedding.place(heaps, embedding.Options(way="tsne"))
    first, second = xy[:60], xy[60:]
    between = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert between > 2 * max(heap.std(axis=0).max() for heap in (first, second))


def test_a_map_of_samples_says_how_far_it_is_and_can_be_stopped():
    def stop_at_once(done, total):
        if done / total > 0.1:
            raise progress.Stopped("Stopped.")

    heap = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    with progress.listen(stop_at_once), pytest.raises(progress.Stopped):
        embedding.place(heap, embedding.Options(way="tsne"))


@pytest.mark.parametrize("way", ["pca", "tsne"])
def test_samples_that_are_all_alike_are_placed_too(way):
    xy, _ = embedding.place(np.ones((10, 4), np.float32), embedding.Options(way=way))
    assert xy.shape == (10, 2) and np.isfinite(xy).all()


# ------------------------------------------------------------------------------------------------------- typical


def test_the_most_typical_are_in_the_direction_of_their_class_and_the_oddest_is_against_it():
    x = np.array([[1, 0], [1, 0.1], [1, -0.1], [-1, 0.1], [0, 1], [0.1, 1], [0, -1]], np.float32)
    arrays, _ = prototypes.explain(
        toys.mlp(layers=0), made.parts(x, [0, 0, 0, 0, 1, 1, 1]), prototypes.Options(shown=1)
    )
    assert arrays["least"][:, 0].tolist() == ["row-3", "row-6"]
    assert arrays["similarity_most"][0, 0] > 0.99 and arrays["similarity_least"][0, 0] < 0


def test_a_class_without_samples_has_no_typical_one():
    x = np.array([[1, 0], [1, 0.1]], np.float32)
    arrays, _ = prototypes.explain(toys.mlp(layers=0), made.parts(x, [0, 0]))
    assert ((arrays["most"][1] == "").all() and arrays["most"][0, 0] == "row-1") or arrays["most"][0, 0] == "row-0"


# ----------------------------------------------------------------------------------------------------- mean maps


def marked(n=40, side=18, place=(slice(12, 16), slice(12, 16)), seed=0):
    """Noise pictures of two classes; those of "yes" have a white square at a place. A linear net that looks there."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (n, 1, side, side)).astype(np.uint8)
    y_true = np.arange(n) % 2
    images[y_true == 1, :, place[0], place[1]] = 255
    conv, head = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(2 * side * side, 2)
    conv.weight.data = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    weight = torch.zeros(2, 2, side, side)
    weight[1, 0, place[0], place[1]], weight[0, 1, place[0], place[1]] = 1.0, 1.0
    head.weight.data, head.bias.data = weight.flatten(1), torch.tensor([0.0, -22.0])
    return Around(nn.Sequential(conv, nn.Flatten(), head), 1, side, side).eval(), made.pictures(images, y_true)


def test_a_mean_map_is_warm_where_the_class_is_recognised():
    model, parts = marked()
    arrays, record = mean_maps.explain(model, parts, mean_maps.Options(way="integrated_gradients"))
    warm = arrays["map"][1]
    inside = warm[12:16, 12:16].mean()
    assert inside > 0.3 and np.abs(warm[:12]).max() < 0.05 * inside
    assert arrays["count"].tolist() == [20, 20] and record["n"] == 40
    np.testing.assert_allclose(arrays["image"][1, 0, 13, 13], 255)


# ----------------------------------------------------------------------------------------------------- shortcuts


def test_a_mark_in_a_corner_that_decides_is_found_with_its_place():
    model, parts = marked()
    arrays, record = shortcuts.explain(model, parts)
    found = {row["class"]: row for row in record["findings"]}
    assert found["yes"]["kind"] == "place" and found["yes"]["value"] > 0.9
    assert found["yes"]["place"].startswith("lower right")
    assert arrays["where_0"][12:16, 12:16].all()


def test_no_place_is_blamed_where_the_net_looks_at_the_whole_picture():
    rng = np.random.default_rng(0)
    y_true = np.arange(60) % 2
    images = (rng.integers(0, 100, (60, 1, 18, 18)) + 60 * y_true[:, None, None, None]).astype(np.uint8)
    head = nn.Linear(324, 2)
    head.weight.data, head.bias.data = torch.stack([-torch.ones(324), torch.ones(324)]), torch.tensor([101.0, -101.0])
    _, record = shortcuts.explain(
        Around(nn.Sequential(nn.Flatten(), head), 1, 18, 18).eval(), made.pictures(images, y_true)
    )
    assert "place" not in [row["kind"] for row in record["findings"]]
    assert "No small place decides by itself: at best it turns 0%." in [row["text"] for row in record["checked"]]


def test_a_column_that_alone_gives_the_answer_is_found_and_another_is_not():
    rng = np.random.default_rng(0)
    y_true = np.arange(300) % 2
    x = np.stack([y_true + rng.normal(0, 0.01, 300), rng.normal(size=300)], axis=1).astype(np.float32)
    model = made.Formula(lambda x: 0.1 + 0.8 * (x[:, 0] > 0.5))
    _, record = shortcuts.explain(model, made.parts(x, y_true))
    assert [(row["kind"], row["place"]) for row in record["findings"]] == [("column", "a")]
    assert "b" in [row["place"] for row in record["checked"]]


def test_a_brightness_that_alone_predicts_as_well_as_the_net_is_found():
    rng = np.random.default_rng(0)
    y_true = np.arange(200) % 2
    images = (rng.integers(0, 60, (200, 1, 12, 12)) + 120 * y_true[:, None, None, None]).astype(np.uint8)
    head = nn.Linear(144, 2)
    head.weight.data, head.bias.data = torch.stack([-torch.ones(144), torch.ones(144)]), torch.tensor([50.0, -50.0])
    _, record = shortcuts.explain(
        Around(nn.Sequential(nn.Flatten(), head), 1, 12, 12).eval(), made.pictures(images, y_true)
    )
    assert "brightness and contrast" in [row["place"] for row in record["findings"]]


def test_pictures_too_small_to_have_places_are_still_looked_at():
    images = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1) * 6
    head = nn.Linear(1, 2)
    model = Around(nn.Sequential(nn.Flatten(), head), 1, 1, 1).eval()
    _, record = shortcuts.explain(model, made.pictures(images, np.arange(40) % 2))
    assert any("too small or too few" in row["text"] for row in record["checked"])


def test_shortcuts_of_a_run_say_what_was_looked_for(finished):
    found = explain.explain_model(finished["digits"], "shortcuts")
    assert {row["kind"] for row in found.record["checked"]} == {"place", "border", "property"}
    assert found.record["findings"] == []
