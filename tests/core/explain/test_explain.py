"""Explainers keep the same promises; what an explanation says is checked where the answer is known."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import core.explain as explainers
from core import data, registry, runs
from core import model as models
from core.explain import gradcam, integrated_gradients, permutation_importance
from core.preprocessing import ImagePreprocess
from tests.core import toys

RUNS = {"image": "digits", "table": "breast_cancer"}
CASES = [(kind, method) for kind in RUNS for method in explainers.available(kind)]
each_case = pytest.mark.parametrize(("kind", "method"), CASES)


# ---------------------------------------------------------------------------------------------------- every one


def test_every_explainer_is_there_for_some_kind_of_data():
    assert {method for _, method in CASES} == set(registry.members(explainers))


def test_explainers_for_one_sample_come_first():
    for kind in RUNS:
        scopes = [explainers.module(name).SCOPE for name in explainers.available(kind)]
        assert scopes == sorted(scopes, key=lambda scope: scope != "sample")


@pytest.mark.parametrize("name", registry.members(explainers))
def test_an_explainer_says_what_it_is_and_names_its_paper(name):
    module = explainers.module(name)
    assert module.TITLE.strip() and module.TEXT.strip()
    assert module.SCOPE in ("sample", "model") and set(module.KINDS) <= set(RUNS)
    assert "Source: " in module.__doc__


@each_case
def test_an_explanation_is_finite_and_has_the_shape_of_what_it_explains(finished, kind, method):
    record = explainers.explain(finished[RUNS[kind]], method)
    attribution, shape = np.array(record["attribution"]), runs.schema(record["run"]).shape
    assert attribution.shape == shape
    assert np.isfinite(attribution).all() and np.abs(attribution).max() > 0


@each_case
def test_an_explanation_is_kept_where_it_says_and_read_again(finished, kind, method):
    run = finished[RUNS[kind]]
    record = explainers.explain(run, method)
    assert runs.path(run) in list(type(runs.path(run))(record["path"]).parents)
    with open(record["path"]) as file:
        assert {**json.load(file), "run": run, "path": record["path"]} == record  # a folder may move, and be renamed
    assert explainers.explain(run, method) == record  # seconds and all: nothing was computed again


@each_case
def test_an_explanation_is_described_in_a_sentence(finished, kind, method):
    text = explainers.describe(explainers.explain(finished[RUNS[kind]], method))
    assert text.endswith(".") and not re.search(r"\bnan\b", text)


@each_case
def test_a_damaged_explanation_is_made_again(finished, kind, method):
    run = finished[RUNS[kind]]
    first = explainers.explain(run, method)
    with open(first["path"], "w") as file:
        file.write('{"attribution": [')
    np.testing.assert_allclose(explainers.explain(run, method)["attribution"], first["attribution"], atol=1e-6)


# ---------------------------------------------------------------------------------------------------- of a run


def test_what_a_record_says_of_the_decision_is_what_was_predicted(finished):
    run = finished["digits"]
    ids, targets, logits = runs.predictions(run, "test")
    record = explainers.explain(run, "gradcam", ids[7])
    classes = runs.schema(run).classes
    assert (record["sample"], record["true"]) == (ids[7], classes[targets[7]])
    assert record["predicted"] == record["target"] == classes[logits[7].argmax()]
    assert sum(record["probabilities"]) == pytest.approx(1)


def test_the_default_sample_is_the_first_of_the_test_split(finished):
    run = finished["digits"]
    assert explainers.explain(run, "gradcam")["sample"] == runs.predictions(run, "test")[0][0]


def test_another_class_has_an_explanation_of_its_own(finished):
    run = finished["digits"]
    one, other = (explainers.explain(run, "integrated_gradients", target=target) for target in ("1", "2"))
    assert one["path"] != other["path"]
    assert one["attribution"] != other["attribution"]


def test_an_unknown_sample_is_refused_with_what_ids_look_like(finished):
    run = finished["digits"]
    first = str(runs.predictions(run, "test")[0][0])
    with pytest.raises(LookupError) as error:
        explainers.explain(run, "gradcam", "nope")
    assert error.value.args[0].startswith(f"There is no test sample 'nope' in run {run}; ids look like ")
    assert first in error.value.args[0] and "np.str_" not in error.value.args[0]


def test_an_unknown_class_is_refused_with_those_there_are(finished):
    with pytest.raises(LookupError, match="There is no class 'benin'; there are malignant, benign"):
        explainers.explain(finished["breast_cancer"], "integrated_gradients", target="benin")


def test_an_unknown_method_is_refused_with_the_near_one(finished):
    with pytest.raises(LookupError, match=r"There is no explainer 'gradcm'; there are .*Did you mean gradcam"):
        explainers.explain(finished["digits"], "gradcm")


def test_a_method_for_other_data_is_refused_with_those_that_fit(finished):
    with pytest.raises(ValueError, match="gradcam does not work on tables; choose integrated_gradients"):
        explainers.explain(finished["breast_cancer"], "gradcam")


def test_integrated_gradients_of_a_trained_run_add_up_to_the_difference_of_the_scores(finished):
    run = finished["breast_cancer"]
    record = explainers.explain(run, "integrated_gradients")
    model, dataset = models.load(run), data.get("breast_cancer")
    x = dataset.x[dataset.ids == record["sample"]]
    scores = models.predict(model, np.concatenate([x, np.full_like(x, np.nan)]))[
        :, dataset.classes.index(record["target"])
    ]
    assert sum(record["attribution"]) == pytest.approx(scores[0] - scores[1], rel=1e-2)


def test_a_kept_explanation_is_found_after_the_workspace_moved(finished, workspace, monkeypatch):
    run = finished["digits"]
    explainers.explain(run, "gradcam")
    workspace.rename(workspace.with_name("moved"))
    monkeypatch.setenv("VITRINE_WORKSPACE", str(workspace.with_name("moved")))
    with open(explainers.explain(run, "gradcam")["path"]) as file:
        assert json.load(file)["method"] == "gradcam"


# ---------------------------------------------------------------------------------------------------- Grad-CAM


class Picture(nn.Module):
    """A model for pictures around a net made by hand; what goes in is what the net sees."""

    def __init__(self, net, *shape):
        super().__init__()
        self.schema, self.preprocess, self.net = (
            toys.image_schema(*shape),
            ImagePreprocess(toys.image_schema(*shape)),
            net,
        )
        self.preprocess.std.fill_(1 / 255)

    def forward(self, x):
        return self.net(self.preprocess(x))


@pytest.fixture
def two_maps():
    """A net with maps x and 2x, whose means are weighed -1, 0 for class 0 and 3, -1 for class 1."""
    conv, head = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(2, 2, bias=False)
    conv.weight.data = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    head.weight.data = torch.tensor([[-1.0, 0.0], [3.0, -1.0]])
    return Picture(nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head), 1, 2, 2)


X = torch.tensor([[[[0, 4], [8, 0]]]], dtype=torch.uint8)


def test_gradcam_of_a_net_made_by_hand(two_maps):
    # each map's weight is its part in the mean, so the map is relu(3/4 x - 1/4 2x) = x / 4
    torch.testing.assert_close(gradcam.explain(two_maps, X, 1), X / 4)


def test_gradcam_shows_nothing_where_all_speaks_against_the_class(two_maps):
    torch.testing.assert_close(gradcam.explain(two_maps, X, 0), torch.zeros(1, 1, 2, 2))


def test_gradcam_is_of_the_last_convolution_and_the_same_in_every_channel():
    model = models.Model(toys.image_schema(3, 16, 12), explainer_net("cnn")).eval()
    x = torch.randint(0, 256, (2, 3, 16, 12), dtype=torch.uint8)
    cam = gradcam.explain(model, x, 1)
    assert cam.shape == x.shape and (cam >= 0).all()
    assert torch.equal(cam[:, 0], cam[:, 1]) and torch.equal(cam[:, 0], cam[:, 2])


def explainer_net(name):
    from core.config import NetConfig

    return NetConfig(name)


def test_gradcam_without_a_convolution_is_refused_with_another_method():
    model = Picture(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), 1, 2, 2)
    with pytest.raises(ValueError, match=r"needs a net with a convolution.*use integrated_gradients"):
        gradcam.explain(model, X, 1)


# ------------------------------------------------------------------------------------------ integrated gradients


def test_integrated_gradients_of_a_linear_net_are_weight_times_way():
    model = toys.mlp(layers=0)
    model.preprocess.fit(torch.tensor([[0.0, 5.0], [4.0, 9.0]]))  # means 2 and 7, deviations 2 and 2
    x = torch.tensor([[5.0, 6.0], [2.0, 7.0]])
    expected = model.net.body[0].weight[1].detach() * (x - torch.tensor([2.0, 7.0])) / 2
    torch.testing.assert_close(integrated_gradients.explain(model, x, 1), expected)


def test_integrated_gradients_of_a_linear_net_on_a_picture_start_from_black():
    model = Picture(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), 1, 2, 2)
    model.preprocess.mean.fill_(0.5)  # black is then not zero to the net
    expected = model.net[1].weight[1].detach().view(1, 1, 2, 2) * X
    torch.testing.assert_close(integrated_gradients.explain(model, X, 1), expected)


@pytest.mark.parametrize("columns", [toys.NUMBERS, toys.CATEGORIES, toys.MIXED], ids=["numbers", "categories", "both"])
def test_integrated_gradients_have_a_value_per_column_and_add_up_to_the_difference_of_the_scores(columns):
    model = toys.mlp(columns, layers=2, hidden=16)
    x = torch.tensor([[0.5 if c.type == "number" else 1.0 for c in columns], [1.0] * len(columns)])
    attribution = integrated_gradients.explain(model, x, 1)
    assert attribution.shape == x.shape
    with torch.no_grad():
        way = model(x)[:, 1] - model(torch.full_like(x, float("nan")))[:, 1]
    torch.testing.assert_close(attribution.sum(dim=1), way, atol=2e-3, rtol=0)


def test_the_share_of_a_category_is_that_of_its_whole_embedding():
    model = toys.mlp(toys.MIXED, layers=0)
    weight, rows = model.net.body[0].weight[1].detach(), model.net.embed.table(0)
    # features are a, b and the two of colour; colour "red" is code 2, row 3 of the embedding; row 0 is "unknown"
    expected = torch.stack([weight[0] * 0.5, weight[2:] @ (rows[3] - rows[0]), weight[1] * -2.0])[None]
    torch.testing.assert_close(integrated_gradients.explain(model, torch.tensor([[0.5, 2.0, -2.0]]), 1), expected)


@pytest.mark.parametrize("columns", [toys.NUMBERS, toys.MIXED], ids=["numbers", "both"])
def test_what_is_missing_or_unknown_has_no_share(columns):
    model = toys.mlp(columns)
    x = torch.tensor([[float("nan") if c.type == "number" else -1.0 for c in columns]])
    torch.testing.assert_close(integrated_gradients.explain(model, x, 1), torch.zeros_like(x))


# ------------------------------------------------------------------------------------------ permutation importance


@pytest.fixture
def first_column():
    """Importance of two columns to a net that calls "yes" where the first is positive, on rows where that is right."""
    model = toys.mlp(layers=0)
    model.net.body[0].weight.data = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    model.net.body[0].bias.data.zero_()
    rng = np.random.default_rng(0)
    y_true = np.arange(400) % 2
    x = np.stack([2.0 * y_true - 1, rng.normal(size=400)], axis=1).astype(np.float32)
    return permutation_importance.explain(model, x, y_true)


def test_a_column_the_net_ignores_is_worth_nothing(first_column):
    mean, std = first_column
    assert (mean[1], std[1]) == (0, 0)


def test_a_column_that_decides_is_worth_all_the_accuracy_above_chance(first_column):
    mean, std = first_column
    assert mean[0] == pytest.approx(0.5, abs=0.05)
    assert 0 < std[0] < 0.05


def test_permutation_importance_of_a_run_says_how_many_rows_it_is_of(finished):
    run = finished["breast_cancer"]
    record = explainers.explain(run, "permutation_importance")
    assert record["n"] == len(runs.predictions(run, "val")[0])
    assert (record["sample"], record["target"]) == (None, None)
    assert len(record["std"]) == 30


@pytest.mark.parametrize("method", ["gradcam", "integrated_gradients"])
def test_an_image_of_another_size_than_the_net_sees_is_explained_pixel_by_pixel(method):
    model = toys.cnn(3, 16, 16)
    x = torch.randint(0, 256, (1, 3, 40, 56), dtype=torch.uint8)
    attribution = explainers.module(method).explain(model, x, 1)
    assert attribution.shape == x.shape
    if method == "integrated_gradients":
        difference = model(x)[0, 1] - model(torch.zeros_like(x))[0, 1]
        torch.testing.assert_close(attribution.sum(), difference, atol=1e-3, rtol=1e-3)


def test_gradcam_of_a_part_around_the_centre_shows_nothing_outside_of_it():
    model = toys.cnn(3, 16, 16)
    model.preprocess.zoom = 2.0
    x = torch.randint(0, 256, (1, 3, 40, 40), dtype=torch.uint8)
    cam = next(c for c in (gradcam.explain(model, x, target) for target in (0, 1)) if c.any())
    assert not cam[..., :8, :].any() and not cam[..., -8:].any()


@pytest.mark.parametrize("method", ["gradcam", "integrated_gradients"])
@pytest.mark.parametrize("arch", ["squeezenet1_1", "shufflenet_v2_x0_5"])
def test_a_grey_image_that_a_net_saw_in_colour_is_explained_in_grey(method, arch):
    from core.config import NetConfig

    model = models.Model(toys.image_schema(1, 64, 64), NetConfig("pretrained", {"arch": arch})).eval()
    x = torch.randint(0, 256, (1, 1, 64, 64), dtype=torch.uint8)
    assert explainers.module(method).explain(model, x, 1).shape == x.shape


@pytest.mark.slow
def test_gradcam_takes_the_last_map_where_maps_are_turned_between_blocks_and_none_of_tokens():
    from core.config import NetConfig

    def layer(arch):
        model = models.Model(toys.image_schema(3, 64, 64), NetConfig("pretrained", {"arch": arch})).eval()
        found = gradcam.last_feature_map(model.net, torch.zeros(1, 3, 64, 64))
        shapes = []
        found.register_forward_hook(lambda *call: shapes.append(call[2].shape))
        model.net(torch.zeros(1, 3, 64, 64))
        return tuple(shapes[-1])

    assert layer("swin_t") == (1, 768, 2, 2)
    assert layer("convnext_tiny") == (1, 768, 2, 2)
    assert layer("resnet18") == (1, 512, 2, 2)
    with pytest.raises(ValueError, match="needs a net with a convolution at its end"):
        layer("vit_b_32")
