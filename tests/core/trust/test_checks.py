"""The checks of one explanation, and the verdict, on nets of which the answer is known."""

import dataclasses
import json
import types

import numpy as np
import pytest
import torch

from core import progress
from core.explain import gradcam, hirescam, integrated_gradients, occlusion
from core.explain._base import Attribution, Target
from core.trust import checks, deletion, randomised, soft
from core.trust._case import Case, coarse, rank_correlation
from tests.core import toys
from tests.core.explain.pictures import linear

SKILLED = {"value": 0.9, "recall": 0.95, "guess": 0.5, "n": 100, "certainty": 0.8}
SIDE = 12


@pytest.fixture
def spot():
    """A net that adds the brightness of a spot, and a picture that is bright there and elsewhere."""
    weight = torch.zeros(SIDE, SIDE)
    weight[3:6, 7:10] = 0.01
    weight += 1e-5 * torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    x = torch.randint(90, 110, (1, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    x[..., 3:6, 7:10] = 250
    x[..., 8:11, 1:4] = 250
    return linear(weight), x


def case_of(model, x, method=integrated_gradients, values=None, background=None, target=1):
    target = Target.of(target)
    found = method.explain(model, x, target) if values is None else Attribution(values, torch.ones(1))
    return Case(model, x, method, target, method.Options(), background, found)


def edge_map(model, x, target, options=None, background=None):  # noqa: ARG001 (one signature for all)
    """Not an explanation: the edges of the picture, whatever the net is."""
    values = np.stack([deletion.edges(image.float().mean(dim=0).numpy()) for image in x])
    return Attribution(torch.from_numpy(values)[:, None].float(), torch.ones(len(x)))


@dataclasses.dataclass(frozen=True)
class NoOptions:
    pass


EDGES = types.SimpleNamespace(explain=edge_map, Options=NoOptions, TITLE="Edges", UNIT="logit")


# ---------------------------------------------------------------------------------------------------- the parts


def test_rank_correlation_of_the_same_the_opposite_and_a_constant_map():
    values = np.arange(12.0).reshape(3, 4) ** 3
    assert rank_correlation(values, 5 * values + 1) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.ones((3, 4))) == 0


def test_a_coarse_map_has_the_means_of_its_cells():
    values = coarse(np.kron(np.arange(64.0).reshape(8, 8), np.ones((3, 5))))
    np.testing.assert_allclose(values, np.arange(64.0).reshape(8, 8))
    assert coarse(np.ones((3, 20))).shape == (3, 8)


def test_edges_are_where_the_brightness_changes():
    found = deletion.edges(np.array([[0.0, 0, 0, 9, 9, 9]] * 4))
    assert found[:, 2:4].min() > 0 and not found[:, [0, 1, 4, 5]].any()


def test_a_map_that_is_the_same_with_shuffled_weights_is_found_out(spot):
    model, x = spot
    edges = randomised.check(case_of(model, x, EDGES))
    assert edges["passed"] is False and edges["value"] == pytest.approx(1)
    assert edges["text"].startswith("No: nets with shuffled weights, 8 of them, give much the same map")
    assert randomised.check(case_of(model, x))["passed"] is True


def test_shuffling_keeps_the_values_of_each_tensor_and_leaves_the_model_as_it_was():
    model = toys.cnn(1, 8, 8)
    before = [weight.clone() for weight in model.net.parameters()]
    other = randomised.shuffled(model, torch.ones(1, 1, 8, 8), torch.Generator().manual_seed(0))
    for old, kept, new in zip(before, model.net.parameters(), other.net.parameters()):
        assert torch.equal(old, kept)
        assert torch.equal(old.flatten().sort().values, new.detach().flatten().sort().values)
    assert any(not torch.equal(old, new) for old, new in zip(before, other.net.parameters()))
    assert not other.training


def test_a_map_of_what_matters_does_better_than_elsewhere_and_one_of_what_does_not_is_no_better_than_random(spot):
    model, x = spot
    true = deletion.check(case_of(model, x))
    assert true["passed"] is True and true["value"] == pytest.approx(1 / 60)
    wrong = torch.zeros(1, 1, SIDE, SIDE)
    wrong[..., 8:11, 1:4] = 1  # bright as well, and nothing to the net
    false = deletion.check(case_of(model, x, values=wrong))
    assert false["passed"] is False and false["text"].startswith("No better than random: ")


def test_curves_begin_and_end_where_all_or_nothing_is_there(spot):
    model, x = spot
    case = case_of(model, x)
    curves = deletion.check(case)["curves"]
    whole = case.probability(x.float())[0]
    assert curves["share"][0] == 0 and curves["share"][-1] == 1
    assert curves["deletion"][0] == curves["insertion"][-1] == pytest.approx(whole)
    assert curves["random_deletion"][-1] == pytest.approx(curves["deletion"][-1])
    assert all(len(curves[name]) == len(curves["share"]) for name in curves if not name.endswith(("gain", "share")))
    assert curves["deletion"][3] < curves["random_deletion"][3]
    json.dumps(curves, allow_nan=False)


def test_columns_are_replaced_by_values_of_training_rows():
    model = toys.mlp(tuple(dataclasses.replace(toys.NUMBERS[0], name=name) for name in "abcdef"), layers=0)
    model.net.body[0].weight.data = torch.tensor([[0.0] * 6, [3.0, 2.0, 1.0, 0.0, -1.0, -2.0]])
    x, rows = torch.ones(1, 6), torch.zeros(4, 6)
    assert deletion.check(case_of(model, x, background=rows))["value"] == pytest.approx(1 / 60)
    backwards = torch.tensor([[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0]])
    assert deletion.check(case_of(model, x, values=backwards, background=rows))["value"] == 1


def test_of_three_columns_all_other_orders_are_tried_and_of_two_nothing_can_be_said():
    for n, value in ((2, None), (3, 1 / 6)):
        columns = tuple(dataclasses.replace(toys.NUMBERS[0], name="abc"[j]) for j in range(n))
        model = toys.mlp(columns, layers=0)
        model.net.body[0].weight.data = torch.stack([torch.zeros(n), torch.arange(float(n), 0, -1)])
        found = deletion.check(case_of(model, torch.ones(1, n), background=torch.zeros(2, n)))
        assert found["value"] == (value and pytest.approx(value))
        assert found["passed"] is (None if n == 2 else True)


def test_what_is_amiss_of_the_sum_is_told_as_a_share(spot):
    model, x = spot
    case = case_of(model, x)
    assert soft.completeness(case)["value"] == pytest.approx(0, abs=1e-4)
    found = dataclasses.replace(case.found, values=case.found.values * 0.9)
    short = soft.completeness(dataclasses.replace(case, found=found))
    assert short["value"] == pytest.approx(0.1, abs=1e-3) and short["passed"] is False
    assert soft.completeness(case_of(model, x, occlusion))["passed"] is None


def test_a_map_that_is_noise_does_not_withstand_noise(spot):
    model, x = spot
    draws = torch.Generator().manual_seed(0)

    def noise(_, x, *__):
        return Attribution(torch.randn(len(x), 1, SIDE, SIDE, generator=draws), torch.ones(len(x)))

    method = types.SimpleNamespace(explain=noise, Options=NoOptions, TITLE="Noise")
    assert soft.stability(case_of(model, x, method))["passed"] is False
    assert soft.stability(case_of(model, x))["passed"] is True


def test_methods_that_do_not_fit_the_net_are_left_out_of_the_comparison(spot):
    found = soft.agreement(case_of(*spot))
    assert found["passed"] is True and "Occlusion" in found["text"] and "Grad-CAM" not in found["text"]


# ---------------------------------------------------------------------------------------------------- the verdict


def told(model, x, method=integrated_gradients, skill=SKILLED, **more):
    found = checks.judge(model, x, method, 1, skill_found=skill, **more)
    json.dumps(found, allow_nan=False)
    assert found["sentence"].endswith(".") and all(check["text"].endswith(".") for check in found["checks"])
    return found


def test_a_true_map_of_a_net_that_knows_is_trusted(spot):
    found = told(*spot)
    assert found["verdict"] == "yes"
    names = ["skill", "something", "randomised", "deletion", "completeness", "stability", "agreement"]
    assert [check["name"] for check in found["checks"]] == names


def test_no_map_of_a_net_that_guesses_is_trusted(spot):
    found = told(*spot, skill={**SKILLED, "value": 0.0, "recall": 0.5})
    assert (found["verdict"], found["sentence"]) == (
        "no",
        "The net is no better than guessing, so that no explanation of it means anything.",
    )


def test_without_knowing_the_net_s_skill_care_is_the_most(spot):
    assert told(*spot, skill=None)["verdict"] == "care"


@pytest.mark.parametrize("method", [gradcam, hirescam, integrated_gradients, occlusion])
def test_a_constant_net_has_nothing_to_show(method):
    model = toys.cnn(1, 8, 8)
    model.net.head[-1].weight.data.zero_()
    found = told(model, torch.randint(0, 256, (1, 1, 8, 8), dtype=torch.uint8), method)
    assert found["verdict"] == "no" and found["sentence"].startswith("There is nothing to see for this image")


def test_edges_are_not_taken_for_an_explanation(spot):
    found = told(*spot, EDGES)
    assert found["verdict"] == "no" and "had the net learnt nothing" in found["sentence"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (1, 2, 2)])
def test_the_smallest_pictures_and_constant_ones_get_a_verdict(shape):
    model = toys.cnn(*shape)
    for x in (torch.full((1, *shape), 7, dtype=torch.uint8), torch.randint(0, 256, (1, *shape), dtype=torch.uint8)):
        assert told(model, x)["verdict"] in ("yes", "care", "no")


def test_rows_with_categories_and_missing_values_get_a_verdict():
    model = toys.mlp(toys.MIXED)
    rows = torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, -1.0], [float("nan"), -1.0, 0.5]])
    assert told(model, torch.tensor([[float("nan"), 2.0, -1.0]]), background=rows)["verdict"] in ("yes", "care", "no")


def test_progress_only_grows_and_comes_to_its_end(spot):
    seen = []
    with progress.listen(lambda done, total: seen.append(done / total)):
        told(*spot)
    assert seen == sorted(seen) and seen[-1] == 1
